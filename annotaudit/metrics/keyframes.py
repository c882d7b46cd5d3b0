"""Straight stretches between keyframes: how far the object may have left each of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from annotaudit.metrics.paths import Bools, Floats, Ints, Paths
from annotaudit.metrics.straightness import coarseness, runs_of

SHORTEST = 3  # steps; a shorter stretch hides nothing
STILL = 0.02  # box sizes; what wanders less stays inside its boxes
NAMES = (
    "curve", "curve_wide", "camera_curve", "kink", "kink_usual", "kink_scene", "length",
    "length_usual", "length_share", "place", "wander", "speed", "growth", "reshaping",
)  # fmt: skip


def between_keyframes(paths: Paths, camera: Floats) -> tuple[Ints, NDArray[np.float32]]:
    """Measure every box inside a straight stretch against the stretches around it.

    An object that is drawn on few frames only moves along straight lines between them. Where it
    really was, the neighbouring stretches tell: a smooth curve through the same keyframes
    (cubic Hermite, its slopes between those of the stretches that meet) leaves the line, and
    the more so the longer the stretch and the sharper the kinks of this track.

    Parameters
    ----------
    paths : Paths
    camera : float array, shape (2, n)
        Path of the camera, pixels.

    Returns
    -------
    at : int array, shape (m,)
        Boxes inside stretches of at least three steps that the object may have left at all.
    table : float32 array, shape (m, len(NAMES))
        Distances in box sizes, times in frames.
    """
    n = len(paths)
    every = np.arange(n)
    start, length = runs_of(_straight(paths))
    # The first step of a run has none before it to be equal to.
    early = start - ((length > 0) & (paths.before[start] > 0))
    start, length = early, length + (start - early)
    busy = np.zeros(int(paths.thing.max(initial=0)) + 1, dtype=bool)
    busy[paths.thing[length >= SHORTEST]] = True
    drawn = busy[paths.thing] & (paths.before > 0)
    inside = (every > start) & (length > 0)
    final = np.where(inside, start + length, every)
    last = np.flatnonzero(drawn & (final == every))
    if not len(last):
        return last, np.zeros((0, len(NAMES)), dtype=np.float32)
    first = np.where(inside[last], start[last], last - 1)
    thing, scene = paths.thing[last], paths.scene[last]
    size, edges = paths.size, paths.edges
    steps = np.maximum(paths.time[last] - paths.time[first], 1).astype(np.float64)
    slope = (edges[:, last] - edges[:, first]) / steps
    alike = thing[1:] == thing[:-1]
    turn = np.where(alike, np.diff(slope, axis=1), 0.0)
    both = np.where(alike, steps[1:] + steps[:-1], 1.0)
    arriving, leaving = np.zeros_like(slope), np.zeros_like(slope)
    arriving[:, 1:] = -turn * steps[1:] / both  # slope at the start, less that of the line
    leaving[:, :-1] = turn * steps[:-1] / both
    kink = np.maximum(np.abs(arriving), np.abs(leaving)).max(axis=0) / size[last]
    kink_usual, length_usual = _mean(kink, thing, steps), _mean(steps, thing, steps)
    before, after = _secants(paths, first, last, slope)
    whole = np.abs(np.log(size[last] / size[first]))
    shape = np.log((edges[2] - edges[0]) / (edges[3] - edges[1]))

    at = np.flatnonzero(inside & (length >= SHORTEST) & (every < final) & drawn)
    own = np.searchsorted(last, at)
    wander = kink_usual * steps**1.5 / 4
    at, own = at[wander[own] > STILL], own[wander[own] > STILL]
    head, tail = first[own], last[own]
    share = (paths.time[at] - paths.time[head]) / steps[own]
    free = ~paths.clipped[:, at]
    early, late = share**3 - 2 * share**2 + share, share**3 - share**2

    def leaves(a: Floats, b: Floats) -> Floats:
        off = np.abs(steps[own] * (early * a[:, own] + late * b[:, own])) * free
        return np.asarray(off.max(axis=0) / size[at])

    swing = np.abs(camera[:, at] - camera[:, head] - share * (camera[:, tail] - camera[:, head]))
    place = share * (1 - share)
    values = (
        leaves(arriving, leaving),
        leaves(before / 2, after / 2),
        swing.max(axis=0) / size[at],
        kink[own],
        kink_usual[own],
        _mean(kink, scene, steps)[own],
        steps[own],
        length_usual[own],
        steps[own] / length_usual[own],
        place,
        4 * wander[own] * place,
        np.abs(slope).max(axis=0)[own] / size[at],
        whole[own],
        np.abs(shape[last] - shape[first])[own],
    )
    return at, np.column_stack(values).astype(np.float32)


def _straight(paths: Paths) -> Bools:
    """Tell which steps repeat the one before, whether edges were rounded or sides."""
    bound = coarseness(paths)[2:]
    left, top, right, bottom = paths.edges

    def alike(*values: Floats) -> Bools:
        straight = np.ones(len(paths), dtype=bool)
        for value in values:
            straight[2:] &= np.abs(np.diff(value, n=2)) <= bound
        return straight

    steady = alike(left, top)
    steady &= alike(right, bottom) | alike(right - left, bottom - top)
    return np.asarray(steady & (paths.before >= 2))


def _mean(value: Floats, group: Ints, weight: Floats) -> Floats:
    """Mean over each group, weighted, given to all its members."""
    number, _ = pd.factorize(group)
    total = np.bincount(number, value * weight) / np.bincount(number, weight)
    return np.asarray(total[number])


def _secants(paths: Paths, first: Ints, last: Ints, slope: Floats) -> tuple[Floats, Floats]:
    """Mean slope over as many boxes before and after a stretch, less that of the stretch."""
    edges, time = paths.edges, paths.time
    back = first - np.minimum(paths.before[first], last - first)
    ahead = last + np.minimum(paths.after[last], last - first)
    found = []
    for low, high in ((back, first), (last, ahead)):
        duration = np.maximum(time[high] - time[low], 1)
        change = (edges[:, high] - edges[:, low]) / duration - slope
        found.append(np.where(high > low, change, 0.0))
    return found[0], found[1]
