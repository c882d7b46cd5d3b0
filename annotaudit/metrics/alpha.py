"""Agreement of annotators beyond chance: Krippendorff's alpha, and what each adds to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from annotaudit.metrics.matching import IMAGE

Integers = NDArray[np.integer[Any]]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Alpha:
    """Krippendorff's alpha with what it rests on.

    Parameters
    ----------
    alpha : float
        1 for full agreement, 0 for what chance gives, negative for worse than chance; NaN where
        all ratings are alike or nothing was rated twice.
    low, high : float
        95 % interval by resampling whole images; NaN with fewer than two.
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
        As :func:`annotaudit.metrics.agreement.ratings` gives it.
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
    ...     "annotator": list("abab"),
    ...     "label": ["sign", "sign", "sign", "(nothing)"]})
    >>> krippendorff_alpha(rated).alpha
    0.0
    """
    # What one annotator alone was asked about says nothing of agreement.
    together = rated.groupby("unit")["unit"].transform("size") >= 2
    who, names = pd.factorize(rated["annotator"], sort=True, use_na_sentinel=False)
    who, rated = who[together], rated[together]
    unit, units = pd.factorize(rated["unit"])
    label, labels = pd.factorize(rated["label"], sort=True)
    _, answer, times = np.unique(
        unit * len(labels) + label, return_inverse=True, return_counts=True
    )
    alike = times[answer]  # ratings of the same thing that say the same, itself included
    others = np.bincount(unit)[unit] - 1
    unlike = (others + 1 - alike) / others
    counts = np.bincount(label, minlength=len(labels))
    alpha = float(_alpha(unlike.sum(), counts))
    image = rated.groupby(list(IMAGE)).ngroup().to_numpy()
    low, high = _interval(image, unlike, label, resamples, seed)
    return Alpha(
        alpha,
        low,
        high,
        len(units),
        len(rated),
        pd.Series(
            alpha - _alpha_without(who, len(names), unit, label, alike),
            index=pd.Index(names, name="annotator"),
            name="vitality",
            dtype=float,
        ),
    )


def _alpha(unlike: Any, counts: Any) -> Floats:
    """Take observed over expected disagreement from 1.

    ``unlike`` is the sum, over ratings, of the share of the other ratings of the same thing that
    say something else; ``counts`` is how often each label was given, along the last axis.
    """
    total = counts.sum(axis=-1, dtype=float)
    pairs = total**2 - (counts.astype(float) ** 2).sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        alpha: Floats = np.where(pairs > 0, 1 - unlike * (total - 1) / pairs, np.nan)
    return alpha


def _interval(
    image: Integers, unlike: Floats, label: Integers, resamples: int, seed: int
) -> tuple[float, float]:
    """Find the middle 95 % of alpha over images drawn again with replacement."""
    n_images, n_labels = image.max(initial=-1) + 1, label.max(initial=-1) + 1
    if n_images < 2 or not resamples:
        return np.nan, np.nan  # the same image over and over tells nothing of others
    counts = np.bincount(image * n_labels + label, minlength=n_images * n_labels)
    table = np.column_stack([np.bincount(image, unlike), counts.reshape(n_images, n_labels)])
    draws = np.random.default_rng(seed)
    sums = np.empty((resamples, n_labels + 1))
    for again in sums:
        drawn = draws.integers(n_images, size=n_images)
        again[:] = np.bincount(drawn, minlength=n_images) @ table
    alphas = _alpha(sums[:, 0], sums[:, 1:])
    if not np.isfinite(alphas).any():
        return np.nan, np.nan
    low, high = np.nanquantile(alphas, [0.025, 0.975])
    return float(low), float(high)


def _alpha_without(
    who: Integers, n_names: int, unit: Integers, label: Integers, alike: Integers
) -> Floats:
    """Find alpha without each annotator, by what each thing they rated changes when they leave."""
    n_ratings = np.bincount(unit)[unit]
    squares = np.bincount(unit, alike)[unit]
    with_them = (n_ratings**2 - squares) / (n_ratings - 1)
    rest = (n_ratings - 1) ** 2 - (squares - 2 * alike + 1)
    without: Floats = np.zeros(unit.size)
    np.divide(rest, n_ratings - 2, out=without, where=n_ratings > 2)
    shape = (n_names, label.max(initial=-1) + 1)
    lost = np.bincount(who, with_them - without, minlength=n_names)
    unlike = (with_them / n_ratings).sum() - lost
    counts = np.bincount(label) - _cross(who, label, shape)
    # Who is left alone with a thing neither agrees nor disagrees: their rating goes, too.
    two = n_ratings == 2
    partner = np.bincount(unit, label)[unit].astype(np.int64) - label
    return _alpha(unlike, counts - _cross(who[two], partner[two], shape))


def _cross(row: Integers, column: Integers, shape: tuple[int, int]) -> Integers:
    """Count how often each row meets each column."""
    return np.bincount(row * shape[1] + column, minlength=shape[0] * shape[1]).reshape(shape)
