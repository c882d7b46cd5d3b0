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
CHUNK = 8_192  # boxes; their measurements fit into a processor's cache


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
    start, residual = edges[:, head], out[:, mid]
    along = edges[:, tail] - start
    along *= share
    np.subtract(edges[:, mid], start, out=residual)
    residual -= along
    residual *= inside & usable[:, mid] & usable[:, head] & usable[:, tail]
    return out


def out_and_back(
    edges: Floats, usable: Bools, before: Ints, after: Ints, longest: int = 3
) -> Floats:
    """How far an edge jumps away at a box and back one to ``longest`` boxes later.

    The smaller of the two jumps, each measured against the speed around them (the middle of
    four steps), with the sign of the first; 0 unless they oppose each other. Every box of an
    excursion carries the value; of several, the largest.

    Returns
    -------
    float array, shape (4, n)
        Pixels.
    """
    farthest, negative = np.zeros_like(edges), np.zeros(edges.shape, dtype=bool)
    step = np.zeros_like(edges)
    np.subtract(edges[:, 1:], edges[:, :-1], out=step[:, 1:])
    early, late = step[:, :-1], step[:, 1:]
    low, high, both = np.minimum(early, late), np.maximum(early, late), early + late
    for length in range(1, longest + 1):
        m = edges.shape[1] - length - 5  # start i runs over 3 .. n - length - 3
        if m < 1:
            break
        first, after_it = slice(1, 1 + m), slice(length + 4, length + 4 + m)
        usual = both[:, first] + step[:, after_it]
        usual += step[:, length + 5 : length + 5 + m]
        usual -= np.minimum(low[:, first], low[:, after_it])
        usual -= np.maximum(high[:, first], high[:, after_it])
        usual *= 0.5
        away = step[:, 3 : 3 + m] - usual
        back = np.subtract(usual, step[:, 3 + length : 3 + length + m], out=usual)
        below = away < 0
        opposed = below == (back < 0)
        inside = (before[3 : 3 + m] >= 3) & (after[3 : 3 + m] >= length + 2)
        free = usable[:, 2 : 2 + m] & usable[:, 3 : 3 + m] & usable[:, 3 + length : 3 + length + m]
        jump = np.minimum(np.abs(away, out=away), np.abs(back, out=back), out=away)
        jump *= inside & free & opposed
        for k in range(length):
            boxes = slice(3 + k, 3 + k + m)
            sign = negative[:, boxes]
            sign ^= (sign ^ below) & (jump > farthest[:, boxes])
            np.maximum(farthest[:, boxes], jump, out=farthest[:, boxes])
    return np.where(negative, -farthest, farthest)


def chord_residual_at(
    at: Ints, edges: Floats, time: Ints, usable: Bools, before: Ints, after: Ints, a: int, b: int
) -> Floats:
    """Return :func:`chord_residual` of a few boxes only, shape (4, len(at))."""
    return Around(at, edges, time, usable, before, after).residual(a, b)


class Around:
    """A few boxes and those around them, each fetched once for all that is measured on it.

    Parameters
    ----------
    at : int array, shape (m,)
        Which boxes.
    edges, time, usable, before, after
        As in :func:`chord_residual`.

    Examples
    --------
    >>> edges, at = np.tile([0.0, 1.0, 5.0, 3.0], (4, 1)), np.arange(4)
    >>> around = Around(np.array([1, 2]), edges, at, np.ones((4, 4), bool), at, at[::-1])
    >>> around.residual(1, 1)[0].tolist()
    [-1.5, 3.0]
    """

    def __init__(
        self, at: Ints, edges: Floats, time: Ints, usable: Bools, before: Ints, after: Ints
    ) -> None:
        self.before, self.after = before[at], after[at]
        self._at, self._of_all = at, (edges, time, usable)
        self._fetched: dict[int, tuple[Floats, Ints, Bools]] = {}

    def box(self, step: int) -> tuple[Floats, Ints, Bools]:
        """Edges, times and usable edges so many boxes later; of anything beyond a track's end."""
        if step not in self._fetched:
            edges, time, usable = self._of_all
            there = np.clip(self._at + step, 0, len(time) - 1)
            self._fetched[step] = (
                edges.take(there, axis=1),
                time.take(there),
                usable.take(there, axis=1),
            )
        return self._fetched[step]

    def residual(self, a: int, b: int, step: int = 0) -> Floats:
        """Return :func:`chord_residual` of the boxes ``step`` later, 0 beyond a track's end."""
        (start, since, free), (here, now, own), (end, until, too) = (
            self.box(step + offset) for offset in (-a, 0, b)
        )
        inside = (self.before >= a - step) & (self.after >= b + step)
        share = (now - since) / np.where(inside, until - since, 1)
        residual: Floats = here - start
        along = end - start
        along *= share
        residual -= along
        residual *= inside & own & free & too
        return residual


