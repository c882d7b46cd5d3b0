"""Columns from the values of many small objects, and what does not fit in a column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from annotaudit.boxes import TEXT
from annotaudit.formats.json_text import encode

ATTRIBUTE = "attribute."  # what the columns of attributes begin with
MAX_EXACT = 2**53  # the largest whole number up to which float64 keeps every one
_KINDS = {str: TEXT, int: "float64", float: "float64", bool: "boolean"}

Leftovers = dict[int, dict[str, Any]]  # row number to what no column of that row holds


def text_column(values: Sequence[str | None] | np.ndarray) -> pd.Series:
    """Make a text column, None becoming missing.

    Examples
    --------
    >>> text_column(["a", None]).tolist()
    ['a', nan]
    """
    return text_of_arrays([text_array(values)])


def text_array(values: Sequence[str | None] | np.ndarray) -> Any:
    """Make an Arrow array of texts, None becoming missing."""
    import pyarrow as pa

    return pa.array(values, type=pa.large_string(), from_pandas=True)


def text_of_arrays(arrays: list[Any]) -> pd.Series:
    """Make a text column of Arrow arrays, one after another."""
    import pyarrow as pa

    whole = arrays[0] if len(arrays) == 1 else pa.concat_arrays(arrays)  # which copies even one
    return pd.Series(TEXT.__from_arrow__(pa.chunked_array([whole])))


def id_column(values: list[Any], key: str, leftovers: Leftovers, usual: type = str) -> pd.Series:
    """Make a text column of ids; one that is not of the usual type is kept in the leftovers.

    Examples
    --------
    >>> leftovers = {}
    >>> id_column(["7", 7], "class-id", leftovers).tolist(), leftovers
    (['7', '7'], {1: {'class-id': 7}})
    """
    if usual is str and set(map(type, values)) <= {str}:
        return text_column(values)
    texts: list[str | None] = []
    for row, value in enumerate(values):
        if value is ABSENT:
            texts.append(None)
            continue
        if type(value) is not usual:
            leftovers.setdefault(row, {})[key] = value
        text = value if isinstance(value, str) else encode(value, key).decode()
        texts.append(None if value is None else text)
    return text_column(texts)


class _Absent:
    """Stands where an object lacks the key, which is another thing than null."""


ABSENT = _Absent()


def values_of(entries: Sequence[Mapping[str, Any]], key: str) -> list[Any]:
    """List what each object holds under a key, for :func:`id_column`."""
    return [entry.get(key, ABSENT) for entry in entries]


def attribute_columns(
    attributes: Sequence[Any], key: str, leftovers: Leftovers
) -> dict[str, pd.Series]:
    """Make a column of each attribute: text, number or truth, as most of its values are.

    Parameters
    ----------
    attributes : list
        Of each row the object of attributes; another value goes to the leftovers.
    key : str
        Under which the leftovers keep the values that do not fit their column, null included.
    leftovers : dict
        Added to.

    Examples
    --------
    >>> leftovers = {}
    >>> sizes = [{"size": 3}, {"size": "big"}, {}, {"size": 4}]
    >>> columns = attribute_columns(sizes, "at", leftovers)
    >>> columns["attribute.size"].tolist(), leftovers
    ([3.0, nan, nan, 4.0], {1: {'at': {'size': 'big'}}})
    """
    found: dict[str, dict[int, Any]] = {}
    for row, values in enumerate(attributes):
        if isinstance(values, dict):
            for name, value in values.items():
                found.setdefault(name, {})[row] = value
        elif values is not ABSENT:
            leftovers.setdefault(row, {})[key] = values
    columns = {}
    for name, by_row in found.items():
        kind = _common_kind(by_row.values())
        column: list[Any] = [None] * len(attributes)
        for row, value in by_row.items():
            if kind is not None and _fits(value, kind):
                column[row] = value
            else:
                leftovers.setdefault(row, {}).setdefault(key, {})[name] = value
        if kind is not None:
            columns[ATTRIBUTE + name] = (
                text_column(column) if kind is str else pd.Series(column, dtype=_KINDS[kind])
            )
    return columns


def _common_kind(values: Any) -> type | None:
    kinds = Counter(float if type(value) is int else type(value) for value in values)
    known = [kind for kind, _ in kinds.most_common() if kind in _KINDS]
    return next((kind for kind in known if any(_fits(value, kind) for value in values)), None)


def is_held(value: Any, column: pd.Series) -> bool:
    """Tell whether a value is one that an attribute column of this type holds."""
    kind: type = float if column.dtype.kind == "f" else bool if column.dtype.kind == "b" else str
    return _fits(value, kind)


def _fits(value: Any, kind: type) -> bool:
    if kind is float:
        return (type(value) is int and abs(value) <= MAX_EXACT) or (
            type(value) is float and bool(np.isfinite(value))
        )
    return type(value) is kind


def extra_column(leftovers: Leftovers, n_rows: int, where: str) -> pd.Series:
    """Make the column of leftovers: JSON text, missing where there are none."""
    column: list[str | None] = [None] * n_rows
    for row, values in leftovers.items():
        column[row] = encode(values, where).decode()
    return text_column(column)


def on_first_row(n_rows: int, text: bytes) -> pd.Series:
    """Make a text column that is missing but on its first row: what is said once of many rows."""
    return text_column([text.decode(), *[None] * (n_rows - 1)])


def plain_numbers(values: Sequence[float]) -> list[int | float | None]:
    """Turn floats into what JSON holds: whole ones without a point, NaN as null.

    Examples
    --------
    >>> plain_numbers([3.0, 2.5, float("nan")])
    [3, 2.5, None]
    """
    return [
        None if value != value else int(value) if value.is_integer() else value
        for value in map(float, values)
    ]


def attribute_values(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Gather the attribute columns of each row into an object, missing values left out."""
    rows: list[dict[str, Any]] = [{} for _ in range(len(table))]
    for name in table.columns:
        if not str(name).startswith(ATTRIBUTE):
            continue
        column = table[name]
        numeric = column.dtype.kind in "iuf"
        values = plain_numbers(column.tolist()) if numeric else column.tolist()
        known = column.notna().tolist()
        for row, value, is_known in zip(rows, values, known, strict=True):
            if is_known:
                row[str(name).removeprefix(ATTRIBUTE)] = value
    return rows
