"""Plans as files, and what they rest on: agreement of annotators, decisions by name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from annotaudit.cli.export import FORMULA_STARTS, check_table_name
from annotaudit.errors import LabelFormatError, LimitError

if TYPE_CHECKING:
    import pandas as pd

    from annotaudit.boxes import Labels


def agreement_of(labels: Labels, gold: Labels | None) -> pd.Series:
    """F1 of each annotator, against gold or else against what most of them agree on."""
    from annotaudit.metrics.consensus import consensus_boxes
    from annotaudit.metrics.gold import accuracy, compare_to_gold
    from annotaudit.metrics.same_images import on_images_of

    truth = consensus_boxes(labels) if gold is None else on_images_of(labels, gold)
    f1: pd.Series = accuracy(compare_to_gold(labels, truth))["f1"]
    return f1


def named(options: list[str] | None, option: str) -> dict[str, str]:
    """Take each ``ID=text`` apart."""
    found = {}
    for each in options or []:
        name, equals, text = each.partition("=")
        if not (name and equals and text):
            raise LimitError(
                f"{option} {each!r}: expected ASSIGNMENT=..., with no blanks around =."
            )
        found[name] = text
    return found


def amount(text: str) -> float:
    """Read a number of USD."""
    try:
        return float(text)
    except ValueError:
        raise LimitError(f"--bonus {text!r}: expected an amount in USD, as 0.05.") from None


def check_plan_name(path: Path) -> None:
    """Refuse a file that is no CSV, before any work is done."""
    if check_table_name(path).suffix.lower() != ".csv":
        raise LimitError(f"{path}: a plan is a .csv file, so that you can edit it.")


def read_plan(path: Path) -> pd.DataFrame:
    """Read a plan that may have been edited in a spreadsheet program."""
    import pandas as pd

    from annotaudit.aws.decisions import DECISIONS, PLAN_COLUMNS

    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise LabelFormatError(f"{path} is no plan ({error}). Make it again.") from error
    if missing := [name for name in PLAN_COLUMNS if name not in table]:
        raise LabelFormatError(f"{path} is no plan: it lacks {missing}. Make it again.")
    for name, kind in PLAN_COLUMNS.items():
        if kind == "float64":
            try:
                table[name] = table[name].replace("", "0").astype("float64")
            except ValueError as error:
                raise LabelFormatError(f"{path}, column {name}: {error}.") from error
        else:
            quoted = table[name].str.startswith(tuple(f"'{start}" for start in FORMULA_STARTS))
            table[name] = table[name].mask(quoted, table[name].str[1:])
    unknown = table.loc[~table["decision"].isin(DECISIONS), "decision"]
    if len(unknown):
        raise LabelFormatError(
            f"{path}: decision {unknown.iloc[0]!r}; expected one of {', '.join(DECISIONS)}."
        )
    if table["assignment"].duplicated().any():
        raise LabelFormatError(f"{path}: an assignment stands twice; each is decided once.")
    return table
