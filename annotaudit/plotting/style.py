"""Colours, markers and text that every picture shares."""

from __future__ import annotations

import unicodedata
from collections.abc import Hashable, Iterable
from functools import lru_cache
from itertools import cycle
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.colors import to_rgb
from matplotlib.font_manager import FontProperties, findfont, get_font

# Okabe and Ito's colours, which people with any colour vision can tell apart:
# https://jfly.uni-koeln.de/color/. Vermilion, their warmest, is kept for findings, and grey for
# what stays in the background.
PALETTE = ("#0072B2", "#009E73", "#CC79A7", "#56B4E9", "#F0E442", "#E69F00")
SEVERITY_COLORS = {"error": "#D55E00", "warning": "#E69F00", "note": "#56B4E9"}
ALERT = SEVERITY_COLORS["error"]
MUTED = "#8C8C8C"
GROUND = "#C8C8C8"  # where there is no picture
MARKERS = ("v", "o", "s", "D", "^", "P", "X", "*", "<", ">", "p", "h")
PLAIN: dict[str, Any] = {"parse_math": False, "usetex": False}  # people's text is not a formula
LONGEST_TEXT = 32


def stable_colors(names: Iterable[Hashable]) -> dict[Hashable, str]:
    """Give each name a colour by order of first appearance.

    Compute it once from the whole table and pass it on, so that an object keeps its colour from
    frame to frame and from picture to picture.

    Parameters
    ----------
    names : list or Series
        Tracks, annotators or labels; missing ones are skipped.

    Returns
    -------
    dict
        Name to colour; the colours repeat after six names.

    Examples
    --------
    >>> stable_colors(["car:1", "car:2", "car:1"])
    {'car:1': '#0072B2', 'car:2': '#009E73'}
    """
    return dict(zip(pd.Series(list(names)).dropna().unique(), cycle(PALETTE), strict=False))


def rule_markers(rules: Iterable[str]) -> dict[str, str]:
    """Give each rule a marker, by alphabet: the order of the findings does not matter.

    Examples
    --------
    >>> rule_markers(["size jump", "gap"])
    {'gap': 'v', 'size jump': 'o'}
    """
    return dict(zip(sorted(set(rules)), cycle(MARKERS), strict=False))


def legible(text: object, longest: int = LONGEST_TEXT) -> str:
    r"""Make text from a label file safe and short enough to draw.

    Line breaks and control characters become spaces, characters the font lacks become a box, and
    what is too long ends in an ellipsis.

    Parameters
    ----------
    text : object
    longest : int
        Number of characters to keep.

    Examples
    --------
    >>> legible("stop\nsign" + "!" * 99, longest=12)
    'stop sign!!…'
    """
    raw = str(text)[: 4 * longest]
    spaced = "".join(
        " " if unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Zl", "Zp"} else letter
        for letter in raw
    )
    words = " ".join(spaced.split())
    short = words if len(words) <= longest else words[: longest - 1].rstrip() + "…"
    families = tuple(mpl.rcParams["font.family"])
    return "".join(letter if _has_glyph(letter, families) else "□" for letter in short)


@lru_cache(maxsize=4096)
def _has_glyph(letter: str, families: tuple[str, ...]) -> bool:
    fonts = (get_font(findfont(FontProperties(family=[family]))) for family in families)
    return any(font.get_char_index(ord(letter)) for font in fonts)


def ink_on(color: Any) -> str:
    """Choose black or white text, whichever stands out more on a colour.

    Examples
    --------
    >>> ink_on("#F0E442"), ink_on("#0072B2")
    ('black', 'white')
    """
    linear = np.array(
        [((c + 0.055) / 1.055) ** 2.4 if c > 0.04 else c / 12.92 for c in to_rgb(color)]
    )
    return "black" if float(linear @ [0.2126, 0.7152, 0.0722]) > 0.18 else "white"
