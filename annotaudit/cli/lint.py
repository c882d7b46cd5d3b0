"""``annotaudit lint``: labels in, what does not fit out; and safe repairs."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from annotaudit.cli.audit import FOUND, FramesOption, LabelsArgument
from annotaudit.cli.export import ReplaceLabelsOption, keep_what_is_read
from annotaudit.cli.lint_report import show_diff, show_report
from annotaudit.cli.reading import ReaderOption, ReadOption, reader_options
from annotaudit.cli.screen import busy, show_labels, show_written
from annotaudit.errors import LimitError

if TYPE_CHECKING:
    import pandas as pd


WriteOption = Annotated[
    str | None,
    typer.Option("--to", help="Write this format; otherwise name and origin of the labels tell."),
]


class Output(StrEnum):
    """For whom the findings are."""

    text = "text"
    json = "json"
    sarif = "sarif"
    github = "github"


class FailOn(StrEnum):
    """From which severity on the command fails."""

    error = "error"
    warning = "warning"
    note = "note"
    never = "never"


def lint(
    labels: LabelsArgument,
    frames: FramesOption = None,
    read_as: ReadOption = None,
    option: ReaderOption = None,
    format: Annotated[
        Output, typer.Option(help="For a person, a program, or GitHub's pages.")
    ] = Output.text,
    rules: Annotated[
        str | None, typer.Option(help="Names of rules with commas between; all, if left out.")
    ] = None,
    severity: Annotated[
        list[str] | None,
        typer.Option(help="RULE=off, note, warning or error; may be given several times."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="Severities, limits and classes, as .toml or .yaml.")
    ] = None,
    images: Annotated[
        int, typer.Option(min=-1, help="Open this many pictures to compare sizes; -1 for all.")
    ] = 20,
    baseline: Annotated[
        Path | None, typer.Option(help="Leave out findings that this file lists as accepted.")
    ] = None,
    write_baseline: Annotated[
        bool, typer.Option("--write-baseline", help="Accept all findings: write --baseline.")
    ] = False,
    fail_on: Annotated[
        FailOn, typer.Option(help="Exit with 1 if there is a finding this grave or graver.")
    ] = FailOn.error,
    top: Annotated[int, typer.Option(min=0, help="Show this many rules; 0 for all.")] = 20,
    fix: Annotated[
        bool, typer.Option("--fix", help="Put right what can be put right safely.")
    ] = False,
    fixes: Annotated[
        str | None, typer.Option(help="Names of repairs with commas between; all, if left out.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --fix: only show what would change.")
    ] = False,
    out: Annotated[
        str | None, typer.Option(help="With --fix: write the repaired labels here; s3:// too.")
    ] = None,
    write_as: WriteOption = None,
    replace: ReplaceLabelsOption = False,
) -> None:
    """Find where labels do not fit what they claim to label.

    Files, frame numbers, image sizes, names, times, boxes that cannot be.

    Findings are grouped, the gravest first; with --fix, those left after the repairs.
    """
    import annotaudit as aa

    _check_options(labels, fix, fixes, dry_run, out, write_as, baseline, write_baseline)
    options = lint_options(rules, severity, config)
    with busy("Reading the labels ..."):
        loaded = aa.load(labels, format=read_as, frames=frames, **reader_options(option))
    show_labels(loaded)
    written: list[Path | str] = []
    if fix:
        known = {name: options[name] for name in ("limits", "classes")}
        repaired, diff = aa.fix(loaded, dry_run=False, fixes=_names(fixes), **known)
        show_diff(diff.changes, dry_run=dry_run, aside_of_findings=format is not Output.text)
        loaded = repaired
        if out is not None:
            written.append(aa.save(loaded, out, format=write_as, replace=replace))
    with busy("Measuring ..."):
        findings = aa.lint(loaded, images=images, source=_local(labels), **options)
    if baseline is not None:
        findings = _by_baseline(findings, baseline, write_baseline)
        written += [baseline] if write_baseline else []
    _show(findings, len(loaded.boxes), labels, format, top)
    show_written(written, aside_of_findings=format is not Output.text)
    if _any_as_grave(findings, fail_on):
        raise typer.Exit(FOUND)


def _check_options(
    labels: str,
    fix: bool,
    fixes: str | None,
    dry_run: bool,
    out: str | None,
    write_as: str | None,
    baseline: Path | None,
    write_baseline: bool,
) -> None:
    """Refuse options that do not go together, before any work is done."""
    from annotaudit.frames.s3_writing import check_place

    if write_baseline and baseline is None:
        raise LimitError("--write-baseline: name the file to write, with --baseline FILE.")
    if not fix and (dry_run or out is not None or fixes is not None or write_as is not None):
        raise LimitError("--dry-run, --out, --to and --fixes belong to --fix; add it.")
    if fix and dry_run == (out is not None):
        raise LimitError(
            "--fix: say where to write the repaired labels, with --out FILE; or only look at what "
            "would change, with --dry-run."
        )
    if out is not None:
        check_place(out)
    if write_baseline:
        keep_what_is_read("--baseline", baseline, labels)


def lint_options(
    rules: str | None, severity: list[str] | None, config: Path | None
) -> dict[str, Any]:
    """Turn the command's words, and a configuration, into those of ``annotaudit.lint``."""
    from annotaudit.linting.config import LintConfig, read_config

    known = LintConfig() if config is None else read_config(config)
    severities = dict(known.severities)
    for pair in severity or []:
        name, equals, value = pair.partition("=")
        if not equals:
            raise LimitError(f"--severity {pair}: expected RULE=SEVERITY, as in gap=warning.")
        severities[name.strip()] = value.strip()
    return {
        "rules": _names(rules),
        "severities": severities,
        "limits": dict(known.limits),
        "classes": known.classes,
    }


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def _local(labels: str) -> Path | None:
    path = Path(labels)
    return path if "://" not in labels and path.exists() else None


def _by_baseline(findings: pd.DataFrame, path: Path, write: bool) -> pd.DataFrame:
    from annotaudit.linting import baseline

    if write:
        baseline.write_baseline(path, findings)
    accepted = baseline.read_baseline(path)
    return baseline.leave_out_accepted(findings, accepted)


def _show(findings: pd.DataFrame, boxes: int, named: str, format: Output, top: int) -> None:
    from annotaudit import __version__
    from annotaudit.linting import reports

    match format:
        case Output.text:
            show_report(findings, boxes, top)
        case Output.github:
            for line in reports.as_github(findings, labels=named):
                typer.echo(line)
        case Output.json | Output.sarif:
            make = reports.as_json if format is Output.json else reports.as_sarif
            content = make(findings, labels=named, version=__version__)
            typer.echo(json.dumps(content, indent=1, allow_nan=False))


def _any_as_grave(findings: pd.DataFrame, fail_on: FailOn) -> bool:
    order = list(FailOn)
    grave = [each.value for each in order[: order.index(fail_on) + 1]]
    return fail_on is not FailOn.never and bool(findings["severity"].isin(grave).any())
