"""Where a mismatch becomes a finding: each limit with its unit and its reason, per class."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from annotaudit.errors import LimitError


@dataclass(frozen=True, kw_only=True)
class LintLimits:
    """Where a mismatch becomes a finding; a wrong limit is refused by name.

    Examples
    --------
    >>> LintLimits(min_side=4).max_outside
    0.9
    >>> LintLimits(max_outside=90)
    Traceback (most recent call last):
    annotaudit.errors.LimitError: max_outside=90: expected a share between 0 and 1; the default ...
    """

    min_side: float = 2.0
    """Pixels. Nobody can tell what a thing is, or draw it to a pixel, that is less wide or high."""

    max_overhang: float = 2.0
    """Pixels a box may stick out of its image: rounding, and programs that count from 1."""

    max_outside: float = 0.9
    """Share of a box outside the image. To draw on past the border is a style; this is not."""

    duplicate_iou: float = 0.9
    """Share of overlap of two boxes of one class; in a crowd, true neighbours reach four fifths."""

    max_jitter: float = 0.5
    """Share of the usual time between frames; a frame that was dropped adds a whole one."""

    max_gap: int = 10
    """Frames looked at. Over a longer absence an object has rather left, or was out of sight."""

    def __post_init__(self) -> None:
        for limit in fields(self):
            value = getattr(self, limit.name)
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            allowed, expected = _RANGES[limit.name]
            if not is_number or not math.isfinite(value) or not allowed(value):
                raise LimitError(
                    f"{limit.name}={value!r}: expected {expected}; "
                    f"the default is {limit.default!r}."
                )


_PIXELS = (lambda value: value >= 0, "a number of pixels, 0 or more")
_RANGES: dict[str, tuple[Callable[[float], bool], str]] = {
    "min_side": _PIXELS,
    "max_overhang": _PIXELS,
    "max_outside": (lambda value: 0 <= value <= 1, "a share between 0 and 1"),
    "duplicate_iou": (lambda value: 0.5 <= value <= 1, "a share between 0.5 and 1"),
    "max_jitter": (lambda value: value > 0, "a number above 0"),
    "max_gap": (lambda value: value >= 0 and value == int(value), "a whole number, 0 or more"),
}


@dataclass(frozen=True)
class ClassLimits:
    """The limits of each class, and those of all others.

    Parameters
    ----------
    others : LintLimits
    by_label : dict
        Label to its limits.

    Examples
    --------
    >>> limits = limits_by_class({"person": LintLimits(min_side=8)})
    >>> limits.column("min_side", pd.Series(["person", "car", None])).tolist()
    [8.0, 2.0, 2.0]
    """

    others: LintLimits = field(default_factory=LintLimits)
    by_label: Mapping[str, LintLimits] = field(default_factory=dict)

    def column(self, name: str, labels: pd.Series) -> NDArray[np.float64]:
        """Give each label the limit of its class."""
        own = {label: getattr(limits, name) for label, limits in self.by_label.items()}
        values = labels.map(own) if own else pd.Series(np.nan, labels.index)
        filled: NDArray[np.float64] = (
            values.astype("float64").fillna(getattr(self.others, name)).to_numpy()
        )
        return filled

    def loosest(self, name: str, choose: Callable[..., float] = min) -> float:
        """Return the limit at which the first class begins to have findings."""
        return choose(getattr(limits, name) for limits in (self.others, *self.by_label.values()))


def limits_by_class(
    limits: LintLimits | Mapping[str, LintLimits] | ClassLimits | None,
) -> ClassLimits:
    """Turn what the caller gave into limits for every class; ``"*"`` means all others."""
    if isinstance(limits, ClassLimits):
        return limits
    if limits is None or isinstance(limits, LintLimits):
        return ClassLimits(limits or LintLimits())
    if not isinstance(limits, Mapping):
        raise LimitError(
            f"limits={limits!r}: expected annotaudit.LintLimits, or a dict of them by label."
        )
    for label, own in limits.items():
        if not isinstance(own, LintLimits):
            raise LimitError(
                f"limits[{label!r}] is {own!r}; expected annotaudit.LintLimits, as in "
                "{'person': annotaudit.LintLimits(min_side=8)}."
            )
    named = {str(label): own for label, own in limits.items() if label != "*"}
    return ClassLimits(limits.get("*", LintLimits()), named)
