"""KITTI tracking: ``label_02/0000.txt``, one file per sequence, one box per line.

Values are separated by spaces; frames and pixels count from 0:

======  ====================  =================================================================
value   in the file           in the box table
======  ====================  =================================================================
1       frame                 ``frame``
2       track id              ``track``; missing where it is -1
3       type                  ``label``: ``Car``, ``Pedestrian``, ``Cyclist`` ...
4, 5    truncated, occluded   ``attribute.truncated`` (0–2), ``attribute.occluded`` (0–3, of
                              which 3 says unknown); -1 is unknown
6       alpha                 ``alpha``, radians; -10 is unknown
7–10    left, top, right,     ``left``, ``top``, ``width``, ``height``: width is right - left
        bottom
11–13   size in the world     ``height_3d``, ``width_3d``, ``length_3d``, metres
14–17   place in the world    ``x``, ``y``, ``z``, metres, and ``rotation_y``, radians
18      score                 ``score``; only results of trackers have it
======  ====================  =================================================================

A folder of such files is a set of sequences, named by the files. ``DontCare`` marks a region in
which nobody labelled objects; it is a box like all others unless ``dont_care=False`` leaves it out.
Values 11 to 17 are unknown together: the devkit writes -1 three times, -1000 three times and -10,
the files themselves hold other fillers for ``DontCare``; both come back as they were.

Where ``image_02/0000/`` stands beside ``label_02``, its images are the frames that were looked at.
Otherwise those with a line count. How large the images are is not told.

KITTI's object benchmark (``label_2``, 15 values and a file per image) is another format: it is
refused by its name.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from annotaudit.boxes import TEXT, Labels
from annotaudit.errors import LabelFormatError
from annotaudit.formats import columns
from annotaudit.formats.json_text import read_bytes
from annotaudit.formats.line_columns import LineColumns, Value, read_columns, write_columns
from annotaudit.formats.motchallenge.columns import track_numbers
from annotaudit.formats.problems import Problems
from annotaudit.formats.sequence_texts import (
    head_of,
    one_name,
    refuse_nothing,
    save_sequences,
    text_files,
)
from annotaudit.frames.matching import SUFFIXES

_IN_WORLD = ("height_3d", "width_3d", "length_3d", "x", "y", "z", "rotation_y")
_LINE = (
    Value("frame", "whole", 0),
    Value("track", "whole"),
    Value("type", "word"),
    *map(Value, ("truncated", "occluded", "alpha", "left", "top", "right", "bottom", *_IN_WORLD)),
    Value("score"),
)
_UNKNOWN_IN_WORLD = np.array([-1, -1, -1, -1000, -1000, -1000, -10.0])
_DONT_CARE_IN_WORLD = np.array([-1000, -1000, -1000, -10, -1, -1, -1.0])
_FILLERS = {"attribute.truncated": -1.0, "attribute.occluded": -1.0, "alpha": -10.0}
_DONT_CARE = "DontCare"
_NO_LABEL = "Unlabelled"  # a type has to stand there
_FOLDER = "label_02"
_DIGITS = 9  # after the point, in which a right side is its left side and its width
_NUMBER = rb"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_START = re.compile(rb"\d+ -?\d+ [A-Za-z][\w-]*(?: %b){14,15}" % _NUMBER)
_OBJECT = re.compile(rb"[A-Za-z][\w-]*(?: %b){14,15}" % _NUMBER)  # of the other benchmark


def recognises(path: Path, head: bytes) -> bool:
    """Tell a file from its first lines, a folder from the first of its files.

    Examples
    --------
    >>> recognises(Path("any.name"), b"0 2 Car 0 0 -1.79 296 161 455 292 2 1.8 4 -4 1.8 13 -2.1")
    True
    """
    if path.is_dir():
        heads = [found for file in _files(path)[:20] if (found := head_of(file)).strip()]
        return bool(heads) and all(recognises(Path("file"), found) for found in heads)
    return any(_START.fullmatch(line) for line in _first_lines(head)) or _is_object(head)


def _first_lines(head: bytes) -> list[bytes]:
    lines = (b" ".join(line.split()) for line in head[:5000].splitlines())
    return [line for line in lines if line][:5]


def _is_object(head: bytes) -> bool:
    """Whether a file is of the object benchmark: claimed, to say that it is not read."""
    lines = _first_lines(head)
    return bool(lines) and all(_OBJECT.fullmatch(line) for line in lines[:-1] or lines)


def _files(folder: Path) -> list[Path]:
    inside = folder / _FOLDER
    return text_files(inside if inside.is_dir() else folder)


def parts(path: Path) -> list[Path]:
    """List the files that are read when a folder is."""
    return _files(path) if path.is_dir() else []


def load(
    path: Path, *, strict: bool = False, sequence: str | None = None, dont_care: bool = True
) -> Labels:
    """Load a sequence, or a folder of them.

    Parameters
    ----------
    path : Path
        A file, the folder ``label_02``, or the one it is in.
    strict : bool
        Raise at the first problem.
    sequence : str, optional
        Name of the sequence, if it is one; by default that of its file.
    dont_care : bool
        Whether to keep the regions in which nobody labelled.

    Returns
    -------
    Labels
        The annotator is "consolidated", or "detector" where boxes have a score.

    Raises
    ------
    LabelFormatError
        If no line is a box.
    """
    files = _files(path) if path.is_dir() else [path]
    one_name(sequence, path, files)
    problems = Problems(str(path), strict=strict)
    boxes, frames = [], []
    for file in files:
        problems.source = str(file)
        head = head_of(file)
        if _is_object(head):
            raise LabelFormatError(
                f"{file}: found {len(_first_lines(head)[0].split())} values on a line, as KITTI's "
                "object benchmark has them; expected the 17 of KITTI tracking, which begin with "
                "frame and track. Export as KITTI tracking, COCO or CVAT."
            )
        if len(files) > 1 and not head.strip():
            problems.add("file", "it is empty: the sequence has no boxes")
            seen = _frame_table(file, file.stem, np.array([], dtype=np.int64))
            frames += [seen] if len(seen) else []
            continue
        lines = read_columns(read_bytes(file), _LINE, problems, separator=" ", optional=1)
        name = sequence or file.stem
        boxes.append(_box_table(lines, name))
        frames.append(_frame_table(file, name, lines.columns["frame"]))
    refuse_nothing(path, boxes, problems, "KITTI tracking")
    table = pd.concat(boxes, ignore_index=True)
    unsaid = [name for name in table.columns[9:] if table[name].isna().all()]
    table = table.drop(columns=unsaid)
    if not dont_care:
        table = table[table["label"] != _DONT_CARE].reset_index(drop=True)
    return Labels(table, pd.concat(frames, ignore_index=True), problems.table())


def _box_table(lines: LineColumns, sequence: str) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.compute as pc

    found = lines.columns
    n = len(lines)
    tracks = pa.array(found["track"], mask=found["track"] == -1).cast(pa.large_string())
    kind = found["type"]
    label = pc.if_else(pc.equal(kind, _NO_LABEL), pa.scalar(None, pa.large_string()), kind)
    in_world = np.stack([found[name] for name in _IN_WORLD], axis=1)
    in_world[(in_world == _fillers_in_world(pc.equal(kind, _DONT_CARE))).all(axis=1)] = np.nan
    annotator = "consolidated" if np.isnan(found["score"]).all() else "detector"
    known = {"attribute.truncated": "truncated", "attribute.occluded": "occluded", "alpha": "alpha"}
    return pd.DataFrame(
        {
            "sequence": columns.text_column([sequence] * n),
            "frame": found["frame"],
            "track": columns.text_of_arrays([tracks]),
            "label": columns.text_of_arrays([label]),
            "annotator": columns.text_column([annotator] * n),
            "left": found["left"],
            "top": found["top"],
            "width": np.round(found["right"] - found["left"], _DIGITS),
            "height": np.round(found["bottom"] - found["top"], _DIGITS),
            **{
                column: np.where(found[name] == _FILLERS[column], np.nan, found[name])
                for column, name in known.items()
            },
            **dict(zip(_IN_WORLD, in_world.T, strict=True)),
            "score": found["score"],
        }
    )


def _fillers_in_world(is_dont_care: Any) -> NDArray[np.float64]:
    where = np.asarray(is_dont_care, dtype=bool)[:, None]
    return np.where(where, _DONT_CARE_IN_WORLD, _UNKNOWN_IN_WORLD)


def _frame_table(file: Path, sequence: str, with_boxes: NDArray[np.int64]) -> pd.DataFrame:
    folder = file.parent.with_name("image_02") / file.stem
    images: dict[int, str] = {}
    if file.parent.name == _FOLDER and folder.is_dir():
        for image in sorted(folder.iterdir()):
            if image.suffix.lower() in SUFFIXES and re.fullmatch(r"[0-9]{1,15}", image.stem):
                images.setdefault(int(image.stem), image.as_posix())
    numbers = np.union1d(np.array(list(images), dtype=np.int64), with_boxes)
    return pd.DataFrame(
        {
            "sequence": columns.text_column([sequence] * len(numbers)),
            "frame": numbers,
            "image": pd.Series([images.get(number) for number in numbers.tolist()], dtype=TEXT),
            "image_width": np.nan,
            "image_height": np.nan,
            "time": np.nan,
        }
    )


def save(labels: Labels, path: Path) -> Path:
    """Save boxes as KITTI tracking: a ``.txt`` file, or a folder with one per sequence.

    Every value of the table above is written back, unknown ones as KITTI fills them. Tracks whose
    names are no numbers are numbered from 0 in order of appearance; spaces in a label become
    underscores, a missing label ``Unlabelled``. The format has no place for other columns.

    Parameters
    ----------
    labels : Labels
        Of one annotator.
    path : Path
        A name ending in ``.txt`` takes one sequence; anything else is a folder.

    Raises
    ------
    LabelFormatError
        If the labels are of several annotators, a ``.txt`` would hold several sequences, or the
        name of a sequence is no file name.
    """
    return save_sequences(labels, path, "KITTI", _written)


def _written(boxes: pd.DataFrame) -> bytes:
    unknown = pd.Series(np.nan, boxes.index)

    def numbers(name: str, filler: float = np.nan) -> NDArray[np.float64]:
        found = boxes.get(name, unknown)
        return np.asarray(
            pd.to_numeric(found, errors="coerce").astype("float64").fillna(filler), dtype=np.float64
        )

    label = boxes["label"].str.strip().str.replace(r"\s+", "_", regex=True)
    label = label.where(label.str.len() > 0).fillna(_NO_LABEL)
    in_world = np.stack([numbers(name) for name in _IN_WORLD], axis=1)
    fillers = _fillers_in_world(label == _DONT_CARE)
    in_world = np.where(np.isnan(in_world), fillers, in_world)
    left, top = numbers("left"), numbers("top")
    values = [
        boxes["frame"].to_numpy(),
        track_numbers(boxes["track"], first=0),
        label.to_numpy(dtype=object),
        *(numbers(name, filler) for name, filler in _FILLERS.items()),
        left,
        top,
        np.round(left + numbers("width"), _DIGITS),
        np.round(top + numbers("height"), _DIGITS),
        *in_world.T,
    ]
    score = numbers("score")
    if np.isnan(score).all():
        return write_columns(values, " ")
    scores = write_columns([score]).decode().splitlines()
    ends = ["" if text == "nan" else f" {text}" for text in scores]
    lines = write_columns(values, " ").decode().splitlines()
    return "".join(f"{line}{end}\n" for line, end in zip(lines, ends, strict=True)).encode()
