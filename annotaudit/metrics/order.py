"""The boxes of each object in the order of its frames: what every measurement along a track needs.

A step leads from an object's box to its box on the next frame looked at. Across a gap there is
nothing to compare, and where an object has two boxes on one frame nobody knows which is meant:
such steps are unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from annotaudit.boxes import OBJECT, SIDES

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]

BLOCK = 1 << 15  # rows whose arithmetic fits in the processor's cache


@dataclass(frozen=True)
class TrackOrder:
    """The rows of a box table by object, then by frame; rows without a track are left out.

    Parameters
    ----------
    rows : int array, shape (n,)
        Where each box stands in the table.
    objects : int array, shape (n,)
        A number for its object: equal for equal sequence, annotator and track.
    places : int array, shape (n,)
        Place of its frame among the frames looked at in its sequence. One more is the next frame.
    size : int
        Rows of the table, with and without a track.
    """

    rows: Ints
    objects: Ints
    places: Ints
    size: int

    @cached_property
    def same_object(self) -> Bools:
        """Whether the box before, in this order, shows the same object."""
        return _like_before(self.objects)

    @cached_property
    def repeated(self) -> Bools:
        """Whether the object has another box on the same frame."""
        again = self.same_object & _like_before(self.places)
        also = again.copy()
        also[:-1] |= again[1:]
        return also

    @cached_property
    def follows(self) -> Bools:
        """Whether the box before is the object's only one on the frame looked at before."""
        steps = self.same_object.copy()
        steps[1:] &= self.places[1:] - self.places[:-1] == 1
        if self.repeated.any():
            steps = steps & ~self.repeated
            steps[1:] &= ~self.repeated[:-1]
        return steps

    @cached_property
    def runs(self) -> Ints:
        """A number for each stretch of boxes without a gap."""
        return np.cumsum(~self.follows)

    def back_to_table(self, values: Floats) -> Floats:
        """Put one value per ordered row where it belongs in the table; NaN elsewhere."""
        table = np.full(self.size, np.nan)
        table[self.rows] = values
        return table


def _like_before(keys: Ints) -> Bools:
    same = np.zeros(len(keys), dtype=bool)
    np.equal(keys[1:], keys[:-1], out=same[1:])
    return same


def track_order(
    boxes: pd.DataFrame, frames: pd.DataFrame | None = None, seen: LookedAt | None = None
) -> TrackOrder:
    """Put the boxes of each object in the order of its frames.

    Parameters
    ----------
    boxes : DataFrame
        A checked box table, in any order.
    frames : DataFrame, optional
        One row per frame looked at, as in ``Labels.frames``. Without it, or for a sequence it
        does not mention, every frame number counts as looked at.
    seen : LookedAt, optional
        What :func:`looked_at` made of these boxes and frames, where it is known already.

    Examples
    --------
    >>> boxes = pd.DataFrame({"sequence": "s", "annotator": "a", "track": ["b", "a", "a"],
    ...                       "frame": [0, 4, 2]})
    >>> order = track_order(boxes)
    >>> order.rows.tolist(), order.places.tolist()
    ([0, 2, 1], [0, 2, 4])
    >>> looked_at = pd.DataFrame({"sequence": "s", "frame": [0, 2, 4]})
    >>> track_order(boxes, looked_at).places.tolist()
    [0, 1, 2]
    """
    objects, known = object_codes(boxes)
    places = frame_places(boxes, frames, seen)
    if known.all():
        rows = np.lexsort((narrow(places), narrow(objects)))
    else:
        rows = np.flatnonzero(known)
        rows = rows[np.lexsort((narrow(places[rows]), narrow(objects[rows])))]
    return TrackOrder(rows, objects[rows], places[rows], len(boxes))


def object_codes(boxes: pd.DataFrame) -> tuple[Ints, Bools]:
    """Number the object of each row, and tell which rows have one (a track is named)."""
    known = boxes["track"].notna().to_numpy(dtype=bool)
    numbers = codes([boxes[name] for name in OBJECT])
    return numbers, known


def codes(columns: list[pd.Series]) -> Ints:
    """Give equal numbers to rows that are equal in all of the columns; missing equals missing."""
    combined = np.zeros(len(columns[0]), dtype=np.intp)
    count = 1
    for column in columns:
        if _is_constant(column):
            continue  # as a single annotator: it tells no rows apart
        numbers, names = pd.factorize(column)
        if count * (len(names) + 1) > 2**53:
            combined, rest = pd.factorize(combined)
            count = len(rest)
        combined = combined * (len(names) + 1) + (numbers + 1)
        count *= len(names) + 1
    return combined


def _is_constant(column: pd.Series) -> bool:
    """Tell cheaply whether a column has one value throughout; when in doubt, no."""
    if not len(column):
        return True
    first = column.iloc[0]
    return bool(column.iloc[-1] == first and (column == first).all())


