"""Matching the boxes of two sets: exact, image by image, never a box twice."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st
from scipy.optimize import linear_sum_assignment

from annotaudit.errors import BoxTableError
from annotaudit.geometry import pairwise_iou
from annotaudit.metrics import matching
from annotaudit.metrics.matching import match_boxes

SIDES = ["left", "top", "width", "height"]


def table(*boxes, frame=0, label="sign", annotator="a"):
    """A box table from (left, top, width, height) tuples."""
    return pd.DataFrame(boxes, columns=SIDES, dtype=float).assign(
        sequence="street", frame=frame, track=None, label=label, annotator=annotator
    )


def test_the_largest_sum_wins_over_the_largest_single_overlap():
    # Greedy would pair the two boxes at 0 and leave the others at .43 and .67 apart.
    first = table((0, 0, 10, 10), (4, 0, 10, 10))
    second = table((1, 0, 10, 10), (-4, 0, 10, 10))
    pairs = match_boxes(first, second, min_iou=0.4)
    assert pairs[["first", "second"]].to_numpy().tolist() == [[0, 1], [1, 0]]


def test_boxes_of_different_images_are_never_compared():
    here, there = table((0, 0, 9, 9), frame=0), table((0, 0, 9, 9), frame=1)
    assert match_boxes(here, there).empty


def test_labels_count_only_when_asked():
    stop, yield_ = table((0, 0, 9, 9), label="stop"), table((0, 0, 9, 9), label="yield")
    assert len(match_boxes(stop, yield_)) == 1
    assert match_boxes(stop, yield_, same_label=True).empty


def test_unusable_boxes_have_no_partner():
    broken = table((0, 0, np.nan, 9), (0, 0, -9, 9), (0, 0, 0, 0))
    assert match_boxes(broken, table((0, 0, 9, 9))).empty


def test_two_boxes_that_only_touch_are_not_one():
    assert match_boxes(table((0, 0, 5, 5)), table((5, 0, 5, 5)), min_iou=1e-9).empty


@pytest.mark.parametrize("min_iou", [0, -0.1, 1.1, float("nan")])
def test_a_limit_outside_its_range_is_refused(min_iou):
    with pytest.raises(ValueError, match="min_iou is"):
        match_boxes(table(), table(), min_iou=min_iou)


def test_a_table_without_sides_is_refused():
    with pytest.raises(BoxTableError, match="lacks \\['left'\\]"):
        match_boxes(table().drop(columns="left"), table())


coordinates = st.integers(0, 12)
some_boxes = st.lists(
    st.tuples(coordinates, coordinates, st.integers(1, 9), st.integers(1, 9), st.integers(0, 2)),
    max_size=12,
)


def from_drawn(rows):
    boxes = table(*[row[:4] for row in rows])
    return boxes.assign(frame=[row[4] for row in rows] or pd.Series(dtype="int64"))


@given(some_boxes, some_boxes, st.sampled_from([0.05, 0.3, 0.5]))
def test_equals_the_assignment_solved_image_by_image(rows, others, min_iou):
    first, second = from_drawn(rows), from_drawn(others)
    pairs = match_boxes(first, second, min_iou=min_iou)
    best = 0.0
    for frame in range(3):
        a, b = (t.loc[t["frame"] == frame, SIDES].to_numpy(float) for t in (first, second))
        share = pairwise_iou(a, b)
        share[share < min_iou] = 0
        best += share[linear_sum_assignment(share, maximize=True)].sum()
    assert pairs["iou"].sum() == pytest.approx(best)
    assert pairs["first"].is_unique
    assert pairs["second"].is_unique
    assert (pairs["iou"] >= min_iou).all()


@given(some_boxes, some_boxes)
def test_the_other_way_round_overlaps_as_much(rows, others):
    first, second = from_drawn(rows), from_drawn(others)
    one, other = match_boxes(first, second), match_boxes(second, first)
    assert one["iou"].sum() == pytest.approx(other["iou"].sum())


def test_small_portions_give_the_same_pairs(monkeypatch):
    rng = np.random.default_rng(1)
    boxes = table(*np.column_stack([rng.uniform(0, 40, (90, 2)), rng.uniform(5, 30, (90, 2))]))
    boxes["frame"] = np.arange(90) % 30
    other = boxes.assign(left=boxes["left"] + 2)
    whole = match_boxes(boxes, other)
    monkeypatch.setattr(matching, "PAIRS_AT_ONCE", 7)
    pd.testing.assert_frame_equal(match_boxes(boxes, other), whole)
