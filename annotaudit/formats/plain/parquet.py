"""Parquet in the columns of the box table: everything that labels hold, in one file.

========================  =====================================================================
in the file               in the labels
========================  =====================================================================
the table                 ``boxes``: each column under its name, extra ones included. Programs
                          that know nothing of annotaudit read the boxes, and only those
``annotaudit`` of the     types of the columns, where Parquet's do not tell them: JSON text
schema's metadata
``annotaudit.frames``     ``frames``, and ``annotaudit.problems`` ``problems``: Arrow's stream
                          format, compressed, in base64
========================  =====================================================================

A file of other people needs ``left``, ``top``, ``width``, ``height`` (or ``right``, ``bottom``) and
``frame`` (or ``image``), in these names or in those that ``columns=`` gives. What else of the box
table lacks is filled in: the sequence is named after the file, the annotator is "consolidated".
``image``, ``image_width`` and ``image_height`` go to the frames table.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from annotaudit.boxes import COLUMNS, PROBLEM_COLUMNS, TEXT, Labels
from annotaudit.errors import BoxTableError, LabelFormatError
from annotaudit.formats.json_text import MAX_BYTES, decode, encode
from annotaudit.formats.plain.columns import looks_like_boxes, own, renamed, tables
from annotaudit.formats.problems import Problems, excerpt
from annotaudit.formats.saving import write_whole
from annotaudit.frames.table import check_frames

if TYPE_CHECKING:
    import pyarrow as pa

_MARK = b"PAR1"
_TYPES, _FRAMES, _PROBLEMS = b"annotaudit", b"annotaudit.frames", b"annotaudit.problems"
_MAX_CELLS = 4_000_000_000
_MAX_TEXT = 1 << 30  # bytes of the metadata, which hold the frames


def recognises(path: Path, head: bytes) -> bool:
    """Tell a Parquet file of boxes from its first bytes and the names of its columns.

    Examples
    --------
    >>> recognises(Path("any.name"), b"frame,left,top,width,height")
    False
    """
    if not head.startswith(_MARK):
        return False
    import pyarrow as pa
    import pyarrow.parquet

    try:
        return looks_like_boxes(pyarrow.parquet.read_schema(path).names)
    except (pa.ArrowException, OSError, ValueError):
        return True  # broken, which reading it says


def load(
    path: Path,
    *,
    strict: bool = False,
    sequence: str | None = None,
    columns: Mapping[str, str] | None = None,
) -> Labels:
    """Read a Parquet file.

    Parameters
    ----------
    path : Path
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
        If it is no Parquet file, or lacks columns; says how to name them.
    """
    import pyarrow as pa

    problems = Problems(str(path), strict=strict)
    try:
        table = _read(path)
        ours = renamed(table.column_names, columns, str(path))
        found = {ours[name]: table.column(name).combine_chunks() for name in table.column_names}
    except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
        if isinstance(error, LabelFormatError):
            raise
        raise LabelFormatError(
            f"{path} cannot be read as Parquet ({excerpt(str(error))}). Copy or write it again."
        ) from error
    metadata = table.schema.metadata or {}
    types = _types(metadata, path, problems)
    known = own(list(found), with_images=_FRAMES not in metadata)
    extras = pd.DataFrame(
        {name: _series(found[name], types.get(name)) for name in found if name not in known}
    )
    ours_alone = {name: found[name] for name in known}
    rows = np.arange(1, table.num_rows + 1)
    boxes, frames = tables(ours_alone, extras, rows, sequence or path.stem, problems)
    if set(COLUMNS) <= known:
        boxes = boxes[[name for name in found if name in boxes]]
    frames = _kept(metadata, _FRAMES, problems, frames)
    earlier = _kept(metadata, _PROBLEMS, problems, problems.table().iloc[:0])
    told = pd.concat([earlier, problems.table()]) if len(problems) else earlier
    try:
        return Labels(boxes, frames, told.reset_index(drop=True))
    except BoxTableError as error:
        raise LabelFormatError(f"{path}: {error}") from error


def _read(path: Path) -> pa.Table:
    import pyarrow.parquet

    if (size := path.stat().st_size) > MAX_BYTES:
        raise LabelFormatError(
            f"{path} is {size:,} bytes long; at most {MAX_BYTES:,} are read at once. "
            "Split it by sequence and load the folder."
        )
    limit = {"thrift_string_size_limit": _MAX_TEXT}
    with pyarrow.parquet.ParquetFile(path, **limit) as file:
        cells = file.metadata.num_rows * max(file.metadata.num_columns, 1)
        if cells > _MAX_CELLS:
            raise LabelFormatError(
                f"{path} says it has {cells:,} values; at most {_MAX_CELLS:,} are read at once. "
                "Split it by sequence and load the folder."
            )
        return file.read()


def _types(metadata: Mapping[bytes, bytes], path: Path, problems: Problems) -> dict[str, Any]:
    found = decode(metadata.get(_TYPES, b"{}"), f"{path}, metadata annotaudit")
    if not isinstance(found, dict):
        problems.add("metadata annotaudit", f"found {excerpt(found)}; expected an object")
        return {}
    return found


def _series(values: Any, kind: object) -> pd.Series:
    """Turn an Arrow array into a column of the type it had."""
    import pyarrow as pa

    types = pa.types
    if types.is_dictionary(values.type) and kind != "category":
        values = values.dictionary_decode()
    if types.is_string(values.type) or types.is_large_string(values.type):
        return pd.Series(TEXT.__from_arrow__(pa.chunked_array([values.cast(pa.large_string())])))
    series: pd.Series = values.to_pandas()
    if types.is_boolean(values.type):
        return series.astype("bool" if kind != "boolean" and not values.null_count else "boolean")
    if types.is_integer(values.type) and (values.null_count or str(kind)[:1] in ("I", "U")):
        name = str(pd.Series([], dtype=values.type.to_pandas_dtype()).dtype)
        exact = pd.array(values.to_pylist(), dtype=name.capitalize().replace("Ui", "UI"))
        return pd.Series(exact)
    return series


def _kept(
    metadata: Mapping[bytes, bytes], key: bytes, problems: Problems, other: pd.DataFrame
) -> pd.DataFrame:
    """Return a table that the metadata holds, or another one."""
    import pyarrow as pa

    if key not in metadata:
        return other
    try:
        stream = base64.b64decode(metadata[key], validate=True)
        with pa.ipc.open_stream(stream) as reader:
            table = reader.read_all()
        types = decode((table.schema.metadata or {}).get(_TYPES, b"{}"), "types")
        kept = pd.DataFrame(
            {
                name: _series(table.column(name).combine_chunks(), types.get(name))
                for name in table.column_names
            }
        )
        if key == _FRAMES:
            return check_frames(kept)
        return kept[list(PROBLEM_COLUMNS)].astype(TEXT)
    except (pa.ArrowException, OSError, ValueError, LookupError, AttributeError) as error:
        problems.add(f"metadata {key.decode()}", f"cannot be read ({excerpt(str(error))})")
        return other


def save(labels: Labels, path: Path) -> Path:
    """Write boxes, frames and problems to one Parquet file.

    Parameters
    ----------
    labels : Labels
    path : Path

    Raises
    ------
    LabelFormatError
        If an extra column holds values of several kinds.
    """
    import pyarrow as pa
    import pyarrow.parquet

    table = _arrow(labels.boxes, f"{path}, boxes")
    metadata = dict(table.schema.metadata)
    for key, kept in ((_FRAMES, labels.frames), (_PROBLEMS, labels.problems)):
        if len(kept.columns) and (len(kept) or key == _FRAMES):
            sink = pa.BufferOutputStream()
            arrow = _arrow(kept, f"{path}, {key.decode()}")
            options = pa.ipc.IpcWriteOptions(compression="zstd")
            with pa.ipc.new_stream(sink, arrow.schema, options=options) as writer:
                writer.write_table(arrow)
            metadata[key] = base64.b64encode(sink.getvalue())
    sink = pa.BufferOutputStream()
    pyarrow.parquet.write_table(table.replace_schema_metadata(metadata), sink, compression="zstd")
    return write_whole(path, sink.getvalue().to_pybytes())


def _arrow(table: pd.DataFrame, where: str) -> pa.Table:
    import pyarrow as pa

    arrays, types = [], {}
    for name, column in table.items():
        try:
            values = pa.array(column, from_pandas=True)
        except (pa.ArrowException, TypeError, ValueError) as error:
            raise LabelFormatError(
                f"{where}: column {name!r} cannot be written ({excerpt(str(error))}). Make it "
                f"text, as with boxes[{name!r}].astype(str), or leave it out."
            ) from error
        values = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
        if name not in COLUMNS:
            types[str(name)] = str(column.dtype)
        arrays.append(values)
    named = pa.table(arrays, names=[str(name) for name in table.columns])
    return named.replace_schema_metadata({_TYPES: encode(types, where)})
