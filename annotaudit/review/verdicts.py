"""The table of verdicts, and which finding each of them is about."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.util import hash_array

from annotaudit.boxes import COLUMNS, OBJECT, SIDES, TEXT, check_boxes
from annotaudit.errors import BoxTableError

if TYPE_CHECKING:
    from annotaudit.boxes import Labels

VERDICTS = ("mistake", "fine", "unsure")
PLACE = (*OBJECT, "frame")  # one box of one object
FINDING = (*PLACE, "rule")  # together they name one finding
MISSING_BOX = "seen_missing_box"  # the rule of an object that a reviewer saw and nobody labelled
CORRECTED = tuple(f"corrected_{side}" for side in SIDES)
VERDICT_COLUMNS = {  # one row per verdict
    "sequence": "str",
    "frame": "int64",  # position in the sequence, from 0
    "track": "str",
    "annotator": "str",
    "rule": "str",
    "score": "float64",  # the finding's score when it was judged
    "verdict": "str",  # one of VERDICTS
    "left": "float64",  # the box as it was judged, pixels; NaN where a box was missing
    "top": "float64",
    "width": "float64",
    "height": "float64",
    "corrected_left": "float64",  # the box as it should be, pixels; NaN where nobody said
    "corrected_top": "float64",
    "corrected_width": "float64",
    "corrected_height": "float64",
    "label": "str",  # of the box as it was judged; missing where a box was
    "corrected_label": "str",  # the label as it should be; missing where nobody said
    "corrected_track": "str",  # the object it should be
    "onward": "bool",  # from this frame on, not on this frame alone
    "note": "str",
    "reviewer": "str",
    "time": "datetime64[us, UTC]",
    "fingerprint": "str",  # of the labels that were judged
    "id": "str",  # names this verdict, so that it can be withdrawn
}
# A table from elsewhere may lack them.
LATER = ("label", "corrected_label", "corrected_track", "onward")
SAME_BOX = 0.5  # pixels; a format that stores whole pixels moves a side by no more than this


def fingerprint(labels: Labels | pd.DataFrame) -> str:
    """Name a set of boxes by its content.

    Parameters
    ----------
    labels : Labels or DataFrame
        Labels, or their box table.

    Returns
    -------
    str
        16 hexadecimal digits. The order of the rows, the index and extra columns make no
        difference; any other change to a box does. The same boxes saved in another format keep
        their fingerprint.

    Raises
    ------
    BoxTableError
        If the table is not a box table.

    Examples
    --------
    >>> from annotaudit.boxes import empty_table
    >>> fingerprint(empty_table(COLUMNS))
    'e3b0c44298fc1c14'
    """
    boxes = check_boxes(labels if isinstance(labels, pd.DataFrame) else labels.boxes)
    rows = np.zeros(len(boxes), dtype=np.uint64)
    for name in COLUMNS:
        rows = rows * np.uint64(1_000_003) ^ _hashes(boxes[name])
    return sha256(np.sort(rows).astype("<u8").tobytes()).hexdigest()[:16]


def _hashes(column: pd.Series) -> NDArray[np.uint64]:
    """Hash each value, the same under every pandas; a missing text counts as an empty one."""
    hashes: NDArray[np.uint64]
    if column.dtype == TEXT:
        codes, names = pd.factorize(column)
        hashes = hash_array(np.array([*names, ""], dtype=object))[codes]
    else:
        hashes = hash_array(column.to_numpy() + 0)  # one zero, not also a negative one
    return hashes


def last_word(verdicts: pd.DataFrame) -> pd.DataFrame:
    """Keep one verdict per finding: the last one, whoever gave it.

    Parameters
    ----------
    verdicts : DataFrame
        See ``annotaudit.review.VERDICT_COLUMNS``; in the order they were given.

    Returns
    -------
    DataFrame
        The rows that count, under their old index. A box that was judged, changed and judged
        again counts twice: those are two boxes. So do two boxes that reviewers drew for objects
        without a name.

    Raises
    ------
    BoxTableError
        If a column is missing.

    Examples
    --------
    >>> from annotaudit.boxes import empty_table
    >>> len(last_word(empty_table(VERDICT_COLUMNS)))
    0
    """
    verdicts = check_verdicts(verdicts)
    keys = verdicts[[*FINDING, *SIDES]].join(drawn(verdicts))
    return verdicts[~keys.duplicated(keep="last")]


def with_verdicts(findings: pd.DataFrame, verdicts: pd.DataFrame) -> pd.DataFrame:
    """Put what people said beside each finding.

    A verdict belongs to a finding of the same sequence, annotator, track, frame and rule, so it
    survives a re-run of the audit. It is about the box as it was: once a side has moved by more
    than half a pixel, the verdict no longer counts.

    Parameters
    ----------
    findings : DataFrame
        What ``annotaudit.audit`` returns.
    verdicts : DataFrame
        What ``annotaudit.review.load`` returns.

    Returns
    -------
    DataFrame
        The findings with the columns ``verdict``, ``note`` and ``reviewer``, missing where nobody
        has judged yet; same rows, order and index.

    Raises
    ------
    BoxTableError
        If either table lacks a column.

    Examples
    --------
    >>> import annotaudit as aa
    >>> findings = pd.DataFrame({
    ...     "sequence": ["street"], "frame": [4], "track": ["car:1"], "annotator": ["ann"],
    ...     "rule": ["gap"], "left": [1.0], "top": [1.0], "width": [9.0], "height": [9.0]})
    >>> judged = findings.assign(
    ...     verdict="fine", note="", reviewer="ben", score=0.5, time=pd.NaT, fingerprint="",
    ...     id="1", corrected_left=None, corrected_top=None, corrected_width=None,
    ...     corrected_height=None)
    >>> aa.review.with_verdicts(findings, judged)["verdict"].tolist()
    ['fine']
    """
    if missing := [name for name in (*FINDING, *SIDES) if name not in findings.columns]:
        raise BoxTableError(
            f"The findings lack {missing}; they have {[str(name) for name in findings.columns]}. "
            "Pass the table that annotaudit.audit() returns."
        )
    rows, judged = pairs(findings, verdicts, FINDING)
    found = pd.DataFrame({"row": rows, "judged": judged}).drop_duplicates("row", keep="last")
    said = {}
    for name in ("verdict", "note", "reviewer"):
        column = np.full(len(findings), np.nan, dtype=object)
        column[found["row"]] = verdicts[name].to_numpy(dtype=object)[found["judged"]]
        said[name] = pd.Series(column, index=findings.index).astype(TEXT)
    return findings.assign(**said)


def leave_out_fine(findings: pd.DataFrame, verdicts: pd.DataFrame) -> pd.DataFrame:
    """Leave out the findings that a person has judged fine.

    Parameters
    ----------
    findings : DataFrame
        What ``annotaudit.audit`` returns.
    verdicts : DataFrame
        What ``annotaudit.review.load`` returns.

    Returns
    -------
    DataFrame
        The other findings in the same order, numbered from 0. A box that has changed since it
        was judged fine stays in.

    Raises
    ------
    BoxTableError
        If either table lacks a column.

    Examples
    --------
    >>> from annotaudit.boxes import empty_table
    >>> findings = pd.DataFrame({
    ...     "sequence": ["street"], "frame": [4], "track": ["car:1"], "annotator": ["ann"],
    ...     "rule": ["gap"], "left": [1.0], "top": [1.0], "width": [9.0], "height": [9.0]})
    >>> len(leave_out_fine(findings, empty_table(VERDICT_COLUMNS)))
    1
    """
    fine = with_verdicts(findings, verdicts)["verdict"].eq("fine").to_numpy(dtype=bool)
    return findings[~fine].reset_index(drop=True)


def check_verdicts(verdicts: pd.DataFrame) -> pd.DataFrame:
    """Return the table if it is one of verdicts, with the ``LATER`` columns in any case."""
    missing = [name for name in VERDICT_COLUMNS if name not in verdicts.columns]
    if set(missing) - set(LATER):
        raise BoxTableError(
            f"The verdicts lack {missing}; they have {[str(name) for name in verdicts.columns]}. "
            "Read them with annotaudit.review.load()."
        )
    unknown = pd.Series(np.nan, index=verdicts.index, dtype=TEXT)
    verdicts = verdicts.assign(**dict.fromkeys(missing, unknown))
    return verdicts.assign(onward=verdicts["onward"].eq(True))


def drawn(verdicts: pd.DataFrame) -> pd.DataFrame:
    """Return the box a reviewer drew where nothing else names the object; NaN for all others."""
    nameless = verdicts["track"].isna() & verdicts["rule"].eq(MISSING_BOX)
    return verdicts[list(CORRECTED)].where(nameless)


def pairs(
    boxes: pd.DataFrame, verdicts: pd.DataFrame, by: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Find the row numbers in both tables of what belongs together, as the verdicts came."""
    check_verdicts(verdicts)
    ours = boxes[[*by, *SIDES]].assign(row=np.arange(len(boxes)))
    ours = ours[ours["frame"].isin(verdicts["frame"])]  # few of many, as a rule
    theirs = verdicts[[*by, *SIDES]].assign(judged=np.arange(len(verdicts)))
    both = ours.merge(like(theirs, ours, by), on=list(by), suffixes=("", "_judged"))
    was = both[[f"{side}_judged" for side in SIDES]].to_numpy(dtype="float64")
    now = both[list(SIDES)].to_numpy(dtype="float64")
    same = np.isclose(now, was, rtol=0, atol=SAME_BOX, equal_nan=True).all(axis=1)
    # Without a box the name of the track has to do; without a track it could be any box.
    named = np.isnan(was).all(axis=1) & both["track"].notna().to_numpy(dtype=bool)
    both = both[same | named].sort_values("judged", kind="stable")
    return both["row"].to_numpy(), both["judged"].to_numpy()


def like(theirs: pd.DataFrame, ours: pd.DataFrame, by: tuple[str, ...]) -> pd.DataFrame:
    """Give the columns to merge on the types of the other table: an empty one may have lost its."""
    return theirs.astype({name: ours[name].dtype for name in by})
