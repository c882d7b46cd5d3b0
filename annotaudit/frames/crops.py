"""Boxes cut out of a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from annotaudit.errors import FrameError

if TYPE_CHECKING:
    from PIL.Image import Image

GROUND = (127, 127, 127)  # grey: what lies beyond the edge of the picture


def crop_windows(
    boxes: ArrayLike, *, margin: float = 0.0, min_side: float = 1.0
) -> NDArray[np.float64]:
    """Widen boxes by a share of their larger side, to whole pixels.

    Parameters
    ----------
    boxes : float array, shape (n, 4)
        Left, top, width and height, in pixels.
    margin : float
        Added on each side, as a share of the box's larger side.
    min_side : float
        Windows are made at least this wide and high, in pixels.

    Returns
    -------
    float array, shape (n, 4)
        Left, top, right and bottom; NaN for a box with a missing, infinite or negative side.

    Examples
    --------
    >>> crop_windows([[10, 10, 20, 40]], margin=0.1)
    array([[ 6.,  6., 34., 54.]])
    """
    left, top, width, height = np.asarray(boxes, dtype=np.float64).reshape(-1, 4).T
    with np.errstate(invalid="ignore", over="ignore"):
        pad = margin * np.maximum(width, height)
        wider = np.maximum(0.0, min_side - width - 2 * pad) / 2
        higher = np.maximum(0.0, min_side - height - 2 * pad) / 2
        windows = np.column_stack(
            [
                np.floor(left - pad - wider),
                np.floor(top - pad - higher),
                np.ceil(left + width + pad + wider),
                np.ceil(top + height + pad + higher),
            ]
        )
        known = (width >= 0) & (height >= 0) & np.isfinite(windows).all(axis=1)
    windows[~known] = np.nan
    return windows


def crop_boxes(
    image: Image,
    boxes: ArrayLike,
    *,
    margin: float = 0.0,
    pad: bool = False,
    size: tuple[int, int] | None = None,
) -> list[Image | None]:
    """Cut boxes out of a picture.

    Parameters
    ----------
    image : PIL image
    boxes : float array, shape (n, 4)
        Left, top, width and height, in pixels.
    margin : float
        Surroundings to include on each side, as a share of the box's larger side.
    pad : bool
        Whether a box that reaches beyond the picture keeps its shape, the part beyond in grey
        (up to one picture's width and height); otherwise it is clipped.
    size : (width, height), optional
        Scale every crop to this size.

    Returns
    -------
    list of PIL images
        In the order of the boxes; None where nothing of the box lies in the picture, or a side
        is missing or negative.

    Raises
    ------
    FrameError
        If ``boxes`` is not of shape (n, 4).

    Examples
    --------
    >>> import PIL.Image
    >>> crops = crop_boxes(PIL.Image.new("RGB", (100, 50)), [[90, 10, 20, 20], [200, 0, 5, 5]])
    >>> crops[0].size, crops[1]
    ((10, 20), None)
    """
    array = np.asarray(boxes, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != 4:
        raise FrameError(
            f"boxes has shape {array.shape}; expected (n, 4): left, top, width, height. For a "
            "table, pass table[['left', 'top', 'width', 'height']]."
        )
    return [
        _cut(image, window, pad=pad, size=size) for window in crop_windows(array, margin=margin)
    ]


def _cut(
    image: Image, window: NDArray[np.float64], *, pad: bool, size: tuple[int, int] | None
) -> Image | None:
    import PIL.Image

    if not np.isfinite(window).all():
        return None
    extent = np.array([image.width, image.height])
    inside = np.concatenate([np.maximum(window[:2], 0), np.minimum(window[2:], extent)]).astype(int)
    if (inside[2:] <= inside[:2]).any():
        return None
    crop = image.crop(tuple(inside.tolist()))
    if pad:
        # A box a million pixels wide must not become a picture a million pixels wide.
        reach = np.concatenate(
            [np.maximum(window[:2], -extent), np.minimum(window[2:], 2 * extent)]
        )
        outer = reach.astype(int)
        canvas = PIL.Image.new(image.mode, tuple((outer[2:] - outer[:2]).tolist()), GROUND)
        canvas.paste(crop, tuple((inside[:2] - outer[:2]).tolist()))
        crop = canvas
    return crop.resize(size) if size else crop
