"""Disposing of HITs: by the rules, and never before their answers are saved."""

import pandas as pd
import pytest
from botocore.exceptions import ClientError

from annotaudit.aws import archive, dispose, hit_status, plan_disposal
from annotaudit.errors import BoxTableError


def dispose_all(client, saved):
    plan = plan_disposal(hit_status(client), archive=saved)
    return dispose(plan, client=client, archive=saved, confirm=True)


@pytest.fixture
def saved(tmp_path):
    return tmp_path / "answers.jsonl"


def test_nothing_is_disposed_of_before_it_is_archived(amazon, client, street, saved):
    amazon.mturk.open_hit(*street(status="Approved"))
    plan = plan_disposal(hit_status(client), archive=saved)
    assert plan["steps"].tolist() == [""]
    assert plan["reason"].tolist() == [
        "0 of 3 assignments are in the archive; run archive() first."
    ]
    results = dispose(plan, client=client, archive=saved, confirm=True)
    assert results["result"].tolist() == ["left alone"]
    assert hit_status(client)["status"].tolist() == ["Reviewable"]


def test_a_reviewed_and_archived_hit_goes(amazon, client, street, saved):
    hit = amazon.mturk.open_hit(*street(status="Approved"))
    archive(client, hit, saved)
    plan = plan_disposal(hit_status(client, hit), archive=saved)
    assert plan["steps"].tolist() == ["delete"]
    shown = dispose(plan, client=client, archive=saved)
    assert shown["result"].tolist() == ["planned"]
    assert "DeleteHIT" not in {name for name, _ in amazon.calls}
    results = dispose(plan, client=client, archive=saved, confirm=True)
    assert results[["before", "after", "result"]].to_numpy().tolist() == [
        ["Reviewable", "gone", "disposed"]
    ]
    again = dispose(plan, client=client, archive=saved, confirm=True)
    assert again["detail"].tolist() == ["It was disposed of before."]


def test_unreviewed_answers_keep_a_hit(amazon, client, street, saved):
    archive(client, amazon.mturk.open_hit(*street()), saved)
    results = dispose_all(client, saved)
    assert results["result"].tolist() == ["left alone"]
    assert results["detail"].str.startswith("3 answers wait for a decision").all()


def test_a_hit_under_review_is_reverted_first(amazon, client, street, saved):
    hit = amazon.mturk.open_hit(*street(status="Approved"))
    archive(client, hit, saved)
    client.update_hit_review_status(HITId=hit)
    plan = plan_disposal(hit_status(client), archive=saved)
    assert plan["steps"].tolist() == ["revert, delete"]
    assert dispose_all(client, saved)["result"].tolist() == ["disposed"]


def test_a_live_hit_is_expired_first(amazon, client, street, saved):
    hit, answers = street(status="Approved")
    amazon.mturk.open_hit(hit | {"Expiration": 4e9}, answers[:2])
    archive(client, "HITSTREET", saved)
    plan = plan_disposal(hit_status(client), archive=saved)
    assert plan[["status", "steps"]].to_numpy().tolist() == [["Assignable", "expire, delete"]]
    assert dispose_all(client, saved)[["before", "result"]].to_numpy().tolist() == [
        ["Assignable", "disposed"]
    ]


def test_work_that_came_in_since_the_plan_is_not_lost(amazon, client, street, saved):
    hit, answers = street(status="Approved")
    amazon.mturk.open_hit(hit | {"Expiration": 4e9}, answers[:2])
    archive(client, "HITSTREET", saved)
    plan = plan_disposal(hit_status(client), archive=saved)
    amazon.mturk.submit("HITSTREET", "ALATE", answers[2]["Answer"])
    (result,) = dispose(plan, client=client, archive=saved, confirm=True).to_dict("records")
    assert result["result"] == "left alone"
    assert result["detail"].startswith("2 of 3 assignments are in the archive")


def test_what_a_worker_holds_is_waited_for(amazon, client, street, saved):
    hit, answers = street(status="Approved")
    amazon.mturk.open_hit(hit | {"Expiration": 4e9}, answers[:2])
    amazon.mturk.hits["HITSTREET"]["NumberOfAssignmentsPending"] = 1
    archive(client, "HITSTREET", saved)
    (result,) = dispose_all(client, saved).to_dict("records")
    assert result["result"] == "expired"
    assert result["detail"].startswith("1 are with workers")


@pytest.mark.parametrize("kind", ["lost reply", "server error", "throttling"])
def test_a_bad_line_is_no_obstacle(amazon, client, street, saved, kind):
    archive(client, amazon.mturk.open_hit(*street(status="Approved")), saved)
    plan = plan_disposal(hit_status(client), archive=saved)
    amazon.fail("DeleteHIT", kind)
    results = dispose(plan, client=client, archive=saved, confirm=True)
    assert results["result"].tolist() == ["disposed"]


def test_a_refusal_is_told_and_other_errors_are_not_swallowed(
    amazon, client, street, saved, monkeypatch
):
    archive(client, amazon.mturk.open_hit(*street(status="Approved")), saved)
    plan = plan_disposal(hit_status(client), archive=saved)
    told = {"Error": {"Code": "RequestError", "Message": "no"}}

    def refuse(**_):
        raise ClientError(told, "DeleteHIT")

    monkeypatch.setattr(client, "delete_hit", refuse)
    told["TurkErrorCode"] = "AWS.MechanicalTurk.InvalidHITState"
    (result,) = dispose(plan, client=client, archive=saved, confirm=True).to_dict("records")
    assert (result["after"], result["result"], result["detail"]) == ("Reviewable", "refused", "no")
    told["TurkErrorCode"] = "AWS.MechanicalTurk.PermissionDeniedException"
    with pytest.raises(ClientError):
        dispose(plan, client=client, archive=saved, confirm=True)


def test_tables_that_are_none_are_refused(client, saved):
    with pytest.raises(BoxTableError, match="The status table lacks"):
        plan_disposal(pd.DataFrame({"hit": ["H"]}), archive=saved)
    with pytest.raises(BoxTableError, match="The plan lacks"):
        dispose(pd.DataFrame({"hit": ["H"]}), client=client, archive=saved)
