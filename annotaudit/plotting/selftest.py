"""What a self-test found, kind by kind."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from annotaudit.errors import BoxTableError
from annotaudit.plotting.style import PALETTE

NEEDED = ("kind", "budget", "planted", "recall", "low", "high")


def plot_selftest(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Plot the share of planted mistakes that would be found, with 95 % intervals.

    Parameters
    ----------
    table : DataFrame
        What ``annotaudit.selftest`` returned.
    ax : Axes, optional

    Returns
    -------
    Axes
        A row per kind, hardest at the bottom; a mark per budget.

    Raises
    ------
    BoxTableError
        If the table is no self-test.

    Examples
    --------
    >>> table = pd.DataFrame({"kind": ["shift"], "budget": [50], "planted": [10],
    ...     "found": [9], "recall": [0.9], "low": [0.6], "high": [0.98]})
    >>> plot_selftest(table).get_xlabel()
    'share of planted mistakes found'
    """
    if missing := [name for name in NEEDED if name not in table]:
        raise BoxTableError(
            f"The table lacks {missing}; it has {[str(name) for name in table.columns]}. "
            "Pass what annotaudit.selftest() returned."
        )
    first, *kinds = table["kind"].drop_duplicates()
    most = table.groupby("kind")["recall"].max()
    order = [first, *sorted(kinds, key=lambda kind: (-most[kind], kind))]
    budgets = sorted(table["budget"].unique())
    if ax is None:
        size = (9, 1.2 + 0.42 * len(order))
        _, ax = plt.subplots(figsize=size, layout="constrained")
    offsets = np.linspace(0.24, -0.24, len(budgets)) if len(budgets) > 1 else [0.0]
    for budget, offset, color in zip(budgets, offsets, PALETTE, strict=False):
        rows = table[table["budget"] == budget].set_index("kind").reindex(order)
        y = -np.arange(len(order)) + offset
        ax.hlines(y, rows["low"], rows["high"], color=color, linewidth=2, alpha=0.55)
        ax.plot(rows["recall"], y, "o", color=color, markersize=6, label=f"{budget:,} findings")
    planted = table.groupby("kind")["planted"].first()
    ax.set_yticks(
        -np.arange(len(order)), [f"{kind} ({planted[kind]:,})" for kind in order], parse_math=False
    )
    ax.set(xlim=(-0.02, 1.02), xlabel="share of planted mistakes found")
    ax.axhline(-0.5, color="0.8", linewidth=0.8)
    ax.grid(axis="x", color="0.9")
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(title="looked at", loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return ax
