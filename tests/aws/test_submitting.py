"""Sending a plan: each worker is paid once, whatever happens in between."""

import itertools
import multiprocessing
import os
from collections import Counter
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from annotaudit.aws import mturk_client, plan_reviews, submit_reviews
from annotaudit.errors import AnnotauditError, BoxTableError, LabelFormatError
from annotaudit.testing import LoopbackAmazon

ANSWER = "<QuestionFormAnswers/>"
HIT = {
    "Title": "Draw", "Description": "Boxes", "Reward": "0.10", "Question": "<HTMLQuestion/>",
    "LifetimeInSeconds": 3600, "AssignmentDurationInSeconds": 600, "MaxAssignments": 4,
}  # fmt: skip


@pytest.fixture
def amazon(monkeypatch):
    with LoopbackAmazon() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_MTURK", server.endpoint)
        yield server


@pytest.fixture
def client(amazon):
    return mturk_client(session=amazon.session())


@pytest.fixture
def plan(amazon, client):
    """Approve two (one with a bonus), reject one, leave one to be looked at."""
    hit = client.create_hit(**HIT)["HIT"]["HITId"]
    names = [amazon.mturk.submit(hit, f"AWORKER{n}", ANSWER) for n in range(4)]
    assigned = pd.DataFrame(
        {
            "assignment": names,
            "hit": hit,
            "annotator": [f"worker {n}" for n in range(4)],
            "status": "Submitted",
            "answered": [True, True, True, False],
            "boxes": [1, 1, 0, 0],
        }
    )
    return plan_reviews(
        assigned, reward="0.10", bonus={names[0]: 0.50}, reject={names[2]: "No box was drawn."}
    )


def state(amazon):
    """What became of the account: payments per assignment, bonuses, statuses."""
    return (
        Counter(amazon.mturk.paid),
        Counter((b["AssignmentId"], b["BonusAmount"]) for b in amazon.mturk.bonuses),
        {name: a["AssignmentStatus"] for name, a in amazon.mturk.assignments.items()},
    )


def test_nothing_is_sent_without_confirm(amazon, client, plan, tmp_path):
    calls = len(amazon.calls)
    results = submit_reviews(plan, client=client, ledger=tmp_path / "steps.jsonl")
    assert set(results["result"]) == {"planned"}
    assert len(amazon.calls) == calls
    assert not (tmp_path / "steps.jsonl").exists()


def test_the_plan_is_carried_out(amazon, client, plan, tmp_path):
    results = submit_reviews(plan, client=client, ledger=tmp_path / "l.jsonl", confirm=True)
    assert results["result"].tolist() == ["done"] * 4
    paid, bonuses, statuses = state(amazon)
    assert sorted(statuses.values()) == ["Approved", "Approved", "Rejected", "Submitted"]
    assert list(bonuses.values()) == [1]
    assert float(10_000 - amazon.mturk.balance) == pytest.approx(plan["cost"].sum())


def test_a_second_run_does_nothing(amazon, client, plan, tmp_path):
    for _ in range(2):
        results = submit_reviews(plan, client=client, ledger=tmp_path / "l.jsonl", confirm=True)
    assert set(results["result"]) == {"was done before"}
    assert set(state(amazon)[0].values()) == {1}


def test_without_its_ledger_nobody_is_paid_twice_either(amazon, client, plan, tmp_path):
    for name in ("one.jsonl", "two.jsonl"):
        results = submit_reviews(plan, client=client, ledger=tmp_path / name, confirm=True)
    assert set(results["result"]) == {"was done before"}
    assert set(state(amazon)[0].values()) == {1}
    assert set(state(amazon)[1].values()) == {1}


def test_work_approved_on_the_website_meanwhile_is_left_alone(amazon, client, plan, tmp_path):
    first = plan["assignment"][0]
    client.approve_assignment(AssignmentId=first)
    results = submit_reviews(plan, client=client, ledger=tmp_path / "l.jsonl", confirm=True)
    assert results["result"][0] == "was done before"
    assert state(amazon)[0][first, 0.1] <= 1


def test_work_rejected_meanwhile_is_reported(amazon, client, plan, tmp_path):
    client.reject_assignment(AssignmentId=plan["assignment"][1], RequesterFeedback="no")
    results = submit_reviews(plan, client=client, ledger=tmp_path / "l.jsonl", confirm=True)
    refused = results[results["result"] == "refused"]
    assert refused["assignment"].tolist() == [plan["assignment"][1]]
    assert refused["detail"].tolist() == ["The assignment is Rejected."]


def test_out_of_money_stops_and_goes_on_later(amazon, client, plan, tmp_path):
    amazon.mturk.balance *= 0
    results = submit_reviews(plan, client=client, ledger=tmp_path / "l.jsonl", confirm=True)
    assert set(results["result"]) == {"not sent"}
    amazon.mturk.balance += 5
    again = submit_reviews(plan, client=client, ledger=tmp_path / "l.jsonl", confirm=True)
    assert set(again["result"]) == {"done"}


