"""Measurements along a track: one value per box, about the step that led to it.

Every function takes a box table in any order and returns values aligned to its index. A step leads
from the object's box on the frame looked at before; at an object's first box, across a gap, and
where the object has two boxes on one frame the value is unknown, NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import pandas as pd

from annotaudit.boxes import check_boxes
from annotaudit.errors import LimitError
from annotaudit.geometry import iou
from annotaudit.metrics.order import (
    Floats,
    TrackOrder,
    frame_times,
    over_steps,
    sides_in_order,
    track_order,
)

Size = Literal["area", "width", "height", "aspect"]


def rolling_iou(boxes: pd.DataFrame, frames: pd.DataFrame | None = None) -> pd.Series:
    """Share of overlap of each box with the same object's box on the frame before.

    Parameters
    ----------
    boxes : DataFrame
        A box table, in any order.
    frames : DataFrame, optional
        The frames looked at, as in ``Labels.frames``: the frame before is then the one before in
        this list. Without it, it is the frame whose number is one less.

    Returns
    -------
    Series of float, aligned to ``boxes.index``
        0 to 1 as in :func:`annotaudit.iou`; NaN where there is no step.

    Examples
    --------
    >>> boxes = pd.DataFrame({
    ...     "sequence": "street", "frame": [2, 0, 1], "track": "car:1", "label": "car",
    ...     "annotator": "ann", "left": [5, 0, 0], "top": 0, "width": 10, "height": 10})
    >>> rolling_iou(boxes).round(2).tolist()
    [0.33, nan, 1.0]
    """
    boxes = check_boxes(boxes)
    order = track_order(boxes, frames)
    return _series(boxes, order, iou_steps(order, sides_in_order(boxes, order)), "rolling_iou")


def size_change(
    boxes: pd.DataFrame, of: Size = "area", frames: pd.DataFrame | None = None
) -> pd.Series:
    """Change of size of each box since the frame before, as a share of the earlier size.

    Parameters
    ----------
    boxes : DataFrame
        A box table, in any order.
    of : {"area", "width", "height", "aspect"}
        What to compare; the aspect is width over height.
    frames : DataFrame, optional
        The frames looked at, as in :func:`rolling_iou`.

    Returns
    -------
    Series of float, aligned to ``boxes.index``
        0.25 for a quarter more, -0.25 for a quarter less; NaN where there is no step, where a
        side is missing, infinite or negative, and where the earlier size is 0.

    Examples
    --------
    >>> boxes = pd.DataFrame({
    ...     "sequence": "street", "frame": [0, 1, 2], "track": "car:1", "label": "car",
    ...     "annotator": "ann", "left": 0, "top": 0, "width": [10, 10, 5], "height": [10, 15, 15]})
    >>> size_change(boxes).tolist()
    [nan, 0.5, -0.5]
    >>> size_change(boxes, of="width").tolist()
    [nan, 0.0, -0.5]
    """
    if of not in _SIZES:
        raise LimitError(f"of={of!r}: expected one of {list(_SIZES)}.")
    boxes = check_boxes(boxes)
    order = track_order(boxes, frames)
    steps = size_steps(order, sides_in_order(boxes, order, ("width", "height")), of)
    return _series(boxes, order, steps, "size_change")


def iou_steps(order: TrackOrder, sides: Floats) -> Floats:
    """Overlap over each step, in track order."""
    return over_steps(order, sides, lambda before, after: iou(before.T, after.T))


_SIZES: dict[str, Callable[[Floats, Floats], Floats]] = {
    "area": lambda width, height: width * height,
    "width": lambda width, height: width,
    "height": lambda width, height: height,
    "aspect": lambda width, height: width / height,
}


def size_steps(order: TrackOrder, sides: Floats, of: Size = "area") -> Floats:
    """Change of size over each step; the last two rows of ``sides`` are width and height."""
    size = _SIZES[of]

    def change(before: Floats, after: Floats) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            earlier = size(*before[-2:])
            share: Floats = size(*after[-2:]) / earlier - 1
            drawn = (before[-2:] >= 0).all(axis=0) & (after[-2:] >= 0).all(axis=0)
        share[~(drawn & np.isfinite(share) & np.isfinite(earlier))] = np.nan
        return share

    return over_steps(order, sides, change)


def speed(boxes: pd.DataFrame, frames: pd.DataFrame | None = None) -> pd.Series:
    """How fast the centre of each box has moved since the frame before.

    Parameters
    ----------
    boxes : DataFrame
        A box table, in any order.
    frames : DataFrame, optional
        The frames looked at, as in :func:`rolling_iou`, and their times.

    Returns
    -------
    Series of float, aligned to ``boxes.index``
        Pixels per second if ``frames`` has a column ``time`` with any value in it (NaN where a
        time is missing or does not grow); otherwise pixels per frame. NaN where there is no step.

    Examples
    --------
    >>> boxes = pd.DataFrame({
    ...     "sequence": "street", "frame": [0, 1], "track": "car:1", "label": "car",
    ...     "annotator": "ann", "left": [0, 3], "top": [0, 4], "width": 10, "height": 10})
    >>> speed(boxes).tolist()
    [nan, 5.0]
    >>> frames = pd.DataFrame({"sequence": "street", "frame": [0, 1], "time": [0, 0.5]})
    >>> speed(boxes, frames).tolist()
    [nan, 10.0]
    """
    boxes = check_boxes(boxes)
    order = track_order(boxes, frames)
    velocity, _ = _velocity(boxes, order, frames)
    return _series(boxes, order, np.hypot(*velocity), "speed")


def acceleration(boxes: pd.DataFrame, frames: pd.DataFrame | None = None) -> pd.Series:
    """How fast the velocity of each box's centre has changed, in size and direction.

    Parameters
    ----------
    boxes : DataFrame
        A box table, in any order.
    frames : DataFrame, optional
        The frames looked at, as in :func:`rolling_iou`, and their times.

    Returns
    -------
    Series of float, aligned to ``boxes.index``
        Length of the change of velocity between the last two steps, per second squared or per
        frame squared as in :func:`speed`. NaN at the first two boxes after a start or a gap.

    Examples
    --------
    >>> boxes = pd.DataFrame({
    ...     "sequence": "street", "frame": [0, 1, 2], "track": "car:1", "label": "car",
    ...     "annotator": "ann", "left": [0, 3, 3], "top": [0, 0, 4], "width": 10, "height": 10})
    >>> acceleration(boxes).tolist()
    [nan, nan, 5.0]
    """
    boxes = check_boxes(boxes)
    order = track_order(boxes, frames)
    velocity, duration = _velocity(boxes, order, frames)
    values = np.full(len(order.rows), np.nan)
    with np.errstate(invalid="ignore", over="ignore"):
        # Each velocity belongs to the middle of its step; half of each step lies between them.
        change = np.hypot(*(velocity[:, 1:] - velocity[:, :-1]))
        values[1:] = change / ((duration[1:] + duration[:-1]) / 2)
    return _series(boxes, order, values, "acceleration")


def _velocity(
    boxes: pd.DataFrame, order: TrackOrder, frames: pd.DataFrame | None
) -> tuple[Floats, Floats]:
    """Velocity of the centre, shape (2, n), and duration of the step, in track order."""
    sides = sides_in_order(boxes, order)
    time = frame_times(boxes, frames)
    duration = np.ones(len(order.rows))
    with np.errstate(invalid="ignore", over="ignore"):
        if time is not None:
            duration[1:] = np.diff(time[order.rows])
            duration[~(duration > 0)] = np.nan
        centre = sides[:2] + sides[2:] / 2
        velocity = np.full_like(centre, np.nan)
        velocity[:, 1:] = np.diff(centre) / duration[1:]
    velocity[:, ~order.follows] = np.nan
    velocity[~np.isfinite(velocity)] = np.nan
    return velocity, duration


def _series(boxes: pd.DataFrame, order: TrackOrder, values: Floats, name: str) -> pd.Series:
    return pd.Series(order.back_to_table(values), index=boxes.index, name=name)
