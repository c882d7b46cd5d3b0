"""Large downloads that go on where they stopped."""

from __future__ import annotations

import json
import os
import random
import shutil
import time
from contextlib import closing
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import requests
from filelock import FileLock

from annotaudit.errors import AnnotauditError

CHUNK = 1024**2
TRIES = 6  # in a row that bring nothing
LONGEST_PAUSE = 60.0  # seconds
PASSING = (408, 425, 429, 500, 502, 503, 504)  # answers of servers that may do better later
TIMEOUT = (15, 60)  # seconds to connect, and without a byte


class _Passing(Exception):
    """Something went wrong that may go right next time."""


@dataclass
class ResumingDownloader:
    """A downloader for ``pooch.retrieve`` that keeps what came before a connection broke.

    What has come is kept beside the file, with the mark by which the server tells versions apart
    (``ETag`` or ``Last-Modified``): the rest is asked for on the condition that the file is still
    the same. If it is not, or the server knows no ranges, it is downloaded from the start.

    Parameters
    ----------
    part : Path
        Where to keep what has come until it is whole.
    max_bytes : int
        Refuse a larger file.
    pause : float
        Seconds before the second try; each pause is twice the one before, up to a minute.
    bar : bool
        Show progress, if tqdm is installed.

    Raises
    ------
    AnnotauditError
        When called: if the server refuses, the file is too large for the limit or the disk, or
        several tries in a row brought nothing. Call again to go on.
    """

    part: Path
    max_bytes: int
    pause: float = 1.0
    bar: bool = True

    def __call__(self, url: str, output_file: str, _pooch: Any) -> None:
        """Download ``url`` to ``output_file``; called by pooch."""
        self.part.parent.mkdir(parents=True, exist_ok=True)
        # Two programs that add to one file would spoil it; the second waits for the first.
        with FileLock(f"{self.part}.lock"), _progress(self.bar) as progress:
            failures, reason = 0, ""
            while failures < TRIES:
                before = self._size()
                if failures:
                    time.sleep(_pause(self.pause, failures))
                try:
                    self._go_on(url, progress)
                except (_Passing, requests.RequestException) as error:
                    if isinstance(error, ValueError):  # an address that is none
                        raise AnnotauditError(str(error)) from error
                    reason = str(error)
                    failures = 1 if self._size() - before >= CHUNK else failures + 1
                else:
                    os.replace(self.part, output_file)
                    self._mark.unlink(missing_ok=True)
                    return
        raise AnnotauditError(
            f"{TRIES} tries in a row brought nothing, the last one: {reason}; "
            f"{self._size():,} bytes that came before are kept in {self.part}"
        )

    @property
    def _mark(self) -> Path:
        return self.part.with_name(f"{self.part.name}.json")

    def _size(self) -> int:
        return self.part.stat().st_size if self.part.is_file() else 0

    def _known(self, url: str) -> str:
        """Return the mark of the version that came so far; empty if there is nothing to go on."""
        try:
            known = json.loads(self._mark.read_bytes())
            return str(known["version"]) if known["url"] == url and self._size() else ""
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    def _go_on(self, url: str, progress: _Progress) -> None:
        """Ask for the rest, or for all of it, and write down what comes."""
        version = self._known(url)
        start = self._size() if version else 0
        headers = {"Accept-Encoding": "identity"}
        if start:
            headers |= {"Range": f"bytes={start}-", "If-Range": version}
        with closing(requests.get(url, headers=headers, stream=True, timeout=TIMEOUT)) as reply:
            answer, part = reply.status_code, reply.headers.get("Content-Range", "")
            if answer == 416 and part == f"bytes */{start}":
                return  # nothing is missing
            if answer in PASSING:
                raise _Passing(f"the server answered {answer}")
            if answer == 416 or (answer == 206 and not part.startswith(f"bytes {start}-")):
                self._mark.unlink(missing_ok=True)
                raise _Passing("the server did not go on where it had stopped")
            if answer not in (200, 206):
                raise AnnotauditError(f"the server answered {answer} {reply.reason}")
            start = start if answer == 206 else 0
            length = reply.headers.get("Content-Length", "")
            total = start + int(length) if length.isdigit() else None
            self._check_room(total, start)
            if not start:
                self._begin(url, reply.headers)
            self._write(reply, start, total, progress)

    def _check_room(self, total: int | None, start: int) -> None:
        if (total or 0) > self.max_bytes:
            raise AnnotauditError(
                f"it has {total:,} bytes, more than the {self.max_bytes:,} that were expected"
            )
        free = shutil.disk_usage(self.part.parent).free
        if total is not None and total - start > free:
            raise AnnotauditError(
                f"{total - start:,} bytes are to come, and {self.part.parent} has room for "
                f"{free:,}; make room, or name another folder"
            )

    def _begin(self, url: str, headers: Any) -> None:
        self._mark.unlink(missing_ok=True)
        self.part.unlink(missing_ok=True)
        tag = headers.get("ETag", "")
        # A weak tag promises the same meaning, not the same bytes.
        version = tag if tag and not tag.startswith("W/") else headers.get("Last-Modified", "")
        self._mark.write_text(json.dumps({"url": url, "version": version}))

    def _write(
        self, reply: requests.Response, start: int, total: int | None, progress: _Progress
    ) -> None:
        progress.set(start, total)
        size = start
        with self.part.open("ab") as file:
            for chunk in reply.iter_content(CHUNK):
                size += len(chunk)
                if size > self.max_bytes:
                    self._mark.unlink()
                    raise AnnotauditError(f"more than {self.max_bytes:,} bytes came")
                file.write(chunk)
                progress.set(size, total)
        if total is not None and size != total:
            raise _Passing(f"{size:,} of {total:,} bytes came")


class _Progress:
    """A bar of tqdm, or none."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar

    def set(self, done: int, total: int | None) -> None:
        if self._bar is not None:
            self._bar.total = total
            self._bar.update(done - self._bar.n)

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()


def _progress(wanted: bool) -> _Progress:
    if not (wanted and find_spec("tqdm")):
        return _Progress(None)
    from tqdm import tqdm

    return _Progress(tqdm(unit="B", unit_scale=True))


def _pause(first: float, failures: int) -> float:
    """Wait longer each time, and not all who were cut off at the same time at once."""
    longest = min(first * 2.0 ** (failures - 1), LONGEST_PAUSE)
    return random.uniform(0.5, 1) * longest
