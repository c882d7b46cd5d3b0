"""UAVDT: vehicles seen from drones, ``M0101_gt_whole.txt``, one file per sequence.

One box per line, values separated by commas, frames counted from 1:

======  ==================  ===================================================================
value   in the file         in the box table
======  ==================  ===================================================================
1       frame               ``frame``, from 0
2       target id           ``track``
3–6     left, top, width,   ``left``, ``top``, ``width``, ``height``, as they stand: no source
        height              says whether pixels count from 0 or from 1
7       out-of-view         ``attribute.out_of_view``: 1 not, 2 medium, 3 small part outside
8       occlusion           ``attribute.occlusion``: 1 none, 2 large, 3 medium, 4 small
9       category            ``class_id``, and its name in ``label`` (``CLASSES``)
======  ==================  ===================================================================

-1 is unknown. The folder ``GT`` has three files per sequence, of which ``_gt_whole.txt`` is read:
``_gt.txt`` holds the same boxes in MOTChallenge's way without a category, and ``_gt_ignore.txt``
regions that are no objects. The annotator is "consolidated".
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from annotaudit.boxes import Labels
from annotaudit.formats.drones import lines as drone_lines
from annotaudit.formats.drones.tables import (
    TRACKED,
    box_table,
    categories,
    frame_table,
    joined,
    known,
    tracked_values,
    tracks,
    values_of,
)
from annotaudit.formats.json_text import read_bytes
from annotaudit.formats.line_columns import Value, read_columns, write_columns
from annotaudit.formats.problems import Problems
from annotaudit.formats.sequence_texts import (
    head_of,
    one_name,
    refuse_nothing,
    save_sequences,
    text_files,
)

CLASSES = {1: "car", 2: "truck", 3: "bus"}
_LINE = (*TRACKED, Value("out_of_view"), Value("occlusion"), Value("category"))
_WHOLE, _SAME_BOXES, _NO_OBJECTS = "_gt_whole.txt", "_gt.txt", "_gt_ignore.txt"


def recognises(path: Path, head: bytes) -> bool:
    """Tell a file from its first lines, a folder from the files in it.

    Examples
    --------
    >>> recognises(Path("any.name"), b"1,1,366,6,40,33,2,1,1")
    True
    """
    if path.is_dir():
        files = text_files(path, _WHOLE)[:20]
        return any(recognises(file, head_of(file)) for file in files)
    return drone_lines.UAVDT in drone_lines.meanings(path, head)


def _files(path: Path) -> list[Path]:
    return (text_files(path, _WHOLE) or text_files(path)) if path.is_dir() else [path]


def parts(path: Path) -> list[Path]:
    """List the files that need not be read when this file or folder is."""
    others = []
    for file in _files(path):
        if file.name.lower().endswith(_WHOLE):
            stem = file.name[: -len(_WHOLE)]
            others += [file.with_name(stem + ending) for ending in (_SAME_BOXES, _NO_OBJECTS)]
    return [*(_files(path) if path.is_dir() else []), *(file for file in others if file.is_file())]


def load(path: Path, *, strict: bool = False, sequence: str | None = None) -> Labels:
    """Load a sequence, or a folder of them.

    Parameters
    ----------
    path : Path
    strict : bool
        Raise at the first problem.
    sequence : str, optional
        Name of the sequence, if it is one; by default that of its file.

    Returns
    -------
    Labels

    Raises
    ------
    LabelFormatError
        If no line is a box.
    """
    files = _files(path)
    one_name(sequence, path, files)
    problems = Problems(str(path), strict=strict)
    boxes, frames = [], []
    for file in files:
        problems.source = str(file)
        lines = read_columns(read_bytes(file), _LINE, problems)
        stem = file.stem[: -len("_gt_whole")] if file.name.lower().endswith(_WHOLE) else file.stem
        name = sequence or stem or file.stem
        frame = lines.columns["frame"] - 1
        others = {
            f"attribute.{column}": known(lines.columns[column])
            for column in ("out_of_view", "occlusion")
        }
        boxes.append(box_table(name, frame, tracks(lines), lines, CLASSES, others))
        frames.append(frame_table(name, frame, file.parent / name))
    refuse_nothing(path, boxes, problems, "UAVDT")
    return Labels(joined(boxes), pd.concat(frames, ignore_index=True), problems.table())


def save(labels: Labels, path: Path) -> Path:
    """Save boxes as UAVDT: a ``.txt`` file, or a folder with one per sequence.

    Every value of the table above is written back. Tracks whose names are no numbers are numbered
    from 1 in order of appearance. ``attribute.occlusion`` of labels that have
    ``attribute.truncation``, as VisDrone's, counts differently and is not written.

    Parameters
    ----------
    labels : Labels
        Of one annotator, labels among ``CLASSES``.
    path : Path
        A name ending in ``.txt`` takes one sequence; anything else is a folder, which gets a
        ``<sequence>_gt_whole.txt`` for each.

    Raises
    ------
    LabelFormatError
        If the labels are of several annotators or other classes, a ``.txt`` would hold several
        sequences, or the name of a sequence is no file name.
    """
    return save_sequences(labels, path, "UAVDT", _written, ending=_WHOLE)


def _written(boxes: pd.DataFrame) -> bytes:
    own = boxes[[]] if "attribute.truncation" in boxes else boxes
    return write_columns(
        [
            *tracked_values(boxes),
            values_of(own, "attribute.out_of_view"),
            values_of(own, "attribute.occlusion"),
            categories(boxes, CLASSES, "UAVDT"),
        ]
    )
