"""Rules about names: one object, one box per frame, one class, and more than one frame."""

from __future__ import annotations

import numpy as np
import pandas as pd

from annotaudit.audit.duplicates import names_of, overlapping_boxes
from annotaudit.audit.findings import findings_of, no_findings
from annotaudit.audit.limits import Limits
from annotaudit.audit.study import Study, study
from annotaudit.metrics.absence import across
from annotaudit.metrics.order import Floats, Ints

RARE = 0.02  # of a sequence's objects; if more have one box only, that says less of each


def find_repeated_track(
    boxes: pd.DataFrame | Study, limits: Limits | None = None, frames: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Find frames on which one track has two boxes or more.

    The box that lies farther from the way of the track is named; where the track tells nothing,
    the one that comes later from left to right.

    Parameters
    ----------
    boxes : DataFrame
        A box table.
    limits : Limits, optional
        Uses none.
    frames : DataFrame, optional
        The frames looked at, as in ``Labels.frames``.

    Returns
    -------
    DataFrame
        One finding per track and frame; ``value`` is how many boxes it has there.

    Examples
    --------
    >>> car = pd.DataFrame({
    ...     "sequence": "street", "frame": [0, 1, 1, 2], "track": "car:1", "label": "car",
    ...     "annotator": "ann", "left": [100, 110, 300, 120], "top": 50, "width": 40, "height": 20})
    >>> find_repeated_track(car)[["frame", "left"]].to_numpy().tolist()
    [[1.0, 300.0]]
    """
    seen = boxes if isinstance(boxes, Study) else study(boxes, frames, limits)
    order = seen.order
    again = np.flatnonzero(order.repeated)
    if not len(again):
        return no_findings()
    expected = across(order, seen.sides, again)
    sides = seen.sides[:, again]
    with np.errstate(invalid="ignore", over="ignore"):
        off = np.nan_to_num(np.abs(sides - expected).max(axis=0), nan=0.0)
    spot = np.cumsum(~(order.same_object & (np.diff(order.places, prepend=-1) == 0)))[again]
    height, width, top, left = sides[::-1]
    farthest_last = np.lexsort((height, width, top, left, off, spot))
    last = np.append(np.diff(spot[farthest_last]) != 0, True)
    chosen = farthest_last[last]
    count = np.unique(spot, return_counts=True)[1]
    return findings_of(
        seen.boxes,
        order.rows[again[chosen]],
        rule="repeated_track",
        score=0.97,
        value=count,
        limit=1,
        unit="boxes on the frame",
        reason=[
            f"The same object has {n} boxes on this frame; keep one, rename or delete the rest."
            for n in count
        ],
        expected=expected[:, chosen],
    )


def find_label_change(
    boxes: pd.DataFrame | Study, limits: Limits | None = None, frames: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Find where a track changes its class and which of its boxes carry the rarer one.

    Parameters
    ----------
    boxes : DataFrame
        A box table. Boxes without a label say nothing.
    limits : Limits, optional
        Uses none.
    frames : DataFrame, optional
        The frames looked at, as in ``Labels.frames``.

    Returns
    -------
    DataFrame
        One finding per stretch of boxes with another label than most of the track's, at its first
        frame; ``value`` is the share of the track's boxes with that label, ``from_frame`` the frame
        before the stretch.

    Examples
    --------
    >>> car = pd.DataFrame({
    ...     "sequence": "street", "frame": range(4), "track": "car:1",
    ...     "label": ["car", "car", "bus", "car"],
    ...     "annotator": "ann", "left": 100, "top": 50, "width": 40, "height": 20})
    >>> find_label_change(car)["reason"][0]
    'Called bus on frame 2, though 3 of the 4 boxes of this object are called car.'
    """
    seen = boxes if isinstance(boxes, Study) else study(boxes, frames, limits)
    order = seen.order
    label, names = pd.factorize(seen.boxes["label"], sort=True)
    label = label[order.rows]
    known = np.flatnonzero(label >= 0)
    kind, objects, frame = label[known], order.objects[known], seen.frame[known]
    changes = np.zeros(len(known), dtype=bool)
    changes[1:] = (kind[1:] != kind[:-1]) & (objects[1:] == objects[:-1])
    if not changes.any():
        return no_findings()
    # Only tracks that change need counting, and those are few.
    mixed = np.isin(objects, objects[changes])
    known, kind, objects, frame = known[mixed], kind[mixed], objects[mixed], frame[mixed]
    usual, same, total = _usual_label(objects, kind)
    rare = kind != usual
    starts = rare.copy()
    starts[1:] &= ~((objects[1:] == objects[:-1]) & (kind[1:] == kind[:-1]))
    stretch = np.cumsum(starts)[rare] - 1
    first = np.flatnonzero(starts)
    last_frame = np.zeros(len(first), dtype=np.int64)
    np.maximum.at(last_frame, stretch, frame[rare])
    before = np.where(
        (first > 0) & (objects[first - 1] == objects[first]), frame[first - 1], np.nan
    )
    share = same[first] / total[first]
    usual_count = _count(objects, usual, kind)[first]
    return findings_of(
        seen.boxes,
        order.rows[known[first]],
        rule="label_change",
        score=0.95 - 0.3 * share,
        value=share,
        limit=0,
        unit="share of the track's boxes",
        reason=[
            f"Called {names[here]} on {_span(start, end)}, though {n} of the {all_} boxes of this "
            f"object are called {names[most]}."
            for here, start, end, n, all_, most in zip(
                kind[first],
                frame[first],
                last_frame,
                usual_count,
                total[first],
                usual[first],
                strict=True,
            )
        ],
        from_frame=before,
    )


def _usual_label(objects: Ints, kind: Ints) -> tuple[Ints, Ints, Ints]:
    """Per row: the label most boxes of its object have, how many share its own, how many in all.

    Between labels equally frequent, the one the track begins with is the usual one.
    """
    table = pd.DataFrame({"object": objects, "kind": kind})
    by_kind = table.groupby(["object", "kind"], sort=False)["kind"]
    same = by_kind.transform("size").to_numpy()
    total = table.groupby("object")["kind"].transform("size").to_numpy()
    first = table.assign(same=same, place=np.arange(len(table)))
    first = first.sort_values(["object", "same", "place"], ascending=[True, False, True])
    usual = first.drop_duplicates("object").set_index("object")["kind"]
    return usual.reindex(objects).to_numpy(), same, total


def _count(objects: Ints, usual: Ints, kind: Ints) -> Ints:
    counts = pd.Series(kind == usual).groupby(objects).transform("sum")
    number: Ints = counts.to_numpy(dtype=np.intp)
    return number


def _span(start: int, end: int) -> str:
    return f"frame {start}" if start == end else f"frames {start} to {end}"


def find_one_frame_track(
    boxes: pd.DataFrame | Study, limits: Limits | None = None, frames: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Find objects with a box on a single frame of a sequence in which others live longer.

    On the first and last frame looked at, and cut off by the border of the image, an object may
    well show only once; there it is no finding.

    Parameters
    ----------
    boxes : DataFrame
        A box table.
    limits : Limits, optional
        Uses ``second_id_iou`` and ``border``.
    frames : DataFrame, optional
        The frames looked at, as in ``Labels.frames``.

    Returns
    -------
    DataFrame
        Findings; ``value`` is 1, the length of the track. Where another box covers the same place,
        the object probably has two names, and the reason says which. Elsewhere the score falls with
        the share of the sequence's objects that have one box only, too: few frames a second make
        many of them.

    Examples
    --------
    >>> boxes = pd.DataFrame({
    ...     "sequence": "street", "frame": [0, 1, 2, 1], "track": ["a", "a", "a", "b"],
    ...     "label": "car", "annotator": "ann", "left": [0, 0, 0, 5], "top": 0, "width": 40,
    ...     "height": 20})
    >>> find_one_frame_track(boxes)["reason"][0]
    'Only box of this object, in the place of a (overlap 78%): probably a second name for it.'
    """
    seen = boxes if isinstance(boxes, Study) else study(boxes, frames, limits)
    alone = _single_rows(seen)
    if not len(alone):
        return no_findings()
    first, second, share = overlapping_boxes(
        seen, seen.limits.second_id_iou, seen.order.rows[alone]
    )
    pairs = pd.DataFrame(
        {
            "row": np.concatenate([first, second]),
            "other": np.concatenate([second, first]),
            "share": np.concatenate([share, share]),
        }
    ).sort_values(["row", "share", "other"], ascending=[True, False, True])
    best = pairs.drop_duplicates("row").set_index("row").reindex(seen.order.rows[alone])
    double = best["share"].notna().to_numpy()
    names = names_of(seen.boxes, best["other"].fillna(0).to_numpy(dtype=np.intp))
    return findings_of(
        seen.boxes,
        seen.order.rows[alone],
        rule="one_frame_track",
        score=np.where(double, 0.6, 0.3 / (1 + _share_of_others(seen, alone) / RARE)),
        value=1,
        limit=1,
        unit="frames",
        reason=[
            f"Only box of this object, in the place of {name} "
            f"(overlap {part:.0%}): probably a second name for it."
            if not np.isnan(part)
            else "Only box of this object; continue its track or delete the box."
            for name, part in zip(names, best["share"], strict=True)
        ],
    )


def _share_of_others(seen: Study, alone: Ints) -> Floats:
    """Of each of these boxes' sequences the share of objects that are among the others of them."""
    here = seen.sequence[alone]
    tracks = np.bincount(seen.sequence[~seen.order.same_object])
    return np.asarray((np.bincount(here)[here] - 1) / tracks[here])


def _single_rows(seen: Study) -> Ints:
    """Boxes, in track order, that are all their object has, where that is worth a question."""
    order = seen.order
    if not len(order.rows):
        return order.rows
    begins, ends = ~order.same_object, np.append(~order.same_object[1:], True)
    single = begins & ends
    sequence = seen.sequence
    tracks = np.bincount(sequence[begins])
    singles = np.bincount(sequence[single], minlength=len(tracks))
    first = np.full(len(tracks), np.iinfo(np.int64).max)
    last = np.full(len(tracks), -1)
    np.minimum.at(first, sequence[begins], order.places[begins])
    np.maximum.at(last, sequence[ends], order.places[ends])
    inner = (order.places > first[sequence]) & (order.places < last[sequence])
    # Where most tracks are this short, frames are stills or far apart, and it means nothing.
    usual = (2 * singles > tracks)[sequence]
    alone = np.flatnonzero(single & inner & ~usual)
    cut_off = seen.of_objects(order.rows[alone]).cut_off  # an object each, in the same order
    return alone[~cut_off.any(axis=0)]
