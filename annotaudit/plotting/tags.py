"""Many small captions at once: two hundred matplotlib texts take longer than the whole picture."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from matplotlib.artist import Artist, allow_rasterization
from matplotlib.backend_bases import RendererBase
from matplotlib.colors import to_rgba
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D
from numpy.typing import ArrayLike, NDArray

from annotaudit.plotting.style import ink_on, legible

_POINTS = 100.0  # outlines are made at this size and scaled
_RUNS = re.compile(r"\d|\s+|\$|[^\d\s$]+")  # a dollar sign by itself begins no formula


class Tags(Artist):
    """Captions on coloured grounds, each above its own point of the data.

    A caption is drawn as outlines that are made once for each word and digit. At the upper and
    right edge of the Axes it is moved inside, so that it can be read.

    Parameters
    ----------
    points : float array, shape (n, 2)
        Lower left corner of each caption, in data coordinates.
    texts : list of str
    colors : list of colours
        The grounds; the text is black or white.
    size : float
        Height of the letters in points.
    alpha : float
        Opacity of the grounds.
    """

    def __init__(
        self,
        points: ArrayLike,
        texts: Sequence[object],
        colors: Sequence[Any],
        *,
        size: float = 8.0,
        alpha: float = 0.85,
    ) -> None:
        super().__init__()
        self.points = np.asarray(points, dtype=np.float64).reshape(-1, 2)
        self.texts = [legible(text) for text in texts]
        self.colors = list(colors)
        self.size = size
        self.ground_alpha = alpha
        self.set_zorder(4)
        self.set_in_layout(False)  # they stay inside the Axes

    @allow_rasterization  # type: ignore[untyped-decorator]
    def draw(self, renderer: RendererBase) -> None:
        """Draw every caption, the later above the earlier."""
        if not self.get_visible() or self.axes is None:
            return
        pixels = float(np.asarray(renderer.points_to_pixels(self.size)))
        bounds = self.axes.bbox
        font = FontProperties()
        context = renderer.new_gc()
        context.set_clip_rectangle(bounds)
        context.set_linewidth(0)
        places = self.axes.transData.transform(self.points)
        for (x, y), text, color in zip(places, self.texts, self.colors, strict=True):
            outline, advance = _outline(text, font)
            width, height = (advance / _POINTS + 0.5) * pixels, 1.3 * pixels
            if not (
                bounds.x0 - width < x < bounds.x1 and bounds.y0 - height < y < bounds.y1 + height
            ):
                continue
            x = max(bounds.x0, min(x, bounds.x1 - width))
            y = min(y, bounds.y1 - height)
            ground = Affine2D.from_values(width, 0, 0, height, x, y)
            renderer.draw_path(
                context, Path.unit_rectangle(), ground, to_rgba(color, self.ground_alpha)
            )
            scale = pixels / _POINTS
            letters = Affine2D.from_values(scale, 0, 0, scale, x + 0.25 * pixels, y + 0.32 * pixels)
            renderer.draw_path(context, outline, letters, to_rgba(ink_on(color)))
        context.restore()


@lru_cache(maxsize=4096)
def _outline(text: str, font: FontProperties) -> tuple[Path, float]:
    """Join the outlines of a text's words and digits, and measure how far it runs."""
    vertices: list[NDArray[Any]] = []
    codes: list[NDArray[Any]] = []
    advance = 0.0
    for run in _RUNS.findall(text):
        outline, width = _run(run, font)
        if outline is not None and outline.codes is not None:
            vertices.append(np.asarray(outline.vertices) + [advance, 0.0])
            codes.append(np.asarray(outline.codes))
        advance += width
    if not vertices:
        return Path(np.empty((0, 2))), advance
    return Path(np.concatenate(vertices), np.concatenate(codes)), advance


@lru_cache(maxsize=1024)
def _run(run: str, font: FontProperties) -> tuple[Path | None, float]:
    def extent(text: str) -> float:
        return float(_text_path(text, font).get_extents().width)

    # Alone, an outline ends with its ink; between two letters, the space around it counts too.
    width = extent(f"H{run}H") - extent("HH")
    return (None if run.isspace() else _text_path(run, font)), width


def _text_path(text: str, font: FontProperties) -> TextPath:
    return TextPath((0, 0), text, size=_POINTS, prop=font, usetex=False)
