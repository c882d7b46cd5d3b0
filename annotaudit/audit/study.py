"""What the rules look at, measured once for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from annotaudit.audit.limits import Limits
from annotaudit.boxes import SIDES, check_boxes
from annotaudit.metrics.expected import REACH, edge_residuals, expected_in_order
from annotaudit.metrics.order import (
    Bools,
    Floats,
    Ints,
    TrackOrder,
    codes,
    sides_in_order,
    track_order,
)
from annotaudit.metrics.tracks import iou_steps, size_steps

CROWD = 5  # objects on a frame that can outvote one of them about the camera
PRIOR_BOXES = 8  # boxes of its own a track needs before its scatter outweighs the sequence's


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
        return track_order(self.boxes, self.frames)

    @cached_property
    def sides(self) -> Floats:
        """Left, top, width, height, shape (4, n)."""
        return sides_in_order(self.boxes, self.order)

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
    def image_size(self) -> Floats:
        """Width and height of each box's image, NaN where unknown; shape (2, n)."""
        return image_sizes(self.boxes, self.frames)[:, self.order.rows]

    @cached_property
    def expected(self) -> Floats:
        """Box the neighbours suggest, those left out that look wrong themselves; shape (4, n)."""
        return self._fit[0]

    @cached_property
    def off(self) -> Floats:
        """Distance of the worst edge from where it is expected, as a share of the box size."""
        return self._fit[1]

    @cached_property
    def scatter(self) -> Floats:
        """Usual distance of a box of this track, same unit."""
        return self._fit[2]

    @cached_property
    def deviation(self) -> Floats:
        """How many times its track's usual scatter a box is off."""
        return self.off / self.scatter

    @cached_property
    def suspects(self) -> Bools:
        """Boxes that look wrong themselves, so that they vouch for no other."""
        return self._fit[3]

    @cached_property
    def _fit(self) -> tuple[Floats, Floats, Floats, Bools]:
        expected = self._with_camera(expected_in_order(self.order, self.sides))
        off, scatter = self._off_and_scatter(expected)
        suspects = self._suspects(off / scatter)
        if suspects.any():
            # What looks wrong vouches for nothing: its neighbours are judged without it.
            better = expected_in_order(self.order, self.sides, skip=suspects)
            expected = np.where(np.isnan(better), expected, self._with_camera(better))
            off, _ = self._off_and_scatter(expected)
        return expected, off, scatter, suspects

    def _with_camera(self, expected: Floats) -> Floats:
        """Move the expected boxes of a frame by what most of its objects are off together.

        When the camera jerks, every box leaves its own course, and none of them is wrong.
        """
        moved = expected.copy()
        for axis in (0, 1):
            with np.errstate(invalid="ignore", over="ignore"):
                off = (self.sides - expected)[axis] + (self.sides - expected)[axis + 2] / 2
            shift, objects = grouped_median(self.moment, off)
            moved[axis] += np.where(objects >= CROWD, shift, 0.0)
        return moved

    @cached_property
    def moment(self) -> Ints:
        """A number for the sequence and frame of each box."""
        return codes([self.boxes["sequence"], self.boxes["frame"]])[self.order.rows]

    def _off_and_scatter(self, expected: Floats) -> tuple[Floats, Floats]:
        residuals, size = edge_residuals(self.order, self.sides, expected)
        residuals[self.cut_off] = 0.0
        with np.errstate(invalid="ignore"):
            off: Floats = np.abs(residuals).max(axis=0) / size
        track, count = grouped_median(self.order.objects, off)
        sequence, _ = grouped_median(self.sequence, off)
        mixed = (count * track**2 + PRIOR_BOXES * sequence**2) / (count + PRIOR_BOXES)
        floor = np.maximum(self.limits.min_scatter, 0.5 / size)
        return off, np.fmax(np.sqrt(mixed), floor)

    @cached_property
    def cut_off(self) -> Bools:
        """Which edges the border of the image cuts off: they say nothing about motion; (4, n)."""
        left, top, width, height = self.sides
        near = self.limits.border
        with np.errstate(invalid="ignore", over="ignore"):
            right_gap, bottom_gap = self.image_size - np.stack([left + width, top + height])
            known = ~np.isnan(self.image_size[0])
            return np.stack(
                [
                    known & (left <= near),
                    known & (top <= near),
                    right_gap <= near,
                    bottom_gap <= near,
                ]
            )

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


def study(
    boxes: pd.DataFrame, frames: pd.DataFrame | None = None, limits: Limits | None = None
) -> Study:
    """Prepare a box table for the rules."""
    known = frames if frames is not None and {"sequence", "frame"} <= set(frames) else None
    return Study(check_boxes(boxes), known, limits or Limits())


def grouped_median(groups: Ints, values: Floats) -> tuple[Floats, Floats]:
    """Median of what is known in each row's group, and how many are known; one value per row."""
    if not len(groups):
        return values, values
    known = ~np.isnan(values)
    _, group = np.unique(groups, return_inverse=True)
    count = np.bincount(group[known], minlength=group.max() + 1)
    ordered = values[known][np.lexsort((values[known], group[known]))]
    start = np.cumsum(count) - count
    if not len(ordered):
        return np.full(len(values), np.nan), np.zeros(len(values))
    last = len(ordered) - 1
    lower = ordered[np.minimum(start + np.maximum(count - 1, 0) // 2, last)]
    upper = ordered[np.minimum(start + count // 2, last)]
    median = np.where(count > 0, (lower + upper) / 2, np.nan)
    return median[group], count[group].astype(np.float64)


def sides_of(boxes: pd.DataFrame) -> Floats:
    """Left, top, width, height of each row of the table, shape (4, n)."""
    sides: Floats = boxes[list(SIDES)].to_numpy(dtype=np.float64).T
    return sides


def image_sizes(boxes: pd.DataFrame, frames: pd.DataFrame | None) -> Floats:
    """Width and height of the image under each row of the table, NaN where unknown; (2, n)."""
    names = ["image_width", "image_height"]
    if frames is None or not set(names) <= set(frames):
        return np.full((2, len(boxes)), np.nan)
    sizes = frames[["sequence", "frame", *names]].drop_duplicates(["sequence", "frame"])
    if not sizes[names].notna().to_numpy().any():
        return np.full((2, len(boxes)), np.nan)
    merged = boxes[["sequence", "frame"]].merge(sizes, on=["sequence", "frame"], how="left")
    found: Floats = merged[names].to_numpy(dtype=np.float64).T
    return np.where((found > 0).all(axis=0), found, np.nan)
