"""Folders with a text file per sequence: which files, and one for each on saving."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from annotaudit.boxes import Labels
from annotaudit.errors import LabelFormatError
from annotaudit.formats.problems import Problems
from annotaudit.formats.recognise import HEAD_BYTES
from annotaudit.formats.saving import write_whole
from annotaudit.frames.matching import natural_order, path_inside


def text_files(folder: Path, ending: str = ".txt") -> list[Path]:
    """List the text files of a folder, numbers in names in counting order."""
    found = (
        path
        for path in folder.iterdir()
        if path.name.lower().endswith(ending) and not path.name.startswith(".") and path.is_file()
    )
    return sorted(found, key=lambda path: natural_order(path.name))


def head_of(file: Path) -> bytes:
    """Return the first bytes of a file without a byte order mark, none if it cannot be read."""
    try:
        with file.open("rb") as opened:
            return opened.read(HEAD_BYTES).removeprefix(b"\xef\xbb\xbf")
    except OSError:
        return b""


def one_name(sequence: str | None, path: Path, files: list[Path]) -> None:
    """Raise if one name is given for several sequences."""
    if sequence is not None and len(files) > 1:
        raise LabelFormatError(
            f"{path}: a name was given for one sequence, but there are {len(files)} files. Leave "
            "sequence= out."
        )


def refuse_nothing(path: Path, boxes: list[pd.DataFrame], problems: Problems, format: str) -> None:
    """Raise if no line of no file was a box."""
    if any(len(table) for table in boxes):
        return
    found = problems.table()
    first = "" if found.empty else f"; {found['where'].iloc[0]}: {found['what'].iloc[0]}"
    raise LabelFormatError(f"{path}: no line is a box{first}. Check that this is {format}.")


def save_sequences(
    labels: Labels,
    path: Path,
    format: str,
    written: Callable[[pd.DataFrame], bytes],
    *,
    ending: str = ".txt",
) -> Path:
    """Write a ``.txt`` file, or a folder with one per sequence.

    Parameters
    ----------
    labels : Labels
    path : Path
    format : str
        What it is called in messages.
    written : callable
        Makes the text of the boxes of one sequence.
    ending : str
        Of the files in the folder.

    Raises
    ------
    LabelFormatError
        If the labels are of several annotators, a ``.txt`` would hold several sequences, or the
        name of a sequence is no file name.
    """
    boxes = labels.boxes
    check_one_annotator(boxes, path, format)
    names = boxes["sequence"].unique().tolist()
    if path.suffix.lower() == ".txt":
        if len(names) > 1:
            raise LabelFormatError(
                f"{path}: a .txt file holds one sequence, the labels have {len(names)}. Name a "
                "folder instead."
            )
        return write_whole(path, written(boxes))
    files = {name: file_inside(path, f"{name}{ending}") for name in names}
    texts = {name: written(mine) for name, mine in boxes.groupby("sequence", sort=False)}
    path.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        write_whole(files[str(name)], text)
    return path


def check_one_annotator(boxes: pd.DataFrame, path: Path, format: str) -> None:
    """Raise if boxes are of several annotators."""
    if (people := boxes["annotator"].dropna().unique()).size > 1:
        raise LabelFormatError(
            f"{path}: the boxes are of {people.size} annotators; {format} has no place for who "
            "drew a box. Save them one by one: labels.boxes[labels.boxes['annotator'] == ...]."
        )


def file_inside(folder: Path, name: str) -> Path:
    """Return the path of a file in a folder.

    Raises
    ------
    LabelFormatError
        If its name leads out of the folder.
    """
    try:
        # The links of the folder are the caller's: only the name must not lead astray.
        return folder / path_inside(folder, name).relative_to(folder.resolve())
    except ValueError as error:
        raise LabelFormatError(f"{name!r} cannot be the name of a file: {error}") from error
