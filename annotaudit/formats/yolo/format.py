"""YOLO: a text file per image, and ``data.yaml`` (or ``classes.txt``) that names the classes.

::

    data.yaml                 train: images/train          names: {0: person, 1: car}
    images/train/a.jpg
    labels/train/a.txt        1 0.5125 0.401 0.12 0.3      class, centre x, centre y, width, height

==============================  ===================================================
in the file                     in the tables
==============================  ===================================================
``train``, ``val``, ``test``    ``sequence``; without ``data.yaml`` the folder's name
place among the images by name  ``frame``
class                           ``class_id``; through the names, ``label``
centre and size                 ``left top width height``, in pixels: they are shares of the
                                width and height of the image
a sixth value                   ``score``
the image                       ``image``, ``image_width``, ``image_height``
path of the text file           ``label_file`` of the frames table
``data.yaml`` as it stands      ``source_file``, on the first frame
==============================  ===================================================

The size of each image comes from the image; ``image_size=(width, height)`` gives it where there
are none. An image without a text file was looked at and has no boxes. Lines of more than six values
are segments or turned boxes: they are problems, and a file of nothing else is refused.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from annotaudit.boxes import SIDES, Labels
from annotaudit.errors import LabelFormatError
from annotaudit.formats import columns
from annotaudit.formats.json_text import read_bytes
from annotaudit.formats.problems import Problems, excerpt
from annotaudit.formats.saving import write_whole
from annotaudit.formats.yolo.folders import (
    CLASSES,
    Dataset,
    Picture,
    find_yaml,
    is_data_yaml,
    open_dataset,
    size_of,
    write_yaml,
)
from annotaudit.frames.matching import path_inside

_LINE = re.compile(rb"\d{1,6}(\s+[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?){4,}\s*")
_MAX_BYTES = 50_000_000  # of one text file; a million boxes


def recognises(path: Path, head: bytes) -> bool:
    r"""Tell ``data.yaml`` from its keys, a folder from the files in it.

    Examples
    --------
    >>> recognises(Path("any.name"), b"train: images/train\nnames: [person, car]")
    True
    """
    if not path.is_dir():
        return is_data_yaml(head)
    if find_yaml(path) is not None:
        return True
    if not (path / CLASSES).is_file():
        return False
    texts = (file for file in sorted(path.glob("*.txt")) if file.name != CLASSES)
    first = next(texts, None)
    return first is not None and bool(_LINE.match(first.read_bytes()[:1000]))


def parts(path: Path) -> list[Path]:
    """List the files that are read when ``data.yaml`` or a folder is."""
    try:
        dataset = open_dataset(path, Problems(str(path)))
    except LabelFormatError:
        return []
    texts = [picture.text for picture in dataset.pictures if picture.text.is_file()]
    return [*texts, *([dataset.yaml] if dataset.yaml else [dataset.root / CLASSES])]


def load(
    path: Path,
    *,
    strict: bool = False,
    image_size: tuple[float, float] | None = None,
    sequence: str | None = None,
) -> Labels:
    """Read a data set.

    Parameters
    ----------
    path : Path
        ``data.yaml``, or the folder it is in, or a folder of text files with ``classes.txt``.
    strict : bool
        Raise at the first piece of input that cannot be used.
    image_size : tuple of float, optional
        Width and height in pixels of images that are not there.
    sequence : str, optional
        Name of the set of images, if it has one part only.

    Returns
    -------
    Labels

    Raises
    ------
    LabelFormatError
        If there is no data set, or every line is a segment.
    """
    problems = Problems(str(path), strict=strict)
    dataset = open_dataset(path, problems)
    if sequence and len({picture.split for picture in dataset.pictures}) > 1:
        raise LabelFormatError(
            f"{path}: a name was given for one sequence, but the parts are several. Leave "
            "sequence= out."
        )
    rows: list[tuple[Any, ...]] = []
    sizes, counts, n_segments = [], [], 0
    for picture in dataset.pictures:
        problems.source = str(picture.text)
        found, segments = _read_lines(picture, problems)
        n_segments += segments
        width, height = size_of(picture, problems) or image_size or (math.nan, math.nan)
        if found and not width > 0:
            problems.add(
                "file", f"{len(found)} boxes, but no image to take the size from; give image_size="
            )
            found = []
        sizes.append((width, height))
        counts.append(len(found))
        rows += found
    if n_segments and not rows:
        raise LabelFormatError(
            f"{path}: {n_segments} lines are segments or turned boxes, none is a box of five "
            "values (class, centre x, centre y, width, height). Export the boxes instead."
        )
    return _labels(dataset, rows, np.array(counts, dtype=np.int64), sizes, sequence, problems)


def _read_lines(picture: Picture, problems: Problems) -> tuple[list[tuple[Any, ...]], int]:
    """Class, centre, size and score of each box of a file, and how many lines are segments."""
    if not picture.text.is_file():
        return [], 0
    try:
        text = read_bytes(picture.text, max_bytes=_MAX_BYTES).decode()
    except UnicodeDecodeError:
        problems.add("file", "not UTF-8; expected lines of numbers")
        return [], 0
    except LabelFormatError as error:
        if "is empty" not in str(error):
            problems.add("file", str(error))
        return [], 0
    rows, n_segments = [], 0
    for number, line in enumerate(text.splitlines(), start=1):
        values = line.split()
        if not values:
            continue
        if len(values) > 6:
            n_segments += 1
            problems.add(
                f"line {number}",
                f"{len(values)} values, a segment or a turned box; expected a box of five",
            )
            continue
        box = _box(values)
        if isinstance(box, str):
            problems.add(f"line {number}", box)
        else:
            rows.append(box)
    return rows, n_segments


def _box(values: list[str]) -> tuple[Any, ...] | str:
    if len(values) < 5:
        return f"{len(values)} values; expected class, centre x, centre y, width, height"
    if not (values[0].isascii() and values[0].isdigit() and len(values[0]) < 7):
        return f"the class is {excerpt(values[0])}; expected a whole number from 0"
    try:
        numbers = [float(value) for value in values[1:]]
    except ValueError:
        return f"found {excerpt(' '.join(values))}; expected numbers"
    if not all(abs(number) < 1e6 for number in numbers):
        return f"found {excerpt(' '.join(values))}; expected shares of the image, 0 to 1"
    return (int(values[0]), *numbers, *[math.nan] * (5 - len(numbers)))


def _labels(
    dataset: Dataset,
    rows: list[tuple[Any, ...]],
    counts: np.ndarray[Any, Any],
    sizes: list[tuple[float, float]],
    sequence: str | None,
    problems: Problems,
) -> Labels:
    pictures = dataset.pictures
    names = [sequence or picture.split for picture in pictures]
    frames = pd.DataFrame({"sequence": columns.text_column(names)})
    frames["frame"] = frames.groupby("sequence").cumcount().astype("int64")
    frames["image"] = columns.text_column(
        [picture.image.as_posix() if picture.image else None for picture in pictures]
    )
    size = np.array(sizes, dtype="float64").reshape(-1, 2)
    frames["image_width"], frames["image_height"] = size.T
    frames["time"] = np.nan
    frames["label_file"] = columns.text_column([picture.name for picture in pictures])
    if dataset.text:
        frames["source_file"] = columns.on_first_row(len(frames), dataset.text.encode())
    at = np.repeat(np.arange(len(pictures)), counts)
    values = np.array(rows, dtype="float64").reshape(-1, 6)
    centre, share = values[:, 1:3] * size[at], values[:, 3:5] * size[at]
    left, top = (centre - share / 2).T
    ids = [str(int(number)) for number in values[:, 0]]
    problems.source = str(dataset.yaml or dataset.root)
    for number in sorted({int(number) for number in values[:, 0]} - dataset.names.keys()):
        problems.add(f"class {number}", "has no name; no label")
    boxes = pd.DataFrame(
        {
            "sequence": frames["sequence"].iloc[at].reset_index(drop=True),
            "frame": frames["frame"].to_numpy()[at],
            "track": columns.text_column([None] * len(ids)),
            "label": columns.text_column([dataset.names.get(int(number)) for number in ids]),
            "annotator": columns.text_column(["consolidated"] * len(ids)),
            **dict(zip(SIDES, (left, top, *share.T), strict=True)),
            "class_id": columns.text_column(ids),
        }
    )
    if not np.isnan(values[:, 5]).all():
        boxes["score"] = values[:, 5]
    return Labels(boxes, frames, problems.table())


def save(labels: Labels, path: Path) -> Path:
    """Write a data set: ``data.yaml`` and a text file per image. Images are not copied.

    Columns that the format has no place for are not written; of tracks it has none.

    Parameters
    ----------
    labels : Labels
        Of one annotator, with the sizes of the images in ``labels.frames``.
    path : Path
        The folder, or ``data.yaml`` in it.

    Raises
    ------
    LabelFormatError
        If there are tracks or several annotators, a size or a side is unknown, or a name is no
        file name.
    """
    boxes, frames = labels.boxes, labels.frames
    root = path.parent if path.suffix.lower() in (".yaml", ".yml") else path
    _check(boxes, root)
    known = frames if "sequence" in frames else pd.DataFrame(columns=["sequence", "frame"])
    places = pd.concat([known[["sequence", "frame"]], boxes[["sequence", "frame"]]])
    images = places.drop_duplicates().merge(known, how="left", on=["sequence", "frame"])
    images["at"] = range(len(images))
    with_size = boxes.merge(images, how="left", on=["sequence", "frame"])
    lines = _lines(with_size, root)
    source = frames["source_file"].dropna().tolist() if "source_file" in frames else []
    folders = dict.fromkeys(images["sequence"].tolist())
    yaml_text, ids = write_yaml(boxes, list(folders), source[0] if len(source) == 1 else "")
    by_image: dict[int, list[str]] = {}
    for at, number, line in zip(with_size["at"].tolist(), ids, lines, strict=True):
        by_image.setdefault(at, []).append(f"{number} {line}\n")
    files = [_label_file(root, image) for image in images.to_dict("records")]
    if len(set(files)) < len(files):
        raise LabelFormatError(
            f"{root}: two images would share one text file. Give the images names that differ, in "
            "labels.frames['image']."
        )
    for at, file in enumerate(files):
        write_whole(file, "".join(by_image.get(at, [])).encode())
    write_whole(root / "data.yaml" if root == path else path, yaml_text.encode())
    return path


def _check(boxes: pd.DataFrame, path: Path) -> None:
    if boxes["track"].notna().any() or len(boxes["annotator"].dropna().unique()) > 1:
        raise LabelFormatError(
            f"{path}: YOLO has no place for tracks nor for who drew a box. Save them in another "
            "format (coco, cvat), or leave them out: boxes.assign(track=None), one annotator."
        )


def _lines(boxes: pd.DataFrame, root: Path) -> list[str]:
    """Each box as centre and size, shares of its image, and the score."""
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
    if "score" in boxes:
        scores = boxes["score"].tolist()
        lines = [
            line if score != score else f"{line} {_share(score)}"
            for line, score in zip(lines, scores, strict=True)
        ]
    return lines


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
