"""``annotaudit convert``: labels from one format to another."""

from __future__ import annotations

from typing import Annotated

import typer

from annotaudit.cli.audit import FramesOption, LabelsArgument
from annotaudit.cli.export import ReplaceOption
from annotaudit.cli.screen import busy, show_labels, show_written

OutArgument = Annotated[
    str, typer.Argument(help="The file or folder to write, here or at an s3:// address.")
]
WriteOption = Annotated[
    str | None,
    typer.Option(help="Write this format; otherwise name and origin of the labels tell."),
]
ReadOption = Annotated[
    str | None, typer.Option("--from", help="Read this format; otherwise it is recognised.")
]


def convert(
    labels: LabelsArgument,
    out: OutArgument,
    format: WriteOption = None,
    read_as: ReadOption = None,
    frames: FramesOption = None,
    replace: ReplaceOption = False,
) -> None:
    """Write labels in another format.

    Formats: ground-truth-video, ground-truth-images, mturk, mturk-csv, motchallenge, coco, cvat,
    cvat-archive, voc, yolo, label-studio, via, visdrone, uavdt, kitti, csv, parquet. Worker
    responses (ground-truth-workers) are read only, answers of Mechanical Turk written only as such.
    """
    import annotaudit as aa

    with busy("Reading the labels ..."):
        loaded = aa.load(labels, format=read_as, frames=frames)
    show_labels(loaded)
    with busy("Writing ..."):
        written = aa.save(loaded, out, format=format, replace=replace)
    show_written([written])
