"""How well annotators do, against a gold standard and against each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from annotaudit.errors import BoxTableError
from annotaudit.plotting.style import PALETTE, PLAIN, ink_on, legible

MEASURES = {
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "mean_iou": "mean overlap (IoU)",
}


def plot_accuracy(
    table: pd.DataFrame,
    measures: Sequence[str] = ("precision", "recall", "mean_iou"),
    *,
    ax: Axes | None = None,
    **bar_style: Any,
) -> Axes:
    """Plot how each annotator compares with the gold standard, with intervals where known.

    Parameters
    ----------
    table : DataFrame
        One row for each annotator, as from ``annotaudit.metrics.gold.accuracy()``: shares
        from 0 to 1, and their 95 % intervals in columns ending in ``_low`` and ``_high``.
    measures : list of str
        Columns to plot.
    ax : Axes, optional
    **bar_style
        Passed to ``ax.bar``.

    Returns
    -------
    Axes

    Raises
    ------
    BoxTableError
        If a measure is no column of the table.

    Examples
    --------
    >>> table = pd.DataFrame({"precision": [1.0, 0.5], "recall": [0.8, 0.9]}, index=["ann", "bob"])
    >>> plot_accuracy(table, ["precision", "recall"]).get_ylabel()
    'share'
    """
    if missing := [name for name in measures if name not in table.columns]:
        raise BoxTableError(
            f"The table lacks {missing}; it has {[str(name) for name in table.columns]}. Choose "
            "among these with measures=."
        )
    if ax is None:
        wide = min(14.0, 3.0 + 0.35 * len(table) * len(measures))
        _, ax = plt.subplots(figsize=(wide, 4), layout="constrained")
    width = 0.8 / len(measures)
    place = np.arange(len(table))
    for number, (name, color) in enumerate(zip(measures, PALETTE, strict=False)):
        share = table[name].to_numpy(dtype=np.float64)
        low, high = (
            table[f"{name}{end}"].to_numpy(dtype=np.float64) if f"{name}{end}" in table else share
            for end in ("_low", "_high")
        )
        style = {"color": color, "label": MEASURES.get(name, legible(name))} | bar_style
        at = place + (number - (len(measures) - 1) / 2) * width
        ax.bar(at, share, width * 0.92, **style)
        if (high > low).any():
            reach = np.clip(np.nan_to_num([share - low, high - share]), 0, None)
            ax.errorbar(at, share, reach, fmt="none", ecolor="#333333", elinewidth=1, capsize=2)
    names = [legible(name, 16) for name in table.index]
    slant: dict[str, Any] = (
        {"rotation": 30, "ha": "right"} if max(map(len, names), default=0) > 10 else {}
    )
    ax.set_xticks(place, names, **PLAIN, **slant)
    ax.set(xlabel="annotator", ylabel="share", ylim=(0, 1.05))
    ax.grid(True, axis="y", color="#E5E5E5", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(fontsize="small", frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return ax


def plot_agreement(
    pairs: pd.DataFrame,
    measure: str = "f1",
    *,
    ax: Axes | None = None,
    **image_style: Any,
) -> Axes:
    """Plot the agreement of each two annotators as a matrix.

    Parameters
    ----------
    pairs : DataFrame
        One row for each pair, ``first`` and ``second``, as from
        ``annotaudit.metrics.agreement.pairwise_agreement()``.
    measure : str
        Column to plot: ``"f1"`` or ``"mean_iou"``, shares from 0 to 1.
    ax : Axes, optional
    **image_style
        Passed to ``ax.imshow``.

    Returns
    -------
    Axes

    Raises
    ------
    BoxTableError
        If a column is missing.

    Examples
    --------
    >>> pairs = pd.DataFrame({"first": ["ann"], "second": ["bob"], "f1": [0.75]})
    >>> [text.get_text() for text in plot_agreement(pairs).texts]
    ['0.75', '0.75']
    """
    if missing := [name for name in ("first", "second", measure) if name not in pairs.columns]:
        raise BoxTableError(
            f"The table of pairs lacks {missing}; it has {[str(name) for name in pairs.columns]}."
        )
    names = sorted({*pairs["first"], *pairs["second"]})
    row, column = (pd.Categorical(pairs[side], names).codes for side in ("first", "second"))
    matrix = np.full((len(names), len(names)), np.nan)
    matrix[row, column] = matrix[column, row] = pairs[measure].to_numpy(dtype=np.float64)
    if ax is None:
        side = min(12.0, 2.6 + 0.5 * len(names))
        _, ax = plt.subplots(figsize=(side + 0.8, side), layout="constrained")
    style: dict[str, Any] = {"vmin": 0, "vmax": 1, "cmap": "cividis"} | image_style
    image = ax.imshow(matrix, **style)
    ax.figure.colorbar(image, ax=ax, label=MEASURES.get(measure, legible(measure)), shrink=0.8)
    if len(names) <= 20:  # beyond, numbers do not fit into the cells
        for y, x in np.argwhere(np.isfinite(matrix)):
            color = ink_on(image.cmap(image.norm(matrix[y, x])))
            ax.text(x, y, f"{matrix[y, x]:.2f}", ha="center", va="center", color=color)
    shown = [legible(name, 16) for name in names]
    ax.set_xticks(np.arange(len(names)), shown, rotation=45, ha="right", **PLAIN)
    ax.set_yticks(np.arange(len(names)), shown, **PLAIN)
    ax.set(xlabel="annotator", ylabel="annotator")
    ax.spines[:].set_visible(False)
    return ax
