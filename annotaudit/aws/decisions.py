"""Whose work to accept: a plan that a person looks at before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import numpy as np
import pandas as pd

from annotaudit.aws.money import fee_share, usd, with_fee
from annotaudit.boxes import TEXT
from annotaudit.errors import BoxTableError, LimitError

DECISIONS = ("approve", "approve after all", "reject", "look again", "nothing to do")
PLAN_COLUMNS = {
    "assignment": "str",
    "hit": "str",
    "annotator": "str",
    "status": "str",  # when the plan was made: Submitted, Approved or Rejected
    "decision": "str",  # one of DECISIONS
    "reason": "str",  # for a rejection, what the worker reads
    "bonus": "float64",  # USD
    "bonus_reason": "str",  # what the worker reads
    "cost": "float64",  # USD with fees
    "evidence": "str",
}
MAX_FEEDBACK = 1024  # characters


def plan_reviews(
    assigned: pd.DataFrame,
    *,
    reward: str | float | None = None,
    agreement: pd.Series | None = None,
    min_agreement: float = 0.5,
    reject: Mapping[str, str] | None = None,
    bonus: Mapping[str, float] | None = None,
    bonus_reason: str = "Thank you for careful work.",
    approve_after_all: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Plan what happens to each assignment. Nothing is sent, and nothing rejected by a number.

    Work that was answered and agrees well enough is to be approved. What agrees too little, or has
    no answer, is for a person to look at again. A rejection harms a real person's rating, so one
    is planned only for the assignments named in ``reject``, each with the reason its worker reads.

    Parameters
    ----------
    assigned : DataFrame
        One row per assignment, as ``annotaudit.formats.mturk.format.assignments`` gives it: at
        least ``assignment``, ``hit``, ``annotator``, ``status``, ``answered``, ``boxes``.
    reward : str or float, optional
        USD per assignment; by default what the table's column ``reward`` says.
    agreement : Series, optional
        Between 0 and 1, indexed by assignment or else by annotator: against gold, the F1 of
        :func:`annotaudit.metrics.gold.accuracy`; without gold, that of
        :func:`annotaudit.metrics.agreement.pairwise_agreement`, or a reliability. NaN is unknown.
    min_agreement : float
        Below it a person looks again.
    reject : mapping of str to str, optional
        Assignments to reject, and why.
    bonus : mapping of str to float, optional
        Assignments that get a bonus, and how much in USD.
    bonus_reason : str
        What their workers read.
    approve_after_all : mapping of str to str, optional
        Rejected assignments to approve after all, and why: possible for 30 days after submission.

    Returns
    -------
    DataFrame
        One row per assignment; see ``PLAN_COLUMNS``. ``plan["cost"].sum()`` is what it costs, fees
        included: a fifth of reward and bonus, two fifths for HITs with ten or more assignments (by
        the column ``max_assignments``, or the rows of the HIT), at least a cent each.

    Raises
    ------
    BoxTableError
        If the table lacks a column or names an assignment twice.
    LimitError
        If an amount is none, a reason is missing or too long, or an assignment is not in the table.

    Examples
    --------
    >>> assigned = pd.DataFrame({"assignment": ["A1", "A2"], "hit": "H", "annotator": ["x", "y"],
    ...     "status": "Submitted", "answered": [True, False], "boxes": [1, 0]})
    >>> plan = plan_reviews(assigned, reward="0.10")
    >>> plan[["assignment", "decision", "cost"]].values.tolist()
    [['A1', 'approve', 0.12], ['A2', 'look again', 0.0]]
    """
    _check_table(assigned)
    rewards = _rewards(assigned, reward)
    if not 0 <= min_agreement <= 1:
        raise LimitError(f"min_agreement={min_agreement!r}: expected a share between 0 and 1.")
    named = {"reject": reject or {}, "approve_after_all": approve_after_all or {}}
    bonuses = {name: usd(amount, "bonus") for name, amount in (bonus or {}).items()}
    _check_named(assigned, {**named, "bonus": bonuses}, bonus_reason)
    places = assigned.groupby("hit", dropna=False)["assignment"].transform("size")
    if "max_assignments" in assigned:
        places = np.fmax(places, assigned["max_assignments"])
    known = _agreement_of(assigned, agreement)
    rows = []
    for row, reward_usd, of_hit, agrees in zip(
        assigned.itertuples(), rewards, places, known, strict=True
    ):
        decision, reason = _decide(row, agrees, min_agreement, named)
        extra = bonuses.get(row.assignment, Decimal(0))
        paid = decision in ("approve", "approve after all")
        fee = fee_share(of_hit)
        rows.append(
            (
                row.assignment,
                row.hit,
                row.annotator,
                row.status,
                decision,
                reason,
                float(extra),
                bonus_reason if extra else "",
                float(with_fee(reward_usd if paid else Decimal(0), fee) + with_fee(extra, fee)),
                _evidence(row, agrees),
            )
        )
    plan = pd.DataFrame(rows, columns=list(PLAN_COLUMNS))
    return plan.astype({name: TEXT for name, kind in PLAN_COLUMNS.items() if kind == "str"})


