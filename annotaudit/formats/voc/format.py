"""Pascal VOC XML: one file per image, or a folder of them.

A file, here shortened::

    <annotation>
      <folder>VOC2012</folder><filename>a.jpg</filename>
      <size><width>500</width><height>400</height><depth>3</depth></size>
      <object>
        <name>dog</name><pose>Left</pose><truncated>1</truncated><difficult>0</difficult>
        <bndbox><xmin>48</xmin><ymin>240</ymin><xmax>195</xmax><ymax>371</ymax></bndbox>
      </object>
    </annotation>

==============================  ===================================================
in the file                     in the tables
==============================  ===================================================
name of the folder of files     ``sequence``
place among the files, by name  ``frame``
``filename``, ``size``          ``image``, ``image_width``, ``image_height``
``name``                        ``label``
``xmin``, ``ymin``              ``left``, ``top``: 1 less, VOC counts pixels from 1
``xmax``, ``ymax``              the last pixel inside: ``width`` is xmax - xmin + 1
``truncated``, ``difficult``    columns of these names, true or false
``pose``, ``occluded`` ...      ``attribute.<name>``: text, where it holds only text
anything else of an object      ``extra``: XML, parts of a person among it
the rest of the file            ``source_entry`` of the frames table: XML
name of the file                ``source_name`` of the frames table
==============================  ===================================================

Programs that count pixels from 0 write VOC files, too; ``first_pixel=0`` reads those.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd

from annotaudit.boxes import SIDES, Labels
from annotaudit.errors import LabelFormatError
from annotaudit.formats import columns
from annotaudit.formats.finite_sides import refuse_unknown_sides
from annotaudit.formats.ground_truth.manifests import safe_name
from annotaudit.formats.json_text import read_bytes
from annotaudit.formats.problems import Problems, excerpt
from annotaudit.formats.saving import write_whole
from annotaudit.formats.voc.xml import CORNERS, FLAGS, annotation, objects_of, parse
from annotaudit.frames.matching import natural_order, path_inside

_MAX_BYTES = 20_000_000  # of one image; ten thousand boxes take three million
_ROOT = re.compile(rb"<annotation(\s[^>]*)?>")  # LabelImg marks it verified="yes"
_HEAD = 4_096  # bytes that tell a file


def recognises(path: Path, head: bytes) -> bool:
    """Tell a VOC file from its root element; a folder, if all its files are such.

    Examples
    --------
    >>> recognises(Path("any.name"), b"<annotation><folder>VOC2012</folder><object>")
    True
    """
    if path.is_dir():
        files = _files(path)
        return bool(files) and all(_is_voc(_head(file)) for file in files[:5])
    return _is_voc(head)


def _is_voc(head: bytes) -> bool:
    return bool(_ROOT.search(head)) and any(
        tag in head for tag in (b"<filename>", b"<bndbox>", b"<size>", b"<object>")
    )


def _head(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(_HEAD)
    except OSError:
        return b""


def _files(folder: Path) -> list[Path]:
    found = (
        path
        for path in folder.iterdir()
        if path.suffix.lower() == ".xml" and path.is_file() and not path.name.startswith(".")
    )
    return sorted(found, key=lambda path: natural_order(path.name))


def parts(path: Path) -> list[Path]:
    """List the files that are read when a folder is."""
    return _files(path) if path.is_dir() else []


def load(
    path: Path, *, strict: bool = False, sequence: str | None = None, first_pixel: int = 1
) -> Labels:
    """Read a VOC file, or a folder of them.

    Parameters
    ----------
    path : Path
    strict : bool
        Raise at the first piece of input that cannot be used.
    sequence : str, optional
        Name of the set of images; by default that of the folder.
    first_pixel : int
        1 as VOC says, or 0.

    Returns
    -------
    Labels

    Raises
    ------
    LabelFormatError
        If no file is VOC.
    """
    files = _files(path) if path.is_dir() else [path]
    folder = path if path.is_dir() else path.parent
    problems = Problems(str(path), strict=strict)
    reader = _Reader(sequence or folder.resolve().name or path.stem, first_pixel, problems)
    for frame, file in enumerate(files):
        problems.source = str(file)
        try:
            reader.read(frame, file)
        except LabelFormatError as error:
            if strict or len(files) == 1:
                raise
            problems.add("file", str(error))
    if not reader.frames:
        raise LabelFormatError(
            f"{path}: none of its {len(files)} .xml files is a VOC file. Expected one "
            "<annotation> per image; check the folder."
        )
    return reader.labels()


class _Reader:
    """Gathers the files of a folder."""

    def __init__(self, sequence: str, first_pixel: int, problems: Problems) -> None:
        self.sequence = sequence
        self.first_pixel = first_pixel
        self.problems = problems
        self.frames: list[tuple[Any, ...]] = []
        self.rows: list[tuple[Any, ...]] = []
        self.attributes: list[dict[str, str]] = []

    def read(self, frame: int, file: Path) -> None:
        root = parse(read_bytes(file, max_bytes=_MAX_BYTES), str(file))
        for place, entry in enumerate(root.findall("object")):
            if self._object(frame, f"object {place}", entry):
                root.remove(entry)  # all else is written back as it is
        width, height = (_number(root.findtext(f"size/{side}")) for side in ("width", "height"))
        name = root.findtext("filename")
        self.frames.append(
            (
                frame,
                safe_name(name, "filename", self.problems) if name else None,
                width if width and width > 0 else math.nan,
                height if height and height > 0 else math.nan,
                file.stem,
                ElementTree.tostring(root, encoding="unicode"),
            )
        )

    def _object(self, frame: int, where: str, entry: ElementTree.Element) -> bool:
        """Take an object, if it has a box."""
        texts = [entry.findtext(f"bndbox/{corner}") for corner in CORNERS]
        corners = [_number(text) for text in texts]
        if None in corners:
            at = corners.index(None)
            self.problems.add(
                where, f"{CORNERS[at]} is {excerpt(texts[at])}; expected a number of pixels"
            )
            return False
        left, top, right, bottom = (value or 0.0 for value in corners)
        flags: list[bool | None] = []
        for name in FLAGS:
            found = entry.findall(name)
            text = (found[0].text or "").strip() if len(found) == 1 else ""
            flags.append({"0": False, "1": True}.get(text))
            if flags[-1] is not None:
                entry.remove(found[0])
        label = entry.findtext("name")
        if label is not None and len(entry.findall("name")) == 1:
            entry.remove(entry.findall("name")[0])
        box = entry.findall("bndbox")
        if len(box) == 1 and sorted(part.tag for part in box[0]) == sorted(CORNERS):
            entry.remove(box[0])
        else:
            for corner in CORNERS:
                box[0].remove(box[0].findall(corner)[0])
        self.attributes.append(_plain_parts(entry))
        rest = ElementTree.tostring(entry, encoding="unicode") if len(entry) else None
        self.rows.append(
            (
                frame, label, left - self.first_pixel, top - self.first_pixel,
                right - left + 1, bottom - top + 1, *flags, rest,
            )
        )  # fmt: skip
        return True

    def labels(self) -> Labels:
        names = ["frame", "label", *SIDES, *FLAGS, "extra"]
        found = dict(zip(names, zip(*self.rows, strict=True), strict=True)) if self.rows else {}
        rows = {name: list(found.get(name, ())) for name in names}
        n = len(self.rows)
        boxes = pd.DataFrame(
            {
                "sequence": columns.text_column([self.sequence] * n),
                "frame": np.array(rows["frame"], dtype=np.int64),
                "track": columns.text_column([None] * n),
                "label": columns.text_column(rows["label"]),
                "annotator": columns.text_column(["consolidated"] * n),
                **{side: np.round(np.array(rows[side], dtype="float64"), 9) for side in SIDES},
                **{name: pd.Series(rows[name], dtype="boolean") for name in FLAGS},
                **columns.attribute_columns(self.attributes, "", {}),
                "extra": columns.text_column(rows["extra"]),
            }
        )
        unsaid = [name for name in (*FLAGS, "extra") if boxes[name].isna().all()]
        kinds = ["int64", "str", "float64", "float64", "str", "str"]
        titles = ["frame", "image", "image_width", "image_height", "source_name", "source_entry"]
        frames = pd.DataFrame(
            {
                title: columns.text_column([row[at] for row in self.frames])
                if kind == "str"
                else np.array([row[at] for row in self.frames], dtype=kind)
                for at, (title, kind) in enumerate(zip(titles, kinds, strict=True))
            }
        )
        frames.insert(0, "sequence", columns.text_column([self.sequence] * len(frames)))
        frames.insert(5, "time", np.nan)
        return Labels(boxes.drop(columns=unsaid), frames, self.problems.table())


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if abs(value) < columns.MAX_EXACT else None


def _plain_parts(entry: ElementTree.Element) -> dict[str, str]:
    """Take out the parts of an object that are one text each."""
    tags = [part.tag for part in entry]
    values = {}
    for part in list(entry):
        is_plain = not len(part) and not part.attrib and tags.count(part.tag) == 1
        if is_plain and part.text and part.text == part.text.strip():
            values[part.tag] = part.text
            entry.remove(part)
    return values


def save(labels: Labels, path: Path) -> Path:
    """Write one VOC file per image into a folder.

    Columns that the format has no place for are not written. Nothing of the caller's table
    changes: VOC's corners are worked out on the way.

    Parameters
    ----------
    labels : Labels
        Of one annotator and without tracks; with several sequences each gets a folder.
    path : Path
        A folder; a name ending in ``.xml`` takes the labels of a single image.

    Raises
    ------
    LabelFormatError
        If there are tracks, several annotators, an unknown side, or a name that is no file name.
    """
    boxes, frames = labels.boxes, labels.frames
    _check(boxes, path)
    known = frames if "sequence" in frames else pd.DataFrame(columns=["sequence", "frame"])
    places = pd.concat([known[["sequence", "frame"]], boxes[["sequence", "frame"]]])
    images = places.drop_duplicates().merge(known, how="left", on=["sequence", "frame"])
    single = path.suffix.lower() == ".xml"
    if single and len(images) > 1:
        raise LabelFormatError(
            f"{path}: a VOC file holds one image, the labels have {len(images)}. Name a folder."
        )
    objects: dict[tuple[str, int], list[ElementTree.Element]] = {}
    keys = zip(boxes["sequence"].tolist(), boxes["frame"].tolist(), strict=True)
    for key, entry in zip(keys, objects_of(boxes), strict=True):
        objects.setdefault(key, []).append(entry)
    several = len(images["sequence"].unique()) > 1
    written: set[Path] = set()
    for image in images.to_dict("records"):
        root = annotation(image)
        root.extend(objects.get((image["sequence"], image["frame"]), []))
        file = path if single else _target(path, image, several)
        if file in written:
            raise LabelFormatError(
                f"{file}: two images would be written to this name. Give the images names that "
                "differ, in labels.frames['image']."
            )
        written.add(file)
        ElementTree.indent(root)
        write_whole(file, ElementTree.tostring(root, encoding="utf-8") + b"\n")
    return path


def _check(boxes: pd.DataFrame, path: Path) -> None:
    if boxes["track"].notna().any() or len(boxes["annotator"].dropna().unique()) > 1:
        raise LabelFormatError(
            f"{path}: VOC has no place for tracks nor for who drew a box. Save them in another "
            "format (coco, cvat), or leave them out: boxes.assign(track=None), one annotator."
        )
    refuse_unknown_sides(boxes, path)


def _target(path: Path, image: dict[Any, Any], several: bool) -> Path:
    name = image.get("source_name")
    if not isinstance(name, str):
        shown = image.get("image")
        name = Path(shown).stem if isinstance(shown, str) else f"{image['frame']:06d}"
    try:
        folder = path_inside(path, str(image["sequence"])) if several else path
        return path_inside(folder, f"{name}.xml").with_name(f"{name}.xml")
    except ValueError as error:
        raise LabelFormatError(f"{name!r} cannot be the name of a file: {error}") from error
