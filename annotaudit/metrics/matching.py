"""Which box of one set is which box of another, and who got what right.

Two sets of boxes on the same images are matched exactly: of all ways to pair them so that each
box is used once and every pair overlaps enough, the one with the largest sum of overlaps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from annotaudit.boxes import SIDES, check_boxes
from annotaudit.geometry import iou

IMAGE = ("sequence", "frame")
PAIRS_AT_ONCE = 4_000_000  # candidate pairs held in memory at a time, about 0.5 GB

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


def match_boxes(
    first: pd.DataFrame,
    second: pd.DataFrame,
    *,
    min_iou: float = 0.5,
    same_label: bool = False,
    by: Sequence[str] = IMAGE,
) -> pd.DataFrame:
    """Pair the boxes of two tables image by image, so that the sum of overlaps is largest.

    Parameters
    ----------
    first, second : DataFrame
        Box tables (see ``annotaudit.boxes.COLUMNS``).
    min_iou : float
        Smallest overlap, as a share, of two boxes that may be the same one; more than 0.
    same_label : bool
        Pair only boxes with the same label.
    by : sequence of str
        Columns that name an image; only boxes that agree on all of them are compared.

    Returns
    -------
    DataFrame
        One row per pair: ``first`` and ``second``, row positions in the two tables counted from
        0, and ``iou``. A box without a partner is in no row; a box with a NaN or negative side has
        no partner. Sorted by ``first``.

    Raises
    ------
    ValueError
        If ``min_iou`` is not above 0 and at most 1.
    BoxTableError
        If a table is not a box table.

    References
    ----------
    Kuhn (1955), Naval Research Logistics Quarterly 2:83, doi:10.1002/nav.3800020109; solved by
    Crouse (2016), IEEE Transactions on Aerospace and Electronic Systems 52:1679, as in scipy.

    Examples
    --------
    >>> one = pd.DataFrame({"sequence": "s", "frame": 0, "track": None, "label": "sign",
    ...     "annotator": "a", "left": [0, 50], "top": 0, "width": 10, "height": [10, 10]})
    >>> other = one.assign(annotator="b", height=[5, 2])
    >>> match_boxes(one, other)
       first  second  iou
    0      0       0  0.5
    """
    check_min_iou(min_iou)
    first, second = check_boxes(first), check_boxes(second)
    a, b = first[list(SIDES)].to_numpy(float), second[list(SIDES)].to_numpy(float)
    images = image_codes(first, second, [*by, "label"] if same_label else list(by))
    found = [best_pairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))]
    for i, j in pairs_of_one_image(*images):
        share = iou(a[i], b[j])
        near = share >= min_iou  # never true for NaN
        found.append(best_pairs(i[near], j[near], share[near]))
    return pd.concat(found).sort_values("first", kind="stable", ignore_index=True)


def check_min_iou(min_iou: float) -> None:
    """Refuse a smallest overlap of 0, which boxes far apart have, or above 1, which none have."""
    if not 0 < min_iou <= 1:
        raise ValueError(f"min_iou is {min_iou!r}; expected more than 0 and at most 1.")


def image_codes(
    first: pd.DataFrame, second: pd.DataFrame, keys: list[str]
) -> tuple[Integers, Integers]:
    """Give images numbers, the same in both tables where all key columns agree."""
    both = pd.concat([first[keys], second[keys]], ignore_index=True)
    codes = np.zeros(len(both), np.int64)
    for key in keys:
        number, values = pd.factorize(both[key])  # a missing label is one value among others
        codes = pd.factorize(codes * (len(values) + 1) + number + 1)[0].astype(np.int64)
    return codes[: len(first)], codes[len(first) :]


def pairs_of_one_image(first: Integers, second: Integers) -> Iterator[tuple[Integers, Integers]]:
    """Row positions of all pairs of boxes that share an image, whole images at a time."""
    n_images = max(first.max(initial=-1), second.max(initial=-1)) + 1
    in_first, in_second = (np.bincount(codes, minlength=n_images) for codes in (first, second))
    rows_first, rows_second = (np.argsort(codes, kind="stable") for codes in (first, second))
    starts_first, starts_second = (np.cumsum(n) - n for n in (in_first, in_second))
    n_pairs = in_first * in_second
    chunk = np.cumsum(n_pairs) // PAIRS_AT_ONCE
    for images in np.split(np.arange(n_images), np.flatnonzero(np.diff(chunk)) + 1):
        image = np.repeat(images, n_pairs[images])
        before = np.cumsum(n_pairs[images]) - n_pairs[images]
        place = np.arange(image.size) - np.repeat(before, n_pairs[images])
        yield (
            rows_first[starts_first[image] + place // in_second[image]],
            rows_second[starts_second[image] + place % in_second[image]],
        )


def best_pairs(i: Integers, j: Integers, share: Floats) -> pd.DataFrame:
    """Choose among candidate pairs those that use each box once and overlap most in all.

    Boxes hang together in small knots. Where a knot has only one box on either side, its best
    pair is its largest overlap; only the others need an assignment to be solved.
    """
    from scipy.optimize import linear_sum_assignment
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    left, rows = np.unique(i, return_inverse=True)
    right, columns = np.unique(j, return_inverse=True)
    n = left.size + right.size
    edges = coo_array((np.ones(i.size, bool), (rows, left.size + columns)), shape=(n, n))
    _, knot_of = connected_components(edges, directed=False)
    pairs = pd.DataFrame({"first": i, "second": j, "iou": share})
    knot = knot_of[rows]
    # Each box's place among those of its side of the knot, and how many these are.
    (place_left, n_left), (place_right, n_right) = (
        _places(knot_of[side], n) for side in (slice(left.size), slice(left.size, None))
    )
    smaller = np.minimum(n_left, n_right)[knot]
    simple = pairs[smaller == 1].groupby(knot[smaller == 1])["iou"].idxmax()
    chosen = [simple.to_numpy()]
    tangled = np.flatnonzero(smaller > 1)
    tangled = tangled[np.argsort(knot[tangled], kind="stable")]
    ends = np.flatnonzero(np.diff(knot[tangled])) + 1
    for edge in np.split(tangled, ends) if tangled.size else ():
        where = place_left[rows[edge]], place_right[columns[edge]]
        overlap = np.zeros((n_left[knot[edge[0]]], n_right[knot[edge[0]]]))
        number = np.full(overlap.shape, -1)
        overlap[where], number[where] = share[edge], edge
        best = number[linear_sum_assignment(overlap, maximize=True)]
        chosen.append(best[best >= 0])
    return pairs.iloc[np.concatenate(chosen).astype(np.int64)]


def _places(knot: Integers, n: int) -> tuple[Integers, Integers]:
    """Number what is in each knot from 0, in its order; and count it."""
    counts = np.bincount(knot, minlength=n)
    order = np.argsort(knot, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(knot.size) - (np.cumsum(counts) - counts)[knot[order]]
    return place, counts
