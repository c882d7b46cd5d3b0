"""The worst boxes, each on its piece of the picture, as data for the page."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from PIL.Image import Image, Resampling, Transform

from annotaudit.boxes import EXPECTED, OBJECT, SIDES, Labels
from annotaudit.errors import FrameError
from annotaudit.frames.access import Images
from annotaudit.frames.crops import GROUND

PLACE = (*OBJECT, "frame")
SHAPE = (4, 3)  # of every view: cards stand in a grid
SURROUNDINGS = 0.35  # of the larger side, shown on each side of the boxes
PICTURE_WIDTH = 480  # pixels; enough for a card on a screen of high resolution
MOST_OTHERS = 300  # boxes of the same frame that are drawn in the view

Box = tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True)
class Card:
    """One box that looks wrong: where, why, and the piece of the picture it is on."""

    rank: int  # of its first finding, from 1
    severity: str
    sequence: str
    frame: int
    image: str  # name of the picture file; empty if unknown
    track: str
    annotator: str
    reasons: tuple[tuple[str, str], ...]  # rule and sentence
    view: Box  # left, top, width, height of what is shown, pixels
    box: Box | None
    expected: Box | None
    others: tuple[Box, ...]  # the other boxes in view
    picture: str  # data address of a JPEG; empty if there is none
    missing: str  # why there is no picture


def worst_cards(labels: Labels, findings: pd.DataFrame, n: int) -> Iterator[Card]:
    """Make a card for each of the first ``n`` boxes; several findings on one box share a card.

    Parameters
    ----------
    labels : Labels
        What was audited; its frames table leads to the pictures.
    findings : DataFrame
        What ``annotaudit.audit`` returns, most suspicious first.
    n : int
        How many boxes.
    """
    ranked = findings.assign(rank=np.arange(1, len(findings) + 1))
    box_number = ranked.groupby([*PLACE, *SIDES], sort=False, dropna=False).ngroup()
    names = _image_names(labels.frames)
    images = Images(labels.frames) if len(names) else None
    for _, group in ranked[box_number < n].groupby(box_number[box_number < n]):
        yield _card(group, labels.boxes, names, images)


def _card(
    found: pd.DataFrame,
    boxes: pd.DataFrame,
    names: dict[tuple[str, int], str],
    images: Images | None,
) -> Card:
    first = found.iloc[0]
    place = (str(first["sequence"]), int(first["frame"]))
    box = _box(first[list(SIDES)])
    suggestions = found.dropna(subset=list(EXPECTED))
    expected = _box(suggestions.iloc[0][list(EXPECTED)]) if len(suggestions) else None
    image, missing = _image(images, place)
    view = _view([each for each in (box, expected) if each is not None], image)
    return Card(
        rank=int(first["rank"]),
        severity=first["severity"],
        sequence=place[0],
        frame=place[1],
        image=names.get(place, ""),
        track=_text(first["track"]),
        annotator=_text(first["annotator"]),
        reasons=tuple(zip(found["rule"], found["reason"], strict=True)),
        view=view,
        box=box,
        expected=expected,
        others=_others(boxes, place, view, box),
        picture=_picture(image, view) if image else "",
        missing=missing,
    )


def _image_names(frames: pd.DataFrame) -> dict[tuple[str, int], str]:
    """Name the picture file of each frame, without its folder."""
    if "image" not in frames:
        return {}
    known = frames.dropna(subset="image")
    file_names = known["image"].str.replace(r"\?.*", "", regex=True).str.split(r"[/\\]").str[-1]
    return dict(zip(zip(known["sequence"], known["frame"], strict=True), file_names, strict=True))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _box(sides: pd.Series) -> Box | None:
    left, top, width, height = (float(side) for side in sides)
    known = np.isfinite([left, top, width, height]).all()
    return (left, top, width, height) if known else None


def _image(images: Images | None, place: tuple[str, int]) -> tuple[Image | None, str]:
    """Open the picture of a frame, or say why there is none."""
    try:
        image = images.get(*place) if images is not None else None
    except FrameError as error:
        return None, str(error)
    return image, "" if image else "The labels name no image for it."


def _view(shown: list[Box], image: Image | None) -> Box:
    """Frame the boxes, with their surroundings, in a view of the shape all cards have."""
    if not shown:
        return (0.0, 0.0, *(image.size if image else SHAPE))
    left, top, width, height = np.array(shown).T
    low = np.array([min(left), min(top)])
    high = np.array([max(left + width), max(top + height)])
    margin = SURROUNDINGS * max(*(high - low), 8.0)
    wide, tall = high - low + 2 * margin
    shape = SHAPE[0] / SHAPE[1]
    size = np.array([max(wide, tall * shape), max(tall, wide / shape)])
    start = (low + high - size) / 2
    if image:  # do not look past the edge of the picture where it can be helped
        start = np.where(
            size <= image.size, np.clip(start, 0, np.maximum(image.size - size, 0)), start
        )
    return (float(start[0]), float(start[1]), float(size[0]), float(size[1]))


def _others(
    boxes: pd.DataFrame, place: tuple[str, int], view: Box, box: Box | None
) -> tuple[Box, ...]:
    """Find the boxes of the same frame that reach into the view."""
    here = boxes.loc[
        (boxes["frame"] == place[1]) & (boxes["sequence"] == place[0]), list(SIDES)
    ].to_numpy(dtype="float64")
    left, top, width, height = here.T
    inside = (
        (left < view[0] + view[2])
        & (left + width > view[0])
        & (top < view[1] + view[3])
        & (top + height > view[1])
        & np.isfinite(here).all(axis=1)
        & (width >= 0)
        & (height >= 0)
    )
    if box is not None:
        inside &= (here != box).any(axis=1)
    return tuple(map(tuple, here[inside][:MOST_OTHERS].tolist()))


def _picture(image: Image, view: Box) -> str:
    """Cut the view out of the picture, as the data address of a JPEG."""
    left, top, width, height = view
    cut = image.transform(
        (PICTURE_WIDTH, PICTURE_WIDTH * SHAPE[1] // SHAPE[0]),
        Transform.EXTENT,
        (left, top, left + width, top + height),
        Resampling.BICUBIC,
        fillcolor=GROUND,
    )
    file = io.BytesIO()
    cut.save(file, "JPEG", quality=82)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode("ascii")
