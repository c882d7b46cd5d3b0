"""``annotaudit review ...``: what people said, and their corrections put to use."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from annotaudit.cli.audit import LabelsArgument
from annotaudit.cli.convert import OutArgument, WriteOption
from annotaudit.cli.export import ReplaceLabelsOption
from annotaudit.cli.reading import ReaderOption, ReadOption, reader_options
from annotaudit.cli.screen import aside, busy, printable, screen, show_labels, show_written

LedgerArgument = Annotated[Path, typer.Argument(help="A ledger of verdicts (.jsonl).")]


def summary(ledger: LedgerArgument) -> None:
    """Show how often each rule was right, and what the audit missed, with 95 % intervals."""
    from rich.table import Table

    import annotaudit as aa

    verdicts = aa.review.load(ledger)
    _show_problems(ledger)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("rule", overflow="fold")
    for name in ("reviewed", "mistake", "fine", "unsure", "right", "95 % interval"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in aa.review.summary(verdicts).itertuples():
        known = row.precision == row.precision
        table.add_row(
            printable(row.rule),
            *(str(count) for count in (row.reviewed, row.mistake, row.fine, row.unsure)),
            f"{row.precision:.0%}" if known else "–",
            f"{row.low:.0%} to {row.high:.0%}" if known else "–",
        )
    screen().print(table)
    found, missed, share, low, high = aa.review.recall(verdicts)
    if missed:
        screen().print(
            f"{found:.0f} boxes with a mistake were found by the audit and confirmed, {missed:.0f} "
            f"by reviewers alone: of the mistakes known it found {share:.0%} ({low:.0%} to "
            f"{high:.0%}).",
            soft_wrap=True,
        )


def apply(
    labels: LabelsArgument,
    ledger: LedgerArgument,
    out: OutArgument,
    format: WriteOption = None,
    read_as: ReadOption = None,
    option: ReaderOption = None,
    drop_uncorrected: Annotated[
        bool,
        typer.Option("--drop-uncorrected", help="Leave out mistakes that nobody has corrected."),
    ] = False,
    replace: ReplaceLabelsOption = False,
) -> None:
    """Write the labels with the corrected boxes in; the originals stay as they are."""
    import annotaudit as aa

    with busy("Reading the labels ..."):
        loaded = aa.load(labels, format=read_as, **reader_options(option))
    verdicts = aa.review.load(ledger)
    _show_problems(ledger)
    corrected = aa.review.apply(loaded, verdicts, drop_uncorrected=drop_uncorrected)
    show_labels(corrected)
    show_written([aa.save(corrected, out, format=format, replace=replace)])


def _show_problems(ledger: Path) -> None:
    import annotaudit as aa

    for problem in aa.review.Ledger(ledger).problems().itertuples():
        aside().print(
            printable(f"problem: {problem.source}, {problem.where}: {problem.what}"),
            style="yellow",
            soft_wrap=True,
        )
