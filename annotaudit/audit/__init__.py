"""Measurements that crossed a limit: findings, ranked, with a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from annotaudit.boxes import Labels


def audit(labels: Labels | pd.DataFrame) -> pd.DataFrame:
    """Rank what looks wrong in the labels (under construction)."""
    raise NotImplementedError
