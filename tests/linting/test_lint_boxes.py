from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

import annotaudit as aa
from annotaudit.boxes import SIDES, Labels
from annotaudit.errors import LimitError
from annotaudit.linting.findings import LINT_COLUMNS, SCORES
from annotaudit.linting.rules import NAMES, RULES, SEVERITIES


def rules_of(findings):
    return sorted(findings["rule"].unique())


def test_sound_labels_have_no_findings(video):
    assert aa.lint(video()).empty


def test_no_boxes_at_all_are_no_mismatch(video):
    labels = video()
    empty = Labels(labels.boxes.head(0), labels.frames.head(0))
    assert list(aa.lint(empty)) == list(LINT_COLUMNS)
    assert aa.lint(empty).empty


def test_the_callers_tables_are_not_edited(video):
    labels = video(left=-5.0)
    boxes, frames = labels.boxes.copy(), labels.frames.copy()
    aa.lint(labels)
    pd.testing.assert_frame_equal(labels.boxes, boxes)
    pd.testing.assert_frame_equal(labels.frames, frames)


def test_findings_are_a_box_table_that_others_can_draw_and_save(video):
    labels = video()
    labels.boxes.loc[3, "width"] = 0.0
    findings = aa.lint(labels)
    assert list(aa.check_boxes(findings)) == list(LINT_COLUMNS)
    assert "Not a box" in repr(aa.show_findings(findings))


@pytest.mark.parametrize(
    ("side", "value", "fix"),
    [("width", 0.0, "drop_empty"), ("width", -40.0, None), ("left", np.nan, None),
     ("height", np.inf, None)],
)  # fmt: skip
def test_a_box_without_an_area(video, side, value, fix):
    labels = video()
    labels.boxes.loc[3, side] = value
    found = aa.lint(labels, rules="impossible_box")
    assert found["frame"].tolist() == [3]
    assert found["severity"].tolist() == ["error"]
    assert found["fix"].fillna("").tolist() == [fix or ""]


def test_a_box_with_no_number_at_all_is_empty(video):
    labels = video()
    labels.boxes.loc[3, list(SIDES)] = np.nan
    assert aa.lint(labels, rules="impossible_box")["fix"].tolist() == ["drop_empty"]


def test_a_box_outside_and_one_that_hardly_shows(stills):
    labels = stills([(0, "car", 700, 10, 30, 30), (0, "car", 639, 10, 100, 30)])
    found = aa.lint(labels)
    assert found[["rule", "severity"]].to_numpy().tolist() == [
        ["off_image", "error"],
        ["mostly_off_image", "warning"],
    ]


def test_boxes_that_stick_out_end_at_the_border(stills):
    # Two end at the border, so one that reaches 12 px beyond is a slip, one of 1 px rounding.
    labels = stills(
        [(0, "car", -12, 10, 50, 30), (0, "car", 600, 50, 41, 30), (0, "car", 0, 90, 50, 30),
         (0, "car", 590, 450, 50, 30)]
    )  # fmt: skip
    found = aa.lint(labels)
    assert found[["rule", "value", "fix"]].to_numpy().tolist() == [
        ["past_border", 12.0, "clip"],
        ["border_rounding", 1.0, "clip"],
    ]
    expected = found[["expected_left", "expected_width"]].to_numpy().tolist()
    assert expected == [[0.0, 38.0], [600.0, 40.0]]


def test_drawing_whole_objects_past_the_border_is_a_style_and_one_note(stills):
    labels = stills([(n, "car", -12, 10, 50, 30) for n in range(6)])
    found = aa.lint(labels)
    assert found[["rule", "severity", "value", "about"]].to_numpy().tolist() == [
        ["border_style", "note", 6.0, "sequence"]
    ]


def test_limits_hold_for_their_class(stills):
    labels = stills([(0, "sign", 10, 10, 3, 9), (0, "car", 50, 10, 3, 9), (0, "bus", 90, 9, 1, 9)])
    limits = {"sign": aa.LintLimits(min_side=1), "*": aa.LintLimits(min_side=4)}
    found = aa.lint(labels, limits=limits)
    assert found[["rule", "label", "limit"]].to_numpy().tolist() == [
        ["tiny_box", "bus", 4.0],
        ["tiny_box", "car", 4.0],
    ]


def test_the_same_row_twice_is_a_copy_whatever_its_id(stills):
    labels = stills([(0, "car", 50, 10, 30, 20)] * 3)
    ids = labels.boxes.assign(annotation_id=["1", "2", "3"], extra=None)
    found = aa.lint(replace(labels, boxes=ids))
    assert found["rule"].tolist() == ["copy", "copy"]
    assert found["value"].tolist() == [3, 3]
    # ... and not where another column tells them apart.
    told_apart = labels.boxes.assign(occluded=[True, False, None])
    assert "copy" not in aa.lint(replace(labels, boxes=told_apart))["rule"].tolist()


def test_columns_that_hold_lists_can_be_compared(stills):
    labels = stills([(0, "car", 50, 10, 30, 20)] * 2)
    boxes = labels.boxes.assign(points=[[1, 2], [1, 2]])
    assert aa.lint(replace(labels, boxes=boxes))["rule"].tolist() == ["copy"]


def test_nearly_the_same_box_of_one_label_but_not_of_two(stills):
    labels = stills([(0, "car", 50, 10, 30, 20), (0, "car", 51, 10, 30, 20)])
    found = aa.lint(labels)
    assert found[["rule", "left", "fix"]].fillna("").to_numpy().tolist() == [["near_copy", 51, ""]]
    assert aa.lint(labels, limits=aa.LintLimits(duplicate_iou=0.95)).empty
    other = replace(labels, boxes=labels.boxes.assign(label=["car", "van"]))
    assert aa.lint(other).empty


