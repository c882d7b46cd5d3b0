"""What a file is that no format knows, in words."""

from __future__ import annotations

import re
from pathlib import Path

from annotaudit.errors import LabelFormatError
from annotaudit.formats.catalogue import FORMATS
from annotaudit.formats.json_text import decode
from annotaudit.formats.problems import excerpt
from annotaudit.formats.recognise import HEAD_BYTES, read_head
from annotaudit.frames.matching import SUFFIXES

_KEY = re.compile(rb'"([^"\\]{1,40})"\s*:')
_MOST_KEYS = 6


def refuse(path: Path) -> LabelFormatError:
    """Make the error for a file that no format knows.

    Parameters
    ----------
    path : Path
        A file.

    Returns
    -------
    LabelFormatError
        Says what the file is instead, as far as its first bytes tell, and what is known.
    """
    head = read_head(path)
    if not head.strip():
        return LabelFormatError(f"{path} is empty; expected labels. Copy or download it again.")
    if path.suffix.lower() in SUFFIXES:
        return LabelFormatError(
            f"{path} is an image; expected labels. Name the label file, and the folder of the "
            "images in frames=."
        )
    if head.startswith(b"PK\3\4"):
        return LabelFormatError(
            f"{path} is a zip archive; expected an export or a backup of CVAT, the only archives "
            "that are read as they are. Unpack it, and load the folder."
        )
    try:
        found = _found(path, head)
    except LabelFormatError as broken:
        return broken
    step = "If it is one of them, name it in format=."
    if path.suffix.lower() == ".csv":
        step += " Of a table of boxes, also say in columns= what its columns are."
    return LabelFormatError(
        f"{path} is no label format that is known here: {found}. Known are {', '.join(FORMATS)}. "
        f"{step}"
    )


def _found(path: Path, head: bytes) -> str:
    """Say what the first bytes are; raise if they are JSON that is broken."""
    if b"\0" in head:
        return f"it starts with the bytes {head[:8]!r}"
    text = head.lstrip()
    if text[:1] not in (b"{", b"["):
        first = text.splitlines()[0].decode("utf-8", "replace")
        return f"it starts with {excerpt(first)}"
    is_whole, is_lines = len(head) < HEAD_BYTES, path.suffix.lower() == ".jsonl"
    if is_whole and not is_lines:
        decode(head, str(path))
    keys = list(dict.fromkeys(key.decode("utf-8", "replace") for key in _KEY.findall(head)))
    shown = ", ".join(excerpt(key) for key in keys[:_MOST_KEYS])
    more = ", ..." if len(keys) > _MOST_KEYS else ""
    return f"it is JSON with the keys {shown}{more}" if keys else "it is JSON without any keys"