def _decide(
    row: object, agrees: float, least: float, named: Mapping[str, Mapping[str, str]]
) -> tuple[str, str]:
    name, status = row.assignment, row.status  # type: ignore[attr-defined]
    if status == "Rejected" and name in named["approve_after_all"]:
        return "approve after all", named["approve_after_all"][name]
    if status != "Submitted":
        return "nothing to do", f"Already {str(status).lower()}."
    if name in named["reject"]:
        return "reject", named["reject"][name]
    if not row.answered:  # type: ignore[attr-defined]
        return "look again", "There is no answer that can be read."
    if agrees < least:  # never true where it is unknown
        return "look again", f"Agrees by {agrees:.0%}, less than {least:.0%}."
    return "approve", ""


def _rewards(assigned: pd.DataFrame, reward: str | float | None) -> list[Decimal]:
    if reward is not None:
        return [usd(reward, "reward")] * len(assigned)
    if "reward" not in assigned or assigned["reward"].isna().any():
        raise LimitError(
            "These assignments do not tell what they pay. Say it, as in reward='0.05'."
        )
    return [usd(each, "reward") for each in assigned["reward"]]


def _evidence(row: object, agrees: float) -> str:
    drawn, answered = row.boxes, row.answered  # type: ignore[attr-defined]
    parts = [f"{drawn} box{'' if drawn == 1 else 'es'}" if answered else "no answer"]
    if agrees == agrees:
        parts.append(f"agreement {agrees:.0%}")
    seconds = getattr(row, "work_time_s", float("nan"))
    if seconds == seconds:
        parts.append(f"{seconds:.0f} s of work")
    return ", ".join(parts)


def _agreement_of(assigned: pd.DataFrame, agreement: pd.Series | None) -> pd.Series:
    if agreement is None:
        return pd.Series(float("nan"), index=assigned.index)
    by_assignment = assigned["assignment"].map(agreement)
    return by_assignment.fillna(assigned["annotator"].map(agreement)).astype("float64")


def _check_table(assigned: pd.DataFrame) -> None:
    needed = ["assignment", "hit", "annotator", "status", "answered", "boxes"]
    if missing := [name for name in needed if name not in assigned]:
        raise BoxTableError(
            f"The table of assignments lacks {missing}; it has {[str(c) for c in assigned]}. "
            "Make it with annotaudit.formats.mturk.format.assignments(labels)."
        )
    doubled = assigned["assignment"][assigned["assignment"].duplicated()]
    if len(doubled):
        raise BoxTableError(
            f"Assignment {doubled.iloc[0]!r} is in the table more than once; expected one row "
            "per assignment, since each is paid once. Drop the others."
        )


def _check_named(
    assigned: pd.DataFrame, named: Mapping[str, Mapping[str, object]], bonus_reason: str
) -> None:
    known = set(assigned["assignment"])
    for option, assignments in named.items():
        if unknown := sorted(set(assignments) - known):
            raise LimitError(
                f"{option} names {unknown[0]!r}, which is not among the {len(known)} assignments. "
                "Correct the id; nothing was planned."
            )
    reasons = {f"reject[{name!r}]": reason for name, reason in named["reject"].items()}
    if named["bonus"]:
        reasons["bonus_reason"] = bonus_reason
    for where, reason in reasons.items():
        if not isinstance(reason, str) or not 0 < len(reason.strip()) <= MAX_FEEDBACK:
            raise LimitError(
                f"{where}: found {str(reason)[:60]!r}, expected 1 to {MAX_FEEDBACK} characters: "
                "the worker reads it."
            )
        if any(ord(letter) < 32 and letter not in "\t\n\r" for letter in reason):
            raise LimitError(f"{where} holds control characters, which the service refuses.")
