"""Whether the role of a labelling job can do its work, as far as the account lets us ask."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

import pandas as pd

from annotaudit.aws.clients import make_client
from annotaudit.aws.sessions import Session
from annotaudit.boxes import TEXT
from annotaudit.frames.s3_files import split_address

COLUMNS = ("severity", "where", "found", "expected", "what")
SERVICE = "sagemaker.amazonaws.com"
TRUST = {"Effect": "Allow", "Principal": {"Service": SERVICE}, "Action": "sts:AssumeRole"}
_ROLE = re.compile(r"arn:aws:iam::(\d{12}):role/(?:[\x21-\x7e]+/)?([\w+=,.@-]{1,64})")
Fact = tuple[str, str, str, str, str]


def role_facts(session: Session, *, reads: Iterable[str], writes: Iterable[str]) -> pd.DataFrame:
    """List what the role of a session lacks, and what could not be asked. Changes nothing.

    Parameters
    ----------
    session : Session
    reads, writes : iterable of str
        ``s3://`` addresses that the role must be able to read and write.

    Returns
    -------
    DataFrame
        ``severity``, ``where``, ``found``, ``expected``, ``what``. An ``"error"`` keeps a job from
        working: no such role, one that Ground Truth may not take on, or one without access. A
        ``"note"`` is what the account would not say, or what only the bucket's own policy decides.
    """
    match = _ROLE.fullmatch(session.role)
    if match is None:
        what = "Name the role by its ARN, as the IAM console shows it."
        rows: list[Fact] = [
            ("error", "role", session.role[:80], "arn:aws:iam::ACCOUNT:role/NAME", what)
        ]
    else:
        rows = list(_facts(session, match[1], match[2], reads, writes))
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(TEXT)


def _facts(
    session: Session, account: str, name: str, reads: Iterable[str], writes: Iterable[str]
) -> Iterator[Fact]:
    from botocore.exceptions import BotoCoreError, ClientError

    where = f"role {name}"
    try:
        if _client("sts", session).get_caller_identity()["Account"] != account:
            what = "Ask with that account's credentials; the job can only be started with them."
            yield "note", where, "a role of another account", "a role of this one", what
            return
        iam = _client("iam", session)
        role = iam.get_role(RoleName=name)["Role"]
        if role["Arn"] != session.role:
            there = role["Arn"].rpartition(":role/")[2]
            yield "error", where, f"another path: {there}", "the whole ARN", "Add the path."
        if not _is_trusting(role["AssumeRolePolicyDocument"]):
            what = f"Add to its trust policy: {json.dumps(TRUST)}"
            yield "error", where, f"{SERVICE} may not take it on", "a role for SageMaker", what
        for action, addresses in (("s3:GetObject", reads), ("s3:PutObject", writes)):
            for address in _one_per_folder(addresses):
                yield from _access(iam, session, where, action, address)
    except ClientError as error:
        code = error.response["Error"].get("Code", "")
        if code == "NoSuchEntity":
            what = "Create it in IAM, for SageMaker, or name another in role=."
            yield "error", where, "no such role", "a role of this account", what
        else:
            yield _unasked(where, f"{error.operation_name}: {code}")
    except BotoCoreError as error:
        yield _unasked(where, str(error)[:200])


def _client(service: str, session: Session) -> Any:
    return make_client(service, region=session.region, session=session.boto, patient=False)


def _unasked(where: str, reason: str) -> Fact:
    what = (
        "Nothing to mend: whether the role works is only known once the job runs. To know before, "
        "have the credentials allowed iam:GetRole and iam:SimulatePrincipalPolicy."
    )
    return "note", where, f"could not be asked ({reason})", "an answer", what


def _is_trusting(document: Any) -> bool:
    """Tell whether a trust policy lets Ground Truth take a role on; conditions are not weighed."""
    policy = json.loads(document) if isinstance(document, str) else document
    for statement in _listed(policy.get("Statement")):
        who = statement.get("Principal")
        services = _listed(who.get("Service")) if isinstance(who, Mapping) else _listed(who)
        actions = _listed(statement.get("Action"))
        if (
            statement.get("Effect") == "Allow"
            and {SERVICE, "*"} & set(services)
            and any(fnmatchcase("sts:assumerole", action.lower()) for action in actions)
        ):
            return True
    return False


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value is not None else []


def _one_per_folder(addresses: Iterable[str]) -> list[str]:
    """Take one address of each folder: rights are given by folder, and each question takes time.

    Examples
    --------
    >>> _one_per_folder(["s3://b/img/1.jpg", "s3://b/img/2.jpg", "s3://b/job/x.json"])
    ['s3://b/img/1.jpg', 's3://b/job/x.json']
    """
    first: dict[str, str] = {}
    for address in addresses:
        first.setdefault(address.rpartition("/")[0], address)
    return list(first.values())


def _access(iam: Any, session: Session, where: str, action: str, address: str) -> Iterator[Fact]:
    bucket, key = split_address(address)
    reply = iam.simulate_principal_policy(
        PolicySourceArn=session.role,
        ActionNames=[action],
        ResourceArns=[f"arn:aws:s3:::{bucket}/{key}"],
    )
    decision = reply["EvaluationResults"][0]["EvalDecision"]
    if decision == "allowed":
        return
    verb = "read" if action == "s3:GetObject" else "write"
    folder = address.rpartition("/")[0]
    what = f"Allow the role {action} on arn:aws:s3:::{bucket}/*."
    if decision == "implicitDeny" and _may_have_policy(session.s3(), bucket):
        what += " The bucket's own policy may do so already; this cannot be asked."
        yield "note", where, f"no right of its own to {verb} {folder}", action, what
    else:
        yield "error", where, f"may not {verb} {folder} ({decision})", action, what


def _may_have_policy(s3: Any, bucket: str) -> bool:
    from botocore.exceptions import ClientError

    try:
        s3.get_bucket_policy(Bucket=bucket)
    except ClientError as error:
        return bool(error.response["Error"].get("Code") != "NoSuchBucketPolicy")
    return True
