"""Where a job runs: asked of the account, created nowhere, shown without numbers."""

import builtins
import sys
import types

import pytest

import annotaudit as aa
from annotaudit.aws.sessions import check_bucket

ROLE = "arn:aws:iam::111122223333:role/service-role/Notebook"
TEAM = "arn:aws:sagemaker:us-east-1:111122223333:workteam/private-crowd/hall"


class Bucket:
    def __init__(self, region):
        self.region = region

    def get_bucket_location(self, Bucket):
        return {"LocationConstraint": self.region}


@pytest.fixture
def reachable(monkeypatch):
    monkeypatch.setattr("annotaudit.aws.sessions.check_bucket", lambda *_: None)


def test_a_notebook_s_role_is_found_with_the_extra(monkeypatch, reachable):
    helper = types.ModuleType("sagemaker.core.helper.session_helper")
    helper.get_execution_role = lambda: ROLE
    for name in ("sagemaker", "sagemaker.core", "sagemaker.core.helper"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, helper.__name__, helper)
    session = aa.aws.open_session(work_team=TEAM, bucket="hall", region="us-east-1")
    assert session.role == ROLE
    assert session.describe()["role"] == "service-role/Notebook"


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
