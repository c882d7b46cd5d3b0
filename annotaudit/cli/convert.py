"""``annotaudit convert``: labels from one format to another."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from annotaudit.cli.audit import FramesOption, LabelsArgument
from annotaudit.cli.export import ReplaceLabelsOption
from annotaudit.cli.reading import ReaderOption, ReadOption, reader_options
from annotaudit.cli.screen import busy, show_labels, show_written

OutArgument = Annotated[
    str, typer.Argument(help="The file or folder to write, here or at an s3:// address.")
]
WriteOption = Annotated[
    str | None,
    typer.Option(help="Write this format; otherwise name and origin of the labels tell."),
]
ColumnsOption = Annotated[
    str | None,
    typer.Option(
        help="What the columns of a CSV or Parquet file are called here, as "
        "'xmin=left,ymin=top,xmax=right,ymax=bottom,file=image'."
    ),
]


def convert(
    labels: LabelsArgument,
    out: OutArgument,
    format: WriteOption = None,
    read_as: ReadOption = None,
    frames: FramesOption = None,
    columns: ColumnsOption = None,
    option: ReaderOption = None,
    replace: ReplaceLabelsOption = False,
) -> None:
    """Write labels in another format.

    Formats: ground-truth-video, ground-truth-images, mturk, mturk-csv, motchallenge, coco, cvat,
    cvat-archive, voc, yolo, label-studio, via, visdrone, uavdt, kitti, csv, parquet. Worker
    responses (ground-truth-workers) are read only, answers of Mechanical Turk written only as such.
    """
    import annotaudit as aa

    options: dict[str, Any] = reader_options(option)
    options |= {} if columns is None else {"columns": _pairs(columns)}
    with busy("Reading the labels ..."):
        loaded = aa.load(labels, format=read_as, frames=frames, **options)
    show_labels(loaded)
    with busy("Writing ..."):
        written = aa.save(loaded, out, format=format, replace=replace)
    show_written([written])


def _pairs(text: str) -> dict[str, str]:
    """Turn ``xmin=left,ymin=top`` into names of columns and what they are called here."""
    pairs = [pair.partition("=") for pair in text.split(",")]
    if not all(theirs.strip() and ours.strip() for theirs, _, ours in pairs):
        raise typer.BadParameter(
            f"found {text!r}, expected names in pairs, as 'xmin=left,ymin=top'.",
            param_hint="--columns",
        )
    return {theirs.strip(): ours.strip() for theirs, _, ours in pairs}
