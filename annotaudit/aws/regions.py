"""Where Ground Truth runs, and the names of what Amazon provides there."""

from __future__ import annotations

from annotaudit.errors import LimitError

# Account that owns the Lambda functions of Ground Truth in each region where it runs; from the
# documentation strings of AWS's own API model, as botocore carries it.
LAMBDA_ACCOUNTS = {
    "us-east-1": "432418664414",
    "us-east-2": "266458841044",
    "us-west-2": "081040173940",
    "ca-central-1": "918755190332",
    "eu-west-1": "568282634449",
    "eu-west-2": "487402164563",
    "eu-central-1": "203001061592",
    "ap-northeast-1": "477331159723",
    "ap-northeast-2": "845288260483",
    "ap-south-1": "565803892007",
    "ap-southeast-1": "377565633583",
    "ap-southeast-2": "454466003867",
}
UI_ACCOUNT = "394669845002"


def check_region(region: str | None) -> str:
    """Return the region if Ground Truth runs there.

    Raises
    ------
    LimitError
        If it does not, or none is given; names those where it does.

    Examples
    --------
    >>> check_region("us-west-1")
    Traceback (most recent call last):
    annotaudit.errors.LimitError: Ground Truth does not run in region 'us-west-1'; it runs in...
    """
    if region in LAMBDA_ACCOUNTS:
        return region
    found = f"Ground Truth does not run in region {region!r}" if region else "No region is given"
    raise LimitError(
        f"{found}; it runs in {', '.join(LAMBDA_ACCOUNTS)}. Name one of these, the one your "
        "bucket is in."
    )


def lambda_arns(region: str, task: str) -> tuple[str, str]:
    """Return the functions that hand out a kind of task and gather its answers.

    Parameters
    ----------
    region : str
    task : str
        Such as ``"AdjustmentVideoObjectTracking"``.

    Examples
    --------
    >>> lambda_arns("eu-west-1", "BoundingBox")[0]
    'arn:aws:lambda:eu-west-1:568282634449:function:PRE-BoundingBox'
    """
    account = LAMBDA_ACCOUNTS[check_region(region)]
    start = f"arn:aws:lambda:{region}:{account}:function"
    return f"{start}:PRE-{task}", f"{start}:ACS-{task}"


def task_ui_arn(region: str, task: str) -> str:
    """Return the page of a kind of video task; adjustments use that of the first labelling.

    Examples
    --------
    >>> task_ui_arn("us-east-1", "AdjustmentVideoObjectTracking")
    'arn:aws:sagemaker:us-east-1:394669845002:human-task-ui/VideoObjectTracking'
    """
    page = task.removeprefix("Adjustment").removeprefix("Verification")
    return f"arn:aws:sagemaker:{check_region(region)}:{UI_ACCOUNT}:human-task-ui/{page}"


def is_public_team(work_team: str) -> bool:
    """Tell whether a work team is Mechanical Turk's public crowd.

    Examples
    --------
    >>> is_public_team("arn:aws:sagemaker:us-east-1:394669845002:workteam/public-crowd/default")
    True
    """
    return "workteam/public-crowd/" in work_team
