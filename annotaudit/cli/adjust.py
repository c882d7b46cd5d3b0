"""``annotaudit adjust ...``: a Ground Truth job around the findings, from plan to merged labels."""

from __future__ import annotations

from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from annotaudit.cli.audit import LabelsArgument, Severity, VerdictsOption, reviewed
from annotaudit.cli.export import ReplaceLabelsOption
from annotaudit.cli.reading import ReaderOption, ReadOption, reader_options
from annotaudit.cli.screen import busy, printable, progress_bar, screen, show_labels, show_written
from annotaudit.errors import LimitError

if TYPE_CHECKING:
    import pandas as pd

    from annotaudit.aws.jobs import JobState
    from annotaudit.aws.plans import AdjustmentPlan
    from annotaudit.aws.sessions import Session
    from annotaudit.boxes import Labels

PlanArgument = Annotated[Path, typer.Argument(help="Folder of the plan.", exists=True)]
FramesOption = Annotated[
    str | None, typer.Option("--frames", help="Where the images are, if the labels do not say.")
]
SeverityOption = Annotated[
    Severity, typer.Option(help="Which findings are sent: those at least this grave.")
]
YesOption = Annotated[bool, typer.Option("--yes", help="Really do it; without it, only show.")]


def plan(
    labels: LabelsArgument,
    out: Annotated[Path, typer.Option(help="Folder to write the plan to.")],
    bucket: Annotated[str, typer.Option(help="For frames, label files and results.")],
    role: Annotated[str, typer.Option(help="ARN of the role that Ground Truth takes on.")],
    work_team: Annotated[str, typer.Option(help="ARN of a private or vendor work team.")],
    frames: FramesOption = None,
    region: Annotated[str, typer.Option(help="Of bucket and job.")] = "us-east-1",
    severity: SeverityOption = Severity.warning,
    margin: Annotated[int, typer.Option(help="Frames of video around a finding.", min=0)] = 3,
    budget: Annotated[
        str | None, typer.Option(help="Frames or images, or a time such as '30 min'.")
    ] = None,
    whole: Annotated[bool, typer.Option("--whole", help="Send whole videos.")] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Have boxes judged; nobody may change one.")
    ] = False,
    workers: Annotated[int, typer.Option(help="How many work on each image.", min=1)] = 1,
    hourly_pay: Annotated[float, typer.Option(help="For the estimate.", show_default=False)] = nan,
    price_per_frame: Annotated[
        float, typer.Option(help="Amazon's, for the estimate.", show_default=False)
    ] = nan,
    verdicts: VerdictsOption = None,
    read_as: ReadOption = None,
    option: ReaderOption = None,
) -> None:
    """Plan a job that sends what the findings are about back to a worker. Sends nothing.

    Of video, short clips around the findings; of stills, the images that have findings.
    """
    import annotaudit as aa

    session = aa.aws.Session(region, bucket, role, work_team)
    with busy("Auditing the labels ..."):
        read = aa.load(labels, format=read_as, frames=frames, **reader_options(option))
        findings = reviewed(aa.audit(read), read, verdicts)
    show_labels(read)
    planned = aa.aws.plan_adjustment(
        _one_set(read),
        _grave(findings, severity),
        session=session,
        mode="whole" if whole else None,
        verify=verify,
        margin=margin,
        budget=int(budget) if budget and budget.isdigit() else budget,
        workers=workers,
        hourly_pay=hourly_pay,
        price_per_frame=price_per_frame,
    )
    written = planned.save(out)
    for name, value in planned.summary().items():
        if isinstance(value, str):
            value = _as_option(value)
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
    import annotaudit as aa

    planned = aa.aws.load_plan(plan)
    with progress_bar() as bar:
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
    n = len(planned.sequences)
    with progress_bar() as bar:
        task = bar.add_task("Following", total=n)
        state = aa.aws.follow_job(
            planned,
            _session(planned),
            deadline=deadline,
            pause=pause,
            progress=lambda now: bar.update(
                task, description=now.status, completed=min(now.done + now.failed, n)
            ),
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
    frames: FramesOption = None,
    read_as: ReadOption = None,
    option: ReaderOption = None,
    replace: ReplaceLabelsOption = False,
) -> None:
    """Fetch the job's labels and put them in place of those that were sent."""
    import annotaudit as aa

    planned = aa.aws.load_plan(plan)
    if planned.is_verification:
        raise LimitError("Nobody could change a box in this job. Use `annotaudit adjust verdicts`.")
    read = aa.load(labels, format=read_as, frames=frames, **reader_options(option))
    original = _one_set(read)
    with busy("Fetching the adjusted labels ..."):
        adjusted = aa.aws.bring_back(planned, _session(planned), plan / "results")
    merged = aa.aws.merge_adjusted(original, adjusted, planned)
    show_labels(merged)
    screen().print(printable(aa.compare(original, merged).answer), soft_wrap=True)
    show_written([plan / "results", aa.save(merged, out, replace=replace)])


def verdicts(
    plan: PlanArgument,
    labels: LabelsArgument,
    out: Annotated[Path, typer.Argument(help="Ledger to add to, a .jsonl file.")],
    frames: FramesOption = None,
    read_as: ReadOption = None,
    option: ReaderOption = None,
) -> None:
    """Fetch what a verification said about the findings and write it into a ledger.

    Marks of reviewers that were sent with the findings (--verdicts) are answered in it, too.
    """
    import annotaudit as aa

    planned = aa.aws.load_plan(plan)
    read = aa.load(labels, format=read_as, frames=frames, **reader_options(option))
    with busy("Fetching the verdicts ..."):
        judged = aa.aws.bring_back(planned, _session(planned), plan / "results")
    found = aa.aws.verdicts_of(read, planned.findings, judged, planned)
    n = aa.aws.record_verdicts(found, out)
    counts = ", ".join(f"{n} {verdict}" for verdict, n in found["verdict"].value_counts().items())
    text = f"{len(found)} of {len(planned.findings)} findings were judged: {counts or 'none'}"
    screen().print(printable(f"{text}; {n} are new here."))
    show_written([plan / "results", out])


def _grave(findings: pd.DataFrame, severity: Severity) -> pd.DataFrame:
    names = [grade.value for grade in Severity]
    return findings[findings["severity"].isin(names[: names.index(severity.value) + 1])]


def _one_set(labels: Labels) -> Labels:
    """Make one set of boxes of those that several people drew on stills; a job adjusts one."""
    import annotaudit as aa

    boxes = labels.boxes
    if boxes["track"].notna().any() or boxes["annotator"].nunique() < 2:
        return labels
    screen().print(f"Boxes of {boxes['annotator'].nunique()} annotators are made one set.")
    return aa.Labels(aa.metrics.consensus_boxes(labels), labels.frames, labels.problems)


def _as_option(text: str) -> str:
    """Name what an estimate lacks as it is called here."""
    names = {"hourly_pay=": "--hourly-pay", "price_per_frame=": "--price-per-frame"}
    return next((text.replace(name, names[name]) for name in names if name in text), text)


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
        n = "One problem keeps" if len(problems) == 1 else f"{len(problems)} problems keep"
        raise LimitError(f"{n} the job from working; see above.")


def _show(state: JobState) -> None:
    text = f"{state.job}: {state.status} ({state.outcome}); {state.done} done, "
    text += f"{state.failed} failed, {state.left} left. {state.reason}"
    screen().print(printable(text.strip()), soft_wrap=True)
