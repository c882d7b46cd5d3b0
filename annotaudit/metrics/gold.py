"""How well annotators did against gold boxes: per box, per label, per annotator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from annotaudit.boxes import Labels, check_boxes
from annotaudit.metrics.looked import drawn_and_looked
from annotaudit.metrics.matching import IMAGE, image_codes, match_boxes

OUTCOMES = ("true positive", "false positive", "false negative")


def compare_to_gold(
    boxes: Labels | pd.DataFrame,
    gold: Labels | pd.DataFrame,
    *,
    looked: pd.DataFrame | None = None,
    min_iou: float = 0.5,
    same_label: bool = True,
) -> pd.DataFrame:
    """Say of each box whether gold has it, and of each gold box who missed it.

    Parameters
    ----------
    boxes : Labels or DataFrame
        What annotators drew.
    gold : Labels or DataFrame
        What is there; its ``annotator`` does not matter. With ``Labels`` that have a table of
        frames, only the images in it (boxes or none) and those with a gold box are judged: of
        others nobody knows what is there. With a box table, an image without gold has nothing.
    looked : DataFrame, optional
        Who looked at which image: ``sequence``, ``frame``, ``annotator``. By default what
        :func:`annotaudit.metrics.who_looked` reads from the labels; of a box table, an annotator
        looked at the images they drew on, so that a worker who drew nothing missed nothing.
    min_iou : float
        Smallest overlap, as a share, at which a box has found a gold box.
    same_label : bool
        Whether the label has to be right, too.

    Returns
    -------
    DataFrame
        ``sequence frame annotator label left top width height`` with ``outcome`` (one of
        ``OUTCOMES``) and ``iou`` (NaN unless a true positive). First the boxes in their order,
        under their own index in the column ``box``; then the gold boxes missed, one row per
        annotator who looked, with ``box`` missing.

    Raises
    ------
    BoxTableError
        If a table is not a box table.

    Examples
    --------
    >>> gold = pd.DataFrame({"sequence": "s", "frame": [0, 1], "track": None, "label": "sign",
    ...     "annotator": "gold", "left": 0, "top": 0, "width": 10, "height": 10})
    >>> drawn = gold.iloc[:1].assign(annotator="w", height=8)
    >>> seen = pd.DataFrame({"sequence": "s", "frame": [0, 1], "annotator": "w"})
    >>> compare_to_gold(drawn, gold, looked=seen)[["frame", "outcome", "iou"]]
       frame         outcome  iou
    0      0   true positive  0.8
    1      1  false negative  NaN
    """
    image = list(IMAGE)
    drawn, who = drawn_and_looked(boxes, looked)
    wanted = check_boxes(gold.boxes if isinstance(gold, Labels) else gold)
    if isinstance(gold, Labels) and set(image) <= set(gold.frames):
        covered = pd.concat([gold.frames[image], wanted[image]])
        judged, has_gold = image_codes(drawn, covered, image)
        drawn = drawn[np.isin(judged, has_gold)]
    wanted = wanted.drop(columns="annotator").merge(who, on=image)
    pairs = match_boxes(
        drawn, wanted, min_iou=min_iou, same_label=same_label, by=(*image, "annotator")
    )
    share = np.full(len(drawn), np.nan)
    share[pairs["first"]] = pairs["iou"]
    found = np.zeros(len(wanted), bool)
    found[pairs["second"]] = True
    columns = [*image, "annotator", "label", "left", "top", "width", "height"]
    of_drawn = drawn[columns].assign(
        box=drawn.index,
        outcome=np.where(np.isnan(share), "false positive", "true positive"),
        iou=share,
    )
    missed = wanted.loc[~found, columns].assign(outcome="false negative")
    return pd.concat([of_drawn, missed], ignore_index=True)


def accuracy(outcomes: pd.DataFrame, by: Sequence[str] = ("annotator",)) -> pd.DataFrame:
    """Precision, recall and F1 with 95 % intervals, and the mean overlap of what was found.

    Parameters
    ----------
    outcomes : DataFrame
        As :func:`compare_to_gold` gives it.
    by : sequence of str
        Columns to count by: ``("annotator",)``, ``("label",)``, both, or ``()`` for one row.

    Returns
    -------
    DataFrame
        Indexed by ``by``: counts ``true_positive false_positive false_negative``; ``mean_iou``;
        and ``precision``, ``recall``, ``f1``, each with ``_low`` and ``_high``. NaN where there
        is nothing to count; who rightly drew nothing on images without gold is in no row. The
        intervals take boxes for independent of each other.

    References
    ----------
    Wilson (1927), Journal of the American Statistical Association 22:209,
    doi:10.1080/01621459.1927.10502953. F1 = 2 J / (1 + J) with the share J = TP / (TP + FP + FN),
    so the interval of F1 is that of J, carried over.

    Examples
    --------
    >>> outcomes = pd.DataFrame({"annotator": "w", "iou": [0.9, 0.7, np.nan, np.nan],
    ...     "outcome": ["true positive", "true positive", "false positive", "false negative"]})
    >>> accuracy(outcomes)[["precision", "recall", "f1", "mean_iou"]].round(2)
               precision  recall    f1  mean_iou
    annotator
    w               0.67    0.67  0.67       0.8
    """
    keys: list[Any] = list(by) or [np.zeros(len(outcomes), int)]
    one_hot = pd.DataFrame(
        {name.replace(" ", "_"): outcomes["outcome"] == name for name in OUTCOMES}
    )
    grouped = pd.concat([outcomes, one_hot], axis=1).groupby(keys, dropna=False, observed=True)
    table = grouped[list(one_hot)].sum().assign(mean_iou=grouped["iou"].mean())
    hit, extra, missed = (table[name].to_numpy(float) for name in one_hot)
    shares = {"precision": hit + extra, "recall": hit + missed, "f1": hit + extra + missed}
    for name, total in shares.items():
        for suffix, share in zip(("", "_low", "_high"), wilson(hit, total), strict=True):
            table[name + suffix] = 2 * share / (1 + share) if name == "f1" else share
    return table


def wilson(hits: np.ndarray, total: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Share of hits and its 95 % score interval, elementwise.

    Parameters
    ----------
    hits, total : float arrays of one shape

    Returns
    -------
    share, low, high : float arrays
        NaN where the total is 0.

    References
    ----------
    Wilson (1927), Journal of the American Statistical Association 22:209,
    doi:10.1080/01621459.1927.10502953

    Examples
    --------
    >>> [round(float(x[0]), 3) for x in wilson(np.array([8.0]), np.array([10.0]))]
    [0.8, 0.49, 0.943]
    """
    z = 1.959963984540054  # the standard normal's 97.5 % point
    with np.errstate(invalid="ignore", divide="ignore"):
        share = hits / total
        middle = (share + z**2 / (2 * total)) / (1 + z**2 / total)
        reach = z / (1 + z**2 / total) * np.sqrt(share * (1 - share) / total + (z / total / 2) ** 2)
    return share, np.clip(middle - reach, 0, 1), np.clip(middle + reach, 0, 1)
