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
    result = np.zeros(len(value))
    step = np.clip(np.rint(value / FINEST), -FARTHEST + 1, FARTHEST - 1).astype(np.int64)
    key = np.sort(group[counted] * (2 * FARTHEST) + step[counted] + FARTHEST)
    if not len(key):
        return result
    level = key % (2 * FARTHEST) - FARTHEST
    count = np.bincount(group[counted], minlength=int(group.max()) + 1)
    start = np.cumsum(count) - count

    def at(place: Ints) -> Ints:
        inside = np.clip(place, 0, np.maximum(count - 1, 0))
        return np.asarray(level.take(start + inside, mode="clip"))

    lower, upper = at((count - 1) // 2), at(count // 2)
    before, after = at((count - 1) // 2 - 1), at(count // 2 + 1)
    odd = count % 2 == 1
    # Taking one value out moves the median half a place to the other side.
    median = np.stack(
        [
            (lower + upper) / 2,  # of all
            np.where(odd, (lower + after) / 2, upper),  # without one below the middle
            np.where(odd, (before + after) / 2, upper),  # without the middle one
            np.where(odd, (before + lower) / 2, lower),  # without one above
        ]
    )
    others = count - np.array([[0], [1], [1], [1]])
    spread = (at((3 * count) // 4) - at(count // 4)) / 1.35 + 0.3 / FINEST
    error = 1.25 * spread / np.sqrt(np.maximum(others, 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        trust = np.maximum(0.0, 1 - (error / median) ** 2)
    # Whole multiples of FINEST keep the double sums exact, however tracks are cut.
    shared = np.where((others >= 3) & (median != 0), np.rint(median * trust) * FINEST, 0.0)
    which = group[wanted]
    case = np.where(counted[wanted], 2 + np.sign(step[wanted] - lower[which]), 0)
    result[wanted] = shared[case, which]
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
