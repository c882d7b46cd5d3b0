"""The XML of one image in Pascal VOC: read safely, and written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NoReturn
from xml.etree import ElementTree

import pandas as pd

from annotaudit.errors import LabelFormatError
from annotaudit.formats import columns
from annotaudit.formats.cvat.elements import for_xml

CORNERS = ("xmin", "ymin", "xmax", "ymax")
FLAGS = ("truncated", "difficult")
_TAG = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)
_OWN = ("name", "bndbox")


def _refuse_doctype(*_: Any) -> NoReturn:
    raise LabelFormatError(
        "The file has a DOCTYPE, which label files never need and attackers do. Find out who "
        "wrote it."
    )


class _PlainTree(ElementTree.TreeBuilder):
    doctype = staticmethod(_refuse_doctype)


def _plain(xml: bytes | str) -> ElementTree.Element:
    return ElementTree.fromstring(xml, ElementTree.XMLParser(target=_PlainTree()))


def parse(data: bytes, where: str) -> ElementTree.Element:
    """Parse a file; one with a DOCTYPE, or another root than ``annotation``, is refused."""
    try:
        root = _plain(data)
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        what = error if isinstance(error, LabelFormatError) else f"not XML ({error})"
        raise LabelFormatError(
            f"{where}: {what}; expected <annotation>. Copy or export the file again."
        ) from error
    if root.tag != "annotation":
        raise LabelFormatError(
            f"{where}: found <{root.tag[:60]}>, expected <annotation>. Check that this is VOC."
        )
    return root


def annotation(image: dict[Any, Any]) -> ElementTree.Element:
    """Make the element of an image: as it was read, or a new one."""
    text = image.get("source_entry")
    if isinstance(text, str) and text.startswith("<annotation"):
        return parse(text.encode(), "column source_entry")
    root = ElementTree.Element("annotation")
    name = image.get("image")
    shown = name if isinstance(name, str) else f"{image['sequence']}/{image['frame']}"
    ElementTree.SubElement(root, "filename").text = for_xml(shown)
    sides = [image.get(key) for key in ("image_width", "image_height")]
    if all(side is not None and side == side for side in sides):
        size = ElementTree.SubElement(root, "size")
        for key, value in zip(("width", "height", "depth"), [*sides, 3], strict=True):
            ElementTree.SubElement(size, key).text = f"{value:.15g}"
    return root


def objects_of(boxes: pd.DataFrame) -> Iterator[ElementTree.Element]:
    """Make the element of each box."""
    left, top = boxes["left"] + 1, boxes["top"] + 1
    corners = [left, top, left + boxes["width"] - 1, top + boxes["height"] - 1]
    texts = [[f"{value:.15g}" for value in corner.round(9).tolist()] for corner in corners]
    flags = {name: boxes[name].astype("boolean").tolist() for name in FLAGS if name in boxes}
    extras = boxes["extra"].tolist() if "extra" in boxes else [None] * len(boxes)
    labels = boxes["label"].tolist()
    for at, attributes in enumerate(columns.attribute_values(boxes)):
        text = extras[at]
        is_voc = isinstance(text, str) and text.startswith("<object")
        rest = _plain(str(text)) if is_voc else ElementTree.Element("object")
        entry = ElementTree.Element("object", rest.attrib)
        if isinstance(labels[at], str):
            ElementTree.SubElement(entry, "name").text = for_xml(labels[at])
        for name, value in attributes.items():
            is_said = name in flags and flags[name][at] is not pd.NA
            if _TAG.fullmatch(name) and name not in _OWN and not is_said:
                ElementTree.SubElement(entry, name).text = for_xml(str(value))
        for name, values in flags.items():
            if values[at] is not pd.NA:
                ElementTree.SubElement(entry, name).text = str(int(values[at]))
        box = rest.find("bndbox")
        if box is None:
            box = ElementTree.SubElement(rest, "bndbox")
        for place, corner in enumerate(CORNERS):
            ElementTree.SubElement(box, corner).text = texts[place][at]
        entry.extend(list(rest))
        yield entry
