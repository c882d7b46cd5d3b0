"""The rule about two boxes in one place."""

from __future__ import annotations

import numpy as np
import pandas as pd

from annotaudit.audit.findings import beyond, findings_of, no_findings
from annotaudit.audit.limits import Limits
from annotaudit.audit.study import Study, sides_of, study
from annotaudit.metrics.order import Floats, Ints, codes
from annotaudit.metrics.same_place import overlapping_pairs


def find_duplicate(
    boxes: pd.DataFrame | Study, limits: Limits | None = None, frames: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Find boxes that repeat another box of the same annotator on the same frame.

    Of the two, the one whose track has fewer boxes is named. On still images, where nothing has a
    track, it is the one that comes later from left to right.

    Parameters
    ----------
    boxes : DataFrame
        A box table.
    limits : Limits, optional
        Uses ``duplicate_iou``.
    frames : DataFrame, optional
        The frames looked at, as in ``Labels.frames``.

    Returns
    -------
    DataFrame
        Findings; ``value`` is the overlap, the expected box is the other one.

    Examples
    --------
    >>> cars = pd.DataFrame({
    ...     "sequence": "street", "frame": 0, "track": ["car:1", "car:2"], "label": "car",
    ...     "annotator": "ann", "left": [100, 101], "top": 50, "width": 40, "height": 20})
    >>> find_duplicate(cars)["reason"][0]
    'Covers the same place as car:1 (overlap 95%); keep one of the two.'
    """
    seen = boxes if isinstance(boxes, Study) else study(boxes, frames, limits)
    limit = seen.limits.duplicate_iou
    first, second, share = overlapping_boxes(seen, limit)
    if not len(first):
        return no_findings()
    return _name_one(seen, first, second, share, limit)


def _name_one(seen: Study, first: Ints, second: Ints, share: Floats, limit: float) -> pd.DataFrame:
    length = track_lengths(seen)
    swap = length[first] < length[second]
    wrong, kept = np.where(swap, first, second), np.where(swap, second, first)
    # One finding per box, about the one it overlaps most.
    worst_first = np.lexsort((length[kept], -share, wrong))
    _, at = np.unique(wrong[worst_first], return_index=True)
    chosen = worst_first[at]
    wrong, kept, share = wrong[chosen], kept[chosen], share[chosen]
    label = seen.boxes["label"]
    same_label = (label.iloc[wrong].to_numpy() == label.iloc[kept].to_numpy()).astype(bool)
    scores = beyond((1 - limit) / np.maximum(1 - share, 1e-9), at_limit=0.45, far=0.95)
    return findings_of(
        seen.boxes,
        wrong,
        rule="duplicate",
        score=np.where(same_label, scores, scores * 0.7),
        value=share,
        limit=limit,
        unit="share of overlap",
        reason=[
            f"Covers the same place as {name} (overlap {part:.0%}); keep one of the two."
            for name, part in zip(names_of(seen.boxes, kept), share, strict=True)
        ],
        expected=sides_of(seen.boxes)[:, kept],
    )


def overlapping_boxes(
    seen: Study, min_iou: float, near: Ints | None = None
) -> tuple[Ints, Ints, Floats]:
    """Find pairs of rows of one annotator and frame, not of one track, that cover one place.

    Parameters
    ----------
    seen : Study
    min_iou : float
        Share of overlap.
    near : int array, optional
        Look only at the frames of these rows.
    """
    rows = np.arange(len(seen.boxes))
    if near is not None:  # first by frame alone, which is a number
        frame = seen.boxes["frame"].to_numpy()
        rows = np.flatnonzero(np.isin(frame, frame[near]))
    boxes = seen.boxes.iloc[rows]
    groups = codes([boxes["sequence"], boxes["annotator"], boxes["frame"]])
    if near is not None:
        kept = np.isin(groups, groups[np.searchsorted(rows, near)])
        rows, boxes, groups = rows[kept], boxes[kept], groups[kept]
    track = pd.factorize(boxes["track"], sort=True)[0]
    first, second, share = overlapping_pairs(sides_of(boxes), groups, min_iou, tie=track)
    # Two boxes of one track on one frame are another rule's matter.
    apart = (track[first] != track[second]) | (track[first] < 0)
    return rows[first[apart]], rows[second[apart]], share[apart]


def track_lengths(seen: Study) -> Floats:
    """Count the boxes of each row's object; 0 where the row has no track."""
    order = seen.order
    _, number, count = np.unique(order.objects, return_inverse=True, return_counts=True)
    return np.nan_to_num(order.back_to_table(count[number].astype(np.float64)), nan=0.0)


def names_of(boxes: pd.DataFrame, rows: Ints) -> list[str]:
    """Say which boxes these rows are: by track, or by label where a box has no track."""
    tracks = boxes["track"].iloc[rows].to_numpy(dtype=object)
    labels = boxes["label"].iloc[rows].to_numpy(dtype=object)
    return [
        track if isinstance(track, str) else f"another {label if isinstance(label, str) else 'box'}"
        for track, label in zip(tracks, labels, strict=True)
    ]
