"""The elements of CVAT's XML, streamed: boxes into columns, all else kept as text."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import pandas as pd

from annotaudit.errors import LabelFormatError
from annotaudit.formats import columns
from annotaudit.formats.columns import Leftovers
from annotaudit.formats.json_text import encode
from annotaudit.formats.problems import Problems, excerpt

MAX_FRAME = 10_000_000  # four days at 30 frames per second
_CHUNK = 1 << 20
_BATCH = 8_192  # boxes turned into arrays at a time
_MAX_TEXT = 1 << 20  # characters of one attribute
_MAX_DEPTH = 50
_CORNERS = ("xtl", "ytl", "xbr", "ybr")
_OF_BOX = frozenset(
    {*_CORNERS, "frame", "keyframe", "outside", "occluded", "z_order", "rotation", "source",
     "group_id", "label"}
)  # fmt: skip
_OF_TRACK = frozenset({"id", "label", "source", "group_id", "task_id"})
_OF_IMAGE = frozenset({"id", "name", "width", "height", "task_id"})
_NO_ATTRIBUTES: dict[str, str] = {}  # one for all boxes without
_FLAGS = {"0": False, "1": True}

Element = tuple[str, str | None, str | None, str]  # its name, task, number of the image; its XML


@dataclass(frozen=True)
class Elements:
    """What stands in a file.

    Parameters
    ----------
    meta : str
        XML of ``<meta>``; empty without one.
    table : DataFrame
        One row per box.
    images : DataFrame
        ``task``, ``number``, ``name``, ``width``, ``height``, ``extra`` of each ``<image>``.
    others : list of Element
        What is no box.
    kinds : Counter
        How many shapes of each kind that is no box there are.
    """

    meta: str
    table: pd.DataFrame
    images: pd.DataFrame
    others: list[Element]
    kinds: Counter[str]


def read_elements(path: Path, problems: Problems) -> Elements:
    """Stream a file: in memory are the columns, never the tree.

    Raises
    ------
    LabelFormatError
        If it is not XML, has a DOCTYPE, or its root is not ``annotations``.
    """
    reader = _Reader(problems)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.characters
    parser.StartDoctypeDeclHandler = _refuse_doctype(path)
    reader.line = lambda: parser.CurrentLineNumber
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                parser.Parse(chunk, False)
            parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise LabelFormatError(
            f"{path}, line {error.lineno}, column {error.offset + 1}: not XML "
            f"({expat.ErrorString(error.code)}); expected CVAT's <annotations>. "
            "Export or copy the file again."
        ) from error
    except (OSError, ValueError, LookupError) as error:
        if isinstance(error, LabelFormatError):
            raise
        raise LabelFormatError(
            f"{path} cannot be read ({error}). Check the path, its permissions and its encoding."
        ) from error
    return reader.elements()


def _refuse_doctype(path: Path) -> Any:
    def refuse(*_: Any) -> NoReturn:
        raise LabelFormatError(
            f"{path} has a DOCTYPE, which CVAT never writes and attackers do; expected "
            "<annotations> alone. Find out who wrote this file."
        )

    return refuse


class _Reader:
    """Handlers of the stream."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.line: Any = None
        self.open: list[str] = []
        self.copied: list[str] | None = None  # XML of an element that is no box
        self.copied_from = 0
        self.text: list[str] = []
        self.n_text = 0
        self.meta = ""
        self.parent: dict[str, str] = {}  # attributes of the track or image we are in
        self.in_video = False
        self.other_shapes: list[str] = []
        self.images: list[tuple[Any, ...]] = []
        self.others: list[Element] = []
        self.kinds: Counter[str] = Counter()
        self.box: dict[str, str] | None = None
        self.attributes: dict[str, str] = {}
        self.name = ""
        self.rows: list[tuple[Any, ...]] = []
        self.parts: list[pd.DataFrame] = []
        self.all_attributes: list[dict[str, str]] = []
        self.leftovers: Leftovers = {}

    def start(self, tag: str, attrs: dict[str, str]) -> None:
        depth = len(self.open)
        self.open.append(tag)
        if depth > _MAX_DEPTH:
            self._refuse(f"elements {depth} deep", f"at most {_MAX_DEPTH}")
        if self.copied is not None:
            self._copy_start(tag, attrs)
        elif depth == 0:
            if tag != "annotations":
                self._refuse(f"<{excerpt(tag)}> as its root", "<annotations>")
        elif depth == 1 and tag in ("track", "image"):
            self.parent, self.in_video, self.other_shapes = attrs, tag == "track", []
            if tag == "image":
                self._image(attrs)
        elif depth == 2 and tag == "box" and self.open[1] in ("track", "image"):
            self.box, self.attributes = attrs, {}
        elif self.box is not None and tag == "attribute":
            self.name, self.text, self.n_text = attrs.get("name", ""), [], 0
        elif depth == 1 and tag == "version":
            pass
        elif depth < 3:
            self.copied, self.copied_from = [], depth
            if depth == 2:
                self.kinds[tag] += 1
            self._copy_start(tag, attrs)

    def end(self, tag: str) -> None:
        self.open.pop()
        depth = len(self.open)
        if self.copied is not None:
            self.copied.append(f"</{tag}>")
            if depth == self.copied_from:
                self._copied(tag, "".join(self.copied))
                self.copied = None
        elif depth == 2 and self.box is not None:
            self._add_box(self.box)
            self.box = None
        elif depth == 3 and self.box is not None and tag == "attribute":
            self.attributes[self.name] = "".join(self.text)
        elif depth == 1 and tag == "track" and self.other_shapes:
            head = "".join(f" {key}={quoteattr(value)}" for key, value in self.parent.items())
            xml = f"<track{head}>{''.join(self.other_shapes)}</track>"
            self.others.append(("track", self.parent.get("task_id"), None, xml))

    def characters(self, text: str) -> None:
        if self.copied is not None:
            self.copied.append(escape(text))
        elif self.box is not None and self.open[-1] == "attribute":
            self.text.append(text)
            self.n_text += len(text)
            if self.n_text > _MAX_TEXT:
                self._refuse(
                    f"an attribute of {self.n_text:,} characters", f"at most {_MAX_TEXT:,}"
                )

    def _refuse(self, found: str, expected: str) -> NoReturn:
        raise LabelFormatError(
            f"{self.problems.source}, line {self.line()}: found {found}, expected {expected}. "
            "Check that this is an export of CVAT."
        )

    def _copy_start(self, tag: str, attrs: dict[str, str]) -> None:
        values = "".join(f" {key}={quoteattr(value)}" for key, value in attrs.items())
        if self.copied is not None:
            self.copied.append(f"<{tag}{values}>")

    def _copied(self, tag: str, xml: str) -> None:
        if self.copied_from == 1 and tag == "meta" and not self.meta:
            self.meta = xml
        elif self.copied_from == 1:
            self.others.append((tag, None, None, xml))
        elif self.in_video:
            self.other_shapes.append(xml)
        else:
            self.others.append((tag, self.parent.get("task_id"), self.parent.get("id"), xml))

    def _image(self, attrs: dict[str, str]) -> None:
        number = _frame_number(attrs.get("id"))
        if number is None:
            self.problems.add(
                f"line {self.line()}", f"image id is {excerpt(attrs.get('id'))}; expected a number"
            )
            return
        sizes = [_number(attrs.get(side)) for side in ("width", "height")]
        width, height = (math.nan if size is None or size <= 0 else size for size in sizes)
        more = {key: value for key, value in attrs.items() if key not in _OF_IMAGE}
        extra = encode(more, self.problems.source).decode() if more else None
        self.images.append((attrs.get("task_id"), number, attrs.get("name"), width, height, extra))

    def _add_box(self, box: dict[str, str]) -> None:
        parent = self.parent
        number = _frame_number(box.get("frame") if self.in_video else parent.get("id"))
        corners = [_number(box.get(corner)) for corner in _CORNERS]
        track = parent.get("id") if self.in_video else None
        where = f"line {self.line()}"
        if number is None:
            found = excerpt(box.get("frame") if self.in_video else parent.get("id"))
            self.problems.add(where, f"frame is {found}; expected a number below {MAX_FRAME:,}")
            return
        if None in corners:
            wrong = _CORNERS[corners.index(None)]
            self.problems.add(
                where, f"{wrong} is {excerpt(box.get(wrong))}; expected a number of pixels"
            )
            return
        if self.in_video and track is None:
            self.problems.add(where, "the track of the box has no id")
            return
        row = len(self.parts) * _BATCH + len(self.rows)
        extra = {key: value for key, value in box.items() if key not in _OF_BOX}
        flags = []
        for name, default in (("occluded", False), ("outside", False), ("keyframe", True)):
            flag = _FLAGS.get(box.get(name, ""))
            if flag is None and name in box:
                self.problems.add(where, f"{name} is {excerpt(box[name])}; expected 0 or 1")
            flags.append(default if flag is None else flag)
        numbers = []
        for name in ("z_order", "rotation"):
            value = _number(box.get(name, "0"))
            if value is None:
                self.problems.add(where, f"{name} is {excerpt(box[name])}; expected a number")
            numbers.append(value or 0.0)
        if self.in_video:
            more = {key: value for key, value in parent.items() if key not in _OF_TRACK}
            own: dict[str, str] = {
                key: box[key] for key in ("label", "source", "group_id") if key in box
            }
            if more:
                self.leftovers.setdefault(row, {})["track"] = more
            extra |= own
        if extra:
            self.leftovers.setdefault(row, {}).update(extra)
        about = parent if self.in_video else box
        texts = (about.get("label"), about.get("source"), about.get("group_id"))
        self.rows.append((parent.get("task_id"), number, track, *texts, *corners, *flags, *numbers))
        self.all_attributes.append(self.attributes or _NO_ATTRIBUTES)
        if len(self.rows) == _BATCH:
            self._pack()

    def _pack(self) -> None:
        names = [
            "task", "number", "track", "label", "source", "group_id", "left", "top", "right",
            "bottom", "occluded", "outside", "keyframe", "z_order", "rotation",
        ]  # fmt: skip
        values = list(zip(*self.rows, strict=True)) or [()] * len(names)
        texts = {"task", "track", "label", "source", "group_id"}
        kinds: dict[str, Any] = {
            "number": "int64",
            "occluded": bool,
            "outside": bool,
            "keyframe": bool,
        }
        self.parts.append(
            pd.DataFrame(
                {
                    name: columns.text_column(list(column))
                    if name in texts
                    else np.array(column, dtype=kinds.get(name, "float64"))
                    for name, column in zip(names, values, strict=True)
                }
            )
        )
        self.rows = []

    def elements(self) -> Elements:
        self._pack()
        table = pd.concat(self.parts, ignore_index=True)
        found = columns.attribute_columns(self.all_attributes, "", {})
        if self.leftovers:
            found["extra"] = columns.extra_column(self.leftovers, len(table), self.problems.source)
        table = pd.concat([table, pd.DataFrame(found, index=table.index)], axis=1)
        images = pd.DataFrame(
            {
                "task": columns.text_column([image[0] for image in self.images]),
                "number": np.array([image[1] for image in self.images], dtype="int64"),
                "name": columns.text_column([image[2] for image in self.images]),
                "width": np.array([image[3] for image in self.images], dtype="float64"),
                "height": np.array([image[4] for image in self.images], dtype="float64"),
                "extra": columns.text_column([image[5] for image in self.images]),
            }
        )
        return Elements(self.meta, table, images, self.others, self.kinds)


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if abs(value) < columns.MAX_EXACT else None


def _frame_number(text: str | None) -> int | None:
    if text is None or not (text.isascii() and text.isdigit()) or len(text) > 9:
        return None
    return int(text) if int(text) < MAX_FRAME else None


def for_xml(text: str) -> str:
    """Text without the control characters that XML cannot hold in any spelling."""
    return re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)
