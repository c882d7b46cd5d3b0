"""Manifests of Ground Truth: which labels each line holds, and where their files are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotaudit.errors import FrameError
from annotaudit.formats.problems import Problems, excerpt
from annotaudit.frames.matching import path_inside

METADATA = "-metadata"
_DRIVE = re.compile("[A-Za-z]:")
MAX_FOLDERS = 16  # how much of an address is looked for on disk


@dataclass(frozen=True)
class Job:
    """The labels that one labelling job added to a manifest line.

    Parameters
    ----------
    attribute : str
        Name of the label attribute; ``attribute + "-metadata"`` is the key that told of it.
    metadata : dict
        Type, class map, times, and what else the job says.
    """

    attribute: str
    metadata: dict[str, Any]

    @property
    def class_map(self) -> dict[str, str]:
        """Class id to label, both text."""
        given = self.metadata.get("class-map")
        if not isinstance(given, dict):
            return {}
        return {str(key): value for key, value in given.items() if isinstance(value, str)}


def jobs_of(line: dict[str, Any], types: tuple[str, ...]) -> list[Job]:
    """List the label attributes of a manifest line, found by the type in their metadata.

    Examples
    --------
    >>> line = {"dogs": {}, "dogs-metadata": {"type": "groundtruth/object-detection"}}
    >>> [job.attribute for job in jobs_of(line, ("groundtruth/object-detection",))]
    ['dogs']
    """
    return [
        Job(key.removesuffix(METADATA), metadata)
        for key, metadata in line.items()
        if key.endswith(METADATA)
        and isinstance(metadata, dict)
        and metadata.get("type") in types
        and key.removesuffix(METADATA) in line
    ]


def latest(jobs: list[Job]) -> list[Job]:
    """Leave out jobs whose labels a later adjustment job replaced.

    A job with an ``adjustment-status`` started from an earlier one and its labels take their
    place. Which one is not written down: it is the nearest before it that knows the same
    classes and was not replaced yet, or else the nearest.

    Examples
    --------
    >>> first = Job("Person-ref", {"class-map": {"1": "Pedestrian"}})
    >>> second = Job("Person-adjusted-ref", {"adjustment-status": "adjusted"})
    >>> [job.attribute for job in latest([first, second])]
    ['Person-adjusted-ref']
    """
    standing: list[Job] = []
    for job in jobs:
        if "adjustment-status" in job.metadata and standing:
            same = [
                earlier
                for earlier in standing
                if set(earlier.class_map.values()) & set(job.class_map.values())
            ]
            standing.remove((same or standing)[-1])
        standing.append(job)
    return standing


def choose(jobs: list[Job], attribute: str | None) -> list[Job]:
    """Return the jobs to read: the named one, or those no adjustment replaced."""
    if attribute is None:
        return latest(jobs)
    return [job for job in jobs if job.attribute == attribute]


def local_copy(reference: str, manifest: Path, *, by_name: bool) -> Path | None:
    """Find the local copy of a file that a manifest names.

    An address is looked for by the end of its path, the longest first, beside the manifest and
    in the three folders above it.

    Parameters
    ----------
    reference : str
        ``s3://bucket/some/folders/file``, or a path relative to the manifest.
    manifest : Path
    by_name : bool
        Whether the file name alone is enough beside the manifest: not where several lines name
        different files that are all called ``SeqLabel.json``.

    Returns
    -------
    Path or None
        None if there is no copy, or the name tries to lead out of the folder.
    """
    key = reference.split("://", 1)[-1]
    parts = key.split("/")
    if "://" in reference:
        parts = parts[1:]
    parts = parts[-MAX_FOLDERS:]
    folders = [manifest.parent, *list(manifest.resolve().parents)[1:4]]
    for start in range(len(parts)):
        tail = "/".join(parts[start:])
        is_name = 0 < start == len(parts) - 1
        for folder in folders if not is_name else folders[: int(by_name)]:
            try:
                candidate = path_inside(folder, tail)
                if candidate.is_file():
                    return candidate
            except (FrameError, OSError, RuntimeError):  # leads out, too long, links in a ring
                return None
    return None


def safe_name(name: Any, where: str, problems: Problems) -> str | None:
    """Return the name of an image as a label file gives it, or None and a problem.

    A relative path with forward slashes, or an ``s3://``, ``https://`` or ``http://`` address.
    """
    if name is None:
        return None
    if isinstance(name, str) and name.isprintable():
        if name.startswith(("s3://", "https://", "http://")):
            return name
        is_local = not (name.startswith("/") or "\\" in name or _DRIVE.match(name))
        if is_local and name and not {"..", ""} & set(name.split("/")):
            return name
    problems.add(where, f"the image is named {excerpt(name)}; expected a file name or address")
    return None
