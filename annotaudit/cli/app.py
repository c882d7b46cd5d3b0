"""All commands, and what happens when one of them fails."""

from __future__ import annotations

import sys
from io import TextIOWrapper
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from annotaudit.cli import adjust as adjusting, tasks as tasking
from annotaudit.cli.audit import audit
from annotaudit.cli.compare import compare
from annotaudit.cli.convert import convert
from annotaudit.cli.demo import demo
from annotaudit.cli.fetch import fetch
from annotaudit.cli.lint import lint
from annotaudit.cli.mturk import mturk
from annotaudit.cli.quality_check import run_quality_check
from annotaudit.cli.reading import in_options
from annotaudit.cli.review import apply, summary
from annotaudit.cli.screen import complain
from annotaudit.cli.selftest import selftest
from annotaudit.cli.sequence import sequence
from annotaudit.errors import AnnotauditError, LimitError

USAGE, UNREADABLE = 2, 3  # exit codes; 0 is success, 1 is `audit --fail-on`

EPILOG = """Start here:

annotaudit demo   (audits a bundled sequence)

annotaudit audit SeqLabel.json   (ranks what looks wrong in your labels)

annotaudit audit SeqLabel.json --report audit.html   (and writes a page that shows it)

\N{NO-BREAK SPACE}

Exit codes: 0 done; 1 as grave a finding as --fail-on names; 2 wrong usage; 3 unreadable input.
"""


def _examples(*commands: str) -> str:
    # An empty line between them is what keeps each on its own line.
    return "\n\n".join(["Examples:", *commands])


def _amazon_errors() -> tuple[type[Exception], ...]:
    """What boto3 raises, if anything has loaded it."""
    loaded = sys.modules.get("botocore.exceptions")
    return (loaded.BotoCoreError, loaded.ClientError) if loaded is not None else ()


class _Commands(TyperGroup):
    """Says in one message what went wrong; a traceback helps nobody who typed a path."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except LimitError as error:
            complain(str(error))
            raise typer.Exit(USAGE) from None
        except BrokenPipeError:  # whoever reads has seen enough, as with `| head`
            raise
        except AnnotauditError as error:
            complain(in_options(str(error)))
            raise typer.Exit(UNREADABLE) from None
        except OSError as error:
            about = f"{error.filename}: {error.strerror}. Check the path." if error.filename else ""
            complain(about or str(error))
            raise typer.Exit(UNREADABLE) from None
        except _amazon_errors() as error:
            complain(
                f"{str(error).rstrip('.')}. Check the network, the region and your credentials."
            )
            raise typer.Exit(UNREADABLE) from None


def _show_version(wanted: bool) -> None:
    if wanted:
        from annotaudit import __version__

        typer.echo(f"annotaudit {__version__}")
        raise typer.Exit


app = typer.Typer(
    cls=_Commands,
    help="Find the bounding boxes worth a second look, show them, and close the loop.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(
    epilog=_examples(
        "annotaudit audit SeqLabel.json",
        "annotaudit audit SeqLabel.json --frames img1/ --report audit.html",
        "annotaudit audit gt/gt.txt --rules aws --iou-thresh 0.4 --out findings.csv",
        "annotaudit audit 'jobs/*/SeqLabel.json' --fail-on error",
        "annotaudit audit s3://bucket/SeqLabel.json --out s3://bucket/findings.csv",
    )
)(audit)
app.command(epilog=_examples("annotaudit demo --out somewhere/"))(demo)
app.command(
    epilog=_examples(
        "annotaudit convert SeqLabel.json gt.txt",
        "annotaudit convert MOT20-01/ SeqLabel.json",
        "annotaudit convert answers.json labels.csv --format mturk-csv",
    )
)(convert)
app.command(
    epilog=_examples(
        "annotaudit lint SeqLabel.json",
        "annotaudit lint labels/ --config lint.toml --baseline accepted.json --format github",
        "annotaudit lint gt/gt.txt --fix --dry-run",
        "annotaudit lint coco.json --fix --out repaired.json",
    )
)(lint)
app.command(
    epilog=_examples(
        "annotaudit run-quality-check --lab_path SeqLabel.json --size_thresh .25 --iou_thresh .5"
    )
)(run_quality_check)
app.command(
    epilog=_examples(
        "annotaudit selftest SeqLabel.json",
        "annotaudit selftest gt/gt.txt --budget 100 --budget 300 --plot selftest.png",
    )
)(selftest)

review = typer.Typer(
    help="What people said about the findings: sum it up, put the corrections in.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
review.command(epilog=_examples("annotaudit review summary SeqLabel.verdicts.jsonl"))(summary)
review.command(
    epilog=_examples("annotaudit review apply SeqLabel.json SeqLabel.verdicts.jsonl corrected.json")
)(apply)
app.add_typer(review, name="review")

adjust = typer.Typer(
    help="Send doubtful frames back to a worker of Ground Truth, and merge what comes back.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
adjust.command(
    epilog=_examples(
        "annotaudit adjust plan SeqLabel.json --frames img1/ --out job/ --bucket BUCKET "
        "--role ARN --work-team ARN",
        "annotaudit adjust plan s3://BUCKET/output.manifest --out job/ --bucket BUCKET --role ARN "
        "--work-team ARN --workers 3",
    )
)(adjusting.plan)
adjust.command(epilog=_examples("annotaudit adjust check job/ --account"))(adjusting.check)
adjust.command(epilog=_examples("annotaudit adjust start job/ --yes"))(adjusting.start)
adjust.command(epilog=_examples("annotaudit adjust follow job/"))(adjusting.follow)
adjust.command(epilog=_examples("annotaudit adjust stop job/ --yes"))(adjusting.stop)
adjust.command(
    epilog=_examples(
        "annotaudit adjust merge job/ SeqLabel.json merged/SeqLabel.json --frames img1/"
    )
)(adjusting.merge)
adjust.command(
    epilog=_examples("annotaudit adjust verdicts job/ labels.manifest labels.verdicts.jsonl")
)(adjusting.verdicts)
app.add_typer(adjust, name="adjust")
app.command(
    epilog=_examples(
        "annotaudit sequence hall.mp4 s3://bucket/hall/ --fps 5",
        "annotaudit sequence img1/ s3://bucket/hall/ --fps 25",
    )
)(sequence)

tasks = typer.Typer(
    help="Send doubtful frames to CVAT or Label Studio, and merge what comes back.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
tasks.command(
    epilog=_examples(
        "annotaudit tasks plan SeqLabel.json --frames img1/ --out tasks/ --tool cvat",
        "annotaudit tasks plan coco.json --out tasks/ --tool label-studio --budget '30 min'",
    )
)(tasking.plan)
tasks.command(
    epilog=_examples("annotaudit tasks push tasks/ --url https://labels.example.org --yes")
)(tasking.push)
tasks.command(
    epilog=_examples(
        "annotaudit tasks merge tasks/ SeqLabel.json merged/SeqLabel.json --returned export.zip",
        "annotaudit tasks merge tasks/ SeqLabel.json merged/SeqLabel.json --url "
        "https://labels.example.org",
    )
)(tasking.merge)
app.add_typer(tasks, name="tasks")
app.command(epilog=_examples("annotaudit fetch mot20 --accept-license"))(fetch)
app.command(epilog=_examples("annotaudit compare SeqLabel.json merged/SeqLabel.json"))(compare)
app.add_typer(mturk, name="mturk")


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and leave."
        ),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a letter that a terminal lacks costs itself only
            stream.reconfigure(errors="replace")
    app()
