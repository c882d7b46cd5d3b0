"""Boxes in the order of time, object by object: what every measurement of motion starts from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from annotaudit.boxes import OBJECT, SIDES
from annotaudit.metrics.order import narrow

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Paths:
    """Boxes sorted by object and time, as plain arrays; one entry, or column, per box.

    Attributes
    ----------
    row : int array, shape (n,)
        Position of the box in the table it came from.
    scene, thing, moment : int arrays, shape (n,)
        Number of the (sequence, annotator), of the object, and of the frame within the scene
        (unique over all scenes, ascending in time).
    time : int array, shape (n,)
        Frames looked at before this one in its sequence.
    edges : float array, shape (4, n)
        Left, top, right and bottom in pixels. Boxes without area or with an unknown side hold
        the edges of the object's last sound box (see ``sound``).
    sound : bool array, shape (n,)
        Whether the box has four finite sides and an area.
    size : float array, shape (n,)
        Square root of width times height of the sound box, at least 1 pixel.
    before, after : int arrays, shape (n,)
        How many boxes of the same object come earlier and later.
    clipped : bool array, shape (4, n)
        Whether the edge lies on the border of the image or beyond, where it says nothing of
        the object's motion.
    """

    row: Ints
    scene: Ints
    thing: Ints
    moment: Ints
    time: Ints
    edges: Floats
    sound: Bools
    size: Floats
    before: Ints
    after: Ints
    clipped: Bools
    image_width: Floats
    image_height: Floats

    def __len__(self) -> int:
        return len(self.row)

    def runs(self, most: int) -> Iterator[slice]:
        """Cut into slices of about ``most`` boxes between objects."""
        starts = np.append(np.flatnonzero(self.before == 0), len(self))
        start = 0
        while start < len(self):
            place = np.searchsorted(starts, min(start + most, len(self)))
            yield slice(start, int(starts[place]))
            start = int(starts[place])


def paths_of(boxes: pd.DataFrame, frames: pd.DataFrame | None = None) -> Paths:
    """Sort the tracked boxes of a table by object and time.

    Parameters
    ----------
    boxes : DataFrame
        A box table. Boxes without a track are left out, and so is all but the first box of an
        object in one frame.
    frames : DataFrame, optional
        The frames looked at. Without it every frame number counts as looked at and the size of
        the image is unknown.

    Returns
    -------
    Paths

    Examples
    --------
    >>> boxes = pd.DataFrame({
    ...     "sequence": "street", "frame": [1, 0, 0], "track": ["a", "a", "b"], "label": "car",
    ...     "annotator": "ann", "left": [2.0, 0, 5], "top": 0.0, "width": 4.0, "height": 4.0})
    >>> paths_of(boxes).row
    array([1, 0, 2])
    """
    sequence, names, scene, thing = _codes(boxes)
    frame = boxes["frame"].to_numpy(dtype=np.int64)
    row = np.flatnonzero(thing >= 0)
    place, levels = pd.factorize(frame[row], sort=True)
    key = thing[row] * len(levels) + place
    if (np.diff(key) < 0).any():
        order = np.lexsort((narrow(place), narrow(thing[row])))
        row, key = row[order], key[order]
    fresh = np.ones(len(row), dtype=bool)
    fresh[1:] = np.diff(key) > 0
    row, place = row[fresh], key[fresh] % max(len(levels), 1)
    sequence, scene, thing, frame = sequence[row], scene[row], thing[row], frame[row]
    before, after = _places(thing)
    edges, sound = _edges(boxes, row, before)
    width, height = edges[2] - edges[0], edges[3] - edges[1]
    image_width, image_height = _image_sizes(sequence, names, frames)
    return Paths(
        row=row,
        scene=scene,
        thing=thing,
        moment=pd.factorize(scene * len(levels) + place, sort=True)[0],
        time=_looked_at(sequence, names, frame, frames),
        edges=edges,
        sound=sound,
        size=np.sqrt(np.maximum(width * height, 1.0)),
        before=before,
        after=after,
        clipped=_clipped(edges, scene, before, image_width, image_height),
        image_width=image_width,
        image_height=image_height,
    )


def _codes(boxes: pd.DataFrame) -> tuple[Ints, pd.Index, Ints, Ints]:
    """Numbers and names of the sequences; numbers of scene and object.

    In the order of their names, so that splitting is harmless.
    """
    (sequence, names), (annotator, _), (track, _) = (
        pd.factorize(boxes[name], sort=True, use_na_sentinel=name == "track") for name in OBJECT
    )
    scene = sequence * (annotator.max(initial=0) + 1) + annotator
    thing = np.where(track >= 0, scene * (track.max(initial=0) + 1) + track, -1)
    return sequence, names, scene, thing


def _places(thing: Ints) -> tuple[Ints, Ints]:
    n = len(thing)
    first = np.ones(n, dtype=bool)
    first[1:] = thing[1:] != thing[:-1]
    starts = np.flatnonzero(first)
    lengths = np.diff(np.append(starts, n))
    before = np.arange(n) - np.repeat(starts, lengths)
    return before, np.repeat(lengths, lengths) - 1 - before


def _edges(boxes: pd.DataFrame, row: Ints, before: Ints) -> tuple[Floats, Bools]:
    edges = np.stack([boxes[name].to_numpy(dtype=np.float64).take(row) for name in SIDES])
    with np.errstate(invalid="ignore"):
        sound = (edges[2] > 0) & (edges[3] > 0)
        edges[2:] += edges[:2]
        sound &= (np.abs(edges) < 1e7).all(axis=0)
    if not sound.all():
        edges = edges.take(_nearest_sound(sound, before), axis=1)
        edges[:, ~np.isfinite(edges).all(axis=0)] = np.array([[0.0], [0.0], [1.0], [1.0]])
        flat = (edges[2] <= edges[0]) | (edges[3] <= edges[1]) | (np.abs(edges) >= 1e7).any(axis=0)
        edges[:, flat] = np.array([[0.0], [0.0], [1.0], [1.0]])
    return edges, sound


def _clipped(edges: Floats, scene: Ints, before: Ints, width: Floats, height: Floats) -> Bools:
    """Tell which edges lie on the border of the image.

    Where its size is unknown, the outermost coordinate of a scene counts as the border if edges
    stay on it for at least three steps while the opposite edge moves on.
    """
    if not len(scene):
        return np.zeros(edges.shape, dtype=bool)
    first = np.flatnonzero(np.append(True, scene[1:] != scene[:-1]))
    sizes = np.diff(np.append(first, len(scene)))
    clipped = np.stack([edges[0] <= 1.0, edges[1] <= 1.0, *np.zeros((2, len(scene)), dtype=bool)])
    for edge, known in ((2, width), (3, height)):
        outermost = np.repeat(np.maximum.reduceat(edges[edge], first), sizes)
        there = edges[edge] == outermost
        stays = there.copy()
        stays[1:] &= there[:-1] & (before[1:] > 0) & (np.abs(np.diff(edges[edge - 2])) > 0.5)
        stays[0] = False
        border = np.repeat(np.add.reduceat(stays.astype(np.int64), first), sizes) >= 3
        clipped[edge] = np.where(np.isfinite(known), edges[edge] >= known - 2.0, there & border)
    return clipped


def _nearest_sound(sound: Bools, before: Ints) -> Ints:
    """Index of the object's last sound box, or its next one where none came before."""
    n = len(sound)
    at = np.arange(n)
    last = np.maximum.accumulate(np.where(sound, at, -1))
    following = np.minimum.accumulate(np.where(sound, at, n)[::-1])[::-1]
    inside = last >= at - before
    return np.where(inside, last, np.where(following < n, following, at))


