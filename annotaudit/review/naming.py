"""Names of objects that are put right from a frame on, not on that frame alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from annotaudit.boxes import OBJECT, TEXT

HERE = ["sequence", "annotator", "frame"]


def carry_on(
    boxes: pd.DataFrame, names: pd.Series, told: NDArray[np.intp], holds: NDArray[np.bool_]
) -> tuple[pd.Series, pd.DataFrame]:
    """Let names hold for the rest of an object.

    A name holds until the next one that holds for the same object, or until a frame where the
    object of that name has a box of its own: nothing is in two places at once.

    Parameters
    ----------
    boxes : DataFrame
        As they were judged.
    names : Series
        The track of each box after what was told of it alone.
    told : int array
        Rows of boxes whose name somebody has said; what they said stays.
    holds : bool array
        Of those rows, whether the name holds from there on.

    Returns
    -------
    names : Series
    ends : DataFrame
        A row for each name that could not hold to the end: ``sequence``, ``track`` (as it was),
        ``name``, ``frame`` where it was told and ``end``, the first frame where it no longer holds.
    """
    if not holds.any():
        return names, pd.DataFrame(columns=["sequence", "track", "name", "frame", "end"])
    rows = pd.RangeIndex(len(boxes))
    table = boxes[[*OBJECT, "frame"]].set_axis(rows)
    table["now"] = names.set_axis(rows)
    table["row"] = pd.Series(rows, index=rows).where(rows.isin(told[holds])).astype("float64")
    about = table["track"].isin(table["track"].iloc[told[holds]])
    near = table[about | table["now"].isin(table["now"].iloc[told[holds]])]
    near = near.sort_values("frame", kind="stable")
    # Which row told the name that a box would take; objects without a name go nowhere.
    near = near.assign(row=near.groupby(list(OBJECT))["row"].ffill())
    near["row"] = near["row"].mask(near.index.isin(told))
    ends: dict[float, int] = {}
    while True:
        name = table["now"].reindex(near["row"].fillna(-1)).set_axis(near.index)
        carried = near["row"].notna()
        near = near.assign(named=name.where(carried, near["now"]).astype(TEXT))
        objects = near.groupby([*HERE, "named"], dropna=False)["track"].transform("nunique")
        clash = near[carried & objects.gt(1)]
        if clash.empty:
            break
        end = clash.groupby("row")["frame"].min()
        ends |= end.to_dict()
        over = near["frame"] >= near["row"].map(end)  # false where nothing is carried
        near["row"] = near["row"].mask(over)
    table.loc[near.index, "now"] = near["named"]
    at = table.loc[[int(row) for row in ends], ["sequence", "track", "now", "frame"]].rename(
        columns={"now": "name"}
    )
    kept = table["now"].astype(names.dtype).set_axis(names.index)
    return kept, at.assign(end=list(ends.values()))
