"""The table that lint returns: findings, with what each is about and how it is put right."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from annotaudit.audit.findings import FINDING_COLUMNS, findings_of
from annotaudit.boxes import COLUMNS, SIDES, TEXT, empty_table
from annotaudit.metrics.order import Floats, Ints

LINT_COLUMNS = {
    **FINDING_COLUMNS,
    "about": "str",  # "box", "frame", "sequence", "label" or "file": what the finding is about
    "fix": "str",  # name of the safe repair in annotaudit.fix(); missing if a person must decide
    "image": "str",  # file name of the frame's picture, where known
    "source": "str",  # which file, where a finding is about one
}
SCORES = {"error": 0.9, "warning": 0.5, "note": 0.2}  # of findings that are plain to see


@cache
def _nothing() -> pd.DataFrame:
    return empty_table(LINT_COLUMNS)


def no_findings() -> pd.DataFrame:
    """Make a table of lint findings without rows."""
    return _nothing().copy()


def about_boxes(
    boxes: pd.DataFrame,
    rows: Ints,
    *,
    value: ArrayLike,
    limit: ArrayLike,
    unit: str,
    reason: Sequence[str],
    about: str = "box",
    fix: str | None = None,
    expected: Floats | None = None,
) -> pd.DataFrame:
    """Turn rows of a box table into findings; rule and severity are filled in by the caller.

    Parameters
    ----------
    boxes : DataFrame
    rows : int array, shape (n,)
        Which of its rows.
    value, limit
        One for each of them, or one for all.
    unit : str
    reason : list of str, length n
    about : str
    fix : str, optional
    expected : float array, shape (4, n), optional
        Left, top, width, height of the box to expect.
    """
    if not len(rows):
        return no_findings()
    found = findings_of(
        boxes, rows, rule="", score=0.0, value=value, limit=0.0, unit=unit, reason=reason,
        expected=expected,
    )  # fmt: skip
    limits = np.broadcast_to(np.asarray(limit, dtype=np.float64), len(rows))
    return _lint_table(found.assign(limit=limits), about, fix)


def about_places(
    places: pd.DataFrame,
    *,
    about: str,
    value: ArrayLike,
    limit: ArrayLike,
    unit: str,
    reason: Sequence[str],
    fix: str | None = None,
    source: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Turn frames, or whole sequences at their first frame, into findings without a box.

    Parameters
    ----------
    places : DataFrame
        ``sequence`` and ``frame``; ``track``, ``label``, ``annotator`` where known.
    about : str
    value, limit, unit, reason, fix
        As in :func:`about_boxes`.
    source : list of str, optional
        Which file each of them is about.
    """
    n = len(places)
    if not n:
        return no_findings()
    text = {
        name: places[name].to_numpy(dtype=object) if name in places else np.full(n, np.nan)
        for name in ("track", "label", "annotator")
    }
    table = pd.DataFrame(
        {
            "sequence": places["sequence"].to_numpy(dtype=object),
            "frame": places["frame"].to_numpy(),
            **text,
            **dict.fromkeys(SIDES, np.nan),
        },
        index=range(n),
    ).astype({name: TEXT if kind == "str" else kind for name, kind in COLUMNS.items()})
    found = about_boxes(
        table,
        np.arange(n),
        value=value,
        limit=limit,
        unit=unit,
        reason=reason,
        about=about,
        fix=fix,
    )
    return found if source is None else found.assign(source=pd.Series(list(source), dtype=TEXT))


def of_the_audit(
    findings: pd.DataFrame, limit: ArrayLike | None = None, fix: str | None = None
) -> pd.DataFrame:
    """Take over what a rule of the audit found; its score stays."""
    kept = findings if limit is None else findings.assign(limit=limit)
    return _lint_table(kept, "box", fix)


def _lint_table(findings: pd.DataFrame, about: str, fix: str | None) -> pd.DataFrame:
    n = len(findings)
    if not n:
        return no_findings()
    text = {"about": [about] * n, "fix": [fix] * n, "image": [None] * n, "source": [None] * n}
    columns = {
        name: pd.Series(value, index=findings.index, dtype=TEXT) for name, value in text.items()
    }
    return findings.assign(**columns)[list(LINT_COLUMNS)]


def join_findings(found: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Put tables of findings together."""
    known = [table for table in found if len(table)]
    return pd.concat(known, ignore_index=True) if known else no_findings()


def looked_up(names: pd.Series, known: pd.Series) -> np.ndarray:
    """Look up a value for each name; a text column without rows could not be mapped to numbers.

    Examples
    --------
    >>> looked_up(pd.Series(["b", "a"]), pd.Series({"a": 1, "b": 2})).tolist()
    [2, 1]
    """
    values: np.ndarray = known.reindex(names.to_numpy()).to_numpy()
    return values


def listing(names: Sequence[object], most: int = 3) -> str:
    """Name the first few of many.

    Examples
    --------
    >>> listing(["a", "b", "c", "d"])
    'a, b, c and 1 more'
    """
    shown = ", ".join(str(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most:,} more"
