"""What the files say of themselves: which classes there are, how many frames."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pandas as pd

from annotaudit.errors import LabelFormatError
from annotaudit.formats.ground_truth.sequence_files import sequence_file_beside
from annotaudit.formats.json_text import decode, read_bytes
from annotaudit.linting.findings import about_places, no_findings
from annotaudit.linting.subject import Subject

MAX_TEXT = 20_000_000  # characters of what a file says about itself


def declared_classes(frames: pd.DataFrame) -> list[str] | None:
    """List the classes that the source of the labels declares; None if it declares none.

    COCO lists categories, YOLO names, CVAT the labels of its task, Ground Truth a class map; the
    readers keep what they found on the first frame.

    Parameters
    ----------
    frames : DataFrame
        As ``annotaudit.load`` returned it.

    Examples
    --------
    >>> source = '{"file": {"categories": [{"id": 1, "name": "dog"}]}, "track_key": null}'
    >>> declared_classes(pd.DataFrame({"source_file": [source]}))
    ['dog']
    """
    found: dict[str, None] = {}
    for text in _texts(frames, "source_file"):
        content = _as_json(text)
        if isinstance(content, dict) and isinstance(content.get("file"), dict):
            found |= dict.fromkeys(_names(content["file"].get("categories")))
        elif isinstance(content, dict) and isinstance(content.get("meta"), str):
            found |= dict.fromkeys(_cvat_labels(content["meta"]))
        elif content is None:
            found |= dict.fromkeys(_yolo_names(text))
    for text in _texts(frames, "source_manifest"):
        content = _as_json(text)
        line = content.get("line") if isinstance(content, dict) else None
        values = line.values() if isinstance(line, dict) else ()
        for metadata in values:
            class_map = metadata.get("class-map") if isinstance(metadata, dict) else None
            if isinstance(class_map, dict):
                found |= {name: None for name in class_map.values() if isinstance(name, str)}
    return list(found) or None


def _texts(frames: pd.DataFrame, column: str) -> Iterator[str]:
    if column in frames:
        for text in frames[column].dropna():
            if isinstance(text, str) and len(text) <= MAX_TEXT:
                yield text


def _as_json(text: str) -> Any:
    try:
        return decode(text.encode(), "source_file")
    except LabelFormatError:
        return None


def _names(entries: Any) -> list[str]:
    found = [entry.get("name") for entry in entries or [] if isinstance(entry, dict)]
    return [name for name in found if isinstance(name, str)]


def _cvat_labels(meta: str) -> list[str]:
    names = [name.text for label in _meta(meta).iter("label") for name in label.findall("name")]
    return [name for name in names if name]


def _meta(meta: str) -> ElementTree.Element:
    """Parse the XML that the reader kept; it refused any DOCTYPE."""
    try:
        return ElementTree.fromstring(meta)
    except ElementTree.ParseError:
        return ElementTree.Element("meta")


def _yolo_names(text: str) -> list[str]:
    import yaml

    if text.lstrip()[:1] in ("{", "["):
        return []  # JSON that is broken; the settings of a data set begin with a key
    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError):
        return []
    names = content.get("names") if isinstance(content, dict) else None
    listed = names.values() if isinstance(names, dict) else names
    return [str(name) for name in listed or ()] if isinstance(names, dict | list) else []


def find_declared_length(subject: Subject) -> pd.DataFrame:
    """Find sequences whose file declares another number of frames than there are.

    CVAT's ``size`` against its first and last frame; Ground Truth's ``number-of-frames`` against
    the frames listed, in the sequence file that lies beside the labels. A MOTChallenge
    ``seqLength`` that is too short is found when the labels are read.
    """
    rows = [*_cvat_lengths(subject), *_sequence_file_lengths(subject)]
    if not rows:
        return no_findings()
    table = pd.DataFrame(rows, columns=["sequence", "declared", "found", "reason", "source"])
    return about_places(
        table.assign(frame=0),
        about="sequence",
        value=table["found"],
        limit=table["declared"],
        unit="frames",
        reason=table["reason"].tolist(),
        source=table["source"],
    )


Length = tuple[str, int, int, str, str | None]


def _cvat_lengths(subject: Subject) -> Iterator[Length]:
    sequences = subject.looked_at["sequence"].unique().tolist()
    for text in _texts(subject.listed, "source_file"):
        content = _as_json(text)
        meta = content.get("meta") if isinstance(content, dict) else None
        root = _meta(meta) if isinstance(meta, str) and meta else ElementTree.Element("meta")
        for task in (*root.iter("task"), *root.findall("job")):
            size, start, stop = (
                _number(task.findtext(key)) for key in ("size", "start_frame", "stop_frame")
            )
            step = _number((task.findtext("frame_filter") or "").rpartition("=")[2]) or 1
            name = task.findtext("name") or ""
            sequence = name if name in sequences else sequences[0] if sequences else name
            if size is None or stop is None or (stop - (start or 0)) // step + 1 == size:
                continue
            by_stop = (stop - (start or 0)) // step + 1
            yield (
                sequence or "task", size, by_stop,
                f"The task declares {size:,} frames, but frames {start or 0} to {stop} in steps of "
                f"{step} are {by_stop:,}; correct size, stop_frame or frame_filter.",
                None,
            )  # fmt: skip


def _number(text: str | None) -> int | None:
    found = (text or "").strip()
    return int(found) if found.isascii() and found.isdigit() and len(found) < 10 else None


def _sequence_file_lengths(subject: Subject) -> Iterator[Length]:
    if subject.source is None or not subject.source.is_file():
        return
    path = sequence_file_beside(subject.source)
    sequences = subject.looked_at["sequence"].unique().tolist()
    if path is None or len(sequences) != 1:
        return
    content = _content(path)
    entries, declared = content.get("frames"), content.get("number-of-frames")
    if not isinstance(entries, list) or type(declared) is not int:
        return
    if declared != len(entries):
        yield (
            sequences[0], declared, len(entries),
            f"The sequence file declares {declared:,} frames and lists {len(entries):,}; Ground "
            "Truth refuses that. Correct number-of-frames.",
            str(path),
        )  # fmt: skip
    names = [entry.get("frame") for entry in entries if isinstance(entry, dict)]
    known = [name for name in names if isinstance(name, str)]
    labelled = len(subject.looked_at)
    if len(known) > labelled:
        yield (
            sequences[0], len(known), labelled,
            f"The sequence file lists {len(known):,} frames, the labels know {labelled:,}; the "
            "others were not annotated, or load with every_frame=True if they were.",
            str(path),
        )  # fmt: skip


def _content(path: Path) -> dict[str, Any]:
    try:
        content = decode(read_bytes(path), str(path))
    except (LabelFormatError, OSError):
        return {}
    return content if isinstance(content, dict) else {}
