"""Rules about an object's own motion: a box that leaves it, and a frame that has no box."""

from __future__ import annotations

import numpy as np
import pandas as pd

from annotaudit.audit.findings import beyond, findings_of, no_findings, without_sides
from annotaudit.audit.limits import Limits
from annotaudit.audit.study import Study, study
from annotaudit.metrics.absence import gap_steps, missing_boxes
from annotaudit.metrics.order import Floats, Ints

EDGES = ("left", "top", "right", "bottom")


def find_off_course(
    boxes: pd.DataFrame | Study, limits: Limits | None = None, frames: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Find boxes that leave the course on which the boxes before and after them lie.

    The unit is the track's own scatter, so a shaky hand or a low frame rate raises the bar for
    the tracks it concerns and for no others. Edges cut off by the border of the image do not count.

    Parameters
    ----------
    boxes : DataFrame
        A box table.
    limits : Limits, optional
        Uses ``max_deviation``, ``min_scatter`` and ``border``.
    frames : DataFrame, optional
        The frames looked at, as in ``Labels.frames``.

    Returns
    -------
    DataFrame
        Findings; ``value`` is the distance of the worst edge in times the track's usual scatter.

    Examples
    --------
    >>> car = pd.DataFrame({
    ...     "sequence": "street", "frame": range(9), "track": "car:1", "label": "car",
    ...     "annotator": "ann", "left": range(100, 190, 10), "top": 50, "width": 40, "height": 20})
    >>> car.loc[4, "left"] -= 12
    >>> found = find_off_course(car)
    >>> found[["frame", "expected_left"]].to_numpy().tolist()
    [[4.0, 140.0]]
    >>> found["reason"][0]
    'Its left edge is 12 px too far left for the way from frame 3 to frame 5.'
    """
    seen = boxes if isinstance(boxes, Study) else study(boxes, frames, limits)
    limit = seen.limits.max_deviation
    wrong = np.flatnonzero(seen.deviation > limit)
    if not len(wrong):
        return no_findings()
    value = seen.deviation[wrong]
    return findings_of(
        seen.boxes,
        seen.order.rows[wrong],
        rule="off_course",
        score=beyond(value / limit, at_limit=0.15, far=0.95),
        value=value,
        limit=limit,
        unit="times the track's scatter",
        reason=_off_course_reasons(seen, wrong),
        expected=seen.expected[:, wrong],
    )


def _off_course_reasons(seen: Study, wrong: Ints) -> list[str]:
    residuals = np.nan_to_num(seen.residuals[:, wrong], nan=0.0)
    edge = np.abs(residuals).argmax(axis=0)
    far = residuals[edge, np.arange(len(wrong))]
    directions = (("far left", "far right"), ("high", "low"))
    before, after = _good_neighbours(seen, wrong)
    return [
        f"Its {EDGES[e]} edge is {abs(px):.0f} px too {directions[e % 2][int(px > 0)]} "
        f"for the way from frame {start} to frame {end}."
        for e, px, start, end in zip(edge, far, seen.frame[before], seen.frame[after], strict=True)
    ]


def _good_neighbours(seen: Study, rows: Ints) -> tuple[Ints, Ints]:
    """Nearest boxes before and after that do not look wrong themselves."""
    good = np.flatnonzero(~seen.suspects & ~seen.order.repeated)
    objects = seen.order.objects
    after = np.searchsorted(good, rows, side="right")
    before = np.searchsorted(good, rows, side="left") - 1
    last = good[np.maximum(before, 0)]
    following = good[np.minimum(after, len(good) - 1)]
    return (
        np.where((before >= 0) & (objects[last] == objects[rows]), last, rows - 1),
        np.where((after < len(good)) & (objects[following] == objects[rows]), following, rows + 1),
    )


def find_gap(
    boxes: pd.DataFrame | Study, limits: Limits | None = None, frames: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Find frames inside a track on which the object has no box.

    Sequences in which objects often vanish behind something have many gaps; there, each one is
    less of a surprise and scores lower. A longer absence than ``max_gap`` is no finding.

    Parameters
    ----------
    boxes : DataFrame
        A box table.
    limits : Limits, optional
        Uses ``max_gap``.
    frames : DataFrame, optional
        The frames looked at, as in ``Labels.frames``: only there can a box be missing.

    Returns
    -------
    DataFrame
        One finding per missing box, with the expected box and without sides; ``value`` is the
        length of the gap in frames.

    Examples
    --------
    >>> car = pd.DataFrame({
    ...     "sequence": "street", "frame": range(9), "track": "car:1", "label": "car",
    ...     "annotator": "ann", "left": range(100, 190, 10), "top": 50, "width": 40, "height": 20})
    >>> find_gap(car.drop(index=4))[["frame", "left", "expected_left"]].to_numpy().tolist()
    [[4.0, nan, 140.0]]
    """
    seen = boxes if isinstance(boxes, Study) else study(boxes, frames, limits)
    steps = gap_steps(seen.order)
    missing = seen.order.places[steps] - seen.order.places[steps - 1] - 1
    short = missing <= seen.limits.max_gap
    steps, length = steps[short], missing[short]
    if not len(steps):
        return no_findings()
    rate = _gaps_per_track(seen)[steps]
    which, frame, expected = missing_boxes(seen.boxes, seen.frames, seen.order, seen.sides, steps)
    length, rate = length[which], rate[which]
    after = steps[which]
    found = findings_of(
        seen.boxes,
        seen.order.rows[after],
        rule="gap",
        score=0.75 / (1 + rate),
        value=length,
        limit=0,
        unit="frames without a box",
        reason=[
            f"No box here, though the object has one on frame {before} and on frame {then}"
            f"{'' if n == 1 else f' ({n} frames without)'}; draw it, or mark it as hidden."
            for before, then, n in zip(
                seen.frame[after - 1], seen.frame[after], length, strict=True
            )
        ],
        expected=expected,
    )
    return without_sides(found).assign(frame=frame)


def _gaps_per_track(seen: Study) -> Floats:
    """Mean number of gaps of the tracks of each box's sequence."""
    order = seen.order
    _, sequence = np.unique(seen.sequence, return_inverse=True)
    gaps = np.bincount(sequence[gap_steps(order)], minlength=sequence.max(initial=0) + 1)
    tracks = np.bincount(sequence[~order.same_object], minlength=len(gaps))
    share: Floats = (gaps / np.maximum(tracks, 1))[sequence]
    return share
