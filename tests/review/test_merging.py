"""Corrected boxes go back in place; what only the originals know stays with the right box."""

import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

import annotaudit as aa
from annotaudit.review import merge_back


def stills(left, **columns):
    """Boxes on one image, each 40 px wide, with what else is known of them."""
    boxes = pd.DataFrame(
        {
            "sequence": "streets", "frame": 0, "track": None, "label": "car",
            "annotator": "ann", "left": [float(x) for x in left], "top": 5.0, "width": 40.0,
            "height": 20.0,
        }
    )  # fmt: skip
    frames = pd.DataFrame({"sequence": "streets", "frame": [0], "image": ["0.jpg"]})
    return aa.Labels(aa.check_boxes(boxes.assign(**columns)), frames)


WINDOW = pd.DataFrame({"sequence": ["streets"], "first": [0], "last": [0]})


def test_boxes_without_tracks_are_told_apart_by_their_place():
    before = stills([0, 100, 200], source_id=[7, 8, 9], crowd=[True, False, True])
    after = merge_back(before, stills([205, 3]), WINDOW)  # the middle one is gone, two have moved
    assert after.boxes[["left", "source_id", "crowd"]].to_numpy().tolist() == [
        [205.0, 9, True], [3.0, 7, True]
    ]  # fmt: skip
    assert after.boxes.dtypes.to_dict() == before.boxes.dtypes.to_dict()


def test_a_new_box_knows_nothing_of_what_only_the_originals_have():
    before = stills([0], source_id=[7], crowd=[True], note=["far"])
    after = merge_back(before, stills([0, 500]), WINDOW).boxes
    assert after["source_id"].iloc[0] == 7 and bool(after["crowd"].iloc[0])
    assert after.loc[1, ["source_id", "crowd", "note"]].isna().all()


@pytest.mark.parametrize(("before", "after"), [([], [10]), ([10], []), ([], [])])
def test_an_image_may_be_emptied_or_filled(before, after):
    merged = merge_back(stills(before), stills(after), WINDOW)
    assert merged.boxes["left"].tolist() == after
    assert merged.problems.empty


@settings(max_examples=20)
@given(st.lists(st.integers(0, 5_000), max_size=8))
def test_merging_what_was_not_changed_changes_nothing(left):
    before = stills(sorted(left), source_id=range(len(left)))
    back = aa.Labels(before.boxes.drop(columns="source_id"), before.frames)
    merged = merge_back(before, back, WINDOW).boxes
    assert merged["left"].tolist() == before.boxes["left"].tolist()
    assert sorted(merged["source_id"]) == list(range(len(left)))
