"""The loopback Amazon: an unmodified boto3 client over real HTTP, and the documented rules."""

from datetime import UTC, datetime, timedelta

import boto3
import botocore.exceptions
import pytest
from botocore.config import Config

import annotaudit.aws
from annotaudit.aws import describe_client, mturk_client
from annotaudit.testing import LoopbackAmazon

QUESTION = "<HTMLQuestion>draw</HTMLQuestion>"
HIT = {
    "Title": "Draw", "Description": "Boxes", "Reward": "0.05", "Question": QUESTION,
    "LifetimeInSeconds": 3600, "AssignmentDurationInSeconds": 600, "MaxAssignments": 2,
}  # fmt: skip


@pytest.fixture
def amazon():
    with LoopbackAmazon() as server:
        yield server


@pytest.fixture
def client(amazon, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_MTURK", amazon.endpoint)
    return mturk_client(session=amazon.session())


def code(error):
    return error.value.response["TurkErrorCode"].removeprefix("AWS.MechanicalTurk.")


def full_hit(amazon, client):
    hit = client.create_hit(**HIT)["HIT"]["HITId"]
    return hit, [amazon.mturk.submit(hit, f"AWORKER{n}", "<QuestionFormAnswers/>") for n in (1, 2)]


def test_the_client_says_that_no_money_is_at_stake(client):
    assert describe_client(client)["money"] == "no: a server on this machine"


def test_a_hit_lives_as_documented(amazon, client):
    hit = client.create_hit(**HIT)["HIT"]
    assert hit["HITStatus"] == "Assignable"
    amazon.mturk.submit(hit["HITId"], "AWORKER1", "<QuestionFormAnswers/>")
    amazon.mturk.submit(hit["HITId"], "AWORKER2", "<QuestionFormAnswers/>")
    assert client.get_hit(HITId=hit["HITId"])["HIT"]["HITStatus"] == "Reviewable"
    with pytest.raises(client.exceptions.RequestError) as error:
        client.delete_hit(HITId=hit["HITId"])
    assert code(error) == "InvalidHITState"
    for work in client.list_assignments_for_hit(HITId=hit["HITId"])["Assignments"]:
        client.approve_assignment(AssignmentId=work["AssignmentId"])
    client.delete_hit(HITId=hit["HITId"])
    with pytest.raises(client.exceptions.RequestError) as error:
        client.get_hit(HITId=hit["HITId"])
    assert code(error) == "HITDoesNotExist"


def test_work_is_paid_once(amazon, client):
    _, (work, _) = full_hit(amazon, client)
    client.approve_assignment(AssignmentId=work)
    with pytest.raises(client.exceptions.RequestError) as error:
        client.approve_assignment(AssignmentId=work)
    assert code(error) == "InvalidAssignmentState"
    assert [name for name, _ in amazon.mturk.paid] == [work]
    assert client.get_account_balance()["AvailableBalance"] == "9999.94"


def test_a_rejection_needs_a_reason_and_can_be_overridden_for_30_days(amazon, client):
    _, (new, old) = full_hit(amazon, client)
    for work in (new, old):
        client.reject_assignment(AssignmentId=work, RequesterFeedback="no box drawn")
    long_ago = datetime.now(UTC) - timedelta(days=31)
    amazon.mturk.assignments[old]["SubmitTime"] = long_ago
    client.approve_assignment(AssignmentId=new, OverrideRejection=True)
    with pytest.raises(client.exceptions.RequestError) as error:
        client.approve_assignment(AssignmentId=old, OverrideRejection=True)
    assert code(error) == "InvalidAssignmentState"


def test_a_token_makes_a_hit_once_and_pays_a_bonus_once(amazon, client):
    client.create_hit(**HIT, UniqueRequestToken="same")
    with pytest.raises(client.exceptions.RequestError) as error:
        client.create_hit(**HIT, UniqueRequestToken="same")
    assert code(error) == "HitAlreadyExists"
    _, (work, _) = full_hit(amazon, client)
    bonus = {"WorkerId": "AWORKER1", "BonusAmount": "1.00", "AssignmentId": work, "Reason": "good"}
    client.send_bonus(**bonus, UniqueRequestToken="b")
    with pytest.raises(client.exceptions.RequestError):
        client.send_bonus(**bonus, UniqueRequestToken="b")
    assert len(amazon.mturk.bonuses) == 1


def test_all_pages_come_in_order(amazon, client):
    hit = client.create_hit(**{**HIT, "MaxAssignments": 23})["HIT"]["HITId"]
    made = [amazon.mturk.submit(hit, f"AWORKER{n}", "") for n in range(23)]
    pages = client.get_paginator("list_assignments_for_hit").paginate(HITId=hit)
    listed = [work["AssignmentId"] for page in pages for work in page["Assignments"]]
    assert listed == made


def test_money_comes_to_an_end(amazon, client):
    amazon.mturk.balance *= 0
    _, (work, _) = full_hit(amazon, client)
    with pytest.raises(client.exceptions.RequestError) as error:
        client.approve_assignment(AssignmentId=work)
    assert code(error) == "InsufficientFunds"


def test_a_wrong_secret_is_refused(amazon):
    thief = boto3.Session(
        aws_access_key_id="AKIALOOPBACKEXAMPLE0", aws_secret_access_key="guessed",
        region_name="us-east-1",
    ).client("mturk", endpoint_url=amazon.endpoint)  # fmt: skip
    with pytest.raises(botocore.exceptions.ClientError, match="InvalidSignatureException"):
        thief.get_account_balance()


def test_a_request_outside_the_model_is_refused(amazon):
    careless = amazon.session().client(
        "mturk", endpoint_url=amazon.endpoint, config=Config(parameter_validation=False)
    )
    with pytest.raises(botocore.exceptions.ClientError, match="Reward: found '5 cents'"):
        careless.create_hit(**{**HIT, "Reward": "5 cents"})


def impatient(amazon):
    once = Config(retries={"total_max_attempts": 1}, read_timeout=5)
    return amazon.session().client("mturk", endpoint_url=amazon.endpoint, config=once)


@pytest.mark.parametrize(
    ("kind", "done"),
    [
        ("server error", 0),
        ("throttling", 0),
        ("expired token", 0),
        ("no funds", 0),
        ("lost reply", 1),
    ],
)
def test_a_fault_comes_once_and_only_a_lost_reply_leaves_something_done(amazon, kind, done):
    client = impatient(amazon)
    amazon.fail("CreateHIT", kind)
    with pytest.raises((botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError)):
        client.create_hit(**HIT)
    assert len(amazon.mturk.hits) == done
    client.create_hit(**HIT)


def test_a_truncated_reply_reaches_the_caller_as_one_without_its_members(amazon):
    # botocore takes JSON that breaks off for an empty reply, so whoever calls has to look.
    amazon.fail("CreateHIT", "truncated reply")
    assert "HIT" not in impatient(amazon).create_hit(**HIT)
    assert len(amazon.mturk.hits) == 1


def test_a_patient_client_survives_a_server_error(amazon, client):
    amazon.fail("GetAccountBalance", "server error")
    assert client.get_account_balance()["AvailableBalance"] == "10000.00"


def test_it_listens_on_this_machine_only(amazon):
    assert amazon.endpoint.startswith("http://127.0.0.1:")


def test_an_archive_comes_back_to_life(amazon, client, tmp_path):
    hit, names = full_hit(amazon, client)
    annotaudit.aws.archive(client, hit, tmp_path / "a.jsonl")
    with LoopbackAmazon() as other:
        assert other.mturk.open_saved(tmp_path / "a.jsonl") == [hit]
        again = other.session().client("mturk", endpoint_url=other.endpoint)
        shown = again.get_hit(HITId=hit)["HIT"]
        assert (shown["HITStatus"], shown["Reward"]) == ("Reviewable", "0.05")
        listed = again.list_assignments_for_hit(HITId=hit)["Assignments"]
        assert [work["AssignmentId"] for work in listed] == names
        assert listed[0]["WorkerId"] == "AWORKER1"


def test_answers_without_their_hit_get_one(amazon, tmp_path):
    path = tmp_path / "one.json"
    path.write_text('{"Assignments": [{"AssignmentId": "A", "WorkerId": "AW", "Answer": ""}]}')
    assert amazon.mturk.open_saved(path) == ["SAVED"]
