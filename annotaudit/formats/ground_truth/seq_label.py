"""The content of one ``SeqLabel.json``: decoded JSON in, tables out, and back."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from annotaudit.boxes import TEXT
from annotaudit.errors import LabelFormatError
from annotaudit.formats import columns
from annotaudit.formats.box_entries import Spelling, read_entries, write_entries
from annotaudit.formats.ground_truth.manifests import safe_name
from annotaudit.formats.json_text import decode, encode, repeated_keys
from annotaudit.formats.problems import Problems, excerpt
from annotaudit.formats.repeated_text import repeated_text
from annotaudit.formats.typed_entries import decode_typed

LISTS = ("tracking-annotations", "detection-annotations")
NOT_BOXES = ("polylines", "polygons", "keypoints")
FRAME_NUMBERS = ("frame-no", "frame_no", "frameNo", "frame-number", "frameNumber")
SPELLING = Spelling(
    {"class_id": "class-id", "object_id": "object-id", "object_name": "object-name"},
    attributes="label-category-attributes",
)
_MAX_FRAME = int(np.iinfo("int64").max)


def read_sequence(
    data: bytes, sequence: str, class_map: dict[str, str], problems: Problems
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make box and frame tables of one video's labels.

    Parameters
    ----------
    data : bytes
        The content of the file.
    sequence : str
        Name of the video.
    class_map : dict
        Class id to label; empty if unknown.
    problems : Problems

    Returns
    -------
    boxes, frames : DataFrame

    Raises
    ------
    LabelFormatError
        If this is no list of boxes on frames: polygons, points, 3D labels, something else.
    """
    content, looked_at, numbers, on_frame, table = _read_usual(data) or _read_any(data, problems)
    boxes = _box_table(table, on_frame, sequence, class_map)
    frames = _frame_table(looked_at, numbers, sequence, problems)
    if len(frames):
        kind = next(kind for kind in LISTS if kind in content)
        source = encode({**content, kind: []}, sequence)
        frames["source_file"] = columns.on_first_row(len(frames), source)
    return boxes, frames


# Content of the file, entries of the frames looked at, their numbers, the frame of each box, boxes.
_Read = tuple[dict[str, Any], list[dict[str, Any]], list[int], NDArray[np.int64], pd.DataFrame]


def _read_usual(data: bytes) -> _Read | None:
    """Read a file in which all is as it should be, the fast way; None for any other."""
    typed = decode_typed(data)
    if typed is None:
        return None
    content, n_boxes, table = typed
    entries = next(iter(content.values()))
    numbers = [_frame_number(entry, place) for place, entry in enumerate(entries)]
    known = [number for number in numbers if isinstance(number, int)]
    if len(known) < len(numbers):
        return None
    return content, entries, known, np.repeat(np.array(known, dtype=np.int64), n_boxes), table


def _read_any(data: bytes, problems: Problems) -> _Read:
    """Read any file, what cannot be used going to the problems."""
    content = decode(data, problems.source)
    for key in repeated_keys(data, content):
        problems.add("file", f"an object has the key {excerpt(key)} twice; the last one counts")
    numbers, looked_at, annotations, n_boxes = [], [], [], []
    for position, entry in enumerate(_frame_entries(content, problems.source)):
        where = f"entry {position}"
        if not isinstance(entry, dict):
            problems.add(where, f"found {excerpt(entry)}; expected a frame with annotations")
            continue
        boxes = _boxes_of(entry, where, problems)
        number = _frame_number(entry, position)
        if isinstance(number, str):
            problems.add(where, number)
            for place in range(len(boxes or [])):
                problems.add(f"{where}, box {place}", "the frame it is on is not known")
        elif boxes is not None:
            numbers.append(number)
            looked_at.append(entry)
            annotations += boxes
            n_boxes.append(len(boxes))
    starts = [0, *accumulate(n_boxes)]

    def where_is(box: int) -> str:
        place = bisect_right(starts, box) - 1
        return f"frame {numbers[place]}, box {box - starts[place]}"

    rows, table = read_entries(annotations, SPELLING, where_is, problems)
    on_frame = np.repeat(np.array(numbers, dtype=np.int64), n_boxes)[rows]
    return content, looked_at, numbers, on_frame, table


