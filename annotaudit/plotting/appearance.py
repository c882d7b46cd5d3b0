"""What boxes show: crops along a track, how far apart they look, and a map of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from annotaudit.boxes import OBJECT, SIDES, Labels
from annotaudit.errors import FrameError, LimitError, MissingExtraError
from annotaudit.frames.access import Images
from annotaudit.frames.crops import crop_boxes
from annotaudit.metrics.embedding import Embeddings
from annotaudit.plotting.ground import panel_grid
from annotaudit.plotting.lines import (
    boxes_and_frames,
    broken_lines,
    choose,
    choose_one,
    finish,
    mark_findings,
    object_names,
)
from annotaudit.plotting.style import (
    GROUND,
    MUTED,
    PALETTE,
    PLAIN,
    SEVERITY_COLORS,
    legible,
    stable_colors,
)

Method = Literal["pca", "umap"]
DISTANCES = {
    "to_previous": "to the box before",
    "to_track": "to its track",
    "to_past": "to its past",
    "to_other": "to the nearest other track",
}
MOST_CROPS = 100


def draw_crops(
    labels: Labels,
    track: str,
    *,
    findings: pd.DataFrame | None = None,
    around: int | None = None,
    n: int = 12,
    margin: float = 0.1,
    sequence: str | None = None,
    annotator: str | None = None,
    images: Images | None = None,
    columns: int = 12,
    axes: NDArray[Any] | None = None,
) -> NDArray[Any]:
    """Draw the crops along a track, those with findings framed in the colour of their severity.

    Parameters
    ----------
    labels : Labels
    track : str
    findings : DataFrame, optional
        As from ``annotaudit.audit()``. Without ``around``, frames with findings are among those
        shown.
    around : int, optional
        Show the boxes around this frame instead of some from the whole track.
    n : int
        Crops shown, at most 100.
    margin : float
        Surroundings to show on each side, as a share of the box's larger side.
    sequence, annotator : str, optional
        Needed where several have an object of this name.
    images : Images, optional
        By default those the labels name. Where there is no picture, the panel stays grey.
    columns : int
        Crops side by side.
    axes : array of Axes, optional
        At least one for each crop.

    Returns
    -------
    array of Axes
        One for each crop, in the order of frames.

    Raises
    ------
    BoxTableError
        If there is no such object, or more than one.
    LimitError
        If ``n`` is out of range.

    Examples
    --------
    >>> boxes = pd.DataFrame({
    ...     "sequence": "street", "frame": range(30), "track": "car:1", "label": "car",
    ...     "annotator": "ann", "left": 5, "top": 0, "width": 10, "height": 10})
    >>> [ax.get_title() for ax in draw_crops(Labels(boxes), "car:1", around=7, n=3)]
    ['6', '7', '8']
    """
    if not 1 <= n <= MOST_CROPS:
        raise LimitError(f"n={n!r}: expected 1 to {MOST_CROPS} crops.")
    own = choose_one(labels.boxes, track, sequence, annotator)
    marks = _severities(findings, own)
    shown = own.iloc[_chosen(own["frame"].to_numpy(), set(marks), around, n)]
    if images is None and "image" in labels.frames:
        images = Images(labels.frames)
    sides = shown[["width", "height"]].to_numpy(dtype=np.float64)
    tall = np.nanmedian(sides[:, 1] / np.maximum(sides[:, 0], 1)) if len(sides) else 1.0
    aspect = float(np.clip(np.nan_to_num(tall, nan=1.0), 0.3, 3.0))
    panels = panel_grid(len(shown), columns, aspect=aspect, axes=axes)
    for ax, (_, box) in zip(panels, shown.iterrows(), strict=True):
        pixels = _crop(images, box, margin)
        ax.set_facecolor(GROUND)
        if pixels is not None:
            ax.imshow(pixels)
        ax.set(xticks=[], yticks=[])
        severity = marks.get(int(box["frame"]))
        for spine in ax.spines.values():
            spine.set(
                color=SEVERITY_COLORS[severity] if severity else MUTED,
                linewidth=4 if severity else 0.5,
            )
        ax.set_title(str(int(box["frame"])), fontsize="small", **PLAIN)
    return panels


def plot_appearance(
    labels: Labels | pd.DataFrame,
    distances: pd.DataFrame,
    track: str,
    *,
    columns: Sequence[str] = ("to_track", "to_other"),
    findings: pd.DataFrame | None = None,
    sequence: str | None = None,
    annotator: str | None = None,
    ax: Axes | None = None,
    **line_style: Any,
) -> Axes:
    """Plot how far the crops of a track look from their own and from other tracks.

    Parameters
    ----------
    labels : Labels or DataFrame
    distances : DataFrame
        From :func:`annotaudit.metrics.appearance_distances`, aligned to the boxes.
    track : str
    columns : sequence of str
        Which distances; findings are marked on the first.
    findings : DataFrame, optional
    sequence, annotator : str, optional
        Needed where several have an object of this name.
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
    LimitError
        If a distance is not known.

    Examples
    --------
    >>> boxes = pd.DataFrame({
    ...     "sequence": "street", "frame": range(3), "track": "car:1", "label": "car",
    ...     "annotator": "ann", "left": 5, "top": 0, "width": 10, "height": 10})
    >>> ax = plot_appearance(boxes, pd.DataFrame({"to_track": [0.1, 0.4, 0.1]}), "car:1",
    ...                      columns=["to_track"])
    >>> ax.get_ylabel()
    'distance of looks'
    """
    if unknown := [name for name in columns if name not in DISTANCES or name not in distances]:
        raise LimitError(
            f"columns={list(columns)}: {unknown} is not among the distances; expected some of "
            f"{[name for name in DISTANCES if name in distances]}."
        )
    boxes, frames = boxes_and_frames(labels)
    own = choose_one(boxes, track, sequence, annotator)
    if ax is None:
        _, ax = plt.subplots(figsize=(10, 3.5), layout="constrained")
    values = distances.loc[own.index]
    for name, color in zip(columns, PALETTE, strict=False):
        style: dict[str, Any] = {"color": color, "marker": ".", "markersize": 5, "linewidth": 1.2}
        x, y = broken_lines(own, values[name], frames)
        ax.plot(x, y, **(style | line_style), label=DISTANCES[name])
    if findings is not None:
        mark_findings(ax, findings, own, values[columns[0]])
    ax.set_ylim(bottom=0)
    return finish(ax, "distance of looks", title=track)


def plot_appearance_map(
    labels: Labels | pd.DataFrame,
    embeddings: Embeddings,
    tracks: str | Sequence[str] | None = None,
    *,
    findings: pd.DataFrame | None = None,
    method: Method = "pca",
    ax: Axes | None = None,
    **marker_style: Any,
) -> Axes:
    """Map crops to a plane so that what looks alike lies together, each track in its colour.

    Parameters
    ----------
    labels : Labels or DataFrame
        Those the embeddings were made of.
    embeddings : Embeddings
    tracks : str or list of str, optional
        All when not given.
    findings : DataFrame, optional
        Their boxes are ringed in the colour of their severity.
    method : {"pca", "umap"}
        Principal components, which keep distances as well as two numbers can; or UMAP, which
        keeps neighbours, if the package ``umap-learn`` is installed.
    ax : Axes, optional
    **marker_style
        Passed to ``ax.scatter``.

    Returns
    -------
    Axes

    Raises
    ------
    LimitError
        If the method is not known, or the embeddings are of other boxes.
    MissingExtraError
        If UMAP is asked for and not installed.

    Examples
    --------
    >>> boxes = pd.DataFrame({
    ...     "sequence": "street", "frame": range(3), "track": "car:1", "label": "car",
    ...     "annotator": "ann", "left": 5, "top": 0, "width": 10, "height": 10})
    >>> vectors = np.array([[0, 1, 2], [0, 1, 3], [5, 1, 2]], np.float32)
    >>> ax = plot_appearance_map(boxes, Embeddings(vectors, np.ones(3), np.ones(3)))
    >>> len(ax.collections[0].get_offsets())
    3
    """
    if method not in ("pca", "umap"):
        raise LimitError(f"method={method!r}: expected 'pca' or 'umap'.")
    boxes, _ = boxes_and_frames(labels)
    if len(embeddings) != len(boxes):
        raise LimitError(
            f"Found embeddings of {len(embeddings)} boxes and a table of {len(boxes)}; expected "
            "one for each. Make them from the same labels, with annotaudit.metrics.embed(labels)."
        )
    place = pd.Series(range(len(boxes)), index=boxes.index)
    colors = stable_colors(object_names(boxes))
    chosen = choose(boxes.assign(_place=place), tracks)
    vectors = embeddings.vectors[chosen["_place"].to_numpy()].astype(np.float64)
    known = np.isfinite(vectors).all(axis=1) & (vectors.shape[1] > 0)
    chosen, vectors = chosen[known], vectors[known]
    x, y = _plane(vectors) if method == "pca" else _umap(vectors)
    if ax is None:
        _, ax = plt.subplots(figsize=(7, 6), layout="constrained")
    names = object_names(boxes).reindex(chosen.index)
    for name in names.unique():
        own = (names == name).to_numpy()
        style: dict[str, Any] = {"color": colors[name], "s": 22, "alpha": 0.8, "linewidths": 0}
        ax.scatter(x[own], y[own], **(style | marker_style), label=legible(name))
    if findings is not None and len(chosen):
        keys = [*OBJECT, "frame"]
        here = chosen[keys].assign(_x=x, _y=y)
        ringed = findings.merge(here, on=keys)
        rank = ringed["severity"].map(list(SEVERITY_COLORS).index)
        ringed = ringed.iloc[rank.argsort(kind="stable")].drop_duplicates(keys)
        for severity, color in SEVERITY_COLORS.items():
            some = ringed[ringed["severity"] == severity]
            if len(some):
                ax.scatter(
                    some["_x"], some["_y"], s=110, facecolors="none", edgecolors=color,
                    linewidths=1.8, label=severity, zorder=4,
                )  # fmt: skip
    finish(ax, "second component" if method == "pca" else "UMAP 2", title="what boxes show")
    ax.set(xlabel="first component" if method == "pca" else "UMAP 1")
    return ax


def _severities(findings: pd.DataFrame | None, own: pd.DataFrame) -> dict[int, str]:
    """Gravest severity of each frame of one object that has findings."""
    if findings is None or own.empty:
        return {}
    here = findings.merge(own[list(OBJECT)].drop_duplicates(), on=list(OBJECT))
    gravest: dict[int, str] = {}
    for severity in reversed(SEVERITY_COLORS):
        frames = here.loc[here["severity"] == severity, "frame"]
        gravest |= dict.fromkeys(frames.astype(int).tolist(), severity)
    return gravest


def _chosen(
    frames: NDArray[np.int64], marked: set[int], around: int | None, n: int
) -> NDArray[np.intp]:
    """Places of the boxes to show: those around a frame, or marked ones and some between."""
    if around is not None:
        nearest = int(np.abs(frames - around).argmin())
        first = int(np.clip(nearest - (n - 1) // 2, 0, max(len(frames) - n, 0)))
        return np.arange(first, min(first + n, len(frames)))
    wanted = np.flatnonzero(np.isin(frames, list(marked)))[:n]
    free = np.setdiff1d(np.arange(len(frames)), wanted)
    some = np.linspace(0, len(free) - 1, min(n - len(wanted), len(free))).round().astype(int)
    return np.sort(np.concatenate([wanted, free[some]]))


def _crop(images: Images | None, box: pd.Series, margin: float) -> NDArray[np.uint8] | None:
    try:
        picture = None if images is None else images.get(str(box["sequence"]), int(box["frame"]))
    except FrameError:
        return None
    if picture is None:
        return None
    sides = box[list(SIDES)].to_numpy(dtype=np.float64)
    crop = crop_boxes(picture, sides[None], margin=margin, pad=True)[0]
    return None if crop is None else np.asarray(crop)


def _plane(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """First two principal components, shape (2, n); the larger half of each points up."""
    if not len(vectors):
        return np.empty((2, 0))
    centred = vectors - vectors.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    axes = np.vstack([axes, np.zeros((2, vectors.shape[1]))])[:2]
    signs = np.sign(axes[[0, 1], np.abs(axes).argmax(axis=1)])
    return np.asarray((axes * np.where(signs == 0, 1, signs)[:, None]) @ centred.T)


def _umap(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    try:
        import umap
    except ImportError as error:
        raise MissingExtraError(
            "method='umap' needs the package umap-learn, which is not installed: "
            "pip install umap-learn. method='pca' works without it."
        ) from error
    return np.asarray(umap.UMAP(random_state=0, n_jobs=1).fit_transform(vectors), np.float64).T
