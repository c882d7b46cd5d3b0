"""The box the rest of a track suggests for each of its frames, and how far the drawn box is off.

Each box is left out in turn and read off straight chords between boxes before and after it; the
median of the chords is its expected box. A mistake in one or two of the neighbours does not move
the median far, so a single bad box stands out itself instead of making its neighbours look bad.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from annotaudit.boxes import SIDES, check_boxes
from annotaudit.metrics.order import (
    BLOCK,
    Bools,
    Floats,
    Ints,
    TrackOrder,
    sides_in_order,
    track_order,
)

REACH = 3  # boxes to each side that chords start and end at: nine chords
LONGEST = 8  # frames a chord end may lie from the box; farther away the motion says little


def expected_boxes(boxes: pd.DataFrame, frames: pd.DataFrame | None = None) -> pd.DataFrame:
    """Box that an object's neighbouring boxes suggest for each of its frames.

    Parameters
    ----------
    boxes : DataFrame
        A box table, in any order.
    frames : DataFrame, optional
        The frames looked at, as in :func:`annotaudit.metrics.rolling_iou`.

    Returns
    -------
    DataFrame with left, top, width, height, aligned to ``boxes.index``
        Pixels. The median over the straight chords from up to three boxes before to up to three
        boxes after, at most eight frames away; the box itself is left out. NaN at an object's
        first and last box, where it has two boxes on one frame, and where nothing is near.

    Examples
    --------
    >>> boxes = pd.DataFrame({
    ...     "sequence": "street", "frame": range(5), "track": "car:1", "label": "car",
    ...     "annotator": "ann", "left": [0, 10, 99, 30, 40], "top": 0, "width": 20, "height": 10})
    >>> expected_boxes(boxes)["left"].tolist()
    [nan, 10.0, 20.0, 30.0, nan]
    """
    boxes = check_boxes(boxes)
    order = track_order(boxes, frames)
    expected = expected_in_order(order, sides_in_order(boxes, order))
    columns = {
        side: order.back_to_table(values) for side, values in zip(SIDES, expected, strict=True)
    }
    return pd.DataFrame(columns, index=boxes.index)


def expected_in_order(order: TrackOrder, sides: Floats, skip: Bools | None = None) -> Floats:
    """Compute what to expect of each row, in track order; sides or edges, shape (4, n).

    Rows to skip vouch for no other row and are expected nowhere themselves. A value that is NaN
    vouches for nothing.
    """
    # A frame with two boxes of one object vouches for neither: the others pass it by.
    alone = np.flatnonzero(~(order.repeated if skip is None else order.repeated | skip))
    objects, places = order.objects[alone], order.places[alone]
    drawn = sides[:, alone]
    expected = np.full_like(sides, np.nan)
    step = BLOCK // REACH**2  # each box has so many chords
    for first in range(0, len(alone), step):
        stop = min(first + step, len(alone))
        lower, upper = max(first - REACH, 0), min(stop + REACH, len(alone))
        part = _median_of_chords(objects[lower:upper], places[lower:upper], drawn[:, lower:upper])
        expected[:, alone[first:stop]] = part[:, first - lower : stop - lower]
    return expected


def _median_of_chords(objects: Ints, places: Ints, drawn: Floats) -> Floats:
    count = len(objects)
    chords = np.full((REACH * REACH, 4, count), np.nan)
    number = 0
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        for back in range(1, REACH + 1):
            for ahead in range(1, REACH + 1):
                start, here, end = (
                    slice(0, max(count - back - ahead, 0)),
                    slice(back, max(count - ahead, back)),
                    slice(back + ahead, None),
                )
                since = (places[here] - places[start]).astype(np.float64)
                until = (places[end] - places[here]).astype(np.float64)
                near = (objects[start] == objects[end]) & (since <= LONGEST) & (until <= LONGEST)
                share = np.where(near, since / (since + until), np.nan)
                chord = np.subtract(drawn[:, end], drawn[:, start], out=chords[number][:, here])
                chord *= share
                chord += drawn[:, start]
                number += 1
        return median_of_known(chords)


def median_of_known(values: Floats) -> Floats:
    """Median over the first axis of what is known; NaN where nothing is."""
    ordered = np.sort(values, axis=0)  # NaN goes last
    known = np.count_nonzero(~np.isnan(values), axis=0)[None]
    lower = np.take_along_axis(ordered, np.maximum(known - 1, 0) // 2, axis=0)
    upper = np.take_along_axis(ordered, known // 2, axis=0)
    middle: Floats = np.where(known > 0, (lower + upper) / 2, np.nan)[0]
    return middle
