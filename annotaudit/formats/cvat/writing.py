"""The elements of CVAT's XML, written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import pandas as pd

from annotaudit.formats import columns
from annotaudit.formats.cvat.elements import Element, for_xml
from annotaudit.formats.cvat.tasks import Tasks
from annotaudit.formats.json_text import decode

_BATCH = 8_192
_OF_BOX = ("occluded", "outside", "keyframe", "z_order", "rotation")


def write_tracks(boxes: pd.DataFrame, tasks: Tasks, others: list[Element]) -> Iterator[str]:
    """Write tracks, ordered and with ``keyframe`` and ``outside``; then what is no box."""
    task = tasks.of_names(boxes["sequence"])
    several = len(tasks.names) > 1
    numbers = tasks.number(task, boxes["frame"].to_numpy()).tolist()
    names = _track_ids(boxes)
    opened = None
    places = boxes["track_place"].tolist()
    for at, (attrs, inner, extra) in enumerate(_boxes(boxes, is_video=True)):
        if places[at] != opened:
            head = {"id": names[at], "label": attrs.pop("label", "")}
            head |= {key: attrs[key] for key in ("source", "group_id") if key in attrs}
            head |= extra.get("track", {}) if isinstance(extra.get("track"), dict) else {}
            if several:
                head["task_id"] = tasks.ids[task[at]] or str(task[at])
            yield ("" if opened is None else "</track>\n") + f"<track{_attributes(head)}>\n"
            opened = places[at]
        for key in ("label", "source", "group_id"):
            attrs.pop(key, None)
        own = {key: value for key, value in extra.items() if key != "track"}
        yield _element({"frame": numbers[at], **attrs, **own}, inner)
    if opened is not None:
        yield "</track>\n"
    yield from (f"{xml}\n" for *_, xml in others)


def write_images(
    boxes: pd.DataFrame, frames: pd.DataFrame, tasks: Tasks, others: list[Element]
) -> Iterator[str]:
    """Write images with the boxes in them; images without boxes, too."""
    known = frames if "sequence" in frames else pd.DataFrame(columns=["sequence", "frame"])
    places = pd.concat([known[["sequence", "frame"]], boxes[["sequence", "frame"]]])
    images = places.drop_duplicates().merge(known, how="left", on=["sequence", "frame"])
    task = tasks.of_names(images["sequence"])
    several = len(tasks.names) > 1
    numbers = tasks.number(task, images["frame"].to_numpy(dtype=np.int64)).tolist()
    by_place: dict[tuple[str, int], list[str]] = {}
    places_of_boxes = zip(boxes["sequence"].tolist(), boxes["frame"].tolist(), strict=True)
    for place, (attrs, inner, extra) in zip(
        places_of_boxes, _boxes(boxes, is_video=False), strict=True
    ):
        by_place.setdefault(place, []).append(_element(attrs | extra, inner))
    shapes: dict[tuple[str | None, str | None], list[str]] = {}
    for _, task_id, number, xml in others:
        shapes.setdefault((task_id, number), []).append(f"{xml}\n")
    facts = [
        images[name].tolist() if name in images else [None] * len(images)
        for name in ("image", "image_width", "image_height", "source_entry")
    ]
    keys = zip(images["sequence"].tolist(), images["frame"].tolist(), strict=True)
    for at, (place, name, width, height, entry) in enumerate(zip(keys, *facts, strict=True)):
        more = decode(entry.encode(), "column source_entry") if isinstance(entry, str) else {}
        more = more if isinstance(more, dict) else {}
        kept = more.pop("name", None)  # one that could not be used
        head: dict[str, Any] = {"id": numbers[at]}
        head["name"] = name if isinstance(name, str) else kept or f"{place[0]}/{place[1]}"
        for key, value in (("width", width), ("height", height)):
            if value is not None and value == value:
                head[key] = f"{value:.15g}"
        head |= more
        task_id = (tasks.ids[task[at]] or str(task[at])) if several else None
        if task_id is not None:
            head["task_id"] = task_id
        inside = [*by_place.get(place, []), *shapes.pop((task_id, str(numbers[at])), [])]
        yield f"<image{_attributes(head)}>\n{''.join(inside)}</image>\n"
    yield from shapes.get((None, None), [])


def _track_ids(boxes: pd.DataFrame) -> list[str]:
    """Numbers of tracks: as they are, if all are numbers and none is in two tasks."""
    each = boxes.drop_duplicates("track_place")["track"]
    if each.str.fullmatch("(?:0|[1-9][0-9]{0,8})").all() and each.is_unique:
        return list(map(str, boxes["track"].tolist()))
    return [str(place) for place in boxes["track_place"].tolist()]


def _boxes(
    boxes: pd.DataFrame, *, is_video: bool
) -> Iterator[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]]:
    """Of each box its XML attributes, CVAT's attributes, and what else the file said."""
    for start in range(0, len(boxes), _BATCH):
        yield from _batch(boxes.iloc[start : start + _BATCH], is_video)


def _batch(
    boxes: pd.DataFrame, is_video: bool
) -> Iterator[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]]:
    n = len(boxes)
    texts = {
        name: boxes[name].tolist() for name in ("label", "source", "group_id") if name in boxes
    }
    left, top = boxes["left"], boxes["top"]
    corners = {
        "xtl": left, "ytl": top,
        "xbr": (left + boxes["width"]).round(9), "ybr": (top + boxes["height"]).round(9),
    }  # fmt: skip
    sides = {name: list(map(repr, column.tolist())) for name, column in corners.items()}
    flags: dict[str, list[str]] = {"occluded": ["0"] * n, "z_order": ["0"] * n}
    for name in _OF_BOX:
        if name in boxes and (is_video or name not in ("outside", "keyframe")):
            values = pd.to_numeric(boxes[name], errors="coerce").fillna(0).astype("float64")
            flags[name] = [f"{value:.15g}" for value in values.tolist()]
    if "rotation" in flags:
        flags["rotation"] = [value if value != "0" else "" for value in flags["rotation"]]
    extras = boxes["extra"].tolist() if "extra" in boxes else [None] * n
    inner = columns.attribute_values(boxes)
    for at in range(n):
        attrs = {name: values[at] for name, values in (flags | sides).items() if values[at]}
        attrs |= {name: v[at] for name, v in texts.items() if isinstance(v[at], str)}
        text = extras[at]
        extra = decode(text.encode(), "column extra") if isinstance(text, str) else {}
        yield attrs, inner[at], extra if isinstance(extra, dict) else {}


def _element(attrs: dict[str, Any], inner: dict[str, Any]) -> str:
    head = f"<box{_attributes(attrs)}"
    if not inner:
        return head + "/>\n"
    texts = (
        f"<attribute name={quoteattr(for_xml(name))}>{escape(for_xml(_text(value)))}</attribute>"
        for name, value in inner.items()
    )
    return f"{head}>{''.join(texts)}</box>\n"


def _attributes(values: dict[str, Any]) -> str:
    usual = ((key, value) for key, value in values.items() if _NAME.fullmatch(str(key)))
    return "".join(f" {key}={quoteattr(for_xml(_text(value)))}" for key, value in usual)


_NAME = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
