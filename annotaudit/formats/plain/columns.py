"""Tables in the columns of the box table, or in others' that the caller names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from annotaudit.boxes import COLUMNS, SIDES
from annotaudit.errors import LabelFormatError
from annotaudit.formats import columns
from annotaudit.formats.line_columns import Value, converted
from annotaudit.formats.problems import Problems, excerpt

if TYPE_CHECKING:
    import pyarrow as pa

_CORNERS = {"width": ("left", "right"), "height": ("top", "bottom")}
_OF_IMAGES = ("image", "image_width", "image_height")
# What other people call them. Only a hint in a message: "x" is a centre in some files.
_OTHER_NAMES = {
    "left": "left xmin x_min x1 bbox_left bb_left bbox_x bbox_xmin x",
    "top": "top ymin y_min y1 bbox_top bb_top bbox_y bbox_ymin y",
    "right": "right xmax x_max x2 bbox_right bbox_xmax",
    "bottom": "bottom ymax y_max y2 bbox_bottom bbox_ymax",
    "width": "width w bbox_width bb_width bbox_w",
    "height": "height h bbox_height bb_height bbox_h",
    "frame": "frame frame_id frame_number frame_no frame_index frame_idx",
    "image": "image filename file_name image_name image_id image_path file path",
    "label": "label class class_name category category_name name object_category type",
    "track": "track track_id object_id target_id id",
    "sequence": "sequence video video_id video_name",
    "annotator": "annotator annotator_id worker worker_id",
}
_OF_FINDINGS = {"rule", "severity", "reason"}
_GUESSES = {other: ours for ours, others in _OTHER_NAMES.items() for other in others.split()}


def looks_like_boxes(names: Sequence[str]) -> bool:
    """Tell whether columns of these names may be boxes, ours or somebody else's.

    Examples
    --------
    >>> looks_like_boxes(["filename", "class", "xmin", "ymin", "xmax", "ymax"])
    True
    """
    if set(names) >= _OF_FINDINGS:
        return False  # they have boxes, too, but what an audit found is no label
    found = {_GUESSES.get(name.lower()) for name in names}
    across = {"left", "right"} <= found or {"left", "width"} <= found
    return across and ({"top", "bottom"} <= found or {"top", "height"} <= found)


def renamed(names: Sequence[str], given: Mapping[str, str] | None, where: str) -> dict[str, str]:
    """Say what each column of a file is called in the tables.

    Parameters
    ----------
    names : list of str
        The columns of the file.
    given : dict, optional
        Their names to ours, as the caller says.
    where : str
        The file, for messages.

    Raises
    ------
    LabelFormatError
        If the sides or the frame cannot be told, or two columns would be called the same.
    """
    given = given or {}
    if strange := sorted(set(given) - set(names)):
        raise LabelFormatError(
            f"{where}: columns= names {strange}, which the file has not; it has {list(names)}."
        )
    ours = {name: given.get(name, name) for name in names}
    called = list(ours.values())
    if doubled := sorted({name for name in called if called.count(name) > 1}):
        raise LabelFormatError(
            f"{where}: two columns would be called {doubled}. Give one of them another name in "
            "columns=, as in columns={'width': 'image_width'}."
        )
    missing = [name for name in ("left", "top") if name not in called]
    missing += [side for side, (_, end) in _CORNERS.items() if not {side, end} & set(called)]
    missing += [] if {"frame", "image"} & set(called) else ["frame"]
    both = sorted({"right", "bottom"} & set(given.values()) & _superfluous(called))
    if missing or both:
        lacks = f"lacks {missing}" if missing else f"has {both} beside width and height"
        raise LabelFormatError(
            f"{where} {lacks}; its columns are {list(names)}. Say which they are, as in "
            f"load(..., columns={_guess(names)}); right and bottom may stand for width and height, "
            "image for frame."
        )
    return ours


def _guess(names: Sequence[str]) -> dict[str, str]:
    """Propose names for the columns of a file."""
    guessed = {name: _GUESSES[name.lower()] for name in names if name.lower() in _GUESSES}
    for side, (_, end) in _CORNERS.items():
        if {side, end} <= set(guessed.values()):  # then it is the size of the image
            guessed = {k: f"image_{side}" if v == side else v for k, v in guessed.items()}
    new = {name: ours for name, ours in guessed.items() if name != ours}
    proposed = {name: ours for name, ours in new.items() if list(new.values()).count(ours) == 1}
    return proposed or {"xmin": "left", "ymin": "top", "xmax": "right", "ymax": "bottom"}


def tables(
    found: Mapping[str, Any],
    extras: pd.DataFrame,
    rows: NDArray[np.int64],
    sequence: str,
    problems: Problems,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make a box table and a frames table; a row without a place becomes a problem.

    Parameters
    ----------
    found : dict of arrow arrays
        Ours, or a part of them: what lacks is filled in.
    extras : DataFrame
        Columns that ride along.
    rows : int array
        Number of each row, for messages.
    sequence : str
        Where the file does not name it.
    problems : Problems
    """
    n = len(rows)
    bad = np.zeros(n, dtype=bool)

    def number(name: str, *, whole: bool = False) -> NDArray[Any]:
        value = Value(name, "whole" if whole else "number", 0 if whole else None)
        numbers, good = _numbers(found[name], value, problems.source)
        for row in np.flatnonzero(~good & ~bad).tolist():
            text = excerpt(found[name][row].as_py())
            problems.add(f"row {rows[row]}", f"{name} is {text}; expected {value.expected}")
        bad[:] |= ~good
        return numbers

    sides = {name: number(name) for name in (*SIDES, "right", "bottom") if name in found}
    for side, (start, end) in _CORNERS.items():
        if side not in sides:
            sides[side] = sides[end] - sides[start]
    if "frame" in found:
        frame = number("frame", whole=True)
    else:
        frame = pd.factorize(_text(found, "image", problems.source))[0].astype(np.int64)
        for row in np.flatnonzero((frame < 0) & ~bad).tolist():
            problems.add(f"row {rows[row]}", "no image and no frame; expected one of them")
        bad |= frame < 0
    sizes = {name: number(name) for name in _OF_IMAGES[1:] if name in found}
    filled = {"sequence": sequence, "annotator": "consolidated"}
    texts = {
        name: _text(found, name, problems.source)
        if name in found
        else columns.text_column([None] * n)
        for name, kind in COLUMNS.items()
        if kind == "str"
    }
    for name, text in filled.items():
        texts[name] = texts[name].fillna(text)
    own = {**texts, "frame": frame, **sides}
    boxes = pd.DataFrame({name: own[name] for name in COLUMNS})
    if len(extras.columns):
        boxes = pd.concat([boxes, extras], axis=1)
    images = boxes[["sequence", "frame"]].assign(
        image=_text(found, "image", problems.source)
        if "image" in found
        else columns.text_column([None] * n),
        image_width=sizes.get("image_width", np.nan),
        image_height=sizes.get("image_height", np.nan),
        time=np.nan,
    )
    images = images[~bad].drop_duplicates(["sequence", "frame"])
    images = images.sort_values(["sequence", "frame"], ignore_index=True)
    return boxes[~bad].reset_index(drop=True), images.astype({"image_width": "float64"})


