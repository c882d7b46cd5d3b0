"""Annotators against gold: who found what, and how sure that is."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from annotaudit.boxes import Labels
from annotaudit.metrics.gold import accuracy, compare_to_gold, wilson


def table(*boxes, frame=0, label="sign", annotator="gold"):
    return pd.DataFrame(boxes, columns=["left", "top", "width", "height"], dtype=float).assign(
        sequence="street", frame=frame, track=None, label=label, annotator=annotator
    )


GOLD = table((100, 100, 50, 50))


def test_a_worker_who_missed_completely_scores_no_hit():
    # An overlap formula without a floor at 0 gives boxes that lie apart more than 1.
    outcomes = compare_to_gold(table((400, 400, 50, 50), annotator="far"), GOLD)
    assert outcomes["outcome"].tolist() == ["false positive", "false negative"]
    assert accuracy(outcomes).loc["far", ["precision", "recall", "f1"]].tolist() == [0, 0, 0]


def test_a_worker_who_drew_nothing_missed_what_they_looked_at():
    looked = pd.DataFrame({"sequence": "street", "frame": [0], "annotator": ["idle"]})
    outcomes = compare_to_gold(GOLD.iloc[:0], GOLD, looked=looked)
    assert outcomes[["annotator", "outcome"]].to_numpy().tolist() == [["idle", "false negative"]]


def test_each_worker_is_judged_alone():
    both = pd.concat([table((100, 100, 50, 40), annotator=name) for name in ("ann", "bob")])
    outcomes = compare_to_gold(both.reset_index(drop=True), GOLD)
    assert outcomes["outcome"].tolist() == ["true positive"] * 2
    assert outcomes["iou"].tolist() == pytest.approx([0.8, 0.8])


def test_a_wrong_label_is_no_hit_unless_labels_do_not_matter():
    wrong = table((100, 100, 50, 50), label="tree", annotator="ann")
    assert "true positive" not in set(compare_to_gold(wrong, GOLD)["outcome"])
    assert set(compare_to_gold(wrong, GOLD, same_label=False)["outcome"]) == {"true positive"}


def test_the_caller_can_find_each_box_again():
    drawn = table((100, 100, 50, 50), (0, 0, 5, 5), annotator="ann").set_index(pd.Index([7, 3]))
    outcomes = compare_to_gold(drawn, GOLD)
    assert outcomes.loc[:1, "box"].tolist() == [7, 3]


def test_shares_are_counted_by_label_and_annotator():
    drawn = pd.concat(
        [
            table((100, 100, 50, 50), (0, 0, 5, 5), annotator="ann"),
            table((0, 0, 9, 9), annotator="bob"),
        ],
        ignore_index=True,
    )
    shares = accuracy(compare_to_gold(drawn, GOLD), by=("annotator", "label"))
    assert shares.loc[("ann", "sign"), "precision"] == 0.5
    assert shares.loc[("ann", "sign"), "recall"] == 1
    assert shares.loc[("bob", "sign"), "precision"] == 0
    assert np.isnan(shares.loc[("bob", "sign"), "mean_iou"])


@pytest.mark.parametrize(("hits", "total"), [(0, 5), (3, 5), (5, 5), (50, 1000)])
def test_intervals_are_scipys(hits, total):
    share, low, high = wilson(np.array([hits], float), np.array([total], float))
    theirs = binomtest(hits, total).proportion_ci(method="wilson")
    assert (share[0], low[0], high[0]) == pytest.approx((hits / total, theirs.low, theirs.high))


def test_nothing_to_count_is_unknown():
    share, low, high = wilson(np.array([0.0]), np.array([0.0]))
    assert np.isnan([share[0], low[0], high[0]]).all()


def test_images_that_gold_does_not_know_are_not_judged():
    drawn = pd.concat([table((0, 0, 9, 9), frame=n, annotator="ann") for n in range(3)])
    known = Labels(GOLD, pd.DataFrame({"sequence": "street", "frame": [0, 1]}))
    outcomes = compare_to_gold(drawn, known)
    # On image 1 gold looked and there is nothing; image 2 it never saw.
    assert outcomes["frame"].tolist() == [0, 1, 0]
    assert outcomes["outcome"].tolist() == ["false positive"] * 2 + ["false negative"]
    assert len(compare_to_gold(drawn, GOLD)) == len(compare_to_gold(drawn, Labels(GOLD))) == 4
