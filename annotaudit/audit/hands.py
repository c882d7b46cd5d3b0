"""What the other annotators of an image, or gold boxes, say about each box that one drew."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from annotaudit.boxes import SIDES
from annotaudit.geometry import xywh_to_xyxy, xyxy_to_xywh
from annotaudit.metrics.consensus import group_boxes
from annotaudit.metrics.matching import IMAGE, match_boxes

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

WANTED = [f"wanted_{name}" for name in (*SIDES, "label")]  # what the others drew in this place
BY = [*IMAGE, "annotator"]


def against_others(boxes: pd.DataFrame, looked: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Hold each annotator's boxes against those of the others who looked at the image.

    Parameters
    ----------
    boxes : DataFrame
        Whole boxes of still images under a RangeIndex.
    looked : DataFrame
        ``sequence frame annotator``, each once; whoever drew is in it.

    Returns
    -------
    drawn : DataFrame
        One row per box: ``sequence frame annotator``, ``row`` (its place in ``boxes``), the box the
        others drew there and their commonest label (``WANTED``; missing if none drew it),
        ``label_votes``, ``votes`` (others who drew it), ``others`` (who looked).
    missed : DataFrame
        The same for what an annotator who looked did not draw, and two others or half of all who
        looked did; without ``row``. Two people seldom draw the same box around nothing.
    """
    lookers = looked.groupby(list(IMAGE)).size().rename("lookers").reset_index()
    group = group_boxes(boxes).to_numpy()
    corners = xywh_to_xyxy(boxes[list(SIDES)])
    size = np.bincount(group)
    label, names = pd.factorize(boxes["label"].fillna(""))
    first, first_votes, second, second_votes = _commonest(group, label, size.size)

    head = boxes[BY].assign(row=np.arange(len(boxes))).merge(lookers, on=list(IMAGE), how="left")
    mine = label == first[group]
    swayed = mine & (second_votes[group] > first_votes[group] - 1)  # without me the second leads
    theirs = np.where(swayed, second[group], first[group])
    told = np.where(swayed, second_votes[group], first_votes[group] - (mine & ~swayed))
    alone = size[group] == 1
    drawn = _row(
        head,
        xyxy_to_xywh(_medians(corners, group, without_self=True)),
        np.where(alone, None, names.to_numpy(dtype=object)[theirs]),
        label_votes=np.where(alone, 0, told),
        votes=size[group] - 1,
        others=head["lookers"].to_numpy() - 1,
    )

    things = boxes[list(IMAGE)].assign(group=group).drop_duplicates("group")
    things = things.merge(lookers, on=list(IMAGE))
    drew = size[things["group"]]
    things = things[(drew >= 2) | (2 * drew >= things["lookers"])]
    asked = things.merge(looked, on=list(IMAGE))
    members = boxes[["annotator"]].assign(group=group, member=True)
    asked = asked.merge(members, on=["group", "annotator"], how="left")
    asked = asked[asked["member"].isna()].reset_index(drop=True)
    which = asked["group"].to_numpy()
    missed = _row(
        asked,
        xyxy_to_xywh(_medians(corners, group, without_self=False))[which],
        names.to_numpy(dtype=object)[first[which]],
        label_votes=first_votes[which],
        votes=size[which],
        others=asked["lookers"].to_numpy() - 1,
    )
    return drawn, missed


def against_gold(
    boxes: pd.DataFrame, gold: pd.DataFrame, looked: pd.DataFrame, min_iou: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Hold each annotator's boxes against gold boxes; as :func:`against_others` gives it.

    Gold has one vote, and is the only other.
    """
    wanted = gold.drop(columns="annotator").merge(looked, on=list(IMAGE))
    pairs = match_boxes(boxes, wanted, min_iou=min_iou, by=BY)
    sides = np.full((len(boxes), 4), np.nan)
    sides[pairs["first"]] = wanted[list(SIDES)].to_numpy(float)[pairs["second"]]
    labels = np.full(len(boxes), None, dtype=object)
    labels[pairs["first"]] = wanted["label"].fillna("").to_numpy(dtype=object)[pairs["second"]]
    has = (~np.isnan(sides[:, 0])).astype(int)
    head = boxes[BY].assign(row=np.arange(len(boxes)))
    drawn = _row(head, sides, labels, label_votes=has, votes=has, others=np.ones(len(head), int))
    left = np.ones(len(wanted), bool)
    left[pairs["second"]] = False
    rest = wanted[left].reset_index(drop=True)
    one = np.ones(len(rest), int)
    missed = _row(
        rest,
        rest[list(SIDES)].to_numpy(float),
        rest["label"].fillna("").to_numpy(dtype=object),
        label_votes=one,
        votes=one,
        others=one,
    )
    return drawn, missed


def _row(head: pd.DataFrame, sides: Floats, label: Any, **votes: Any) -> pd.DataFrame:
    kept = [name for name in (*BY, "row") if name in head]
    return head[kept].assign(**dict(zip(WANTED, [*sides.T, label], strict=True)), **votes)


def _commonest(group: Ints, label: Ints, n_groups: int) -> tuple[Ints, Ints, Ints, Ints]:
    """Commonest and second commonest label of each group, and how often; 0 times if none."""
    counts = pd.DataFrame({"group": group, "label": label}).value_counts().reset_index()
    counts = counts.sort_values(["group", "count", "label"], ascending=[True, False, True])
    place = counts.groupby("group").cumcount().to_numpy()
    found = []
    for rank in (0, 1):
        of_rank = counts[place == rank]
        names, times = np.zeros(n_groups, np.intp), np.zeros(n_groups, np.intp)
        names[of_rank["group"]], times[of_rank["group"]] = of_rank["label"], of_rank["count"]
        found += [names, times]
    return found[0], found[1], found[2], found[3]


def _medians(corners: Floats, group: Ints, *, without_self: bool) -> Floats:
    """Median of each corner coordinate: per group, or per box over the rest of its group."""
    size = np.bincount(group)
    start = np.cumsum(size) - size
    medians = []
    for value in corners.T:
        order = np.lexsort([value, group])
        ordered = value[order]
        if without_self:
            rank = np.empty(len(group), np.intp)
            rank[order] = np.arange(len(group)) - start[group[order]]
            first, left = start[group], size[group] - 1
        else:
            rank, first, left = np.full(size.size, len(group)), start, size
        low, high = np.maximum(left - 1, 0) // 2, left // 2
        # What stands after the box that is left out moves up by one place.
        places = [np.minimum(first + p + (p >= rank), len(group) - 1) for p in (low, high)]
        median = (ordered[places[0]] + ordered[places[1]]) / 2
        medians.append(np.where(left > 0, median, np.nan))
    return np.column_stack(medians)
