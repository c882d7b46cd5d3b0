"""Ground Truth sequence files: which frames a video has, and when each was taken."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from annotaudit.errors import LabelFormatError
from annotaudit.formats import columns
from annotaudit.formats.json_text import decode, read_bytes
from annotaudit.formats.problems import Problems, excerpt
from annotaudit.formats.recognise import read_head

_MARK = b'"number-of-frames"'
MAX_NEIGHBOURS = 200  # how many files beside the labels are looked at


def sequence_file_beside(labels: Path) -> Path | None:
    """Find the one sequence file in the folder of a label file; None if there is none, or two."""
    beside = sorted(labels.parent.glob("*.json"))[:MAX_NEIGHBOURS]
    found = [path for path in beside if path != labels and _MARK in read_head(path)]
    return found[0] if len(found) == 1 else None


def add_sequence(
    frames: pd.DataFrame, path: Path, *, every_frame: bool, strict: bool
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Add to the frames table what a sequence file knows, frames matched by image name.

    Parameters
    ----------
    frames : DataFrame
        Of one sequence.
    path : Path
        The sequence file.
    every_frame : bool
        Whether frames that only the sequence file has were looked at too, and get a row. Their
        number is their distance from the frames that both know.
    strict : bool

    Returns
    -------
    frames, problems : DataFrame
        ``time`` is in seconds since the first frame of the sequence; NaN if all have the same
        time stamp, which then is not when they were taken.
    """
    problems = Problems(str(path), strict=strict)
    try:
        listed = _listed(decode(read_bytes(path), str(path)), problems)
    except LabelFormatError as error:
        if strict:
            raise
        problems.add("file", str(error))
        return frames, problems.table()
    stamps = listed["stamp"]
    if stamps.max() > stamps.min():
        time = pd.Series((stamps - stamps.min()).to_numpy(), index=listed["image"])
        frames = frames.assign(time=frames["image"].map(time).astype("float64"))
    if every_frame:
        frames = _with_others(frames, listed, problems)
    return frames, problems.table()


def _listed(content: Any, problems: Problems) -> pd.DataFrame:
    entries = content.get("frames") if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise LabelFormatError(
            f"{problems.source}: found {excerpt(content)} without a list of frames; expected a "
            "sequence file. Leave it out, or name the right file in sequence_file=."
        )
    names: list[str] = []
    stamps: list[float] = []
    for place, entry in enumerate(entries):
        name = entry.get("frame") if isinstance(entry, dict) else None
        if not isinstance(name, str):
            problems.add(f"frame {place}", f"found {excerpt(entry)}; expected a frame with a name")
            continue
        names.append(name)
        stamps.append(_stamp(entry.get("unix-timestamp")))
    listed = pd.DataFrame({"image": columns.text_column(names), "stamp": np.array(stamps, float)})
    again = listed["image"].duplicated()
    for name in listed.loc[again, "image"]:
        problems.add(f"frame {excerpt(name)}", "listed twice; the first is used")
    return listed[~again].reset_index(drop=True)


def _stamp(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    known = abs(value) < columns.MAX_EXACT
    return float(value) if known else math.nan


def _with_others(frames: pd.DataFrame, listed: pd.DataFrame, problems: Problems) -> pd.DataFrame:
    place = frames["image"].map(pd.Series(listed.index, index=listed["image"]))
    shift = (frames["frame"] - place).dropna().unique()
    others = listed[~listed["image"].isin(frames["image"])]
    if not len(others):
        return frames
    if len(shift) != 1:
        problems.add(
            "frames",
            f"{len(others)} frames are only in the sequence file, and where they belong between "
            "the labelled ones is not known: their numbers run differently",
        )
        return frames
    numbers = others.index.to_numpy() + int(shift[0])
    stamps = listed["stamp"]
    rows = pd.DataFrame(
        {
            "sequence": frames["sequence"].iloc[[0] * len(others)].to_numpy(),
            "frame": numbers,
            "image": others["image"].to_numpy(),
            "time": others["stamp"] - stamps.min() if stamps.max() > stamps.min() else np.nan,
        }
    )
    rows = rows[(numbers >= 0) & ~np.isin(numbers, frames["frame"])]
    rows = rows.astype({name: frames[name].dtype for name in rows.columns})
    both = pd.concat([frames, rows.reindex(columns=frames.columns).astype(frames.dtypes)])
    return both.sort_values("frame", kind="stable", ignore_index=True)
