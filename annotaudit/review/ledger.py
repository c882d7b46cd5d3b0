"""The ledger: a file of verdicts that only ever grows.

Nothing in it is ever edited or removed. A line that cannot be read, such as the torn last line of
a program that died, stays where it is, is listed by ``Ledger.problems`` and costs nothing else: the
next line starts afresh. ``annotaudit.review.lines`` describes the lines.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas as pd

from annotaudit.boxes import PROBLEM_COLUMNS, SIDES, TEXT, empty_table
from annotaudit.errors import BoxTableError, LabelFormatError, LimitError
from annotaudit.review.appending import append_line
from annotaudit.review.lines import (
    SCHEMA,
    Stated,
    Withdrawn,
    as_corrected,
    as_moment,
    as_number,
    as_text,
    encoded,
    parsed,
    table,
)
from annotaudit.review.marking import SEEN, finding_of
from annotaudit.review.verdicts import CORRECTED, FINDING, VERDICTS


class Ledger:
    """An append-only file of verdicts.

    Several programs may write to one ledger at once. A program that dies while it writes costs at
    most the verdict it was writing.

    Parameters
    ----------
    path : str or Path
        A ``.jsonl`` file; it is made with the first verdict, and its folder if need be.
    reviewer : str, optional
        Who judges, unless ``append`` is told otherwise.
    fingerprint : str, optional
        Which labels are judged (``annotaudit.review.fingerprint``), unless ``append`` is told
        otherwise.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> ledger = Ledger(f"{folder.name}/street.verdicts.jsonl", reviewer="ann")
    >>> finding = {"sequence": "street", "annotator": "ben", "track": "car:1", "frame": 4,
    ...            "rule": "size-jump", "score": 0.9,
    ...            "left": 10, "top": 20, "width": 30, "height": 15}
    >>> ledger.append(finding, "mistake", corrected=(10, 20, 30, 40)) == ledger.read()["id"][0]
    True
    >>> ledger.read()[["frame", "verdict", "corrected_height", "reviewer"]]
       frame  verdict  corrected_height reviewer
    0      4  mistake              40.0      ann
    >>> folder.cleanup()
    """

    def __init__(
        self, path: str | os.PathLike[str], *, reviewer: str = "", fingerprint: str = ""
    ) -> None:
        self.path = Path(path)
        self.reviewer = reviewer
        self.fingerprint = fingerprint

    def __repr__(self) -> str:
        return f"Ledger({str(self.path)!r})"

    @classmethod
    def beside(cls, labels: str | os.PathLike[str], **known: str) -> Ledger:
        """Name the ledger that stands next to a label file or folder.

        Parameters
        ----------
        labels : str or Path
            Where the labels are; ``SeqLabel.json`` gets ``SeqLabel.verdicts.jsonl``.
        **known
            ``reviewer`` and ``fingerprint``, as for ``Ledger``.

        Examples
        --------
        >>> Ledger.beside("street/SeqLabel.json").path.name
        'SeqLabel.verdicts.jsonl'
        """
        path = Path(labels)
        return cls(path.with_name(f"{path.stem}.verdicts.jsonl"), **known)

    def append(
        self,
        finding: Mapping[Any, Any] | pd.Series,
        verdict: str,
        *,
        corrected: Sequence[float] | None = None,
        corrected_label: str | None = None,
        corrected_track: str | None = None,
        onward: bool = False,
        note: str = "",
        reviewer: str | None = None,
        fingerprint: str | None = None,
        time: datetime | None = None,
        verdict_id: str | None = None,
    ) -> str:
        """Add one verdict.

        Parameters
        ----------
        finding : mapping or Series
            A row of the findings: its ``sequence``, ``annotator``, ``track``, ``frame``, ``rule``
            and, where known, ``score`` and box.
        verdict : {"mistake", "fine", "unsure"}
            What the person says about it.
        corrected : four numbers, optional
            The box as it should be: left, top, width and height, in pixels.
        corrected_label, corrected_track : str, optional
            The label and the object as they should be.
        onward : bool, default False
            The box is of that object from this frame on, not on this frame alone: until the next
            frame where a name is said to hold on, or where that object has a box of its own.
        note : str, optional
            Anything worth keeping.
        reviewer, fingerprint : str, optional
            In place of the ledger's own.
        time : datetime, optional
            With a time zone; now, if not given.
        verdict_id : str, optional
            Names the verdict; a name that nothing else has, if not given.

        Returns
        -------
        str
            The name of this verdict, for ``withdraw``.

        Raises
        ------
        LimitError
            If the verdict is not one of the three words, or the time has no zone.
        BoxTableError
            If the finding has no identity, or the corrected box is not four finite numbers with
            a width and height above 0.
        AnnotauditError
            If another program does not let go of the ledger.
        """
        if verdict not in VERDICTS:
            raise LimitError(
                f"A verdict is one of {list(VERDICTS)}; found {verdict!r}. Nothing was written."
            )
        if missing := [name for name in FINDING if name not in finding]:
            raise BoxTableError(
                f"A finding is named by {list(FINDING)}; this one lacks {missing}. "
                "Pass a row of the table that annotaudit.audit() returns."
            )
        line = {
            "schema": SCHEMA,
            "id": verdict_id or uuid4().hex,
            **{name: as_text(finding[name]) for name in FINDING if name != "frame"},
            "frame": int(finding["frame"]),
            # What a person saw was found by no rule, whose scores are held against verdicts.
            "score": None if finding["rule"] in SEEN else as_number(finding.get("score")),
            "verdict": verdict,
            **{side: as_number(finding.get(side)) for side in SIDES},
            **dict(zip(CORRECTED, as_corrected(corrected), strict=True)),
            "label": as_text(finding.get("label")) or None,
            "corrected_label": as_text(corrected_label) or None,
            "corrected_track": as_text(corrected_track) or None,
            "onward": bool(onward),
            "note": as_text(note) or "",
            "reviewer": as_text(self.reviewer if reviewer is None else reviewer) or "",
            "time": as_moment(time),
            "fingerprint": as_text(self.fingerprint if fingerprint is None else fingerprint) or "",
        }
        self._write(line)
        return str(line["id"])

    def mark(
        self,
        box: Mapping[Any, Any] | pd.Series,
        kind: str,
        *,
        corrected: Sequence[float] | None = None,
        **told: Any,
    ) -> str:
        """Add a mistake that a reviewer saw and no finding names.

        Parameters
        ----------
        box : mapping or Series
            The box, a row of ``labels.boxes``. Where one is missing: ``sequence``, ``frame`` and,
            where known, ``annotator`` and ``track``.
        kind : {"wrong_box", "wrong_label", "wrong_identity", "extra_box", "missing_box"}
            What is wrong; see ``annotaudit.review.MARKS``.
        corrected : four numbers, optional
            The box as it should be: left, top, width and height, in pixels. A missing one needs it.
        **told
            ``corrected_label``, ``corrected_track``, ``onward``, ``note`` and the other options of
            ``append``.

        Returns
        -------
        str
            The name of this verdict, for ``withdraw``.

        Raises
        ------
        LimitError
            If there is no such kind of mistake.
        BoxTableError
            If the box has no place, or nobody drew the missing one.

        Examples
        --------
        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> ledger = Ledger(f"{folder.name}/street.verdicts.jsonl", reviewer="ann")
        >>> bus = {"sequence": "street", "annotator": "ben", "track": "car:7", "frame": 4,
        ...        "label": "car", "left": 10, "top": 20, "width": 30, "height": 15}
        >>> _ = ledger.mark(bus, "wrong_label", corrected_label="bus", note="two decks")
        >>> ledger.read()[["rule", "label", "corrected_label", "note"]]
                      rule label corrected_label       note
        0  seen_wrong_label   car             bus  two decks
        >>> folder.cleanup()
        """
        return self.append(finding_of(box, kind, corrected), "mistake", corrected=corrected, **told)

    def withdraw(self, verdict_id: str, *, reviewer: str | None = None) -> None:
        """Take a verdict back; what was said before it counts again.

        The ledger only grows: the withdrawal is a line of its own, and can be withdrawn by
        judging again.

        Parameters
        ----------
        verdict_id : str
            What ``append`` returned; the column ``id`` of ``read``.
        reviewer : str, optional
            Who takes it back, in place of the ledger's own.

        Raises
        ------
        LimitError
            If no verdict that counts has this name.
        """
        if not verdict_id or verdict_id not in set(self.read()["id"]):
            raise LimitError(
                f"{self.path} holds no verdict {verdict_id!r} to take back. "
                "The column `id` of Ledger.read() lists those that count."
            )
        self._write(
            {
                "schema": SCHEMA,
                "withdraws": verdict_id,
                "reviewer": as_text(self.reviewer if reviewer is None else reviewer) or "",
                "time": as_moment(None),
            }
        )

    def read(self) -> pd.DataFrame:
        """Return the verdicts that stand, in the order they were given.

        Returns
        -------
        DataFrame
            See ``annotaudit.review.VERDICT_COLUMNS``; without what was withdrawn. A person who
            judged a finding twice is there twice: ``last_word`` keeps what counts. Without a file
            there are no rows.
        """
        stated: list[Stated] = []
        withdrawn: set[str] = set()
        for _, line in self._lines():
            if isinstance(line, Stated):
                stated.append(line)
            elif isinstance(line, Withdrawn):
                withdrawn.add(line.withdraws)
        kept = [line for line in stated if not line.id or line.id not in withdrawn]
        return table(kept)

    def problems(self) -> pd.DataFrame:
        """List the lines that could not be read.

        Returns
        -------
        DataFrame
            One row per line: ``source``, ``where``, ``what``, as in ``Labels.problems``.
        """
        rows = [
            {"source": str(self.path), "where": f"line {number}", "what": line}
            for number, line in self._lines()
            if isinstance(line, str)
        ]
        return pd.DataFrame(rows).astype(TEXT) if rows else empty_table(PROBLEM_COLUMNS)

    def _lines(self) -> Iterator[tuple[int, Stated | Withdrawn | str]]:
        """Give number and content of every line; text says why a line cannot be read."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return
        # Only the byte 10 ends a line: str.splitlines would also break at what a note may hold.
        for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
            if line.strip():
                yield number, parsed(line)

    def _write(self, line: dict[str, Any]) -> None:
        append_line(self.path, encoded(line))


