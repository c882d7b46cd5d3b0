"""How alike two sets of tracks are, in one number each: HOTA, IDF1, MOTA.

One set is taken as the truth. Boxes are compared frame by frame; sequences are counted together,
as if they were one long video in which no object meets another's.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from annotaudit.boxes import OBJECT, SIDES, check_boxes
from annotaudit.geometry import iou
from annotaudit.metrics.matching import best_pairs, image_codes, pairs_of_one_image

ALPHAS = np.arange(0.05, 0.99, 0.05)  # overlaps from which HOTA takes two boxes for the same
SAME_BOX = 0.5  # overlap from which IDF1 and MOTA do
ROUNDING = float(np.finfo(np.float64).eps)  # an overlap this little below a limit reaches it
STAY = 1000.0  # outweighs any overlap: MOTA keeps the object of the frame before, if it can

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


class _Meetings(NamedTuple):
    """All pairs of a true and a given box of one frame that overlap, in order of time."""

    frame: Integers  # place of the frame among those on which both sets have boxes
    truth: Integers  # row of the true box
    given: Integers
    overlap: Floats
    true_object: Integers  # code of the object of each row, not pair
    given_object: Integers


def tracking_scores(truth: pd.DataFrame, given: pd.DataFrame) -> pd.Series:
    """Compare tracks with the true ones: HOTA, IDF1 and MOTA, with what they are made of.

    Parameters
    ----------
    truth, given : DataFrame
        Box tables (see ``annotaudit.boxes.COLUMNS``). Tracks of two annotators are two objects. A
        box without a track counts as an object of its own; one with a NaN or negative side
        overlaps none.

    Returns
    -------
    Series
        ``HOTA``, ``DetA``, ``AssA``, ``LocA``: means over the overlaps 0.05, 0.10, ... 0.95;
        ``IDF1``, ``MOTA`` and ``MOTP`` at overlap 0.5. 1 is best; MOTA can be below 0. ``IDSW``
        counts the times a true object changes the one that follows it, ``FN`` boxes missed, ``FP``
        boxes too many. NaN where neither set has a box: there is nothing to compare; ``MOTA`` also
        without true boxes, ``MOTP`` without a match. As published, ``LocA`` takes 1 at overlaps
        that no two boxes reach.

    Raises
    ------
    BoxTableError
        If a table is not a box table.

    References
    ----------
    Luiten et al. (2021), International Journal of Computer Vision 129:548,
    doi:10.1007/s11263-020-01375-2; Ristani et al. (2016), ECCV Workshops,
    doi:10.1007/978-3-319-48881-3_2; Bernardin and Stiefelhagen (2008), EURASIP Journal on Image
    and Video Processing 2008:246309, doi:10.1155/2008/246309

    Examples
    --------
    >>> car = pd.DataFrame({
    ...     "sequence": "street", "frame": range(4), "track": "car:1", "label": "car",
    ...     "annotator": "ann", "left": 100, "top": 50, "width": 40, "height": 20})
    >>> scores = tracking_scores(car, car.assign(track=["car:1", "car:1", "car:2", "car:2"]))
    >>> scores[["DetA", "IDF1", "MOTA"]].tolist()  # one change of object in four frames
    [1.0, 0.5, 0.75]
    """
    truth, given = check_boxes(truth), check_boxes(given)
    met = _meetings(truth, given)
    n_truth, n_given = len(truth), len(given)
    scores = pd.Series(
        {
            **_hota(met, n_truth, n_given),
            "IDF1": _idf1(met, n_truth, n_given),
            **_mota(met, n_truth, n_given),
        },
        dtype=np.float64,
    )
    return scores if n_truth or n_given else scores * np.nan


def _meetings(truth: pd.DataFrame, given: pd.DataFrame) -> _Meetings:
    a, b = truth[list(SIDES)].to_numpy(float), given[list(SIDES)].to_numpy(float)
    frames = _codes_in_time(*image_codes(truth, given, ["sequence", "frame"]), truth, given)
    found = []
    for i, j in pairs_of_one_image(*frames):
        overlap = iou(a[i], b[j])
        meet = overlap > 0  # never true for NaN
        found.append((i[meet], j[meet], overlap[meet]))
    i, j, overlap = (np.concatenate(part) for part in zip(*found, strict=True))
    order = np.argsort(frames[0][i], kind="stable")
    i, j = i[order].astype(np.int64), j[order].astype(np.int64)
    shared = np.intersect1d(*frames)
    frame = np.searchsorted(shared, frames[0][i])
    return _Meetings(frame, i, j, overlap[order], _objects(truth), _objects(given))


def _codes_in_time(
    first: Integers, second: Integers, truth: pd.DataFrame, given: pd.DataFrame
) -> tuple[Integers, Integers]:
    """Renumber images in order of time, one sequence after the other."""
    both = pd.concat([truth[["sequence", "frame"]], given[["sequence", "frame"]]])
    codes = np.concatenate([first, second])
    at = np.zeros((2, codes.max(initial=-1) + 1), np.int64)
    at[:, codes] = both["frame"].to_numpy(), pd.factorize(both["sequence"])[0]
    rank = np.empty_like(at[0])
    rank[np.lexsort(at)] = np.arange(rank.size)
    return rank[first], rank[second]


def _objects(boxes: pd.DataFrame) -> Integers:
    named, _ = image_codes(boxes, boxes.iloc[:0], list(OBJECT))
    alone = -1 - np.arange(len(boxes))
    return np.asarray(pd.factorize(np.where(boxes["track"].notna(), named, alone))[0], np.int64)


def _object_pairs(met: _Meetings) -> tuple[Integers, Integers, Integers]:
    """Number the pairs of objects that meet; return each meeting's pair, and each pair's two."""
    width = met.given_object.max(initial=0) + 1
    keys = met.true_object[met.truth] * width + met.given_object[met.given]
    different, pair = np.unique(keys, return_inverse=True)
    return pair, different // width, different % width


def _hota(met: _Meetings, n_truth: int, n_given: int) -> dict[str, float]:
    pair, true_of, given_of = _object_pairs(met)
    boxes_true = np.bincount(met.true_object)[true_of]
    boxes_given = np.bincount(met.given_object)[given_of]
    # How well two objects go together in all decides which of them are matched on each frame.
    around = (
        np.bincount(met.truth, met.overlap, n_truth)[met.truth]
        + np.bincount(met.given, met.overlap, n_given)[met.given]
        - met.overlap
    )
    together = np.bincount(pair, met.overlap / around, len(true_of))
    alignment = together / (boxes_true + boxes_given - together)
    weight = alignment[pair] * met.overlap
    chosen = best_pairs(met.truth, met.given, weight).index.to_numpy()
    pair, overlap = pair[chosen], met.overlap[chosen]
    parts = []
    for alpha in ALPHAS:
        same = overlap >= alpha - ROUNDING
        hits = int(same.sum())
        times = np.bincount(pair[same], minlength=len(true_of))
        shared = times / np.maximum(1, boxes_true + boxes_given - times)
        detection = hits / max(1, n_truth + n_given - hits)
        association = float((times * shared).sum()) / max(1, hits)
        location = max(1e-10, overlap[same].sum()) / max(1e-10, hits)
        parts.append((np.sqrt(detection * association), detection, association, location))
    return dict(zip(("HOTA", "DetA", "AssA", "LocA"), np.mean(parts, axis=0), strict=True))


def _idf1(met: _Meetings, n_truth: int, n_given: int) -> float:
    """Pair whole objects, each with one at most, so that most boxes lie on their own."""
    pair, true_of, given_of = _object_pairs(met)
    times = np.bincount(pair[met.overlap >= SAME_BOX], minlength=len(true_of))
    known = times > 0
    best = best_pairs(true_of[known], given_of[known], times[known].astype(np.float64))
    return float(2 * best["iou"].sum() / max(1, n_truth + n_given))


def _mota(met: _Meetings, n_truth: int, n_given: int) -> dict[str, float]:
    """Follow the true objects from frame to frame; what was matched before stays so if it can."""
    near = met.overlap >= SAME_BOX - ROUNDING
    frame, i, j, overlap = met.frame[near], met.truth[near], met.given[near], met.overlap[near]
    a, b = met.true_object[i], met.given_object[j]
    just_before = np.full(met.true_object.max(initial=0) + 1, -1)
    ever_before = just_before.copy()
    hits, switches, total = 0, 0, 0.0
    last, held = -1, a[:0]
    for rows in np.split(np.arange(len(frame)), np.flatnonzero(np.diff(frame)) + 1):
        if not len(rows):
            break  # no box is near another: there is one empty part
        if frame[rows[0]] > last + 1:  # on the frame between, nothing was matched
            just_before[held] = -1
        last = frame[rows[0]]
        weight = overlap[rows] + STAY * (just_before[a[rows]] == b[rows])
        chosen = _best(rows, i[rows], j[rows], weight)
        known = ever_before[a[chosen]]
        switches += int(((known >= 0) & (known != b[chosen])).sum())
        just_before[held] = -1
        held = a[chosen]
        just_before[held] = ever_before[held] = b[chosen]
        hits += len(chosen)
        total += float(overlap[chosen].sum())
    missed, too_many = n_truth - hits, n_given - hits
    return {
        "MOTA": (hits - too_many - switches) / n_truth if n_truth else np.nan,
        "MOTP": total / hits if hits else np.nan,
        "IDSW": switches,
        "FN": missed,
        "FP": too_many,
    }


def _best(rows: Integers, i: Integers, j: Integers, weight: Floats) -> Integers:
    if len(set(i.tolist())) == len(set(j.tolist())) == len(rows):
        return rows  # each box has one candidate: the usual case
    best = best_pairs(i, j, weight).index
    return rows[np.asarray(best, np.int64)]
