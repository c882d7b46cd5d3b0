"""Rules about a box by itself, and about coordinates that mean something else."""

from __future__ import annotations

import numpy as np
import pandas as pd

from annotaudit.audit.shapes import find_impossible_box
from annotaudit.linting.findings import about_boxes, about_places, join_findings, of_the_audit
from annotaudit.linting.subject import Subject
from annotaudit.metrics.order import Bools

FEW = 10  # boxes; from fewer, nothing is said about how a sequence counts its pixels


def find_impossible_boxes(subject: Subject) -> pd.DataFrame:
    """Find boxes with a side that is missing, infinite, zero or negative."""
    found = of_the_audit(find_impossible_box(subject.study))
    sides = found[["left", "top", "width", "height"]].to_numpy(dtype=np.float64).T
    fix = pd.Series("drop_empty", index=found.index, dtype=found["fix"].dtype)
    return found.assign(fix=fix.where(is_empty(sides)))


def is_empty(sides: np.ndarray) -> Bools:
    """Boxes that show nothing: a side of zero and no other fault, or no number at all.

    A negative or infinite side is not among them: where such a box was meant to be, a person must
    say.

    Examples
    --------
    >>> is_empty(np.array([[5.0, 5, 5], [5, 5, 5], [0, -3, 0], [7, 7, -7]])).tolist()
    [True, False, False]
    """
    with np.errstate(invalid="ignore"):
        flat = np.isfinite(sides).all(axis=0) & (sides[2:] >= 0).all(axis=0)
        flat &= (sides[2:] == 0).any(axis=0)
    empty: Bools = flat | np.isnan(sides).all(axis=0)
    return empty


def find_tiny_boxes(subject: Subject) -> pd.DataFrame:
    """Find boxes whose shorter side is below what is of use for their class."""
    limit = subject.limits.column("min_side", subject.boxes["label"])
    side = subject.sides[2:].min(axis=0, initial=np.inf)
    rows = np.flatnonzero(subject.drawn & (side < limit) & ~_in_shares(subject))
    return about_boxes(
        subject.boxes,
        rows,
        value=side[rows],
        limit=limit[rows],
        unit="px",
        reason=[
            f"Only {value:.3g} px {'wide' if is_wide else 'high'}; a click without a drag? "
            "Draw it again or delete it."
            for value, is_wide in zip(
                side[rows], subject.sides[2, rows] <= subject.sides[3, rows], strict=True
            )
        ],
    )


def _in_shares(subject: Subject) -> Bools:
    """Rows of sequences whose coordinates all lie between 0 and 1."""
    left, top, width, height = subject.sides
    with np.errstate(invalid="ignore", over="ignore"):
        within = (np.minimum(left, top) >= -0.01) & (np.maximum(left + width, top + height) <= 1.01)
    sequence, names = pd.factorize(subject.boxes["sequence"])
    n = len(names)
    drawn = np.bincount(sequence[subject.drawn], minlength=n)
    small = np.bincount(sequence[subject.drawn & within], minlength=n)
    shares: Bools = ((drawn >= 3) & (small == drawn))[sequence]
    return shares


def find_normalised(subject: Subject) -> pd.DataFrame:
    """Find sequences whose coordinates are shares of the image instead of pixels."""
    boxes = subject.boxes[_in_shares(subject)]
    by_sequence = boxes.groupby("sequence")
    places = by_sequence["frame"].min().reset_index()
    count = by_sequence.size().to_numpy()
    return about_places(
        places,
        about="sequence",
        value=1.0,
        limit=1.01,
        unit="largest coordinate",
        reason=[
            f"All {n:,} boxes lie between 0 and 1: shares of the image, not pixels. Multiply by "
            "its width and height; if they are YOLO's, load them with format='yolo', which also "
            "knows that its boxes are given by their centre."
            for n in count
        ],
    )


def find_corners(subject: Subject) -> pd.DataFrame:
    """Find sequences whose widths and heights look like right and lower edges.

    There every "width" is larger than the left edge and every "height" larger than the upper one,
    and, where the size of the image is known, most boxes would reach beyond it, though their
    width and height by themselves do not.
    """
    left, top, width, height = subject.sides
    wide, high = subject.image_size
    with np.errstate(invalid="ignore", over="ignore"):
        as_corners = subject.drawn & (width > left) & (height > top) & (left >= 0) & (top >= 0)
        beyond = (left + width > wide) | (top + height > high)
        within = ~((width > wide + 1) | (height > high + 1))
        apart = (left > width - left) & (top > height - top)  # the boxes that the edges would give
    table = pd.DataFrame(
        {
            "sequence": subject.boxes["sequence"],
            "frame": subject.boxes["frame"],
            "drawn": subject.drawn,
            "corners": as_corners & within,
            "beyond": subject.drawn & beyond,
            "sized": subject.drawn & ~np.isnan(wide),
            "inner": subject.drawn & apart,
        }
    )
    sums = table.groupby("sequence").agg(
        frame=("frame", "min"), **{name: (name, "sum") for name in table.columns[2:]}
    )
    all_fit = (sums["drawn"] >= FEW) & (sums["corners"] == sums["drawn"])
    known = sums["sized"] == sums["drawn"]
    # Without the size of the image, boxes in all parts of it must agree.
    sure = np.where(
        known, sums["beyond"] > 0.3 * sums["drawn"], sums["inner"] > 0.3 * sums["drawn"]
    )
    found = sums[all_fit & sure].reset_index()
    return about_places(
        found,
        about="sequence",
        value=np.where(found["sized"] > 0, found["beyond"], found["inner"]) / found["drawn"],
        limit=0.3,
        unit="share of boxes",
        reason=[
            f"In all {n:,} boxes the width is larger than left and the height larger than top: "
            "they look like right and lower edges. Subtract left from width and top from height."
            for n in found["drawn"]
        ],
    )


def find_one_based_pixels(subject: Subject) -> pd.DataFrame:
    """Find sequences whose boxes end one pixel beyond the image and never begin at its first."""
    left, top, width, height = subject.sides
    wide, high = subject.image_size
    found = []
    for start, extent, size, names in (
        (left, width, wide, ("left", "right")),
        (top, height, high, ("top", "lower")),
    ):
        with np.errstate(invalid="ignore", over="ignore"):
            by = start + extent - size
            table = pd.DataFrame(
                {
                    "sequence": subject.boxes["sequence"],
                    "frame": subject.boxes["frame"],
                    "one": subject.drawn & (np.abs(by - 1) < 1e-3),
                    "more": subject.drawn & (by > 1.001),
                    "zero": subject.drawn & (start < 0.999),
                }
            )
        sums = table.groupby("sequence").agg(
            frame=("frame", "min"), **{name: (name, "sum") for name in ("one", "more", "zero")}
        )
        some = sums[(sums["one"] >= 5) & (sums["zero"] == 0) & (sums["more"] == 0)].reset_index()
        found.append(
            about_places(
                some,
                about="sequence",
                value=some["one"],
                limit=5,
                unit="boxes",
                reason=[
                    f"{n:,} boxes end exactly 1 px beyond the {names[1]} border, and none begins "
                    f"at 0: pixels seem to be counted from 1. Subtract 1 from {names[0]}."
                    for n in some["one"]
                ],
            )
        )
    return join_findings(found)
