"""Mechanical Turk batch results: the CSV file of the requester website, one row per assignment.

================================  =============================================================
column                            meaning
================================  =============================================================
``HITId AssignmentId WorkerId``   ids; ``AssignmentStatus``, ``AcceptTime``, ``SubmitTime``,
                                  ``WorkTimeInSeconds`` and others beside them
``Input.<name>``                  what the HIT was filled with; the image is ``Input.image_url``
``Answer.<field>``                the fields of the answer; which one holds boxes is found out
``Approve Reject``                empty, for the requester to fill and upload
================================  =============================================================

Columns are found by name. In the tables an image is a frame, a worker an annotator;
``annotaudit.formats.mturk.assignments`` says where the rest stands.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from annotaudit.boxes import Labels
from annotaudit.errors import LabelFormatError
from annotaudit.formats.json_text import read_bytes
from annotaudit.formats.mturk.answers import as_json
from annotaudit.formats.mturk.assignments import Assignment, build_labels
from annotaudit.formats.mturk.options import Reading
from annotaudit.formats.mturk.saving import batch_fields, rewritten
from annotaudit.formats.mturk.xml import MAX_ANSWER, read_fields
from annotaudit.formats.problems import Problems, excerpt
from annotaudit.formats.saving import write_whole

_FOR_THE_REQUESTER = ("Approve", "Reject")  # rows may end before these
# A spreadsheet program takes a cell that starts like this for a formula. Such cells are written
# with an apostrophe before them, and read without it.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_SAFE_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)
_QUOTED_FORMULA = re.compile(r"'+[=+\-@\t\r]")


def recognises(path: Path, head: bytes) -> bool:
    """Whether the first line of a file names the columns of batch results.

    Examples
    --------
    >>> recognises(Path("any.name"), b'"HITId","AssignmentId","WorkerId","Answer.boxes"')
    True
    """
    first = head.lstrip().split(b"\n", 1)[0]
    names = {name.strip(b' "\r') for name in re.split(rb"[,;\t]", first)}
    return {b"HITId", b"AssignmentId"} <= names


def load(path: Path, *, strict: bool = False, encoding: str = "utf-8", **options: Any) -> Labels:
    """Load batch results as labels.

    Parameters
    ----------
    path : Path
        Separated by commas, or by semicolons or tabs as some spreadsheet programs save them.
    strict : bool
        Raise at the first problem.
    encoding : str
        Of the file, such as ``"cp1252"`` after a spreadsheet program on Windows.
    **options
        See :class:`annotaudit.formats.mturk.options.Reading`: ``sequence``, ``image``, ``field``,
        ``scale``, ``inclusive``, ``mask_workers``, ``key``.

    Returns
    -------
    Labels
        As from :func:`annotaudit.formats.mturk.format.load`.

    Raises
    ------
    LabelFormatError
        If the file is not in that encoding, or its first line names no batch columns.
    """
    reading = Reading(**options)
    problems = Problems(str(path), strict=strict)
    data = read_bytes(path)
    try:
        text = data.decode(encoding)
    except LookupError as error:
        raise LabelFormatError(
            f"{path}: there is no encoding {encoding!r}. Name one such as 'utf-8' or 'cp1252'."
        ) from error
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise LabelFormatError(
            f"{path}, line {line}: not {encoding} ({error.reason}). Save the file as UTF-8, or "
            "name its encoding, as in load(..., encoding='cp1252')."
        ) from error
    # A worker's boxes may be longer than the 131,072 characters that are the module's default.
    csv.field_size_limit(max(csv.field_size_limit(), MAX_ANSWER))
    found = [
        Assignment(f"{where}, assignment {row['AssignmentId']}", row, batch_fields(row))
        for where, row in _rows(path, text, problems)
    ]
    return build_labels(found, {}, path.stem, reading, problems)


def _rows(path: Path, text: str, problems: Problems) -> Iterator[tuple[str, dict[str, Any]]]:
    first = text.lstrip("\r\n").split("\n", 1)[0]
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=max(",;\t", key=first.count),
        strict=True,  # a quote that is never closed would swallow the rest of the file
    )
    records = _records(reader, problems)
    _, header = next(records, ("", []))
    _check_header(path, header)
    may_lack = [name in _FOR_THE_REQUESTER for name in header]
    for where, cells in records:
        if not cells:
            continue
        if len(cells) < len(header) and not all(may_lack[len(cells) :]):
            problems.add(
                where, f"{len(cells)} cells, expected {len(header)}: the row ends too early"
            )
            continue
        if any(cells[len(header) :]):
            problems.add(
                where, f"{len(cells)} cells, expected {len(header)}: a quote may be missing"
            )
            continue
        row = dict.fromkeys(header, "") | dict(zip(header, map(_as_written, cells), strict=False))
        if row["AssignmentId"]:
            yield where, row
        else:
            problems.add(where, f"no AssignmentId; nobody worked on HIT {row['HITId']} yet")


def _records(reader: Any, problems: Problems) -> Iterator[tuple[str, list[str]]]:
    while True:
        line = reader.line_num + 1
        try:
            yield f"line {line}", next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            problems.add(f"line {line}", f"not CSV ({error})")


def _check_header(path: Path, header: list[str]) -> None:
    if missing := [name for name in ("HITId", "AssignmentId") if name not in header]:
        raise LabelFormatError(
            f"{path}: the first line lacks {', '.join(missing)}; it has "
            f"{excerpt(', '.join(header))}. Download the batch results again."
        )
    if doubled := sorted({name for name in header if header.count(name) > 1}):
        raise LabelFormatError(
            f"{path}: these columns stand twice: {excerpt(', '.join(doubled))}. Remove or rename "
            "one of each."
        )


def _as_written(cell: str) -> str:
    return cell[1:] if _QUOTED_FORMULA.match(cell) else cell


def save(labels: Labels, path: Path) -> Path:
    """Save labels that came from Mechanical Turk as batch results.

    Columns keep their names and order; answers are unchanged unless their boxes were. Cells that a
    spreadsheet program would run as a formula begin with an apostrophe, which :func:`load` takes
    away. Masked workers stay masked.

    Parameters
    ----------
    labels : Labels
        Loaded from Mechanical Turk, also from the API's replies.
    path : Path

    Returns
    -------
    Path

    Raises
    ------
    LabelFormatError
        If the labels come from elsewhere, or a box belongs to no assignment.
    """
    rows = [_as_row(raw) for raw in rewritten(labels, with_hits=False)["raw"]]
    header = list(dict.fromkeys(["HITId", "AssignmentId", *(key for row in rows for key in row)]))
    if rows and list(rows[0])[:1] == ["HITId"]:
        header = list(dict.fromkeys(key for row in rows for key in [*row, *header]))
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_safe(row.get(name)) for name in header] for row in rows)
    return write_whole(path, text.getvalue().encode())


def _as_row(raw: dict[str, Any]) -> dict[str, Any]:
    """Give an assignment of the API the columns that batch results have."""
    answer = raw.get("Answer")
    if not isinstance(answer, str):
        return raw
    rest = {key: value for key, value in raw.items() if key != "Answer"}
    try:
        fields = read_fields(answer) if answer.strip() else {}
    except LabelFormatError:
        fields = {"": answer}  # cannot be taken apart: kept whole
    return rest | {f"Answer.{name}": text for name, text in fields.items()}


def _safe(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else as_json(value, "cell")
    return f"'{text}" if _FORMULA.match(text) and not _SAFE_NUMBER.fullmatch(text) else text
