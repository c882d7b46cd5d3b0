"""Load labels of any format from a file, a folder, or a pattern of names."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from inspect import signature
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from annotaudit.boxes import Labels
from annotaudit.errors import FrameError, LabelFormatError
from annotaudit.formats.catalogue import FORMATS
from annotaudit.formats.problems import Problems
from annotaudit.formats.recognise import recognise
from annotaudit.formats.unknown import refuse
from annotaudit.frames.matching import SUFFIXES, match_images
from annotaudit.frames.s3_archives import names_in_archive
from annotaudit.frames.s3_files import copy_here, s3_client, split_address

_PATTERN_CHARACTERS = "*?["


def load(
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    frames: str | os.PathLike[str] | None = None,
    strict: bool = False,
    **options: Any,
) -> Labels:
    """Load labels, whatever their format.

    The format is told from what is in the file, not from its name. A folder or a pattern such as
    ``"jobs/*/SeqLabel.json"`` loads every label file in it; where two give their sequence the
    same name, it is lengthened by the folders that tell them apart. Files of a folder that no
    format knows (images, notes) are passed over.

    Parameters
    ----------
    path : path
        A file, a folder, or a pattern with ``*``, ``?`` or ``[``; or an ``s3://`` address of a
        file, or, ending with a slash, of a folder. A manifest brings the label files it names.
    format : str, optional
        A name of ``annotaudit.formats.FORMATS``, to read the input as this format.
    frames : path, optional
        Where the images are: a folder, a pattern, or an address that their names are added to.
        Images are matched to frames by name; see :func:`annotaudit.frames.match_images`.
    strict : bool
        Raise at the first piece of input that cannot be used, instead of listing it in
        ``problems`` and reading on.
    **options
        Passed on to the reader of the format, such as ``manifest=`` for Ground Truth video.

    Returns
    -------
    Labels
        ``boxes``, the ``frames`` looked at, and the ``problems``.

    Raises
    ------
    LabelFormatError
        If there is nothing to read, no format knows it, or the file as a whole cannot be read;
        says what was found, where, and what to do.

    Examples
    --------
    >>> import annotaudit as aa
    >>> aa.load("SeqLabel.json", frames="img1/")  # doctest: +SKIP
    Labels(84 boxes, 4 tracks, 32 frames, 1 sequence, 0 problems)
    """
    if format is not None and format not in FORMATS:
        raise LabelFormatError(
            f"Unknown format {format!r}; expected one of {', '.join(FORMATS)}. "
            "Leave format out to have it recognised."
        )
    if not isinstance(path, str | os.PathLike):
        raise LabelFormatError(
            f"load() takes the path of a file or folder, or a pattern of names; found "
            f"{type(path).__name__}. Load several files one by one, or with a pattern such as "
            "'labels/*.json'."
        )
    if os.fspath(path).startswith("s3://"):
        return _load_address(
            os.fspath(path), format=format, frames=frames, strict=strict, **options
        )
    source = open_source(path)
    if isinstance(source, list):
        files = [file for each in source for file in _files_of(each, format)]
        labels = _load_many(files, format, strict, options)
    elif kind := format or (recognise(source) if source.is_dir() else _format_of(source)):
        labels = _load_one(source, kind, strict, options)
    else:
        labels = _load_many(_files_below(source), None, strict, options)
    return labels if frames is None else _with_images(labels, os.fspath(frames))


def _load_address(address: str, **options: Any) -> Labels:
    """Copy labels here from S3 and load the copy; what names the copy names the address."""
    s3 = s3_client()
    with TemporaryDirectory() as folder:
        try:
            bucket = split_address(address)[0]
            local = copy_here(s3, address, Path(folder), wants=partial(_is_of_cvat, s3))
        except FrameError as error:
            raise LabelFormatError(str(error)) from error
        here = str(Path(folder).resolve() / bucket)
        try:
            labels = load(local, **options)
        except LabelFormatError as error:
            raise LabelFormatError(str(error).replace(here, f"s3://{bucket}")) from error
        frames, problems = (
            table.assign(
                **{
                    name: table[name].str.replace(here, f"s3://{bucket}", regex=False)
                    for name in ("source", "source_file", "what")
                    if name in table
                }
            )
            for table in (labels.frames, labels.problems)
        )
    return replace(labels, frames=frames, problems=problems)


def _is_of_cvat(s3: Any, address: str, size: int) -> bool:
    """Tell an archive of CVAT, or a broken one, from those that hold images alone."""
    names = names_in_archive(s3, address, size)
    return names is None or FORMATS["cvat-archive"].import_module().is_of_cvat(names)


def open_source(path: str | os.PathLike[str]) -> Path | list[Path]:
    """Turn what the user names into a local file or folder, or the list a pattern stands for.

    Raises
    ------
    LabelFormatError
        If nothing is there, or it is an address.
    """
    name = os.fspath(path)
    if "://" in name:
        raise LabelFormatError(
            f"{name} is an address; labels are read from local files and from s3://. Copy it here "
            "first, and load the copy."
        )
    if not name or "\0" in name:
        raise LabelFormatError(f"{name!r} is not a path. Name a file, a folder or a pattern.")
    local = Path(name).expanduser()
    if local.exists():
        return local
    if any(character in name for character in _PATTERN_CHARACTERS):
        if found := sorted(glob.glob(str(local), recursive=True)):
            return [Path(each) for each in found]
        raise LabelFormatError(f"No file matches {name}. Check the pattern and the folder.")
    raise LabelFormatError(
        f"{name} does not exist (looked in {Path.cwd()}). Check the path, or give a folder or "
        "a pattern such as 'labels/*.json'."
    )


def _load_one(path: Path, format: str, strict: bool, options: dict[str, Any]) -> Labels:
    try:
        labels: Labels = FORMATS[format].import_module().load(path, strict=strict, **options)
    except TypeError as error:
        if "unexpected keyword argument" not in str(error):
            raise
        raise LabelFormatError(
            f"Reading {format} failed: {error}. Its reader takes {_options_of(format)}."
        ) from error
    return labels


def _options_of(format: str) -> str:
    names = list(signature(FORMATS[format].import_module().load).parameters)
    return ", ".join(names[2:])  # beside path and strict


def _format_of(path: Path) -> str:
    if name := recognise(path):
        return name
    raise refuse(path)


def _files_of(path: Path, format: str | None) -> list[Path]:
    is_plain_folder = path.is_dir() and not (format or recognise(path))
    return _files_below(path) if is_plain_folder else [path]


def _files_below(folder: Path) -> list[Path]:
    """List what to load in a folder: its files, and folders that are one format by themselves."""
    found: list[Path] = []
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith(".") or entry.is_symlink():
            continue
        if entry.is_dir() and not recognise(entry):
            found += _files_below(entry)
        else:
            found.append(entry)
    return found


def _load_many(
    paths: list[Path], format: str | None, strict: bool, options: dict[str, Any]
) -> Labels:
    formats = {path: format or recognise(path) for path in paths}
    known = {path: name for path, name in formats.items() if name is not None}
    if not known:
        if all(path.suffix.lower() in SUFFIXES for path in paths):
            raise LabelFormatError(
                f"Found {len(paths)} images and no labels. Name the label file, and the folder of "
                "the images in frames=."
            )
        raise LabelFormatError(
            f"None of the {len(paths)} files given or found holds labels of a format that is "
            f"known here ({', '.join(FORMATS)}). Check the folder, or name format=."
        )
    read_elsewhere: set[Path] = set()
    for path, name in known.items():
        if parts := getattr(FORMATS[name].import_module(), "parts", None):
            read_elsewhere |= {part.resolve() for part in parts(path)} - {path.resolve()}
    loaded: dict[Path, Labels] = {}
    problems = Problems("", strict=strict)
    for path, name in known.items():
        if path.resolve() in read_elsewhere:
            continue
        try:
            loaded[path] = _load_one(path, name, strict, options)
        except LabelFormatError as error:
            if strict:
                raise
            problems.source = str(path)
            problems.add("file", str(error))
    if not loaded:
        raise LabelFormatError(problems.table()["what"].iloc[0])
    return _joined(loaded, problems)


def _joined(loaded: dict[Path, Labels], problems: Problems) -> Labels:
    """Put labels of several files together, with sequence names that tell them apart."""
    sequences = {
        path: set(labels.frames["sequence"]) | set(labels.boxes["sequence"])
        for path, labels in loaded.items()
    }
    top = Path(os.path.commonpath([path.parent for path in loaded]))
    new_names = _told_apart(sequences, top)
    boxes, frames, all_problems = [], [], []
    for path, labels in loaded.items():
        longer = new_names[path]
        boxes.append(_renamed(labels.boxes, longer))
        frames.append(_renamed(labels.frames, longer))
        all_problems.append(labels.problems)
    return Labels(
        pd.concat(boxes, ignore_index=True),
        pd.concat(frames, ignore_index=True),
        pd.concat([*all_problems, problems.table()], ignore_index=True),
    )


def _told_apart(sequences: dict[Path, set[str]], top: Path) -> dict[Path, dict[str, str]]:
    """Lengthen the names that several files give, by as much of their path as tells them apart."""
    new: dict[Path, dict[str, str]] = {path: {} for path in sequences}
    ways: list[Callable[[Path], PurePath]] = [
        lambda path: path.parent, lambda path: path.with_suffix(""), lambda path: path
    ]  # fmt: skip
    for name, times in Counter(name for names in sequences.values() for name in names).items():
        if times == 1:
            continue
        paths = [path for path, names in sequences.items() if name in names]
        for way in ways:
            places = [way(path).relative_to(top).as_posix() for path in paths]
            if "." not in places and len(set(places)) == times:
                break
        for path, place in zip(paths, places, strict=True):
            new[path][name] = f"{place}/{name}"
    return new


def _renamed(table: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    if not names:
        return table
    sequence = table["sequence"]
    return table.assign(sequence=sequence.map(names).fillna(sequence).astype(sequence.dtype))


def _with_images(labels: Labels, where: str) -> Labels:
    if "://" in where:
        known = labels.frames["image"].notna()
        names = where.rstrip("/") + "/" + labels.frames["image"]
        return replace(labels, frames=labels.frames.assign(image=names.where(known)))
    is_pattern = any(character in where for character in _PATTERN_CHARACTERS)
    images = where if Path(where).exists() or not is_pattern else open_source(where)
    return replace(labels, frames=match_images(labels.frames, images))
