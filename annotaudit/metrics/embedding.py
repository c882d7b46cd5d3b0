"""From labels and pictures to one vector per box."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from annotaudit.boxes import PROBLEM_COLUMNS, TEXT, Labels, check_boxes, empty_table
from annotaudit.errors import FrameError, LimitError
from annotaudit.frames.access import Images
from annotaudit.metrics.crops import Fit, Pictures, Pixels, Stack, batches, stacks
from annotaudit.metrics.embedders import ColourTextureEmbedder, Embedder, Vectors

Floats = NDArray[np.float64]
SIZE = (128, 64)  # height and width of a crop for an embedder that names none, in pixels
GLANCE = 64  # pixels; light and sharpness are measured on crops no higher than this


@dataclass(frozen=True, eq=False)
class Embeddings:
    """What the pixels in each box look like, row by row as in the box table.

    Attributes
    ----------
    vectors : float32 array, shape (n, d)
        NaN for a box that shows nothing: without area, off the picture, without a picture.
    light : float array, shape (n,)
        Mean brightness, from 0, black, to 255.
    sharpness : float array, shape (n,)
        Mean change from pixel to pixel beside the contrast of the whole crop; the crop of a
        blurred or small box has less than others of its track.
    problems : DataFrame
        Pictures that could not be opened: ``source``, ``where``, ``what``.
    """

    vectors: Vectors
    light: Floats
    sharpness: Floats
    problems: pd.DataFrame = field(default_factory=lambda: empty_table(PROBLEM_COLUMNS))

    def __len__(self) -> int:
        return len(self.vectors)

    def take(self, rows: NDArray[np.intp]) -> Embeddings:
        """Keep some rows, as ``boxes.iloc[rows]`` does."""
        return Embeddings(self.vectors[rows], self.light[rows], self.sharpness[rows], self.problems)


def embed(
    labels: Labels | pd.DataFrame,
    embedder: Embedder | None = None,
    *,
    images: Pictures | None = None,
    size: tuple[int, int] | None = None,
    fit: Fit = "squeeze",
    margin: float = 0.0,
    batch: int = 64,
    workers: int = 2,
    progress: bool = False,
) -> Embeddings:
    """Describe what each box shows by a vector.

    Every picture is opened once, however many boxes lie in it, and ahead of the embedder; only a
    few are in memory at a time.

    Parameters
    ----------
    labels : Labels or DataFrame
        With a bare box table, ``images`` says where the pictures are.
    embedder : callable, optional
        Maps uint8 (n, height, width, 3) to float32 (n, d). By default
        :class:`ColourTextureEmbedder`; see also :class:`ResNet18`, :class:`TorchEmbedder`, and
        :class:`CachedEmbedder` to keep the vectors on disk.
    images : Images, optional
        By default those the labels name.
    size : (int, int), optional
        Height and width of a crop, in pixels; by default the embedder's ``size``, or (128, 64).
    fit : {"squeeze", "keep"}
        Whether a box of another shape is squeezed, or keeps its shape with grey beside it.
    margin : float
        Surroundings to include on each side, as a share of the box's larger side.
    batch : int
        Crops handed to the embedder at a time.
    workers : int
        Threads that open pictures ahead.
    progress : bool
        Whether to show a bar.

    Returns
    -------
    Embeddings
        One row per box, in the order of the table.

    Raises
    ------
    FrameError
        If it is not known where any picture is, or none can be opened. One of several that
        cannot is a problem in the result, not an error.
    LimitError
        If an option is out of range, or the embedder returns something else than one vector per
        crop.

    Examples
    --------
    >>> import PIL.Image
    >>> folder = getfixture("tmp_path")
    >>> PIL.Image.new("RGB", (60, 40), "red").save(folder / "0.png")
    >>> boxes = pd.DataFrame({
    ...     "sequence": "street", "frame": 0, "track": ["car:1", "car:2"], "label": "car",
    ...     "annotator": "ann", "left": [5, 90], "top": 5, "width": 10, "height": 10})
    >>> frames = pd.DataFrame({"sequence": ["street"], "frame": [0],
    ...                        "image": [str(folder / "0.png")]})
    >>> found = embed(Labels(boxes, frames), lambda crops: crops.mean(axis=(1, 2)))
    >>> found.vectors.tolist()  # the second box lies off the picture
    [[255.0, 0.0, 0.0], [nan, nan, nan]]
    """
    from rich.console import Console
    from rich.progress import Progress

    boxes = labels.boxes if isinstance(labels, Labels) else check_boxes(labels)
    embedder = embedder or ColourTextureEmbedder()
    size = size or getattr(embedder, "size", None) or SIZE
    if batch < 1:
        raise LimitError(f"batch={batch!r}: expected 1 crop or more.")
    pictures = images if images is not None else _named_images(labels, keep=workers)
    found = stacks(boxes, pictures, size, fit=fit, margin=margin, workers=workers)
    problems: list[tuple[str, str, str]] = []
    vectors: Vectors | None = None
    seen = np.full((2, len(boxes)), np.nan)
    with Progress(console=Console(stderr=True), disable=not progress) as bar:
        task = bar.add_task("Looking at boxes ...", total=len(boxes))
        for rows, crops in batches(_noting(found, problems), batch):
            made = _vectors(embedder, crops)
            if vectors is None:
                vectors = np.full((len(boxes), made.shape[1]), np.nan, dtype=np.float32)
            if made.shape[1] != vectors.shape[1]:
                raise LimitError(
                    f"{embedder!r} returned vectors of length {vectors.shape[1]} and of length "
                    f"{made.shape[1]}; expected one length for all crops."
                )
            vectors[rows] = made
            seen[:, rows] = light_and_sharpness(crops)
            bar.advance(task, len(rows))
    if vectors is None and problems:
        raise FrameError(
            f"None of the {len(problems)} pictures could be opened; the first problem: "
            f"{problems[0][2]} If they lie elsewhere, say where: annotaudit.load(..., "
            "frames='img1/')."
        )
    if vectors is None:
        vectors = np.empty((len(boxes), 0), dtype=np.float32)
    table = pd.DataFrame(problems, columns=list(PROBLEM_COLUMNS), dtype=TEXT)
    light, sharpness = seen
    return Embeddings(vectors, light, sharpness, table)


def light_and_sharpness(crops: Pixels) -> Floats:
    """Measure the light in crops and how sharp they are.

    Parameters
    ----------
    crops : uint8 array, shape (n, height, width, 3)

    Returns
    -------
    float array, shape (2, n)
        Mean brightness from 0 to 255; mean change from pixel to pixel over the standard
        deviation, NaN for a crop of one colour.

    Examples
    --------
    >>> stripes = np.zeros((1, 8, 8, 3), np.uint8)
    >>> stripes[:, :, ::2] = 200
    >>> light_and_sharpness(stripes).tolist()
    [[100.0], [1.0]]
    """
    step = max(1, crops.shape[1] // GLANCE)
    grey = crops[:, ::step, ::step].mean(axis=3, dtype=np.float32)
    light = grey.mean(axis=(1, 2))
    spread = grey.std(axis=(1, 2))
    changes = [np.abs(np.diff(grey, axis=axis)).mean(axis=(1, 2)) for axis in (1, 2)]
    with np.errstate(invalid="ignore", divide="ignore"):
        sharpness = np.where(spread > 0.5, (changes[0] + changes[1]) / 2 / spread, np.nan)
    return np.stack([light, sharpness]).astype(np.float64)


def _named_images(labels: Labels | pd.DataFrame, keep: int) -> Images:
    named = isinstance(labels, Labels) and "image" in labels.frames
    if isinstance(labels, Labels) and named and labels.frames["image"].notna().any():
        return Images(labels.frames, keep=keep)
    raise FrameError(
        "Found no pictures to look at; expected Labels whose frames name them. Load the labels "
        "with annotaudit.load(..., frames='img1/'), or give images=annotaudit.frames.Images(...)."
    )


def _noting(found: Iterator[Stack], problems: list[tuple[str, str, str]]) -> Iterator[Stack]:
    for stack in found:
        if stack.problem is not None:
            problems.append(stack.problem)
        yield stack


def _vectors(embedder: Embedder, crops: Pixels) -> Vectors:
    made = np.asarray(embedder(crops))
    if made.ndim != 2 or len(made) != len(crops) or made.dtype.kind not in "fiu":
        raise LimitError(
            f"{embedder!r} returned {made.dtype} of shape {made.shape} for {len(crops)} crops; "
            f"expected numbers of shape ({len(crops)}, d): one vector for each crop."
        )
    return made.astype(np.float32, copy=False)
