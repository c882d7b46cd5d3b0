"""Measurements of what boxes show: one value per box, beside its own track and beside others."""

from __future__ import annotations

import numpy as np
import pandas as pd

from annotaudit.boxes import TEXT, Labels, check_boxes
from annotaudit.errors import LimitError
from annotaudit.metrics.embedding import Embeddings
from annotaudit.metrics.likeness import (
    Metric,
    around,
    distances,
    medians,
    nearest_other,
    prepared,
)
from annotaudit.metrics.order import Floats, codes, track_order
from annotaudit.metrics.overlap import covered, overlapping_pairs
from annotaudit.metrics.paths import paths_of

VOUCHES = 0.4  # weight from which a box can tell what its object looks like
ENOUGH = 1024.0  # square pixels that show an object well
MEMORY = 50  # frames looked at over which an object keeps its looks


def appearance_distances(
    labels: Labels | pd.DataFrame,
    embeddings: Embeddings,
    *,
    metric: Metric = "cosine",
    window: int = 9,
) -> pd.DataFrame:
    """Compare what each box shows with its own track and with the others on the frame.

    Parameters
    ----------
    labels : Labels or DataFrame
        Those the embeddings were made of.
    embeddings : Embeddings
        From :func:`annotaudit.metrics.embed`.
    metric : {"cosine", "euclidean"}
    window : int
        Boxes, the judged one among them, that tell what a track looks like at the time.

    Returns
    -------
    DataFrame, aligned to the boxes' index
        ``to_previous``: distance to the box on the frame looked at before; NaN across a gap.
        ``to_track``: distance to the median of the boxes around it, itself left out.
        ``to_past``: distance to the median of the last boxes before it, also across a gap.
        ``to_other``: distance to the nearest such median of another track on the frame.
        ``other``: that track. ``weight``, 0 to 1: how much the box shows of its object, less for
        a small one, one behind another, and one that reaches off the picture. ``light_change``:
        brightness beside the boxes around it, in levels of 255. ``sharpness_change``: sharpness
        as a share of theirs, minus 1.

        Boxes of little weight are measured, but are left out of the medians.

    Raises
    ------
    LimitError
        If the embeddings are of other boxes, or an option is out of range.

    Examples
    --------
    >>> boxes = pd.DataFrame({
    ...     "sequence": "street", "frame": [0, 1, 2, 3], "track": "car:1", "label": "car",
    ...     "annotator": "ann", "left": 0, "top": 0, "width": 40, "height": 40})
    >>> vectors = np.array([[1, 0], [1, 0], [0, 1], [1, 0]], np.float32)
    >>> found = appearance_distances(boxes, Embeddings(vectors, np.full(4, 100.0), np.full(4, 0.5)))
    >>> found["to_previous"].tolist(), found["to_track"].tolist()
    ([nan, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 0.0])
    """
    boxes = labels.boxes if isinstance(labels, Labels) else check_boxes(labels)
    frames = labels.frames if isinstance(labels, Labels) and len(labels.frames) else None
    if metric not in ("cosine", "euclidean"):
        raise LimitError(f"metric={metric!r}: expected 'cosine' or 'euclidean'.")
    if len(embeddings) != len(boxes):
        raise LimitError(
            f"Found embeddings of {len(embeddings)} boxes and a table of {len(boxes)}; expected "
            "one for each. Make them from the same labels, with annotaudit.metrics.embed(labels)."
        )
    if window < 3:
        raise LimitError(f"window={window!r}: expected 3 boxes or more.")
    order = track_order(boxes, frames)
    rows, reach = order.rows, window // 2
    vectors = prepared(embeddings.vectors[rows], metric)
    weight = weights(boxes, frames)
    known = np.isfinite(vectors).all(axis=1) if vectors.shape[1] else np.zeros(len(rows), bool)
    usable = known & (weight[rows] >= VOUCHES)

    beside = around(order, range(-reach, reach + 1), reach, usable)
    before = around(order, range(1 - window, 0), MEMORY, usable)
    previous = np.where(order.follows[:, None], vectors[np.arange(len(rows)) - 1], np.nan)
    past = medians(vectors, before, metric)
    moment = codes([boxes["sequence"], boxes["annotator"], boxes["frame"]])[rows]
    to_other, which = nearest_other(vectors, past, moment, order.objects, metric)
    glance = np.stack([embeddings.light, embeddings.sharpness], axis=1)[rows]
    usual = medians(glance.astype(np.float32), beside, "euclidean")
    with np.errstate(invalid="ignore", divide="ignore"):
        lighter: Floats = glance[:, 0] - usual[:, 0]
        sharper: Floats = glance[:, 1] / usual[:, 1] - 1.0
    names = np.full(len(boxes), np.nan, dtype=object)
    names[rows[which >= 0]] = boxes["track"].to_numpy(dtype=object)[rows[which[which >= 0]]]
    return pd.DataFrame(
        {
            "to_previous": order.back_to_table(distances(vectors, previous, metric)),
            "to_track": order.back_to_table(
                distances(vectors, medians(vectors, beside, metric), metric)
            ),
            "to_past": order.back_to_table(distances(vectors, past, metric)),
            "to_other": order.back_to_table(to_other),
            "other": pd.array(names, dtype=TEXT),
            "weight": weight,
            "light_change": order.back_to_table(lighter),
            "sharpness_change": order.back_to_table(sharper),
        },
        index=boxes.index,
    )


def weights(boxes: pd.DataFrame, frames: pd.DataFrame | None = None) -> Floats:
    """How much each box shows of its object, from 0 to 1.

    Parameters
    ----------
    boxes : DataFrame
        A checked box table.
    frames : DataFrame, optional
        With the size of the images.

    Returns
    -------
    float array, shape (n,)
        The share that no nearer box covers, times the share on the picture, times the area over
        1,024 px² where that is less. 0 for a box without area; NaN without a track, or for an
        object's second box on a frame.

    Examples
    --------
    >>> boxes = pd.DataFrame({
    ...     "sequence": "street", "frame": 0, "track": ["near", "far", "tiny"], "label": "car",
    ...     "annotator": "ann", "left": [0.0, 0, 90], "top": [10.0, 0, 0],
    ...     "width": [40.0, 40, 16], "height": [40.0, 40, 16]})
    >>> weights(boxes).tolist()
    [1.0, 0.25, 0.25]
    """
    paths = paths_of(boxes, frames)
    found = np.full(len(boxes), np.nan)
    if not len(paths):
        return found
    left, top, right, bottom = paths.edges
    wide, high = right - left, bottom - top
    inside = np.maximum(0.0, np.fmin(right, paths.image_width) - np.maximum(left, 0.0))
    inside *= np.maximum(0.0, np.fmin(bottom, paths.image_height) - np.maximum(top, 0.0))
    seen = 1.0 - covered(paths, overlapping_pairs(paths))
    share = seen * inside / (wide * high) * np.minimum(1.0, wide * high / ENOUGH)
    found[paths.row] = np.where(paths.sound, np.clip(share, 0.0, 1.0), 0.0)
    return found
