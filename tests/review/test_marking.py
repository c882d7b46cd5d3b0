"""Mistakes that no finding names: marked by a reviewer, kept, put to use, counted."""

import json

import numpy as np
import pandas as pd
import pytest

import annotaudit as aa
from annotaudit.audit.findings import FINDING_COLUMNS
from annotaudit.boxes import SIDES, Labels
from annotaudit.errors import BoxTableError, LimitError
from annotaudit.review import SEEN, Ledger, apply, marks, recall, summary, with_marks

DRAWN = (50, 20, 30, 40)
PLACE = {"sequence": "street", "annotator": "ann", "frame": 2}


@pytest.fixture
def ledger(tmp_path, labels):
    known = {"reviewer": "ben", "fingerprint": aa.review.fingerprint(labels)}
    return Ledger(tmp_path / "street.verdicts.jsonl", **known)


def row(labels, number):
    return labels.boxes.loc[number]


def test_a_mark_is_a_verdict_without_a_score(ledger, labels):
    name = ledger.mark(row(labels, 1), "wrong_label", corrected_label="bus", note="two decks")
    said = ledger.read().iloc[0]
    assert said["id"] == name
    assert said[["rule", "verdict", "label", "corrected_label", "note", "reviewer"]].tolist() == [
        "seen_wrong_label", "mistake", "car", "bus", "two decks", "ben",
    ]  # fmt: skip
    assert np.isnan(said["score"]) and not said["onward"]
    assert said[list(SIDES)].tolist() == [10, 20, 30, 40]
    ledger.withdraw(name)
    assert ledger.read().empty


def test_no_score_stays_with_a_mark_that_went_through_a_table_of_findings(ledger, labels):
    ledger.mark(row(labels, 1), "wrong_box")
    found = marks(ledger.read(), labels)
    assert found["score"].tolist() == [1.0]
    ledger.append(found.iloc[0], "mistake")
    assert ledger.read()["score"].isna().all()


def test_marks_are_findings(ledger, labels, findings):
    ledger.mark(row(labels, 1), "wrong_label", corrected_label="bus")
    ledger.mark(row(labels, 2), "wrong_identity", corrected_track="car:2", note="They swap here.")
    ledger.mark(row(labels, 8), "extra_box")
    ledger.mark(PLACE, "missing_box", corrected=DRAWN, corrected_label="van")
    found = marks(ledger.read(), labels)
    assert found.columns[: len(FINDING_COLUMNS)].tolist() == list(FINDING_COLUMNS)
    assert found["reason"].tolist() == [
        "The label is wrong, should be bus.",
        "It is another object, should be car:2. They swap here.",
        "The box should not be here.",
        "An object has no box: van.",
    ]
    assert found["label"].tolist() == ["car", "car", "car", "van"]
    assert found.loc[3, [f"expected_{side}" for side in SIDES]].tolist() == list(DRAWN)
    assert found.loc[3, list(SIDES)].isna().all()
    joined = with_marks(findings, ledger.read(), labels)
    assert joined["rule"].tolist()[:4] == found["rule"].tolist()
    assert len(with_marks(joined, ledger.read(), labels)) == len(joined) == 7


def test_a_label_a_name_and_a_box_too_many_are_put_right(ledger, labels):
    ledger.mark(row(labels, 1), "wrong_label", corrected_label="bus")
    ledger.mark(row(labels, 2), "wrong_identity", corrected_track="car:2", corrected=DRAWN)
    ledger.mark(row(labels, 8), "extra_box")
    ledger.mark(row(labels, 0), "wrong_box")
    corrected = apply(labels, ledger.read())
    assert corrected.boxes.loc[1, "label"] == "bus"
    assert corrected.boxes.loc[2, "track"] == "car:2"
    assert corrected.boxes.loc[2, list(SIDES)].tolist() == list(DRAWN)
    assert corrected.boxes.index.tolist() == list(range(8))
    assert corrected.boxes.dtypes.to_dict() == labels.boxes.dtypes.to_dict()
    kept = apply(labels, ledger.read(), drop_uncorrected=True).boxes  # only what nobody put right
    assert kept.index.tolist() == list(range(1, 8))
    assert labels.boxes.loc[1, "label"] == "car"  # the caller's table stays as it was
    again = apply(corrected, ledger.read())
    pd.testing.assert_frame_equal(again.boxes, corrected.boxes)
    assert again.problems.empty


def test_a_name_that_holds_on_is_said_so(ledger, labels):
    ledger.mark(row(labels, 2), "wrong_identity", corrected_track="car:3", onward=True)
    assert ledger.read()["onward"].tolist() == [True]
    assert marks(ledger.read(), labels)["reason"].tolist() == [
        "It is another object, should be car:3 from here on."
    ]
    assert apply(labels, ledger.read()).boxes["track"].tolist().count("car:3") == 6


