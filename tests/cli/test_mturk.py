"""The requester's commands, run against the loopback Amazon."""

import json

import pandas as pd
import pytest

import annotaudit as aa
from annotaudit.formats.mturk.xml import write_fields
from annotaudit.testing import LoopbackAmazon

SIGN = {"left": 10, "top": 20, "width": 30, "height": 40, "label": "stop sign"}


@pytest.fixture
def amazon(monkeypatch):
    with LoopbackAmazon() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def hit(amazon):
    """Three answers: two agree, the third is elsewhere."""
    boxes = [[SIGN], [SIGN | {"left": 11}], [SIGN | {"left": 400}]]
    answers = [
        {
            "AssignmentId": f"A{number}",
            "WorkerId": f"AWORKER{number}",
            "AcceptTime": 1759995020.0,
            "SubmitTime": 1759995080.0,
            "Answer": write_fields({"annotation_data": json.dumps(drawn)}),
        }
        for number, drawn in enumerate(boxes)
    ]
    facts = {
        "HITId": "HITSTREET",
        "HITTypeId": "SIGNS",
        "Title": "Draw [red]=1+1",
        "Reward": "0.10",
    }
    question = '<img src="https://example.com/street.jpg">'
    return amazon.mturk.open_hit(
        facts | {"MaxAssignments": 3, "Reward": "0.10", "Question": question}, answers
    )


def test_from_the_status_to_the_disposal(run, amazon, hit, tmp_path):
    result = run("mturk", "status")
    assert result.exit_code == 0, result.output
    assert "Reviewable" in result.stdout
    assert "Draw [red]=1+1" in result.stdout
    assert "money: no" in result.stderr

    saved, plan, ledger = (tmp_path / name for name in ("a.jsonl", "plan.csv", "steps.jsonl"))
    result = run("mturk", "archive", hit, "--out", saved)
    assert result.exit_code == 0, result.output
    assert len(aa.load(saved).boxes) == 3

    result = run("mturk", "plan", saved, "--out", plan, "--reject", "A2=No sign there.",
                 "--bonus", "A0=0.5", "--min-agreement", "0.4")  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "Total with fees: 0.84 USD. Nothing was sent." in result.stdout
    assert pd.read_csv(plan)["decision"].tolist() == ["approve", "approve", "reject"]

    result = run("mturk", "submit", plan, "--ledger", ledger)
    assert "\nNothing was sent: 0.84 USD" in result.stdout
    assert amazon.mturk.paid == []
    for word in ("done", "was done before"):
        result = run("mturk", "submit", plan, "--ledger", ledger, "--yes")
        assert result.exit_code == 0, result.output
        assert word in result.stdout and f"wrote {ledger}" in result.stdout
    assert sorted(float(usd) for _, usd in amazon.mturk.paid) == [0.1, 0.1, 0.5]

    result = run("mturk", "dispose", "--archive", saved)
    assert "planned" in result.stdout
    assert "Add --yes" in result.stdout
    result = run("mturk", "dispose", hit, "--archive", saved, "--yes")
    assert "disposed" in result.stdout
    result = run("mturk", "status", hit)
    assert result.exit_code == 3
    assert "does not exist" in result.stderr


def test_pull_masks_workers_and_the_file_can_be_audited(run, hit, tmp_path):
    out = tmp_path / "answers.jsonl"
    result = run("mturk", "pull", hit, "--out", out, "--key", "ours")
    assert result.exit_code == 0, result.output
    assert "AWORKER" not in out.read_text()
    assert run("audit", out).exit_code == 0


def test_a_batch_is_filled_in_and_nothing_sent(run, amazon, tmp_path):
    batch, plan, out = (tmp_path / name for name in ("b.csv", "plan.csv", "up.csv"))
    batch.write_text(
        "HITId,AssignmentId,WorkerId,AssignmentStatus,Reward,Answer.boxes,Approve,Reject\n"
        "H,A1,AW1,Submitted,$0.05,[],,\nH,A2,AW2,Submitted,$0.05,,,\n"
    )
    assert run("mturk", "plan", batch, "--out", plan, "--reject", "A2==no work").exit_code == 0
    result = run("mturk", "submit", plan, "--batch", batch, "--out", out)
    assert result.exit_code == 0, result.output
    assert out.read_text().splitlines()[1:] == [
        "H,A1,AW1,Submitted,$0.05,[],x,",
        "H,A2,AW2,Submitted,$0.05,,,'=no work",
    ]
    assert amazon.calls == []
    assert run("mturk", "submit", plan, "--batch", batch).exit_code == 2


