"""The lines of a MOTChallenge file: numbers out of text, fast where it is clean."""

from __future__ import annotations

import io
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from annotaudit.formats.line_columns import own_array
from annotaudit.formats.problems import Problems, excerpt

if TYPE_CHECKING:
    import pyarrow as pa

FEWEST, MOST = 6, 10  # values on a line
_SIDES = ("left", "top", "width", "height")
_WHOLE = re.compile(rb"[+-]?\d+")
_FLOAT = rb"-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d\d?)?"
_CLEAN = re.compile(rb"\d{1,15},-?\d{1,15}(?:,%b){4,8}" % _FLOAT)
_LONGEST_LINE = 10_000  # bytes; no box takes more
_LARGEST = 2**53  # up to here float64 tells whole numbers apart


@dataclass(frozen=True)
class Lines:
    """The values of a file, one row per usable line.

    ``frame`` is its number in the file, 0 or more, and ``track`` text, missing where the file says
    -1. ``sides`` has four columns, pixels counted from 0, and ``rest`` the up to four after them,
    NaN where a line has fewer. ``n_values`` is how many values each line has.
    """

    frame: NDArray[np.int64]
    track: pa.Array
    sides: list[NDArray[np.float64]]
    rest: list[NDArray[np.float64]]
    n_values: NDArray[np.int64] | int


def read_clean(file: BinaryIO) -> Lines | None:
    r"""Read a file that has the same number of values on each line, all of them numbers.

    Parameters
    ----------
    file : binary file
        Values separated by commas.

    Returns
    -------
    Lines or None
        None if any line is otherwise; :func:`read_each` tells which.

    Examples
    --------
    >>> lines = read_clean(io.BytesIO(b"1,-1,10,20,30,40,0.9\n"))
    >>> lines.frame, lines.track.to_pylist(), lines.rest[0]
    (array([1]), [None], array([0.9]))
    """
    import pyarrow as pa
    import pyarrow.csv

    first = file.readline(_LONGEST_LINE).strip()
    n_values = first.count(b",") + 1
    if not FEWEST <= n_values <= MOST or first.endswith(b","):
        return None
    file.seek(0)
    names = [f"value {place}" for place in range(n_values)]
    whole = dict.fromkeys(names[:2], pa.int64())
    try:
        table = pyarrow.csv.read_csv(
            file,
            read_options=pyarrow.csv.ReadOptions(column_names=names),
            parse_options=pyarrow.csv.ParseOptions(quote_char=False),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.float64()) | whole, null_values=[]
            ),
        )
    except pa.ArrowInvalid:
        return None
    if any(column.null_count for column in table.columns):
        return None
    with ThreadPoolExecutor(1) as beside:  # arrow works without the interpreter's lock
        tracks = beside.submit(_track_names, table.column(1))
        frame, *numbers = map(own_array, table.drop(names[1]).columns)
        if frame.min() < 0:
            return None
        for from_corner in numbers[:2]:
            from_corner -= 1
        return Lines(frame, tracks.result(), numbers[:4], numbers[4:], n_values)


def _track_names(ids: pa.ChunkedArray) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    known = pc.if_else(pc.equal(ids, -1), pa.scalar(None, pa.int64()), ids)
    return known.cast(pa.large_string()).combine_chunks()


def read_each(data: bytes, problems: Problems) -> Lines:
    r"""Read a file that is damaged somewhere: line by line where a line is not clean.

    Parameters
    ----------
    data : bytes
        Values separated by commas, or by spaces; commas at the end of a line count for nothing.
    problems : Problems
        What is no box becomes one, with its line number.

    Examples
    --------
    >>> problems = Problems("gt.txt")
    >>> read_each(b"1,7,10,20,30,40,1\n1,7,ten,20,30,40,1\n", problems).frame
    array([1])
    >>> problems.table()["what"].tolist()
    ["left is 'ten'; expected a number"]
    """
    lines = data.splitlines()
    clean: dict[int, list[int]] = {}  # by the number of values, which lines
    rest = []
    for place, line in enumerate(lines):
        if _CLEAN.fullmatch(line):
            clean.setdefault(line.count(b",") + 1, []).append(place)
        else:
            rest.append(place)
    parts = []
    for places in clean.values():
        part = read_clean(io.BytesIO(b"\n".join([lines[place] for place in places])))
        if part is None:
            rest += places
        else:
            parts.append((places, part))
    parts.append(_read_odd(lines, sorted(rest), problems))
    return _in_file_order(parts)


