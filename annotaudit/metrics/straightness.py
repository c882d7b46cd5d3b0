"""Boxes that lie too straight: interpolated stretches, the kinks between them, frozen boxes."""

from __future__ import annotations

import numpy as np

from annotaudit.metrics.paths import Bools, Floats, Ints, Paths

STEADY = 1e-6  # pixels; a box that moves less has not moved


def spread_at(at: Ints, edges: Floats, before: Ints, after: Ints, half: int) -> Floats:
    """How far the boxes around each of a few boxes lie from a straight line fitted to them.

    These are the ``2 * half + 1`` boxes with the given one in their middle; near the end of a
    track the window is moved inwards until it fits.

    Parameters
    ----------
    at : int array, shape (m,)
        Which boxes.
    edges : float array, shape (4, n)
    before, after : int arrays, shape (n,)
    half : int
        Boxes on either side of the middle one.

    Returns
    -------
    float array, shape (m,)
        Root mean square distance from the line over the four edges, pixels; NaN where the
        track is shorter than the window.

    Examples
    --------
    >>> edges, at = np.tile([0.0, 2.0, 4.0, 9.0], (4, 1)), np.arange(4)
    >>> spread_at(at, edges, at, at[::-1], 1).round(2).tolist()
    [0.0, 0.0, 0.71, 0.71]
    """
    length = 2 * half + 1
    fits = before[at] + after[at] + 1 >= length
    middle = at + np.maximum(half - before[at], 0) - np.maximum(half - after[at], 0)
    offsets = np.arange(-half, half + 1)
    across = float((offsets**2).sum())
    origin = edges.take(middle, axis=1, mode="clip")
    total, moment, square = (np.zeros_like(origin) for _ in range(3))
    y, part = np.empty_like(origin), np.empty_like(origin)
    for offset in offsets[offsets != 0]:
        edges.take(middle + offset, axis=1, out=y, mode="clip")
        y -= origin
        total += y
        moment += np.multiply(y, offset, out=part)
        square += np.multiply(y, y, out=part)
    left_over = square
    for fitted, weight in ((total, length), (moment, across)):
        fitted *= fitted
        fitted /= weight
        left_over -= fitted
    spread: Floats = np.sqrt(np.maximum(left_over, 0.0, out=left_over).sum(axis=0) / (4 * length))
    spread[~fits] = np.nan
    return spread


def kink_at(
    at: Ints, edges: Floats, usable: Bools, before: Ints, after: Ints, reach: int
) -> Floats:
    """Return how sharply the path turns at a few boxes: the change of mean speed, pixels a box.

    The mean speed over up to ``reach`` boxes before against that over as many after.

    Returns
    -------
    float array, shape (4, m)
        0 at the first and last box of a track, and where an edge is not usable.

    Examples
    --------
    >>> edges, at = np.tile([0.0, 0.0, 0.0, 3.0, 6.0], (4, 1)), np.arange(5)
    >>> kink_at(np.array([2]), edges, np.ones((4, 5), bool), at, at[::-1], 2)[0].tolist()
    [3.0]
    """
    back, ahead = np.minimum(before[at], reach), np.minimum(after[at], reach)
    inner = (back > 0) & (ahead > 0)
    first, last = at - back, at + ahead
    start, here, end = (edges.take(place, axis=1) for place in (first, at, last))
    arriving, leaving = (here - start) / np.maximum(back, 1), (end - here) / np.maximum(ahead, 1)
    turn: Floats = np.abs(leaving - arriving) * inner
    turn *= usable.take(at, axis=1) & usable.take(first, axis=1) & usable.take(last, axis=1)
    return turn


def runs_of(flag: Bools) -> tuple[Ints, Ints]:
    """Start and length of the run of flagged steps that each box belongs to.

    ``flag[i]`` speaks of the step into box i; a run of k steps covers k + 1 boxes. A box where
    one run ends and another starts belongs to the one that ends there.

    Returns
    -------
    start, length : int arrays, shape (n,)
        Index of the run's first box, and its number of steps (0: no run).

    Examples
    --------
    >>> start, length = runs_of(np.array([False, True, True, False]))
    >>> start.tolist(), length.tolist()
    ([0, 0, 0, 3], [2, 2, 2, 0])
    """
    n = len(flag)
    at = np.arange(n)
    start = np.maximum.accumulate(np.where(flag, 0, at))
    last = np.append(~flag[1:], True) if n else flag
    end = np.minimum.accumulate(np.where(last, at, n)[::-1])[::-1]
    return start, end - start


def alike_and_still(paths: Paths, tolerance: Floats) -> tuple[Bools, Bools]:
    """Tell which steps repeat the step before them, and which do not move the box at all.

    Returns
    -------
    alike, still : bool arrays, shape (n,)
        Of the step into each box, judged by left, top, width and height.
    """
    n = len(paths)
    alike, still = np.ones(n, dtype=bool), np.ones(n, dtype=bool)
    left, top, right, bottom = paths.edges
    for side in (left, top, right - left, bottom - top):
        step = np.diff(side)
        still[1:] &= np.abs(step) < STEADY
        alike[2:] &= np.abs(np.diff(step)) <= tolerance[2:]
    return alike & (paths.before >= 2), still & (paths.before >= 1)


def coarseness(paths: Paths) -> Floats:
    """Return by how many pixels rounding can bend a straight line, scene by scene.

    1.01 where nearly all coordinates are whole pixels, else 0.03.
    """
    if not len(paths):
        return np.zeros(0)
    whole = (paths.edges[0] == np.rint(paths.edges[0])) & (
        paths.edges[1] == np.rint(paths.edges[1])
    )
    first = np.flatnonzero(np.append(True, paths.scene[1:] != paths.scene[:-1]))
    sizes = np.diff(np.append(first, len(paths)))
    share = np.add.reduceat(whole.astype(np.int64), first) / sizes
    return np.repeat(np.where(share > 0.9, 1.01, 0.03), sizes)
