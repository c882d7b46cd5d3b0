"""Ground Truth video labels: boxes along a video, drawn by one worker.

One ``SeqLabel.json`` per video::

    {"tracking-annotations": [                  or "detection-annotations", without object ids
      {"frame-no": "0", "frame": "000001.jpg", "frame-attributes": {"weather": "rain"},
       "annotations": [
         {"left": 947, "top": 602, "width": 79, "height": 193, "class-id": "1",
          "label-category-attributes": {"occluded": "no"},
          "object-id": "89b3e700-0732-11eb-8e0b-1ffa4c38e68b", "object-name": "Pedestrian:1"}]}]}

and an output manifest, one line per video, that names it and says what the class ids mean.

==============================  ====================================================
in the file                     in the tables
==============================  ====================================================
``frame-no`` (text or number)   ``frame``; without it, the position in the list
``frame``                       ``image`` of the frames table
``frame-attributes``            ``attribute.<name>`` of the frames table
``object-name``, ``object-id``  ``track``, ``object_id`` (one track per object id, called by its
                                first name; without a name, by the id)
``class-id``                    ``class_id``; through the class map, ``label``
``label-category-attributes``   ``attribute.<name>`` of the box table
any other key of a box          ``extra``: JSON text
the rest of a frame's entry     ``source_entry`` of the frames table: JSON text
the rest of file and manifest   ``source_file``, ``source_manifest``, on the first frame
==============================  ====================================================

With a manifest beside the file (or in the folders of a labelling job, or given), its class map
says what the labels are and its ``source-ref`` names the sequence. Without a class map the label
is what stands before the colon of ``object-name``. ``annotator`` is "consolidated". Frames are
those with an entry: Ground Truth writes one for each frame that a worker annotated.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from annotaudit.boxes import Labels
from annotaudit.errors import LabelFormatError
from annotaudit.formats import columns
from annotaudit.formats.ground_truth.manifests import METADATA, Job, choose, jobs_of, local_copy
from annotaudit.formats.ground_truth.seq_label import LISTS, read_sequence, write_sequence
from annotaudit.formats.ground_truth.sequence_files import add_sequence, sequence_file_beside
from annotaudit.formats.ground_truth.video_classes import (
    manifest_line,
    names_say_labels,
    with_class_ids,
)
from annotaudit.formats.json_text import decode, encode, lines, read_bytes
from annotaudit.formats.problems import Problems, excerpt
from annotaudit.formats.recognise import read_head
from annotaudit.formats.saving import write_whole
from annotaudit.frames.matching import path_inside

TYPES = ("groundtruth/video-object-tracking", "groundtruth/video-object-detection")
_OUTPUT = "manifests/output/output.manifest"  # in the folder of a labelling job


def recognises(path: Path, head: bytes) -> bool:
    """Tell a SeqLabel file, or a manifest of video labels, from its first bytes."""
    starts = head.lstrip()[:1] == b"{"
    return starts and any(f'"{word}"'.encode() in head for word in (*LISTS, *TYPES))


def parts(path: Path) -> list[Path]:
    """List the label files that a manifest names and that are here."""
    if not _is_manifest(read_head(path)):
        return []
    named = _videos(path, None, Problems(str(path)))
    return [video.file for video in named if video.file is not None]


def load(
    path: Path,
    *,
    strict: bool = False,
    manifest: str | os.PathLike[str] | None = None,
    attribute: str | None = None,
    sequence: str | None = None,
    sequence_file: str | os.PathLike[str] | None = None,
    every_frame: bool = False,
) -> Labels:
    """Read a ``SeqLabel.json``, or all videos of an output manifest.

    Parameters
    ----------
    path : Path
        Label files that a manifest names by ``s3://`` addresses are looked for beside it, by the
        end of their path.
    strict : bool
        Raise at the first piece of input that cannot be used.
    manifest : path, optional
        The output manifest of a label file, if it is not where it is looked for.
    attribute : str, optional
        Which label attribute of the manifest to read. By default the one whose labels no later
        adjustment replaced.
    sequence : str, optional
        Name of the video. By default the name of the sequence file in the manifest, or else of
        the label file or its folder.
    sequence_file : path, optional
        Gives the times of the frames; by default the one that lies beside.
    every_frame : bool
        Whether frames that stand only in the sequence file were looked at too.

    Returns
    -------
    Labels

    Raises
    ------
    LabelFormatError
        If the file holds no boxes, or nothing of a manifest can be read.
    """
    problems = Problems(str(path), strict=strict)
    options = {"sequence_file": sequence_file, "every_frame": every_frame}
    if manifest is None and _is_manifest(read_head(path)):
        videos = _videos(path, attribute, problems)
        return _load_manifest(videos, path, sequence, problems, options)
    video = _video_of(path, manifest, attribute, problems)
    name = sequence or (video.sequence if video else _name_of(path))
    one = _load_video(path, name, video, strict, options)
    return Labels(one.boxes, one.frames, _joined([problems.table(), one.problems]))


@dataclass(frozen=True)
class _Video:
    """A line of a manifest: one video and where its labels are."""

    manifest: Path
    number: int
    line: dict[str, Any]
    job: Job
    file: Path | None
    sequence: str

    @property
    def sequence_file(self) -> Path | None:
        source = self.line.get("source-ref")
        if not isinstance(source, str):
            return None
        return local_copy(source, self.manifest, by_name=True)


def _is_manifest(head: bytes) -> bool:
    holds_labels = any(f'"{name}"'.encode() in head for name in LISTS)
    return not holds_labels and any(f'"{name}"'.encode() in head for name in TYPES)


def _videos(manifest: Path, attribute: str | None, problems: Problems) -> list[_Video]:
    """Read the lines of a manifest that hold video labels."""
    found: list[tuple[int, dict[str, Any], Job]] = []
    for number, text in lines(read_bytes(manifest)):
        where = f"line {number}"
        try:
            line = decode(text, f"{manifest}, {where}")
        except LabelFormatError as error:
            problems.add(where, str(error))
            continue
        jobs = choose(jobs_of(line, TYPES), attribute) if isinstance(line, dict) else []
        jobs = [job for job in jobs if isinstance(line[job.attribute], str)]
        if not jobs:
            wanted = f"the label attribute {attribute!r}" if attribute else "labels of a video job"
            problems.add(where, f"found no {wanted} in this line")
            continue
        for other in jobs[:-1]:
            problems.add(
                f"{where}, {other.attribute}",
                f"not read, because {jobs[-1].attribute!r} is; name one with attribute=",
            )
        found.append((number, line, jobs[-1]))
    alone = len({line[job.attribute] for _, line, job in found}) == 1
    return [
        _Video(
            manifest,
            number,
            line,
            job,
            local_copy(line[job.attribute], manifest, by_name=alone),
            _sequence_name(line, job, number),
        )
        for number, line, job in found
    ]


def _sequence_name(line: dict[str, Any], job: Job, number: int) -> str:
    given = job.metadata.get("sequence")
    source = line.get("source-ref")
    if isinstance(given, str) and given:
        return given
    if not isinstance(source, str):
        return f"line {number}"
    stem = source.rstrip("/").rpartition("/")[2].removesuffix(".json")
    return stem.removesuffix("seq").rstrip("-_.") or stem or f"line {number}"


def _name_of(path: Path) -> str:
    is_usual = path.stem.lower() in ("seqlabel", "labels", "annotations")
    return (path.resolve().parent.name if is_usual else path.stem) or path.stem


def _video_of(
    path: Path,
    manifest: str | os.PathLike[str] | None,
    attribute: str | None,
    problems: Problems,
) -> _Video | None:
    """Find the manifest line that names a label file."""
    if manifest is not None:
        videos = _videos(Path(manifest), attribute, problems)
        same = [video for video in videos if video.file and video.file.samefile(path)]
        if len(videos) == 1 or same:
            return (same or videos)[0]
        raise LabelFormatError(
            f"{manifest}: none of its {len(videos)} lines of video labels names {path}. Put the "
            "files as they lie in the bucket, or load the manifest itself."
        )
    beside = sorted(path.parent.glob("*.manifest"))
    above = [folder / _OUTPUT for folder in list(path.resolve().parents)[:6]]
    for candidate in [*beside, *above]:
        if not candidate.is_file() or not _is_manifest(read_head(candidate)):
            continue
        for video in _videos(candidate, attribute, Problems(str(candidate))):
            if video.file is not None and video.file.samefile(path):
                return video
    return None


def _load_manifest(
    videos: list[_Video],
    path: Path,
    sequence: str | None,
    problems: Problems,
    options: dict[str, Any],
) -> Labels:
    loaded: list[Labels] = []
    files: set[Path] = set()
    names: set[str] = set()
    for video in videos:
        where = f"line {video.number}"
        if video.file is None:
            problems.add(
                where,
                f"its labels {excerpt(video.line[video.job.attribute])} are not here; copy them "
                "to the same folders beside the manifest, for example with aws s3 sync",
            )
            continue
        if video.file in files:
            problems.add(where, "names the same labels as a line before it; they belong to one")
            continue
        files.add(video.file)
        name = sequence if sequence and len(videos) == 1 else video.sequence
        name = f"{name} (line {video.number})" if name in names else name
        names.add(name)
        try:
            loaded.append(_load_video(video.file, name, video, problems.strict, options))
        except LabelFormatError as error:
            problems.add(where, str(error))
    if not loaded:
        first = problems.table()["what"].head(1).tolist()
        raise LabelFormatError(
            f"{path}: no labels of this manifest could be read "
            f"({', '.join(first) or 'it is empty'}). Load the label file itself if you have it."
        )
    return Labels(
        _joined([labels.boxes for labels in loaded]),
        _joined([labels.frames for labels in loaded]),
        _joined([problems.table(), *[labels.problems for labels in loaded]]),
    )


def _joined(tables: list[pd.DataFrame]) -> pd.DataFrame:
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else tables[0]


def _load_video(
    path: Path, sequence: str, video: _Video | None, strict: bool, options: dict[str, Any]
) -> Labels:
    problems = Problems(str(path), strict=strict)
    class_map = video.job.class_map if video else {}
    boxes, frames = read_sequence(read_bytes(path), sequence, class_map, problems)
    tables = [problems.table()]
    if video is not None and len(frames):
        source = encode({"attribute": video.job.attribute, "line": video.line}, str(path))
        frames["source_manifest"] = columns.on_first_row(len(frames), source)
    given = options["sequence_file"]
    listed = Path(given) if given else (video and video.sequence_file)
    listed = listed or sequence_file_beside(path)
    if listed is not None and len(frames):
        frames, more = add_sequence(
            frames, listed, every_frame=options["every_frame"], strict=strict
        )
        tables.append(more)
    return Labels(boxes, frames, _joined(tables))


def save(labels: Labels, path: Path) -> Path:
    """Write a ``SeqLabel.json``, or a manifest with one label file for each video.

    Parameters
    ----------
    labels : Labels
        Of one annotator per video. Columns that Ground Truth has no place for are not written.
    path : Path
        A name ending in ``.json`` for one video. If its labels cannot be told from the names of
        its objects, a manifest with the class map is written beside it. Otherwise the name of the
        manifest, or the folder to write it to; label files stand below it.

    Returns
    -------
    Path
        The label file, or the manifest.

    Raises
    ------
    LabelFormatError
        If there are several videos for one file, several annotators for one video, or an infinite
        side.
    """
    names = list(dict.fromkeys([*labels.frames["sequence"], *labels.boxes["sequence"]]))
    is_one_file = path.suffix.lower() == ".json"
    if is_one_file and len(names) > 1:
        raise LabelFormatError(
            f"{path}: one file holds one video; found {len(names)}: "
            f"{excerpt(', '.join(names))}. Save to a folder instead, or one video at a time."
        )
    manifest = path.with_suffix(".manifest") if is_one_file else path
    if not path.suffix:
        manifest = path / "output.manifest"
    written = []
    for name in names:
        boxes = labels.boxes[labels.boxes["sequence"] == name]
        frames = labels.frames[labels.frames["sequence"] == name]
        if len(annotators := boxes["annotator"].unique()) > 1:
            raise LabelFormatError(
                f"{path}, sequence {name!r}: found {len(annotators)} annotators; this format "
                "holds one. Save the rows of one annotator at a time."
            )
        line, attribute = manifest_line(
            frames,
            name,
            tracked=bool(boxes["track"].notna().any()),
            beside=path.name if is_one_file else None,
        )
        boxes, classes = with_class_ids(boxes, line[attribute + METADATA].get("class-map"))
        line[attribute + METADATA] |= {"class-map": classes}
        content = encode(write_sequence(boxes, frames, str(path)), str(path))
        if is_one_file:
            write_whole(path, content)
            if not names_say_labels(boxes):
                write_whole(manifest, encode(line, str(manifest)) + b"\n")
            return path
        key = line[attribute].split("://", 1)[-1]
        file = key.split("/", 1)[-1] if "://" in line[attribute] else key
        write_whole(path_inside(manifest.parent, file), content)
        written.append(encode(line, str(manifest)) + b"\n")
    if is_one_file:
        return write_whole(path, b'{"tracking-annotations":[]}')
    return write_whole(manifest, written)
