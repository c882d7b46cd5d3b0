"""The boxes of CVAT's XML: some thousand elements at a time into columns."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby, repeat
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from annotaudit.formats import columns
from annotaudit.formats.json_text import encode
from annotaudit.formats.problems import Problems, excerpt

MAX_FRAME = 10_000_000  # four days at 30 frames per second
_BATCH = 8_192  # boxes turned into columns at a time
_CORNERS = {"left": "xtl", "top": "ytl", "right": "xbr", "bottom": "ybr"}
_FLAGS = {"occluded": False, "outside": False, "keyframe": True}  # and what they are unsaid
_NUMBERS = ("z_order", "rotation")
_ABOUT = ("label", "source", "group_id")  # of a track said once, of a box on an image by itself
_OF_BOX = frozenset({*_CORNERS.values(), "frame", *_FLAGS, *_NUMBERS, *_ABOUT})
_OF_TRACK = frozenset({"id", "task_id", *_ABOUT})
_USUAL = (*_CORNERS.values(), "z_order", "frame", *_FLAGS)  # of a box in a track
_TEXTS = ("task", "track", *_ABOUT, "extra")


class Box(NamedTuple):
    """A box as it stands in the file."""

    parent: dict[str, str]  # the track or the image it is in
    in_video: bool
    attrs: dict[str, str]
    attributes: dict[str, str] | None
    line: int


class BoxColumns:
    """Gathers columns of boxes, so that the elements need not all be in memory.

    Parameters
    ----------
    problems : Problems
        Where boxes go that are none.
    """

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.waiting: list[Box] = []
        self.n = 0
        self.texts = {name: _Texts() for name in _TEXTS}
        self.attributes: dict[str, _Texts] = {}
        self.numbers = {name: _Numbers("d") for name in (*_CORNERS, *_NUMBERS)}
        self.numbers |= {"number": _Numbers("q")} | {name: _Numbers("?") for name in _FLAGS}

    def add(self, box: Box) -> None:
        """Take a box; its columns are made when there are enough of them."""
        self.waiting.append(box)
        if len(self.waiting) == _BATCH:
            self._pack()

    def _pack(self) -> None:
        boxes, self.waiting = self.waiting, []
        found = _usual_numbers(boxes)
        is_usual = found is not None
        if found is None:
            found, boxes = self._one_by_one(boxes)
        for name, values in found.items():
            self.numbers[name].add(values)
        self._add_texts(boxes, is_usual)

    def _one_by_one(self, boxes: list[Box]) -> tuple[dict[str, NDArray[Any]], list[Box]]:
        """Numbers and flags of what is a box, and which those are; the others are problems."""
        number = _frame_numbers([_frame(box) for box in boxes])
        sides = {
            name: _floats([box.attrs.get(key) for box in boxes]) for name, key in _CORNERS.items()
        }
        is_box = (number >= 0) & ~np.isnan(list(sides.values())).any(axis=0)
        has_id = [not box.in_video or "id" in box.parent for box in boxes]
        is_box &= np.array(has_id, dtype=bool)
        flags, numbers = self._flags(boxes), self._numbers(boxes)
        for row in np.flatnonzero(
            ~is_box | (flags < 0).any(axis=0) | np.isnan(numbers).any(axis=0)
        ):
            self._tell(boxes[row])
        found: dict[str, NDArray[Any]] = {"number": number, **sides}
        for name, value in zip(_FLAGS, flags, strict=True):
            found[name] = np.where(value < 0, _FLAGS[name], value).astype(bool)
        found |= dict(zip(_NUMBERS, np.nan_to_num(numbers), strict=True))
        kept = [box for box, good in zip(boxes, is_box.tolist(), strict=True) if good]
        return {name: values[is_box] for name, values in found.items()}, kept

    def _flags(self, boxes: list[Box]) -> NDArray[np.int8]:
        """Of each flag and box 0 or 1; -1 where something else is said."""
        codes = {"0": 0, "1": 1}
        found = [
            [codes.get(box.attrs.get(name, "01"[unsaid]), -1) for box in boxes]
            for name, unsaid in _FLAGS.items()
        ]
        return np.array(found, dtype=np.int8).reshape(len(_FLAGS), -1)

    def _numbers(self, boxes: list[Box]) -> NDArray[np.float64]:
        return np.array([_floats([b.attrs.get(name, "0") for b in boxes]) for name in _NUMBERS])

    def _tell(self, box: Box) -> None:
        """Note what is wrong with a box, or in it."""
        where, values = f"line {box.line}", box.attrs
        if _frame_number(_frame(box)) < 0:
            found = excerpt(_frame(box))
            self.problems.add(where, f"frame is {found}; expected a number below {MAX_FRAME:,}")
            return
        for key in _CORNERS.values():
            if np.isnan(as_float(values.get(key))):
                found = excerpt(values.get(key))
                self.problems.add(where, f"{key} is {found}; expected a number of pixels")
                return
        if box.in_video and "id" not in box.parent:
            self.problems.add(where, "the track of the box has no id")
            return
        for name in _FLAGS:
            if values.get(name, "0") not in ("0", "1"):
                self.problems.add(where, f"{name} is {excerpt(values[name])}; expected 0 or 1")
        for name in _NUMBERS:
            if np.isnan(as_float(values.get(name, "0"))):
                self.problems.add(where, f"{name} is {excerpt(values[name])}; expected a number")

    def _add_texts(self, boxes: list[Box], is_usual: bool) -> None:
        texts = self.texts
        if all(box.in_video for box in boxes):  # then all is said of the track, once
            runs = [[*run] for _, run in groupby(boxes, lambda box: id(box.parent))]
            parents, lengths = [run[0].parent for run in runs], [len(run) for run in runs]
            texts["task"].add((parent.get("task_id") for parent in parents), lengths)
            texts["track"].add((parent.get("id") for parent in parents), lengths)
            for name in _ABOUT:
                texts[name].add((parent.get(name) for parent in parents), lengths)
            usual = is_usual and all(parent.keys() <= _OF_TRACK for parent in parents)
        else:
            texts["task"].add(box.parent.get("task_id") for box in boxes)
            texts["track"].add(box.parent.get("id") if box.in_video else None for box in boxes)
            for name in _ABOUT:
                texts[name].add(
                    (box.parent if box.in_video else box.attrs).get(name) for box in boxes
                )
            usual = False
        texts["extra"].add(repeat(None, len(boxes)) if usual else self._extras(boxes))
        for name in {name for box in boxes if box.attributes for name in box.attributes}:
            column = self.attributes.setdefault(name, _Texts())
            column.pad(self.n)
            column.add(box.attributes.get(name) if box.attributes else None for box in boxes)
        self.n += len(boxes)

    def _extras(self, boxes: list[Box]) -> Iterable[str | None]:
        """JSON text of what no column holds."""
        said = frozenset[str]().union(*(box.attrs for box in boxes))
        of_parents = {id(box.parent): box.parent for box in boxes if box.in_video}
        known = [parent.keys() <= _OF_TRACK for parent in of_parents.values()]
        if said <= _OF_BOX - frozenset(_ABOUT if of_parents else ()) and all(known):
            return repeat(None, len(boxes))
        return [self._extra(box) for box in boxes]

    def _extra(self, box: Box) -> str | None:
        usual = _OF_BOX.difference(_ABOUT) if box.in_video else _OF_BOX
        extra: dict[str, Any] = {k: value for k, value in box.attrs.items() if k not in usual}
        if box.in_video:
            track = {k: value for k, value in box.parent.items() if k not in _OF_TRACK}
            extra |= {"track": track} if track else {}
        return encode(extra, self.problems.source).decode() if extra else None

    def table(self) -> pd.DataFrame:
        """Put the columns together; texts as categories, of which each is in memory once."""
        self._pack()
        table: dict[str, Any] = {name: column.column() for name, column in self.numbers.items()}
        table |= {name: column.column(self.n) for name, column in self.texts.items()}
        for name, column in self.attributes.items():
            table[columns.ATTRIBUTE + name] = column.column(self.n)
        self.numbers, self.texts, self.attributes = {}, {}, {}  # the table alone holds them now
        return pd.DataFrame(table, copy=False)


class _Numbers:
    """A column of numbers that grows in place, without being in memory twice at the end.

    Zeros take no room until there is another number: most files know no rotation.
    """

    def __init__(self, kind: str) -> None:
        self.kind = np.dtype(kind)
        self.values = bytearray()
        self.n_zeros = 0

    def add(self, values: NDArray[Any]) -> None:
        if not self.values and not values.any():
            self.n_zeros += len(values)
            return
        self.values += bytes(self.n_zeros * self.kind.itemsize)
        self.n_zeros = 0
        self.values += values.astype(self.kind, copy=False).tobytes()

    def column(self) -> NDArray[Any]:
        if not self.values:
            return np.zeros(self.n_zeros, dtype=self.kind)
        return np.frombuffer(self.values, dtype=self.kind)


class _Texts:
    """A column of texts that repeat: each text once, and which one each row has."""

    def __init__(self) -> None:
        self.places: dict[str, int] = {}
        self.codes = _Numbers("i")  # from 1; 0 where there is no text
        self.n = 0

    def add(self, texts: Iterable[str | None], lengths: list[int] | None = None) -> None:
        """Take the texts of rows, or of runs of rows of these lengths."""
        places = self.places
        found = [0 if t is None else places.setdefault(t, len(places) + 1) for t in texts]
        codes = np.array(found, dtype=np.int32)
        codes = codes if lengths is None else np.repeat(codes, lengths)
        self.codes.add(codes)
        self.n += len(codes)

    def pad(self, n: int) -> None:
        self.add(repeat(None, n - self.n))

    def column(self, n: int) -> pd.Categorical:
        self.pad(n)
        return pd.Categorical.from_codes(
            self.codes.column() - 1, columns.text_column([*self.places])
        )


def as_text(column: pd.Series) -> pd.Series:
    """Make a text column of categories."""
    import pyarrow as pa

    codes = column.cat.codes.to_numpy()
    texts = columns.text_array(column.cat.categories.tolist())
    coded = pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), texts)
    return columns.text_of_arrays([coded.dictionary_decode()])


def _usual_numbers(boxes: list[Box]) -> dict[str, NDArray[Any]] | None:
    """Numbers and flags of boxes that are all in tracks and as CVAT writes them; else None."""
    attrs = [box.attrs for box in boxes]
    if not all("id" in box.parent and box.in_video for box in boxes):
        return None
    if set(map(len, attrs)) != {len(_USUAL)}:
        return None
    try:
        texts = dict(zip(_USUAL, zip(*map(itemgetter(*_USUAL), attrs), strict=True), strict=True))
        numbers = {name: np.array([*map(float, texts[name])]) for name in _USUAL[:5]}
    except (KeyError, ValueError):
        return None
    frame = texts["frame"]
    is_number = all(map(str.isdigit, frame)) and "".join(frame).isascii()
    flags = {name: "".join(texts[name]).encode() for name in _FLAGS}
    is_flag = all(len(t) == len(boxes) and not t.strip(b"01") for t in flags.values())
    if not (is_number and max(map(len, frame)) < 10 and is_flag):
        return None
    number = np.array([*map(int, frame)], dtype=np.int64)
    if not (number < MAX_FRAME).all() or not all(
        (np.abs(each) < columns.MAX_EXACT).all() for each in numbers.values()
    ):
        return None
    found = {name: numbers[key] for name, key in _CORNERS.items()}
    found |= {name: np.frombuffer(text, np.uint8) == ord("1") for name, text in flags.items()}
    rotation = np.zeros(len(boxes))
    return found | {"number": number, "z_order": numbers["z_order"], "rotation": rotation}


def _frame(box: Box) -> str | None:
    return box.attrs.get("frame") if box.in_video else box.parent.get("id")


def _frame_numbers(texts: list[str | None]) -> NDArray[np.int64]:
    """Frame numbers; -1 where a text is none."""
    return np.array([_frame_number(text) for text in texts], dtype=np.int64)


def _frame_number(text: str | None) -> int:
    return -1 if (number := frame_number(text)) is None else number


def frame_number(text: str | None) -> int | None:
    """Read the number of a frame; None if the text is none."""
    if text is None or not (text.isascii() and text.isdigit()) or len(text) > 9:
        return None
    return int(text) if int(text) < MAX_FRAME else None


def _floats(texts: list[str | None]) -> NDArray[np.float64]:
    """Numbers; NaN where a text is none."""
    try:
        values = np.array([*map(float, texts)], dtype=np.float64)  # type: ignore[arg-type]
    except (ValueError, TypeError):
        return np.array([as_float(text) for text in texts], dtype=np.float64)
    return np.where(np.abs(values) < columns.MAX_EXACT, values, np.nan)


def as_float(text: str | None) -> float:
    """Read a number; NaN if the text is none, or too large to keep its digits."""
    try:
        value = float(text or "")
    except ValueError:
        return float("nan")
    return value if abs(value) < columns.MAX_EXACT else float("nan")
