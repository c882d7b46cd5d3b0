import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from annotaudit.errors import AnnotauditError, BoxTableError
from annotaudit.metrics import acceleration, rolling_iou, size_change, speed

SIDES = ["left", "top", "width", "height"]


def track(frames, boxes, name="car:1", sequence="street", annotator="ann"):
    sides = pd.DataFrame(np.asarray(boxes, dtype=float).reshape(-1, 4), columns=SIDES)
    return sides.assign(
        sequence=sequence, frame=list(frames), track=name, label="car", annotator=annotator
    )


def parked(frames, name="car:1", **where):
    return track(frames, [[0, 0, 10, 10]] * len(list(frames)), name, **where)


def test_a_box_that_moves_by_half_its_width_overlaps_by_a_third():
    car = track(range(3), [[0, 0, 10, 10], [5, 0, 10, 10], [5, 0, 10, 10]])
    assert rolling_iou(car).round(4).tolist()[1:] == [0.3333, 1.0]


def test_the_first_box_of_an_object_has_no_step():
    car = parked(range(3))
    assert np.isnan(rolling_iou(car)[0])
    assert np.isnan(size_change(car)[0])


def test_steps_across_gaps_are_unknown_not_zero():
    car = parked([0, 1, 4, 5])
    assert rolling_iou(car).isna().tolist() == [True, False, True, False]
    assert size_change(car).isna().tolist() == [True, False, True, False]


def test_an_object_with_a_gap_does_not_break_the_others():
    cars = pd.concat([parked([0, 3], "a"), parked([0, 1], "b")], ignore_index=True)
    assert rolling_iou(cars).tolist()[3] == 1.0
    assert rolling_iou(cars).isna().tolist() == [True, True, True, False]


def test_the_end_of_a_track_is_no_change_of_size():
    cars = pd.concat([parked(range(3), "a"), parked(range(9), "b")], ignore_index=True)
    assert size_change(cars).dropna().eq(0).all()


def test_size_change_is_a_share_not_a_whole_number():
    car = track([0, 1], [[0, 0, 10, 10], [0, 0, 10, 14.69]])
    assert size_change(car)[1] == pytest.approx(0.469)


def test_steps_belong_to_the_frame_not_to_the_position_since_the_start():
    late = parked(range(13, 32)).assign(frame=range(13, 32))
    late.loc[late.frame == 20, "left"] += 8
    low = late.loc[rolling_iou(late) < 0.5, "frame"]
    assert low.tolist() == [20, 21]


def test_touching_boxes_do_not_overlap():
    car = track([0, 1], [[0, 0, 10, 10], [10, 0, 10, 10]])
    assert rolling_iou(car)[1] == 0.0


def test_frames_that_nobody_looked_at_leave_no_gap():
    car = parked([0, 2, 4])
    looked_at = pd.DataFrame({"sequence": "street", "frame": [0, 2, 4]})
    assert rolling_iou(car).isna().all()
    assert rolling_iou(car, looked_at).tolist()[1:] == [1.0, 1.0]


def test_a_frame_looked_at_without_a_box_is_a_gap():
    car = parked([0, 4])
    looked_at = pd.DataFrame({"sequence": "street", "frame": [0, 2, 4]})
    assert rolling_iou(car, looked_at).isna().all()


def test_a_sequence_without_frames_in_the_table_counts_every_number():
    cars = pd.concat([parked([0, 1]), parked([0, 1], sequence="other")], ignore_index=True)
    looked_at = pd.DataFrame({"sequence": "street", "frame": [0, 1, 2]})
    assert rolling_iou(cars, looked_at).tolist()[1::2] == [1.0, 1.0]


def test_objects_of_two_annotators_or_sequences_are_two_objects():
    cars = pd.concat(
        [parked([0]), parked([1], annotator="bob"), parked([1], sequence="road")],
        ignore_index=True,
    )
    assert rolling_iou(cars).isna().all()


def test_the_same_object_twice_on_a_frame_makes_its_steps_unknown():
    car = pd.concat([parked([0, 1, 2, 3]), parked([1])], ignore_index=True)
    assert rolling_iou(car).isna().tolist() == [True, True, True, False, True]


def test_boxes_without_a_track_have_no_step():
    stills = parked([0, 1, 2]).assign(track=None)
    assert rolling_iou(stills).isna().all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, -5.0, 1e308])
def test_bad_sides_give_unknown_steps_and_no_warning(bad):
    car = parked(range(4))
    car.loc[1, ["width", "height"]] = bad
    assert rolling_iou(car).isna().tolist() == [True, True, True, False]
    assert np.isnan(size_change(car)[2])
    speed(car), acceleration(car)


def test_a_box_without_area_has_no_share_to_grow_by():
    car = parked(range(3))
    car.loc[0, "width"] = 0
    assert np.isnan(size_change(car)[1])
    assert size_change(car, of="height")[1] == 0


def test_aspect_is_width_over_height():
    car = track([0, 1], [[0, 0, 10, 10], [0, 0, 10, 20]])
    assert size_change(car, of="aspect")[1] == -0.5


def test_an_unknown_measure_of_size_is_named():
    with pytest.raises(AnnotauditError, match="of='depth'.*area"):
        size_change(parked([0]), of="depth")


