"""Which boxes of a frame lie on each other: doubles and occlusion, by a sweep along x."""

from __future__ import annotations

import numpy as np

from annotaudit.metrics.order import narrow
from annotaudit.metrics.paths import Floats, Ints, Paths

Pairs = tuple[Ints, Ints, Floats]
CHUNK = 8_192  # boxes; their edges fit into a processor's cache
FEW = 1 / 8  # of the boxes; from there on it pays to pick those that still reach further


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
    order = np.lexsort((paths.edges[0], narrow(paths.moment)))
    order = order.astype(np.int32 if n < 2**31 else np.int64)  # crowds have several pairs a box
    moment = paths.moment[order]
    frames = np.append(np.flatnonzero(np.diff(moment, prepend=-1)), n)
    found: list[Pairs] = []
    start = 0
    while start < n:
        end = int(frames[np.searchsorted(frames, min(start + CHUNK, n))])
        rows = order[start:end]
        first, second, share = _swept(moment[start:end], paths.edges.take(rows, axis=1))
        kept = share > least
        found.append((rows[first[kept]], rows[second[kept]], share[kept]))
        start = end
    if not found:
        none = np.zeros(0, dtype=np.int64)
        return none, none, np.zeros(0)
    first, second, shares = (np.concatenate(part) for part in zip(*found, strict=True))
    return first, second, shares


def _swept(moment: Ints, edges: Floats) -> Pairs:
    """All pairs that overlap among boxes sorted by frame and left edge, and their IoU."""
    left, top, right, bottom = edges
    n = len(left)
    pairs: list[tuple[Ints, Ints]] = []
    k, reaching = 0, n
    while reaching > FEW * n:
        k += 1
        near = (left[k:] < right[:-k]) & (moment[k:] == moment[:-k])
        a = np.flatnonzero(near & (top[k:] < bottom[:-k]) & (top[:-k] < bottom[k:]))
        pairs.append((a, a + k))
        reaching = int(np.count_nonzero(near))
    # A wide box may reach over many neighbours: only those that still reach further are followed.
    active = np.flatnonzero(near)
    while len(active):
        k += 1
        active = active[active + k < n]
        other = active + k
        near = (left[other] < right[active]) & (moment[other] == moment[active])
        active, other = active[near], other[near]
        touch = (top[other] < bottom[active]) & (top[active] < bottom[other])
        pairs.append((active[touch], other[touch]))
    a, b = (np.concatenate(part) for part in zip(*pairs, strict=True))
    space = (right - left) * (bottom - top)
    wide = np.minimum(right[a], right[b]) - left[b]
    tall = np.minimum(bottom[a], bottom[b]) - np.maximum(top[a], top[b])
    shared = wide * tall
    return a, b, shared / (space[a] + space[b] - shared)


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
