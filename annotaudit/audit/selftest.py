"""What would this audit find in these labels? Plant known mistakes in them, and count."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from annotaudit.audit.pipeline import audit_labels
from annotaudit.audit.planting import KINDS, UNSEEN, plant_mistakes
from annotaudit.boxes import OBJECT, TEXT, Labels, check_boxes
from annotaudit.errors import LimitError
from annotaudit.metrics.gold import wilson

CELL = [*OBJECT, "frame"]
ALL = "all but late start and early end"
COLUMNS = {
    "kind": "str",
    "budget": "int64",  # findings looked at, from the top of the list
    "planted": "int64",
    "found": "int64",
    "recall": "float64",  # found / planted
    "low": "float64",  # 95 % confidence interval of recall
    "high": "float64",
}


def selftest(
    labels: Labels | pd.DataFrame,
    *,
    budgets: Sequence[int] | None = None,
    share: float = 0.02,
    repeats: int = 3,
    seed: int = 0,
) -> pd.DataFrame:
    """Plant known mistakes into copies of the labels and count how many the audit would find.

    Parameters
    ----------
    labels : Labels or DataFrame
        What people drew; it is not edited.
    budgets : sequence of int, optional
        How many findings somebody would look at. By default 1 %, 2 % and 5 % of the boxes.
    share : float
        Share of the boxes that planted mistakes touch, about.
    repeats : int
        How often to plant afresh; more make the intervals narrower.
    seed : int
        The same labels and seed give the same table.

    Returns
    -------
    DataFrame
        One row per kind and budget: ``kind``, ``budget``, ``planted``, ``found``, ``recall``,
        and the ends of its 95 % confidence interval, ``low`` and ``high`` (Wilson's). The first
        rows are about all kinds but "late start" and "early end", which boxes alone hardly show.

    Raises
    ------
    LimitError
        If a budget, the share or the number of repeats is not above 0.
    BoxTableError
        If the table is not a box table.

    Notes
    -----
    A planted mistake counts as found if a finding within the budget names its object at most one
    frame away. Planted mistakes are those people are known to make, but real ones are harder:
    read the table as what this audit can do at best on these very labels.

    References
    ----------
    Wilson (1927), JASA 22:209, doi:10.1080/01621459.1927.10502953

    Examples
    --------
    >>> frame = np.tile(np.arange(60), 4)
    >>> boxes = pd.DataFrame({
    ...     "sequence": "street", "frame": frame, "track": np.repeat(list("abcd"), 60),
    ...     "label": "car", "annotator": "ann", "left": 3.0 * frame, "top": 9.0,
    ...     "width": 40.0, "height": 30.0})
    >>> table = selftest(boxes, budgets=[40], share=0.1)
    >>> table.columns.tolist()
    ['kind', 'budget', 'planted', 'found', 'recall', 'low', 'high']
    """
    if repeats < 1 or not 0 < share <= 0.2 or (budgets is not None and min(budgets, default=0) < 1):
        raise LimitError(
            f"selftest(budgets={budgets!r}, share={share!r}, repeats={repeats!r}): expected "
            "budgets of at least one finding, a share above 0 and up to 0.2, and one repeat or "
            "more, as in selftest(labels, budgets=[100, 300])."
        )
    whole = labels if isinstance(labels, Labels) else Labels(check_boxes(labels))
    looked_at = sorted(budgets or {math.ceil(p * len(whole.boxes)) for p in (0.01, 0.02, 0.05)})
    frames = whole.frames if {"sequence", "frame"} <= set(whole.frames) else None
    places = []
    for number in range(repeats):
        spoilt, truth = plant_mistakes(whole.boxes, frames, share=share, seed=[seed, number, 1])
        findings = audit_labels(Labels(spoilt, whole.frames), None, None, None)
        places.append(_place_of_each(findings, truth))
    return _summary(pd.concat(places, ignore_index=True), looked_at)


def _place_of_each(findings: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """Kind of each planted mistake, and the place of the first finding that names it."""
    ranked = findings[CELL].assign(place=np.arange(len(findings)))
    near = pd.concat([truth.assign(frame=truth["frame"] + step) for step in (-1, 0, 1)])
    met = near.drop_duplicates([*CELL, "event"]).merge(ranked, on=CELL)
    kind = truth.groupby("event")["kind"].first()
    return pd.DataFrame({"kind": kind, "place": met.groupby("event")["place"].min()})


def _summary(places: pd.DataFrame, budgets: Sequence[int]) -> pd.DataFrame:
    seen = places[~places["kind"].isin(UNSEEN)]
    groups = {ALL: seen, **{kind: places[places["kind"] == kind] for kind in KINDS}}
    rows = [
        (kind, budget, len(own), int((own["place"] < budget).sum()))
        for kind, own in groups.items()
        for budget in budgets
        if len(own)
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS)[:4])
    recall, low, high = wilson(table["found"].to_numpy(float), table["planted"].to_numpy(float))
    return table.assign(
        kind=table["kind"].astype(TEXT),
        recall=recall,
        low=low,
        high=high,
    ).astype({name: kind for name, kind in COLUMNS.items() if kind != "str"})
