"""Where an object may have been between two keyframes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

from annotaudit.boxes import check_boxes
from annotaudit.metrics.keyframes import between_keyframes, keyframes, seconds_a_frame
from annotaudit.metrics.paths import Paths, paths_of


def table(left: np.ndarray, track: str = "a", top: float = 100.0) -> pd.DataFrame:
    frame = np.arange(len(left))
    return pd.DataFrame(
        {"sequence": "street", "frame": frame, "track": track, "label": "car",
         "annotator": "ann", "left": left, "top": top, "width": 40.0, "height": 40.0}
    )  # fmt: skip


def drawn(keys: list[int], at_keys: list[float], whole: bool = False) -> Paths:
    """One object of 40 × 40 pixels that was drawn on these frames only."""
    left = np.interp(np.arange(keys[-1] + 1), keys, at_keys) + 100.3
    return paths_of(check_boxes(table(np.round(left) if whole else left)))


def test_the_boxes_that_were_drawn_are_told_from_those_between() -> None:
    assert np.flatnonzero(keyframes(drawn([0, 10, 25, 31], [0, 5, 50, 20]))).tolist() == [
        0, 10, 25, 31,
    ]  # fmt: skip


@pytest.mark.parametrize("shift", [0.0, 0.3, 0.5])
def test_rounding_to_pixels_neither_breaks_nor_joins_stretches(shift: float) -> None:
    at = np.arange(40)
    left = np.round(np.interp(at, [0, 13, 26, 39], [0, 4.4, 31, 35]) + 100 + shift)
    found = np.flatnonzero(keyframes(paths_of(check_boxes(table(left)))))
    assert len(found) == 4
    np.testing.assert_allclose(found, [0, 13, 26, 39], atol=2)


@given(st.integers(2, 700), st.floats(-3, 3))
def test_one_straight_line_has_two_keyframes_however_long(last: int, speed: float) -> None:
    assert keyframes(drawn([0, last], [0, speed * last])).sum() == 2


def test_a_turn_drawn_as_a_corner_leaves_the_line_on_both_sides() -> None:
    found = between_keyframes(drawn([0, 10, 20], [0, 0, 40]))
    # The speed changes by 4 pixels a frame, and the curve passes the corner with half of that: it
    # starts out 2 pixels a frame slower than the line, and ends as fast.
    later = found.spots > 10
    share = (found.spots[later] - 10) / 10
    off = -2 * 10 * share * (1 - share) ** 2
    np.testing.assert_allclose(found.curve[0, later], off)
    assert not found.curve[1].any()  # nothing happens upwards
    # Left and right are off by that and by 7 % / √.4 of 40 pixels of way, which takes .4 s; top and
    # bottom by nothing.
    way = 0.07 / np.sqrt(0.4) * 40 * 4 * share * (1 - share)
    np.testing.assert_allclose(found.leaves[later], np.hypot(off, way) / 40)


def test_the_same_way_in_less_time_hides_more() -> None:
    paths = drawn([0, 10, 20], [0, 40, 80.5])
    fast, slow = (between_keyframes(paths, np.full(21, pace)).leaves for pace in (0.04, 0.4))
    assert (fast > 2 * slow).all()


def test_the_pace_is_told_by_the_times_of_the_frames() -> None:
    boxes = check_boxes(table(np.arange(5.0)))
    frames = pd.DataFrame({"sequence": "street", "frame": range(5), "time": np.arange(5) / 10})
    assert seconds_a_frame(boxes, frames, paths_of(boxes)) == pytest.approx([0.1] * 5)
    assert seconds_a_frame(boxes, None, paths_of(boxes)) == pytest.approx([0.04] * 5)
    unknown = frames.assign(time=np.nan)
    assert seconds_a_frame(boxes, unknown, paths_of(boxes)) == pytest.approx([0.04] * 5)


def test_keyframes_that_the_labels_tell_need_not_be_found() -> None:
    told = np.zeros(21, dtype=bool)
    told[[0, 8, 14, 20]] = True  # on a straight line nothing else shows them
    assert set(between_keyframes(drawn([0, 20], [0, 40]), drawn=told).stretch) == {0, 8, 14}
    assert set(between_keyframes(drawn([0, 20], [0, 40]), drawn=np.ones(21, bool)).stretch) == {0}


def test_of_each_stretch_the_farthest_box_and_every_fourth_from_it() -> None:
    found = between_keyframes(drawn([0, 20, 40], [0, 60, 60]))
    for begin in (0, 20):
        at = found.spots[(found.stretch == begin) & found.worth_a_look]
        assert (np.diff(at) == 4).all()
        own = np.where(found.stretch == begin, found.leaves, -1)
        assert found.spots[own.argmax()] in at


def test_keyframes_themselves_and_short_stretches_are_not_measured() -> None:
    found = between_keyframes(drawn([0, 10, 12, 22], [0, 20, -20, 30]))
    assert not {0, 10, 11, 12, 22} & set(found.spots.tolist())
    assert set(found.stretch.tolist()) == {0, 12}


def test_what_does_not_move_cannot_leave_its_boxes() -> None:
    assert between_keyframes(drawn([0, 40], [0, 0])).leaves.max() == 0


def test_what_all_others_do_at_once_is_expected_of_a_straight_one_too() -> None:
    at = np.arange(21)
    swing = np.interp(at, [0, 4, 8, 12, 16, 20], [0, 12, 20, 20, 12, 0])  # the camera turns
    others = [table(300.3 + swing + 60 * n, f"o{n}", 150.0 * n) for n in range(4)]
    still = paths_of(check_boxes(pd.concat([table(np.full(21, 100.3)), *others])))
    found = between_keyframes(still)
    own = still.before[found.spots] == found.spots  # the first object in order is the straight one
    assert found.leaves[own].max() > 0.2
    assert between_keyframes(paths_of(check_boxes(table(np.full(21, 100.3))))).leaves.max() == 0


def test_objects_drawn_on_every_frame_have_no_stretches() -> None:
    left = 100 + np.cumsum(np.random.default_rng(0).normal(size=60))
    assert not len(between_keyframes(paths_of(check_boxes(table(left)))).spots)


def test_other_objects_elsewhere_in_the_table_change_nothing() -> None:
    rng = np.random.default_rng(1)
    parts = []
    for name in ("one", "two"):
        for track in "abcd":
            keys = np.sort(rng.choice(np.arange(1, 79), 6, replace=False))
            left = np.interp(np.arange(80), [0, *keys, 79], rng.uniform(0, 300, 8))
            parts.append(table(left.round(2), track).assign(sequence=name))
    both = check_boxes(pd.concat(parts, ignore_index=True))
    whole = between_keyframes(paths_of(both))
    alone = between_keyframes(paths_of(both[both["sequence"] == "two"]))
    here = whole.spots >= 320
    assert np.array_equal(whole.leaves[here], alone.leaves)
    assert np.array_equal(whole.spots[here] - 320, alone.spots)


def test_no_boxes_no_measurements() -> None:
    nothing = between_keyframes(drawn([0, 2], [0, 5]))
    assert nothing.curve.shape == (4, 0)
