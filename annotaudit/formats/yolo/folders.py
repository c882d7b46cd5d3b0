"""Where a YOLO data set keeps images, text files and the names of its classes."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from annotaudit.errors import LabelFormatError
from annotaudit.formats.json_text import read_bytes
from annotaudit.formats.problems import Problems, excerpt
from annotaudit.frames.matching import SUFFIXES, natural_order, path_inside

CLASSES = "classes.txt"
_YAMLS = ("data.yaml", "dataset.yaml", "data.yml")
_SPLITS = ("train", "val", "test")
_HAS_NAMES = re.compile(rb"^names\s*:", re.MULTILINE)
_HAS_SPLITS = re.compile(rb"^(train|val|test)\s*:", re.MULTILINE)
_MAX_YAML = 1_000_000
_MAX_CLASSES = 100_000
_SIDEWAYS = (5, 6, 7, 8)  # values of the EXIF orientation that swap width and height
_ORIENTATION = 274


@dataclass(frozen=True)
class Picture:
    """An image of a data set: its part, its text file (there or not), the image if there is one."""

    split: str
    name: str
    text: Path
    image: Path | None


@dataclass
class Dataset:
    """A data set: where it is, what its classes are called, the text of ``data.yaml``."""

    root: Path
    yaml: Path | None
    text: str = ""
    names: dict[int, str] = field(default_factory=dict)
    pictures: list[Picture] = field(default_factory=list)


def find_yaml(folder: Path) -> Path | None:
    """Return the ``data.yaml`` of a folder, if that names classes."""
    for name in _YAMLS:
        file = folder / name
        if file.is_file() and is_data_yaml(file.read_bytes()[:_MAX_YAML]):
            return file
    return None


def is_data_yaml(text: bytes) -> bool:
    """Whether a text has the keys of ``data.yaml``."""
    return bool(_HAS_NAMES.search(text) and _HAS_SPLITS.search(text))


def open_dataset(path: Path, problems: Problems) -> Dataset:
    """Find out what belongs to a data set.

    Raises
    ------
    LabelFormatError
        If it is none.
    """
    yaml = find_yaml(path) if path.is_dir() else path
    if yaml is None:
        return _plain_folder(path, problems)
    text, content = _read_yaml(yaml)
    dataset = Dataset(yaml.parent, yaml, text, _names(content.get("names"), problems))
    root = yaml.parent
    if isinstance(content.get("path"), str) and content["path"] not in ("", "."):
        inside = _inside(root, content["path"])
        root = inside if inside is not None and inside.is_dir() else root
    for split in _SPLITS:
        entry = content.get(split)
        places = entry if isinstance(entry, list) else [] if entry is None else [entry]
        for place in places:
            dataset.pictures += _pictures(split, place, root, yaml.parent, problems)
    if not dataset.pictures:
        raise LabelFormatError(
            f"{yaml}: found no image and no text file under its train, val and test; expected "
            "folders beside it. Correct the paths, or move the file to its data set."
        )
    return dataset


def _read_yaml(file: Path) -> tuple[str, dict[str, Any]]:
    import yaml

    data = read_bytes(file, max_bytes=_MAX_YAML)
    try:
        text = data.decode()
        content = yaml.safe_load(text)
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError, ValueError) as error:
        what = " ".join(str(error).split())[:200]
        raise LabelFormatError(
            f"{file}: not YAML ({what}); expected train, val and names. Correct the file."
        ) from error
    if not isinstance(content, dict):
        raise LabelFormatError(
            f"{file}: found {excerpt(content)}; expected train, val and names. Check that this is "
            "the data.yaml of a YOLO data set."
        )
    return text, content


def _names(found: Any, problems: Problems) -> dict[int, str]:
    items = found.items() if isinstance(found, dict) else enumerate(found or [])
    if found is not None and not isinstance(found, dict | list):
        problems.add("names", f"found {excerpt(found)}; expected a list of classes")
        return {}
    names = {}
    for number, name in items:
        if type(number) is int and 0 <= number < _MAX_CLASSES and isinstance(name, str | int):
            names[number] = str(name)
        else:
            problems.add("names", f"found {excerpt(number)}: {excerpt(name)}; expected a name")
    return names


def _plain_folder(folder: Path, problems: Problems) -> Dataset:
    """Text files beside their images, with ``classes.txt``, as LabelImg writes them."""
    dataset = Dataset(folder, None)
    classes = folder / CLASSES
    if not folder.is_dir() or not classes.is_file():
        raise LabelFormatError(
            f"{folder}: found neither data.yaml nor {CLASSES}. Name a YOLO data set."
        )
    names = classes.read_bytes()[:_MAX_YAML].decode(errors="replace").splitlines()
    dataset.names = {number: name.strip() for number, name in enumerate(names) if name.strip()}
    name = folder.resolve().name
    dataset.pictures = list(_beside(name, folder, folder, folder))
    return dataset


def _inside(root: Path, name: str) -> Path | None:
    if name == ".":
        return root.resolve()
    try:
        return path_inside(root, name)
    except ValueError:
        return None


def _pictures(
    split: str, place: Any, root: Path, top: Path, problems: Problems
) -> Iterator[Picture]:
    # Roboflow writes "../train/images" for a folder beside the file.
    name = place.removeprefix("../") if isinstance(place, str) else ""
    folder = _inside(root, name) if name else None
    if folder is None:
        problems.add(split, f"found {excerpt(place)}; expected a folder inside the data set")
        return
    if folder.is_file() and folder.suffix == ".txt":
        listed = read_bytes(folder, max_bytes=50_000_000).decode(errors="replace").split("\n")
        for line in filter(None, map(str.strip, listed)):
            image = _inside(root, line.removeprefix("./"))
            if image is None:
                problems.add(f"{split}, {folder.name}", f"{excerpt(line)} is outside the data set")
            else:
                yield _picture(split, image, top)
        return
    yield from _beside(split, folder, _text_folder(folder), top)


def _text_folder(images: Path) -> Path:
    """Where the text files are: the last ``images`` of the path is ``labels``."""
    names = list(images.parts)
    for at in range(len(names) - 1, -1, -1):
        if names[at] == "images":
            return Path(*names[:at], "labels", *names[at + 1 :])
    return images


def _picture(split: str, image: Path, top: Path) -> Picture:
    text = (_text_folder(image.parent) / image.name).with_suffix(".txt")
    return Picture(split, _relative(text, top), text, image if image.is_file() else None)


def _relative(path: Path, top: Path) -> str:
    resolved = path.resolve()
    base = top.resolve()
    return resolved.relative_to(base).as_posix() if resolved.is_relative_to(base) else path.name


def _beside(split: str, images: Path, texts: Path, top: Path) -> Iterator[Picture]:
    """Pair images and text files by their path without the ending."""
    found: dict[str, Path] = {}
    for folder, endings in ((texts, {".txt"}), (images, SUFFIXES)):
        for file in sorted(folder.rglob("*")) if folder.is_dir() else []:
            is_kind = file.suffix.lower() in endings and not file.name.startswith(".")
            if is_kind and file.name != CLASSES and file.is_file():
                key = file.relative_to(folder).with_suffix("").as_posix()
                found[key] = file  # an image takes the place of its text file
    for key in sorted(found, key=natural_order):
        text = texts / f"{key}.txt"
        image = None if found[key].suffix.lower() == ".txt" else found[key]
        yield Picture(split, _relative(text, top), text, image)


def size_of(picture: Picture, problems: Problems) -> tuple[float, float] | None:
    """Read width and height of an image as it is shown, without decoding it; None without one."""
    if picture.image is None:
        return None
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a large image: its pixels are not read
            with Image.open(picture.image) as image:
                width, height = image.size
                sideways = image.getexif().get(_ORIENTATION) in _SIDEWAYS
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        problems.add(picture.image.name, f"cannot be opened ({excerpt(str(error))})")
        return None
    return (float(height), float(width)) if sideways else (float(width), float(height))


def write_yaml(boxes: pd.DataFrame, sequences: list[str], source: str) -> tuple[str, list[int]]:
    """Write ``data.yaml``, as it was read while its names still hold; and number the classes.

    Returns
    -------
    text : str
    ids : list of int
        Of each box.
    """
    import yaml

    try:
        content = yaml.safe_load(source) if source else {}
    except yaml.YAMLError:
        content = {}  # the source of another format
    content = content if isinstance(content, dict) and "names" in content else {}
    names = _names(content.get("names"), Problems("data.yaml"))
    by_name = {name: number for number, name in reversed(list(names.items()))}
    given = boxes["class_id"] if "class_id" in boxes else pd.Series(np.nan, boxes.index)
    numbers = pd.to_numeric(given, errors="coerce").astype("float64").tolist()
    before = len(names)
    ids = []
    for label, number in zip(boxes["label"].tolist(), numbers, strict=True):
        is_whole = number == number and 0 <= number < _MAX_CLASSES and number.is_integer()
        own = int(number) if is_whole else None
        if not isinstance(label, str):
            ids.append(own if own is not None else _unused(names))
        elif own is not None and names.get(own) == label:
            ids.append(own)
        else:
            if label not in by_name:
                free = own if own is not None and own not in names and not content else None
                by_name[label] = _unused(names) if free is None else free
                names[by_name[label]] = label
            ids.append(by_name[label])
    if content and len(names) == before:
        return source, ids
    content |= {"names": dict(sorted(names.items()))}
    content.pop("nc", None)
    if not set(_SPLITS) & content.keys():
        folders = [f"images/{name}" for name in sequences]
        if set(sequences) <= set(_SPLITS):
            content |= dict(zip(sequences, folders, strict=True))
        else:
            content["train"] = folders[0] if len(folders) == 1 else folders
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True), ids


def _unused(names: dict[int, str]) -> int:
    return next(number for number in range(len(names) + 1) if number not in names)
