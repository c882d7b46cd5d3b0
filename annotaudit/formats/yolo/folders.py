"""Where a YOLO data set keeps images, text files and the names of its classes."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from annotaudit.errors import LabelFormatError
from annotaudit.formats.json_text import read_bytes
from annotaudit.formats.problems import Problems, excerpt
from annotaudit.frames.matching import SUFFIXES, natural_order, path_inside

CLASSES = "classes.txt"
_DARKNET = "obj.data"  # names the lists of images and the file of names, obj.names
_YAMLS = ("data.yaml", "dataset.yaml", "data.yml")
SPLITS = ("train", "val", "test")
_BOM = b"\xef\xbb\xbf"
_LINE = re.compile(rb"\d{1,6}(\.0*)?([eE][+-]?0+)?(\s+[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?){4,}\s")
_MOST_TEXTS = 1000  # of a folder, that are looked at to tell what they are
_HAS_NAMES = re.compile(rb"^names\s*:", re.MULTILINE)
_HAS_SPLITS = re.compile(rb"^(train|val|test)\s*:", re.MULTILINE)
_MAX_YAML = 1_000_000
MAX_CLASSES = 100_000
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
    """A data set.

    Parameters
    ----------
    root : Path
        The folder it is in.
    head : Path
        The file that names the classes.
    text : str
        Of that file, if saving writes it again.
    names : dict
        Of the classes.
    n_keypoints : int
        How many values of key points follow each box.
    pictures : list of Picture
    """

    root: Path
    head: Path
    text: str = ""
    names: dict[int, str] = field(default_factory=dict)
    n_keypoints: int = 0
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
    text = text.removeprefix(_BOM)
    return bool(_HAS_NAMES.search(text) and _HAS_SPLITS.search(text))


def holds_yolo(folder: Path) -> bool:
    """Whether a folder without ``data.yaml`` is a data set of Darknet, or of text files.

    A text file without lines says that its image has no objects. Where all are so, images of the
    same names tell what they are.
    """
    if (folder / _DARKNET).is_file():
        return b"names" in (folder / _DARKNET).read_bytes()[:_MAX_YAML]
    if not (folder / CLASSES).is_file():
        return False
    images, texts = _plain_folders(folder)
    found = _by_stem(texts, (".txt",))
    heads = (_head(file) for file in islice(found.values(), _MOST_TEXTS))
    written = [head for head in heads if head.strip()]
    if written:
        return any(_LINE.match(head + b"\n") for head in written)
    return bool(found.keys() & _by_stem(images, SUFFIXES).keys())


def _head(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(1000).removeprefix(_BOM).lstrip()


def open_dataset(path: Path, problems: Problems, names: Any = None) -> Dataset:
    """Find out what belongs to a data set; ``names`` take the place of those it gives.

    Raises
    ------
    LabelFormatError
        If it is none.
    """
    yaml = find_yaml(path) if path.is_dir() else path
    if yaml is not None:
        dataset = _of_yaml(yaml, problems)
    elif (path / _DARKNET).is_file():
        dataset = _of_darknet(path, problems)
    else:
        dataset = _of_plain_folder(path, named=names is not None)
    if names is not None:
        dataset.names = names_of(names, problems)
    dataset.pictures = _once(dataset.pictures, problems)
    return dataset


def _once(pictures: list[Picture], problems: Problems) -> list[Picture]:
    """Leave out images that an earlier part has, too: a set may be validated with its own."""
    seen: dict[Path, Picture] = {}
    for picture in pictures:
        seen.setdefault(picture.text, picture)
    if len(seen) < len(pictures):
        left_out = Counter(p.split for p in pictures) - Counter(p.split for p in seen.values())
        for split, n in left_out.items():
            problems.add(split, f"{n} of its images are named before; each is read once")
    return list(seen.values())


def _of_yaml(yaml: Path, problems: Problems) -> Dataset:
    text, content = _read_yaml(yaml)
    dataset = Dataset(yaml.parent, yaml, text, names_of(content.get("names"), problems))
    shape = content.get("kpt_shape")
    if isinstance(shape, list) and len(shape) == 2 and all(type(n) is int for n in shape):
        dataset.n_keypoints = max(shape[0] * shape[1], 0)
    root = base_of(yaml.parent, content)
    for split in SPLITS:
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


def base_of(folder: Path, content: dict[str, Any]) -> Path:
    """Where the paths of a ``data.yaml`` begin: at its ``path``, if that is inside its folder."""
    place = content.get("path")
    inside = _inside(folder, place) if isinstance(place, str) and place not in ("", ".") else None
    return inside if inside is not None and inside.is_dir() else folder


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


def names_of(found: Any, problems: Problems) -> dict[int, str]:
    """Read the names of the classes: a list, or an object with their numbers."""
    items = found.items() if isinstance(found, dict) else enumerate(found or [])
    if found is not None and not isinstance(found, dict | list):
        problems.add("names", f"found {excerpt(found)}; expected a list of classes")
        return {}
    names = {}
    for number, name in items:
        if isinstance(number, str) and number.isascii() and number.isdigit():
            number = int(number[:9])  # noqa: PLW2901
        if type(number) is int and 0 <= number < MAX_CLASSES and isinstance(name, str | int):
            names[number] = str(name)
        else:
            problems.add("names", f"found {excerpt(number)}: {excerpt(name)}; expected a name")
    return names


def _of_plain_folder(folder: Path, *, named: bool) -> Dataset:
    """Text files with ``classes.txt``, as LabelImg and Label Studio write them."""
    classes = folder / CLASSES
    if not folder.is_dir() or not (named or classes.is_file()):
        raise LabelFormatError(
            f"{folder}: found neither data.yaml nor {CLASSES}. Name a YOLO data set, or load with "
            "names=, the list of its classes."
        )
    text = ""
    if classes.is_file():
        text = classes.read_bytes()[:_MAX_YAML].removeprefix(_BOM).decode(errors="replace")
    images, texts = _plain_folders(folder)
    dataset = Dataset(folder, classes, text, listed_names(text))
    dataset.pictures = list(_beside(folder.resolve().name, images, texts, folder))
    return dataset


def _plain_folders(folder: Path) -> tuple[Path, Path]:
    """Where images and text files are: together, or in ``images`` and ``labels``."""
    alone = all(file.name == CLASSES for file in folder.glob("*.txt"))
    if alone and (folder / "labels").is_dir():
        return folder / "images", folder / "labels"
    if folder.name == "labels" and folder.with_name("images").is_dir():
        return folder.with_name("images"), folder
    return folder, folder


def listed_names(text: str) -> dict[int, str]:
    """Read the names of the classes from ``classes.txt``: one per line."""
    return {number: name.strip() for number, name in enumerate(text.splitlines()) if name.strip()}


def _of_darknet(folder: Path, problems: Problems) -> Dataset:
    """Lists of images and ``obj.names``, as Darknet and CVAT's "YOLO 1.1" have them."""
    lines = (folder / _DARKNET).read_bytes()[:_MAX_YAML].removeprefix(_BOM).decode(errors="replace")
    pairs = (line.partition("=") for line in lines.splitlines())
    entries = {key.strip(): value.strip() for key, _, value in pairs}
    head = listed_path(folder, entries.get("names", "obj.names"))
    if head is None or not head.is_file():
        raise LabelFormatError(
            f"{folder / _DARKNET} names the classes in {excerpt(entries.get('names'))}, which is "
            "not there. Put the file beside it."
        )
    text = head.read_bytes()[:_MAX_YAML].removeprefix(_BOM).decode(errors="replace")
    dataset = Dataset(folder, head, "", listed_names(text))
    for split, key in {"train": "train", "val": "valid", "test": "test"}.items():
        if (place := entries.get(key)) and (file := listed_path(folder, place)) is not None:
            dataset.pictures += _pictures(split, file.name, file.parent, folder, problems)
    return dataset


