"""The lines of YOLO's text files: a box, and what else may stand on a line.

====================================  ==========================================================
values                                what they are
====================================  ==========================================================
class, box                            a box: centre and size, shares of the image
class, box, key points                where ``kpt_shape`` of ``data.yaml`` tells how many
class, box, …, score                  what a model found
class, box, …, score, track           what a tracker found; without the score where it was not
                                      asked for
class, x, y, x, y, x, y, …            a segment, or the four corners of a turned box
====================================  ==========================================================

Which of them a file has is told from all lines of the data set: a share of the image is never a
whole number above 1, the number of a track is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from annotaudit.errors import LabelFormatError
from annotaudit.formats.json_text import read_bytes
from annotaudit.formats.problems import Problems, excerpt
from annotaudit.formats.yolo.folders import Picture

Line = tuple[int, list[str]]  # its number, its values
Row = tuple[int, float, float, float, float, float, str | None, str | None, str | None]
_MAX_BYTES = 50_000_000  # of one text file; a million boxes
_OF_BOX = 5


@dataclass(frozen=True)
class Layout:
    """What stands on the lines of a data set.

    Parameters
    ----------
    n_keypoints : int
        How many values of key points follow a box.
    sixth_is_track : bool
        Whether one value more is a track, and not a score.
    has_tracks : bool
        Whether two values more are a score and a track, and not a segment of three points.
    around : bool
        Whether the box around a segment stands for it.
    """

    n_keypoints: int = 0
    sixth_is_track: bool = False
    has_tracks: bool = False
    around: bool = False


def read_lines(picture: Picture, problems: Problems) -> list[Line]:
    """Take the text file of an image apart; without one there are no lines."""
    if not picture.text.is_file():
        return []
    try:
        text = read_bytes(picture.text, max_bytes=_MAX_BYTES).decode()
    except UnicodeDecodeError:
        problems.add("file", "not UTF-8; expected lines of numbers")
        return []
    except LabelFormatError as error:
        if "is empty" not in str(error):
            problems.add("file", str(error))
        return []
    split = ((number, line.split()) for number, line in enumerate(text.splitlines(), start=1))
    return [(number, values) for number, values in split if values]


def layout_of(lines: Iterable[Line], n_keypoints: int, around: bool) -> Layout:
    """Tell what the values of a data set mean.

    Examples
    --------
    >>> lines = ["0 0.5 0.5 0.1 0.2 0.9 1", "0 0.6 0.5 0.1 0.2 0.8 2"]
    >>> layout_of([(1, line.split()) for line in lines], 0, False).has_tracks
    True
    """
    one_more, two_more = set[str](), set[str]()
    scores = True
    for _, values in lines:
        if len(values) == _OF_BOX + n_keypoints + 1:
            one_more.add(values[-1])
        elif len(values) == _OF_BOX + n_keypoints + 2:
            two_more.add(values[-1])
            scores &= 0 <= _number(values[-2]) <= 1
    return Layout(
        n_keypoints,
        all(map(_is_track, one_more)) and bool(one_more - {"1"}),
        scores and bool(two_more) and all(map(_is_track, two_more)),
        around,
    )


def _is_track(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 16 and int(text) > 0


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def is_segment(values: list[str], layout: Layout) -> bool:
    """Whether a line is a list of points."""
    is_tracked = layout.has_tracks and len(values) == _OF_BOX + 2
    return len(values) > 6 and len(values) % 2 == 1 and not layout.n_keypoints and not is_tracked


def row_of(values: list[str], layout: Layout) -> Row | str:
    """Read class, centre, size, score, track, key points and segment; or say what is wrong."""
    if len(values) < _OF_BOX:
        return f"{len(values)} values; expected class, centre x, centre y, width, height"
    kind = _number(values[0])  # numpy.savetxt writes 0.000e+00
    if not (0 <= kind < 1e6 and kind.is_integer() and values[0].isascii()):
        return f"the class is {excerpt(values[0])}; expected a whole number from 0"
    is_points = is_segment(values, layout)
    if is_points and not layout.around:
        return (
            f"{len(values)} values, a segment or a turned box; expected a box of five, or load "
            "with segments='box'"
        )
    n_behind = layout.n_keypoints if len(values) >= _OF_BOX + layout.n_keypoints else 0
    if not is_points and len(values) > _OF_BOX + n_behind + 1 + layout.has_tracks:
        return f"{len(values)} values; expected a box of five, and at most its score"
    try:
        numbers = [float(value) for value in values[1:]]
    except ValueError:
        return f"found {excerpt(' '.join(values))}; expected numbers"
    shares = numbers if is_points else numbers[:4]
    if not (all(abs(share) < 1e6 for share in shares) and all(map(math.isfinite, numbers))):
        return f"found {excerpt(' '.join(values))}; expected shares of the image, 0 to 1"
    if is_points:
        return (int(kind), *around(shares), math.nan, None, None, " ".join(values[1:]))
    more = values[_OF_BOX + n_behind :]
    is_tracked = len(more) == 2 or (len(more) == 1 and layout.sixth_is_track)
    score = float(more[0]) if len(more) > is_tracked else math.nan
    keypoints = " ".join(values[_OF_BOX : _OF_BOX + n_behind]) or None
    x, y, width, height = shares
    return int(kind), x, y, width, height, score, more[-1] if is_tracked else None, keypoints, None


def around(points: list[float]) -> tuple[float, float, float, float]:
    """Centre and size of the upright box around points, x and y in turn.

    Examples
    --------
    >>> around([0.25, 0.25, 0.75, 0.25, 0.75, 0.5])
    (0.5, 0.375, 0.5, 0.25)
    """
    left, right = min(points[::2]), max(points[::2])
    top, bottom = min(points[1::2]), max(points[1::2])
    return (left + right) / 2, (top + bottom) / 2, right - left, bottom - top
