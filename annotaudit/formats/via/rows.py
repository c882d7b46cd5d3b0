"""The rows of a VIA file, made of labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from annotaudit.boxes import SIDES, Labels
from annotaudit.formats import columns
from annotaudit.formats.csv_cells import write_cells
from annotaudit.formats.json_text import decode, encode

CELLS = (
    "filename",
    "file_size",
    "file_attributes",
    "region_count",
    "region_id",
    "region_shape_attributes",
    "region_attributes",
)
KEYS_OF_SIDES = ("x", "y", "width", "height")
_UNKNOWN_SIZE = "-1"  # what VIA writes of images behind an address
_EMPTY = b"{}"


def rows_of(labels: Labels, where: str) -> bytes:
    """Write labels as the text of a VIA file.

    Parameters
    ----------
    labels : Labels
    where : str
        The file, for messages.
    """
    import pyarrow as pa

    boxes, frames = labels.boxes, labels.frames
    known = frames if "sequence" in frames else boxes[["sequence", "frame"]].iloc[:0]
    places = pd.concat([known[["sequence", "frame"]], boxes[["sequence", "frame"]]])
    images = places.drop_duplicates().merge(known, how="left", on=["sequence", "frame"])
    keys = _keys(images, where)
    several = len(images["sequence"].unique()) > 1
    told = [_told(image, several, where) for image in images.to_dict("records")]
    images["at"] = range(len(images))
    at = boxes.merge(images[["sequence", "frame", "at"]], how="left", on=["sequence", "frame"])[
        "at"
    ]
    ids = boxes["region_id"].tolist() if "region_id" in boxes else [None] * len(boxes)
    regions: list[list[tuple[Any, bytes, bytes]]] = [
        [
            (key, encode(shape, where) if shape else _EMPTY, encode(attributes, where))
            for key, shape, attributes in entry.get("regions", [])
        ]
        for entry in told
    ]
    for place, key, region in zip(at.tolist(), ids, _regions(boxes, keys, where), strict=True):
        regions[place].append((key, *region))
    rows: list[list[str | None]] = [[] for _ in CELLS]
    for entry, own in zip(told, regions, strict=True):
        drawn = _in_order(own) or [("0", _EMPTY, _EMPTY)]
        for place, (key, shape, attributes) in enumerate(drawn):
            cells = (
                *(entry[name] for name in CELLS[:3]),
                str(len(own)),
                key if isinstance(key, str) else str(place),
                shape.decode(),
                attributes.decode(),
            )
            for column, cell in zip(rows, cells, strict=True):
                column.append(cell)
    names = ["#filename" if keys.get("mark") else "filename", *CELLS[1:]]
    table = {
        name: pa.array(column, pa.large_string()) for name, column in zip(names, rows, strict=True)
    }
    return write_cells(table, formulas=True)  # VIA would take an apostrophe for part of the name


def _keys(images: pd.DataFrame, where: str) -> dict[str, Any]:
    texts = images["source_file"].dropna().tolist() if "source_file" in images else []
    found = decode(texts[0].encode(), f"{where}, column source_file") if texts else {}
    is_via = isinstance(found, dict) and {"label", "track"} <= found.keys()
    return found if is_via else {"label": "label", "track": "track"}


def _told(image: dict[Any, Any], several: bool, where: str) -> dict[str, Any]:
    """The first three cells of an image, and its regions that are no boxes."""
    text = image.get("source_entry")
    if isinstance(text, str) and text.startswith('{"filename"'):
        found: dict[str, Any] = decode(text.encode(), f"{where}, column source_entry")
        return found
    name = image.get("image")
    number = f"{image['frame']:06d}.jpg"
    about = {"sequence": image["sequence"], "frame": image["frame"]}
    return {
        "filename": name
        if isinstance(name, str)
        else f"{image['sequence']}/{number}"
        if several
        else number,
        "file_size": _UNKNOWN_SIZE,
        "file_attributes": encode(about, where).decode(),
    }


def _regions(boxes: pd.DataFrame, keys: dict[str, Any], where: str) -> list[tuple[bytes, bytes]]:
    shapes = _rectangles(boxes)
    attributes = columns.attribute_values(boxes)
    own = {name: boxes[name].tolist() for name in ("label", "track")}
    extras = _extras(boxes, where) if "mark" in keys else {}
    found = []
    for row, shape in enumerate(shapes):
        extra = extras.get(row, {})
        said: dict[str, Any] = {}
        for name, texts in own.items():
            text, other = texts[row], extra.get(name)
            if name in extra and _as_text(other, where) == text:
                said[keys[name]] = other  # a number is a number again
            elif isinstance(text, str):
                said[keys[name]] = text
            elif name in extra and other is None:
                said[keys[name]] = None
        more = encode(_object(extra, "shape"), where)
        found.append(
            (
                shape.encode() if more == _EMPTY else f"{shape[:-1]},".encode() + more[1:],
                encode(attributes[row] | _object(extra, "attributes") | said, where),
            )
        )
    return found


def _rectangles(boxes: pd.DataFrame) -> list[str]:
    """Write the shapes of all boxes as JSON, each number with all its digits."""
    import pyarrow as pa
    import pyarrow.compute as pc

    def scalar(text: str) -> pa.Scalar:
        return pa.scalar(text, pa.large_string())

    parts: list[Any] = []
    for key, side in zip(KEYS_OF_SIDES, SIDES, strict=True):
        comma = '{"name":"rect",' if not parts else ","
        numbers = pa.array(boxes[side].to_numpy() + 0.0)  # no minus before a zero
        parts += [scalar(f'{comma}"{key}":'), numbers.cast(pa.large_string())]
    lines: list[str] = pc.binary_join_element_wise(*parts, scalar("}"), scalar("")).to_pylist()
    return lines


def _object(extra: dict[str, Any], key: str) -> dict[str, Any]:
    found = extra.get(key)
    return found if isinstance(found, dict) else {}


def _as_text(value: Any, where: str) -> str:
    return value if isinstance(value, str) else encode(value, where).decode()


def _extras(boxes: pd.DataFrame, where: str) -> dict[int, dict[str, Any]]:
    if "extra" not in boxes:
        return {}
    texts = boxes["extra"]
    found = {}
    for row in np.flatnonzero(texts.notna().to_numpy()).tolist():
        text = texts.iloc[row]
        if isinstance(text, str) and text.startswith("{"):
            found[row] = decode(text.encode(), f"{where}, column extra, row {row}")
    return found


def _in_order(regions: list[tuple[Any, bytes, bytes]]) -> list[tuple[Any, bytes, bytes]]:
    """Put the regions of an image in the order of their numbers, if they have some."""
    numbers = [key for key, _, _ in regions]
    if all(isinstance(key, str) and key.isascii() and key.isdigit() for key in numbers):
        return sorted(regions, key=lambda region: int(region[0]))
    return regions
