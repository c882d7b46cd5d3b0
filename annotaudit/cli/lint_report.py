"""Lint findings and repairs, as a terminal shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.padding import Padding
from rich.text import Text

from annotaudit.cli.screen import SEVERITY_STYLES, aside, printable, screen

if TYPE_CHECKING:
    import pandas as pd

PLACES = 3  # groups of one rule that are shown
CHANGES = 5  # changes of one repair that are shown


def show_report(findings: pd.DataFrame, boxes: int, top: int) -> None:
    """Show findings by rule, the gravest first, with the worst places of each.

    Parameters
    ----------
    findings : DataFrame
        What ``annotaudit.lint`` returned.
    boxes : int
        How many boxes were looked at.
    top : int
        How many rules are shown; 0 for all.
    """
    from annotaudit.linting.groups import group_findings

    if findings.empty:
        screen().print(f"Everything fits, in {boxes:,} boxes.")
        return
    groups = group_findings(findings)
    by_rule = list(groups.groupby("rule", sort=False))
    for _, rows in by_rule[: top or None]:
        _show_rule(rows)
    left = by_rule[top:] if top else []
    if left:
        names = ", ".join(str(name) for name, _ in left)
        screen().print(f"{len(left)} more rules found something: {names}\n")
    screen().print(_sums(findings, boxes))
    if safe := int(findings["fix"].notna().sum()):
        screen().print(f"{safe:,} can be put right safely: add --fix --dry-run to see how.")


def _show_rule(rows: pd.DataFrame) -> None:
    from annotaudit.linting.rules import RULES

    first = rows.iloc[0]
    what = next(rule.what for rule in RULES if rule.name == first["rule"])
    severity = Text(f"{first['severity']:<9}", style=SEVERITY_STYLES.get(first["severity"], ""))
    count = f"  {rows['count'].sum():,}  {what}"
    screen().print(Text.assemble(severity, (first["rule"], "bold"), count))
    for group in rows.head(PLACES).to_dict("records"):
        _indented(printable(group["reason"]))
        _indented(Text("at ", style="dim") + printable(_places(group)), more=2)
    if len(rows) > PLACES:
        rest = rows["count"][PLACES:].sum()
        _indented(Text(f"... and {rest:,} more in {len(rows) - PLACES:,} other places", "dim"))
    for fix in rows["fix"].dropna().unique()[:1]:
        _indented(Text(f"safe repair: {fix}", style="green"))
    screen().print()


def _places(group: dict[str, Any]) -> str:
    shown = "; ".join(group["examples"])
    left = group["count"] - len(group["examples"])
    return f"{shown}; and {left:,} more" if left else shown


def _indented(text: Text, more: int = 0) -> None:
    screen().print(Padding(text, (0, 0, 0, 2 + more), expand=False))


def _sums(findings: pd.DataFrame, boxes: int) -> str:
    counts = findings["severity"].value_counts()
    parts = [
        f"{counts[name]:,} {name}{'' if counts[name] == 1 else 's'}"
        for name in SEVERITY_STYLES
        if name in counts
    ]
    return f"{', '.join(parts)} in {boxes:,} boxes"


def show_diff(changes: pd.DataFrame, *, dry_run: bool, aside_of_findings: bool) -> None:
    """Show what was repaired, or would be; beside the findings where a program reads those."""
    from annotaudit.linting.diff import count_of, place_of

    console = aside() if aside_of_findings else screen()
    if changes.empty:
        console.print("Nothing to repair.\n")
        return
    for (fix, what), rows in changes.groupby(["fix", "what"], sort=False):
        head = Text.assemble((str(fix), "bold green"), f"  {count_of(len(rows), str(what))}")
        console.print(head)
        for row in rows.head(CHANGES).itertuples():
            line = printable(f"{place_of(row)}: ") + _coloured(row.before, "red")
            if isinstance(row.after, str):
                line += Text(" -> ") + _coloured(row.after, "green")
            console.print(Padding(line, (0, 0, 0, 2), expand=False))
        if len(rows) > CHANGES:
            console.print(f"  ... and {len(rows) - CHANGES:,} more", style="dim")
    console.print("Nothing is changed yet.\n" if dry_run else "")


def _coloured(value: object, style: str) -> Text:
    text = printable(value)
    text.stylize(style)
    return text
