"""Rolling mean or median of each side along a track, and each box's deviation from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

from annotaudit.boxes import SIDES, check_boxes
from annotaudit.errors import LimitError
from annotaudit.metrics.order import BLOCK, Floats, TrackOrder, sides_in_order, track_order

Statistic = Literal["mean", "median"]
_STATISTICS: dict[str, Callable[..., Floats]] = {"mean": np.mean, "median": np.median}


def rolling(
    boxes: pd.DataFrame,
    window: int = 5,
    statistic: Statistic = "mean",
    center: bool = True,
    frames: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Rolling mean or median of left, top, width and height of each object.

    Parameters
    ----------
    boxes : DataFrame
        A box table, in any order.
    window : int
        Frames looked at that a value covers.
    statistic : {"mean", "median"}
        What to make of them.
    center : bool
        Whether the box stands in the middle of its window or at its end. With an even window the
        middle is the later of the two.
    frames : DataFrame, optional
        The frames looked at, as in :func:`annotaudit.metrics.rolling_iou`.

    Returns
    -------
    DataFrame with left, top, width, height, aligned to ``boxes.index``
        Pixels; NaN where the window is not filled: near a start, an end or a gap, and where a side
        is missing.

    Raises
    ------
    LimitError
        If the window is not a whole number of 1 or more, or the statistic is not known.

    Examples
    --------
    >>> boxes = pd.DataFrame({
    ...     "sequence": "street", "frame": range(4), "track": "car:1", "label": "car",
    ...     "annotator": "ann", "left": [0, 3, 9, 6], "top": 0, "width": 10, "height": 10})
    >>> rolling(boxes, window=3)["left"].tolist()
    [nan, 4.0, 6.0, nan]
    >>> rolling(boxes, window=3, statistic="median", center=False)["left"].tolist()
    [nan, nan, 3.0, 6.0]
    """
    if isinstance(window, bool) or not isinstance(window, int | np.integer) or window < 1:
        raise LimitError(f"window={window!r}: expected a whole number of frames, 1 or more.")
    if statistic not in _STATISTICS:
        raise LimitError(f"statistic={statistic!r}: expected one of {list(_STATISTICS)}.")
    boxes = check_boxes(boxes)
    order = track_order(boxes, frames)
    ahead = (int(window) - 1) // 2 if center else 0
    smooth = _windows(order, sides_in_order(boxes, order), int(window), statistic, ahead)
    columns = {
        side: order.back_to_table(values) for side, values in zip(SIDES, smooth, strict=True)
    }
    return pd.DataFrame(columns, index=boxes.index)


def deviation(
    boxes: pd.DataFrame,
    window: int = 5,
    statistic: Statistic = "mean",
    center: bool = True,
    frames: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Distance of each side from its rolling mean or median.

    Parameters
    ----------
    boxes, window, statistic, center, frames
        As in :func:`rolling`.

    Returns
    -------
    DataFrame with left, top, width, height, aligned to ``boxes.index``
        Pixels, the value minus the rolling one; NaN where :func:`rolling` is.

    Examples
    --------
    >>> boxes = pd.DataFrame({
    ...     "sequence": "street", "frame": range(3), "track": "car:1", "label": "car",
    ...     "annotator": "ann", "left": [0, 6, 0], "top": 0, "width": 10, "height": 10})
    >>> deviation(boxes, window=3)["left"].tolist()
    [nan, 4.0, nan]
    """
    smooth = rolling(boxes, window, statistic, center, frames)
    sides = check_boxes(boxes)[list(SIDES)].to_numpy()
    with np.errstate(invalid="ignore"):
        return pd.DataFrame(sides - smooth.to_numpy(), index=smooth.index, columns=list(SIDES))


def _windows(
    order: TrackOrder, sides: Floats, window: int, statistic: Statistic, ahead: int
) -> Floats:
    """Fold the window that ends so many rows ahead of each row, in track order."""
    smooth = np.full_like(sides, np.nan)
    count = len(order.rows) - window + 1
    if count < 1:
        return smooth
    fold = _STATISTICS[statistic]
    first_of_window = np.arange(count)
    filled = order.runs[first_of_window] == order.runs[first_of_window + window - 1]
    step = max(BLOCK * 8 // window, 1)
    target = slice(window - 1 - ahead, window - 1 - ahead + count)
    for side, values in zip(sides, smooth[:, target], strict=True):
        view = sliding_window_view(side, window)
        with np.errstate(invalid="ignore", over="ignore"):
            for first in range(0, count, step):
                values[first : first + step] = fold(view[first : first + step], axis=1)
        values[~filled] = np.nan
    return smooth
