"""Lines of an augmented manifest, made of the labels of images; see ``ground_truth_images``."""

from __future__ import annotations

from typing import Any

import pandas as pd

from annotaudit.boxes import Labels
from annotaudit.errors import LabelFormatError
from annotaudit.formats import columns
from annotaudit.formats.box_entries import Spelling, write_entries
from annotaudit.formats.ground_truth.manifests import METADATA
from annotaudit.formats.json_text import decode
from annotaudit.formats.problems import excerpt

TYPE = "groundtruth/object-detection"
SPELLING = Spelling({"class_id": "class_id"}, integers=frozenset({"class_id"}))


def manifest_lines(labels: Labels, target: str) -> dict[int, dict[str, Any]]:
    """Make the manifest line of each image that somebody labelled.

    Parameters
    ----------
    labels : Labels
        One set of images, one annotator.
    target : str
        For messages.

    Returns
    -------
    dict
        Line by number of the image; as it was read, with the boxes as they are now.

    Raises
    ------
    LabelFormatError
        As :func:`save`.
    """
    boxes, frames = labels.boxes, labels.frames
    for column in ("sequence", "annotator"):
        if len(found := boxes[column].unique()) > 1:
            raise LabelFormatError(
                f"{target}: one manifest holds one {column}; found {len(found)}: "
                f"{excerpt(', '.join(map(str, found)))}. Save them one by one."
            )
    known: dict[int, dict[str, Any]] = {}
    for name, number, image, text in _frame_rows(boxes, frames):
        line = decode(text.encode(), f"{target}, column source_entry") if text else {}
        known[number] = line
        if not line:
            line["source-ref"] = image or f"{name}/{number}"
            _job_in(line, "boxes")  # looked at, boxes or none
    attributes = boxes.get("label_attribute")
    names = ["boxes"] * len(boxes) if attributes is None else attributes.fillna("boxes").tolist()
    entries = write_entries(boxes, SPELLING, target)
    scores = boxes["score"].tolist() if "score" in boxes else [float("nan")] * len(boxes)
    labelled = zip(
        boxes["frame"].tolist(), names, boxes["label"].tolist(), entries, scores, strict=True
    )
    for number, name, label, entry, score in labelled:
        value, metadata = _job_in(known[number], name)
        _set_class(entry, label, metadata)
        others = entry.pop("objects", {})
        value["annotations"].append(entry)
        confidence = {} if score != score else {"confidence": columns.plain_numbers([score])[0]}
        about = {**confidence, **others} if isinstance(others, dict) else others
        if about or "objects" in metadata:
            places = metadata.setdefault("objects", [])
            places += [{} for _ in range(len(value["annotations"]) - 1 - len(places))]
            places.append(about)
    return known


def _frame_rows(boxes: pd.DataFrame, frames: pd.DataFrame) -> list[tuple[str, int, Any, Any]]:
    """Of each image: sequence, number, address, and the line as read, if any."""
    places = pd.concat([frames[["sequence", "frame"]], boxes[["sequence", "frame"]]])
    both = places.drop_duplicates().merge(frames, how="left", on=["sequence", "frame"])
    texts = [
        [value if isinstance(value, str) else None for value in both[name].tolist()]
        if name in both
        else [None] * len(both)
        for name in ("image", "source_entry")
    ]
    return list(zip(both["sequence"].tolist(), both["frame"].tolist(), *texts, strict=True))


def _job_in(line: dict[str, Any], attribute: str) -> tuple[dict[str, Any], dict[str, Any]]:
    value = line.setdefault(attribute, {"annotations": []})
    metadata = line.setdefault(
        attribute + METADATA, {"class-map": {}, "type": TYPE, "human-annotated": "yes"}
    )
    return value, metadata


def _set_class(entry: dict[str, Any], label: Any, metadata: dict[str, Any]) -> None:
    """Make a box's class id stand for its label, with a new class if the label has none."""
    if not isinstance(label, str):
        return
    class_map = metadata.setdefault("class-map", {})
    if class_map.get(str(entry.get("class_id"))) == label:
        return
    same = [class_id for class_id, name in class_map.items() if name == label]
    free = next(str(n) for n in range(len(class_map) + 1) if str(n) not in class_map)
    class_map.setdefault(same[0] if same else free, label)
    entry["class_id"] = int(chosen) if (chosen := same[0] if same else free).isdigit() else chosen
