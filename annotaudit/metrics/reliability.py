"""How far an annotator's word can be trusted where there is no gold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

STRONGEST = 10.0  # ratings that the prior may weigh at most


def worker_reliability(
    rated: pd.DataFrame, *, rounds: int = 100, tolerance: float = 1e-6
) -> pd.DataFrame:
    """Share of an annotator's ratings that are right, learned together with what is right.

    Each thing has one true answer (a label, or nothing there); an annotator gives it with a
    probability of their own and else any other answer. Answers and probabilities are found in
    turn (expectation-maximisation). A Beta prior, fitted to all annotators, keeps few ratings from
    saying much, and the Beta posterior gives the interval. It takes the answers found for true:
    where these are in doubt, so is more than the interval says.

    Parameters
    ----------
    rated : DataFrame
        As :func:`annotaudit.metrics.agreement.ratings` gives it. Things rated once teach nothing
        and are left out.
    rounds : int
        At most so many turns.
    tolerance : float
        Stop when no reliability moves by more.

    Returns
    -------
    DataFrame
        Indexed by annotator, least reliable first: ``ratings`` (of things rated at least twice),
        ``reliability`` (posterior mean), ``low`` and ``high`` (95 %).

    References
    ----------
    Dawid & Skene (1979), Applied Statistics 28:20, doi:10.2307/2346806, in the one-parameter form;
    the prior is a Beta-Binomial one, fitted by moments: Griffiths (1973), Biometrics 29:637,
    doi:10.2307/2529131.

    Examples
    --------
    >>> rated = pd.DataFrame([(u, w, "cat" if w == "off" else "dog")
    ...     for u in range(20) for w in ("good", "fine", "off")],
    ...     columns=["unit", "annotator", "label"])
    >>> worker_reliability(rated)["reliability"].idxmin()
    'off'
    """
    from scipy.stats import beta

    rated = rated[rated.groupby("unit")["unit"].transform("size") >= 2]
    unit = pd.factorize(rated["unit"])[0]
    who, names = pd.factorize(rated["annotator"], sort=True, use_na_sentinel=False)
    label, labels = pd.factorize(rated["label"], sort=True)
    n_units, n_labels = unit.max(initial=-1) + 1, max(len(labels), 2)
    n_ratings = np.bincount(who, minlength=len(names)).astype(float)
    reliability: NDArray[np.float64] = np.full(len(names), 0.8)
    right: NDArray[Any] = np.zeros(len(names))
    a, b = 2.0, 1.0
    for _ in range(rounds):
        # Log odds of each label being the true one: those who said it, against their error.
        weight = np.log(reliability / (1 - reliability) * (n_labels - 1))
        votes = np.bincount(unit * n_labels + label, weight[who], minlength=n_units * n_labels)
        score = votes.reshape(n_units, n_labels).astype(np.float64)  # of nothing, counts are whole
        belief = np.exp(score - score.max(axis=1, keepdims=True, initial=-np.inf))
        belief /= belief.sum(axis=1, keepdims=True)
        right = np.bincount(who, belief[unit, label], minlength=len(names))
        a, b = _fit_prior(right, n_ratings)
        before, reliability = reliability, (right + a) / (n_ratings + a + b)
        reliability = np.clip(reliability, 1e-6, 1 - 1e-6)
        if np.abs(reliability - before).max(initial=0) < tolerance:
            break
    wrong = n_ratings - right
    table = pd.DataFrame(
        {
            "ratings": n_ratings.astype("int64"),
            "reliability": reliability,
            "low": beta.ppf(0.025, right + a, wrong + b),
            "high": beta.ppf(0.975, right + a, wrong + b),
        },
        index=pd.Index(names, name="annotator"),
    )
    return table.sort_values(["reliability", "ratings"], kind="stable")


def _fit_prior(right: np.ndarray, n_ratings: np.ndarray) -> tuple[float, float]:
    """Beta prior whose mean and spread fit the annotators' shares; at least one rating strong."""
    known = n_ratings > 0
    if known.sum() < 3:
        return 2.0, 1.0
    share, n = right[known] / n_ratings[known], n_ratings[known]
    mean = float(np.clip((share * n).sum() / n.sum(), 0.05, 0.95))
    spread = float((n * (share - mean) ** 2).sum() / n.sum())
    by_chance = mean * (1 - mean) * len(n) / n.sum()
    between = max(spread - by_chance, 1e-6)
    # A stronger prior would make all annotators alike, and then, turn by turn, their statements a
    # coin's: where few ratings hide the differences, the answers would teach nothing.
    strength = float(np.clip(mean * (1 - mean) / between - 1, 1.0, STRONGEST))
    return mean * strength, (1 - mean) * strength


def implausibly_alike(boxes: pd.DataFrame, *, min_images: int = 3) -> pd.DataFrame:
    """Annotators who drew exactly the same boxes on image after image.

    Parameters
    ----------
    boxes : DataFrame
        A box table of still images.
    min_images : int
        Smallest number of images with identical boxes.

    Returns
    -------
    DataFrame
        ``annotator images share``: the size of the largest set of images on which all boxes are
        the same, and its share of the images drawn on. Most images first.

    Examples
    --------
    >>> boxes = pd.DataFrame({"sequence": "s", "frame": range(4), "track": None, "label": "x",
    ...     "annotator": "lazy", "left": 5, "top": 5, "width": 9, "height": 9})
    >>> implausibly_alike(boxes)
      annotator  images  share
    0      lazy       4    1.0
    """
    sides = ["left", "top", "width", "height"]
    ordered = boxes.sort_values(["annotator", "sequence", "frame", *sides], kind="stable")
    hashed = pd.util.hash_pandas_object(ordered[[*sides, "label"]], index=False)
    keys = ["annotator", "sequence", "frame"]
    place = ordered.groupby(keys).cumcount().to_numpy().astype(np.uint64)
    mixed = hashed.to_numpy() * (
        2 * place + 1
    )  # the order within an image counts, wrapping is fine
    drawing = ordered[keys].assign(drawing=mixed).groupby(keys)["drawing"].sum().reset_index()
    same = drawing.groupby(["annotator", "drawing"]).size().rename("images").reset_index()
    most = same.sort_values("images", ascending=False, kind="stable").drop_duplicates("annotator")
    most["share"] = most["images"] / most["annotator"].map(drawing.groupby("annotator").size())
    return most.loc[most["images"] >= min_images, ["annotator", "images", "share"]].reset_index(
        drop=True
    )
