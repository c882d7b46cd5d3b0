"""By how much boxes stick out of their image, and whether that is how they are drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from annotaudit.metrics.order import Bools, Floats, Ints

EXACT = 0.01  # pixels; less is the rounding of a file that gives shares of the image
HABIT = 5  # boxes drawn past the border from which on it may be a style


def overhang(sides: Floats, image_size: Floats) -> Floats:
    """Measure how far each box reaches beyond the left, upper, right and lower border.

    Parameters
    ----------
    sides : float array, shape (4, n)
    image_size : float array, shape (2, n)
        NaN where unknown; nothing is beyond a border that is not known.

    Returns
    -------
    float array, shape (4, n)
        Pixels; negative for a box that ends before the border.

    Examples
    --------
    >>> overhang(np.array([[-3.0], [5], [40], [20]]), np.array([[30.0], [np.nan]])).T.tolist()
    [[3.0, -5.0, 7.0, -inf]]
    """
    left, top, width, height = sides
    with np.errstate(invalid="ignore", over="ignore"):
        wide, high = np.nan_to_num(image_size, nan=np.inf)
        return np.stack([-left, -top, left + width - wide, top + height - high])


def clipped(sides: Floats, image_size: Floats) -> Floats:
    """Cut boxes off at the border of their image; shape (4, n)."""
    wide, high = np.nan_to_num(image_size, nan=np.inf)
    left, top, width, height = sides
    with np.errstate(invalid="ignore", over="ignore"):
        start = np.maximum(sides[:2], 0.0)
        end = np.minimum([left + width, top + height], [wide, high])
        # A box that stays as it is keeps its width to the last digit.
        beyond = overhang(sides, image_size) > EXACT
        size = np.where(beyond[:2] | beyond[2:], end - start, sides[2:])
    return np.concatenate([np.where(beyond[:2], start, sides[:2]), size])


@dataclass(frozen=True)
class Outside:
    """How boxes lie to the border of their image; arrays by row.

    Parameters
    ----------
    out : bool array
        Boxes that reach beyond the border, while enough of each is inside to tell where it belongs.
    style : bool array
        Rows of an annotator and sequence where more boxes are drawn past the border than end at
        it: whole objects, the hidden part guessed. That is a convention, and no mistake.
    by : float array
        By how many pixels each sticks out.
    """

    out: Bools
    style: Bools
    by: Floats


def outside(
    sides: Floats,
    image_size: Floats,
    drawn: Bools,
    group: Ints,
    *,
    max_overhang: Floats,
    max_outside: Floats,
) -> Outside:
    """Measure how boxes lie to the border.

    Parameters
    ----------
    sides : float array, shape (4, n)
    image_size : float array, shape (2, n)
    drawn : bool array
        Rows that enclose an area.
    group : int array
        Equal for rows of one annotator and sequence, who draw in one style.
    max_overhang, max_outside : float array
        See ``LintLimits``.
    """
    cut = clipped(sides, image_size)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        inside = np.maximum(cut[2], 0) * np.maximum(cut[3], 0)
        fits = drawn & (1 - inside / (sides[2] * sides[3]) <= max_outside) & (inside > 0)
    by = np.max(overhang(sides, image_size), axis=0, initial=-np.inf)
    _, number = np.unique(group, return_inverse=True)
    n = number.max(initial=-1) + 1
    past = np.bincount(number[fits & (by > max_overhang)], minlength=n)
    ending = np.bincount(number[fits & (np.abs(by) <= max_overhang)], minlength=n)
    style = (past >= HABIT) & (past > ending)
    return Outside(fits & (by > EXACT), style[number], by)
