"""``annotaudit selftest``: what the audit would find in these labels."""

from __future__ import annotations

from typing import Annotated

import typer

from annotaudit.cli.audit import LabelsArgument
from annotaudit.cli.export import ReplaceOption, keep_what_is_read
from annotaudit.cli.reading import ReaderOption, ReadOption, reader_options
from annotaudit.cli.screen import busy, printable, screen, show_labels, show_written


def selftest(
    labels: LabelsArgument,
    budget: Annotated[
        list[int] | None,
        typer.Option(help="Findings somebody would look at; may be given several times.", min=1),
    ] = None,
    repeats: Annotated[int, typer.Option(help="How often mistakes are planted.", min=1)] = 3,
    seed: Annotated[int, typer.Option(help="The same seed gives the same table.")] = 0,
    plot: Annotated[str | None, typer.Option(help="Save the table as a picture.")] = None,
    replace: ReplaceOption = False,
    read_as: ReadOption = None,
    option: ReaderOption = None,
) -> None:
    """Plant known mistakes into copies of your labels, and count how many would be found.

    Planted mistakes are easier than real ones: read the table as the best that can be hoped for.
    """
    from rich.table import Table

    import annotaudit as aa
    from annotaudit.frames.s3_writing import check_place, write_to

    if plot is not None:
        check_place(plot)
    keep_what_is_read("--plot", plot, labels)
    with busy("Reading the labels ..."):
        loaded = aa.load(labels, format=read_as, **reader_options(option))
    show_labels(loaded)
    with busy("Planting mistakes and looking for them ..."):
        found = aa.selftest(loaded, budgets=budget, repeats=repeats, seed=seed)
    if found.empty:
        screen().print(
            "Nothing could be planted: mistakes are planted into tracks, and these labels have "
            "none that are long enough.",
            soft_wrap=True,
        )
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("kind", overflow="fold")
    for name in ("looked at", "planted", "found", "share", "95 % interval"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in found.itertuples():
        table.add_row(
            printable(row.kind),
            *(f"{count:,}" for count in (row.budget, row.planted, row.found)),
            f"{row.recall:.0%}",
            f"{row.low:.0%} to {row.high:.0%}",
        )
    screen().print(table)
    if plot is not None:
        from annotaudit.cli.pictures import save_picture

        show_written(
            write_to(
                plot,
                lambda path: save_picture(lambda: aa.plot_selftest(found), path),
                replace=replace,
            )
        )
