"""The usual ``SeqLabel.json``, decoded straight into typed objects: several times faster.

A file with anything unusual in it (an unknown key, an id that is a number, a side that is null) is
not read here; the reader of plain objects then reads it whole.

The boxes of a frame are taken out of it as soon as it is decoded, and turned into arrays some
frames at a time, so that the memory taken is that of the columns.
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
_FRAME_KEYS = {"number": "frame-no", "frame": "frame", "attributes": "frame-attributes"}


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


_BOXES: dict[str, type[_Detected]] = {
    "tracking-annotations": _Tracked,
    "detection-annotations": _Detected,
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
    for kind, box in _BOXES.items():
        batches = _Batches(tracked=box is _Tracked)
        try:
            frames = _decoder(kind, box, batches).decode(data).frames
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        table = batches.table()
        content = {kind: [_without_boxes(frame) for frame in frames]}
        # Of a key that stands twice only the last was kept. Then there are more quotation marks
        # in the file than its keys and texts need.
        if quotes(data) != quotes(msgspec.json.encode(content)) + batches.quotes:
            return None
        return content, batches.by_frame, table
    return None


def _decoder(kind: str, box: type[_Detected], batches: _Batches) -> msgspec.json.Decoder[Any]:
    """Make the decoder of a file that hands the boxes of each frame to the batches."""

    def hand_on(frame: Any) -> None:
        batches.add(frame.annotations)
        frame.annotations = []

    frame = msgspec.defstruct(
        "_Frame",
        [("annotations", list[box]), *((name, Any, msgspec.UNSET) for name in _FRAME_KEYS)],  # type: ignore[valid-type]
        namespace={"__post_init__": hand_on},
        rename=_FRAME_KEYS,
        forbid_unknown_fields=True,
    )
    file = msgspec.defstruct(
        "_File",
        [("frames", list[frame])],  # type: ignore[valid-type]
        rename={"frames": kind},
        forbid_unknown_fields=True,
    )
    return msgspec.json.Decoder(file)


def _without_boxes(frame: Any) -> dict[str, Any]:
    known = {key: getattr(frame, name) for name, key in _FRAME_KEYS.items()}
    return {key: value for key, value in known.items() if value is not msgspec.UNSET} | {
        "annotations": []
    }


class _Batches:
    """Gathers boxes, turning them into arrays a batch at a time."""

    def __init__(self, *, tracked: bool) -> None:
        self.tracked = tracked
        self.by_frame: list[int] = []  # how many boxes each frame has
        self.quotes = 0  # how many quotation marks the boxes take in the file
        self._boxes: list[Any] = []
        self._sides: dict[str, list[Any]] = {side: [] for side in SIDES}
        self._texts: dict[str, list[Any]] = {name: [] for name in _TEXTS}
        self._attributes: list[dict[str, Any]] = []
        self._n_boxes = 0

    def add(self, boxes: list[Any]) -> None:
        """Take the boxes of a frame."""
        self.by_frame.append(len(boxes))
        self._boxes += boxes
        if len(self._boxes) >= _BATCH:
            self._flush()

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
