"""Arithmetic on boxes: arrays in, arrays out.

A box is ``left, top, width, height`` in pixels, half-open: its right edge, ``left + width``, is
the first pixel column that no longer belongs to it. Two boxes that only touch share nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def _as_boxes(boxes: ArrayLike, name: str) -> Floats:
    array = np.asarray(boxes, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != 4:
        raise ValueError(
            f"{name} has shape {array.shape}; expected (n, 4): left, top, width, height. "
            f"A single box is [[left, top, width, height]]."
        )
    return array


def area(boxes: ArrayLike) -> Floats:
    """Area of each box in square pixels; NaN where a side is missing or negative.

    Parameters
    ----------
    boxes : float array, shape (n, 4)
        Left, top, width and height, in pixels.

    Returns
    -------
    float array, shape (n,)

    Examples
    --------
    >>> area([[0, 0, 4, 5], [0, 0, -4, 5]])
    array([20., nan])
    """
    array = _as_boxes(boxes, "boxes")
    width, height = array[:, 2], array[:, 3]
    with np.errstate(invalid="ignore"):
        return np.where((width >= 0) & (height >= 0), width * height, np.nan)


def xywh_to_xyxy(boxes: ArrayLike) -> Floats:
    """Turn left, top, width, height into left, top, right, bottom.

    Parameters
    ----------
    boxes : float array, shape (n, 4)

    Returns
    -------
    float array, shape (n, 4)

    Examples
    --------
    >>> xywh_to_xyxy([[10, 20, 3, 4]])
    array([[10., 20., 13., 24.]])
    """
    array = _as_boxes(boxes, "boxes")
    return np.column_stack([array[:, :2], array[:, :2] + array[:, 2:]])


def xyxy_to_xywh(corners: ArrayLike) -> Floats:
    """Turn left, top, right, bottom into left, top, width, height.

    Parameters
    ----------
    corners : float array, shape (n, 4)

    Returns
    -------
    float array, shape (n, 4)

    Examples
    --------
    >>> xyxy_to_xywh([[10, 20, 13, 24]])
    array([[10., 20.,  3.,  4.]])
    """
    array = _as_boxes(corners, "corners")
    return np.column_stack([array[:, :2], array[:, 2:] - array[:, :2]])


def iou(a: ArrayLike, b: ArrayLike) -> Floats:
    """Share of overlap of two lists of boxes, paired row by row (the Jaccard index).

    Parameters
    ----------
    a, b : float arrays, shape (n, 4)
        Left, top, width and height, in pixels.

    Returns
    -------
    float array, shape (n,)
        0 if apart or only touching, 1 if the same box, NaN if a side is missing, infinite or
        negative, or if both boxes are empty.

    Raises
    ------
    ValueError
        If the shapes differ or are not (n, 4).

    References
    ----------
    Jaccard (1912), New Phytologist 11:37, doi:10.1111/j.1469-8137.1912.tb05611.x

    Examples
    --------
    >>> iou([[0, 0, 10, 10], [0, 0, 10, 10]], [[0, 0, 10, 5], [25, 25, 10, 10]])
    array([0.5, 0. ])
    """
    first, second = _as_boxes(a, "a"), _as_boxes(b, "b")
    if first.shape != second.shape:
        raise ValueError(
            f"a has {len(first)} boxes and b has {len(second)}; iou() compares them row by row. "
            "Use pairwise_iou() to compare each with each."
        )
    return _overlap_share(first.T, second.T)


def pairwise_iou(a: ArrayLike, b: ArrayLike) -> Floats:
    """Share of overlap of each box of one list with each box of another.

    Parameters
    ----------
    a : float array, shape (n, 4)
    b : float array, shape (m, 4)
        Left, top, width and height, in pixels.

    Returns
    -------
    float array, shape (n, m)
        As in :func:`iou`. Takes ``8 * n * m`` bytes a few times over: meant for the boxes of a
        frame, not of a video.

    Raises
    ------
    ValueError
        If a shape is not (n, 4).

    Examples
    --------
    >>> pairwise_iou([[0, 0, 10, 10]], [[0, 0, 10, 5], [0, 0, 10, 10], [90, 90, 5, 5]])
    array([[0.5, 1. , 0. ]])
    """
    first, second = _as_boxes(a, "a"), _as_boxes(b, "b")
    return _overlap_share(first.T[:, :, None], second.T[:, None, :])


def _overlap_share(first: Floats, second: Floats) -> Floats:
    """IoU of boxes given side by side: axis 0 is left, top, width, height; the rest broadcasts."""
    (ax, ay, aw, ah), (bx, by, bw, bh) = first, second
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        wide = np.minimum(ax + aw, bx + bw) - np.maximum(ax, bx)
        high = np.minimum(ay + ah, by + bh) - np.maximum(ay, by)
        shared = np.maximum(wide, 0.0) * np.maximum(high, 0.0)
        union = aw * ah + bw * bh - shared
        share: Floats = np.minimum(shared / union, 1.0)
        unknown = ~((aw >= 0) & (ah >= 0) & (bw >= 0) & (bh >= 0))
        unknown |= ~np.isfinite(union) | ~np.isfinite(wide + high)
    share[unknown] = np.nan
    return share
