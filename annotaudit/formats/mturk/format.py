"""Mechanical Turk assignments: saved replies of its API, and answers by themselves.

=======================================  ====================================================
file                                     what is read
=======================================  ====================================================
JSON: a reply of                         ``Assignments``; ``HIT`` or ``HITs`` beside them tell
``list_assignments_for_hit``, a list of  which image was shown. Times as seconds, ISO 8601 or
replies, a list of assignments           as Python prints them
JSON lines: any of these on each line    the same; a broken line costs no other
XML: ``QuestionFormAnswers``             one assignment, named like the file, without a worker
=======================================  ====================================================

Assignments of every status are read. In the tables an image is a frame, a worker an annotator;
``annotaudit.formats.mturk.assignments`` says where the rest stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from annotaudit.boxes import Labels
from annotaudit.errors import LabelFormatError
from annotaudit.formats.json_text import decode, lines, read_bytes
from annotaudit.formats.mturk.answers import as_json
from annotaudit.formats.mturk.assignments import (
    Assignment,
    assignments as assignments,
    build_labels,
)
from annotaudit.formats.mturk.options import Reading
from annotaudit.formats.mturk.saving import batch_fields, rewritten
from annotaudit.formats.mturk.xml import read_fields, write_fields
from annotaudit.formats.problems import Problems, excerpt
from annotaudit.formats.saving import write_whole

_KEYS = re.compile(rb'"(Assignments?|AssignmentId|HITId|HITTypeId)"\s*:')
_MAX_NESTING = 4  # a list of replies with lists of assignments, and one to spare


def recognises(path: Path, head: bytes) -> bool:
    """Whether a file looks like assignments as JSON, or like the XML of an answer.

    Examples
    --------
    >>> recognises(Path("any.name"), b'{"Assignments": [], "NumResults": 0}')
    True
    """
    start = head.lstrip()
    if start.startswith(b"<"):
        return b"QuestionFormAnswers" in head
    return start.startswith((b"{", b"[")) and _KEYS.search(head) is not None


def load(path: Path, *, strict: bool = False, **options: Any) -> Labels:
    """Load saved assignments, or one answer, as labels.

    Parameters
    ----------
    path : Path
        JSON, JSON lines or XML.
    strict : bool
        Raise at the first problem.
    **options
        See :class:`annotaudit.formats.mturk.options.Reading`: ``sequence``, ``image``, ``field``,
        ``scale``, ``inclusive``, ``mask_workers``, ``key``.

    Returns
    -------
    Labels
        Boxes whose sides are null, NaN, negative, zero or endless are kept for the audit. Numbers
        written as text count as numbers. A list without boxes, "nothing to mark", and no answer
        are told apart by :func:`assignments`.

    Raises
    ------
    LabelFormatError
        If the file is no JSON, nor JSON lines, nor the XML of an answer.
    """
    reading = Reading(**options)
    problems = Problems(str(path), strict=strict)
    data = read_bytes(path)
    if data.lstrip().startswith(b"<"):
        found = [_answer_alone(path, data)]
        return build_labels(found, {}, path.stem, reading, problems)
    return _read(_values(path, data, problems), path.stem, reading, problems)


def read_replies(
    replies: Iterable[Any], name: str, *, strict: bool = False, **options: Any
) -> Labels:
    """Read replies of the service that are in no file yet.

    Parameters
    ----------
    replies : iterable of dict
        As the file formats above hold them, times as seconds or ISO 8601.
    name : str
        Of the sequence, and in the problems table.
    strict, **options
        As for :func:`load`.

    Examples
    --------
    >>> read_replies([{"Assignments": [], "NumResults": 0}], "no work yet")
    Labels(0 boxes, 0 tracks, 0 frames, 0 sequences, 0 problems)
    """
    problems = Problems(name, strict=strict)
    numbered = ((f"reply {number}", reply) for number, reply in enumerate(replies, start=1))
    return _read(numbered, name, Reading(**options), problems)


def _read(
    values: Iterable[tuple[str, Any]], name: str, reading: Reading, problems: Problems
) -> Labels:
    replies = _Replies(problems)
    for where, value in values:
        replies.take(value, where)
    replies.note_missing_pages()
    if not replies.found and not replies.understood:
        raise LabelFormatError(
            f"{problems.source}: found no assignment; expected replies of "
            "list_assignments_for_hit, or a list of assignments. Save the reply itself, for "
            "example with json.dump(reply, file, default=str)."
        )
    return build_labels(replies.found, replies.hits, name, reading, problems)


def _answer_alone(path: Path, data: bytes) -> Assignment:
    try:
        xml = data.decode()
        fields = read_fields(xml)
    except (UnicodeDecodeError, LabelFormatError) as error:
        raise LabelFormatError(
            f"{path}: {error}. Save the answer again as UTF-8, as the service gave it."
        ) from error
    return Assignment("answer", {"AssignmentId": path.stem, "Answer": xml}, fields)


def _values(path: Path, data: bytes, problems: Problems) -> list[tuple[str, Any]]:
    """Values of the file with their places: one, or one for each line."""
    try:
        return [("file", decode(data, str(path)))]
    except LabelFormatError as whole:
        values, broken = [], []
        for number, line in lines(data):
            try:
                values.append((f"line {number}", decode(line, f"line {number}")))
            except LabelFormatError as error:
                broken.append((number, str(error)))
        # Lines of one pretty-printed text may be JSON by accident, such as a lone bracket's.
        if not any(isinstance(value, dict | list) and value for _, value in values):
            raise whole
        for number, what in broken:
            problems.add(f"line {number}", what)
        return values


class _Replies:
    """What a file's replies hold: assignments, HITs, and whether pages are missing."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.found: list[Assignment] = []
        self.hits: dict[str, Any] = {}
        self.understood = False
        self._next_page: dict[str, str] = {}  # by HIT, where its last reply ends

    def take(self, value: Any, where: str, nesting: int = 0) -> None:
        """Take whatever a value holds; what is none of it becomes a problem."""
        if isinstance(value, list) and nesting < _MAX_NESTING:
            self.understood |= not value
            for place, each in enumerate(value, start=1):
                self.take(each, f"{where}, item {place}", nesting + 1)
        elif isinstance(value, dict) and ("AssignmentId" in value or "Answer" in value):
            self._take_assignment(value, where)
        elif isinstance(value, dict) and "HITId" in value and "Assignments" not in value:
            self._take_hit(value)
        elif isinstance(value, dict) and (keys := _REPLY_KEYS & value.keys()):
            self.understood = True
            before = len(self.found)
            for key in sorted(keys):
                part = value[key]
                for place, each in enumerate(part if isinstance(part, list) else [part], start=1):
                    self.take(each, f"{where}, {key} {place}", nesting + 1)
            if "Assignments" in keys:
                self._note_page(value, self.found[before:], where)
        else:
            self.problems.add(
                where, f"found {excerpt(value)}; expected an assignment or a reply with some"
            )

    def _take_assignment(self, raw: dict[str, Any], where: str) -> None:
        self.understood = True
        name = raw.get("AssignmentId")
        line = where.partition(",")[0]  # an id tells more than a way through lists
        named = f"assignment {name}" if line == "file" else f"{line}, assignment {name}"
        one = Assignment(named if name else where, raw)
        answer = raw.get("Answer")
        try:
            if isinstance(answer, str) and answer.strip():
                one.fields = read_fields(answer)
            elif answer is None or isinstance(answer, str):
                one.fields = batch_fields(raw)
            else:
                self.problems.add(one.where, f"Answer is {excerpt(answer)}; expected XML in a text")
        except LabelFormatError as error:
            self.problems.add(one.where, str(error))
        self.found.append(one)

    def _take_hit(self, hit: dict[str, Any]) -> None:
        self.understood = True
        self.hits[str(hit["HITId"])] = hit

    def _note_page(self, reply: dict[str, Any], found: list[Assignment], where: str) -> None:
        counted = reply.get("NumResults")
        if isinstance(counted, int) and counted != len(found):
            self.problems.add(where, f"NumResults is {counted}, but {len(found)} can be read")
        hit = str(reply.get("HITId") or (found[-1].raw.get("HITId") if found else ""))
        self._next_page.pop(hit, None)
        if reply.get("NextToken"):
            self._next_page[hit] = where

    def note_missing_pages(self) -> None:
        """Note the HITs whose last reply says that there are more assignments."""
        for hit, where in self._next_page.items():
            self.problems.add(
                where,
                f"the reply ends with a NextToken: more assignments of HIT {hit} were not saved. "
                "Save every page, as boto3's paginator gives them",
            )