@pytest.mark.parametrize(("days", "result"), [(3, "done"), (31, "refused")])
def test_a_rejection_is_overridden_within_30_days(amazon, client, plan, tmp_path, days, result):
    name = plan["assignment"][2]
    client.reject_assignment(AssignmentId=name, RequesterFeedback="no")
    amazon.mturk.assignments[name]["SubmitTime"] = datetime.now(UTC) - timedelta(days=days)
    changed = plan[plan["assignment"] == name].assign(decision="approve after all", reason="sorry")
    results = submit_reviews(changed, client=client, ledger=tmp_path / "l.jsonl", confirm=True)
    assert results["result"].tolist() == [result]


@pytest.mark.parametrize("operation", ["GetAssignment", "ApproveAssignment", "SendBonus"])
@pytest.mark.parametrize("kind", ["server error", "throttling", "lost reply", "truncated reply"])
def test_a_bad_line_costs_nobody_anything(amazon, client, plan, tmp_path, operation, kind):
    amazon.fail(operation, kind)
    for _ in range(3):
        try:
            submit_reviews(plan, client=client, ledger=tmp_path / "l.jsonl", confirm=True)
            break
        except (AnnotauditError, BotoCoreError, ClientError):
            continue
    paid, bonuses, statuses = state(amazon)
    assert set(paid.values()) == {1}
    assert list(bonuses.values()) == [1]
    assert sorted(statuses.values()) == ["Approved", "Approved", "Rejected", "Submitted"]


def submit_and_die(plan, ledger, fatal, environment):
    """Run in a process of its own: die at the given moment, before or after a call or a line."""
    os.environ.update(environment)
    moments = itertools.count(1)

    def moment():
        if next(moments) == fatal:
            os._exit(9)

    def watched(function):
        def call(*arguments, **options):
            moment()
            result = function(*arguments, **options)
            moment()
            return result

        return call

    client = mturk_client()
    client._make_api_call = watched(client._make_api_call)
    os.fsync = watched(os.fsync)
    submit_reviews(plan, client=client, ledger=ledger, confirm=True)


@pytest.mark.slow
def test_killed_at_any_moment_and_run_again_each_worker_is_paid_once(
    amazon, client, plan, tmp_path
):
    plan = plan.iloc[[0, 2]]  # an approval, a bonus, a rejection
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload([__name__, "boto3", "annotaudit.aws.submitting"])

    def survives(ledger, fatal):
        arguments = (plan, ledger, fatal, amazon.environment)
        process = processes.Process(target=submit_and_die, args=arguments)
        process.start()
        process.join()
        assert process.exitcode in (0, 9)
        return process.exitcode == 0

    for fatal in itertools.count(1):
        ledger = tmp_path / f"killed at {fatal}.jsonl"
        survived = survives(ledger, fatal)
        submit_reviews(plan, client=client, ledger=ledger, confirm=True)
        paid, bonuses, statuses = state(amazon)
        assert set(paid.values()) == {1}, fatal
        assert list(bonuses.values()) == [1], fatal
        assert [statuses[name] for name in plan["assignment"]] == ["Approved", "Rejected"], fatal
        if survived:
            break
        start_over(amazon)
    assert fatal > 20  # it died before and after each call and each line


def start_over(amazon):
    amazon.mturk.paid.clear()
    amazon.mturk.bonuses.clear()
    amazon.mturk._bonus_tokens.clear()
    for assignment in amazon.mturk.assignments.values():
        assignment["AssignmentStatus"] = "Submitted"


def test_a_torn_last_line_is_no_obstacle(amazon, client, plan, tmp_path):
    ledger = tmp_path / "l.jsonl"
    submit_reviews(plan, client=client, ledger=ledger, confirm=True)
    ledger.write_bytes(ledger.read_bytes()[:-20])
    results = submit_reviews(plan, client=client, ledger=ledger, confirm=True)
    assert set(results["result"]) == {"was done before"}
    assert set(state(amazon)[0].values()) == {1}


def test_another_file_is_not_taken_for_a_ledger(client, plan, tmp_path):
    (tmp_path / "list.json").write_text("[1, 2]")
    with pytest.raises(LabelFormatError, match="line 1: found"):
        submit_reviews(plan, client=client, ledger=tmp_path / "list.json", confirm=True)


def test_a_table_that_is_no_plan_is_refused(client, tmp_path):
    with pytest.raises(BoxTableError, match="The plan lacks"):
        submit_reviews(pd.DataFrame({"a": [1]}), client=client, ledger=tmp_path / "l", confirm=True)


def test_no_worker_id_is_written_down(client, plan, tmp_path):
    submit_reviews(plan, client=client, ledger=tmp_path / "l.jsonl", confirm=True)
    assert "AWORKER" not in (tmp_path / "l.jsonl").read_text()
