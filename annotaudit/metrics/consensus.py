"""Boxes that several annotators drew around the same thing, and the one box they agree on."""

from __future__ import annotations

import numpy as np
import pandas as pd

from annotaudit.boxes import COLUMNS, SIDES, Labels, check_boxes
from annotaudit.geometry import iou, xywh_to_xyxy, xyxy_to_xywh
from annotaudit.metrics.looked import drawn_and_looked
from annotaudit.metrics.matching import IMAGE, image_codes, match_boxes

FARTHEST = 1e9  # pixels; no image is as large
ROUNDING = 1e-9  # a share this little below the quorum reaches it: weights seldom add up exactly


def group_boxes(
    boxes: pd.DataFrame, *, min_iou: float = 0.5, same_label: bool = False
) -> pd.Series:
    """Give each thing drawn a number, shared by the boxes of all annotators who drew it.

    Annotators are taken up one after the other, image by image, in the order of their names; each
    one's boxes are matched (see :func:`annotaudit.metrics.matching.match_boxes`) to the mean boxes
    of the groups so far, and what finds no partner founds a group. A group never holds two boxes
    of one annotator.

    Parameters
    ----------
    boxes : DataFrame
        A box table of still images.
    min_iou : float
        Smallest overlap, as a share, with the mean box of a group.
    same_label : bool
        Whether a group holds one label only.

    Returns
    -------
    Series of int64, aligned to ``boxes.index``
        Numbers from 0, in the order of image and founding.

    Raises
    ------
    BoxTableError
        If the table is not a box table.

    References
    ----------
    Tschirschwitz, Klemstein, Stein & Rodehorst (2022), A dataset for analysing complex document
    layouts in the digital humanities and its evaluation with Krippendorff's alpha, DAGM GCPR,
    doi:10.1007/978-3-031-16788-1_22: units found by matching annotators one after the other.

    Examples
    --------
    >>> boxes = pd.DataFrame({"sequence": "s", "frame": 0, "track": None, "label": "sign",
    ...     "annotator": ["a", "a", "b"], "left": [0, 50, 1], "top": 0, "width": 10, "height": 10})
    >>> group_boxes(boxes).tolist()
    [0, 1, 0]
    """
    table = check_boxes(boxes)[list(COLUMNS)].reset_index(drop=True)
    image, _ = image_codes(table, table.iloc[:0], list(IMAGE))
    name = pd.Series(pd.factorize(table["annotator"], sort=True)[0])
    turn = name.groupby(image).rank(method="dense").to_numpy()
    group = np.full(len(table), -1, np.int64)
    founders = np.empty(0, np.int64)
    for this_turn in np.unique(turn):
        mine = np.flatnonzero(turn == this_turn)
        means = table.iloc[founders].assign(**_mean_sides(table, group))
        pairs = match_boxes(table.iloc[mine], means, min_iou=min_iou, same_label=same_label)
        group[mine[pairs["first"]]] = pairs["second"]
        alone = mine[group[mine] < 0]
        group[alone] = founders.size + np.arange(alone.size)
        founders = np.concatenate([founders, alone])
    order = (
        table.iloc[founders].assign(group=np.arange(founders.size)).sort_values([*IMAGE, "group"])
    )
    number = np.empty_like(founders)
    number[order["group"]] = np.arange(founders.size)
    return pd.Series(number[group], index=boxes.index, name="group")


def _mean_sides(table: pd.DataFrame, group: np.ndarray) -> dict[str, np.ndarray]:
    """Mean of each side of the boxes of each group so far."""
    known = group >= 0
    size = np.bincount(group[known])
    return {side: np.bincount(group[known], table[side].to_numpy()[known]) / size for side in SIDES}


