"""YOLO: a text file per image, and ``data.yaml`` (or ``classes.txt``) that names the classes.

::

    data.yaml                 train: images/train          names: {0: person, 1: car}
    images/train/a.jpg
    labels/train/a.txt        1 0.5125 0.401 0.12 0.3      class, centre x, centre y, width, height

==============================  ===================================================
in the file                     in the tables
==============================  ===================================================
``train``, ``val``, ``test``    ``sequence``; without ``data.yaml`` the folder's name
place among the images by name  ``frame``
class                           ``class_id``; through the names, ``label``
centre and size                 ``left top width height``, in pixels: they are shares of the
                                width and height of the image
a score behind the box          ``score``
the number of a track, last     ``track``; then, without images, the number in the name of
                                the text file is ``frame``, less 1 if none is 0; frames
                                without a text file have no boxes
key points (``kpt_shape``)      ``keypoints``: text, as it stands
a segment                       ``segment``: text; with ``segments="box"`` only
the image                       ``image``, ``image_width``, ``image_height``
path of the text file           ``label_file`` of the frames table
lines that are segments         ``source_entry`` of the frames table
``data.yaml``, ``classes.txt``  ``source_file``, on the first frame
==============================  ===================================================

The size of each image comes from the image; ``image_size=(width, height)`` gives it where there
are none. An image without a text file, or with an empty one, was looked at and has no boxes.
Segments and turned boxes are problems, and a file of nothing else is refused; they are written
back. What else may stand on a line tells ``annotaudit.formats.yolo.lines``.

Darknet's layout (``obj.data``, ``obj.names`` and lists of images, CVAT's "YOLO 1.1") is read, too,
and written as the one above.
"""

from __future__ import annotations

import math
import re
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from annotaudit.boxes import SIDES, TEXT, Labels
from annotaudit.errors import LabelFormatError
from annotaudit.formats import columns
from annotaudit.formats.problems import Problems
from annotaudit.formats.yolo.folders import (
    Dataset,
    Picture,
    find_yaml,
    holds_yolo,
    is_data_yaml,
    open_dataset,
    size_of,
)
from annotaudit.formats.yolo.lines import Row, is_segment, layout_of, read_lines, row_of
from annotaudit.formats.yolo.writing import write_dataset

_NUMBERED = r"^(.*?)([0-9]{1,7})$"  # of ten million frames


def recognises(path: Path, head: bytes) -> bool:
    r"""Tell ``data.yaml`` from its keys, a folder from the files in it.

    Examples
    --------
    >>> recognises(Path("any.name"), b"train: images/train\nnames: [person, car]")
    True
    """
    if not path.is_dir():
        return is_data_yaml(head)
    return find_yaml(path) is not None or holds_yolo(path)


def parts(path: Path) -> list[Path]:
    """List the files that are read when ``data.yaml`` or a folder is."""
    try:
        dataset = open_dataset(path, Problems(str(path)))
    except LabelFormatError:
        return []
    texts = [picture.text for picture in dataset.pictures if picture.text.is_file()]
    return [*texts, dataset.head]


def load(
    path: Path,
    *,
    strict: bool = False,
    image_size: tuple[float, float] | None = None,
    sequence: str | None = None,
    segments: str = "refuse",
    names: list[str] | dict[int, str] | None = None,
) -> Labels:
    """Read a data set.

    Parameters
    ----------
    path : Path
        ``data.yaml``, or the folder it is in, or a folder of text files with ``classes.txt``.
    strict : bool
        Raise at the first piece of input that cannot be used.
    image_size : tuple of float, optional
        Width and height in pixels of images that are not there.
    sequence : str, optional
        Name of the set of images, if it has one part only.
    segments : str
        What to do with segments and turned boxes: "refuse" lists them as problems, "box" takes the
        upright box around each.
    names : list or dict, optional
        What the classes are called, where no file tells it, as of what a tracker found.

    Returns
    -------
    Labels

    Raises
    ------
    LabelFormatError
        If there is no data set, or every line is a segment.
    """
    if segments not in ("refuse", "box"):
        raise LabelFormatError(f"segments is {segments!r}; expected 'refuse' or 'box'.")
    problems = Problems(str(path), strict=strict)
    dataset = open_dataset(path, problems, names)
    if sequence and len({picture.split for picture in dataset.pictures}) > 1:
        raise LabelFormatError(
            f"{path}: a name was given for one sequence, but the parts are several. Leave "
            "sequence= out."
        )
    files = []
    for picture in dataset.pictures:
        problems.source = str(picture.text)
        files.append(read_lines(picture, problems))
    layout = layout_of(
        (line for lines in files for line in lines), dataset.n_keypoints, segments == "box"
    )
    rows: list[Row] = []
    facts: list[tuple[float, float, int, str | None]] = []
    for picture, lines in zip(dataset.pictures, files, strict=True):
        problems.source = str(picture.text)
        found, others = [], []
        for number, values in lines:
            row = row_of(values, layout)
            if not isinstance(row, str):
                found.append(row)
                continue
            problems.add(f"line {number}", row)
            if is_segment(values, layout):
                others.append(" ".join(values))
        width, height = size_of(picture, problems) or image_size or (math.nan, math.nan)
        if found and not width > 0:
            problems.add(
                "file", f"{len(found)} boxes, but no image to take the size from; give image_size="
            )
            found = []
        facts.append((width, height, len(found), "\n".join(others) or None))
        rows += found
    n_segments = sum(others.count("\n") + 1 for *_, others in facts if others)
    if n_segments and not rows:
        raise LabelFormatError(
            f"{path}: {n_segments} lines are segments or turned boxes, none is a box of five "
            "values (class, centre x, centre y, width, height). Export the boxes instead, or load "
            "with segments='box', the upright box around each."
        )
    return _labels(dataset, rows, facts, sequence, problems)