def test_two_objects_without_a_name_are_two(ledger, labels):
    for left in (50, 150):
        ledger.mark(PLACE, "missing_box", corrected=(left, *DRAWN[1:]), corrected_label="van")
    added = apply(labels, ledger.read()).boxes.iloc[-2:]
    assert added["left"].tolist() == [50, 150]
    assert added["label"].tolist() == ["van", "van"]
    assert added["track"].isna().all()
    assert len(marks(ledger.read(), labels)) == 2
    assert apply(apply(labels, ledger.read()), ledger.read()).boxes["frame"].eq(2).sum() == 3


def test_a_mark_stands_until_the_labels_have_changed(ledger, labels):
    ledger.mark(row(labels, 1), "wrong_label")  # nobody says what is right
    ledger.mark(row(labels, 2), "wrong_identity", corrected_track="car:2")
    ledger.mark(row(labels, 3), "wrong_box")
    ledger.mark(row(labels, 8), "extra_box")
    ledger.mark(PLACE, "missing_box", corrected=DRAWN)
    assert marks(ledger.read(), labels)["rule"].nunique() == 5
    boxes = labels.boxes.copy()
    boxes.loc[1, "label"] = "bus"
    boxes.loc[2, "track"] = "car:2"
    boxes.loc[3, "height"] = 40.0
    new = boxes.iloc[[2]].assign(track="car:9", left=55.0)  # 25 of 30 px of it: 25 / 35 shared
    boxes = pd.concat([boxes.drop(index=8), new], ignore_index=True)
    assert marks(ledger.read(), Labels(boxes)).empty


def test_a_mark_that_somebody_is_unsure_of_stands_and_changes_nothing(ledger, labels):
    ledger.mark(row(labels, 1), "wrong_label", corrected_label="bus")
    mark = marks(ledger.read(), labels).iloc[0]
    ledger.append(mark, "unsure", corrected_label="bus")
    assert marks(ledger.read(), labels)["corrected_label"].tolist() == ["bus"]
    assert apply(labels, ledger.read()).boxes.loc[1, "label"] == "car"
    ledger.append(mark, "fine")
    assert marks(ledger.read(), labels).empty


def test_a_box_over_the_one_drawn_was_there_before(ledger, labels):
    ledger.mark(PLACE, "missing_box", corrected=row(labels, 2)[list(SIDES)].tolist())
    assert len(marks(ledger.read(), labels)) == 1


def test_what_the_audit_missed_is_counted_by_box_and_apart_from_its_rules(ledger, labels, findings):
    for number, verdict in enumerate(["mistake", "mistake", "fine"]):
        ledger.append(findings.iloc[number], verdict)
    ledger.append(findings.iloc[0].replace({"size-jump": "low-overlap"}), "mistake")
    ledger.mark(row(labels, 3), "wrong_label")  # on a box the audit had named
    ledger.mark(row(labels, 1), "wrong_box")
    ledger.mark(row(labels, 1), "wrong_label")
    ledger.mark(PLACE, "missing_box", corrected=DRAWN)
    said = recall(ledger.read())
    assert said[["found", "missed", "recall"]].tolist() == [2, 2, 0.5]
    # By hand: z² = 3.8415; .5 ± z·sqrt(.25/4 + z²/64) / (1 + z²/4), the middle staying at .5
    assert said["low"] == pytest.approx(0.1500, abs=1e-4)
    assert not summary(ledger.read())["rule"].isin(SEEN).any()
    assert np.isnan(recall(ledger.read().head(0))["recall"])


@pytest.mark.parametrize(
    ("box", "kind", "error", "says"),
    [
        (PLACE, "ugly", LimitError, "found 'ugly'"),
        ({"frame": 2}, "wrong_box", BoxTableError, r"lacks \['sequence'\]"),
        (PLACE, "missing_box", BoxTableError, "has to be drawn"),
    ],
)
def test_a_mark_without_sense_is_refused_and_not_written(ledger, box, kind, error, says):
    with pytest.raises(error, match=says):
        ledger.mark(box, kind)
    assert not ledger.path.exists()


def test_lines_and_tables_from_before_there_were_marks_are_read(ledger, labels, findings):
    ledger.append(findings.iloc[0], "mistake", corrected=DRAWN)
    line = json.loads(ledger.path.read_text())
    later = ["label", "corrected_label", "corrected_track", "onward"]
    old = {name: value for name, value in line.items() if name not in later}
    ledger.path.write_text(json.dumps(old) + "\n")
    table = ledger.read()
    assert ledger.problems().empty
    corrected = apply(labels, table.drop(columns=later))
    assert corrected.boxes.loc[3, list(SIDES)].tolist() == list(DRAWN)


def test_marks_go_back_to_annotators_and_into_the_report(ledger, tmp_path):
    labels = aa.datasets.station()
    box = labels.boxes.iloc[40]
    ledger.mark(box, "wrong_label", corrected_label="Rider", note="On a <bike>.")
    found = with_marks(aa.audit(labels).head(0), ledger.read(), labels)
    plan = aa.tasks.plan_tasks(labels, found, tool="cvat")
    (window,) = plan.windows.itertuples()
    assert window.first <= box["frame"] <= window.last
    assert "should be Rider" in str(plan.instructions)
    page = aa.write_report(labels, found, tmp_path / "page.html").read_text()
    assert "seen_wrong_label" in page and "On a &lt;bike&gt;." in page
