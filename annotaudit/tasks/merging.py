"""Put what came back from a labelling tool in its place, and leave everything else as it was."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from annotaudit.boxes import SIDES, TEXT, Labels
from annotaudit.errors import LimitError
from annotaudit.formats.columns import ATTRIBUTE
from annotaudit.formats.problems import Problems
from annotaudit.review.merging import merge_back
from annotaudit.tasks.cvat_files import FLAGS, KEY
from annotaudit.tasks.naming import name_objects
from annotaudit.tasks.plans import TaskPlan
from annotaudit.tasks.returning import place_returned, read_returned
from annotaudit.tasks.sending import can_be_shown

SAME = 0.02  # pixels: CVAT writes corners with two decimals
Returned = (
    Labels
    | str
    | os.PathLike[str]
    | Sequence[str | os.PathLike[str]]
    | Mapping[str, str | os.PathLike[str]]
)


def merge_tasks(
    labels: Labels,
    returned: Returned,
    plan: TaskPlan,
    *,
    expected: Literal["ignore", "take"] = "ignore",
) -> Labels:
    """Replace the labels in a plan's windows by those that came back.

    Frames are told by task and image name (by task and number where a format names no images),
    objects by the key that the plan gave them. An object that the annotator added gets a name that
    no other has; where frames were tasks of their own, a new box is taken for the object beside it
    in time that it overlaps and that has no box there.

    Parameters
    ----------
    labels : Labels
        The originals; not edited.
    returned : Labels, path, list of paths, or mapping
        What the tool exported, or :func:`annotaudit.tasks.pull_tasks` fetched. A mapping tells
        the file of each task by the task's name, for tasks that were called otherwise.
    plan : TaskPlan
    expected : str
        What to do with boxes that still have an "expected ..." label: ``"ignore"`` them, or
        ``"take"`` each in place of the object's box on that frame.

    Returns
    -------
    Labels
        As :func:`annotaudit.review.merging.merge_back` returns them. A box that was not touched
        keeps its sides to the bit, and every corrected box the columns that the tool cannot
        change. ``problems`` tells of frames that did not come back, of changes outside the
        windows, of boxes that could not be read, and of what had to be guessed.

    Raises
    ------
    LabelFormatError
        If nothing that came back is of this plan.
    LimitError
        If ``expected`` is unknown.

    Examples
    --------
    >>> merged = merge_tasks(labels, "export.zip", plan)  # doctest: +SKIP
    >>> aa.compare(labels, merged)  # doctest: +SKIP
    """
    if expected not in ("ignore", "take"):
        raise LimitError(f"expected={expected!r}: expected 'ignore' or 'take'.")
    problems = Problems(plan.name)
    _note_other_labels(labels, plan, problems)
    read = returned if isinstance(returned, Labels) else read_returned(returned, plan)
    boxes, frames = place_returned(read, plan, problems)
    boxes = _with_own_labels(boxes, plan, expected)
    boxes = name_objects(boxes, frames, labels.boxes, plan, problems)
    whole, row = _with_fields(boxes, labels, plan)
    kept = _unsent(labels, frames)
    rows = np.concatenate([row, np.flatnonzero(kept)])  # in the order of the originals
    parts = [part for part in (whole, labels.boxes[kept]) if len(part)]
    whole = pd.concat(parts or [whole]).iloc[rows.argsort(kind="stable")]
    placed = Labels(whole, frames, pd.concat([read.problems, problems.table()], ignore_index=True))
    return merge_back(labels, placed, plan.windows, source=plan.name)


def _note_other_labels(labels: Labels, plan: TaskPlan, problems: Problems) -> None:
    """Tell if the labels are no longer those that were sent."""
    sent = plan.boxes[plan.boxes["nth"] >= 0]
    now = labels.boxes.assign(nth=_nth(labels.boxes))
    key = ["sequence", "frame", "track", "nth"]
    both = sent.merge(now[[*key, *SIDES]], on=key, how="left", suffixes=("", "_now"))
    was, is_now = both[list(SIDES)], both[[f"{side}_now" for side in SIDES]]
    changed = ~(np.abs(was.to_numpy() - is_now.to_numpy()) <= SAME).all(axis=1)
    for task, n in both[changed].groupby("task").size().items():
        problems.add(
            f"task {task}", f"{n} boxes are no longer as they were when the tasks were planned"
        )


def _nth(boxes: pd.DataFrame) -> pd.Series:
    return boxes.groupby(["sequence", "frame", "track"], dropna=False).cumcount()


def _with_own_labels(boxes: pd.DataFrame, plan: TaskPlan, expected: str) -> pd.DataFrame:
    """Turn labels as sent into the labels they stand for; do as told with expected ones."""
    offered = set(plan.boxes.loc[plan.boxes["nth"] < 0, "label"])
    is_expected = boxes["label"].isin(offered).to_numpy()
    if expected == "take":
        place = ["sequence", "frame", "track", "nth"]
        meant = boxes.loc[is_expected, place].assign(nth=lambda rows: -1 - rows["nth"])
        known = boxes[place].merge(meant.drop_duplicates().assign(is_taken=True), how="left")
        boxes = boxes[is_expected | known["is_taken"].isna().to_numpy()]
    else:
        boxes = boxes[~is_expected]
    own = boxes["label"].map(lambda name: plan.labels.get(name, name), na_action="ignore")
    return boxes.assign(label=own.astype(TEXT))


def _with_fields(
    boxes: pd.DataFrame, labels: Labels, plan: TaskPlan
) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """Give each box the columns of its original; take over only what the tool could change.

    Returns
    -------
    boxes : DataFrame
    row : int array
        Of the original, counted from 0; for a new box a number beyond all of them.
    """
    originals = labels.boxes.assign(nth=_nth(labels.boxes))
    key = ["sequence", "frame", "track", "nth"]
    came = boxes[[*key, "label", *SIDES]].reset_index(drop=True)
    # Counting rows tells which original each box has; NaN tracks meet each other in a merge.
    rows = originals[key].assign(row=np.arange(len(originals)))
    row = came.merge(rows, on=key, how="left")["row"]
    known = row.notna().to_numpy()
    at = np.where(known, row.fillna(0), 0).astype(np.int64)
    whole = originals.iloc[at].drop(columns="nth").reset_index(drop=True)
    if not known.all():
        more = [name for name in whole if name not in (*key, "label", *SIDES, "annotator")]
        of_object = _said_of_objects(originals, came[~known], more)
        both = pd.concat([whole.loc[known, more], of_object]) if known.any() else of_object
        whole = pd.concat([whole.drop(columns=more), both.reindex(whole.index)], axis=1)
    was, now = whole[list(SIDES)].to_numpy(), came[list(SIDES)].to_numpy()
    same = known & (np.abs(was - now) <= SAME).all(axis=1)
    sides = np.where(same[:, None], was, now)
    people = labels.boxes.drop_duplicates("sequence").set_index("sequence")["annotator"]
    whole = whole.assign(
        **{name: came[name] for name in ("sequence", "frame", "track", "label")},
        **{side: sides[:, at] for at, side in enumerate(SIDES)},
        annotator=came["sequence"].map(people).astype(TEXT),
    )
    if plan.tool == "cvat":
        whole = _with_cvat_columns(whole, boxes.reset_index(drop=True), same)
    return whole, np.where(known, at, len(originals))


def _said_of_objects(originals: pd.DataFrame, new: pd.DataFrame, more: list[str]) -> pd.DataFrame:
    """What all boxes of an object have in common also holds for a new box of it."""
    key = ["sequence", "track"]
    objects = pd.MultiIndex.from_frame(new[key])
    theirs = originals[pd.MultiIndex.from_frame(originals[key]).isin(objects)]
    theirs = theirs.dropna(subset=["track"])
    by_object = theirs.groupby(key, sort=False)[more]
    differ = by_object.nunique(dropna=False).gt(1)
    return by_object.first().mask(differ).reindex(objects).set_axis(new.index)


def _with_cvat_columns(
    whole: pd.DataFrame, came: pd.DataFrame, same: NDArray[np.bool_]
) -> pd.DataFrame:
    """Take over what CVAT can change beside boxes: its flags, and text attributes."""
    for name in whole.columns:
        is_text = str(name).startswith(ATTRIBUTE) and whole[name].dtype == TEXT
        if name not in came or not (name in FLAGS or is_text) or name == ATTRIBUTE + KEY:
            continue
        column = came[name]
        if name == "keyframe":  # every task begins with one; that says nothing of the labels
            column = column.where(~same | whole[name].isna(), whole[name])
        elif is_text:  # an attribute that was empty comes back as empty text
            column = column.where(~(whole[name].isna() & (column == "")))
        whole = whole.assign(**{name: column})
    return whole


def _unsent(labels: Labels, frames: pd.DataFrame) -> NDArray[np.bool_]:
    """Boxes that no tool could show, on frames that came back: nobody judged them, so they stay."""
    place = ["sequence", "frame"]
    looked_at = pd.MultiIndex.from_frame(frames[place])
    came = pd.MultiIndex.from_frame(labels.boxes[place]).isin(looked_at)
    return np.asarray(came & ~can_be_shown(labels.boxes), dtype=np.bool_)
