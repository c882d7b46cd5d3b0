"""Findings to files that other programs open."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from annotaudit.errors import LimitError

if TYPE_CHECKING:
    import pandas as pd

ReplaceOption = Annotated[
    bool,
    typer.Option("--replace", help="Write over other files in S3; without it they stay."),
]
ReplaceLabelsOption = Annotated[
    bool,
    typer.Option(
        "--replace",
        help="Write over other files, the labels that are read among them; without it they stay.",
    ),
]
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def save_table(table: pd.DataFrame, path: Path) -> Path:
    """Save a table as CSV, Parquet or JSON, as the end of its name says; whole or not at all.

    Parameters
    ----------
    table : DataFrame
    path : Path
        Ends in ``.csv``, ``.parquet`` or ``.json``. In a CSV, text that a spreadsheet would run
        as a formula gets an apostrophe in front; numbers stay as they are.

    Raises
    ------
    LimitError
        If the name ends otherwise.
    """
    from annotaudit.formats.saving import write_whole

    check_table_name(path)
    file = io.BytesIO()
    match path.suffix.lower():
        case ".csv":
            # Ending lines as RFC 4180 does is also what makes pandas quote a lone "\r".
            without_formulas(table).to_csv(
                file, index=False, lineterminator="\r\n", encoding="utf-8", errors="replace"
            )
        case ".parquet":
            table.to_parquet(file, index=False)
        case ".json":
            table.to_json(file, orient="records", indent=1)
    return write_whole(path, file.getvalue())


def check_table_name(name: str | Path) -> Path:
    """Refuse a file that is no CSV, Parquet or JSON, before any work is done."""
    path = Path(name)
    if path.suffix.lower() not in (".csv", ".parquet", ".json"):
        raise LimitError(
            f"{name} ends in {path.suffix or 'nothing'!r}; expected .csv, .parquet or .json."
        )
    return path


def keep_what_is_read(option: str, place: str | Path | None, *labels: str) -> None:
    """Refuse to write results over the labels they are about, before any work is done.

    Parameters
    ----------
    option : str
        What names the place on the command line.
    place : path or address, optional
        Where the results go.
    labels : str
        What is read: files, folders, patterns or addresses.

    Raises
    ------
    LimitError
        If the place is a label file that is read, or one in a folder that is.
    """
    if place is not None and any(_is_read(str(place), each) for each in labels):
        raise LimitError(f"{option} {place} holds the labels that are read; name another file.")


def _is_read(place: str, labels: str) -> bool:
    from annotaudit.errors import LabelFormatError
    from annotaudit.formats.loading import open_source
    from annotaudit.formats.recognise import recognise

    if "://" in place or "://" in labels:
        return place == labels
    path = Path(place)
    try:
        opened = open_source(labels)
        read = opened if isinstance(opened, list) else [opened]
        if not path.is_file():
            return False
        if any(path.samefile(each) for each in read):
            return True
        inside = any(path.resolve().is_relative_to(each.resolve()) for each in read)
        return inside and recognise(path) is not None
    except LabelFormatError:  # reading says what is wrong
        return False


def without_formulas(table: pd.DataFrame) -> pd.DataFrame:
    """Put an apostrophe before text that a spreadsheet would take for a formula.

    Examples
    --------
    >>> import pandas as pd
    >>> without_formulas(pd.DataFrame({"track": ["=1+1", "car"], "left": [-1.0, 2.0]}))
       track  left
    0  '=1+1  -1.0
    1    car   2.0
    """
    texts = {
        str(name): _harmless(column)
        for name, column in table.items()
        if column.dtype == object or str(column.dtype).startswith("str")
    }
    return table.assign(**texts)


def _harmless(column: pd.Series) -> pd.Series:
    if column.dtype == object:  # may hold anything
        runs = column.map(lambda value: isinstance(value, str) and value.startswith(FORMULA_STARTS))
    else:
        runs = column.str.startswith(FORMULA_STARTS).eq(True)  # a missing text starts with nothing
    return column.mask(runs.astype(bool), "'" + column) if runs.any() else column