def load(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read the verdicts of a ledger.

    Parameters
    ----------
    path : str or Path
        A ledger, or a file of verdicts saved by the page of ``FrameScrubber.to_html``.

    Returns
    -------
    DataFrame
        The verdicts that stand, in the order they were given; see
        ``annotaudit.review.VERDICT_COLUMNS``. Lines that cannot be read are left out;
        ``Ledger(path).problems()`` lists them.

    Raises
    ------
    LabelFormatError
        If there is no such file, or none of its lines is a line of a ledger.

    Examples
    --------
    >>> load("no-such-file.jsonl")
    Traceback (most recent call last):
    annotaudit.errors.LabelFormatError: no-such-file.jsonl: there is no such file. ...
    """
    ledger = Ledger(path)
    if not ledger.path.is_file():
        raise LabelFormatError(
            f"{path}: there is no such file. Expected a ledger, as annotaudit.review.Ledger writes "
            "it with the first verdict."
        )
    lines = [line for _, line in ledger._lines()]
    if lines and all(isinstance(line, str) for line in lines):
        raise LabelFormatError(
            f"{path} is not a ledger: none of its {len(lines)} lines can be read. "
            f"Line 1: {lines[0]} Expected one JSON object per line, as Ledger.append writes them."
        )
    return ledger.read()
