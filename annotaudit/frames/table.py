"""The frames table, declared in ``annotaudit.frames.FRAME_COLUMNS``."""

from __future__ import annotations

import numpy as np
import pandas as pd

from annotaudit.errors import FrameError
from annotaudit.frames import FRAME_COLUMNS

# Text with NaN for what is missing: the "str" of pandas 3, which pandas 2.2 knows by another name.
try:
    _TEXT = pd.StringDtype(na_value=np.nan)
except TypeError:
    _TEXT = pd.StringDtype("pyarrow_numpy")


def check_frames(frames: pd.DataFrame) -> pd.DataFrame:
    """Return the frames table with its declared columns and types.

    Parameters
    ----------
    frames : DataFrame
        At least ``sequence`` and ``frame``; what else is declared and missing is filled with
        missing values. Extra columns ride along. The caller's table is not edited.

    Returns
    -------
    DataFrame
        The same rows under the same index.

    Raises
    ------
    FrameError
        If ``sequence`` or ``frame`` is missing, a frame is listed twice, or a column holds the
        wrong kind of value.

    Examples
    --------
    >>> check_frames(pd.DataFrame({"sequence": ["street"], "frame": [0]})).columns.tolist()
    ['sequence', 'frame', 'image', 'image_width', 'image_height', 'time']
    """
    if missing := [name for name in ("sequence", "frame") if name not in frames.columns]:
        raise FrameError(
            f"The frames table lacks {missing}; it has {[str(name) for name in frames.columns]}. "
            "Name the sequence and the position in it, from 0, of each frame."
        )
    typed = {
        name: _with_kind(frames[name], kind)
        if name in frames.columns
        else pd.Series(np.nan, index=frames.index, dtype=_TEXT if kind == "str" else kind)
        for name, kind in FRAME_COLUMNS.items()
    }
    checked = frames.assign(**typed)
    if (twice := checked.duplicated(["sequence", "frame"])).any():
        row = checked[twice].iloc[0]
        raise FrameError(
            f"The frames table lists frame {row['frame']} of sequence {row['sequence']!r} twice; "
            "expected each frame once. Drop the other row."
        )
    return checked


def last_part(images: pd.Series) -> pd.Series:
    r"""Name image files without their folders; what is missing stays so.

    Examples
    --------
    >>> last_part(pd.Series(["img1/a.jpg", r"C:\hall\b.jpg", "c.jpg"])).tolist()
    ['a.jpg', 'b.jpg', 'c.jpg']
    """
    return images.str.replace(r"^.*[/\\]", "", regex=True)


def in_windows(frames: pd.DataFrame, windows: pd.DataFrame) -> pd.Series:
    """Tell of each row with a ``sequence`` and ``frame`` whether it is in one of the windows.

    Parameters
    ----------
    frames, windows : DataFrame

    Examples
    --------
    >>> windows = pd.DataFrame({"sequence": ["a"], "first": [2], "last": [4]})
    >>> frames = pd.DataFrame({"sequence": ["a", "a", "b"], "frame": [1, 2, 3]})
    >>> in_windows(frames, windows).tolist()
    [False, True, False]
    """
    inside = np.zeros(len(frames), dtype=bool)
    frame, rows = frames["frame"].to_numpy(), frames.groupby("sequence").indices
    for name, part in windows.sort_values("first", kind="stable").groupby("sequence"):
        mine = rows.get(name, [])
        furthest = np.maximum.accumulate(part["last"].to_numpy())  # of windows begun so far
        begun = np.searchsorted(part["first"].to_numpy(), frame[mine], side="right")
        inside[mine] = (begun > 0) & (frame[mine] <= furthest[begun - 1])
    return pd.Series(inside, index=frames.index)


def _with_kind(column: pd.Series, kind: str) -> pd.Series:
    try:
        if kind == "str":
            return column.astype(_TEXT)
        whole = kind != "int64" or column.dtype.kind in "iu" or (column == column // 1).all()
        if not whole or column.dtype.kind == "b":
            raise ValueError("expected whole numbers")
        return column.astype(kind)
    except (TypeError, ValueError) as error:
        raise FrameError(
            f"Column {column.name!r} of the frames table: found {column.dtype} values that are "
            f"not {kind} ({error}). Correct the column; see annotaudit.frames.FRAME_COLUMNS."
        ) from error
