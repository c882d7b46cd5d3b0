"""How alike vectors are: to those around them on their track, and to those of others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from annotaudit.metrics.embedders import Vectors
from annotaudit.metrics.order import Bools, Floats, Ints, TrackOrder

Metric = Literal["cosine", "euclidean"]
ROOM = 1 << 22  # numbers held at a time, whatever the number of boxes


def prepared(vectors: Vectors, metric: Metric) -> Vectors:
    """Give vectors the length 1 for the cosine distance; what has no direction becomes NaN.

    Examples
    --------
    >>> prepared(np.array([[3, 4], [0, 0]], np.float32), "cosine").round(1).tolist()
    [[0.6..., 0.8...], [nan, nan]]
    """
    if metric == "euclidean":
        return vectors
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(length > 0, vectors / length, np.float32(np.nan))


def distances(a: Vectors, b: Vectors, metric: Metric) -> Floats:
    """Distance between vectors, row by row; NaN where either is unknown.

    Parameters
    ----------
    a, b : float32 arrays, shape (n, d)
        From :func:`prepared`.
    metric : {"cosine", "euclidean"}

    Examples
    --------
    >>> right, up = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    >>> distances(right, up, "cosine").tolist(), distances(right, -right, "euclidean").tolist()
    ([1.0], [2.0])
    """
    if not a.shape[1]:
        return np.full(len(a), np.nan)
    if metric == "cosine":
        return np.asarray(1.0 - np.einsum("nd,nd->n", a, b), dtype=np.float64)
    return np.asarray(np.linalg.norm(a - b, axis=1), dtype=np.float64)


def around(order: TrackOrder, offsets: range, reach: int, usable: Bools) -> Ints:
    """Find the boxes of the same object some boxes before or after, in track order.

    Parameters
    ----------
    order : TrackOrder
    offsets : range
        How many boxes later; negative for earlier ones. The box itself, 0, is left out.
    reach : int
        Frames looked at beyond which a box has nothing to say.
    usable : bool array, shape (n,)
        Boxes that can vouch for others.

    Returns
    -------
    int array, shape (n, number of offsets)
        Places in track order; -1 where there is none.
    """
    n = len(order.rows)
    here = np.arange(n)
    columns = []
    for offset in offsets:
        if offset == 0:
            continue
        there = np.clip(here + offset, 0, max(n - 1, 0))
        apart = np.abs(order.places[there] - order.places)
        fits = (there == here + offset) & (order.objects[there] == order.objects) & usable[there]
        columns.append(np.where(fits & (apart > 0) & (apart <= reach), there, -1))
    return np.stack(columns, axis=1) if columns else np.empty((n, 0), dtype=np.intp)


def medians(vectors: Vectors, places: Ints, metric: Metric) -> Vectors:
    """Take the median of some vectors for each row, number by number; NaN where there is none.

    Parameters
    ----------
    vectors : float32 array, shape (n, d)
    places : int array, shape (n, k)
        Rows of ``vectors``, -1 for none.
    metric : {"cosine", "euclidean"}
        For the cosine distance, medians get the length 1 again.

    Examples
    --------
    >>> vectors = np.array([[1.0], [9.0], [2.0]], np.float32)
    >>> medians(vectors, np.array([[0, 1, 2], [0, 2, -1]]), "euclidean").tolist()
    [[2.0], [1.5]]
    """
    n, k = places.shape
    found = np.full((n, vectors.shape[1]), np.nan, dtype=np.float32)
    step = max(1, ROOM // max(1, k * vectors.shape[1]))
    for start in range(0, n if k else 0, step):
        some = places[start : start + step]
        there = vectors[some]
        there[some < 0] = np.nan
        there.sort(axis=1)  # what is unknown comes last
        count = (some >= 0).sum(axis=1)
        row = np.arange(len(some))
        low, high = there[row, np.maximum(count - 1, 0) // 2], there[row, count // 2]
        found[start : start + step] = (low + high) / 2
    return prepared(found, metric)


def nearest_other(
    vectors: Vectors, references: Vectors, moment: Ints, objects: Ints, metric: Metric
) -> tuple[Floats, Ints]:
    """Find the other object of the same frame whose reference is nearest to each vector.

    Parameters
    ----------
    vectors, references : float32 arrays, shape (n, d)
        From :func:`prepared`; what each box looks like, and what its object did.
    moment, objects : int arrays, shape (n,)
        A number for the frame and for the object of each.
    metric : {"cosine", "euclidean"}

    Returns
    -------
    distance : float array, shape (n,)
        NaN where no other object is known.
    which : int array, shape (n,)
        The row of its box; -1 where there is none.
    """
    n, d = vectors.shape
    nearest, which = np.full(n, np.nan), np.full(n, -1, dtype=np.intp)
    if not d:
        return nearest, which
    for rows in _frames_of_one_size(moment, d):
        there = rows.clip(0)
        a, b = vectors[there], references[there]
        apart = np.asarray(np.einsum("fmd,fkd->fmk", a, b, optimize=True), dtype=np.float64)
        if metric == "cosine":
            apart = 1.0 - apart
        else:
            squares = (a**2).sum(axis=2)[:, :, None] + (b**2).sum(axis=2)[:, None, :]
            apart = np.sqrt(np.maximum(squares - 2 * apart, 0.0))
        own = objects[there][:, :, None] == objects[there][:, None, :]
        apart[own | (rows < 0)[:, None, :] | np.isnan(apart)] = np.inf
        best = apart.argmin(axis=2)
        least = np.take_along_axis(apart, best[:, :, None], axis=2)[:, :, 0]
        known = (rows >= 0) & np.isfinite(least)
        nearest[rows[known]] = least[known]
        which[rows[known]] = np.take_along_axis(rows, best, axis=1)[known]
    return nearest, which


def _frames_of_one_size(moment: Ints, d: int) -> Iterator[Ints]:
    """Group the rows of frames with about as many boxes, shape (frames, boxes), -1 for none."""
    by_frame = np.argsort(moment, kind="stable")
    _, start, count = np.unique(moment[by_frame], return_index=True, return_counts=True)
    order = np.argsort(count, kind="stable")
    start, count = start[order], count[order]
    at = 0
    while at < len(count):
        # As many frames as fit, none with more than a quarter beyond the boxes of the first.
        most = max(int(count[at] * 1.25), 1)
        stop = int(np.searchsorted(count, most, side="right"))
        stop = min(stop, at + max(1, ROOM // (most * (most + d))))
        width = int(count[stop - 1])
        inside = np.arange(width) < count[at:stop, None]
        places = np.where(inside, start[at:stop, None] + np.arange(width), 0)
        yield np.where(inside, by_frame[places], -1)
        at = stop
