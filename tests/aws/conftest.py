import json

import pytest

from annotaudit.aws import mturk_client
from annotaudit.formats.mturk_xml import write_fields
from annotaudit.testing import LoopbackAmazon


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
