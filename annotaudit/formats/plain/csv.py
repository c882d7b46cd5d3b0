"""CSV in the columns of the box table, one row per box.

=============================  ================================================================
file                           what it holds
=============================  ================================================================
``boxes.csv``                  ``boxes``: each column under its name, extra ones included
``boxes.frames.csv``           ``frames``, which tell "nothing there" from "nobody looked"
``boxes.problems.csv``         ``problems``, if there are any
``boxes.csv-metadata.json``    what each of these holds, column by column, as "CSV on the Web"
                               has it: CSV itself does not tell a number from text
=============================  ================================================================

The first alone is enough. Then columns of the box table have its types, others are numbers or true
and false where all their cells are such, and text otherwise (``007`` is text); frames with boxes
count as looked at. An empty cell is missing, ``""`` is empty text. A cell that a spreadsheet
program would run, such as ``=cmd()``, is written with an apostrophe before it, which reading takes
away again.

A file of other people needs ``left``, ``top``, ``width``, ``height`` (or ``right``, ``bottom``) and
``frame`` (or ``image``), in these names or in those that ``columns=`` gives. What else of the box
table lacks is filled in: the sequence is named after the file, the annotator is "consolidated".
``image``, ``image_width`` and ``image_height`` go to the frames table.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from annotaudit.boxes import COLUMNS, PROBLEM_COLUMNS, TEXT, Labels
from annotaudit.errors import LabelFormatError
from annotaudit.formats.csv_cells import (
    Cells,
    header_of,
    read_cells,
    without_apostrophes,
    write_cells,
)
from annotaudit.formats.json_text import decode, encode, read_bytes
from annotaudit.formats.plain.columns import looks_like_boxes, own, renamed, tables
from annotaudit.formats.problems import Problems, excerpt
from annotaudit.formats.saving import remove, write_whole
from annotaudit.frames import FRAME_COLUMNS
from annotaudit.frames.table import check_frames

_CONTEXT = "http://www.w3.org/ns/csvw"
_APOSTROPHES = "annotaudit:apostrophes"  # whether cells like formulas have one before them
_DTYPE = "annotaudit:dtype"
_DATATYPES = {"b": "boolean", "i": "integer", "u": "integer", "f": "number"}
_WHOLE = r"^-?(?:0|[1-9][0-9]{0,17})$"
_NUMBER = r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?$|^-?inf$"
_TRUTH = r"^(?:true|false|True|False)$"

Types = dict[str, dict[str, str]]  # of each file, of each column, its type in the tables


def recognises(path: Path, head: bytes) -> bool:
    """Tell the file from the names of its columns, ours or such as other people use.

    Examples
    --------
    >>> recognises(Path("any.name"), b"frame,left,top,width,height")
    True
    """
    return not path.is_dir() and looks_like_boxes(header_of(head))


def _beside(path: Path) -> dict[str, Path]:
    return {
        "frames": path.with_name(f"{path.stem}.frames{path.suffix}"),
        "problems": path.with_name(f"{path.stem}.problems{path.suffix}"),
        "metadata": path.with_name(f"{path.name}-metadata.json"),
    }


def parts(path: Path) -> list[Path]:
    """List the files that are read when a file is."""
    return [path, *(file for file in _beside(path).values() if file.is_file())]


def load(
    path: Path,
    *,
    strict: bool = False,
    sequence: str | None = None,
    columns: Mapping[str, str] | None = None,
) -> Labels:
    """Read a CSV file, and what lies beside it.

    Parameters
    ----------
    path : Path
        Separated by commas, semicolons or tabs; UTF-8.
    strict : bool
        Raise at the first problem.
    sequence : str, optional
        Name of the sequence where the file has none; by default that of the file.
    columns : dict, optional
        Names of columns in the file to ours, as ``{"xmin": "left", "xmax": "right"}``.

    Returns
    -------
    Labels

    Raises
    ------
    LabelFormatError
        If it lacks columns; says how to name them.
    """
    problems = Problems(str(path), strict=strict)
    beside = _beside(path)
    types = _read_types(beside["metadata"], problems)
    problems.source = str(path)
    cells = _cells(path, problems, plain=types is not None)
    ours = renamed(list(cells.columns), columns, str(path))
    found = {ours[name]: values for name, values in cells.columns.items()}
    with_frames = beside["frames"].is_file()
    known = own(list(found), with_images=not with_frames)
    told = (types or {}).get(path.name, {})
    extras = pd.DataFrame(
        {name: _series(found[name], told.get(name)) for name in found if name not in known}
    )
    mine = {name: found[name] for name in known}
    boxes, frames = tables(mine, extras, cells.rows, sequence or path.stem, problems)
    if set(COLUMNS) <= known:
        boxes = boxes[[name for name in found if name in boxes]]
    if with_frames:
        frames = _read_frames(beside["frames"], types, problems, frames)
    earlier = problems.table().iloc[:0]
    if beside["problems"].is_file():
        earlier = _read_problems(beside["problems"], types, problems, earlier)
    told_now = problems.table()
    everything = pd.concat([earlier, told_now], ignore_index=True) if len(told_now) else earlier
    return Labels(boxes, frames, everything)


def _cells(path: Path, problems: Problems, *, plain: bool) -> Cells:
    cells = read_cells(read_bytes(path), problems)
    if not plain:
        return cells
    return Cells({name: without_apostrophes(c) for name, c in cells.columns.items()}, cells.rows)


def _read_types(path: Path, problems: Problems) -> Types | None:
    """Return the types that the metadata tell; None if there are no such metadata."""
    if not path.is_file():
        return None
    problems.source = str(path)
    try:
        content = decode(read_bytes(path), str(path))
        tables = {table["url"]: table["tableSchema"]["columns"] for table in content["tables"]}
        types: Types = {
            str(url): {str(column["titles"]): str(column[_DTYPE]) for column in described}
            for url, described in tables.items()
        }
        return types if content[_APOSTROPHES] is True else None
    except (LabelFormatError, KeyError, TypeError, AttributeError) as error:
        problems.add("file", f"not used ({excerpt(str(error))}); types are told from the cells")
        return None


def _read_frames(
    path: Path, types: Types | None, problems: Problems, other: pd.DataFrame
) -> pd.DataFrame:
    problems.source = str(path)
    try:
        cells = _cells(path, problems, plain=types is not None)
        told = (types or {}).get(path.name, {})
        kinds = {**{k: v for k, v in FRAME_COLUMNS.items() if v != "int64"}, **told}
        table = {name: _series(values, kinds.get(name)) for name, values in cells.columns.items()}
        return check_frames(pd.DataFrame(table))
    except ValueError as error:
        problems.add("file", f"cannot be used ({error}); the frames with boxes were looked at")
        return other


def _read_problems(
    path: Path, types: Types | None, problems: Problems, other: pd.DataFrame
) -> pd.DataFrame:
    problems.source = str(path)
    try:
        cells = _cells(path, problems, plain=types is not None)
        table = {name: _series(cells.columns[name], "str") for name in PROBLEM_COLUMNS}
        return pd.DataFrame(table).astype(TEXT)
    except (LabelFormatError, KeyError) as error:
        problems.add("file", f"cannot be used ({excerpt(str(error))})")
        return other


def _series(values: Any, kind: str | None) -> pd.Series:
    """Turn text into a column of the type that is told, or else that all its cells have."""
    import pyarrow as pa
    import pyarrow.compute as pc

    # Columns of text repeat themselves: one look at each text is enough.
    def all_match(pattern: str) -> bool:
        fits = pc.match_substring_regex(distinct, pattern)
        return bool(pc.all(fits, min_count=0).as_py()) and values.null_count < len(values)

    text = pd.Series(TEXT.__from_arrow__(pa.chunked_array([values])))
    distinct = values.unique()
    if kind == "str" or (kind is None and values.null_count == len(values)):
        return text
    try:
        if all_match(_TRUTH):
            truth = values.cast(pa.bool_()).to_pandas()
            missing = values.null_count or kind == "boolean"
            return truth.astype("boolean" if missing else "bool")
        if kind in _WHOLE_TYPES or (kind is None and all_match(_WHOLE)):
            numbers = values.cast(pa.uint64() if kind in ("uint64", "UInt64") else pa.int64())
            if not values.null_count:
                return numbers.to_pandas().astype(kind or "int64")
            if kind is None:
                return numbers.cast(pa.float64()).to_pandas()
            return pd.Series(pd.array(numbers.to_pylist(), dtype=kind))
        if kind is None and all_match(_NUMBER):
            return values.cast(pa.float64()).to_pandas()
        if kind is not None:
            return values.cast(pa.float64()).to_pandas().astype(kind)
    except (pa.ArrowException, TypeError, ValueError):
        pass  # not what the metadata say: text is what it certainly is
    return text


_WHOLE_TYPES = tuple(
    f"{name}{bits}" for name in ("int", "uint", "Int", "UInt") for bits in (8, 16, 32, 64)
)


def save(labels: Labels, path: Path) -> Path:
    """Write boxes to a CSV file, and frames, problems and types beside it.

    Parameters
    ----------
    labels : Labels
    path : Path

    Raises
    ------
    LabelFormatError
        If an extra column holds values of several kinds, or of one that CSV cannot tell; Parquet
        may.
    """
    beside = _beside(path)
    parts = {path: labels.boxes, beside["frames"]: labels.frames}
    if len(labels.problems):
        parts[beside["problems"]] = labels.problems
    described, texts = [], {}
    for file, table in parts.items():
        if len(table.columns):
            arrays = {
                str(name): _array(column, f"{file}, column {name!r}")
                for name, column in table.items()
            }
            texts[file] = write_cells(arrays)
            described.append({"url": file.name, "tableSchema": {"columns": _described(table)}})
    metadata = {"@context": _CONTEXT, "tables": described, _APOSTROPHES: True}
    texts[beside["metadata"]] = encode(metadata, str(path)) + b"\n"
    for file in beside.values():
        if file not in texts:
            remove(file)  # of an earlier save: it tells of other boxes
    for file, text in reversed(texts.items()):
        write_whole(file, text)
    return path


def _described(table: pd.DataFrame) -> list[dict[str, str]]:
    return [
        {
            "titles": str(name),
            "datatype": _DATATYPES.get(column.dtype.kind, "string")
            if column.dtype != TEXT
            else "string",
            _DTYPE: "str" if column.dtype in (TEXT, object) else str(column.dtype),
        }
        for name, column in table.items()
    ]


def _array(column: pd.Series, where: str) -> Any:
    import pyarrow as pa

    is_text = column.dtype in (TEXT, object)
    if "\n" in str(column.name) or not (is_text or column.dtype.kind in "biuf"):
        raise LabelFormatError(
            f"{where}: CSV cannot hold {column.dtype} nor a name of several lines. Make it text, "
            "rename it, leave it out, or save as Parquet."
        )
    try:
        if is_text:
            return pa.array(column, pa.large_string(), from_pandas=True)
        values = pa.array(column, from_pandas=True)
    except (pa.ArrowException, TypeError) as error:
        raise LabelFormatError(
            f"{where} holds values of several kinds ({excerpt(str(error))}). Make it text, or "
            "leave it out."
        ) from error
    if column.dtype.kind != "f":
        return values
    numbers = column.to_numpy(dtype="float64", na_value=np.nan)
    return pa.array(numbers, from_pandas=True)
