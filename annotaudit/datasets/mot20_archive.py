"""MOT20: crowded pedestrian videos with the box of every person, from MOTChallenge."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any
from uuid import uuid4
from zipfile import BadZipFile, ZipFile

from annotaudit.boxes import Labels
from annotaudit.errors import AnnotauditError, LimitError, MissingExtraError
from annotaudit.formats import load
from annotaudit.frames.matching import path_inside

ADDRESS = "https://motchallenge.net/data/MOT20.zip"
LICENSE = (
    "MOT20 (Dendorfer et al. 2020, arXiv:2003.09003) is under Creative Commons "
    "Attribution-NonCommercial-ShareAlike 3.0: not for commercial use, and not to be put into a "
    "repository under another licence. See https://motchallenge.net."
)
MAX_ARCHIVE = 20_000_000_000  # bytes; it has 5 GB
MAX_UNPACKED = 10_000_000_000  # bytes of one sequence; the largest has about 2 GB
_SEQUENCE = re.compile(r"MOT20-0[1235]")  # those with true boxes


def mot20(
    sequence: str = "MOT20-01",
    *,
    folder: str | os.PathLike[str] | None = None,
    address: str = ADDRESS,
    checksum: str | None = None,
    accept_license: bool = False,
) -> Labels:
    """Load a sequence of MOT20, downloading the archive (5 GB) the first time.

    A download that was interrupted goes on where it stopped when this is called again.

    Parameters
    ----------
    sequence : str
        ``"MOT20-01"``, ``"MOT20-02"``, ``"MOT20-03"`` or ``"MOT20-05"``.
    folder : path, optional
        Where archive and sequences are kept; by default the user's cache.
    address : str
        Of the archive.
    checksum : str, optional
        ``"sha256:..."`` or ``"md5:..."`` of the archive. MOTChallenge publishes none; each file
        of the archive is held against the checksum in the archive in any case.
    accept_license : bool
        Nothing is downloaded without it.

    Returns
    -------
    Labels
        The true boxes, with the images as frames.

    Raises
    ------
    LimitError
        If there is no such sequence, or the licence is not accepted and a download is needed.
    AnnotauditError
        If the download fails, or the archive is broken or lacks the sequence.

    Examples
    --------
    >>> mot20("MOT20-04")
    Traceback (most recent call last):
    annotaudit.errors.LimitError: 'MOT20-04' is no sequence of MOT20 with true boxes; expected...
    """
    if not _SEQUENCE.fullmatch(sequence):
        raise LimitError(
            f"{sequence!r} is no sequence of MOT20 with true boxes; expected MOT20-01, MOT20-02, "
            "MOT20-03 or MOT20-05."
        )
    home = Path(folder) if folder is not None else Path(_pooch().os_cache("annotaudit")) / "mot20"
    if not (home / sequence).is_dir():
        if not accept_license:
            raise LimitError(
                f"{LICENSE} To download it, pass accept_license=True; on the command line, "
                "--accept-license."
            )
        _unpack(_fetch(address, home, checksum), sequence, home)
    return load(home / sequence, frames=home / sequence / "img1")


def _fetch(address: str, home: Path, checksum: str | None) -> Path:
    from annotaudit.datasets.downloading import ResumingDownloader

    downloader = ResumingDownloader(home / ".MOT20.zip.part", max_bytes=MAX_ARCHIVE)
    try:
        file = _pooch().retrieve(
            address, known_hash=checksum, fname="MOT20.zip", path=home, downloader=downloader
        )
    except (OSError, ValueError) as error:
        raise AnnotauditError(
            f"{address} could not be downloaded ({error}). Run it again, which goes on where it "
            f"stopped, or download it yourself to {home / 'MOT20.zip'}."
        ) from error
    return Path(file)


def _unpack(archive: Path, sequence: str, home: Path) -> None:
    """Unpack one sequence beside its place, then rename it: all of it, or nothing."""
    beside = home / f".{sequence}.{uuid4().hex}"
    start = f"MOT20/train/{sequence}/"
    try:
        with ZipFile(archive) as content:
            members = [m for m in content.infolist() if m.filename.startswith(start)]
            members = [member for member in members if not member.is_dir()]
            size = sum(member.file_size for member in members)
            if not members or size > MAX_UNPACKED:
                raise AnnotauditError(
                    f"{archive}: {len(members)} files of {size:,} bytes under {start}; expected a "
                    f"sequence of at most {MAX_UNPACKED:,} bytes. Check where it comes from."
                )
            for member in members:
                target = path_inside(beside, member.filename.removeprefix(start))
                target.parent.mkdir(parents=True, exist_ok=True)
                with content.open(member) as source, target.open("xb") as file:
                    shutil.copyfileobj(source, file)  # writes a link as the text it is
        beside.rename(home / sequence)
    except (BadZipFile, EOFError) as error:
        raise AnnotauditError(
            f"{archive} is broken ({error}). Remove it and run this again."
        ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _pooch() -> Any:
    try:
        import pooch
    except ImportError as error:
        raise MissingExtraError(
            "Downloading needs pooch, which is not installed. "
            'Install it with: pip install "annotaudit[fetch]"'
        ) from error
    return pooch
