"""What the ledger says of each finding, as the browser shows it."""

from __future__ import annotations

from typing import Any

import pandas as pd

from annotaudit.review import FINDING, last_word
from annotaudit.review.verdicts import CORRECTED, pairs


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
