"""What annotators said about their boxes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import annotaudit as aa
from annotaudit.audit.marks import drawn, remarks
from annotaudit.boxes import check_boxes
from annotaudit.metrics.paths import paths_of


@pytest.mark.parametrize("yes", [True, 1, 0.7, "yes", "True"])
@pytest.mark.parametrize("no", [False, 0, np.nan, None, "no"])
def test_what_is_marked_is_said(yes: object, no: object) -> None:
    boxes = pd.DataFrame({"occluded": pd.Series([yes, no], dtype=object)})
    assert remarks(boxes, np.array([1, 0])) == ["", " Marked as occluded."]


def test_labels_without_marks_have_no_remarks() -> None:
    assert remarks(pd.DataFrame({"label": ["car"]}), np.array([0])) == [""]


def walkers(**more: object) -> pd.DataFrame:
    frame = np.tile(np.arange(60), 12)
    rng = np.random.default_rng(0)
    return check_boxes(
        pd.DataFrame(
            {"sequence": "street", "frame": frame,
             "track": np.repeat([f"{i:02}" for i in range(12)], 60), "label": "person",
             "annotator": "ann", "left": 3.0 * frame + rng.normal(size=720),
             "top": np.repeat(60.0 * np.arange(12), 60) + rng.normal(size=720),
             "width": 40.0, "height": 90.0}
        ).assign(**more)
    )  # fmt: skip


def test_a_finding_on_an_occluded_box_says_so() -> None:
    boxes = walkers(occluded=False)
    boxes.loc[100, "left"] += 30
    boxes.loc[100, "occluded"] = True
    first = aa.audit(boxes).iloc[0]
    assert first["frame"] == 40
    assert first["reason"].endswith("Marked as occluded.")


def test_keyframes_are_taken_from_labels_that_tell_them() -> None:
    boxes = walkers()
    assert drawn(boxes, paths_of(boxes)) is None
    told = boxes.assign(keyframe=pd.array([True, False, None] * 240, dtype="boolean"))
    assert drawn(told, paths_of(told)).tolist() == [True, False, True] * 240
    assert drawn(boxes.assign(keyframe="every second"), paths_of(boxes)) is None
