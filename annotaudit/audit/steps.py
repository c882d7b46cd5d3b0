"""Rules about steps: an object's box against its box on the frame before.

A step has two ends, and only one of them looks wrong as a rule. It is named by the end that fits
the rest of the track worse; where both fit alike, by the end whose stretch of unbroken steps is
shorter. So one bad box is one finding, though it breaks two steps.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from annotaudit.audit.findings import beyond, findings_of, no_findings
from annotaudit.audit.limits import Limits
from annotaudit.audit.study import Study, study
from annotaudit.metrics.order import Bools, Floats, Ints

CLEARLY = 1.25  # one end is off by this much more than the other: no matter of chance
FITS = 2.0  # times the usual scatter: a box this near to where it is expected moves as its track
AT_AN_END = 0.5  # what remains where no boxes on both sides tell which of the two is wrong
EXPLAINED = 0.1  # what remains of a score when the track's own motion explains the step


def find_low_overlap(
    boxes: pd.DataFrame | Study, limits: Limits | None = None, frames: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Find boxes that hardly overlap the same object's box on the frame before or after.

    Parameters
    ----------
    boxes : DataFrame
        A box table.
    limits : Limits, optional
        Uses ``min_iou``.
    frames : DataFrame, optional
        The frames looked at, as in ``Labels.frames``.

    Returns
    -------
    DataFrame
        Findings; ``value`` is the overlap, ``from_frame`` the earlier frame of the step.

    Examples
    --------
    >>> car = pd.DataFrame({
    ...     "sequence": "street", "frame": range(9), "track": "car:1", "label": "car",
    ...     "annotator": "ann", "left": 100, "top": 50, "width": 40, "height": 20})
    >>> car.loc[4, "left"] += 30  # one bad box breaks two steps
    >>> find_low_overlap(car)["frame"].tolist()
    [4]
    """
    seen = boxes if isinstance(boxes, Study) else study(boxes, frames, limits)
    limit = seen.limits.min_iou
    broken = seen.iou < limit
    steps, wrong = _worst_per_box(seen, broken, severity=-seen.iou)
    if not len(steps):
        return no_findings()
    value = seen.iou[steps]
    ratio = np.divide(limit, value, out=np.full(len(value), np.inf), where=value > 0)
    reasons = [
        f"Overlaps the box of the same object on frame {other} by only {share:.0%}; {why}."
        for other, share, why in zip(
            _other_frame(seen, steps, wrong), value, _why(seen, steps, wrong), strict=True
        )
    ]
    return findings_of(
        seen.boxes,
        seen.order.rows[wrong],
        rule="low_overlap",
        score=beyond(ratio, at_limit=0.15, far=0.7) * _doubt(seen, wrong),
        value=value,
        limit=limit,
        unit="share of overlap",
        reason=reasons,
        expected=seen.expected[:, wrong],
        from_frame=seen.frame[steps - 1],
    )


def find_size_jump(
    boxes: pd.DataFrame | Study, limits: Limits | None = None, frames: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Find boxes whose size jumps from one frame to the next.

    An object that comes into view, from behind the border of the image or behind something else,
    grows; one that leaves shrinks. Neither is a finding.

    Parameters
    ----------
    boxes : DataFrame
        A box table.
    limits : Limits, optional
        Uses ``max_size_change``, ``entry_frames`` and ``border``.
    frames : DataFrame, optional
        The frames looked at, as in ``Labels.frames``.

    Returns
    -------
    DataFrame
        Findings; ``value`` is the signed share of the earlier area, ``from_frame`` the earlier
        frame of the step.

    Examples
    --------
    >>> car = pd.DataFrame({
    ...     "sequence": "street", "frame": range(9), "track": "car:1", "label": "car",
    ...     "annotator": "ann", "left": 100, "top": 50, "width": 40, "height": 20})
    >>> car.loc[4, "height"] = 12
    >>> find_size_jump(car)[["frame", "value"]].round(2).to_numpy().tolist()
    [[4.0, 0.67]]
    """
    seen = boxes if isinstance(boxes, Study) else study(boxes, frames, limits)
    limit = seen.limits.max_size_change
    broken = (np.abs(seen.size_change) > limit) & ~seen.enters & ~seen.leaves
    steps, wrong = _worst_per_box(seen, broken, severity=np.abs(seen.size_change))
    if not len(steps):
        return no_findings()
    value = seen.size_change[steps]
    reasons = [
        f"Its area {'grows' if share > 0 else 'shrinks'} by {abs(share):.0%} from frame {before} "
        f"to frame {after}; {why}."
        for share, before, after, why in zip(
            value,
            seen.frame[steps - 1],
            seen.frame[steps],
            _why(seen, steps, wrong),
            strict=True,
        )
    ]
    return findings_of(
        seen.boxes,
        seen.order.rows[wrong],
        rule="size_jump",
        score=beyond(np.abs(value) / limit, at_limit=0.1, far=0.6) * _doubt(seen, wrong),
        value=value,
        limit=limit,
        unit="share of the earlier area",
        reason=reasons,
        expected=seen.expected[:, wrong],
        from_frame=seen.frame[steps - 1],
    )


def _worst_per_box(seen: Study, broken: Bools, severity: Floats) -> tuple[Ints, Ints]:
    """Choose the wrong end of each broken step, and per wrong box its worst step."""
    steps = np.flatnonzero(broken)
    pieces = np.cumsum(~seen.order.follows | broken)
    length = np.bincount(pieces)
    off_before, off_after = seen.off[steps - 1], seen.off[steps]
    shorter_before = length[pieces[steps - 1]] < length[pieces[steps]]
    with np.errstate(invalid="ignore"):
        before_is_wrong = np.where(
            off_before > CLEARLY * off_after,
            True,
            np.where(off_after > CLEARLY * off_before, False, shorter_before),
        )
    wrong = steps - before_is_wrong
    worst_first = np.lexsort((steps, -severity[steps], wrong))
    _, first = np.unique(wrong[worst_first], return_index=True)
    chosen = worst_first[first]
    return steps[chosen], wrong[chosen]


def _other_frame(seen: Study, steps: Ints, wrong: Ints) -> Ints:
    return seen.frame[np.where(wrong == steps, steps - 1, steps)]


def _doubt(seen: Study, wrong: Ints) -> Floats:
    """What remains of a score: little where the box moves as its track does, some at its ends."""
    deviation = seen.deviation[wrong]
    beyond_fit = (deviation - FITS) / max(2 * seen.limits.max_deviation - FITS, 1e-9)
    explained = EXPLAINED + (1 - EXPLAINED) * np.clip(beyond_fit, 0.0, 1.0)
    return np.where(np.isnan(deviation), AT_AN_END, explained)


def _why(seen: Study, steps: Ints, wrong: Ints) -> list[str]:
    """Say why this end of the step was named and not the other."""
    deviation, frame, other = (
        seen.deviation[wrong],
        seen.frame[wrong],
        _other_frame(seen, steps, wrong),
    )
    return [
        f"nothing tells which of the two is wrong, so compare frame {here} with frame {there}"
        if np.isnan(times)
        else "but the frames around it show the same motion"
        if times < FITS
        else f"the frames around it suggest that the box on frame {here} is the wrong one"
        for times, here, there in zip(deviation, frame, other, strict=True)
    ]
