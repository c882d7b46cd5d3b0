"""Lines of values that all have one layout: text to columns, and back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from annotaudit.formats.problems import Problems, excerpt

if TYPE_CHECKING:
    import pyarrow as pa

_LARGEST = 2**53  # up to here float64 tells whole numbers apart
_LONGEST_LINE = 10_000  # bytes; no box takes more
_WHOLE = r"^[+-]?[0-9]{1,18}$"
_NUMBER = (
    r"(?i)^[+-]?(?:[0-9]+\.?[0-9]*(?:e[+-]?[0-9]{1,3})?|\.[0-9]+(?:e[+-]?[0-9]{1,3})?|nan|inf)$"
)
_COMMAS_AT_THE_END = re.compile(rb"(?<!,),++(?=\n|\Z)")
_RUN_OF_SPACES = re.compile(rb"[ \t]+")
_NOT_UTF8 = "\ufffd"  # what stands for bytes that are no UTF-8


@dataclass(frozen=True)
class Value:
    """One value of a line.

    Parameters
    ----------
    name : str
        What it is called in the tables and in messages.
    kind : str
        ``"whole"`` and ``"number"`` are numbers, ``"word"`` is text.
    least : int, optional
        The smallest whole number that makes sense.
    """

    name: str
    kind: Literal["whole", "number", "word"] = "number"
    least: int | None = None

    @property
    def expected(self) -> str:
        """What a message says should stand there."""
        if self.kind == "whole":
            return "a whole number" + ("" if self.least is None else f", counted from {self.least}")
        return "a number" if self.kind == "number" else "text in UTF-8"


@dataclass(frozen=True)
class LineColumns:
    """The values of a file, one row per usable line, in file order.

    ``columns`` holds int64 or float64 arrays, and Arrow arrays of text; a value that a line may
    lack is NaN where it does. ``places`` is the number of each row's line, from 1.
    """

    columns: dict[str, Any]
    places: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.places)


def read_columns(
    data: bytes,
    values: Sequence[Value],
    problems: Problems,
    *,
    separator: Literal[",", " "] = ",",
    optional: int = 0,
) -> LineColumns:
    r"""Read lines; one that is not of this layout becomes a problem with its number.

    Parameters
    ----------
    data : bytes
        A comma at the end of a line counts for nothing; spaces may stand in a run.
    values : list of Value
        What stands on a line, in this order.
    problems : Problems
    separator : str
    optional : int
        How many of the last values, all of them numbers, a line may lack.

    Examples
    --------
    >>> layout = [Value("frame", "whole", 0), Value("type", "word"), Value("left")]
    >>> found = read_columns(b"0 Car 1.5\n1 Van 2\n", layout, Problems("0000.txt"), separator=" ")
    >>> found.columns["frame"], found.columns["type"].to_pylist(), found.columns["left"]
    (array([0, 1]), ['Car', 'Van'], array([1.5, 2. ]))
    """
    tidy = _tidied(data, separator)
    return _read_clean(tidy, values, separator, optional) or _read_each(
        tidy, values, problems, separator, optional
    )


def _tidied(data: bytes, separator: str) -> bytes:
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if separator == ",":
        ends = b",\n" in data or data.endswith(b",")
        return _COMMAS_AT_THE_END.sub(b"", data) if ends else data
    if b"  " in data or b"\t" in data:
        data = _RUN_OF_SPACES.sub(b" ", data)
    for end in (b" \n", b"\n "):
        data = data.replace(end, b"\n") if end in data else data
    return data.strip(b" ")


def _read_clean(
    data: bytes, values: Sequence[Value], separator: str, optional: int
) -> LineColumns | None:
    """Read a file whose lines are all alike and all right."""
    import pyarrow as pa
    import pyarrow.compute as pc

    first = data[: data.find(b"\n") + 1 or len(data)]
    present = values[: first.count(separator.encode()) + 1]
    if not len(values) - optional <= len(present) == first.count(separator.encode()) + 1:
        return None
    kinds = {"whole": pa.int64(), "number": pa.float64(), "word": pa.large_string()}
    try:
        table = _parse(data, {value.name: kinds[value.kind] for value in present}, separator)
    except pa.ArrowInvalid:
        return None
    if any(column.null_count for column in table.columns):
        return None
    columns: dict[str, Any] = {}
    for value, column in zip(present, table.columns, strict=True):
        if value.kind == "word":
            columns[value.name] = pc.utf8_trim(column.combine_chunks(), " ")
            if pc.any(pc.equal(columns[value.name], "")).as_py():
                return None
            continue
        columns[value.name] = own_array(column)
        if value.least is not None and len(column) and columns[value.name].min() < value.least:
            return None
    for value in values[len(present) :]:
        columns[value.name] = np.full(table.num_rows, np.nan)
    blank = data.startswith(b"\n") or b"\n\n" in data
    places = np.flatnonzero([bool(line) for line in data.split(b"\n")]) if blank else None
    return LineColumns(columns, np.arange(1, table.num_rows + 1) if places is None else places + 1)


def _parse(data: bytes, kinds: dict[str, pa.DataType], separator: str) -> pa.Table:
    import pyarrow as pa
    import pyarrow.csv

    return pyarrow.csv.read_csv(
        pa.BufferReader(data),
        read_options=pyarrow.csv.ReadOptions(column_names=list(kinds)),
        parse_options=pyarrow.csv.ParseOptions(delimiter=separator, quote_char=False),
        convert_options=pyarrow.csv.ConvertOptions(column_types=kinds, null_values=[]),
    )


def own_array(column: pa.ChunkedArray) -> NDArray[Any]:
    """Make an array that may be written to, which the memory of Arrow may not."""
    found: NDArray[Any] = column.to_numpy()
    return found if found.flags.writeable else found.copy()


def _read_each(
    data: bytes, values: Sequence[Value], problems: Problems, separator: str, optional: int
) -> LineColumns:
    """Read a file that is damaged somewhere, telling where."""
    lines = [line.strip(" \t") for line in data.decode("utf-8", "replace").split("\n")]
    bad: dict[int, str] = {}
    by_count: dict[int, list[int]] = {}
    for place, line in enumerate(lines):
        if not line.strip(", \t"):
            continue
        count = line.count(separator) + 1
        if len(values) - optional <= count <= len(values) and len(line) < _LONGEST_LINE:
            by_count.setdefault(count, []).append(place)
        else:
            names = ", ".join(value.name for value in values)
            bad[place] = (
                f"{count} values ({excerpt(line)}); expected {len(values) - optional}"
                f"{f' to {len(values)}' if optional else ''}: {names}"
            )
    parts = []
    for count, places in by_count.items():
        part, wrong = _read_texts([lines[place] for place in places], values[:count], separator)
        bad |= {places[row]: what for row, what in wrong.items()}
        good = np.delete(np.array(places, dtype=np.int64), list(wrong))
        for value in values[count:]:
            part[value.name] = np.full(len(good), np.nan)
        parts.append(LineColumns(part, good + 1))
    for place in sorted(bad):
        problems.add(f"line {place + 1}", bad[place])
    return _in_file_order(parts, values)


def _read_texts(
    lines: list[str], values: Sequence[Value], separator: str
) -> tuple[dict[str, Any], dict[int, str]]:
    """Columns of the good ones among lines of the right length, and what is wrong with others."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kinds = {value.name: pa.large_string() for value in values}
    table = _parse("\n".join(lines).encode(), kinds, separator)
    texts = {
        value.name: pc.utf8_trim(table.column(value.name).combine_chunks(), " \t")
        for value in values
    }
    columns: dict[str, Any] = {}
    wrong: dict[int, str] = {}
    for value in values:
        text = texts[value.name]
        columns[value.name], is_good = converted(text, value)
        for row in np.flatnonzero(~is_good).tolist():
            found = excerpt(text[row].as_py())
            wrong.setdefault(row, f"{value.name} is {found}; expected {value.expected}")
    keep = np.ones(len(lines), dtype=bool)
    keep[list(wrong)] = False
    return {
        name: column[keep] if isinstance(column, np.ndarray) else column.filter(pa.array(keep))
        for name, column in columns.items()
    }, wrong


