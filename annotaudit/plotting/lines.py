"""What is drawn over time: one object or many, as lines that break where frames are missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from annotaudit.boxes import OBJECT, Labels, check_boxes
from annotaudit.errors import BoxTableError
from annotaudit.metrics.order import track_order
from annotaudit.plotting.style import ALERT, MUTED, PALETTE, PLAIN, SEVERITY_COLORS, legible

Floats = NDArray[np.float64]
MAX_NAMED = len(PALETTE)  # beyond, lines fade into the background unless they stand out


def boxes_and_frames(labels: Labels | pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Take labels or a box table; the frames looked at are None where unknown.

    Examples
    --------
    >>> from annotaudit.boxes import COLUMNS, empty_table
    >>> boxes, frames = boxes_and_frames(Labels(empty_table(COLUMNS)))
    >>> frames is None
    True
    """
    if isinstance(labels, Labels):
        return labels.boxes, labels.frames if len(labels.frames) else None
    return check_boxes(labels), None


def choose(
    boxes: pd.DataFrame,
    tracks: str | Sequence[str] | None,
    sequence: str | None = None,
    annotator: str | None = None,
) -> pd.DataFrame:
    """Keep the boxes of some tracks, or of all that have a name.

    Raises
    ------
    BoxTableError
        If there is no such box; the message lists what there is.

    Examples
    --------
    >>> from annotaudit.boxes import COLUMNS, empty_table
    >>> choose(empty_table(COLUMNS), "car:1")
    Traceback (most recent call last):
    annotaudit.errors.BoxTableError: No box of track ['car:1']; the boxes have [] ...
    """
    chosen = boxes[boxes["track"].notna()]
    wanted = {"sequence": sequence, "annotator": annotator, "track": tracks}
    for name, value in wanted.items():
        if value is None:
            continue
        values = [value] if isinstance(value, str) else [str(each) for each in value]
        there = chosen[name].unique().tolist()
        if absent := [each for each in values if each not in there]:
            raise BoxTableError(
                f"No box of {name} {absent}; the boxes have {there[:8]}"
                f"{' ...' if len(there) > 8 else ''} there. Choose among these."
            )
        chosen = chosen[chosen[name].isin(values)]
    return chosen


def choose_one(
    boxes: pd.DataFrame, track: str, sequence: str | None = None, annotator: str | None = None
) -> pd.DataFrame:
    """Keep the boxes of one object, in the order of frames.

    Raises
    ------
    BoxTableError
        If there is none, or several sequences or annotators have one of this name.

    Examples
    --------
    >>> boxes = pd.DataFrame({
    ...     "sequence": ["north", "south"], "annotator": "ann", "track": "car:1", "frame": [0, 0]})
    >>> choose_one(boxes, "car:1")
    Traceback (most recent call last):
    annotaudit.errors.BoxTableError: 'car:1' is the name of 2 objects: [('north', 'ann'), ...
    """
    chosen = choose(boxes, track, sequence, annotator)
    owners = chosen[["sequence", "annotator"]].drop_duplicates()
    if len(owners) > 1:
        pairs = list(owners.itertuples(index=False, name=None))
        raise BoxTableError(
            f"{track!r} is the name of {len(pairs)} objects: {pairs[:4]}; expected one. Choose "
            "with sequence= and annotator=."
        )
    return chosen.sort_values("frame", kind="stable")


def object_names(table: pd.DataFrame) -> pd.Series:
    """Name the object of each row by its track, and by what else is needed to tell it apart.

    Examples
    --------
    >>> table = pd.DataFrame({
    ...     "sequence": "s", "annotator": ["ann", "bob"], "track": ["car:1", None]})
    >>> object_names(table).tolist()
    ['ann · car:1', 'bob · no track']
    """
    names = table["track"].astype(object).fillna("no track")
    for key in ("annotator", "sequence"):
        if len(table[key].unique()) > 1:
            names = table[key].astype(object).fillna("?") + " · " + names
    return names


def broken_lines(
    boxes: pd.DataFrame, values: pd.DataFrame | pd.Series, frames: pd.DataFrame | None
) -> tuple[Floats, Floats]:
    """Order values along their tracks, with NaN between objects and across gaps.

    Parameters
    ----------
    boxes : DataFrame
    values : Series or DataFrame
        Aligned to the boxes.
    frames : DataFrame or None
        The frames looked at.

    Returns
    -------
    frame, values : float arrays
        Ready for ``ax.plot``.

    Examples
    --------
    >>> boxes = pd.DataFrame({
    ...     "sequence": "s", "annotator": "a", "track": "car:1", "frame": [0, 1, 3]})
    >>> broken_lines(boxes, pd.Series([5.0, 6, 7]), None)[0]
    array([ 0.,  1., nan,  3.])
    """
    order = track_order(boxes, frames)
    breaks = np.flatnonzero((np.diff(order.objects) != 0) | (np.diff(order.places) > 1)) + 1
    frame = boxes["frame"].to_numpy(dtype=np.float64)[order.rows]
    ordered = values.to_numpy(dtype=np.float64)[order.rows]
    return np.insert(frame, breaks, np.nan), np.insert(ordered, breaks, np.nan, axis=0)


