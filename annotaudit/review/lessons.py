"""What verdicts teach: how often each rule is right, and which limits would do better."""

from __future__ import annotations

import numpy as np
import pandas as pd

from annotaudit.boxes import SIDES, TEXT
from annotaudit.errors import BoxTableError, LimitError
from annotaudit.metrics.gold import wilson
from annotaudit.review.marking import SEEN
from annotaudit.review.verdicts import PLACE, VERDICTS, drawn, last_word, with_verdicts

SUMMARY_COLUMNS = ("rule", "reviewed", "mistake", "fine", "unsure", "precision", "low", "high")


def summary(verdicts: pd.DataFrame, *, confidence: float = 0.95) -> pd.DataFrame:
    """How often each rule was right.

    Parameters
    ----------
    verdicts : DataFrame
        What ``annotaudit.review.load`` returns. The last verdict on a finding counts.
    confidence : float, default 0.95
        Of the interval, between 0 and 1.

    Returns
    -------
    DataFrame
        One row per rule, the most reviewed first: ``rule``; ``reviewed``, ``mistake``, ``fine``
        and ``unsure``, numbers of findings; ``precision``, the share of mistakes among those
        judged a mistake or fine (NaN if there are none); ``low`` and ``high``, its Wilson
        interval. It holds for findings like those reviewed: whoever reviews only the top of the
        list learns about the top of the list. Mistakes that no rule found are not in it; see
        ``recall``.

    Raises
    ------
    BoxTableError
        If a column of the verdicts is missing.
    LimitError
        If the confidence is not between 0 and 1.

    References
    ----------
    Wilson (1927), Journal of the American Statistical Association 22:209,
    doi:10.1080/01621459.1927.10502953

    Examples
    --------
    >>> from annotaudit.boxes import empty_table
    >>> from annotaudit.review.verdicts import VERDICT_COLUMNS
    >>> summary(empty_table(VERDICT_COLUMNS)).columns.tolist()
    ['rule', 'reviewed', 'mistake', 'fine', 'unsure', 'precision', 'low', 'high']
    """
    from scipy.stats import binomtest

    if not 0 < confidence < 1:
        raise LimitError(f"confidence is a share between 0 and 1; found {confidence!r}.")
    said = last_word(verdicts)
    said = said[~said["rule"].isin(SEEN)]
    counts = pd.crosstab(said["rule"], said["verdict"]).reindex(columns=VERDICTS, fill_value=0)
    reviewed = counts.sum(axis=1).rename("reviewed")
    table = pd.concat([reviewed, counts], axis=1).astype("int64").reset_index()
    judged = table["mistake"] + table["fine"]
    intervals = [
        binomtest(int(k), int(n)).proportion_ci(confidence, method="wilson")
        if n
        else (np.nan, np.nan)
        for k, n in zip(table["mistake"], judged, strict=True)
    ]
    low, high = np.array(intervals, dtype="float64").reshape(-1, 2).T
    table = table.assign(
        rule=table["rule"].astype(TEXT), precision=table["mistake"] / judged, low=low, high=high
    )
    return table.sort_values(["reviewed", "rule"], ascending=[False, True], ignore_index=True)[
        list(SUMMARY_COLUMNS)
    ]


def recall(verdicts: pd.DataFrame) -> pd.Series:
    """Estimate which share of the mistakes the audit finds.

    Parameters
    ----------
    verdicts : DataFrame
        What ``annotaudit.review.load`` returns. The last verdict on a finding counts.

    Returns
    -------
    Series
        ``found``: boxes with a mistake that the audit found and a person confirmed; ``missed``:
        boxes with a mistake that reviewers alone saw; ``recall``, the share of the former among
        both (NaN if there are none), and its 95 % Wilson interval, ``low`` and ``high``. A mistake
        that nobody saw is in neither: the share is too good unless whole frames were looked at,
        and too bad where findings were left unjudged.

    Raises
    ------
    BoxTableError
        If a column of the verdicts is missing.

    References
    ----------
    Wilson (1927), Journal of the American Statistical Association 22:209,
    doi:10.1080/01621459.1927.10502953

    Examples
    --------
    >>> from annotaudit.boxes import empty_table
    >>> from annotaudit.review.verdicts import VERDICT_COLUMNS
    >>> recall(empty_table(VERDICT_COLUMNS))[["found", "missed"]].tolist()
    [0.0, 0.0]
    """
    said = last_word(verdicts)
    mistakes = said[said["verdict"] == "mistake"]
    seen = mistakes["rule"].isin(SEEN)
    keys = mistakes[[*PLACE, *SIDES]].join(drawn(mistakes))
    # Several rules about one box are one mistake; who marks a box the audit named was led to it.
    boxes = seen.groupby([keys[name] for name in keys], dropna=False).min()
    found, missed = float((~boxes).sum()), float(boxes.sum())
    share, low, high = wilson(np.array([found]), np.array([found + missed]))
    return pd.Series(
        {"found": found, "missed": missed, "recall": share[0], "low": low[0], "high": high[0]}
    )


