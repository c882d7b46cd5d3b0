"""How the camera moved, told from the boxes alone: what all objects of a frame do at once."""

from __future__ import annotations

import numpy as np

from annotaudit.metrics.paths import Bools, Floats, Ints, Paths

FINEST = 1 / 512  # pixels; accelerations are compared in steps of this
FARTHEST = 2**20  # of them


def camera_path(paths: Paths) -> Floats:
    """Path of the camera as each object sees it, from the other objects of every frame.

    The acceleration of the camera in a frame is the median of the accelerations (second
    differences) of the *other* objects' centres, so that a wrong box does not explain itself,
    shrunk towards 0 where they disagree (positive-part James–Stein). Summed twice along each
    track it gives a path; its constant speed is unknown and left out, because straight motion
    means nothing to the measurements that use it.

    Parameters
    ----------
    paths : Paths

    Returns
    -------
    float array, shape (2, n)
        Pixels in x and y. 0 throughout where fewer than three objects are in view.
    """
    edges, time = paths.edges, paths.time
    n = len(paths)
    path = np.zeros((2, n))
    if n < 3:
        return path
    inner = np.zeros(n, dtype=bool)
    inner[1:-1] = (
        (paths.before[1:-1] > 0)
        & (paths.after[1:-1] > 0)
        & (time[2:] - time[1:-1] == 1)
        & (time[1:-1] - time[:-2] == 1)
    )
    for axis in (0, 1):
        unclipped = inner & ~paths.clipped[axis] & ~paths.clipped[axis + 2]
        centre = 0.5 * (edges[axis] + edges[axis + 2])
        bend = np.zeros(n)
        bend[1:-1] = centre[2:] - 2 * centre[1:-1] + centre[:-2]
        shared = _median_of_others(bend, paths.moment, unclipped, inner)
        path[axis] = _summed_twice(shared, paths.before)
    return path


def _median_of_others(value: Floats, group: Ints, counted: Bools, wanted: Bools) -> Floats:
    """For each wanted entry the shrunk median of the group's other counted entries, else 0."""
    step = np.clip(np.rint(value / FINEST), -FARTHEST + 1, FARTHEST - 1).astype(np.int64)
    key = np.sort(group[counted] * (2 * FARTHEST) + step[counted] + FARTHEST)
    result = np.zeros(len(value))
    if not len(key):
        return result
    owner = key // (2 * FARTHEST)
    level = key - owner * (2 * FARTHEST) - FARTHEST
    first = np.flatnonzero(np.append(True, owner[1:] != owner[:-1]))
    count = np.diff(np.append(first, len(key)))
    names = owner[first]
    place = np.minimum(np.searchsorted(names, group[wanted]), len(names) - 1)
    here = names[place] == group[wanted]
    own, inside = step[wanted], counted[wanted]
    start, m = first[place], count[place]

    def at(offset: Ints) -> Ints:
        return np.asarray(level[start + np.clip(offset, 0, m - 1)])

    middle, upper = at((m - 1) // 2), at(m // 2)
    odd = m % 2 == 1
    lower_next, upper_next = at((m - 1) // 2 - 1), at(m // 2 + 1)
    # Taking one value out moves the median half a place to the other side.
    without = np.where(
        odd,
        np.where(
            own < middle,
            (middle + upper_next) / 2,
            np.where(own > middle, (lower_next + middle) / 2, (lower_next + upper_next) / 2),
        ),
        np.where(own <= middle, upper, middle),
    )
    median = np.where(inside, without, (middle + upper) / 2)
    others = m - inside
    spread = (at((3 * m) // 4) - at(m // 4)) / 1.35 + 0.3 / FINEST
    error = 1.25 * spread / np.sqrt(np.maximum(others, 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        trust = np.maximum(0.0, 1 - (error / median) ** 2)
    enough = here & (others >= 3) & (median != 0)
    # Whole multiples of FINEST keep the double sums exact, however tracks are cut.
    result[wanted] = np.where(enough, np.rint(median * trust) * FINEST, 0.0)
    return result


def _summed_twice(bend: Floats, before: Ints) -> Floats:
    """Integrate second differences along each object, starting at rest."""
    speed = _cumulative(bend, before)
    late = np.zeros(len(bend))
    late[1:] = speed[:-1]
    late[before == 0] = 0.0
    return _cumulative(late, before)


def _cumulative(value: Floats, before: Ints) -> Floats:
    """Sum along each object; exact, because the values are whole multiples of ``FINEST``."""
    total = np.cumsum(np.rint(value / FINEST).astype(np.int64))
    at = np.arange(len(value))
    start = at - before
    offset = np.where(start > 0, total[start - 1], 0)
    return np.asarray((total - offset) * FINEST, dtype=np.float64)
