"""Frames out of a video file, with the program ffmpeg."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from annotaudit.errors import FrameError
from annotaudit.frames.opening import MAX_PIXELS, open_image
from annotaudit.frames.table import check_frames

MOST_FRAMES = 100_000  # an hour at 25 frames per second has 90,000
# Kinds of files that hold a picture track themselves. Others (playlists, lists of files) make
# ffmpeg open whatever they name.
CONTAINERS = "mov,matroska,avi,mpegts,mpeg,mpegvideo,ogg,flv,asf,mxf,h264,hevc,m4v,mjpeg,gif,ivf"
TIMES = "times.txt"
_PTS = re.compile(r"frame:\d+ +pts:(-?\d+) ")


def extract_frames(
    video: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    step: int = 1,
    fps: float | None = None,
    most: int = MOST_FRAMES,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Write the frames of a video as images into a new folder: all of them, or no folder.

    Parameters
    ----------
    video : path
    folder : path
        Gets ``000001.jpg`` and so on, JPEG of high quality, upright. Must not exist, or be empty.
    step : int
        Take every second, third, ... frame.
    fps : float, optional
        Take at most this many frames per second; each keeps the time it was taken.
    most : int
        Refuse a video of which more frames would be taken.
    progress : callable, optional
        Called with frames written and frames expected in all (0 if the video does not say).

    Returns
    -------
    DataFrame
        A frames table, one row per image: ``sequence`` is the name of the file, ``time`` the
        video's own, from 0 at its first frame, in seconds.

    Raises
    ------
    FrameError
        If ffmpeg is not installed, the file is no video or has too many or too large frames, or
        the folder holds something.

    Examples
    --------
    >>> extract_frames("hall.mp4", "hall/img1")
    Traceback (most recent call last):
    annotaudit.errors.FrameError: hall.mp4: found no file, expected a video. Check the path.
    """
    choice = _choice(step, fps)
    video, folder = Path(video), Path(folder)
    if not video.is_file():
        raise FrameError(f"{video}: found no file, expected a video. Check the path.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FrameError(
            f"{folder} is there already, and nothing is overwritten. Name another folder, or, if "
            "these are the frames, use them instead of the video."
        )
    facts = _facts(video)
    expected = min(_expected(facts, step, fps), most)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as beside:
        images = Path(beside) / "images"
        images.mkdir()
        told = _run(video, images, choice, most, expected, progress)
        times = [int(pts) / 1e6 for pts in _PTS.findall((images / TIMES).read_text())]
        (images / TIMES).unlink()
        names = sorted(path.name for path in images.iterdir())
        if len(names) > most:
            raise FrameError(
                f"{video}: has more than {most:,} frames to take. Take fewer with step= or fps=, "
                "or cut the video."
            )
        if not names or len(times) != len(names):
            raise FrameError(
                f"{video}: {len(names)} frames and {len(times)} times were read, expected one "
                f"time for each frame. {told or 'Convert the video to MP4.'}"
            )
        width, height = open_image(images / names[0]).size  # after turning it upright
        images.replace(folder)
    if told:
        warnings.warn(
            f"{video}: {len(names)} frames were read, but ffmpeg complained: {told}. Look whether "
            "the last of them is the end of the video.",
            stacklevel=2,
        )
    return check_frames(
        pd.DataFrame(
            {
                "sequence": video.stem,
                "frame": range(len(names)),
                "image": [(folder / name).as_posix() for name in names],
                "image_width": float(width),
                "image_height": float(height),
                "time": [time - times[0] for time in times],
            }
        )
    )


def _choice(step: int, fps: float | None) -> str:
    """Say which frames are taken, in ffmpeg's language."""
    if step < 1 or (fps is not None and not (step == 1 and 0 < fps < math.inf)):
        raise FrameError(
            f"Found step={step} and fps={fps}; expected one of the two, above 0, step a whole "
            "number."
        )
    if fps is None:
        return f"not(mod(n,{step}))"
    # The first in each stretch of 1/fps seconds; a hair more, for times that were rounded.
    now, before = (f"floor({t}*{fps:f}+0.001)" for t in ("t", "prev_selected_t"))
    return f"isnan(prev_selected_t)+gt({now},{before})"


