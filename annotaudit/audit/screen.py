"""Take a quick look at every box, to see whether its motion stands out at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotaudit.metrics.motion import chord_residual, out_and_back
from annotaudit.metrics.paths import Bools, Floats, Ints, Paths

# Motion stands out from here on; nine in ten boxes of sound labels stay below all of these.
ALONE, EXCURSION, END, JITTER = 3.6, 4.5, 6.0, 0.75  # times the usual unsteadiness; doublings
CHUNK = 8_192  # boxes; their measurements fit into a processor's cache

Short = NDArray[np.float32]


@dataclass(frozen=True)
class Screen:
    """What the quick look saw; arrays are aligned to the paths.

    Attributes
    ----------
    bend : float32 array, shape (n,)
        Distance from the boxes before and after, times the usual; the largest of four edges.
    excursion : float32 array, shape (4, n)
        Out-and-back over 1 to 3 boxes, pixels.
    unsteady : float32 array, shape (n,)
        Logarithm of the unsteadiness over 7 boxes, box sizes.
    stands_out : bool array, shape (n,)
    """

    bend: Short
    excursion: Short
    unsteady: Short
    stands_out: Bools


def screen(paths: Paths, edges: Floats, usable: Bools, noise: Floats) -> Screen:
    """Look at every box, part by part.

    Parameters
    ----------
    paths : Paths
    edges : float array, shape (4, n)
        With the motion of the camera taken out.
    usable : bool array, shape (4, n)
    noise : float array, shape (2, n)
        Usual unsteadiness in x and y, box sizes.
    """
    n = len(paths)
    seen = Screen(
        bend=np.zeros(n, dtype=np.float32),
        excursion=np.zeros((4, n), dtype=np.float32),
        unsteady=np.zeros(n, dtype=np.float32),
        stands_out=np.zeros(n, dtype=bool),
    )
    for part in paths.runs(CHUNK):
        own, free, size = edges[:, part], usable[:, part], paths.size[part]
        time, before, after = paths.time[part], paths.before[part], paths.after[part]
        unit = noise[:, part] * size
        one, two = (np.abs(chord_residual(own, time, free, before, after, k, k)) for k in (1, 2))
        away = out_and_back(own, free, before, after)
        unsteady = _unsteady(one.sum(axis=0) / 4 / size, size, before == 0)
        seen.bend[part] = worst(one, unit)
        seen.excursion[:, part] = away
        seen.unsteady[part] = unsteady
        seen.stands_out[part] = (
            (worst(np.minimum(one, two), unit) > ALONE)
            | (worst(np.abs(away), unit) > EXCURSION)
            | (worst(_end_bend(own, time, free, before, after), unit) > END)
            | (unsteady - np.log2(noise[:, part].mean(axis=0)) > JITTER)
        )
    return seen


def largest(edges: Floats) -> Floats:
    """Return the largest of the four edges."""
    return np.asarray(np.maximum(np.maximum(edges[0], edges[1]), np.maximum(edges[2], edges[3])))


def worst(strength: Floats, unit: Floats) -> Floats:
    """Return the largest of the four edges, each in the unit of its axis; shapes (4, n), (2, n)."""
    left, top, right, bottom = strength
    return np.asarray(
        np.maximum(np.maximum(left, right) / unit[0], np.maximum(top, bottom) / unit[1])
    )


def _unsteady(bend: Floats, size: Floats, first: Bools) -> Floats:
    """Logarithm of the unsteadiness over 7 boxes: a geometric mean, which one jump cannot fill."""
    level = np.log2(bend + 0.3 / size + 0.002)
    thing = np.cumsum(first)
    n = len(level)
    total, count = level.copy(), np.ones(n)
    for k in range(1, 4):
        same = thing[k:] == thing[:-k]
        total[k:] += np.where(same, level[:-k], 0.0)
        total[:-k] += np.where(same, level[k:], 0.0)
        count[k:] += same
        count[:-k] += same
    return total / count


def _end_bend(edges: Floats, time: Ints, usable: Bools, before: Ints, after: Ints) -> Floats:
    """Bend of the first or last three boxes of a track, at its first and last box; pixels."""
    value = np.zeros_like(edges)
    long = before + after >= 2
    for ending, inward in ((before == 0, 1), (after == 0, -1)):
        at = np.flatnonzero(ending & long)
        at = at[np.abs(time[at + 2 * inward] - time[at]) == 2]  # after a gap they tell of no bend
        bend = edges[:, at] - 2 * edges[:, at + inward] + edges[:, at + 2 * inward]
        value[:, at] = np.abs(bend) * usable[:, at]
    return value
