"""What fits into an afternoon: neighbouring findings merged into clips, the best value first."""

from __future__ import annotations

import re
from datetime import timedelta

import numpy as np
import pandas as pd

from annotaudit.boxes import TEXT
from annotaudit.errors import BoxTableError, LimitError

CLIP_COLUMNS = {  # one row per clip
    "sequence": "str",
    "first": "int64",  # frame the clip begins on
    "last": "int64",  # and the one it ends on
    "frames": "int64",  # how many that is
    "findings": "int64",  # how many findings it shows
    "tracks": "str",  # the objects they are about
    "score": "float64",  # mistakes to expect: the sum of the best score of each box
    "reasons": "str",  # what to look for, the most suspicious first
    "minutes": "float64",  # time to look at it
}
REASONS = 3  # as many as a person keeps in mind while the clip plays
_UNITS = {"s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hour": 3600}


def review_queue(
    findings: pd.DataFrame,
    *,
    budget: int | str | timedelta,
    margin: int = 2,
    seconds_per_frame: float = 3.0,
) -> pd.DataFrame:
    """Choose the clips worth the time there is.

    Findings of one sequence whose frames are close become one clip, with a few frames around them
    to see the motion. Clips with the most expected mistakes per frame come first, and those that
    no longer fit the budget are passed over for smaller ones that do.

    Parameters
    ----------
    findings : DataFrame
        What :func:`annotaudit.audit` returned.
    budget : int, str or timedelta
        Frames (``200``) or time (``"30 min"``, ``"1.5 h"``).
    margin : int
        Frames to show before and after a finding.
    seconds_per_frame : float
        How long a person looks at one frame.

    Returns
    -------
    DataFrame
        One row per clip, in the order to look at them; see ``annotaudit.audit.queue.CLIP_COLUMNS``.

    Raises
    ------
    BoxTableError
        If the table is no findings table.
    LimitError
        If the budget, margin or seconds cannot be understood.

    Examples
    --------
    >>> import annotaudit
    >>> car = pd.DataFrame({
    ...     "sequence": "street", "frame": range(90), "track": "car:1", "label": "car",
    ...     "annotator": "ann", "left": 100, "top": 50, "width": 40, "height": 20})
    >>> car.loc[[40, 42, 80], "left"] += 15
    >>> queue = review_queue(annotaudit.audit(car), budget="1 min")
    >>> queue[["first", "last", "frames"]].to_numpy().tolist()
    [[38, 44, 7], [78, 82, 5]]
    """
    needed = ["sequence", "frame", "track", "score", "reason"]
    if missing := [name for name in needed if name not in findings]:
        raise BoxTableError(
            f"The findings lack {missing}; they have {[str(name) for name in findings.columns]}. "
            "Pass what annotaudit.audit() returned."
        )
    if not margin >= 0 or margin != int(margin):
        raise LimitError(f"margin={margin!r}: expected a whole number of frames, 0 or more.")
    if not 0 < seconds_per_frame < np.inf:
        raise LimitError(f"seconds_per_frame={seconds_per_frame!r}: expected a number above 0.")
    allowed = _frames_allowed(budget, seconds_per_frame)
    clips = _clips(findings, int(margin))
    value = clips["score"] / clips["frames"]
    clips = clips.assign(value=value, minutes=clips["frames"] * seconds_per_frame / 60)
    clips = clips.sort_values(
        ["value", "score", "sequence", "first"], ascending=[False, False, True, True]
    )
    chosen = _that_fit(clips["frames"].to_numpy(), allowed)
    return clips.loc[chosen, list(CLIP_COLUMNS)].reset_index(drop=True)


def _frames_allowed(budget: int | str | timedelta, seconds_per_frame: float) -> float:
    if isinstance(budget, timedelta):
        allowed = budget.total_seconds() / seconds_per_frame
    elif isinstance(budget, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+?)s?\s*", budget.lower())
        if not match or match[2] not in _UNITS:
            raise LimitError(
                f"budget={budget!r}: expected frames as a number, or a time such as '30 min' "
                "or '1.5 h'."
            )
        allowed = float(match[1]) * _UNITS[match[2]] / seconds_per_frame
    elif isinstance(budget, int | np.integer) and not isinstance(budget, bool):
        allowed = float(budget)
    else:
        raise LimitError(
            f"budget={budget!r}: expected a whole number of frames, a time such as '30 min', "
            "or a timedelta."
        )
    if not allowed >= 0:
        raise LimitError(f"budget={budget!r}: expected 0 or more.")
    return allowed


def _clips(findings: pd.DataFrame, margin: int) -> pd.DataFrame:
    """Merge findings whose frames, with the margin, touch."""
    found = findings[["sequence", "frame", "track", "score", "reason"]].assign(
        score=findings["score"].fillna(0.0), track=findings["track"].fillna("")
    )
    if "annotator" in findings:
        found["annotator"] = findings["annotator"].fillna("")
    found = found.sort_values(["sequence", "frame"], kind="stable", ignore_index=True)
    apart = found["frame"].diff() > 2 * margin + 1
    clip = ((found["sequence"] != found["sequence"].shift()) | apart).cumsum()
    found = found.assign(clip=clip)
    # Several rules may name one box: that is one mistake to expect, not several.
    box = [name for name in ("clip", "frame", "track", "annotator") if name in found]
    best = found.groupby(box, sort=False)["score"].max().groupby(level="clip").sum()
    by_clip = found.groupby("clip")
    first = (by_clip["frame"].min() - margin).clip(lower=0)
    last = by_clip["frame"].max() + margin
    worst_first = found.sort_values(["clip", "score", "frame", "track"], ascending=[1, 0, 1, 1])
    spoken = worst_first[worst_first.groupby("clip").cumcount() < REASONS]
    spoken = spoken.assign(text=spoken["track"] + ", frame " + spoken["frame"].astype(TEXT) + ": ")
    spoken = spoken.assign(text=spoken["text"].str.removeprefix(", ") + spoken["reason"])
    tracks = found[found["track"] != ""].drop_duplicates(["clip", "track"])
    return pd.DataFrame(
        {
            "sequence": by_clip["sequence"].first().astype(TEXT),
            "first": first,
            "last": last,
            "frames": last - first + 1,
            "findings": by_clip.size(),
            "tracks": tracks.groupby("clip")["track"].agg(", ".join).astype(TEXT),
            "score": best,
            "reasons": spoken.groupby("clip")["text"].agg(" ".join).astype(TEXT),
        }
    )


def _that_fit(frames: np.ndarray, allowed: float) -> np.ndarray:
    """Take clips in order as long as they fit; one that does not leaves room for later ones."""
    chosen = np.zeros(len(frames), dtype=bool)
    left = allowed
    for at, length in enumerate(frames):  # few: clips, not boxes
        if length <= left:
            chosen[at] = True
            left -= length
    return chosen
