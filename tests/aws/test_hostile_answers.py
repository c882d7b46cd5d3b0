"""Answers written by an enemy: no crash, no request, nothing run, and nobody paid wrongly."""

import json
import socket

import matplotlib.pyplot as plt
import pandas as pd
import pytest

import annotaudit as aa
from annotaudit.aws import assignments, plan_reviews, pull_hits, submit_reviews
from annotaudit.errors import FrameError, LimitError
from annotaudit.formats.mturk.xml import write_fields
from annotaudit.frames import open_image

BOX = {"left": 10, "top": 20, "width": 30, "height": 40}
LABELS = [
    "$\\frac{1$",
    "<script>alert(1)</script>",
    "=HYPERLINK(1)",
    "\u202egnp.exe\u0000\u001b[2J",
    "x" * 100_000,
    "{{7*7}} %s %(x)s ${HOME} `id`",
]
PRIVATE = [
    "http://169.254.169.254/latest/meta-data/iam/role.jpg",
    "https://127.0.0.1/a.jpg",
    "https://[::ffff:10.0.0.1]/a.jpg",
    "file:///etc/passwd",
    "https://100.100.100.200/a.jpg",
]


def answer(boxes):
    return write_fields({"annotation_data": json.dumps(boxes)})


@pytest.fixture
def hostile(amazon, street):
    """Eight workers: six with hostile labels, two with hostile numbers."""
    hit, work = street(workers=8)
    for one, label in zip(work, LABELS, strict=False):
        one["Answer"] = answer([BOX | {"label": label}])
    work[6]["Answer"] = answer([BOX | {"left": 1e308, "width": 1e308, "label": "far"}])
    work[7]["Answer"] = answer([BOX | {"left": None, "width": "NaN", "label": True}] * 3)
    return amazon.mturk.open_hit(hit, work)


def test_hostile_labels_are_drawn_audited_and_saved_as_text(client, hostile, tmp_path):
    labels = pull_hits(client, hostile)
    assert len(assignments(labels)) == 8
    ax = aa.draw_boxes(None, labels.boxes, tags="label", size=(800, 600))
    ax.figure.canvas.draw()
    plt.close(ax.figure)
    shown = aa.show_findings(aa.audit(labels))
    assert "<script" not in shown._repr_html_()
    again = aa.load(aa.save(labels, tmp_path / "again.csv"), sequence="TYPESIGNS")
    assert again.boxes["label"].tolist() == labels.boxes["label"].tolist()
    cells = pd.read_csv(tmp_path / "again.csv", dtype=str).melt()["value"].dropna()
    assert not cells.str.startswith(("=", "@", "\t")).any()


@pytest.mark.parametrize("address", PRIVATE)
def test_an_image_at_a_private_address_is_named_and_never_asked_for(
    amazon, client, street, address, monkeypatch
):
    hit, work = street(workers=1)
    hit["Question"] = f'<crowd-bounding-box src="{address}">'
    labels = pull_hits(client, amazon.mturk.open_hit(hit, work))
    assert labels.frames["image"].tolist() == [address]
    aa.audit(labels)
    asked = []
    monkeypatch.setattr(socket.socket, "connect", lambda *where: asked.append(where))
    with pytest.raises(FrameError):
        open_image(address, allow_http=True)
    assert asked == []


def test_the_audit_of_endless_and_missing_numbers_is_finite(client, hostile):
    findings = aa.audit(pull_hits(client, hostile))
    assert findings["score"].between(0, 1).all()
    assert findings["reason"].str.len().max() < 400


def test_a_hostile_worker_id_or_status_changes_no_payment(amazon, client, street, tmp_path):
    """Pitfall A5: a bonus goes to the worker of its assignment, not to the last one of a loop."""
    hit, work = street(workers=3)
    plan_of = amazon.mturk.open_hit(hit, work)
    assigned = assignments(pull_hits(client, plan_of))
    plan = plan_reviews(assigned, bonus={"HITSTREETA0": 0.25})
    submit_reviews(plan, client=client, ledger=tmp_path / "l.jsonl", confirm=True)
    assert [(b["WorkerId"], b["AssignmentId"]) for b in amazon.mturk.bonuses] == [
        ("AWORKER0", "HITSTREETA0")
    ]


@pytest.mark.parametrize("amount", [float("nan"), float("inf"), -1, "1e3x", 0.001, True])
def test_no_strange_amount_is_paid(client, street, amazon, amount):
    hit = amazon.mturk.open_hit(*street(workers=1))
    assigned = assignments(pull_hits(client, hit))
    with pytest.raises(LimitError):
        plan_reviews(assigned, bonus={"HITSTREETA0": amount})


@pytest.mark.parametrize("reward", ["1e9", "$5 000", "0.05; DROP", "NaN"])
def test_a_reward_that_a_file_makes_up_is_refused_or_shown(street, reward, tmp_path):
    hit, work = street(workers=1)
    path = tmp_path / "saved.json"
    path.write_text(json.dumps([{"HIT": hit | {"Reward": reward}}, {"Assignments": work}]))
    work[0]["HITId"] = hit["HITId"]
    path.write_text(json.dumps([{"HIT": hit | {"Reward": reward}}, {"Assignments": work}]))
    assigned = assignments(aa.load(path))
    if reward == "1e9":  # an amount, though a strange one: it stands in the plan's total
        assert plan_reviews(assigned)["cost"].sum() == 1.2e9
    else:
        with pytest.raises(LimitError, match="reward="):
            plan_reviews(assigned)


def test_hostile_numbers_are_compared_without_a_crash(client, hostile):
    labels = pull_hits(client, hostile)
    looked = assignments(labels)
    agreed = aa.metrics.consensus_boxes(labels.boxes, looked=looked, quorum=0)
    assert len(agreed) >= 1
    scores = aa.metrics.accuracy(aa.metrics.compare_to_gold(labels.boxes, agreed, looked=looked))
    assert scores["f1"].dropna().between(0, 1).all()
    aa.metrics.pairwise_agreement(labels.boxes, looked=looked)
    aa.metrics.worker_reliability(aa.metrics.ratings(labels.boxes, looked=looked))
