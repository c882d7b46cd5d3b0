"""``annotaudit adjust ...``: a Ground Truth job around the findings, from plan to merged labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from annotaudit.cli.audit import LabelsArgument, Severity
from annotaudit.cli.export import ReplaceOption
from annotaudit.cli.screen import aside, busy, printable, screen, show_labels, show_written
from annotaudit.errors import LimitError

if TYPE_CHECKING:
    import pandas as pd

    from annotaudit.aws.jobs import JobState
    from annotaudit.aws.plans import AdjustmentPlan
    from annotaudit.aws.sessions import Session

PlanArgument = Annotated[Path, typer.Argument(help="Folder of the plan.", exists=True)]
FramesOption = Annotated[str, typer.Option("--frames", help="Where the images are.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Really do it; without it, only show.")]


def plan(
    labels: LabelsArgument,
    out: Annotated[Path, typer.Option(help="Folder to write the plan to.")],
    frames: FramesOption,
    bucket: Annotated[str, typer.Option(help="For frames, label files and results.")],
    role: Annotated[str, typer.Option(help="ARN of the role that Ground Truth takes on.")],
    work_team: Annotated[str, typer.Option(help="ARN of a private or vendor work team.")],
    region: Annotated[str, typer.Option(help="Of bucket and job.")] = "us-east-1",
    severity: Annotated[
        Severity, typer.Option(help="Send back findings at least this grave.")
    ] = Severity.warning,
    margin: Annotated[int, typer.Option(help="Frames around a finding.", min=0)] = 3,
    budget: Annotated[str | None, typer.Option(help="Frames, or a time such as '30 min'.")] = None,
    whole: Annotated[bool, typer.Option("--whole", help="Send whole videos.")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Nobody may change a box.")] = False,
) -> None:
    """Plan a job that sends windows around the findings back to a worker. Sends nothing."""
    import annotaudit as aa

    session = aa.aws.Session(region, bucket, role, work_team)
    with busy("Auditing the labels ..."):
        read = aa.load(labels, frames=frames)
        findings = aa.audit(read)
    show_labels(read)
    names = [grade.value for grade in Severity]
    grave = findings["severity"].isin(names[: names.index(severity.value) + 1])
    planned = aa.aws.plan_adjustment(
        read,
        findings[grave],
        session=session,
        mode="whole" if whole else "windows",
        verify=verify,
        margin=margin,
        budget=int(budget) if budget and budget.isdigit() else budget,
    )
    written = planned.save(out)
    for name, value in planned.summary().items():
        screen().print(printable(f"{name}: {value}"), soft_wrap=True)
    _refuse(planned.check())
    show_written([written])


def check(
    plan: PlanArgument,
    account: Annotated[bool, typer.Option("--account", help="Ask the account, too.")] = False,
) -> None:
    """List everything that would keep a planned job from working."""
    import annotaudit as aa

    planned = aa.aws.load_plan(plan)
    _refuse(planned.check())
    if account:
        session = _session(planned)
        notes = aa.aws.check_role(planned, session).query("severity == 'note'")
        for note in notes.itertuples():
            text = f"note: {note.where}: {note.found}. {note.what}"
            screen().print(printable(text), soft_wrap=True)
        _refuse(aa.aws.check_account(planned, session))
    screen().print("No problem found.")


def start(plan: PlanArgument, yes: YesOption = False) -> None:
    """Send images and files, then start the job. Run it again if it was interrupted."""
    from rich.progress import Progress

    import annotaudit as aa

    planned = aa.aws.load_plan(plan)
    with Progress(console=aside(), transient=True) as bar:
        task = bar.add_task("Sending images", total=len(planned.uploads) or None)
        steps = aa.aws.start_job(
            planned,
            _session(planned),
            confirm=yes,
            progress=lambda done, _: bar.update(task, completed=done),
        )
    for (what, result), n in steps.groupby(["what", "result"], sort=False).size().items():
        screen().print(printable(f"{n} {what}{'' if n == 1 else 's'}: {result}"))
    if not yes:
        screen().print("Nothing was sent. Run it with --yes.")


def follow(
    plan: PlanArgument,
    deadline: Annotated[float, typer.Option(help="Seconds to wait at most.")] = 3_600.0,
    pause: Annotated[float, typer.Option(help="Seconds before the second look.")] = 10.0,
) -> None:
    """Wait until the job is over."""
    import annotaudit as aa

    planned = aa.aws.load_plan(plan)
    with aside().status("Following ...") as status:
        state = aa.aws.follow_job(
            planned,
            _session(planned),
            deadline=deadline,
            pause=pause,
            progress=lambda now: status.update(f"{now.status}: {now.done} done, {now.left} left"),
        )
    _show(state)


def stop(plan: PlanArgument, yes: YesOption = False) -> None:
    """Stop the job; it cannot be started again."""
    import annotaudit as aa

    planned = aa.aws.load_plan(plan)
    _show(aa.aws.stop_job(planned, _session(planned), confirm=yes))
    if not yes:
        screen().print("Nothing was stopped. Run it with --yes.")


def merge(
    plan: PlanArgument,
    labels: LabelsArgument,
    out: Annotated[str, typer.Argument(help="File or s3:// address for the merged labels.")],
    frames: FramesOption,
    replace: ReplaceOption = False,
) -> None:
    """Fetch the job's labels and put them in place of those in its windows."""
    import annotaudit as aa

    planned = aa.aws.load_plan(plan)
    original = aa.load(labels, frames=frames)
    with busy("Fetching the adjusted labels ..."):
        adjusted = aa.aws.bring_back(planned, _session(planned), plan / "results")
    merged = aa.aws.merge_adjusted(original, adjusted, planned)
    show_labels(merged)
    screen().print(printable(aa.compare(original, merged).answer), soft_wrap=True)
    show_written([aa.save(merged, out, replace=replace)])


def _session(planned: AdjustmentPlan) -> Session:
    from annotaudit.aws.sessions import Session
    from annotaudit.frames.s3_files import split_address

    task = planned.request["HumanTaskConfig"]
    return Session(
        task["WorkteamArn"].split(":")[3],
        split_address(planned.output_manifest)[0],
        planned.request["RoleArn"],
        task["WorkteamArn"],
    )


def _refuse(problems: pd.DataFrame) -> None:
    for problem in problems.itertuples():
        text = f"{problem.where}: found {problem.found}, expected {problem.expected}. "
        screen().print(printable(text + problem.what), soft_wrap=True)
    if len(problems):
        raise LimitError(f"{len(problems)} problems keep the job from working; they stand above.")


def _show(state: JobState) -> None:
    text = f"{state.job}: {state.status} ({state.outcome}); {state.done} clips done, "
    text += f"{state.failed} failed, {state.left} left. {state.reason}"
    screen().print(printable(text.strip()), soft_wrap=True)
