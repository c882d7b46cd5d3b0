"""Decisions on batches of the requester website, where the API may not decide.

The website takes the batch results back with two columns filled: ``Approve`` and ``Reject``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from annotaudit.boxes import TEXT
from annotaudit.errors import BoxTableError, LabelFormatError
from annotaudit.formats.json_text import read_bytes
from annotaudit.formats.saving import write_whole

_FORMULA = tuple("=+-@\t\r")  # a spreadsheet program takes a cell that starts so for a formula


def fill_batch_csv(
    plan: pd.DataFrame, csv_in: str | os.PathLike[str], csv_out: str | os.PathLike[str]
) -> pd.DataFrame:
    """Write a plan's decisions into batch results, to be uploaded on the requester website.

    Only cells under ``Approve`` (``x``) and ``Reject`` (the reason) change; every other byte stays
    as it is. A reason that a spreadsheet program would run as a formula gets an apostrophe before
    it. Bonuses cannot be paid this way.

    Parameters
    ----------
    plan : DataFrame
        As :func:`annotaudit.aws.plan_reviews` gives it.
    csv_in : path
        Batch results as downloaded.
    csv_out : path
        Another file.

    Returns
    -------
    DataFrame
        One row per decision written: ``assignment``, ``column``, ``text``.

    Raises
    ------
    BoxTableError
        If the plan is none.
    LabelFormatError
        If the file is no batch, lacks an assignment of the plan, has other decisions in it
        already, or is the file to write.
    """
    if missing := [name for name in ("assignment", "decision", "reason") if name not in plan]:
        raise BoxTableError(
            f"The plan lacks {missing}; it has {[str(name) for name in plan]}. "
            "Make it with annotaudit.aws.plan_reviews()."
        )
    source, target = Path(csv_in), Path(csv_out)
    if target.exists() and target.samefile(source):
        raise LabelFormatError(f"{source} would be written over. Name another file to write.")
    read_bytes(source)  # refuses what is too long or in UTF-16
    text = source.read_bytes().decode("utf-8", "surrogateescape")  # any encoding comes back whole
    decided = _decisions(plan)
    rows, written = _filled(source, text, decided)
    if unknown := sorted(decided.keys() - {name for name, _, _ in written}):
        raise LabelFormatError(
            f"{source} has no assignment {unknown[0]!r}, nor {len(unknown) - 1} more of the plan. "
            "Is this the batch the plan was made from?"
        )
    write_whole(target, "".join(rows).encode("utf-8", "surrogateescape"))
    return pd.DataFrame(written, columns=["assignment", "column", "text"]).astype(TEXT)


def _decisions(plan: pd.DataFrame) -> dict[str, tuple[str, str]]:
    decided = {}
    for row in plan.itertuples():
        if row.decision in ("approve", "approve after all"):
            decided[row.assignment] = ("Approve", "x")
        elif row.decision == "reject":
            reason = f"'{row.reason}" if row.reason.startswith(_FORMULA) else row.reason
            decided[row.assignment] = ("Reject", reason)
    return decided


def _filled(
    source: Path, text: str, decided: dict[str, tuple[str, str]]
) -> tuple[list[str], list[tuple[str, str, str]]]:
    """Rows with the decisions in them, and what was written where."""
    first = text.lstrip("\ufeff\r\n").partition("\n")[0]
    comma = max(",;\t", key=first.count)
    records = _records(source, text, comma)
    _, header, ending = next(records, (1, [], ""))
    names = [_plain(cell.lstrip("\ufeff")) for cell in header]
    if "AssignmentId" not in names or len(set(names)) < len(names):
        raise LabelFormatError(
            f"{source}: the first line is {first[:60]!r}; expected the columns of batch results, "
            "'AssignmentId' among them, each once. Download the batch results again."
        )
    added = [name for name in ("Approve", "Reject") if name not in names]
    names += added
    rows, written = [comma.join([*header, *added]) + ending], []
    for line, cells, ending in records:
        if len(cells) > 1 and added:
            cells += [""] * (len(names) - len(cells))
        assignment = _plain(dict(zip(names, cells, strict=False)).get("AssignmentId", ""))
        if assignment in decided:
            column, word = decided[assignment]
            cells += [""] * (names.index(column) + 1 - len(cells))
            row = dict(zip(names, map(_plain, cells), strict=False))
            before = {name: row[name] for name in ("Approve", "Reject") if row.get(name)}
            if before and before != {column: word}:
                raise LabelFormatError(
                    f"{source}, line {line}: {assignment} has a decision already, {before}; the "
                    f"plan has {column} {word!r}. Take one of them out."
                )
            if not before:
                cells[names.index(column)] = _quoted(word, comma)
            written.append((assignment, column, word))
        rows.append(comma.join(cells) + ending)
    return rows, written


def _records(source: Path, text: str, comma: str) -> Iterator[tuple[int, list[str], str]]:
    """Cells of each row as they stand in the text, quotes included, and how the row ends."""
    cell = re.compile(f'("(?:[^"]|"")*"|[^"{comma}\r\n][^{comma}\r\n]*|)({comma}|\r\n|\n|\r|\\Z)')
    at, line = 0, 1
    cells: list[str] = []
    while at < len(text) or cells:
        found = cell.match(text, at)
        if found is None:
            raise LabelFormatError(
                f"{source}, line {line}: not CSV; a quote is open or stands inside a cell. "
                "Download the batch results again."
            )
        cells.append(found[1])
        at = found.end()
        if found[2] != comma:
            yield line, cells, found[2]
            line += sum(part.count("\n") for part in (*cells, found[2]))
            cells = []


def _plain(cell: str) -> str:
    return cell[1:-1].replace('""', '"') if cell.startswith('"') else cell


def _quoted(text: str, comma: str) -> str:
    unquoted = not any(letter in text for letter in (comma, '"', "\n", "\r"))
    return text if unquoted else '"' + text.replace('"', '""') + '"'
