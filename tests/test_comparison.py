"""Before and after: what closed, what is open, what is new."""

import pandas as pd
import pytest

import annotaudit as aa
from annotaudit.comparison import compare, plot_comparison


@pytest.fixture
def car():
    return pd.DataFrame(
        {
            "sequence": "street", "frame": range(60), "track": "car:1", "label": "car",
            "annotator": "ann", "left": [100.0 + 2 * n for n in range(60)], "top": 50.0,
            "width": 40.0, "height": 20.0,
        }
    )  # fmt: skip


def jumped(car, *frames):
    return car.assign(left=car["left"] + 20.0 * car["frame"].isin(frames))


def test_a_mended_jump_is_closed_one_left_is_open_one_made_is_new(car):
    found = compare(jumped(car, 15, 30), jumped(car, 30, 45)).findings
    first = found[found["severity"].isin(["error", "warning"])].drop_duplicates(["frame", "state"])
    assert dict(zip(first["frame"], first["state"], strict=True)) == {
        15: "closed", 30: "open", 45: "new"
    }  # fmt: skip


def test_the_answer_counts_what_a_person_can_count(car):
    comparison = compare(jumped(car, 20), car)
    assert comparison.answer.startswith("1 of 60 boxes changed")
    assert comparison.counts.loc["error", ["open", "new"]].tolist() == [0, 0]
    was, now = comparison.expected_mistakes
    assert was > 0.7 and now < 0.1
    assert comparison.scores["MOTA"] < 1


def test_a_renamed_object_keeps_its_findings(car):
    wrong = jumped(car, 20)
    comparison = compare(wrong, wrong.assign(track="car:7"))
    assert set(comparison.findings["state"]) == {"open"}
    assert comparison.scores["IDF1"] == 1


def test_frames_are_the_same_by_file_name_whatever_their_number(car):
    frames = pd.DataFrame(
        {"sequence": "street", "frame": range(60), "image": [f"{n:06}.jpg" for n in range(60)]}
    )
    part = slice(20, 40)
    after = aa.Labels(
        car[part].assign(frame=range(20), sequence="street-adjusted"),
        frames[part].assign(frame=range(20), sequence="street-adjusted"),
    )
    changes = compare(aa.Labels(car, frames), after).boxes
    assert changes["change"].value_counts().to_dict() == {"removed": 40, "unchanged": 20}


def test_frames_without_file_names_are_the_same_by_their_number(car):
    frames = pd.DataFrame({"sequence": "street", "frame": range(60)}).assign(image=None)
    comparison = compare(aa.Labels(jumped(car, 20), frames), aa.Labels(car, frames))
    assert comparison.answer.startswith("1 of 60 boxes changed")


def test_the_picture_has_a_bar_for_each_part(car):
    comparison = compare(jumped(car, 20, 40), jumped(car, 40))
    ax = plot_comparison(comparison)
    was, now = comparison.expected_mistakes
    assert [text.get_text().strip() for text in ax.texts] == [f"{was:.1f}", f"{now:.1f}"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "closed", "still open", "new"
    ]  # fmt: skip
    assert ax.patches[1].get_width() > 0.5
    assert [label.get_text() for label in ax.get_yticklabels()] == ["before", "after"]
    ax.figure.clear()


def test_what_is_no_table_is_refused(car):
    with pytest.raises(ValueError, match="found list"):
        compare(car, [1])


def test_what_a_reviewer_saw_is_closed_once_it_is_mended(car, tmp_path):
    ledger = aa.review.Ledger(tmp_path / "verdicts.jsonl")
    ledger.mark(car.loc[20], "wrong_label", corrected_label="bus")
    ledger.mark(car.loc[40], "wrong_label", corrected_label="bus")
    after = car.assign(
        label=car["label"].where(car["frame"] != 20, "bus"), track="car:7", annotator="eve"
    )
    found = compare(car, after, verdicts=ledger.read()).findings
    seen = found[found["rule"] == "seen_wrong_label"]
    assert dict(zip(seen["frame"], seen["state"], strict=True)) == {20: "closed", 40: "open"}
