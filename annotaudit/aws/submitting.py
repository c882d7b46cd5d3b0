"""Send what was planned: every worker is paid once, whatever happens in between.

Each step is written to a file before and after it is taken. A run that finds a step begun and not
ended asks the service what became of it before it does anything.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd

from annotaudit.aws.decisions import PLAN_COLUMNS
from annotaudit.aws.replies import error_code, member
from annotaudit.boxes import TEXT
from annotaudit.errors import BoxTableError, LabelFormatError
from annotaudit.review.appending import append_line

RESULT_COLUMNS = ["assignment", "step", "result", "detail"]
NOT_YET_SEEN = 3  # how often to ask again about work that was handed in a moment ago


def submit_reviews(
    plan: pd.DataFrame,
    *,
    client: Any,
    ledger: str | os.PathLike[str],
    confirm: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Approve, reject and pay as planned, one assignment after the other, each once.

    May be interrupted anywhere and called again with the same plan and ledger: what is done stays
    done and is not done again, also by another person's hand on the website.

    Parameters
    ----------
    plan : DataFrame
        As :func:`annotaudit.aws.plan_reviews` gives it, looked at and perhaps edited.
    client : boto3 client
        Of Mechanical Turk; see :func:`annotaudit.aws.mturk_client`.
    ledger : str or Path
        A ``.jsonl`` file that remembers every step; it belongs to one requester account.
    confirm : bool
        Nothing is sent without it; what would be done comes back.
    progress : callable, optional
        Called with steps done and steps in all.

    Returns
    -------
    DataFrame
        One row per step: ``assignment``, ``step`` ("approve", "approve after all", "reject",
        "bonus"), ``result`` ("planned", "done", "was done before", "refused", "not sent") and
        ``detail``. Once the account is out of money nothing more is sent.

    Raises
    ------
    BoxTableError
        If the plan is none.
    LabelFormatError
        If the ledger cannot be read.
    """
    if missing := [name for name in PLAN_COLUMNS if name not in plan]:
        raise BoxTableError(
            f"The plan lacks {missing}; it has {[str(name) for name in plan]}. "
            "Make it with annotaudit.aws.plan_reviews()."
        )
    steps = _steps(plan)
    if not confirm:
        return _results([(s["assignment"], s["step"], "planned", _told(s)) for s in steps])
    book = _Book(Path(ledger), client.meta.endpoint_url)
    done, results = book.done(), []
    broke = False
    for number, step in enumerate(steps, start=1):
        if broke:
            result, detail = "not sent", "The account is out of money; top it up and run again."
        elif step["key"] in done:
            result, detail = "was done before", "The ledger says so."
        else:
            book.write(step, "begun")
            result, detail = _take(client, step)
            broke = detail.startswith("InsufficientFunds")
            book.write(step, "done" if result in ("done", "was done before") else result, detail)
        results.append((step["assignment"], step["step"], result, detail))
        if progress is not None:
            progress(number, len(steps))
    return _results(results)


def _steps(plan: pd.DataFrame) -> list[dict[str, Any]]:
    steps = []
    for row in plan.itertuples():
        if row.decision in ("approve", "approve after all", "reject"):
            steps.append(_step(row.assignment, row.decision, row.reason or ""))
        if row.bonus > 0:
            amount = f"{Decimal(str(row.bonus)):.2f}"
            steps.append(_step(row.assignment, "bonus", row.bonus_reason, amount))
    return steps


def _step(assignment: str, step: str, reason: str, amount: str = "") -> dict[str, Any]:
    # The same content gives the same key, today and after a crash; it serves as the token that
    # lets the service itself refuse to pay a bonus twice.
    words = json.dumps([assignment, step, reason if step == "bonus" else "", amount])
    key = sha256(words.encode()).hexdigest()
    return {"assignment": assignment, "step": step, "reason": reason, "amount": amount, "key": key}


def _take(client: Any, step: dict[str, Any]) -> tuple[str, str]:
    """Take one step; say how it ended. Errors of the connection go to the caller: run again."""
    from botocore.exceptions import ClientError

    try:
        work = _ask(client, step["assignment"])
        if step["step"] == "bonus":
            return _pay_bonus(client, step, work["WorkerId"])
        return _judge(client, step, work["AssignmentStatus"])
    except ClientError as error:
        code = error_code(error)
        if code == "InsufficientFunds":
            return "not sent", f"{code}: {error.response['Error']['Message']}"
        if code in ("AssignmentDoesNotExist", "HITDoesNotExist", "InvalidParameterValue"):
            return "refused", f"{code}: {error.response['Error']['Message']}"
        if code == "InvalidAssignmentState":  # someone else was here between question and step
            status = _ask(client, step["assignment"])["AssignmentStatus"]
            if status == _aim(step):
                return "was done before", f"The assignment is {status}."
            return "refused", f"{code}: the assignment is {status}."
        raise


