"""Tracks of CVAT between their keyframes: boxes worked out, and keyframes found again."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from annotaudit.boxes import SIDES
from annotaudit.errors import LabelFormatError
from annotaudit.formats.cvat_tasks import Tasks

MAX_FILLED = 20_000_000  # boxes; more are a mistake, or an attack
TOLERANCE = 0.011  # pixels: CVAT writes boxes between keyframes with two decimals


def fill_in(table: pd.DataFrame, tasks: Tasks, interpolate: bool) -> pd.DataFrame:
    """Add the boxes between keyframes and after the last, and leave out those that are outside.

    Parameters
    ----------
    table : DataFrame
        Boxes with ``task``, ``keyframe`` and ``outside``.
    tasks : Tasks
        Their length ends the last box of a track.
    interpolate : bool
        Whether to add boxes at all.

    Returns
    -------
    DataFrame
        Each added box after the one it continues.
    """
    if not interpolate:
        return table[~table["outside"]].reset_index(drop=True)
    following = _following(table[["task", "track", "frame"]])
    has_next = following >= 0
    frame = table["frame"].to_numpy()
    to_next = np.where(has_next, frame[following] - frame, 1)
    length = np.array([-1 if n is None else n for n in tasks.lengths])[table["task"]]
    to_end = np.where(length >= 0, length - frame, 1)
    is_shown = ~table["outside"].to_numpy() & table["track"].notna().to_numpy()
    span = np.where(is_shown, np.maximum(np.where(has_next, to_next, to_end), 1), 1)
    if span.sum() - len(table) > MAX_FILLED:
        raise LabelFormatError(
            f"The keyframes leave {span.sum() - len(table):,} boxes to be worked out; at most "
            f"{MAX_FILLED:,} are. Correct the frame numbers, or load with interpolate=False."
        )
    origin = np.repeat(np.arange(len(table)), span)
    steps = np.arange(len(origin)) - np.repeat(np.cumsum(span) - span, span)
    share = steps / np.maximum(to_next, 1)[origin]
    filled = table.iloc[origin].reset_index(drop=True)
    for side in SIDES:
        here = table[side].to_numpy()
        change = np.where(has_next, here[following] - here, 0)
        # Where nothing is added the value stays as it was read, to the last digit.
        filled[side] = np.where(steps > 0, here[origin] + share * change[origin], here[origin])
    filled["frame"] += steps
    filled["keyframe"] &= steps == 0
    return filled[~filled["outside"]].reset_index(drop=True)


def _following(table: pd.DataFrame) -> NDArray[np.int64]:
    """Row of the next box of the same track; -1 for the last."""
    keys = [name for name in table if name != "frame"]
    codes = table.groupby(keys, dropna=False, sort=False).ngroup().to_numpy()
    order = np.lexsort((table["frame"].to_numpy(), codes))
    following = np.full(len(table), -1, dtype=np.int64)
    same = codes[order][1:] == codes[order][:-1]
    following[order[:-1][same]] = order[1:][same]
    return following


def with_keyframes(boxes: pd.DataFrame, frames: pd.DataFrame) -> pd.DataFrame:
    """Add ``keyframe``, and where an object goes an ``outside`` box, as CVAT needs them.

    Parameters
    ----------
    boxes : DataFrame
        With tracks; ``keyframe`` false means that a box may be worked out from others.
    frames : DataFrame
        Tells whether a sequence goes on after the last box.

    Returns
    -------
    DataFrame
        Ordered by track in order of appearance, then frame.
    """
    keys = ["sequence", "track"]
    codes = boxes.groupby(keys, dropna=False, sort=False).ngroup().to_numpy()
    order = np.lexsort((boxes["frame"].to_numpy(), codes))
    table, codes = boxes.iloc[order].reset_index(drop=True), codes[order]
    frame = table["frame"].to_numpy()
    goes_on = np.append((codes[1:] == codes[:-1]) & (np.diff(frame) <= 1), False)
    begins = np.append(True, ~goes_on[:-1])[: len(table)]
    ends = ~goes_on
    is_key = np.ones(len(table), dtype=bool)
    if "keyframe" in table:
        is_key = table["keyframe"].astype("boolean").fillna(True).to_numpy(dtype=bool)
    is_key |= begins
    is_key |= _moved(table, np.cumsum(begins), is_key)
    table = table.assign(track_place=codes, keyframe=is_key, outside=False)
    last_known = frames.groupby("sequence")["frame"].max() if "sequence" in frames else {}
    last = table["sequence"].map(last_known).astype("float64").to_numpy()
    later = np.append(codes[1:] == codes[:-1], False)
    gone = ends & (later | (frame < last))
    leaving = table[gone].assign(keyframe=True, outside=True)
    leaving["frame"] += 1
    both = pd.concat([table, leaving], ignore_index=True)
    return both.sort_values(["track_place", "frame"], kind="stable", ignore_index=True)


def _moved(
    table: pd.DataFrame, run: NDArray[np.int64], is_key: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Whether a box is not where the keyframes before and after put it."""
    rows = np.arange(len(table))
    before = np.maximum.accumulate(np.where(is_key, rows, 0))
    after = np.minimum.accumulate(np.where(is_key, rows, len(table))[::-1])[::-1]
    after = np.where(after < len(table), after, len(table) - 1) if len(table) else after
    has_after = is_key[after] & (run[after] == run) if len(table) else is_key
    frame = table["frame"].to_numpy()
    span = np.where(has_after, frame[after] - frame[before], 1)
    share = (frame - frame[before]) / np.maximum(span, 1)
    moved = np.zeros(len(table), dtype=bool)
    for side in SIDES:
        value = table[side].to_numpy()
        change = np.where(has_after, value[after] - value[before], 0)
        moved |= np.abs(value[before] + share * change - value) > TOLERANCE
    return moved