def listed_path(root: Path, name: str) -> Path | None:
    """A path of a list; those of Darknet begin with the folder that the set is to lie in."""
    name = name.replace("\\", "/").removeprefix("./")
    if name.startswith("data/") and not (root / "data").is_dir():
        name = name.removeprefix("data/")
    return _inside(root, name) if name else None


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
    # Roboflow writes "../train/images" for a folder beside the file, Windows with backslashes.
    name = place.replace("\\", "/").removeprefix("../") if isinstance(place, str) else ""
    folder = _inside(root, name) if name else None
    if folder is None:
        problems.add(split, f"found {excerpt(place)}; expected a folder inside the data set")
        return
    if folder.is_file() and folder.suffix.lower() == ".txt":
        listed = read_bytes(folder, max_bytes=50_000_000).decode(errors="replace").split("\n")
        for line in filter(None, map(str.strip, listed)):
            image = listed_path(root, line)
            if image is None:
                problems.add(f"{split}, {folder.name}", f"{excerpt(line)} is outside the data set")
            else:
                yield _picture(split, image, top)
        return
    yield from _beside(split, folder, _text_folder(folder, top), top)


def _text_folder(images: Path, top: Path) -> Path:
    """Where the text files are: the last ``images`` of the path below the set is ``labels``."""
    base, folder = top.resolve(), images.resolve()
    names = list(folder.relative_to(base).parts if folder.is_relative_to(base) else folder.parts)
    if "images" not in names:
        return images
    at = len(names) - 1 - names[::-1].index("images")
    return base / Path(*names[:at], "labels", *names[at + 1 :])


def _picture(split: str, image: Path, top: Path) -> Picture:
    text = (_text_folder(image.parent, top) / image.name).with_suffix(".txt")
    return Picture(split, _relative(text, top), text, image if image.is_file() else None)


def _relative(path: Path, top: Path) -> str:
    resolved = path.resolve()
    base = top.resolve()
    return resolved.relative_to(base).as_posix() if resolved.is_relative_to(base) else path.name


def _beside(split: str, images: Path, texts: Path, top: Path) -> Iterator[Picture]:
    """Pair images and text files by their path without the ending."""
    of_text, of_image = _by_stem(texts, (".txt",)), _by_stem(images, SUFFIXES)
    folder = _relative(texts / "any", top).removesuffix("any")  # asked once: links take time
    for key in sorted({**of_text, **of_image}, key=natural_order):
        text = of_text.get(key, texts / f"{key}.txt")
        yield Picture(split, f"{folder}{key}{text.suffix}", text, of_image.get(key))


def _by_stem(folder: Path, endings: Collection[str]) -> dict[str, Path]:
    """Files of some kinds in a folder and below, by their path without the ending."""
    files = (
        file
        for file in sorted(folder.rglob("*") if folder.is_dir() else [])
        if file.suffix.lower() in endings and not file.name.startswith(".")
    )
    return {
        file.relative_to(folder).with_suffix("").as_posix(): file
        for file in files
        if file.name != CLASSES and file.is_file()
    }


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