def converted(text: pa.Array, value: Value) -> tuple[Any, NDArray[np.bool_]]:
    """Turn an array of text into that of a value, and tell where that can be done."""
    import pyarrow as pa
    import pyarrow.compute as pc

    def matching(pattern: str) -> NDArray[np.bool_]:
        return np.asarray(pc.match_substring_regex(text, pattern))

    if value.kind == "word":
        is_text = np.asarray(pc.greater(pc.utf8_length(text), 0))
        return text, is_text & ~np.asarray(pc.match_substring(text, _NOT_UTF8))
    try:
        found = text.cast(pa.int64() if value.kind == "whole" else pa.float64()).to_numpy()
        return found, np.full(len(found), True) if value.least is None else found >= value.least
    except pa.ArrowInvalid:
        pass  # one of them is no number, or written in another way
    is_number = matching(_NUMBER)
    plain = pc.replace_substring_regex(text, r"^\+", "")
    numbers = pc.if_else(pa.array(is_number), plain, "nan").cast(pa.float64()).to_numpy()
    if value.kind == "number":
        return numbers, is_number
    is_plain = matching(_WHOLE)
    with np.errstate(invalid="ignore"):
        is_whole = (np.abs(numbers) <= _LARGEST) & (numbers == np.floor(numbers))
        other = np.where(is_whole, numbers, 0).astype(np.int64)
    exact = pc.if_else(pa.array(is_plain), plain, "0").cast(pa.int64()).to_numpy()
    whole = np.where(is_plain, exact, other)
    is_good = is_plain | is_whole
    return whole, is_good if value.least is None else is_good & (whole >= value.least)


