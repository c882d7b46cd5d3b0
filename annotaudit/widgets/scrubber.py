"""The frame scrubber: look at doubtful boxes, judge them, record the verdicts."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import traitlets

from annotaudit import review
from annotaudit.boxes import COLUMNS, Labels, empty_table
from annotaudit.errors import AnnotauditError, BoxTableError
from annotaudit.widgets.cells import close_earlier
from annotaudit.widgets.judged import standing
from annotaudit.widgets.marking import Marking
from annotaudit.widgets.page import save_page
from annotaudit.widgets.payload import pack
from annotaudit.widgets.pictures import Feed, Picture
from annotaudit.widgets.sheet import contact_sheet

HERE = Path(__file__).parent


class FrameScrubber(Marking):
    """Look at doubtful boxes frame by frame, judge them with a key, and keep the verdicts.

    Press ``?`` in the widget for its keys. ``frame``, ``sequence``, ``selected`` and ``progress``
    are traits: read them, set them, follow them with ``observe``. ``m`` marks a mistake that no
    finding names, ``d`` draws a box where one is missing.

    Parameters
    ----------
    labels : Labels or DataFrame
        What to look at; ``labels.frames.image`` says where the pictures are. Frames without one
        show their boxes alone.
    findings : DataFrame, optional
        What to review, the worst first: the table ``annotaudit.audit`` returns.
    before : Labels, optional
        An earlier state of the same labels, shown beside them in step.
    ledger : path or Ledger, optional
        Where verdicts are kept; what it holds already is shown. Without it they last as long as
        this object.
    reviewer : str, default ""
        Who judges, as the ledger names them.
    height : int, default 560
        The most a picture may take, in pixels of the page.

    Attributes
    ----------
    sequence : str
        The sequence shown.
    frame : int
        The frame shown, by its number in the sequence.
    selected : int or None
        The finding under review, by its row number in ``findings``.
    track : str or None
        The track that is followed.
    progress : dict
        ``total`` findings, how many are ``reviewed``, and of those ``mistake``, ``fine`` and
        ``unsure``.

    Raises
    ------
    BoxTableError
        If there is nothing to look at, or ``findings`` is not a findings table.

    Examples
    --------
    >>> boxes = pd.DataFrame({
    ...     "sequence": ["street"] * 2, "frame": [0, 1], "track": ["car:1"] * 2,
    ...     "label": ["car"] * 2, "annotator": ["ann"] * 2, "left": [10, 12], "top": [20, 20],
    ...     "width": [30, 30], "height": [40, 20]})
    >>> findings = boxes.iloc[[1]].assign(rule="size-jump", score=0.9, severity="error")
    >>> scrubber = FrameScrubber(Labels(boxes), findings)
    >>> scrubber.selected = 0
    >>> scrubber.frame, scrubber.progress["reviewed"]
    (1, 0)
    >>> scrubber.judge(0, "mistake", corrected=(12, 20, 30, 40))
    >>> scrubber.corrected.boxes["height"].tolist()
    [40.0, 40.0]
    >>> scrubber.close()
    """

    _esm = HERE / "scrubber.js"
    _css = HERE / "scrubber.css"
    _data = traitlets.Dict().tag(sync=True)
    _judged = traitlets.Dict().tag(sync=True)
    height = traitlets.Int(560, min=120).tag(sync=True)
    sequence = traitlets.Unicode().tag(sync=True)
    frame = traitlets.Int().tag(sync=True)
    selected = traitlets.Int(None, allow_none=True).tag(sync=True)
    track = traitlets.Unicode(None, allow_none=True).tag(sync=True)
    progress = traitlets.Dict()
    _feed: Feed | None = None  # until the labels have proved fit to be shown

    def __init__(
        self,
        labels: Labels | pd.DataFrame,
        findings: pd.DataFrame | None = None,
        *,
        before: Labels | None = None,
        ledger: str | os.PathLike[str] | review.Ledger | None = None,
        reviewer: str = "",
        height: int = 560,
    ) -> None:
        self.labels = labels if isinstance(labels, Labels) else Labels(labels)
        self.findings = empty_table(COLUMNS) if findings is None else findings
        titles = ("Labels",) if before is None else ("After", "Before")
        self._payload = pack(self.labels, self.findings, before=before, titles=titles)
        fingerprint = review.fingerprint(self.labels)
        self._payload.meta.update(fingerprint=fingerprint, schema=review.lines.SCHEMA)
        self.ledger = self._open_ledger(ledger, reviewer, fingerprint)
        self._payload.meta["kept"] = (
            "Verdicts last as long as the kernel: pass ledger= to keep them."
            if ledger is None
            else f"Verdicts go to {self.ledger.path.name}."
        )
        self._lines: dict[int, list[str]] = {}  # names of the verdicts on each finding, in order
        self._from_browser = False
        self._views = 0
        first = self._payload.frames.iloc[0]
        self._feed = Feed(
            self._payload.frames["image"].astype(object).where(lambda s: s.notna(), None).tolist(),
            self._send_picture,
        )
        super().__init__(
            _data={"meta": self._payload.meta, "arrays": self._payload.arrays},
            _judged=self._standing(),
            _seen=self._read_seen(),
            sequence=str(first["sequence"]),
            frame=int(first["frame"]),
            height=height,
        )
        self._count()
        self.on_msg(self._hear)
        close_earlier(self)

    def __repr__(self) -> str:
        counts = self.progress
        return (
            f"FrameScrubber({len(self._payload.frames):,} frames, "
            f"{len(self.labels.boxes):,} boxes, {counts['reviewed']} of {counts['total']} findings "
            "reviewed)"
        )

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        bundle = super()._repr_mimebundle_(**options)
        if bundle is None:
            return None
        data, metadata = bundle
        still = contact_sheet(self._payload, self._worst())  # shown where no kernel runs
        picture = {} if still is None else {"image/jpeg": b64encode(still).decode("ascii")}
        return {**data, "text/plain": repr(self), **picture}, metadata

    @property
    def verdicts(self) -> pd.DataFrame:
        """The verdicts in the ledger that stand; see ``annotaudit.review.VERDICT_COLUMNS``."""
        return self.ledger.read()

    @property
    def corrected(self) -> Labels:
        """The labels with the corrected boxes in."""
        return review.apply(self.labels, self.verdicts)

    def judge(
        self,
        finding: int,
        verdict: str,
        *,
        corrected: Sequence[float] | None = None,
        note: str = "",
    ) -> None:
        """Record a verdict, as a key press in the browser does.

        Parameters
        ----------
        finding : int
            Its row number in ``findings``.
        verdict : {"mistake", "fine", "unsure"}
            What you say about it.
        corrected : four numbers, optional
            The box as it should be: left, top, width and height, in pixels.
        note : str, optional
            Anything worth keeping.
        """
        row = self.findings.iloc[finding]
        line = self.ledger.append(row, verdict, corrected=corrected, note=note)
        self._lines.setdefault(finding, []).append(line)
        self._show(
            finding,
            {"verdict": verdict, "note": note, "corrected": list(corrected) if corrected else None},
        )

    def undo(self, finding: int) -> None:
        """Take the last verdict on a finding back; what was said before it counts again.

        Parameters
        ----------
        finding : int
            Its row number in ``findings``.
        """
        if lines := self._lines.get(finding):
            self.ledger.withdraw(lines.pop())
        self._show(finding, self._standing().get(str(finding)))

    def to_html(
        self,
        path: str | os.PathLike[str],
        *,
        frames: str = "all",
        width: int = 1280,
        replace: bool = False,
    ) -> Path | str:
        """Save one page that scrubs and records verdicts with neither Python nor a server.

        Parameters
        ----------
        path : str or Path
            The page to write; an older one is replaced. Or an ``s3://`` address.
        frames : {"all", "findings"}
            Which pictures go in: every one, or those of findings, marks and two frames around.
        width : int, default 1280
            Pictures wider than about this are saved at a half, a quarter or an eighth.
        replace : bool
            In S3 no other file is overwritten without it.

        Returns
        -------
        Path or str
            The page; an address where one was given.

        Notes
        -----
        The page asks nothing of the network. A reviewer sends back the file it saves;
        ``annotaudit.review.load`` reads it.
        """
        return save_page(
            path,
            self._payload,
            self._judged,
            self._seen,
            frames=frames,
            width=width,
            height=self.height,
            replace=replace,
        )

    def close(self) -> None:
        """Let go of threads, pictures and the browser's copy; verdicts stay readable."""
        if self._feed is not None:
            self._feed.rest()
        super().close()

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take what the browser has changed."""
        self._from_browser = True
        try:
            super().set_state(sync_data)
        finally:
            self._from_browser = False

    def _open_ledger(
        self, ledger: str | os.PathLike[str] | review.Ledger | None, reviewer: str, fingerprint: str
    ) -> review.Ledger:
        if isinstance(ledger, review.Ledger):
            return ledger
        if ledger is None:
            self._folder = TemporaryDirectory(prefix="annotaudit-", ignore_cleanup_errors=True)
            ledger = Path(self._folder.name) / "verdicts.jsonl"
        return review.Ledger(ledger, reviewer=reviewer, fingerprint=fingerprint)

    def _standing(self) -> dict[str, Any]:
        judged, lines = standing(self.findings, self.verdicts)
        for finding, line in lines.items():
            self._lines.setdefault(finding, [line])
        return judged

    def _show(self, finding: int, entry: dict[str, Any] | None) -> None:
        # Changed in place and told in brief: a new view reads it all, an open one just this.
        if entry:
            self._judged[str(finding)] = entry
        else:
            self._judged.pop(str(finding), None)
        self.send({"kind": "judged", "finding": finding, "entry": entry})
        self._count()

    def _count(self) -> None:
        said = [entry["verdict"] for entry in self._judged.values()]
        self.progress = {
            "total": len(self.findings),
            "reviewed": len(said),
            **{verdict: said.count(verdict) for verdict in review.VERDICTS},
        }

    def _hear(self, _: object, message: dict[str, Any], __: object) -> None:
        kind, feed = message.get("kind"), self._feed
        if feed is None:
            return
        if kind == "pictures":
            width = None if message.get("exact") else float(message["width"])
            feed.want([int(position) for position in message["positions"]], width)
        elif kind == "view":
            self._views += 1 if message["open"] else -1
            if self._views <= 0:
                feed.rest()
        elif kind in ("verdict", "undo", "seen"):
            try:
                if kind == "seen":
                    self._mark_from_browser(message)
                else:
                    self._judge_from_browser(message)
            except (AnnotauditError, OSError) as error:
                self.send({"kind": "problem", "words": f"Not recorded. {error}"})
                if kind == "seen":
                    self._show_seen(message["finding"])
                else:
                    finding = int(message["finding"])
                    self._show(finding, self._judged.get(str(finding)))

    def _judge_from_browser(self, message: dict[str, Any]) -> None:
        finding = int(message["finding"])
        if not 0 <= finding < len(self.findings):
            raise BoxTableError(f"There is no finding {finding}; there are {len(self.findings)}.")
        if message["kind"] == "undo":
            self.undo(finding)
            return
        corrected = message.get("corrected")
        self.judge(
            finding,
            str(message["verdict"]),
            corrected=[float(side) for side in corrected] if corrected else None,
            note=str(message.get("note", "")),
        )

    def _send_picture(self, position: int, picture: Picture | str) -> None:
        if isinstance(picture, str):
            self.send({"kind": "picture", "position": position, "problem": picture})
            return
        answer = {
            "kind": "picture",
            "position": position,
            "type": picture.type,
            "natural": picture.natural,
            "exact": picture.exact,
        }
        self.send(answer, buffers=[picture.content])

    @traitlets.validate("sequence")
    def _check_sequence(self, proposal: Any) -> str:
        known = self._payload.frames["sequence"].unique().tolist()
        if proposal["value"] not in known:
            raise traitlets.TraitError(
                f"There is no sequence {proposal['value']!r}; there are {known[:20]}."
            )
        return str(proposal["value"])

    @traitlets.validate("frame")
    def _check_frame(self, proposal: Any) -> int:
        frame = int(proposal["value"])
        if self._payload.position(self.sequence, frame) < 0:
            rows = self._payload.frames
            known = rows.loc[rows["sequence"] == self.sequence, "frame"]
            raise traitlets.TraitError(
                f"There is no frame {frame} in sequence {self.sequence!r}; it has {len(known)} "
                f"frames, {known.min()} to {known.max()}."
            )
        return frame

    @traitlets.validate("selected")
    def _check_selected(self, proposal: Any) -> int | None:
        row = proposal["value"]
        if row is not None and not 0 <= row < len(self.findings):
            raise traitlets.TraitError(
                f"There is no finding {row}; there are {len(self.findings)}, from 0."
            )
        return None if row is None else int(row)

    @traitlets.observe("sequence")
    def _follow_sequence(self, change: Any) -> None:
        rows = self._payload.frames
        known = rows.loc[rows["sequence"] == change["new"], "frame"]
        if self._payload.position(change["new"], self.frame) < 0 and len(known):
            self.frame = int(known.iloc[0])

    @traitlets.observe("selected")
    def _follow_selected(self, change: Any) -> None:
        if self._from_browser or change["new"] is None:
            return
        row = self.findings.iloc[change["new"]]
        with self.hold_sync(), self.hold_trait_notifications():
            self.sequence = str(row["sequence"])
            self.frame = int(row["frame"])
            self.track = None if pd.isna(row["track"]) else str(row["track"])
