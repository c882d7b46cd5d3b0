"""``annotaudit audit``: labels in, ranked findings out."""

from __future__ import annotations

import dataclasses
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from annotaudit.cli.export import (
    ReplaceOption,
    check_table_name,
    keep_what_is_read,
    save_table,
)
from annotaudit.cli.reading import ReaderOption, reader_options
from annotaudit.cli.screen import (
    busy,
    screen,
    show_findings,
    show_labels,
    show_pictures_missing,
    show_written,
)
from annotaudit.errors import LimitError

if TYPE_CHECKING:
    import pandas as pd

    from annotaudit.boxes import Labels
    from annotaudit.metrics.embedders import Embedder

FOUND = 1  # exit code

LabelsArgument = Annotated[
    str,
    typer.Argument(
        help="A label file, a folder of them, a pattern such as 'jobs/*.json', or an s3:// address."
    ),
]
FramesOption = Annotated[
    str | None,
    typer.Option(help="Where the images are: a folder, here or s3://; matched to frames by name."),
]
FormatOption = Annotated[
    str | None,
    typer.Option("--from", "--format", help="Read this format; otherwise it is recognised."),
]
VerdictsOption = Annotated[
    Path | None,
    typer.Option(
        "--verdicts",
        help="A ledger of verdicts: leaves out what was judged fine, puts in what reviewers saw "
        "by themselves.",
    ),
]


class Severity(StrEnum):
    """How grave a finding is, the gravest first."""

    error = "error"
    warning = "warning"
    note = "note"


def audit(
    labels: LabelsArgument,
    frames: FramesOption = None,
    format: FormatOption = None,
    option: ReaderOption = None,
    rules: Annotated[
        str | None,
        typer.Option(
            help="'aws' for the two checks of the Ground Truth video tutorial, done right; or "
            "names of rules with commas between. All rules, if left out."
        ),
    ] = None,
    size_thresh: Annotated[
        float | None,
        typer.Option(
            "--size-thresh", help="A box may change by this share of its area from frame to frame."
        ),
    ] = None,
    iou_thresh: Annotated[
        float | None,
        typer.Option(
            "--iou-thresh", help="A box must share this much of itself with the frame before."
        ),
    ] = None,
    embed: Annotated[
        bool,
        typer.Option("--embed", help="Look into the boxes, too: crops unlike their track."),
    ] = False,
    verdicts: VerdictsOption = None,
    out: Annotated[
        str | None,
        typer.Option(help="Write all findings to this .csv, .parquet or .json file; s3:// too."),
    ] = None,
    plots: Annotated[str | None, typer.Option(help="Write pictures into this folder.")] = None,
    report: Annotated[
        str | None, typer.Option(help="Write a page to open in a browser, pictures inside.")
    ] = None,
    replace: ReplaceOption = False,
    top: Annotated[int, typer.Option(min=0, help="Show this many findings.")] = 20,
    fail_on: Annotated[
        Severity | None,
        typer.Option(help="Exit with 1 if there is a finding this grave or graver."),
    ] = None,
) -> None:
    """Rank what looks wrong in a set of labels, with a reason for each.

    The format is recognised by what is in the labels; `annotaudit convert --help` lists all.
    """
    import annotaudit as aa
    from annotaudit.frames.s3_writing import check_place, write_to

    if out is not None:
        check_table_name(out)
    for place in filter(None, (out, plots, report)):
        check_place(place)
    keep_what_is_read("--out", out, labels)
    keep_what_is_read("--report", report, labels)
    options = audit_options(rules, size_thresh, iou_thresh)
    with busy("Reading the labels ..."):
        loaded = aa.load(labels, format=format, frames=frames, **reader_options(option))
    show_labels(loaded)
    show_pictures_missing(loaded, frames)
    options["embedder"] = chosen_embedder(loaded, embed, "--frames")
    with busy("Measuring ..."):
        findings = aa.audit(loaded, **options)
    findings = reviewed(findings, loaded, verdicts)
    if loaded.boxes.empty and findings.empty:
        screen().print("There is no box to look at.")
    else:
        show_findings(findings, top)

    if out is not None:
        show_written(write_to(out, lambda path: save_table(findings, path), replace=replace))
    if plots is not None:
        from annotaudit.cli.pictures import save_pictures

        show_written(
            write_to(plots, lambda path: save_pictures(loaded, findings, path), replace=replace)
        )
    if report is not None:
        with busy("Writing the page ..."):
            page = aa.write_report(loaded, findings, report, replace=replace)
        show_written([page])
    if fail_on is not None and _any_as_grave(findings, fail_on):
        raise typer.Exit(FOUND)


def reviewed(findings: pd.DataFrame, labels: Labels, ledger: Path | None) -> pd.DataFrame:
    """Leave out what was judged fine, and put in what reviewers saw by themselves."""
    import annotaudit as aa

    if ledger is None:
        return findings
    verdicts = aa.review.load(ledger)
    left = aa.review.leave_out_fine(findings, verdicts)
    return aa.review.with_marks(left, verdicts, labels)


def audit_options(
    rules: str | None, size_thresh: float | None, iou_thresh: float | None
) -> dict[str, Any]:
    """Turn the command's words into those of ``annotaudit.audit``."""
    from annotaudit.audit.limits import Limits

    limits = Limits()
    if size_thresh is not None:
        limits = dataclasses.replace(limits, max_size_change=size_thresh)
    if iou_thresh is not None:
        limits = dataclasses.replace(limits, min_iou=iou_thresh)
    named = None if rules is None else [name.strip() for name in rules.split(",")]
    return {"rules": named, "limits": limits}


def chosen_embedder(labels: Labels, wanted: bool, option: str) -> Embedder | None:
    """Choose what looks into the boxes, if something shall, and the labels name pictures."""
    if not wanted:
        return None
    from annotaudit.metrics.embedders import ColourTextureEmbedder

    if "image" not in labels.frames or labels.frames["image"].isna().all():
        raise LimitError(
            f"--embed looks into the boxes, but no pictures are known. Say where: {option} img1/."
        )
    return ColourTextureEmbedder()


def _any_as_grave(findings: pd.DataFrame, severity: Severity) -> bool:
    order = list(Severity)
    grave = [each.value for each in order[: order.index(severity) + 1]]
    return bool(findings["severity"].isin(grave).any())
