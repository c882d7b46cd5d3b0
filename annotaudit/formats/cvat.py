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
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from annotaudit.boxes import SIDES, Labels
from annotaudit.errors import LabelFormatError
from annotaudit.formats import columns
from annotaudit.formats.cvat_elements import Element, Elements, read_elements
from annotaudit.formats.cvat_tasks import Tasks, read_tasks, write_meta
from annotaudit.formats.cvat_tracks import fill_in, with_keyframes
from annotaudit.formats.cvat_writing import write_images, write_tracks
from annotaudit.formats.json_text import decode, encode
from annotaudit.formats.manifests import safe_name
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
    return bool(head.lstrip()[:1] == b"<" and _ROOT.search(head) and _ALSO.search(head))


def load(
    path: Path, *, strict: bool = False, sequence: str | None = None, interpolate: bool = True
) -> Labels:
    """Read a file of CVAT.

    Parameters
    ----------
    path : Path
        The XML; unpack an archive first.
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
    found = read_elements(path, problems)
    tasks = read_tasks(found.meta, sequence, path.stem, problems)
    table = _table(found, tasks)
    if found.table["track"].notna().any():
        table = fill_in(table, tasks, interpolate)
    frames = _frame_table(found, tasks, table, problems)
    _note_others(found, table, problems)
    names = [
        "sequence", "frame", "track", "label", "annotator", *SIDES, "occluded", "keyframe",
        "z_order", "rotation", "source", "group_id",
    ]  # fmt: skip
    more = [n for n in table if str(n).startswith(columns.ATTRIBUTE) or n == "extra"]
    boxes = table[[*names, *more]].reset_index(drop=True)
    if boxes["track"].isna().all():
        boxes = boxes.drop(columns="keyframe")
    unsaid = [
        name
        for name in ("rotation", "source", "group_id")
        if boxes[name].isna().all() or (name == "rotation" and not boxes[name].any())
    ]
    if len(frames):
        text = encode({"meta": found.meta, "others": found.others}, str(path))
        frames["source_file"] = columns.on_first_row(len(frames), text)
    return Labels(boxes.drop(columns=unsaid), frames, problems.table())


def _table(found: Elements, tasks: Tasks) -> pd.DataFrame:
    """Boxes with the columns of the box table, and ``outside``."""
    table = found.table
    task = tasks.of(table["task"])
    corners = table[["left", "top"]].to_numpy()
    size = table[["right", "bottom"]].to_numpy() - corners
    return table.assign(
        sequence=columns.text_column([tasks.names[n] for n in task.tolist()]),
        frame=tasks.position(task, table["number"].to_numpy()),
        task=task,
        annotator=columns.text_column(["consolidated"] * len(table)),
        # Coordinates are decimal fractions: 113.0 - 13.1 is 99.9, not 99.9 and a bit.
        width=np.round(size[:, 0], 9),
        height=np.round(size[:, 1], 9),
    ).drop(columns=["right", "bottom", "number"])


def _frame_table(
    found: Elements, tasks: Tasks, boxes: pd.DataFrame, problems: Problems
) -> pd.DataFrame:
    images = found.images
    task = tasks.of(images["task"])
    listed = images.assign(task=task, frame=tasks.position(task, images["number"].to_numpy()))
    looked_at = [listed[["task", "frame"]], tasks.looked_at(), boxes[["task", "frame"]]]
    every = pd.concat(looked_at, ignore_index=True).drop_duplicates()
    every = every.merge(listed.drop_duplicates(["task", "frame"]), how="left", on=["task", "frame"])
    every = every.sort_values(["task", "frame"], ignore_index=True)
    at = every["task"].tolist()
    names = [name if isinstance(name, str) else None for name in every["name"].tolist()]
    frames = pd.DataFrame(
        {
            "sequence": columns.text_column([tasks.names[n] for n in at]),
            "frame": every["frame"].astype("int64"),
            "image": columns.text_column(
                [safe_name(n, f"image {n!r}"[:60], problems) for n in names]
            ),
            "image_width": every["width"].fillna(pd.Series([tasks.sizes[n][0] for n in at])),
            "image_height": every["height"].fillna(pd.Series([tasks.sizes[n][1] for n in at])),
            "time": np.nan,
        }
    )
    return frames.assign(source_entry=every["extra"]) if every["extra"].notna().any() else frames


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

    def chunks() -> Iterator[bytes]:
        yield head.encode()
        for text in body:
            yield text.encode()
        yield b"</annotations>\n"

    return write_whole(path, chunks())


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
    finite = np.isfinite(boxes[list(SIDES)].to_numpy()).all(axis=1)
    if not finite.all():
        row = boxes[~finite].iloc[0]
        raise LabelFormatError(
            f"{path}: the box of track {row['track']!r} on frame {row['frame']} has a side that is "
            "no finite number, which CVAT refuses. Correct it, or leave the box out."
        )


def _sources(frames: pd.DataFrame, path: Path) -> list[dict[str, Any]]:
    """Of each CVAT file the labels came from: its meta, and what in it is no box."""
    texts = frames["source_file"].dropna().tolist() if "source_file" in frames else []
    values = [decode(text.encode(), f"{path}, column source_file") for text in texts]
    return [each for each in values if isinstance(each, dict) and {"meta", "others"} <= {*each}]
