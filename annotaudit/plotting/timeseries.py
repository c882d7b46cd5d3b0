"""How boxes change from frame to frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from annotaudit.boxes import SIDES, Labels
from annotaudit.errors import LimitError
from annotaudit.metrics.smoothing import Statistic, deviation, rolling
from annotaudit.metrics.tracks import Size, rolling_iou, size_change
from annotaudit.plotting.lines import (
    boxes_and_frames,
    broken_lines,
    choose,
    choose_one,
    draw_limit,
    draw_lines,
    finish,
    mark_findings,
)
from annotaudit.plotting.style import PALETTE

UNITS = {"area": "px²", "width": "px", "height": "px", "aspect": "width / height"}


def plot_track(
    labels: Labels | pd.DataFrame,
    track: str,
    *,
    window: int = 5,
    statistic: Statistic = "mean",
    findings: pd.DataFrame | None = None,
    sequence: str | None = None,
    annotator: str | None = None,
    axes: NDArray[Any] | None = None,
    **line_style: Any,
) -> NDArray[Any]:
    """Plot left, top, width and height of one object, with their rolling mean or median.

    Parameters
    ----------
    labels : Labels or DataFrame
        Labels, or their box table. With labels, the frames looked at tell gaps from steps.
    track : str
    window : int
        Boxes the rolling statistic spans.
    statistic : {"mean", "median"}
    findings : DataFrame, optional
        Those of this object are marked, coloured by severity.
    sequence, annotator : str, optional
        Needed where several have an object of this name.
    axes : array of 4 Axes, optional
    **line_style
        Passed to ``ax.plot`` for the line as drawn.

    Returns
    -------
    array of 4 Axes

    Raises
    ------
    BoxTableError
        If there is no such object, or more than one.

    Examples
    --------
    >>> boxes = pd.DataFrame({
    ...     "sequence": "street", "frame": range(3), "track": "car:1", "label": "car",
    ...     "annotator": "ann", "left": [5, 6, 7], "top": 0, "width": 10, "height": 10})
    >>> [ax.get_ylabel() for ax in plot_track(boxes, "car:1")]
    ['left (px)', 'top (px)', 'width (px)', 'height (px)']
    """
    boxes, frames = boxes_and_frames(labels)
    own = choose_one(boxes, track, sequence, annotator)
    smooth = rolling(own, window, statistic, frames=frames)
    if axes is None:
        _, axes = plt.subplots(4, 1, sharex=True, figsize=(10, 8), layout="constrained")
    panels: NDArray[Any] = np.asarray(axes, dtype=object).ravel()
    if len(panels) != len(SIDES):
        raise LimitError(f"axes holds {len(panels)} Axes; expected 4: {', '.join(SIDES)}.")
    for place, (ax, side) in enumerate(zip(panels, SIDES, strict=True)):
        style: dict[str, Any] = {
            "color": PALETTE[0],
            "marker": ".",
            "markersize": 5,
            "linewidth": 1.2,
        }
        ax.plot(*broken_lines(own, own[side], frames), **(style | line_style), label="as drawn")
        ax.plot(
            *broken_lines(own, smooth[side], frames),
            color="#E69F00",
            linewidth=2,
            alpha=0.8,
            zorder=1.8,
            label=f"rolling {statistic} of {window}",
        )
        if findings is not None:
            mark_findings(ax, findings, own, own[side])
        finish(ax, f"{side} (px)", legend=place == 0, title=track if place == 0 else None)
        if place < len(SIDES) - 1:
            ax.set_xlabel("")
    return panels


def plot_deviation(
    labels: Labels | pd.DataFrame,
    track: str,
    *,
    window: int = 5,
    statistic: Statistic = "mean",
    findings: pd.DataFrame | None = None,
    sequence: str | None = None,
    annotator: str | None = None,
    ax: Axes | None = None,
    **line_style: Any,
) -> Axes:
    """Plot how far each side of one object's boxes lies from its rolling mean or median.

    Parameters
    ----------
    labels, track, window, statistic, findings, sequence, annotator
        As in :func:`plot_track`. Findings are marked on the side that deviates most.
    ax : Axes, optional
    **line_style
        Passed to ``ax.plot``.

    Returns
    -------
    Axes

    Raises
    ------
    BoxTableError
        If there is no such object, or more than one.

    Examples
    --------
    >>> boxes = pd.DataFrame({
    ...     "sequence": "street", "frame": range(3), "track": "car:1", "label": "car",
    ...     "annotator": "ann", "left": [5, 6, 7], "top": 0, "width": 10, "height": 10})
    >>> plot_deviation(boxes, "car:1", window=3).get_ylabel()
    'deviation from rolling mean of 3 (px)'
    """
    boxes, frames = boxes_and_frames(labels)
    own = choose_one(boxes, track, sequence, annotator)
    off = deviation(own, window, statistic, frames=frames)
    ax = _axes(ax)
    for side, color in zip(SIDES, PALETTE, strict=False):
        style: dict[str, Any] = {"color": color, "marker": ".", "markersize": 4, "linewidth": 1.2}
        ax.plot(*broken_lines(own, off[side], frames), **(style | line_style), label=side)
    ax.axhline(0, color="black", linewidth=0.8, zorder=1)
    if findings is not None:
        values = off.to_numpy(dtype=np.float64)
        farthest = np.nan_to_num(np.abs(values), nan=-1.0).argmax(axis=1)
        most = pd.Series(values[np.arange(len(own)), farthest], index=own.index)
        mark_findings(ax, findings, own, most)
    return finish(ax, f"deviation from rolling {statistic} of {window} (px)", title=track)


def plot_size(
    labels: Labels | pd.DataFrame,
    tracks: str | Sequence[str] | None = None,
    *,
    of: Size = "area",
    findings: pd.DataFrame | None = None,
    ax: Axes | None = None,
    **line_style: Any,
) -> Axes:
    """Plot the size of objects over time.

    Parameters
    ----------
    labels : Labels or DataFrame
        Labels, or their box table.
    tracks : str or list of str, optional
        All when not given. Of more than six, the six that reach the largest size are named and
        the others drawn in grey.
    of : {"area", "width", "height", "aspect"}
    findings : DataFrame, optional
        Marked on the lines, coloured by severity.
    ax : Axes, optional
    **line_style
        Passed to ``ax.plot``.

    Returns
    -------
    Axes

    Examples
    --------
    >>> boxes = pd.DataFrame({
    ...     "sequence": "street", "frame": range(3), "track": "car:1", "label": "car",
    ...     "annotator": "ann", "left": [5, 6, 7], "top": 0, "width": 10, "height": 10})
    >>> plot_size(boxes).get_ylabel()
    'area (px²)'
    """
    boxes, frames = boxes_and_frames(labels)
    chosen = choose(boxes, tracks)
    size = _size(chosen, of)
    ax = _axes(ax)
    draw_lines(ax, chosen, size, frames, findings, notable=size, **line_style)
    return finish(ax, f"{of} ({UNITS[of]})")


def plot_size_change(
    labels: Labels | pd.DataFrame,
    tracks: str | Sequence[str] | None = None,
    *,
    of: Size = "area",
    limit: float | None = 0.25,
    absolute: bool = False,
    findings: pd.DataFrame | None = None,
    ax: Axes | None = None,
    **line_style: Any,
) -> Axes:
    """Plot the change of size from frame to frame, with its limits.

    Parameters
    ----------
    labels, tracks, of, findings, ax, **line_style
        As in :func:`plot_size`; the objects with the largest changes are named.
    limit : float or None
        Share of the earlier size, drawn above and below zero.
    absolute : bool
        Plot the change in pixels instead of as a share; it has no limit.

    Returns
    -------
    Axes

    Examples
    --------
    >>> boxes = pd.DataFrame({
    ...     "sequence": "street", "frame": range(3), "track": "car:1", "label": "car",
    ...     "annotator": "ann", "left": [5, 6, 7], "top": 0, "width": 10, "height": 10})
    >>> plot_size_change(boxes).get_ylabel()
    'change of area (share of the frame before)'
    """
    boxes, frames = boxes_and_frames(labels)
    chosen = choose(boxes, tracks)
    change = size_change(chosen, of=of, frames=frames)
    ylabel = f"change of {of} (share of the frame before)"
    if absolute:
        size = _size(chosen, of)
        change = size - size / (1 + change).where(change > -1)
        ylabel = f"change of {of} ({UNITS[of]})"
    ax = _axes(ax)
    draw_lines(ax, chosen, change, frames, findings, notable=change.abs(), **line_style)
    if limit is not None and not absolute:
        draw_limit(ax, limit, -limit)
    return finish(ax, ylabel)


def plot_rolling_iou(
    labels: Labels | pd.DataFrame,
    tracks: str | Sequence[str] | None = None,
    *,
    limit: float | None = 0.5,
    findings: pd.DataFrame | None = None,
    ax: Axes | None = None,
    **line_style: Any,
) -> Axes:
    """Plot how much each box overlaps the same object's box on the frame before.

    Parameters
    ----------
    labels, tracks, findings, ax, **line_style
        As in :func:`plot_size`; the objects with the least overlap are named.
    limit : float or None
        Share of overlap, drawn as a line.

    Returns
    -------
    Axes

    Examples
    --------
    >>> boxes = pd.DataFrame({
    ...     "sequence": "street", "frame": range(3), "track": "car:1", "label": "car",
    ...     "annotator": "ann", "left": [5, 6, 7], "top": 0, "width": 10, "height": 10})
    >>> plot_rolling_iou(boxes).get_ylabel()
    'overlap with the frame before (IoU)'
    """
    boxes, frames = boxes_and_frames(labels)
    chosen = choose(boxes, tracks)
    overlap = rolling_iou(chosen, frames=frames)
    ax = _axes(ax)
    draw_lines(ax, chosen, overlap, frames, findings, notable=-overlap, **line_style)
    if limit is not None:
        draw_limit(ax, limit)
    ax.set_ylim(-0.03, 1.03)
    return finish(ax, "overlap with the frame before (IoU)")


def _axes(ax: Axes | None) -> Axes:
    return plt.subplots(figsize=(10, 4), layout="constrained")[1] if ax is None else ax


def _size(boxes: pd.DataFrame, of: Size) -> pd.Series:
    if of not in UNITS:
        raise LimitError(f"of={of!r}: expected one of {list(UNITS)}.")
    drawn = boxes[["width", "height"]].where(boxes[["width", "height"]] >= 0)
    if of == "area":
        return drawn["width"] * drawn["height"]
    if of == "aspect":
        return drawn["width"] / drawn["height"].where(drawn["height"] > 0)
    return drawn[of]
