"""The archives of CVAT, opened safely: looked through first, read member by member, never unpacked.

A zip can be made to lead out of the folder it is unpacked to, to fill a disk, or to say one thing
to one program and another to the next. What is refused here is what CVAT never writes.
"""

from __future__ import annotations

import io
import re
import stat
import struct
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from zipfile import BadZipFile, ZipFile, ZipInfo

from annotaudit.errors import LabelFormatError
from annotaudit.formats.json_text import MAX_BYTES
from annotaudit.formats.problems import excerpt

MAX_MEMBERS = 1_000_000
MAX_RATIO = 200  # times smaller than it unpacks; images do not shrink, label files 10 to 50 times
_FREE = 1 << 27  # bytes that may unpack from whatever few: they harm nobody
_CHUNK = 1 << 20
_DRIVE = re.compile("[A-Za-z]:")
_BROKEN = (
    BadZipFile, OSError, EOFError, ValueError, OverflowError, NotImplementedError, struct.error,
    zlib.error,
)  # fmt: skip


def member_names(path: Path) -> list[str]:
    """List the names in an archive; none if it is broken, or no archive."""
    try:
        with ZipFile(path) as archive:
            return archive.namelist()
    except _BROKEN:
        return []


@contextmanager
def open_archive(path: Path) -> Iterator[ZipFile]:
    """Open an archive whose every entry is harmless.

    Raises
    ------
    LabelFormatError
        If it is broken, or an entry leads out of the archive, is a link or encrypted, stands
        twice, or unpacks to far more than it takes.
    """
    try:
        archive = ZipFile(path)
    except _BROKEN as error:
        raise LabelFormatError(
            f"{path} is no whole zip archive ({error}). Export or download it again."
        ) from error
    with archive:
        _check(archive, path)
        yield archive


def _check(archive: ZipFile, path: Path) -> None:
    entries = archive.infolist()
    if len(entries) > MAX_MEMBERS:
        raise LabelFormatError(
            f"{path} has {len(entries):,} entries; at most {MAX_MEMBERS:,} are read. "
            "Export the tasks one by one."
        )
    for entry in entries:
        if (wrong := _what_is_wrong(entry)) is not None:
            raise LabelFormatError(
                f"{path}: the entry {excerpt(entry.filename)} {wrong}, which CVAT never writes. "
                "Find out who made this archive, or export it again."
            )
    total = sum(entry.file_size for entry in entries)
    if total > max(_FREE, MAX_RATIO * path.stat().st_size):
        raise LabelFormatError(
            f"{path} would unpack to {total:,} bytes, more than {MAX_RATIO} times its size. "
            "Find out who made this archive, or export it again."
        )
    if doubled := [name for name, n in Counter(archive.namelist()).items() if n > 1]:
        raise LabelFormatError(
            f"{path} holds {excerpt(doubled[0])} twice, and programs differ on which one counts. "
            "Export it again."
        )


def _what_is_wrong(entry: ZipInfo) -> str | None:
    name = entry.orig_filename
    if "\0" in name or "\\" in name or name.startswith("/") or _DRIVE.match(name):
        return "has a name that is no relative path"
    if ".." in name.split("/"):
        return "leads out of the archive"
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "is a link"
    if entry.flag_bits & 1:
        return "is encrypted"
    if entry.file_size > max(_FREE, MAX_RATIO * entry.compress_size):
        return f"unpacks to {entry.file_size:,} bytes from {entry.compress_size:,}"
    return None


@contextmanager
def open_member(archive: ZipFile, name: str) -> Iterator[IO[bytes]]:
    """Open a member for reading.

    Raises
    ------
    LabelFormatError
        If it turns out to be broken on the way.
    """
    try:
        with archive.open(name) as file:
            yield file
    except LabelFormatError:
        raise
    except _BROKEN as error:
        raise LabelFormatError(
            f"{archive.filename}/{name} cannot be unpacked ({error}). Export or download the "
            "archive again."
        ) from error


def read_member(archive: ZipFile, name: str) -> bytes:
    """Read a label file of an archive.

    Raises
    ------
    LabelFormatError
        If it is too long to be held, or broken.
    """
    if (size := archive.getinfo(name).file_size) > MAX_BYTES:
        raise LabelFormatError(
            f"{archive.filename}/{name} is {size:,} bytes long; at most {MAX_BYTES:,} are read at "
            "once. Back up the tasks one by one."
        )
    with open_member(archive, name) as file:
        return file.read()


def copy_with(archive: ZipFile, new: Mapping[str, Iterable[bytes]]) -> Iterator[bytes]:
    """Copy an archive with some members replaced, all others as they are.

    Parameters
    ----------
    archive : ZipFile
    new : dict
        Name of a member to its content.

    Yields
    ------
    bytes
        Of the copy, from first to last.
    """
    out = _Outlet()
    with ZipFile(out, "w") as copy:
        copy.comment = archive.comment
        for entry in archive.infolist():
            like_it = ZipInfo(entry.filename, entry.date_time)
            for name in ("compress_type", "comment", "external_attr", "create_system"):
                setattr(like_it, name, getattr(entry, name))
            like_it.file_size = entry.file_size  # tells whether the large form is needed
            with copy.open(like_it, "w", force_zip64=entry.filename in new) as target:
                content = new.get(entry.filename)
                for chunk in content or _chunks(archive, entry.filename):
                    target.write(chunk)
                    yield out.taken()
    yield out.taken()


def _chunks(archive: ZipFile, name: str) -> Iterator[bytes]:
    with open_member(archive, name) as file:
        while chunk := file.read(_CHUNK):
            yield chunk


class _Outlet(io.RawIOBase):
    """Takes what is written and hands it on, so that no copy is held."""

    def __init__(self) -> None:
        self.waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.waiting += data
        return len(data)

    def taken(self) -> bytes:
        data, self.waiting = bytes(self.waiting), bytearray()
        return data


def new_archive(name: str, content: Iterable[bytes]) -> Iterator[bytes]:
    """Make an archive of one member."""
    out = _Outlet()
    with ZipFile(out, "w") as archive:
        entry = ZipInfo(name)
        entry.compress_type = 8
        with archive.open(entry, "w", force_zip64=True) as target:
            for chunk in content:
                target.write(chunk)
                yield out.taken()
    yield out.taken()
