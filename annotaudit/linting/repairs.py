"""Safe repairs, one by one: what they change, and what they leave to a person."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from annotaudit.boxes import SIDES, TEXT, Labels, empty_table
from annotaudit.frames import FRAME_COLUMNS
from annotaudit.linting.names import known_classes, spellings
from annotaudit.linting.numbering import off_by_one, real_frames
from annotaudit.linting.outside import clipped
from annotaudit.linting.single_boxes import is_empty
from annotaudit.linting.subject import Subject
from annotaudit.metrics.order import Bools

CHANGE_COLUMNS = {
    "fix": "str",  # name of the repair
    "what": "str",  # "box removed", "box changed" or "frame removed"
    "sequence": "str",
    "frame": "int64",  # before the repair
    "track": "str",
    "label": "str",
    "annotator": "str",
    "before": "str",
    "after": "str",  # missing where something was removed
    "why": "str",
}
Repaired = tuple[Labels, pd.DataFrame]


@dataclass(frozen=True)
class Repair:
    """A repair that loses nothing a person would miss.

    Parameters
    ----------
    name : str
    what : str
        In a few words, for help and documentation.
    apply : function
        Takes labels and their ``Subject``; returns new labels and what changed, as
        ``CHANGE_COLUMNS``. Labels it has repaired are left as they are.
    """

    name: str
    what: str
    apply: Callable[[Labels, Subject], Repaired]


def drop_copies(labels: Labels, subject: Subject) -> Repaired:
    """Remove rows that repeat an earlier one in every column but the ids of the source."""
    return _without(
        labels, subject.copies, "drop_copies", "The same row stands in the labels before."
    )


def drop_empty(labels: Labels, subject: Subject) -> Repaired:
    """Remove boxes with a side of zero, and those without any number; they show nothing."""
    return _without(labels, is_empty(subject.sides), "drop_empty", "It encloses no area.")


def _without(labels: Labels, gone: Bools, name: str, why: str) -> Repaired:
    if not gone.any():
        return labels, empty_table(CHANGE_COLUMNS)
    changes = _changes(
        labels.boxes[gone], name, "box removed", before=_sides(labels.boxes[gone]), why=why
    )
    return replace(labels, boxes=labels.boxes[~gone]), changes


def clip(labels: Labels, subject: Subject) -> Repaired:
    """End boxes at the border of their image, unless drawing past it is the annotator's style.

    A box that lies outside for the most part is left to a person, and so are all boxes of an
    annotator and sequence where more are drawn past the border than end at it.
    """
    rows = subject.outside.out & ~subject.outside.style
    if not rows.any():
        return labels, empty_table(CHANGE_COLUMNS)
    old = subject.sides[:, rows]
    new = clipped(old, subject.image_size[:, rows])
    boxes = labels.boxes.copy()
    for side, values in zip(SIDES, new, strict=True):
        column = boxes[side].to_numpy(copy=True)
        column[rows] = values
        boxes[side] = column
    before, after = _changed_sides(old, new)
    changes = _changes(
        labels.boxes[rows], "clip", "box changed", before=before, after=after,
        why="It reaches beyond the border of the image.",
    )  # fmt: skip
    return replace(labels, boxes=boxes), changes


def label_case(labels: Labels, subject: Subject) -> Repaired:
    """Give labels that differ only in case, spaces, hyphens or underscores one spelling.

    The declared one, or that of most boxes. Nothing is done where neither decides, or where the
    spellings are classes of their own, with numbers of their own.
    """
    table = spellings(labels.boxes, known_classes(subject))
    table = table[table["safe"].astype(bool)]
    table = table[table["label"] != table["usual"]]
    usual = dict(zip(table["label"], table["usual"], strict=True))
    rows = labels.boxes["label"].isin(usual).to_numpy()
    if not rows.any():
        return labels, empty_table(CHANGE_COLUMNS)
    old = labels.boxes["label"][rows]
    new = old.map(usual).astype(TEXT)
    renamed = labels.boxes["label"].to_numpy(dtype=object, copy=True)
    renamed[rows] = new.to_numpy(dtype=object)
    boxes = labels.boxes.assign(
        label=pd.Series(renamed, index=labels.boxes.index).astype(labels.boxes["label"].dtype)
    )
    changes = _changes(
        labels.boxes[rows], "label_case", "box changed",
        before=[f"label {label!r}" for label in old], after=[f"label {label!r}" for label in new],
        why="Most boxes, or the declared classes, spell it so.",
    )  # fmt: skip
    return replace(labels, boxes=boxes), changes


def renumber(labels: Labels, subject: Subject) -> Repaired:
    """Move the boxes of a sequence by one frame, where only that puts all of them on frames.

    Rows of the table of frames that stood only for the misplaced boxes, and tell nothing
    themselves, go with them.
    """
    shifts = off_by_one(subject)
    if not shifts:
        return labels, empty_table(CHANGE_COLUMNS)
    shift = subject.boxes["sequence"].map(shifts).fillna(0).to_numpy(dtype=np.int64)
    rows = shift != 0
    frame = labels.boxes["frame"].to_numpy() + shift
    boxes = labels.boxes.assign(frame=frame)
    moved = _changes(
        labels.boxes[rows], "renumber", "box changed",
        before=[f"frame {n}" for n in labels.boxes["frame"][rows]],
        after=[f"frame {n}" for n in frame[rows]],
        why="Moved by one, every box of the sequence lies on a frame there is.",
    )  # fmt: skip
    gone = _vacated(labels.frames, subject, set(shifts), boxes)
    vacated = _changes(
        labels.frames[gone], "renumber", "frame removed",
        before=["listed, no picture there"] * int(gone.sum()), why="It was listed for its boxes.",
    )  # fmt: skip
    changes = pd.concat([moved, vacated], ignore_index=True)
    return replace(labels, boxes=boxes, frames=labels.frames[~gone]), changes


def _vacated(frames: pd.DataFrame, subject: Subject, sequences: set[str], boxes: Any) -> Bools:
    """Tell which rows of the table of frames only the misplaced boxes had asked for."""
    if not {"sequence", "frame"} <= set(frames):
        return np.zeros(len(frames), dtype=bool)
    places = pd.MultiIndex.from_frame(frames[["sequence", "frame"]])
    kept = pd.MultiIndex.from_frame(real_frames(subject)).union(
        pd.MultiIndex.from_frame(boxes[["sequence", "frame"]].drop_duplicates())
    )
    more = [name for name in frames if name not in FRAME_COLUMNS]
    silent = frames[more].isna().all(axis=1).to_numpy()
    gone: Bools = frames["sequence"].isin(sequences).to_numpy() & ~places.isin(kept) & silent
    return gone


def _changes(
    rows: pd.DataFrame,
    fix: str,
    what: str,
    *,
    before: Sequence[str],
    why: str,
    after: Sequence[str] | None = None,
) -> pd.DataFrame:
    n = len(rows)
    known = {
        name: rows[name].to_numpy(dtype=object) if name in rows else [None] * n
        for name in ("sequence", "track", "label", "annotator")
    }
    table = pd.DataFrame(
        {
            **known,
            "frame": rows["frame"].to_numpy(),
            "fix": fix,
            "what": what,
            "before": list(before),
            "after": [None] * n if after is None else list(after),
            "why": why,
        }
    )
    kinds = {name: TEXT if kind == "str" else kind for name, kind in CHANGE_COLUMNS.items()}
    return table.astype(kinds)[list(CHANGE_COLUMNS)]


def _sides(boxes: pd.DataFrame) -> list[str]:
    return [
        ", ".join(f"{side} {value:.6g}" for side, value in zip(SIDES, box, strict=True))
        for box in boxes[list(SIDES)].to_numpy()
    ]


def _changed_sides(old: np.ndarray, new: np.ndarray) -> tuple[list[str], list[str]]:
    texts: tuple[list[str], list[str]] = ([], [])
    for was, now in zip(old.T, new.T, strict=True):
        changed = was != now
        for text, box in zip(texts, (was, now), strict=True):
            parts = [f"{SIDES[at]} {box[at]:.6g}" for at in np.flatnonzero(changed)]
            text.append(", ".join(parts))
    return texts


REPAIRS: tuple[Repair, ...] = (
    Repair("drop_copies", "removes rows that stand there twice", drop_copies),
    Repair("drop_empty", "removes boxes without an area", drop_empty),
    Repair("renumber", "moves boxes that are one frame off", renumber),
    Repair("clip", "ends boxes at the border of the image", clip),
    Repair("label_case", "gives labels one spelling", label_case),
)
