"""The cells of a CSV file as columns of text, and columns as CSV."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from annotaudit.errors import LabelFormatError
from annotaudit.formats.line_columns import joined_lines
from annotaudit.formats.problems import Problems, excerpt

if TYPE_CHECKING:
    import pyarrow as pa

_SEPARATORS = (b",", b";", b"\t")
_MOST_COLUMNS = 2_000
_LONGEST_HEADER = 1_000_000  # bytes
_BLOCK = 1 << 24  # bytes; a longer row is refused
# A spreadsheet program takes a cell that starts like this for a formula. Such cells are written
# with an apostrophe before them, and read without it.
_FORMULA = r"^('*[=+\-@\t\r])"
_QUOTED_FORMULA = r"^'('*[=+\-@\t\r])"
_NEEDS_QUOTES = r'[",\r\n]|^\s|\s$|^$'


@dataclass(frozen=True)
class Cells:
    """The rows of a CSV file.

    ``columns`` holds an Arrow array of text for each name in the header, null where a cell is
    empty and not in quotes; ``rows`` says which row of the file each is, the header being 1.
    """

    columns: dict[str, pa.Array]
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)


def separator_of(head: bytes) -> bytes:
    """Tell what separates the cells from the first line.

    Examples
    --------
    >>> separator_of(b"left;top")
    b';'
    """
    first = head.lstrip(b"\r\n").split(b"\n", 1)[0]
    return max(_SEPARATORS, key=first.count)


def header_of(head: bytes) -> list[str]:
    r"""Return the names of the columns, from the first line; none if it is no text.

    Examples
    --------
    >>> header_of(b'frame,"left",top\n0,1,2')
    ['frame', 'left', 'top']
    """
    first = head.lstrip(b"\r\n").split(b"\n", 1)[0].rstrip(b"\r")
    try:
        cells = next(csv.reader([first.decode()], delimiter=separator_of(head).decode()), [])
    except (UnicodeDecodeError, csv.Error):
        return []
    return [cell.strip() for cell in cells]


def read_cells(data: bytes, problems: Problems) -> Cells:
    """Read a CSV file; a row that has not as many cells as the header becomes a problem.

    Parameters
    ----------
    data : bytes
        UTF-8, separated by commas, or by semicolons or tabs as some programs save them.
    problems : Problems

    Raises
    ------
    LabelFormatError
        If a column stands twice, or it is no CSV.
    """
    import pyarrow as pa

    _check_encoding(data, problems.source)
    header = header_of(data[:_LONGEST_HEADER])
    if doubled := sorted({name for name in header if header.count(name) > 1}):
        raise LabelFormatError(
            f"{problems.source}: these columns stand twice: {excerpt(', '.join(doubled))}. Remove "
            "or rename one of each."
        )
    if not header or len(header) > _MOST_COLUMNS:
        raise LabelFormatError(
            f"{problems.source}: the first line names {len(header)} columns; expected the names of "
            "columns in UTF-8. Check that this is CSV, and save it as UTF-8."
        )
    if data.count(b'"') % 2:
        problems.add("file", "a quote is never closed; the cells after it may be missing")
    wrong: dict[int, str] = {}
    try:
        table = _parsed(data, header, wrong)
    except pa.ArrowInvalid as error:
        raise LabelFormatError(
            f"{problems.source}: not CSV ({excerpt(str(error))}). Save it again."
        ) from error
    for row, what in wrong.items():
        problems.add(f"row {row}", what)
    places = np.arange(2, table.num_rows + len(wrong) + 2)
    rows = places[~np.isin(places, list(wrong))] if wrong else places
    columns = [column.combine_chunks() for column in table.columns]
    return Cells(dict(zip(header, columns, strict=True)), rows)


def _check_encoding(data: bytes, source: str) -> None:
    try:
        if not data.isascii():
            data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise LabelFormatError(
            f"{source}, line {line}: not UTF-8 ({error.reason}). Save the file again as UTF-8."
        ) from error


def _parsed(data: bytes, header: list[str], wrong: dict[int, str]) -> pa.Table:
    import pyarrow as pa
    import pyarrow.csv

    def note(row: Any) -> str:
        wrong[row.number + 1] = (
            f"{row.actual_columns} cells ({excerpt(row.text)}), expected {row.expected_columns}"
        )
        return "skip"

    first = data.find(b"\n", len(data) - len(data.lstrip(b"\r\n")))
    rest = data[first + 1 :] if first >= 0 else b""
    text = pa.large_string()
    names = [f"{place}" for place in range(len(header))]
    if not rest or rest.isspace():
        return pa.table({name: pa.array([], text) for name in names})
    return pyarrow.csv.read_csv(
        pa.BufferReader(rest),
        # One after another, because rows have numbers only then.
        read_options=pyarrow.csv.ReadOptions(
            use_threads=False, column_names=names, block_size=_BLOCK
        ),
        parse_options=pyarrow.csv.ParseOptions(
            delimiter=separator_of(data[:_LONGEST_HEADER]).decode(),
            newlines_in_values=True,
            invalid_row_handler=note,
        ),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(names, text),
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            null_values=[""],
        ),
    )


def write_cells(columns: Mapping[str, Any], *, formulas: bool = False) -> bytes:
    r"""Write columns as CSV, separated by commas.

    Parameters
    ----------
    columns : dict of arrow arrays
        Text that is null is written as nothing, empty text as ``""``.
    formulas : bool
        Whether cells that a spreadsheet program would run may stay as they are.

    Examples
    --------
    >>> import pyarrow as pa
    >>> write_cells({"label": pa.array(["a", None, "b,c"]), "left": pa.array([1.5, 2, None])})
    b'label,left\na,1.5\n,2\n"b,c",\n'
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    text = pa.large_string()
    written = []
    for values in columns.values():
        cells = values.cast(text)
        cells = cells.combine_chunks() if isinstance(cells, pa.ChunkedArray) else cells
        if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
            safe = _quoted if formulas else lambda each: _quoted(_escaped(each))
            cells = _each_once(cells, safe)
        written.append(pc.fill_null(cells, ""))
    names = pa.array([str(name) for name in columns], text)
    head = ",".join(_quoted(names).to_pylist())
    return f"{head}\n".encode() + (joined_lines(written, ",") if written else b"")


def without_apostrophes(cells: pa.Array) -> pa.Array:
    """Undo what keeps a spreadsheet program from running a cell."""
    import pyarrow.compute as pc

    return _each_once(cells, lambda each: pc.replace_substring_regex(each, _QUOTED_FORMULA, r"\1"))


def _each_once(cells: pa.Array, change: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """Change texts, each that stands more than once only once."""
    encoded = cells.dictionary_encode()
    return change(encoded.dictionary).take(encoded.indices)


def _escaped(cells: pa.Array) -> pa.Array:
    import pyarrow.compute as pc

    return pc.replace_substring_regex(cells, _FORMULA, r"'\1")


def _quoted(cells: pa.Array) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    needs = pc.match_substring_regex(cells, _NEEDS_QUOTES)
    if not pc.any(needs).as_py():
        return cells
    quote = pa.scalar('"', pa.large_string())
    doubled = pc.replace_substring(cells, '"', '""')
    in_quotes = pc.binary_join_element_wise(quote, doubled, quote, pa.scalar("", pa.large_string()))
    return pc.if_else(needs, in_quotes, cells)
