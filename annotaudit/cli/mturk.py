"""``annotaudit mturk ...``: a requester's work, from reading answers to a new HIT."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from annotaudit.cli.export import ReplaceLabelsOption, keep_what_is_read, save_table
from annotaudit.cli.mturk_plans import agreement_of, amount, check_plan_name, named, read_plan
from annotaudit.cli.screen import (
    aside,
    busy,
    printable,
    progress_bar,
    screen,
    show_labels,
    show_written,
)
from annotaudit.errors import AnnotauditError, LimitError

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

SANDBOX = "Commands talk to the sandbox, which costs nothing, unless --production is given."

HitsArgument = Annotated[
    list[str] | None, typer.Argument(help="Ids of HITs; all reviewable ones if left out.")
]
ProductionOption = Annotated[
    bool, typer.Option("--production", help="Real workers and real money, not the sandbox.")
]
YesOption = Annotated[
    bool, typer.Option("--yes", help="Do it. Without this, only what would be done is shown.")
]
ArchiveOption = Annotated[
    Path, typer.Option("--archive", help="The file of saved replies (.jsonl).")
]


def status(
    hits: Annotated[
        list[str] | None, typer.Argument(help="Ids of HITs; all of the account if left out.")
    ] = None,
    production: ProductionOption = False,
) -> None:
    """Show how HITs stand, and how many answers wait for a decision."""
    from annotaudit.aws import hit_status

    with _talking(production) as client:
        table = hit_status(client, hits or None)
    shown = table[["hit", "title", "status", "reward", "max", "available", "pending"]]
    _show(shown.assign(unreviewed=table["unreviewed"], reviewed=table["reviewed"]))


def pull(
    hits: HitsArgument = None,
    out: Annotated[
        str, typer.Option(help="Write the answers here (.jsonl, .json, .csv); s3:// too.")
    ] = "answers.jsonl",
    key: Annotated[
        str | None,
        typer.Option(help="Mask workers with this key: the same names in every session."),
    ] = None,
    production: ProductionOption = False,
    replace: ReplaceLabelsOption = False,
) -> None:
    """Fetch all answers, of any status, with workers masked, as labels.

    The file can be audited, converted and planned with. To keep the service's own replies, use
    'archive'.
    """
    import annotaudit as aa
    from annotaudit.aws import pull_hits

    with _talking(production) as client, _progress("Reading answers") as progress:
        labels = pull_hits(client, hits or None, progress=progress, key=key)
    show_labels(labels)
    show_written([aa.save(labels, out, replace=replace)])


def archive(
    hits: HitsArgument = None,
    out: Annotated[Path, typer.Option(help="Add the replies to this file (.jsonl).")] = Path(
        "archive.jsonl"
    ),
    production: ProductionOption = False,
) -> None:
    """Save the service's own replies before they are gone; HITs vanish after 120 days.

    May be interrupted and run again: what is saved is not fetched twice. The file holds worker ids,
    which are personal data.
    """
    from annotaudit.aws import archive as save_replies

    with _talking(production) as client, _progress("Saving replies") as progress:
        table = save_replies(client, hits or None, out, progress=progress)
    _show(table)
    show_written([out])


def plan(
    answers: Annotated[
        str, typer.Argument(help="Saved answers: an archive, pulled labels, batch results.")
    ],
    out: Annotated[Path, typer.Option(help="Write the plan to this .csv file.")] = Path("plan.csv"),
    gold: Annotated[
        str | None, typer.Option(help="True boxes of the same images, matched by image name.")
    ] = None,
    min_agreement: Annotated[
        float, typer.Option(help="Below this share (F1) a person looks again.")
    ] = 0.5,
    reward: Annotated[
        str | None, typer.Option(help="USD per assignment, if the answers do not tell.")
    ] = None,
    reject: Annotated[
        list[str] | None,
        typer.Option(help="ASSIGNMENT=reason the worker reads; may be given again."),
    ] = None,
    bonus: Annotated[
        list[str] | None, typer.Option(help="ASSIGNMENT=USD; may be given again.")
    ] = None,
    bonus_reason: Annotated[
        str, typer.Option(help="What workers read with a bonus.")
    ] = "Thank you for careful work.",
) -> None:
    """Plan what happens to each assignment, and what it costs. Nothing is sent.

    Work that agrees with the others (or with gold) is to be approved, the rest to be looked at.
    Nothing is rejected but what you name.
    """
    import annotaudit as aa
    from annotaudit.aws import assignments, plan_reviews

    check_plan_name(out)
    keep_what_is_read("--out", out, answers, *([gold] if gold else []))
    with busy("Reading the answers ..."):
        labels = aa.load(answers)
        truth = None if gold is None else aa.load(gold)
    show_labels(labels)
    with busy("Comparing ..."):
        agreement = agreement_of(labels, truth)
    table = plan_reviews(
        assignments(labels),
        reward=reward,
        agreement=agreement,
        min_agreement=min_agreement,
        reject=named(reject, "--reject"),
        bonus={name: amount(text) for name, text in named(bonus, "--bonus").items()},
        bonus_reason=bonus_reason,
    )
    _show(table[["assignment", "annotator", "decision", "reason", "bonus", "cost", "evidence"]])
    screen().print(f"\nTotal with fees: {table['cost'].sum():,.2f} USD. Nothing was sent.")
    show_written([save_table(table, out)])


def submit(
    plan: Annotated[Path, typer.Argument(help="A plan (.csv), perhaps edited.")],
    ledger: Annotated[
        Path, typer.Option(help="Remembers every step; keep it, one for each account.")
    ] = Path("steps.jsonl"),
    batch: Annotated[
        Path | None,
        typer.Option(help="Batch results of the website: fill these in, send nothing."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The filled batch results, for --batch.")] = None,
    production: ProductionOption = False,
    yes: YesOption = False,
) -> None:
    """Approve, reject and pay as planned, each assignment once.

    May be interrupted and run again with the same ledger. HITs made on the requester website must
    be decided there: --batch fills in the file to upload.
    """
    from annotaudit.aws import fill_batch_csv, submit_reviews

    table = read_plan(plan)
    if batch is not None:
        if out is None:
            raise LimitError("--batch needs --out, the file to write.")
        _show(fill_batch_csv(table, batch, out))
        show_written([out])
        return
    with _talking(production) as client, _progress("Sending") as progress:
        results = submit_reviews(
            table, client=client, ledger=ledger, confirm=yes, progress=progress
        )
    _show(results)
    show_written([ledger] if yes and ledger.is_file() else [])
    _say_what_next(yes, f"{table['cost'].sum():,.2f} USD with fees")


def dispose(
    archive: ArchiveOption,
    hits: Annotated[
        list[str] | None, typer.Argument(help="Ids of HITs; all of the account if left out.")
    ] = None,
    production: ProductionOption = False,
    yes: YesOption = False,
) -> None:
    """Dispose of HITs whose answers are all saved and decided; live ones are ended first."""
    from annotaudit.aws import dispose as dispose_of, hit_status, plan_disposal

    with _talking(production) as client:
        planned = plan_disposal(hit_status(client, hits or None), archive=archive)
        results = dispose_of(planned, client=client, archive=archive, confirm=yes)
    _show(results)
    _say_what_next(yes, "what is disposed of is gone for good")


def create(
    images: Annotated[list[str], typer.Argument(help="Addresses of the images (https://...).")],
    label: Annotated[
        list[str], typer.Option(help="What may be drawn; may be given again, at most ten times.")
    ],
    instructions: Annotated[
        str, typer.Option(help="What to draw and how; or @FILE to read it from a text file.")
    ],
    title: Annotated[str, typer.Option(help="What workers see in the list of HITs.")],
    reward: Annotated[str, typer.Option(help="USD for each assignment.")],
    assignments: Annotated[int, typer.Option(help="Workers for each image.")] = 3,
    lifetime: Annotated[float, typer.Option(help="Hours for which the HIT is offered.")] = 24,
    duration: Annotated[float, typer.Option(help="Minutes a worker may take.")] = 10,
    batch: Annotated[str, typer.Option(help="Your name for these HITs.")] = "",
    preview: Annotated[Path, typer.Option(help="Write the preview page here.")] = Path(
        "preview.html"
    ),
    production: ProductionOption = False,
    yes: YesOption = False,
) -> None:
    """Make HITs in which workers draw boxes: priced, checked and shown before they are sent."""
    from annotaudit.aws import plan_hit, submit_hit, write_preview

    if instructions.startswith("@"):
        instructions = Path(instructions[1:]).read_text(encoding="utf-8")
    planned = plan_hit(
        images,
        label,
        instructions,
        title=title,
        reward=reward,
        assignments=assignments,
        lifetime_s=round(lifetime * 3600),
        duration_s=round(duration * 60),
        batch=batch,
    )
    _show(planned.cost)
    show_written([write_preview(planned, preview)])
    if not yes:
        submit_hit(planned, client=None)  # names what the service would refuse
        _say_what_next(yes, f"{planned.total:,.2f} USD with fees, if all work is approved")
        return
    with _talking(production) as client:
        _show(submit_hit(planned, client=client, confirm=True))


@contextmanager
def _talking(production: bool) -> Iterator[Any]:
    """Make a client, say where it leads, and say in words what went wrong there."""
    from annotaudit.aws import describe_client, mturk_client

    client = mturk_client(production=production)
    from botocore.exceptions import BotoCoreError, ClientError

    where = describe_client(client)
    aside().print(printable(f"{where['endpoint']} (money: {where['money']})"), soft_wrap=True)
    try:
        yield client
    except ClientError as error:
        from annotaudit.aws.replies import error_code

        told = error.response["Error"].get("Message", "")
        raise AnnotauditError(
            f"The service refused {error.operation_name}: {error_code(error)}: {told}"
        ) from error
    except BotoCoreError as error:
        raise AnnotauditError(
            f"{str(error).rstrip('.')}. Check the network, and that boto3 finds your keys: run "
            "'aws configure', or set AWS_PROFILE. Running this again does nothing twice."
        ) from error


@contextmanager
def _progress(doing: str) -> Iterator[Callable[[int, int], None]]:
    with progress_bar() as bar:
        task = bar.add_task(doing, total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


def _show(table: pd.DataFrame) -> None:
    from rich.table import Table

    shown = Table(box=None, pad_edge=False, header_style="bold")
    for name in table.columns:
        number = table[name].dtype.kind in "if"
        shown.add_column(str(name).replace("_", " "), justify="right" if number else "left",
                         overflow="fold")  # fmt: skip
    for row in table.itertuples(index=False):
        shown.add_row(*(printable(_cell(value)) for value in row))
    screen().print(shown if len(table) else "Nothing there.")


def _cell(value: Any) -> str:
    if value != value or value is None:
        return "–"
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _say_what_next(sent: bool, stakes: str) -> None:
    if not sent:
        screen().print(f"\nNothing was sent: {stakes}. Add --yes to do it.", soft_wrap=True)


def _examples(*commands: str) -> str:
    return "\n\n".join(["Examples:", *commands])


mturk = typer.Typer(
    help=f"Mechanical Turk: read, compare, decide, pay, dispose, create. {SANDBOX}",
    epilog=_examples(
        "annotaudit mturk archive --out archive.jsonl   (save everything first)",
        "annotaudit mturk plan archive.jsonl --out plan.csv   (look at it, edit it)",
        "annotaudit mturk submit plan.csv   (shows the steps; --yes sends them)",
        "annotaudit mturk dispose --archive archive.jsonl",
    ),
    no_args_is_help=True,
    rich_markup_mode="rich",
)
mturk.command(epilog=_examples("annotaudit mturk status", "annotaudit mturk status 3XYZ..."))(
    status
)
mturk.command(epilog=_examples("annotaudit mturk pull 3XYZ... --out answers.jsonl"))(pull)
mturk.command(epilog=_examples("annotaudit mturk archive --production --out archive.jsonl"))(
    archive
)
mturk.command(
    epilog=_examples(
        "annotaudit mturk plan archive.jsonl",
        "annotaudit mturk plan Batch_results.csv --gold gold.manifest --min-agreement 0.8",
        "annotaudit mturk plan archive.jsonl --reject 3ABC='No box was drawn.' --bonus 3DEF=0.50",
    )
)(plan)
mturk.command(
    epilog=_examples(
        "annotaudit mturk submit plan.csv",
        "annotaudit mturk submit plan.csv --production --yes",
        "annotaudit mturk submit plan.csv --batch Batch_results.csv --out upload.csv",
    )
)(submit)
mturk.command(epilog=_examples("annotaudit mturk dispose --archive archive.jsonl --yes"))(dispose)
mturk.command(
    epilog=_examples(
        "annotaudit mturk create https://example.com/1.jpg --label 'stop sign' "
        "--title 'Find stop signs' --instructions @how.txt --reward 0.10",
    )
)(create)
