import inspect

import numpy as np
import pandas as pd
import pytest

import annotaudit as aa
from annotaudit.audit import rules
from annotaudit.audit.aws import find_aws_size
from annotaudit.audit.duplicates import find_duplicate
from annotaudit.audit.findings import FINDING_COLUMNS
from annotaudit.audit.identity import (
    find_label_change,
    find_one_frame_track,
    find_repeated_track,
)
from annotaudit.audit.motion import find_gap, find_off_course
from annotaudit.audit.shapes import find_impossible_box, find_off_image
from annotaudit.audit.steps import find_low_overlap, find_size_jump
from annotaudit.boxes import EXPECTED, empty_table
from annotaudit.errors import LimitError


def where(findings):
    return list(zip(findings["track"], findings["frame"], strict=True))


def steps(findings):
    return sorted(
        zip(findings["track"], findings["from_frame"].astype(int), findings["frame"], strict=True)
    )


def looked_at(frames, wide=1920.0, high=1080.0):
    return pd.DataFrame(
        {
            "sequence": "street",
            "frame": list(frames),
            "image": None,
            "image_width": wide,
            "image_height": high,
            "time": np.nan,
        }
    )


def test_one_bad_box_is_one_finding_though_it_breaks_two_steps(parked_car):
    parked_car.loc[4, "left"] += 500
    assert where(find_low_overlap(parked_car)) == [("car:1", 4)]
    assert where(find_off_course(parked_car)) == [("car:1", 4)]


def test_two_bad_boxes_in_a_row_are_both_named_and_their_neighbours_are_not(track):
    car = track(frames=range(20))
    car.loc[[4, 5], "left"] += 500
    assert where(find_low_overlap(car)) == [("car:1", 4), ("car:1", 5)]
    assert where(find_off_course(car)) == [("car:1", 4), ("car:1", 5)]


def test_a_bad_first_box_is_named_and_not_the_second(parked_car):
    parked_car.loc[0, "left"] += 500
    assert where(find_low_overlap(parked_car)) == [("car:1", 0)]


def test_a_step_names_its_earlier_frame(parked_car):
    parked_car.loc[8, "left"] += 30
    found = find_low_overlap(parked_car)
    assert steps(found) == [("car:1", 7, 8)]
    assert "frame 7" in found["reason"][0]


def test_a_size_jump_is_named_by_the_box_that_is_wrong(parked_car):
    parked_car.loc[4, "height"] = 10
    found = find_size_jump(parked_car)
    assert where(found) == [("car:1", 4)]
    assert found[list(EXPECTED)].to_numpy().tolist() == [[100, 50, 40, 20]]


def test_growth_at_an_entry_is_no_mistake(flawed):
    walker = flawed[flawed["track"] == "walker:3"]
    assert find_aws_size(walker)["frame"].tolist() == [14]
    assert find_size_jump(walker).empty
    assert find_off_course(walker).empty


def test_shrinking_at_the_border_on_the_way_out_is_no_mistake(track):
    width = np.array([40.0] * 7 + [25.0, 10.0])
    leaving = track(left=1920 - width, width=width)
    assert find_aws_size(leaving)["frame"].tolist() == [7, 8]
    assert find_size_jump(leaving, frames=looked_at(range(12))).empty


def test_shrinking_in_the_middle_of_the_image_is_one(track):
    shrinking = track(height=np.array([20.0] * 7 + [10.0] * 2), left=700.0)
    shrinking.loc[7:, ["left", "width"]] = [710.0, 20.0]
    assert len(find_size_jump(shrinking, frames=looked_at(range(12)))) == 1


def test_the_limit_of_a_box_off_its_course_is_the_tracks_own_scatter(track):
    rng = np.random.default_rng(4)
    shaky = track("shaky", range(60), left=100 + rng.normal(0, 4, 60))
    steady = track("steady", range(60), top=300.0)
    for table in (shaky, steady):
        table.loc[30, "left"] += 12
    found = find_off_course(pd.concat([shaky, steady], ignore_index=True))
    assert where(found) == [("steady", 30)]


def test_a_jerk_of_the_camera_is_no_ones_mistake(street):
    street.loc[street["frame"] == 20, "left"] += 25
    assert find_off_course(street).empty
    street.loc[(street["frame"] == 20) & (street["track"] == "car:3"), "left"] += 25
    assert where(find_off_course(street)) == [("car:3", 20)]


def test_an_edge_at_the_border_says_nothing_about_motion(track):
    front = 40.0 + 10 * np.arange(20)
    back = np.maximum(front - 120, 0)  # cut off by the border up to frame 8
    entering = track("car:1", range(20), left=back, width=front - back)
    assert find_off_course(entering, frames=looked_at(range(20))).empty


