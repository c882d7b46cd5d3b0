"""The real sagemaker-core, where it is installed, against a loopback account."""

import json
from urllib.parse import urlsplit

import boto3
import pytest

import annotaudit as aa
from annotaudit.testing.storage import LoopbackStorage

helper = pytest.importorskip(
    "sagemaker.core.helper.session_helper", reason="the extra 'sagemaker' is not installed"
)
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # of its dependencies

BUCKET = "sagemaker-us-east-1-123456789012"
ROLE = "arn:aws:iam::123456789012:role/service-role/Notebook"
TEAM = "arn:aws:sagemaker:us-east-1:123456789012:workteam/private-crowd/hall"


@pytest.fixture
def account(monkeypatch):
    storage = LoopbackStorage()
    keys = {"AWS_ACCESS_KEY_ID": "anyone", "AWS_SECRET_ACCESS_KEY": "anyone"}
    for name, value in (storage.environment | keys).items():
        monkeypatch.setenv(name, value)
    boto = boto3.Session(region_name="us-east-1")

    def stay_here(request, **_):  # sagemaker-core names Amazon's STS itself, whatever is set
        parts = urlsplit(request.url)
        if parts.hostname != "127.0.0.1":
            assert parts.hostname == "sts.us-east-1.amazonaws.com"
            request.url = storage.endpoint + (parts.path or "/")

    boto.events.register("before-send", stay_here)
    yield boto
    storage.close()


def test_its_default_bucket_is_used_and_never_made(account):
    s3 = account.client("s3")
    with pytest.raises(ValueError, match="does not exist in this account and region"):
        aa.aws.open_session(work_team=TEAM, role=ROLE, boto=account)
    assert s3.list_buckets()["Buckets"] == []
    s3.create_bucket(Bucket=BUCKET)
    assert aa.aws.open_session(work_team=TEAM, role=ROLE, boto=account).bucket == BUCKET


def test_its_role_of_a_notebook_is_taken(account, monkeypatch, tmp_path):
    account.client("s3").create_bucket(Bucket="hall")
    metadata = tmp_path / "resource-metadata.json"
    metadata.write_text(json.dumps({"ExecutionRoleArn": ROLE}))
    monkeypatch.setattr(helper, "NOTEBOOK_METADATA_FILE", str(metadata))
    session = aa.aws.open_session(work_team=TEAM, bucket="hall", boto=account)
    assert session.role == ROLE


def test_credentials_of_a_person_are_no_role(account):
    account.client("s3").create_bucket(Bucket="hall")
    with pytest.raises(ValueError, match="Name one in role="):
        aa.aws.open_session(work_team=TEAM, bucket="hall", boto=account)
