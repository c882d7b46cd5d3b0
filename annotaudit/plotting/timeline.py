"""Where in time, and on which objects, the findings are."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from annotaudit.boxes import OBJECT, Labels
from annotaudit.metrics.order import track_order
from annotaudit.plotting.lines import boxes_and_frames, object_names
from annotaudit.plotting.style import PLAIN, SEVERITY_COLORS, legible, rule_markers


def plot_timeline(
    findings: pd.DataFrame,
    labels: Labels | pd.DataFrame | None = None,
    *,
    max_tracks: int = 40,
    ax: Axes | None = None,
    **marker_style: Any,
) -> Axes:
    """Plot findings over frames and tracks: the colour is the severity, the marker the rule.

    Parameters
    ----------
    findings : DataFrame
        As from ``annotaudit.audit()``.
    labels : Labels or DataFrame, optional
        Shows where each object has boxes as a grey bar, and objects without findings.
    max_tracks : int
        Objects shown: those with the highest scores, in order of first appearance.
    ax : Axes, optional
    **marker_style
        Passed to ``ax.scatter``.

    Returns
    -------
    Axes

    Examples
    --------
    >>> findings = pd.DataFrame({
    ...     "sequence": "street", "annotator": "ann", "track": ["car:1", "car:2"], "frame": [4, 9],
    ...     "rule": ["gap", "size jump"], "severity": ["error", "note"], "score": [0.9, 0.2]})
    >>> [label.get_text() for label in plot_timeline(findings).get_yticklabels()]
    ['car:1', 'car:2']
    """
    boxes, frames = (None, None) if labels is None else boxes_and_frames(labels)
    objects = _objects_shown(findings, boxes, max_tracks)
    placed = findings.merge(objects, on=list(OBJECT))
    # Several findings on one box stand above each other, the likeliest in the middle.
    best_first = placed.sort_values("score", ascending=False, kind="stable")
    place = best_first.groupby([*OBJECT, "frame"], dropna=False).cumcount()
    placed["_row"] -= 0.2 * place
    rows = len(objects)
    if ax is None:
        _, ax = plt.subplots(figsize=(11, 1.4 + 0.28 * max(rows, 3)), layout="constrained")
    if boxes is not None:
        _draw_presence(ax, boxes, frames, objects)
    markers = rule_markers(findings["rule"])
    style: dict[str, Any] = {"s": 60, "edgecolors": "black", "linewidths": 0.7} | marker_style
    for depth, (severity, color) in enumerate(SEVERITY_COLORS.items()):
        for rule, own in placed[placed["severity"] == severity].groupby("rule"):
            how: dict[str, Any] = {
                "marker": markers[rule],
                "color": color,
                "zorder": 4 - depth / 10,
            } | style
            ax.scatter(own["frame"], own["_row"], **how)
    ax.set_yticks(
        np.arange(rows), [legible(name) for name in objects["_name"]], fontsize="small", **PLAIN
    )
    ax.set(xlabel="frame", ylabel="track", ylim=(rows - 0.4, -0.6))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.grid(True, axis="x", color="#E5E5E5", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0)
    hidden = objects.attrs["others"]
    if hidden:
        ax.set_title(f"{rows} tracks shown, {hidden:,} more not", fontsize="small", loc="left")
    _add_legend(ax, placed, markers)
    return ax


def _objects_shown(
    findings: pd.DataFrame, boxes: pd.DataFrame | None, max_tracks: int
) -> pd.DataFrame:
    """One row per object shown: its keys, its row from the top and its name."""
    keys = list(OBJECT)
    score = findings.groupby(keys, dropna=False)["score"].max().rename("_score").reset_index()
    tables = [table[[*keys, "frame"]] for table in (boxes, findings) if table is not None]
    firsts = pd.concat([table for table in tables if len(table)] or tables[:1])
    objects = firsts.sort_values("frame", kind="stable")[keys].drop_duplicates()
    objects = objects.merge(score, on=keys, how="left")
    best = objects["_score"].fillna(-1).sort_values(ascending=False, kind="stable")
    shown = objects.loc[np.sort(best.index[:max_tracks].to_numpy())].reset_index(drop=True)
    table = shown[keys].assign(_row=np.arange(len(shown)), _name=object_names(shown))
    table.attrs["others"] = len(objects) - len(shown)
    return table


def _draw_presence(
    ax: Axes, boxes: pd.DataFrame, frames: pd.DataFrame | None, objects: pd.DataFrame
) -> None:
    """Draw a bar wherever an object has boxes on consecutive frames."""
    placed = boxes[[*OBJECT, "frame"]].merge(objects, on=list(OBJECT))
    placed = placed[placed["track"].notna()].reset_index(drop=True)
    order = track_order(placed, frames)
    if not len(order.rows):
        return
    breaks = np.flatnonzero((np.diff(order.objects) != 0) | (np.diff(order.places) > 1))
    first, last = np.r_[0, breaks + 1], np.r_[breaks, len(order.rows) - 1]
    frame = placed["frame"].to_numpy(dtype=np.float64)[order.rows]
    row = placed["_row"].to_numpy(dtype=np.float64)[order.rows]
    # A bar spans its frames from edge to edge, so that a single box shows too.
    start, end = frame[first] - 0.4, frame[last] + 0.4
    segments: Any = np.stack(
        [np.column_stack([start, row[first]]), np.column_stack([end, row[first]])], axis=1
    )
    ax.add_collection(LineCollection(segments, colors="#D9D9D9", linewidths=6, zorder=1))
    ax.autoscale_view(scaley=False)


def _add_legend(ax: Axes, placed: pd.DataFrame, markers: dict[str, str]) -> None:
    present = set(placed["severity"])
    blank: dict[str, Any] = {"linestyle": "", "markeredgecolor": "black", "markersize": 7}
    handles = [
        Line2D([], [], marker="o", color=color, label=severity, **blank)
        for severity, color in SEVERITY_COLORS.items()
        if severity in present
    ] + [
        Line2D([], [], marker=marker, color="white", label=legible(rule), **blank)
        for rule, marker in markers.items()
        if rule in set(placed["rule"])
    ]
    if handles:
        legend = ax.legend(
            handles=handles,
            fontsize="small",
            frameon=False,
            loc="center left",
            bbox_to_anchor=(1.0, 0.5),
        )
        for text in legend.get_texts():
            text.set(**PLAIN)
