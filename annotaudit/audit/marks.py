"""What annotators said about a box beside where it is: it explains much of what looks odd."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from annotaudit.metrics.paths import Bools, Floats, Paths

MARKS = ("occluded", "truncated")  # columns: true or false, or how much
YES = ("true", "yes", "1")
LITTLE = 0.5  # share of the object that is visible; below that it is worth saying


def remarks(boxes: pd.DataFrame, rows: NDArray[np.int64]) -> list[str]:
    """Say how these boxes are marked, as a sentence to put after a reason.

    Parameters
    ----------
    boxes : DataFrame
        A box table; the columns ``occluded``, ``truncated`` and ``visibility`` are optional.
    rows : int array, shape (n,)

    Returns
    -------
    list of str
        Empty where nothing is marked.

    Examples
    --------
    >>> boxes = pd.DataFrame({"occluded": [True, False], "visibility": [0.3, 1.0]})
    >>> remarks(boxes, np.array([0, 1]))
    [' Marked as occluded and 30 % visible.', '']
    """
    if not {*MARKS, "visibility"} & set(boxes):
        return [""] * len(rows)
    said: list[list[str]] = [[] for _ in rows]
    for name in MARKS:
        if name in boxes:
            for place in np.flatnonzero(_holds(boxes[name].iloc[rows])):
                said[place].append(name)
    if "visibility" in boxes:
        share = _numbers(boxes["visibility"].iloc[rows])
        for place in np.flatnonzero(share < LITTLE):
            said[place].append(f"{100 * share[place]:.0f} % visible")
    return [f" Marked as {' and '.join(marks)}." if marks else "" for marks in said]


def drawn(boxes: pd.DataFrame, paths: Paths) -> Bools | None:
    """Tell which boxes were drawn by hand, where the labels have a column ``keyframe``."""
    if "keyframe" not in boxes:
        return None
    column = boxes["keyframe"]
    if not (pd.api.types.is_bool_dtype(column) or pd.api.types.is_numeric_dtype(column)):
        return None
    return np.asarray(column.astype("boolean").fillna(True).to_numpy(dtype=bool)[paths.row])


def _holds(column: pd.Series) -> Bools:
    text = column.astype(object).map(lambda value: str(value).lower() in YES).to_numpy(dtype=bool)
    return np.asarray(text | (_numbers(column) > 0))


def _numbers(column: pd.Series) -> Floats:
    return np.asarray(pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan))
