"""How far annotators agree where there is no gold: Krippendorff's alpha, vitality, pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from annotaudit.boxes import TEXT, check_boxes
from annotaudit.metrics.consensus import group_boxes
from annotaudit.metrics.matching import IMAGE, match_boxes

Integers = NDArray[np.integer[Any]]
Floats = NDArray[np.float64]
NOTHING = "(nothing)"  # the answer of an annotator who looked and did not draw what others drew


def ratings(
    boxes: pd.DataFrame,
    *,
    group: pd.Series | None = None,
    looked: pd.DataFrame | None = None,
    min_iou: float = 0.5,
) -> pd.DataFrame:
    """Tell what each annotator said of each thing that somebody drew: a label, or nothing.

    Parameters
    ----------
    boxes : DataFrame
        A box table of still images, drawn by several annotators.
    group : Series of int, optional
        Which boxes show one thing; by default
        :func:`annotaudit.metrics.consensus.group_boxes` with ``min_iou``.
    looked : DataFrame, optional
        Who looked at which image: ``sequence``, ``frame``, ``annotator``. Without it an annotator
        looked at the images they drew on, and one who drew nothing counts as absent.
    min_iou : float
        Smallest overlap within a group.

    Returns
    -------
    DataFrame
        ``sequence frame unit annotator label``: one row per thing and annotator who looked at its
        image; ``label`` is ``NOTHING`` where they did not draw it.

    Examples
    --------
    >>> boxes = pd.DataFrame({"sequence": "s", "frame": 0, "track": None, "label": "sign",
    ...     "annotator": ["a", "a", "b"], "left": [0, 50, 1], "top": 0, "width": 10, "height": 10})
    >>> ratings(boxes)[["unit", "annotator", "label"]].values.tolist()
    [[0, 'a', 'sign'], [0, 'b', 'sign'], [1, 'a', 'sign'], [1, 'b', '(nothing)']]
    """
    drawn = check_boxes(boxes)
    unit = group_boxes(drawn, min_iou=min_iou) if group is None else group
    drawn = drawn.assign(unit=unit.to_numpy())
    image = list(IMAGE)
    who = (drawn if looked is None else looked)[[*image, "annotator"]].drop_duplicates()
    asked = drawn[[*image, "unit"]].drop_duplicates().merge(who, on=image)
    said = drawn[["unit", "annotator", "label"]].drop_duplicates(["unit", "annotator"])
    said = said.assign(label=said["label"].fillna("(no label)"))
    table = asked.merge(said, on=["unit", "annotator"], how="left")
    table["label"] = table["label"].fillna(NOTHING).astype(TEXT)
    return table.sort_values(["unit", "annotator"], ignore_index=True)


@dataclass(frozen=True)
class Alpha:
    """Krippendorff's alpha with what it rests on.

    Parameters
    ----------
    alpha : float
        1 for full agreement, 0 for what chance gives, negative for worse than chance; NaN where
        all ratings are alike or nothing was rated twice.
    low, high : float
        95 % interval by resampling whole images.
    units, ratings : int
        Things rated at least twice, and how often in all.
    vitality : Series
        Per annotator: alpha with them less alpha without them. Negative where the others agree
        better among themselves.
    """

    alpha: float
    low: float
    high: float
    units: int
    ratings: int
    vitality: pd.Series


def krippendorff_alpha(rated: pd.DataFrame, *, resamples: int = 1000, seed: int = 0) -> Alpha:
    """Agreement beyond chance on what is there and what it is, for any number of annotators.

    Parameters
    ----------
    rated : DataFrame
        As :func:`ratings` gives it.
    resamples : int
        How often whole images are drawn again for the interval; 0 for none.
    seed : int
        Of the resampling.

    Returns
    -------
    Alpha

    References
    ----------
    Krippendorff (2011), Computing Krippendorff's alpha-reliability, nominal data. For boxes:
    Tschirschwitz, Klemstein, Stein & Rodehorst (2022), DAGM GCPR,
    doi:10.1007/978-3-031-16788-1_22: matched boxes are the units, a missing partner is a category
    of its own, and an annotator's vitality is what alpha loses without them.

    Examples
    --------
    >>> rated = pd.DataFrame({"sequence": "s", "frame": 0, "unit": [0, 0, 1, 1],
    ...     "annotator": list("abab"), "label": ["sign", "sign", "sign", NOTHING]})
    >>> krippendorff_alpha(rated).alpha
    0.0
    """
    unit, label, by_label = _count(rated)
    total = by_label.sum(axis=1)
    by_label_of_pairable = np.where(total[:, None] >= 2, by_label, 0.0)
    unlike = _unlike(by_label)
    alpha = _alpha(unlike.sum(), by_label_of_pairable.sum(axis=0))
    image = np.zeros(len(total), np.int64)
    image[unit] = rated.groupby(list(IMAGE)).ngroup().to_numpy()
    low, high = _interval(image, unlike, by_label_of_pairable, resamples, seed)
    return Alpha(
        alpha,
        low,
        high,
        int((total >= 2).sum()),
        int(by_label_of_pairable.sum()),
        _vitality(rated["annotator"], unit, label, by_label, alpha),
    )


def _count(rated: pd.DataFrame) -> tuple[Integers, Integers, Floats]:
    """Number the unit and the label of each rating, and count the labels of each unit."""
    unit, units = pd.factorize(rated["unit"])
    label, labels = pd.factorize(rated["label"], sort=True)
    by_label = np.zeros((len(units), len(labels)))
    np.add.at(by_label, (unit, label), 1.0)
    return unit, label, by_label


def _unlike(by_label: Floats) -> Floats:
    """Count the ordered pairs of unlike ratings of each unit, over its ratings less one.

    0 for a unit with fewer than two.
    """
    total = by_label.sum(axis=-1)
    pairs = total**2 - (by_label**2).sum(axis=-1)
    unlike: Floats = np.zeros_like(total)
    np.divide(pairs, total - 1, out=unlike, where=total >= 2)
    return unlike


def _alpha(unlike: float, by_label: Floats) -> float:
    """Take observed over expected disagreement from 1, both from counts summed over units."""
    total = by_label.sum()
    expected = (total**2 - (by_label**2).sum()) / (total - 1) if total > 1 else 0.0
    return float(1 - unlike / expected) if expected > 0 else np.nan


def _interval(
    image: Integers, unlike: Floats, by_label: Floats, resamples: int, seed: int
) -> tuple[float, float]:
    """Find the middle 95 % of alpha over images drawn again with replacement."""
    n_images = int(image.max(initial=-1)) + 1
    pairs = np.bincount(image, unlike, minlength=n_images)
    labels = [np.bincount(image, n, minlength=n_images) for n in by_label.T]
    draws = np.random.default_rng(seed)
    again = []
    for _ in range(resamples if n_images else 0):
        times = np.bincount(draws.integers(n_images, size=n_images), minlength=n_images)
        again.append(_alpha(float(times @ pairs), np.array([times @ n for n in labels])))
    if not np.isfinite(again).any():
        return np.nan, np.nan
    low, high = np.nanquantile(again, [0.025, 0.975])
    return float(low), float(high)


def _vitality(
    annotator: pd.Series, unit: Integers, label: Integers, by_label: Floats, alpha: float
) -> pd.Series:
    """Take alpha without each annotator from alpha, by what each unit changes when they leave."""
    who, names = pd.factorize(annotator, sort=True)
    without = by_label[unit]
    without[np.arange(unit.size), label] -= 1
    pairable, still = (n.sum(axis=1, keepdims=True) >= 2 for n in (by_label, without))
    lost_labels = np.where(pairable, by_label, 0.0)[unit] - np.where(still, without, 0.0)
    lost_unlike = _unlike(by_label)[unit] - _unlike(without)
    unlike = _unlike(by_label).sum() - np.bincount(who, lost_unlike, minlength=len(names))
    labels = [
        np.where(pairable[:, 0], n, 0.0).sum() - np.bincount(who, lost, minlength=len(names))
        for n, lost in zip(by_label.T, lost_labels.T, strict=True)
    ]
    rest = [_alpha(u, n) for u, n in zip(unlike, np.array(labels).T, strict=True)]
    index = pd.Index(names, name="annotator")
    return pd.Series(alpha - np.array(rest), index=index, name="vitality", dtype=float)


def pairwise_agreement(
    boxes: pd.DataFrame,
    *,
    looked: pd.DataFrame | None = None,
    min_iou: float = 0.5,
    same_label: bool = True,
) -> pd.DataFrame:
    """Agreement of each two annotators on the images both looked at.

    Parameters
    ----------
    boxes : DataFrame
        A box table of still images, drawn by several annotators.
    looked : DataFrame, optional
        Who looked at which image: ``sequence``, ``frame``, ``annotator``. Without it an annotator
        looked at the images they drew on.
    min_iou : float
        Smallest overlap, as a share, of two boxes around one thing.
    same_label : bool
        Whether the labels have to be equal, too.

    Returns
    -------
    DataFrame
        One row per pair, ``first`` before ``second`` in the alphabet: ``images`` both looked at,
        ``boxes_first``, ``boxes_second`` on them, ``matched`` pairs, ``f1`` = 2 matched / all
        boxes (NaN where neither drew any), ``mean_iou`` of the matched.
        ``table.pivot(index="first", columns="second", values="f1")`` is the matrix.

    Examples
    --------
    >>> boxes = pd.DataFrame({"sequence": "s", "frame": 0, "track": None, "label": "sign",
    ...     "annotator": ["a", "a", "b"], "left": [0, 50, 0], "top": 0, "width": 10,
    ...     "height": [10, 10, 8]})
    >>> pairwise_agreement(boxes)[["first", "second", "matched", "f1", "mean_iou"]].round(2)
      first second  matched    f1  mean_iou
    0     a      b        1  0.67       0.8
    """
    drawn = check_boxes(boxes)
    image = list(IMAGE)
    who = (drawn if looked is None else looked)[[*image, "annotator"]].drop_duplicates()
    both = who.merge(who, on=image, suffixes=("", "_other"))
    both = both[both["annotator"] < both["annotator_other"]]
    names = {"annotator": "first", "annotator_other": "second"}
    table = both.rename(columns=names).groupby(["first", "second"]).size().to_frame("images")
    one = drawn.merge(both, on=[*image, "annotator"]).rename(columns={"annotator_other": "second"})
    other = drawn.merge(
        both.rename(columns={"annotator": "first", "annotator_other": "annotator"}),
        on=[*image, "annotator"],
    )
    one = one.assign(first=one["annotator"])
    other = other.assign(second=other["annotator"])
    pairs = match_boxes(
        one, other, min_iou=min_iou, same_label=same_label, by=(*image, "first", "second")
    )
    keys = ["first", "second"]
    matched = (
        one.iloc[pairs["first"]][keys].assign(iou=pairs["iou"].to_numpy()).groupby(keys)["iou"]
    )
    table["boxes_first"] = one.groupby(keys).size()
    table["boxes_second"] = other.groupby(keys).size()
    table["matched"] = matched.size()
    counts = ["boxes_first", "boxes_second", "matched"]
    table[counts] = table[counts].fillna(0).astype("int64")
    n_boxes = table["boxes_first"] + table["boxes_second"]
    table["f1"] = 2 * table["matched"] / n_boxes.where(n_boxes > 0)
    table["mean_iou"] = matched.mean()
    return table.reset_index()
