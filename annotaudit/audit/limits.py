"""Where a measurement becomes a finding: each limit with its unit and its reason."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields

from annotaudit.errors import LimitError


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Where a measurement becomes a finding. The defaults expect video of 5 fps or more.

    Each limit is one number; a wrong one is refused by name when the limits are made.

    Examples
    --------
    >>> Limits(min_iou=0.4).max_size_change
    0.25
    >>> Limits(min_iou=40)
    Traceback (most recent call last):
    annotaudit.errors.LimitError: min_iou=40: expected a share between 0 and 1; ...
    """

    min_iou: float = 0.5
    """Share of overlap with the frame before. At 5 fps people and cars keep more than half."""

    max_size_change: float = 0.25
    """Share of the area on the frame before. Little grows by a quarter in a fifth of a second."""

    max_deviation: float = 5.0
    """Times the track's usual scatter. At five, not one box in a thousand is off by chance."""

    min_scatter: float = 0.01
    """Share of the box size; less scatter is taken for rounding, and so is half a pixel."""

    max_gap: int = 10
    """Frames looked at. Over a longer absence an object has rather left, or was out of sight."""

    max_outside: float = 0.9
    """Share of a box outside the image. To draw on past the border is a style; this is not."""

    duplicate_iou: float = 0.8
    """Share of overlap of two boxes on one frame. Two people side by side stay well below it."""

    second_id_iou: float = 0.5
    """Share of overlap at which a track of one frame reads as a second name for its neighbour."""

    entry_frames: int = 3
    """Boxes at each end of a track in which an object may still come into view, or leave it."""

    max_unlikeness: float = 5.0
    """Times the usual scatter of how unlike a track's crops are; people turn, by up to four."""

    min_likeness: float = 1.5
    """Times nearer to another track's crops than to its own; 1 is a coin toss."""

    border: float = 2.0
    """Pixels from the edge of the image within which a box counts as cut off by it."""

    def __post_init__(self) -> None:
        for limit in fields(self):
            value = getattr(self, limit.name)
            if not _is_number(value) or not _RANGES[limit.name][0](value):
                raise LimitError(
                    f"{limit.name}={value!r}: expected {_RANGES[limit.name][1]}; "
                    f"the default is {limit.default!r}."
                )


Allowed = tuple[Callable[[float], bool], str]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


_SHARE: Allowed = (lambda value: 0 <= value <= 1, "a share between 0 and 1")
_POSITIVE: Allowed = (lambda value: value > 0, "a number above 0")
_COUNT: Allowed = (lambda value: value >= 0 and value == int(value), "a whole number, 0 or more")
_RANGES: dict[str, Allowed] = {
    "min_iou": _SHARE,
    "max_size_change": _POSITIVE,
    "max_deviation": _POSITIVE,
    "min_scatter": _POSITIVE,
    "max_gap": _COUNT,
    "max_outside": _SHARE,
    "duplicate_iou": (lambda value: 0.5 <= value <= 1, "a share between 0.5 and 1"),
    "second_id_iou": _SHARE,
    "entry_frames": _COUNT,
    "max_unlikeness": _POSITIVE,
    "min_likeness": (lambda value: value >= 1, "a number of times, 1 or more"),
    "border": (lambda value: value >= 0, "a number of pixels, 0 or more"),
}
