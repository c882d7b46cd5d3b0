"""``annotaudit demo``: the main job on the bundled sequence."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from annotaudit.cli.export import save_table
from annotaudit.cli.screen import busy, screen, show_findings, show_labels, show_written


def demo(
    out: Annotated[Path, typer.Option(help="Write the picture and the page here.")] = Path(
        "out/demo"
    ),
) -> None:
    """Audit the bundled station sequence: what looks wrong, a picture, a page to open.

    Three people walk through a hall, labelled on every other frame. Two of the boxes were
    shrunk and one was shifted by hand: they should come out on top.
    """
    import annotaudit as aa
    from annotaudit.cli.pictures import save_picture
    from annotaudit.plotting import contact_sheet

    with busy("Reading the labels ..."):
        labels = aa.datasets.station()
    show_labels(labels)
    with busy("Measuring ..."):
        findings = aa.audit(labels)
    show_findings(findings, 10)
    with busy("Drawing ..."):
        written: list[Path | str] = [
            save_table(findings, out / "findings.csv"),
            save_picture(lambda: contact_sheet(labels, findings, n=12), out / "worst.png"),
            aa.write_report(labels, findings, out / "report.html", title="The station, audited"),
        ]
    screen().print()
    show_written(written)
    screen().print(f"\nOpen {Path(written[-1]).resolve().as_uri()}", soft_wrap=True)
