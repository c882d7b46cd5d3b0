"""Reasons for people who see images, not our numbers of frames."""

from __future__ import annotations

import re
from collections.abc import Mapping

_NUMBER = re.compile(r"\d+")
_FRAMES = re.compile(r"\bframes? \d+(?:(?:, | to | and )(?:frame )?\d+)*")


def name_frames(reason: str, names: Mapping[int, str]) -> str:
    """Name the frames in a reason by their images.

    Parameters
    ----------
    reason : str
        Of a finding.
    names : mapping
        Name by number of the frame. A frame without one is told by its number, as one of the
        original video.

    Examples
    --------
    >>> name_frames("Shrinks by 40% from frame 7 to frame 8.", {7: "000008.jpg"})
    'Shrinks by 40% from frame 000008.jpg to frame 8 of the original.'
    """

    def named(match: re.Match[str]) -> str:
        return _NUMBER.sub(lambda n: names.get(int(n[0]), f"{n[0]} of the original"), match[0])

    return _FRAMES.sub(named, reason)
