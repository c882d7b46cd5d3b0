"""CVAT's own XML, version 1.1: "CVAT for video" and "CVAT for images", one task or a project.

Video, here shortened::

    <annotations>
      <version>1.1</version>
      <meta><task><id>4</id><name>street</name><size>100</size><start_frame>0</start_frame>
        <stop_frame>198</stop_frame><frame_filter>step=2</frame_filter>
        <original_size><width>1920</width><height>1080</height></original_size></task></meta>
      <track id="0" label="car" source="manual">
        <box frame="0" keyframe="1" outside="0" occluded="0"
             xtl="11.5" ytl="13.0" xbr="71.5" ybr="113.0" z_order="0">
          <attribute name="colour">red</attribute>
        </box>
        <box frame="20" keyframe="1" outside="1" .../>
      </track>
    </annotations>

Images: ``<image id="0" name="a.jpg" width="500" height="400">`` with ``<box label="car" .../>``.

==============================  ===================================================
in the file                     in the tables
==============================  ===================================================
name of the task                ``sequence``; without one that of the file
``frame``, ``id`` of an image   ``frame``: less ``start_frame``, in steps of ``frame_filter``
``id`` of the track             ``track``
``xtl ytl xbr ybr``             ``left top width height``
``keyframe``, ``occluded``      columns of these names, true or false
``z_order``, ``rotation``       columns of these names, numbers (degrees, clockwise)
``source``, ``group_id``        columns of these names
``<attribute>``                 ``attribute.<name>``: text
any other key of a box          ``extra``: JSON text; of a track, in it under "track"
``name``, size of an image      ``image``, ``image_width``, ``image_height``
any other key of an image       ``source_entry`` of the frames table: JSON text
``<meta>``, other shapes        ``source_file``, on the first frame: JSON text
==============================  ===================================================

Between two keyframes of a track CVAT shows boxes that move evenly from one to the other, and after
the last one the same box up to the end of the task; ``outside`` ends it. Boxes that a file leaves
to be worked out so are rows like all others, with ``keyframe`` false; boxes that are ``outside``
are no rows. Saving writes both again: every box, and an ``outside`` one wherever an object goes. A
box that is not a keyframe, but no longer where its keyframes put it, is saved as a keyframe,
because CVAT reads nothing else.

Polygons, masks and tags are no boxes: they are counted among the problems, and written back. The
sides of a box with a ``rotation`` are those before it was turned.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd

from annotaudit.boxes import SIDES, Labels
from annotaudit.errors import LabelFormatError
from annotaudit.formats import columns
from annotaudit.formats.cvat.boxes import as_text
from annotaudit.formats.cvat.elements import Element, Elements, read_elements
from annotaudit.formats.cvat.tasks import Tasks, read_tasks, write_meta
from annotaudit.formats.cvat.tracks import fill_in, with_keyframes
from annotaudit.formats.cvat.writing import write_images, write_tracks
from annotaudit.formats.finite_sides import refuse_unknown_sides
from annotaudit.formats.ground_truth.manifests import safe_name
from annotaudit.formats.json_text import decode, encode
from annotaudit.formats.problems import Problems
from annotaudit.formats.saving import write_whole

_ROOT = re.compile(rb"<annotations(\s[^>]*)?>")
_ALSO = re.compile(rb"<(version>\s*1\.1|meta>|track\s|image\s)")


def recognises(path: Path, head: bytes) -> bool:
    """Tell CVAT's XML from its root element and what follows.

    Examples
    --------
    >>> recognises(Path("any.name"), b"<annotations><version>1.1</version>")
    True
    """
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        head = head.decode("utf-16", "ignore").encode("utf-8", "ignore")
    return bool(head.lstrip()[:1] == b"<" and _ROOT.search(head) and _ALSO.search(head))


def load(
    path: Path, *, strict: bool = False, sequence: str | None = None, interpolate: bool = True
) -> Labels:
    """Read a file of CVAT.

    Parameters
    ----------
    path : Path
        The XML; for archives there is ``annotaudit.formats.cvat.archive``.
    strict : bool
        Raise at the first piece of input that cannot be used.
    sequence : str, optional
        Name of a single task; by default as in the file.
    interpolate : bool
        Whether to fill in the boxes that a file leaves out between keyframes.

    Returns
    -------
    Labels

    Raises
    ------
    LabelFormatError
        If it is not XML, has a DOCTYPE, or is not from CVAT.
    """
    problems = Problems(str(path), strict=strict)
    try:
        with path.open("rb") as file:
            return read(file, path.stem, problems, sequence, interpolate, {})
    except OSError as error:
        raise LabelFormatError(
            f"{path} cannot be read ({error.strerror}). Check the path and its permissions."
        ) from error


def read(
    file: IO[bytes],
    stem: str,
    problems: Problems,
    sequence: str | None,
    interpolate: bool,
    origin: dict[str, Any],
) -> Labels:
    """Read the XML of an open file, for :func:`load` and for what lies in an archive.

    Parameters
    ----------
    file : file
        Open for reading bytes.
    stem : str
        Name of a task that has none.
    problems : Problems
    sequence, interpolate
        As :func:`load` takes them.
    origin : dict
        What else is to be known about the file when it is saved.
    """
    found = read_elements(file, problems)
    tasks = read_tasks(found.meta, sequence, stem, problems)
    table = _not_before(_table(found, tasks), "boxes", problems)
    if table["track"].notna().any():
        table = fill_in(table, tasks, interpolate)
    frames = _frame_table(found, tasks, table, problems)
    _note_others(found, table, problems)
    if len(frames):
        about = {"meta": found.meta, "others": found.others, **origin}
        text = encode(about, problems.source)
        frames["source_file"] = columns.on_first_row(len(frames), text)
    return Labels(_box_table(table, tasks), frames, problems.table())


def _table(found: Elements, tasks: Tasks) -> pd.DataFrame:
    """Boxes with ``task``, ``frame`` and their sides; texts are categories.

    The columns are taken out of what was read, so that they are in memory once.
    """
    table: dict[str, Any] = {name: found.table.pop(name) for name in list(found.table)}
    task = tasks.of(table.pop("task"))
    for side, far, near in (("width", "right", "left"), ("height", "bottom", "top")):
        size = table.pop(far).to_numpy() - table[near].to_numpy()
        # Coordinates are decimal fractions: 113.0 - 13.1 is 99.9, not 99.9 and a bit.
        table[side] = np.round(size, 9, out=size)
    table["frame"] = tasks.position(task, table.pop("number").to_numpy())
    return pd.DataFrame({"task": task, **table}, copy=False)


def _not_before(table: pd.DataFrame, what: str, problems: Problems) -> pd.DataFrame:
    """Leave out what lies before the first frame of its task."""
    is_before = table["frame"] < 0
    if not is_before.any():
        return table
    problems.add(
        f"{int(is_before.sum())} {what}",
        "on frames before the start_frame of their task, so that their place is unknown; not used. "
        "Correct start_frame, or export again",
    )
    return table[~is_before].reset_index(drop=True)


def _box_table(table: pd.DataFrame, tasks: Tasks) -> pd.DataFrame:
    """Make text columns of the categories, and leave out what the file does not tell."""
    unsaid = {name for name in ("source", "group_id", "extra") if table[name].isna().all()}
    if not table["rotation"].any():
        unsaid.add("rotation")
    if table["track"].isna().all():
        unsaid.add("keyframe")
    names = [
        "sequence", "frame", "track", "label", "annotator", *SIDES, "occluded", "keyframe",
        "z_order", "rotation", "source", "group_id",
    ]  # fmt: skip
    names += [name for name in table if str(name).startswith(columns.ATTRIBUTE)]
    found = {name: table.pop(name) for name in list(table)}
    sequence = pd.Categorical.from_codes(found.pop("task"), tasks.names)
    annotator = pd.Categorical.from_codes(np.zeros(len(sequence), np.int8), ["consolidated"])
    found |= {"sequence": pd.Series(sequence), "annotator": pd.Series(annotator)}
    boxes: dict[str, pd.Series] = {}
    for name in [*names, "extra"]:
        column = found.pop(name)
        if name not in unsaid:
            boxes[name] = as_text(column) if column.dtype == "category" else column
    return pd.DataFrame(boxes, copy=False)


def _frame_table(
    found: Elements, tasks: Tasks, boxes: pd.DataFrame, problems: Problems
) -> pd.DataFrame:
    images = found.images
    task = tasks.of(images["task"])
    listed = images.assign(task=task, frame=tasks.position(task, images["number"].to_numpy()))
    listed = _not_before(listed, "images", problems)
    looked_at = [listed[["task", "frame"]], tasks.looked_at(), _with_boxes(boxes)]
    every = pd.concat(looked_at, ignore_index=True).drop_duplicates()
    every = every.merge(listed.drop_duplicates(["task", "frame"]), how="left", on=["task", "frame"])
    every = every.sort_values(["task", "frame"], ignore_index=True)
    at = every["task"].tolist()
    names = [name if isinstance(name, str) else None for name in every["name"].tolist()]
    usable = [safe_name(n, f"image {n!r}"[:60], problems) for n in names]
    refused = {row: n for row, n in enumerate(names) if n is not None and usable[row] is None}
    frames = pd.DataFrame(
        {
            "sequence": columns.text_column([tasks.names[n] for n in at]),
            "frame": every["frame"].astype("int64"),
            "image": columns.text_column(usable),
            "image_width": every["width"].fillna(pd.Series([tasks.sizes[n][0] for n in at])),
            "image_height": every["height"].fillna(pd.Series([tasks.sizes[n][1] for n in at])),
            "time": np.nan,
        }
    )
    extra = [text if isinstance(text, str) else None for text in every["extra"].tolist()]
    for row, name in refused.items():  # to be written back
        more = decode((extra[row] or "{}").encode(), problems.source)
        extra[row] = encode(more | {"name": name}, problems.source).decode()
    return frames.assign(source_entry=columns.text_column(extra)) if any(extra) else frames


def _with_boxes(boxes: pd.DataFrame) -> pd.DataFrame:
    """Task and frame of all that have boxes, each once; of many boxes in little memory."""
    task, frame = boxes["task"].to_numpy(), boxes["frame"].to_numpy()
    least, n = int(frame.min(initial=0)), int(frame.max(initial=0)) + 1
    keys = pd.unique(task * (n - least) + frame - least)
    return pd.DataFrame({"task": keys // (n - least), "frame": keys % (n - least) + least})


def _note_others(found: Elements, boxes: pd.DataFrame, problems: Problems) -> None:
    for kind, n in found.kinds.items():
        problems.add(f"{n} <{kind}>", "no box; kept as it is, to be written back when saved")
    if (turned := int((boxes["rotation"].fillna(0) != 0).sum())) > 0:
        problems.add(
            f"{turned} boxes with a rotation", "their sides are those before they were turned"
        )


def save(labels: Labels, path: Path) -> Path:
    """Write CVAT's XML: for video where there are tracks, otherwise for images.

    Parameters
    ----------
    labels : Labels
        Of one annotator; with several sequences it is a project.
    path : Path

    Raises
    ------
    LabelFormatError
        If the labels are of several annotators, tracks and boxes without one are mixed, or a side
        is not a finite number.
    """
    return write_whole(path, chunks(labels, path))


def chunks(labels: Labels, path: Path) -> Iterator[bytes]:
    """Make the XML of labels, for :func:`save` and for what goes into an archive.

    Yields
    ------
    bytes
        From first to last; what cannot be saved raises before any.
    """
    boxes, frames = labels.boxes, labels.frames
    _check(boxes, path)
    sources = _sources(frames, path)
    others: list[Element] = [tuple(each) for source in sources for each in source["others"]]
    is_video = bool(boxes["track"].notna().any()) or any(tag == "track" for tag, *_ in others)
    meta = sources[0]["meta"] if len(sources) == 1 else ""
    meta, tasks = write_meta(meta, labels, path.stem)
    if is_video:
        with_flags = with_keyframes(boxes, frames)
        body: Iterator[str] = write_tracks(with_flags, tasks, others)
    else:
        body = write_images(boxes, frames, tasks, others)
    head = (
        f'<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n{meta}\n'
    )
    texts = chain([head], body, ["</annotations>\n"])
    return (text.encode() for text in texts)


def _check(boxes: pd.DataFrame, path: Path) -> None:
    if (people := boxes["annotator"].dropna().unique()).size > 1:
        raise LabelFormatError(
            f"{path}: the boxes are of {people.size} annotators; CVAT's XML has no place for who "
            "drew a box. Save them one by one: labels.boxes[labels.boxes['annotator'] == ...]."
        )
    if (without := int(boxes["track"].isna().sum())) and without < len(boxes):
        raise LabelFormatError(
            f"{path}: {without} of {len(boxes)} boxes have no track; CVAT for video holds tracks, "
            "CVAT for images single boxes. Save the two apart."
        )
    refuse_unknown_sides(boxes, path)


def _sources(frames: pd.DataFrame, path: Path) -> list[dict[str, Any]]:
    """Of each CVAT file the labels came from: its meta, and what in it is no box."""
    texts = frames["source_file"].dropna().tolist() if "source_file" in frames else []
    values = [decode(text.encode(), f"{path}, column source_file") for text in texts]
    return [each for each in values if isinstance(each, dict) and {"meta", "others"} <= {*each}]