def consensus_boxes(
    boxes: Labels | pd.DataFrame,
    *,
    group: pd.Series | None = None,
    quorum: float = 0.5,
    looked: pd.DataFrame | None = None,
    weights: pd.Series | None = None,
    sides: str = "median",
    min_iou: float = 0.5,
) -> pd.DataFrame:
    """One box for each thing that enough of the annotators who looked have drawn.

    Parameters
    ----------
    boxes : Labels or DataFrame
        Boxes of still images, drawn by several annotators.
    group : Series of int, optional
        What belongs together; by default :func:`group_boxes` with ``min_iou``.
    quorum : float
        Smallest share, by weight, of the annotators who looked at the image.
    looked : DataFrame, optional
        Who looked at which image: ``sequence``, ``frame``, ``annotator``. By default what
        :func:`annotaudit.metrics.who_looked` reads from the labels; of a box table, an annotator
        looked at the images they drew on.
    weights : Series, optional
        What an annotator's word weighs, indexed by annotator (say, their reliability); 1 for all
        by default, and for an annotator who is not in it. What only annotators of weight 0 drew
        has no support.
    sides : {"median", "mean"}
        Whether each side is the weighted median or the weighted mean of the sides drawn. The
        median of left, top, right and bottom shrugs off one sloppy corner.
    min_iou : float
        Smallest overlap within a group.

    Returns
    -------
    DataFrame
        A box table, ``annotator`` "consensus", with ``support`` (share by weight), ``votes``
        (annotators), ``spread`` (mean overlap of the boxes with the consensus) and ``group``. The
        label is the heaviest; of equally heavy ones, the first in the alphabet. Boxes with a
        missing, negative or impossibly large side have no vote.

    Raises
    ------
    ValueError
        If ``sides`` is neither, or ``quorum`` is not in [0, 1].
    BoxTableError
        If the table is not a box table.

    Examples
    --------
    >>> boxes = pd.DataFrame({"sequence": "s", "frame": 0, "track": None, "label": "sign",
    ...     "annotator": ["a", "b", "c"], "left": [0, 2, 1], "top": 0, "width": 10, "height": 10})
    >>> consensus_boxes(boxes)[["left", "width", "votes", "support"]]
       left  width  votes  support
    0   1.0   10.0      3      1.0
    """
    if sides not in ("median", "mean"):
        raise ValueError(f"sides is {sides!r}; expected 'median' or 'mean'.")
    if not 0 <= quorum <= 1:
        raise ValueError(f"quorum is {quorum!r}; expected a share from 0 to 1.")
    drawn, who = drawn_and_looked(boxes, looked)
    unit = (group_boxes(drawn, min_iou=min_iou) if group is None else group).to_numpy()
    real = are_boxes(drawn)
    drawn, unit = drawn[real].reset_index(drop=True), unit[real]
    weight = _weights_of(drawn["annotator"], weights)
    image = list(IMAGE)
    present = (
        who.assign(weight=_weights_of(who["annotator"], weights)).groupby(image)["weight"].sum()
    )
    middle = _weighted_median if sides == "median" else _weighted_mean
    corners = xywh_to_xyxy(drawn[list(SIDES)])
    numbers, row = np.unique(unit, return_inverse=True)
    agreed = xyxy_to_xywh(np.column_stack([middle(row, side, weight) for side in corners.T]))
    heaviest = (
        drawn.assign(row=row, weight=weight)
        .groupby(["row", "label"], dropna=False)["weight"]
        .sum()
        .reset_index()
        .sort_values(["row", "weight", "label"], ascending=[True, False, True])
        .drop_duplicates("row")
    )
    overlap = iou(drawn[list(SIDES)].to_numpy(float), agreed[row])
    table = drawn.groupby(row)[image].first().reset_index(drop=True)
    in_all = table.join(present, on=image)["weight"].to_numpy()
    support = np.divide(
        np.bincount(row, weight), in_all, out=np.zeros(len(table)), where=in_all > 0
    )
    table = table.assign(
        track=None,
        label=heaviest["label"].to_numpy(),
        annotator="consensus",
        **dict(zip(SIDES, agreed.T, strict=True)),
        support=support,
        votes=np.bincount(row),
        spread=np.bincount(row, overlap) / np.bincount(row),
        group=numbers,
    )
    enough = (support > 0) & (support >= quorum - ROUNDING)
    return check_boxes(
        table.loc[enough, [*COLUMNS, "support", "votes", "spread", "group"]]
    ).reset_index(drop=True)


def are_boxes(drawn: pd.DataFrame) -> np.ndarray:
    """Tell which rows have all sides, none negative or impossibly large; shape (n,)."""
    sides = drawn[list(SIDES)].to_numpy(float)
    known: np.ndarray = (np.abs(sides) <= FARTHEST).all(axis=1) & (sides[:, 2:] >= 0).all(axis=1)
    return known


def _weights_of(annotator: pd.Series, weights: pd.Series | None) -> np.ndarray:
    if weights is None:
        return np.ones(len(annotator))
    known: np.ndarray = annotator.map(weights).fillna(1.0).to_numpy(float)
    if not ((known >= 0) & np.isfinite(known)).all():
        raise ValueError("weights has a negative or infinite value; expected numbers from 0.")
    return known


def _weighted_mean(row: np.ndarray, value: np.ndarray, weight: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        mean: np.ndarray = np.bincount(row, value * weight) / np.bincount(row, weight)
    return mean


def _weighted_median(row: np.ndarray, value: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Value at half the weight of each row; the mean of two where the half falls between them."""
    if not row.size:
        return value
    order = np.lexsort([value, row])
    row, value, weight = row[order], value[order], weight[order]
    total = np.bincount(row, weight)
    first = np.flatnonzero(np.r_[True, np.diff(row) > 0])
    upto = np.cumsum(weight)
    upto -= (upto[first] - weight[first])[row]
    half = total[row] / 2
    # Within a row both marks are non-decreasing, so the first place that passes is the least one.
    lower = np.minimum.reduceat(np.where(upto >= half * (1 - 1e-12), value, np.inf), first)
    upper = np.minimum.reduceat(np.where(upto > half * (1 + 1e-12), value, np.inf), first)
    median: np.ndarray = (lower + np.where(np.isfinite(upper), upper, lower)) / 2
    return median