def test_a_track_twice_on_a_frame_and_with_two_labels(video):
    labels = video()
    again = labels.boxes.loc[[5]].assign(left=400.0)
    boxes = pd.concat([labels.boxes, again], ignore_index=True)
    boxes.loc[[8, 9], "label"] = "bus"
    found = aa.lint(replace(labels, boxes=boxes))
    assert found[["rule", "frame"]].to_numpy().tolist() == [
        ["repeated_track", 5],
        ["label_change", 8],
    ]


def test_a_gap_is_a_note_about_its_frame(video):
    labels = video()
    found = aa.lint(replace(labels, boxes=labels.boxes.drop(index=5)), rules="gap")
    assert found[["frame", "severity", "about", "image"]].to_numpy().tolist() == [
        [5, "note", "frame", "000006.jpg"]
    ]


def test_shares_of_the_image_are_one_finding_and_not_many(video):
    share = video(left=np.linspace(0.1, 0.5, 12), top=0.2, width=0.1, height=0.3)
    found = aa.lint(share)
    assert found[["rule", "about"]].to_numpy().tolist() == [["normalised", "sequence"]]
    assert "All 12 boxes lie between 0 and 1" in found["reason"][0]


def test_edges_in_place_of_width_and_height(stills):
    rng = np.random.default_rng(0)
    left, top = rng.uniform(50, 400, 40), rng.uniform(50, 300, 40)
    rows = [
        (n, "car", x, y, x + 150, y + 100) for n, (x, y) in enumerate(zip(left, top, strict=True))
    ]
    found = aa.lint(stills(rows), rules="corners")
    assert found["severity"].tolist() == ["error"]
    assert "Subtract left from width" in found["reason"][0]
    # Without the size of the image the boxes themselves tell.
    assert len(aa.lint(stills(rows).boxes, rules="corners")) == 1
    sound = stills(
        [(n, "car", x, y, 150, 100) for n, (x, y) in enumerate(zip(left, top, strict=True))]
    )
    assert aa.lint(sound, rules="corners").empty


def test_pixels_counted_from_one(stills):
    rows = [(n, "car", 601.0, 11, 40, 20) for n in range(5)] + [(5, "car", 1.0, 11, 40, 20)]
    found = aa.lint(stills(rows), rules="one_based_pixels")
    assert found["value"].tolist() == [5]
    rows.append((6, "car", 0.0, 11, 40, 20))
    assert aa.lint(stills(rows), rules="one_based_pixels").empty


def test_severities_can_be_changed_and_rules_left_out(video):
    labels = video()
    labels.boxes.loc[3, "width"] = 0.0
    findings = aa.lint(labels, severities={"impossible_box": "note"})
    assert findings[["rule", "severity"]].to_numpy().tolist() == [["impossible_box", "note"]]
    assert aa.lint(labels, severities={"impossible_box": "off"}).empty
    assert aa.lint(labels, rules=["tiny_box"]).empty


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"rules": "gaps"}, "'gaps' is no rule of lint"),
        ({"severities": {"gaps": "off"}}, "'gaps' is no rule of lint"),
        ({"severities": {"gap": "bad"}}, "expected 'off', 'note', 'warning' or"),
        ({"limits": {"car": 3}}, "limits\\['car'\\] is 3"),
        ({"limits": 3}, "expected annotaudit.LintLimits"),
        ({"images": -2}, "images=-2"),
    ],
)
def test_what_is_not_known_is_refused_by_name(video, wrong, says):
    with pytest.raises(LimitError, match=says):
        aa.lint(video(), **wrong)


def test_every_rule_has_a_severity_and_a_name_of_its_own():
    assert len(set(NAMES)) == len(NAMES)
    assert {rule.severity for rule in RULES} <= set(SEVERITIES)


def test_errors_come_first(video):
    labels = video()
    labels.boxes.loc[3, "width"] = 0.0
    labels.boxes.loc[8, "width"] = 1.0
    findings = aa.lint(labels)
    assert findings["severity"].tolist() == ["error", "warning"]
    assert findings["score"].tolist()[1] == SCORES["warning"]


@settings(max_examples=8)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 25))
def test_any_numbers_give_findings_and_never_an_error(seed, n):
    rng = np.random.default_rng(seed)
    odd = [0.0, -1.0, np.nan, np.inf, -np.inf, 1e308, -1e308, 1e-320, 5.0, 640.0, 2.5]
    boxes = pd.DataFrame(rng.choice(odd, (n, 4)), columns=list(SIDES)).assign(
        sequence=rng.choice(["a", "b"], n), frame=rng.integers(0, 5, n),
        track=rng.choice(["t", "u", None], n), annotator=rng.choice(["ann", None], n),
        label=rng.choice(["car", "Car", "cars", "", None], n),
    )  # fmt: skip
    frames = pd.DataFrame({"sequence": "a", "frame": range(3), "image": ["1.jpg", "10.jpg", None]})
    frames = frames.assign(image_width=100.0, image_height=np.nan)
    findings = aa.lint(Labels(boxes, frames))
    shuffled = aa.lint(Labels(boxes.sample(frac=1, random_state=seed), frames))
    # Where a track has two labels on one frame, which of them comes first is the order of rows.
    first, again = (t["rule"][t["rule"] != "label_change"].tolist() for t in (findings, shuffled))
    assert sorted(first) == sorted(again)
