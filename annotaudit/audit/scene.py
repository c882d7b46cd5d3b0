"""What has to be known of whole sequences before one of their boxes can be judged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from annotaudit.audit.screen import Short, largest, screen
from annotaudit.metrics.camera import camera_path
from annotaudit.metrics.identity import fragments, swaps
from annotaudit.metrics.motion import noise
from annotaudit.metrics.overlap import covered, doubles, overlapping_pairs
from annotaudit.metrics.paths import Bools, Floats, Ints, Paths, paths_of
from annotaudit.metrics.straightness import alike_and_still, coarseness, kink_at, runs_of

# A box stands out, beside its motion, from here on; in box sizes.
SAGITTA, SAGITTA_HERE, FROZEN_JUMP, SWAP = 0.03, 0.045, 0.03, 0.1


@dataclass(frozen=True)
class Scene:
    """Measurements of whole sequences; all arrays are aligned to ``paths``."""

    paths: Paths
    edges: Floats  # with the motion of the camera taken out, shape (4, n)
    usable: Bools  # edges not clipped by the image, shape (4, n)
    camera: Floats  # its path, as it moves each edge, shape (4, n)
    noise: Floats  # usual unsteadiness from box to box in x and y, shape (2, n), box sizes
    slow_noise: Floats  # the same against chords over 8 frames
    excursion: Short  # out-and-back over 1 to 3 boxes, shape (4, n), pixels
    unsteady: Short  # logarithm of the unsteadiness over 7 boxes
    straight_start: Ints  # the run of equal steps each box lies in
    straight_length: Ints
    straight_usual: Floats  # share of the object's steps that repeat the one before
    sagitta: Floats  # what such a run may have cut off, told from the kinks at its ends
    sagitta_here: Floats  # the same, at the kink
    still_start: Ints  # the run of boxes that do not move
    still_length: Ints
    still_usual: Floats  # share of the object's steps that do not move it
    covered: Floats
    double: Floats
    fragment: Floats
    fragment_source: Ints
    swap: Floats
    swap_partner: Ints
    odd_label: Floats
    gap: Ints  # frames without a box just before this one
    gap_rate: Floats  # of the other boxes of the scene
    crowd: Floats  # boxes in the frame
    heat: Floats  # share of the other boxes of the frame that look odd
    stands_out: Bools


def scene_of(boxes: pd.DataFrame, frames: pd.DataFrame | None = None) -> Scene:
    """Measure what concerns several objects, or a whole sequence, at once."""
    paths = paths_of(boxes, frames)
    n = len(paths)
    hidden, double = _overlaps(paths)
    camera = camera_path(paths)
    edges = paths.edges - camera
    usable = ~paths.clipped
    step_noise, slow_noise = (noise(paths, edges, usable, reach) for reach in (1, 4))
    seen = screen(paths, edges, usable, step_noise)
    jumps = seen.bend > 2.0
    jumps[1:] |= jumps[:-1].copy()
    fragment, source = fragments(paths)
    swap, partner = swaps(paths, jumps)
    gap = np.zeros(n, dtype=np.int64)
    gap[1:] = np.where(paths.before[1:] > 0, np.diff(paths.time) - 1, 0)
    crowd, heat = _by_frame(paths, seen.bend)
    alike, still = alike_and_still(paths, coarseness(paths))
    straight_start, straight_length = runs_of(alike)
    # The first step of a run has none before it to be equal to.
    early = straight_start - ((straight_length > 0) & (paths.before[straight_start] > 0))
    straight_length, straight_start = straight_length + (straight_start - early), early
    sagitta, sagitta_here = _sagittas(paths, straight_start, straight_length)
    still_start, still_length = runs_of(still)
    odd_label = _odd_labels(boxes, paths)
    stands_out = (
        seen.stands_out
        | (sagitta > SAGITTA)
        | (sagitta_here > SAGITTA_HERE)
        | _frozen(paths, still_start, still_length)
        | (swap > SWAP)
        | (fragment > 0)
        | (double > 0)
        | (odd_label > 0)
        | (gap > 0)
        | ~paths.sound
    )
    return Scene(
        paths=paths,
        edges=edges,
        usable=usable,
        camera=camera,
        noise=step_noise,
        slow_noise=slow_noise,
        excursion=seen.excursion,
        unsteady=seen.unsteady,
        straight_start=straight_start,
        straight_length=straight_length,
        straight_usual=_share_of_track(paths, alike),
        sagitta=sagitta,
        sagitta_here=sagitta_here,
        still_start=still_start,
        still_length=still_length,
        still_usual=_share_of_track(paths, still),
        covered=hidden,
        double=double,
        fragment=fragment,
        fragment_source=source,
        swap=swap,
        swap_partner=partner,
        odd_label=odd_label,
        gap=gap,
        gap_rate=_share_of_scene(paths, gap > 0),
        crowd=crowd,
        heat=heat,
        stands_out=stands_out,
    )


def _frozen(paths: Paths, start: Ints, length: Ints) -> Bools:
    """Tell the boxes that stand still before they jump."""
    frozen = length >= 2
    at = np.flatnonzero(frozen)
    onward = np.minimum(start[at] + length[at] + 1, at + paths.after[at])
    jump = largest(np.abs(paths.edges.take(onward, axis=1) - paths.edges.take(at, axis=1)))
    frozen[at] = jump > FROZEN_JUMP * paths.size[at]
    return frozen


def _overlaps(paths: Paths) -> tuple[Floats, Floats]:
    """Covered shares and doubles; the pairs they come from, several a box, are not kept."""
    pairs = overlapping_pairs(paths)
    return covered(paths, pairs), doubles(paths, pairs)


def _sagittas(paths: Paths, start: Ints, length: Ints) -> tuple[Floats, Floats]:
    """What straight runs may have cut off, in box sizes: kinks at their ends times a quarter.

    A chord of k frames whose ends turn by v pixels a frame replaces a path that bulges by about
    k * v / 4. The first value is the greater of the run's two ends, given to all its boxes; the
    second the kink of the box itself, times the longer run that ends or begins there.
    """
    n = len(paths)
    through, here = np.zeros(n), np.zeros(n)
    at = np.arange(n)
    second = np.flatnonzero((at > start) & (length >= 3))
    second = second[np.append(True, np.diff(start[second]) > 0)[: len(second)]]
    begins, steps = start[second], length[second]
    ends = begins + steps
    sharp = [
        largest(kink_at(side, paths.edges, ~paths.clipped, paths.before, paths.after, 4))
        / paths.size[side]
        for side in (begins, ends)
    ]
    strong = np.maximum(*sharp) * steps / 4
    for side, kink in zip((begins, ends), sharp, strict=True):
        np.maximum.at(here, side, kink * steps / 4)
    in_run = (length >= 3) & (at > start)
    run = np.searchsorted(begins, start[in_run])
    through[in_run] = strong[run]
    return through, here


def _by_frame(paths: Paths, bend: Short) -> tuple[Floats, Floats]:
    """Boxes in the frame of each box, and the share of the others that look odd in it."""
    count = np.bincount(paths.moment)[paths.moment].astype(np.float64)
    odd = bend > 3.0
    others = np.bincount(paths.moment, odd)[paths.moment] - odd
    return count, others / np.maximum(count - 1, 1)


def _share_of_scene(paths: Paths, flag: Bools) -> Floats:
    """Share of flagged boxes among the others of the same scene."""
    first = np.flatnonzero(np.append(True, paths.scene[1:] != paths.scene[:-1]))[: len(paths)]
    if not len(first):
        return np.zeros(0)
    sizes = np.diff(np.append(first, len(paths)))
    total = np.repeat(np.add.reduceat(flag.astype(np.int64), first), sizes)
    return np.asarray((total - flag) / np.maximum(np.repeat(sizes, sizes) - 1, 1))


def _share_of_track(paths: Paths, flag: Bools) -> Floats:
    """Share of flagged boxes of the same object more than ten boxes away, as if 5 were not."""
    total = np.append(0, np.cumsum(flag))
    at = np.arange(len(paths))
    start, end = at - paths.before, at + paths.after + 1
    low, high = np.maximum(at - 10, start), np.minimum(at + 11, end)
    far = (total[end] - total[start]) - (total[high] - total[low])
    return np.asarray(far / ((end - start) - (high - low) + 5))


def _odd_labels(boxes: pd.DataFrame, paths: Paths) -> Floats:
    """Share of the object's boxes under another label, where this one is not the commonest."""
    label = pd.factorize(boxes["label"], sort=True)[0][paths.row].astype(np.int64)
    odd = np.zeros(len(paths))
    changed = np.zeros(len(paths), dtype=bool)
    changed[1:] = (label[1:] != label[:-1]) & (paths.before[1:] > 0)
    if not changed.any():
        return odd
    mixed = np.flatnonzero(np.isin(paths.thing, paths.thing[changed]))
    span = int(label.max()) + 2
    pair, inside, count = np.unique(
        paths.thing[mixed] * span + label[mixed] + 1, return_inverse=True, return_counts=True
    )
    first = np.flatnonzero(np.append(True, pair[1:] // span != pair[:-1] // span))
    most = np.repeat(np.maximum.reduceat(count, first), np.diff(np.append(first, len(pair))))
    length = (paths.before + paths.after + 1)[mixed]
    share = 1 - count[inside] / length
    odd[mixed] = np.where(count[inside] < most[inside], share, 0.0)
    return odd