def own(called: Sequence[str], *, with_images: bool) -> set[str]:
    """Say which columns :func:`tables` makes use of; the others ride along."""
    known = {*COLUMNS, "right", "bottom", *(_OF_IMAGES if with_images else ())}
    return known & set(called) - _superfluous(called)


def _superfluous(called: Sequence[str]) -> set[str]:
    return {end for side, (_, end) in _CORNERS.items() if side in called}


def _text(found: Mapping[str, Any], name: str, where: str) -> pd.Series:
    import pyarrow as pa

    values = found[name]
    if pa.types.is_floating(values.type):  # whole numbers, of which one is missing
        return columns.text_column([None if v is None else f"{v:.15g}" for v in values.to_pylist()])
    try:
        return columns.text_of_arrays([values.cast(pa.large_string())])
    except pa.ArrowException as error:
        raise LabelFormatError(
            f"{where}: column {name!r} holds {values.type}; expected text in UTF-8. Convert it "
            "first, or give it another name in columns=."
        ) from error


def _numbers(values: pa.Array, value: Value, where: str) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    import pyarrow as pa

    kind = values.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        filled = values.fill_null("nan")
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind):
        if value.kind == "number":
            numbers = values.cast(pa.float64()).to_numpy(zero_copy_only=False)
            return numbers, np.ones(len(numbers), dtype=bool)
        filled = values.cast(pa.large_string()).fill_null("nan")
    else:
        raise LabelFormatError(
            f"{where}: column {value.name!r} holds {kind}; expected numbers. Convert it first."
        )
    return converted(filled, value)
