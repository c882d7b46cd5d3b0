"""``annotaudit fetch``: data of other people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from annotaudit.cli.screen import aside, printable, screen, show_labels

SETS = ("mot20",)


def fetch(
    name: Annotated[str, typer.Argument(help="Which data: mot20.")],
    sequence: Annotated[str, typer.Option(help="Which sequence of it.")] = "MOT20-01",
    folder: Annotated[
        Path | None, typer.Option(help="Where to keep it; the user's cache if left out.")
    ] = None,
    address: Annotated[str | None, typer.Option(help="Where to download it from.")] = None,
    checksum: Annotated[
        str | None, typer.Option(help="Of the archive, such as sha256:... .")
    ] = None,
    accept_license: Annotated[
        bool, typer.Option("--accept-license", help="The licence is shown without it.")
    ] = False,
) -> None:
    """Download a data set, once, and say where it is."""
    from annotaudit.datasets.mot20_archive import ADDRESS, LICENSE, mot20
    from annotaudit.errors import LimitError

    if name not in SETS:
        raise LimitError(f"There are no data {name!r}; expected one of {', '.join(SETS)}.")
    if accept_license:
        aside().print(printable(LICENSE), soft_wrap=True)
    labels = mot20(
        sequence,
        folder=folder,
        address=address or ADDRESS,
        checksum=checksum,
        accept_license=accept_license,
    )
    show_labels(labels)
    place = Path(labels.frames["image"].iloc[0]).parents[1]
    screen().print(printable(f"{sequence} is in {place}"), soft_wrap=True)
