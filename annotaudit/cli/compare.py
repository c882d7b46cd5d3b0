"""``annotaudit compare``: whether a re-label helped."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from annotaudit.cli.audit import LabelsArgument
from annotaudit.cli.export import ReplaceOption, keep_what_is_read
from annotaudit.cli.reading import ReaderOption, ReadOption, reader_options
from annotaudit.cli.screen import aside, busy, printable, screen, show_written

if TYPE_CHECKING:
    import pandas as pd


def compare(
    before: LabelsArgument,
    after: Annotated[str, typer.Argument(help="The same labels, later.")],
    verdicts: Annotated[
        Path | None,
        typer.Option(help="A ledger of verdicts: what reviewers saw by themselves counts, too."),
    ] = None,
    picture: Annotated[str | None, typer.Option(help="Draw the answer to this file.")] = None,
    read_as: ReadOption = None,
    option: ReaderOption = None,
    replace: ReplaceOption = False,
) -> None:
    """Compare labels before and after: boxes, objects, findings, HOTA, IDF1 and MOTA."""
    from rich.table import Table

    import annotaudit as aa
    from annotaudit.frames.s3_writing import check_place, write_to

    if picture is not None:
        check_place(picture)
    keep_what_is_read("--picture", picture, before, after)
    with busy("Auditing both versions ..."):
        said = None if verdicts is None else aa.review.load(verdicts)
        was, now = (
            aa.load(labels, format=read_as, **reader_options(option)) for labels in (before, after)
        )
        comparison = aa.compare(was, now, verdicts=said)
    screen().print(printable(comparison.answer), soft_wrap=True)
    if len(was.boxes) and len(now.boxes) and _nothing_in_both(comparison.boxes):
        aside().print("No box is in both: are they labels of the same images?", style="yellow")
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("findings")
    for state in comparison.counts.columns:
        table.add_column(state, justify="right")
    for severity, row in comparison.counts.iterrows():
        table.add_row(str(severity), *map(str, row))
    screen().print(table)
    scores = comparison.scores[["HOTA", "IDF1", "MOTA"]]
    screen().print("  ".join(f"{name} {value:.3f}" for name, value in scores.items()))
    if picture is not None:
        from annotaudit.cli.pictures import save_picture

        show_written(
            write_to(
                picture,
                lambda path: save_picture(lambda: aa.plot_comparison(comparison), path),
                replace=replace,
            )
        )


def _nothing_in_both(boxes: pd.DataFrame) -> bool:
    return not boxes[["before", "after"]].notna().all(axis=1).any()
