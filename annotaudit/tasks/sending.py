"""What a tool gets to see: names of images, labels and boxes that it cannot misunderstand."""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import sha256
from pathlib import PurePosixPath

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from annotaudit.boxes import EXPECTED, SIDES, TEXT

UNLABELLED = "no label"
BOX_COLUMNS = ["task", "position", "key", "sequence", "frame", "track", "label", *SIDES, "nth"]
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}")
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_.:#-]{1,60}")
_MAX_LABEL = 50  # characters; CVAT takes 64, and "expected " is put before


def image_names(frames: pd.DataFrame) -> pd.Series:
    """Name the images of a task so that their order is that of the frames.

    Parameters
    ----------
    frames : DataFrame
        Of one task, in order, with ``frame`` and ``image``.

    Returns
    -------
    Series of str
        The files' own names where these are plain, different and in order; otherwise with the
        number of the frame in front. The ending says what is sent: PNG for PNG, else JPEG.

    Examples
    --------
    >>> frames = pd.DataFrame({"frame": [8, 9], "image": ["a/x10.bmp", "b/../<x9>.png"]})
    >>> image_names(frames).tolist()
    ['00000008-x10.jpg', '00000009-_x9_.png']
    """
    last = [re.split(r"[/\\]", image)[-1] for image in frames["image"].tolist()]
    parts = [PurePosixPath(name.partition("?")[0]) for name in last]
    endings = [".png" if part.suffix.lower() == ".png" else ".jpg" for part in parts]
    names = [f"{part.stem}{ending}" for part, ending in zip(parts, endings, strict=True)]
    is_plain = all(_PLAIN_NAME.fullmatch(name) for name in names)
    if not (is_plain and names == sorted(names) and len({*map(str.lower, names)}) == len(names)):
        names = [
            f"{frame:08}-{re.sub('[^A-Za-z0-9_-]', '_', part.stem)[:60]}{ending}"
            for frame, part, ending in zip(frames["frame"].tolist(), parts, endings, strict=True)
        ]
    return pd.Series(names, index=frames.index, dtype=TEXT)


def sent_labels(labels: pd.Series) -> dict[str, str | None]:
    """Give each label a name that every tool takes, and tell which label it stands for.

    Examples
    --------
    >>> sent_labels(pd.Series(["car", "$price", None]))
    {'_price': '$price', 'car': 'car', 'no label': None}
    """
    names: dict[str, str | None] = {}
    for label in sorted(labels.dropna().unique().tolist()):
        # Label Studio puts a field of the task in place of what begins with a dollar sign.
        name = "".join("_" if c == "$" or not c.isprintable() else c for c in label)
        name = re.sub("^expected ", "expected_", name.strip())  # what we call boxes to expect
        names[_free(name[:_MAX_LABEL] or "_", names)] = label
    if labels.isna().any():
        names[_free(UNLABELLED, names)] = None
    return names


def expected_labels(labels: dict[str, str | None]) -> dict[str, str | None]:
    """Tell which label each label of an expected box stands for."""
    names = {UNLABELLED: None} | labels
    return {f"expected {name}": label for name, label in names.items()}