def _looked_at(sequence: Ints, names: pd.Index, frame: Ints, frames: pd.DataFrame | None) -> Ints:
    """Rank of each frame among those looked at; the frame number where nothing is known."""
    if frames is None or not len(frames):
        return frame
    known = frames["frame"].to_numpy(dtype=np.int64)
    number, listed_names = pd.factorize(frames["sequence"])
    own = pd.Index(listed_names).get_indexer(names)[sequence]
    reach = int(max(frame.max(initial=0), known.max(initial=0))) + 1
    key = np.unique(number * reach + known)
    starts = np.searchsorted(key, np.arange(len(listed_names)) * reach)
    place = np.searchsorted(key, own * reach + frame)
    listed = (own >= 0) & (key[np.minimum(place, len(key) - 1)] == own * reach + frame)
    # A sequence with a box on a frame that was never listed has no order to go by.
    broken = np.zeros(len(listed_names) + 1, dtype=bool)
    broken[own[~listed]] = True  # the last: sequences that are not listed at all
    return np.where(broken[own], frame, place - starts[np.maximum(own, 0)])


def _image_sizes(
    sequence: Ints, names: pd.Index, frames: pd.DataFrame | None
) -> tuple[Floats, Floats]:
    """Width and height of the image of each box's sequence, NaN where unknown."""
    if frames is None or not {"image_width", "image_height"} <= set(frames.columns):
        unknown = np.full(len(sequence), np.nan)
        return unknown, unknown
    sizes = frames.groupby("sequence")[["image_width", "image_height"]].max()
    width, height = sizes.reindex(names).to_numpy(dtype=np.float64).T
    return width[sequence], height[sequence]
