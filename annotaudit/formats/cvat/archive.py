"""CVAT's archives: exports with ``annotations.xml`` in them, and backups of tasks and projects.

==============================  ===================================================
in the archive                  what it is
==============================  ===================================================
``annotations.xml``             an export, "CVAT for video" or "for images" (see
                                ``annotaudit.formats.cvat.format``); with or without images,
                                in one folder or in several
``task.json``                   a backup of a task: its name, labels, jobs, frames
``annotations.json``            its shapes and tracks, job by job
``data/manifest.jsonl``         names and sizes of its images
``project.json``, ``task_0/``   a backup of a project, a folder for each task
==============================  ===================================================

What a backup says about a box, here shortened::

    [{"tags": [],
      "shapes": [{"type": "rectangle", "frame": 0, "points": [11.5, 13, 71.5, 113], "label": "car",
                  "occluded": false, "z_order": 0, "rotation": 0.0, "source": "manual", "group": 0,
                  "attributes": [{"name": "colour", "value": "red"}]}],
      "tracks": [{"label": "car", "frame": 0, "group": 0, "source": "manual", "attributes": [],
                  "shapes": [{"type": "rectangle", "frame": 0, "outside": false, ...}]}]}]

==============================  ===================================================
in the backup                   in the tables
==============================  ===================================================
name of the task                ``sequence``
``frame``                       ``frame``: counted in the task, not in the video
place of a track                ``track``: its number, through all jobs
place of a shape                ``shape_id``: its number, through all jobs
``points``                      ``left top width height``
type of the job                 ``annotator``: "consolidated" of usual jobs, else what it
                                is, as "ground_truth"
``keyframe``, ``occluded``,     as in CVAT's XML
``z_order``, ``rotation``,
``source``, ``group``,
``attributes``
frames taken out of the task    no frames, and no boxes
==============================  ===================================================

Saving labels that came from an archive makes a new one: the annotations with what has changed
changed in them, every other member as it was. The archive they came from has to be there still, on
this machine or in S3, from where it is fetched again. Labels from elsewhere are saved as an archive
with ``annotations.xml`` alone, which CVAT imports.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZipFile

import numpy as np
import pandas as pd

from annotaudit.boxes import TEXT, Labels
from annotaudit.errors import FrameError, LabelFormatError
from annotaudit.formats import columns
from annotaudit.formats.cvat import format as cvat
from annotaudit.formats.cvat.backup import frame_table, read_task
from annotaudit.formats.cvat.backup_boxes import box_table
from annotaudit.formats.cvat.backup_writing import write_annotations
from annotaudit.formats.cvat.zips import (
    copy_with,
    member_names,
    new_archive,
    open_archive,
    open_member,
)
from annotaudit.formats.finite_sides import refuse_unknown_sides
from annotaudit.formats.json_text import decode, encode
from annotaudit.formats.problems import Problems
from annotaudit.formats.saving import write_whole
from annotaudit.frames.s3_files import download, s3_client
from annotaudit.frames.s3_writing import is_address

_XML = "annotations.xml"
_BACKUP = {"task.json", "annotations.json"}
_SIGNS = (b"annotations.xml", b"annotations.json", b"task.json")


def recognises(path: Path, head: bytes) -> bool:
    r"""Tell an archive of CVAT from the names in it.

    Examples
    --------
    >>> recognises(Path("any.name"), b"<annotations>")
    False
    """
    if head[:4] != b"PK\3\4":
        return False
    names = member_names(path)
    if not names:  # broken; what it was is said by the first of its members
        return any(sign in head for sign in _SIGNS)
    return is_of_cvat(names)


def is_of_cvat(names: Iterable[str]) -> bool:
    """Tell an archive of CVAT from the names in it.

    Examples
    --------
    >>> is_of_cvat(["task_0/task.json", "task_0/annotations.json", "project.json"])
    True
    """
    files = {PurePosixPath(name).name for name in names}
    return _XML in files or files >= _BACKUP


def load(
    path: Path, *, strict: bool = False, sequence: str | None = None, interpolate: bool = True
) -> Labels:
    """Read an archive.

    Parameters
    ----------
    path : Path
    strict : bool
        Raise at the first piece of input that cannot be used.
    sequence : str, optional
        Name of a single task; by default as in the archive.
    interpolate : bool
        Whether to fill in the boxes that an archive leaves out between keyframes.

    Returns
    -------
    Labels

    Raises
    ------
    LabelFormatError
        If it is broken or not from CVAT, or an entry in it is none that CVAT writes: one that
        leads out of the archive, is a link or encrypted, or unpacks to far more than it takes.
    """
    with open_archive(path) as archive:
        names = archive.namelist()
        files = [name for name in names if PurePosixPath(name).name == _XML]
        folders = [
            name.removesuffix("task.json")
            for name in names
            if PurePosixPath(name).name == "task.json"
        ]
        if not files and not folders:
            raise LabelFormatError(
                f"{path} holds neither {_XML} nor a task.json; expected an export or a backup of "
                "CVAT. Check that this is the right archive."
            )
        read = _read_xml if files else _read_backup
        members = files or folders
        given = sequence if len(members) == 1 else None
        found = [read(archive, each, strict, given, interpolate) for each in members]
    return _joined(found)


def _read_xml(
    archive: ZipFile, name: str, strict: bool, sequence: str | None, interpolate: bool
) -> Labels:
    where = f"{archive.filename}/{name}"
    stem = PurePosixPath(name).parent.name or Path(archive.filename or "").stem
    with open_member(archive, name) as file:
        problems = Problems(where, strict=strict)
        labels = cvat.read(file, stem, problems, sequence, interpolate, {})
    return replace(labels, frames=_marked(labels.frames, archive, name, interpolate))


def _read_backup(
    archive: ZipFile, folder: str, strict: bool, sequence: str | None, interpolate: bool
) -> Labels:
    problems = Problems(f"{archive.filename}/{folder}".rstrip("/"), strict=strict)
    task = read_task(archive, folder, problems)
    name = sequence or task.name
    boxes = box_table(task, name, interpolate, problems)
    frames = frame_table(task, name, problems)
    more = boxes[["sequence", "frame"]].drop_duplicates()
    frames = frames.merge(more, how="outer", on=["sequence", "frame"])
    frames["sequence"] = frames["sequence"].astype(TEXT)
    unsaid = [name for name in ("group_id", "source", "shape_id") if boxes[name].isna().all()]
    if not boxes["rotation"].any():
        unsaid.append("rotation")
    else:
        turned = int((boxes["rotation"] != 0).sum())
        problems.add(
            f"{turned} boxes with a rotation", "their sides are those before they were turned"
        )
    frames = _marked(frames, archive, f"{folder}annotations.json", interpolate)
    return Labels(boxes.drop(columns=unsaid), frames, problems.table())


def _marked(frames: pd.DataFrame, archive: ZipFile, member: str, interpolate: bool) -> pd.DataFrame:
    """Note on the first frame of each sequence which member of which archive it is from."""
    texts = frames["source_file"].tolist() if "source_file" in frames else [None] * len(frames)
    origin = {
        "archive": str(Path(archive.filename or "").absolute()),
        "member": member,
        "crc": archive.getinfo(member).CRC,
        "interpolate": interpolate,
    }
    first = ~frames["sequence"].duplicated()
    for row in np.flatnonzero(first):
        text = texts[row]
        # "meta", which a backup has none of, tells that the labels are from CVAT.
        about = decode(text.encode(), member) if isinstance(text, str) else {"meta": ""}
        about |= origin | {"sequence": frames["sequence"].iloc[row]}
        texts[row] = encode(about, member).decode()
    return frames.assign(
        source_file=columns.text_column([t if isinstance(t, str) else None for t in texts])
    )


def _joined(found: list[Labels]) -> Labels:
    """Put tasks together; of two with one name, the second is told apart by its number."""
    taken: set[str] = set()
    named = []
    for number, labels in enumerate(found):
        names = labels.frames["sequence"].unique().tolist()
        new = {name: f"{name} ({number})" for name in names if name in taken}
        taken |= {new.get(name, name) for name in names}
        named.append(
            Labels(_renamed(labels.boxes, new), _renamed(labels.frames, new), labels.problems)
        )
    if len(named) == 1:
        return named[0]
    boxes = pd.concat([labels.boxes for labels in named], ignore_index=True)
    if "keyframe" in boxes:
        boxes["keyframe"] = boxes["keyframe"].astype("boolean")
    return Labels(
        boxes,
        pd.concat([labels.frames for labels in named], ignore_index=True),
        pd.concat([labels.problems for labels in named], ignore_index=True),
    )


def _renamed(table: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    sequence = table["sequence"]
    return table.assign(sequence=sequence.map(lambda name: names.get(name, name)).astype(TEXT))


def save(labels: Labels, path: Path) -> Path:
    """Write an archive: a copy of the one the labels are from, with their boxes in it.

    Parameters
    ----------
    labels : Labels
        Of one archive, or of none.
    path : Path
        Another place than that of the archive they came from.

    Raises
    ------
    LabelFormatError
        If that archive is not there any more or has changed, if the labels are of several, or if
        CVAT could not hold them: a label that the task does not have, a frame that no job has.
    """
    refuse_unknown_sides(labels.boxes, path)
    origins = _origins(labels.frames, path)
    if not origins:
        return write_whole(path, new_archive(_XML, cvat.chunks(labels, path)))
    name = _source_name(origins, path)
    lost = set(labels.boxes["sequence"].unique()) - origins.keys()
    if lost:
        raise LabelFormatError(
            f"{path}: the sequence {sorted(lost)[0]!r} is not from {name}. Save it apart."
        )
    with _source(name) as source:
        if path.exists() and path.resolve() == source.resolve():
            raise LabelFormatError(
                f"{path} is the archive that the labels are from; the copy needs it. Name another "
                "file."
            )
        return _copy(labels, path, source, name, origins)


def _copy(
    labels: Labels, path: Path, source: Path, source_name: str, origins: dict[str, dict[str, Any]]
) -> Path:
    with open_archive(source) as archive:
        new: dict[str, Iterable[bytes]] = {}
        for member in dict.fromkeys(about["member"] for about in origins.values()):
            names = {
                n: about["sequence"] for n, about in origins.items() if about["member"] == member
            }
            about = next(about for about in origins.values() if about["member"] == member)
            if (
                archive.NameToInfo.get(member) is None
                or about["crc"] != archive.getinfo(member).CRC
            ):
                raise LabelFormatError(
                    f"{source_name} has changed since the labels were loaded from it ({member}). "
                    "Load it again."
                )
            part = _part(labels, names)
            if PurePosixPath(member).name == _XML:
                new[member] = cvat.chunks(part, path)
            else:
                new |= _backup(archive, member, part, about)
        return write_whole(path, copy_with(archive, new))


def _part(labels: Labels, names: dict[str, str]) -> Labels:
    """Boxes and frames of some sequences, under the names they had."""
    tables = [table[table["sequence"].isin(names)] for table in (labels.boxes, labels.frames)]
    boxes, frames = (_renamed(table, names).reset_index(drop=True) for table in tables)
    return Labels(boxes, frames)


def _backup(
    archive: ZipFile, member: str, labels: Labels, about: dict[str, Any]
) -> dict[str, Iterable[bytes]]:
    """Make the new annotations of a task; none, if they are as they were."""
    folder = member.removesuffix("annotations.json")
    quiet = Problems(member)
    task = read_task(archive, folder, quiet)
    before = box_table(task, about["sequence"], about["interpolate"], quiet)
    where = f"{archive.filename}/{folder}".rstrip("/")
    entries = write_annotations(task, before, labels.boxes, about["interpolate"], where)
    return {} if entries == task.annotations else {member: [encode(entries, where)]}


def _origins(frames: pd.DataFrame, path: Path) -> dict[str, dict[str, Any]]:
    """Of each sequence where it is from."""
    if "source_file" not in frames:
        return {}
    known = frames[frames["source_file"].notna()]
    found = {}
    for name, text in zip(known["sequence"].tolist(), known["source_file"].tolist(), strict=True):
        about = decode(text.encode(), f"{path}, column source_file")
        if isinstance(about, dict) and {"archive", "member", "crc", "sequence"} <= about.keys():
            found[name] = about
    return found


def _source_name(origins: dict[str, dict[str, Any]], path: Path) -> str:
    """Path or address of the archive that all sequences are from."""
    archives = sorted({str(about["archive"]) for about in origins.values()})
    if len(archives) > 1:
        raise LabelFormatError(
            f"{path}: the labels are of {len(archives)} archives ({', '.join(archives)[:200]}). "
            "Save them one by one."
        )
    return archives[0]


@contextmanager
def _source(name: str) -> Iterator[Path]:
    """Find the archive that labels are from; one in S3 is fetched for the time of writing."""
    with TemporaryDirectory() as folder:
        try:
            source = Path(name)
            if is_address(name):
                source = download(s3_client(), name, Path(folder, PurePosixPath(name).name))
            elif not source.is_file():
                raise FrameError("no such file")
        except FrameError as error:
            raise LabelFormatError(
                f"{name}, which the labels are from, is not there any more, and the new archive is "
                f"a copy of it ({error}). Put it back, or save in another format."
            ) from error
        yield source