def _in_file_order(parts: list[LineColumns], values: Sequence[Value]) -> LineColumns:
    import pyarrow as pa

    empty = {"whole": np.int64, "number": np.float64}
    if not parts:
        return LineColumns(
            {
                value.name: pa.array([], pa.large_string())
                if value.kind == "word"
                else np.array([], dtype=empty[value.kind])
                for value in values
            },
            np.array([], dtype=np.int64),
        )
    places = np.concatenate([part.places for part in parts])
    order = np.argsort(places, kind="stable")
    columns: dict[str, Any] = {}
    for value in values:
        found = [part.columns[value.name] for part in parts]
        if value.kind == "word":
            columns[value.name] = pa.concat_arrays(found).take(pa.array(order))
        else:
            columns[value.name] = np.concatenate(found)[order]
    return LineColumns(columns, places[order])


def write_columns(columns: Sequence[Any], separator: Literal[",", " "] = ",") -> bytes:
    r"""Write columns of numbers or text as lines, each number with all its digits.

    Examples
    --------
    >>> write_columns([np.array([1, 2]), np.array(["Car", "Van"]), np.array([0.1, 3.0])], " ")
    b'1 Car 0.1\n2 Van 3\n'
    """
    import pyarrow as pa

    texts = [pa.array(column).cast(pa.large_string()) for column in columns]
    return joined_lines(texts, separator)


def joined_lines(columns: Sequence[pa.Array], separator: str) -> bytes:
    """Join columns of text to lines, all of them at once."""
    import pyarrow as pa
    import pyarrow.compute as pc

    def scalar(text: str) -> pa.Scalar:
        return pa.scalar(text, pa.large_string())

    lines = pc.binary_join_element_wise(*columns, scalar(separator))
    ended = pc.binary_join_element_wise(lines, scalar("\n"), scalar(""))
    if not len(ended):
        return b""
    # Arrow keeps the texts of an array one after another: they are the file.
    n_bytes = pc.sum(pc.binary_length(ended)).as_py()
    return bytes(memoryview(ended.buffers()[2])[:n_bytes])
