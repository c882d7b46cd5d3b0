"""Findings that were looked at and accepted, so that only new ones are reported."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from pathlib import Path

import pandas as pd

from annotaudit.boxes import TEXT
from annotaudit.errors import LimitError
from annotaudit.formats.json_text import decode, encode, read_bytes
from annotaudit.formats.saving import write_whole
from annotaudit.linting.groups import where

VERSION = 1
_DIGITS = 16  # of the fingerprint; two of a million findings are alike once in 30 million files


def fingerprints(findings: pd.DataFrame) -> pd.Series:
    """Give each finding a name that stays when boxes are re-ordered, moved a little, or renumbered.

    It is made of the rule and of what the finding is about: sequence, image (by file name; without
    one, by frame number), track, annotator and label. Coordinates, values and the order of rows
    are not in it; so several boxes of one label on one still image can share a fingerprint.

    Parameters
    ----------
    findings : DataFrame
        What :func:`annotaudit.lint` returned.

    Returns
    -------
    Series
        16 hexadecimal digits for each row, under the same index.

    Examples
    --------
    >>> import annotaudit as aa
    >>> car = pd.DataFrame({
    ...     "sequence": "street", "frame": [3], "track": "a", "label": "car",
    ...     "annotator": "ann", "left": 10, "top": 5, "width": 0, "height": 20})
    >>> before, after = (aa.lint(t, rules="impossible_box") for t in (car, car.assign(left=12)))
    >>> fingerprints(before).tolist() == fingerprints(after).tolist()
    True
    """
    names = [
        hashlib.sha256("\x1f".join(_parts(row)).encode("utf-8", "replace")).hexdigest()
        for row in findings.itertuples()
    ]
    return pd.Series([name[:_DIGITS] for name in names], index=findings.index, dtype=TEXT)


def _parts(row: object) -> list[str]:
    about = row.about  # type: ignore[attr-defined]
    parts: list[object] = [row.rule, about]  # type: ignore[attr-defined]
    if about == "file":
        source = row.source  # type: ignore[attr-defined]
        name = source.replace("\\", "/").rpartition("/")[2] if isinstance(source, str) else ""
        # A line number changes with every line before it.
        reason = "".join("#" if letter.isdigit() else letter for letter in row.reason)  # type: ignore[attr-defined]
        return [str(part) for part in (*parts, name, reason)]
    if about == "label":
        return [str(part) for part in (*parts, row.label)]  # type: ignore[attr-defined]
    parts.append(row.sequence)  # type: ignore[attr-defined]
    if about != "sequence":
        shown = row.image if isinstance(row.image, str) else row.frame  # type: ignore[attr-defined]
        parts += [shown, row.track, row.annotator, row.label]  # type: ignore[attr-defined]
    return [str(part) for part in parts]


def write_baseline(path: str | os.PathLike[str], findings: pd.DataFrame) -> Path:
    """Write down findings as accepted; a file to read, to keep with the labels, and to compare.

    Returns
    -------
    Path
    """
    names = fingerprints(findings)
    first = ~names.duplicated()
    count = Counter(names)
    accepted = [
        {"fingerprint": name, "rule": row.rule, "where": where(row), "count": count[name]}
        for name, row in zip(names[first], findings[first].itertuples(), strict=True)
    ]
    accepted.sort(key=lambda entry: (entry["rule"], entry["where"], entry["fingerprint"]))
    lines = ",\n".join(encode(entry, str(path)).decode() for entry in accepted)
    head = f'{{"tool": "annotaudit lint", "version": {VERSION}, "accepted": [\n'
    return write_whole(Path(path), f"{head}{lines}\n]}}\n".encode())


def read_baseline(path: str | os.PathLike[str]) -> dict[str, int]:
    """Read what was accepted: fingerprint to how many findings.

    Raises
    ------
    LimitError
        If the file is no baseline.
    """
    content = decode(read_bytes(Path(path)), str(path))
    entries = content.get("accepted") if isinstance(content, dict) else None
    if not isinstance(entries, list) or content.get("version") != VERSION:
        raise LimitError(
            f"{path} is no baseline of version {VERSION}; write one with "
            "annotaudit lint LABELS --write-baseline --baseline FILE."
        )
    accepted: dict[str, int] = {}
    for place, entry in enumerate(entries):
        name = entry.get("fingerprint") if isinstance(entry, dict) else None
        count = entry.get("count", 1) if isinstance(entry, dict) else None
        if not isinstance(name, str) or type(count) is not int or count < 1:
            raise LimitError(
                f"{path}, entry {place}: expected a fingerprint and a count; write the file anew."
            )
        accepted[name] = accepted.get(name, 0) + count
    return accepted


def leave_out_accepted(findings: pd.DataFrame, accepted: dict[str, int]) -> pd.DataFrame:
    """Leave out findings that were accepted.

    Where there are more findings of one fingerprint than were accepted, all of them stay: which
    one is new cannot be told.
    """
    names = fingerprints(findings)
    allowed = names.map(accepted).astype("float64").fillna(0)
    # Mapped as objects: a text column without rows could not be turned into counts.
    found = names.astype(object).map(Counter(names)).astype("float64")
    return findings[(found > allowed).to_numpy()].reset_index(drop=True)
