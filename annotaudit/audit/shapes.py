"""Rules about a single box: is it a box at all, and is it on the image."""

from __future__ import annotations

import numpy as np
import pandas as pd

from annotaudit.audit.findings import findings_of, no_findings
from annotaudit.audit.limits import Limits
from annotaudit.audit.study import FARTHEST, Study, is_a_box, sides_of, study
from annotaudit.boxes import SIDES
from annotaudit.metrics.order import Floats, Ints


def find_impossible_box(
    boxes: pd.DataFrame | Study, limits: Limits | None = None, frames: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Find boxes without an area: a side that is missing, infinite or absurd, zero or negative.

    Parameters
    ----------
    boxes : DataFrame
        A box table.
    limits : Limits, optional
        Uses none.
    frames : DataFrame, optional
        The frames looked at, as in ``Labels.frames``.

    Returns
    -------
    DataFrame
        Findings; ``value`` is the smaller of width and height, NaN where either is unknown.

    Examples
    --------
    >>> car = pd.DataFrame({
    ...     "sequence": "street", "frame": range(3), "track": "car:1", "label": "car",
    ...     "annotator": "ann", "left": 100, "top": 50, "width": [40, 0, 40], "height": 20})
    >>> find_impossible_box(car)["reason"][0]
    'Not a box: its width is 0; draw it again or delete it.'
    """
    seen = boxes if isinstance(boxes, Study) else study(boxes, frames, limits)
    sides = sides_of(seen.boxes)
    wrong = np.flatnonzero(~is_a_box(sides))
    if not len(wrong):
        return no_findings()
    return findings_of(
        seen.boxes,
        wrong,
        rule="impossible_box",
        score=0.99,
        value=sides[2:, wrong].min(axis=0),
        limit=0,
        unit="px",
        reason=[_what_is_wrong(box) for box in sides[:, wrong].T],
        expected=_expected_by_row(seen, wrong),
    )


def _what_is_wrong(box: Floats) -> str:
    faults = [
        f"its {side} is missing" if np.isnan(value) else f"its {side} is {value:g}"
        for side, value in zip(SIDES, box, strict=True)
        if not abs(value) <= FARTHEST or (side in ("width", "height") and value <= 0)
    ]
    return f"Not a box: {' and '.join(faults)}; draw it again or delete it."


def find_off_image(
    boxes: pd.DataFrame | Study, limits: Limits | None = None, frames: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Find boxes that lie outside the image, wholly or for the most part.

    Without the size of the image, only boxes left of it or above it are known to be outside.

    Parameters
    ----------
    boxes : DataFrame
        A box table.
    limits : Limits, optional
        Uses ``max_outside``.
    frames : DataFrame, optional
        The frames looked at and their image sizes, as in ``Labels.frames``.

    Returns
    -------
    DataFrame
        Findings; ``value`` is the share of the box that is outside.

    Examples
    --------
    >>> car = pd.DataFrame({
    ...     "sequence": "street", "frame": [0, 1], "track": "car:1", "label": "car",
    ...     "annotator": "ann", "left": [0, -90], "top": 50, "width": 40, "height": 20})
    >>> find_off_image(car)["frame"].tolist()
    [1]
    """
    seen = boxes if isinstance(boxes, Study) else study(boxes, frames, limits)
    limit = seen.limits.max_outside
    sides = sides_of(seen.boxes)
    left, top, width, height = sides
    wide, high = np.nan_to_num(seen.image_sizes, nan=np.inf)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        across = np.minimum(left + width, wide) - np.maximum(left, 0.0)
        down = np.minimum(top + height, high) - np.maximum(top, 0.0)
        inside = np.maximum(across, 0.0) * np.maximum(down, 0.0) / (width * height)
        outside = np.where((width > 0) & (height > 0), 1 - inside, np.nan)
        wrong = np.flatnonzero((outside > limit) | (outside == 1))
    if not len(wrong):
        return no_findings()
    value = outside[wrong]
    return findings_of(
        seen.boxes,
        wrong,
        rule="off_image",
        score=np.where(value == 1, 0.95, 0.3),
        value=value,
        limit=limit,
        unit="share of the box",
        reason=[
            "Lies outside the image; delete it or move it back."
            if share == 1
            else f"{share:.0%} of it lies outside the image; end the track or cut the box off."
            for share in value
        ],
        expected=_expected_by_row(seen, wrong),
    )


def _expected_by_row(seen: Study, rows: Ints) -> Floats:
    """Expected boxes of rows of the table, told by their own tracks; NaN for rows without one."""
    own = seen.of_objects(rows)
    return np.stack([own.order.back_to_table(side)[rows] for side in own.expected])
