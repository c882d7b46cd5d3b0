"""The files that tell Ground Truth what to show: frames of a sequence, and labels on them."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from annotaudit.aws.job_checks import MAX_FRAMES
from annotaudit.boxes import TEXT
from annotaudit.errors import LabelFormatError, LimitError
from annotaudit.formats.ground_truth.seq_label import LISTS, write_sequence
from annotaudit.frames.matching import list_images
from annotaudit.frames.s3_files import split_address
from annotaudit.frames.s3_writing import Progress, upload_new
from annotaudit.frames.table import last_part
from annotaudit.frames.videos import extract_frames


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
    names: list[str] = last_part(images).tolist()
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
    source: str | os.PathLike[str],
    *,
    prefix: str,
    fps: float | None = None,
    number: int = 1,
    folder: str | os.PathLike[str] | None = None,
    step: int = 1,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Make the content of a sequence file from a folder of anyone's frames, or from a video.

    Parameters
    ----------
    source : path
        A folder that holds the images, one per frame; or a video file, whose frames ffmpeg
        writes to ``folder``.
    prefix : str
        ``s3://`` folder they are, or will be, in.
    fps : float, optional
        Of a folder: frames per second, which give the time each was taken, from 0. Of a video: take
        at most this many per second; their times are the video's own.
    number : int
        Of the sequence in its manifest.
    folder : path, optional
        Where the frames of a video go; must not exist, or be empty.
    step : int
        Take every second, third, ... frame.
    progress : callable, optional
        Called with frames written and frames expected in all.

    Returns
    -------
    dict

    Raises
    ------
    FrameError
        If there are no images, or the video cannot be read; see
        :func:`annotaudit.frames.extract_frames`.
    LabelFormatError
        If the names of the images stand in another order than people count in: ``frame10.jpg``
        would be shown before ``frame2.jpg``.
    LimitError
        If there are more frames than Ground Truth shows in one sequence, 2,000.
    """
    split_address(prefix.rstrip("/") + "/frame")
    frames = _frames_of(source, folder, fps=fps, step=step, progress=progress)
    return _content(frames, prefix, number)


def upload_sequence(
    source: str | os.PathLike[str],
    prefix: str,
    *,
    s3: Any,
    fps: float | None = None,
    number: int = 1,
    step: int = 1,
    progress: Progress | None = None,
) -> str:
    """Put the frames of a folder or video into S3, and after them their sequence file.

    May be interrupted and called again: what is there is not sent again, and never overwritten.

    Parameters
    ----------
    source, prefix, fps, number, step
        As of :func:`make_sequence`.
    s3 : boto3 S3 client
    progress : callable, optional
        Called with files sent and files in all.

    Returns
    -------
    str
        Address of the sequence file, ``<prefix>/<name of the source>-seq.json``.

    Raises
    ------
    FrameError
        If a file of another content is there; and as :func:`make_sequence`.
    """
    prefix = prefix.rstrip("/")
    address = f"{prefix}/{sequence_name(source)}-seq.json"
    split_address(address)
    with TemporaryDirectory() as beside:
        frames = _frames_of(source, Path(beside) / "frames", fps=fps, step=step)
        content = _content(frames, prefix, number)
        files: dict[str, str | bytes] = {
            f"{prefix}/{frame['frame']}": image
            for frame, image in zip(content["frames"], frames["image"], strict=True)
        }
        files[address] = json.dumps(content).encode()
        upload_new(s3, files, progress=progress)
    return address


def sequence_name(source: str | os.PathLike[str]) -> str:
    """Name a sequence after its folder or video.

    Examples
    --------
    >>> sequence_name("videos/hall.mp4")
    'hall'
    """
    path = Path(source).absolute()
    return path.name if path.is_dir() else path.stem


def _frames_of(
    source: str | os.PathLike[str],
    folder: str | os.PathLike[str] | None,
    *,
    fps: float | None,
    step: int,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """List the frames of a folder, or write those of a video: a frames table."""
    if Path(source).is_file():
        if folder is None:
            raise LimitError(f"{source} is a file: say in folder= where its frames shall go.")
        return extract_frames(
            source, folder, fps=fps, step=step, most=MAX_FRAMES, progress=progress
        )
    images = list_images(source)[::step]
    if len(images) > MAX_FRAMES:
        raise LimitError(
            f"{source}: {len(images):,} frames; Ground Truth shows {MAX_FRAMES:,} in one sequence. "
            "Take fewer with step=, or spread them over several folders."
        )
    paths = pd.Series([os.fspath(image) for image in images], dtype=TEXT)
    times = [place * step / fps if fps else math.nan for place in range(len(images))]
    return pd.DataFrame({"sequence": sequence_name(source), "image": paths, "time": times})


def _content(frames: pd.DataFrame, prefix: str, number: int) -> dict[str, Any]:
    names = file_names(frames["image"], sequence=frames["sequence"].iloc[0])
    times = frames["time"].round(6).tolist()
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