def draw_lines(
    ax: Axes,
    boxes: pd.DataFrame,
    values: pd.Series,
    frames: pd.DataFrame | None,
    findings: pd.DataFrame | None,
    notable: pd.Series,
    **line_style: Any,
) -> None:
    """Draw a line for each object; of many objects, name only those that stand out.

    Parameters
    ----------
    ax : Axes
    boxes, values, frames
        As in :func:`broken_lines`.
    findings : DataFrame, optional
        Marked on the lines.
    notable : Series
        Aligned to the boxes: the objects with the largest values are named.
    **line_style
        Passed to ``ax.plot``.
    """
    size = 4 if boxes["frame"].nunique() <= 200 else 2
    style: dict[str, Any] = {"marker": ".", "markersize": size, "linewidth": 1.2} | line_style
    names = object_names(boxes)
    ranked = notable.groupby(names, sort=False).max().sort_values(ascending=False, kind="stable")
    named = [name for name in names.unique() if name in set(ranked.index[:MAX_NAMED])]
    others = ~names.isin(named)
    if others.any():
        x, y = broken_lines(boxes[others], values[others], frames)
        label = f"{names[others].nunique():,} others"
        faint = style | {
            "color": MUTED,
            "alpha": 0.35,
            "linewidth": 0.8,
            "marker": ",",
            "zorder": 1,
        }
        ax.plot(x, y, label=label, **faint)
    for name, color in zip(named, PALETTE, strict=False):
        own = names == name
        x, y = broken_lines(boxes[own], values[own], frames)
        ax.plot(x, y, **({"color": color} | style), label=_entry(name))
    if findings is not None:
        mark_findings(ax, findings, boxes, values)


def mark_findings(
    ax: Axes,
    findings: pd.DataFrame,
    boxes: pd.DataFrame,
    values: pd.Series,
) -> None:
    """Mark findings on the values of their boxes, the most severe above the others.

    A finding whose box is missing, or has no value, is marked at the lower edge.

    Parameters
    ----------
    ax : Axes
    findings : DataFrame
    boxes : DataFrame
        The boxes shown; findings of other objects are left out.
    values : Series
        Aligned to the boxes.
    """
    keys = list(OBJECT)
    here = findings.merge(boxes[keys].drop_duplicates(), on=keys)
    drawn = boxes[[*keys, "frame"]].assign(_value=values.to_numpy(dtype=np.float64))
    placed = here.merge(drawn.drop_duplicates([*keys, "frame"]), on=[*keys, "frame"], how="left")
    placed["_rank"] = placed["severity"].map({"error": 0, "warning": 1}).fillna(2)
    placed = placed.sort_values("_rank").drop_duplicates([*keys, "frame"])
    on_line = placed["_value"].notna()
    for depth, (severity, color) in enumerate(SEVERITY_COLORS.items()):
        chosen = placed["severity"] == severity
        label = severity if chosen.any() else None
        for some, y, transform in (
            (chosen & on_line, placed["_value"], ax.transData),
            (chosen & ~on_line, pd.Series(0.03, index=placed.index), ax.get_xaxis_transform()),
        ):
            if some.any():
                ax.scatter(
                    placed.loc[some, "frame"],
                    y[some],
                    color=color,
                    edgecolors="black",
                    linewidths=0.8,
                    s=55,
                    zorder=4 - depth / 10,
                    label=label,
                    transform=transform,
                    marker="o" if transform is ax.transData else "^",
                )
                label = None


def finish(ax: Axes, ylabel: str, *, legend: bool = True, title: str | None = None) -> Axes:
    """Label the axes, count frames in whole numbers, and add a legend if there is what to tell."""
    ax.set(xlabel="frame", ylabel=ylabel)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.grid(True, color="#E5E5E5", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    if title:
        ax.set_title(legible(title, 80), fontsize="medium", loc="left", **PLAIN)
    handles, texts = ax.get_legend_handles_labels()
    if legend and handles:
        box = ax.legend(
            handles,
            texts,
            fontsize="small",
            frameon=False,
            loc="center left",
            bbox_to_anchor=(1.0, 0.5),
        )
        for text in box.get_texts():
            text.set(**PLAIN)
    return ax


def draw_limit(ax: Axes, *limits: float) -> None:
    """Draw limits as dashed lines, with one entry in the legend."""
    for place, limit in enumerate(limits):
        label = f"limit {abs(limit):g}" if place == 0 else None
        ax.axhline(limit, color=ALERT, linestyle="--", linewidth=1, label=label, zorder=1.5)


def _entry(name: str) -> str:
    """A name as a legend entry; matplotlib leaves out those that begin with an underscore."""
    return legible(name) if not name.startswith("_") else f"\N{ZERO WIDTH SPACE}{legible(name)}"