def suggest_limits(
    findings: pd.DataFrame,
    verdicts: pd.DataFrame,
    *,
    worth: float = 3.0,
    min_verdicts: int = 10,
) -> pd.DataFrame:
    """Refit the limit of each rule to the verdicts, and show it beside the old one.

    Nothing is applied: pass what convinces you to the next audit as ``limits=``. The suggested
    limit is the one at which the reviewed findings would have paid most: each mistake found is
    worth ``worth``, each fine box looked at costs 1. It lies midway between the weakest finding
    kept and the strongest one let go, and stays where it was if that is as good.

    Parameters
    ----------
    findings : DataFrame
        What ``annotaudit.audit`` returns; ``value`` and ``limit`` tell how far each one went.
    verdicts : DataFrame
        What ``annotaudit.review.load`` returns. "unsure" does not count.
    worth : float, default 3
        How many fine boxes a person would look at to find one mistake.
    min_verdicts : int, default 10
        With fewer verdicts than this on a rule, its limit stays.

    Returns
    -------
    DataFrame
        One row per rule, unit and old limit: ``limit`` and ``suggested`` (NaN if no finding was
        a mistake: the rule may not suit these labels); ``mistake`` and ``fine``, numbers judged;
        ``mistake_kept`` and ``fine_kept``, how many of them the suggested limit would still find;
        and a ``reason`` in words. Rules without a limit are not in it.

    Raises
    ------
    BoxTableError
        If either table lacks a column.
    LimitError
        If ``worth`` or ``min_verdicts`` is not above 0.

    Examples
    --------
    >>> import pandas as pd
    >>> from annotaudit.boxes import empty_table
    >>> from annotaudit.review.verdicts import VERDICT_COLUMNS
    >>> findings = pd.DataFrame({
    ...     "sequence": ["street"], "frame": [4], "track": ["car:1"], "annotator": ["ann"],
    ...     "rule": ["size-jump"], "left": [1.0], "top": [1.0], "width": [9.0], "height": [9.0],
    ...     "value": [0.4], "limit": [0.25], "unit": ["share of area"]})
    >>> suggest_limits(findings, empty_table(VERDICT_COLUMNS))[["rule", "limit", "suggested"]]
            rule  limit  suggested
    0  size-jump   0.25       0.25
    """
    if not worth > 0 or not min_verdicts > 0:
        raise LimitError(
            f"worth and min_verdicts are numbers above 0; found {worth!r} and {min_verdicts!r}."
        )
    if missing := [name for name in ("value", "limit", "unit") if name not in findings.columns]:
        raise BoxTableError(
            f"The findings lack {missing}; pass the table that annotaudit.audit() returns."
        )
    judged = with_verdicts(findings, verdicts)
    judged = judged[judged["limit"].notna() & judged["value"].notna()]
    groups = judged.groupby(["rule", "unit", "limit"], dropna=False, sort=True)
    rows = [
        {
            "rule": rule,
            "unit": unit,
            "limit": limit,
            **_refit(of_rule, float(limit), worth, min_verdicts),
        }
        for (rule, unit, limit), of_rule in groups
    ]
    names = ["rule", "unit", "limit", "suggested", "mistake", "fine"]
    return pd.DataFrame(rows, columns=[*names, "mistake_kept", "fine_kept", "reason"])


def _refit(
    findings: pd.DataFrame, limit: float, worth: float, min_verdicts: int
) -> dict[str, object]:
    beyond = findings["value"].abs() - limit  # a box may shrink too far as well as grow
    direction = 1.0 if beyond.median() >= 0 else -1.0
    is_judged = findings["verdict"].isin(["mistake", "fine"])
    said = findings[is_judged]
    strength = direction * beyond[is_judged].to_numpy(dtype="float64")
    order = np.argsort(-strength, kind="stable")
    strength = strength[order]
    is_mistake = said["verdict"].eq("mistake").to_numpy(dtype=bool)[order]
    mistakes, fine = int(is_mistake.sum()), int((~is_mistake).sum())
    counts = {"mistake": mistakes, "fine": fine}

    def answer(cut: float, reason: str) -> dict[str, object]:
        kept = strength >= cut
        return {
            "suggested": limit + direction * cut,
            **counts,
            "mistake_kept": int((kept & is_mistake).sum()),
            "fine_kept": int((kept & ~is_mistake).sum()),
            "reason": reason,
        }

    if mistakes + fine < min_verdicts:
        return answer(0.0, f"{mistakes + fine} verdicts; {min_verdicts} are needed to refit it.")
    if not mistakes:
        return {
            "suggested": np.nan,
            **counts,
            "mistake_kept": 0,
            "fine_kept": 0,
            "reason": f"None of {fine} findings was a mistake: leave this rule out?",
        }
    cut = _best_cut(strength, is_mistake, worth)
    if cut == 0:
        return answer(0.0, "The limit fits the verdicts.")
    kept = strength >= cut
    lost_fine, lost = (
        fine - int((kept & ~is_mistake).sum()),
        mistakes - int((kept & is_mistake).sum()),
    )
    return answer(
        cut, f"Would let go of {lost_fine} of {fine} fine boxes and {lost} of {mistakes} mistakes."
    )


def _best_cut(strength: np.ndarray, is_mistake: np.ndarray, worth: float) -> float:
    """Where to cut the strengths, sorted from the strongest; 0 is the old limit."""
    gain = np.cumsum(np.where(is_mistake, worth, -1.0))
    last_of_equals = np.append(strength[:-1] > strength[1:], True)
    gain[~last_of_equals] = -np.inf
    best = np.flatnonzero(gain == gain.max())[-1]  # as good either way: look at more
    weakest_kept = strength[best]
    strongest_dropped = strength[best + 1] if best + 1 < len(strength) else -np.inf
    if strongest_dropped < 0 <= weakest_kept:
        return 0.0
    if np.isneginf(strongest_dropped):
        return float(weakest_kept)
    return float((weakest_kept + strongest_dropped) / 2)
