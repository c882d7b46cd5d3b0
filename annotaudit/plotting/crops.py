"""The worst findings at a glance."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from annotaudit.boxes import EXPECTED, SIDES, Labels
from annotaudit.errors import BoxTableError
from annotaudit.frames.access import Images
from annotaudit.plotting.ground import panel_grid
from annotaudit.plotting.strips import draw_panel, surroundings
from annotaudit.plotting.style import PLAIN, legible, stable_colors

CAPTION = 46  # characters to a line


def contact_sheet(
    labels: Labels,
    findings: pd.DataFrame,
    n: int = 12,
    *,
    margin: float = 0.4,
    images: Images | None = None,
    columns: int = 4,
    axes: NDArray[Any] | None = None,
    **how: Any,
) -> NDArray[Any]:
    """Draw the surroundings of the first findings, each with its reason.

    The box is drawn thick in the colour of its severity, the expected box dashed.

    Parameters
    ----------
    labels : Labels
    findings : DataFrame
        As from ``annotaudit.audit()``, most suspicious first.
    n : int
        Findings shown.
    margin : float
        Surroundings to show on each side, as a share of the larger side.
    images : Images, optional
        By default those the labels name. A frame whose image cannot be opened is drawn on grey
        ground, with the reason below.
    columns : int
        Findings side by side.
    axes : array of Axes, optional
        At least one for each finding shown.
    **how
        Passed to :func:`draw_boxes`.

    Returns
    -------
    array of Axes
        One for each finding shown; none without findings.

    Raises
    ------
    BoxTableError
        If ``findings`` is no findings table.

    Examples
    --------
    >>> boxes = pd.DataFrame({
    ...     "sequence": "street", "frame": range(2), "track": "car:1", "label": "car",
    ...     "annotator": "ann", "left": [0, 90], "top": 0, "width": 10, "height": 10})
    >>> findings = boxes.tail(1).assign(severity="error", reason="It jumps 90 px.")
    >>> print(contact_sheet(Labels(boxes), findings)[0].get_title(loc="left"))
    1 · car:1 · frame 1
    It jumps 90 px.
    """
    wanted = ("sequence", "frame", "track", "reason", "severity", *SIDES)
    if missing := [name for name in wanted if name not in findings.columns]:
        raise BoxTableError(
            f"The findings lack {missing}; expected a table as from annotaudit.audit()."
        )
    shown = findings.head(n)
    if shown.empty:
        return np.empty(0, dtype=object)
    images = Images(labels.frames) if images is None and len(labels.frames) else images
    colors = stable_colors(labels.boxes["track"])
    panels = panel_grid(len(shown), columns, aspect=1.2, axes=axes)
    for place, ax in enumerate(panels):
        finding = shown.iloc[[place]]
        sequence, frame = str(finding["sequence"].iloc[0]), int(finding["frame"].iloc[0])
        here = labels.boxes[
            (labels.boxes["sequence"] == sequence) & (labels.boxes["frame"] == frame)
        ]
        style: dict[str, Any] = {
            "tags": False,
            "linewidth": 1.0,
            "alpha": 0.8,
            "window": _square(finding, margin),
        }
        if colors:
            style |= {"by": "track", "colors": colors}
        draw_panel(ax, labels, images, sequence, frame, here, finding, **(style | how))
        name = finding["track"].where(finding["track"].notna(), finding.get("label", "box")).iloc[0]
        head = f"{place + 1} · {legible(name, 18)} · frame {frame}"
        reason = textwrap.fill(legible(finding["reason"].iloc[0], 4 * CAPTION), CAPTION)
        ax.set_title(f"{head}\n{reason}", fontsize="small", loc="left", **PLAIN)
    return panels


def _square(finding: pd.DataFrame, margin: float) -> list[float] | None:
    """A square around the box and the expected one, so that all panels are of one shape."""
    sides = finding[list(SIDES)].to_numpy(dtype=np.float64)
    expected = finding.reindex(columns=EXPECTED).to_numpy(dtype=np.float64)
    window = surroundings(np.vstack([sides, expected]), margin)
    if window is None:
        return None
    left, top, width, height = window
    side = max(width, height)
    return [left - (side - width) / 2, top - (side - height) / 2, side, side]
