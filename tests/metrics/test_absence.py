import numpy as np
import pandas as pd

from annotaudit.metrics import expected_boxes, gaps, track_summary
from annotaudit.metrics.same_place import overlapping_pairs


def cars(frames, track="car:1", left=0.0):
    frames = list(frames)
    return pd.DataFrame(
        {
            "sequence": "street",
            "frame": frames,
            "track": track,
            "label": "car",
            "annotator": "ann",
            "left": left,
            "top": 0.0,
            "width": 10.0,
            "height": 10.0,
        }
    )


def test_a_gap_lies_between_two_boxes():
    found = gaps(cars([3, 0, 1, 7]))
    assert found[["from_frame", "to_frame", "missing"]].to_numpy().tolist() == [
        [1, 3, 1],
        [3, 7, 3],
    ]


def test_a_late_start_and_an_early_end_are_no_gaps():
    both = pd.concat([cars(range(9), "a"), cars(range(3, 6), "b")])
    assert gaps(both).empty


def test_only_frames_looked_at_can_lack_a_box():
    looked_at = pd.DataFrame({"sequence": "street", "frame": [0, 2, 4, 6]})
    assert gaps(cars([0, 2, 6]), looked_at)["missing"].tolist() == [1]


def test_a_track_in_one_row():
    boxes = pd.concat([cars([0, 1, 4]), cars([2], "van:1")], ignore_index=True)
    boxes.loc[1, "width"] = 5
    found = track_summary(boxes).set_index("track")
    assert found.loc["car:1", ["boxes", "first_frame", "last_frame", "missing"]].tolist() == [
        3,
        0,
        4,
        2,
    ]
    assert found.loc["car:1", "lowest_iou"] == 0.5
    assert found.loc["car:1", "largest_size_change"] == 0.5
    assert np.isnan(found.loc["van:1", "lowest_iou"])


def test_an_annotator_nobody_named_is_summed_up_too():
    assert len(track_summary(cars([0, 1]).assign(annotator=None))) == 1


def test_an_empty_table_has_no_gaps_and_no_tracks():
    assert gaps(cars([])).empty
    assert track_summary(cars([])).empty


def test_one_bad_box_moves_no_expected_box():
    car = cars(range(9), left=np.arange(9) * 10.0)
    car.loc[4, "left"] += 500
    assert expected_boxes(car)["left"].tolist()[1:-1] == [10.0, 20, 30, 40, 50, 60, 70]


def test_two_bad_boxes_in_a_row_are_both_expected_where_they_belong():
    car = cars(range(9), left=np.arange(9) * 10.0)
    car.loc[[4, 5], "left"] += 500
    assert expected_boxes(car).loc[[4, 5], "left"].tolist() == [40.0, 50.0]


def test_nothing_is_expected_at_the_ends_or_far_from_any_box():
    car = cars([0, 100, 200])
    assert expected_boxes(car).isna().all(axis=None)


def test_pairs_are_those_that_comparing_all_with_all_finds():
    rng = np.random.default_rng(7)
    sides = np.vstack([rng.integers(0, 60, (2, 300)), rng.integers(1, 40, (2, 300))]).astype(float)
    groups = rng.integers(0, 5, 300)
    first, second, _ = overlapping_pairs(sides, groups, 0.6)
    found = {tuple(sorted(pair)) for pair in zip(first.tolist(), second.tolist(), strict=True)}
    from annotaudit import pairwise_iou

    share = pairwise_iou(sides.T, sides.T)
    expected = {
        (a, b)
        for a in range(300)
        for b in range(a + 1, 300)
        if groups[a] == groups[b] and share[a, b] >= 0.6
    }
    # A box that found its like (0.98) looks for no further partner.
    assert found <= expected
    assert all(
        share[a].max(where=np.arange(300) != a, initial=0) >= 0.98 for a, b in expected - found
    )


def test_a_thousand_copies_of_one_box_take_no_thousand_thousand_comparisons():
    sides = np.tile([[0.0], [0.0], [10.0], [10.0]], 100_000)
    first, _, share = overlapping_pairs(sides, np.zeros(100_000, dtype=int), 0.8)
    assert len(first) == 99_999
    assert (share == 1).all()
