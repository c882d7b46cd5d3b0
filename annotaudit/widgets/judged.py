"""What the ledger says of each finding, and what reviewers saw by themselves, for the browser."""

from __future__ import annotations

from typing import Any

import pandas as pd

from annotaudit.boxes import SIDES, Labels
from annotaudit.review import FINDING, SEEN, last_word, marks
from annotaudit.review.verdicts import CORRECTED, pairs

MARK_COLUMNS = (
    *("id", "rule", "sequence", "frame", "annotator", "track", "label", *SIDES, *CORRECTED),
    *("corrected_label", "corrected_track", "onward", "note", "reviewer"),
)


def standing(
    findings: pd.DataFrame, verdicts: pd.DataFrame
) -> tuple[dict[str, Any], dict[int, str]]:
    """Collect the verdicts that count.

    Parameters
    ----------
    findings : DataFrame
    verdicts : DataFrame
        From ``annotaudit.review.load``.

    Returns
    -------
    judged : dict
        ``verdict``, ``note`` and ``corrected`` box by the finding's row number, written as text.
    lines : dict
        Name of the ledger's line by that number.
    """
    if findings.empty:
        return {}, {}
    verdicts = last_word(verdicts)
    rows, said = pairs(findings, verdicts, FINDING)
    told = verdicts.iloc[said]
    boxes = told[list(CORRECTED)]
    judged = {
        str(row): {"verdict": verdict, "note": note, "corrected": box if has_box else None}
        for row, verdict, note, box, has_box in zip(
            rows.tolist(),
            told["verdict"],
            told["note"].fillna(""),
            boxes.to_numpy().tolist(),
            boxes.notna().all(axis=1),
            strict=True,
        )
    }
    return judged, dict(zip(rows.tolist(), told["id"], strict=True))


def seen_by_reviewers(
    findings: pd.DataFrame, verdicts: pd.DataFrame, labels: Labels
) -> list[dict[str, Any]]:
    """Collect the marks that stand and that the findings do not hold already.

    Parameters
    ----------
    findings : DataFrame
    verdicts : DataFrame
        From ``annotaudit.review.load``.
    labels : Labels

    Returns
    -------
    list of dict
        A line of the ledger each, as far as the browser needs it.
    """
    seen = verdicts[verdicts["rule"].isin(SEEN)]
    if seen.empty:
        return []
    ids = marks(verdicts, labels)["id"]
    if "rule" in findings:
        _, known = pairs(findings[findings["rule"].isin(SEEN)], seen, FINDING)
        ids = ids[~ids.isin(seen["id"].iloc[known])]
    lines = seen.loc[seen["id"].isin(ids), list(MARK_COLUMNS)].astype(object)
    found: list[dict[str, Any]] = lines.where(lines.notna(), None).to_dict("records")
    return found
