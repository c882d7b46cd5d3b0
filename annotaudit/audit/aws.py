"""The rule of Amazon's video tutorial, done right: every step beyond a fixed limit.

A step between consecutive frames looked at is a finding if the box's area changes by more than a
share, or if the two boxes overlap by less than one. It is named by its later frame and keeps the
earlier one in ``from_frame``; which of the two boxes is wrong is left to the reader. Boxes are
half-open; where an object enters, leaves or pauses there is no step.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from annotaudit.audit.findings import beyond, findings_of, no_findings
from annotaudit.audit.limits import Limits
from annotaudit.audit.study import Study, study


def find_aws_overlap(
    boxes: pd.DataFrame | Study, limits: Limits | None = None, frames: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Find every step over which the overlap is below ``min_iou``.

    Parameters
    ----------
    boxes : DataFrame
        A box table.
    limits : Limits, optional
        Uses ``min_iou``.
    frames : DataFrame, optional
        The frames looked at, as in ``Labels.frames``.

    Examples
    --------
    >>> car = pd.DataFrame({
    ...     "sequence": "street", "frame": range(9), "track": "car:1", "label": "car",
    ...     "annotator": "ann", "left": 100, "top": 50, "width": 40, "height": 20})
    >>> car.loc[4, "left"] += 30
    >>> find_aws_overlap(car)[["from_frame", "frame"]].to_numpy().tolist()
    [[3.0, 4.0], [4.0, 5.0]]
    """
    seen = boxes if isinstance(boxes, Study) else study(boxes, frames, limits)
    limit = seen.limits.min_iou
    after = np.flatnonzero(seen.iou < limit)
    if not len(after):
        return no_findings()
    value = seen.iou[after]
    ratio = np.divide(limit, value, out=np.full(len(value), np.inf), where=value > 0)
    return findings_of(
        seen.boxes,
        seen.order.rows[after],
        rule="aws_overlap",
        score=beyond(ratio, at_limit=0.4, far=0.9),
        value=value,
        limit=limit,
        unit="share of overlap",
        reason=[
            f"Overlaps its box on frame {before} by {share:.0%}, less than {limit:.0%}; "
            "one of the two may be wrong."
            for share, before in zip(value, seen.frame[after - 1], strict=True)
        ],
        from_frame=seen.frame[after - 1],
    )


def find_aws_size(
    boxes: pd.DataFrame | Study, limits: Limits | None = None, frames: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Find every step over which the area changes by more than ``max_size_change``.

    Parameters
    ----------
    boxes : DataFrame
        A box table.
    limits : Limits, optional
        Uses ``max_size_change``.
    frames : DataFrame, optional
        The frames looked at, as in ``Labels.frames``.

    Examples
    --------
    >>> car = pd.DataFrame({
    ...     "sequence": "street", "frame": range(9), "track": "car:1", "label": "car",
    ...     "annotator": "ann", "left": 100, "top": 50, "width": 40, "height": 20})
    >>> car.loc[4, "height"] = 12
    >>> find_aws_size(car)[["frame", "value"]].round(2).to_numpy().tolist()
    [[4.0, -0.4], [5.0, 0.67]]
    """
    seen = boxes if isinstance(boxes, Study) else study(boxes, frames, limits)
    limit = seen.limits.max_size_change
    after = np.flatnonzero(np.abs(seen.size_change) > limit)
    if not len(after):
        return no_findings()
    value = seen.size_change[after]
    return findings_of(
        seen.boxes,
        seen.order.rows[after],
        rule="aws_size",
        score=beyond(np.abs(value) / limit, at_limit=0.35, far=0.8),
        value=value,
        limit=limit,
        unit="share of the earlier area",
        reason=[
            f"Its area changes by {share:+.0%} from frame {before}, more than {limit:.0%}; "
            "one of the two boxes may be wrong."
            for share, before in zip(value, seen.frame[after - 1], strict=True)
        ],
        from_frame=seen.frame[after - 1],
    )
