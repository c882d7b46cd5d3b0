"""The usual ``SeqLabel.json``, decoded straight into typed objects: several times faster.

A file with anything unusual in it (an unknown key, an id that is a number, a side that is null) is
not read here; the reader of plain objects then reads it whole.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from annotaudit.formats import columns
from annotaudit.formats.json_text import quotes

_KEYS = {
    "class_id": "class-id",
    "object_id": "object-id",
    "object_name": "object-name",
    "attributes": "label-category-attributes",
}


class _Detected(msgspec.Struct, gc=False, forbid_unknown_fields=True, rename=_KEYS):
    left: float
    top: float
    width: float
    height: float
    class_id: str
    attributes: dict[str, Any]


class _Tracked(_Detected, gc=False, forbid_unknown_fields=True, rename=_KEYS):
    object_id: str
    object_name: str


_Typed = (_Detected, _Tracked)
_UNKNOWN = msgspec.UNSET


class _Frame(
    msgspec.Struct,
    forbid_unknown_fields=True,
    rename={"number": "frame-no", "attributes": "frame-attributes"},
):
    number: Any = _UNKNOWN
    frame: Any = _UNKNOWN
    attributes: Any = _UNKNOWN


class _TrackedFrame(_Frame, forbid_unknown_fields=True, kw_only=True):
    annotations: list[_Tracked]


class _DetectedFrame(_Frame, forbid_unknown_fields=True, kw_only=True):
    annotations: list[_Detected]


class _TrackedFile(
    msgspec.Struct, forbid_unknown_fields=True, rename={"frames": "tracking-annotations"}
):
    frames: list[_TrackedFrame]


class _DetectedFile(
    msgspec.Struct, forbid_unknown_fields=True, rename={"frames": "detection-annotations"}
):
    frames: list[_DetectedFrame]


_DECODERS: dict[str, msgspec.json.Decoder[Any]] = {
    "tracking-annotations": msgspec.json.Decoder(_TrackedFile),
    "detection-annotations": msgspec.json.Decoder(_DetectedFile),
}


def decode_typed(data: bytes) -> dict[str, Any] | None:
    """Decode a usual file, its boxes as typed objects; None if anything in it is unusual.

    Parameters
    ----------
    data : bytes

    Returns
    -------
    dict or None
        As the plain decoder would give it, but for the boxes: see :func:`typed_columns`.
    """
    for kind, decoder in _DECODERS.items():
        try:
            frames = decoder.decode(data).frames
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        entries = [_without_boxes(frame) for frame in frames]
        boxes = [box for frame in frames for box in frame.annotations]
        # Of a key that stands twice only the last was kept. Then there are more quotation marks
        # in the file than its keys and texts need.
        in_boxes = quotes(data) - quotes(msgspec.json.encode({kind: entries}))
        if in_boxes != _quotes_of(boxes) and in_boxes != _quotes_of(boxes, with_attributes=True):
            return None
        for entry, frame in zip(entries, frames, strict=True):
            entry["annotations"] = frame.annotations
        return {kind: entries}
    return None


def typed_columns(boxes: list[Any], leftovers: columns.Leftovers) -> dict[str, Any]:
    """Make columns of typed boxes: sides, texts and attributes."""
    sides = {
        "left": [box.left for box in boxes],
        "top": [box.top for box in boxes],
        "width": [box.width for box in boxes],
        "height": [box.height for box in boxes],
    }
    table: dict[str, Any] = {
        side: np.fromiter(values, np.float64, len(boxes)) for side, values in sides.items()
    }
    table["class_id"] = columns.text_column([box.class_id for box in boxes])
    unknown = [None] * len(boxes)
    tracked = isinstance(boxes[0], _Tracked)
    ids = [box.object_id for box in boxes] if tracked else unknown
    names = [box.object_name for box in boxes] if tracked else unknown
    table |= {"object_id": columns.text_column(ids), "object_name": columns.text_column(names)}
    attributes = [box.attributes for box in boxes]
    if any(attributes):
        table |= columns.attribute_columns(attributes, _KEYS["attributes"], leftovers)
    return table


def is_typed(boxes: list[Any]) -> bool:
    """Tell whether a list of boxes came from :func:`decode_typed`."""
    return bool(boxes) and isinstance(boxes[0], _Typed)


def _without_boxes(frame: _Frame) -> dict[str, Any]:
    known = {"frame-no": frame.number, "frame": frame.frame, "frame-attributes": frame.attributes}
    return {key: value for key, value in known.items() if value is not _UNKNOWN} | {
        "annotations": []
    }


def _quotes_of(boxes: list[Any], *, with_attributes: bool = False) -> int:
    """How many quotation marks the boxes take in the file, what is in their attributes or not."""
    if not boxes:
        return 0
    keys, texts = (8, 3) if isinstance(boxes[0], _Tracked) else (6, 1)
    inside = msgspec.json.encode([box.attributes for box in boxes]) if with_attributes else b""
    return 2 * (keys + texts) * len(boxes) + quotes(inside)
