"""One frame's picture at a time."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pandas as pd

from annotaudit.errors import FrameError
from annotaudit.frames.opening import open_image
from annotaudit.frames.table import check_frames

if TYPE_CHECKING:
    from PIL.Image import Image


class Images:
    """The pictures of a frames table, opened when asked for; only the last few stay in memory.

    Parameters
    ----------
    frames : DataFrame
        See ``annotaudit.frames.FRAME_COLUMNS``; ``image`` holds paths or addresses.
    root : path, optional
        The folder the paths start from and must stay inside. Without it they are taken as they
        are, as :func:`match_images` writes them.
    keep : int
        How many opened pictures stay in memory.
    **opening
        Passed to :func:`open_image`: ``allow_http``, ``allow_private``, ``max_pixels``, ...

    Examples
    --------
    >>> images = Images(pd.DataFrame({"sequence": ["street"], "frame": [0]}))
    >>> images.get("street", 0) is None
    True
    """

    def __init__(
        self,
        frames: pd.DataFrame,
        *,
        root: str | os.PathLike[str] | None = None,
        keep: int = 8,
        **opening: Any,
    ) -> None:
        known = check_frames(frames).dropna(subset="image")
        keys = zip(known["sequence"], known["frame"], strict=True)
        self._places: dict[tuple[str, int], str] = dict(zip(keys, known["image"], strict=True))

        def opened(place: str) -> Image:
            is_address = "://" in place
            return open_image(place, root=None if is_address else root, **opening)

        self._open = lru_cache(maxsize=keep)(opened)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, place: tuple[str, int]) -> bool:
        return place in self._places

    def get(self, sequence: str, frame: int) -> Image | None:
        """Open the picture of a frame; None where the table knows none.

        The picture is shared with later calls: copy it before drawing into it.

        Raises
        ------
        FrameError
            If the table names a picture and it cannot be opened.
        """
        place = self._places.get((sequence, int(frame)))
        return None if place is None else self._open(place)

    def __getitem__(self, place: tuple[str, int]) -> Image:
        sequence, frame = place
        image = self.get(sequence, frame)
        if image is None:
            raise FrameError(
                f"Frame {frame} of sequence {sequence!r} has no image in the frames table, which "
                f"knows {len(self)} images. Give the folder: annotaudit.load(..., frames='img1/')."
            )
        return image
