"""The elements of CVAT's XML, streamed: boxes into columns, all else kept as text."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import IO, Any, NoReturn
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import pandas as pd

from annotaudit.errors import LabelFormatError
from annotaudit.formats import columns
from annotaudit.formats.cvat.boxes import Box, BoxColumns, as_float, frame_number
from annotaudit.formats.json_text import encode
from annotaudit.formats.problems import Problems, excerpt

_CHUNK = 1 << 20
_BATCH = 8_192  # images turned into a table at a time
_MAX_TEXT = 1 << 20  # characters of one attribute
_MAX_DEPTH = 50
_OF_IMAGE = frozenset({"id", "name", "width", "height", "task_id"})

Element = tuple[str, str | None, str | None, str]  # its name, task, number of the image; its XML


@dataclass(frozen=True)
class Elements:
    """What stands in a file.

    Parameters
    ----------
    meta : str
        XML of ``<meta>``; empty without one.
    table : DataFrame
        One row per box; its texts are categories.
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


def read_elements(file: IO[bytes], problems: Problems) -> Elements:
    """Stream a file: in memory are the columns, never the tree.

    Raises
    ------
    LabelFormatError
        If it is not XML, has a DOCTYPE, or its root is not ``annotations``.
    """
    path = problems.source
    parser = expat.ParserCreate()
    parser.buffer_text = True
    reader = _Reader(problems, parser)
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.StartDoctypeDeclHandler = _refuse_doctype(path)
    try:
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
    finally:
        # Parser and reader know each other; apart, both go when their columns are used up.
        parser.StartElementHandler = parser.EndElementHandler = parser.CharacterDataHandler = None
    return reader.elements()


def _refuse_doctype(path: str) -> Any:
    def refuse(*_: Any) -> NoReturn:
        raise LabelFormatError(
            f"{path} has a DOCTYPE, which CVAT never writes and attackers do; expected "
            "<annotations> alone. Find out who wrote this file."
        )

    return refuse


class _Reader:
    """Handlers of the stream."""

    def __init__(self, problems: Problems, parser: Any) -> None:
        self.problems = problems
        self.parser = parser
        self.depth = 0
        self.in_parent = False  # inside a track or an image
        self.copied: list[str] | None = None  # XML of an element that is no box
        self.copied_from = 0
        self.text: list[str] = []
        self.n_text = 0
        self.meta = ""
        self.parent: dict[str, str] = {}  # attributes of the track or image we are in
        self.in_video = False
        self.other_shapes: list[str] = []
        self.images: list[tuple[Any, ...]] = []
        self.image_tables: list[pd.DataFrame] = []
        self.others: list[Element] = []
        self.kinds: Counter[str] = Counter()
        self.box: dict[str, str] | None = None
        self.attributes: dict[str, str] | None = None
        self.name = ""
        self.boxes = BoxColumns(problems)

    def start(self, tag: str, attrs: dict[str, str]) -> None:
        depth = self.depth
        self.depth = depth + 1
        if self.copied is not None:
            self._check_depth(depth)
            self._copy_start(tag, attrs)
        elif depth == 3 and self.box is not None and tag == "attribute":
            self.name, self.text, self.n_text = attrs.get("name", ""), [], 0
            self.parser.CharacterDataHandler = self.characters
        elif depth == 2 and tag == "box" and self.in_parent:
            self.box, self.attributes = attrs, None
        else:
            self._start_rare(tag, attrs, depth)

    def _start_rare(self, tag: str, attrs: dict[str, str], depth: int) -> None:
        self._check_depth(depth)
        if depth == 0:
            if tag != "annotations":
                self._refuse(f"<{excerpt(tag)}> as its root", "<annotations>")
        elif depth == 1 and tag in ("track", "image"):
            self.parent, self.in_video, self.other_shapes = attrs, tag == "track", []
            self.in_parent = True
            if tag == "image":
                self._image(attrs)
        elif depth == 1 and tag == "version":
            pass
        elif depth < 3:
            self.copied, self.copied_from = [], depth
            self.parser.CharacterDataHandler = self.characters
            if depth == 2:
                self.kinds[tag] += 1
            self._copy_start(tag, attrs)

    def end(self, tag: str) -> None:
        depth = self.depth - 1
        self.depth = depth
        if self.copied is not None:
            self.copied.append(f"</{tag}>")
            if depth == self.copied_from:
                self._copied(tag, "".join(self.copied))
                self.copied = None
                self.parser.CharacterDataHandler = None
        elif depth == 3 and self.box is not None and tag == "attribute":
            self.attributes = self.attributes or {}
            self.attributes[self.name] = "".join(self.text)
            self.parser.CharacterDataHandler = None  # the blanks between elements cost time
        elif depth == 2 and self.box is not None:
            line = self.parser.CurrentLineNumber
            self.boxes.add(Box(self.parent, self.in_video, self.box, self.attributes, line))
            self.box = None
        elif depth == 1:
            self.in_parent = False
            if tag == "track" and self.other_shapes:
                head = "".join(f" {key}={quoteattr(value)}" for key, value in self.parent.items())
                xml = f"<track{head}>{''.join(self.other_shapes)}</track>"
                self.others.append(("track", self.parent.get("task_id"), None, xml))

    def _check_depth(self, depth: int) -> None:
        if depth > _MAX_DEPTH:
            self._refuse(f"elements {depth} deep", f"at most {_MAX_DEPTH}")

    def characters(self, text: str) -> None:
        if self.copied is not None:
            self.copied.append(escape(text))
        else:
            self.text.append(text)
            self.n_text += len(text)
            if self.n_text > _MAX_TEXT:
                self._refuse(
                    f"an attribute of {self.n_text:,} characters", f"at most {_MAX_TEXT:,}"
                )

    def _refuse(self, found: str, expected: str) -> NoReturn:
        raise LabelFormatError(
            f"{self.problems.source}, line {self.parser.CurrentLineNumber}: found {found}, "
            f"expected {expected}. Check that this is an export of CVAT."
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
        number = frame_number(attrs.get("id"))
        if number is None:
            self.problems.add(
                f"line {self.parser.CurrentLineNumber}",
                f"image id is {excerpt(attrs.get('id'))}; expected a number",
            )
            return
        sizes = [as_float(attrs.get(side)) for side in ("width", "height")]
        width, height = (size if size > 0 else math.nan for size in sizes)
        more = {key: value for key, value in attrs.items() if key not in _OF_IMAGE}
        extra = encode(more, self.problems.source).decode() if more else None
        self.images.append((attrs.get("task_id"), number, attrs.get("name"), width, height, extra))
        if len(self.images) == _BATCH:
            self.image_tables.append(_image_table(self.images))
            self.images = []

    def elements(self) -> Elements:
        tables = [*self.image_tables, _image_table(self.images)]
        images = pd.concat(tables, ignore_index=True)
        return Elements(self.meta, self.boxes.table(), images, self.others, self.kinds)


def _image_table(images: list[tuple[Any, ...]]) -> pd.DataFrame:
    names = ("task", "number", "name", "width", "height", "extra")
    kinds = {"number": "int64", "width": "float64", "height": "float64"}
    values = list(zip(*images, strict=True)) or [()] * len(names)
    return pd.DataFrame(
        {
            name: np.array(column, dtype=kinds[name])
            if name in kinds
            else columns.text_column(column)
            for name, column in zip(names, values, strict=True)
        }
    )


def for_xml(text: str) -> str:
    """Text without the control characters that XML cannot hold in any spelling."""
    return re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)