def test_the_result_follows_the_index_of_the_table_and_leaves_the_table_alone():
    car = parked([2, 0, 1]).set_index(pd.Index(["x", "y", "z"]))
    before = car.copy(deep=True)
    assert rolling_iou(car).index.tolist() == ["x", "y", "z"]
    pd.testing.assert_frame_equal(car, before)


def test_an_index_with_repeated_labels_is_fine():
    car = parked([2, 0, 1]).set_index(pd.Index([7, 7, 7]))
    assert rolling_iou(car).tolist()[0] == 1.0


def test_an_empty_table_gives_an_empty_series():
    empty = parked([0]).iloc[:0]
    for measure in (rolling_iou, size_change, speed, acceleration):
        assert measure(empty).empty


def test_a_table_that_is_none_is_refused():
    with pytest.raises(BoxTableError, match="lacks"):
        rolling_iou(pd.DataFrame({"frame": [1]}))


def test_speed_is_per_second_where_times_are_known():
    car = track([0, 1, 2], [[0, 0, 10, 10], [3, 4, 10, 10], [6, 8, 10, 10]])
    frames = pd.DataFrame({"sequence": "street", "frame": [0, 1, 2], "time": [0, 0.5, np.nan]})
    assert speed(car).tolist()[1:] == [5.0, 5.0]
    assert speed(car, frames).iloc[1] == 10.0
    assert np.isnan(speed(car, frames).iloc[2])


def test_a_clock_that_stands_still_gives_no_speed():
    car = parked([0, 1])
    frames = pd.DataFrame({"sequence": "street", "frame": [0, 1], "time": [1.0, 1.0]})
    assert speed(car, frames).isna().all()


def test_steady_motion_has_no_acceleration():
    car = track(range(4), [[0, 0, 9, 9], [3, 0, 9, 9], [6, 0, 9, 9], [6, 0, 9, 9]])
    assert acceleration(car).tolist()[2:] == [0.0, 3.0]


def test_categories_and_nullable_numbers_measure_the_same():
    cars = pd.concat([parked(range(3), "a"), parked(range(3), "b")], ignore_index=True)
    cars.loc[1, "left"] = 2
    other = cars.astype({"track": "category", "sequence": "category", "frame": "Int64"})
    pd.testing.assert_series_equal(rolling_iou(cars), rolling_iou(other))


tables = st.lists(
    st.tuples(
        st.sampled_from(["s", "t"]),
        st.integers(0, 5),
        st.sampled_from(["a", "b", None]),
        *[st.integers(0, 60)] * 2,
        *[st.integers(1, 40)] * 2,
    ),
    min_size=1,
    max_size=25,
).map(
    lambda rows: pd.DataFrame(rows, columns=["sequence", "frame", "track", *SIDES]).assign(
        label="car", annotator="ann"
    )
)


@settings(max_examples=60, deadline=None)
@given(tables, st.randoms())
def test_the_order_of_rows_does_not_matter(boxes, random):
    shuffled = boxes.sample(frac=1, random_state=random.randrange(2**31))
    for measure in (rolling_iou, size_change, speed, acceleration):
        pd.testing.assert_series_equal(
            measure(boxes), measure(shuffled).reindex(boxes.index), check_exact=True
        )


@settings(max_examples=60, deadline=None)
@given(tables, st.integers(-500, 500), st.integers(-500, 500))
def test_shifting_all_boxes_changes_no_step(boxes, right, down):
    moved = boxes.assign(left=boxes["left"] + right, top=boxes["top"] + down)
    for measure in (rolling_iou, size_change, speed):
        pd.testing.assert_series_equal(measure(boxes), measure(moved), check_exact=True)


@settings(max_examples=60, deadline=None)
@given(tables, st.sampled_from([0.25, 2.0, 8.0]))
def test_scaling_all_boxes_changes_no_share(boxes, factor):
    scaled = boxes.assign(**{side: boxes[side] * factor for side in SIDES})
    for measure in (rolling_iou, size_change):
        pd.testing.assert_series_equal(measure(boxes), measure(scaled), check_exact=True)


@settings(max_examples=60, deadline=None)
@given(tables)
def test_each_step_is_the_one_a_loop_would_find(boxes):
    found = rolling_iou(boxes)
    for at, row in boxes.iterrows():
        same = boxes[(boxes["sequence"] == row["sequence"]) & (boxes["track"] == row["track"])]
        here, before = (same[same["frame"] == row["frame"] - back] for back in (0, 1))
        if len(here) == 1 and len(before) == 1:
            assert found[at] == pytest.approx(_overlap(before.iloc[0], row))
        else:
            assert np.isnan(found[at])


def _overlap(a, b):
    wide = min(a.left + a.width, b.left + b.width) - max(a.left, b.left)
    high = min(a.top + a.height, b.top + b.height) - max(a.top, b.top)
    shared = max(wide, 0) * max(high, 0)
    return shared / (a.width * a.height + b.width * b.height - shared)


def test_a_row_of_frames_that_names_none_says_nothing():
    car = parked([0, 2, 4])
    looked_at = pd.DataFrame({"sequence": ["street", None, "street", "street", "street"],
                              "frame": [0, 1, 2, 4, np.nan]})  # fmt: skip
    assert rolling_iou(car, looked_at).tolist()[1:] == [1.0, 1.0]
    nothing = pd.DataFrame({"sequence": [None], "frame": [np.nan]})
    assert rolling_iou(parked(range(2)), nothing).tolist()[1:] == [1.0]
