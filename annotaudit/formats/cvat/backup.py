"""A task in CVAT's backup: ``task.json`` and ``annotations.json`` in, boxes and frames out."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any
from zipfile import ZipFile

import numpy as np
import pandas as pd

from annotaudit.errors import LabelFormatError
from annotaudit.formats import columns
from annotaudit.formats.cvat.boxes import MAX_FRAME
from annotaudit.formats.cvat.zips import read_member
from annotaudit.formats.ground_truth.manifests import safe_name
from annotaudit.formats.json_text import decode, lines, repeated_keys
from annotaudit.formats.problems import Problems, excerpt

_STEP = re.compile(r"step\s*=\s*([1-9][0-9]{0,5})")
CONSOLIDATED = "consolidated"


@dataclass(frozen=True)
class Job:
    """A part of a task that one person works on.

    Parameters
    ----------
    start, stop : int
        First and last frame.
    annotator : str
        "consolidated" for the usual jobs; the type of any other, which is a second opinion.
    """

    start: int
    stop: int
    annotator: str


@dataclass(frozen=True)
class Task:
    """A task of a backup.

    Parameters
    ----------
    name : str
    jobs : list of Job
        As ``annotations`` has them.
    annotations : list
        Of each job, as decoded.
    labels : dict
        Name of a label to its attributes: whether each may change along a track.
    deleted : frozenset of int
        Frames that were taken out of the task.
    n_frames : int
        With those taken out.
    images : list of dict
        Of each frame, as the manifest has them.
    """

    name: str
    jobs: list[Job]
    annotations: list[Any]
    labels: dict[str, dict[str, bool]]
    deleted: frozenset[int]
    n_frames: int
    images: list[dict[str, Any]]


def read_task(archive: ZipFile, folder: str, problems: Problems) -> Task:
    """Read what an archive says about a task.

    Parameters
    ----------
    archive : ZipFile
    folder : str
        In which it lies, with a slash at the end; empty for the backup of a task.
    problems : Problems

    Raises
    ------
    LabelFormatError
        If a file of it is missing or no JSON of the expected kind.
    """
    about = _object(archive, f"{folder}task.json", problems)
    annotations = _json(archive, f"{folder}annotations.json", problems)
    if not isinstance(annotations, list):
        raise LabelFormatError(
            f"{problems.source}/annotations.json: found {excerpt(annotations)}; expected a list of "
            "the annotations of each job. Back the task up again."
        )
    jobs = _jobs(about.get("jobs"), problems)
    if len(jobs) != len(annotations):
        problems.add(
            "annotations.json", f"{len(annotations)} lists of annotations for {len(jobs)} jobs"
        )
    jobs += [Job(0, MAX_FRAME - 1, CONSOLIDATED)] * (len(annotations) - len(jobs))
    for place, each in enumerate(annotations):
        if not isinstance(each, dict):
            problems.add(f"job {place}", f"found {excerpt(each)}; expected its annotations")
    known = [job.stop + 1 for job in jobs if job.stop < MAX_FRAME - 1]
    data = about["data"] if isinstance(about.get("data"), dict) else {}
    deleted = data.get("deleted_frames")
    name = about.get("name")
    n_frames = max(known, default=0)
    labels = about.get("labels")
    if not isinstance(labels, list) and "project.json" in archive.namelist():
        labels = _object(archive, "project.json", problems).get("labels")
    return Task(
        name if isinstance(name, str) and name else folder.rstrip("/") or "task",
        jobs[: len(annotations)],
        annotations,
        _labels(labels),
        frozenset(n for n in deleted if type(n) is int)
        if isinstance(deleted, list)
        else frozenset(),
        n_frames,
        _images(archive, folder, data, n_frames, problems),
    )


def _json(archive: ZipFile, name: str, problems: Problems) -> Any:
    where = f"{archive.filename}/{name}"
    if name not in archive.namelist():
        raise LabelFormatError(f"{where} is missing from the backup. Back up or download it again.")
    data = read_member(archive, name)
    value = decode(data, where)
    for key in repeated_keys(data, value):
        problems.add(name, f"has the key {excerpt(key)} twice in one object; the last one counts")
    return value


def _object(archive: ZipFile, name: str, problems: Problems) -> dict[str, Any]:
    found = _json(archive, name, problems)
    if not isinstance(found, dict):
        raise LabelFormatError(
            f"{archive.filename}/{name}: found {excerpt(found)}; expected an object. "
            "Back the task up again."
        )
    return found


def _jobs(found: Any, problems: Problems) -> list[Job]:
    jobs: list[Job] = []
    seen: Counter[tuple[Any, ...]] = Counter()
    for place, job in enumerate(found if isinstance(found, list) else []):
        start, stop = (frame_of(job, key) for key in ("start_frame", "stop_frame"))
        if start is None or stop is None or stop < start:
            problems.add(f"job {place}", f"found {excerpt(job)}; expected its first and last frame")
            start, stop = 0, MAX_FRAME - 1
        kind = job.get("type", "annotation") if isinstance(job, dict) else "annotation"
        kind = kind if isinstance(kind, str) and kind else "annotation"
        annotator = CONSOLIDATED if kind == "annotation" else kind
        seen[start, stop, kind] += 1
        if kind != "annotation" and seen[start, stop, kind] > 1:
            annotator = f"{kind} {seen[start, stop, kind]}"
        jobs.append(Job(start, stop, annotator))
    usual = sorted((job.start, job.stop) for job in jobs if job.annotator == CONSOLIDATED)
    shared = sum(max(a[1] - b[0] + 1, 0) for a, b in zip(usual, usual[1:], strict=False))
    if shared and all(stop < MAX_FRAME - 1 for _, stop in usual):
        problems.add(
            f"{shared} frames of two jobs",
            "CVAT puts their boxes together when it exports; a backup, and what is read here, "
            "holds both",
        )
    return jobs


def frame_of(value: Any, key: str) -> int | None:
    """Read the number of a frame; None if there is none."""
    number = value.get(key) if isinstance(value, dict) else None
    return number if type(number) is int and 0 <= number < MAX_FRAME else None


def _labels(found: Any) -> dict[str, dict[str, bool]]:
    labels: dict[str, dict[str, bool]] = {}
    for label in found if isinstance(found, list) else []:
        if isinstance(label, dict) and isinstance(label.get("name"), str):
            attributes = label.get("attributes")
            labels[label["name"]] = {
                str(each["name"]): bool(each.get("mutable"))
                for each in (attributes if isinstance(attributes, list) else [])
                if isinstance(each, dict) and "name" in each
            }
    return labels


def _images(
    archive: ZipFile, folder: str, data: dict[str, Any], n_frames: int, problems: Problems
) -> list[dict[str, Any]]:
    """Name and size of the image of each frame, from the manifest."""
    name = f"{folder}data/manifest.jsonl"
    if name not in archive.namelist():
        return []
    entries: list[dict[str, Any]] = []
    video: dict[str, Any] = {}
    for number, line in lines(read_member(archive, name)):
        entry = decode(line, f"{archive.filename}/{name}, line {number}")
        if not isinstance(entry, dict):
            problems.add(f"manifest.jsonl, line {number}", f"found {excerpt(entry)}")
        elif isinstance(entry.get("properties"), dict):
            video = entry["properties"]
        elif not {"version", "type"} & entry.keys():
            entries.append(entry)
    if video:
        size = video.get("resolution")
        width, height = size if isinstance(size, list) and len(size) == 2 else (None, None)
        return [{"width": width, "height": height}] * n_frames
    present = [entry for entry in entries if entry]
    if len(present) == n_frames:
        return present
    step = _STEP.search(data["frame_filter"]) if isinstance(data.get("frame_filter"), str) else None
    every = int(step[1]) if step else 1
    first = frame_of(data, "start_frame") or 0
    return entries[first::every][:n_frames]


def frame_table(task: Task, sequence: str, problems: Problems) -> pd.DataFrame:
    """Every frame of a task but those taken out of it."""
    numbers = [n for n in range(task.n_frames) if n not in task.deleted]
    images = [task.images[n] if n < len(task.images) else {} for n in numbers]
    return pd.DataFrame(
        {
            "sequence": columns.text_column([sequence] * len(numbers)),
            "frame": np.array(numbers, dtype="int64"),
            "image": columns.text_column([_image_name(image, problems) for image in images]),
            "image_width": np.array([_pixels(i.get("width")) for i in images], dtype="float64"),
            "image_height": np.array([_pixels(i.get("height")) for i in images], dtype="float64"),
            "time": np.nan,
        }
    )


def _image_name(image: dict[str, Any], problems: Problems) -> str | None:
    name, ending = image.get("name"), image.get("extension", "")
    if isinstance(name, str) and isinstance(ending, str):
        return safe_name(name + ending, f"image {name!r}"[:60], problems)
    return None


def _pixels(value: Any) -> float:
    is_number = type(value) in (int, float)
    return float(value) if is_number and 0 < value < columns.MAX_EXACT else float("nan")
