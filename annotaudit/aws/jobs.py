"""Start a planned labelling job, follow it, stop it, and bring its labels back."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from annotaudit.aws.plans import AdjustmentPlan
from annotaudit.aws.role_checks import role_facts
from annotaudit.aws.sessions import Session, check_bucket
from annotaudit.boxes import TEXT, Labels
from annotaudit.errors import LabelFormatError, LimitError
from annotaudit.formats.loading import load
from annotaudit.frames.matching import path_inside
from annotaudit.frames.s3_files import download, read_object, split_address
from annotaudit.frames.s3_writing import put_new, upload_new

CORS = {  # what Amazon's page needs to show frames from a bucket
    "AllowedHeaders": ["*"],
    "AllowedMethods": ["GET", "HEAD", "PUT"],
    "AllowedOrigins": ["*"],
    "ExposeHeaders": ["Access-Control-Allow-Origin"],
    "MaxAgeSeconds": 3_000,
}
OVER = ("Completed", "Failed", "Stopped")
LONGEST_PAUSE = 300.0  # seconds between two looks


@dataclass(frozen=True)
class JobState:
    """How far a labelling job is.

    Parameters
    ----------
    job : str
    status : str
        As the service says it: ``Initializing``, ``InProgress``, ``Completed``, ``Failed``,
        ``Stopping`` or ``Stopped``.
    done, failed, left : int
        Sequences labelled, given up, and still to label.
    reason : str
        Why it failed, if it did.
    """

    job: str
    status: str
    done: int
    failed: int
    left: int
    reason: str = ""

    @property
    def outcome(self) -> str:
        """``"running"``, ``"complete"``, ``"partial"`` (some labels came back) or ``"failed"``."""
        if self.status not in OVER:
            return "running"
        if self.status == "Completed" and not self.failed and not self.left:
            return "complete"
        return "partial" if self.done else "failed"


def check_account(plan: AdjustmentPlan, session: Session) -> pd.DataFrame:
    """List what in the account would keep a planned job from working. Changes nothing.

    Parameters
    ----------
    plan : AdjustmentPlan
    session : Session

    Returns
    -------
    DataFrame
        As :meth:`AdjustmentPlan.check`: buckets that cannot be reached, are in another region, or
        whose frames a browser may not load; a role that does not exist, that Ground Truth may not
        take on, or without access; see :func:`check_role`.
    """
    s3, found = session.s3(), []
    addresses = [*plan.files, *plan.uploads, plan.output_manifest, *_frame_folders(plan)]
    for bucket in sorted({split_address(address)[0] for address in addresses}):
        try:
            check_bucket(s3, bucket, session.region)
        except LimitError as error:
            found.append((f"bucket {bucket}", "out of reach", session.region, str(error)))
            continue
        if not has_cors(s3, bucket):
            what = f"Allow it with annotaudit.aws.set_cors(session, {bucket!r}, confirm=True)."
            found.append((f"bucket {bucket}", "no CORS rule", "GET, HEAD and PUT for all", what))
    of_buckets = pd.DataFrame(found, columns=["where", "found", "expected", "what"]).astype(TEXT)
    of_role = check_role(plan, session).query("severity == 'error'").drop(columns="severity")
    return pd.concat([of_buckets, of_role], ignore_index=True)


def check_role(plan: AdjustmentPlan, session: Session) -> pd.DataFrame:
    """Ask the account whether the role of a planned job can do its work. Changes nothing.

    Parameters
    ----------
    plan : AdjustmentPlan
    session : Session

    Returns
    -------
    DataFrame
        As :func:`check_account`, with the ``severity`` of each row: ``"error"``, or ``"note"`` for
        what these credentials may not ask.
    """
    reads = [*plan.files, *plan.uploads, *_frame_folders(plan)]
    return role_facts(session, reads=reads, writes=[plan.output_manifest])


def has_cors(s3: Any, bucket: str) -> bool:
    """Tell whether a bucket lets Amazon's page load frames from it."""
    return any(_allows(rule) for rule in _cors_rules(s3, bucket))


