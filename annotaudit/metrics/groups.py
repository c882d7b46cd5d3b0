"""Values per group of rows: quantiles and places, without a loop over the groups."""

from __future__ import annotations

import numpy as np
import pandas as pd

from annotaudit.metrics.order import Floats, Ints, narrow


def boxes_before(objects: Ints) -> Ints:
    """Count the boxes of the same object before each box; an object's boxes stand together.

    Examples
    --------
    >>> boxes_before(np.array([7, 7, 7, 4, 4])).tolist()
    [0, 1, 2, 0, 1]
    """
    place = np.arange(len(objects))
    starts = np.ones(len(objects), dtype=bool)
    starts[1:] = objects[1:] != objects[:-1]
    return place - np.maximum.accumulate(np.where(starts, place, 0))


def grouped_quantile(groups: Ints, values: Floats, share: float = 0.5) -> tuple[Floats, Floats]:
    """Quantile of what is known in each row's group, and how many are known; one value per row.

    Examples
    --------
    >>> grouped_quantile(np.array([1, 1, 1, 2]), np.array([5.0, np.nan, 7.0, np.nan]))
    (array([ 6.,  6.,  6., nan]), array([2., 2., 2., 0.]))
    """
    known = ~np.isnan(values)
    if not known.any():
        return np.full(len(values), np.nan), np.zeros(len(values))
    group = pd.factorize(groups)[0]
    of_known, ordered = group[known], values[known]
    count = np.bincount(of_known, minlength=group.max() + 1)
    ordered = ordered[np.lexsort((ordered, narrow(of_known)))]
    at = np.cumsum(count) - count + share * np.maximum(count - 1, 0)
    lower = np.minimum(np.floor(at).astype(np.intp), len(ordered) - 1)
    upper = np.minimum(np.ceil(at).astype(np.intp), len(ordered) - 1)
    with np.errstate(invalid="ignore", over="ignore"):
        # The place within the group, not in the table, so that other groups change no digit.
        within = share * np.maximum(count - 1, 0) % 1
        quantile = ordered[lower] * (1 - within) + ordered[upper] * within
    quantile = np.where(count > 0, quantile, np.nan)
    return quantile[group], count[group].astype(np.float64)
