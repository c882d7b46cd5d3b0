"""Who looked at which image: it tells "drew nothing there" from "was never asked".

The frames table of labels says it in one of two columns, JSON text in both:

===============  ==================================================  ============================
column           a frame's text                                      filled by
===============  ==================================================  ============================
``annotators``   ``["ann", "bob"]``                                  worker responses of Ground
                                                                     Truth, Label Studio
``assignments``  ``[{"annotator": "ann", "answered": true}, ...]``   Mechanical Turk; without an
                                                                     answer nobody looked
===============  ==================================================  ============================

``[]`` is a frame nobody looked at. Where the text is missing, nobody knows, and those who drew on
the frame are taken for those who looked at it. Whoever drew has looked, listed or not.
"""

from __future__ import annotations

import json
from itertools import chain
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from annotaudit.boxes import SIDES, TEXT, Labels, check_boxes
from annotaudit.errors import BoxTableError
from annotaudit.metrics.matching import IMAGE

LOOKED = [*IMAGE, "annotator"]


class _Assignment(msgspec.Struct, gc=False):
    """The part of an assignment that tells whether its worker looked."""

    annotator: str | None = None
    answered: bool = True


_KINDS: dict[str, Any] = {"annotators": list[str | None], "assignments": list[_Assignment]}


def who_looked(labels: Labels | pd.DataFrame) -> pd.DataFrame:
    """List who looked at which image, boxes or none.

    Parameters
    ----------
    labels : Labels or DataFrame
        With ``Labels``, the frames table is asked as the head of this module tells; with a box
        table, an annotator looked at the images they drew on, and nobody knows of others.

    Returns
    -------
    DataFrame
        ``sequence frame annotator``, each once: as the frames table lists them, then those who
        drew and are not listed. A missing annotator is one that nobody can name; an image has at
        most one of them.

    Raises
    ------
    BoxTableError
        If a list in the frames table is not one.

    Examples
    --------
    >>> boxes = pd.DataFrame({"sequence": "s", "frame": [0, 1], "track": None, "label": "sign",
    ...     "annotator": "ann", "left": 0, "top": 0, "width": 9, "height": 9})
    >>> frames = pd.DataFrame({"sequence": "s", "frame": [0, 1, 2],
    ...     "annotators": ['["ann", "bob"]', None, "[]"]})
    >>> who_looked(Labels(boxes, frames)).to_numpy().tolist()
    [['s', 0, 'ann'], ['s', 0, 'bob'], ['s', 1, 'ann']]
    """
    if not isinstance(labels, Labels):
        return check_boxes(labels)[LOOKED].drop_duplicates(ignore_index=True)
    listed = [_listed(labels.frames, column) for column in _KINDS if column in labels.frames]
    return _each_once([*listed, labels.boxes])


def drawn_and_looked(
    boxes: Labels | pd.DataFrame, looked: pd.DataFrame | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Take apart what was drawn and who looked, the latter as given or else as known.

    Parameters
    ----------
    boxes : Labels or DataFrame
    looked : DataFrame, optional
        ``sequence``, ``frame``, ``annotator``; in place of what the labels know. Whoever drew on
        an image looked at it all the same.

    Returns
    -------
    drawn : DataFrame
        A box table.
    looked : DataFrame
        As :func:`who_looked` gives it.

    Raises
    ------
    BoxTableError
        If a table is not what it should be.
    """
    drawn = check_boxes(boxes.boxes if isinstance(boxes, Labels) else boxes)
    if looked is None:
        return drawn, who_looked(boxes)
    if missing := [name for name in LOOKED if name not in looked]:
        raise BoxTableError(
            f"The table of who looked lacks {missing}; it has {[str(name) for name in looked]}. "
            "Make it with annotaudit.metrics.who_looked(labels), or with these columns: "
            f"{LOOKED}."
        )
    nothing = {name: pd.Series(np.nan, looked.index, dtype=TEXT) for name in ("track", "label")}
    typed = check_boxes(looked[LOOKED].assign(**nothing, **dict.fromkeys(SIDES, np.nan)))
    return drawn, _each_once([typed, drawn])


def _each_once(tables: list[pd.DataFrame]) -> pd.DataFrame:
    filled = [table[LOOKED] for table in tables if len(table)] or [tables[-1][LOOKED]]
    return pd.concat(filled).drop_duplicates(ignore_index=True)


def _listed(frames: pd.DataFrame, column: str) -> pd.DataFrame:
    """Lay out one of the two columns: a row for each who looked."""
    known = frames[frames[column].notna()]
    decode = msgspec.json.Decoder(_KINDS[column]).decode
    lists = [_names(text, decode, column) for text in known[column].to_numpy(dtype=object)]
    rows = np.repeat(np.arange(len(known)), np.fromiter(map(len, lists), np.int64, len(known)))
    names = pd.array(list(chain.from_iterable(lists)), dtype=TEXT)
    images = known[list(IMAGE)].astype({"sequence": TEXT, "frame": "int64"})
    return images.iloc[rows].assign(annotator=names)


def _names(text: Any, decode: Any, column: str) -> list[str | None]:
    try:
        try:
            found = decode(text)
        except msgspec.DecodeError:  # Python also writes, and reads, NaN and Infinity
            found = msgspec.convert(json.loads(text), _KINDS[column])
    except (ValueError, TypeError, RecursionError) as error:
        each = "a name" if column == "annotators" else "an object with 'annotator' and 'answered'"
        raise BoxTableError(
            f"frames.{column}: found {str(text)[:60]!r} ({error}); expected a JSON list with "
            f"{each} for each who looked at the frame. Correct it, or leave it missing where "
            "nobody knows."
        ) from error
    if column == "assignments":
        return [each.annotator for each in found if each.answered]
    names: list[str | None] = found
    return names
