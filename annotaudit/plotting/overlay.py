"""Boxes drawn over pictures."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from annotaudit.boxes import SIDES
from annotaudit.errors import BoxTableError, LimitError
from annotaudit.frames import open_image
from annotaudit.frames.opening import as_rgb
from annotaudit.plotting.style import (
    ALERT,
    GROUND,
    MUTED,
    PLAIN,
    SEVERITY_COLORS,
    legible,
    stable_colors,
)
from annotaudit.plotting.tags import Tags

if TYPE_CHECKING:
    import PIL.Image

    Picture = PIL.Image.Image | NDArray[Any] | str | os.PathLike[str] | bytes | BinaryIO | None

Floats = NDArray[np.float64]
EXPECTED = ("expected_left", "expected_top", "expected_width", "expected_height")
DASHES = (0, (5, 3))
FARTHEST = 100_000.0  # pixels; beyond, a drawing library overflows


def draw_boxes(
    image: Picture,
    boxes: pd.DataFrame,
    *,
    highlight: pd.DataFrame | None = None,
    by: str | None = None,
    colors: Mapping[Hashable, str] | None = None,
    tags: bool | str = True,
    legend: bool | None = None,
    window: Sequence[float] | None = None,
    size: tuple[float, float] | None = None,
    ax: Axes | None = None,
    **box_style: Any,
) -> Axes:
    """Draw boxes over a picture.

    Parameters
    ----------
    image : PIL image, array, path, address, bytes or None
        The picture; None draws over what the Axes show already, or else on grey ground.
    boxes : DataFrame
        The boxes to draw, usually those of one frame; see ``annotaudit.boxes.COLUMNS``. Boxes
        with a missing side are left out.
    highlight : DataFrame, optional
        Findings, as from ``annotaudit.audit()``: those of the frame of ``boxes`` are drawn thick,
        in the colour of their severity and under a marker, the expected box dashed.
    by : str, optional
        Column that decides the colour: ``"track"``, ``"annotator"`` or ``"label"``. By default
        the first of them that tells the boxes apart.
    colors : dict, optional
        Value of ``by`` to colour, as from ``annotaudit.plotting.stable_colors()``.
    tags : bool or str
        Whether to caption each box, and with which column. By default its track or else label.
    legend : bool, optional
        By default where the colour means something that no tag says, and twelve entries suffice.
    window : (left, top, width, height), optional
        The part of the picture to show, in pixels; only this part is kept in memory.
    size : (width, height), optional
        Of the picture, where there is none to show.
    ax : Axes, optional
    **box_style
        Passed to the one collection that holds the boxes: ``color``, ``linewidth``,
        ``linestyle``, ``facecolor``, ``alpha``, ... The look of the well-known tutorial is
        ``color="#32cd32", linewidth=1, tags=False``.

    Returns
    -------
    Axes
        In pixels of the picture, y down.

    Raises
    ------
    FrameError
        If the picture cannot be opened.
    BoxTableError
        If a column is missing.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> boxes = pd.DataFrame({
    ...     "sequence": ["street"], "frame": [0], "track": ["car:1"], "label": ["car"],
    ...     "annotator": ["ann"], "left": [10.0], "top": [20.0], "width": [30.0], "height": [40.0]})
    >>> ax = draw_boxes(np.zeros((100, 200, 3), dtype="uint8"), boxes)
    >>> [float(edge) for edge in (*ax.get_xlim(), *ax.get_ylim())]
    [0.0, 200.0, 100.0, 0.0]
    """
    by = _telling(boxes) if by is None else by
    if missing := [name for name in (*SIDES, by) if name not in boxes.columns]:
        raise BoxTableError(
            f"The boxes to draw lack {missing}; they have {[str(name) for name in boxes.columns]}. "
            "Load them with annotaudit.load(), or name another column with by=."
        )
    pixels = _as_pixels(image)
    found = _of_the_same_frame(highlight, boxes)
    known = boxes.dropna(subset=list(SIDES))
    if ax is None or pixels is not None or not ax.images:
        view = _view(pixels, known, found, window, size)
        ax = _show(pixels, view, ax, whole=window is None)

    palette = stable_colors(known[by]) if colors is None else colors
    edge = known[by].map(dict(palette)).astype(object).fillna(MUTED).tolist()
    style: dict[str, Any] = {
        "linewidth": 1.5,
        "facecolor": "none",
        "edgecolor": edge,
        "zorder": 2,
    } | box_style
    if (color := style.pop("color", None)) is not None:
        style["edgecolor"] = color
        edge = [color] * len(known)
    corners: Any = _corners(known, SIDES)
    ax.add_collection(PolyCollection(corners, **style), autolim=False)
    column = _tag_column(known, by) if tags is True else tags
    if column:
        shown = known[known[column].notna()]
        colors_shown = [edge[place] for place in np.flatnonzero(known[column].notna())]
        points = np.clip(shown[["left", "top"]].to_numpy(), -FARTHEST, FARTHEST)
        letters = 8.0 if len(shown) <= 40 else 6.5
        ax.add_artist(Tags(points, shown[column].tolist(), colors_shown, size=letters))
    if len(found):
        _mark(ax, found)
    entries = {name: palette[name] for name in known[by].dropna().unique() if name in palette}
    if legend is None:
        legend = column != by and 1 < len(entries) <= 12
    if legend:
        _add_legend(ax, entries, by)
    return ax


def draw_annotators(
    image: Picture,
    boxes: pd.DataFrame,
    *,
    columns: int = 3,
    axes: NDArray[Any] | None = None,
    **how: Any,
) -> NDArray[Any]:
    """Draw one panel for each annotator's boxes over the same picture.

    Parameters
    ----------
    image : PIL image, array, path, address, bytes or None
    boxes : DataFrame
        The boxes of one picture; see ``annotaudit.boxes.COLUMNS``.
    columns : int
        Panels side by side.
    axes : array of Axes, optional
        At least one for each annotator.
    **how
        Passed to :func:`draw_boxes`.

    Returns
    -------
    array of Axes
        One for each annotator, in order of first appearance.

    Examples
    --------
    >>> import pandas as pd
    >>> boxes = pd.DataFrame({
    ...     "sequence": ["street"] * 2, "frame": [0, 0], "track": None, "label": ["car"] * 2,
    ...     "annotator": ["ann", "bob"], "left": [10.0, 12], "top": [20.0, 21],
    ...     "width": [30.0, 28], "height": [40.0, 41]})
    >>> [ax.get_title() for ax in draw_annotators(None, boxes)]
    ['ann: 1 box', 'bob: 1 box']
    """
    pixels = _as_pixels(image)
    names = boxes["annotator"].dropna().unique().tolist()
    colors = how.pop("colors", None) or stable_colors(names)
    panels = panel_grid(max(1, len(names)), columns, aspect=_aspect(pixels), axes=axes)
    for ax, name in zip(panels, names, strict=False):
        own = boxes[boxes["annotator"] == name]
        draw_boxes(
            pixels, own, **({"by": "annotator", "colors": colors, "legend": False, "ax": ax} | how)
        )
        count = "1 box" if len(own) == 1 else f"{len(own)} boxes"
        ax.set_title(f"{legible(name)}: {count}", fontsize="medium", **PLAIN)
    return panels


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


def _telling(boxes: pd.DataFrame) -> str:
    for name in ("track", "annotator"):
        if name in boxes and boxes[name].nunique() > (name == "annotator"):
            return name
    return "label"


def _tag_column(boxes: pd.DataFrame, by: str) -> str | None:
    wanted = [by, "label"] if by == "track" else ["label", by]
    return next((name for name in wanted if name in boxes and boxes[name].notna().any()), None)


def _as_pixels(image: Picture) -> NDArray[Any] | None:
    if image is None or isinstance(image, np.ndarray):
        return image
    if hasattr(image, "getexif"):  # a picture of Pillow, without loading Pillow to ask
        return np.asarray(as_rgb(cast("PIL.Image.Image", image)))
    return np.asarray(open_image(cast("str", image)))


def _aspect(pixels: NDArray[Any] | None) -> float:
    if pixels is None:
        return 9 / 16
    return float(np.clip(pixels.shape[0] / max(pixels.shape[1], 1), 0.2, 3.0))


def _view(
    pixels: NDArray[Any] | None,
    boxes: pd.DataFrame,
    found: pd.DataFrame,
    window: Sequence[float] | None,
    size: tuple[float, float] | None,
) -> Floats:
    """Left, top, right and bottom of what to show: the picture, and what is marked beyond it."""
    if window is not None:
        left, top, width, height = np.clip(np.asarray(window, np.float64), -FARTHEST, FARTHEST)
        return np.array([left, top, left + max(width, 1.0), top + max(height, 1.0)])
    marked = np.concatenate([_corners(found, SIDES), _corners(found, EXPECTED)]).reshape(-1, 2)
    if pixels is not None:
        extent = np.array([pixels.shape[1], pixels.shape[0]], dtype=np.float64)
    elif size is not None and np.isfinite(size).all():
        extent = np.asarray(size, dtype=np.float64)
    else:
        drawn = np.concatenate([_corners(boxes, SIDES).reshape(-1, 2), marked])
        extent = np.maximum(drawn.max(axis=0, initial=0.0) * 1.05, 1.0)
    # A marked box is shown even if it is off the picture, but not a thousand pictures away.
    low = np.maximum(marked.min(axis=0, initial=0.0), -extent)
    high = np.minimum(np.maximum(marked.max(axis=0, initial=0.0), extent), 2 * extent)
    return np.concatenate([low, high])


def _show(pixels: NDArray[Any] | None, view: Floats, ax: Axes | None, *, whole: bool) -> Axes:
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
            ax.imshow(shown, extent=(x0, x1, y1, y0), cmap="gray", zorder=0)
    ax.set_facecolor(GROUND)
    ax.set_aspect("equal")
    ax.set(xlim=(left, right), ylim=(bottom, top))
    if ax.xaxis.get_tick_params().get("labelbottom", True):
        ax.set(xlabel="left (px)", ylabel="top (px)")
    return ax


def _corners(table: pd.DataFrame, sides: tuple[str, ...]) -> Floats:
    """Corners of each box, shape (n, 4, 2); boxes with an unknown side are left out."""
    if not set(sides) <= set(table.columns):
        return np.empty((0, 4, 2))
    values = np.clip(table[list(sides)].dropna().to_numpy(np.float64), -FARTHEST, FARTHEST)
    left, top, width, height = values.T
    across = np.column_stack([left, left + width, left + width, left])
    down = np.column_stack([top, top, top + height, top + height])
    return np.stack([across, down], axis=2)


def _of_the_same_frame(highlight: pd.DataFrame | None, boxes: pd.DataFrame) -> pd.DataFrame:
    if highlight is None:
        return pd.DataFrame()
    places = [name for name in ("sequence", "frame") if name in boxes and name in highlight]
    if boxes.empty or not places:
        return highlight
    here = boxes[places].drop_duplicates()
    return highlight.merge(here, on=places)


def _mark(ax: Axes, found: pd.DataFrame) -> None:
    """Draw findings: thick, on dark casing, under a marker; what was expected, dashed."""
    severity = found["severity"] if "severity" in found else pd.Series("error", index=found.index)
    color = severity.map(SEVERITY_COLORS).astype(object).fillna(ALERT)
    for name, sides, casing, line in (
        ("findings", SIDES, {"linewidths": 5.0}, {"linewidths": 3.0}),
        ("expected", EXPECTED, {"linewidths": 2.4}, {"linewidths": 1.4, "linestyles": [DASHES]}),
    ):
        corners: Any = _corners(found, sides)
        if not len(corners):
            continue
        known = found[list(sides)].notna().all(axis=1).to_numpy()
        colors = color[known].tolist() if name == "findings" else ["white"] * len(corners)
        styles: list[dict[str, Any]] = [
            {"edgecolors": "black", "alpha": 0.6, **casing},
            {"edgecolors": colors, "gid": name, **line},
        ]
        for style in styles:
            ax.add_collection(
                PolyCollection(corners, facecolors="none", zorder=3, **style), autolim=False
            )
        if name == "findings":
            low, high = corners.min(axis=1), corners.max(axis=1)
            x, y = (low[:, 0] + high[:, 0]) / 2, high[:, 1]  # the tag stands at the upper edge
            ax.scatter(x, y, s=90, marker="^", c=colors, edgecolors="black", zorder=5)


def _add_legend(ax: Axes, entries: Mapping[Hashable, str], title: str) -> None:
    handles = [Line2D([], [], color=color, linewidth=2.5) for color in entries.values()]
    legend = ax.legend(
        handles,
        [legible(name) for name in entries],
        title=title,
        loc="upper left",
        bbox_to_anchor=(1.0, 1.0),
        fontsize="small",
        frameon=False,
    )
    for text in legend.get_texts():
        text.set(**PLAIN)
