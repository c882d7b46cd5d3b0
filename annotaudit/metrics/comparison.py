"""What became of each box and each object between two versions of the labels."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from annotaudit.boxes import OBJECT, SIDES, TEXT, check_boxes
from annotaudit.geometry import iou
from annotaudit.metrics.matching import match_boxes

BOX_CHANGES = {  # one row per box of either version
    "sequence": "str",
    "frame": "int64",
    "annotator": "str",  # whose box; missing where the versions are by different people
    "track_before": "str",  # missing where the box was added
    "track_after": "str",  # missing where it was removed
    "label_before": "str",
    "label_after": "str",
    "iou": "float64",  # overlap of the two; NaN for an added or removed box
    "moved": "bool",
    "relabelled": "bool",  # another class
    "renamed": "bool",  # another object
    "change": "str",  # "unchanged", "added", "removed", or what of the three above holds
    "before": "Int64",  # row position in the table before, from 0; missing where added
    "after": "Int64",
}
TRACK_COUNTS = ("unchanged", "moved", "relabelled", "renamed", "added", "removed")
_WORDS = np.array(
    [
        ", ".join(filter(None, words)) or "unchanged"
        for words in product(("", "moved"), ("", "relabelled"), ("", "renamed"))
    ]
)

Rows = NDArray[np.int64]


class _Pairs(NamedTuple):
    """Row positions of the same box in both tables, paired one by one."""

    before: Rows
    after: Rows


def compare_boxes(
    before: pd.DataFrame, after: pd.DataFrame, *, min_iou: float = 0.5
) -> pd.DataFrame:
    """Say of each box of two versions what became of it.

    Boxes of a frame are the same one if they belong to the same object and overlap by
    ``min_iou``; of those left over, if they overlap by that much, whatever object they are given
    to; of those still left, if they belong to the same object, however far apart. So two objects
    whose names were swapped are renamed, and a box that was far off is moved.

    Where both versions know an annotator by the same name, boxes of different annotators are never
    the same one. Otherwise the later version is somebody else's work on the earlier, and names of
    annotators do not matter.

    Parameters
    ----------
    before, after : DataFrame
        Box tables (see ``annotaudit.boxes.COLUMNS``) of the same frames, numbered alike.
    min_iou : float
        As a share, more than 0.

    Returns
    -------
    DataFrame
        One row per box of either table; see ``annotaudit.metrics.comparison.BOX_CHANGES``. Sorted
        by sequence and frame.

    Raises
    ------
    BoxTableError
        If a table is not a box table.
    ValueError
        If ``min_iou`` is not above 0 and at most 1.

    Examples
    --------
    >>> car = pd.DataFrame({
    ...     "sequence": "street", "frame": range(3), "track": "car:1", "label": "car",
    ...     "annotator": "ann", "left": [100, 109, 120], "top": 50, "width": 40, "height": 20})
    >>> changes = compare_boxes(car, car.assign(left=[100, 110, 120])[:2])
    >>> changes["change"].tolist()
    ['unchanged', 'moved', 'removed']
    """
    before, after = check_boxes(before), check_boxes(after)
    pairs = _same_boxes(before, after, min_iou)
    a, b = before.iloc[pairs.before], after.iloc[pairs.after]
    sides_a, sides_b = (table[list(SIDES)].to_numpy(float) for table in (a, b))
    same = (sides_a == sides_b) | (np.isnan(sides_a) & np.isnan(sides_b))
    paired = pd.DataFrame(
        {
            "sequence": a["sequence"].to_numpy(),
            "frame": a["frame"].to_numpy(),
            "annotator": a["annotator"].to_numpy(),
            "track_before": a["track"].to_numpy(),
            "track_after": b["track"].to_numpy(),
            "label_before": a["label"].to_numpy(),
            "label_after": b["label"].to_numpy(),
            "iou": iou(sides_a, sides_b),
            "moved": ~same.all(axis=1),
            "relabelled": _differ(a["label"], b["label"]),
            "renamed": _differ(a["track"], b["track"]),
            "before": pairs.before,
            "after": pairs.after,
        }
    )
    moved, relabelled, renamed = (
        paired[name].to_numpy(np.int64) for name in ("moved", "relabelled", "renamed")
    )
    change = _WORDS[4 * moved + 2 * relabelled + renamed]
    whole = [
        paired.assign(change=change),
        _alone(before, pairs.before, "before", "removed"),
        _alone(after, pairs.after, "after", "added"),
    ]
    filled = [part for part in whole if len(part)] or whole[:1]
    table = pd.concat([_typed(part) for part in filled])
    if not _share_annotators(before, after):
        table["annotator"] = pd.Series(np.nan, table.index, dtype=TEXT)
    return table.sort_values(["sequence", "frame", "before"], kind="stable", ignore_index=True)


def compare_tracks(changes: pd.DataFrame) -> pd.DataFrame:
    """Sum up per object what became of its boxes, and which objects were joined or split.

    Parameters
    ----------
    changes : DataFrame
        What :func:`compare_boxes` returned.

    Returns
    -------
    DataFrame
        One row per object of either version: ``sequence``, ``annotator`` (as in the changes),
        ``track``, ``boxes_before``,
        ``boxes_after``; how many of its boxes are ``unchanged``, ``moved``, ``relabelled``,
        ``renamed``, ``added``, ``removed`` (a renamed box counts for the object it came from);
        ``mean_iou`` of its boxes with what became of them; ``split_into`` and ``joined_from``,
        the names of the objects it went to and came from where these are several.

    Examples
    --------
    >>> car = pd.DataFrame({
    ...     "sequence": "street", "frame": range(4), "track": "car:1", "label": "car",
    ...     "annotator": "ann", "left": 100, "top": 50, "width": 40, "height": 20})
    >>> two = car.assign(track=["car:1", "car:1", "car:2", "car:2"])
    >>> compare_tracks(compare_boxes(car, two))[["track", "split_into", "boxes_after"]]
       track    split_into  boxes_after
    0  car:1  car:1, car:2            2
    1  car:2           NaN            2
    """
    known = changes.assign(annotator=changes["annotator"].fillna(""))
    name = known["track_before"].fillna(known["track_after"])
    sides = {"boxes_before": "track_before", "boxes_after": "track_after"}
    sizes = {
        side: known.assign(track=known[of]).groupby(list(OBJECT)).size()
        for side, of in sides.items()
    }
    by_object = known.assign(
        track=name, **{word: known["change"] == word for word in ("unchanged", "added", "removed")}
    ).groupby(list(OBJECT))
    counts = [*sides, *TRACK_COUNTS]
    table = pd.DataFrame(sizes).join(by_object[list(TRACK_COUNTS)].sum())
    table[counts] = table[counts].fillna(0).astype("int64")
    table["mean_iou"] = by_object["iou"].mean()
    both = known.dropna(subset=["track_before", "track_after"])
    table["split_into"] = _several(both, "track_before", "track_after")
    table["joined_from"] = _several(both, "track_after", "track_before")
    table = table.astype({"split_into": TEXT, "joined_from": TEXT}).reset_index()
    return table.assign(annotator=table["annotator"].replace("", np.nan).astype(TEXT))


def _share_annotators(before: pd.DataFrame, after: pd.DataFrame) -> bool:
    return bool(before["annotator"].dropna().isin(after["annotator"].unique()).any())


def _same_boxes(before: pd.DataFrame, after: pd.DataFrame, min_iou: float) -> _Pairs:
    """Pair by object and overlap, then by overlap, then by object."""
    left_a, left_b = np.arange(len(before)), np.arange(len(after))
    found_a, found_b = [left_a[:0]], [left_b[:0]]
    image = ["sequence", "frame", *(["annotator"] if _share_annotators(before, after) else [])]
    for step in ("object and overlap", "overlap", "object"):
        a, b = before.iloc[left_a], after.iloc[left_b]
        if step == "object":
            i, j = _by_name(a, b, [*image, "track"])
        else:
            keys = [*image, *(["track"] if step == "object and overlap" else [])]
            met = match_boxes(a, b, min_iou=min_iou, by=keys)
            i, j = met["first"].to_numpy(), met["second"].to_numpy()
        found_a.append(left_a[i])
        found_b.append(left_b[j])
        left_a, left_b = np.delete(left_a, i), np.delete(left_b, j)
    return _Pairs(np.concatenate(found_a), np.concatenate(found_b))


def _by_name(a: pd.DataFrame, b: pd.DataFrame, keys: list[str]) -> tuple[Rows, Rows]:
    """Pair the boxes of an object; the first with the first where it has several on a frame."""
    numbered = []
    for table in (a, b):
        named = table[keys].reset_index(drop=True)
        named = named[named["track"].notna()]
        numbered.append(
            named.assign(n=named.groupby(keys, dropna=False).cumcount(), row=named.index)
        )
    both = numbered[0].merge(numbered[1], on=[*keys, "n"], suffixes=("_a", "_b"))
    return both["row_a"].to_numpy(np.int64), both["row_b"].to_numpy(np.int64)


def _differ(a: pd.Series, b: pd.Series) -> NDArray[np.bool_]:
    first, second = a.reset_index(drop=True), b.reset_index(drop=True)
    same = (first == second) | (first.isna() & second.isna())
    return np.asarray(~same, dtype=np.bool_)


def _alone(boxes: pd.DataFrame, paired: Rows, side: str, change: str) -> pd.DataFrame:
    rows = np.delete(np.arange(len(boxes)), paired)
    table = boxes.iloc[rows].reset_index(drop=True)
    return pd.DataFrame(
        {
            "sequence": table["sequence"],
            "frame": table["frame"],
            "annotator": table["annotator"],
            f"track_{side}": table["track"],
            f"label_{side}": table["label"],
            "change": change,
            side: rows,
        }
    )


def _typed(part: pd.DataFrame) -> pd.DataFrame:
    whole = part.reindex(columns=list(BOX_CHANGES))
    flags = [name for name, kind in BOX_CHANGES.items() if kind == "bool"]
    whole[flags] = whole[flags].astype("boolean").fillna(False)
    return whole.astype(
        {name: TEXT if kind == "str" else kind for name, kind in BOX_CHANGES.items()}
    )


def _several(both: pd.DataFrame, of: str, named: str) -> pd.Series:
    """Name the objects that an object's boxes belong to on the other side, if more than one."""
    one = [*OBJECT[:2], of]
    pairs = both[[*one, named]].drop_duplicates()
    pairs = pairs[pairs.duplicated(one, keep=False)].sort_values(named)
    joined = pairs.groupby(one)[named].agg(", ".join).astype(TEXT)
    return joined.rename_axis(list(OBJECT))
