"""The frames of a MOTChallenge sequence: ``seqinfo.ini``, and the images in ``img1/``."""

from __future__ import annotations

import configparser
import io
import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from annotaudit.boxes import TEXT
from annotaudit.formats import columns
from annotaudit.formats.problems import Problems, excerpt

MAX_FRAMES = 10_000_000  # four days at 30 frames per second
_MAX_BYTES = 100_000
_SECTION = "Sequence"
_IMAGE = re.compile(r"(\d{1,15})\.\w{1,10}", re.ASCII)


@dataclass(frozen=True)
class SeqInfo:
    """What ``seqinfo.ini`` says; NaN or None where it does not.

    Parameters
    ----------
    name : str, optional
    fps : float
        ``frameRate``.
    n_frames : int, optional
        ``seqLength``.
    width, height : float
        ``imWidth`` and ``imHeight``, in pixels.
    image_folder, image_ending : str, optional
        ``imDir`` and ``imExt``.
    """

    name: str | None = None
    fps: float = math.nan
    n_frames: int | None = None
    width: float = math.nan
    height: float = math.nan
    image_folder: str | None = None
    image_ending: str | None = None


def read_seqinfo(path: Path, problems: Problems) -> SeqInfo:
    """Read ``seqinfo.ini``; without one, nothing is known. What is wrong in it is a problem."""
    if not path.is_file():
        return SeqInfo()
    # The file is small and written by machines: no interpolation, a repeated key is harmless.
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError(f"longer than {_MAX_BYTES:,} bytes")
        parser.read_string(path.read_text(encoding="utf-8-sig"))
        values = dict(parser[_SECTION])
    except (OSError, ValueError, KeyError, configparser.Error) as error:
        what = " ".join(str(error).split())
        problems.add(path.name, f"cannot be read ({excerpt(what)}); expected [{_SECTION}]")
        return SeqInfo()

    def number(key: str) -> float:
        text = values.get(key.lower(), "").strip()
        try:
            found = float(text) if text else math.nan
        except ValueError:
            found = -1.0
        if found <= 0 or math.isinf(found):
            problems.add(path.name, f"{key} is {excerpt(text)}; expected a number above 0")
            return math.nan
        return found

    def text(key: str, pattern: str) -> str | None:
        found = values.get(key.lower(), "").strip()
        if found and not re.fullmatch(pattern, found):
            problems.add(path.name, f"{key} is {excerpt(found)}; not used")
            return None
        return found or None

    length = number("seqLength")
    if length > MAX_FRAMES or length != length // 1 and not math.isnan(length):
        problems.add(
            path.name, f"seqLength is {length:g}; expected a whole number up to {MAX_FRAMES:,}"
        )
        length = math.nan
    return SeqInfo(
        name=text("name", r"[^\x00-\x1f]{1,200}"),
        fps=number("frameRate"),
        n_frames=None if math.isnan(length) else int(length),
        width=number("imWidth"),
        height=number("imHeight"),
        # A plain name: the file must not lead us out of its folder.
        image_folder=text("imDir", r"[\w-][\w. -]*"),
        image_ending=text("imExt", r"\.\w{1,10}"),
    )


def frame_table(
    folder: Path,
    info: SeqInfo,
    sequence: str,
    with_boxes: NDArray[np.int64],
    first_frame: int,
    problems: Problems,
) -> pd.DataFrame:
    """List the frames that were looked at.

    Parameters
    ----------
    folder : Path
        Of the sequence; images are looked for in it.
    info : SeqInfo
        Its length says how many frames were looked at. Without it, those with boxes were.
    sequence : str
    with_boxes : int array
        Frames with boxes, from 0, in any order.
    first_frame : int
        The number of frame 0 in the label file; where it is 0, ``source_number`` keeps that.
    problems : Problems
    """
    seen = _distinct(with_boxes)
    frames = seen
    if info.n_frames is not None:
        beyond = seen[seen >= info.n_frames]
        if len(beyond):
            problems.add(
                "seqinfo.ini",
                f"seqLength is {info.n_frames}, but there are boxes on {len(beyond)} later frames, "
                f"up to number {beyond[-1] + first_frame}; those are listed, too",
            )
        frames = np.concatenate([np.arange(info.n_frames), beyond])
    table = pd.DataFrame({"sequence": sequence, "frame": frames}).astype({"sequence": TEXT})
    table = table.assign(
        image=columns.text_column(_images(folder, info, frames, first_frame)),
        image_width=info.width,
        image_height=info.height,
        time=frames / info.fps,
    )
    return table.assign(source_number=frames) if first_frame == 0 else table


def _distinct(frames: NDArray[np.int64]) -> NDArray[np.int64]:
    if len(frames) and frames.max() < 10 * len(frames) + 1000:
        is_seen = np.zeros(frames.max() + 1, dtype=bool)
        is_seen[frames] = True
        return np.flatnonzero(is_seen).astype(np.int64, copy=False)  # faster than sorting
    return np.unique(frames)


def _images(
    folder: Path, info: SeqInfo, frames: NDArray[np.int64], first_frame: int
) -> list[str | None]:
    images = folder / (info.image_folder or "img1")
    files: dict[int, str] = {}
    if images.is_dir():
        for file in sorted(images.iterdir()):
            if match := _IMAGE.fullmatch(file.name):
                files.setdefault(int(match[1]), file.as_posix())
    # Images count from 1 beside labels that count from 0, unless there is an image 0.
    first = 1 if files and 0 not in files else first_frame
    # A name without a file can still be matched to images that are kept elsewhere.
    ending = info.image_ending
    return [
        files.get(number, f"{number:06d}{ending}" if ending else None)
        for number in (frames + first).tolist()
    ]


def write_seqinfo(name: str, frames: pd.DataFrame) -> bytes:
    """Write ``seqinfo.ini`` of one sequence; what its frames do not tell is left out."""
    values = {"name": name, "imDir": "img1"}
    rate = _frame_rate(frames)
    if rate is not None:
        values["frameRate"] = f"{rate:.15g}"
    numbers = np.sort(frames["frame"].unique())
    # A length says that every frame up to it was looked at.
    if len(numbers) and np.array_equal(numbers, np.arange(len(numbers))):
        values["seqLength"] = str(len(numbers))
    for key, column in (("imWidth", "image_width"), ("imHeight", "image_height")):
        sizes = frames[column].dropna().unique() if column in frames else []
        if len(sizes) == 1:
            values[key] = f"{sizes[0]:.15g}"
    names = frames["image"].dropna().astype(str) if "image" in frames else []
    endings = {Path(image.partition("?")[0]).suffix for image in names} - {""}
    if len(endings) == 1:
        values["imExt"] = endings.pop()
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser[_SECTION] = values
    text = io.StringIO()
    parser.write(text, space_around_delimiters=False)
    return text.getvalue().encode()


def _frame_rate(frames: pd.DataFrame) -> float | None:
    if "time" not in frames:
        return None
    later = frames[(frames["frame"] > 0) & (frames["time"] > 0)]
    if later.empty:
        return None
    number, time = later["frame"].to_numpy(), later["time"].to_numpy()
    exact = float(number[-1] / time[-1])
    for rate in (float(f"{exact:.12g}"), exact):
        if np.allclose(number / rate, time, rtol=1e-12, atol=0):
            return rate
    return None
