"""What speaks for a mistake, box by box: the table of signals that the ranker judges.

Motion is measured in units of the usual unsteadiness around each box (``…_z``) and in box sizes
(``…_r``), so that neither the size of an object nor the frame rate matters. A quick screen looks at
every box; only the one in ten that stands out at all is measured in full.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from annotaudit.audit.marks import drawn
from annotaudit.audit.scene import Scene, scene_of
from annotaudit.audit.screen import largest, worst
from annotaudit.metrics.keyframes import between_keyframes, seconds_a_frame
from annotaudit.metrics.motion import Around
from annotaudit.metrics.paths import Floats, Ints
from annotaudit.metrics.straightness import kink_at, spread_at

CHORDS = ((1, 1), (2, 2), (1, 2), (2, 1), (1, 3), (3, 1), (4, 4), (8, 8))
SNAPS = ((1, 6), (6, 1), (1, 12), (12, 1))
TRIANGLES = (2, 4, 7)
CHUNK = 8_192  # boxes; their measurements fit into a processor's cache
ASTRAY = 0.1  # of the box; one between keyframes that may be off by more stands out


@dataclass(frozen=True)
class Signals:
    """Signals of the boxes that stand out.

    Attributes
    ----------
    spots : int array, shape (m,)
        Their positions in ``scene.paths``.
    names : tuple of str
        Names of the signals.
    table : float32 array, shape (m, len(names))
    scene : Scene
        What they were measured from.
    astray : float array, shape (m,)
        How far the object may have left the straight line between two keyframes, as a share of
        the box; 0 where it lies on none.
    stretch : int array, shape (m,)
        Position of the keyframe at which that line begins; -1 where there is none.
    curve : float array, shape (4, m)
        From the edges to where a smooth curve through the keyframes would put them, pixels.
    """

    spots: Ints
    names: tuple[str, ...]
    table: NDArray[np.float32]
    scene: Scene
    astray: Floats
    stretch: Ints
    curve: Floats

    @property
    def moves(self) -> NDArray[np.bool_]:
        """Boxes that stand out by more than lying between keyframes."""
        return np.asarray(self.scene.stands_out[self.spots])

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        """One signal of every box that stands out."""
        return self.table[:, self.names.index(name)]


def signals_of(boxes: pd.DataFrame, frames: pd.DataFrame | None = None) -> Signals:
    """Measure every signal of every box that stands out.

    Parameters
    ----------
    boxes : DataFrame
        A checked box table.
    frames : DataFrame, optional
        The frames looked at.
    """
    scene = scene_of(boxes, frames)
    seconds = seconds_a_frame(boxes, frames, scene.paths)
    between = between_keyframes(scene.paths, seconds, drawn(boxes, scene.paths))
    astray, line = np.zeros(len(scene.paths)), np.full(len(scene.paths), -1)
    astray[between.spots], line[between.spots] = between.leaves, np.arange(len(between.spots))
    stands_out = scene.stands_out.copy()
    stands_out[between.spots[between.worth_a_look & (between.leaves > ASTRAY)]] = True
    at = np.flatnonzero(stands_out)
    parts = [slice(start, start + CHUNK) for start in range(0, max(len(at), 1), CHUNK)]
    for part in parts:
        found: dict[str, Floats] = {}
        for measure in (_motion, _straightness, _context):
            found |= measure(scene, at[part])
        if part.start == 0:  # asked column by column
            table = np.empty((len(at), len(found)), dtype=np.float32, order="F")
        for column, value in enumerate(found.values()):
            table[part, column] = value
    inside = line[at] >= 0
    stretch, curve = np.full(len(at), -1), np.zeros((4, len(at)))
    stretch[inside] = between.stretch[line[at][inside]]
    curve[:, inside] = between.curve[:, line[at][inside]]
    return Signals(at, tuple(found), table, scene, astray[at], stretch, curve)


def _motion(scene: Scene, at: Ints) -> dict[str, Floats]:
    paths = scene.paths
    around = Around(at, scene.edges, paths.time, scene.usable, paths.before, paths.after)
    before, after, size = around.before, around.after, paths.size[at]
    unit = scene.noise.take(at, axis=1) * size
    slow = scene.slow_noise.take(at, axis=1) * size

    out: dict[str, Floats] = {}
    residual = {ab: around.residual(*ab) for ab in CHORDS}
    for (a, b), value in residual.items():
        strength = np.abs(value)
        out[f"chord_{a}_{b}_z"] = worst(strength, unit if a + b <= 4 else slow)
        if a == b:
            out[f"chord_{a}_{b}_r"] = largest(strength) / size
    both = np.minimum(np.abs(residual[1, 1]), np.abs(residual[2, 2]))
    out["alone_z"] = worst(both, unit)
    out["alone_r"] = largest(both) / size
    out |= _growth(around, residual, size, unit)
    for a, b in SNAPS:
        strength = np.abs(around.residual(a, b))
        out[f"snap_{a}_{b}_z"] = worst(strength, slow)
        out[f"snap_{a}_{b}_r"] = largest(strength) / size
    away = scene.excursion.take(at, axis=1).astype(np.float64)
    left, top, right, bottom = away
    out["excursion_z"] = worst(np.abs(away), unit)
    out["excursion_r"] = largest(np.abs(away)) / size
    grown = np.abs(np.stack([right - left, bottom - top]))
    out["excursion_grown_z"] = np.maximum(*(grown / unit))
    out["excursion_moved"] = np.maximum(np.abs(left + right), np.abs(top + bottom)) / 2 / size
    out["excursion_grown"] = np.maximum(*grown) / size
    for k in TRIANGLES:
        flank = around.residual(k, k, -k) + around.residual(k, k, k)
        middle = residual[k, k] if (k, k) in residual else around.residual(k, k)
        value = np.abs(middle - 0.5 * flank) * ((before >= k) & (after >= k))
        out[f"triangle_{k}_z"] = worst(value, slow)
        out[f"triangle_{k}_r"] = largest(value) / size
    # Nothing lies beyond the end of a track: there the next two boxes must do.
    first = before == 0
    ending = (first | (after == 0)) & (before + after >= 2)
    outward = np.where(ending, np.where(first, -1, 1), 0)
    # After a gap the three boxes tell of no bend.
    ending &= np.abs(paths.time[at] - paths.time[at - 2 * outward]) == 2
    (here, _, free), *inward = (around.box(step) for step in (0, 1, 2, -1, -2))
    one, two = (np.where(first, inward[k][0], inward[k + 2][0]) for k in (0, 1))
    end = np.abs(here - 2 * one + two) * (ending & free)
    out["end_z"] = worst(end, unit)
    out["end_r"] = largest(end) / size
    out["jitter"] = scene.unsteady[at] - np.log2(scene.noise.take(at, axis=1).mean(axis=0))
    out["unsteady"] = scene.unsteady[at].astype(np.float64)
    return out


def _growth(
    around: Around, residual: dict[tuple[int, int], Floats], size: Floats, unit: Floats
) -> dict[str, Floats]:
    """How far width, height and their ratio lie from what the boxes around make of them."""
    grown = {ends: value[2:] - value[:2] for ends, value in residual.items()}
    far = {ends: np.abs(value) for ends, value in grown.items()}
    alone = np.minimum(far[1, 1], far[2, 2])
    left, top, right, bottom = around.box(0)[0]
    wider, higher = grown[1, 1] / np.maximum([right - left, bottom - top], 1.0)
    return {
        "grown_z": np.maximum(*(alone / unit)),
        "grown_1_1_z": np.maximum(*(far[1, 1] / unit)),
        "grown_4_4_z": np.maximum(*(far[4, 4] / unit)),
        "grown_r": np.maximum(*alone) / size,
        "grown_1_2_z": np.maximum(*(np.minimum(far[1, 2], far[2, 1]) / unit)),
        "aspect_r": np.abs(wider - higher),
    }


def _straightness(scene: Scene, at: Ints) -> dict[str, Floats]:
    paths, edges = scene.paths, scene.paths.edges
    size, before, after = paths.size[at], paths.before, paths.after
    usual = np.log2(scene.slow_noise.take(at, axis=1).mean(axis=0))
    out: dict[str, Floats] = {}
    for half in (2, 4, 7):
        spread = spread_at(at, edges, before, after, half)
        steady = spread_at(at, scene.edges, before, after, half)
        known = np.isfinite(spread)
        bare, free = (np.log2(np.where(known, s, 1.0) / size + 1e-3) for s in (spread, steady))
        out[f"spread_{half}"] = np.where(known, bare - usual, 0.0)
        out[f"camera_excess_{half}"] = np.where(known, free - bare, 0.0)
        out[f"spread_px_{half}"] = np.where(known, spread, -1.0)
    for reach in (4, 8):
        kink = kink_at(at, edges, scene.usable, before, after, reach)
        out[f"kink_{reach}_r"] = largest(kink) / size
    free = kink_at(at, scene.edges, scene.usable, before, after, 4)
    unit = scene.noise.take(at, axis=1) * size
    out["kink_free_z"] = worst(free, unit)
    start, length = scene.straight_start[at], scene.straight_length[at]
    end = start + length
    out["straight_length"] = length.astype(np.float64)
    out["straight_before"] = (at - start).astype(np.float64)
    out["straight_after"] = (end - at).astype(np.float64)
    out["straight_usual"] = scene.straight_usual[at]
    out["sagitta"] = scene.sagitta[at]
    out["sagitta_here"] = scene.sagitta_here[at]
    ends_at = np.minimum(before[start], after[end])
    out["straight_to_end"] = np.where(length >= 4, np.minimum(ends_at, 9), 9).astype(np.float64)
    rest_start, rest = scene.still_start[at], scene.still_length[at]
    rest_end = rest_start + rest
    onward = np.minimum(rest_end + 1, rest_end + after[rest_end])
    jump = largest(np.abs(edges.take(onward, axis=1) - edges.take(at, axis=1))) / size
    back = rest_start - np.minimum(before[rest_start], 4)
    speed = largest(np.abs(edges.take(rest_start, axis=1) - edges.take(back, axis=1))) / 4
    out["frozen_length"] = rest.astype(np.float64)
    out["frozen_jump"] = np.where(rest >= 2, jump, 0.0)
    out["frozen_miss"] = np.where(rest >= 2, rest * speed / size, 0.0)
    out["frozen_usual"] = scene.still_usual[at]
    out["speed"] = speed / size
    return out


def _context(scene: Scene, at: Ints) -> dict[str, Floats]:
    paths = scene.paths
    before, after, size = paths.before[at], paths.after[at], paths.size[at]
    gap = scene.gap[at]
    source = np.where(scene.fragment_source[at] >= 0, scene.fragment_source[at], at)
    previous, following = at - (before > 0), at + (after > 0)
    border = _to_border(scene, at)
    hidden = scene.covered[at]
    camera = scene.camera
    early, now, late = (camera.take(there, axis=1) for there in (previous, at, following))
    shake = np.abs(late - 2 * now + early).max(axis=0)
    left, top, right, bottom = paths.edges.take(at, axis=1)
    width, height = right - left, bottom - top
    return {
        "fragment": scene.fragment[at],
        "fragment_wait": (paths.time[at] - paths.time[source]).astype(np.float64),
        "fragment_grown": np.abs(np.log2(size / paths.size[source])),
        "swap": scene.swap[at],
        "double": scene.double[at],
        "odd_label": scene.odd_label[at],
        "gap": np.minimum(gap, 60).astype(np.float64),
        "gap_next": np.where(after > 0, np.minimum(scene.gap[following], 60), 0).astype(np.float64),
        "gap_rate": np.where(gap > 0, scene.gap_rate[at], 0.0),
        "gap_hidden": np.where(gap > 0, np.maximum(hidden, scene.covered[previous]), 0.0),
        "gap_border": np.where(gap > 0, np.minimum(border, _to_border(scene, previous)), 9.0),
        "size": np.log2(size),
        "shape": np.log2(np.maximum(width, 1e-3) / np.maximum(height, 1e-3)),
        "noise": np.log2(scene.noise.take(at, axis=1).max(axis=0)),
        "slow_noise": np.log2(scene.slow_noise.take(at, axis=1).max(axis=0)),
        "boxes_before": np.minimum(before, 20).astype(np.float64),
        "boxes_after": np.minimum(after, 20).astype(np.float64),
        "border": np.minimum(border, 3.0),
        "hidden": hidden,
        "crowd": np.log2(scene.crowd[at]),
        "heat": scene.heat[at],
        "shake": np.where((before > 0) & (after > 0), shake, 0.0) / size,
    }


def _to_border(scene: Scene, at: Ints) -> Floats:
    """Distance to the border of the image in box sizes; 9 where the image's size is unknown."""
    paths = scene.paths
    left, top, right, bottom = paths.edges.take(at, axis=1)
    near = np.minimum(
        np.minimum(left, top),
        np.minimum(paths.image_width[at] - right, paths.image_height[at] - bottom),
    )
    return np.asarray(np.nan_to_num(near / paths.size[at], nan=9.0))
