"""Which account, region, bucket, role and work team a Ground Truth job uses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from annotaudit.aws.clients import make_client
from annotaudit.aws.regions import check_region, is_public_team
from annotaudit.errors import LimitError

if TYPE_CHECKING:
    import boto3

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
PUBLIC_TEAM_REFUSED = (
    "the public workforce is not supported for video frame labelling jobs, and using it declares "
    "the footage free of personal data, which nobody can say of people in a street. Name a private "
    "or vendor work team"
)


@dataclass(frozen=True)
class Session:
    """Where a labelling job runs and who works on it. Making one asks nobody anything.

    Parameters
    ----------
    region : str
        One of the twelve in which Ground Truth runs.
    bucket : str
        For frames, label files and results; in the same region.
    role : str
        ARN of the role that Ground Truth takes on to read and write the bucket.
    work_team : str
        ARN of a private or vendor work team.
    boto : boto3.Session, optional
        Whose credentials are used; by default those boto3 finds.

    Examples
    --------
    >>> session = Session(
    ...     "us-east-1", "example-bucket", "arn:aws:iam::111122223333:role/GroundTruth",
    ...     "arn:aws:sagemaker:us-east-1:111122223333:workteam/private-crowd/hall")
    >>> session.describe()["work team"]
    'private-crowd/hall'
    """

    region: str
    bucket: str
    role: str
    work_team: str
    boto: boto3.Session | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_region(self.region)
        if not _BUCKET.fullmatch(self.bucket):
            raise LimitError(
                f"{self.bucket[:80]!r} is no name of a bucket; expected 3 to 63 lower-case "
                "letters, digits, dots and hyphens, without s3://."
            )
        if is_public_team(self.work_team):
            raise LimitError(f"{self.work_team}: {PUBLIC_TEAM_REFUSED}.")

    def s3(self) -> Any:
        """Return an S3 client, the same one each time."""
        return self._s3

    def sagemaker(self) -> Any:
        """Return a SageMaker client, the same one each time."""
        return self._sagemaker

    @cached_property
    def _s3(self) -> Any:
        return make_client("s3", region=self.region, session=self.boto)

    @cached_property
    def _sagemaker(self) -> Any:
        return make_client("sagemaker", region=self.region, session=self.boto)

    def describe(self) -> pd.Series:
        """Say what is used, with the account number hidden."""
        return pd.Series(
            {
                "region": self.region,
                "bucket": self.bucket,
                "role": self.role.rpartition(":role/")[2],
                "work team": self.work_team.rpartition(":workteam/")[2],
            }
        )

    def __repr__(self) -> str:
        facts = ", ".join(f"{name}={value!r}" for name, value in self.describe().items())
        return f"Session({facts})"


def open_session(
    *,
    work_team: str,
    region: str | None = None,
    bucket: str | None = None,
    role: str | None = None,
    boto: boto3.Session | None = None,
) -> Session:
    """Make a session, asking the account for what is not given; nothing is created.

    Parameters
    ----------
    work_team : str
        ARN of a private or vendor work team.
    region : str, optional
        By default the one boto3 is set to.
    bucket : str, optional
        By default SageMaker's own, if it exists: ``sagemaker-<region>-<account>``, or with the
        extra ``sagemaker`` the one its settings name.
    role : str, optional
        By default the role of the notebook; needs the extra ``sagemaker``.
    boto : boto3.Session, optional
        Whose credentials are used; by default those boto3 finds.

    Returns
    -------
    Session

    Raises
    ------
    LimitError
        If the bucket cannot be reached, is in another region or somebody else's, or no role is
        known.
    """
    import boto3

    boto = boto or boto3.Session(region_name=region)
    region = check_region(region or boto.region_name)
    owner = None
    if bucket is None:
        bucket, owner = _default_bucket(boto, region)
    session = Session(region, bucket, role or _notebook_role(boto), work_team, boto)
    check_bucket(session.s3(), bucket, region, owner=owner)
    return session


def check_bucket(s3: Any, bucket: str, region: str, *, owner: str | None = None) -> None:
    """Refuse a bucket that is not there or in another region than the job.

    Parameters
    ----------
    s3 : boto3 S3 client
    bucket, region : str
    owner : str, optional
        Number of the account it must belong to: a name that can be guessed can be taken by others.

    Raises
    ------
    LimitError
    """
    from botocore.exceptions import BotoCoreError, ClientError

    whose = {"ExpectedBucketOwner": owner} if owner else {}
    try:
        place = s3.get_bucket_location(Bucket=bucket, **whose)
    except (BotoCoreError, ClientError) as error:
        reason = error.response["Error"].get("Code") if isinstance(error, ClientError) else error
        raise LimitError(
            f"Bucket {bucket!r} cannot be reached ({reason}). Create it, or name another in "
            "bucket=; nothing is created here."
        ) from error
    found = place.get("LocationConstraint") or "us-east-1"
    found = "eu-west-1" if found == "EU" else found  # the oldest region's old name
    if found != region:
        raise LimitError(
            f"Bucket {bucket!r} is in {found}, the job would run in {region}; Ground Truth needs "
            f"both in one region. Use region={found!r}, or a bucket in {region}."
        )


def _default_bucket(boto: boto3.Session, region: str) -> tuple[str, str | None]:
    """Name SageMaker's default bucket, and its owner where that is still to be checked."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        if (core := _sagemaker_core()) is None:
            sts = make_client("sts", region=region, session=boto)
            account = sts.get_caller_identity()["Account"]
            return f"sagemaker-{region}-{account}", account
        with _creating_nothing(boto):  # sagemaker-core makes the bucket if there is none
            return str(core.Session(boto_session=boto).default_bucket()), None
    except (BotoCoreError, ClientError) as error:
        raise LimitError(
            f"SageMaker's default bucket cannot be found ({error}). Name a bucket in bucket=."
        ) from error


@contextmanager
def _creating_nothing(boto: boto3.Session) -> Iterator[None]:
    def refuse(**_: Any) -> None:
        raise LimitError(
            "SageMaker's default bucket does not exist in this account and region. Create it, or "
            "name another in bucket=; nothing is created here."
        )

    boto.events.register("before-call.s3.CreateBucket", refuse)
    try:
        yield
    finally:
        boto.events.unregister("before-call.s3.CreateBucket", refuse)


def _notebook_role(boto: boto3.Session) -> str:
    core = _sagemaker_core()
    if core is None:
        raise LimitError(
            "No role is given. Name one in role= (an ARN), or, on a SageMaker notebook, install "
            'what finds it: pip install "annotaudit[sagemaker]".'
        )
    try:
        return str(core.get_execution_role(core.Session(boto_session=boto)))
    except ValueError as error:
        raise LimitError(
            "No role is given, and these credentials are not a role's, as they are on a SageMaker "
            "notebook. Name one in role= (an ARN)."
        ) from error


def _sagemaker_core() -> Any:
    """Return sagemaker-core's module of sessions, or None if it is not installed."""
    try:
        from sagemaker.core.helper import session_helper
    except ImportError:
        return None
    return session_helper