def test_gold_is_matched_by_image_name(run, hit, tmp_path):
    saved, gold, plan = (tmp_path / name for name in ("a.jsonl", "gold.manifest", "plan.csv"))
    run("mturk", "archive", hit, "--out", saved)
    box = {"class_id": 0, "left": 10, "top": 20, "width": 30, "height": 40}
    size = [{"width": 800, "height": 600, "depth": 3}]
    gold.write_text(
        json.dumps(
            {
                "source-ref": "s3://bucket/street.jpg",
                "gold": {"annotations": [box], "image_size": size},
                "gold-metadata": {
                    "type": "groundtruth/object-detection",
                    "class-map": {"0": "stop sign"},
                    "objects": [{"confidence": 1}],
                    "human-annotated": "yes",
                    "job-name": "gold",
                    "creation-date": "2026-01-01T00:00:00",
                },
            }
        )
        + "\n"
    )
    result = run("mturk", "plan", saved, "--out", plan, "--gold", gold)
    assert result.exit_code == 0, result.output
    assert pd.read_csv(plan)["decision"].tolist() == ["approve", "approve", "look again"]
    gold.write_text(gold.read_text().replace("street.jpg", "lane.jpg"))
    result = run("mturk", "plan", saved, "--gold", gold, "--out", plan)
    assert result.exit_code == 3
    assert "matched by the names of image files" in result.stderr


def test_create_shows_the_page_and_the_price_before_anything_is_sent(run, amazon, tmp_path):
    page = tmp_path / "page.html"
    how = tmp_path / "how.txt"
    how.write_text("Draw a box around each sign.")
    arguments = ("mturk", "create", "https://example.com/1.jpg", "--label", "sign", "--title",
                 "Signs", "--instructions", f"@{how}", "--reward", "0.10",
                 "--preview", page)  # fmt: skip
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    assert "Nothing was sent: 0.36 USD" in result.stdout
    assert "Draw a box around each sign." in page.read_text()
    assert amazon.calls == []
    result = run(*arguments, "--yes")
    assert result.exit_code == 0, result.output
    assert len(amazon.mturk.hits) == 1
    result = run(*arguments, "--assignments", "0")
    assert result.exit_code == 2
    assert "MaxAssignments: found 0" in result.stderr


@pytest.mark.parametrize(
    "content", ["", "a,b\n1,2\n", "\xff\xfe", "PK\x03\x04\n", 'a,"b\n', "assignment\n" * 3]
)
def test_a_file_that_is_no_plan_is_refused(run, amazon, tmp_path, content):
    path = tmp_path / "plan.csv"
    path.write_bytes(content.encode("latin-1"))
    result = run("mturk", "submit", path)
    assert result.exit_code == 3
    assert "is no plan" in result.stderr


@pytest.mark.parametrize(("old", "new"), [("look again", "fire"), ("0.0", "much"), ("A2", "A1")])
def test_a_plan_edited_wrongly_pays_nobody(run, amazon, hit, tmp_path, old, new):
    saved, plan = tmp_path / "a.jsonl", tmp_path / "plan.csv"
    run("mturk", "archive", hit, "--out", saved)
    run("mturk", "plan", saved, "--out", plan)
    plan.write_text(plan.read_text().replace(old, new))
    result = run("mturk", "submit", plan, "--ledger", tmp_path / "l.jsonl", "--yes")
    assert result.exit_code == 3, result.output
    assert amazon.mturk.paid == []


@pytest.mark.parametrize("option", [("--reject", "A0"), ("--bonus", "A0=much"), ("--out", "x.txt")])
def test_a_wrong_option_is_told(run, hit, tmp_path, option):
    saved = tmp_path / "a.jsonl"
    run("mturk", "archive", hit, "--out", saved)
    result = run("mturk", "plan", saved, *option)
    assert result.exit_code == 2
    assert option[1].partition("=")[2] in result.stderr


def test_no_keys_is_one_message_and_no_traceback(run, amazon, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    result = run("mturk", "status")
    assert result.exit_code == 3
    assert "Unable to locate credentials" in result.stderr
    assert "aws configure" in result.stderr