def _labels(
    dataset: Dataset,
    rows: list[Row],
    facts: list[tuple[float, float, int, str | None]],
    sequence: str | None,
    problems: Problems,
) -> Labels:
    pictures = dataset.pictures
    found: list[list[Any]] = [list(column) for column in zip(*rows, strict=True)] or [[]] * 9
    kind, *shares, scores, tracks, keypoints, segments = found
    is_tracked = any(track is not None for track in tracks)
    frames = _places(pictures, sequence)
    by_name = _numbers_in_names(pictures, frames) if is_tracked else None
    frames = frames if by_name is None else by_name
    frames["image"] = columns.text_column(
        [picture.image.as_posix() if picture.image else None for picture in pictures]
    )
    widths, heights, counts, others = zip(*facts, strict=True) if facts else ((), (), (), ())
    size = np.array([widths, heights], dtype="float64").T
    frames["image_width"], frames["image_height"] = size.T
    frames["time"] = np.nan
    frames["label_file"] = columns.text_column([picture.name for picture in pictures])
    if any(others):
        frames["source_entry"] = columns.text_column(others)
    if dataset.text and len(frames):
        frames["source_file"] = columns.on_first_row(len(frames), dataset.text.encode())
    at = np.repeat(np.arange(len(pictures)), np.array(counts, dtype=np.int64))
    values = np.array(shares, dtype="float64").T.reshape(-1, 4)
    centre, share = values[:, :2] * size[at], values[:, 2:] * size[at]
    left, top = (centre - share / 2).T
    problems.source = str(dataset.head)
    for number in sorted(set(kind) - dataset.names.keys()):
        problems.add(f"class {number}", "has no name; no label")
    boxes = pd.DataFrame(
        {
            "sequence": frames["sequence"].iloc[at].reset_index(drop=True),
            "frame": frames["frame"].to_numpy()[at],
            "track": columns.text_column(tracks),
            "label": columns.text_column([dataset.names.get(number) for number in kind]),
            "annotator": columns.text_column(["consolidated"] * len(kind)),
            **dict(zip(SIDES, (left, top, *share.T), strict=True)),
            "class_id": columns.text_column([str(number) for number in kind]),
        }
    )
    if not np.isnan(score := np.array(scores, dtype="float64")).all():
        boxes["score"] = score
    for name, texts in {"keypoints": keypoints, "segment": segments}.items():
        if any(texts):
            boxes[name] = columns.text_column(texts)
    frames = frames if by_name is None else _with_empty_frames(frames)
    return Labels(boxes, frames, problems.table())


def _places(pictures: list[Picture], sequence: str | None) -> pd.DataFrame:
    """Sequence and frame of each image: its place in its part."""
    parts = columns.text_column([sequence or picture.split for picture in pictures])
    frames = pd.DataFrame({"sequence": parts})
    return frames.assign(frame=frames.groupby("sequence").cumcount().astype("int64"))


def _numbers_in_names(pictures: list[Picture], frames: pd.DataFrame) -> pd.DataFrame | None:
    """Sequence and frame as the text files of a tracker tell them: ``street_12.txt``.

    None if the names are not such, or images tell the places.
    """
    names = pd.Series([PurePosixPath(picture.name).stem for picture in pictures], dtype=str)
    found = names.str.extract(_NUMBERED)
    is_double = found.assign(part=frames["sequence"]).duplicated().any()
    if any(picture.image for picture in pictures) or found[1].isna().any() or is_double:
        return None
    numbers = found[1].astype("int64")
    frames = frames.assign(frame=numbers - int(numbers.min() > 0))
    videos = found[0].str.rstrip("_-")
    return frames.assign(sequence=videos.astype(TEXT)) if len(set(videos)) > 1 else frames


def _with_empty_frames(frames: pd.DataFrame) -> pd.DataFrame:
    """Add the frames in which a tracker found nothing, and for which it wrote no text file."""
    parts = []
    for name, known in frames.groupby("sequence", sort=False):
        file = PurePosixPath(known["label_file"].iloc[0])
        number = str(re.search(r"[0-9]+$", file.stem)[0])  # type: ignore[index]
        start, digits = file.stem.removesuffix(number), len(number) if number[0] == "0" else 0
        less = int(number) - int(known["frame"].iloc[0])
        every = np.arange(known["frame"].max() + 1)
        files = [f"{start}{n + less:0{digits}d}{file.suffix}" for n in every.tolist()]
        table = pd.DataFrame(
            {
                "frame": every,
                "label_file": columns.text_column([str(file.with_name(each)) for each in files]),
            }
        )
        table = table.merge(known.drop(columns="label_file"), how="left", on="frame")
        sizes = {side: known[side].iloc[0] for side in ("image_width", "image_height")}
        parts.append(table.assign(sequence=str(name), **sizes)[list(known)])
    whole = pd.concat(parts, ignore_index=True)
    return whole.astype({"sequence": TEXT, "image": TEXT})


def save(labels: Labels, path: Path) -> Path:
    """Write a data set: ``data.yaml`` and a text file per image. Images are not copied.

    What was read from a folder with ``classes.txt`` is written as one. Columns that the format has
    no place for are not written; of tracks it has none but those of a tracker's own files.

    Parameters
    ----------
    labels : Labels
        Of one annotator, with the sizes of the images in ``labels.frames``.
    path : Path
        The folder, or ``data.yaml`` in it.

    Raises
    ------
    LabelFormatError
        If there are tracks or several annotators, a size or a side is unknown, or a name is no
        file name.
    """
    write_dataset(labels.boxes, labels.frames, path)
    return path