def _frame_entries(content: Any, source: str) -> list[Any]:
    if not isinstance(content, dict):
        raise LabelFormatError(
            f"{source}: found {excerpt(content)}; expected an object with {LISTS[0]!r}. "
            "This is no Ground Truth video label file: check which file it is."
        )
    kinds = [kind for kind in LISTS if kind in content]
    if not kinds:
        nested = [
            key
            for key, value in content.items()
            if isinstance(value, dict) and any(kind in value for kind in LISTS)
        ]
        if nested:
            raise LabelFormatError(
                f"{source}: the labels stand under {excerpt(nested[0])}, as in 3D point cloud "
                "jobs; only boxes on video frames are read. Export the camera's labels as a video "
                "job's, with 'tracking-annotations' at the top."
            )
        raise LabelFormatError(
            f"{source}: found the keys {excerpt(', '.join(content))}; expected {LISTS[0]!r} or "
            f"{LISTS[1]!r}. Check which file it is; labels are in SeqLabel.json."
        )
    entries = content[kinds[0]]
    if len(kinds) > 1 or not isinstance(entries, list):
        found = "both lists" if len(kinds) > 1 else excerpt(entries)
        raise LabelFormatError(
            f"{source}, {' and '.join(kinds)}: found {found}; expected one list of frames. "
            "Download the file again, or mend that place."
        )
    other = [name for name in NOT_BOXES for entry in entries if _has(entry, name)]
    if other and not any(_has(entry, "annotations") for entry in entries):
        raise LabelFormatError(
            f"{source}: the frames hold {other[0]}, not boxes; annotaudit reads bounding boxes. "
            "Use the labels of a bounding box job."
        )
    return entries


def _has(entry: Any, key: str) -> bool:
    return isinstance(entry, dict) and key in entry


def _boxes_of(entry: dict[str, Any], where: str, problems: Problems) -> list[Any] | None:
    """Return the boxes of a frame's entry, or None if it does not say which there are."""
    for name in NOT_BOXES:
        if entry.get(name):
            problems.add(f"{where}, {name}", f"found {excerpt(entry[name])}; expected boxes")
    boxes = entry.get("annotations")
    if isinstance(boxes, list):
        return boxes
    if "annotations" in entry:
        problems.add(where, f"annotations is {excerpt(boxes)}; expected a list of boxes")
    elif not any(name in entry for name in NOT_BOXES):
        problems.add(where, "the frame has no list of annotations")
    return None


def _frame_number(entry: dict[str, Any], position: int) -> int | str:
    """Return the number of the frame, or what is wrong with it."""
    key = next((key for key in FRAME_NUMBERS if key in entry), None)
    if key is None:
        return position
    found = entry[key]
    number = found
    if isinstance(found, str) and found.isascii() and found.isdigit() and len(found) < 20:
        number = int(found)
    if isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= _MAX_FRAME:
        return number
    return f"{key} is {excerpt(found)}; expected a whole number from 0"


def _box_table(
    table: pd.DataFrame, on_frame: Any, sequence: str, class_map: dict[str, str]
) -> pd.DataFrame:
    n_boxes = len(table)
    names, ids = table.pop("object_name"), table["object_id"]
    coded = pd.factorize(names)
    table["track"], renamed = _tracks(names, coded, ids)
    if renamed.any():
        extra = table.get("extra", pd.Series(np.nan, index=table.index, dtype=TEXT))
        table["extra"] = _with_names(extra, names, renamed)
    label = _by_code(pd.factorize(table["class_id"]), class_map.get) if class_map else None
    if label is None or label.isna().any():
        said = _by_code(coded, prefix_of)
        label = said if label is None else label.where(label.notna(), said)
    columns_first: dict[str, Any] = {
        "sequence": repeated_text(sequence, n_boxes),
        "frame": on_frame,
        "track": table["track"],
        "label": label,
        "annotator": repeated_text("consolidated", n_boxes),
    }
    rest = {str(name): table[name] for name in table.columns if name not in columns_first}
    boxes = pd.DataFrame({**columns_first, **rest}, copy=False)
    return boxes if boxes["object_id"].notna().any() else boxes.drop(columns="object_id")


