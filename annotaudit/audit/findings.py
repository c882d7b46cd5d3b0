"""The findings table: a box table with a reason, a score and an expected box."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from annotaudit.boxes import COLUMNS, EXPECTED, SIDES, TEXT, empty_table

Floats = NDArray[np.float64]

FINDING_COLUMNS = {
    **COLUMNS,  # the box that looks wrong; its sides are NaN where a box is missing
    "rule": "str",  # which rule found it
    "score": "float64",  # 0 to 1, comparable across rules: how likely a person would change it
    "severity": "str",  # "error", "warning" or "note"; follows from the score
    "value": "float64",  # what was measured
    "limit": "float64",  # where it becomes a finding
    "unit": "str",  # of value and limit
    "reason": "str",  # one sentence a person can act on
    **dict.fromkeys(EXPECTED, "float64"),  # the box the rest suggests, pixels; NaN if none
    "from_frame": "float64",  # earlier frame of the step; NaN where the finding is about no step
}
# Scores from which a finding is an error, a warning. The latter is the lowest, in hundredths, with
# fewer than 2 false flags per 1,000 boxes on simulated tracks.
ERROR, WARNING = 0.75, 0.17


def severities(scores: ArrayLike) -> list[str]:
    """Name the severity that belongs to each score.

    Examples
    --------
    >>> severities([0.9, 0.5, 0.1])
    ['error', 'warning', 'note']
    """
    scores = np.asarray(scores, dtype=np.float64)
    names: list[str] = np.select(
        [scores >= ERROR, scores >= WARNING], ["error", "warning"], "note"
    ).tolist()
    return names


def no_findings() -> pd.DataFrame:
    """Make a findings table without rows."""
    return empty_table(FINDING_COLUMNS)


def findings_of(
    boxes: pd.DataFrame,
    rows: NDArray[np.intp],
    *,
    rule: str,
    score: ArrayLike,
    value: ArrayLike,
    limit: float,
    unit: str,
    reason: Sequence[str],
    expected: Floats | None = None,
    from_frame: ArrayLike = np.nan,
) -> pd.DataFrame:
    """Turn rows of a box table into findings.

    Parameters
    ----------
    boxes : DataFrame
        A checked box table.
    rows : int array, shape (n,)
        Which of its rows look wrong.
    rule, limit, unit
        The same for all of them.
    score, value, reason, from_frame
        One for each of them, or one for all.
    expected : float array, shape (4, n), optional
        Left, top, width, height of the box to expect.
    """
    table = boxes[list(COLUMNS)].iloc[rows].reset_index(drop=True)
    sides = np.full((4, len(rows)), np.nan) if expected is None else expected
    scores = np.broadcast_to(np.asarray(score, dtype=np.float64), len(rows))
    return table.assign(
        rule=pd.Series([rule] * len(rows), dtype=TEXT),
        score=scores,
        severity=pd.Series(severities(scores), dtype=TEXT),
        value=np.broadcast_to(np.asarray(value, dtype=np.float64), len(rows)),
        limit=float(limit),
        unit=pd.Series([unit] * len(rows), dtype=TEXT),
        reason=pd.Series(list(reason), dtype=TEXT),
        **dict(zip(EXPECTED, sides, strict=True)),
        from_frame=np.broadcast_to(np.asarray(from_frame, dtype=np.float64), len(rows)),
    )


def without_sides(findings: pd.DataFrame) -> pd.DataFrame:
    """Blank the sides: the finding is about a box that is missing."""
    return findings.assign(**dict.fromkeys(SIDES, np.nan))


def beyond(ratio: ArrayLike, *, at_limit: float, far: float) -> Floats:
    """Score a measurement by how far it is beyond its limit.

    Parameters
    ----------
    ratio : float array
        Measured over allowed: 1 at the limit.
    at_limit, far : float
        Score at the limit, and the score it approaches far beyond.

    Examples
    --------
    >>> beyond([1, 2, np.inf], at_limit=0.5, far=1.0).tolist()
    [0.5, 0.75, 1.0]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        share = 1 - 1 / np.maximum(np.asarray(ratio, dtype=np.float64), 1.0)
    return at_limit + (far - at_limit) * np.where(np.isnan(share), 1.0, share)
