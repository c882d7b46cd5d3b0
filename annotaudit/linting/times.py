"""Rules about when frames were taken."""

from __future__ import annotations

import numpy as np
import pandas as pd

from annotaudit.linting.findings import about_places, looked_up, no_findings
from annotaudit.linting.subject import Subject


def _timed(subject: Subject) -> pd.DataFrame:
    """Frames whose time is known, with seconds per frame since the one before."""
    known = subject.frames.dropna(subset="time")
    by_sequence = known.groupby("sequence")
    frames, times = by_sequence["frame"].diff(), by_sequence["time"].diff()
    table = known.assign(step=times / frames, before=known["frame"] - frames)
    ahead = table["step"].where(table["step"] > 0)
    return table.assign(usual=ahead.groupby(table["sequence"]).transform("median"))


def find_no_times(subject: Subject) -> pd.DataFrame:
    """Say which videos tell nothing of their times, or their rate."""
    known = subject.frames.dropna(subset="time")["sequence"].unique()
    first = subject.moments.groupby("sequence", as_index=False).first()
    timed = first["sequence"].isin(known)
    places = first[first["sequence"].isin(subject.tracked) & ~timed]
    return about_places(
        places,
        about="sequence",
        value=np.nan,
        limit=np.nan,
        unit="",
        reason=[
            "No frame has a time, so speeds are per frame and the rate is a guess; give it: a "
            "seqinfo.ini, a sequence file, or a time column in the table of frames."
        ]
        * len(places),
    )


def find_times_back(subject: Subject) -> pd.DataFrame:
    """Find frames that were taken before, or at the same time as, the frame before them."""
    table = _timed(subject)
    wrong = table[table["step"] <= 0]
    return about_places(
        wrong,
        about="frame",
        value=wrong["step"],
        limit=0,
        unit="s a frame",
        reason=[
            f"Frame {frame} was taken {'at the same time as' if step == 0 else 'before'} frame "
            f"{before:.0f} ({time:.6g} s): repeated frames, a clock set back, or names in the "
            "wrong order."
            for frame, before, step, time in zip(
                wrong["frame"], wrong["before"], wrong["step"], wrong["time"], strict=True
            )
        ],
    )


def find_uneven_times(subject: Subject) -> pd.DataFrame:
    """Find videos whose frames are not taken at an even rate."""
    table = _timed(subject)
    limit = subject.limits.others.max_jitter
    off = (table["step"] / table["usual"] - 1).abs()
    uneven = table.assign(off=off)[(off > limit) & (table["step"] > 0)]
    worst = uneven.sort_values(["sequence", "off", "frame"], ascending=[True, False, True])
    worst = worst.groupby("sequence", as_index=False).first()
    count = uneven.groupby("sequence").size().to_numpy()
    return about_places(
        worst,
        about="sequence",
        value=worst["off"],
        limit=limit,
        unit="share of the usual step",
        reason=[
            f"{n:,} steps between frames are not the usual {usual:.4g} s, worst before frame "
            f"{frame} ({step:.4g} s): frames were dropped, or the times are when files were "
            "written. A fixed rate is wrong here."
            for n, usual, frame, step in zip(
                count, worst["usual"], worst["frame"], worst["step"], strict=True
            )
        ],
    )


def find_rates_differ(subject: Subject) -> pd.DataFrame:
    """Find sequences whose rate is far from that of the others, as in other units."""
    rate = _timed(subject).groupby("sequence")["usual"].first().dropna()
    if len(rate) < 3:
        return no_findings()
    usual = rate.median()
    odd = rate[(rate / usual > 20) | (usual / rate > 20)]
    first = subject.frames.groupby("sequence", as_index=False).first()
    places = first[first["sequence"].isin(odd.index)]
    return about_places(
        places,
        about="sequence",
        value=looked_up(places["sequence"], odd),
        limit=usual,
        unit="s a frame",
        reason=[
            f"Its frames are {odd[name]:.4g} s apart, those of the others {usual:.4g} s: other "
            "units (milliseconds, frame numbers)?"
            for name in places["sequence"]
        ],
    )
