"""Put right what can be put right safely, and show it first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle
from typing import Literal, overload

import pandas as pd

from annotaudit.boxes import Labels, empty_table
from annotaudit.errors import LimitError
from annotaudit.linting.diff import Diff
from annotaudit.linting.limits import LintLimits, limits_by_class
from annotaudit.linting.repairs import CHANGE_COLUMNS, REPAIRS, Repair
from annotaudit.linting.subject import subject_of

Limits = LintLimits | Mapping[str, LintLimits]


@overload
def fix(
    labels: Labels | pd.DataFrame,
    *,
    dry_run: Literal[True] = ...,
    fixes: str | Iterable[str] | None = ...,
    limits: Limits | None = ...,
    classes: Sequence[str] | None = ...,
) -> Diff: ...
@overload
def fix(
    labels: Labels | pd.DataFrame,
    *,
    dry_run: Literal[False],
    fixes: str | Iterable[str] | None = ...,
    limits: Limits | None = ...,
    classes: Sequence[str] | None = ...,
) -> tuple[Labels, Diff]: ...
def fix(
    labels: Labels | pd.DataFrame,
    *,
    dry_run: bool = True,
    fixes: str | Iterable[str] | None = None,
    limits: Limits | None = None,
    classes: Sequence[str] | None = None,
) -> Diff | tuple[Labels, Diff]:
    """Put right what can be put right safely; first show what that would be.

    Repairs follow one another until none finds anything more to do, so that repairing repaired
    labels changes nothing. The caller's tables are not edited, and what no repair names stays as
    it is, extra columns included.

    Parameters
    ----------
    labels : Labels or DataFrame
    dry_run : bool
        Only show what would change.
    fixes : names, optional
        Some of ``annotaudit.linting.repairs.REPAIRS``: ``drop_copies``, ``drop_empty``,
        ``renumber``, ``clip``, ``label_case``; all, if left out.
    limits : LintLimits, or dict of label to LintLimits, optional
        As for :func:`annotaudit.lint`; ``clip`` uses ``max_overhang`` and ``max_outside`` to tell a
        style of drawing from a slip.
    classes : list of str, optional
        The labels there should be; ``label_case`` prefers them.

    Returns
    -------
    Diff, or tuple of Labels and Diff
        What would change; with ``dry_run=False`` the repaired labels and what was changed.

    Raises
    ------
    BoxTableError
        If the table is not a box table.
    LimitError
        If there is no such repair.

    Examples
    --------
    >>> cars = pd.DataFrame({
    ...     "sequence": "street", "frame": [0, 0, 1], "track": "a", "label": ["car", "car", "Car"],
    ...     "annotator": "ann", "left": 100.0, "top": 50.0, "width": 40.0, "height": 20.0})
    >>> repaired, diff = fix(cars, dry_run=False)
    >>> repaired.boxes["label"].tolist()
    ['car', 'Car']
    >>> diff.changes[["fix", "what", "frame"]].to_numpy().tolist()
    [['drop_copies', 'box removed', 0]]

    One box says "car" and one "Car" once the copy is gone: which is meant is not for a repair to
    say, unless the classes are given.

    >>> fix(cars, classes=["car"]).changes["fix"].tolist()
    ['drop_copies', 'label_case']
    """
    repairs = choose_repairs(fixes)
    current = labels if isinstance(labels, Labels) else Labels(labels)
    known = {"limits": limits_by_class(limits), "classes": classes}
    changes: list[pd.DataFrame] = []
    # One repair may make work for another: boxes that are clipped alike are copies then.
    subject, idle = subject_of(current, **known), 0
    for repair in cycle(repairs):
        repaired, changed = repair.apply(current, subject)
        if len(changed):
            changes.append(changed)
            current, idle = repaired, 0
            subject = subject_of(current, **known)
        else:
            idle += 1
        if idle >= len(repairs):
            break
    table = pd.concat(changes, ignore_index=True) if changes else empty_table(CHANGE_COLUMNS)
    return Diff(table) if dry_run else (current, Diff(table, done=True))


def choose_repairs(fixes: str | Iterable[str] | None) -> tuple[Repair, ...]:
    """Turn names into repairs, in the order in which they are done."""
    wanted = {fixes} if isinstance(fixes, str) else None if fixes is None else set(fixes)
    known = {repair.name: repair for repair in REPAIRS}
    if unknown := sorted((wanted or set()) - set(known)):
        raise LimitError(
            f"fixes: no repair is called {unknown[0]!r}; expected some of {', '.join(known)}."
        )
    return tuple(repair for name, repair in known.items() if wanted is None or name in wanted)
