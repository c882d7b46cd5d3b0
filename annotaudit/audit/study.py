"""What the rules look at, measured once for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from annotaudit.audit.limits import Limits
from annotaudit.boxes import SIDES, check_boxes
from annotaudit.metrics.expected import REACH, expected_in_order
from annotaudit.metrics.groups import boxes_before, grouped_quantile
from annotaudit.metrics.order import (
    Bools,
    Floats,
    Ints,
    LookedAt,
    TrackOrder,
    codes,
    looked_at,
    sides_in_order,
    track_order,
)
from annotaudit.metrics.tracks import iou_steps, size_steps

FARTHEST = 1e9  # pixels; no image is as large, and no product of two such sides overflows
QUIET = 1.6  # median distance of a box over the lower quartile, for scatter on four edges
CROWD = 5  # objects on a frame that can outvote one of them about the camera
PRIOR_BOXES = 8  # boxes of its own a track needs before its scatter outweighs the sequence's


@dataclass(frozen=True)
class _Fit:
    edges: Floats
    off: Floats
    size: Floats
    suspects: Bools


@dataclass(frozen=True)
class Study:
    """A box table and what is measured on it, each measurement made when first asked for.

    Arrays are in track order unless their name says otherwise.
    """

    boxes: pd.DataFrame
    frames: pd.DataFrame | None
    limits: Limits

    @cached_property
    def order(self) -> TrackOrder:
        """The rows by object, then frame."""
        return track_order(self.boxes, self.frames, self._seen)

    @cached_property
    def _seen(self) -> LookedAt | None:
        known = self.frames is not None and len(self.frames) and len(self.boxes)
        return looked_at(self.boxes, self.frames) if known else None

    def of_objects(self, rows: Ints) -> Study:
        """Study the objects of these rows of the table alone."""
        return _Part(self.boxes, self.frames, self.limits, self, rows)

    @cached_property
    def sides(self) -> Floats:
        """Left, top, width, height, shape (4, n); NaN for what is no box and vouches for none."""
        sides = sides_in_order(self.boxes, self.order)
        sides[:, ~is_a_box(sides)] = np.nan
        return sides

    @cached_property
    def frame(self) -> Ints:
        """Frame number of each box."""
        frame: Ints = self.boxes["frame"].to_numpy()[self.order.rows]
        return frame

    @cached_property
    def sequence(self) -> Ints:
        """A number for the sequence of each box."""
        return codes([self.boxes["sequence"]])[self.order.rows]

    @cached_property
    def iou(self) -> Floats:
        """Overlap with the box before."""
        return iou_steps(self.order, self.sides)

    @cached_property
    def size_change(self) -> Floats:
        """Change of area since the box before."""
        return size_steps(self.order, self.sides)

    @cached_property
    def enters(self) -> Bools:
        """Steps over which an object grows as it comes into view."""
        near_start = boxes_before(self.order.objects) <= self.limits.entry_frames
        return near_start & (self.size_change > self._sliver) & self._slides

    @cached_property
    def leaves(self) -> Bools:
        """Steps over which an object shrinks as it goes out of view."""
        near_end = boxes_before(self.order.objects[::-1])[::-1] < self.limits.entry_frames
        return near_end & (self.size_change < -self._sliver) & self._slides

    @property
    def _sliver(self) -> float:
        """Share of area below which a change at a track's end is scatter, not a view that opens."""
        return self.limits.max_size_change / 2

    @cached_property
    def _slides(self) -> Bools:
        """Steps over which one edge moves and the opposite one stays, or the image cuts the box.

        So does an object that slides out from behind a straight edge, or behind one.
        """
        moved = np.zeros_like(self.edges)
        with np.errstate(invalid="ignore", over="ignore"):
            moved[:, 1:] = np.abs(np.diff(self.edges))
        more, less = np.maximum(moved[:2], moved[2:]), np.minimum(moved[:2], moved[2:])
        most, next_most = more.max(axis=0), np.maximum(more.min(axis=0), less.max(axis=0))
        cut = np.asarray(self.cut_off.any(axis=0))
        cut[1:] |= cut[:-1]
        slides: Bools = cut | (next_most <= 0.5 * most)
        return slides

    @cached_property
    def partly_seen(self) -> Bools:
        """Boxes of an object that is still coming into view, or already going out of it."""
        partly = np.zeros(len(self.order.rows), dtype=bool)
        partly[:-1] = self.enters[1:]
        gone = self.leaves.copy()
        same = self.order.same_object[1:]
        for _ in range(self.limits.entry_frames):
            partly[:-1] |= partly[1:] & same
            gone[1:] |= gone[:-1] & same
        return partly | gone

    @cached_property
    def image_sizes(self) -> Floats:
        """Width and height of the image under each row of the table; :func:`image_sizes`."""
        return image_sizes(self.boxes, self.frames, self._seen)

    @cached_property
    def image_size(self) -> Floats:
        """Width and height of each box's image, NaN where unknown; shape (2, n)."""
        return self.image_sizes[:, self.order.rows]

    @cached_property
    def edges(self) -> Floats:
        """Left, top, right, bottom, shape (4, n)."""
        left, top, width, height = self.sides
        with np.errstate(invalid="ignore", over="ignore"):
            return np.stack([left, top, left + width, top + height])

    @cached_property
    def residuals(self) -> Floats:
        """How far each edge lies from where it is expected, in pixels, shape (4, n).

        NaN for an edge that the border of the image cuts off.
        """
        with np.errstate(invalid="ignore", over="ignore"):
            return self._free_edges - self._fit.edges

    @cached_property
    def expected(self) -> Floats:
        """Box the neighbours suggest, those left out that look wrong themselves; shape (4, n)."""
        edges = self._fit.edges
        unknown = np.isnan(edges)
        # Where only some edges are known, the border cut off the others: they stay where they are.
        left, top, right, bottom = np.where(unknown & ~unknown.all(axis=0), self.edges, edges)
        with np.errstate(invalid="ignore", over="ignore"):
            return np.stack([left, top, right - left, bottom - top])

    @cached_property
    def off(self) -> Floats:
        """Distance of the worst edge from where it is expected, as a share of the box size."""
        return self._fit.off

    @cached_property
    def deviation(self) -> Floats:
        """How many times its track's usual scatter a box is off."""
        fit = self._fit
        quiet = np.where(fit.suspects, np.nan, fit.off)
        return fit.off / self._scatter(quiet, fit.size, share=0.5, widen=1.0)

    @cached_property
    def suspects(self) -> Bools:
        """Boxes that look wrong themselves, so that they vouch for no other."""
        return self._fit.suspects

    @cached_property
    def _free_edges(self) -> Floats:
        return np.where(self.cut_off, np.nan, self.edges)

    @cached_property
    def _fit(self) -> _Fit:
        # What comes into view is drawn right, yet says nothing about where its edges will be.
        edges = self._expect(skip=self.partly_seen)
        off, size = self._off(edges)
        # Neighbours of a mistake look off too, so the quieter half of a track tells its scatter.
        suspects = self._suspects(off / self._scatter(off, size, share=0.25, widen=QUIET))
        if suspects.any():
            better = self._expect(skip=self.partly_seen | suspects)
            edges = np.where(np.isnan(better), edges, better)
            off, size = self._off(edges)
        return _Fit(edges, off, size, suspects)

    def _expect(self, skip: Bools) -> Floats:
        """Expect each edge where the neighbours and the camera's motion put it."""
        expected = expected_in_order(self.order, self._free_edges, skip)
        with np.errstate(invalid="ignore", over="ignore"):
            off = self._free_edges - expected
            # When the camera jerks, every box leaves its own course, and none of them is wrong.
            for start, end in ((0, 2), (1, 3)):
                shift, objects = grouped_quantile(self.moment, (off[start] + off[end]) / 2)
                shift = np.where(objects >= CROWD, shift, 0.0)
                expected[start] += shift
                expected[end] += shift
        return expected

    @cached_property
    def moment(self) -> Ints:
        """A number for the sequence and frame of each box."""
        frame = self.frame - self.frame.min(initial=0)
        moment: Ints = self.sequence * (frame.max(initial=0) + 1) + frame
        return moment

    def _off(self, edges: Floats) -> tuple[Floats, Floats]:
        """Distance of the worst edge as a share of the box size, and that size in pixels."""
        with np.errstate(invalid="ignore", over="ignore"):
            size = np.sqrt(np.abs((edges[2] - edges[0]) * (edges[3] - edges[1])))
            own = np.sqrt(np.abs(self.sides[2] * self.sides[3]))
            size = np.fmax(np.where(np.isnan(size), own, size), 1.0)
            return np.fmax.reduce(np.abs(self._free_edges - edges), axis=0) / size, size

    def _scatter(self, off: Floats, size: Floats, share: float, widen: float) -> Floats:
        """Usual distance of a box of the same track, judged by its sequence while it is short."""
        track, count = grouped_quantile(self.order.objects, off, share)
        sequence, _ = grouped_quantile(self.sequence, off, share)
        mixed = (count * track**2 + PRIOR_BOXES * sequence**2) / (count + PRIOR_BOXES)
        # A track without a quiet box is judged by its sequence alone.
        usual = widen * np.sqrt(np.where(count > 0, mixed, sequence**2))
        return np.fmax(usual, np.maximum(self.limits.min_scatter, 0.5 / size))

    @cached_property
    def cut_off(self) -> Bools:
        """Which edges the border of the image cuts off: they say nothing about motion; (4, n)."""
        near = self.limits.border
        known = ~np.isnan(self.image_size)
        with np.errstate(invalid="ignore", over="ignore"):
            before = known & (self.edges[:2] <= near)
            after = known & (self.image_size - self.edges[2:] <= near)
        return np.concatenate([before, after])

    def _suspects(self, deviation: Floats) -> Bools:
        """Boxes beyond the limit that no clearly worse box of the same track stands beside."""
        beyond = deviation > self.limits.max_deviation
        worst_nearby = np.nan_to_num(deviation, nan=0.0)
        strength = worst_nearby.copy()
        for offset in range(1, REACH + 1):
            same = self.order.objects[offset:] == self.order.objects[:-offset]
            later = np.where(same, strength[offset:], 0.0)
            earlier = np.where(same, strength[:-offset], 0.0)
            np.maximum(worst_nearby[:-offset], later, out=worst_nearby[:-offset])
            np.maximum(worst_nearby[offset:], earlier, out=worst_nearby[offset:])
        return beyond & (strength >= 0.7 * worst_nearby)