def noise(paths: Paths, edges: Floats, usable: Bools, reach: int = 1) -> Floats:
    """Return how unsteady boxes usually are around each box, as a share of their size.

    The geometric mean of the chord residuals between the boxes ``reach`` before and after, near
    by (10 frames on either side, the tested box and its neighbours left out), mixed with the
    track's and the sequence's where there are few; with a floor from rounded coordinates.

    Parameters
    ----------
    paths : Paths
    edges : float array, shape (4, n)
        Those of the paths, or with the motion of the camera taken out.
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
    parts = list(paths.runs(CHUNK))
    log, known = np.empty((2, n), dtype=np.int64), np.empty((2, n), dtype=bool)
    for part in parts:
        log[:, part], known[:, part] = _bends(paths, edges, usable, part, reach)
    first = np.flatnonzero(np.append(True, paths.scene[1:] != paths.scene[:-1]))
    scene_sum = np.add.reduceat(log, first, axis=1)
    scene_n = np.add.reduceat(known, first, axis=1, dtype=np.int64)
    usual = scene_sum / np.maximum(scene_n, 1)
    scene = np.cumsum(np.bincount(first, minlength=n)) - 1
    for part in parts:
        level[:, part] = _usual(
            paths.before[part],
            paths.after[part],
            log[:, part],
            known[:, part],
            usual[:, scene[part]],
        )
    quiet: Floats = np.exp2(level * FINEST)
    return quiet


def _bends(
    paths: Paths, edges: Floats, usable: Bools, part: slice, reach: int
) -> tuple[Ints, Bools]:
    """Logarithm of each box's residual in x and y, as whole multiples of ``FINEST``; if known."""
    before, after, size = paths.before[part], paths.after[part], paths.size[part]
    free = usable[:, part]
    residual = np.abs(
        chord_residual(edges[:, part], paths.time[part], free, before, after, reach, reach)
    )
    known = (before >= reach) & (after >= reach) & (free[:2] | free[2:])
    typical = 0.5 * (residual[:2] + residual[2:]) / size + (0.3 / size + 0.002)
    # Whole numbers add up exactly: what stands elsewhere in the table cannot change them.
    return np.where(known, np.rint(np.log2(typical) / FINEST), 0).astype(np.int64), known


def _usual(before: Ints, after: Ints, log: Ints, known: Bools, usual: Floats) -> Floats:
    """Mean logarithm near each box, mixed with the track's and the usual one of the sequence."""
    n = len(before)
    at = np.arange(n)
    start, end = at - before, at + after
    own = np.maximum(at - OWN, start), np.minimum(at + OWN, end) + 1
    near = np.maximum(at - FAR, start), np.minimum(at + FAR, end) + 1
    starts = np.flatnonzero(before == 0)
    lengths = after[starts] + 1
    level = np.empty((2, n))
    for axis in (0, 1):
        total, count = (np.append(0, np.cumsum(v[axis])) for v in (log, known))

        def over(low: Ints, high: Ints, total: Ints = total, count: Ints = count) -> list[Ints]:
            return [v.take(high) - v.take(low) for v in (total, count)]

        own_sum, own_n = over(*own)
        near_sum, near_n = over(*near)
        track_sum, track_n = (np.repeat(v, lengths) for v in over(starts, starts + lengths))
        of_track = ((track_sum - own_sum) + 20 * usual[axis]) / (track_n - own_n + 20)
        level[axis] = ((near_sum - own_sum) + 8 * of_track) / (near_n - own_n + 8)
    return level
