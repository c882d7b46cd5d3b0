"""Tracks of CVAT: where an object is shown, and where it is ``outside``."""

from __future__ import annotations

import numpy as np
import pandas as pd

from annotaudit.formats import keyframes
from annotaudit.formats.cvat.tasks import Tasks


def fill_in(table: pd.DataFrame, tasks: Tasks, interpolate: bool) -> pd.DataFrame:
    """Add the boxes between keyframes and after the last, and leave out those that are outside.

    Parameters
    ----------
    table : DataFrame
        Boxes with ``task``, ``track`` in categories, ``keyframe`` and ``outside``; used up.
    tasks : Tasks
        Their length ends the last box of a track.
    interpolate : bool
        Whether to add boxes at all.
    """
    if interpolate:
        length = np.array([-1 if n is None else n for n in tasks.lengths])
        codes = table["track"].cat.codes.to_numpy()
        shown = ~table["outside"].to_numpy() & (codes >= 0)
        of_object = codes
        if len(length) > 1:
            task = table["task"].to_numpy()
            of_object = task * (int(codes.max(initial=0)) + 2) + codes
            length = length[task]
        found = {name: table.pop(name) for name in list(table)}
        table = pd.DataFrame(found | {"object": of_object}, copy=False)
        del found
        table = keyframes.fill_in(table, ["object"], shown, length)
    shown = ~table["outside"].to_numpy()
    # One column at a time: a long table is not in memory twice.
    return pd.DataFrame({name: table.pop(name).array[shown] for name in list(table)}, copy=False)


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
    table = keyframes.find_keyframes(boxes, ["sequence", "track"]).assign(outside=False)
    place = table["track_place"].to_numpy()
    last_known = frames.groupby("sequence")["frame"].max() if "sequence" in frames else {}
    last = table["sequence"].map(last_known).astype("float64").to_numpy()
    comes_back = np.append(place[1:] == place[:-1], False)[: len(table)]
    gone = table["ends"].to_numpy() & (comes_back | (table["frame"].to_numpy() < last))
    leaving = table[gone].assign(keyframe=True, outside=True)
    leaving["frame"] += 1
    leaving = leaving.drop(columns="extra", errors="ignore")  # said of the box before it
    both = pd.concat([table, leaving], ignore_index=True)
    return both.sort_values(["track_place", "frame"], kind="stable", ignore_index=True)
