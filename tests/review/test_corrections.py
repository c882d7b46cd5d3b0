import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from annotaudit.boxes import SIDES, Labels
from annotaudit.review import Ledger, apply


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "street.verdicts.jsonl", reviewer="ben")


def sides(labels, row):
    return labels.boxes.loc[row, list(SIDES)].tolist()


def test_a_corrected_box_takes_the_place_of_the_one_judged(ledger, labels, findings):
    ledger.append(findings.iloc[0], "mistake", corrected=(10, 20, 30, 41))
    corrected = apply(labels, ledger.read())
    assert sides(corrected, 3) == [10, 20, 30, 41]
    others = labels.boxes.index != 3
    pd.testing.assert_frame_equal(corrected.boxes[others], labels.boxes[others])
    assert sides(labels, 3) == [10, 20, 30, 15]  # the caller's table stays as it was


@pytest.mark.parametrize("verdict", ["fine", "unsure"])
def test_only_a_mistake_changes_anything(ledger, labels, findings, verdict):
    ledger.append(findings.iloc[0], verdict, corrected=(10, 20, 30, 41))
    pd.testing.assert_frame_equal(apply(labels, ledger.read()).boxes, labels.boxes)


def test_a_missing_box_is_added_with_the_label_of_its_track(ledger, labels, findings):
    ledger.append(findings.iloc[2], "mistake", corrected=(10, 20, 30, 40))
    corrected = apply(labels, ledger.read())
    added = corrected.boxes.iloc[-1]
    assert len(corrected.boxes) == len(labels.boxes) + 1
    assert added[["frame", "track", "label", "left"]].tolist() == [7, "car:1", "car", 10.0]


def test_a_mistake_without_correction_stays_unless_dropped(ledger, labels, findings):
    ledger.append(findings.iloc[1], "mistake", note="second box on the same car")
    assert len(apply(labels, ledger.read()).boxes) == 9
    dropped = apply(labels, ledger.read(), drop_uncorrected=True).boxes
    assert dropped["track"].unique().tolist() == ["car:1"]


def test_a_correction_outweighs_another_rule_that_found_the_same_box(ledger, labels, findings):
    ledger.append(findings.iloc[0], "mistake", corrected=(10, 20, 30, 41))
    ledger.append(findings.iloc[0].replace({"size-jump": "low-overlap"}), "mistake")
    corrected = apply(labels, ledger.read(), drop_uncorrected=True)
    assert sides(corrected, 3) == [10, 20, 30, 41]


def test_the_last_correction_counts(ledger, labels, findings):
    for height in (41, 42):
        ledger.append(findings.iloc[0], "mistake", corrected=(10, 20, 30, height))
    assert sides(apply(labels, ledger.read()), 3) == [10, 20, 30, 42]


def test_to_apply_twice_is_to_apply_once(ledger, labels, findings):
    ledger.append(findings.iloc[0], "mistake", corrected=(10, 20, 30, 41))
    ledger.append(findings.iloc[2], "mistake", corrected=(10, 20, 30, 40))
    once = apply(labels, ledger.read())
    twice = apply(once, ledger.read())
    pd.testing.assert_frame_equal(twice.boxes, once.boxes)
    assert twice.problems.empty


def test_a_box_that_has_changed_since_keeps_its_new_place_and_is_reported(ledger, labels, findings):
    ledger.append(findings.iloc[0], "mistake", corrected=(10, 20, 30, 41))
    moved = labels.boxes.assign(left=labels.boxes["left"] + 5)
    corrected = apply(type(labels)(moved), ledger.read())
    pd.testing.assert_frame_equal(corrected.boxes, moved)
    assert corrected.problems["where"].tolist() == ["street, frame 3, car:1"]
    assert "changed or gone" in corrected.problems["what"][0]


def test_of_two_boxes_of_one_track_on_a_frame_only_the_judged_one_changes(ledger, labels, findings):
    twin = labels.boxes.iloc[[3]].assign(left=90.0)
    both = type(labels)(pd.concat([labels.boxes, twin], ignore_index=True))
    ledger.append(findings.iloc[0], "mistake", corrected=(1, 2, 3, 4))
    corrected = apply(both, ledger.read())
    assert sides(corrected, 3) == [1, 2, 3, 4]
    assert sides(corrected, 9)[0] == 90


def test_without_verdicts_the_labels_stay(ledger, labels):
    same = apply(labels, ledger.read())
    pd.testing.assert_frame_equal(same.boxes, labels.boxes)
    assert np.array_equal(same.problems, labels.problems)


