from dataclasses import replace

import numpy as np
import pandas as pd
import PIL.Image
import pytest
from hypothesis import given, settings, strategies as st

import annotaudit as aa
from annotaudit.boxes import SIDES, Labels
from annotaudit.errors import LimitError
from annotaudit.linting.findings import LINT_COLUMNS
from annotaudit.linting.repairs import CHANGE_COLUMNS, REPAIRS


def changes(labels, **options):
    table = aa.fix(labels, **options).changes
    return table[["fix", "what", "frame", "before", "after"]].fillna("").to_numpy().tolist()


def test_sound_labels_stay_the_same_object_for_object(video):
    labels = video()
    repaired, diff = aa.fix(labels, dry_run=False)
    assert repaired is labels
    assert len(diff) == 0
    assert repr(aa.fix(labels)) == "Nothing to repair."


def test_each_repair_says_what_was_and_what_is(stills):
    labels = stills(
        [(0, "car", -12, 10, 50, 30), (0, "car", 0, 90, 50, 30), (1, "car", 9, 9, 0, 30),
         (2, "Car", 9, 9, 70, 30), (3, "car", 9, 9, 70, 30), (3, "car", 9, 9, 70, 30)]
    )  # fmt: skip
    assert changes(labels) == [
        ["drop_copies", "box removed", 3, "left 9, top 9, width 70, height 30", ""],
        ["drop_empty", "box removed", 1, "left 9, top 9, width 0, height 30", ""],
        ["clip", "box changed", 0, "left -12, width 50", "left 0, width 38"],
        ["label_case", "box changed", 2, "label 'Car'", "label 'car'"],
    ]


def test_a_dry_run_changes_nothing(video):
    labels = video(left=-4.0)
    before = labels.boxes.copy()
    assert len(aa.fix(labels, limits=aa.LintLimits(max_overhang=10)))
    pd.testing.assert_frame_equal(labels.boxes, before)


def test_the_callers_tables_are_not_edited(video):
    labels = video(left=-4.0)
    boxes, frames = labels.boxes.copy(), labels.frames.copy()
    repaired, _ = aa.fix(labels, dry_run=False, limits=aa.LintLimits(max_overhang=10))
    assert (repaired.boxes["left"] == 0).all()
    pd.testing.assert_frame_equal(labels.boxes, boxes)
    pd.testing.assert_frame_equal(labels.frames, frames)


def test_only_the_repairs_asked_for_are_done(stills):
    labels = stills([(0, "car", -1, 10, 50, 30), (1, "car", 9, 9, 0, 30)])
    assert [row[0] for row in changes(labels, fixes="clip")] == ["clip"]
    assert [row[0] for row in changes(labels, fixes=["drop_empty"])] == ["drop_empty"]
    with pytest.raises(
        LimitError, match="no repair is called 'flip'; expected some of drop_copies"
    ):
        aa.fix(labels, fixes=["flip"])


@pytest.mark.parametrize(
    "box",
    [
        (9, 9, -5, 30),  # drawn from right to left, or edges taken for sides: who knows
        (np.nan, 9, 50, 30),
        (9, 9, np.inf, 30),
        (700, 9, 50, 30),  # outside
        (639, 9, 50, 30),  # nearly
    ],
)
def test_what_a_person_must_decide_is_left_alone(stills, box):
    assert changes(stills([(0, "car", *box), (1, "car", 9, 9, 50, 30)])) == []


def test_where_objects_are_drawn_past_the_border_by_habit_nothing_is_clipped(stills):
    whole = [(n, "car", -12, 10, 50, 30) for n in range(6)]
    assert changes(stills(whole)) == []
    ending = [(n, "car", 0, 90, 50, 30) for n in range(6)]
    assert len(changes(stills(whole + ending))) == 6


def test_clipped_boxes_keep_the_sides_that_fit_to_the_last_digit(stills):
    labels = stills([(0, "car", -1, 0.1 + 0.2, 50, 1 / 3)])
    repaired, _ = aa.fix(labels, dry_run=False)
    assert repaired.boxes[list(SIDES)].to_numpy().tolist() == [[0.0, 0.1 + 0.2, 49.0, 1 / 3]]


def test_boxes_clipped_alike_are_copies_then(stills):
    labels = stills([(0, "car", -1, 10, 50, 30), (0, "car", 0, 10, 49, 30)])
    assert [row[0] for row in changes(labels)] == ["clip", "drop_copies"]


def test_labels_one_frame_late_move_and_the_frame_made_up_for_them_goes(video):
    labels = video()
    late = labels.boxes.assign(frame=labels.boxes["frame"] + 1)
    # As a reader lists it: a frame that has boxes, but no picture.
    frames = labels.frames.reindex(range(13)).assign(sequence="street", frame=range(13))
    repaired, diff = aa.fix(replace(labels, boxes=late, frames=frames), dry_run=False)
    pd.testing.assert_frame_equal(repaired.boxes, labels.boxes)
    pd.testing.assert_frame_equal(repaired.frames, labels.frames, check_dtype=False)
    assert diff.changes["what"].value_counts().to_dict() == {"box changed": 12, "frame removed": 1}
    told = frames.assign(weather=["sun"] * 13)
    kept, _ = aa.fix(replace(labels, boxes=late, frames=told), dry_run=False)
    assert len(kept.frames) == 13  # what somebody noted of a frame is not lost


