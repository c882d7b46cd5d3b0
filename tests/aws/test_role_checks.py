"""What a role lacks, asked of moto's IAM over HTTP; moto does not play the policy simulator."""

import json

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

import annotaudit as aa
from annotaudit.aws import role_checks
from annotaudit.aws.role_checks import TRUST, role_facts
from annotaudit.testing.storage import LoopbackStorage

ACCOUNT = "123456789012"  # moto's
ROLE = f"arn:aws:iam::{ACCOUNT}:role/GroundTruth"
TEAM = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:workteam/private-crowd/hall"
READS = ["s3://hall/img/1.jpg", "s3://hall/img/2.jpg"]
WRITES = ["s3://hall/out/x"]


@pytest.fixture(scope="module")
def storage():
    storage = LoopbackStorage()
    yield storage
    storage.close()


@pytest.fixture
def account(storage, monkeypatch):
    keys = {"AWS_ACCESS_KEY_ID": "anyone", "AWS_SECRET_ACCESS_KEY": "anyone",
            "AWS_DEFAULT_REGION": "us-east-1"}  # fmt: skip
    for name, value in (storage.environment | keys).items():
        monkeypatch.setenv(name, value)
    session = aa.aws.Session("us-east-1", "hall", ROLE, TEAM)
    session.s3().create_bucket(Bucket="hall")
    yield session
    storage.forget()


@pytest.fixture
def iam(account, monkeypatch):
    """IAM of the account; the simulator's answers are given by each test."""
    whole = role_checks.make_client
    client = whole("iam", region="us-east-1")
    monkeypatch.setattr(
        role_checks, "make_client",
        lambda service, **more: client if service == "iam" else whole(service, **more),
    )  # fmt: skip
    return client


def make_role(iam, trust=TRUST, **more):
    policy = {"Version": "2012-10-17", "Statement": [trust]}
    iam.create_role(RoleName="GroundTruth", AssumeRolePolicyDocument=json.dumps(policy), **more)


def decisions(monkeypatch, iam, **decided):
    """Let the simulator decide by action: allowed, implicitDeny, explicitDeny, or an error."""
    asked = []

    def simulate(*, PolicySourceArn, ActionNames, ResourceArns):
        (action,), (resource,) = ActionNames, ResourceArns
        asked.append((action, resource))
        answer = decided[action.removeprefix("s3:")]
        with Stubber(iam) as stub:  # holds question and answer against AWS's model
            expected = {"PolicySourceArn": PolicySourceArn, "ActionNames": ActionNames,
                        "ResourceArns": ResourceArns}  # fmt: skip
            if answer == "AccessDenied":
                stub.add_client_error("simulate_principal_policy", answer, expected_params=expected)
            else:
                result = {"EvalActionName": action, "EvalDecision": answer}
                reply = {"EvaluationResults": [result]}
                stub.add_response("simulate_principal_policy", reply, expected)
            return whole(**expected)

    whole = iam.simulate_principal_policy
    monkeypatch.setattr(iam, "simulate_principal_policy", simulate)
    return asked


def facts(session):
    return role_facts(session, reads=READS, writes=WRITES)


def test_a_role_that_can_do_its_work_is_no_news(account, iam, monkeypatch):
    make_role(iam)
    asked = decisions(monkeypatch, iam, GetObject="allowed", PutObject="allowed")
    assert facts(account).empty
    assert asked == [  # one question for each folder
        ("s3:GetObject", "arn:aws:s3:::hall/img/1.jpg"), ("s3:PutObject", "arn:aws:s3:::hall/out/x")
    ]  # fmt: skip


def test_a_role_that_does_not_exist_is_an_error(account):
    (found,) = facts(account).to_dict("records")
    assert (found["severity"], found["found"]) == ("error", "no such role")
    assert "role=" in found["what"]


