"""What an archive in S3 holds, told from its table of contents, without fetching it."""

from __future__ import annotations

import io
import struct
from contextlib import closing
from typing import Any
from zipfile import BadZipFile, ZipFile

from annotaudit.errors import FrameError
from annotaudit.frames.s3_files import explained, split_address

_BUFFER = 1 << 18  # bytes asked for at once


def names_in_archive(s3: Any, address: str, size: int) -> list[str] | None:
    """List the names in a zip archive; None if it is broken, or no archive.

    Parameters
    ----------
    s3 : boto3 S3 client
    address : str
    size : int
        Of the file, in bytes.

    Raises
    ------
    FrameError
        If it cannot be read.
    """
    file = io.BufferedReader(_Remote(s3, address, size), _BUFFER)
    try:
        with explained(address, "read"), file, ZipFile(file) as archive:
            return archive.namelist()
    except FrameError:
        raise
    except (BadZipFile, EOFError, ValueError, OverflowError, NotImplementedError, struct.error):
        return None


class _Remote(io.RawIOBase):
    """A file in S3 of which only the parts are fetched that are read."""

    def __init__(self, s3: Any, address: str, size: int) -> None:
        self.s3, self.size, self.at = s3, size, 0
        self.bucket, self.key = split_address(address)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self.at, io.SEEK_END: self.size}[whence]
        if start + offset < 0:
            raise OSError("before the start of the file")
        self.at = start + offset
        return self.at

    def readinto(self, buffer: Any) -> int:
        last = min(self.at + len(buffer), self.size) - 1
        if last < self.at:
            return 0
        part = f"bytes={self.at}-{last}"
        answer = self.s3.get_object(Bucket=self.bucket, Key=self.key, Range=part)
        with closing(answer["Body"]) as body:
            content = body.read()
        buffer[: len(content)] = content
        self.at += len(content)
        return len(content)
