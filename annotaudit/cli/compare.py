"""``annotaudit compare``: whether a re-label helped."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from annotaudit.cli.audit import LabelsArgument
from annotaudit.cli.export import ReplaceOption
from annotaudit.cli.screen import busy, printable, screen, show_written


def compare(
    before: LabelsArgument,
    after: Annotated[str, typer.Argument(help="The same labels, later.")],
    verdicts: Annotated[
        Path | None,
        typer.Option(help="A ledger of verdicts: what reviewers saw by themselves counts, too."),
    ] = None,
    picture: Annotated[str | None, typer.Option(help="Draw the answer to this file.")] = None,
    replace: ReplaceOption = False,
) -> None:
    """Compare labels before and after: boxes, objects, findings, HOTA, IDF1 and MOTA."""
    from rich.table import Table

    import annotaudit as aa
    from annotaudit.frames.s3_writing import check_place, write_to

    if picture is not None:
        check_place(picture)
    with busy("Auditing both versions ..."):
        said = None if verdicts is None else aa.review.load(verdicts)
        comparison = aa.compare(aa.load(before), aa.load(after), verdicts=said)
    screen().print(printable(comparison.answer), soft_wrap=True)
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
