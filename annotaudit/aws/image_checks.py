"""What would keep a labelling job of images from working, found before anything is sent."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from math import isfinite
from typing import Any

from annotaudit.aws.categories import IMAGE_VERSION
from annotaudit.aws.category_checks import Problem
from annotaudit.boxes import SIDES
from annotaudit.formats.ground_truth.manifests import METADATA

MAX_IMAGES = 100_000  # of a job
MAX_LABELS = 50  # of a job made by the API
MAX_TASK_TIME = 28_800  # seconds; eight hours, for images
MAX_LINE, MAX_VALUE = 100_000, 20_000  # characters of a manifest line, and of a value in it
WIDGETS = {  # what a page of each kind of job is made of, and how the widget gets the labels
    "AdjustmentBoundingBox": ("<crowd-bounding-box", "initial-value="),
    "VerificationBoundingBox": ("<crowd-image-classifier", "overlay="),
}
_SHOWN = re.compile(r"task\.input\.manifestLine\['([^']+)'\]\.annotations")
Read = Callable[[str], bytes | None]


def image_task(request: Mapping[str, Any]) -> str | None:
    """Return the kind of image job that a request asks for; None if it is no image job."""
    name = str(request["HumanTaskConfig"].get("PreHumanTaskLambdaArn", "")).rpartition(":PRE-")[2]
    return name if name in WIDGETS else None


def shown_attribute(page: bytes | None) -> str | None:
    """Return the label attribute whose boxes a page shows, or None.

    Examples
    --------
    >>> shown_attribute(b"{% for box in task.input.manifestLine['boxes'].annotations %}")
    'boxes'
    """
    match = _SHOWN.search((page or b"").decode(errors="replace"))
    return match[1] if match else None


def image_request_problems(request: Mapping[str, Any]) -> Iterator[Problem]:
    """List what the documentation has against the request of an image job."""
    task, name = request["HumanTaskConfig"], request["LabelAttributeName"]
    if name.endswith("-ref"):
        yield (
            "LabelAttributeName",
            name,
            "a name that does not end in -ref",
            "That ending is for labels in files of their own, as those of video.",
        )
    if task.get("TaskTimeLimitInSeconds", 0) > MAX_TASK_TIME:
        yield (
            "TaskTimeLimitInSeconds",
            str(task["TaskTimeLimitInSeconds"]),
            f"at most {MAX_TASK_TIME}",
            "Eight hours are the most for images.",
        )
    if not task["UiConfig"].get("UiTemplateS3Uri"):
        yield (
            "UiConfig.UiTemplateS3Uri",
            "nothing",
            "the address of a worker page",
            "Image jobs use a template in S3, not Amazon's own page.",
        )


def image_file_problems(request: Mapping[str, Any], read: Read) -> Iterator[Problem]:
    """List what the documentation has against the files of an image job."""
    task = image_task(request) or ""
    page_at = request["HumanTaskConfig"]["UiConfig"].get("UiTemplateS3Uri", "")
    page = read(page_at) if page_at else None
    attribute = shown_attribute(page)
    if page is None:
        yield page_at, "nothing", "the worker page", "Upload the file."
    elif attribute is None or any(part.encode() not in page for part in WIDGETS[task]):
        yield (
            page_at,
            "another page",
            f"{WIDGETS[task][0]}> whose {WIDGETS[task][1].rstrip('=')} are the labels of a line",
            "Use the page that the plan was made with.",
        )
        return
    if attribute is not None and attribute == request["LabelAttributeName"]:
        yield (
            "LabelAttributeName",
            attribute,
            "another name than the labels that are adjusted",
            "Give the new labels a name of their own.",
        )
    category_at = request.get("LabelCategoryConfigS3Uri", "")
    categories = _decoded(read(category_at))
    if not isinstance(categories, dict):
        yield category_at, "no JSON object", "label categories", "Upload the file."
        categories = {}
    else:
        yield from _category_problems(categories, task)
    manifest_at = request["InputConfig"]["DataSource"]["S3DataSource"]["ManifestS3Uri"]
    manifest = read(manifest_at)
    if manifest is None:
        yield manifest_at, "nothing", "the input manifest", "Upload the file."
        return
    known = {str(entry.get("label")) for entry in categories.get("labels", [])}
    lines = manifest.decode(errors="replace").splitlines()
    if not 1 <= len(lines) <= MAX_IMAGES:
        yield manifest_at, f"{len(lines)} lines", f"1 to {MAX_IMAGES}", "Split the job."
    for number, text in enumerate(lines, start=1):
        where = f"{manifest_at}, line {number}"
        line = _decoded(text.encode())
        if not isinstance(line, dict) or not isinstance(line.get("source-ref"), str):
            yield where, text[:60], "an object with source-ref", "Write the manifest again."
            continue
        yield from line_problems(where, text, line)
        if not line["source-ref"].startswith("s3://"):
            yield where, line["source-ref"][:80], "an s3:// address", "Put the image in S3."
        if attribute is not None:
            wanted = known if task == "AdjustmentBoundingBox" else None
            yield from _label_problems(where, line, attribute, wanted)


def line_problems(where: str, text: str, line: Mapping[str, Any]) -> Iterator[Problem]:
    """List what a manifest line of any kind of job may not be: too long, or named with a $."""
    if len(text) > MAX_LINE or any(len(json.dumps(value)) > MAX_VALUE for value in line.values()):
        yield (
            where,
            f"{len(text)} characters",
            f"at most {MAX_LINE}, {MAX_VALUE} a value",
            "Shorten what stands in the line.",
        )
    if any(key.startswith("$") for key in line):
        yield where, "a name that starts with $", "another", "Rename the attribute."


def _category_problems(content: Mapping[str, Any], task: str) -> Iterator[Problem]:
    version = content.get("document-version")
    if version != IMAGE_VERSION:
        yield (
            "document-version",
            str(version),
            IMAGE_VERSION,
            "Image jobs know this version only; the key is spelt with a hyphen.",
        )
    labels = [str(entry.get("label")) for entry in content.get("labels", [])]
    least = 2 if task == "VerificationBoundingBox" else 1  # something to choose from
    if not least <= len(labels) <= MAX_LABELS or len(set(labels)) < len(labels):
        yield (
            "labels",
            f"{len(labels)}, {len(set(labels))} different",
            f"{least} to {MAX_LABELS}, each once",
            "Leave some out, or add one.",
        )


def _label_problems(
    where: str, line: Mapping[str, Any], attribute: str, known: set[str] | None
) -> Iterator[Problem]:
    value, metadata = line.get(attribute), line.get(attribute + METADATA)
    boxes = value.get("annotations") if isinstance(value, dict) else None
    if not isinstance(boxes, list) or not isinstance(metadata, dict):
        yield (
            where,
            ", ".join(line),
            f"{attribute!r} with annotations, and {attribute + METADATA!r}",
            "The page shows labels that each line must have.",
        )
        return
    classes = metadata.get("class-map", {})
    without = [box for box in boxes if str(box.get("class_id")) not in classes]
    if without:
        yield (
            where,
            f"class_id {without[0].get('class_id')}",
            f"one of the class-map: {', '.join(classes) or 'none'}",
            "Give each box a label.",
        )
    if not all(_is_box(box) for box in boxes):
        yield where, "a box without a place", "four numbers, sizes above 0", "Correct the box."
    if known is not None and not set(classes.values()) <= known:
        yield (
            where,
            f"label categories {', '.join(sorted(known))}",
            ", ".join(sorted(classes.values())),
            "An adjustment job needs all labels of the original job.",
        )


def _is_box(box: Mapping[str, Any]) -> bool:
    sides = [box.get(side) for side in SIDES]
    numbers = [side for side in sides if isinstance(side, int | float) and isfinite(side)]
    return len(numbers) == len(sides) and min(numbers[2:]) > 0


def _decoded(content: bytes | None) -> Any:
    try:
        return json.loads(content) if content is not None else None
    except (ValueError, RecursionError):
        return None
