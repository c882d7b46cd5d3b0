"""Read JSON that may be broken or hostile: a value, or an error that says where."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import msgspec
import numpy as np

from annotaudit.errors import LabelFormatError

MAX_BYTES = 1 << 30  # a SeqLabel.json of nearly six million boxes is about this long
_BLOCK = 1 << 18  # bytes compared at once: they stay in the processor's cache
_BOM = b"\xef\xbb\xbf"
_NOT_JSON_NUMBERS = re.compile(rb"NaN|Infinity|[0-9][eE]\+?[0-9]{3}")
_LONG_NUMBER = re.compile(rb"[0-9]{4000,}")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_AT_BYTE = re.compile(r"\(byte (\d+)\)")


def read_bytes(path: Path, *, max_bytes: int = MAX_BYTES) -> bytes:
    """Read a whole label file, without a UTF-8 byte order mark.

    Parameters
    ----------
    path : Path
    max_bytes : int
        Longer files are refused before they are read.

    Raises
    ------
    LabelFormatError
        If the file cannot be read, is empty, too long, or UTF-16 or UTF-32.
    """
    try:
        size = path.stat().st_size
        if size > max_bytes:
            raise LabelFormatError(
                f"{path} is {size:,} bytes long; at most {max_bytes:,} are read at once. "
                "Split it by sequence and load the folder."
            )
        data = path.read_bytes()
    except OSError as error:
        raise LabelFormatError(
            f"{path} cannot be read ({error.strerror}). Check the path and its permissions."
        ) from error
    if data.startswith((b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")) or b"\0" in data[:4]:
        raise LabelFormatError(
            f"{path} is not UTF-8 (it starts with {data[:4]!r}, as UTF-16 and UTF-32 do). "
            "Save it again as UTF-8."
        )
    data = data.removeprefix(_BOM)
    if not data or data.isspace():
        raise LabelFormatError(
            f"{path} is empty; expected labels. Copy or download the file again."
        )
    return data


def decode(data: bytes, where: str) -> Any:
    """Decode one JSON value.

    ``NaN`` and ``Infinity``, which are not JSON but which Python writes, come back as floats:
    readers decide what they mean where they stand.

    Parameters
    ----------
    data : bytes
        UTF-8.
    where : str
        File, or file and line, for messages.

    Raises
    ------
    LabelFormatError
        If it is not JSON, not UTF-8, or nested too deep; says line and column.

    Examples
    --------
    >>> decode(b'{"width": NaN}', "labels.json")
    {'width': nan}
    >>> decode(b'{"width": 3', "labels.json")
    Traceback (most recent call last):
    annotaudit.errors.LabelFormatError: labels.json, line 1, column 12: the text ends inside ...
    """
    try:
        return msgspec.json.decode(data)
    except RecursionError:
        _refuse_depth(where)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if _NOT_JSON_NUMBERS.search(data):
            return _decode_with_nan(data, where)
        _refuse(data, where, error)


def _decode_with_nan(data: bytes, where: str) -> Any:
    try:
        value = json.loads(data)
        if _SURROGATE.search(data):
            msgspec.json.encode(value)
        return value
    except RecursionError:
        _refuse_depth(where)
    except ValueError as error:  # not JSON, not UTF-8, or a number of thousands of digits
        _refuse(data, where, error)


def _refuse_depth(where: str) -> NoReturn:
    raise LabelFormatError(
        f"{where}: nested too deep; labels need fewer than ten levels. "
        "This is not a label file: check where it came from."
    ) from None


def _refuse(data: bytes, where: str, error: ValueError | msgspec.DecodeError) -> NoReturn:
    at, what = _place(data, error)
    line = data.count(b"\n", 0, at) + 1
    column = at - (data.rfind(b"\n", 0, at) + 1) + 1
    raise LabelFormatError(
        f"{where}, line {line}, column {column}: {what}; expected JSON in UTF-8. "
        "Copy or download the file again, or mend that place."
    ) from None


def _place(data: bytes, error: ValueError | msgspec.DecodeError) -> tuple[int, str]:
    """Find at which byte decoding failed, and why."""
    try:
        data.decode()
    except UnicodeDecodeError as not_utf8:
        return not_utf8.start, "bytes that are not UTF-8"
    if isinstance(error, json.JSONDecodeError):
        return len(error.doc[: error.pos].encode()), error.msg
    text = str(error)
    if found := _AT_BYTE.search(text):
        return int(found[1]), text.removeprefix("JSON is malformed: ").split(" (byte")[0]
    if number := _LONG_NUMBER.search(data):
        return number.start(), f"a number of {len(number[0])} digits"
    if pair := _SURROGATE.search(data):
        return pair.start(), "half of a pair of surrogates in a text"
    return len(data), "the text ends inside a value"


def encode(value: Any, where: str) -> bytes:
    """Encode a value as compact JSON.

    Raises
    ------
    LabelFormatError
        If it is nested too deep, or text in it is not valid Unicode.
    """
    try:
        return msgspec.json.encode(value)
    except RecursionError:
        _refuse_depth(where)
    except UnicodeEncodeError as error:
        raise LabelFormatError(
            f"{where}: {error.reason} in {error.object[:40]!r}; expected valid Unicode text. "
            "Correct the text."
        ) from None


def lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    r"""Number the lines of JSON Lines from 1, blank ones left out.

    Examples
    --------
    >>> list(lines(b"{}\n\n[]\n"))
    [(1, b'{}'), (3, b'[]')]
    """
    for number, line in enumerate(data.split(b"\n"), start=1):
        if text := line.strip():
            yield number, text


def quotes(data: bytes) -> int:
    """Count the quotation marks: two for each key and text, one more for each inside a text."""
    text = np.frombuffer(data, dtype=np.uint8)
    blocks = (text[start : start + _BLOCK] for start in range(0, len(text), _BLOCK))
    return sum(int(np.count_nonzero(block == ord('"'))) for block in blocks)


def repeated_keys(data: bytes, value: Any) -> list[str]:
    """List the keys that stand twice in one object, of which a decoder keeps only the last.

    Parameters
    ----------
    data : bytes
        JSON text.
    value : object
        What it decoded to. When that takes as many quotation marks as the text has, nothing was
        lost and the text is not read again.

    Examples
    --------
    >>> repeated_keys(b'{"left": 1, "left": 2}', {"left": 2})
    ['left']
    """
    if quotes(data) == quotes(encode(value, "decoded JSON")):
        return []
    repeated = []

    def note(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                repeated.append(key)
            seen.add(key)
        return dict(pairs)

    json.loads(data, object_pairs_hook=note)
    return repeated
