"""What requests for labelling jobs of any kind have in common, and the names in them."""

from __future__ import annotations

import json
import re
from hashlib import sha256
from typing import Any, NamedTuple

from annotaudit.aws.categories import plain_text
from annotaudit.aws.regions import lambda_arns
from annotaudit.aws.sessions import Session

AVAILABLE = 10 * 86_400  # seconds a task waits for a worker
_UNSAFE = re.compile("[^A-Za-z0-9]+")


class Task(NamedTuple):
    """What a worker is asked to do."""

    name: str  # as Amazon's functions are named after it: "AdjustmentBoundingBox"
    title: str
    description: str
    keywords: list[str]
    page: dict[str, str]  # the UiConfig
    seconds: int  # a worker has for one piece of work
    workers: int = 1  # for each piece


def job_request(
    job: str, session: Session, task: Task, *, attribute: str, out: str
) -> dict[str, Any]:
    """Make the parameters of ``CreateLabelingJob``.

    Parameters
    ----------
    job : str
        Its name.
    session : Session
    task : Task
    attribute : str
        Label attribute that the job writes.
    out : str
        ``s3://`` folder, with its slash: for results, and for the files of :func:`input_folder`.
    """
    before, after = lambda_arns(session.region, task.name)
    folder = input_folder(out, job)
    return {
        "LabelingJobName": job,
        "LabelAttributeName": attribute,
        "InputConfig": {
            "DataSource": {"S3DataSource": {"ManifestS3Uri": f"{folder}input.manifest"}}
        },
        "OutputConfig": {"S3OutputPath": out},
        "RoleArn": session.role,
        "LabelCategoryConfigS3Uri": f"{folder}label-categories.json",
        "HumanTaskConfig": {
            "WorkteamArn": session.work_team,
            "UiConfig": task.page,
            "PreHumanTaskLambdaArn": before,
            "TaskKeywords": task.keywords,
            "TaskTitle": task.title,
            "TaskDescription": plain_text(task.description),
            "NumberOfHumanWorkersPerDataObject": task.workers,
            "TaskTimeLimitInSeconds": task.seconds,
            "TaskAvailabilityLifetimeInSeconds": AVAILABLE,
            "AnnotationConsolidationConfig": {"AnnotationConsolidationLambdaArn": after},
        },
    }


def input_folder(out: str, job: str) -> str:
    """Return where the files go that a job reads."""
    return f"{out}{job}-input/"


def job_name(subject: str, verb: str, content: Any) -> str:
    """Name a job after what it is about and what it is made of; the same gets the same name.

    Examples
    --------
    >>> job_name("Main hall", "adjust", ["frames"])
    'Main-hall-adjust-5530bbed'
    """
    digest = sha256(as_json(content)).hexdigest()[:8]
    return f"{slug(subject)[:40].strip('-')}-{verb}-{digest}"


def new_attribute(original: str, *, verify: bool = False, ending: str = "-ref") -> str:
    """Name the label attribute of the next job in a chain.

    Parameters
    ----------
    original : str
        That of the labels to adjust.
    verify : bool
        Whether they are verified.
    ending : str
        The names of video jobs end in ``-ref``; those of image jobs do not.

    Examples
    --------
    >>> new_attribute("Person-ref"), new_attribute("Person-adjusted-ref")
    ('Person-adjusted-ref', 'Person-adjusted-2-ref')
    >>> new_attribute("boxes", verify=True, ending="")
    'boxes-verified'
    """
    word = "verified" if verify else "adjusted"
    stem = slug(original.removesuffix("-ref"))
    match = re.fullmatch(rf"(.*-{word})(?:-(\d+))?", stem)
    if match is None:
        return f"{stem}-{word}{ending}"
    return f"{match[1]}-{int(match[2] or 1) + 1}{ending}"


def slug(name: str) -> str:
    """Write a name in letters, digits and hyphens.

    Examples
    --------
    >>> slug("Main hall, 2nd floor")
    'Main-hall-2nd-floor'
    """
    return _UNSAFE.sub("-", name).strip("-") or "labels"


def folder_name(name: str) -> str:
    """Name a folder after a sequence; different sequences get different names.

    Examples
    --------
    >>> folder_name("hall-2"), folder_name("hall 2")
    ('hall-2', 'hall-2-3262bd')
    """
    plain = slug(name)
    return plain if plain == name else f"{plain}-{sha256(name.encode()).hexdigest()[:6]}"


def as_json(content: Any) -> bytes:
    """Write a file's content as JSON."""
    return json.dumps(content, ensure_ascii=False, allow_nan=False).encode()
