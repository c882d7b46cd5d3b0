import pandas as pd
import pytest

from annotaudit.errors import BoxTableError
from annotaudit.review import Ledger, fingerprint, leave_out_fine, with_verdicts


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "street.verdicts.jsonl", reviewer="ben")


def test_verdicts_follow_their_finding_not_its_row(ledger, findings):
    ledger.append(findings.iloc[0], "mistake", note="feet cut off")
    ledger.append(findings.iloc[2], "fine")
    rerun = findings.iloc[::-1].set_axis([7, 8, 9])  # another order, another index
    judged = with_verdicts(rerun, ledger.read())
    assert judged.index.tolist() == [7, 8, 9]
    assert judged["verdict"].fillna("").tolist() == ["fine", "", "mistake"]
    assert judged["note"].fillna("").tolist() == ["", "", "feet cut off"]


def test_the_last_verdict_counts(ledger, findings):
    for verdict in ("mistake", "unsure", "fine"):
        ledger.append(findings.iloc[0], verdict)
    assert with_verdicts(findings, ledger.read())["verdict"][0] == "fine"


def test_what_was_judged_fine_can_be_left_out(ledger, findings):
    ledger.append(findings.iloc[1], "fine")
    left = leave_out_fine(findings, ledger.read())
    assert left["rule"].tolist() == ["size-jump", "gap"]
    assert left.index.tolist() == [0, 1]


@pytest.mark.parametrize(("shift", "still_fine"), [(0.4, True), (0.6, False)])
def test_a_verdict_is_about_the_box_as_it_was(ledger, findings, shift, still_fine):
    ledger.append(findings.iloc[0], "fine")
    moved = findings.assign(left=findings["left"] + shift)
    assert ("size-jump" not in leave_out_fine(moved, ledger.read())["rule"].tolist()) == still_fine


def test_boxes_without_a_track_are_told_apart_by_where_they_are(ledger, findings):
    stills = findings.assign(track=pd.NA, frame=0, rule="off-image")
    ledger.append(stills.iloc[1], "fine")
    judged = with_verdicts(stills, ledger.read())
    assert judged["verdict"].notna().tolist() == [False, True, False]


def test_without_verdicts_nothing_is_judged(ledger, findings):
    assert with_verdicts(findings, ledger.read())["verdict"].isna().all()
    assert with_verdicts(findings.head(0), ledger.read()).empty


def test_neither_table_is_edited(ledger, findings):
    ledger.append(findings.iloc[0], "fine")
    before, verdicts = findings.copy(), ledger.read()
    kept = verdicts.copy()
    with_verdicts(findings, verdicts)
    leave_out_fine(findings, verdicts)
    pd.testing.assert_frame_equal(findings, before)
    pd.testing.assert_frame_equal(verdicts, kept)


def test_a_table_that_is_none_is_named(ledger, findings):
    with pytest.raises(BoxTableError, match=r"findings lack \['rule'\]"):
        with_verdicts(findings.drop(columns="rule"), ledger.read())
    with pytest.raises(BoxTableError, match=r"verdicts lack \['note'\]"):
        with_verdicts(findings, ledger.read().drop(columns="note"))


def test_a_fingerprint_names_the_boxes_and_nothing_else(labels):
    name = fingerprint(labels)
    boxes = labels.boxes
    assert fingerprint(boxes.iloc[::-1]) == name
    assert fingerprint(boxes.set_index(boxes["frame"].rename("other"))) == name
    assert fingerprint(boxes.assign(occluded=True)) == name
    assert fingerprint(boxes.astype({"track": object, "left": int})) == name
    assert fingerprint(boxes.assign(left=boxes["left"] + 1e-9)) != name
    assert fingerprint(boxes.assign(label="bus")) != name
    assert fingerprint(boxes.head(-1)) != name
    # Under any pandas, on any machine: else a ledger would lose its labels on the way.
    assert name == "3f4d8e21207e4944"
