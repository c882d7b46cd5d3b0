"""Where an object has no box between two that it has, and one row per object about its track."""

from __future__ import annotations

import numpy as np
import pandas as pd

from annotaudit.boxes import OBJECT, check_boxes
from annotaudit.metrics.order import (
    Floats,
    Ints,
    TrackOrder,
    looked_at_frames,
    sides_in_order,
    track_order,
)
from annotaudit.metrics.tracks import iou_steps, size_steps


def gaps(boxes: pd.DataFrame, frames: pd.DataFrame | None = None) -> pd.DataFrame:
    """List the stretches of frames inside a track on which the object has no box.

    Parameters
    ----------
    boxes : DataFrame
        A box table, in any order.
    frames : DataFrame, optional
        The frames looked at, as in :func:`annotaudit.metrics.rolling_iou`: only there can a box be
        missing.

    Returns
    -------
    DataFrame
        One row per gap: ``sequence``, ``annotator``, ``track``, ``from_frame`` (last one with a
        box), ``to_frame`` (next one with a box), ``missing`` (frames looked at between them).

    Examples
    --------
    >>> boxes = pd.DataFrame({
    ...     "sequence": "street", "frame": [0, 1, 4], "track": "car:1", "label": "car",
    ...     "annotator": "ann", "left": 0, "top": 0, "width": 10, "height": 10})
    >>> gaps(boxes)[["from_frame", "to_frame", "missing"]].to_numpy().tolist()
    [[1, 4, 2]]
    """
    boxes = check_boxes(boxes)
    order = track_order(boxes, frames)
    steps = gap_steps(order)
    frame = boxes["frame"].to_numpy()
    found = boxes[list(OBJECT)].iloc[order.rows[steps]].reset_index(drop=True)
    found = found.assign(
        from_frame=frame[order.rows[steps - 1]],
        to_frame=frame[order.rows[steps]],
        missing=order.places[steps] - order.places[steps - 1] - 1,
    )
    return found.sort_values([*OBJECT, "from_frame"], ignore_index=True)


def gap_steps(order: TrackOrder) -> Ints:
    """Rows, in track order, that come after a gap."""
    apart = np.zeros(len(order.rows), dtype=bool)
    apart[1:] = np.diff(order.places) > 1
    return np.flatnonzero(apart & order.same_object)


def missing_boxes(
    boxes: pd.DataFrame,
    frames: pd.DataFrame | None,
    order: TrackOrder,
    sides: Floats,
    steps: Ints,
) -> tuple[Ints, Ints, Floats]:
    """Say for each missing box which of the gaps it is in, its frame, and where to expect it.

    The expected box, shape (4, n), lies on the straight way across the gap.
    """
    length = order.places[steps] - order.places[steps - 1] - 1
    which = np.repeat(np.arange(len(steps)), length)
    nth = np.arange(len(which)) - np.repeat(np.cumsum(length) - length, length) + 1
    after = steps[which]
    place = order.places[after - 1] + nth
    share = nth / (length[which] + 1)
    with np.errstate(invalid="ignore", over="ignore"):
        expected = sides[:, after - 1] + (sides[:, after] - sides[:, after - 1]) * share
    frame = looked_at_frames(boxes, frames, order.rows[after], place)
    return which, frame, expected


def across(order: TrackOrder, sides: Floats, rows: Ints) -> Floats:
    """Box to expect on the frames of these rows from the object's nearest boxes on other frames.

    The rows stand in track order, and so does the result, shape (4, n). NaN at a track's ends.
    """
    alone = np.flatnonzero(~order.repeated)
    after = np.searchsorted(alone, rows)
    before = np.maximum(after - 1, 0)
    after = np.minimum(after, len(alone) - 1)
    if not len(alone):
        return np.full((4, len(rows)), np.nan)
    start, end = alone[before], alone[after]
    here, objects = order.places[rows], order.objects
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        share = (here - order.places[start]) / (order.places[end] - order.places[start])
        expected = sides[:, start] + (sides[:, end] - sides[:, start]) * share
    between = (objects[start] == objects[rows]) & (objects[end] == objects[rows])
    between &= (start < rows) & (end > rows)
    return np.where(between, expected, np.nan)


def track_summary(boxes: pd.DataFrame, frames: pd.DataFrame | None = None) -> pd.DataFrame:
    """Describe each object's track in one row.

    Parameters
    ----------
    boxes : DataFrame
        A box table, in any order. Rows without a track are left out.
    frames : DataFrame, optional
        The frames looked at, as in :func:`annotaudit.metrics.rolling_iou`.

    Returns
    -------
    DataFrame
        By sequence, annotator and track: ``label`` (of its first box), ``boxes``, ``first_frame``,
        ``last_frame``, ``missing`` (frames looked at between them without a box), ``width`` and
        ``height`` (median, pixels), ``lowest_iou`` and ``largest_size_change`` over its steps (the
        latter without sign; NaN where it has none).

    Examples
    --------
    >>> boxes = pd.DataFrame({
    ...     "sequence": "street", "frame": [0, 1, 4], "track": "car:1", "label": "car",
    ...     "annotator": "ann", "left": 0, "top": 0, "width": [10, 5, 5], "height": 10})
    >>> track_summary(boxes)[["boxes", "missing", "lowest_iou"]].to_numpy().tolist()
    [[3.0, 2.0, 0.5]]
    """
    boxes = check_boxes(boxes)
    order = track_order(boxes, frames)
    sides = sides_in_order(boxes, order)
    missing = np.zeros(len(order.rows), dtype=np.int64)
    steps = gap_steps(order)
    missing[steps] = order.places[steps] - order.places[steps - 1] - 1
    ordered = boxes[[*OBJECT, "label", "frame", "width", "height"]].iloc[order.rows]
    ordered = ordered.assign(
        missing=missing, iou=iou_steps(order, sides), change=np.abs(size_steps(order, sides))
    )
    # A missing annotator is an annotator too: groupby would drop its objects otherwise.
    by_object = ordered.groupby(list(OBJECT), sort=True, dropna=False, observed=True)
    return by_object.agg(
        label=("label", "first"),
        boxes=("frame", "size"),
        first_frame=("frame", "min"),
        last_frame=("frame", "max"),
        missing=("missing", "sum"),
        width=("width", "median"),
        height=("height", "median"),
        lowest_iou=("iou", "min"),
        largest_size_change=("change", "max"),
    ).reset_index()
