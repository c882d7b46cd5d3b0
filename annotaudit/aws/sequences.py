"""The files that tell Ground Truth what to show: frames of a sequence, and labels on them."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from annotaudit.boxes import TEXT
from annotaudit.errors import LabelFormatError
from annotaudit.formats.seq_label import LISTS, write_sequence
from annotaudit.frames.matching import list_images


def file_names(images: pd.Series, *, sequence: str) -> list[str]:
    """Return the file names of frames, which Ground Truth shows in the order of their bytes.

    Parameters
    ----------
    images : Series of str
        Path or address of the image of each frame, in the order of the frames.
    sequence : str
        For messages.

    Returns
    -------
    list of str

    Raises
    ------
    LabelFormatError
        If a name is missing or there twice, or the names stand in another order than the frames:
        a worker would see the frames shuffled.

    Examples
    --------
    >>> file_names(pd.Series(["img1/frame2.jpg", "img1/frame10.jpg"]), sequence="hall")
    Traceback (most recent call last):
    annotaudit.errors.LabelFormatError: Sequence 'hall': frame10.jpg comes before frame2.jpg in...
    """
    if images.isna().any():
        raise LabelFormatError(
            f"Sequence {sequence!r}: {int(images.isna().sum())} frames have no file name. Load the "
            "labels with frames=, the folder of the images."
        )
    names: list[str] = images.str.replace("\\", "/", regex=False).str.rpartition("/")[2].tolist()
    in_order = sorted(names, key=lambda name: name.encode())
    if names != in_order:
        place = next(n for n, name in enumerate(names) if name != in_order[n])
        raise LabelFormatError(
            f"Sequence {sequence!r}: {in_order[place]} comes before {names[place]} in the order of "
            "the bytes of the names, in which Ground Truth shows frames, but not in the order of "
            "the frames. Rename the files with leading zeros, as in 000002.jpg."
        )
    if len(set(names)) < len(names):
        raise LabelFormatError(f"Sequence {sequence!r}: two frames have the same file name.")
    return names


def sequence_content(
    names: Sequence[str],
    *,
    number: int,
    prefix: str,
    times: Sequence[float] | None = None,
) -> dict[str, Any]:
    """Make the content of a sequence file.

    Parameters
    ----------
    names : list of str
        File names, in the order of their bytes.
    number : int
        Of the sequence in its manifest.
    prefix : str
        ``s3://`` folder of the frames, with or without the slash at its end.
    times : list of float, optional
        When each was taken, in seconds; frames whose time is NaN get none.

    Examples
    --------
    >>> content = sequence_content(
    ...     ["1.jpg", "2.jpg"], number=1, prefix="s3://b/hall", times=[0, 0.04])
    >>> content["prefix"], content["number-of-frames"], content["frames"][1]
    ('s3://b/hall/', 2, {'frame-no': 1, 'frame': '2.jpg', 'unix-timestamp': 0.04})
    """
    frames: list[dict[str, Any]] = [
        {"frame-no": place, "frame": name} for place, name in enumerate(names)
    ]
    for frame, time in zip(frames, times or [math.nan] * len(frames), strict=True):
        if not math.isnan(time):
            frame["unix-timestamp"] = time
    return {
        "seq-no": number,
        "prefix": prefix.rstrip("/") + "/",
        "number-of-frames": len(frames),
        "frames": frames,
    }


def make_sequence(
    folder: str | os.PathLike[str], *, prefix: str, fps: float | None = None, number: int = 1
) -> dict[str, Any]:
    """Make the content of a sequence file from a folder of anyone's frames.

    Parameters
    ----------
    folder : path
        Holds the images, one per frame.
    prefix : str
        ``s3://`` folder they are, or will be, in.
    fps : float, optional
        Frames per second: gives the time each was taken, from 0.
    number : int
        Of the sequence in its manifest.

    Returns
    -------
    dict

    Raises
    ------
    FrameError
        If there are no images.
    LabelFormatError
        If their names stand in another order than people count in: ``frame10.jpg`` would be shown
        before ``frame2.jpg``.
    """
    images = list_images(folder)
    paths = pd.Series([os.fspath(image) for image in images], dtype=TEXT)
    names = file_names(paths, sequence=Path(folder).name)
    times = [place / fps for place in range(len(names))] if fps else None
    return sequence_content(names, number=number, prefix=prefix, times=times)


def labels_content(
    boxes: pd.DataFrame, frames: pd.DataFrame, names: Sequence[str], *, target: str
) -> dict[str, Any]:
    """Make the content of a ``SeqLabel.json`` whose frames are numbered as in the sequence file.

    Parameters
    ----------
    boxes, frames : DataFrame
        Of one window of one video, the frames in order.
    names : list of str
        File name of each frame.
    target : str
        For messages.

    Returns
    -------
    dict
        Frame numbers are text or numbers, as they were read.
    """
    number = pd.Series(range(len(frames)), index=frames["frame"].to_numpy())
    renumbered = frames.assign(frame=range(len(frames)), image=list(names))
    content = write_sequence(boxes.assign(frame=boxes["frame"].map(number)), renumbered, target)
    entries = next(content[kind] for kind in LISTS if kind in content)
    known = frames["source_entry"].dropna() if "source_entry" in frames else pd.Series(dtype=object)
    is_text = bool(len(known)) and '"frame-no":"' in known.iloc[0].replace(" ", "")
    for place, (entry, name) in enumerate(zip(entries, names, strict=True)):
        entry["frame-no"] = str(place) if is_text else place
        entry["frame"] = name
    return content
