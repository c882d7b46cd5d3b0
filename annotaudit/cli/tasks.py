"""``annotaudit tasks ...``: doubtful windows to CVAT or Label Studio, and merged labels back."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from annotaudit.cli.audit import LabelsArgument, Severity, VerdictsOption, reviewed
from annotaudit.cli.convert import OutArgument, WriteOption
from annotaudit.cli.export import ReplaceLabelsOption
from annotaudit.cli.reading import ReaderOption, ReadOption, reader_options
from annotaudit.cli.screen import busy, printable, progress_bar, screen, show_labels, show_written
from annotaudit.errors import LimitError

PlanArgument = Annotated[Path, typer.Argument(help="Folder of the plan.", exists=True)]
FramesOption = Annotated[
    str | None, typer.Option("--frames", help="Where the images are, if the labels do not say.")
]
UrlOption = Annotated[
    str | None,
    typer.Option(
        "--url", help="Address of the server; the token is CVAT_ACCESS_TOKEN or "
        "LABEL_STUDIO_API_KEY of the environment.",
    ),
]  # fmt: skip


class Tool(StrEnum):
    """Where people correct labels."""

    cvat = "cvat"
    label_studio = "label-studio"


class Expected(StrEnum):
    """What to do with the boxes that still have an "expected ..." label."""

    ignore = "ignore"
    take = "take"


def plan(
    labels: LabelsArgument,
    out: Annotated[Path, typer.Option(help="Folder to write the plan to.")],
    tool: Annotated[Tool, typer.Option(help="Where people will correct the labels.")],
    frames: FramesOption = None,
    severity: Annotated[
        Severity, typer.Option(help="Send findings at least this grave.")
    ] = Severity.warning,
    margin: Annotated[int, typer.Option(help="Frames around a finding.", min=0)] = 3,
    budget: Annotated[str | None, typer.Option(help="Frames, or a time such as '30 min'.")] = None,
    whole: Annotated[bool, typer.Option("--whole", help="Send whole sequences.")] = False,
    draw_expected: Annotated[
        bool, typer.Option("--draw-expected", help="Draw the expected boxes, too.")
    ] = False,
    images: Annotated[
        bool,
        typer.Option(help="Write the files to upload by hand; not needed for `tasks push`."),
    ] = True,
    inline: Annotated[
        bool, typer.Option(help="Label Studio: images inside the file of tasks, not beside it.")
    ] = True,
    verdicts: VerdictsOption = None,
    read_as: ReadOption = None,
    option: ReaderOption = None,
) -> None:
    """Plan tasks around the findings, and write the files to upload. Sends nothing."""
    import annotaudit as aa

    with busy("Auditing the labels ..."):
        read = aa.load(labels, format=read_as, frames=frames, **reader_options(option))
        findings = reviewed(aa.audit(read), read, verdicts)
    show_labels(read)
    names = [grade.value for grade in Severity]
    grave = findings["severity"].isin(names[: names.index(severity.value) + 1])
    planned = aa.tasks.plan_tasks(
        read,
        findings[grave],
        tool=tool.value,
        mode="whole" if whole else "windows",
        margin=margin,
        budget=int(budget) if budget and budget.isdigit() else budget,
        expected="label" if draw_expected else "text",
    )
    with busy("Writing the files ..."):
        written = planned.write(out, inline=inline) if images else planned.save(out)
    for name, value in planned.summary().items():
        screen().print(printable(f"{name}: {value}"), soft_wrap=True)
    for task in planned.tasks.itertuples():
        about = f"  {task.name}: {task.frames} frames, {task.boxes} boxes, {task.findings} findings"
        screen().print(printable(about), soft_wrap=True)
    show_written([written])


def push(
    plan: PlanArgument,
    url: Annotated[str, typer.Option(help="Address of the server.")],
    yes: Annotated[bool, typer.Option("--yes", help="Really do it.")] = False,
) -> None:
    """Send a plan to a running server. Run it again if it was interrupted."""
    import annotaudit as aa

    planned = aa.tasks.load_plan(plan)
    server = aa.tasks.open_server(planned.tool, url) if yes else None
    with progress_bar() as bar:
        task = bar.add_task("Sending frames", total=len(planned.frames))
        steps = aa.tasks.push_tasks(
            planned,
            server,
            confirm=yes,
            progress=lambda done, _: bar.update(task, completed=done),
        )
    for (what, result), n in steps.groupby(["what", "result"], sort=False).size().items():
        screen().print(printable(f"{n} {what}{'' if n == 1 else 's'}: {result}"))
    screen().print(printable(f"project: {planned.name}"))
    if not yes:
        screen().print("Nothing was sent. Run it with --yes.")


def merge(
    plan: PlanArgument,
    labels: LabelsArgument,
    out: OutArgument,
    frames: FramesOption = None,
    returned: Annotated[
        list[Path] | None,
        typer.Option(help="What the tool exported; several times for several files."),
    ] = None,
    url: UrlOption = None,
    expected: Annotated[
        Expected, typer.Option(help="Boxes that still have an 'expected ...' label.")
    ] = Expected.ignore,
    format: WriteOption = None,
    read_as: ReadOption = None,
    option: ReaderOption = None,
    replace: ReplaceLabelsOption = False,
) -> None:
    """Put corrected labels in place of those in the plan's windows: from files, or a server."""
    import annotaudit as aa

    if (returned is None) == (url is None):
        raise LimitError("Name what came back: --returned FILE, or the server to ask: --url URL.")
    planned = aa.tasks.load_plan(plan)
    original = aa.load(labels, format=read_as, frames=frames, **reader_options(option))
    if url is None:
        came = aa.tasks.merge_tasks(original, returned or [], planned, expected=expected.value)
    else:
        with busy("Fetching the corrected labels ..."):
            server = aa.tasks.open_server(planned.tool, url)
            pulled = aa.tasks.pull_tasks(planned, server, plan / "returned")
        came = aa.tasks.merge_tasks(original, pulled, planned, expected=expected.value)
    show_labels(came)
    screen().print(printable(aa.compare(original, came).answer), soft_wrap=True)
    fetched = [] if url is None else [plan / "returned"]
    show_written([*fetched, aa.save(came, out, format=format, replace=replace)])
