"""Names of pictures: the numbers in them, and whether there are such files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

FEW = 5  # frames; from fewer, nothing is said about how names count
MAX_FOLDERS = 200  # folders of pictures that are looked through


def image_numbers(frames: pd.DataFrame) -> pd.DataFrame:
    """Read the number in each image's name, and what stands before it.

    Examples
    --------
    >>> image_numbers(pd.DataFrame({"image": ["img1/cam2_000031.jpg"]})).to_numpy().tolist()
    [['img1/cam2_', 31.0]]
    """
    stem = frames["image"].str.replace(r"\.[^./]*$", "", regex=True)
    found = stem.str.extract(r"^(?P<before>.*?)(?P<number>\d{1,15})\D*$")
    return found.assign(number=pd.to_numeric(found["number"]).astype("float64"))


def image_steps(frames: pd.DataFrame) -> pd.DataFrame:
    """Tell by how many numbers the image names of each sequence step from frame to frame.

    Parameters
    ----------
    frames : DataFrame
        By sequence and frame.

    Returns
    -------
    DataFrame
        The frames of sequences whose image names all have a number after the same text:
        ``sequence``, ``frame``, ``image``, ``number``, ``step`` (numbers a frame, since the frame
        before), ``usual`` (the median of the sequence), ``before_number``, ``before_frame``.
    """
    table = frames[["sequence", "frame", "image"]].join(image_numbers(frames))
    by_sequence = table.groupby("sequence")
    counts = (
        by_sequence["number"].transform("count").eq(by_sequence["frame"].transform("size"))
        & by_sequence["before"].transform("nunique").eq(1)
        & by_sequence["frame"].transform("size").ge(FEW)
    )
    table = table[counts]
    steps = table.groupby("sequence")[["frame", "number"]].diff()
    table = table.assign(
        step=steps["number"] / steps["frame"],
        before_number=table["number"] - steps["number"],
        before_frame=table["frame"] - steps["frame"],
    )
    return table.assign(usual=table.groupby("sequence")["step"].transform("median"))


def on_disk(frames: pd.DataFrame) -> pd.DataFrame:
    """Look up the pictures that are named by a path into a folder that exists.

    Returns
    -------
    DataFrame
        Those frames, with their ``folder`` and whether the picture is ``there``.
    """
    named = frames["image"].notna() & ~frames["image"].str.contains("://", regex=False).eq(True)
    table = frames[named]
    folder = table["image"].str.replace(r"[^/]*$", "", regex=True)
    reachable = {}
    for name in folder.unique()[:MAX_FOLDERS]:
        path = Path(name or ".")
        # A bare name says nothing of where the picture is.
        reachable[name] = {each.name for each in path.iterdir()} if name and path.is_dir() else None
    known = [reachable.get(name) for name in folder]
    last = table["image"].str.replace(r"^.*/", "", regex=True)
    there = np.array(
        [files is not None and name in files for files, name in zip(known, last, strict=True)],
        dtype=bool,
    )
    found = np.array([files is not None for files in known], dtype=bool)
    return table.assign(folder=folder, there=there)[found]
