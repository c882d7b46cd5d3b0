"""Scores beside the share of findings that were real."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from annotaudit.errors import BoxTableError
from annotaudit.metrics.gold import wilson
from annotaudit.plotting.style import PALETTE

NEEDED = ("score", "real")


def plot_reliability(table: pd.DataFrame, *, bins: int = 10, ax: Axes | None = None) -> Axes:
    """Plot the share of findings that were real against their score, with 95 % intervals.

    Parameters
    ----------
    table : DataFrame
        One row per finding somebody judged: ``score`` (0 to 1) and ``real`` (bool). Rows without a
        score, which no rule found, are left out.
    bins : int
        Steps of equal width that scores are grouped in.
    ax : Axes, optional

    Returns
    -------
    Axes
        A mark per step at the mean score of its findings, labelled with their number; on the
        diagonal scores mean what they say. Steps without findings have no mark.

    Raises
    ------
    BoxTableError
        If a column is missing.

    References
    ----------
    Wilson (1927), JASA 22:209, doi:10.1080/01621459.1927.10502953

    Examples
    --------
    >>> table = pd.DataFrame({"score": [0.9, 0.95, 0.1], "real": [True, True, False]})
    >>> plot_reliability(table).get_xlabel()
    'score'
    """
    if missing := [name for name in NEEDED if name not in table]:
        raise BoxTableError(
            f"The table lacks {missing}; it has {[str(name) for name in table.columns]}. "
            "Pass one row per judged finding, with its score and whether it was real."
        )
    table = table.dropna(subset="score")
    step = np.clip((table["score"] * bins).astype(int), 0, bins - 1).rename("step")
    groups = table.groupby(step)
    score, judged = groups["score"].mean(), groups["real"].size()
    share, low, high = wilson(
        groups["real"].sum().to_numpy(dtype=float), judged.to_numpy(dtype=float)
    )
    if ax is None:
        _, ax = plt.subplots(figsize=(5.5, 5), layout="constrained")
    ax.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    ax.vlines(score, low, high, color=PALETTE[0], linewidth=2, alpha=0.55)
    ax.plot(score, share, "o", color=PALETTE[0], markersize=6)
    for x, y, count in zip(score, share, judged, strict=True):
        ax.annotate(f"{count:,}", (x, y), xytext=(6, -10), textcoords="offset points", fontsize=8)
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel="score", ylabel="share that was real")
    ax.grid(color="0.9")
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    return ax