def test_a_missing_box_has_an_expected_one_and_no_sides(track):
    car = track(frames=[0, 1, 2, 5, 6], left=[0.0, 10, 20, 50, 60])
    found = find_gap(car)
    assert where(found) == [("car:1", 3), ("car:1", 4)]
    assert found["expected_left"].tolist() == [30.0, 40.0]
    assert found[["left", "top", "width", "height"]].isna().all(axis=None)
    assert found["value"].tolist() == [2.0, 2.0]


def test_a_gap_is_counted_in_frames_looked_at(track):
    car = track(frames=[0, 2, 6, 8])
    found = find_gap(car, frames=looked_at(range(0, 10, 2)))
    assert where(found) == [("car:1", 4)]


def test_a_long_absence_is_no_gap(track):
    assert find_gap(track(frames=[0, 1, 12, 13])).shape[0] == 10
    assert find_gap(track(frames=[0, 1, 13, 14])).empty
    assert find_gap(track(frames=[0, 10**12])).empty


def test_gaps_count_less_where_they_are_common(track):
    often = pd.concat([track(f"car:{n}", [0, 1, 3, 4, 6]) for n in range(4)])
    assert find_gap(often)["score"].max() < find_gap(track(frames=[0, 1, 3, 4]))["score"].min()


def test_an_object_that_begins_late_or_ends_early_has_no_gap_and_no_jump(street):
    short = street[~((street["track"] == "car:1") & ~street["frame"].between(10, 30))]
    assert aa.audit(short).empty


@pytest.mark.parametrize(
    ("side", "value", "reason"),
    [
        ("width", 0.0, "its width is 0"),
        ("height", -3.0, "its height is -3"),
        ("left", np.nan, "its left is missing"),
        ("top", np.inf, "its top is inf"),
    ],
)
def test_a_box_that_is_none_is_a_finding(parked_car, side, value, reason):
    parked_car.loc[4, side] = value
    found = find_impossible_box(parked_car)
    assert where(found) == [("car:1", 4)]
    assert reason in found["reason"][0]
    assert found["severity"].tolist() == ["error"]
    assert found["expected_width"].tolist() == [40.0]


def test_a_box_outside_the_image_is_a_finding(track):
    car = track(frames=range(4), left=[1880.0, 1900, 1918, 1930])
    found = find_off_image(car, frames=looked_at(range(4)))
    assert where(found) == [("car:1", 2), ("car:1", 3)]
    assert found["value"].round(2).tolist() == [0.95, 1.0]


def test_without_the_size_of_the_image_only_left_and_above_are_outside(track):
    car = track(frames=range(3), left=[-41.0, 5000, 0], top=[0.0, 0, -20])
    assert where(find_off_image(car)) == [("car:1", 0), ("car:1", 2)]


def test_of_two_boxes_in_one_place_the_shorter_track_is_named(parked_car, track):
    copy = track("car:9", range(3, 6), left=101.0)
    found = find_duplicate(pd.concat([parked_car, copy], ignore_index=True))
    assert where(found) == [("car:9", 3), ("car:9", 4), ("car:9", 5)]
    assert "car:1" in found["reason"][0]
    assert found["expected_left"].tolist() == [100.0] * 3


def test_two_annotators_who_agree_are_no_duplicate(parked_car):
    both = pd.concat([parked_car, parked_car.assign(annotator="bob")], ignore_index=True)
    assert find_duplicate(both).empty


def test_duplicates_on_still_images_need_no_track(track):
    stills = track(frames=[0, 0, 1], left=[10.0, 12.0, 10.0]).assign(track=None)
    found = find_duplicate(stills)
    assert found[["frame", "left"]].to_numpy().tolist() == [[0.0, 12.0]]
    assert found["reason"].tolist() == [
        "Covers the same place as another car (overlap 90%); keep one of the two."
    ]


def test_a_track_twice_on_a_frame_names_the_box_off_the_way(track):
    car = pd.concat([track(), track(frames=[4], left=400.0)], ignore_index=True)
    found = find_repeated_track(car)
    assert found[["frame", "left", "value"]].to_numpy().tolist() == [[4.0, 400.0, 2.0]]
    assert found["expected_left"].tolist() == [100.0]


def test_three_boxes_of_a_track_on_a_frame_are_one_finding(track):
    car = pd.concat([track(frames=[4])] * 3, ignore_index=True)
    assert find_repeated_track(car)["value"].tolist() == [3.0]


def test_a_change_of_class_is_named_where_it_begins(track):
    car = track(label=["car"] * 4 + ["bus"] * 2 + ["car"] * 3)
    found = find_label_change(car)
    assert where(found) == [("car:1", 4)]
    assert found["from_frame"].tolist() == [3.0]
    assert found["reason"].tolist() == [
        "Called bus on frames 4 to 5, though 7 of the 9 boxes of this object are called car."
    ]


def test_a_label_nobody_gave_is_no_change(track):
    assert find_label_change(track(label=["car", None] * 4 + ["car"])).empty