_REPLY_KEYS = {"Assignments", "Assignment", "HIT", "HITs"}


def save(labels: Labels, path: Path) -> Path:
    """Save labels that came from Mechanical Turk as JSON lines, or one answer as XML.

    Each line is an assignment as the service gave it, keys in their order, the answer unchanged
    unless its boxes were; HITs stand before theirs. Masked workers stay masked.

    Parameters
    ----------
    labels : Labels
        Loaded from Mechanical Turk, also from batch results.
    path : Path
        A name that ends in ``.xml`` gets the XML of the answer, if there is just one.

    Returns
    -------
    Path

    Raises
    ------
    LabelFormatError
        If the labels come from elsewhere, or a box belongs to no assignment.
    """
    table = rewritten(labels, with_hits=True)
    raws = [_as_reply(raw) for raw in table["raw"]]
    if path.suffix.lower() == ".xml":
        if len(raws) != 1:
            raise LabelFormatError(
                f"{path}: an XML file holds one answer, the labels have {len(raws)}. Save them as "
                ".jsonl."
            )
        return write_whole(path, raws[0]["Answer"].encode())
    texts = []
    written: set[str] = set()
    for hits, raw in zip(table["hits"], raws, strict=True):
        if not pd.isna(hits) and hits not in written:
            written.add(hits)
            texts += [as_json({"HIT": hit}, "HIT") for hit in decode(hits.encode(), "frames.hits")]
        texts.append(as_json(raw, "assignment"))
    return write_whole(path, "".join(f"{text}\n" for text in texts).encode())


def _as_reply(raw: dict[str, Any]) -> dict[str, Any]:
    """Give an assignment of batch results the answer the API would give."""
    if "Answer" in raw or not (fields := batch_fields(raw)):
        return raw
    rest = {key: value for key, value in raw.items() if not key.startswith("Answer.")}
    return rest | {"Answer": write_fields(fields)}
