"""Add a line to a file that only ever grows."""

from __future__ import annotations

import os
from pathlib import Path

from filelock import FileLock, Timeout

from annotaudit.errors import AnnotauditError

LOCK_SECONDS = 20  # a line takes a millisecond; whoever waits this long waits for a dead disk


def append_line(path: Path, line: bytes) -> None:
    r"""Write one line to the end of a file, and to the disk; several programs may do so at once.

    A line that a program left torn when it died stays as it is; ours starts on a new one.

    Parameters
    ----------
    path : Path
        Made if it does not exist, with its folder.
    line : bytes
        Without the byte 10 in it or at its end.

    Raises
    ------
    AnnotauditError
        If another program does not let go of the file.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "steps.jsonl")
    ...     _ = path.write_bytes(b"torn")
    ...     append_line(path, b"whole")
    ...     path.read_bytes()
    b'torn\nwhole\n'
    """
    data = line + b"\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(f"{path}.lock", timeout=LOCK_SECONDS)
    try:
        with lock, path.open("a+b", buffering=0) as file:
            if file.seek(0, os.SEEK_END):
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    data = b"\n" + data
            while data:
                data = data[file.write(data) :]
            os.fsync(file.fileno())
    except Timeout:
        raise AnnotauditError(
            f"Another program has held {lock.lock_file} for {LOCK_SECONDS} seconds. Close it "
            "and try again; this line was not written."
        ) from None
