"""The annotations of COCO: objects in, columns out, and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from annotaudit.boxes import SIDES
from annotaudit.errors import LabelFormatError
from annotaudit.formats import columns
from annotaudit.formats.columns import ABSENT, ATTRIBUTE, Leftovers
from annotaudit.formats.json_text import decode, encode
from annotaudit.formats.problems import Problems, excerpt

IN_ATTRIBUTES = "attributes.track_id"  # where CVAT writes the number of a track
_BATCH = 8_192
_LARGEST = 1.7976931348623157e308  # of floats; whole numbers can be larger
_IDS = {"annotation_id": "id", "class_id": "category_id"}
_FLAGS = ("keyframe", "occluded")  # columns of their own; in the file among the attributes
_KNOWN = frozenset(
    {*_IDS.values(), "image_id", "bbox", "area", "iscrowd", "score", "annotator", "attributes"}
)
_WITHOUT_NAME = "consolidated"


def read_annotations(
    batches: Iterable[list[Any]], row_of_id: dict[Any, int], problems: Problems
) -> tuple[NDArray[np.int64], pd.DataFrame, str, list[dict[str, Any]]]:
    """Make columns of the annotations that are boxes, and problems of the others.

    Parameters
    ----------
    batches : iterable of list
        The annotations, as decoded, some at a time.
    row_of_id : dict
        Image id to row of the frames table.
    problems : Problems

    Returns
    -------
    rows : int array
        Row of the frames table, of each box.
    table : DataFrame
    track_key : str
        Where the file keeps the track.
    others : list of dict
        Annotations without a box, to be written back.
    """
    reader = _Reader(row_of_id, problems)
    for batch in batches:
        reader.add(batch)
    rows = np.concatenate([np.zeros(0, np.int64), *reader.rows])
    return rows, reader.table(), reader.track_key, reader.others


class _Reader:
    """Gathers columns batch by batch, so that the objects need not all be in memory."""

    def __init__(self, row_of_id: dict[Any, int], problems: Problems) -> None:
        self.row_of_id = row_of_id
        self.problems = problems
        self.track_key = ""
        self.seen = 0
        self.others: list[dict[str, Any]] = []
        self.rows: list[NDArray[np.int64]] = []
        self.sides: list[NDArray[np.float64]] = []
        self.texts: dict[str, list[Any]] = {n: [] for n in (*_IDS, "track", "annotator", "extra")}
        self.numbers: dict[str, list[Any]] = {n: [] for n in ("score", "mask_area", "iscrowd")}
        self.attributes: list[Any] = []
        self.has_attributes = False

    def add(self, batch: list[Any]) -> None:
        self.track_key = self.track_key or _track_key(batch)
        entries, rows, sides = self._boxes(batch)
        self.seen += len(batch)
        leftovers: Leftovers = {}
        present = set(chain.from_iterable(entries))

        def values_of(key: str) -> list[Any]:
            if key not in present:
                return [ABSENT] * len(entries)
            return columns.values_of(entries, key)

        keys = _IDS | ({} if self.track_key == IN_ATTRIBUTES else {"track": self.track_key})
        for name, key in keys.items():
            self.texts[name].append(_id_array(values_of(key), key, leftovers))
        attributes = values_of("attributes")
        if self.track_key == IN_ATTRIBUTES:
            ids = [a.get("track_id", ABSENT) if isinstance(a, dict) else ABSENT for a in attributes]
            self.texts["track"].append(_id_array(ids, "", {}))
        self.has_attributes |= "attributes" in present
        self.attributes += attributes
        self.texts["annotator"].append(
            columns.text_array(_annotators(values_of("annotator"), leftovers))
        )
        area = sides[:, 2] * sides[:, 3]
        masks = _numbers(values_of("area"), "area", leftovers)
        self.numbers["mask_area"].append(np.where(masks == area, np.nan, masks))
        self.numbers["score"].append(_numbers(values_of("score"), "score", leftovers))
        self.numbers["iscrowd"].append(_crowd(values_of("iscrowd"), leftovers))
        for key in present - _KNOWN - {self.track_key}:
            for row, entry in enumerate(entries):
                if key in entry:
                    leftovers.setdefault(row, {})[key] = entry[key]
        extra: list[str | None] = [None] * len(entries)
        for row, values in leftovers.items():
            extra[row] = encode(values, self.problems.source).decode()
        self.texts["extra"].append(columns.text_array(extra))
        self.rows.append(np.array(rows, dtype=np.int64))
        self.sides.append(sides)

    def _boxes(self, batch: list[Any]) -> tuple[list[Any], list[int], NDArray[np.float64]]:
        """The annotations that are boxes, the image row and the sides of each."""
        try:
            corners = [entry["bbox"] for entry in batch]
            rows = [self.row_of_id[entry["image_id"]] for entry in batch]
            usual = set(map(len, corners)) <= {4}
            if usual and set(map(type, chain.from_iterable(corners))) <= {int, float}:
                flat = np.fromiter(chain.from_iterable(corners), np.float64, 4 * len(batch))
                if not np.isinf(flat).any():
                    return batch, rows, flat.reshape(-1, 4)
        except (KeyError, TypeError, OverflowError):
            pass  # some annotation is no box: find out which
        entries, rows, sides = [], [], []
        for place, entry in enumerate(batch, start=self.seen):
            found = self._sides_of(entry)
            if isinstance(found, str):
                self.problems.add(f"annotation {place}", found)
                # An infinity would come back as null, and make a box with an unknown side.
                if isinstance(entry, dict) and "inf" not in repr(entry.get("bbox")):
                    self.others.append(entry)
            else:
                entries.append(entry)
                rows.append(self.row_of_id[entry["image_id"]])
                sides.append(found)
        return entries, rows, np.array(sides, dtype=np.float64).reshape(-1, 4)

    def _sides_of(self, entry: Any) -> list[float] | str:
        """The sides of an annotation, or what keeps it from being a box."""
        if not isinstance(entry, dict):
            return f"found {excerpt(entry)}; expected an object"
        image = entry.get("image_id")
        if type(image) not in (int, str) or image not in self.row_of_id:
            return f"image_id {excerpt(image)} is not among the images"
        bbox = entry.get("bbox")
        if not isinstance(bbox, list) or len(bbox) != 4:
            return f"bbox is {excerpt(bbox)}; expected four numbers: left, top, width, height"
        sides = []
        for value in bbox:
            if value is None:
                sides.append(float("nan"))
            elif type(value) not in (int, float) or not abs(value) <= _LARGEST:
                if type(value) is float and value != value:
                    sides.append(value)
                else:
                    return f"bbox holds {excerpt(value)}; expected a number of pixels"
            else:
                sides.append(float(value))
        return sides

    def table(self) -> pd.DataFrame:
        """Put the batches together."""
        n = len(self.attributes)
        texts = {
            name: columns.text_of_arrays(arrays or [columns.text_array([])])
            for name, arrays in self.texts.items()
        }
        sides = np.concatenate([np.zeros((0, 4)), *self.sides])
        table: dict[str, Any] = {"track": texts["track"], "annotator": texts["annotator"]}
        table |= dict(zip(SIDES, sides.T, strict=True))
        table |= {name: texts[name] for name in _IDS}
        for name, parts in self.numbers.items():
            values = np.concatenate([np.zeros(0), *parts])
            if name == "iscrowd":
                if (values == 1).any():
                    table[name] = values == 1
            elif not np.isnan(values).all():
                table[name] = values
        extra = texts["extra"]
        if self.has_attributes:
            leftovers: Leftovers = {}
            found = columns.attribute_columns(self.attributes, "attributes", leftovers)
            for flag in _FLAGS:
                if (
                    column := found.get(ATTRIBUTE + flag)
                ) is not None and column.dtype == "boolean":
                    found[flag] = found.pop(ATTRIBUTE + flag)
            table |= found
            empty = [row for row, each in enumerate(self.attributes) if each == {}]
            for row in empty:
                leftovers.setdefault(row, {})["attributes"] = {}
            if leftovers:
                extra = _merged(extra, leftovers, self.problems.source)
        if extra.notna().any():
            table["extra"] = extra
        return pd.DataFrame(table, index=range(n))


def _track_key(batch: list[Any]) -> str:
    entries = [entry for entry in batch if isinstance(entry, dict)]
    for key in ("track_id", "instance_id"):
        if any(key in entry for entry in entries):
            return key
    attributes = (entry.get("attributes") for entry in entries)
    if any(isinstance(each, dict) and "track_id" in each for each in attributes):
        return IN_ATTRIBUTES
    return "track_id"


def _id_array(values: list[Any], key: str, leftovers: Leftovers) -> Any:
    import pyarrow as pa

    kinds = set(map(type, values))
    if kinds == {int} and max(map(abs, values)) < 2**63:
        return pa.array(values, pa.int64()).cast(pa.large_string())
    if kinds == {type(ABSENT)}:
        return pa.nulls(len(values), pa.large_string())
    return columns.text_array(columns.id_column(values, key, leftovers, int).tolist())


def _annotators(values: list[Any], leftovers: Leftovers) -> list[str]:
    if all(value is ABSENT for value in values):
        return [_WITHOUT_NAME] * len(values)
    for row, value in enumerate(values):
        if value is ABSENT:
            values[row] = _WITHOUT_NAME
        elif not isinstance(value, str) or value == _WITHOUT_NAME or not value:
            leftovers.setdefault(row, {})["annotator"] = value
            values[row] = _WITHOUT_NAME
    return values


def _numbers(values: list[Any], key: str, leftovers: Leftovers) -> NDArray[np.float64]:
    kinds = set(map(type, values))
    if kinds == {type(ABSENT)}:
        return np.full(len(values), np.nan)
    if kinds == {float}:
        return np.array(values)
    if not kinds <= {float, type(ABSENT)}:
        for row, value in enumerate(values):
            kind = type(value)
            if kind is int and abs(value) <= columns.MAX_EXACT or value is ABSENT:
                continue
            if kind is not float:
                leftovers.setdefault(row, {})[key] = value
                values[row] = ABSENT
    return np.array([np.nan if value is ABSENT else value for value in values], dtype=np.float64)


def _crowd(values: list[Any], leftovers: Leftovers) -> NDArray[np.float64]:
    if values.count(0) == len(values) and set(map(type, values)) <= {int}:
        return np.zeros(len(values))
    for row, value in enumerate(values):
        if type(value) is not int or value not in (0, 1):
            if value is not ABSENT:
                leftovers.setdefault(row, {})["iscrowd"] = value
            values[row] = 0
    return np.array(values, dtype=np.float64)


def _merged(extra: pd.Series, more: Leftovers, where: str) -> pd.Series:
    texts = [text if isinstance(text, str) else None for text in extra.tolist()]
    for row, values in more.items():
        known = {} if (text := texts[row]) is None else decode(text.encode(), where)
        texts[row] = encode(known | values, where).decode()
    return columns.text_column(texts)


def write_annotations(
    boxes: pd.DataFrame,
    image_ids: list[Any],
    class_ids: list[Any],
    track_key: str,
    target: str,
    others: list[dict[str, Any]],
) -> Iterator[bytes]:
    """Write annotations as JSON, with commas between and without the brackets around.

    Parameters
    ----------
    boxes : DataFrame
    image_ids, class_ids : list
        Of each box.
    track_key : str
        As :func:`read_annotations` gives it.
    target : str
        For messages.
    others : list of dict
        Annotations without a box; they get new ids where theirs are taken.
    """
    if (bad := np.isinf(boxes[list(SIDES)].to_numpy()).any(axis=1)).any():
        row = boxes[bad].iloc[0]
        raise LabelFormatError(
            f"{target}: the box of track {row['track']!r} on frame {row['frame']} has an infinite "
            "side, which JSON cannot hold. Correct it, or set it to NaN."
        )
    ids = boxes["annotation_id"] if "annotation_id" in boxes else pd.Series(None, boxes.index)
    keep_ids = ids.notna().all() and ids.is_unique and len(ids)
    numbers = list(map(as_id, ids.tolist())) if keep_ids else list(range(1, len(boxes) + 1))
    for start in range(0, len(boxes), _BATCH):
        part = slice(start, start + _BATCH)
        entries = _entries(boxes.iloc[part], track_key, target)
        identity = zip(entries, numbers[part], image_ids[part], class_ids[part], strict=True)
        for entry, number, image_id, class_id in identity:
            entry["id"] = entry.get("id", number) if keep_ids else number
            entry["image_id"] = image_id
            _set_class(entry, class_id)
        yield (b"," if start else b"") + encode(entries, target)[1:-1]
    if others:
        if {*map(repr, numbers)} & {repr(other.get("id")) for other in others}:
            first = max([n for n in numbers if type(n) is int], default=0) + 1
            others = [other | {"id": n} for n, other in enumerate(others, start=first)]
        yield (b"," if len(boxes) else b"") + encode(others, target)[1:-1]


def _set_class(entry: dict[str, Any], class_id: Any) -> None:
    """Write the class, in the spelling of the file where that is the same one."""
    spelled = entry.get("category_id", ABSENT)
    if class_id is None:
        if spelled is ABSENT or type(spelled) is int:
            entry.pop("category_id", None)
    elif spelled is ABSENT or _as_read(spelled) != str(class_id):
        entry["category_id"] = class_id


def _entries(boxes: pd.DataFrame, track_key: str, target: str) -> list[dict[str, Any]]:
    sides = zip(*(columns.plain_numbers(boxes[side].tolist()) for side in SIDES), strict=True)
    area = boxes["width"] * boxes["height"]
    crowd = boxes["iscrowd"].fillna(False).tolist() if "iscrowd" in boxes else [0] * len(boxes)
    if "mask_area" in boxes:
        area = boxes["mask_area"].where(boxes["mask_area"].notna(), area)
    areas = columns.plain_numbers(area.tolist())
    entries: list[dict[str, Any]] = [
        {"bbox": list(bbox), "area": size, "iscrowd": int(flag)}
        for bbox, size, flag in zip(sides, areas, crowd, strict=True)
    ]
    if "score" in boxes:
        for entry, score in zip(entries, columns.plain_numbers(boxes["score"]), strict=True):
            if score is not None:
                entry["score"] = score
    for entry, name in zip(entries, boxes["annotator"].tolist(), strict=True):
        if isinstance(name, str) and name != _WITHOUT_NAME:
            entry["annotator"] = name
    tracks = [as_id(track) if isinstance(track, str) else None for track in boxes["track"].tolist()]
    in_attributes = track_key == IN_ATTRIBUTES
    if any(name in _FLAGS or str(name).startswith(ATTRIBUTE) for name in boxes) or in_attributes:
        boxes = boxes.rename(columns={name: ATTRIBUTE + name for name in _FLAGS})
        for entry, values, track in zip(
            entries, columns.attribute_values(boxes), tracks, strict=True
        ):
            if in_attributes and track is not None:
                values["track_id"] = track
            if values:
                entry["attributes"] = values
    if not in_attributes:
        for entry, track in zip(entries, tracks, strict=True):
            if track is not None:
                entry[track_key] = track
    if "extra" in boxes:
        for entry, text in zip(entries, boxes["extra"].tolist(), strict=True):
            if isinstance(text, str):
                _add_extra(entry, decode(text.encode(), f"{target}, column extra"), track_key)
    return entries


def _as_read(value: Any) -> Any:
    return columns.id_column([value], "id", {}).tolist()[0]


def as_id(text: Any) -> Any:
    """Turn the text of a whole number back into one.

    Examples
    --------
    >>> as_id("-7"), as_id("07"), as_id("car:7")
    (-7, '07', 'car:7')
    """
    is_whole = text.lstrip("-").isdecimal() and len(text) < 4000
    return int(text) if is_whole and str(int(text)) == text else text


def _add_extra(entry: dict[str, Any], extra: Any, track_key: str) -> None:
    """Put back what no column holds; of an id, only while the column still says the same."""
    if not isinstance(extra, dict):
        return
    for key, value in extra.items():
        if key == "attributes" and isinstance(value, dict):
            entry[key] = {**value, **entry.get(key, {})}
        elif key == "annotator" and key in entry:
            continue
        elif key == track_key:
            if key not in entry or str(entry[key]) == _as_read(value):
                entry[key] = value
        else:
            entry[key] = value
