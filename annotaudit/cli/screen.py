"""What the commands show: tables, messages, the names of files they wrote."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from annotaudit.cli.reading import in_options

if TYPE_CHECKING:
    import pandas as pd

    from annotaudit.boxes import Labels

SEVERITY_STYLES = {"error": "bold red", "warning": "yellow", "note": "blue"}
# A terminal obeys such characters: in a name or a reason they must only be shown.
_OBEYED = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # kinds of Unicode characters: control, format, ...


def printable(value: object) -> Text:
    """Make text that a terminal only shows, whatever is in it.

    Examples
    --------
    >>> printable("car:1 " + chr(27) + "[2J [bold]").plain
    'car:1 �[2J [bold]'
    """
    shown = (
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(letter) in _OBEYED else letter
        for letter in str(value)
    )
    return Text("".join(shown))


def screen() -> Console:
    """Return the console for results."""
    return Console(highlight=False, soft_wrap=False)


def aside() -> Console:
    """Return the console for progress and messages, which a pipe does not carry."""
    return Console(stderr=True, highlight=False)


def busy(doing: str) -> AbstractContextManager[Any]:
    """Show that something takes its time; only on a terminal."""
    return aside().status(doing)


def progress_bar() -> Progress:
    """Return a bar that shows how far something is; only on a terminal."""
    console = aside()
    return Progress(console=console, transient=True, disable=not console.is_terminal)


def complain(message: str) -> None:
    """Say what went wrong."""
    aside().print(Text("annotaudit: ", style="bold red") + printable(message), soft_wrap=True)


def show_labels(labels: Labels) -> None:
    """Show how much was read, and what could not be."""
    facts = repr(labels).removeprefix("Labels(").removesuffix(")")
    aside().print(printable(f"Read {facts}."), soft_wrap=True)
    for problem in labels.problems.head(3).itertuples():
        aside().print(
            Text("  problem: ", style="yellow")
            + printable(in_options(f"{problem.source}, {problem.where}: {problem.what}")),
            soft_wrap=True,
        )
    if len(labels.problems) > 3:
        aside().print(f"  ... and {len(labels.problems) - 3:,} more problems", style="yellow")


def show_pictures_missing(labels: Labels, folder: str | None) -> None:
    """Say how many frames no picture of a folder was found for; of other places nobody asks."""
    if folder is None or not Path(folder).is_dir():
        return
    start = "" if (name := Path(folder).as_posix()) == "." else name.rstrip("/") + "/"
    images = labels.frames["image"].astype(object).fillna("")
    missing = sum(not image.startswith(start) for image in images)
    if missing:
        about = f"{missing:,} of {len(images):,} frames have no picture in {folder}."
        aside().print(printable(about), style="yellow", soft_wrap=True)


def show_findings(findings: pd.DataFrame, top: int) -> None:
    """Show the first findings as a table."""
    if findings.empty:
        screen().print("Nothing looks wrong at these limits.")
        return
    if top:
        _show_table(findings.head(top))
    counts = findings["severity"].value_counts()
    all_of_it = ", ".join(
        f"{counts[name]:,} {name}{'' if counts[name] == 1 else 's'}"
        for name in SEVERITY_STYLES
        if name in counts
    )
    first = f"; the first {top} shown" if 0 < top < len(findings) else ""
    screen().print(f"\n{all_of_it}{first}")


def _show_table(shown: pd.DataFrame) -> None:
    several = bool((shown["sequence"] != shown["sequence"].iloc[0]).any())
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("#", justify="right")
    table.add_column("severity")
    table.add_column("score", justify="right")
    if several:
        table.add_column("sequence", overflow="fold")
    table.add_column("frame", justify="right", no_wrap=True)
    table.add_column("track", overflow="fold")
    table.add_column("reason", overflow="fold", ratio=1)
    for number, row in enumerate(shown.to_dict("records"), start=1):
        table.add_row(
            str(number),
            Text(row["severity"], style=SEVERITY_STYLES.get(row["severity"], "")),
            f"{row['score']:.2f}",
            *([printable(row["sequence"])] if several else []),
            str(row["frame"]),
            printable(row["track"] if isinstance(row["track"], str) else "–"),
            printable(row["reason"]),
        )
    screen().print(table)


def show_written(
    written: Mapping[Path | str, str] | Iterable[Path | str], *, aside_of_findings: bool = False
) -> None:
    """Name the files that were written, last of all; in S3 they may have been there before.

    They are named beside the findings where a program reads those.
    """
    console = aside() if aside_of_findings else screen()
    results = written if isinstance(written, Mapping) else dict.fromkeys(written, "wrote")
    for name, result in results.items():
        colon = "" if result == "wrote" else ":"
        console.print(printable(f"{result}{colon} {name}"), soft_wrap=True)
