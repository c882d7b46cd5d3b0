"""Labels with what a second look changed in them, and everything else as it was."""

from __future__ import annotations

import numpy as np
import pandas as pd

from annotaudit.boxes import TEXT, Labels
from annotaudit.frames import in_windows
from annotaudit.frames.table import last_part
from annotaudit.metrics.comparison import compare_boxes


def merge_back(
    labels: Labels, corrected: Labels, windows: pd.DataFrame, *, source: str = "corrections"
) -> Labels:
    """Replace the labels in windows by corrected ones.

    Parameters
    ----------
    labels : Labels
        The originals; not edited.
    corrected : Labels
        What came back, with the originals' names of sequences, numbers of frames and names of
        tracks. Its frames are those that somebody looked at again, boxes or none.
    windows : DataFrame
        ``sequence``, ``first`` and ``last`` frame of the stretches meant to change.
    source : str
        The job or task, named in ``problems``.

    Returns
    -------
    Labels
        Boxes outside the windows are the originals to the bit. Inside, a corrected box keeps the
        annotator of its sequence and the columns of the original that the corrected labels lack.
        ``problems`` gets a row for each frame that came back changed though it is outside the
        windows (the change is not taken over), and for each frame of a window that did not come
        back (the original stays).

    Examples
    --------
    >>> car = pd.DataFrame({
    ...     "sequence": "street", "frame": range(3), "track": "car:1", "label": "car",
    ...     "annotator": "ann", "left": [10.0, 90, 30], "top": 5.0, "width": 40.0, "height": 20.0})
    >>> before = Labels(car, car[["sequence", "frame"]].assign(image=["0.png", "1.png", "2.png"]))
    >>> second_look = Labels(car.assign(left=20.0), before.frames)
    >>> windows = pd.DataFrame({"sequence": ["street"], "first": [1], "last": [1]})
    >>> after = merge_back(before, second_look, windows)
    >>> after.boxes["left"].tolist()
    [10.0, 20.0, 30.0]
    >>> after.problems["where"].tolist()
    ['frame 0.png', 'frame 2.png']
    """
    inside = in_windows(corrected.frames, windows)
    looked_at = _frames_of(corrected.frames[inside])
    replaced = _frames_of(labels.boxes).isin(looked_at)
    taken = _frames_of(corrected.boxes).isin(looked_at)
    fresh = _like_the_originals(labels.boxes, corrected.boxes[taken])
    parts = [part for part in (labels.boxes[~replaced], fresh) if len(part)]
    boxes = pd.concat(parts or [labels.boxes[:0]])
    # Frame by frame in the order of the frames table, so that a merge of nothing changes nothing.
    place = pd.Series(_frames_of(labels.frames).get_indexer(_frames_of(boxes)))
    boxes = boxes.iloc[place.argsort(kind="stable").to_numpy()].reset_index(drop=True)
    outside = _outside(labels, corrected, corrected.frames[~inside])
    missing = _missing(labels, corrected, windows)
    told = pd.DataFrame(
        [(source, f"frame {where}", what) for where, what in [*outside, *missing]],
        columns=["source", "where", "what"],
    ).astype(TEXT)
    return Labels(
        _typed(boxes, labels.boxes),
        labels.frames,
        pd.concat([labels.problems, corrected.problems, told], ignore_index=True),
    )


def _frames_of(table: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(table[["sequence", "frame"]])


def _like_the_originals(originals: pd.DataFrame, fresh: pd.DataFrame) -> pd.DataFrame:
    """Give corrected boxes the columns of the originals, with their values where they lack them."""
    fresh = _same_annotator(fresh, originals).reset_index(drop=True)
    if lacking := [name for name in originals.columns if name not in fresh.columns]:
        here = originals[_frames_of(originals).isin(_frames_of(fresh))]
        known = here[lacking].reset_index(drop=True)
        of_box = known.reindex(_same_box(here, fresh)).set_axis(fresh.index)
        fresh = pd.concat([fresh, of_box], axis=1)
    return fresh[[name for name in originals.columns if name in fresh]]


def _same_box(originals: pd.DataFrame, fresh: pd.DataFrame) -> pd.Series:
    """Return of each corrected box the row of its original, counted from 0, or NaN.

    Told by the name of the track; boxes without one are told by their place.
    """
    key = ["sequence", "frame", "track"]
    numbered = originals[key].assign(row=np.arange(len(originals), dtype=float))
    named = numbered.dropna(subset="track").drop_duplicates(key)
    rows = fresh[key].merge(named, on=key, how="left")["row"].to_numpy(copy=True)
    was, now = (np.flatnonzero(table["track"].isna()) for table in (originals, fresh))
    if len(was) and len(now):
        changes = compare_boxes(originals.iloc[was], fresh.iloc[now])
        both = changes.dropna(subset=["before", "after"])
        before, after = (both[side].to_numpy(np.int64) for side in ("before", "after"))
        rows[now[after]] = was[before]
    return pd.Series(rows, index=fresh.index)


def _typed(boxes: pd.DataFrame, like: pd.DataFrame) -> pd.DataFrame:
    """Give columns their types again, or one that can hold what is missing now."""
    able = {"i": "float64", "u": "float64", "b": "boolean"}
    kinds = {
        name: able.get(kind.kind, kind) if boxes[name].isna().any() else kind
        for name, kind in like.dtypes.items()
    }
    return boxes.astype(kinds)


def _same_annotator(boxes: pd.DataFrame, originals: pd.DataFrame) -> pd.DataFrame:
    """Sign boxes with the first annotator of their sequence, or of all where it has none yet."""
    first = originals.drop_duplicates("sequence").set_index("sequence")["annotator"]
    names = boxes["sequence"].map(first).astype(TEXT)
    return boxes.assign(annotator=names.fillna(first.iloc[0] if len(first) else ""))


def _outside(labels: Labels, corrected: Labels, frames: pd.DataFrame) -> list[tuple[str, str]]:
    """Tell of frames that came back changed though no change was asked for there."""
    was, now = (
        table[_frames_of(table).isin(_frames_of(frames))]
        for table in (labels.boxes, corrected.boxes)
    )
    changes = compare_boxes(was, _same_annotator(now, was))
    changes = changes[changes["change"] != "unchanged"]
    names = _image_names(labels.frames)
    return [
        (names[at], f"{n} boxes were changed outside the windows; not taken over")
        for at, n in changes.groupby(["sequence", "frame"]).size().items()
    ]


def _missing(labels: Labels, corrected: Labels, windows: pd.DataFrame) -> list[tuple[str, str]]:
    """Tell of frames of windows that did not come back."""
    expected = labels.frames[in_windows(labels.frames, windows)]
    gone = _frames_of(expected)[~_frames_of(expected).isin(_frames_of(corrected.frames))]
    names = _image_names(labels.frames)
    return [(names[at], "the frame did not come back; its labels are as before") for at in gone]


def _image_names(frames: pd.DataFrame) -> dict[tuple[str, int], str]:
    """Name each frame by its image file, or by its number where that is unknown."""
    names = frames["frame"].astype(TEXT)
    if "image" in frames:
        files = last_part(frames["image"].astype(TEXT))
        names = files.fillna(names)
    return dict(zip(_frames_of(frames), names, strict=True))
