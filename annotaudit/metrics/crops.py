"""What lies inside the boxes, as arrays of one size: each picture is opened once, a few at a time.

Nothing grows with the length of the video: pictures are opened ahead of whoever takes the crops,
but only a few, and are gone once their boxes are cut out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from annotaudit.boxes import SIDES
from annotaudit.errors import FrameError, LimitError
from annotaudit.frames.crops import GROUND

if TYPE_CHECKING:
    from PIL.Image import Image

Fit = Literal["squeeze", "keep"]
Pixels = NDArray[np.uint8]
Floats = NDArray[np.float64]

LEAST = 2.0  # pixels; what is narrower or lower than this shows nothing
LARGEST = 4096  # pixels to a side of a crop


class Pictures(Protocol):
    """Where pictures come from: ``annotaudit.frames.Images``, or anything with its ``get``."""

    def get(self, sequence: str, frame: int) -> Image | None:
        """Give the picture of a frame, None if there is none."""
        ...


@dataclass(frozen=True)
class Stack:
    """The crops of one frame.

    Attributes
    ----------
    rows : int array, shape (n,)
        Where their boxes stand in the table.
    crops : uint8 array, shape (n, height, width, 3)
    problem : (str, str, str), optional
        Source, where and what, if the picture could not be opened; then there are no crops.
    """

    rows: NDArray[np.intp]
    crops: Pixels
    problem: tuple[str, str, str] | None = None


def cut_out(
    image: Image,
    boxes: Floats,
    size: tuple[int, int],
    *,
    fit: Fit = "squeeze",
    margin: float = 0.0,
) -> tuple[NDArray[np.intp], Pixels]:
    """Cut boxes out of a picture and scale them to one size.

    What a box covers beyond the edge of the picture is grey, so that its parts stay in place.

    Parameters
    ----------
    image : PIL image
        Of mode RGB.
    boxes : float array, shape (n, 4)
        Left, top, width and height, in pixels. Fractions of a pixel count.
    size : (int, int)
        Height and width of each crop, in pixels.
    fit : {"squeeze", "keep"}
        Whether a box of another shape is squeezed, or keeps its shape with grey beside it.
    margin : float
        Surroundings to include on each side, as a share of the box's larger side.

    Returns
    -------
    rows : int array, shape (m,)
        Which boxes show something. A box without area, with an unknown side, or off the picture
        does not.
    crops : uint8 array, shape (m, height, width, 3)

    Examples
    --------
    >>> import PIL.Image
    >>> image = PIL.Image.new("RGB", (100, 50), "red")
    >>> rows, crops = cut_out(image, np.array([[90.0, 10, 20, 20], [0, 0, 0, 9]]), (4, 4))
    >>> rows, crops[0, 0].tolist()
    (array([0]), [[255, 0, 0], [255, 0, 0], [127, 127, 127], [127, 127, 127]])
    """
    import PIL.Image

    height, width = size
    left, top, wide, high = boxes.T
    with np.errstate(invalid="ignore", over="ignore"):
        pad = margin * np.maximum(wide, high)
        edges = np.stack([left - pad, top - pad, left + wide + pad, top + high + pad])
        inside = np.clip(edges, 0.0, np.array([[image.width, image.height] * 2]).T)
        extent, seen = edges[2:] - edges[:2], inside[2:] - inside[:2]
        shown = (wide > 0) & (high > 0) & np.isfinite(extent).all(axis=0)
        shown &= (extent >= LEAST).all(axis=0) & (seen >= LEAST).all(axis=0)
    rows = np.flatnonzero(shown)
    edges, inside, extent = edges[:, rows], inside[:, rows], extent[:, rows]
    scale = np.array([[width], [height]]) / extent
    if fit == "keep":
        scale = np.broadcast_to(scale.min(axis=0), scale.shape)
    # Where the visible part comes to lie in the crop; centred where it does not fill it.
    free = (np.array([[width], [height]]) - scale * extent) / 2
    start = np.rint(free + scale * (inside[:2] - edges[:2])).astype(int)
    stop = np.rint(free + scale * (inside[2:] - edges[:2])).astype(int)
    limit = np.array([[width], [height]])
    start = np.minimum(start, limit - 1)
    stop = np.clip(stop, start + 1, limit)
    crops = np.empty((len(rows), height, width, 3), dtype=np.uint8)
    crops[...] = GROUND
    places = np.concatenate([start, stop]).T.tolist()
    for crop, part, (x0, y0, x1, y1) in zip(crops, inside.T.tolist(), places, strict=True):
        # Reducing by whole pixels first makes a large box as quick as a small one.
        scaled = image.resize(
            (x1 - x0, y1 - y0), PIL.Image.Resampling.BILINEAR, tuple(part), reducing_gap=2.0
        )
        crop[y0:y1, x0:x1] = np.asarray(scaled)
    return rows, crops


def stacks(
    boxes: pd.DataFrame,
    pictures: Pictures,
    size: tuple[int, int],
    *,
    fit: Fit = "squeeze",
    margin: float = 0.0,
    workers: int = 2,
) -> Iterator[Stack]:
    """Cut all boxes out of their pictures, one frame after the other.

    Parameters
    ----------
    boxes : DataFrame
        A checked box table, in any order.
    pictures : Images
    size, fit, margin
        As in :func:`cut_out`.
    workers : int
        Threads that open pictures ahead of the caller, each one at a time.

    Yields
    ------
    Stack
        One for each frame with boxes, in the order of the frames.

    Raises
    ------
    LimitError
        If an option is out of its range.
    """
    _check(size, fit, margin, workers)
    sides = boxes[list(SIDES)].to_numpy(dtype=np.float64)
    groups = boxes.groupby(["sequence", "frame"], sort=True).indices

    def job(sequence: str, frame: int, rows: NDArray[np.intp]) -> Stack:
        nothing = np.empty((0, *size, 3), dtype=np.uint8)
        try:
            image = pictures.get(sequence, frame)
        except FrameError as error:
            return Stack(rows[:0], nothing, (sequence, f"frame {frame}", str(error)))
        if image is None:
            return Stack(rows[:0], nothing)
        if image.mode != "RGB":
            image = image.convert("RGB")
        shown, crops = cut_out(image, sides[rows], size, fit=fit, margin=margin)
        return Stack(rows[shown], crops)

    with ThreadPoolExecutor(workers, thread_name_prefix="crops") as pool:
        ahead: deque[Future[Stack]] = deque()
        try:
            for (sequence, frame), rows in groups.items():
                ahead.append(pool.submit(job, sequence, int(frame), rows))
                if len(ahead) > workers:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:  # whoever stops early does not wait for what was ordered
            for waiting in ahead:
                waiting.cancel()


def batches(found: Iterator[Stack], size: int) -> Iterator[tuple[NDArray[np.intp], Pixels]]:
    """Regroup crops into batches of one size; the last may be smaller.

    Examples
    --------
    >>> three = Stack(np.arange(3), np.zeros((3, 4, 4, 3), np.uint8))
    >>> [len(rows) for rows, crops in batches(iter([three, three]), 4)]
    [4, 2]
    """
    rows: list[NDArray[np.intp]] = []
    crops: list[Pixels] = []
    held = 0
    for stack in found:
        rows.append(stack.rows)
        crops.append(stack.crops)
        held += len(stack.rows)
        while held >= size:
            all_rows, all_crops = np.concatenate(rows), np.concatenate(crops)
            yield all_rows[:size], all_crops[:size]
            rows, crops = [all_rows[size:]], [all_crops[size:]]
            held -= size
    if held:
        yield np.concatenate(rows), np.concatenate(crops)


def _check(size: tuple[int, int], fit: str, margin: float, workers: int) -> None:
    if len(size) != 2 or not all(1 <= side <= LARGEST for side in size):
        raise LimitError(
            f"size={size!r}: expected the height and width of a crop in pixels, each 1 to "
            f"{LARGEST}."
        )
    if fit not in ("squeeze", "keep"):
        raise LimitError(f"fit={fit!r}: expected 'squeeze' or 'keep'.")
    if not 0 <= margin <= 10:
        raise LimitError(f"margin={margin!r}: expected a share of the box's side, 0 to 10.")
    if workers < 1:
        raise LimitError(f"workers={workers!r}: expected 1 or more threads.")
