"""Mistakes that a reviewer saw and no finding names: marks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from annotaudit.boxes import COLUMNS, EXPECTED, SIDES, TEXT, Labels
from annotaudit.errors import BoxTableError, LimitError
from annotaudit.geometry import iou
from annotaudit.review.verdicts import (
    CORRECTED,
    MISSING_BOX,
    PLACE,
    fingerprint,
    last_word,
    pairs,
)

MARKS = {  # what may be wrong, and in words
    "wrong_box": "The box is wrong",
    "wrong_label": "The label is wrong",
    "wrong_identity": "It is another object",
    "extra_box": "The box should not be here",
    "missing_box": "An object has no box",
}
SEEN = tuple(f"seen_{kind}" for kind in MARKS)  # their rules
WRONG_LABEL, EXTRA_BOX = "seen_wrong_label", "seen_extra_box"
SAME_OBJECT = 0.5  # share of overlap from which a box is the one that was drawn as missing


def finding_of(
    box: Mapping[Any, Any] | pd.Series, kind: str, corrected: Sequence[float] | None
) -> dict[str, Any]:
    """Make a finding of a box and what is wrong with it."""
    if kind not in MARKS:
        raise LimitError(
            f"What a reviewer saw is one of {list(MARKS)}; found {kind!r}. Nothing was written."
        )
    if missing := [name for name in ("sequence", "frame") if name not in box]:
        raise BoxTableError(
            f"A mistake has a place; this one lacks {missing}. Pass a row of labels.boxes, or the "
            "sequence and frame where a box is missing."
        )
    finding = {name: box.get(name) for name in COLUMNS} | {"rule": f"seen_{kind}"}
    if kind != "missing_box":
        return finding
    if corrected is None:
        raise BoxTableError(
            "A missing box has to be drawn: pass corrected=(left, top, width, height) in pixels. "
            "Nothing was written."
        )
    return finding | dict.fromkeys((*SIDES, "label"))


def marks(verdicts: pd.DataFrame, labels: Labels) -> pd.DataFrame:
    """Return the mistakes that reviewers saw by themselves, as findings.

    They go wherever findings go: into a plan of corrections, a report, a plot.

    Parameters
    ----------
    verdicts : DataFrame
        What ``annotaudit.review.load`` returns.
    labels : Labels
        The labels as they are now. A mark no longer stands where they have changed: the box, its
        label or its name, or where there is a box now that shares half of the one drawn. Nor
        does one that somebody has judged fine since; judged unsure, it does.

    Returns
    -------
    DataFrame
        A findings table, in the order in which the marks were made, with further columns ``id``,
        ``note``, ``reviewer``, ``corrected_label``, ``corrected_track`` and ``onward``. The rule is
        one of ``annotaudit.review.SEEN``, the score 1 (a person saw it) and the expected box the
        one the reviewer drew.

    Raises
    ------
    BoxTableError
        If a column of the verdicts is missing.

    Examples
    --------
    >>> from annotaudit.boxes import empty_table
    >>> from annotaudit.review.verdicts import VERDICT_COLUMNS
    >>> marks(empty_table(VERDICT_COLUMNS), Labels(empty_table(COLUMNS))).columns[9:14].tolist()
    ['rule', 'score', 'severity', 'value', 'limit']
    """
    said = last_word(verdicts)
    said = said[said["rule"].isin(SEEN) & said["verdict"].ne("fine")]
    label = _labels_now(said, labels)
    is_missing = said["rule"].eq(MISSING_BOX)
    relabelled = said["rule"].eq(WRONG_LABEL) & said["label"].notna() & said["label"].ne(label)
    stands = is_missing.where(is_missing, label.notna() & ~relabelled)
    stands &= ~_drawn_since(said[is_missing], labels).reindex(said.index, fill_value=False)
    said = said.assign(label=said["corrected_label"].where(is_missing, label))[stands]
    expected = {side: said[name] for side, name in zip(EXPECTED, CORRECTED, strict=True)}
    table = said[[*COLUMNS, "rule"]].assign(
        score=1.0,
        severity="error",
        value=np.nan,
        limit=np.nan,
        unit="",
        reason=_reasons(said),
        **expected,
        from_frame=np.nan,
    )
    more = ["id", "note", "reviewer", "corrected_label", "corrected_track", "onward"]
    table = table.join(said[more]).astype({"severity": TEXT, "unit": TEXT})
    return table.reset_index(drop=True)


def with_marks(findings: pd.DataFrame, verdicts: pd.DataFrame, labels: Labels) -> pd.DataFrame:
    """Put the mistakes that reviewers saw by themselves before the findings of the audit.

    Parameters
    ----------
    findings : DataFrame
        What ``annotaudit.audit`` returns.
    verdicts : DataFrame
        What ``annotaudit.review.load`` returns.
    labels : Labels
        The labels as they are now; see ``marks``.

    Returns
    -------
    DataFrame
        A findings table with the columns of the findings, numbered from 0. Marks that stand in
        the findings already do not stand there twice.

    Raises
    ------
    BoxTableError
        If a column of either table is missing.

    Examples
    --------
    >>> import annotaudit as aa
    >>> labels = aa.datasets.station()
    >>> findings = aa.audit(labels)
    >>> ledger = aa.review.Ledger("station.verdicts.jsonl")
    >>> len(with_marks(findings, ledger.read(), labels)) == len(findings)  # nobody marked any
    True
    """
    if "rule" not in findings:
        raise BoxTableError(
            f"The findings lack ['rule']; they have {[str(name) for name in findings.columns]}. "
            "Pass the table that annotaudit.audit() returns."
        )
    seen = marks(verdicts, labels)
    seen = seen[[name for name in findings.columns if name in seen]]
    found = findings[~findings["rule"].isin(SEEN)]
    parts = [part for part in (seen, found) if len(part)] or [found]
    return pd.concat(parts, ignore_index=True)


def _labels_now(said: pd.DataFrame, labels: Labels) -> pd.Series:
    """Give the label of the box each mark is about; NaN where no such box is left."""
    now = pd.Series(np.nan, index=said.index, dtype=TEXT)
    rows, judged = pairs(labels.boxes, said, PLACE)
    now.iloc[judged] = labels.boxes["label"].iloc[rows].to_numpy(dtype=object)
    return now


def _drawn_since(missing: pd.DataFrame, labels: Labels) -> pd.Series:
    """Whether the labels have a box now where a reviewer drew one."""
    if missing.empty:
        return pd.Series(dtype=bool)
    keys = ["sequence", "annotator", "frame"]
    boxes = labels.boxes.loc[labels.boxes["frame"].isin(missing["frame"]), [*keys, *SIDES]]
    boxes = boxes.astype({"sequence": TEXT, "annotator": TEXT})
    told = missing[[*keys, *CORRECTED, "fingerprint"]].reset_index(names="mark")
    both = told.merge(boxes, on=keys)
    share = iou(both[list(CORRECTED)].to_numpy(), both[list(SIDES)].to_numpy())
    found = both[share >= SAME_OBJECT]
    if len(found):  # in the labels that were looked at, it is another object close by
        found = found[found["fingerprint"] != fingerprint(labels)]
    return pd.Series(True, index=found["mark"].unique(), dtype=bool)


def _reasons(said: pd.DataFrame) -> pd.Series:
    """Say in a sentence what the reviewer saw, and how it should be."""
    said = said.astype(object)  # pandas 2.2 cannot add to a column of text without any text
    words = said["rule"].map(dict(zip(SEEN, MARKS.values(), strict=True)))
    named = said["corrected_track"].where(said["corrected_track"].notna(), said["corrected_label"])
    joint = pd.Series(", should be ", index=said.index, dtype=object)
    joint = joint.mask(said["rule"].eq(MISSING_BOX), ": ")
    should = (joint + named.mask(said["rule"].eq(EXTRA_BOX))).fillna("")
    onward = said["onward"].astype(bool) & said["corrected_track"].notna()
    should = should.mask(onward, should + " from here on")
    note = (" " + said["note"].mask(said["note"].eq(""))).fillna("")
    return (words + should + "." + note).astype(TEXT)
