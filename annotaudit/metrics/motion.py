"""How far each box lies from where the rest of its track puts it, edge by edge.

Everything here is a *chord residual*: where an edge is, minus where the straight line between two
other boxes of the object puts it at that time. The box under test takes no part in its own
prediction, gaps need no special case, and an edge clipped by the border of the image is ignored.
"""

from __future__ import annotations

import numpy as np

from annotaudit.metrics.paths import Bools, Floats, Ints, Paths

FINEST = 1 / 1024  # of a doubling; logarithms of noise are summed as whole multiples of this
FAR = 10  # frames on either side that count as near by
OWN = 3  # frames on either side that the tested box may have disturbed


def chord_residual(
    edges: Floats, time: Ints, usable: Bools, before: Ints, after: Ints, a: int, b: int
) -> Floats:
    """Distance of each edge from the chord between the boxes ``a`` earlier and ``b`` later.

    Parameters
    ----------
    edges : float array, shape (4, n)
        Sorted by object and time, as in :class:`~annotaudit.metrics.paths.Paths`.
    time : int array, shape (n,)
    usable : bool array, shape (4, n)
        Edges that may be compared.
    before, after : int arrays, shape (n,)
        Boxes of the object on either side.
    a, b : int
        Boxes back and ahead, at least 1.

    Returns
    -------
    float array, shape (4, n)
        Pixels; 0 where an end of the chord is missing or an edge is not usable.

    Examples
    --------
    >>> edges = np.tile([0.0, 1.0, 5.0, 3.0], (4, 1))
    >>> at = np.arange(4)
    >>> chord_residual(edges, at, np.ones((4, 4), bool), at, at[::-1], 1, 1)[0]
    array([ 0. , -1.5,  3. ,  0. ])
    """
    n = edges.shape[1]
    out = np.zeros_like(edges)
    if n <= a + b:
        return out
    head, mid, tail = slice(0, n - a - b), slice(a, n - b), slice(a + b, n)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (time[mid] - time[head]) / (time[tail] - time[head])
    inside = (before[mid] >= a) & (after[mid] >= b)
    share = np.where(inside, share, 0.0)
    start = edges[:, head]
    residual = edges[:, mid] - start - share * (edges[:, tail] - start)
    residual *= inside & usable[:, mid] & usable[:, head] & usable[:, tail]
    out[:, mid] = residual
    return out


def out_and_back(edges: Floats, usable: Bools, before: Ints, after: Ints, length: int) -> Floats:
    """How far an edge jumps away at a box and back ``length`` boxes later.

    The smaller of the two jumps, each measured against the speed around them (the middle of
    four steps), with the sign of the first; 0 unless they oppose each other. Every box of the
    excursion carries the value.

    Returns
    -------
    float array, shape (4, n)
        Pixels.
    """
    n = edges.shape[1]
    out = np.zeros_like(edges)
    reach = length + 5
    if n < reach + 1:
        return out
    step = np.zeros_like(edges)
    step[:, 1:] = edges[:, 1:] - edges[:, :-1]
    m = n - reach  # start i runs over 3 .. n - length - 3

    def at(offset: int) -> Floats:
        return step[:, 3 + offset : 3 + offset + m]

    one, two, three, four = at(-2), at(-1), at(length + 1), at(length + 2)
    low = np.minimum(np.minimum(one, two), np.minimum(three, four))
    high = np.maximum(np.maximum(one, two), np.maximum(three, four))
    usual = 0.5 * (one + two + three + four - low - high)
    away, back = at(0) - usual, usual - at(length)
    inside = (before[3 : 3 + m] >= 3) & (after[3 : 3 + m] >= length + 2)
    inside = inside & usable[:, 2 : 2 + m] & usable[:, 3 : 3 + m] & usable[:, 3 + length :][:, :m]
    value = np.where(
        inside & (away * back > 0), np.sign(away) * np.minimum(np.abs(away), np.abs(back)), 0.0
    )
    for k in range(length):
        spot = out[:, 3 + k : 3 + k + m]
        np.copyto(spot, value, where=np.abs(value) > np.abs(spot))
    return out


def chord_residual_at(
    at: Ints, edges: Floats, time: Ints, usable: Bools, before: Ints, after: Ints, a: int, b: int
) -> Floats:
    """Return :func:`chord_residual` of a few boxes only, shape (4, len(at))."""
    inside = (before[at] >= a) & (after[at] >= b)
    head, tail = np.where(inside, at - a, at), np.where(inside, at + b, at)
    span = np.where(inside, time[tail] - time[head], 1)
    share = (time[at] - time[head]) / span
    start = edges[:, head]
    residual: Floats = edges[:, at] - start - share * (edges[:, tail] - start)
    residual *= usable[:, at] & usable[:, head] & usable[:, tail]
    return residual


def noise(paths: Paths, residual: Floats, usable: Bools, reach: int = 1) -> Floats:
    """Return how unsteady boxes usually are around each box, as a share of their size.

    The geometric mean of the chord residuals between the boxes ``reach`` before and after, near
    by (10 frames on either side, the tested box and its neighbours left out), mixed with the
    track's and the sequence's where there are few; with a floor from rounded coordinates.

    Parameters
    ----------
    paths : Paths
    residual : float array, shape (4, n)
        From :func:`chord_residual` with ``a = b = reach``.
    usable : bool array, shape (4, n)
    reach : int

    Returns
    -------
    float array, shape (2, n)
        In x and y, as a share of the box size.
    """
    n = len(paths)
    level = np.empty((2, n))
    if n == 0:
        return level
    floor = 0.3 / paths.size + 0.002
    inside = (paths.before >= reach) & (paths.after >= reach)
    at = np.arange(n)
    start, end = at - paths.before, at + paths.after
    own = np.maximum(at - OWN, start), np.minimum(at + OWN, end) + 1
    near = np.maximum(at - FAR, start), np.minimum(at + FAR, end) + 1
    starts = np.flatnonzero(paths.before == 0)
    lengths = paths.after[starts] + 1
    first = np.flatnonzero(np.append(True, paths.scene[1:] != paths.scene[:-1]))
    sizes = np.diff(np.append(first, n))
    for axis in (0, 1):
        known = inside & (usable[axis] | usable[axis + 2])
        typical = np.abs(residual[axis]) + np.abs(residual[axis + 2])
        typical = 0.5 * typical / paths.size + floor
        # Whole numbers add up exactly: what stands elsewhere in the table cannot change them.
        log = np.where(known, np.rint(np.log2(typical) / FINEST), 0).astype(np.int64)
        total, count = (np.append(0, np.cumsum(v)) for v in (log, known))

        def over(low: Ints, high: Ints, total: Ints = total, count: Ints = count) -> list[Ints]:
            return [total[high] - total[low], count[high] - count[low]]

        own_sum, own_n = over(*own)
        near_sum, near_n = over(*near)
        track_sum, track_n = (np.repeat(v, lengths) for v in over(starts, starts + lengths))
        scene_sum, scene_n = over(first, first + sizes)
        usual = np.repeat(scene_sum / np.maximum(scene_n, 1), sizes)
        of_track = ((track_sum - own_sum) + 20 * usual) / (track_n - own_n + 20)
        level[axis] = ((near_sum - own_sum) + 8 * of_track) / (near_n - own_n + 8)
    quiet: Floats = np.exp2(level * FINEST)
    return quiet
