"""The tables of drone benchmarks: what VisDrone and UAVDT have in common."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from annotaudit.boxes import SIDES, TEXT
from annotaudit.errors import LabelFormatError
from annotaudit.formats import columns
from annotaudit.formats.line_columns import LineColumns, Value
from annotaudit.formats.motchallenge.columns import track_numbers
from annotaudit.frames.matching import SUFFIXES

TRACKED = (Value("frame", "whole", 1), Value("id", "whole"), *map(Value, SIDES))
_UNKNOWN = -1.0
_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)
_IMAGE = re.compile(r"\D*([0-9]{1,15})", re.ASCII)


def tracks(lines: LineColumns) -> pd.Series:
    """Make the track column: ids as text, -1 as missing."""
    import pyarrow as pa

    ids = lines.columns["id"]
    return columns.text_of_arrays([pa.array(ids, mask=ids == _UNKNOWN).cast(pa.large_string())])


def box_table(
    sequence: str,
    frame: NDArray[np.int64],
    track: pd.Series | None,
    lines: LineColumns,
    classes: Mapping[int, str],
    others: Mapping[str, NDArray[Any]],
) -> pd.DataFrame:
    """Make a box table of the lines of one file.

    Parameters
    ----------
    sequence, frame, track
        The columns of these names; no track on stills.
    lines : LineColumns
        With the sides and ``category``.
    classes : dict
        Names of the categories; one without is called by its number, -1 is unknown.
    others : dict
        More columns. One that is nowhere known is left out.
    """
    n = len(lines)
    number = known(lines.columns["category"])
    codes, found = pd.factorize(number)
    names = np.array([*(classes.get(each, f"{each:.15g}") for each in found.tolist()), None])
    is_detector = "score" in others
    more = {"class_id": number, **others}
    return pd.DataFrame(
        {
            "sequence": columns.text_column([sequence] * n),
            "frame": frame,
            "track": columns.text_column([None] * n) if track is None else track,
            "label": columns.text_column(names[codes]),
            "annotator": columns.text_column(["detector" if is_detector else "consolidated"] * n),
            **{side: lines.columns[side] for side in SIDES},
            **{name: values for name, values in more.items() if not pd.isna(values).all()},
        }
    )


def joined(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Put the boxes of several files together; a truth that one file does not tell is missing."""
    table = pd.concat(tables, ignore_index=True)
    if "consider" in table and table["consider"].dtype == object:
        table["consider"] = table["consider"].astype("boolean")
    return table


def known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return numbers with NaN where the file says -1."""
    return np.where(values == _UNKNOWN, np.nan, values)


def frame_table(sequence: str, with_boxes: NDArray[np.int64], images: Path) -> pd.DataFrame:
    """List the frames with boxes, and those with an image in a folder, numbered from 1."""
    files: dict[int, str] = {}
    if images.is_dir():
        for file in sorted(images.iterdir()):
            number = _IMAGE.fullmatch(file.stem)
            if number and int(number[1]) and file.suffix.lower() in SUFFIXES:
                files.setdefault(int(number[1]) - 1, file.as_posix())
    numbers = np.union1d(np.array(list(files), dtype=np.int64), with_boxes)
    names = pd.Series([files.get(number) for number in numbers.tolist()], dtype=TEXT)
    return frames_of(sequence, numbers, names)


def frames_of(sequence: str, numbers: NDArray[np.int64], images: pd.Series) -> pd.DataFrame:
    """Make the frames table of one sequence."""
    return pd.DataFrame(
        {
            "sequence": columns.text_column([sequence] * len(numbers)),
            "frame": numbers,
            "image": images,
            "image_width": np.nan,
            "image_height": np.nan,
            "time": np.nan,
        }
    )


def values_of(boxes: pd.DataFrame, name: str, unknown: float = _UNKNOWN) -> NDArray[np.float64]:
    """Return a column as numbers, the unknown ones as the file writes them."""
    if name not in boxes:
        return np.full(len(boxes), unknown)
    numbers = pd.to_numeric(boxes[name], errors="coerce").astype("float64")
    return cast("NDArray[np.float64]", numbers.fillna(unknown).to_numpy())


def tracked_values(boxes: pd.DataFrame) -> list[NDArray[Any]]:
    """Return frame, id and sides as a file of tracks has them."""
    sides = [boxes[side].to_numpy() for side in SIDES]
    return [boxes["frame"].to_numpy() + 1, track_numbers(boxes["track"]), *sides]


def categories(boxes: pd.DataFrame, classes: Mapping[int, str], format: str) -> NDArray[np.float64]:
    """Return the category of each box by its label, -1 without one.

    Raises
    ------
    LabelFormatError
        If a label is none of the format's.
    """
    numbers = {name: float(number) for number, name in classes.items()}
    labels, strange = boxes["label"], []
    for name in labels.dropna().unique().tolist():
        if name not in numbers:
            if _NUMBER.fullmatch(name) and int(name) not in classes:
                numbers[name] = float(name)  # as a category without a name is called
            else:
                strange.append(name)
    if strange:
        raise LabelFormatError(
            f"{format} has no class for {strange[:5]}; it has {list(classes.values())}. Rename the "
            "labels first, as in labels.boxes['label'].replace({...}), or leave those boxes out."
        )
    return cast("NDArray[np.float64]", labels.map(numbers).fillna(_UNKNOWN).to_numpy(np.float64))
