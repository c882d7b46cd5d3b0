"""What would keep a labelling job from working, found before anything is sent."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from annotaudit.aws.category_checks import Problem, category_problems
from annotaudit.aws.checking import check_request
from annotaudit.aws.image_checks import (
    Read,
    image_file_problems,
    image_request_problems,
    image_task,
    line_problems,
)
from annotaudit.aws.regions import LAMBDA_ACCOUNTS, is_public_team, lambda_arns
from annotaudit.aws.sessions import PUBLIC_TEAM_REFUSED
from annotaudit.boxes import TEXT
from annotaudit.formats.ground_truth.manifests import METADATA
from annotaudit.formats.ground_truth.seq_label import LISTS

MAX_FRAMES = 2_000  # of a sequence
MAX_SEQUENCES = 10  # of a manifest
MAX_TASK_TIME = 604_800  # seconds; seven days, for video
MAX_AVAILABLE = 2_592_000  # seconds; thirty days, for private and vendor teams


def check_job(request: Mapping[str, Any], read: Read) -> pd.DataFrame:
    """List what AWS's model and documentation have against an adjustment or verification job.

    Parameters
    ----------
    request : mapping
        Parameters of ``CreateLabelingJob``.
    read : callable
        Gives the content of a file by its ``s3://`` address, or None if it is not there.

    Returns
    -------
    DataFrame
        One row per problem: ``where``, ``found``, ``expected``, ``what`` to do. Whether AWS would
        accept the job after all is only known there.
    """
    of_model = check_request("sagemaker", "CreateLabelingJob", request)
    if len(of_model):
        return of_model
    found: list[Problem] = list(_request_problems(request))
    if image_task(request):
        found += [*image_request_problems(request), *image_file_problems(request, read)]
    else:
        found += [*_video_problems(request), *_file_problems(request, read)]
    return pd.DataFrame(found, columns=list(of_model.columns)).astype(TEXT)


def _request_problems(request: Mapping[str, Any]) -> Iterator[Problem]:
    """List what is wrong with a request, whatever the kind of job."""
    task, name = request["HumanTaskConfig"], request["LabelAttributeName"]
    if name.endswith(METADATA) or name in ("source", "source-ref"):
        yield (
            "LabelAttributeName",
            name,
            f"neither source, source-ref nor a name that ends in {METADATA}",
            "These names have a meaning of their own in manifests.",
        )
    if is_public_team(task["WorkteamArn"]):
        yield "WorkteamArn", task["WorkteamArn"], "a private team", PUBLIC_TEAM_REFUSED
    if task.get("TaskAvailabilityLifetimeInSeconds", 0) > MAX_AVAILABLE:
        yield (
            "TaskAvailabilityLifetimeInSeconds",
            str(task["TaskAvailabilityLifetimeInSeconds"]),
            f"at most {MAX_AVAILABLE}",
            "Thirty days are the most.",
        )
    page, before = task["UiConfig"].get("HumanTaskUiArn", ""), task.get("PreHumanTaskLambdaArn", "")
    after = task.get("AnnotationConsolidationConfig", {}).get(
        "AnnotationConsolidationLambdaArn", ""
    )
    arns = [page, before, after, task["WorkteamArn"]]
    regions = {arn.split(":")[3] for arn in arns if arn.count(":") > 3}
    if len(regions) != 1 or not regions <= set(LAMBDA_ACCOUNTS):
        yield (
            "HumanTaskConfig",
            ", ".join(sorted(regions)) or "no ARN",
            "one region of Ground Truth",
            f"Use one of {', '.join(LAMBDA_ACCOUNTS)} for team, page and functions.",
        )
    elif (before, after) != lambda_arns(regions.pop(), before.rpartition(":PRE-")[2]):
        yield (
            "PreHumanTaskLambdaArn, AnnotationConsolidationLambdaArn",
            f"{before}, {after}",
            "the two functions of one kind of task, of the account Amazon has in that region",
            "Take both from annotaudit.aws.regions.lambda_arns().",
        )


def _video_problems(request: Mapping[str, Any]) -> Iterator[Problem]:
    task = request["HumanTaskConfig"]
    if not request["LabelAttributeName"].endswith("-ref"):
        yield (
            "LabelAttributeName",
            request["LabelAttributeName"],
            "a name that ends in -ref",
            "Video jobs need that ending.",
        )
    if task["NumberOfHumanWorkersPerDataObject"] != 1:
        yield (
            "NumberOfHumanWorkersPerDataObject",
            str(task["NumberOfHumanWorkersPerDataObject"]),
            "1",
            "A video goes to one worker.",
        )
    if task.get("TaskTimeLimitInSeconds", 0) > MAX_TASK_TIME:
        yield (
            "TaskTimeLimitInSeconds",
            str(task["TaskTimeLimitInSeconds"]),
            f"at most {MAX_TASK_TIME}",
            "Seven days are the most for video.",
        )
    if "LabelingJobAlgorithmsConfig" in request:
        yield (
            "LabelingJobAlgorithmsConfig",
            "a value",
            "nothing",
            "Video jobs are not labelled by machine.",
        )
    if not task["UiConfig"].get("HumanTaskUiArn"):
        yield (
            "UiConfig.HumanTaskUiArn",
            "nothing",
            "the page of video tasks",
            "Video jobs use Amazon's own page, not a template.",
        )


def _file_problems(request: Mapping[str, Any], read: Read) -> Iterator[Problem]:
    category_at = request.get("LabelCategoryConfigS3Uri", "")
    categories = _decoded(read(category_at))
    manifest_at = request["InputConfig"]["DataSource"]["S3DataSource"]["ManifestS3Uri"]
    manifest = read(manifest_at)
    if not isinstance(categories, dict):
        yield category_at, "no JSON object", "label categories", "Upload the file."
        categories = {}
    else:
        yield from category_problems(categories)
    if manifest is None:
        yield manifest_at, "nothing", "the input manifest", "Upload the file."
        return
    lines = manifest.decode(errors="replace").splitlines()
    if not 1 <= len(lines) <= MAX_SEQUENCES:
        yield (
            manifest_at,
            f"{len(lines)} lines",
            f"1 to {MAX_SEQUENCES}: one for each sequence",
            "Split the job.",
        )
    audited = categories.get("auditLabelAttributeName", "")
    if audited == request["LabelAttributeName"]:
        yield (
            "LabelAttributeName",
            audited,
            "another name than the labels that are adjusted",
            "Give the adjusted labels a name of their own.",
        )
    known = {entry.get("label") for entry in categories.get("labels", [])}
    numbers = set()
    for number, text in enumerate(lines, start=1):
        where = f"{manifest_at}, line {number}"
        line = _decoded(text.encode())
        if not isinstance(line, dict) or not isinstance(line.get("source-ref"), str):
            yield where, text[:60], "an object with source-ref", "Write the manifest again."
            continue
        yield from line_problems(where, text, line)
        sequence = _decoded(read(line["source-ref"]))
        names = None
        if isinstance(sequence, dict) and isinstance(sequence.get("frames"), list):
            yield from _sequence_problems(line["source-ref"], sequence)
            names = {f.get("frame"): f.get("frame-no") for f in sequence["frames"]}
            if sequence.get("seq-no") in numbers:
                yield (
                    line["source-ref"],
                    f"seq-no {sequence['seq-no']} again",
                    "each once",
                    "Number the sequences.",
                )
            numbers.add(sequence.get("seq-no"))
        else:
            yield line["source-ref"], "no sequence", "a sequence file", "Upload the file."
        yield from _label_problems(where, line, audited, known, names, read)


def _sequence_problems(where: str, sequence: Mapping[str, Any]) -> Iterator[Problem]:
    frames = sequence["frames"]
    if sequence.get("number-of-frames") != len(frames) or not 1 <= len(frames) <= MAX_FRAMES:
        yield (
            where,
            f"{len(frames)} frames, number-of-frames {sequence.get('number-of-frames')}",
            f"the same number, 1 to {MAX_FRAMES}",
            "Cut the sequence into shorter ones.",
        )
    prefix = str(sequence.get("prefix"))
    inside = prefix.removeprefix("s3://").partition("/")[2]
    if not (prefix.startswith("s3://") and prefix.endswith("/") and inside.strip("/")):
        yield (
            where,
            f"prefix {prefix!r}",
            "s3://bucket/folder/, with the slash at its end",
            "Put the frames in a folder of the bucket.",
        )
    names = [str(frame.get("frame")) for frame in frames]
    if names != sorted(names, key=str.encode) or len(set(names)) < len(names):
        yield (
            where,
            "frames in another order than their names",
            "names in the order of bytes",
            "Rename the files with leading zeros.",
        )
    if [frame.get("frame-no") for frame in frames] != list(range(len(frames))):
        yield where, "other frame numbers", "0, 1, 2, ...", "Number the frames from 0."


def _label_problems(
    where: str,
    line: Mapping[str, Any],
    audited: str,
    known: set[Any],
    names: Mapping[Any, Any] | None,
    read: Read,
) -> Iterator[Problem]:
    metadata = line.get(f"{audited}{METADATA}")
    if not isinstance(line.get(audited), str) or not isinstance(metadata, dict):
        yield (
            where,
            ", ".join(line),
            f"{audited!r} and {audited + METADATA!r}",
            "auditLabelAttributeName must name labels that the manifest has.",
        )
        return
    for name in ("class-map", "type"):
        if name not in metadata:
            yield (
                f"{where}, {audited}{METADATA}",
                f"no {name}",
                "all of the original metadata",
                "Load the labels through the output manifest of the job that made them.",
            )
    classes = set(metadata.get("class-map", {}).values())
    if not classes <= known:
        yield (
            "labels",
            ", ".join(sorted(map(str, known))),
            ", ".join(sorted(classes)),
            "An adjustment job needs all labels of the original job.",
        )
    content = _decoded(read(line[audited]))
    entries = (
        next((content[kind] for kind in LISTS if kind in content), None)
        if isinstance(content, dict)
        else None
    )
    if not isinstance(entries, list):
        yield line[audited], "no labels", "the labels to adjust", "Upload the file."
    elif names is not None:
        strange = [e for e in entries if str(names.get(e.get("frame"))) != str(e.get("frame-no"))]
        if strange:
            yield (
                line[audited],
                f"frame {strange[0].get('frame')!r} as number {strange[0].get('frame-no')}",
                "names and numbers as in the sequence file",
                "Write labels and sequence file from the same frames.",
            )


def _decoded(content: bytes | None) -> Any:
    try:
        return json.loads(content) if content is not None else None
    except (ValueError, RecursionError):
        return None