def two_cars(frames=8):
    """Two cars side by side, ``left`` telling which is which: 0 is truly ``a``, 100 truly ``b``."""
    rows = [
        (frame, track, left)
        for frame in range(frames)
        for track, left in (("a", 0.0), ("b", 100.0))
    ]
    boxes = pd.DataFrame(rows, columns=["frame", "track", "left"])
    return boxes.assign(
        sequence="street", label="car", annotator="ann", top=0.0, width=10.0, height=10.0
    )


def names(labels, left):
    """What the boxes at this place are called, frame by frame."""
    boxes = labels.boxes[labels.boxes["left"] == left].sort_values("frame")
    return "".join(boxes["track"])


def say(ledger, boxes, frame, track, name, **told):
    box = boxes[(boxes["frame"] == frame) & (boxes["track"] == track)].iloc[0]
    ledger.mark(box, "wrong_identity", corrected_track=name, **told)


def test_a_name_is_put_right_on_the_marked_frame_alone_unless_it_holds_on(ledger):
    boxes = two_cars().query("track == 'a'")
    say(ledger, boxes, 2, "a", "c")
    assert names(apply(Labels(boxes), ledger.read()), 0) == "aacaaaaa"
    say(ledger, boxes, 3, "a", "d", onward=True)
    assert names(apply(Labels(boxes), ledger.read()), 0) == "aacddddd"
    say(ledger, boxes, 5, "a", "e")  # on that frame only: d goes on
    assert names(apply(Labels(boxes), ledger.read()), 0) == "aacddedd"
    say(ledger, boxes, 6, "a", "a", onward=True)  # itself again
    once = apply(Labels(boxes), ledger.read())
    assert names(once, 0) == "aacddeaa"
    assert names(apply(once, ledger.read()), 0) == "aacddeaa"
    assert once.problems.empty


def test_swapped_names_that_hold_on_are_swapped_to_the_end(ledger):
    boxes = two_cars()
    swapped = boxes["frame"] >= 3
    wrong = boxes.assign(
        track=boxes["track"].mask(swapped, boxes["track"].map({"a": "b", "b": "a"}))
    )
    say(ledger, wrong, 3, "a", "b", onward=True)
    say(ledger, wrong, 3, "b", "a", onward=True)
    mended = apply(Labels(wrong), ledger.read())
    pd.testing.assert_frame_equal(mended.boxes, Labels(boxes).boxes)
    assert mended.problems.empty


def test_a_name_does_not_hold_where_its_object_has_a_box_of_its_own(ledger):
    boxes = two_cars().query("track == 'a' or frame >= 5")
    say(ledger, boxes, 3, "a", "b", onward=True)
    mended = apply(Labels(boxes), ledger.read())
    assert (names(mended, 0), names(mended, 100)) == ("aaabbaaa", "bbb")
    (problem,) = mended.problems.itertuples()
    assert problem.where == "street, frame 3, a"
    assert problem.what == "Is b only before frame 5: there b has a box."


def test_names_hold_within_a_sequence_and_an_annotator(ledger):
    boxes = two_cars().query("track == 'a'")
    others = [boxes.assign(sequence="road"), boxes.assign(annotator="ben")]
    together = pd.concat([boxes, *others], ignore_index=True)
    say(ledger, boxes, 3, "a", "b", onward=True)
    mended = apply(Labels(together), ledger.read()).boxes
    told = mended["sequence"].eq("street") & mended["annotator"].eq("ann") & mended["frame"].ge(3)
    assert (mended["track"].eq("b") == told).all()


@settings(max_examples=30)
@given(
    told=st.lists(
        st.tuples(st.integers(0, 7), st.sampled_from("ab"), st.sampled_from("abc"), st.booleans()),
        max_size=6,
    ),
    order=st.permutations(range(16)),
)
def test_no_name_that_holds_on_puts_an_object_in_two_places(tmp_path_factory, told, order):
    boxes = two_cars().iloc[list(order)]
    ledger = Ledger(tmp_path_factory.mktemp("ledger") / "x.verdicts.jsonl")
    for frame, track, name, onward in told:
        say(ledger, boxes, frame, track, name, onward=onward)
    mended = apply(Labels(boxes), ledger.read()).boxes
    assert mended.index.equals(boxes.index)
    alone = apply(Labels(boxes), ledger.read().assign(onward=False)).boxes
    twice, before = (
        set(table.loc[table.duplicated(["frame", "track"]), "frame"]) for table in (mended, alone)
    )
    assert twice <= before  # only where two were given one name by hand
    asked = {(frame, track) for frame, track, *_ in told}
    here = pd.Series([pair in asked for pair in zip(boxes["frame"], boxes["track"], strict=True)])
    here = here.set_axis(boxes.index)
    pd.testing.assert_series_equal(mended["track"][here], alone["track"][here])
