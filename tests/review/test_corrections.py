import numpy as np
import pandas as pd
import pytest

from annotaudit.boxes import SIDES
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
