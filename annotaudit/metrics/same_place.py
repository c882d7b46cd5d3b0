"""Which boxes of one frame cover the same place: found by a sweep, not pair by pair."""

from __future__ import annotations

import numpy as np

from annotaudit.geometry import iou
from annotaudit.metrics.order import Floats, Ints

SAME = 0.98  # overlap from which a box needs no better partner
MOST = 256  # boxes to the right that a box is compared with, so that no input takes forever


def overlapping_pairs(
    sides: Floats, groups: Ints, min_iou: float, tie: Ints | None = None
) -> tuple[Ints, Ints, Floats]:
    """Find pairs of boxes of one group that share at least ``min_iou``.

    Boxes are swept from left to right. A pair that shares the part p of its union begins no
    farther apart than 1 - p of the left one's width, so each box meets only its near neighbours
    and the time grows with the number of boxes, not with its square.

    Parameters
    ----------
    sides : float array, shape (4, n)
        Left, top, width and height. Boxes without an area are in no pair.
    groups : int array, shape (n,)
        Only boxes with the same number are compared.
    min_iou : float
        Above 0, up to 1.
    tie : int array, shape (n,), optional
        Order of boxes that are otherwise equal.

    Returns
    -------
    first, second : int arrays
        Positions of the two boxes; the first begins no farther right.
    share : float array
        Their overlap. Of several boxes in the same place, each is paired with the next one.

    Examples
    --------
    >>> sides = np.array([[0, 0, 10, 10], [50, 0, 10, 10], [1, 0, 10, 10]], dtype=float).T
    >>> first, second, share = overlapping_pairs(sides, np.zeros(3, dtype=int), 0.5)
    >>> first.tolist(), second.tolist(), share.round(2).tolist()
    ([0], [2], [0.82])
    """
    drawn = np.flatnonzero(np.isfinite(sides).all(axis=0) & (sides[2] > 0) & (sides[3] > 0))
    ties = drawn if tie is None else tie[drawn]
    left, top, width, height = sides[:, drawn]
    order = np.lexsort((ties, height, width, top, left, groups[drawn]))
    rows = drawn[order]
    group, (left, top, width, height) = groups[rows], sides[:, rows]
    found: list[tuple[Ints, Ints, Floats]] = []
    active = np.arange(len(rows))
    for offset in range(1, MOST + 1):
        active = active[active + offset < len(rows)]
        right = active + offset
        with np.errstate(over="ignore"):  # boxes at opposite ends of the number range lie apart
            near = (group[right] == group[active]) & (
                left[right] - left[active] <= (1 - min_iou) * width[active]
            )
        active, right = active[near], right[near]
        if not len(active):
            break
        with np.errstate(over="ignore"):
            alike = np.abs(top[right] - top[active]) <= (1 - min_iou) * np.maximum(
                height[active], height[right]
            )
        a, b = active[alike], right[alike]
        share = iou(sides[:, rows[a]].T, sides[:, rows[b]].T)
        enough = share >= min_iou
        found.append((rows[a[enough]], rows[b[enough]], share[enough]))
        settled = np.zeros(len(rows), dtype=bool)
        settled[a[share >= SAME]] = True
        active = active[~settled[active]]
    if not found:
        return np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros(0)
    first, second, shares = (np.concatenate(part) for part in zip(*found, strict=True))
    return first, second, shares
