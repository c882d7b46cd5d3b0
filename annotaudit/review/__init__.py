"""People's verdicts on findings: kept for good, put to use, learned from."""

from annotaudit.review.corrections import apply
from annotaudit.review.ledger import Ledger, load
from annotaudit.review.lessons import suggest_limits, summary
from annotaudit.review.merging import merge_back
from annotaudit.review.verdicts import (
    FINDING,
    VERDICT_COLUMNS,
    VERDICTS,
    fingerprint,
    last_word,
    leave_out_fine,
    with_verdicts,
)

__all__ = [
    "FINDING",
    "VERDICTS",
    "VERDICT_COLUMNS",
    "Ledger",
    "apply",
    "fingerprint",
    "last_word",
    "leave_out_fine",
    "load",
    "merge_back",
    "suggest_limits",
    "summary",
    "with_verdicts",
]
