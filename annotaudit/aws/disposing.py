"""Dispose of HITs by the service's rules, and never before their answers are saved.

What is disposed of is gone: the answers, and the right to approve rejected work after all.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from annotaudit.aws.pulling import hit_status, read_archive
from annotaudit.aws.replies import error_code
from annotaudit.boxes import TEXT
from annotaudit.errors import AnnotauditError, BoxTableError

DISPOSAL_COLUMNS = ["hit", "status", "unreviewed", "saved", "steps", "reason"]
RESULT_COLUMNS = ["hit", "before", "after", "result", "detail"]
LIVE = ("Assignable", "Unassignable")
LONG_AGO = datetime(2005, 11, 2, tzinfo=UTC)  # an expiration in the past ends a HIT at once


def plan_disposal(status: pd.DataFrame, *, archive: str | os.PathLike[str]) -> pd.DataFrame:
    """Plan how to dispose of HITs. Nothing is sent.

    Parameters
    ----------
    status : DataFrame
        As :func:`annotaudit.aws.hit_status` gives it.
    archive : path
        What :func:`annotaudit.aws.archive` wrote; only what is in there is disposed of.

    Returns
    -------
    DataFrame
        One row per HIT: ``hit status unreviewed``, ``saved`` (assignments in the archive),
        ``steps`` ("expire", "revert", "delete", with commas between; empty where nothing may be
        done) and ``reason`` (what stands in the way, or follows).

    Raises
    ------
    BoxTableError
        If the table is no status table.
    LabelFormatError
        If the archive is something else.

    Examples
    --------
    >>> status = pd.DataFrame({"hit": ["H"], "status": "Reviewable", "max": 3, "available": 0,
    ...     "pending": 0, "reviewed": 3, "unreviewed": 0})
    >>> plan_disposal(status, archive="nowhere.jsonl")[["steps", "reason"]].values.tolist()
    [['', '0 of 3 assignments are in the archive; run archive() first.']]
    """
    needed = ["hit", "status", "max", "available", "pending", "unreviewed"]
    if missing := [name for name in needed if name not in status]:
        raise BoxTableError(
            f"The status table lacks {missing}; it has {[str(name) for name in status]}. "
            "Make it with annotaudit.aws.hit_status(client)."
        )
    shelf = read_archive(Path(archive))
    rows = []
    for hit in status.to_dict("records"):
        saved = len(shelf.assignments.get(hit["hit"], ()))
        steps, reason = _steps(hit, saved)
        rows.append((hit["hit"], hit["status"], hit["unreviewed"], saved, ", ".join(steps), reason))
    table = pd.DataFrame(rows, columns=DISPOSAL_COLUMNS)
    return table.astype(dict.fromkeys(["hit", "status", "steps", "reason"], TEXT))


def _steps(hit: dict[str, Any], saved: int) -> tuple[list[str], str]:
    submitted = hit["max"] - hit["available"] - hit["pending"]
    if hit["status"] == "Disposed":
        return [], "It is disposed of already."
    if saved < submitted:
        missing = f"{saved} of {submitted} assignments are in the archive"
        return [], f"{missing}; run archive() first."
    live = ["expire"] if hit["status"] in LIVE else []
    if hit["pending"]:
        return live, f"{hit['pending']} are with workers; wait for them, then archive and review."
    if hit["unreviewed"]:
        return live, f"{hit['unreviewed']} answers wait for a decision; approve or reject them."
    revert = ["revert"] if hit["status"] == "Reviewing" else []
    return [*live, *revert, "delete"], ""


def dispose(
    plan: pd.DataFrame,
    *,
    client: Any,
    archive: str | os.PathLike[str],
    confirm: bool = False,
) -> pd.DataFrame:
    """Dispose of HITs as planned, each one looked at again just before.

    May be interrupted and called again.

    Parameters
    ----------
    plan : DataFrame
        As :func:`plan_disposal` gives it; HITs without steps are left alone.
    client : boto3 client
        Of Mechanical Turk; see :func:`annotaudit.aws.mturk_client`.
    archive : path
        What :func:`annotaudit.aws.archive` wrote.
    confirm : bool
        Nothing is sent without it; what would be done comes back.

    Returns
    -------
    DataFrame
        One row per HIT: ``hit``, ``before`` and ``after`` (its status; "gone" once it is disposed
        of), ``result`` ("planned", "disposed", "expired", "left alone", "refused") and ``detail``.

    Raises
    ------
    BoxTableError
        If the plan is none.
    """
    if missing := [name for name in DISPOSAL_COLUMNS if name not in plan]:
        raise BoxTableError(
            f"The plan lacks {missing}; it has {[str(name) for name in plan]}. "
            "Make it with annotaudit.aws.plan_disposal()."
        )
    rows = []
    for row in plan.itertuples():
        if not row.steps:
            rows.append((row.hit, row.status, row.status, "left alone", row.reason))
        elif not confirm:
            rows.append((row.hit, row.status, row.status, "planned", row.steps))
        else:
            rows.append((row.hit, *_dispose(client, row.hit, archive)))
    return pd.DataFrame(rows, columns=RESULT_COLUMNS).astype(TEXT)


def _dispose(client: Any, hit: str, archive: str | os.PathLike[str]) -> tuple[str, str, str, str]:
    from botocore.exceptions import ClientError

    before = _status(client, hit, archive)
    if before is None or before["status"] == "Disposed":
        return "gone", "gone", "disposed", "It was disposed of before."
    now = before
    try:
        if "expire" in now["steps"]:
            client.update_expiration_for_hit(HITId=hit, ExpireAt=LONG_AGO)
            now = _status(client, hit, archive) or now
        if "revert" in now["steps"]:
            client.update_hit_review_status(HITId=hit, Revert=True)
            now = _status(client, hit, archive) or now
        if now["steps"] != "delete":
            result = "expired" if before["status"] in LIVE else "left alone"
            return before["status"], now["status"], result, now["reason"] or "Run this again."
        client.delete_hit(HITId=hit)
    except ClientError as error:
        code = error_code(error)
        if code == "HITDoesNotExist":  # a reply was lost, and boto3 asked again
            return before["status"], "gone", "disposed", ""
        if code != "InvalidHITState":
            raise
        after = _status(client, hit, archive)
        told = error.response["Error"]["Message"]
        return before["status"], after["status"] if after else "gone", "refused", told
    return before["status"], "gone", "disposed", ""


def _status(client: Any, hit: str, archive: str | os.PathLike[str]) -> dict[str, Any] | None:
    """Row of the plan as it would be made now; None if the HIT is gone."""
    from botocore.exceptions import ClientError

    try:
        now = plan_disposal(hit_status(client, hit), archive=archive)
    except AnnotauditError as error:
        cause = error.__cause__
        if isinstance(cause, ClientError) and error_code(cause) == "HITDoesNotExist":
            return None
        raise
    row: dict[str, Any] = now.to_dict("records")[0]
    return row