def set_cors(session: Session, bucket: str | None = None, *, confirm: bool = False) -> str:
    """Let Amazon's page load frames from a bucket, beside the rules it has.

    Parameters
    ----------
    session : Session
    bucket : str, optional
        By default the session's.
    confirm : bool
        Nothing is changed without it.

    Returns
    -------
    str
        What was done, or would be.
    """
    s3, bucket = session.s3(), bucket or session.bucket
    rules = _cors_rules(s3, bucket)
    if any(map(_allows, rules)):
        return f"Bucket {bucket} allows it already."
    if not confirm:
        return f"Would add a rule to bucket {bucket}: {json.dumps(CORS)}. Pass confirm=True."
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [*rules, CORS]})
    return f"Bucket {bucket} has one more rule."


def _cors_rules(s3: Any, bucket: str) -> list[dict[str, Any]]:
    from botocore.exceptions import ClientError

    try:
        rules: list[dict[str, Any]] = s3.get_bucket_cors(Bucket=bucket)["CORSRules"]
    except ClientError as error:
        if error.response["Error"].get("Code") == "NoSuchCORSConfiguration":
            return []
        raise
    return rules


def _allows(rule: dict[str, Any]) -> bool:
    return "*" in rule.get("AllowedOrigins", []) and {"GET", "HEAD", "PUT"} <= set(
        rule.get("AllowedMethods", [])
    )


def _frame_folders(plan: AdjustmentPlan) -> list[str]:
    if plan.is_of_images:
        addresses: list[str] = plan.sequences["name"].tolist()
        return addresses
    contents = [json.loads(c) for name, c in plan.files.items() if name.endswith("-seq.json")]
    return [content["prefix"] + "frame" for content in contents]


