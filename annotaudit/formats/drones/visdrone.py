"""VisDrone: boxes seen from drones, along videos (MOT, VID) and on stills (DET).

Values are separated by commas. Videos have a file per sequence, ``annotations/uav0000013.txt``:

======  ====================  =================================================================
value   in the file           in the box table
======  ====================  =================================================================
1       frame                 ``frame``: 1 less
2       target id             ``track``; missing where it is -1
3–6     left, top, width,     ``left``, ``top``, ``width``, ``height``, as they stand: no source
        height                says whether pixels count from 0 or from 1
7       score                 ``consider`` (bool) in annotations, ``score`` in results
8       category              ``class_id``, and its name in ``label`` (``CLASSES``); -1 is unknown
9       truncation            ``attribute.truncation``: 0 none, 1 up to half; -1 is unknown
10      occlusion             ``attribute.occlusion``: 0 none, 1 up to half, 2 more; -1 is unknown
======  ====================  =================================================================

Stills have a file per image with values 3 to 10; a folder of such files is one set of images, in
the order of their names. The results of detectors and trackers have -1 for truncation and
occlusion, and their annotator is "detector"; it is "consolidated" otherwise. Images are looked for
in ``sequences/<name>/`` or ``images/`` beside the folder of the files.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from annotaudit.boxes import SIDES, Labels
from annotaudit.errors import LabelFormatError
from annotaudit.formats import columns
from annotaudit.formats.drones import lines as drone_lines
from annotaudit.formats.drones.tables import (
    TRACKED,
    box_table,
    categories,
    frame_table,
    frames_of,
    joined,
    known,
    tracked_values,
    tracks,
    values_of,
)
from annotaudit.formats.json_text import read_bytes
from annotaudit.formats.line_columns import LineColumns, Value, read_columns, write_columns
from annotaudit.formats.problems import Problems
from annotaudit.formats.saving import write_whole
from annotaudit.formats.sequence_texts import (
    check_one_annotator,
    file_inside,
    head_of,
    one_name,
    refuse_nothing,
    save_sequences,
    text_files,
)

CLASSES = {
    0: "ignored regions",
    1: "pedestrian",
    2: "people",
    3: "bicycle",
    4: "car",
    5: "van",
    6: "truck",
    7: "tricycle",
    8: "awning-tricycle",
    9: "bus",
    10: "motor",
    11: "others",
}
_ABOUT = tuple(map(Value, ("score", "category", "truncation", "occlusion")))
_TRACKED = (*TRACKED, *_ABOUT)
_STILL = (*map(Value, SIDES), *_ABOUT)
_FOLDER = "annotations"


def recognises(path: Path, head: bytes) -> bool:
    r"""Tell a file from its first lines, a folder from the first of its files.

    Examples
    --------
    >>> recognises(Path("any.name"), b"1,0,593,43,174,190,1,4,0,0\n1,1,5,43,17,19,1,1,0,2")
    True
    """
    if not path.is_dir():
        return drone_lines.VISDRONE in drone_lines.meanings(path, head)
    heads = ((file, head_of(file)) for file in _files(path)[:20])
    found = [drone_lines.meanings(file, start) for file, start in heads if start.strip()]
    return {drone_lines.VISDRONE} in found and all(drone_lines.VISDRONE in each for each in found)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    inside = path / _FOLDER
    return text_files(inside if inside.is_dir() else path)


def parts(path: Path) -> list[Path]:
    """List the files that are read when a folder is."""
    return _files(path) if path.is_dir() else []


def load(path: Path, *, strict: bool = False, sequence: str | None = None) -> Labels:
    """Load a sequence, the boxes of an image, or a folder of either.

    Parameters
    ----------
    path : Path
        A file, the folder ``annotations``, or the one it is in.
    strict : bool
        Raise at the first problem.
    sequence : str, optional
        Name of the sequence, if it is one, or of the set of images; by default that of its file,
        or of the folder.

    Returns
    -------
    Labels

    Raises
    ------
    LabelFormatError
        If no line is a box.
    """
    files = _files(path)
    problems = Problems(str(path), strict=strict)
    if any(_is_still(file) for file in files[:20]):
        return _load_stills(path, files, sequence, problems)
    one_name(sequence, path, files)
    boxes, frames = [], []
    for file in files:
        problems.source = str(file)
        if len(files) > 1 and not head_of(file).strip():
            problems.add("file", "it is empty: the sequence has no boxes")
            continue
        lines = read_columns(read_bytes(file), _TRACKED, problems)
        name = sequence or file.stem
        frame = lines.columns["frame"] - 1
        boxes.append(box_table(name, frame, tracks(lines), lines, CLASSES, _others(lines)))
        images = file.parent.parent / "sequences" / file.stem
        frames.append(frame_table(name, frame, images))
    refuse_nothing(path, boxes, problems, "VisDrone")
    return Labels(joined(boxes), pd.concat(frames, ignore_index=True), problems.table())


def _is_still(file: Path) -> bool:
    first = head_of(file).lstrip(b"\n\r").split(b"\n", 1)[0].strip(b", \t\r")
    return first.count(b",") + 1 == len(_STILL)


def _load_stills(path: Path, files: list[Path], sequence: str | None, problems: Problems) -> Labels:
    folder = files[0].parent
    images = folder.parent / "images"
    above = folder.parent if folder.name == _FOLDER else folder
    name = sequence or above.resolve().name or path.stem
    boxes, shown = [], []
    for frame, file in enumerate(files):
        problems.source = str(file)
        image = images / f"{file.stem}.jpg"
        shown.append(image.as_posix() if image.is_file() else image.name)
        if len(files) > 1 and not head_of(file).strip():
            continue  # somebody looked, and there was nothing
        lines = read_columns(read_bytes(file), _STILL, problems)
        number = np.full(len(lines), frame)
        boxes.append(box_table(name, number, None, lines, CLASSES, _others(lines)))
    refuse_nothing(path, boxes, problems, "VisDrone")
    frames = frames_of(name, np.arange(len(files)), columns.text_column(shown))
    return Labels(joined(boxes), frames, problems.table())


def _others(lines: LineColumns) -> dict[str, NDArray[Any]]:
    degrees = {
        f"attribute.{name}": known(lines.columns[name]) for name in ("truncation", "occlusion")
    }
    score = lines.columns["score"]
    is_result = all(np.isnan(values).all() for values in degrees.values())
    if is_result or not ((score == 0) | (score == 1)).all():
        return {"score": score, **degrees}
    return {"consider": score == 1, **degrees}


def save(labels: Labels, path: Path) -> Path:
    """Save boxes as VisDrone: a ``.txt`` file, or a folder with one per sequence, or per image.

    Every value of the tables above is written back, unknown ones as -1. Boxes without tracks whose
    images have names are stills; all others are videos. Tracks whose names are no numbers are
    numbered from 1 in order of appearance. ``attribute.occlusion`` of labels that have
    ``attribute.out_of_view``, as UAVDT's, counts differently and is not written.

    Parameters
    ----------
    labels : Labels
        Of one annotator, labels among ``CLASSES``.
    path : Path
        A name ending in ``.txt`` takes one sequence or image; anything else is a folder.

    Raises
    ------
    LabelFormatError
        If the labels are of several annotators or other classes, a ``.txt`` would hold several
        sequences or images, or a name is no file name.
    """
    boxes, frames = labels.boxes, labels.frames
    named = "image" in frames and bool(frames["image"].notna().any())
    if not named or boxes["track"].notna().any():
        return save_sequences(labels, path, "VisDrone", _tracked)
    check_one_annotator(boxes, path, "VisDrone")
    if path.suffix.lower() == ".txt":
        if len(frames) > 1:
            raise LabelFormatError(
                f"{path}: a .txt file holds one image, the labels have {len(frames)}. Name a "
                "folder instead."
            )
        return write_whole(path, _still(boxes))
    several = len(frames["sequence"].unique()) > 1
    by_image = dict(list(boxes.groupby(["sequence", "frame"], sort=False)))
    texts: dict[Path, bytes] = {}
    for image in frames.to_dict("records"):
        shown = image["image"]
        name = Path(shown).stem if isinstance(shown, str) else f"{image['frame'] + 1:07d}"
        inside = f"{image['sequence']}/{name}.txt" if several else f"{name}.txt"
        file = file_inside(path, inside)
        if file in texts:
            raise LabelFormatError(
                f"{file}: two images would be written to this name. Give the images names that "
                "differ, in labels.frames['image']."
            )
        mine = by_image.get((image["sequence"], image["frame"]), boxes.iloc[:0])
        texts[file] = _still(mine)
    for file, text in texts.items():
        write_whole(file, text)
    return path


def _tracked(boxes: pd.DataFrame) -> bytes:
    return write_columns([*tracked_values(boxes), *_about(boxes)])


def _still(boxes: pd.DataFrame) -> bytes:
    return write_columns([*(boxes[side].to_numpy() for side in SIDES), *_about(boxes)])


def _about(boxes: pd.DataFrame) -> list[NDArray[np.float64]]:
    own = boxes[[]] if "attribute.out_of_view" in boxes else boxes
    return [
        values_of(boxes, "consider", 1) if "consider" in boxes else values_of(boxes, "score", 1),
        categories(boxes, CLASSES, "VisDrone"),
        values_of(own, "attribute.truncation"),
        values_of(own, "attribute.occlusion"),
    ]
