"""People's verdicts on findings: kept for good, put to use, learned from."""

from annotaudit.review.corrections import apply
from annotaudit.review.ledger import Ledger, load
from annotaudit.review.lessons import recall, suggest_limits, summary
from annotaudit.review.marking import MARKS, SEEN, marks, with_marks
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
    "MARKS",
    "SEEN",
    "VERDICTS",
    "VERDICT_COLUMNS",
    "Ledger",
    "apply",
    "fingerprint",
    "last_word",
    "leave_out_fine",
    "load",
    "marks",
    "merge_back",
    "recall",
    "suggest_limits",
    "summary",
    "with_marks",
    "with_verdicts",
]
