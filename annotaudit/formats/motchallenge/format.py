"""MOTChallenge: ``gt.txt`` (what people drew), ``det.txt`` (what a detector found), results.

One box per line, frames and pixels counted from 1:

======  ==================  ===================================================================
value   in the file         in the box table
======  ==================  ===================================================================
1       frame               ``frame``: 1 less
2       id                  ``track``; missing where it is -1
3, 4    left, top           ``left``, ``top``: 1 less
5, 6    width, height       ``width``, ``height``
7       consider or score   ``consider`` (bool) in ground truth, ``score`` otherwise
8       class               ``class_id``, and its name in ``label`` (``CLASSES``, or the lines of
                            a ``labels.txt`` beside the file); -1 is unknown
9       visibility          ``visibility``, 0 to 1; -1 is unknown
8–10    x, y, z             where a line has ten values, as in MOT15: position in the world, in
                            ``x``, ``y``, ``z``; -1, -1, -1 is unknown
======  ==================  ===================================================================

A sequence is a folder with ``gt/gt.txt`` or ``det/det.txt``, and where there are such, ``img1/``
and ``seqinfo.ini``, which tells how many frames were looked at, their size and their rate. Without
it the frames with boxes count as looked at.

Frames count from 0 in files that other programs wrote. One with a frame 0 is read so, which
``problems`` says, and ``source_number`` of the frames table keeps; ``first_frame=0`` says it of a
file that has no box on the first frame. Pixels are taken to count from 1 all the same.

``consider`` says whether the benchmark scores a box. Boxes of the classes ``DISTRACTORS`` are
people who are no target, such as a reflection; they are labels like all others unless
``distractors=False`` leaves them out.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd

from annotaudit.boxes import Labels
from annotaudit.errors import LabelFormatError
from annotaudit.formats.drones import lines as drone_lines
from annotaudit.formats.json_text import MAX_BYTES, read_bytes
from annotaudit.formats.motchallenge.columns import CLASSES, DISTRACTORS, box_table, write_boxes
from annotaudit.formats.motchallenge.lines import Lines, read_clean, read_each
from annotaudit.formats.motchallenge.seqinfo import (
    SeqInfo,
    frame_table,
    read_seqinfo,
    write_seqinfo,
)
from annotaudit.formats.problems import Problems
from annotaudit.formats.saving import write_whole
from annotaudit.frames.matching import path_inside

_NUMBER = rb"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_LINE = re.compile(rb"\d+\s*(?:,\s*" + _NUMBER + rb"\s*){5,9},*")
_FILES = (Path("gt", "gt.txt"), Path("det", "det.txt"))


def recognises(path: Path, head: bytes) -> bool:
    """Whether a folder is a sequence, or the first lines of a file are boxes of one.

    Examples
    --------
    >>> recognises(Path("any.name"), b"1,2,30.5,40,50,60,1,1,0.8")
    True
    """
    if path.is_dir():
        return any((path / file).is_file() for file in _FILES)
    first = [line.strip() for line in head[:5000].splitlines() if line.strip()][:5]
    is_mot = any(_LINE.fullmatch(line) for line in first)
    return is_mot and drone_lines.MOT in drone_lines.meanings(path, head)


def parts(path: Path) -> list[Path]:
    """List the files that are read when a sequence folder is."""
    return [path / file for file in _FILES if (path / file).is_file()] if path.is_dir() else []


def load(
    path: Path,
    *,
    strict: bool = False,
    sequence: str | None = None,
    distractors: bool = True,
    detections: bool | None = None,
    classes: Mapping[int, str] | None = None,
    first_frame: int | None = None,
) -> Labels:
    """Load one sequence.

    Parameters
    ----------
    path : Path
        The folder of a sequence (its ``gt.txt`` is read, else its ``det.txt``), or a file.
    strict : bool
        Raise at the first problem.
    sequence : str, optional
        Its name; by default that in ``seqinfo.ini``, else the folder's, else the file's.
    distractors : bool
        Whether to keep boxes of the classes ``DISTRACTORS``.
    detections : bool, optional
        Whether value 7 is a score. By default told from the name (``gt...`` or ``det...``), else
        it is one unless there are ids and the value is always 0 or 1.
    classes : dict, optional
        Names of the class numbers, where they are not those of ``CLASSES``.
    first_frame : int, optional
        The number of the first frame, 0 or 1; by default 1, unless there is a box on frame 0.

    Returns
    -------
    Labels
        The annotator is "consolidated" for ground truth, "detector" otherwise.

    Raises
    ------
    LabelFormatError
        If the file cannot be read, no line of it is a box, or there is a frame before the first.
    """
    file, folder = _locate(path)
    problems = Problems(str(file), strict=strict)
    info = read_seqinfo(folder / "seqinfo.ini", problems)
    # Files called gt.txt all look alike: what tells them apart is the folder.
    by_folder = folder.resolve().name if file.stem in ("gt", "det") else ""
    name = sequence or info.name or by_folder or file.stem
    lines = _lines(file, info, problems)
    if len(problems) and not len(lines.frame) and info.n_frames is None:
        first = problems.table().iloc[0]
        raise LabelFormatError(
            f"{file}: no line is a box; {first['where']}: {first['what']}. Check that this is a "
            "MOTChallenge file."
        )
    first = _first_frame(lines, first_frame, problems)
    boxes = box_table(
        lines,
        name,
        is_ground_truth=_is_ground_truth(file, lines, detections),
        classes=classes or _own_classes(file, problems) or CLASSES,
        first_frame=first,
    )
    frames = frame_table(folder, info, name, boxes["frame"].to_numpy(), first, problems)
    if not distractors and "class_id" in boxes:
        boxes = boxes[~boxes["class_id"].isin(DISTRACTORS)].reset_index(drop=True)
    return Labels(boxes, frames, problems.table())


def _locate(path: Path) -> tuple[Path, Path]:
    """The file to read, and the folder of its sequence."""
    if not path.is_dir():
        inside = path.parent.name in ("gt", "det")
        return path, path.parent.parent if inside else path.parent
    for file in _FILES:
        if (path / file).is_file():
            return path / file, path
    raise LabelFormatError(
        f"{path} has neither {' nor '.join(map(str, _FILES))}. Name the folder of a sequence, or "
        "the file itself."
    )


def _lines(file: Path, info: SeqInfo, problems: Problems) -> Lines:
    with suppress(OSError), file.open("rb") as opened:
        is_short = os.fstat(opened.fileno()).st_size <= MAX_BYTES
        if is_short and (lines := read_clean(opened)) is not None:
            return lines
    try:
        return read_each(read_bytes(file), problems)
    except LabelFormatError as error:
        if "is empty" not in str(error) or info.n_frames is None:
            raise
    problems.add("file", "it is empty: the sequence has no boxes")
    return read_each(b"", problems)


def _first_frame(lines: Lines, given: int | None, problems: Problems) -> int:
    """Return the number of the first frame: 1, as MOTChallenge has it, or 0 if there is one."""
    lowest = int(lines.frame.min(initial=1))
    if given is None and lowest == 0:
        problems.add(
            "frame 0",
            "MOTChallenge counts frames from 1; these are taken to count from 0, all of them. If "
            "so, first_frame=0 says it",
        )
    if given is not None and (given not in (0, 1) or lowest < given):
        raise LabelFormatError(
            f"{problems.source}: first_frame is {given!r}, and the smallest frame number {lowest}; "
            "expected 0 or 1, and no frame before it. Leave first_frame out to have it told."
        )
    return lowest if given is None else given


def _own_classes(file: Path, problems: Problems) -> dict[int, str]:
    """Class names as CVAT keeps them: line n of ``labels.txt`` is class n."""
    path = file.parent / "labels.txt"
    if not path.is_file():
        return {}
    try:
        names = read_bytes(path, max_bytes=1_000_000).decode().splitlines()
    except (LabelFormatError, UnicodeDecodeError) as error:
        problems.add(path.name, f"cannot be read ({error}); MOTChallenge's class names are used")
        return {}
    return {number: name.strip() for number, name in enumerate(names, start=1) if name.strip()}


def _is_ground_truth(file: Path, lines: Lines, detections: bool | None) -> bool:
    if detections is not None:
        return not detections
    if file.name.lower().startswith(("gt", "det")):
        return file.name.lower().startswith("gt")
    flags = lines.rest[0] if lines.rest else np.array([])
    return lines.track.null_count < len(lines.track) and bool(((flags == 0) | (flags == 1)).all())


def save(labels: Labels, path: Path) -> Path:
    """Save boxes as MOTChallenge: a ``.txt`` file, or the folder of a sequence, or of several.

    Frames, boxes, ids, ``consider`` or ``score``, class, ``visibility`` and world positions are
    written back, numbers with all their digits; frames count from 0 if they did so where they were
    read (``source_number`` of the frames table). The format has no place for other columns. Tracks
    whose names are no numbers are numbered from 1 in order of appearance; labels that are no class
    of MOTChallenge are numbered, too, and their names written to ``labels.txt``.

    Parameters
    ----------
    labels : Labels
        Of one annotator.
    path : Path
        A name ending in ``.txt`` takes the lines of one sequence. Anything else is a folder, which
        gets ``gt/gt.txt`` (``det/det.txt`` for boxes with a score and no tracks) and
        ``seqinfo.ini``; with several sequences each gets a folder in it.

    Returns
    -------
    Path

    Raises
    ------
    LabelFormatError
        If the labels are of several annotators, a ``.txt`` would hold several sequences, the name
        of a sequence is no folder name, or nothing would show that frames count from 0.
    """
    boxes, frames = labels.boxes, labels.frames
    if (people := boxes["annotator"].dropna().unique()).size > 1:
        raise LabelFormatError(
            f"The boxes are of {people.size} annotators; MOTChallenge has no place for who drew a "
            "box. Save them one by one: labels.boxes[labels.boxes['annotator'] == ...]."
        )
    listed = frames.get("sequence", [])
    names = list(dict.fromkeys([*boxes["sequence"].unique(), *pd.unique(pd.Series(listed))]))
    if path.suffix.lower() == ".txt":
        if len(names) > 1:
            raise LabelFormatError(
                f"{path}: a .txt file holds one sequence, the labels have {len(names)}. Name a "
                "folder instead."
            )
        return _write(boxes, frames, path)
    for name in names:
        folder = path if len(names) == 1 else _folder(path, str(name))
        mine = boxes[boxes["sequence"] == name]
        looked_at = frames[frames["sequence"] == name] if "sequence" in frames else frames
        is_found = "score" in mine and mine["track"].isna().all() and "consider" not in mine
        _write(mine, looked_at, folder / _FILES[1 if is_found else 0])
        if "sequence" in frames:
            write_whole(folder / "seqinfo.ini", write_seqinfo(str(name), looked_at))
    return path


def _folder(path: Path, name: str) -> Path:
    try:
        return path_inside(path, name)
    except ValueError as error:
        raise LabelFormatError(
            f"Sequence {name!r} cannot be the name of a folder: {error}"
        ) from error


def _write(boxes: pd.DataFrame, frames: pd.DataFrame, path: Path) -> Path:
    text, class_names = write_boxes(boxes, _first_number(boxes, frames, path))
    own = path.with_name("labels.txt")
    if class_names or own.exists():  # names of an earlier save would be taken for these boxes'
        names = class_names or CLASSES.values()
        write_whole(own, "".join(f"{name}\n" for name in names).encode())
    return write_whole(path, text)


def _first_number(boxes: pd.DataFrame, frames: pd.DataFrame, path: Path) -> int:
    """Return what number frame 0 gets: 0 if it had that where the labels were read, else 1."""
    if "source_number" not in frames or not (frames["source_number"] == frames["frame"]).any():
        return 1
    if boxes["frame"].min() > 0:
        raise LabelFormatError(
            f"{path}: the frames counted from 0 where they were read, and no box on frame 0 is "
            "left to show it: loaded again, each box would be on the frame before. Count from 1, "
            "as MOTChallenge does: labels.frames.drop(columns='source_number')."
        )
    return 0