def test_a_first_label_that_is_the_rare_one_has_no_frame_before(track):
    found = find_label_change(track(label=["bus"] + ["car"] * 8))
    assert where(found) == [("car:1", 0)]
    assert found["from_frame"].isna().all()


def test_a_track_of_one_frame_may_be_a_second_name(parked_car, track):
    double = pd.concat([parked_car, track("car:2", [4], left=105.0)], ignore_index=True)
    found = find_one_frame_track(double)
    assert where(found) == [("car:2", 4)]
    assert "second name" in found["reason"][0]
    assert "car:1" in found["reason"][0]
    far = pd.concat([parked_car, track("car:2", [4], left=900.0)], ignore_index=True)
    assert "second name" not in find_one_frame_track(far)["reason"][0]


def test_where_many_objects_are_seen_once_each_of_them_says_less(parked_car, track):
    far = [track(f"car:{n}", [4], left=900.0 + 100 * n) for n in range(2, 5)]
    one = find_one_frame_track(pd.concat([parked_car, far[0]], ignore_index=True))
    street = [track(f"bus:{n}", left=2000.0 + 100 * n) for n in range(6)]
    three = find_one_frame_track(pd.concat([parked_car, *street, *far], ignore_index=True))
    assert one["severity"].tolist() == ["warning"]
    assert len(three) == 3 and (three["severity"] == "note").all()


def test_an_object_seen_once_at_the_end_of_the_sequence_is_no_finding(parked_car, track):
    ends = pd.concat([parked_car, track("b", [0]), track("c", [8])], ignore_index=True)
    assert find_one_frame_track(ends).empty


def test_images_that_show_everything_once_have_no_one_frame_tracks(track):
    stills = pd.concat([track(f"car:{n}", [n]) for n in range(9)], ignore_index=True)
    assert find_one_frame_track(stills).empty


def test_the_tutorials_rule_names_a_step_by_its_later_frame(flawed):
    found = aa.audit(flawed, rules="aws")
    assert steps(found[found["rule"] == "aws_overlap"]) == [("walker:1", 27, 28)]
    assert steps(found[found["rule"] == "aws_size"]) == [
        ("walker:2", 25, 26),
        ("walker:3", 13, 14),
    ]


def test_the_tutorials_rule_has_limits_that_can_be_set(flawed):
    found = aa.audit(flawed, rules="aws", limits=aa.Limits(max_size_change=0.2, min_iou=0.4))
    assert steps(found) == [
        ("walker:2", 23, 24),
        ("walker:2", 25, 26),
        ("walker:3", 13, 14),
        ("walker:3", 14, 15),
    ]


def test_a_share_of_the_size_is_not_cut_to_a_whole_number(flawed):
    found = find_aws_size(flawed)
    assert sorted(found["value"].round(3)) == [0.291, 0.469]


def test_an_object_that_ends_early_or_has_a_gap_is_no_step(track):
    cars = pd.concat([track("a", [0, 1, 2, 6, 7]), track("b", range(20))], ignore_index=True)
    assert aa.audit(cars, rules="aws").empty


def test_no_rule_fails_on_an_empty_table_or_edits_the_table():
    nothing = empty_table(FINDING_COLUMNS)
    for rule in (*rules.RULES, *rules.AWS_RULES):
        found = rule(nothing)
        assert list(found.columns) == list(FINDING_COLUMNS), rules.rule_name(rule)
        assert found.empty


def test_every_rule_is_named_as_in_its_findings():
    names = [rules.rule_name(rule) for rule in (*rules.RULES, *rules.AWS_RULES)]
    for rule, name in zip((*rules.RULES, *rules.AWS_RULES), names, strict=True):
        assert f'rule="{name}"' in inspect.getsource(inspect.getmodule(rule))


def test_rules_can_be_chosen_by_name_and_by_function(parked_car):
    parked_car.loc[4, ["left", "height"]] = [600.0, 10.0]
    assert set(aa.audit(parked_car, rules=["gap", "low_overlap"])["rule"]) == {"low_overlap"}
    assert set(aa.audit(parked_car, rules=[find_size_jump])["rule"]) == {"size_jump"}
    assert set(aa.audit(parked_car, rules="size_jump")["rule"]) == {"size_jump"}


def test_a_rule_nobody_knows_is_refused_with_the_list(parked_car):
    with pytest.raises(LimitError, match="rules='overlap'.*'low_overlap'"):
        aa.audit(parked_car, rules="overlap")


@pytest.mark.parametrize(
    "limits",
    [
        {"min_iou": 50},
        {"min_iou": np.nan},
        {"min_iou": "0.5"},
        {"max_size_change": 0},
        {"max_gap": 2.5},
        {"max_gap": True},
        {"duplicate_iou": 0.1},
        {"border": -1},
    ],
)
def test_a_limit_out_of_range_is_named(limits):
    with pytest.raises(LimitError, match=f"{next(iter(limits))}=.*expected .*default"):
        aa.Limits(**limits)