def narrow(keys: Ints) -> NDArray[np.integer]:
    """Keep the order of the keys in the fewest bits: 16 sort several times faster than 64."""
    if not len(keys):
        return keys
    low = keys.min()
    span = int(keys.max()) - int(low)
    for kind in (np.uint8, np.uint16, np.uint32):
        if span <= np.iinfo(kind).max:
            return (keys if low == 0 else keys - low).astype(kind)
    return keys


def frame_places(
    boxes: pd.DataFrame, frames: pd.DataFrame | None, seen: LookedAt | None = None
) -> Ints:
    """Place of each box's frame among the frames looked at in its sequence."""
    numbers: Ints = boxes["frame"].to_numpy()
    if frames is None or not len(frames) or not len(boxes):
        return numbers
    seen = seen or looked_at(boxes, frames)
    known, places = seen.sequence >= 0, numbers.copy()
    places[known] = seen.cell[known] - seen.first[seen.sequence[known]]
    return places


def looked_at_frames(
    boxes: pd.DataFrame, frames: pd.DataFrame | None, rows: Ints, places: Ints
) -> Ints:
    """Turn places among the frames looked at into frame numbers; the rows tell the sequence."""
    if frames is None or not len(frames) or not len(rows):
        return places
    seen = looked_at(boxes, frames)
    sequence, numbers = seen.sequence[rows], places.copy()
    known = sequence >= 0
    numbers[known] = seen.frame[seen.first[sequence[known]] + places[known]]
    return numbers


@dataclass(frozen=True)
class LookedAt:
    """The cells, that is frames looked at in the sequences that the table of frames mentions.

    Parameters
    ----------
    frame : int array, shape (cells,)
        Their frame numbers, sequence by sequence, ascending.
    first : int array, shape (sequences,)
        Where each sequence begins among the cells.
    sequence : int array, shape (n,)
        Number of each box's sequence, -1 where it is not mentioned.
    cell : int array, shape (n,)
        The cell each box lies in, -1 in such a sequence.
    listed : int array, shape (m,)
        The cell each row of the table of frames is about, -1 where it names no frame.
    """

    frame: Ints
    first: Ints
    sequence: Ints
    cell: Ints
    listed: Ints


def looked_at(boxes: pd.DataFrame, frames: pd.DataFrame) -> LookedAt:
    """Number the frames looked at.

    A box on a frame that the table forgot was looked at all the same: someone drew on it.
    """
    named, names = pd.factorize(frames["sequence"])
    number = frames["frame"].to_numpy()
    known = (named >= 0) & pd.notna(number)
    own, own_names = pd.factorize(boxes["sequence"])
    own = pd.Index(names).get_indexer(pd.Index(own_names))[own]
    mentioned = own >= 0
    sequence = np.concatenate([named[known], own[mentioned]])
    frame = np.concatenate([number[known], boxes["frame"].to_numpy()[mentioned]])
    frame, levels = pd.factorize(frame, sort=True)
    place, cells = pd.factorize(sequence * len(levels) + frame, sort=True)
    cell, listed = np.full(len(boxes), -1), np.full(len(frames), -1)
    listed[known], cell[mentioned] = np.split(place, [known.sum()])
    return LookedAt(
        frame=levels[cells % max(len(levels), 1)],
        first=np.searchsorted(cells, np.arange(len(names)) * len(levels)),
        sequence=own,
        cell=cell,
        listed=listed,
    )


def frame_times(boxes: pd.DataFrame, frames: pd.DataFrame | None) -> Floats | None:
    """Time of each box's frame in seconds, NaN where unknown; None if no time is known at all."""
    if frames is None or "time" not in frames or not frames["time"].notna().any():
        return None
    times = frames[["sequence", "frame", "time"]].drop_duplicates(["sequence", "frame"])
    merged = boxes[["sequence", "frame"]].merge(times, on=["sequence", "frame"], how="left")
    times_of_boxes: Floats = merged["time"].to_numpy(dtype=np.float64)
    return times_of_boxes


def sides_in_order(
    boxes: pd.DataFrame, order: TrackOrder, names: tuple[str, ...] = SIDES
) -> Floats:
    """Sides of the boxes in track order, shape (4, n), or fewer where fewer are named."""
    sides = np.empty((len(names), len(order.rows)))
    for side, values in zip(names, sides, strict=True):
        np.take(boxes[side].to_numpy(dtype=np.float64), order.rows, out=values)
    return sides


def over_steps(
    order: TrackOrder, sides: Floats, measure: Callable[[Floats, Floats], Floats]
) -> Floats:
    """Apply a measure to the box before and the box after of every step; NaN where there is none.

    The boxes come and go in blocks, so that what the measure makes on its way stays in the
    processor's cache.
    """
    values = np.full(len(order.rows), np.nan)
    for block in _blocks(1, len(order.rows)):
        before = sides[:, block.start - 1 : block.stop - 1]
        step = measure(before, sides[:, block])
        step[~order.follows[block]] = np.nan
        values[block] = step
    return values


def _blocks(start: int, stop: int) -> Iterator[slice]:
    for first in range(start, stop, BLOCK):
        yield slice(first, min(first + BLOCK, stop))
