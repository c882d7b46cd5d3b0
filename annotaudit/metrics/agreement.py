"""How far annotators agree where there is no gold: what each said of each thing, and pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from annotaudit.boxes import SIDES, TEXT, Labels
from annotaudit.geometry import iou
from annotaudit.metrics.consensus import are_boxes, group_boxes
from annotaudit.metrics.looked import drawn_and_looked
from annotaudit.metrics.matching import (
    IMAGE,
    best_pairs,
    check_min_iou,
    image_codes,
    pairs_of_one_image,
)

Integers = NDArray[np.integer[Any]]
NOTHING = "(nothing)"  # the answer of an annotator who looked and did not draw what others drew


def ratings(
    boxes: Labels | pd.DataFrame,
    *,
    group: pd.Series | None = None,
    looked: pd.DataFrame | None = None,
    min_iou: float = 0.5,
) -> pd.DataFrame:
    """Tell what each annotator said of each thing that somebody drew: a label, or nothing.

    Parameters
    ----------
    boxes : Labels or DataFrame
        Boxes of still images, drawn by several annotators. What is no box (a side is missing or
        negative) shows nothing.
    group : Series of int, optional
        Which boxes show one thing; by default
        :func:`annotaudit.metrics.consensus.group_boxes` with ``min_iou``.
    looked : DataFrame, optional
        Who looked at which image: ``sequence``, ``frame``, ``annotator``. By default what
        :func:`annotaudit.metrics.who_looked` reads from the labels; of a box table, an annotator
        looked at the images they drew on, and one who drew nothing counts as absent.
    min_iou : float
        Smallest overlap within a group.

    Returns
    -------
    DataFrame
        ``sequence frame unit annotator label``: one row per thing and annotator who looked at its
        image; ``label`` is ``NOTHING`` where they did not draw it. An image on which nobody drew
        has no thing, and no row.

    Raises
    ------
    BoxTableError
        If a table is not what it should be.

    Examples
    --------
    >>> boxes = pd.DataFrame({"sequence": "s", "frame": 0, "track": None, "label": "sign",
    ...     "annotator": ["a", "a", "b"], "left": [0, 50, 1], "top": 0, "width": 10, "height": 10})
    >>> ratings(boxes)[["unit", "annotator", "label"]].values.tolist()
    [[0, 'a', 'sign'], [0, 'b', 'sign'], [1, 'a', 'sign'], [1, 'b', '(nothing)']]
    """
    drawn, who = drawn_and_looked(boxes, looked)
    unit = group_boxes(drawn, min_iou=min_iou) if group is None else group
    real = are_boxes(drawn)
    drawn, units = drawn[real], unit.to_numpy()[real]
    images = image_codes(drawn, who, list(IMAGE))
    names = _name_codes(drawn, who)
    things = pd.DataFrame({"image": images[0], "unit": units}).drop_duplicates()
    lookers = pd.DataFrame({"image": images[1], "name": names[1], "row": np.arange(len(who))})
    asked = things.merge(lookers, on="image")
    label = drawn["label"].fillna("(no label)").array
    said = pd.DataFrame({"unit": units, "name": names[0], "label": label})
    said = said.drop_duplicates(["unit", "name"])
    table = asked.merge(said, on=["unit", "name"], how="left").sort_values(["unit", "name"])
    place = who.iloc[table["row"]].reset_index(drop=True)
    label = table["label"].fillna(NOTHING).astype(TEXT).array
    return place[list(IMAGE)].assign(
        unit=table["unit"].to_numpy(), annotator=place["annotator"], label=label
    )


def pairwise_agreement(
    boxes: Labels | pd.DataFrame,
    *,
    looked: pd.DataFrame | None = None,
    min_iou: float = 0.5,
    same_label: bool = True,
) -> pd.DataFrame:
    """Agreement of each two annotators on the images both looked at.

    Parameters
    ----------
    boxes : Labels or DataFrame
        Boxes of still images, drawn by several annotators. One without a name is in no pair.
    looked : DataFrame, optional
        Who looked at which image: ``sequence``, ``frame``, ``annotator``. By default what
        :func:`annotaudit.metrics.who_looked` reads from the labels; of a box table, an annotator
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

    Raises
    ------
    BoxTableError
        If a table is not what it should be.
    ValueError
        If ``min_iou`` is not above 0 and at most 1.

    Examples
    --------
    >>> boxes = pd.DataFrame({"sequence": "s", "frame": 0, "track": None, "label": "sign",
    ...     "annotator": ["a", "a", "b"], "left": [0, 50, 0], "top": 0, "width": 10,
    ...     "height": [10, 10, 8]})
    >>> pairwise_agreement(boxes)[["first", "second", "matched", "f1", "mean_iou"]].round(2)
      first second  matched    f1  mean_iou
    0     a      b        1  0.67       0.8
    """
    check_min_iou(min_iou)
    drawn, who = drawn_and_looked(boxes, looked)
    drawn, who = (table[table["annotator"].notna()] for table in (drawn, who))
    images = image_codes(drawn, who, list(IMAGE))
    names = _name_codes(drawn, who)
    lookers = pd.DataFrame({"image": images[1], "name": names[1]})
    n_boxes = pd.DataFrame({"image": images[0], "name": names[0]}).value_counts().rename("boxes")
    lookers = lookers.join(n_boxes, on=["image", "name"]).fillna({"boxes": 0})
    both = lookers.merge(lookers, on="image", suffixes=("_first", "_second"))
    both = both[both["name_first"] < both["name_second"]].assign(images=1)
    keys = ["name_first", "name_second"]
    table = both.groupby(keys)[["images", "boxes_first", "boxes_second"]].sum().astype("int64")
    met = _meetings(drawn, images[0], names[0], min_iou, same_label).groupby(keys)["iou"]
    table["matched"] = met.size().reindex(table.index, fill_value=0)
    n_boxes = table["boxes_first"] + table["boxes_second"]
    table["f1"] = 2 * table["matched"] / n_boxes.where(n_boxes > 0)
    table["mean_iou"] = met.mean()
    named = pd.Series(who["annotator"].array, index=names[1]).groupby(level=0).first()
    codes = [table.index.get_level_values(key) for key in keys]
    table.index = pd.MultiIndex.from_arrays(
        [named.reindex(code).array for code in codes], names=["first", "second"]
    )
    return table.reset_index()


def _meetings(
    drawn: pd.DataFrame, image: Integers, name: Integers, min_iou: float, same_label: bool
) -> pd.DataFrame:
    """Match the boxes of each two annotators image by image: whose they are, and the overlap."""
    label, labels = pd.factorize(drawn["label"] if same_label else image * 0, use_na_sentinel=False)
    codes = pd.factorize(image * len(labels) + label)[0].astype(np.int64)
    sides, n_names = drawn[list(SIDES)].to_numpy(float), name.max(initial=0) + 1
    found = [pd.DataFrame({"first": name[:0], "second": name[:0], "iou": np.empty(0)})]
    for i, j in pairs_of_one_image(codes, codes):
        i, j = i[name[i] < name[j]], j[name[i] < name[j]]
        share = iou(sides[i], sides[j])
        near = share >= min_iou  # never true for NaN
        i, j, share = i[near], j[near], share[near]
        # A box is matched once with each other annotator: box and annotator together name a side.
        found.append(best_pairs(i * n_names + name[j], j * n_names + name[i], share))
    met = pd.concat(found)
    return pd.DataFrame(
        {
            "name_first": (met["second"] % n_names).to_numpy(),
            "name_second": (met["first"] % n_names).to_numpy(),
            "iou": met["iou"].to_numpy(),
        }
    )


def _name_codes(drawn: pd.DataFrame, who: pd.DataFrame) -> tuple[Integers, Integers]:
    """Number annotators in both tables alike, in the order of the alphabet; the unnamed last."""
    both = pd.concat([drawn["annotator"], who["annotator"]])
    codes = pd.factorize(both, sort=True, use_na_sentinel=False)[0]
    return codes[: len(drawn)], codes[len(drawn) :]
