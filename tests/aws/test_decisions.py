"""The plan: what happens to each assignment, why, and what it costs."""

import pandas as pd
import pytest

from annotaudit.aws import plan_reviews
from annotaudit.errors import BoxTableError, LimitError


@pytest.fixture
def assigned():
    return pd.DataFrame(
        {
            "assignment": ["A1", "A2", "A3", "A4"],
            "hit": "H1",
            "annotator": ["ann", "bob", "cem", "dan"],
            "status": ["Submitted", "Submitted", "Submitted", "Rejected"],
            "answered": [True, True, False, True],
            "boxes": [2, 0, 0, 1],
            "work_time_s": [40.0, 3.0, 9.0, 30.0],
        }
    )


def decisions(plan):
    return dict(zip(plan["assignment"], plan["decision"], strict=True))


def test_nothing_is_rejected_by_a_number(assigned):
    plan = plan_reviews(assigned, reward="0.05", agreement=pd.Series({"A1": 0.0, "A2": 0.0}))
    assert "reject" not in set(plan["decision"])
    assert decisions(plan)["A1"] == "look again"


def test_only_named_assignments_are_rejected_and_their_workers_read_why(assigned):
    plan = plan_reviews(assigned, reward="0.05", reject={"A2": "You drew no box at all."})
    rejected = plan[plan["decision"] == "reject"]
    assert rejected["assignment"].tolist() == ["A2"]
    assert rejected["reason"].tolist() == ["You drew no box at all."]
    assert rejected["cost"].tolist() == [0]


def test_work_without_an_answer_is_looked_at_and_work_without_boxes_may_be_right(assigned):
    plan = plan_reviews(assigned, reward="0.05")
    assert decisions(plan)["A3"] == "look again"
    assert decisions(plan)["A2"] == "approve"


def test_the_price_has_fees_and_at_least_a_cent(assigned):
    plan = plan_reviews(assigned, reward="0.02", bonus={"A1": 1.00})
    assert plan.set_index("assignment")["cost"].to_dict() == {
        "A1": pytest.approx(0.03 + 1.20), "A2": 0.03, "A3": 0, "A4": 0
    }  # fmt: skip


def test_hits_with_ten_assignments_cost_a_further_fifth():
    many = pd.DataFrame(
        {
            "assignment": [f"A{n}" for n in range(10)],
            "hit": "H",
            "annotator": "x",
            "status": "Submitted",
            "answered": True,
            "boxes": 1,
        }
    )
    assert plan_reviews(many, reward="1.00")["cost"].unique().tolist() == [1.40]


def test_a_rejection_can_be_taken_back(assigned):
    plan = plan_reviews(assigned, reward="0.05", approve_after_all={"A4": "our mistake"})
    assert decisions(plan)["A4"] == "approve after all"


def test_agreement_may_be_given_by_worker(assigned):
    plan = plan_reviews(assigned, reward="0.05", agreement=pd.Series({"ann": 0.9, "bob": 0.2}))
    assert decisions(plan) == {
        "A1": "approve", "A2": "look again", "A3": "look again", "A4": "nothing to do"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"reward": "five cents"}, "reward='five cents'"),
        ({"reward": "-1"}, "0 or more"),
        ({"reward": "0.005"}, "whole cents"),
        ({"reward": "nan"}, "whole cents"),
        ({"reward": "1", "reject": {"A9": "no"}}, "'A9', which is not among the 4"),
        ({"reward": "1", "reject": {"A1": ""}}, "reject\\['A1'\\]"),
        ({"reward": "1", "reject": {"A1": "x" * 1025}}, "1 to 1024 characters"),
        ({"reward": "1", "reject": {"A1": "bell \x07"}}, "control characters"),
        ({"reward": "1", "bonus": {"A1": "lots"}}, "bonus='lots'"),
        ({"reward": "1", "min_agreement": 70}, "min_agreement=70"),
    ],
)
def test_a_wrong_option_is_refused_by_name(assigned, options, told):
    with pytest.raises(LimitError, match=told):
        plan_reviews(assigned, **options)


def test_an_assignment_in_the_table_twice_would_be_paid_twice_and_is_refused(assigned):
    with pytest.raises(BoxTableError, match="'A1' is in the table more than once"):
        plan_reviews(pd.concat([assigned, assigned.iloc[:1]]), reward="1")


def test_the_reward_and_the_places_of_the_hit_are_in_the_table(assigned):
    told = assigned.assign(reward="0.05", max_assignments=12.0)
    plan = plan_reviews(told)
    assert plan.loc[plan["decision"] == "approve", "cost"].unique().tolist() == [0.07]
    assert plan_reviews(assigned, reward="0.05")["cost"].max() == 0.06


@pytest.mark.parametrize("reward", [None, "five cents", "0.005", "-1"])
def test_no_reward_is_made_up(assigned, reward):
    told = assigned.assign(reward=reward)
    with pytest.raises(LimitError, match="reward"):
        plan_reviews(told)
