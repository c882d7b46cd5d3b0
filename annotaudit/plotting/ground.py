"""The ground boxes are drawn on: a picture or a part of it, on one panel or many."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from annotaudit.errors import LimitError
from annotaudit.frames.opening import as_rgb, open_image
from annotaudit.plotting.style import GROUND

if TYPE_CHECKING:
    import PIL.Image

    Picture = PIL.Image.Image | NDArray[Any] | str | os.PathLike[str] | bytes | BinaryIO | None

Floats = NDArray[np.float64]
FARTHEST = 100_000.0  # pixels; beyond, a drawing library overflows


def panel_grid(
    count: int, columns: int, *, aspect: float = 9 / 16, axes: NDArray[Any] | None = None
) -> NDArray[Any]:
    """Make a row of panels for pictures, wrapped after some columns, or check the given ones.

    Parameters
    ----------
    count, columns : int
    aspect : float
        Height of a panel over its width.
    axes : array of Axes, optional

    Returns
    -------
    array of Axes, shape (count,)

    Examples
    --------
    >>> panel_grid(3, 2).shape
    (3,)
    """
    if axes is not None:
        given = np.asarray(axes, dtype=object).ravel()
        if len(given) < count:
            raise LimitError(
                f"axes holds {len(given)} Axes for {count} panels; expected one for each. Make "
                f"more with plt.subplots(), or leave axes out."
            )
        return given[:count]
    columns = min(count, columns)
    rows = -(-count // columns)
    wide = min(16.0, 5.5 * columns)
    _, grid = plt.subplots(
        rows,
        columns,
        squeeze=False,
        figsize=(wide, rows * (wide / columns * aspect + 0.45)),
        layout="constrained",
    )
    for ax in grid.ravel():
        ax.tick_params(labelbottom=False, labelleft=False, length=0)
    for ax in grid.ravel()[count:]:
        ax.remove()
    panels: NDArray[Any] = grid.ravel()[:count]
    return panels


def as_pixels(image: Picture) -> NDArray[Any] | None:
    """Read a picture from wherever it is into an array."""
    if image is None or isinstance(image, np.ndarray):
        return image
    if hasattr(image, "getexif"):  # a picture of Pillow, without loading Pillow to ask
        return np.asarray(as_rgb(cast("PIL.Image.Image", image)))
    return np.asarray(open_image(cast("str", image)))


def aspect_of(pixels: NDArray[Any] | None) -> float:
    """Height over width, within what makes a readable figure."""
    if pixels is None:
        return 9 / 16
    return float(np.clip(pixels.shape[0] / max(pixels.shape[1], 1), 0.2, 3.0))


def view_of(
    pixels: NDArray[Any] | None,
    drawn: Floats,
    marked: Floats,
    window: Sequence[float] | None,
    size: tuple[float, float] | None,
) -> Floats:
    """Choose what to show: the picture, and what is marked beyond it.

    Parameters
    ----------
    pixels : array or None
    drawn, marked : float arrays, shape (n, 2)
        Points of the boxes, and of those that must be in view.
    window : (left, top, width, height), optional
        Shown instead.
    size : (width, height), optional
        Of the picture, where there is none.

    Returns
    -------
    float array
        Left, top, right and bottom.
    """
    if window is not None:
        left, top, width, height = np.clip(np.asarray(window, np.float64), -FARTHEST, FARTHEST)
        return np.array([left, top, left + max(width, 1.0), top + max(height, 1.0)])
    if pixels is not None:
        extent = np.array([pixels.shape[1], pixels.shape[0]], dtype=np.float64)
    elif size is not None and np.isfinite(size).all():
        extent = np.asarray(size, dtype=np.float64)
    else:
        everything = np.concatenate([drawn, marked])
        extent = np.maximum(everything.max(axis=0, initial=0.0) * 1.05, 1.0)
    # A marked box is shown even if it is off the picture, but not a thousand pictures away.
    low = np.maximum(marked.min(axis=0, initial=0.0), -extent)
    high = np.minimum(np.maximum(marked.max(axis=0, initial=0.0), extent), 2 * extent)
    return np.concatenate([low, high])


def show_picture(
    pixels: NDArray[Any] | None, view: Floats, ax: Axes | None, *, whole: bool
) -> Axes:
    """Show the picture, or grey ground, on Axes in pixels with y down."""
    left, top, right, bottom = view.tolist()
    if ax is None:
        aspect = float(np.clip((bottom - top) / (right - left), 0.2, 3.0))
        wide = min(12.0, 9.0 / aspect)
        _, ax = plt.subplots(figsize=(wide, wide * aspect + 0.4), layout="constrained")
    if pixels is None:
        ax.text(
            0.99,
            0.01,
            "no image",
            transform=ax.transAxes,
            ha="right",
            va="bottom",
            color="white",
            fontsize="small",
            zorder=1,
        )
    else:
        height, width = pixels.shape[:2]
        x0, x1 = (0, width) if whole else np.clip([int(left), int(right) + 1], 0, width).tolist()
        y0, y1 = (0, height) if whole else np.clip([int(top), int(bottom) + 1], 0, height).tolist()
        if x1 > x0 and y1 > y0:
            shown = pixels if whole else pixels[y0:y1, x0:x1].copy()
            ax.imshow(_opaque(shown), extent=(x0, x1, y1, y0), cmap="gray", zorder=0)
    ax.set_facecolor(GROUND)
    ax.set_aspect("equal")
    ax.set(xlim=(left, right), ylim=(bottom, top))
    if ax.xaxis.get_tick_params().get("labelbottom", True):
        ax.set(xlabel="left (px)", ylabel="top (px)")
    return ax


def _opaque(pixels: NDArray[Any]) -> NDArray[Any]:
    """Add the fourth channel that matplotlib wants; it takes five times as long to add it."""
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        return pixels
    import PIL.Image

    return np.asarray(PIL.Image.fromarray(pixels).convert("RGBA"))
