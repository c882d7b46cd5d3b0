"""A YOLO data set, written: the names of its classes, its lists and its lines."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from annotaudit.boxes import SIDES
from annotaudit.errors import LabelFormatError
from annotaudit.formats.problems import Problems
from annotaudit.formats.saving import write_whole
from annotaudit.formats.yolo.folders import (
    CLASSES,
    MAX_CLASSES,
    SPLITS,
    base_of,
    listed_names,
    listed_path,
    names_of,
)
from annotaudit.formats.yolo.lines import around
from annotaudit.frames.matching import path_inside


def write_dataset(boxes: pd.DataFrame, frames: pd.DataFrame, path: Path) -> None:
    """Write the text files, and the file that names the classes last."""
    root = path.parent if path.suffix.lower() in (".yaml", ".yml") else path
    _check(boxes, frames, root)
    source, content = _source(frames)
    # The paths of the text files are those of one set, to be found by what names its classes.
    is_plain = bool(source) and content is None and root == path
    keeps = content is not None or is_plain
    known = frames if "sequence" in frames else pd.DataFrame(columns=["sequence", "frame"])
    known = known if keeps else known.drop(columns=["label_file", "source_entry"], errors="ignore")
    places = pd.concat([known[["sequence", "frame"]], boxes[["sequence", "frame"]]])
    images = places.drop_duplicates().merge(known, how="left", on=["sequence", "frame"])
    images["at"] = range(len(images))
    with_size = boxes.merge(images, how="left", on=["sequence", "frame"])
    lines = _lines(with_size, root)
    if is_plain:
        names = listed_names(source)
    else:
        names = names_of((content or {}).get("names"), Problems("data.yaml"))
    n_names = len(names)
    ids = _class_ids(boxes, names, may_be_new=content is None and not is_plain)
    by_image: dict[int, list[str]] = {}
    for at, number, line in zip(with_size["at"].tolist(), ids, lines, strict=True):
        by_image.setdefault(at, []).append(f"{number} {line}\n")
    if "source_entry" in images:
        for at, others in enumerate(images["source_entry"].tolist()):
            if isinstance(others, str):
                by_image.setdefault(at, []).append(f"{others}\n")
    files = [_label_file(root, image) for image in images.to_dict("records")]
    if len(set(files)) < len(files):
        raise LabelFormatError(
            f"{root}: two images would share one text file. Give the images names that differ, in "
            "labels.frames['image']."
        )
    for at, file in enumerate(files):
        write_whole(file, "".join(by_image.get(at, [])).encode())
    if is_plain:
        as_read = source if len(names) == n_names else _list_of(names)
        write_whole(root / CLASSES, as_read.encode())
        return
    _write_lists(root, content or {}, images.assign(file=files))
    sequences = list(dict.fromkeys(images["sequence"].tolist()))
    text = source if content and len(names) == n_names else _yaml(content or {}, names, sequences)
    write_whole(root / "data.yaml" if root == path else path, text.encode())


def _source(frames: pd.DataFrame) -> tuple[str, dict[str, Any] | None]:
    """What named the classes of the set the labels came from: its text, and if YAML its content."""
    import yaml

    texts = frames["source_file"].dropna().tolist() if "source_file" in frames else []
    if len(texts) != 1 or "label_file" not in frames:
        return "", None
    try:
        content = yaml.safe_load(texts[0])
    except yaml.YAMLError:
        content = None  # a list of names
    return texts[0], content if isinstance(content, dict) and "names" in content else None


def _class_ids(boxes: pd.DataFrame, names: dict[int, str], *, may_be_new: bool) -> list[int]:
    """Number the class of each box; classes that have no number yet are added to the names."""
    by_name = {name: number for number, name in reversed(list(names.items()))}
    given = boxes["class_id"] if "class_id" in boxes else pd.Series(np.nan, boxes.index)
    numbers = pd.to_numeric(given, errors="coerce").astype("float64").tolist()
    ids = []
    for label, number in zip(boxes["label"].tolist(), numbers, strict=True):
        is_whole = number == number and 0 <= number < MAX_CLASSES and number.is_integer()
        own = int(number) if is_whole else None
        if not isinstance(label, str):
            ids.append(own if own is not None else _unused(names))
        elif own is not None and names.get(own) == label:
            ids.append(own)
        else:
            if label not in by_name:
                free = own if own is not None and own not in names and may_be_new else None
                by_name[label] = _unused(names) if free is None else free
                names[by_name[label]] = label
            ids.append(by_name[label])
    return ids


def _yaml(content: dict[str, Any], names: dict[int, str], sequences: list[str]) -> str:
    import yaml

    content = content | {"names": dict(sorted(names.items()))}
    content.pop("nc", None)
    if not set(SPLITS) & content.keys():
        folders = [f"images/{name}" for name in sequences]
        if set(sequences) <= set(SPLITS):
            content |= dict(zip(sequences, folders, strict=True))
        else:
            content["train"] = folders[0] if len(folders) == 1 else folders
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def _list_of(names: dict[int, str]) -> str:
    return "".join(f"{names.get(number, '')}\n" for number in range(max(names) + 1))


def _write_lists(root: Path, content: dict[str, Any], images: pd.DataFrame) -> None:
    """Write the lists of images that ``data.yaml`` names, unless they are there."""
    base = base_of(root, content)
    written = set()  # two may share a list
    for split in SPLITS:
        place = content.get(split)
        if not (isinstance(place, str) and place.lower().endswith(".txt")):
            continue
        listed = listed_path(base, place.removeprefix("../"))
        if listed is None or listed in written or listed.exists():
            continue
        lines = []
        for row in images[images["sequence"] == split].to_dict("records"):
            parts = list(row["file"].relative_to(root.resolve()).parts[:-1])
            if "labels" in parts:
                parts[len(parts) - 1 - parts[::-1].index("labels")] = "images"
            ending = PurePosixPath(str(row.get("image") or "")).suffix or ".jpg"
            image = root.resolve().joinpath(*parts, row["file"].stem + ending)
            inside = image.is_relative_to(base.resolve())
            lines.append(f"./{image.relative_to(base.resolve() if inside else root.resolve())}\n")
        written.add(write_whole(listed, "".join(lines).encode()))


def _unused(names: dict[int, str]) -> int:
    return next(number for number in range(len(names) + 1) if number not in names)


def _check(boxes: pd.DataFrame, frames: pd.DataFrame, path: Path) -> None:
    tracks = boxes["track"].dropna()
    of_tracker = "label_file" in frames and tracks.str.fullmatch("[1-9][0-9]{0,14}").all()
    if (len(tracks) and not of_tracker) or len(boxes["annotator"].dropna().unique()) > 1:
        raise LabelFormatError(
            f"{path}: YOLO has no place for tracks nor for who drew a box. Save them in another "
            "format (coco, cvat), or leave them out: boxes.assign(track=None), one annotator."
        )


def _lines(boxes: pd.DataFrame, root: Path) -> list[str]:
    """Each box as centre and size, shares of its image, and what stands behind it."""
    if not {"image_width", "image_height"} <= set(boxes):
        boxes = boxes.assign(image_width=np.nan, image_height=np.nan)
    size = boxes[["image_width", "image_height"]].to_numpy(dtype="float64")
    sides = boxes[list(SIDES)].to_numpy()
    good = np.isfinite(sides).all(axis=1) & (size > 0).all(axis=1)
    if not good.all():
        row = boxes[~good].iloc[0]
        raise LabelFormatError(
            f"{root}: frame {row['frame']} of {row['sequence']!r} has a box with an unknown side, "
            "or no known size of its image, of which YOLO writes shares. Load the labels with "
            "frames=, or set image_width and image_height in labels.frames."
        )
    centre = (sides[:, :2] + sides[:, 2:] / 2) / size
    shares = np.round(np.hstack([centre, sides[:, 2:] / size]), 12).tolist()
    lines = [" ".join(map(_share, row)) for row in shares]
    for name in ("keypoints", "score", "track"):
        if name in boxes:
            texts = map(_behind, boxes[name].tolist())
            lines = [line + text for line, text in zip(lines, texts, strict=True)]
    if "segment" in boxes:
        segments = boxes["segment"].tolist()
        lines = [
            segment if _is_around(segment, row) else line
            for line, segment, row in zip(lines, segments, shares, strict=True)
        ]
    return lines


def _behind(value: Any) -> str:
    """What follows a box on its line; nothing where it is unknown."""
    if isinstance(value, str):
        return f" {value}"
    return "" if value != value else f" {_share(value)}"


def _is_around(segment: Any, shares: list[float]) -> bool:
    """Whether a box is still the one around its segment."""
    if not isinstance(segment, str):
        return False
    found = around([float(value) for value in segment.split()])
    return bool(np.allclose(found, shares, rtol=0, atol=1e-9))


def _share(value: float) -> str:
    return f"{value:.12f}".rstrip("0").rstrip(".")


def _label_file(root: Path, image: dict[Any, Any]) -> Path:
    name = image.get("label_file")
    if not isinstance(name, str):
        shown = image.get("image")
        stem = Path(shown).stem if isinstance(shown, str) else f"{image['frame']:06d}"
        name = f"labels/{image['sequence']}/{stem}.txt"
    try:
        return path_inside(root, name)
    except ValueError as error:
        raise LabelFormatError(f"{name!r} cannot be the name of a file: {error}") from error
