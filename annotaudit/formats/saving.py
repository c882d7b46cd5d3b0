"""Save labels in any format, whole or not at all."""

from __future__ import annotations

import filecmp
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from uuid import uuid4

from annotaudit.boxes import Labels, empty_table
from annotaudit.errors import BoxTableError, FrameError, LabelFormatError
from annotaudit.formats.catalogue import FORMATS
from annotaudit.formats.file_names import for_format, format_of_name
from annotaudit.frames import FRAME_COLUMNS
from annotaudit.frames.s3_writing import NEXT_STEP, check_place, is_address, write_to

# What a save has written beside its place, and that place; without a file: what is to go.
_waiting: ContextVar[list[tuple[Path | None, Path]] | None] = ContextVar("_waiting", default=None)


def save(
    labels: Labels,
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    replace: bool = False,
) -> Path | str:
    """Save labels to a file or folder.

    Nothing half written: each file is written beside its place, and when all are there they are
    renamed. What the format's reader keeps (ids, attributes, unknown keys) is written back.

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
        Nothing is overwritten without it, here or in S3, and least of all what the labels were
        read from: the same content once more is fine, other content is refused.

    Returns
    -------
    Path or str
        What was written; an address where one was given.

    Raises
    ------
    LabelFormatError
        If the format is unknown, cannot be told, or cannot hold these labels; if another file is
        there, or S3 cannot be written to.
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
    own = for_format(_with_frames(labels), name)
    # Class names of an earlier save, which would be taken for those of these boxes.
    beside = ("labels.txt", f"{target.name}/gt/labels.txt") if name == "motchallenge" else ()

    def write(local: Path) -> Path:
        # What is bound for S3 is written to a folder of its own; there, S3 says what is in the way.
        with _all_or_none(replace=replace or is_address(path)):
            saved: Path = module.save(own, local)
        return saved

    try:
        check_place(path)
        (written,) = write_to(path, write, replace=replace, beside=beside)
    except FrameError as error:
        raise LabelFormatError(str(error)) from error
    return written


def _with_frames(labels: Labels) -> Labels:
    """Give labels whose frames nobody told an empty table of them."""
    if len(labels.frames.columns):
        return labels
    return Labels(labels.boxes, empty_table(FRAME_COLUMNS), labels.problems)


@contextmanager
def _all_or_none(*, replace: bool) -> Iterator[None]:
    """Put the files of one save in place when all are written, over others only if asked to."""
    waiting: list[tuple[Path | None, Path]] = []
    token = _waiting.set(waiting)
    try:
        yield
        other = [] if replace else [path for beside, path in waiting if _is_other(beside, path)]
        if other:
            more = f" ({len(other)} such files)" if len(other) > 1 else ""
            raise LabelFormatError(f"{other[0]}{more}: {NEXT_STEP}")
        for beside, path in waiting:
            if beside is None:
                path.unlink(missing_ok=True)
            else:
                os.replace(beside, path)
    finally:
        _waiting.reset(token)
        for beside, _ in waiting:
            if beside is not None:
                beside.unlink(missing_ok=True)


def _is_other(beside: Path | None, path: Path) -> bool:
    return path.is_file() and (beside is None or not filecmp.cmp(beside, path, shallow=False))


def remove(path: Path) -> None:
    """Remove a file of an earlier save; inside a save when all that it writes is there.

    Parameters
    ----------
    path : Path
        Need not be there.
    """
    if (waiting := _waiting.get()) is not None:
        waiting.append((None, path))
    else:
        path.unlink(missing_ok=True)


def write_whole(path: Path, chunks: bytes | Iterable[bytes]) -> Path:
    """Write a file beside its place, then rename it over: all of it, or nothing.

    Inside a save it is renamed when all files of that save are written.

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
        if (waiting := _waiting.get()) is not None:
            waiting.append((beside, path))
        else:
            os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    return path
