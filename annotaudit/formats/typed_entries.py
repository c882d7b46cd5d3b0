"""The usual ``SeqLabel.json``, decoded straight into typed objects: several times faster.

A file with anything unusual in it (an unknown key, an id that is a number, a side that is null) is
not read here; the reader of plain objects then reads it whole.

Boxes are decoded some frames at a time and turned into arrays at once, while they are still in the
processor's cache, so that the memory taken is that of the columns.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pandas as pd

from annotaudit.boxes import SIDES
from annotaudit.formats import columns
from annotaudit.formats.json_text import quotes

_BATCH = 8_192  # boxes turned into arrays at a time
_KEYS = {
    "class_id": "class-id",
    "object_id": "object-id",
    "object_name": "object-name",
    "attributes": "label-category-attributes",
}
_TEXTS = ("class_id", "object_id", "object_name")


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


class _Frame(
    msgspec.Struct,
    forbid_unknown_fields=True,
    rename={"number": "frame-no", "attributes": "frame-attributes"},
):
    annotations: msgspec.Raw
    number: Any = msgspec.UNSET
    frame: Any = msgspec.UNSET
    attributes: Any = msgspec.UNSET


class _TrackedFile(
    msgspec.Struct, forbid_unknown_fields=True, rename={"frames": "tracking-annotations"}
):
    frames: list[_Frame]


class _DetectedFile(
    msgspec.Struct, forbid_unknown_fields=True, rename={"frames": "detection-annotations"}
):
    frames: list[_Frame]


_DECODERS: dict[str, tuple[msgspec.json.Decoder[Any], msgspec.json.Decoder[Any]]] = {
    "tracking-annotations": (
        msgspec.json.Decoder(_TrackedFile),
        msgspec.json.Decoder(list[_Tracked]),
    ),
    "detection-annotations": (
        msgspec.json.Decoder(_DetectedFile),
        msgspec.json.Decoder(list[_Detected]),
    ),
}


def decode_typed(data: bytes) -> tuple[dict[str, Any], list[int], pd.DataFrame] | None:
    """Decode a usual file; None if anything in it is unusual.

    Parameters
    ----------
    data : bytes

    Returns
    -------
    content : dict
        As the plain decoder would give it, but without boxes.
    n_boxes : list of int
        How many boxes each frame has.
    table : DataFrame
        Sides, texts, attributes and ``extra`` of the boxes, frame after frame.
    """
    for kind, (file_decoder, boxes_decoder) in _DECODERS.items():
        try:
            frames = file_decoder.decode(data).frames
            batches = _Batches(tracked=kind == "tracking-annotations")
            n_boxes = [batches.add(boxes_decoder.decode(frame.annotations)) for frame in frames]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        table = batches.table()
        content = {kind: [_without_boxes(frame) for frame in frames]}
        # Of a key that stands twice only the last was kept. Then there are more quotation marks
        # in the file than its keys and texts need.
        if quotes(data) != quotes(msgspec.json.encode(content)) + batches.quotes:
            return None
        return content, n_boxes, table
    return None


def _without_boxes(frame: _Frame) -> dict[str, Any]:
    known = {"frame-no": frame.number, "frame": frame.frame, "frame-attributes": frame.attributes}
    return {key: value for key, value in known.items() if value is not msgspec.UNSET} | {
        "annotations": []
    }


class _Batches:
    """Gathers boxes, turning them into arrays a batch at a time."""

    def __init__(self, *, tracked: bool) -> None:
        self.tracked = tracked
        self.quotes = 0  # how many quotation marks the boxes take in the file
        self._boxes: list[Any] = []
        self._sides: dict[str, list[Any]] = {side: [] for side in SIDES}
        self._texts: dict[str, list[Any]] = {name: [] for name in _TEXTS}
        self._attributes: list[dict[str, Any]] = []
        self._n_boxes = 0

    def add(self, boxes: list[Any]) -> int:
        """Take the boxes of a frame; return how many they are."""
        self._boxes += boxes
        if len(self._boxes) >= _BATCH:
            self._flush()
        return len(boxes)

    def _flush(self) -> None:
        boxes, self._boxes = self._boxes, []
        n_boxes = len(boxes)
        sides = (
            [box.left for box in boxes],
            [box.top for box in boxes],
            [box.width for box in boxes],
            [box.height for box in boxes],
        )
        for side, values in zip(SIDES, sides, strict=True):
            self._sides[side].append(np.fromiter(values, np.float64, n_boxes))
        texts = {"class_id": [box.class_id for box in boxes]}
        if self.tracked:
            texts["object_id"] = [box.object_id for box in boxes]
            texts["object_name"] = [box.object_name for box in boxes]
        for name in _TEXTS:
            self._texts[name].append(columns.text_array(texts.get(name, [None] * n_boxes)))
        keys = 8 if self.tracked else 6
        self.quotes += 2 * (keys + len(texts)) * n_boxes
        attributes = [box.attributes for box in boxes]
        if any(attributes):
            self.quotes += quotes(msgspec.json.encode(attributes))
            self._attributes += [{}] * (self._n_boxes - len(self._attributes)) + attributes
        self._n_boxes += n_boxes

    def table(self) -> pd.DataFrame:
        """Make the columns."""
        self._flush()
        leftovers: columns.Leftovers = {}
        table: dict[str, Any] = {
            side: np.concatenate(chunks) for side, chunks in self._sides.items()
        }
        table |= {name: columns.text_of_arrays(chunks) for name, chunks in self._texts.items()}
        if self._attributes:
            every = self._attributes + [{}] * (self._n_boxes - len(self._attributes))
            table |= columns.attribute_columns(every, _KEYS["attributes"], leftovers)
        if leftovers:
            table["extra"] = columns.extra_column(leftovers, self._n_boxes, "attributes")
        return pd.DataFrame(table, copy=False)
