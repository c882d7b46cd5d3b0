import json
import threading
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from botocore.client import BaseClient

from annotaudit.aws import Session, mturk_client, set_cors
from annotaudit.formats.mturk.xml import write_fields
from annotaudit.testing import GroundTruth, LoopbackAmazon

BUCKET = "example-bucket"


@pytest.fixture(scope="module")
def server():
    with LoopbackAmazon(storage=True) as amazon:
        yield amazon


@pytest.fixture(scope="module")
def keys(server):
    return server.session()


@pytest.fixture
def cloud(server, monkeypatch):
    """Ground Truth without a job, and an empty bucket."""
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    server.s3().create_bucket(Bucket=BUCKET)
    server.ground_truth = server.services["SageMaker"] = GroundTruth(server.s3())
    server.calls.clear()
    yield server
    server.storage.forget()


@pytest.fixture
def session(cloud, keys):
    return Session(
        "us-east-1", BUCKET, "arn:aws:iam::111122223333:role/GroundTruth",
        "arn:aws:sagemaker:us-east-1:111122223333:workteam/private-crowd/hall", keys,
    )  # fmt: skip


@pytest.fixture
def ready(session):
    """Make a session whose bucket lets browsers in."""
    set_cors(session, confirm=True)
    return session


@pytest.fixture
def amazon(monkeypatch):
    with LoopbackAmazon() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_MTURK", server.endpoint)
        yield server


@pytest.fixture
def client(amazon):
    return mturk_client(session=amazon.session())


@pytest.fixture
def street():
    """Make the saved HIT of a street, and answers to it: one sign each, moved by a pixel."""

    def make(workers=3, hit="HITSTREET", kind="TYPESIGNS", status="Submitted"):
        box = {"left": 10, "top": 20, "width": 30, "height": 40, "label": "stop sign"}
        answers = [
            {
                "AssignmentId": f"{hit}A{number}",
                "WorkerId": f"AWORKER{number}",
                "AssignmentStatus": status,
                "AcceptTime": 1759995020.0,
                "SubmitTime": 1759995080.0,
                "Answer": write_fields(
                    {"annotation_data": json.dumps([box | {"left": 10 + number}])}
                ),
            }
            for number in range(workers)
        ]
        question = '<HTMLQuestion><img src="https://example.com/street.jpg"></HTMLQuestion>'
        facts = {"HITId": hit, "HITTypeId": kind, "Title": "Draw", "Reward": "0.10"}
        return facts | {"Question": question, "MaxAssignments": workers}, answers

    return make


class Killed(Exception):
    """Stands for the end of the process."""


@pytest.fixture
def dying(monkeypatch):
    """Make a context in which this process dies at its n-th call to Amazon.

    It dies before the call, or after it was carried out and before the answer arrived. What is
    yielded tells whether it died, and which files it stored.
    """
    whole = BaseClient._make_api_call
    lock = threading.Lock()

    @contextmanager
    def context(call, *, after=False):
        seen = SimpleNamespace(calls=0, died=False, stored=[])

        def call_until_death(client, operation, parameters):
            if "process_request" in threading.current_thread().name:
                return whole(client, operation, parameters)  # the loopback's own
            with lock:
                seen.calls += 1
                dies = seen.calls == call
                if seen.died or (dies and not after):
                    seen.died = True
                    raise Killed
            reply = whole(client, operation, parameters)
            if operation == "PutObject":
                seen.stored.append(parameters["Key"])
            if dies:
                seen.died = True
                if "Body" in reply:
                    reply["Body"].close()
                raise Killed
            return reply

        with monkeypatch.context() as patch:
            patch.setattr(BaseClient, "_make_api_call", call_until_death)
            try:
                yield seen
            except Exception:  # once dead, whatever other threads make of it
                if not seen.died:
                    raise

    return context
