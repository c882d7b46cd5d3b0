"""The fields of one worker's answer: lists of boxes out of them, and back.

A field holds boxes in one of these shapes; the list of boxes is the same in all of them:

====================================  ==========================================================
field                                 text
====================================  ==========================================================
any name, as ``annotation_data``      ``[{"left": 4, "top": 1, "width": 8, "height": 3,
                                      "label": "bus"}]``
``taskAnswers`` (crowd-form)          ``[{"annotatedResult": {"boundingBoxes": [...],
                                      "inputImageProperties": {"height": 533, "width": 800}}}]``
``annotatedResult.boundingBoxes``     the list; the size of the image stands in
                                      ``annotatedResult.inputImageProperties.height``, ``.width``
====================================  ==========================================================
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from annotaudit.boxes import COLUMNS, SIDES
from annotaudit.errors import LabelFormatError
from annotaudit.formats.json_text import decode
from annotaudit.formats.mturk.xml import MAX_ANSWER, as_unicode
from annotaudit.formats.problems import excerpt

USUAL_FIELDS = ("annotation_data", "taskAnswers")

BOX_COLUMNS = ("assignment", "answer_list", "entry")  # of the box table, beside the declared ones

_NUMBER = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)


@dataclass(frozen=True)
class BoxList:
    """A list of boxes in an answer, where it stands, and the size of the image it was drawn on."""

    name: str  # the field and the way to the list inside it, as "taskAnswers/0/annotatedResult"
    field: str
    path: tuple[int | str, ...]
    entries: list[Any]
    image_width: float = math.nan
    image_height: float = math.nan


def find_box_fields(answers: Iterable[dict[str, str]]) -> list[str]:
    """Tell which fields of a form hold boxes, from all answers to it.

    A worker's field may be empty or broken; what it was meant for is seen from the others.

    Parameters
    ----------
    answers : iterable of dict
        Field name to text.

    Returns
    -------
    list of str
        In order of appearance. Where no field holds readable boxes: those that try to, or the
        only one there is; none if even that does not tell.

    Examples
    --------
    >>> find_box_fields([{"area": "undefined", "comment": "ok"}, {"area": "[]"}])
    ['area']
    """
    readable: dict[str, None] = {}
    attempted: dict[str, None] = {}
    every: dict[str, None] = {}
    for fields in answers:
        for name, text in fields.items():
            every[name] = None
            if name in USUAL_FIELDS or name.endswith(".boundingBoxes") or _holds_boxes(text):
                readable[name] = None
            elif text.lstrip()[:1] in ("[", "{"):
                attempted[name] = None
    return list(readable or attempted or (every if len(every) == 1 else {}))


def _holds_boxes(text: str) -> bool:
    if text.lstrip()[:1] not in ("[", "{", '"'):
        return False
    try:
        lists = read_box_lists("", text)
    except LabelFormatError:
        return False
    return any(
        not found.entries or any(isinstance(e, dict) and set(SIDES) & set(e) for e in found.entries)
        for found in lists
    )


def read_box_lists(field: str, text: str, fields: dict[str, str] | None = None) -> list[BoxList]:
    """Read the lists of boxes from the text of a field.

    Parameters
    ----------
    field : str
        Its name.
    text : str
        Its text: JSON, also with each quote doubled as some spreadsheet programs leave it.
    fields : dict, optional
        All fields of the answer: flattened forms keep the size of the image in other fields.

    Returns
    -------
    list of BoxList
        None where the worker gave no answer; one for each widget that did.

    Raises
    ------
    LabelFormatError
        If the text is not JSON, or not a list of boxes in any of the shapes above.

    Examples
    --------
    >>> read_box_lists("boxes", "[]")[0].entries
    []
    >>> read_box_lists("boxes", " ")
    []
    """
    if not text.strip():
        return []
    value = read_json(field, text)
    if value is None:
        return []
    if field == "taskAnswers" or _is_crowd_form(value):
        return _crowd_lists(field, value)
    if isinstance(value, dict) and "boundingBoxes" in value:
        return _widget_list(field, (), value)
    if not isinstance(value, list):
        raise LabelFormatError(
            f"field {field!r}: found {excerpt(value)}; expected a list of boxes."
        )
    prefix = field.removesuffix("boundingBoxes") + "inputImageProperties."
    known = fields or {}
    return [
        BoxList(
            field,
            field,
            (),
            value,
            _size(known.get(f"{prefix}width")),
            _size(known.get(f"{prefix}height")),
        )
    ]


def _is_crowd_form(value: object) -> bool:
    return isinstance(value, list) and any(
        isinstance(part, dict) and "boundingBoxes" in part
        for form in value
        if isinstance(form, dict)
        for part in form.values()
    )


def _crowd_lists(field: str, value: object) -> list[BoxList]:
    forms = value if isinstance(value, list) else [value]
    if not all(isinstance(form, dict) for form in forms):
        raise LabelFormatError(
            f"field {field!r}: found {excerpt(value)}; expected a list with one object, keyed by "
            "the names of the form's widgets."
        )
    inside = (0,) if isinstance(value, list) else ()
    return [
        found
        for number, form in enumerate(forms)
        for widget, part in form.items()
        if isinstance(part, dict) and "boundingBoxes" in part
        for found in _widget_list(field, (number, widget) if inside else (widget,), part)
    ]


def _widget_list(field: str, path: tuple[int | str, ...], part: dict[str, Any]) -> list[BoxList]:
    entries = part["boundingBoxes"]
    if entries is None:
        return []
    if not isinstance(entries, list):
        raise LabelFormatError(
            f"field {field!r}: boundingBoxes is {excerpt(entries)}; expected a list of boxes."
        )
    image = part.get("inputImageProperties")
    size = image if isinstance(image, dict) else {}
    return [
        BoxList(
            "/".join(map(str, (field, *path))),
            field,
            (*path, "boundingBoxes"),
            entries,
            _size(size.get("width")),
            _size(size.get("height")),
        )
    ]


def _size(value: object) -> float:
    """Width or height of an image in pixels; NaN if it is none."""
    try:
        pixels = read_number(value)
    except LabelFormatError:
        return math.nan
    return pixels if 0 < pixels < math.inf else math.nan


def read_json(field: str, text: str) -> Any:
    """Decode the text of a field, also where a spreadsheet program doubled its quotes."""
    if len(text) > MAX_ANSWER:
        raise LabelFormatError(f"field {field!r} has {len(text):,} characters; not read.")
    plain = as_unicode(text)
    where = f"field {field!r}"
    try:
        value = decode(plain.encode(), where)
    except LabelFormatError:
        if '""' not in plain:
            raise
        single = plain.strip().replace('""', '"')
        if single.startswith('"') and single.endswith('"'):
            single = single[1:-1]
        return decode(single.encode(), where)
    # A whole cell in quotes: a JSON text that holds JSON.
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        return decode(as_unicode(value).encode(), where)
    return value


def replace_list(text: str, changed: BoxList, entries: list[Any]) -> str:
    """Put other boxes in the place of one list; everything around it stays."""
    if not changed.path:
        return as_json(entries, changed.name)
    value = read_json(changed.field, text)
    inner = value
    for step in changed.path[:-1]:
        inner = inner[step]
    inner[changed.path[-1]] = entries
    return as_json(value, changed.name)


def read_number(value: object) -> float:
    """Read a coordinate: a number, or text that spells one; null is unknown.

    Raises
    ------
    LabelFormatError
        If it is a boolean, other text, a list or an object.

    Examples
    --------
    >>> read_number("12.5"), read_number(None)
    (12.5, nan)
    """
    if value is None:
        return math.nan
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    if isinstance(value, str) and len(value) < 400 and _NUMBER.fullmatch(value):
        return float(value)
    raise LabelFormatError(f"found {excerpt(value)}; expected a number of pixels")


def read_entry(entry: object) -> dict[str, Any]:
    """Read one box of an answer: sides as numbers, label as text, other keys as they are.

    Raises
    ------
    LabelFormatError
        If it is no object, or a side is missing or no number. Numbers written as text count as
        numbers, null as unknown; negative, zero and endless sides are values for the audit.

    Examples
    --------
    >>> read_entry({"left": 4, "top": 1, "width": "8", "height": None, "label": "bus"})
    {'left': 4.0, 'top': 1.0, 'width': 8.0, 'height': nan, 'label': 'bus'}
    """
    if not isinstance(entry, dict):
        raise LabelFormatError(
            f"found {excerpt(entry)}; expected an object with left, top, width and height"
        )
    if missing := [side for side in SIDES if side not in entry]:
        raise LabelFormatError(f"lacks {', '.join(missing)}; it has {excerpt(list(entry))}")
    row: dict[str, Any] = {}
    for side in SIDES:
        try:
            row[side] = read_number(entry[side])
        except LabelFormatError as error:
            raise LabelFormatError(f"{side}: {error}") from None
    label = entry.get("label")
    row["label"] = None if label is None else _scalar_text(label)
    for key, value in entry.items():
        if key not in SIDES and key != "label":
            row[extra_name(key)] = (
                value
                if isinstance(value, bool | int | float)
                else (None if value is None else _scalar_text(value))
            )
    return row


def extra_name(key: str) -> str:
    """Column for an unknown key of a box; one that is taken already goes under ``box.``."""
    name = as_unicode(key)
    return f"box.{name}" if name in COLUMNS or name in BOX_COLUMNS else name


def _scalar_text(value: object) -> str:
    return as_unicode(value) if isinstance(value, str) else as_json(value, "box")


def as_json(value: object, where: str) -> str:
    """JSON text of a value; NaN and Infinity are written as such, as they were read.

    Raises
    ------
    LabelFormatError
        If it is nested too deep, or a number in it has thousands of digits.
    """
    try:
        return as_unicode(json.dumps(value, ensure_ascii=False))
    except (RecursionError, ValueError) as error:
        raise LabelFormatError(
            f"{where}: cannot be written as JSON again ({error}); expected plain labels. "
            "Look at it by hand, or leave it out."
        ) from error
