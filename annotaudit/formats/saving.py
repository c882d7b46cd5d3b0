"""Save labels in any format, whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from uuid import uuid4

from annotaudit.boxes import Labels
from annotaudit.errors import BoxTableError, FrameError, LabelFormatError
from annotaudit.formats.catalogue import FORMATS
from annotaudit.formats.file_names import for_format, format_of_name
from annotaudit.frames.s3_writing import check_place, write_to


def save(
    labels: Labels,
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    replace: bool = False,
) -> Path | str:
    """Save labels to a file or folder.

    Nothing half written: each file is written beside its place and then renamed over it. What
    the format's reader keeps (ids, attributes, unknown keys) is written back.

    Parameters
    ----------
    labels : Labels
        The caller's tables are not edited.
    path : path
        The file to write; a folder for formats that keep each sequence in its own file. Or an
        ``s3://`` address of either: the last file of several appears when the others are there.
    format : str, optional
        A name of ``annotaudit.formats.FORMATS``. By default it is told from the file name and from
        where the labels came from: COCO's are saved as COCO in ``.json``, Ground Truth's as
        ``SeqLabel.json``. ``.parquet`` and ``.csv`` keep whatever labels hold, ``.manifest`` and
        ``.jsonl`` are Ground Truth's, ``.txt`` MOTChallenge's unless the labels come from KITTI,
        VisDrone or UAVDT. Where neither tells, an error lists what to pass.
    replace : bool
        In S3 nothing is overwritten without it: the same labels once more are fine, other ones
        are refused. Files on this machine are always replaced.

    Returns
    -------
    Path or str
        What was written; an address where one was given.

    Raises
    ------
    LabelFormatError
        If the format is unknown, cannot be told, or cannot hold these labels; if S3 cannot be
        written to, or another file is there.
    BoxTableError
        If these are no labels.

    Examples
    --------
    >>> import annotaudit as aa
    >>> aa.save(labels, "corrected/SeqLabel.json")  # doctest: +SKIP
    PosixPath('corrected/SeqLabel.json')
    """
    if not isinstance(labels, Labels):
        raise BoxTableError(
            f"save() takes Labels; found {type(labels).__name__}. Make them of a box table with "
            "annotaudit.Labels(boxes); findings are a DataFrame, which saves itself: "
            "findings.to_csv(path)."
        )
    target = Path(path)
    name = format or format_of_name(labels, target)
    if name not in FORMATS:
        raise LabelFormatError(
            f"Unknown format {name!r}; expected one of {', '.join(FORMATS)}. "
            "Name one of them, as in save(labels, path, format='coco')."
        )
    module = FORMATS[name].import_module()
    own = for_format(labels, name)
    # Class names of an earlier save, which would be taken for those of these boxes.
    beside = ("labels.txt", f"{target.name}/gt/labels.txt") if name == "motchallenge" else ()
    try:
        check_place(path)
        (written,) = write_to(
            path, lambda local: module.save(own, local), replace=replace, beside=beside
        )
    except FrameError as error:
        raise LabelFormatError(str(error)) from error
    return written


def write_whole(path: Path, chunks: bytes | Iterable[bytes]) -> Path:
    """Write a file beside its place, then rename it over: all of it, or nothing.

    Parameters
    ----------
    path : Path
        Its folder is made if missing.
    chunks : bytes, or iterable of bytes
        The content.

    Returns
    -------
    Path
        The same path.

    Raises
    ------
    LabelFormatError
        If it is an address.
    """
    if "s3:" in path.parts:  # an address that went through Path has lost one of its slashes
        raise LabelFormatError(
            f"{path}: this is written on this machine only; expected a path, found an address. "
            "Write it here, then copy it."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with beside.open("xb") as file:
            for chunk in [chunks] if isinstance(chunks, bytes) else chunks:
                file.write(chunk)
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    return path