def _facts(video: Path) -> dict[str, Any]:
    """Ask what is in the file; refuse what is no video, or too large."""
    entries = "stream=width,height,nb_frames,avg_frame_rate:format=duration"
    command = [_program("ffprobe"), "-v", "error", *_source(video), "-select_streams", "V:0",
               "-show_entries", entries, "-of", "json"]  # fmt: skip
    asked = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False)
    found = json.loads(asked.stdout or b"{}") if asked.returncode == 0 else {}
    if not found.get("streams"):
        told = _last_line(asked.stderr) or "there is no picture track in it"
        raise FrameError(
            f"{video}: is no video that can be read ({told}). Check the file, or convert it to MP4."
        )
    facts: dict[str, Any] = found["streams"][0] | found.get("format", {})
    if not 0 < facts.get("width", 0) * facts.get("height", 0) <= MAX_PIXELS:
        raise FrameError(
            f"{video}: frames of {facts.get('width')} × {facts.get('height')} pixels; expected at "
            f"most {MAX_PIXELS:,} in all. Convert it to a smaller size."
        )
    return facts


def _expected(facts: dict[str, Any], step: int, fps: float | None) -> int:
    """Work out how many frames will be taken; 0 if the file does not say."""
    try:
        duration = float(facts["duration"])
        over, _, under = facts["avg_frame_rate"].partition("/")
        own = int(over) / int(under)
    except (KeyError, ValueError, ZeroDivisionError):
        return 0
    rate = own / step if fps is None else min(own, fps)
    return math.ceil(duration * rate) if math.isfinite(duration * rate) else 0


def _run(
    video: Path,
    folder: Path,
    choice: str,
    most: int,
    expected: int,
    progress: Callable[[int, int], None] | None,
) -> str:
    """Let ffmpeg write the frames and their times; return what it complained of."""
    program = _program("ffmpeg")
    each_once = "-fps_mode" if "fps_mode" in _help(program) else "-vsync"  # renamed in ffmpeg 5.1
    filters = (
        f"select='{choice}',settb=AVTB,metadata=mode=add:key=f:value=1,"
        f"metadata=mode=print:key=f:file={TIMES}"
    )
    command = [program, "-hide_banner", "-nostdin", "-v", "error", *_source(video),
               "-map", "0:V:0", "-vf", filters, each_once, "passthrough",
               "-frames:v", str(most + 1), "-q:v", "2", "-f", "image2", "-progress", "pipe:1",
               "%06d.jpg"]  # fmt: skip
    with tempfile.TemporaryFile() as said:
        # In the folder itself: a "%" in its name would be taken for a pattern.
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said,
            text=True,
        )  # fmt: skip
        try:
            for line in process.stdout or ():
                name, _, value = line.partition("=")
                if name == "frame" and progress is not None:
                    progress(int(value), max(expected, int(value)))
            failed = process.wait() != 0
        finally:
            if process.poll() is None:  # interrupted
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
        said.seek(0)
        told = _last_line(said.read())
    if failed or not (folder / TIMES).is_file():
        raise FrameError(
            f"{video}: its frames could not be read ({told or 'there are none'}). Check that it "
            "plays, or convert it to MP4."
        )
    return told


def _source(video: Path) -> list[str]:
    """Name the file so that it is only ever a file: no option, protocol, pattern or playlist."""
    return ["-protocol_whitelist", "file", "-format_whitelist", CONTAINERS,
            "-i", f"file:{video.absolute()}"]  # fmt: skip


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise FrameError(
            f"Reading a video needs the program {name}, which is not installed. Install ffmpeg "
            "(apt install ffmpeg, brew install ffmpeg, or https://ffmpeg.org), or give a folder "
            "of frames made elsewhere."
        )
    return found


def _help(program: str) -> str:
    return subprocess.run([program, "-v", "quiet", "-h", "long"], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, check=False).stdout  # fmt: skip


def _last_line(said: bytes) -> str:
    """Shorten what a program said to its last line, which has the reason."""
    lines = said.decode(errors="replace").strip().splitlines()
    return "".join(c for c in lines[-1] if c.isprintable())[-200:] if lines else ""
