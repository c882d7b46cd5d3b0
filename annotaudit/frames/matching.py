"""Which image file shows which frame."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path, PureWindowsPath

import pandas as pd

from annotaudit.errors import FrameError

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm"}
)
_NUMBERS = re.compile(r"(\d+)")
_UPLOAD = r"(?:^|.*/)upload/\d+/[0-9a-f]{8}-([^/]+)$"  # where Label Studio keeps what it is sent


def list_images(folder: str | os.PathLike[str]) -> list[Path]:
    """List the image files of a folder and its subfolders, numbers in names in counting order.

    Parameters
    ----------
    folder : path

    Returns
    -------
    list of Path
        ``frame2.jpg`` before ``frame10.jpg``. Hidden files are left out.

    Raises
    ------
    FrameError
        If there is no such folder, or no image in it.

    Examples
    --------
    >>> list_images("no/such/folder")
    Traceback (most recent call last):
    annotaudit.errors.FrameError: no/such/folder: found no folder, expected one with images...
    """
    root = Path(folder)
    if not root.is_dir():
        found = "a file" if root.exists() else "no folder"
        raise FrameError(f"{root}: found {found}, expected one with images. Check the path.")
    images = [
        path
        for path in root.rglob("*")
        if path.suffix.lower() in SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(root).parts)
        and path.is_file()
    ]
    if not images:
        raise FrameError(
            f"{root}: found no image, expected files like 000001.jpg. Check the path; known are "
            f"{', '.join(sorted(SUFFIXES))}."
        )
    return sorted(images, key=lambda path: natural_order(path.relative_to(root).as_posix()))


def match_images(
    frames: pd.DataFrame, images: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]
) -> pd.DataFrame:
    """Say for each frame which image file shows it.

    Each sequence is matched by the first of these ways that finds an image for any of its frames:

    1. the name in the frames table is a file's name (``000001.jpg``, or with folders before it);
       or was, before it was uploaded to Label Studio (``data/upload/1/1b9d6bcd-000001.jpg``);
    2. the same without its ending (the labels say ``000001.png``, the file is ``000001.jpg``);
    3. the number in the name is the number of a file (``frame_1`` and ``000001.jpg``);
    4. where the table knows no names: frame and file are counted alike, from 0 or from 1;
    5. where the table knows no names and there are as many files as frames: one after another,
       numbers in counting order.

    With several sequences, the files of one are those with its name as a folder in their path.

    Parameters
    ----------
    frames : DataFrame
        With ``sequence``, ``frame`` and, where known, ``image``; see
        ``annotaudit.frames.FRAME_COLUMNS``.
    images : path, or list of paths
        A folder, looked through with its subfolders, or the files themselves.

    Returns
    -------
    DataFrame
        The same rows with the path of the file in ``image``; a frame without one keeps what it
        had.

    Raises
    ------
    FrameError
        If nothing matches, or two files match equally well.

    Examples
    --------
    >>> frames = pd.DataFrame({"sequence": "street", "frame": [0, 1], "image": ["1.jpg", "3.jpg"]})
    >>> match_images(frames, ["img1/0001.jpg", "img1/0002.jpg", "img1/0003.jpg"])["image"].tolist()
    ['img1/0001.jpg', 'img1/0003.jpg']
    """
    from annotaudit.frames.table import check_frames

    checked = check_frames(frames)
    if isinstance(images, str | os.PathLike):
        folder = str(images)
        files = list_images(images)
    else:
        files = sorted((Path(path) for path in images), key=lambda path: natural_order(str(path)))
        folder = f"the {len(files)} given files"
    sequences = checked["sequence"].unique()
    matched = [
        _match_sequence(
            checked.loc[checked["sequence"] == sequence],
            _files_of(str(sequence), files, alone=len(sequences) == 1),
            folder,
        )
        for sequence in sequences
    ]
    if not matched:
        return checked
    found = pd.concat(matched).reindex(checked.index)
    return checked.assign(image=found.astype(checked["image"].dtype).fillna(checked["image"]))


def path_inside(root: str | os.PathLike[str], name: str) -> Path:
    """Join a folder and a name from someone else's file, refusing names that lead elsewhere.

    Parameters
    ----------
    root : path
    name : str
        A relative path with forward slashes.

    Returns
    -------
    Path
        Inside ``root``, links followed.

    Raises
    ------
    FrameError
        If the name is empty, absolute, has a drive letter, backslash or NUL, or leads out.

    Examples
    --------
    >>> path_inside("img1", "../secret.jpg")
    Traceback (most recent call last):
    annotaudit.errors.FrameError: '../secret.jpg' leads out of the folder img1; expected ...
    """
    step = "Correct the name in the label file, or open the image by its own path."
    if not name or "\0" in name or "\\" in name or PureWindowsPath(name).drive:
        raise FrameError(
            f"{name!r} is no file name to look for in {root}; expected one like 000001.jpg, with "
            f"forward slashes between folders. {step}"
        )
    folder = Path(root).resolve()
    path = (folder / name).resolve()
    if path == folder or not path.is_relative_to(folder):
        raise FrameError(
            f"{name!r} leads out of the folder {root}; expected a file inside it. {step}"
        )
    return path


def natural_order(name: str) -> list[tuple[int, str]]:
    """Sort key that counts: ``frame2`` before ``frame10``.

    Examples
    --------
    >>> sorted(["frame10", "frame2"], key=natural_order)
    ['frame2', 'frame10']
    """
    parts = _NUMBERS.split(name.lower())
    # Text stands at even places, so numbers are only ever compared with numbers. Beyond a
    # hundred digits it is no count.
    return [(int(part[:100]), part) if place % 2 else (0, part) for place, part in enumerate(parts)]


def _files_of(sequence: str, files: list[Path], *, alone: bool) -> list[Path]:
    inside = [path for path in files if sequence in path.parent.parts]
    return inside or (files if alone else [])


def _match_sequence(frames: pd.DataFrame, files: list[Path], folder: str) -> pd.Series:
    sequence = frames["sequence"].iloc[0]
    paths = pd.Series([path.as_posix() for path in files], dtype=object)
    names = _last_part(frames["image"])
    if names.notna().any():
        offered = _last_part(paths)
        sent = frames["image"].str.extract(_UPLOAD, expand=False)
        # Two files that were called alike cannot be told apart.
        own = names.mask(sent.notna(), sent.mask(sent.duplicated(keep=False)))
        ways = {
            "path": (frames["image"], paths),
            "name": (names, offered),
            "name before its upload": (own.where(sent.notna()), _as_uploaded(offered)),
            "name without ending": (_stem(own), _stem(offered)),
            "number in the name": (_number(own), _number(offered)),
        }
        for way, (wanted, given) in ways.items():
            found = _look_up(wanted, given, paths, f"sequence {sequence!r}, by {way}")
            if found.notna().any():
                return found
        shown = names.dropna().head(3).tolist()
    else:
        numbers = _number(_last_part(paths))
        if numbers.notna().all() and numbers.is_unique and numbers.min() in (0, 1):
            counted = frames["frame"].astype(float) + numbers.min()
            if counted.isin(numbers).all():
                return _look_up(counted, numbers, paths, f"sequence {sequence!r}, by number")
        if len(paths) == frames["frame"].nunique():
            place = frames["frame"].rank(method="dense").astype(int) - 1
            return place.map(paths)
        shown = [f"frame {frame}" for frame in frames["frame"].head(3)]
    raise FrameError(
        f"{folder}: none of the {len(paths)} images belongs to sequence {sequence!r}: the "
        f"{len(frames)} frames are {shown} ..., the images {_last_part(paths).head(3).tolist()} "
        "... Give the folder of this sequence's images, or set the image column of the frames "
        "table yourself."
    )


def _look_up(wanted: pd.Series, offered: pd.Series, paths: pd.Series, where: str) -> pd.Series:
    """Paths of the offered keys, aligned to the wanted ones; two files of one key are refused."""
    keys = offered.dropna()
    keys = keys[keys.isin(wanted.dropna())]
    if (twice := keys[keys.duplicated(keep=False)]).size:
        both = paths[twice.index[twice == twice.iloc[0]]].tolist()
        raise FrameError(
            f"{where}: {len(both)} images fit {twice.iloc[0]!r}: {both[:3]}; expected one. Give "
            "the folder of this sequence's images only, or the list of the right files."
        )
    return wanted.map(pd.Series(paths[keys.index].to_numpy(), index=keys.to_numpy(), dtype=object))


def _last_part(paths: pd.Series) -> pd.Series:
    return paths.str.replace(r"^.*/", "", regex=True)


def _as_uploaded(names: pd.Series) -> pd.Series:
    """Write names as Label Studio does: no spaces, and few signs."""
    joined = names.str.strip().str.replace(" ", "_", regex=False)
    return joined.str.replace(r"[^-\w.]", "", regex=True)


def _stem(names: pd.Series) -> pd.Series:
    return names.str.replace(r"\.[^.]*$", "", regex=True).str.lower()


def _number(names: pd.Series) -> pd.Series:
    """Read the last number in a name: frame numbers come after dates and camera numbers."""
    digits = _stem(names).str.extract(r"(\d{1,15})(?!.*\d)", expand=False)
    return pd.to_numeric(digits).astype("float64")