@pytest.mark.parametrize(
    "trust",
    [
        TRUST | {"Principal": {"Service": "lambda.amazonaws.com"}},
        TRUST | {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}},
        TRUST | {"Action": "sts:TagSession"},
        TRUST | {"Effect": "Deny"},
    ],
)
def test_a_role_that_ground_truth_may_not_take_on_is_an_error(account, iam, monkeypatch, trust):
    make_role(iam, trust)
    decisions(monkeypatch, iam, GetObject="allowed", PutObject="allowed")
    (found,) = facts(account).to_dict("records")
    assert found["severity"] == "error" and "may not take it on" in found["found"]
    assert json.loads(found["what"].partition(": ")[2]) == TRUST


@pytest.mark.parametrize(
    "trust",
    [
        TRUST | {"Principal": {"Service": ["ec2.amazonaws.com", "sagemaker.amazonaws.com"]}},
        TRUST | {"Action": ["sts:Assume*"]},
    ],
)
def test_trust_may_be_written_in_several_ways(account, iam, monkeypatch, trust):
    make_role(iam, trust)
    decisions(monkeypatch, iam, GetObject="allowed", PutObject="allowed")
    assert facts(account).empty


def test_a_role_that_cannot_read_the_bucket_is_an_error_with_the_right_to_add(
    account, iam, monkeypatch
):
    make_role(iam)
    decisions(monkeypatch, iam, GetObject="implicitDeny", PutObject="allowed")
    (found,) = facts(account).to_dict("records")
    assert found["severity"] == "error" and found["found"].startswith("may not read s3://hall/img")
    assert found["what"] == "Allow the role s3:GetObject on arn:aws:s3:::hall/*."


def test_what_the_bucket_s_policy_may_allow_is_a_note_but_not_what_is_forbidden(
    account, iam, monkeypatch
):
    make_role(iam)
    policy = {"Version": "2012-10-17", "Statement": []}
    account.s3().put_bucket_policy(Bucket="hall", Policy=json.dumps(policy))
    decisions(monkeypatch, iam, GetObject="implicitDeny", PutObject="explicitDeny")
    found = facts(account)
    assert found["severity"].tolist() == ["note", "error"]
    assert "bucket's own policy" in found["what"].iloc[0]


def test_not_being_allowed_to_ask_is_a_note(account, iam, monkeypatch):
    make_role(iam)
    decisions(monkeypatch, iam, GetObject="AccessDenied")
    (found,) = facts(account).to_dict("records")
    assert found["severity"] == "note" and "AccessDenied" in found["found"]

    def denied(**_):
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "GetRole")

    monkeypatch.setattr(iam, "get_role", denied)
    (found,) = facts(account).to_dict("records")
    assert found["severity"] == "note" and "GetRole: AccessDenied" in found["found"]


def test_a_service_that_does_not_answer_is_a_note(account, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")  # nobody listens there
    (found,) = facts(account).to_dict("records")
    assert found["severity"] == "note" and "could not be asked" in found["found"]


def test_a_role_of_another_account_is_a_note_without_its_number(account):
    session = aa.aws.Session("us-east-1", "hall", ROLE.replace(ACCOUNT, "111122223333"), TEAM)
    found = facts(session)
    assert found["severity"].tolist() == ["note"]
    assert "111122223333" not in found.to_string()


def test_an_arn_without_the_role_s_path_is_an_error(account, iam, monkeypatch):
    make_role(iam, Path="/service-role/")
    decisions(monkeypatch, iam, GetObject="allowed", PutObject="allowed")
    (found,) = facts(account).to_dict("records")
    assert found["severity"] == "error" and "service-role/GroundTruth" in found["found"]


@pytest.mark.parametrize("role", ["GroundTruth", "arn:aws:iam::1:role/x", ROLE + "/../x y"])
def test_what_is_no_arn_is_an_error_and_nobody_is_asked(role):
    session = aa.aws.Session("us-east-1", "hall", role, TEAM)
    assert facts(session)["severity"].tolist() == ["error"]
