"""Labels with the corrections of their reviewers in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from annotaudit.boxes import COLUMNS, OBJECT, SIDES, TEXT, Labels
from annotaudit.review.marking import EXTRA_BOX
from annotaudit.review.naming import carry_on
from annotaudit.review.verdicts import CORRECTED, PLACE, SAME_BOX, drawn, last_word, like, pairs


def apply(labels: Labels, verdicts: pd.DataFrame, *, drop_uncorrected: bool = False) -> Labels:
    """Put the corrected boxes into the labels.

    Only a verdict "mistake" changes anything. With a corrected box, that box takes the place of
    the one that was judged, or is added where a box was missing. Without one, nobody has said yet
    what is right: the box stays, or goes with ``drop_uncorrected``. What a reviewer marked goes
    in as well: a label, the name of an object, and a box that should not be there goes. The last
    verdict on a finding counts; where several findings are about one box, the last correction does.

    A name is put right on the marked frame alone, unless it was said to hold ``onward``: then up
    to the next frame where the same object is given a name that holds, or where the object of that
    name has a box of its own. ``problems`` lists where the latter came first.

    Parameters
    ----------
    labels : Labels
        The labels that were judged; they are not edited.
    verdicts : DataFrame
        What ``annotaudit.review.load`` returns.
    drop_uncorrected : bool, default False
        Leave out the boxes that were judged a mistake and not corrected, such as a second box on
        the same person.

    Returns
    -------
    Labels
        The corrected labels: rows keep their order, and boxes that were missing come last with
        the label the reviewer gave, or that of their track. A corrected box that no longer has a
        place, because the box it was about has changed or gone since, is listed in ``problems``.
        To apply the same verdicts again changes nothing.

    Raises
    ------
    BoxTableError
        If a column of the verdicts is missing.

    Examples
    --------
    >>> import annotaudit as aa
    >>> labels = Labels(pd.DataFrame({
    ...     "sequence": ["street"], "frame": [0], "track": ["car:1"], "label": ["car"],
    ...     "annotator": ["ann"], "left": [10], "top": [20], "width": [30], "height": [15]}))
    >>> verdicts = labels.boxes.assign(
    ...     rule="size-jump", verdict="mistake", corrected_left=10.0, corrected_top=20.0,
    ...     corrected_width=30.0, corrected_height=40.0, score=0.9, note="", reviewer="ben",
    ...     time=pd.Timestamp("2026-01-01", tz="UTC"), fingerprint="", id="1")
    >>> aa.review.apply(labels, verdicts).boxes["height"].tolist()
    [40.0]
    >>> labels.boxes["height"].tolist()
    [15.0]
    """
    said = last_word(verdicts)
    said = said[said["verdict"] == "mistake"]
    has_box = said[list(CORRECTED)].notna().all(axis=1)
    # Two rules may have found the same box: a correction outweighs a mistake without one.
    mistakes = pd.concat([said[~has_box], said[has_box]], ignore_index=True)
    boxes_meant = mistakes[[*PLACE, *SIDES]].join(drawn(mistakes))
    mistakes = mistakes[~boxes_meant.duplicated(keep="last")].reset_index(drop=True)
    has_box = mistakes[list(CORRECTED)].notna().all(axis=1).to_numpy(dtype=bool)
    rows, judged = pairs(labels.boxes, mistakes, PLACE)

    boxes = labels.boxes.copy()
    sides = boxes[list(SIDES)].to_numpy(dtype="float64", copy=True)
    corrected = mistakes[list(CORRECTED)].to_numpy(dtype="float64")
    is_correction = has_box[judged]
    sides[rows[is_correction]] = corrected[judged[is_correction]]
    boxes[list(SIDES)] = sides
    wrong = np.setdiff1d(rows[~is_correction], rows[is_correction])
    for name in ("label", "track"):
        boxes[name], renamed, onward = _renamed(labels.boxes, said, name)
        wrong = np.setdiff1d(wrong, renamed)
    boxes["track"], ends = carry_on(labels.boxes, boxes["track"], renamed, onward)

    unplaced = mistakes[has_box & ~np.isin(np.arange(len(mistakes)), judged)]
    unplaced = unplaced[~_already_there(boxes, unplaced)]
    was_missing = unplaced[list(SIDES)].isna().all(axis=1)
    extra, _ = pairs(labels.boxes, said[said["rule"] == EXTRA_BOX], PLACE)
    gone = np.union1d(extra, wrong) if drop_uncorrected else extra
    boxes = boxes[~np.isin(np.arange(len(boxes)), gone)]
    if was_missing.any():
        added = _boxes_of(unplaced[was_missing], labels.boxes)
        boxes = pd.concat([boxes, added], ignore_index=True)
    told = [labels.problems, _lost(unplaced[~was_missing]), _ended(ends)]
    problems = pd.concat([table for table in told if len(table)] or told[:1], ignore_index=True)
    return replace(labels, boxes=boxes, problems=problems)


def _renamed(
    boxes: pd.DataFrame, said: pd.DataFrame, name: str
) -> tuple[pd.Series, NDArray[np.intp], NDArray[np.bool_]]:
    """Give the labels, or tracks, of the boxes as they should be, the rows told of, and how far."""
    told = said.dropna(subset=f"corrected_{name}")
    rows, judged = pairs(boxes, told, PLACE)
    onward = told["onward"].to_numpy(dtype=bool)[judged]
    if not len(rows):
        return boxes[name], rows, onward
    names = boxes[name].to_numpy(dtype=object, copy=True)
    names[rows] = told[f"corrected_{name}"].to_numpy(dtype=object)[judged]
    return pd.Series(names, index=boxes.index).astype(boxes[name].dtype), rows, onward


def _already_there(boxes: pd.DataFrame, verdicts: pd.DataFrame) -> np.ndarray:
    """Whether the corrected box of each verdict stands in the table, as after a first run."""
    wanted = verdicts[[*PLACE, *CORRECTED]].assign(
        row=np.arange(len(verdicts)), track=verdicts["corrected_track"].fillna(verdicts["track"])
    )
    both = like(wanted, boxes, PLACE).merge(boxes[[*PLACE, *SIDES]], on=list(PLACE))
    apart = both[list(CORRECTED)].to_numpy() - both[list(SIDES)].to_numpy()
    there = both.loc[(np.abs(apart) <= SAME_BOX).all(axis=1), "row"]
    return np.isin(np.arange(len(verdicts)), there)


def _boxes_of(verdicts: pd.DataFrame, boxes: pd.DataFrame) -> pd.DataFrame:
    """Make new boxes of the corrected ones; an object keeps the label it has elsewhere."""
    labels = boxes.drop_duplicates(list(OBJECT))[[*OBJECT, "label"]]
    added = verdicts[[*PLACE, *CORRECTED, "corrected_label"]]
    added = added.rename(columns=dict(zip(CORRECTED, SIDES, strict=True)))
    added = added.merge(labels, on=list(OBJECT), how="left")
    return added.assign(label=added["corrected_label"].fillna(added["label"]))[list(COLUMNS)]


def _lost(verdicts: pd.DataFrame) -> pd.DataFrame:
    what = "The box has changed or gone since it was judged; its correction was left out."
    return _problems(verdicts, [what] * len(verdicts))


def _ended(names: pd.DataFrame) -> pd.DataFrame:
    told = zip(names["name"], names["end"], strict=True)
    what = [f"Is {name} only before frame {end}: there {name} has a box." for name, end in told]
    return _problems(names, what)


def _problems(about: pd.DataFrame, what: list[str]) -> pd.DataFrame:
    places = zip(about["sequence"], about["frame"], about["track"].fillna(""), strict=True)
    where = [f"{sequence}, frame {frame}, {track}" for sequence, frame, track in places]
    return pd.DataFrame({"source": "verdicts", "where": where, "what": what}).astype(TEXT)