def boxes_to_send(
    boxes: pd.DataFrame,
    frames: pd.DataFrame,
    flagged: pd.DataFrame,
    labels: dict[str, str | None],
    *,
    tool: str,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Choose the boxes that a tool can show, and give each a key that it keeps.

    Parameters
    ----------
    boxes, frames : DataFrame
        Boxes to send, and the frames of the tasks.
    flagged : DataFrame
        Findings whose expected box is drawn, the best first.
    labels : dict
        As :func:`sent_labels` returns it.
    tool : str

    Returns
    -------
    boxes : DataFrame
        With the columns of ``BOX_COLUMNS``, under the index of the table they come from.
    left_out : DataFrame
        Boxes without a finite, positive size.
    """
    names = {label: name for name, label in labels.items()}
    shown = can_be_shown(boxes)
    nth = boxes.groupby(["sequence", "frame", "track"], dropna=False).cumcount()
    table = boxes[["sequence", "frame", "track", "label", *SIDES]].assign(nth=nth)
    left_out = table.loc[~shown, ["sequence", "frame", "track"]].reset_index(drop=True)
    parts = [table[shown], _expected(flagged, table)]
    both = pd.concat([part for part in parts if len(part)] or parts[:1])
    both["label"] = [
        ("expected " if n < 0 else "")
        + names.get(label if isinstance(label, str) else None, UNLABELLED)
        for label, n in zip(both["label"].tolist(), both["nth"].tolist(), strict=True)
    ]
    place = pd.MultiIndex.from_frame(frames[["sequence", "frame"]])
    at = place.get_indexer(pd.MultiIndex.from_frame(both[["sequence", "frame"]]))
    both = both[at >= 0].assign(
        task=frames["task"].to_numpy()[at[at >= 0]],
        position=frames["position"].to_numpy()[at[at >= 0]],
    )
    both = both.assign(key=_keys(both, tool))
    kinds = dict.fromkeys(["task", "key", "sequence", "track", "label"], TEXT)
    return both[BOX_COLUMNS].astype({**kinds, "nth": "int64", "position": "int64"}), left_out


def can_be_shown(boxes: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether boxes are somewhere and have a size: nobody could see or correct any other.

    Examples
    --------
    >>> can_be_shown(pd.DataFrame({"left": [1.0, 1], "top": 2.0, "width": [3.0, 0], "height": 4.0}))
    array([ True, False])
    """
    sides = boxes[list(SIDES)].to_numpy(dtype=np.float64)
    shown = np.isfinite(sides).all(axis=1) & (sides[:, 2:] > 0).all(axis=1)
    return np.asarray(shown, dtype=np.bool_)


def _expected(flagged: pd.DataFrame, boxes: pd.DataFrame) -> pd.DataFrame:
    """Boxes that findings expect, one for each box; `nth` is -1 less that of the box."""
    sides = flagged[list(EXPECTED)].to_numpy(dtype=np.float64)
    known = np.isfinite(sides).all(axis=1) & (sides[:, 2:] > 0).all(axis=1)
    chosen, sides = flagged[known].reset_index(drop=True), sides[known]
    place = ["sequence", "frame", "track"]
    boxes_of = boxes.drop_duplicates([*place, *SIDES])[[*place, *SIDES, "nth"]]
    nth = chosen[[*place, *SIDES]].merge(boxes_of, on=[*place, *SIDES], how="left")["nth"]
    # A missing box is the object's only one; of stills, one more than there are.
    beyond = len(boxes) + chosen.groupby(["sequence", "frame"]).cumcount()
    nth = nth.fillna(beyond.where(chosen["track"].isna(), 0)).astype("int64")
    moved = chosen[[*place, "label"]].assign(nth=-1 - nth)
    moved[list(SIDES)] = sides
    return moved.drop_duplicates([*place, "nth"])


def _keys(boxes: pd.DataFrame, tool: str) -> list[str]:
    """Name boxes: an object along its way alike, every box of stills by itself."""
    keys = []
    columns = ("task", "sequence", "track", "nth", "position")
    for task, sequence, track, nth, position in zip(
        *(boxes[name].tolist() for name in columns), strict=True
    ):
        number = (nth if nth >= 0 else -1 - nth) + 1
        name = track if isinstance(track, str) else f"box-{position}-{number}"
        if not _PLAIN_KEY.fullmatch(name):
            name = "object-" + sha256(f"{sequence}/{track}".encode()).hexdigest()[:10]
        if isinstance(track, str) and number > 1:
            name += f" ({number})"
        if nth < 0:
            name += " expected"
        if tool == "label-studio":  # which names regions by such letters itself
            name = sha256(f"{task}/{name}".encode()).hexdigest()[:10]
        keys.append(name)
    return keys


def _free(name: str, taken: Iterable[str]) -> str:
    number, free = 2, name
    while free in taken:
        name_length = _MAX_LABEL - len(str(number)) - 1
        free, number = f"{name[:name_length]} {number}", number + 1
    return free
