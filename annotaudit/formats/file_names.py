"""Which format a file gets: told from its name, and from where the labels came from.

Labels do not say where they came from, but what a reader keeps to write it back does:

====================  =========================================================================
labels of             told by
====================  =========================================================================
Mechanical Turk       ``assignments`` of the frames table
worker responses      ``annotators`` of the frames table
Ground Truth images   ``label_attribute`` of the boxes
Ground Truth video    ``object_id`` of the boxes, or what stood in ``SeqLabel.json``
COCO, CVAT, VIA       the text in ``source_file`` of the frames table
Label Studio, VOC     the text in ``source_entry`` of the frames table
YOLO                  ``label_file`` of the frames table
KITTI, VisDrone,      columns that only they have
UAVDT, MOTChallenge
====================  =========================================================================
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pandas as pd

from annotaudit.boxes import TEXT, Labels
from annotaudit.errors import LabelFormatError

_BY_ENDING = {  # the formats that a file of this name may have; the first if nothing tells
    ".parquet": ("parquet",),
    ".pq": ("parquet",),
    ".yaml": ("yolo",),
    ".yml": ("yolo",),
    ".zip": ("cvat-archive",),
    ".txt": ("motchallenge", "kitti", "visdrone", "uavdt"),
    ".csv": ("csv", "mturk-csv", "via"),
}
_UNTOLD = {  # here nothing is taken for granted: the wrong one would look right
    ".json": ("coco", "ground-truth-video", "label-studio", "mturk"),
    ".xml": ("cvat", "voc", "mturk"),
    "": ("motchallenge", "kitti", "visdrone", "uavdt", "voc", "yolo"),
}
_BY_NAME = {  # as only one tool calls them
    "seqlabel.json": "ground-truth-video",
    "annotations.xml": "cvat",
    "label_02": "kitti",
}
_KEEPSAKES = ("source_file", "source_entry", "source_manifest")
_BY_FILE = {'"track_key"': "coco", '{"meta"': "cvat", '"mark"': "via"}
_BY_ENTRY = {
    "<annotation": "voc",
    '{"filename"': "via",
    '{"frame-no"': "ground-truth-video",
}
_BY_COLUMN = {
    "attribute.out_of_view": "uavdt",
    "attribute.truncation": "visdrone",
    "rotation_y": "kitti",
    "alpha": "kitti",
    "attribute.truncated": "kitti",
    "consider": "motchallenge",
}


def format_of_name(labels: Labels, path: Path) -> str:
    """Return the format that labels get in a file of this name.

    Parameters
    ----------
    labels : Labels
    path : Path
        Nothing need be there.

    Raises
    ------
    LabelFormatError
        If it cannot be told; lists what may be passed.

    Examples
    --------
    >>> from annotaudit.boxes import COLUMNS, empty_table
    >>> format_of_name(Labels(empty_table(COLUMNS)), Path("boxes.parquet"))
    'parquet'
    """
    ending, source = path.suffix.lower(), source_of(labels)
    tracked = bool(labels.boxes["track"].notna().any())
    if path.name.lower() in _BY_NAME:
        return _BY_NAME[path.name.lower()]
    if ending in (".manifest", ".jsonl"):
        if source == "mturk" and ending == ".jsonl":
            return "mturk"
        return "ground-truth-video" if tracked else "ground-truth-images"
    if ending in _BY_ENDING:
        known = _BY_ENDING[ending]
        source = f"{source}-csv" if source == "mturk" else source
        return source if source in known else known[0]
    if source in _UNTOLD.get(ending, ()):
        return str(source)
    if ending == ".xml" and tracked:
        return "cvat"  # Pascal VOC has no tracks
    if may_be := [name for name in _UNTOLD.get(ending, ()) if name != "mturk"]:
        raise LabelFormatError(
            f"{path.name!r} may be {', '.join(may_be[:-1])} or {may_be[-1]}, and the labels do not "
            f"tell which. Name it, as in save(labels, path, format={may_be[0]!r})."
        )
    raise LabelFormatError(
        f"Cannot tell a format from the name {path.name!r}; known endings are "
        f"{', '.join(sorted({*_BY_ENDING, '.json', '.jsonl', '.manifest', '.xml'}))}. "
        "Name the format, as in save(labels, path, format='coco')."
    )


def for_format(labels: Labels, name: str) -> Labels:
    """Leave out what means nothing in files of this format.

    That is what the reader of another format kept of its files, and the folders of this machine
    that images lie in: of ``/home/ann/street/img1/1.jpg`` what tells it from the others is left.

    Parameters
    ----------
    labels : Labels
    name : str
        The format that they are to be written in. CSV and Parquet keep everything, and labels that
        come from a format are written back into it as they are.
    """
    family = {"cvat-archive": "cvat", "mturk-csv": "mturk"}
    source = source_of(labels)
    if name in ("csv", "parquet") or source == family.get(name, name):
        return labels
    frames = labels.frames
    if source is not None:
        frames = frames.drop(columns=[column for column in _KEEPSAKES if column in frames])
    if "image" in frames:
        frames = frames.assign(image=_without_folders(frames["image"]))
    return replace(labels, frames=frames)


def _without_folders(images: pd.Series) -> pd.Series:
    """Name images that lie at an absolute path by what is below the folder that holds them all."""
    texts = images.astype(TEXT)
    is_absolute = texts.str.match(r"/|[A-Za-z]:[/\\]", na=False).astype(bool)
    if not is_absolute.any():
        return images
    paths = texts[is_absolute].str.replace("\\", "/", regex=False)
    folders = os.path.commonprefix([path.split("/")[:-1] for path in paths])
    below = paths.str[sum(len(folder) + 1 for folder in folders) :]
    return texts.where(~is_absolute, below.str.lstrip("/"))


def source_of(labels: Labels) -> str | None:
    """Tell the format that labels came from; None if nothing in them says so."""
    boxes, frames = labels.boxes, labels.frames
    if "assignments" in frames:
        return "mturk"
    if "annotators" in frames and "source_entry" not in frames:
        return "ground-truth-workers"
    if "label_attribute" in boxes:
        return "ground-truth-images"
    if "label_file" in frames:
        return "yolo"
    file, entry = _first_text(frames, "source_file"), _first_text(frames, "source_entry")
    for sign, name in _BY_FILE.items():
        if sign in file[:60] or sign in file[-60:]:
            return name
    for start, name in _BY_ENTRY.items():
        if entry.startswith(start):
            return name
    is_video = any(f'"{kind}-annotations"' in file[:60] for kind in ("tracking", "detection"))
    if is_video or "object_id" in boxes or "source_manifest" in frames:
        return "ground-truth-video"
    if '"file_name"' in entry:
        return "coco"
    if '"data"' in entry and ('"annotations"' in entry or '"predictions"' in entry):
        return "label-studio"
    return next((name for column, name in _BY_COLUMN.items() if column in boxes), None)


def _first_text(frames: pd.DataFrame, column: str) -> str:
    if column not in frames or not (known := frames[column].notna().to_numpy()).any():
        return ""
    return str(frames[column].iloc[int(known.argmax())])
