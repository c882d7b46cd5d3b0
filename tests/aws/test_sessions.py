"""Where a job runs: asked of the account, created nowhere, shown without numbers."""

import builtins
import sys
import types

import boto3
import pytest

import annotaudit as aa
from annotaudit.aws.sessions import check_bucket
from annotaudit.testing.storage import LoopbackStorage

ROLE = "arn:aws:iam::111122223333:role/service-role/Notebook"
TEAM = "arn:aws:sagemaker:us-east-1:111122223333:workteam/private-crowd/hall"


class Bucket:
    def __init__(self, region):
        self.region = region

    def get_bucket_location(self, Bucket):
        return {"LocationConstraint": self.region}


@pytest.fixture
def reachable(monkeypatch):
    monkeypatch.setattr("annotaudit.aws.sessions.check_bucket", lambda *_, **__: None)


@pytest.fixture
def account(monkeypatch):
    """Moto's account; anything else than this machine is out of reach."""
    storage = LoopbackStorage()
    keys = {"AWS_ACCESS_KEY_ID": "anyone", "AWS_SECRET_ACCESS_KEY": "anyone"}
    for name, value in (storage.environment | keys).items():
        monkeypatch.setenv(name, value)
    boto = boto3.Session(region_name="us-east-1")
    yield boto
    storage.close()


@pytest.fixture
def core(monkeypatch, account):
    """Stand in for sagemaker-core, which makes the default bucket if there is none."""
    helper = types.ModuleType("sagemaker.core.helper.session_helper")

    class Session:
        def __init__(self, boto_session):
            self.s3 = boto_session.client("s3")

        def default_bucket(self):
            if "settings-bucket" not in [b["Name"] for b in self.s3.list_buckets()["Buckets"]]:
                self.s3.create_bucket(Bucket="settings-bucket")
            return "settings-bucket"

    helper.Session, helper.get_execution_role = Session, lambda session: ROLE
    package = types.ModuleType("sagemaker.core.helper")
    package.session_helper = helper
    for name in ("sagemaker", "sagemaker.core"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, package.__name__, package)
    monkeypatch.setitem(sys.modules, helper.__name__, helper)
    return helper


def buckets(boto):
    return [bucket["Name"] for bucket in boto.client("s3").list_buckets()["Buckets"]]


def test_a_notebook_s_role_is_found_with_the_extra(core, account, reachable):
    session = aa.aws.open_session(work_team=TEAM, bucket="hall", boto=account)
    assert session.role == ROLE
    assert session.describe()["role"] == "service-role/Notebook"


def test_credentials_that_are_no_role_s_are_told_what_to_name(core, account, reachable):
    def refuse(session):
        raise ValueError("The current AWS identity is not a role: arn:aws:iam::1:user/ann")

    core.get_execution_role = refuse
    with pytest.raises(ValueError, match="Name one in role=") as error:
        aa.aws.open_session(work_team=TEAM, bucket="hall", boto=account)
    assert "user/ann" not in str(error.value)


def test_sagemaker_s_default_bucket_is_used_and_never_made(core, account):
    with pytest.raises(ValueError, match="does not exist in this account and region"):
        aa.aws.open_session(work_team=TEAM, boto=account)
    assert buckets(account) == []
    account.client("s3").create_bucket(Bucket="settings-bucket")  # who wants to, still can
    assert aa.aws.open_session(work_team=TEAM, boto=account).bucket == "settings-bucket"


def test_without_the_extra_the_default_bucket_goes_by_its_name_and_owner(account, monkeypatch):
    monkeypatch.setattr("annotaudit.aws.sessions._sagemaker_core", lambda: None)
    with pytest.raises(ValueError, match="sagemaker-us-east-1-123456789012' cannot be reached"):
        aa.aws.open_session(work_team=TEAM, role=ROLE, boto=account)
    assert buckets(account) == []
    account.client("s3").create_bucket(Bucket="sagemaker-us-east-1-123456789012")
    asked = []
    account.events.register(
        "provide-client-params.s3.GetBucketLocation", lambda params, **_: asked.append(params)
    )
    session = aa.aws.open_session(work_team=TEAM, role=ROLE, boto=account)
    assert session.bucket == "sagemaker-us-east-1-123456789012"
    assert asked[0]["ExpectedBucketOwner"] == "123456789012"  # others may have taken the name


def test_without_credentials_the_default_bucket_cannot_be_found(account, monkeypatch):
    monkeypatch.setattr("annotaudit.aws.sessions._sagemaker_core", lambda: None)
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setattr("time.sleep", lambda _: None)  # between tries
    with pytest.raises(ValueError, match="Name a bucket in bucket="):
        aa.aws.open_session(work_team=TEAM, role=ROLE, boto=account)


def test_b02_without_the_extra_the_role_has_to_be_named(monkeypatch, reachable):
    whole = builtins.__import__

    def without(name, *arguments):
        if name.startswith("sagemaker"):
            raise ImportError(name)
        return whole(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ValueError, match=r"annotaudit\[sagemaker\]"):
        aa.aws.open_session(work_team=TEAM, bucket="hall", region="us-east-1")


def test_the_oldest_regions_answer_as_they_always_did():
    check_bucket(Bucket(None), "hall", "us-east-1")
    check_bucket(Bucket("EU"), "hall", "eu-west-1")
    with pytest.raises(ValueError, match=r"Use region='us-west-2', or a bucket in us-east-1"):
        check_bucket(Bucket("us-west-2"), "hall", "us-east-1")


@pytest.mark.parametrize("bucket", ["s3://hall", "Hall", "h", "hall/frames"])
def test_what_is_no_name_of_a_bucket_is_refused(bucket):
    with pytest.raises(ValueError, match="no name of a bucket"):
        aa.aws.Session("us-east-1", bucket, ROLE, TEAM)