@dataclass(frozen=True)
class _Part(Study):
    """Some objects of a larger study."""

    whole: Study
    wanted: Ints

    @cached_property
    def _kept(self) -> Bools:
        order = self.whole.order
        wanted = np.zeros(order.size, dtype=bool)
        wanted[self.wanted] = True
        return np.isin(order.objects, order.objects[wanted[order.rows]])

    @cached_property
    def order(self) -> TrackOrder:
        order, kept = self.whole.order, self._kept
        return TrackOrder(order.rows[kept], order.objects[kept], order.places[kept], order.size)

    @cached_property
    def sequence(self) -> Ints:
        return self.whole.sequence[self._kept]

    @cached_property
    def image_sizes(self) -> Floats:
        return self.whole.image_sizes


def study(
    boxes: pd.DataFrame, frames: pd.DataFrame | None = None, limits: Limits | None = None
) -> Study:
    """Prepare a box table for the rules."""
    known = frames if frames is not None and {"sequence", "frame"} <= set(frames) else None
    return Study(check_boxes(boxes), known, limits or Limits())


def is_a_box(sides: Floats) -> Bools:
    """Whether left, top, width and height, shape (4, n), enclose an area on some image."""
    with np.errstate(invalid="ignore"):
        reachable = (np.abs(sides) <= FARTHEST).all(axis=0)
        drawn: Bools = reachable & (sides[2] > 0) & (sides[3] > 0)
        return drawn


def sides_of(boxes: pd.DataFrame) -> Floats:
    """Left, top, width, height of each row of the table, shape (4, n)."""
    return np.stack([boxes[side].to_numpy(dtype=np.float64) for side in SIDES])


def image_sizes(
    boxes: pd.DataFrame, frames: pd.DataFrame | None, seen: LookedAt | None = None
) -> Floats:
    """Width and height of the image under each row of the table, NaN where unknown; (2, n)."""
    names = ["image_width", "image_height"]
    if frames is None or not set(names) <= set(frames):
        return np.full((2, len(boxes)), np.nan)
    seen = seen or looked_at(boxes, frames)
    sizes = np.full((2, len(seen.frame) + 1), np.nan)  # the last for what lies in no cell
    sizes[:, seen.listed[::-1]] = frames[names].to_numpy(dtype=np.float64)[::-1].T
    sizes[:, -1] = np.nan
    sizes[:, ~(sizes > 0).all(axis=0)] = np.nan
    return sizes[:, seen.cell]