def _read_odd(lines: list[bytes], places: list[int], problems: Problems) -> tuple[list[int], Lines]:
    import pyarrow as pa

    used: list[int] = []
    frames: list[int] = []
    tracks: list[str | None] = []
    values: list[list[float]] = []
    counts: list[int] = []
    for place in places:
        line = lines[place]
        cells = [cell.strip() for cell in (line.split(b",") if b"," in line else line.split())]
        while cells and not cells[-1]:
            cells.pop()
        if not cells:
            continue
        try:
            frame, track, numbers = _read_line(cells)
        except ValueError as error:
            problems.add(f"line {place + 1}", str(error))
            continue
        used.append(place)
        frames.append(frame)
        tracks.append(track)
        values.append(numbers + [np.nan] * (MOST - len(cells)))
        counts.append(len(cells))
    table = np.array(values, dtype=np.float64).reshape(-1, MOST - 2)
    table[:, :2] -= 1
    return used, Lines(
        np.array(frames, dtype=np.int64),
        pa.array(tracks, type=pa.large_string()),
        list(table.T[:4]),
        list(table.T[4:]),
        np.array(counts, dtype=np.int64),
    )


def _in_file_order(parts: list[tuple[list[int], Lines]]) -> Lines:
    import pyarrow as pa

    order = np.argsort(np.concatenate([places for places, _ in parts]), kind="stable")
    lines = [part for _, part in parts]

    def join(columns: list[NDArray[Any]]) -> NDArray[Any]:
        return np.concatenate(columns)[order]

    unknown = [np.full(len(part.frame), np.nan) for part in lines]
    rest = [[*part.rest, *[none] * 4][:4] for part, none in zip(lines, unknown, strict=True)]
    return Lines(
        join([part.frame for part in lines]),
        pa.concat_arrays([part.track for part in lines]).take(pa.array(order)),
        [join(list(column)) for column in zip(*(part.sides for part in lines), strict=True)],
        [join(list(column)) for column in zip(*rest, strict=True)],
        join([np.broadcast_to(part.n_values, part.frame.shape) for part in lines]),
    )


def _read_line(cells: list[bytes]) -> tuple[int, str | None, list[float]]:
    if not FEWEST <= len(cells) <= MOST:
        raise ValueError(
            f"{len(cells)} values ({_shown(b','.join(cells))}); expected {FEWEST} to {MOST}: "
            "frame, id, left, top, width, height, and up to four more"
        )
    frame = _whole(cells[0], "frame")
    if frame is None or not 0 <= frame <= _LARGEST:
        raise ValueError(f"frame is {_shown(cells[0])}; expected a whole number, counted from 1")
    track = _whole(cells[1], "id")
    sides = [_number(cell, side) for cell, side in zip(cells[2:6], _SIDES, strict=True)]
    rest = [
        _number(cell, f"value {place}") if cell else np.nan
        for place, cell in enumerate(cells[6:], start=7)
    ]
    return frame, None if track in (None, -1) else str(track), sides + rest


def _whole(cell: bytes, name: str) -> int | None:
    """A whole number, also written as 3.0 or 3e2; None if it is NaN."""
    if _WHOLE.fullmatch(cell) and len(cell) < 100:
        return int(cell)
    number = _number(cell, name)
    if np.isnan(number):
        return None
    if not number.is_integer() or abs(number) > _LARGEST:
        raise ValueError(f"{name} is {_shown(cell)}; expected a whole number")
    return int(number)


def _number(cell: bytes, name: str) -> float:
    if cell and b"_" not in cell and cell.isascii():
        try:
            return float(cell)
        except ValueError:
            pass
    raise ValueError(f"{name} is {_shown(cell)}; expected a number")


def _shown(cell: bytes) -> str:
    return excerpt(cell.decode("utf-8", "replace"))


def write_lines(columns: list[Any]) -> bytes:
    r"""Write columns of numbers or text as lines, each number with all its digits.

    Parameters
    ----------
    columns : list of arrays
        Of one length; text is written as it is.

    Examples
    --------
    >>> write_lines([np.array([1, 2]), np.array([0.1, 3.0])])
    b'1,0.1\n2,3\n'
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = [pa.array(column).cast(pa.large_string()) for column in columns]
    lines = pc.binary_join_element_wise(*texts, pa.scalar(",", pa.large_string()))
    return "".join(f"{line}\n" for line in lines.to_pylist()).encode()
