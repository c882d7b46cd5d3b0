"""The worst findings as one small picture, for where no kernel runs.

``annotaudit.plotting.contact_sheet`` draws a finer one, in seconds; this one is made each time a
scrubber is shown, in a tenth of one.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from annotaudit.boxes import EXPECTED, SIDES
from annotaudit.errors import AnnotauditError
from annotaudit.frames import open_image
from annotaudit.widgets.payload import Payload

COLUMNS = 4
TILE = (236, 190)  # pixels of a picture
CAPTION = 54  # pixels below it
GAP = 10
LETTERS = 42  # to a line of the caption
AROUND = 1.9  # the picture shows this many times the box
DASH = 6
INK, GROUND, MUTED = "#1c2127", "#ffffff", "#59626d"
NO_PICTURE = (70, 74, 80)
COLOURS = {  # as in annotaudit.plotting.style, which would load matplotlib
    "error": "#D55E00",
    "warning": "#E69F00",
    "note": "#56B4E9",
}


def contact_sheet(payload: Payload, findings: pd.DataFrame, n: int = 8) -> bytes | None:
    """Draw the first findings with their boxes and reasons.

    Parameters
    ----------
    payload : Payload
        Says where the pictures are. Those behind an address are not fetched: nobody asked to.
    findings : DataFrame
        The worst first.
    n : int
        How many.

    Returns
    -------
    bytes or None
        A JPEG; None without findings.

    Examples
    --------
    >>> from annotaudit.boxes import Labels
    >>> from annotaudit.widgets.payload import pack
    >>> boxes = pd.DataFrame({
    ...     "sequence": ["street"], "frame": [0], "track": ["car:1"], "label": ["car"],
    ...     "annotator": ["ann"], "left": [10], "top": [20], "width": [30], "height": [40]})
    >>> contact_sheet(pack(Labels(boxes), boxes), boxes)[:2].hex()
    'ffd8'
    """
    shown = findings.head(n)
    if shown.empty:
        return None
    with ThreadPoolExecutor(2) as threads:
        tiles = list(
            threads.map(lambda row: _tile(payload, row), (row for _, row in shown.iterrows()))
        )
    columns = min(COLUMNS, len(tiles))
    rows = -(-len(tiles) // columns)
    wide, high = TILE[0] + GAP, TILE[1] + CAPTION + GAP
    sheet = Image.new("RGB", (columns * wide + GAP, rows * high + GAP), GROUND)
    for place, tile in enumerate(tiles):
        sheet.paste(tile, (GAP + place % columns * wide, GAP + place // columns * high))
    file = io.BytesIO()
    sheet.save(file, "JPEG", quality=80)
    return file.getvalue()


def _tile(payload: Payload, finding: pd.Series) -> Image.Image:
    box = _box(finding, SIDES)
    expected = _box(finding, EXPECTED)
    window = _window([each for each in (box, expected) if each is not None])
    place = payload.frames["image"].iloc[
        payload.position(str(finding["sequence"]), int(finding["frame"]))
    ]
    tile = Image.new("RGB", (TILE[0], TILE[1] + CAPTION), GROUND)
    tile.paste(_picture(place, window), (0, 0))
    draw = ImageDraw.Draw(tile)
    if window is not None:
        scale = TILE[0] / (window[2] - window[0])
        if expected is not None:
            _dashed(draw, _on_tile(expected, window, scale))
        if box is not None:
            colour = COLOURS.get(str(finding.get("severity")), COLOURS["note"])
            draw.rectangle(_on_tile(box, window, scale), outline=colour, width=3)
    draw.rectangle((0, TILE[1], TILE[0], TILE[1] + CAPTION), fill=GROUND)
    name = finding["track"] if isinstance(finding["track"], str) else finding["label"]
    head = f"{name} · frame {finding['frame']}"
    said = str(finding.get("reason", ""))[: 3 * LETTERS]
    reason = textwrap.wrap(said, LETTERS, max_lines=2, placeholder=" …")
    draw.text((0, TILE[1] + 5), head[:LETTERS], INK, ImageFont.load_default(13))
    for line, words in enumerate(reason):
        draw.text((0, TILE[1] + 22 + 14 * line), words, MUTED, ImageFont.load_default(11))
    return tile


def _box(finding: pd.Series, names: Sequence[str]) -> np.ndarray | None:
    sides = np.array([finding.get(name, np.nan) for name in names], dtype="float64")
    usable = np.isfinite(sides).all() and (np.abs(sides) < 1e6).all() and (sides[2:] > 0).all()
    return sides if usable else None


def _window(boxes: list[np.ndarray]) -> np.ndarray | None:
    """Surround the boxes by a part of the picture in the shape of a tile: its four edges."""
    if not boxes:
        return None
    every = np.array(boxes)
    low, high = every[:, :2].min(axis=0), (every[:, :2] + every[:, 2:]).max(axis=0)
    size = np.array(TILE) * AROUND * ((high - low) / TILE).max()
    return np.concatenate([(low + high - size) / 2, (low + high + size) / 2])


def _picture(place: object, window: np.ndarray | None) -> Image.Image:
    empty = Image.new("RGB", TILE, NO_PICTURE)
    if not isinstance(place, str) or "://" in place:
        return empty
    try:
        image = open_image(place)
    except AnnotauditError:
        return empty
    edges = (0, 0, *image.size) if window is None else tuple(window.tolist())
    part: Image.Image = image.transform(
        TILE, Image.Transform.EXTENT, edges, Image.Resampling.BILINEAR, fillcolor=NO_PICTURE
    )
    return part


def _on_tile(box: np.ndarray, window: np.ndarray, scale: float) -> tuple[float, ...]:
    left, top = (box[:2] - window[:2]) * scale
    width, height = box[2:] * scale
    return left, top, left + width, top + height


def _dashed(draw: ImageDraw.ImageDraw, edges: tuple[float, ...]) -> None:
    left, top, right, bottom = edges
    for start in np.arange(left, right, 2 * DASH):
        for y in (top, bottom):
            draw.line((start, y, min(start + DASH, right), y), fill=GROUND, width=2)
    for start in np.arange(top, bottom, 2 * DASH):
        for x in (left, right):
            draw.line((x, start, x, min(start + DASH, bottom)), fill=GROUND, width=2)
