"""Boxes drawn over pictures."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from annotaudit.boxes import EXPECTED, SIDES
from annotaudit.errors import BoxTableError
from annotaudit.plotting.ground import (
    FARTHEST,
    Floats,
    as_pixels,
    aspect_of,
    panel_grid,
    show_picture,
    view_of,
)
from annotaudit.plotting.style import (
    ALERT,
    MUTED,
    PLAIN,
    SEVERITY_COLORS,
    legible,
    stable_colors,
)
from annotaudit.plotting.tags import Tags

if TYPE_CHECKING:
    from annotaudit.plotting.ground import Picture

DASHES = (0, (5, 3))


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
    pixels = as_pixels(image)
    found = _of_the_same_frame(highlight, boxes)
    known = boxes.dropna(subset=list(SIDES))
    corners: Any = _corners(known, SIDES)
    if ax is None or pixels is not None or not ax.images:
        marked = np.concatenate([_corners(found, SIDES), _corners(found, EXPECTED)])
        view = view_of(pixels, corners.reshape(-1, 2), marked.reshape(-1, 2), window, size)
        ax = show_picture(pixels, view, ax, whole=window is None)

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
    pixels = as_pixels(image)
    names = boxes["annotator"].dropna().unique().tolist()
    colors = how.pop("colors", None) or stable_colors(names)
    panels = panel_grid(max(1, len(names)), columns, aspect=aspect_of(pixels), axes=axes)
    for ax, name in zip(panels, names, strict=False):
        own = boxes[boxes["annotator"] == name]
        draw_boxes(
            pixels, own, **({"by": "annotator", "colors": colors, "legend": False, "ax": ax} | how)
        )
        count = "1 box" if len(own) == 1 else f"{len(own)} boxes"
        ax.set_title(f"{legible(name)}: {count}", fontsize="medium", **PLAIN)
    return panels


def _telling(boxes: pd.DataFrame) -> str:
    for name in ("track", "annotator"):
        if name in boxes and boxes[name].nunique() > (name == "annotator"):
            return name
    return "label"


def _tag_column(boxes: pd.DataFrame, by: str) -> str | None:
    wanted = [by, "label"] if by == "track" else ["label", by]
    return next((name for name in wanted if name in boxes and boxes[name].notna().any()), None)


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