def test_a_mot_sequence_that_counts_from_2_is_put_right(tmp_path):
    folder = tmp_path / "street"
    for part in ("gt", "img1"):
        (folder / part).mkdir(parents=True)
    for n in range(1, 11):
        PIL.Image.new("L", (64, 48)).save(folder / f"img1/{n:06d}.jpg")
    lines = [f"{n},1,{n + 1},5,20,10,1,1,1" for n in range(2, 12)]
    (folder / "gt/gt.txt").write_text("\n".join(lines))
    (folder / "seqinfo.ini").write_text(
        "[Sequence]\nname=street\nimDir=img1\nimExt=.jpg\nframeRate=25\nseqLength=10\n"
        "imWidth=64\nimHeight=48\n"
    )
    labels = aa.load(folder)
    assert aa.lint(labels)["rule"].tolist() == ["frame_off_by_one", "unread", "frames_empty"]
    repaired, _ = aa.fix(labels, dry_run=False)
    assert repaired.boxes["frame"].tolist() == repaired.frames["frame"].tolist() == list(range(10))
    saved = aa.save(repaired, tmp_path / "right/gt.txt")
    assert saved.read_text().startswith("1,1,3,5,20,10")


def test_labels_one_frame_early_move_too(video):
    labels = video(11, left=100.0)
    boxes = labels.boxes
    frames = pd.DataFrame({"sequence": "street", "frame": range(1, 12), "image": "a.jpg"})
    repaired, _ = aa.fix(Labels(boxes, frames), dry_run=False)
    assert repaired.boxes["frame"].tolist() == list(range(1, 12))


def test_extra_columns_index_and_order_stay(stills):
    labels = stills([(0, "car", -1, 10, 50, 30), (1, "car", 9, 9, 0, 30), (2, "car", 9, 9, 9, 30)])
    boxes = labels.boxes.assign(score=[0.5, 0.25, 1], note=[["a"], None, {"b": 1}])
    boxes.index = [7, 3, 5]
    repaired, _ = aa.fix(replace(labels, boxes=boxes), dry_run=False)
    assert repaired.boxes.index.tolist() == [7, 5]
    assert repaired.boxes["score"].tolist() == [0.5, 1]
    assert repaired.boxes["note"].tolist() == [["a"], {"b": 1}]
    assert repaired.boxes.dtypes.equals(boxes.dtypes)


def test_a_diff_reads_well_in_a_terminal_and_in_a_notebook(stills):
    labels = stills([(n, "<b>car</b>", 9, 9, 0, 30) for n in range(7)])
    diff = aa.fix(labels)
    assert repr(diff).splitlines() == [
        "1 repair to do in 7 places; nothing is changed yet.",
        "drop_empty: 7 boxes removed",
        *[f"  set, frame {n}, <b>car</b>: left 9, top 9, width 0, height 30" for n in range(5)],
        "  ... and 2 more",
    ]
    page = diff._repr_html_()
    assert "<b>car" not in page
    assert "&lt;b&gt;car" in page
    assert "... and 2 more" in page
    assert "done in 7 places." in repr(aa.fix(labels, dry_run=False)[1])


def test_every_fix_that_lint_names_is_there_and_does_what_was_found(stills):
    assert list(CHANGE_COLUMNS)[0] == "fix" and "fix" in LINT_COLUMNS
    labels = stills(
        [(0, "car", -12, 10, 50, 30), (0, "car", 0, 90, 50, 30), (1, "car", 9, 9, 0, 30),
         (2, "Car", 9, 9, 70, 30), (3, "car", 9, 9, 70, 30), (3, "car", 9, 9, 70, 30)]
    )  # fmt: skip
    named = set(aa.lint(labels)["fix"].dropna())
    assert named <= {repair.name for repair in REPAIRS}
    repaired, diff = aa.fix(labels, dry_run=False)
    assert set(diff.changes["fix"]) == named
    assert aa.lint(repaired)["fix"].dropna().empty


@st.composite
def doubtful(draw):
    """Labels with a little of everything, on a small image, so that mistakes meet."""
    n = draw(st.integers(1, 12))
    side = st.sampled_from([-3.0, -0.5, 0.0, 0.1, 5.0, 8.0, 9.5, 10.0, 12.0, np.nan])
    sides = draw(st.lists(st.tuples(side, side, side, side), min_size=n, max_size=n))
    of = lambda *values: draw(st.lists(st.sampled_from(values), min_size=n, max_size=n))  # noqa: E731
    boxes = pd.DataFrame(sides, columns=list(SIDES)).assign(
        sequence=of("a", "b"), frame=of(0, 1, 2, 3), track=of("t", "u", None),
        label=of("car", "Car", "CAR", " bus", "bus", None), annotator=of("ann", "bob"),
        extra=of(1.0, np.nan),
    )  # fmt: skip
    frames = pd.DataFrame({"sequence": ["a"] * 3 + ["b"] * 3, "frame": [0, 1, 2] * 2})
    size = draw(st.sampled_from([10.0, np.nan]))
    image = draw(st.sampled_from([None, "a.jpg"]))
    return Labels(boxes, frames.assign(image=image, image_width=size, image_height=10.0))


@settings(max_examples=15)
@given(labels=doubtful())
def test_repairing_repaired_labels_changes_nothing(labels):
    repaired, diff = aa.fix(labels, dry_run=False)
    again, nothing = aa.fix(repaired, dry_run=False)
    assert len(nothing) == 0
    pd.testing.assert_frame_equal(again.boxes, repaired.boxes)
    pd.testing.assert_frame_equal(again.frames, repaired.frames)
    # What no repair names is as it was.
    assert len(labels.boxes) - len(repaired.boxes) == (diff.changes["what"] == "box removed").sum()
    kept = labels.boxes.loc[repaired.boxes.index]
    same = ["sequence", "track", "annotator", "extra"]
    pd.testing.assert_frame_equal(repaired.boxes[same], kept[same])
    if "clip" not in set(diff.changes["fix"]):
        pd.testing.assert_frame_equal(repaired.boxes[list(SIDES)], kept[list(SIDES)])
