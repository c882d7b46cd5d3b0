"""Mistakes on stills, one planted by hand each time, and nothing found where nothing is wrong."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

import annotaudit as aa
from annotaudit.audit.findings import FINDING_COLUMNS
from annotaudit.audit.stills import find_disagreement, find_still_mistakes
from annotaudit.boxes import COLUMNS, TEXT, Labels, empty_table

PEOPLE = list("abcde")


def draw(annotators=PEOPLE, frames=range(4), label="sign", left=100.0, **more):
    """The same 40 x 40 box by each annotator on each frame, shifted by a pixel for each."""
    rows = [
        {"sequence": "s", "frame": frame, "track": None, "label": label, "annotator": name,
         "left": left + number + 10 * frame * (number + 1), "top": 50.0, "width": 40.0,
         "height": 40.0}
        for frame in frames
        for number, name in enumerate(annotators)
    ]  # fmt: skip
    table = pd.DataFrame(rows)
    table["left"] = left + table["annotator"].map(PEOPLE.index) + 10.0 * table["frame"]
    return table.assign(track=pd.Series(None, index=table.index, dtype=TEXT), **more)


def work_of(boxes, **more):
    table = boxes[["sequence", "frame", "annotator"]].drop_duplicates(ignore_index=True)
    return table.assign(answered=True, **more)


def found(table):
    return table[["frame", "annotator", "rule"]].to_numpy().tolist()


def test_people_who_agree_are_left_alone():
    assert find_still_mistakes(draw()).empty
    assert aa.audit(draw()).empty


def test_a_missed_box_is_found_with_the_box_the_others_drew():
    two = pd.concat([draw(), draw(left=300.0)], ignore_index=True)
    boxes = two[~((two["annotator"] == "e") & (two["frame"] == 2) & (two["left"] > 300))]
    (row,) = find_still_mistakes(boxes).to_dict("records")
    assert (row["frame"], row["annotator"], row["rule"]) == (2, "e", "missed")
    assert np.isnan(row["left"])
    assert (row["expected_left"], row["expected_width"]) == (321.5, 40)
    assert row["score"] == 0.8  # four of the five who looked
    assert row["reason"] == "4 of the other 4 drew a box 'sign' here; this annotator did not."


def test_an_extra_box_is_found():
    boxes = pd.concat([draw(), draw(["b"], [1], left=500.0)], ignore_index=True)
    (row,) = find_still_mistakes(boxes).to_dict("records")
    assert (row["frame"], row["annotator"], row["rule"]) == (1, "b", "extra")
    assert row["left"] == 511
    assert row["score"] == 0.8
    assert row["reason"] == "None of the other 4 drew this box."


def test_what_two_of_five_drew_alike_is_there_and_the_others_missed_it():
    boxes = pd.concat([draw(), draw(["a", "b"], [2], left=500.0)], ignore_index=True)
    table = find_still_mistakes(boxes)
    assert found(table) == [[2, name, "missed"] for name in "cde"]
    assert set(table["score"]) == {0.4}
    assert table["reason"][0].startswith("2 of the other 4 drew")


def test_two_who_drew_different_things_both_have_an_extra_box():
    boxes = pd.concat([draw(["a"], [0]), draw(["b"], [0], left=500.0)], ignore_index=True)
    table = find_still_mistakes(boxes)
    assert sorted(map(tuple, found(table))) == [
        (0, name, rule) for name in "ab" for rule in ("extra", "missed")
    ]
    assert "The other annotator drew not this box." not in set(table["reason"])


@pytest.mark.parametrize("width", [58.0, 160.0])
def test_a_loose_box_is_found_and_a_very_loose_one_is_not_two_mistakes(width):
    boxes = draw()
    at = boxes.index[(boxes["annotator"] == "c") & (boxes["frame"] == 3)]
    boxes.loc[at, "width"] = width
    (row,) = find_still_mistakes(boxes).to_dict("records")
    assert (row["frame"], row["annotator"], row["rule"]) == (3, "c", "loose")
    assert row["width"] == width
    assert (row["expected_left"], row["expected_width"]) == (132, 40)
    assert "right edge" in row["reason"]


def test_a_pixel_on_a_tiny_box_is_not_loose():
    boxes = draw(["a", "b", "c"]).assign(width=4.0, height=4.0)
    assert find_still_mistakes(boxes).empty


def test_another_label_is_found_and_what_it_says_is_only_quoted():
    boxes = draw()
    boxes.loc[boxes["annotator"] == "a", "label"] = "$\\frac{1$ <script>"
    table = find_still_mistakes(boxes)
    assert found(table) == [[frame, "a", "label_differs"] for frame in range(4)]
    assert table["reason"][0].endswith("4 others say 'sign'.")


def test_two_who_contradict_each_other_may_each_be_right():
    boxes = draw(["a", "b"], [0])
    boxes.loc[1, "label"] = "lamp"
    table = find_still_mistakes(boxes)
    assert table["annotator"].tolist() == ["a", "b"]
    assert table["score"].tolist() == [0.5, 0.5]
    assert table["reason"][0] == "Says 'sign'; the other annotator says 'lamp'."


def test_nothing_drawn_where_others_drew_needs_to_know_who_looked():
    both = pd.concat([draw(), draw(left=300.0)], ignore_index=True)
    boxes = both[~((both["annotator"] == "d") & (both["frame"] == 0))]
    assert find_still_mistakes(boxes).empty
    (row,) = find_still_mistakes(boxes, work=work_of(both)).to_dict("records")
    assert (row["frame"], row["annotator"], row["rule"]) == (0, "d", "nothing_drawn")
    assert row["reason"] == "Nothing drawn, where others agree on 2 boxes."
    no_answer = work_of(both)
    no_answer.loc[(no_answer["annotator"] == "d") & (no_answer["frame"] == 0), "answered"] = False
    assert find_still_mistakes(boxes, work=no_answer).empty


def test_frames_that_name_their_annotators_tell_who_looked_and_drew_nothing():
    boxes = draw("abc", frames=[0, 1])
    listed = ['["a", "b", "c", "d"]', '["a", "b", "c"]']
    frames = pd.DataFrame({"sequence": "s", "frame": [0, 1], "annotators": listed})
    labels = Labels(boxes, frames, empty_table({"source": "str"}))
    for findings in (find_still_mistakes(labels), aa.audit(labels)):
        assert found(findings) == [[0, "d", "nothing_drawn"]]


def test_identical_boxes_on_every_image_are_found_once():
    boxes = draw(frames=range(8))
    boxes.loc[boxes["annotator"] == "b", "left"] = 101.0
    table = find_still_mistakes(boxes)
    (row,) = table[table["rule"] == "identical_boxes"].to_dict("records")
    assert row["annotator"] == "b"
    assert row["reason"].startswith("Drew exactly the same on 8 of 8 images")


def test_a_camera_that_stands_still_makes_nobody_lazy():
    boxes = draw(frames=range(8))
    boxes["left"] = 100.0
    assert find_still_mistakes(boxes).empty


def test_implausibly_fast_work_is_found():
    boxes = draw()
    work = work_of(boxes, work_time_s=60.0)
    work.loc[7, "work_time_s"] = 4.0
    (row,) = find_still_mistakes(boxes, work=work).to_dict("records")
    assert (row["frame"], row["annotator"], row["rule"]) == (1, "c", "implausibly_fast")
    assert row["reason"] == "Done in 4 s; half of all took 60 s or more."


def test_a_page_that_showed_another_size_is_found():
    boxes = draw(frames=[0])
    frames = pd.DataFrame(
        {"sequence": "s", "frame": [0], "image": "x.jpg", "image_width": 800.0,
         "image_height": 533.0, "time": np.nan}
    )  # fmt: skip
    labels = Labels(boxes, frames, empty_table({"source": "str", "where": "str", "what": "str"}))
    work = work_of(boxes, image_width=800.0, image_height=533.0)
    assert find_still_mistakes(labels, work=work).empty
    work.loc[0, ["image_width", "image_height"]] = [533.0, 800.0]
    (row,) = find_still_mistakes(labels, work=work).to_dict("records")
    assert (row["annotator"], row["rule"]) == ("a", "image_size")
    assert "533 x 800 pixels, it has 800 x 533: turned upright" in row["reason"]


def test_gold_is_believed_where_there_is_gold():
    boxes = draw(frames=[0, 1])
    gold = draw(["a"], [0], left=300.0)
    table = find_still_mistakes(boxes, gold)
    assert sorted(map(tuple, found(table))) == sorted(
        (0, name, rule) for name in PEOPLE for rule in ("extra", "missed")
    )
    assert set(table["score"]) == {0.95}
    assert table["reason"].str.startswith("Gold has ").all()


def test_gold_says_which_label_is_right():
    boxes = draw(frames=[0])
    gold = draw(["a"], [0], label="lamp")
    table = find_still_mistakes(boxes, gold)
    assert table["rule"].tolist() == ["label_differs"] * 5
    assert table["reason"][0] == "Says 'sign'; gold says 'lamp'."


def test_impossible_boxes_mislead_nobody():
    boxes = draw()
    broken = draw(["a"], [0]).assign(width=-5.0)
    endless = draw(["b"], [0]).assign(left=np.inf)
    assert find_still_mistakes(pd.concat([boxes, broken, endless], ignore_index=True)).empty


def test_an_annotator_without_a_name_counts_as_one():
    boxes = draw()
    boxes.loc[boxes["annotator"] == "e", "annotator"] = None
    assert find_still_mistakes(boxes).empty


def test_the_audit_joins_in_for_stills_and_stays_out_of_tracks():
    boxes = pd.concat([draw(), draw(["b"], [1], left=500.0)], ignore_index=True)
    assert "extra" in set(aa.audit(boxes)["rule"])
    assert list(aa.audit(boxes).columns) == list(FINDING_COLUMNS)
    assert "extra" not in set(aa.audit(boxes.assign(track="car:1"))["rule"])
    assert aa.audit(boxes, rules=[find_disagreement])["rule"].tolist() == ["extra"]


@settings(max_examples=8, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PEOPLE), st.integers(0, 2), st.integers(0, 90)),
                max_size=12), st.randoms())  # fmt: skip
def test_law_the_order_of_rows_changes_nothing(drawn, random):
    boxes = pd.DataFrame(
        [("s", f, None, "x", who, 5.0 * left, 0.0, 40.0, 40.0) for who, f, left in drawn],
        columns=["sequence", "frame", "track", "label", "annotator", "left", "top", "width",
                 "height"],
    )  # fmt: skip
    boxes = boxes.drop_duplicates().astype(COLUMNS | dict.fromkeys(("track", "label"), TEXT))
    table = find_still_mistakes(boxes)
    assert list(table.columns) == list(FINDING_COLUMNS)
    assert table["score"].between(0, 1).all()
    mixed = boxes.sample(frac=1, random_state=random.randrange(2**31))
    columns = ["frame", "annotator", "rule", "left", "score", "reason"]
    again = find_still_mistakes(mixed)
    if not again.duplicated(["frame", "annotator", "rule"]).any():
        pd.testing.assert_frame_equal(table[columns], again[columns])
