"""VGG Image Annotator: the CSV of VIA 1 and 2, boxes on images and tracks through them.

One row per region; the last three columns hold JSON::

    filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes
    01.png,26542,"{""frame"":0}",1,0,"{""name"":""rect"",""x"":526.2,""y"":393,""width"":46,
                                     ""height"":38}","{""track"":""71"",""label"":""crab""}"

================================  =============================================================
in the file                       in the tables
================================  =============================================================
``filename``                      ``image``
``frame`` of ``file_attributes``  ``frame``. Without it the number at the end of the name where
                                  there are tracks (from 1 if none is 0), or else the place of the
                                  image in the file
``x``, ``y``, ``width``,          ``left``, ``top``, ``width``, ``height``
``height`` of a ``rect``
``track``, or ``track_id``, of    ``track``
``region_attributes``
``label``, ``class``, ``type``    ``label``; the first of these that there is, or that ``label=``
and other such names              names
any other of the attributes       ``attribute.<name>``
``region_id``                     ``region_id``
any other key of the shape        ``extra``: JSON text
the rest of an image              ``source_entry`` of the frames table: JSON text
names of the attributes used      ``source_file``, on the first frame: JSON text
================================  =============================================================

A row without a region is an image that was looked at. Circles, polygons and other shapes are no
boxes: they are counted among the problems and written back. VIA itself knows no tracks; an
attribute ``track`` is what the program ``movement`` reads.

The CSV of VIA 3 is another format, which has the times of a video instead of frames; it is not
read. Export VIA 3's boxes as COCO instead.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from annotaudit.boxes import SIDES, Labels
from annotaudit.errors import LabelFormatError
from annotaudit.formats import columns
from annotaudit.formats.columns import ABSENT, Leftovers
from annotaudit.formats.csv_cells import header_of, read_cells
from annotaudit.formats.finite_sides import refuse_unknown_sides
from annotaudit.formats.ground_truth.manifests import safe_name
from annotaudit.formats.json_text import decode, encode, read_bytes
from annotaudit.formats.problems import Problems, excerpt
from annotaudit.formats.recognise import HEAD_BYTES
from annotaudit.formats.saving import write_whole
from annotaudit.formats.via.rows import CELLS, KEYS_OF_SIDES, rows_of

_VIA_3 = b"temporal_coordinates,spatial_coordinates"
_JSON_KEYS = (b'"filename"', b'"regions"', b'"file_attributes"')
_TRACKS = ("track", "track_id")
_LABELS = ("label", "class", "category", "type", "name", "object", "class_name", "species")
_NUMBER = re.compile(r".*?([0-9]{1,15})(?:\.\w{1,10})?", re.ASCII | re.DOTALL)
_MAX_FRAME = 2**53


def recognises(path: Path, head: bytes) -> bool:
    """Tell the file from the names of its columns.

    Examples
    --------
    >>> recognises(Path("any.name"), ",".join(CELLS).encode())
    True
    """
    return _VIA_3 in head[:20_000] or _is_json(head) or set(CELLS) <= set(_header(head))


def _is_json(head: bytes) -> bool:
    return head.lstrip()[:1] == b"{" and all(key in head for key in _JSON_KEYS)


def _header(head: bytes) -> list[str]:
    return [name.removeprefix("#") for name in header_of(head)]


def load(
    path: Path,
    *,
    strict: bool = False,
    sequence: str | None = None,
    label: str | None = None,
    track: str | None = None,
) -> Labels:
    """Read a VIA file.

    Parameters
    ----------
    path : Path
    strict : bool
        Raise at the first piece of input that cannot be used.
    sequence : str, optional
        Name of the video or set of images; by default that of the file.
    label, track : str, optional
        Name of the region attribute that says what, and which object, a region shows.

    Returns
    -------
    Labels
        The annotator is "consolidated".

    Raises
    ------
    LabelFormatError
        If it is no VIA file of version 1 or 2.
    """
    data = read_bytes(path)
    if _VIA_3 in data[:20_000]:
        raise LabelFormatError(
            f"{path}: this is the CSV of VIA 3, which tells times of a video, not frames, and no "
            "tracks. Export the boxes from VIA 3 as COCO JSON and load that."
        )
    if _is_json(data[:HEAD_BYTES]):
        raise LabelFormatError(
            f"{path}: found the JSON of VIA; expected its CSV. In VIA choose Annotation, Export "
            "Annotations (as csv), or as COCO, and load that."
        )
    if missing := sorted(set(CELLS) - set(_header(data))):
        raise LabelFormatError(
            f"{path}: the first line lacks {', '.join(missing)}; it has "
            f"{excerpt(', '.join(header_of(data)))}. Check that this is a CSV export of VIA."
        )
    problems = Problems(str(path), strict=strict)
    cells = read_cells(data, problems)
    texts = {name.removeprefix("#"): column for name, column in cells.columns.items()}
    names = np.array(texts["filename"].fill_null("").to_pylist(), dtype=object)
    attributes = _objects(texts["region_attributes"], "region_attributes", cells.rows, problems)
    shapes, sides = texts["region_shape_attributes"], _plain_rectangles(texts)
    regions = _Regions(
        _objects(shapes, "region_shape_attributes", cells.rows, problems) if sides is None else [],
        [value if isinstance(value, dict) else {} for value in attributes],
        texts["region_id"].to_pylist(),
        sides,
    )
    is_box = regions.boxes(cells.rows, problems)
    track_key = track or next((key for key in _TRACKS if regions.has(key, is_box)), _TRACKS[0])
    label_key = label or next((key for key in _LABELS if regions.has(key, is_box)), _LABELS[0])
    at, images = pd.factorize(names)
    first = np.unique(at, return_index=True)[1]
    about = _objects(
        texts["file_attributes"].take(first), "file_attributes", cells.rows[first], problems
    )
    frames = _frame_table(
        images.tolist(), about, sequence or path.stem, regions.has(track_key, is_box), problems
    )
    frames["source_entry"] = columns.text_column(
        [
            encode(entry, str(path)).decode()
            for entry in _entries(texts, first, regions.others(is_box, at))
        ]
    )
    keys = {
        "label": label_key,
        "track": track_key,
        "mark": names.size > 0 and "#filename" in cells.columns,
    }
    if len(frames):
        frames["source_file"] = columns.on_first_row(len(frames), encode(keys, str(path)))
    place = frames[["sequence", "frame"]].iloc[at[is_box]].reset_index(drop=True)
    return Labels(regions.table(is_box, place, label_key, track_key), frames, problems.table())


def _objects(cells: Any, name: str, rows: NDArray[np.int64], problems: Problems) -> list[Any]:
    """Decode a column of JSON objects, one that is none being None and a problem."""
    texts = cells.fill_null("{}").to_pylist()
    try:
        values = msgspec.json.decode(f"[{','.join(texts)}]")
        if len(values) == len(texts) and set(map(type, values)) <= {dict}:
            return list(values)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        pass
    found: list[Any] = []
    for text, row in zip(texts, rows.tolist(), strict=True):
        try:
            value = decode(text.encode(), "cell") if text.strip() else {}
        except (LabelFormatError, UnicodeEncodeError):
            value = None
        if not isinstance(value, dict):
            problems.add(f"row {row}", f"{name} is {excerpt(text)}; expected a JSON object")
        found.append(value if isinstance(value, dict) else None)
    return found


class _Rectangle(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    name: Literal["rect"]
    x: float
    y: float
    width: float
    height: float


def _plain_rectangles(texts: dict[str, Any]) -> NDArray[np.float64] | None:
    """Sides of all regions, if each is a rectangle and no more: several times faster."""
    cells = texts["region_shape_attributes"].fill_null("").to_pylist()
    try:
        found = msgspec.json.decode(f"[{','.join(cells)}]", type=list[_Rectangle])
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return None
    sides = np.array([(each.x, each.y, each.width, each.height) for each in found], dtype="float64")
    fits = len(found) == len(cells) > 0 and bool((np.abs(sides) < columns.MAX_EXACT).all())
    return sides if fits else None


class _Regions:
    """The regions of a file: shape, attributes and id of each row; only sides, if all have some."""

    def __init__(
        self,
        shapes: list[Any],
        attributes: list[dict[str, Any]],
        ids: list[Any],
        sides: NDArray[np.float64] | None,
    ) -> None:
        self.shapes = shapes
        self.attributes = attributes
        self.ids = ids
        self.all_boxes = sides is not None
        self.sides = np.full((len(shapes), 4), np.nan) if sides is None else sides

    def has(self, key: str, is_box: NDArray[np.bool_]) -> bool:
        return any(key in self.attributes[row] for row in np.flatnonzero(is_box).tolist())

    def boxes(self, rows: NDArray[np.int64], problems: Problems) -> NDArray[np.bool_]:
        """Tell which rows are boxes, and note which are not and should be."""
        is_box = np.full(len(self.sides), self.all_boxes)
        others: Counter[str] = Counter()
        for row, shape in enumerate(self.shapes):
            if not shape:
                continue
            if shape.get("name") != "rect":
                others[excerpt(shape.get("name"))] += 1
                continue
            values = [shape.get(key) for key in KEYS_OF_SIDES]
            bad = [
                key for key, value in zip(KEYS_OF_SIDES, values, strict=True) if not _fits(value)
            ]
            if bad:
                found = excerpt(shape.get(bad[0]))
                problems.add(
                    f"row {rows[row]}", f"{bad[0]} is {found}; expected a number of pixels"
                )
                continue
            self.sides[row] = values
            is_box[row] = True
        for name, count in others.items():
            problems.add("file", f"{count} regions of shape {name} are no boxes; they are kept")
        return is_box

    def others(self, is_box: NDArray[np.bool_], at: NDArray[np.int64]) -> dict[int, list[Any]]:
        """Of each image the regions that are no boxes."""
        found: dict[int, list[Any]] = {}
        for row in np.flatnonzero(~is_box).tolist():
            shape, attributes = self.shapes[row], self.attributes[row]
            if shape or attributes:
                found.setdefault(int(at[row]), []).append([self.ids[row], shape, attributes])
        return found

    def table(
        self, is_box: NDArray[np.bool_], place: pd.DataFrame, label_key: str, track_key: str
    ) -> pd.DataFrame:
        rows = np.flatnonzero(is_box).tolist()
        shapes = [] if self.all_boxes else [self.shapes[row] for row in rows]
        attributes = [dict(self.attributes[row]) for row in rows]
        leftovers: Leftovers = {}
        for row, shape in enumerate(shapes):
            if more := {k: v for k, v in shape.items() if k != "name" and k not in KEYS_OF_SIDES}:
                leftovers.setdefault(row, {})["shape"] = more
        tracks = [each.pop(track_key, ABSENT) for each in attributes]
        labels = [each.pop(label_key, ABSENT) for each in attributes]
        table = pd.DataFrame(
            {
                "sequence": place["sequence"],
                "frame": place["frame"],
                "track": columns.id_column(tracks, "track", leftovers),
                "label": columns.id_column(labels, "label", leftovers),
                "annotator": columns.text_column(["consolidated"] * len(rows)),
                **dict(zip(SIDES, self.sides[is_box].T, strict=True)),
                "region_id": columns.text_column([self.ids[row] for row in rows]),
                **columns.attribute_columns(attributes, "attributes", leftovers),
            }
        )
        if leftovers:
            table["extra"] = columns.extra_column(leftovers, len(rows), "region")
        return table


def _fits(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < columns.MAX_EXACT


def _frame_table(
    images: list[str], about: list[Any], sequence: str, tracked: bool, problems: Problems
) -> pd.DataFrame:
    entries = [entry or {} for entry in about]
    names = [entry.get("sequence") for entry in entries]
    known = all(isinstance(name, str) and name for name in names)
    numbers = [entry.get("frame") for entry in entries]
    counted = all(type(number) is int and 0 <= number < _MAX_FRAME for number in numbers)
    if not counted:
        matches = [_NUMBER.fullmatch(image) for image in images]
        found = [int(match[1]) for match in matches if match]
        counted = tracked and len(found) == len(images)
        numbers = [number - (0 not in found) for number in found]
    frames = pd.DataFrame(
        {"sequence": columns.text_column(names if known else [sequence] * len(images))}
    )
    frames["frame"] = np.array(numbers if counted else range(len(images)), dtype=np.int64)
    if frames.duplicated(["sequence", "frame"]).any():
        problems.add("file", "two images have one frame number; images are numbered in file order")
        frames["frame"] = np.arange(len(images))
    shown = [safe_name(image, f"image {at}", problems) for at, image in enumerate(images)]
    return frames.assign(
        image=columns.text_column(shown), image_width=np.nan, image_height=np.nan, time=np.nan
    )


def _entries(
    texts: dict[str, Any], first: NDArray[np.int64], others: dict[int, list[Any]]
) -> list[dict[str, Any]]:
    """What stands in the file of each image, but for its boxes."""
    told = [texts[name].take(first).to_pylist() for name in CELLS[:3]]
    entries = [dict(zip(CELLS[:3], cells, strict=True)) for cells in zip(*told, strict=True)]
    for image, regions in others.items():
        entries[image]["regions"] = regions
    return entries


def save(labels: Labels, path: Path) -> Path:
    """Write the CSV of VIA 2, image by image.

    Images of labels from elsewhere are named as in ``labels.frames``, and ``file_attributes`` says
    of which sequence and frame they are.

    Parameters
    ----------
    labels : Labels
        Of one annotator.
    path : Path

    Raises
    ------
    LabelFormatError
        If the labels are of several annotators, or a side is no finite number.
    """
    boxes = labels.boxes
    if len(boxes["annotator"].dropna().unique()) > 1:
        raise LabelFormatError(
            f"{path}: VIA has no place for who drew a box. Save annotators one by one: "
            "labels.boxes[labels.boxes['annotator'] == ...]."
        )
    refuse_unknown_sides(boxes, path)
    return write_whole(path, rows_of(labels, str(path)))
