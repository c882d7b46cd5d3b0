"""The columns of MOTChallenge boxes: lines in, box table out, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from annotaudit.boxes import TEXT
from annotaudit.formats.motchallenge.lines import MOST, Lines, write_lines
from annotaudit.formats.repeated_text import repeated_text

CLASSES = {
    1: "pedestrian",
    2: "person on vehicle",
    3: "car",
    4: "bicycle",
    5: "motorbike",
    6: "non motorized vehicle",
    7: "static person",
    8: "distractor",
    9: "occluder",
    10: "occluder on the ground",
    11: "occluder full",
    12: "reflection",
    13: "crowd",
}
DISTRACTORS = (2, 7, 8, 12)  # a tracker that follows one of these is neither right nor wrong

_MOST_CLASSES = 10_000
_PLAIN_ID = r"(?:0|[1-9][0-9]{0,17})"  # grouped: pandas 2.2 adds its anchors bare


def box_table(
    lines: Lines,
    sequence: str,
    *,
    is_ground_truth: bool,
    classes: Mapping[int, str],
    first_frame: int,
) -> pd.DataFrame:
    """Make a box table of the lines of one sequence.

    Parameters
    ----------
    lines : Lines
    sequence : str
    is_ground_truth : bool
        Whether value 7 says what to consider; it is a score otherwise.
    classes : dict
        Names of the class numbers; a number without one is its own name.
    first_frame : int
        The number of frame 0 in the file.
    """
    n = len(lines.frame)
    left, top, width, height = lines.sides
    extra = _extra_columns(lines, is_ground_truth)
    class_id = extra.get("class_id", np.full(n, np.nan))
    return pd.DataFrame(
        {
            "sequence": repeated_text(sequence, n),
            "frame": lines.frame - first_frame,
            "track": _text_column(lines.track),
            "label": _class_names(class_id, classes),
            "annotator": repeated_text("consolidated" if is_ground_truth else "detector", n),
            "left": left,
            "top": top,
            "width": width,
            "height": height,
            **extra,
        },
        copy=False,
    )


def _extra_columns(lines: Lines, is_ground_truth: bool) -> dict[str, NDArray[Any]]:
    """What follows the sides; a column that is nowhere known is left out."""
    if not lines.rest:
        return {}
    flag, *more = lines.rest
    is_flag = is_ground_truth and bool(((flag == 0) | (flag == 1)).all())
    columns: dict[str, NDArray[Any]] = {"consider": flag != 0} if is_flag else {"score": flag}
    in_world = np.broadcast_to(lines.n_values == MOST, flag.shape)
    if in_world.any():
        unknown = ~in_world | np.logical_and.reduce([values == -1 for values in more])
        if not unknown.all():
            columns |= {
                name: np.where(unknown, np.nan, values)
                for name, values in zip("xyz", more, strict=True)
            }
        more = [np.where(in_world, np.nan, values) for values in more]
    for name, values in zip(("class_id", "visibility"), more, strict=False):
        known = _unless_unknown(values)
        if not np.isnan(known).all():
            columns[name] = _as_whole(known) if name == "class_id" else known
    return columns


def _as_whole(values: NDArray[np.float64]) -> NDArray[Any]:
    with np.errstate(
        invalid="ignore"
    ):  # of NaN, infinity and what is too large comes another value
        whole = values.astype(np.int64)
    return whole if (whole == values).all() else values


def _unless_unknown(values: NDArray[np.float64]) -> NDArray[np.float64]:
    unknown = values == -1
    return np.where(unknown, np.nan, values) if unknown.any() else values


def _class_names(class_id: NDArray[Any], classes: Mapping[int, str]) -> pd.Series:
    import pyarrow as pa

    if len(class_id) and (class_id == class_id[0]).all():  # one class: nothing to sort out
        return repeated_text(_class_name(class_id[0], classes), len(class_id))
    codes, found = pd.factorize(class_id)
    names = [_class_name(number, classes) for number in found.tolist()]
    taken = pa.array(names, type=pa.large_string()).take(pa.array(codes, mask=codes < 0))
    return _text_column(taken)


def _class_name(number: Any, classes: Mapping[int, str]) -> str:
    return classes.get(number, f"{number:.15g}")


def _text_column(array: Any) -> pd.Series:
    return pd.Series(TEXT.__from_arrow__(array), copy=False)


def write_boxes(boxes: pd.DataFrame, first_frame: int) -> tuple[bytes, list[str]]:
    """Write the boxes of one sequence as lines, the opposite of :func:`box_table`.

    Parameters
    ----------
    boxes : DataFrame
    first_frame : int
        The number of frame 0 in the file.

    Returns
    -------
    text : bytes
    names : list of str
        Of the classes numbered from 1, where they are not those of ``CLASSES``.
    """
    n = len(boxes)

    def values(name: str, otherwise: float) -> NDArray[np.float64]:
        column = boxes[name].astype("float64") if name in boxes else pd.Series(np.nan, range(n))
        return cast("NDArray[np.float64]", column.fillna(otherwise).to_numpy())

    class_id, own_names = _class_ids(boxes)
    flag = values("consider", 1) if "consider" in boxes else values("score", np.nan)
    if not {"consider", "score"} & set(boxes):
        flag = np.ones(n)
    has_class = (class_id != -1) | (values("visibility", -1) != -1)
    in_world = ~np.isnan(values("x", np.nan)) if "x" in boxes else np.zeros(n, dtype=bool)
    if not has_class.any():
        in_world[:] = True
    last = np.where(in_world, values("y", -1), values("visibility", -1))
    columns = [
        boxes["frame"].to_numpy() + first_frame,
        track_numbers(boxes["track"]),
        values("left", np.nan) + 1,
        values("top", np.nan) + 1,
        values("width", np.nan),
        values("height", np.nan),
        flag,
        np.where(in_world, values("x", -1), class_id),
    ]
    third = values("z", -1)
    if in_world.all():
        columns += [last, third]
    elif in_world.any():
        lines = write_lines([last]).decode().splitlines()
        tens = write_lines([last, third]).decode().splitlines()
        columns.append(np.where(in_world, tens, lines))
    else:
        columns.append(last)
    return write_lines(columns), own_names


def _class_ids(boxes: pd.DataFrame) -> tuple[NDArray[np.float64], list[str]]:
    """Class number of each box, -1 where unknown, and the names of other numbers than MOT's."""
    labels = boxes["label"]
    if "class_id" in boxes:
        ids = pd.to_numeric(boxes["class_id"], errors="coerce").astype("float64")
        pairs = pd.DataFrame({"id": ids, "label": labels}).dropna(how="all").drop_duplicates()
        one_to_one = pairs["id"].is_unique and pairs["label"].is_unique
        # The first line of labels.txt is class 1: a class 0 has no place there.
        if pairs.notna().all(axis=None) and one_to_one and (pairs["id"] >= 1).all():
            return ids.fillna(-1).to_numpy(), _names_by_number(dict(pairs.to_numpy().tolist()))
    known = labels.map({name: number for number, name in CLASSES.items()}).astype("float64")
    if (known.notna() | labels.isna()).all():
        return known.fillna(-1).to_numpy(), []
    codes, names = pd.factorize(labels)
    ids = np.where(codes < 0, -1, codes + 1).astype(np.float64)
    return ids, _names_by_number(dict(enumerate(names, start=1)))


def _names_by_number(names: Mapping[Any, str]) -> list[str]:
    """Lines of ``labels.txt``: none if the names are MOTChallenge's own."""
    if all(name == CLASSES.get(number, f"{number:.15g}") for number, name in names.items()):
        return []
    last = int(min(max(names), _MOST_CLASSES))
    return [" ".join(str(names.get(number, "")).split()) for number in range(1, last + 1)]


def track_numbers(track: pd.Series, first: int = 1) -> NDArray[Any]:
    """Numbers of tracks as text, -1 where missing: their names if those are numbers."""
    known = track.dropna()
    if known.str.fullmatch(_PLAIN_ID).all():
        return cast("NDArray[Any]", track.fillna("-1").to_numpy(dtype=object))
    codes, _ = pd.factorize(track)
    return np.where(codes < 0, -1, codes + first)
