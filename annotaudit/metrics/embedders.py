"""Turn crops into vectors without downloading anything: colours and textures, part by part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from annotaudit.errors import LimitError

Pixels = NDArray[np.uint8]
Vectors = NDArray[np.float32]
Embedder = Callable[[Pixels], Vectors]  # (n, height, width, 3) -> (n, d)

BLOCK = 32  # crops whose arithmetic fits in the processor's cache


@dataclass(frozen=True)
class ColourTextureEmbedder:
    """Colour histograms and gradient orientations over a grid of parts; needs no model.

    Each crop is 64 by 32 pixels. Per part, eight shares of hue, one of grey and eight of
    lightness tell the colours, and eight shares of direction tell the edges. Pixels count for
    the parts around them, and values for the bins around them, so that nothing jumps when a box
    moves by a pixel. Square roots of shares make the cosine a Bhattacharyya coefficient.

    Parameters
    ----------
    texture : float
        Weight of the edges beside the colours, 0 to 1. Colours tell two people apart; edges tell
        a box that has slipped.

    References
    ----------
    Swain and Ballard (1991), doi:10.1007/BF00130487, for colours;
    Dalal and Triggs (2005), doi:10.1109/CVPR.2005.177, for edges.

    Examples
    --------
    >>> red, blue = np.zeros((2, 1, 64, 32, 3), np.uint8)
    >>> red[..., 0] = blue[..., 2] = 200
    >>> a, b = (ColourTextureEmbedder()(crops)[0] for crops in (red, blue))
    >>> len(a), bool(a @ b < a @ a)
    (460, True)
    """

    texture: float = 0.5
    size = (64, 32)  # height and width of a crop, in pixels

    def __post_init__(self) -> None:
        if not 0 <= self.texture <= 1:
            raise LimitError(f"texture={self.texture!r}: expected a weight between 0 and 1.")

    @property
    def key(self) -> str:
        """What names this embedder and its settings in a cache."""
        return f"colour-texture/1 texture={self.texture!r}"

    def __call__(self, crops: Pixels) -> Vectors:
        """Describe crops.

        Parameters
        ----------
        crops : uint8 array, shape (n, 64, 32, 3)

        Returns
        -------
        float32 array, shape (n, 460)
            Of length 1, or less without any edge.

        Raises
        ------
        LimitError
            If the crops are of another shape.
        """
        if crops.ndim != 4 or crops.shape[1:] != (*self.size, 3) or crops.dtype != np.uint8:
            raise LimitError(
                f"Found crops of shape {crops.shape} and type {crops.dtype}; expected uint8 of "
                f"shape (n, {self.size[0]}, {self.size[1]}, 3)."
            )
        blocks = [self._describe(crops[at : at + BLOCK]) for at in range(0, len(crops), BLOCK)]
        return np.concatenate(blocks) if blocks else np.empty((0, 460), dtype=np.float32)

    def _describe(self, crops: Pixels) -> Vectors:
        colour = self._parts[0] @ _COLOURS[_codes(crops)]
        edges = self._parts[1] @ _edges(crops)
        both = [(colour, 1 - self.texture), (edges, self.texture)]
        return np.concatenate([_length(part, weight) for part, weight in both], axis=1)

    @cached_property
    def _parts(self) -> tuple[Vectors, Vectors]:
        """How much each pixel counts for each part: 6 by 2 for colours, 8 by 4 for edges."""
        return _parts(self.size, (6, 2)), _parts(self.size, (8, 4))


def _length(shares: Vectors, weight: float) -> Vectors:
    """Square roots of the shares, so scaled that the squares add up to the weight."""
    flat = shares.reshape(len(shares), -1)
    total = flat.sum(axis=1, keepdims=True)
    # A crop without any edge has no direction: its vector is as far from all others.
    even = np.float32(weight) / np.maximum(total, np.float32(1e-6))
    scaled: Vectors = np.sqrt(flat * even)
    return scaled


def _parts(size: tuple[int, int], grid: tuple[int, int]) -> Vectors:
    """Bilinear weights of pixels for the parts of a grid, shape (parts, pixels)."""
    down, across = (
        np.maximum(0.0, 1 - np.abs((np.arange(n) + 0.5) * k / n - 0.5 - np.arange(k)[:, None]))
        for n, k in zip(size, grid, strict=True)
    )
    weights = np.einsum("ay,bx->abyx", down, across).reshape(grid[0] * grid[1], -1)
    return np.asarray(weights, dtype=np.float32)


def _codes(crops: Pixels) -> NDArray[np.signedinteger]:
    """Number of each pixel's colour among 32 levels of red, green and blue, shape (n, pixels)."""
    levels = (crops >> 3).reshape(len(crops), -1, 3).astype(np.int16)
    return (levels[..., 0] << 10) | (levels[..., 1] << 5) | levels[..., 2]


def _colours() -> Vectors:
    """What each of the 32,768 colours counts for: 8 hues, grey, 8 lightnesses; (32768, 17)."""
    code = np.arange(1 << 15)
    red, green, blue = (((code >> shift & 31) * 8 + 4) / 255 for shift in (10, 5, 0))
    across, along = np.sqrt(3) * (green - blue) / 2, red - (green + blue) / 2
    chroma = np.hypot(across, along)
    hue = _bins(np.arctan2(across, along) / (2 * np.pi) * 8, 8, around=True)
    vivid = np.minimum(1.0, 2 * chroma)[:, None]  # clothes are seldom more than half saturated
    light = _bins((red + green + blue) / 3 * 8 - 0.5, 8)
    return np.concatenate([hue * vivid, 1 - vivid, light], axis=1).astype(np.float32)


def _bins(place: NDArray[np.float64], count: int, *, around: bool = False) -> NDArray[np.float64]:
    """Split a value between the two bins beside it."""
    apart = np.abs((place if around else np.clip(place, 0, count - 1))[:, None] - np.arange(count))
    if around:
        apart = np.minimum(apart % count, count - apart % count)
    return np.asarray(np.maximum(0.0, 1 - apart))


_COLOURS = _colours()
_TURNS = np.arange(8) * np.pi / 4  # eight directions of an edge, at twice their angle
_TWICE = np.stack([np.cos(_TURNS), np.sin(_TURNS)]).astype(np.float32)
_GREY = np.array([0.299, 0.587, 0.114], dtype=np.float32)
_FAINT = np.float32(4.0)  # levels of grey; edges fainter than this are noise


def _edges(crops: Pixels) -> Vectors:
    """Strength of the edges of each direction at each pixel, shape (n, pixels, 8)."""
    grey = crops.astype(np.float32) @ _GREY
    across, down = np.zeros_like(grey), np.zeros_like(grey)
    across[:, :, 1:-1] = grey[:, :, 2:] - grey[:, :, :-2]
    down[:, 1:-1] = grey[:, 2:] - grey[:, :-2]
    strength = np.sqrt(across**2 + down**2) + _FAINT
    twice = np.stack([across**2 - down**2, 2 * across * down], axis=-1)
    twice /= (strength**1.5)[..., None]  # square roots of strengths: strong edges do not drown all
    shares = twice.reshape(len(crops), -1, 2) @ _TWICE
    return np.maximum(shares, 0, out=shares)
