"""Tell the lines of drone benchmarks from MOTChallenge's, which look alike.

All are numbers between commas. What they mean is told from the values that cannot mean the other:

==============  =======  =====================================================================
lines of        values   told by
==============  =======  =====================================================================
VisDrone MOT    10       class 0–11, truncation 0–2 and occlusion 0–2 (results: -1 and -1)
                         where MOTChallenge has a position in the world
VisDrone DET    8        score 0–1 where MOTChallenge has a width
UAVDT           9        out-of-view 1–3, occlusion 1–4 (-1 unknown) and category 1–3 where
                         MOTChallenge has a flag 0–1, a class 1–13 and a visibility 0–1
==============  =======  =====================================================================

Some lines are good in two of them, and are called so: ten values whose last is always the same
could be a MOTChallenge file with a class, a visibility and a filler. UAVDT in which no vehicle ever
leaves the picture and all are cars reads like MOTChallenge's ``1,1,1``; only its file name,
``M0101_gt_whole.txt``, tells.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

MOT, VISDRONE, UAVDT = "motchallenge", "visdrone", "uavdt"
_NUMBER = rb"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_LINE = re.compile(rb"\s*%b(?:\s*,\s*%b){7,9}\s*,*\s*" % (_NUMBER, _NUMBER))
_MOST_LINES = 5_000
_MOT_FOLDERS = ("gt", "det")
_MOT_FILES = ("seqinfo.ini", "labels.txt")


def meanings(path: Path, head: bytes) -> set[str]:
    """Name the formats that the lines of a file may be in; none, if they are no such lines.

    Parameters
    ----------
    path : Path
        A file in a folder ``gt`` or ``det``, or beside a ``seqinfo.ini``, is MOTChallenge.
    head : bytes
        The first bytes of the file.

    Examples
    --------
    >>> meanings(Path("any.name"), b"684,8,273,116,0,0,0,0")
    {'visdrone'}
    >>> meanings(Path("any.name"), b"1,7,912,484,97,109,1,1,0.86")
    {'motchallenge'}
    """
    values = _numbers(head)
    beside = path.parent
    if values is None or beside.name in _MOT_FOLDERS:
        return {MOT}
    if any((beside / name).is_file() for name in _MOT_FILES):
        return {MOT}
    if values.shape[1] == 8:
        return {VISDRONE} if is_still(values) else {MOT}
    if values.shape[1] == 9:
        return _of_nine(path, values)
    return _of_ten(values)


@lru_cache(maxsize=1)  # each format that reads such lines asks about the same file
def _numbers(head: bytes) -> NDArray[np.float64] | None:
    """The first lines as a table; None unless most are of eight, or nine, or ten numbers."""
    lines = head.splitlines()[:_MOST_LINES]
    if len(lines) > 1 and not head.endswith((b"\n", b"\r")):
        lines.pop()  # it may be cut off
    lines = [line.rstrip(b" \t,") for line in lines if line.strip(b" \t,")]
    good = [line.split(b",") for line in lines if _LINE.fullmatch(line)]
    counts = Counter(map(len, good)).most_common(1)
    if not counts or 2 * counts[0][1] <= len(lines):
        return None
    return np.array(
        [[float(cell) for cell in cells] for cells in good if len(cells) == counts[0][0]]
    )


def _among(values: NDArray[np.float64], *allowed: int) -> bool:
    return bool(np.isin(values, allowed).all())


def is_still(values: NDArray[np.float64]) -> bool:
    """Whether lines of eight values are VisDrone's boxes on one image: a score, a class."""
    score, kind = values[:, 4:6].T
    is_score = bool(((score >= 0) & (score <= 1)).all())
    is_kind = _among(kind, *range(12))
    return is_score and is_kind and _among(values[:, 6:8], -1, 0, 1, 2)


def _of_nine(path: Path, values: NDArray[np.float64]) -> set[str]:
    out_of_view, occlusion, category = values[:, 6:9].T
    is_degree = _among(out_of_view, -1, 1, 2, 3) and _among(occlusion, -1, 1, 2, 3, 4)
    if not (is_degree and _among(category, 1, 2, 3)):
        return {MOT}
    reads_like_mot = _among(out_of_view, 1) and _among(category, 1)
    named = path.name.lower().endswith("gt_whole.txt")
    return {UAVDT} if named or not reads_like_mot else {MOT}


def _of_ten(values: NDArray[np.float64]) -> set[str]:
    score, kind, truncation, occlusion = values[:, 6:].T
    if not _among(kind, *range(12)) or _among(kind, 0):
        return {MOT}
    if _among(truncation, -1) and _among(occlusion, -1):
        return {MOT, VISDRONE}
    if not (_among(score, 0, 1) and _among(values[:, 8:10], 0, 1, 2)):
        return {MOT}
    return {VISDRONE} if len(np.unique(occlusion)) > 1 else {MOT, VISDRONE}