def prefix_of(object_name: str) -> str | None:
    """Return the label in an object name such as ``Pedestrian:1``.

    Examples
    --------
    >>> prefix_of("Pedestrian:1")
    'Pedestrian'
    """
    return object_name.rpartition(":")[0] or None


def _by_code(coded: tuple[NDArray[np.intp], Any], change: Any) -> pd.Series:
    """Apply a function to each different text of a factorized column, once."""
    codes, different = coded
    changed = columns.text_column([*map(change, different), None])
    return changed.take(codes).reset_index(drop=True)


def _tracks(
    names: pd.Series, coded: tuple[NDArray[np.intp], Any], ids: pd.Series
) -> tuple[pd.Series, pd.Series]:
    """Name one track per object id, by its object name where that tells it from the others.

    Takes the object names also as factorized. Returns the track of each box, and whether the
    box's object name is not its track.
    """
    name_code, name_list = coded
    id_code, id_list = pd.factorize(ids)
    if len(id_list) == len(name_list) and (id_code >= 0).all() and (name_code >= 0).all():
        name_of_id = np.zeros(len(id_list), dtype=np.intp)
        name_of_id[id_code] = name_code
        is_one_to_one = bool((name_of_id[id_code] == name_code).all())
        if is_one_to_one and not set(id_list) & set(name_list):
            return names, pd.Series(False, index=names.index)
    pairs = pd.DataFrame({"id": id_code, "name": name_code}).drop_duplicates()
    pairs = pairs[pairs["id"] >= 0]
    first = pairs.drop_duplicates("id")  # an object may be renamed on the way
    name_of = pd.Series(name_list).reindex(first["name"]).to_numpy(dtype=object)
    shared = first["name"].duplicated(keep=False).to_numpy()
    title: list[str | None] = [None] * len(id_list)
    for code, name, is_shared in zip(first["id"], name_of, shared, strict=True):
        known = isinstance(name, str)
        title[code] = (
            id_list[code] if not known else f"{name} ({id_list[code]})" if is_shared else name
        )
    by_id = columns.text_column([*title, None]).take(id_code).reset_index(drop=True)
    track = by_id.where(by_id.notna(), names) if (id_code < 0).any() else by_id
    return track, names.notna() & ((names != track) | (names == ids))


def _with_names(extra: pd.Series, names: pd.Series, renamed: pd.Series) -> pd.Series:
    texts = extra.tolist()
    for row in np.flatnonzero(renamed):
        before = decode(texts[row].encode(), "extra") if isinstance(texts[row], str) else {}
        texts[row] = encode({"object-name": names.iloc[row], **before}, "extra").decode()
    return columns.text_column([text if isinstance(text, str) else None for text in texts])


def _frame_table(
    entries: list[dict[str, Any]], numbers: list[int], sequence: str, problems: Problems
) -> pd.DataFrame:
    leftovers: columns.Leftovers = {}
    attributes = columns.values_of(entries, "frame-attributes")
    frames = pd.DataFrame(
        {
            "sequence": repeated_text(sequence, len(entries)),
            "frame": np.array(numbers, dtype=np.int64),
            "image": columns.text_column(
                [
                    safe_name(entry.get("frame"), f"frame {number}", problems)
                    for entry, number in zip(entries, numbers, strict=True)
                ]
            ),
            "image_width": np.nan,
            "image_height": np.nan,
            "time": np.nan,
            **columns.attribute_columns(attributes, "frame-attributes", leftovers),
            "source_entry": columns.text_column(
                [encode({**entry, "annotations": []}, sequence).decode() for entry in entries]
            ),
        }
    )
    again = frames["frame"].duplicated()
    for number in frames.loc[again, "frame"]:
        problems.add(
            f"frame {number}",
            "a second entry for this frame; its boxes are kept, what it says of the frame is not",
        )
    return frames[~again].reset_index(drop=True)


