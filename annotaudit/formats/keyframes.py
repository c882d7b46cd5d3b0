"""Boxes between keyframes: worked out when loading, told from corrected ones when saving."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from annotaudit.boxes import SIDES
from annotaudit.errors import LabelFormatError

MAX_FILLED = 20_000_000  # boxes; more are a mistake, or an attack
TOLERANCE = 0.011  # pixels: CVAT writes boxes between keyframes with two decimals


def fill_in(
    table: pd.DataFrame, keys: list[str], goes_on: NDArray[np.bool_], length: NDArray[np.int64]
) -> pd.DataFrame:
    """Add the boxes that lie between two of a file, and after the last one.

    Parameters
    ----------
    table : DataFrame
        Boxes of tracks, with ``keyframe``.
    keys : list of str
        Columns that name a track.
    goes_on : bool array
        Whether the object is there up to its next box, or to the end.
    length : int array
        How many frames there are where the box is; -1 if unknown, and nothing is added at the end.

    Returns
    -------
    DataFrame
        Each added box after the one it continues, ``keyframe`` false.
    """
    frame = table["frame"].to_numpy()
    here, then = _pairs(table, keys)
    to_next = np.full(len(table), -1, dtype=np.int64)
    to_next[here] = frame[then] - frame[here]
    has_next = to_next >= 0
    span = np.where(length >= 0, length - frame, 1)
    np.copyto(span, to_next, where=has_next)
    np.copyto(span, 1, where=~goes_on | (span < 1))
    if (n := int(span.sum()) - len(table)) > MAX_FILLED:
        raise LabelFormatError(
            f"The keyframes leave {n:,} boxes to be worked out; at most {MAX_FILLED:,} are. "
            "Correct the frame numbers, or load with interpolate=False."
        )
    if n == 0:
        return table
    following = np.arange(len(table))
    following[here] = then
    origin = np.repeat(np.arange(len(table)), span)
    steps = np.arange(len(origin)) - np.repeat(np.cumsum(span) - span, span)
    share = steps / np.maximum(to_next, 1)[origin]
    filled = table.iloc[origin].reset_index(drop=True)
    for side in SIDES:
        value = table[side].to_numpy()
        change = np.where(has_next, value[following] - value, 0)
        # Where nothing is added the value stays as it was read, to the last digit.
        filled[side] = np.where(steps > 0, value[origin] + share * change[origin], value[origin])
    filled["frame"] += steps
    filled["keyframe"] &= steps == 0
    return filled


def _pairs(table: pd.DataFrame, keys: list[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of boxes that have a next one in their track, and rows of those."""
    is_number = len(keys) == 1 and table[keys[0]].dtype.kind == "i"
    codes = (
        table[keys[0]].to_numpy()
        if is_number
        else table.groupby(keys, dropna=False, sort=False).ngroup().to_numpy()
    )
    frame = table["frame"].to_numpy()
    same = codes[1:] == codes[:-1]
    rises = (codes[1:] > codes[:-1]) | (same & (frame[1:] >= frame[:-1]))
    if rises.all():  # as most files are
        here = np.flatnonzero(same)
        return here, here + 1
    order = np.lexsort((frame, codes))
    same = codes[order][1:] == codes[order][:-1]
    return order[:-1][same], order[1:][same]


def find_keyframes(boxes: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Order boxes by track and tell which of them are keyframes.

    Parameters
    ----------
    boxes : DataFrame
        ``keyframe`` false, where there is the column, means that a box may be worked out.
    keys : list of str
        Columns that name a track.

    Returns
    -------
    DataFrame
        By track in order of appearance, then frame; with ``track_place``, ``begins``, ``ends`` of
        an unbroken run of frames, and ``keyframe``: false if the keyframes around say the same.
    """
    codes = boxes.groupby(keys, dropna=False, sort=False).ngroup().to_numpy()
    order = np.lexsort((boxes["frame"].to_numpy(), codes))
    table, codes = boxes.iloc[order].reset_index(drop=True), codes[order]
    goes_on = (codes[1:] == codes[:-1]) & (np.diff(table["frame"].to_numpy()) <= 1)
    begins = np.append(True, ~goes_on)[: len(table)]
    ends = np.append(~goes_on, True)[: len(table)]
    is_key = np.ones(len(table), dtype=bool)
    if "keyframe" in table:
        is_key = table["keyframe"].astype("boolean").fillna(True).to_numpy(dtype=bool)
    is_key = is_key | begins
    if len(table):
        is_key |= _moved(table, np.cumsum(begins), is_key)
    return table.assign(track_place=codes, begins=begins, ends=ends, keyframe=is_key)


def _moved(
    table: pd.DataFrame, run: NDArray[np.int64], is_key: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Whether a box is not where the keyframes before and after put it."""
    rows = np.arange(len(table))
    before = np.maximum.accumulate(np.where(is_key, rows, 0))
    after = np.minimum.accumulate(np.where(is_key, rows, len(table))[::-1])[::-1]
    after = np.minimum(after, len(table) - 1)
    has_after = is_key[after] & (run[after] == run)
    frame = table["frame"].to_numpy()
    span = np.where(has_after, frame[after] - frame[before], 1)
    share = (frame - frame[before]) / np.maximum(span, 1)
    moved = np.zeros(len(table), dtype=bool)
    for side in SIDES:
        value = table[side].to_numpy()
        change = np.where(has_after, value[after] - value[before], 0)
        moved |= np.abs(value[before] + share * change - value) > TOLERANCE
    return moved
