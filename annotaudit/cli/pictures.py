"""Pictures of an audit, saved into a folder."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from annotaudit.cli.screen import progress_bar

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from annotaudit.boxes import Labels

    Drawn = Axes | NDArray[Any]


def save_pictures(labels: Labels, findings: pd.DataFrame, folder: Path) -> list[Path]:
    """Save the contact sheet, the timeline, and how sizes and overlaps go over time."""
    pictures = list(_pictures(labels, findings))
    with progress_bar() as bar:
        return [
            save_picture(draw, folder / name)
            for name, draw in bar.track(pictures, description="Drawing ...")
        ]


def save_picture(draw: Callable[[], Drawn], path: Path) -> Path:
    """Save what the function draws, whole or not at all, in the format of the name; else PNG."""
    import matplotlib
    import numpy as np

    from annotaudit.formats.saving import write_whole

    matplotlib.use("Agg")  # a command has no window to draw in
    import matplotlib.pyplot as plt

    figure = np.ravel(np.asarray(draw()))[0].get_figure()
    file = io.BytesIO()
    kind = path.suffix.lower().removeprefix(".") or "png"
    figure.savefig(file, format=kind, dpi=150, bbox_inches="tight")
    plt.close(figure)
    return write_whole(path, file.getvalue())


def _pictures(labels: Labels, findings: pd.DataFrame) -> Iterator[tuple[str, Callable[[], Drawn]]]:
    from annotaudit.plotting import (
        contact_sheet,
        plot_rolling_iou,
        plot_size_change,
        plot_timeline,
    )

    if len(findings):
        yield "worst.png", lambda: contact_sheet(labels, findings, n=12)
    yield "timeline.png", lambda: plot_timeline(findings, labels)
    if labels.boxes["track"].notna().any():
        yield "size_change.png", lambda: plot_size_change(labels, findings=findings)
        yield "rolling_iou.png", lambda: plot_rolling_iou(labels, findings=findings)
