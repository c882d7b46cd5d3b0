"""One line of a ledger: what it must look like, how it is written, read and tabulated.

One JSON object per line, in UTF-8 (only ASCII is written), one line per verdict:

===================== ==========================================================================
field                 meaning
===================== ==========================================================================
schema                1
id                    names this line
sequence, annotator,  the finding that was judged; ``track`` and ``annotator`` may be null
track, frame, rule
score                 the finding's score when it was judged, or null
left, top, width,     the box as it was judged, pixels; null where a box is missing
height
label                 of the box as it was judged, or null
verdict               ``mistake``, ``fine`` or ``unsure``
corrected_left, ...   the box as it should be, pixels; null where nobody said
corrected_label,      the label and the object as they should be; null where nobody said
corrected_track
onward                whether that object is meant from this frame on, not on this frame alone
note, reviewer        text
time                  when, ISO 8601 with its offset
fingerprint           of the labels that were judged (``annotaudit.review.fingerprint``)
===================== ==========================================================================

What a reviewer saw and no finding names is a line as well: its rule begins with ``seen_`` (see
``annotaudit.review.MARKS``) and its score is null.

A line ``{"schema": 1, "withdraws": ID, "reviewer": ..., "time": ...}`` takes an earlier line back.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from math import isfinite
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
import pandas as pd

from annotaudit.boxes import TEXT
from annotaudit.errors import BoxTableError, LimitError
from annotaudit.review.verdicts import VERDICT_COLUMNS

SCHEMA = 1


class Stated(msgspec.Struct, kw_only=True):
    """What a line that holds a verdict must look like."""

    schema: Annotated[int, msgspec.Meta(ge=1)]
    sequence: str
    frame: Annotated[int, msgspec.Meta(ge=0, le=2**53)]
    rule: str
    verdict: Literal["mistake", "fine", "unsure"]
    time: Annotated[datetime, msgspec.Meta(tz=True)]
    track: str | None = None
    annotator: str | None = None
    score: float | None = None
    left: float | None = None
    top: float | None = None
    width: float | None = None
    height: float | None = None
    corrected_left: float | None = None
    corrected_top: float | None = None
    corrected_width: float | None = None
    corrected_height: float | None = None
    label: str | None = None
    corrected_label: str | None = None
    corrected_track: str | None = None
    onward: bool = False
    note: str = ""
    reviewer: str = ""
    fingerprint: str = ""
    id: str = ""

    def __post_init__(self) -> None:
        self.time = self.time.astimezone(UTC)


class Withdrawn(msgspec.Struct, kw_only=True):
    """What a line that takes another one back must look like."""

    schema: Annotated[int, msgspec.Meta(ge=1)]
    withdraws: str


class _Kind(msgspec.Struct):
    """What must be known of a line before anything else."""

    schema: int
    withdraws: str | None = None


def parsed(line: bytes) -> Stated | Withdrawn | str:
    """Read a line; if it cannot be read, say why."""
    try:
        kind = msgspec.json.decode(line, type=_Kind)
        if kind.schema > SCHEMA:
            return (
                f"Written in version {kind.schema} of the ledger; this annotaudit reads version "
                f"{SCHEMA}. Update annotaudit."
            )
        if kind.withdraws is not None:
            return msgspec.json.decode(line, type=Withdrawn)
        return msgspec.json.decode(line, type=Stated)
    except (msgspec.DecodeError, UnicodeDecodeError, OverflowError, RecursionError) as error:
        return f"Not a line of a ledger ({error}); it starts {line[:60]!r}. It was left out."


def encoded(line: dict[str, Any]) -> bytes:
    """Write a line. Only ASCII, so that no editor finds an end of line inside a note."""
    return json.dumps(line, allow_nan=False).encode("ascii")


def table(lines: Sequence[Stated]) -> pd.DataFrame:
    """Make the table of verdicts of the lines; see ``annotaudit.review.VERDICT_COLUMNS``."""

    def column(name: str, kind: str) -> pd.Series:
        values = [getattr(line, name) for line in lines]
        if kind == "str":
            return pd.Series([np.nan if v is None else v for v in values], dtype=TEXT)
        if name == "time":
            moments = np.array([time.replace(tzinfo=None) for time in values], "datetime64[us]")
            return pd.Series(moments).dt.tz_localize("UTC")
        return pd.Series(values, dtype=kind)

    return pd.DataFrame({name: column(name, kind) for name, kind in VERDICT_COLUMNS.items()})


def as_text(value: object) -> str | None:
    """Make text of a value; nothing of a missing one."""
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return None
    # Half of a surrogate pair is no text: no table of strings can hold it.
    return str(value).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def as_number(value: object) -> float | None:
    """Make a number of a value; nothing of one that is missing or not finite."""
    number = np.nan if value is None or value is pd.NA else float(value)  # type: ignore[arg-type]
    return number if isfinite(number) else None


def as_corrected(box: Sequence[float] | None) -> list[float | None]:
    """Return the four sides of a corrected box, or four times nothing."""
    if box is None:
        return [None] * 4
    sides = [as_number(side) for side in box]
    if len(sides) != 4 or None in sides or min(sides[2:]) <= 0:  # type: ignore[type-var, operator]
        raise BoxTableError(
            f"A corrected box is left, top, width and height in pixels, the last two above 0; "
            f"found {list(box)!r}. Nothing was written."
        )
    return sides


def as_moment(time: datetime | None) -> str:
    """Write a time in ISO 8601, in UTC; now, if there is none."""
    moment = datetime.now(UTC) if time is None else time
    if moment.tzinfo is None:
        raise LimitError(
            f"The time of a verdict needs a zone; found {moment!r}. Add one, as with "
            "time.replace(tzinfo=datetime.UTC)."
        )
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