def _judge(client: Any, step: dict[str, Any], status: str) -> tuple[str, str]:
    if status == _aim(step):
        return "was done before", f"The assignment is {status}."
    override = step["step"] == "approve after all"
    if status != ("Rejected" if override else "Submitted"):
        return "refused", f"The assignment is {status}."
    which = {"AssignmentId": step["assignment"]}
    feedback = {"RequesterFeedback": step["reason"]} if step["reason"] else {}
    if step["step"] == "reject":
        client.reject_assignment(**which, RequesterFeedback=step["reason"])
    elif override:
        client.approve_assignment(**which, **feedback, OverrideRejection=True)
    else:
        client.approve_assignment(**which, **feedback)
    return "done", _told(step)


def _pay_bonus(client: Any, step: dict[str, Any], worker: str) -> tuple[str, str]:
    from botocore.exceptions import ClientError

    if _bonus_was_paid(client, step):
        return "was done before", f"{step['amount']} USD were paid."
    try:
        client.send_bonus(
            WorkerId=worker,
            AssignmentId=step["assignment"],
            BonusAmount=step["amount"],
            Reason=step["reason"],
            UniqueRequestToken=step["key"],
        )
    except ClientError:
        # A reply that was lost makes boto3 ask again, and the token makes the service refuse that.
        if not _bonus_was_paid(client, step):
            raise
    return "done", _told(step)


def _bonus_was_paid(client: Any, step: dict[str, Any]) -> bool:
    pages = client.get_paginator("list_bonus_payments").paginate(AssignmentId=step["assignment"])
    return any(
        Decimal(paid["BonusAmount"]) == Decimal(step["amount"])
        and paid.get("Reason", step["reason"]) == step["reason"]
        for page in pages
        for paid in member(page, "BonusPayments")
    )


def _ask(client: Any, assignment: str) -> dict[str, Any]:
    """Read an assignment; the service may not know it for a moment after it was handed in."""
    from botocore.exceptions import ClientError

    for attempt in range(NOT_YET_SEEN):
        try:
            work: dict[str, Any] = member(
                client.get_assignment(AssignmentId=assignment), "Assignment"
            )
            return work
        except ClientError as error:
            unseen = "status of: null" in error.response["Error"]["Message"]
            if not unseen or attempt == NOT_YET_SEEN - 1:
                raise
            time.sleep(2.0**attempt)
    raise AssertionError("unreachable: the last attempt returns or raises")


def _aim(step: dict[str, Any]) -> str:
    return "Rejected" if step["step"] == "reject" else "Approved"


def _told(step: dict[str, Any]) -> str:
    return f"{step['amount']} USD: {step['reason']}" if step["amount"] else step["reason"]


def _results(rows: list[tuple[str, str, str, str]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=RESULT_COLUMNS).astype(TEXT)


class _Book:
    """The steps that were begun and done at one endpoint, one JSON line each."""

    def __init__(self, path: Path, endpoint: str) -> None:
        self.path, self.endpoint = path, endpoint

    def write(self, step: dict[str, Any], state: str, detail: str = "") -> None:
        line = {
            "schema": 1,
            "time": datetime.now(UTC).isoformat(),
            "endpoint": self.endpoint,
            **step,
            "state": state,
            "detail": detail,
        }
        append_line(self.path, json.dumps(line).encode())

    def done(self) -> set[str]:
        """Keys of the steps that are done; a torn last line costs only itself."""
        if not self.path.exists():
            return set()
        done = set()
        for number, line in enumerate(self.path.read_bytes().split(b"\n"), start=1):
            try:
                entry = json.loads(line or b"{}")
            except ValueError:
                continue  # died in mid-write: that step counts as begun, and is asked about
            if not isinstance(entry, dict):
                raise LabelFormatError(
                    f"{self.path}, line {number}: found {line[:60]!r}, expected a step of "
                    "submit_reviews. Is this another file? Name a new one."
                )
            if entry.get("state") == "done" and entry.get("endpoint") == self.endpoint:
                done.add(entry["key"])
        return done
