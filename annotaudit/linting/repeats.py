"""Rules about boxes that are there twice, and tracks that say two things."""

from __future__ import annotations

import numpy as np
import pandas as pd

from annotaudit.audit.duplicates import find_duplicate
from annotaudit.audit.identity import find_label_change, find_repeated_track
from annotaudit.audit.motion import find_gap
from annotaudit.boxes import COLUMNS, EXPECTED, SIDES
from annotaudit.linting.findings import about_boxes, of_the_audit
from annotaudit.linting.subject import Subject


def find_copies(subject: Subject) -> pd.DataFrame:
    """Find rows that repeat an earlier row in every column but the ids of the source."""
    rows = np.flatnonzero(subject.copies)
    few = subject.boxes.iloc[rows]
    times = few.groupby(list(COLUMNS), dropna=False)["frame"].transform("size").to_numpy() + 1
    return about_boxes(
        subject.boxes,
        rows,
        value=times,
        limit=1,
        unit="rows",
        reason=[f"The same row stands {n} times in the labels; keep one." for n in times],
        fix="drop_copies",
    )


def find_repeated_tracks(subject: Subject) -> pd.DataFrame:
    """Find frames on which one track has two boxes or more."""
    return of_the_audit(find_repeated_track(subject.study))


def find_label_changes(subject: Subject) -> pd.DataFrame:
    """Find stretches of a track with another label than most of it."""
    return of_the_audit(find_label_change(subject.study))


def find_near_copies(subject: Subject) -> pd.DataFrame:
    """Find pairs of boxes of one label that cover the same place on one frame."""
    found = find_duplicate(subject.study)
    limit = subject.limits.column("duplicate_iou", found["label"])
    expected = found[list(EXPECTED)].set_axis(list(SIDES), axis=1)
    # The expected box is the other one of the pair, and tells its label.
    keys = ["sequence", "frame", "annotator", *SIDES]
    other = expected.assign(**found[keys[:3]]).assign(row=np.arange(len(found)))
    pairs = other.merge(subject.study.boxes[[*keys, "label"]], on=keys, how="left")
    same = (
        pairs["label"].fillna("").to_numpy() == found["label"].fillna("").to_numpy()[pairs["row"]]
    )
    alike = np.isin(np.arange(len(found)), pairs["row"][same])
    kept = alike & (found["value"] >= limit).to_numpy()
    return of_the_audit(found[kept], limit[kept])


def find_gaps(subject: Subject) -> pd.DataFrame:
    """Find frames inside a track on which the object has no box."""
    found = find_gap(subject.study)
    limit = subject.limits.column("max_gap", found["label"])
    kept = (found["value"] <= limit).to_numpy()
    return of_the_audit(found[kept]).assign(about="frame")
