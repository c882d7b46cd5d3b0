"""COCO detection JSON: images, categories and annotations; with ``videos``, tracks through them.

A file, here broken for reading::

    {"info": {}, "licenses": [],
     "videos": [{"id": 1, "name": "street", "fps": 25}],
     "images": [{"id": 7, "file_name": "a.jpg", "width": 500, "height": 400,
                 "video_id": 1, "frame_id": 0}],
     "categories": [{"id": 18, "name": "dog"}],
     "annotations": [{"id": 1, "image_id": 7, "category_id": 18, "bbox": [11, 13, 61, 128],
                      "area": 7808, "iscrowd": 0, "track_id": 3, "annotator": "ann",
                      "attributes": {"occluded": false, "keyframe": true, "colour": "red"}}]}

==============================  ===================================================
in the file                     in the tables
==============================  ===================================================
name of the video               ``sequence``; without videos that of the file
``frame_id`` of the image       ``frame``; from 1 if no image has 0. Without one, and
                                for stills, the place of the image in its list
``file_name``, width, height    ``image``, ``image_width``, ``image_height``
``bbox``                        ``left top width height``; null is unknown
``category_id``                 ``class_id``; through the categories, ``label``
``id``                          ``annotation_id``
``track_id``, ``instance_id``   ``track``; CVAT writes it into the attributes
``annotator``                   ``annotator``; "consolidated" if there is none
``score``                       ``score``
``iscrowd``                     ``iscrowd``, a column if it is anywhere 1
``area``                        ``mask_area``, where it is not width times height
``keyframe`` and ``occluded``   columns of these names, if all are true or false
any other of the attributes     ``attribute.<name>``
any other key of a box          ``extra``: JSON text, ``segmentation`` among them
the whole image                 ``source_entry`` of the frames table: JSON text
the rest of the file            ``source_file``, on the first frame: JSON text
==============================  ===================================================

Images without annotations are frames that were looked at. ``area`` and ``iscrowd`` are written
even where a file lacked them, because COCO's own tools refuse a box without.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd

from annotaudit.boxes import Labels
from annotaudit.errors import LabelFormatError
from annotaudit.formats import columns
from annotaudit.formats.coco.boxes import read_annotations, write_annotations
from annotaudit.formats.coco.images import class_ids, image_entries, read_images
from annotaudit.formats.json_text import decode, encode, read_bytes, repeated_keys
from annotaudit.formats.problems import Problems, excerpt
from annotaudit.formats.saving import write_whole

_BATCH = 8_192  # annotations turned into arrays at a time
_LISTS = {
    name: re.compile(b'"' + name.encode() + rb'"\s*:\s*\[') for name in ("images", "annotations")
}


def recognises(path: Path, head: bytes) -> bool:
    """Tell COCO from the lists and keys among its first bytes; results, too, to say what they lack.

    Examples
    --------
    >>> recognises(Path("any.name"), b'{"images": [{"id": 1, "file_name": "a.jpg"}], "ann')
    True
    """
    if head.lstrip()[:1] == b"[":
        return all(key in head for key in (b'"image_id"', b'"category_id"', b'"bbox"'))
    if head.lstrip()[:1] != b"{":
        return False
    if b'"videos"' in head and b'"file_names"' in head:  # YouTube-VIS
        return True
    has_images, has_annotations = (pattern.search(head) for pattern in _LISTS.values())
    if has_images and (has_annotations or b'"file_name"' in head):
        return True
    return bool(has_annotations and b'"image_id"' in head and b'"bbox"' in head)


def load(path: Path, *, strict: bool = False, sequence: str | None = None) -> Labels:
    """Read a COCO file.

    Parameters
    ----------
    path : Path
    strict : bool
        Raise at the first piece of input that cannot be used.
    sequence : str, optional
        Name of the set of still images; by default that of the file.

    Returns
    -------
    Labels

    Raises
    ------
    LabelFormatError
        If it is not JSON, or lacks the list of images.
    """
    data = read_bytes(path)
    problems = Problems(str(path), strict=strict)
    try:
        content, batches = _in_batches(data, problems)
        return _labels(path, content, batches, sequence, problems)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass  # broken, or NaN in it, which the decoder of whole values tells
    problems = Problems(str(path), strict=strict)
    content = decode(data, str(path))
    _check_content(path, content)
    found = content.pop("annotations", [])
    return _labels(path, content, iter([_listed(found, problems)]), sequence, problems)


def _in_batches(data: bytes, problems: Problems) -> tuple[dict[str, Any], Iterator[list[Any]]]:
    """Decode a file but for its annotations, which come in batches: they take most memory."""
    if data.lstrip()[:1] != b"{":
        _check_content(Path(problems.source), decode(data, problems.source))
    raw = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
    annotations = raw.pop("annotations", msgspec.Raw(b"[]"))
    content = {key: msgspec.json.decode(value) for key, value in raw.items()}
    _check_content(Path(problems.source), content)
    if bytes(memoryview(annotations)[:1]) != b"[":
        return content, iter([_listed(msgspec.json.decode(annotations), problems)])
    entries = msgspec.json.decode(annotations, type=list[msgspec.Raw])
    return content, _decoded(entries, problems)


def _decoded(entries: list[msgspec.Raw], problems: Problems) -> Iterator[list[Any]]:
    for start in range(0, len(entries), _BATCH):
        text = b"[" + b",".join(entries[start : start + _BATCH]) + b"]"
        batch = msgspec.json.decode(text)
        for key in repeated_keys(text, batch):
            problems.add(
                f"annotations {start} to {start + len(batch) - 1}",
                f"one has the key {excerpt(key)} twice; the last one counts",
            )
        yield batch


def _check_content(path: Path, content: Any) -> None:
    if isinstance(content, list):
        raise LabelFormatError(
            f"{path}: found a list, as COCO results are; expected an object with images, "
            "categories and annotations. Put the results under 'annotations' of the file that "
            "lists the images."
        )
    if not isinstance(content, dict) or not isinstance(content.get("images"), list):
        videos = content.get("videos") if isinstance(content, dict) else None
        hint = (
            "YouTube-VIS keeps boxes by video; convert it to one annotation per image"
            if videos
            else "Check that this is a COCO detection file"
        )
        raise LabelFormatError(
            f"{path}: found {excerpt(content)} without a list of images; expected images, "
            f"categories and annotations. {hint}."
        )


def _listed(found: Any, problems: Problems) -> list[Any]:
    if isinstance(found, list):
        return found
    problems.add("annotations", f"found {excerpt(found)}; expected a list of boxes")
    return []


def _labels(
    path: Path,
    content: dict[str, Any],
    batches: Iterator[list[Any]],
    sequence: str | None,
    problems: Problems,
) -> Labels:
    images = read_images(content, sequence or path.stem, problems)
    rows, table, track_key, others = read_annotations(batches, images.row_of_id, problems)
    names = _category_names(content.get("categories"), problems)
    labels = table["class_id"].map(names) if names else pd.Series(None, table.index, dtype=object)
    for unknown in sorted(set(table["class_id"].dropna().unique()) - names.keys()):
        problems.add(f"category {excerpt(unknown)}", "is not among the categories; no label")
    place = images.frames[["sequence", "frame"]].iloc[rows].reset_index(drop=True)
    boxes = pd.DataFrame(
        {
            "sequence": place["sequence"],
            "frame": place["frame"],
            "track": table.pop("track"),
            "label": columns.text_column(labels.where(labels.notna(), None).tolist()),
            **{str(name): table[name] for name in table.columns},
        }
    )
    rest = {key: value for key, value in content.items() if key != "images"}
    frames = images.frames
    if len(frames):
        kept = {"others": others} if others else {}
        text = encode({"file": rest, **kept, "track_key": track_key}, str(path))
        frames["source_file"] = columns.on_first_row(len(frames), text)
    return Labels(boxes, frames, problems.table())


def _category_names(categories: Any, problems: Problems) -> dict[str, str]:
    names: dict[str, str] = {}
    if categories is not None and not isinstance(categories, list):
        problems.add("categories", f"found {excerpt(categories)}; expected a list")
        return names
    for place, category in enumerate(categories or []):
        entry = category if isinstance(category, dict) else {}
        key, name = entry.get("id"), entry.get("name")
        if type(key) not in (int, str) or not isinstance(name, str):
            problems.add(
                f"category {place}", f"found {excerpt(category)}; expected an id and a name"
            )
        elif names.setdefault(str(key), name) != name:
            problems.add(f"category {place}", f"id {excerpt(key)} is {excerpt(names[str(key)])}")
    return names


def save(labels: Labels, path: Path) -> Path:
    """Write COCO detection JSON, with ``videos`` where there are tracks or several sequences.

    Ids of images, annotations and categories are kept while they are unambiguous; new images and
    labels get the next free ones. Columns that the format has no place for are not written.

    Parameters
    ----------
    labels : Labels
    path : Path

    Raises
    ------
    LabelFormatError
        If a side is infinite, which JSON cannot hold.
    """
    files = _source_files(labels.frames, path)
    track_key = next((key for _, key, _ in files if key), "track_id")
    content: dict[str, Any] = dict(files[0][0]) if files else {}
    for other, *_ in files[1:]:
        for key in ("categories", "videos"):
            content[key] = [*_items(content.get(key)), *_items(other.get(key))]
    images, videos, image_ids = image_entries(labels, content.get("videos"), str(path))
    if videos:
        content["videos"] = videos
    categories, ids = class_ids(labels.boxes, _items(content.get("categories")))
    if categories or not files:
        content["categories"] = categories
    content.pop("annotations", None)
    head = encode({**content, "images": images}, str(path))
    # Ids of images are those of the file as long as it is one.
    others = files[0][2] if len(files) == 1 else []
    known = {repr(image["id"]) for image in images}
    others = [each for each in others if repr(each.get("image_id")) in known]
    boxes = write_annotations(labels.boxes, image_ids, ids, track_key, str(path), others)
    return write_whole(path, chain([head[:-1], b',"annotations":['], boxes, [b"]}"]))


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _source_files(
    frames: pd.DataFrame, path: Path
) -> list[tuple[dict[str, Any], str | None, list[dict[str, Any]]]]:
    """Of each COCO file the labels came from: the rest of it, where it kept the track, no boxes."""
    texts = frames["source_file"].dropna().tolist() if "source_file" in frames else []
    values = [decode(text.encode(), f"{path}, column source_file") for text in texts]
    return [
        (value["file"], value["track_key"], _items(value.get("others")))
        for value in values
        if isinstance(value, dict) and isinstance(value.get("file"), dict) and "track_key" in value
    ]
