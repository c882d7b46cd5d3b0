"""Which boxes of a frame lie on each other: doubles and occlusion, by a sweep along x."""

from __future__ import annotations

import numpy as np

from annotaudit.metrics.paths import Floats, Ints, Paths

Pairs = tuple[Ints, Ints, Floats]


def overlapping_pairs(paths: Paths, least: float = 0.0) -> Pairs:
    """All pairs of boxes of one frame that overlap by more than ``least``.

    Boxes are swept from left to right, so that the work grows with the number of boxes that
    overlap in x, not with the square of the boxes in a frame.

    Parameters
    ----------
    paths : Paths
    least : float
        Share of overlap (IoU) to exceed.

    Returns
    -------
    first, second : int arrays, shape (m,)
        Positions in ``paths``; each pair once.
    share : float array, shape (m,)
        Intersection over union.
    """
    n = len(paths)
    left, top, right, bottom = paths.edges
    order = np.lexsort((left, paths.moment))
    order = order.astype(np.int32 if n < 2**31 else np.int64)  # crowds have several pairs a box
    moment, start, end = paths.moment[order], left[order], right[order]
    high, low = top[order], bottom[order]
    space = (end - start) * (low - high)
    # A wider box further left may reach over its neighbours: its own right edge decides.
    active = np.arange(n, dtype=order.dtype)
    found: list[Pairs] = []
    k = 0
    while len(active):
        k += 1
        active = active[active + k < n]
        other = active + k
        reach = (moment[other] == moment[active]) & (start[other] < end[active])
        active, other = active[reach], other[reach]
        touch = (high[other] < low[active]) & (high[active] < low[other])
        a, b = active[touch], other[touch]
        if len(a):
            wide = np.minimum(end[a], end[b]) - start[b]
            tall = np.minimum(low[a], low[b]) - np.maximum(high[a], high[b])
            shared = wide * tall
            share = shared / (space[a] + space[b] - shared)
            kept = share > least
            found.append((order[a[kept]], order[b[kept]], share[kept]))
    if not found:
        none = np.zeros(0, dtype=np.int64)
        return none, none, np.zeros(0)
    first, second, shares = (np.concatenate(part) for part in zip(*found, strict=True))
    return first, second, shares


def covered(paths: Paths, pairs: Pairs) -> Floats:
    """Return the largest share of each box that a single nearer box covers.

    Nearer is the one whose lower edge lies lower in the image.
    """
    first, second, _ = pairs
    result = np.zeros(len(paths))
    left, top, right, bottom = paths.edges
    a, b = first, second
    wide = np.minimum(right[a], right[b]) - np.maximum(left[a], left[b])
    high = np.minimum(bottom[a], bottom[b]) - np.maximum(top[a], top[b])
    behind = np.where(bottom[a] < bottom[b], a, b)
    share = wide * high / ((right - left) * (bottom - top))[behind]
    np.maximum.at(result, behind, share)
    return result


def doubles(paths: Paths, pairs: Pairs, *, least: float = 0.6, shortest: int = 2) -> Floats:
    """Return the mean overlap with another object that lies on this one for several frames.

    Parameters
    ----------
    paths : Paths
    pairs : from :func:`overlapping_pairs`
    least : float
        Mean IoU over the frames both objects share.
    shortest : int
        Least number of shared frames.

    Returns
    -------
    float array, shape (n,)
        Mean IoU at the frames of the shorter object of each such pair, else 0.
    """
    first, second, share = pairs
    result = np.zeros(len(paths))
    close = share > 0.4
    first, second, share = first[close], second[close], share[close]
    if not len(first):
        return result
    a = np.minimum(paths.thing[first], paths.thing[second])
    b = np.maximum(paths.thing[first], paths.thing[second])
    order = np.lexsort((paths.moment[first], b, a))
    first, second, share, a, b = first[order], second[order], share[order], a[order], b[order]
    fresh = np.append(True, (a[1:] != a[:-1]) | (b[1:] != b[:-1]))
    pair = np.cumsum(fresh) - 1
    starts = np.flatnonzero(fresh)
    met = np.diff(np.append(starts, len(pair)))
    mean = np.bincount(pair, share) / met
    length = paths.before + paths.after + 1
    shorter = np.where(length[first] <= length[second], first, second)
    shared = np.minimum(length[first], length[second])[starts]
    # Passing objects overlap for a moment only: count against the life both have in common.
    lasting = met / np.minimum(shared, met + _apart(paths, first, second, starts, met))
    value = np.where((met >= shortest) & (mean > least), mean * np.minimum(lasting, 1.0), 0.0)
    np.maximum.at(result, shorter, value[pair])
    return result


def _apart(paths: Paths, first: Ints, second: Ints, starts: Ints, met: Ints) -> Ints:
    """Return how many frames two objects share beyond those in which they overlap."""
    a, b = first[starts], second[starts]
    begin = np.maximum(paths.time[a - paths.before[a]], paths.time[b - paths.before[b]])
    end = np.minimum(paths.time[a + paths.after[a]], paths.time[b + paths.after[b]])
    return np.asarray(np.maximum(end - begin + 1 - met, 0))
