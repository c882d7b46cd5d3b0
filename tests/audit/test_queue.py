from datetime import timedelta

import pandas as pd
import pytest

import annotaudit as aa
from annotaudit.audit.findings import FINDING_COLUMNS
from annotaudit.audit.queue import CLIP_COLUMNS
from annotaudit.boxes import empty_table
from annotaudit.errors import BoxTableError, LimitError


def findings(*rows):
    table = pd.DataFrame(rows, columns=["sequence", "frame", "track", "score"])
    return table.assign(reason="Look.", annotator="ann")


def spans(queue):
    return list(zip(queue["sequence"], queue["first"], queue["last"], strict=True))


def test_neighbours_become_one_clip():
    found = findings(("s", 10, "a", 0.9), ("s", 13, "b", 0.5), ("s", 40, "a", 0.4))
    queue = aa.review_queue(found, budget=100)
    assert spans(queue) == [("s", 8, 15), ("s", 38, 42)]
    assert queue["tracks"].tolist() == ["a, b", "a"]
    assert queue["findings"].tolist() == [2, 1]
    assert queue["frames"].tolist() == [8, 5]


def test_sequences_are_never_merged():
    found = findings(("s", 10, "a", 0.9), ("t", 11, "a", 0.5))
    assert spans(aa.review_queue(found, budget=100)) == [("s", 8, 12), ("t", 9, 13)]


def test_the_best_value_per_frame_comes_first():
    found = findings(*[("s", n, "a", 0.3) for n in range(20, 40)], ("t", 5, "a", 0.9))
    assert aa.review_queue(found, budget=100)["sequence"].tolist() == ["s", "t"]
    assert aa.review_queue(found.assign(score=[0.1] * 20 + [0.9]), budget=100)[
        "sequence"
    ].tolist() == ["t", "s"]


def test_several_rules_on_one_box_are_one_mistake_to_expect():
    found = findings(("s", 10, "a", 0.9), ("s", 10, "a", 0.5), ("s", 10, "b", 0.3))
    assert aa.review_queue(found, budget=100)["score"].tolist() == pytest.approx([1.2])


def test_the_budget_is_kept_and_smaller_clips_fill_it():
    found = findings(
        ("s", 10, "a", 0.9), ("t", 10, "a", 0.6), ("t", 14, "a", 0.7), ("u", 10, "a", 0.2)
    )
    assert spans(aa.review_queue(found, budget=10)) == [("s", 8, 12), ("u", 8, 12)]
    assert aa.review_queue(found, budget=4).empty


def test_equal_clips_come_in_the_order_of_their_place():
    found = findings(("b", 10, "a", 0.5), ("a", 90, "a", 0.5), ("a", 10, "a", 0.5))
    expected = [("a", 8, 12), ("a", 88, 92), ("b", 8, 12)]
    assert spans(aa.review_queue(found, budget=99)) == expected
    assert spans(aa.review_queue(found[::-1], budget=99)) == expected


@pytest.mark.parametrize(
    "budget", ["1 min", "60 s", "1min", "60 seconds", " 1 Minute ", timedelta(minutes=1)]
)
def test_time_buys_frames(budget):
    found = findings(*[("s", n * 50, "a", 0.5) for n in range(30)])
    queue = aa.review_queue(found, budget=budget, margin=0, seconds_per_frame=6)
    assert queue["frames"].sum() == 10
    assert queue["minutes"].sum() == pytest.approx(1)


def test_a_clip_begins_no_earlier_than_the_sequence():
    assert spans(aa.review_queue(findings(("s", 1, "a", 0.5)), budget=9)) == [("s", 0, 3)]


def test_boxes_without_a_track_are_queued_too():
    queue = aa.review_queue(findings(("s", 5, None, 0.5)), budget=9)
    assert queue["reasons"].tolist() == ["frame 5: Look."]


def test_no_findings_make_an_empty_queue():
    queue = aa.review_queue(empty_table(FINDING_COLUMNS), budget=9)
    assert queue.empty
    assert list(queue.columns) == list(CLIP_COLUMNS)


def test_a_queue_has_the_declared_types():
    queue = aa.review_queue(findings(("s", 5, "a", 0.5)), budget=9)
    assert queue.dtypes.tolist() == empty_table(CLIP_COLUMNS).dtypes.tolist()


@pytest.mark.parametrize("budget", ["soon", "30", "5 parsecs", -1, 2.5, None, True, "-3 min"])
def test_a_budget_nobody_understands_is_refused(budget):
    with pytest.raises(LimitError, match="budget="):
        aa.review_queue(findings(("s", 5, "a", 0.5)), budget=budget)


def test_margin_and_seconds_are_checked():
    found = findings(("s", 5, "a", 0.5))
    with pytest.raises(LimitError, match="margin="):
        aa.review_queue(found, budget=9, margin=-1)
    with pytest.raises(LimitError, match="seconds_per_frame="):
        aa.review_queue(found, budget=9, seconds_per_frame=0)


def test_a_table_without_findings_columns_is_refused():
    with pytest.raises(BoxTableError, match=r"lack \['score', 'reason'\].*audit"):
        aa.review_queue(findings().drop(columns=["score", "reason"]), budget=9)
