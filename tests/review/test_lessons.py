import numpy as np
import pandas as pd
import pytest

from annotaudit.errors import BoxTableError, LimitError
from annotaudit.review import Ledger, suggest_limits, summary

RISING = 0.30 + 0.02 * np.arange(20)


@pytest.fixture
def judged(tmp_path):
    """Make size jumps of .30, .32, ... over a limit of .25, and judge them."""

    def judge(verdicts, values=RISING, limit=0.25):
        findings = pd.DataFrame(
            {
                "sequence": "street",
                "frame": range(len(verdicts)),
                "track": "car:1",
                "annotator": "ann",
                "rule": "size-jump",
                "score": 0.5,
                "left": 1.0,
                "top": 1.0,
                "width": 9.0,
                "height": 9.0,
                "value": values[: len(verdicts)],
                "limit": limit,
                "unit": "share of area",
            }
        )
        ledger = Ledger(tmp_path / "verdicts.jsonl")
        for (_, finding), verdict in zip(findings.iterrows(), verdicts, strict=True):
            ledger.append(finding, verdict)
        return findings, ledger.read()

    return judge


def test_precision_of_a_rule_and_its_wilson_interval(judged):
    _, verdicts = judged(["mistake"] * 8 + ["fine"] * 2 + ["unsure"])
    row = summary(verdicts).iloc[0]
    assert row[["rule", "reviewed", "mistake", "fine", "unsure"]].tolist() == [
        "size-jump", 11, 8, 2, 1,
    ]  # fmt: skip
    assert row["precision"] == 0.8
    # By hand: z = 1.96, z² = 3.8415; (0.8 + z²/20 ± z·sqrt(.16/10 + z²/400)) / (1 + z²/10)
    assert row["low"] == pytest.approx(0.4902, abs=1e-4)
    assert row["high"] == pytest.approx(0.9433, abs=1e-4)


def test_a_finding_judged_twice_counts_once(judged, tmp_path):
    findings, _ = judged(["fine"])
    ledger = Ledger(tmp_path / "verdicts.jsonl")
    ledger.append(findings.iloc[0], "mistake")
    assert summary(ledger.read())[["mistake", "fine"]].to_numpy().tolist() == [[1, 0]]


def test_only_unsure_means_the_precision_is_unknown(judged):
    _, verdicts = judged(["unsure"] * 3)
    assert summary(verdicts)[["precision", "low", "high"]].isna().all(axis=None)


def test_no_verdicts_no_rules(judged):
    findings, verdicts = judged([])
    assert summary(verdicts).empty
    assert suggest_limits(findings, verdicts).empty


@pytest.mark.parametrize(
    ("values", "limit", "suggested"),
    [
        (RISING, 0.25, 0.53),  # between .52, fine, and .54, a mistake
        (RISING * (-1.0) ** np.arange(20), 0.25, 0.53),  # growing and shrinking alike
        (0.75 - RISING, 0.5, 0.22),  # an overlap may fall below its limit
    ],
)
def test_a_limit_moves_between_the_fine_and_the_mistakes(judged, values, limit, suggested):
    findings, verdicts = judged(["fine"] * 12 + ["mistake"] * 8, values, limit)
    row = suggest_limits(findings, verdicts).iloc[0]
    assert row["limit"] == limit
    assert row["suggested"] == pytest.approx(suggested)
    assert row[["mistake", "fine", "mistake_kept", "fine_kept"]].tolist() == [8, 12, 8, 0]


def test_a_mistake_is_worth_some_fine_boxes(judged):
    verdicts = ["mistake"] + ["fine"] * 5 + ["mistake"] * 6
    findings, verdicts = judged(verdicts)
    frugal = suggest_limits(findings, verdicts, worth=3).iloc[0]
    thorough = suggest_limits(findings, verdicts, worth=6).iloc[0]
    assert frugal[["mistake_kept", "fine_kept"]].tolist() == [6, 0]
    assert thorough["suggested"] == 0.25
    assert thorough["reason"] == "The limit fits the verdicts."


def test_few_verdicts_move_nothing(judged):
    findings, verdicts = judged(["fine"] * 5 + ["mistake"] * 4)
    row = suggest_limits(findings, verdicts).iloc[0]
    assert row["suggested"] == 0.25
    assert row["reason"] == "9 verdicts; 10 are needed to refit it."


def test_a_rule_that_is_never_right_gets_no_limit(judged):
    findings, verdicts = judged(["fine"] * 10)
    row = suggest_limits(findings, verdicts).iloc[0]
    assert np.isnan(row["suggested"])
    assert "leave this rule out" in row["reason"]


def test_a_rule_without_limit_is_not_refitted(judged):
    findings, verdicts = judged(["fine"] * 10)
    assert suggest_limits(findings.assign(limit=np.nan), verdicts).empty


def test_options_out_of_range_are_refused(judged):
    findings, verdicts = judged(["fine"])
    with pytest.raises(LimitError, match="found 0"):
        suggest_limits(findings, verdicts, worth=0)
    with pytest.raises(LimitError, match="confidence"):
        summary(verdicts, confidence=95)
    with pytest.raises(BoxTableError, match="value"):
        suggest_limits(findings.drop(columns="value"), verdicts)
