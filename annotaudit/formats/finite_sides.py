"""Sides that a format has no way to write."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from annotaudit.boxes import SIDES
from annotaudit.errors import LabelFormatError


def refuse_unknown_sides(boxes: pd.DataFrame, path: Path) -> None:
    """Raise where a side is unknown or infinite, and name the first box of these.

    Parameters
    ----------
    boxes : DataFrame
        A box table.
    path : Path
        Where it was to be written.

    Raises
    ------
    LabelFormatError
        If a side is no finite number.
    """
    finite = np.isfinite(boxes[list(SIDES)].to_numpy()).all(axis=1)
    if finite.all():
        return
    row = boxes[~finite].iloc[0]
    of = "" if pd.isna(row["track"]) else f" of track {row['track']!r}"
    raise LabelFormatError(
        f"{path}: the box{of} on frame {row['frame']} has a side that is no finite number, which "
        "this format has no way to write. Correct it, or leave the box out."
    )
