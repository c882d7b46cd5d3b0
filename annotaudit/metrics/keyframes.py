"""Straight stretches between keyframes: how far the object may have left each of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from annotaudit.metrics.paths import Bools, Floats, Ints, Paths
from annotaudit.metrics.straightness import coarseness, runs_of

SHORTEST = 3  # steps; a shorter stretch hides nothing
APART = 4  # boxes; closer ones of one stretch tell the same
BLOCK = 256  # boxes of one object searched one after the other; blocks are searched side by side
LEAST = 8  # boxes on either side that tell how fast an object usually moves
# What an object in the middle of a stretch may be away, as shares of what all move in common, of
# its way (over the root of the seconds it takes) and of its growth; least squares on the tracks of
# data/simulated_tracks.py.
COMMON, WAY, GROWTH = 2.0, 0.07, 0.5
USUAL_PACE = 1 / 25  # seconds a frame, where nothing is known
FINEST = 1 / 512  # pixels; speeds are summed in whole multiples of this


@dataclass(frozen=True)
class Between:
    """Boxes inside straight stretches of at least three steps, and how far they may be off.

    Attributes
    ----------
    spots : int array, shape (m,)
        Their positions in the paths, ascending.
    stretch : int array, shape (m,)
        Position of the keyframe at which the stretch of each begins.
    leaves : float array, shape (m,)
        How far the edges of the object may be away from those of the box, as shares of its width
        and height, and of all four together half; about the overlap (IoU) that is lost.
    curve : float array, shape (4, m)
        Where the edges would be on a smooth curve through the keyframes, less where they are.
    worth_a_look : bool array, shape (m,)
        Of each stretch the box that may be off the most, and every fourth on either side of it.
    """

    spots: Ints
    stretch: Ints
    leaves: Floats
    curve: Floats
    worth_a_look: Bools


@dataclass(frozen=True)
class _Stretches:
    """Stretches from one keyframe of an object to its next, in the order of the paths."""

    first: Ints
    last: Ints
    steps: Floats
    slope: Floats  # pixels a frame, shape (4, k)
    joined: Bools  # whether the next stretch continues the same object, shape (k - 1,)


def between_keyframes(
    paths: Paths, seconds: Floats | None = None, drawn: Bools | None = None
) -> Between:
    """Measure every box inside a straight stretch against the stretches around it.

    An object that is drawn on few frames only moves along straight lines between them. How far it
    may have been away four things tell, put together edge by edge as the root of their squares'
    sum: how far a smooth curve through the same keyframes (cubic Hermite, its slopes between
    those of the stretches that meet) leaves the line; how far the other objects of the frame
    leave theirs in common, as they do when the camera moves; and a share of the object's way and
    of its growth over the stretch, which it seldom covers evenly: of the way the less, the longer
    it takes, for whoever lets a long stretch stand has seen it to be straight.

    Parameters
    ----------
    paths : Paths
    seconds : float array, shape (n,), optional
        From frame to frame, as of :func:`seconds_a_frame`; a twenty-fifth by default.
    drawn : bool array, shape (n,), optional
        Which boxes are keyframes, where the labels tell. The keyframes of objects of which every
        box is said to be drawn, and of all by default, are found by :func:`keyframes`.

    Returns
    -------
    Between
    """
    busy = _drawn_on_few_frames(paths)
    told = np.zeros(len(paths), dtype=bool) if drawn is None else _objects_with(~drawn, paths)
    busy |= told
    if not busy.any():
        none = np.zeros(0, dtype=np.int64)
        return Between(none, none, np.zeros(0), np.zeros((4, 0)), none > 0)
    key = keyframes(paths, busy & ~told)
    if drawn is not None:
        key[told] |= drawn[told]
    found = _stretches(paths, key, busy)
    at = np.flatnonzero(busy & ~key)
    own = np.searchsorted(found.last, at)
    long = found.steps[own] >= SHORTEST
    at, own = at[long], own[long]
    head, tail = found.first[own], found.last[own]
    steps = found.steps[own]
    share = (paths.time[at] - paths.time[head]) / steps
    free = ~paths.clipped.take(at, axis=1)

    arriving, leaving = _slopes_where_stretches_meet(paths, found)
    early, late = share**3 - 2 * share**2 + share, share**3 - share**2
    curve = early * arriving.take(own, axis=1) + late * leaving.take(own, axis=1)
    curve = steps * curve * free
    common = _common_path(paths, found, busy)
    here, start, end = (common.take(there, axis=1) for there in (at, head, tail))
    swing = here - start - share * (end - start)
    way = paths.edges.take(tail, axis=1) - paths.edges.take(head, axis=1)
    way *= 4 * share * (1 - share)
    growth = (way[[2, 3]] - way[[0, 1]]) / 2
    lasts = steps * (USUAL_PACE if seconds is None else seconds[at])
    squares = (COMMON * swing) ** 2 + (GROWTH * growth) ** 2
    far = np.sqrt(curve**2 + squares[[0, 1, 0, 1]] + (WAY * way) ** 2 / lasts)
    left, top, right, bottom = paths.edges.take(at, axis=1)
    sides = np.stack([right - left, bottom - top])
    leaves = (far / sides[[0, 1, 0, 1]]).sum(axis=0) / 2
    return Between(at, head, leaves, curve, _spaced(head, leaves))


def seconds_a_frame(boxes: pd.DataFrame, frames: pd.DataFrame | None, paths: Paths) -> Floats:
    """Seconds from frame to frame in the sequence of each box; 1/25 where unknown."""
    first = np.flatnonzero(np.append(True, paths.scene[1:] != paths.scene[:-1])[: len(paths)])
    pace = np.full(len(first), USUAL_PACE)
    if frames is not None and "time" in frames and len(first):
        timed = frames[["sequence", "frame", "time"]].dropna().sort_values(["sequence", "frame"])
        sequence = timed["sequence"]
        step = timed["time"].astype(float).groupby(sequence).diff()
        usual = step.groupby(sequence).median()
        own = usual.reindex(boxes["sequence"].iloc[paths.row[first]]).to_numpy()
        pace = np.where(own > 0, own, USUAL_PACE)
    return np.repeat(pace, np.diff(np.append(first, len(paths))))


def _spaced(stretch: Ints, leaves: Floats) -> Bools:
    """Of each stretch the box with the largest value, and every fourth on either side of it."""
    at = np.arange(len(stretch))
    begin = np.flatnonzero(np.append(True, stretch[1:] != stretch[:-1])[: len(stretch)])
    if not len(begin):
        return at > 0
    sizes = np.diff(np.append(begin, len(stretch)))
    most = np.repeat(np.maximum.reduceat(leaves, begin), sizes)
    peak = np.minimum.reduceat(np.where(leaves == most, at, len(at)), begin)
    return np.asarray((at - np.repeat(peak, sizes)) % APART == 0)


def keyframes(paths: Paths, of: Bools | None = None) -> Bools:
    """Find the boxes that were drawn, where those between were put on straight lines.

    From each keyframe the search goes on as long as one straight line through it passes within
    the coarseness of the coordinates of every box, edge by edge; the last box that lies on
    such a line is the next keyframe (the cone of Sklansky & Gonzalez, Pattern Recognition 1980,
    doi:10.1016/0031-3203(80)90031-X).

    Parameters
    ----------
    paths : Paths
    of : bool array, shape (n,), optional
        Boxes of the objects to look at; all by default.

    Returns
    -------
    bool array, shape (n,)
        First and last boxes of objects are keyframes.

    Examples
    --------
    >>> frame = np.arange(9)
    >>> boxes = pd.DataFrame({
    ...     "sequence": "street", "frame": frame, "track": "a", "label": "car", "annotator": "ann",
    ...     "left": np.rint(np.interp(frame, [0, 4, 8], [0, 2, 9])), "top": 9.0, "width": 4.0,
    ...     "height": 4.0})
    >>> from annotaudit.metrics.paths import paths_of
    >>> np.flatnonzero(keyframes(paths_of(boxes)))
    array([0, 4, 8])
    """
    left, top, right, bottom = paths.edges
    sides = np.stack([left, top, right, bottom, right - left, bottom - top])
    bound = coarseness(paths)
    key = (paths.before == 0) | (paths.after == 0)
    begins = (paths.before % BLOCK == 0) & (paths.after > 0)
    start = np.flatnonzero(begins if of is None else begins & of)
    key[start] = True
    stop = start + np.minimum(BLOCK, paths.after[start])
    last, here, there = start.copy(), start + 1, sides.take(start, axis=1)
    low, high = (np.full(there.shape, value) for value in (-np.inf, np.inf))
    while len(start):
        duration = (paths.time.take(here) - paths.time.take(start)).astype(np.float64)
        slope = (sides.take(here, axis=1) - there) / duration
        last = np.where(_all_edges((low <= slope) & (slope <= high)), here, last)
        slack = bound.take(start) / duration
        np.maximum(low, slope - slack, out=low)
        np.minimum(high, slope + slack, out=high)
        over = np.flatnonzero(~_all_edges(low <= high) | (here >= stop))
        here += 1
        fresh = last[over]
        key[fresh] = True
        start[over], here[over], there[:, over] = fresh, fresh + 1, sides.take(fresh, axis=1)
        low[:, over], high[:, over] = -np.inf, np.inf
        on = np.flatnonzero(start < stop)
        if len(on) < len(start):
            start, stop, last, here = (x.take(on) for x in (start, stop, last, here))
            there, low, high = (x.take(on, axis=1) for x in (there, low, high))
    return _without_idle(paths, key, bound)


def _all_edges(right: Bools) -> Bools:
    """Whether it holds of left and top, and of either the other edges or the sides."""
    left, top, right_edge, bottom, width, height = right
    return np.asarray(left & top & (right_edge & bottom | width & height))


def _without_idle(paths: Paths, key: Bools, bound: Floats) -> Bools:
    """Drop keyframes that lie on the line between their neighbours."""
    at = np.flatnonzero(key)
    if len(at) < 3:
        return key
    early, here, late = at[:-2], at[1:-1], at[2:]
    inside = paths.thing[early] == paths.thing[late]
    early, here, late = early[inside], here[inside], late[inside]
    share = (paths.time[here] - paths.time[early]) / (paths.time[late] - paths.time[early])
    start, middle, end = (paths.edges.take(place, axis=1) for place in (early, here, late))
    off = middle - start - share * (end - start)
    kept = key.copy()
    kept[here[np.abs(off).max(axis=0) <= bound[here]]] = False
    return kept


def _drawn_on_few_frames(paths: Paths) -> Bools:
    """Tell the boxes of objects that have a straight stretch at all."""
    bound = 2 * coarseness(paths)[2:]  # three rounded boxes
    left, top, right, bottom = paths.edges

    def alike(*values: Floats) -> Bools:
        straight = np.ones(len(paths), dtype=bool)
        for value in values:
            straight[2:] &= np.abs(np.diff(value, n=2)) <= bound
        return straight

    steady = alike(left, top)
    steady &= alike(right, bottom) | alike(right - left, bottom - top)
    _, length = runs_of(np.asarray(steady & (paths.before >= 2)))
    return _objects_with(length >= SHORTEST - 1, paths)


def _objects_with(flag: Bools, paths: Paths) -> Bools:
    """Tell the boxes of objects that have a flagged box."""
    named = np.zeros(int(paths.thing.max(initial=0)) + 1, dtype=bool)
    named[paths.thing[flag]] = True
    return np.asarray(named[paths.thing])


def _stretches(paths: Paths, key: Bools, busy: Bools) -> _Stretches:
    last = np.flatnonzero(busy & key & (paths.before > 0))
    start = np.maximum.accumulate(np.where(key, np.arange(len(paths)), -1))
    first = start[last - 1]
    steps = np.maximum(paths.time[last] - paths.time[first], 1).astype(np.float64)
    slope = (paths.edges.take(last, axis=1) - paths.edges.take(first, axis=1)) / steps
    thing = paths.thing[last]
    return _Stretches(first, last, steps, slope, thing[1:] == thing[:-1])


def _slopes_where_stretches_meet(paths: Paths, found: _Stretches) -> tuple[Floats, Floats]:
    """Slope of a parabola through three keyframes at either end, less that of the stretch."""
    steps = found.steps
    turn = np.diff(found.slope, axis=1) * found.joined * ~paths.clipped[:, found.last[:-1]]
    both = steps[1:] + steps[:-1]
    arriving, leaving = np.zeros_like(found.slope), np.zeros_like(found.slope)
    arriving[:, 1:] = -turn * steps[1:] / both
    leaving[:, :-1] = turn * steps[:-1] / both
    return arriving, leaving


def _common_path(paths: Paths, found: _Stretches, busy: Bools) -> Floats:
    """Path that the other objects of each frame have in common, beside their usual motion.

    Pixels in x and y, shape (2, n). The mean of the others' speeds less what each of them usually
    has around this time, shrunk towards 0 where they disagree, summed along the track.
    """
    path = np.zeros((2, len(paths)))
    at = np.flatnonzero(busy & (paths.before > 0))
    own = np.searchsorted(found.last, at)
    reach = np.maximum(2 * _usual_length(found)[own], LEAST).astype(np.int64)
    low, high = at - np.minimum(reach, paths.before[at]), at + np.minimum(reach, paths.after[at])
    duration = paths.time[high] - paths.time[low]
    inside = paths.moment[at]
    others = np.bincount(inside)[inside] - 1
    for axis in (0, 1):
        centre = (paths.edges[axis] + paths.edges[axis + 2]) / 2
        speed = (found.slope[axis] + found.slope[axis + 2]).take(own) / 2
        unusual = speed - (centre.take(high) - centre.take(low)) / duration
        total, square = (np.bincount(inside, v).take(inside) - v for v in (unusual, unusual**2))
        count = np.maximum(others, 1)
        mean = total / count
        error = np.maximum(square / count - mean**2, 0) / count
        trust = np.maximum(0, 1 - error / np.maximum(mean**2, 1e-12)) * (others >= 2)
        path[axis, at] = np.rint(mean * trust / FINEST)
        # Whole numbers add up exactly: what stands elsewhere in the table cannot change them.
        total = np.cumsum(path[axis])
        path[axis] = (total - total.take(np.arange(len(paths)) - paths.before)) * FINEST
    return path


def _usual_length(found: _Stretches) -> Floats:
    """Mean length of an object's stretches, as a box inside one meets them; frames."""
    number = np.append(0, np.cumsum(~found.joined))[: len(found.steps)]
    total = np.bincount(number, found.steps**2) / np.bincount(number, found.steps)
    return np.asarray(total[number])
