"""Which object each box that came back belongs to, and names for objects that are new."""

from __future__ import annotations

import numpy as np
import pandas as pd

from annotaudit.boxes import SIDES, TEXT
from annotaudit.formats.problems import Problems
from annotaudit.geometry import pairwise_iou
from annotaudit.tasks.plans import TaskPlan

BESIDE = 0.3  # overlap with the same object's box on the frame before or after
NEW = -1  # `nth` of a box that none of the labels' boxes became


def name_objects(
    boxes: pd.DataFrame,
    frames: pd.DataFrame,
    originals: pd.DataFrame,
    plan: TaskPlan,
    problems: Problems,
) -> pd.DataFrame:
    """Name the object of each box that came back.

    Parameters
    ----------
    boxes, frames : DataFrame
        As :func:`annotaudit.tasks.returning.place_returned` gives them.
    originals : DataFrame
        Boxes of the labels, whose names are taken.
    plan : TaskPlan
    problems : Problems
        Gets what was guessed.

    Returns
    -------
    DataFrame
        ``track`` filled, where the labels have tracks; ``nth`` tells which of the labels' boxes
        of that frame and track a box was, -1 for a new one.
    """
    boxes = boxes.reset_index(drop=True)
    unknown = boxes["nth"].isna() | _second_thread(boxes)
    nth = boxes["nth"].fillna(NEW).astype("int64")
    was_expected = (nth < 0) & ~unknown
    # An expected box that somebody made a real one is the object's, if it has no other there.
    meant = boxes[["sequence", "frame", "track"]].assign(nth=nth.where(~was_expected, -1 - nth))
    own = meant[~was_expected & ~unknown].drop_duplicates().assign(is_there=True)
    unknown |= was_expected & meant.merge(own, how="left")["is_there"].notna()
    nth = nth.where(~was_expected, -1 - nth).where(~unknown, NEW)
    boxes = boxes.assign(nth=nth, track=boxes["track"].where(~unknown))
    if plan.boxes["track"].isna().all() and originals["track"].isna().all():
        return boxes
    if plan.tool == "label-studio" and not plan.videos:
        boxes = _beside_in_time(boxes, frames, problems)
    return _with_free_names(boxes, originals, unknown & boxes["track"].isna())


def _second_thread(boxes: pd.DataFrame) -> pd.Series:
    """Whether a box has its key from a copy: of two objects with one key the first keeps it."""
    threads = boxes.groupby(["task", "key", "thread"], dropna=False)["position"].min()
    threads = threads.reset_index().sort_values("position", kind="stable")
    later = threads[threads.duplicated(["task", "key"])].dropna(subset="key")
    of_copy = pd.MultiIndex.from_frame(boxes[["task", "key", "thread"]]).isin(
        pd.MultiIndex.from_frame(later[["task", "key", "thread"]])
    )
    twice = boxes.duplicated(["sequence", "frame", "key"]) & boxes["key"].notna()
    return pd.Series(of_copy, index=boxes.index) | twice


def _beside_in_time(boxes: pd.DataFrame, frames: pd.DataFrame, problems: Problems) -> pd.DataFrame:
    """Take new boxes for the objects they overlap on the frame before or after."""
    track = boxes["track"].astype(object).copy()
    sides = boxes[list(SIDES)].to_numpy(float)
    looked_at = frames.sort_values(["sequence", "frame"])
    number = pd.Series(
        looked_at.groupby("sequence").cumcount().to_numpy(),
        index=pd.MultiIndex.from_frame(looked_at[["sequence", "frame"]]),
    )
    at = number.reindex(pd.MultiIndex.from_frame(boxes[["sequence", "frame"]])).to_numpy()
    rows_at: dict[tuple[str, float], list[int]] = {}
    sequences = boxes["sequence"].tolist()
    for row, place in enumerate(zip(sequences, at.tolist(), strict=True)):
        rows_at.setdefault(place, []).append(row)
    names = dict(zip(_places(frames), frames["image"].tolist(), strict=True))
    new = np.flatnonzero(boxes["track"].isna().to_numpy())
    for row in new[np.lexsort((at[new], np.array(sequences, dtype=object)[new].astype(str)))]:
        here = set(track[rows_at[sequences[row], at[row]]].dropna())
        others = [
            other
            for step in (-1, 1)
            for other in rows_at.get((sequences[row], at[row] + step), [])
            if isinstance(track[other], str)
            and track[other] not in here
            and boxes["label"][other] == boxes["label"][row]
        ]
        if others:
            overlap = pairwise_iou(sides[[row]], sides[others])[0]
            if overlap.max() >= BESIDE:
                track[row] = track[others[int(overlap.argmax())]]
                image = str(names[sequences[row], boxes["frame"][row]]).rpartition("/")[2]
                problems.add(f"frame {image}", f"a new box was taken for {track[row]}; check it")
    return boxes.assign(track=track.astype(TEXT))


def _places(frames: pd.DataFrame) -> list[tuple[str, int]]:
    return list(zip(frames["sequence"].tolist(), frames["frame"].tolist(), strict=True))


def _with_free_names(
    boxes: pd.DataFrame, originals: pd.DataFrame, unknown: pd.Series
) -> pd.DataFrame:
    """Name new objects after their label, with the next number that is free."""
    taken = {name: set(part["track"].dropna()) for name, part in originals.groupby("sequence")}
    names = boxes["track"].astype(object).copy()
    new = boxes[unknown].assign(thread=boxes["thread"].fillna(boxes["key"]))
    new["thread"] = new["thread"].fillna("row " + pd.Series(new.index.astype(str), new.index))
    for (sequence, _, _), part in new.groupby(["sequence", "task", "thread"], sort=False):
        used = taken.setdefault(sequence, set())
        label, number = part["label"].iloc[0], 1
        stem = label if isinstance(label, str) else "object"
        while f"{stem}:{number}" in used:
            number += 1
        used.add(f"{stem}:{number}")
        names[part.index] = f"{stem}:{number}"
    return boxes.assign(track=names.astype(TEXT))
