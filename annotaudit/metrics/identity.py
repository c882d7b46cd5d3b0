"""Objects that change their names: fragments, swaps, and the gaps a track leaves."""

from __future__ import annotations

import numpy as np

from annotaudit.metrics.order import narrow
from annotaudit.metrics.paths import Bools, Floats, Ints, Paths

LONGEST = 15  # frames between the end of one track and the start of its continuation


def _predicted(paths: Paths, at: Ints, ahead: Ints | int, step: int) -> Floats:
    """Edges of the object of box ``at``, ``ahead`` frames on, at the mean speed of 4 boxes."""
    room = (paths.before if step < 0 else paths.after)[at]
    other = at + step * np.minimum(room, 4)
    here, there = paths.edges.take(at, axis=1), paths.edges.take(other, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        speed = (here - there) / np.abs(paths.time[at] - paths.time[other])
    return np.asarray(here + np.nan_to_num(speed) * ahead)


def _distance(expected: Floats, found: Floats, size: Floats) -> Floats:
    """Largest distance of an edge from where it was expected, as a share of the size."""
    distance: Floats = np.abs(expected - found).max(axis=0) / size
    return distance


def fragments(paths: Paths) -> tuple[Floats, Ints]:
    """Return how well the start of each track continues another that has just ended.

    Parameters
    ----------
    paths : Paths

    Returns
    -------
    fit : float array, shape (n,)
        At the first box of a track: 1 where the best ended track predicts it exactly, falling
        to 0 at one box size away; 0 elsewhere.
    source : int array, shape (n,)
        Position of the last box of that track; -1 elsewhere.
    """
    edges, n = paths.edges, len(paths)
    fit, source = np.zeros(n), np.full(n, -1)
    starts, ends = np.flatnonzero(paths.before == 0), np.flatnonzero(paths.after == 0)
    ends = ends[np.lexsort((paths.time[ends], paths.scene[ends]))]
    reach = int(paths.time.max(initial=0)) + LONGEST + 2
    key = paths.scene[ends] * reach + paths.time[ends]
    begin = paths.scene[starts] * reach + paths.time[starts]
    first = np.searchsorted(key, begin - LONGEST)
    last = np.searchsorted(key, begin)  # ends strictly earlier
    count = last - first
    new = np.repeat(starts, count)
    if not len(new):
        return fit, source
    within = np.arange(len(new)) - np.repeat(np.cumsum(count) - count, count)
    old = ends[np.repeat(first, count) + within]
    far = np.abs(paths.edges[0, new] - paths.edges[0, old]) < 4 * paths.size[old]
    new, old = new[far], old[far]
    wait = paths.time[new] - paths.time[old]
    size = np.sqrt(paths.size[new] * paths.size[old])
    ahead = _predicted(paths, old, wait, -1)
    back = _predicted(paths, new, wait, 1)
    away = np.minimum(_distance(ahead, edges[:, new], size), _distance(back, edges[:, old], size))
    stay = _distance(edges[:, old], edges[:, new], size)
    # A long wait or a wild prediction proves less than two boxes that nearly meet.
    away = np.minimum(away, stay) + 0.02 * (wait - 1)
    value = np.maximum(1 - away, 0.0)
    order = np.lexsort((-old, value))
    fit[new[order]] = value[order]
    source[new[order]] = np.where(value[order] > 0, old[order], -1)
    return fit, source


def swaps(paths: Paths, jumps: Bools) -> tuple[Floats, Ints]:
    """Return how much better two objects fit their own past with exchanged names.

    Parameters
    ----------
    paths : Paths
    jumps : bool array, shape (n,)
        Boxes whose step from the box before looks odd: only these are compared.

    Returns
    -------
    gain : float array, shape (n,)
        Edge distance saved by the exchange, as a share of the size; 0 where none is saved.
    partner : int array, shape (n,)
        Position of the other object's box; -1 where none.
    """
    edges, n = paths.edges, len(paths)
    gain, partner = np.zeros(n), np.full(n, -1)
    at = np.flatnonzero(jumps & (paths.before > 0))
    at = at[paths.time[at] - paths.time[at - 1] == 1]
    at = at[np.lexsort((edges[0, at] + edges[2, at], narrow(paths.moment[at])))]
    expected, found = _predicted(paths, at - 1, 1, -1), edges.take(at, axis=1)
    size, moment, centre = paths.size[at], paths.moment[at], 0.5 * (found[0] + found[2])
    keep = _distance(expected, found, size)
    for k in range(1, 9):  # neighbours along x among the boxes that jump in this frame
        near = np.abs(centre[:-k] - centre[k:]) < 3 * (size[:-k] + size[k:])
        a = np.flatnonzero(near & (moment[:-k] == moment[k:]))
        b = a + k
        one = _distance(expected.take(a, axis=1), found.take(b, axis=1), size[b])
        two = _distance(expected.take(b, axis=1), found.take(a, axis=1), size[a])
        saved = keep[a] + keep[b] - one - two
        for own, other in ((a, b), (b, a)):
            better = saved > gain[at[own]]
            gain[at[own[better]]] = saved[better]
            partner[at[own[better]]] = at[other[better]]
    return gain, partner
