"""The boxes of Ground Truth's JSON: objects in, columns out, and back."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from annotaudit.boxes import SIDES
from annotaudit.errors import LabelFormatError
from annotaudit.formats import columns
from annotaudit.formats.columns import Leftovers
from annotaudit.formats.json_text import decode
from annotaudit.formats.problems import Problems, excerpt

_WHOLE = re.compile("-?(0|[1-9][0-9]{0,99})")
_corners = itemgetter(*SIDES)


@dataclass(frozen=True)
class Spelling:
    """How one kind of file spells the parts of a box.

    Parameters
    ----------
    texts : dict
        Column name to the key in the file, for the ids and other texts.
    attributes : str, optional
        Key of the object of attributes.
    integers : frozenset
        Columns whose ids are whole numbers in the file.
    """

    texts: Mapping[str, str]
    attributes: str | None = None
    integers: frozenset[str] = frozenset()

    def kind_of(self, name: str) -> type:
        """Type of a text column's values in the file."""
        return int if name in self.integers else str


def read_entries(
    entries: list[Any], spelling: Spelling, where: Callable[[int], str], problems: Problems
) -> tuple[NDArray[np.int64], pd.DataFrame]:
    """Make columns of the objects that are boxes, and problems of the others.

    A side that is null or NaN is unknown, and the box is kept with NaN there. Zero and negative
    sides are kept as they are. A side that is missing, infinite, text or true is a problem.

    Parameters
    ----------
    entries : list
        As decoded.
    spelling : Spelling
    where : callable
        Names the place of the n-th entry in a message.
    problems : Problems

    Returns
    -------
    rows : int array
        Which entries are boxes.
    table : DataFrame
        Their sides, the texts of the spelling, attributes as ``attribute.<name>``, and ``extra``,
        the JSON text of whatever else they hold (a column only if there is any).
    """
    leftovers: Leftovers = {}
    rows, sides = _sides(entries, where, problems)
    kept = entries if len(rows) == len(entries) else [entries[row] for row in rows]
    table: dict[str, Any] = dict(zip(SIDES, sides.T, strict=True))
    table |= _others(kept, spelling, leftovers)
    if leftovers:
        table["extra"] = columns.extra_column(leftovers, len(rows), problems.source)
    return rows, pd.DataFrame(table)


def _others(entries: list[Any], spelling: Spelling, leftovers: Leftovers) -> dict[str, pd.Series]:
    """Make columns of all but the sides; what has no column goes to the leftovers."""
    table = {
        name: columns.id_column(
            columns.values_of(entries, key), key, leftovers, spelling.kind_of(name)
        )
        for name, key in spelling.texts.items()
    }
    known = {*SIDES, *spelling.texts.values()}
    if spelling.attributes is not None:
        known.add(spelling.attributes)
        attributes = columns.values_of(entries, spelling.attributes)
        table |= columns.attribute_columns(attributes, spelling.attributes, leftovers)
    for key in sorted(set(chain.from_iterable(entries)) - known):
        for row, entry in enumerate(entries):
            if key in entry:
                leftovers.setdefault(row, {})[key] = entry[key]
    return table


def _sides(
    entries: list[Any], where: Callable[[int], str], problems: Problems
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    try:
        corners = list(map(_corners, entries))
        if set(map(type, chain.from_iterable(corners))) <= {int, float}:
            flat = np.fromiter(chain.from_iterable(corners), np.float64, 4 * len(entries))
            if not np.isinf(flat).any():
                return np.arange(len(entries)), flat.reshape(-1, 4)
    except (KeyError, TypeError, OverflowError):
        pass  # some entry is no box: find out which
    rows, sides = [], []
    for row, entry in enumerate(entries):
        numbers = _sides_of(entry)
        if isinstance(numbers, str):
            problems.add(where(row), numbers)
        else:
            rows.append(row)
            sides.append(numbers)
    return np.array(rows, dtype=np.int64), np.array(sides, dtype=np.float64).reshape(-1, 4)


def _sides_of(entry: Any) -> list[float] | str:
    """The four sides as numbers, or what keeps them from being numbers."""
    if not isinstance(entry, dict):
        return f"found {excerpt(entry)}; expected a box with {', '.join(SIDES)}"
    numbers = []
    for side in SIDES:
        if side not in entry:
            return f"the box has no {side!r}; it has {excerpt(', '.join(map(str, entry)))}"
        value = entry[side]
        if value is None:
            numbers.append(float("nan"))
        elif isinstance(value, bool) or not isinstance(value, int | float):
            return f"{side} is {excerpt(value)}; expected a number"
        elif isinstance(value, int) and value.bit_length() > 1000 or value in _INFINITE:
            return f"{side} is {excerpt(value)}; expected a number of pixels"
        else:
            numbers.append(float(value))
    return numbers


_INFINITE = (float("inf"), float("-inf"))


def write_entries(boxes: pd.DataFrame, spelling: Spelling, target: str) -> list[dict[str, Any]]:
    """Make the objects of a file from box rows: the opposite of :func:`read_entries`.

    A text whose original was no text is written as the original while the column still says the
    same.

    Raises
    ------
    LabelFormatError
        If a side is infinite, which JSON cannot say.
    """
    if (bad := np.isinf(boxes[list(SIDES)].to_numpy()).any(axis=1)).any():
        row = boxes[bad].iloc[0]
        raise LabelFormatError(
            f"{target}: the box of track {row['track']!r} on frame {row['frame']} has an infinite "
            "side, which JSON cannot hold. Correct it, or set it to NaN."
        )
    sides = [columns.plain_numbers(boxes[side].tolist()) for side in SIDES]
    keys = list(SIDES)
    for name, key in spelling.texts.items():
        if name in boxes:
            keys.append(key)
            texts = boxes[name].tolist()
            sides.append(list(map(_as_integer, texts)) if name in spelling.integers else texts)
    entries = [
        {
            key: value
            for key, value in zip(keys, values, strict=True)
            if key in SIDES or isinstance(value, str | int)
        }
        for values in zip(*sides, strict=True)
    ]
    if spelling.attributes is not None:
        for entry, values in zip(entries, columns.attribute_values(boxes), strict=True):
            entry[spelling.attributes] = values
    if "extra" in boxes:
        for entry, text in zip(entries, boxes["extra"].tolist(), strict=True):
            if isinstance(text, str):
                _add_extra(entry, decode(text.encode(), f"{target}, column extra"), spelling)
    return entries


def _as_integer(text: Any) -> Any:
    is_whole = isinstance(text, str) and _WHOLE.fullmatch(text)
    return int(text) if is_whole else text


def _add_extra(entry: dict[str, Any], extra: Any, spelling: Spelling) -> None:
    if not isinstance(extra, dict):
        return
    texts = set(spelling.texts.values())
    for key, value in extra.items():
        if key in texts:
            leftovers: Leftovers = {}
            as_read = columns.id_column([value], key, leftovers).tolist()[0]
            if key not in entry or str(entry[key]) == str(as_read):
                entry[key] = value
        elif key == spelling.attributes and isinstance(value, dict):
            entry[key] = {**value, **entry[key]}
        else:
            entry[key] = value