def start_job(
    plan: AdjustmentPlan,
    session: Session,
    *,
    confirm: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Send what was planned: images, then files, the manifest last of them, then the job.

    May be interrupted anywhere and called again: what is there is not sent again, nothing is
    overwritten, and a job of that name is this job, for the name follows from the content.

    Parameters
    ----------
    plan : AdjustmentPlan
    session : Session
    confirm : bool
        Nothing is sent without it; what would be done comes back.
    progress : callable, optional
        Called with images sent and images in all.

    Returns
    -------
    DataFrame
        One row per step: ``what``, ``where`` and ``result`` ("planned", "sent", "was there",
        "started", "was started before").

    Raises
    ------
    LimitError
        If the plan or the account has a problem; says which, and what to do.
    """
    steps = [("image", address) for address in plan.uploads]
    steps += [("file", address) for address in plan.files]
    if not confirm:
        return _steps([(*step, "planned") for step in [*steps, ("job", plan.job)]])
    for problems in (plan.check(), check_account(plan, session)):
        if len(problems):
            first = problems.iloc[0]
            raise LimitError(
                f"The job would not work: {len(problems)} problems, first {first['where']}: found "
                f"{first['found']}, expected {first['expected']}. {first['what']}"
            )
    s3 = session.s3()
    sent = upload_new(s3, plan.uploads, progress=progress)
    for address, content in plan.files.items():
        sent[address] = put_new(s3, address, content)
    started = _create(session.sagemaker(), plan)
    return _steps([*((*step, sent[step[1]]) for step in steps), ("job", plan.job, started)])


def _create(sagemaker: Any, plan: AdjustmentPlan) -> str:
    from botocore.exceptions import ClientError

    try:
        sagemaker.create_labeling_job(**plan.request)
        return "started"
    except ClientError as error:
        if error.response["Error"].get("Code") != "ResourceInUse":
            raise
    there = sagemaker.describe_labeling_job(LabelingJobName=plan.job)
    if there["InputConfig"]["DataSource"] != plan.request["InputConfig"]["DataSource"]:
        raise LimitError(
            f"Another job is called {plan.job!r}, with other input. Plan with another out=."
        )
    return "was started before"


def _steps(rows: list[tuple[str, str, str]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["what", "where", "result"]).astype(TEXT)


def job_state(job: str | AdjustmentPlan, session: Session) -> JobState:
    """Ask once how far a job is.

    Parameters
    ----------
    job : str or AdjustmentPlan
    session : Session
    """
    name = job if isinstance(job, str) else job.job
    reply = session.sagemaker().describe_labeling_job(LabelingJobName=name)
    counts = reply["LabelCounters"]
    return JobState(
        name,
        reply["LabelingJobStatus"],
        done=counts.get("TotalLabeled", 0),
        failed=counts.get("FailedNonRetryableError", 0),
        left=counts.get("Unlabeled", 0),
        reason=reply.get("FailureReason", ""),
    )


def follow_job(
    job: str | AdjustmentPlan,
    session: Session,
    *,
    deadline: float = 3_600.0,
    pause: float = 10.0,
    progress: Callable[[JobState], None] | None = None,
) -> JobState:
    """Wait until a job is over, asking more and more seldom; an outage on the way is sat out.

    Parameters
    ----------
    job : str or AdjustmentPlan
    session : Session
    deadline : float
        Seconds to wait at most; the job itself goes on.
    pause : float
        Seconds before the second look; each pause is half as long again as the one before, up to
        five minutes.
    progress : callable, optional
        Called with each state.

    Returns
    -------
    JobState
        The last one; its ``outcome`` is "running" if the deadline came first.
    """
    end = time.monotonic() + deadline
    while True:
        state = _state_if_reached(job, session)
        if state is not None and progress is not None:
            progress(state)
        left = end - time.monotonic()
        if left <= 0 and state is None:
            return job_state(job, session)  # or whatever keeps it from being asked
        if state is not None and (state.outcome != "running" or left <= 0):
            return state
        time.sleep(min(pause * random.uniform(0.8, 1.2), left))
        pause = min(pause * 1.5, LONGEST_PAUSE)


def _state_if_reached(job: str | AdjustmentPlan, session: Session) -> JobState | None:
    """Ask how far a job is; None if the network or the service is down, which may pass."""
    from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

    try:
        return job_state(job, session)
    except (ConnectionError, HTTPClientError):
        return None
    except ClientError as error:
        answer = error.response
        busy = answer["Error"].get("Code") in ("ThrottlingException", "RequestLimitExceeded")
        if busy or answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500:
            return None
        raise


def stop_job(job: str | AdjustmentPlan, session: Session, *, confirm: bool = False) -> JobState:
    """Stop a job; it cannot be started again, but what was labelled stays.

    Parameters
    ----------
    job : str or AdjustmentPlan
    session : Session
    confirm : bool
        Nothing is stopped without it.
    """
    name = job if isinstance(job, str) else job.job
    if confirm and job_state(name, session).outcome == "running":
        session.sagemaker().stop_labeling_job(LabelingJobName=name)
    return job_state(name, session)


def bring_back(plan: AdjustmentPlan, session: Session, folder: str | os.PathLike[str]) -> Labels:
    """Fetch the labels of a job that is over, and load them.

    Parameters
    ----------
    plan : AdjustmentPlan
    session : Session
    folder : path
        Gets the output manifest and the label files it names, in the folders of the job.

    Returns
    -------
    Labels
        Only what the job labelled, its clips named and numbered as they were sent; see
        :func:`annotaudit.aws.merge_adjusted`. A clip or image without labels is a problem. Of a
        verification, what was judged; see :func:`annotaudit.aws.verdicts_of`.

    Raises
    ------
    LabelFormatError
        If the job has written no manifest.
    """
    s3, folder = session.s3(), Path(folder)
    content = read_object(s3, plan.output_manifest)
    if content is None:
        state = job_state(plan, session)
        raise LabelFormatError(
            f"{plan.output_manifest}: the job has written no labels; it is {state.status}"
            f"{': ' + state.reason if state.reason else ''}. Follow it until it is over."
        )
    root = plan.output_manifest.removesuffix("manifests/output/output.manifest")
    for text in content.decode().splitlines() if not plan.is_of_images else []:
        address = json.loads(text).get(plan.attribute)
        if isinstance(address, str) and address.startswith(root):
            download(s3, address, path_inside(folder, address.removeprefix(root)))
    manifest = path_inside(folder, plan.output_manifest.removeprefix(root))
    download(s3, plan.output_manifest, manifest)
    if plan.is_of_images:
        attribute = plan.audited if plan.is_verification else plan.attribute
        return load(manifest, format="ground-truth-images", attribute=attribute)
    return load(manifest, format="ground-truth-video", attribute=plan.attribute)
