"""Frames side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from annotaudit.boxes import EXPECTED, SIDES, Labels
from annotaudit.errors import FrameError, LimitError
from annotaudit.frames.access import Images
from annotaudit.frames.crops import crop_windows
from annotaudit.plotting.ground import panel_grid
from annotaudit.plotting.overlay import draw_boxes
from annotaudit.plotting.style import ALERT, PLAIN, legible, stable_colors

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_PANELS = 100


def draw_frames(
    labels: Labels,
    frames: int | Iterable[int] | None = None,
    *,
    around: pd.Series | pd.DataFrame | None = None,
    before: int = 2,
    after: int = 2,
    start: int | None = None,
    stop: int | None = None,
    step: int = 1,
    sequence: str | None = None,
    findings: pd.DataFrame | None = None,
    zoom: bool | Sequence[float] | None = None,
    images: Images | None = None,
    columns: int = 5,
    axes: NDArray[Any] | None = None,
    **how: Any,
) -> NDArray[Any]:
    """Draw the boxes of several frames side by side.

    Which frames: a list of numbers, or those around a finding, or from ``start`` up to but
    without ``stop``, every ``step``-th of those looked at.

    Parameters
    ----------
    labels : Labels
    frames : int or list of int, optional
    around : row of a findings table, optional
        Shows its frame between ``before`` and ``after`` others, and marks it.
    before, after : int
    start, stop, step : int, optional
    sequence : str, optional
        Needed where the labels have several and ``around`` names none.
    findings : DataFrame, optional
        Those of the frames shown are marked.
    zoom : bool or (left, top, width, height), optional
        Show the surroundings of the object of ``around`` (then the default), or a part of the
        picture, instead of all of it.
    images : Images, optional
        By default those the labels name. A frame whose image cannot be opened is drawn on grey
        ground, with the reason below.
    columns : int
        Frames side by side.
    axes : array of Axes, optional
        At least one for each frame.
    **how
        Passed to :func:`draw_boxes`.

    Returns
    -------
    array of Axes
        One for each frame.

    Raises
    ------
    LimitError
        If no frame, or more than 100, are chosen, or the sequence is not clear.

    Examples
    --------
    >>> boxes = pd.DataFrame({
    ...     "sequence": "street", "frame": range(9), "track": "car:1", "label": "car",
    ...     "annotator": "ann", "left": range(9), "top": 0, "width": 10, "height": 10})
    >>> [ax.get_title() for ax in draw_frames(Labels(boxes), start=2, stop=7, step=2)]
    ['frame 2', 'frame 4', 'frame 6']
    """
    finding = around.iloc[0] if isinstance(around, pd.DataFrame) else around
    sequence = _sequence(labels, sequence, finding)
    boxes = labels.boxes[labels.boxes["sequence"] == sequence]
    looked_at = frames_looked_at(labels, sequence)
    if frames is not None:
        chosen = (
            [frames] if isinstance(frames, int | np.integer) else [int(each) for each in frames]
        )
    elif finding is not None:
        place = int(np.searchsorted(looked_at, finding["frame"]))
        chosen = looked_at[max(0, place - before) : place + after + 1].tolist()
    else:
        inside = (looked_at >= (start or 0)) & (looked_at < (np.inf if stop is None else stop))
        chosen = looked_at[inside][::step].tolist()
    if not 1 <= len(chosen) <= MOST_PANELS:
        raise LimitError(
            f"{len(chosen)} frames of sequence {sequence!r} are chosen; expected 1 to "
            f"{MOST_PANELS}. Its frames go from {looked_at.min(initial=0)} to "
            f"{looked_at.max(initial=0)}; choose with frames=, or start=, stop= and step=."
        )
    if findings is None and finding is not None:
        findings = finding.to_frame().T.infer_objects()
    window = _window(boxes, chosen, finding, zoom)
    images = Images(labels.frames) if images is None and len(labels.frames) else images
    colors = stable_colors(boxes["track"])
    if "by" not in how and colors:
        how = {"by": "track", "colors": colors} | how
    aspect = 9 / 16 if window is None else window[3] / window[2]
    panels = panel_grid(len(chosen), columns, aspect=float(np.clip(aspect, 0.4, 2.0)), axes=axes)
    for ax, frame in zip(panels, chosen, strict=True):
        own = boxes[boxes["frame"] == frame]
        marks = None if findings is None else _of_frame(findings, sequence, frame)
        draw_panel(ax, labels, images, sequence, frame, own, marks, window=window, **how)
        is_it = finding is not None and frame == finding["frame"]
        emphasis: dict[str, Any] = {"color": ALERT, "fontweight": "bold"} if is_it else {}
        ax.set_title(f"frame {frame}", fontsize="medium", **emphasis)
    return panels


def draw_panel(
    ax: Axes,
    labels: Labels,
    images: Images | None,
    sequence: str,
    frame: int,
    boxes: pd.DataFrame,
    findings: pd.DataFrame | None,
    *,
    window: Sequence[float] | None,
    **how: Any,
) -> None:
    """Draw one frame; say below why its picture cannot be opened, or is of another size."""
    picture, reason = _picture(images, sequence, frame)
    size = _size_in_labels(labels, sequence, frame)
    if picture is not None:
        if size is not None and size != picture.size:
            reason = "picture of {} x {} px, labels of {:g} x {:g}".format(*picture.size, *size)
        size = (float(picture.width), float(picture.height))
    if window is not None and size is not None:
        window = _moved_inside(window, size)
    draw_boxes(
        picture, boxes, highlight=findings, window=window, size=size, legend=False, ax=ax, **how
    )
    ax.set(xlabel="", ylabel="")
    ax.tick_params(labelbottom=False, labelleft=False, length=0)
    if reason:
        found = reason.partition(", expected")[0].rpartition("/")[2]
        ax.set_xlabel(legible(found, 60), fontsize="x-small", **PLAIN)


def frames_looked_at(labels: Labels, sequence: str) -> NDArray[np.int64]:
    """Frame numbers of a sequence in order: those looked at, or those with boxes.

    Examples
    --------
    >>> boxes = pd.DataFrame({
    ...     "sequence": "street", "frame": [4, 2], "track": "car:1", "label": "car",
    ...     "annotator": "ann", "left": 0, "top": 0, "width": 10, "height": 10})
    >>> frames_looked_at(Labels(boxes), "street").tolist()
    [2, 4]
    """
    table = labels.frames if len(labels.frames) else labels.boxes
    numbers = table.loc[table["sequence"] == sequence, "frame"].to_numpy(dtype=np.int64)
    return np.unique(numbers)


def surroundings(sides: NDArray[np.float64], margin: float) -> list[float] | None:
    """Left, top, width and height of what holds all boxes and a margin; None without boxes.

    Examples
    --------
    >>> surroundings(np.array([[0.0, 0, 10, 10], [10, 0, 10, 10]]), 0.5)
    [-10.0, -11.0, 40.0, 32.0]
    """
    known = sides[np.isfinite(sides).all(axis=1)]
    if not len(known):
        return None
    low, high = known[:, :2].min(axis=0), (known[:, :2] + known[:, 2:]).max(axis=0)
    window = crop_windows([[*low, *(high - low)]], margin=margin, min_side=32)[0]
    if np.isnan(window).any():
        return None
    return [*window[:2].tolist(), *(window[2:] - window[:2]).tolist()]


def _sequence(labels: Labels, sequence: str | None, finding: pd.Series | None) -> str:
    if sequence is None and finding is not None:
        sequence = str(finding["sequence"])
    table = labels.frames if len(labels.frames) else labels.boxes
    there = table["sequence"].unique().tolist()
    if sequence is None and len(there) == 1:
        return str(there[0])
    if sequence not in there:
        raise LimitError(
            f"sequence={sequence!r}: expected one of {there[:8]}{' ...' if len(there) > 8 else ''}."
        )
    return str(sequence)


def _window(
    boxes: pd.DataFrame,
    frames: list[int],
    finding: pd.Series | None,
    zoom: bool | Sequence[float] | None,
) -> list[float] | None:
    if zoom is not None and not isinstance(zoom, bool):
        return [float(side) for side in zoom]
    if finding is None or zoom is False:
        return None
    own = boxes[(boxes["track"] == finding["track"]) & boxes["frame"].isin(frames)]
    expected = finding.reindex(EXPECTED).to_numpy(dtype=np.float64)
    sides = np.vstack([own[list(SIDES)].to_numpy(dtype=np.float64), expected])
    return surroundings(sides, margin=0.35)


def _moved_inside(window: Sequence[float], size: tuple[float, float]) -> list[float]:
    """Move a window that reaches a little beyond the picture back into it; a far one stays."""
    left, top, width, height = window
    moved = []
    for start, side, extent in ((left, width, size[0]), (top, height, size[1])):
        inside = min(max(start, 0.0), extent - side)
        near = side <= extent and abs(inside - start) < side / 3
        moved.append(inside if near else start)
    return [*moved, width, height]


def _size_in_labels(labels: Labels, sequence: str, frame: int) -> tuple[float, float] | None:
    columns = ["image_width", "image_height"]
    if not {"sequence", "frame", *columns} <= set(labels.frames.columns):
        return None
    sizes = _of_frame(labels.frames, sequence, frame)[columns].dropna().to_numpy(dtype=np.float64)
    return (float(sizes[0, 0]), float(sizes[0, 1])) if len(sizes) else None


def _picture(images: Images | None, sequence: str, frame: int) -> tuple[Image | None, str]:
    try:
        return (None if images is None else images.get(sequence, frame)), ""
    except FrameError as error:
        return None, str(error)


def _of_frame(table: pd.DataFrame, sequence: str, frame: int) -> pd.DataFrame:
    return table[(table["sequence"] == sequence) & (table["frame"] == frame)]
