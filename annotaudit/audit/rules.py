"""The rules an audit goes by, in one list."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pandas as pd

from annotaudit.audit.aws import find_aws_overlap, find_aws_size
from annotaudit.audit.duplicates import find_duplicate
from annotaudit.audit.identity import (
    find_label_change,
    find_one_frame_track,
    find_repeated_track,
)
from annotaudit.audit.motion import find_gap, find_off_course
from annotaudit.audit.shapes import find_impossible_box, find_off_image
from annotaudit.audit.steps import find_low_overlap, find_size_jump
from annotaudit.audit.study import Study
from annotaudit.errors import LimitError

Rule = Callable[[Study], pd.DataFrame]

RULES: tuple[Rule, ...] = (
    find_off_course,
    find_low_overlap,
    find_size_jump,
    find_gap,
    find_impossible_box,
    find_off_image,
    find_duplicate,
    find_repeated_track,
    find_label_change,
    find_one_frame_track,
)
AWS_RULES: tuple[Rule, ...] = (find_aws_overlap, find_aws_size)


def rule_name(rule: Rule) -> str:
    """Name by which a rule is asked for: its function's, without ``find_``.

    Examples
    --------
    >>> rule_name(find_low_overlap)
    'low_overlap'
    """
    return str(getattr(rule, "__name__", rule)).removeprefix("find_")


def choose_rules(rules: str | Iterable[str | Rule] | None) -> tuple[Rule, ...]:
    """Turn what the caller asked for into functions.

    Examples
    --------
    >>> [rule_name(rule) for rule in choose_rules(["gap", find_low_overlap])]
    ['gap', 'low_overlap']
    """
    if rules is None:
        return RULES
    if isinstance(rules, str):
        rules = [rules]
    known = {rule_name(rule): rule for rule in RULES}
    chosen: list[Rule] = []
    for rule in rules:
        if rule == "aws":
            chosen += AWS_RULES
        elif callable(rule):
            chosen.append(rule)
        elif (name := str(rule).removeprefix("find_")) in known:
            chosen.append(known[name])
        else:
            raise LimitError(
                f"rules={rule!r}: no such rule; expected 'aws', a function, or some of "
                f"{sorted(known)}. Leave it out for all of them."
            )
    return tuple(dict.fromkeys(chosen))
