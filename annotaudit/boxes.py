"""The box table that flows through everything, and the labels it comes in."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape

import numpy as np
import pandas as pd

from annotaudit.errors import BoxTableError

COLUMNS = {  # one row per box
    "sequence": "str",  # a video, or a set of still images
    "frame": "int64",  # position in it, from 0
    "track": "str",  # one object through time; missing on still images
    "label": "str",  # the chosen class
    "annotator": "str",  # a worker id, or "consolidated"
    "left": "float64",  # pixels from the left edge of the image
    "top": "float64",  # pixels from its upper edge
    "width": "float64",  # pixels; right = left + width
    "height": "float64",  # pixels; bottom = top + height
}
SIDES = ("left", "top", "width", "height")
EXPECTED = tuple(f"expected_{side}" for side in SIDES)  # of a finding: where they should be
OBJECT = ("sequence", "annotator", "track")  # together they name one object of one annotator
PROBLEM_COLUMNS = {"source": "str", "where": "str", "what": "str"}

# Text with NaN for what is missing: the "str" of pandas 3, which pandas 2.2 knows by another name.
try:
    TEXT = pd.StringDtype(na_value=np.nan)
except TypeError:
    TEXT = pd.StringDtype("pyarrow_numpy")


def empty_table(columns: dict[str, str]) -> pd.DataFrame:
    """Make a table without rows whose columns have the declared types.

    Parameters
    ----------
    columns : dict
        Name and type of each column; the type is ``"str"`` or a numpy type name.

    Examples
    --------
    >>> empty_table(COLUMNS).shape
    (0, 9)
    """
    return pd.DataFrame(
        {
            name: pd.Series([], dtype=TEXT if kind == "str" else kind)
            for name, kind in columns.items()
        }
    )


def check_boxes(boxes: pd.DataFrame) -> pd.DataFrame:
    """Return the box table with its declared types, or say what keeps it from being one.

    Bad *values* (a NaN side, a negative width, a box off the image, the same track twice in a
    frame) are what an audit is for and pass; a bad *table* does not. The caller's table is never
    edited: where a type has to change, a new table comes back. Extra columns ride along.

    Parameters
    ----------
    boxes : DataFrame
        One row per box with at least the columns of ``annotaudit.boxes.COLUMNS``.

    Returns
    -------
    DataFrame
        The same rows in the same order under the same index: text columns as text, ``frame`` as
        int64, sides as float64.

    Raises
    ------
    BoxTableError
        If a column is missing or doubled, a number column holds text, a frame is missing,
        negative or not whole, or a sequence has no name.

    Examples
    --------
    >>> boxes = pd.DataFrame({
    ...     "sequence": ["street"], "frame": [0], "track": ["car:1"], "label": ["car"],
    ...     "annotator": ["ann"], "left": [10], "top": [20], "width": [30], "height": [40]})
    >>> check_boxes(boxes)["left"].dtype
    dtype('float64')
    >>> check_boxes(boxes.drop(columns="top"))
    Traceback (most recent call last):
    annotaudit.errors.BoxTableError: The box table lacks ['top']; it has ['sequence', ...
    """
    if isinstance(boxes, Labels):
        raise BoxTableError(
            "A box table is a pandas DataFrame; found Labels, which hold one. Pass labels.boxes."
        )
    if not isinstance(boxes, pd.DataFrame):
        raise BoxTableError(
            f"A box table is a pandas DataFrame; found {type(boxes).__name__}. "
            "Load labels with annotaudit.load(), or build a DataFrame with the columns "
            f"{list(COLUMNS)}."
        )
    if missing := [name for name in COLUMNS if name not in boxes.columns]:
        raise BoxTableError(
            f"The box table lacks {missing}; it has {[str(name) for name in boxes.columns]}. "
            "Load it with annotaudit.load(), or rename your columns to match "
            "annotaudit.boxes.COLUMNS (a column that is not known may hold None)."
        )
    if doubled := boxes.columns[boxes.columns.duplicated()].tolist():
        raise BoxTableError(
            f"The box table has these columns more than once: {doubled}. "
            "Expected each name once; drop or rename the others."
        )
    typed = {name: _with_kind(boxes[name], kind) for name, kind in COLUMNS.items()}
    changed = {name: column for name, column in typed.items() if column.dtype != boxes[name].dtype}
    checked = boxes.assign(**changed) if changed else boxes
    _refuse_first(checked["frame"], checked["frame"] < 0, "a frame number of 0 or more")
    _refuse_first(checked["sequence"], checked["sequence"].isna(), "the name of a sequence")
    return checked


def _with_kind(column: pd.Series, kind: str) -> pd.Series:
    if kind == "str":
        return _as_text(column)
    numbers = _as_numbers(column)
    if kind == "float64":
        return numbers.astype("float64")
    if numbers.dtype.kind == "f":
        whole = np.isfinite(numbers) & (numbers == np.floor(numbers)) & (numbers.abs() < 2**53)
        _refuse_first(column, ~whole, "a whole frame number")
    elif numbers.dtype.kind == "u":
        _refuse_first(column, numbers > np.iinfo("int64").max, "a frame number below 2**63")
    return numbers.astype("int64")


def _as_text(column: pd.Series) -> pd.Series:
    if column.dtype == TEXT:
        return column
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.astype(column.cat.categories.dtype).pipe(_as_text)
    known = column.notna()
    if column.dtype.kind == "f" and (column[known] % 1 == 0).all():
        # Whole numbers became floats because one was missing: car 7 is not car 7.0.
        column = column.astype("Int64")
    text = column.astype(object).map(str).where(known, np.nan)
    return text.astype(TEXT)


def _as_numbers(column: pd.Series) -> pd.Series:
    is_extension = pd.api.types.is_extension_array_dtype(column.dtype)
    if is_extension and pd.api.types.is_numeric_dtype(column.dtype) and column.dtype.kind in "iuf":
        if column.isna().any():
            return column.astype("float64")
        return column.astype(column.to_numpy().dtype)
    if column.dtype.kind in "iuf" and not is_extension:
        return column
    is_number = column.map(_is_number, na_action=None).astype(bool)
    _refuse_first(
        column, ~is_number, "a number", f" Convert it, as with pandas.to_numeric({column.name!r})."
    )
    return column.map(_as_float, na_action=None).astype("float64")


def _is_number(value: object) -> bool:
    if value is None or value is pd.NA:
        return True
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _as_float(value: float | None) -> float:
    if value is None or value is pd.NA:
        return np.nan
    try:
        return float(value)
    except OverflowError:  # an integer of more than 308 digits
        return np.inf if value > 0 else -np.inf


def _refuse_first(column: pd.Series, bad: pd.Series, expected: str, step: str = "") -> None:
    """Raise for the first bad row, naming column, row, found, expected and the next step."""
    where = np.flatnonzero(bad.to_numpy(dtype=bool))
    if where.size:
        others = f" ({where.size - 1} more rows like it)" if where.size > 1 else ""
        raise BoxTableError(
            f"Column {column.name!r}, row {column.index[where[0]]!r}: found "
            f"{column.iloc[where[0]]!r}, expected {expected}{others}."
            f"{step or ' Correct the value, or leave the row out.'}"
        )


@dataclass(frozen=True)
class Labels:
    """What people drew, which frames they looked at, and what could not be used.

    Parameters
    ----------
    boxes : DataFrame
        One row per box; see ``annotaudit.boxes.COLUMNS``.
    frames : DataFrame
        One row per frame looked at, boxes or none; see ``annotaudit.frames.FRAME_COLUMNS``. It
        tells "nothing there" from "nobody looked".
    problems : DataFrame
        One row per piece of input that could not be used: ``source``, ``where``, ``what``.

    Examples
    --------
    >>> Labels(empty_table(COLUMNS)).boxes.empty
    True
    """

    boxes: pd.DataFrame
    frames: pd.DataFrame = field(default_factory=pd.DataFrame)
    problems: pd.DataFrame = field(default_factory=lambda: empty_table(PROBLEM_COLUMNS))

    def __post_init__(self) -> None:
        object.__setattr__(self, "boxes", check_boxes(self.boxes))

    def __repr__(self) -> str:
        return f"Labels({', '.join(self._facts())})"

    def _repr_html_(self) -> str:
        facts = " · ".join(escape(fact) for fact in self._facts())
        parts = [
            f"<p><strong>Labels</strong>: {facts}</p>",
            self.boxes.head(5).to_html(index=False),
        ]
        if len(self.problems):
            parts += ["<p>Could not be used:</p>", self.problems.head(5).to_html(index=False)]
        return "".join(parts)

    def _facts(self) -> list[str]:
        tracks = self.boxes[list(OBJECT)].dropna(subset="track").drop_duplicates()
        counts = {
            "box": len(self.boxes),
            "track": len(tracks),
            "frame": len(self.frames),
            "sequence": self.boxes["sequence"].nunique(),
            "problem": len(self.problems),
        }
        plural = {"box": "boxes"}
        return [
            f"{n:,} {word if n == 1 else plural.get(word, word + 's')}"
            for word, n in counts.items()
        ]