def write_sequence(boxes: pd.DataFrame, frames: pd.DataFrame, target: str) -> dict[str, Any]:
    """Make the content of a ``SeqLabel.json`` from one sequence: what read_sequence undoes.

    Frames are written in the order of the frames table; a box on a frame that the table lacks
    gets an entry after them.
    """
    content: dict[str, Any] = {}
    if "source_file" in frames and (known := frames["source_file"].dropna()).size:
        content = decode(known.iloc[0].encode(), f"{target}, column source_file")
    kind = next((kind for kind in LISTS if kind in content), None)
    if kind is None:
        kind = LISTS[0] if boxes["track"].notna().any() else LISTS[1]
    boxes = boxes.assign(object_name=object_names(boxes))
    entries = write_entries(boxes, SPELLING, target)
    on_frame: dict[int, list[dict[str, Any]]] = {}
    for number, entry in zip(boxes["frame"].tolist(), entries, strict=True):
        on_frame.setdefault(number, []).append(entry)
    content[kind] = [
        *_frames_out(frames, on_frame, target),
        *[{"frame-no": number, "annotations": on_frame[number]} for number in sorted(on_frame)],
    ]
    return content


def object_names(boxes: pd.DataFrame) -> pd.Series:
    """Return the object name of each box: as it was read, unless the track was renamed since."""
    track = boxes["track"]
    if "object_id" not in boxes:
        return track
    names = track.where(track != boxes["object_id"])
    if "extra" in boxes:
        texts = boxes["extra"].tolist()
        own = [isinstance(text, str) and '"object-name"' in text for text in texts]
        for row, text in enumerate(texts):
            texts[row] = _name_in(decode(text.encode(), "column extra")) if own[row] else None
        names = names.mask(own, columns.text_column(texts).set_axis(boxes.index))
    ids = boxes["object_id"].reset_index(drop=True)
    plain = names.reset_index(drop=True)
    again = _tracks(plain, pd.factorize(plain), ids)[0].set_axis(boxes.index)
    return names.where((again == track) | (again.isna() & track.isna()), track)


def _name_in(extra: Any) -> str | None:
    name = extra.get("object-name")
    return name if isinstance(name, str) else None if name is None else encode(name, "").decode()


def _frames_out(
    frames: pd.DataFrame, on_frame: dict[int, list[dict[str, Any]]], target: str
) -> list[dict[str, Any]]:
    """Make the entries of frames, taking their boxes out of ``on_frame``."""
    originals = (
        frames["source_entry"].tolist() if "source_entry" in frames else [None] * len(frames)
    )
    images = frames["image"].tolist() if "image" in frames else [None] * len(frames)
    entries = []
    for number, image, original, attributes in zip(
        frames["frame"].tolist(), images, originals, columns.attribute_values(frames), strict=True
    ):
        entry: dict[str, Any] = {"frame-no": number}
        if isinstance(image, str):
            entry["frame"] = image
        if isinstance(original, str):
            entry = decode(original.encode(), f"{target}, column source_entry")
            if _frame_number(entry, number) != number:
                entry = {**entry, "frame-no": number}
        given = entry.get("frame-attributes")
        if attributes or given:
            entry["frame-attributes"] = _updated(given, attributes, frames)
        entry["annotations"] = on_frame.pop(number, [])
        entries.append(entry)
    return entries


def _updated(given: Any, attributes: dict[str, Any], frames: pd.DataFrame) -> Any:
    """Put the table's attributes in place of the ones as read; what is in no column stays."""
    if not isinstance(given, dict):
        return attributes or given
    in_columns = {
        name: value
        for name, value in given.items()
        if columns.ATTRIBUTE + name in frames
        and columns.is_held(value, frames[columns.ATTRIBUTE + name])
    }
    kept = {name: value for name, value in given.items() if name not in in_columns}
    return {**kept, **attributes}
