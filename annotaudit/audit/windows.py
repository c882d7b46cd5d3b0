"""Which frames go back to a person: windows around the findings."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd

from annotaudit.audit.queue import review_queue
from annotaudit.boxes import TEXT, Labels
from annotaudit.errors import LimitError

WINDOW_COLUMNS = ["sequence", "first", "last", "frames", "findings", "tracks", "score"]


def choose_windows(
    labels: Labels,
    findings: pd.DataFrame,
    *,
    margin: int = 3,
    budget: int | str | timedelta | None = None,
    max_frames: int | None = None,
) -> pd.DataFrame:
    """Choose the stretches of video worth sending back, the most mistakes per frame first.

    Parameters
    ----------
    labels : Labels
        With a frames table: a window holds only frames that were looked at.
    findings : DataFrame
        What :func:`annotaudit.audit` returned, or the rows of it that matter.
    margin : int
        Frames before and after a finding, so that whoever corrects it sees the motion.
    budget : int, str or timedelta, optional
        Frames or time in all, as for :func:`annotaudit.review_queue`. By default no limit.
    max_frames : int, optional
        Where a window would be longer, it is cut into several.

    Returns
    -------
    DataFrame
        One row per window: ``sequence``, ``first`` and ``last`` frame, ``frames`` looked at from
        one to the other, ``findings``, ``tracks`` and ``score``.

    Examples
    --------
    >>> import annotaudit
    >>> car = pd.DataFrame({
    ...     "sequence": "street", "frame": range(90), "track": "car:1", "label": "car",
    ...     "annotator": "ann", "left": 100.0, "top": 50, "width": 40, "height": 20})
    >>> car.loc[[2, 40], "left"] += 15
    >>> findings = annotaudit.audit(car)
    >>> frames = car[["sequence", "frame"]]
    >>> windows = choose_windows(annotaudit.Labels(car, frames), findings)
    >>> windows[["first", "last"]].to_numpy().tolist()
    [[0, 5], [37, 43]]
    """
    if not {"sequence", "frame"} <= set(labels.frames):
        raise LimitError(
            "The labels have no table of frames, so nobody knows which were looked at. Load them "
            "with annotaudit.load(), or give Labels(boxes, frames)."
        )
    looked_at = labels.frames[["sequence", "frame"]].sort_values(["sequence", "frame"])
    everything = max(len(looked_at), 1) * (2 * margin + 1)
    queue = review_queue(findings, budget=everything if budget is None else budget, margin=margin)
    rows = []
    for clip in queue.itertuples():  # few: windows, not boxes
        frames = looked_at.loc[looked_at["sequence"] == clip.sequence, "frame"]
        inside = frames[frames.between(clip.first, clip.last)]
        longest = max_frames or max(len(inside), 1)
        for start in range(0, len(inside), longest):
            part = inside.iloc[start : start + longest]
            rows.append((clip.sequence, part.iloc[0], part.iloc[-1], len(part), clip))
    table = pd.DataFrame(
        [(*row[:4], row[4].findings, row[4].tracks, row[4].score) for row in rows],
        columns=WINDOW_COLUMNS,
    )
    numbers = dict.fromkeys(["first", "last", "frames", "findings"], np.int64)
    return table.astype({"sequence": TEXT, "tracks": TEXT, "score": np.float64, **numbers})


def whole_sequences(labels: Labels) -> pd.DataFrame:
    """Return one window per sequence: all of its frames.

    Parameters
    ----------
    labels : Labels
    """
    by_sequence = labels.frames.groupby("sequence", sort=False)["frame"]
    table = by_sequence.agg(["min", "max", "size"]).reset_index()
    table.columns = pd.Index(["sequence", "first", "last", "frames"])
    return table.assign(
        findings=0, tracks=pd.Series("", index=table.index, dtype=TEXT), score=np.nan
    )
