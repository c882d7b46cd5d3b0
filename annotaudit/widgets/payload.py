"""Labels and findings as the browser takes them: typed arrays, and names beside them.

The arrays travel once, as bytes: five hundred thousand boxes are 14 MB and open in a blink, where
as JSON they would be 80 MB of text. Everything a person wrote stays text until the browser draws
it. A *position* counts the frames of all sequences, one sequence after the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pandas as pd

from annotaudit.boxes import COLUMNS, EXPECTED, OBJECT, SIDES, Labels
from annotaudit.errors import BoxTableError
from annotaudit.frames import check_frames

SEVERITIES = ("error", "warning", "note")
FINDING_NUMBERS = (
    *("position", "from", "object", "rule", "label", "annotator", "severity"),
    *("score", "value", "limit", *SIDES, *EXPECTED),
)
USUAL_FPS = 10.0  # where the frames table knows no times
UNKNOWN_SIZE = (1280, 720)
FRAME_BITS = 2**40  # a frame number below it and a sequence make one whole number


@dataclass(frozen=True)
class Payload:
    """What the browser needs, and the way back from its numbers to ours.

    Parameters
    ----------
    meta : dict
        Names, words and sizes; survives JSON.
    arrays : dict of str to bytes
        Little-endian numbers; ``scrubber.js`` declares their types.
    frames : DataFrame
        One row per position: ``sequence``, ``frame`` and ``image``.
    """

    meta: dict[str, Any]
    arrays: dict[str, bytes]
    frames: pd.DataFrame

    def position(self, sequence: str, frame: int) -> int:
        """Count the frames up to this one; −1 if there is no such frame."""
        place = np.flatnonzero(
            (self.frames["sequence"].to_numpy() == sequence)
            & (self.frames["frame"].to_numpy() == frame)
        )
        return int(place[0]) if place.size else -1


def pack(
    labels: Labels,
    findings: pd.DataFrame,
    *,
    before: Labels | None = None,
    titles: tuple[str, ...] = ("Labels",),
) -> Payload:
    """Turn labels and findings into what the browser takes.

    Parameters
    ----------
    labels : Labels
        Frames that only have boxes, or only stand in ``labels.frames``, both count.
    findings : DataFrame
        A findings table, the worst first; its row order is the order of review.
    before : Labels, optional
        A second set of boxes over the same frames.
    titles : tuple of str
        A name for each set of boxes.

    Returns
    -------
    Payload

    Raises
    ------
    BoxTableError
        If there is neither a frame nor a box, or the findings lack a column.

    Examples
    --------
    >>> labels = Labels(pd.DataFrame({
    ...     "sequence": ["street"], "frame": [3], "track": ["car:1"], "label": ["car"],
    ...     "annotator": ["ann"], "left": [10], "top": [20], "width": [30], "height": [40]}))
    >>> payload = pack(labels, labels.boxes.iloc[:0])
    >>> payload.position("street", 3), len(payload.arrays["boxes_sides"])
    (0, 16)
    """
    if not isinstance(findings, pd.DataFrame):
        raise BoxTableError(
            f"Findings are a table, as annotaudit.audit() returns it; found "
            f"{type(findings).__name__}."
        )
    if missing := [name for name in COLUMNS if name not in findings]:
        raise BoxTableError(
            f"The findings lack {missing}; they have {[str(name) for name in findings]}. "
            "Pass the table that annotaudit.audit() returns."
        )
    sets = [labels.boxes] if before is None else [labels.boxes, before.boxes]
    tables = [*sets, findings]
    known = _known_frames(labels, before)
    sequences = pd.Index(
        pd.unique(pd.concat([known["sequence"], *(table["sequence"] for table in tables)]))
    )
    keys = [_keys(table, sequences) for table in [known, *tables]]
    every = np.unique(np.concatenate(keys))
    if not every.size:
        raise BoxTableError(
            "There is nothing to look at: the labels have neither boxes nor frames. "
            "Load them with annotaudit.load(path, frames=folder)."
        )
    at = [np.searchsorted(every, key) for key in keys]
    frames = _frames(every, sequences, known, at[0])

    labels_seen = _names([table["label"] for table in tables])
    annotators = _names([table["annotator"] for table in tables])
    objects, codes = _objects(tables, sequences)
    arrays = {
        "frame": frames["frame"].to_numpy().astype("<f8").tobytes(),
        "size": _sizes(frames, sets, at[1:]).astype("<i4").tobytes(),
    }
    for prefix, table, place, code in zip(("boxes", "before"), sets, at[1:], codes, strict=False):
        arrays |= _boxes(prefix, table, place, code, len(every), labels_seen, annotators)
    rules = _names([_column(findings, "rule")])
    arrays["findings"] = _findings(
        findings, every, at[-1], sequences, codes[-1], labels_seen, annotators, rules
    )
    images = [None if pd.isna(image) else short_name(image) for image in frames["image"]]
    meta = {
        "titles": list(titles),
        "sequences": _sequences(frames),
        "images": images,
        "labels": labels_seen.tolist(),
        "annotators": annotators.tolist(),
        "rules": rules.tolist(),
        "objects": {
            "track": objects["track"].tolist(),
            "sequence": objects["sequence"].tolist(),
            "colour": objects["colour"].tolist(),
        },
        "severities": list(SEVERITIES),
        "finding_columns": list(FINDING_NUMBERS),
        "reasons": _column(findings, "reason").fillna("").astype(str).tolist(),
        "units": _column(findings, "unit").fillna("").astype(str).tolist(),
        "colouring": "track" if len(objects) else "annotator" if len(annotators) > 1 else "label",
    }
    return Payload(meta, arrays, frames)


def short_name(image: str) -> str:
    """Name a picture without its folder, and an address without its secrets."""
    path = urlsplit(image).path if "://" in image else image.replace("\\", "/")
    return PurePosixPath(path).name or "picture"


def _known_frames(labels: Labels, before: Labels | None) -> pd.DataFrame:
    tables = [
        check_frames(each.frames)
        for each in (labels, before)
        if each is not None and {"sequence", "frame"} <= set(each.frames.columns)
    ]
    tables = [table for table in tables if len(table)]
    if not tables:
        return check_frames(pd.DataFrame({"sequence": labels.boxes["sequence"][:0], "frame": []}))
    every = pd.concat(tables, ignore_index=True) if len(tables) > 1 else tables[0]
    return every.drop_duplicates(["sequence", "frame"], ignore_index=True)


def _keys(table: pd.DataFrame, sequences: pd.Index) -> np.ndarray:
    sequence: np.ndarray = sequences.get_indexer(table["sequence"]).astype("int64")
    frame: np.ndarray = table["frame"].to_numpy(dtype="int64").clip(max=FRAME_BITS - 1)
    keys: np.ndarray = sequence * FRAME_BITS + frame
    return keys


def _frames(
    every: np.ndarray, sequences: pd.Index, known: pd.DataFrame, at: np.ndarray
) -> pd.DataFrame:
    numbers = pd.Series(every % FRAME_BITS)
    rows = pd.DataFrame({"sequence": sequences.to_numpy()[every // FRAME_BITS], "frame": numbers})
    facts = known[["image", "image_width", "image_height", "time"]].set_axis(at)
    return rows.join(facts)


def _sizes(frames: pd.DataFrame, sets: list[pd.DataFrame], at: list[np.ndarray]) -> np.ndarray:
    """Give each position a size: the picture's, or what holds the boxes of its sequence."""
    size = frames[["image_width", "image_height"]].to_numpy(dtype="float64")
    corners = pd.concat(
        [
            pd.DataFrame(
                {
                    "sequence": table["sequence"],
                    "right": table["left"] + table["width"],
                    "bottom": table["top"] + table["height"],
                }
            )
            for table in sets
        ]
    ).replace([np.inf, -np.inf], np.nan)
    reach = corners.groupby("sequence")[["right", "bottom"]].max()
    by_boxes = reach.reindex(frames["sequence"]).to_numpy(dtype="float64")
    by_boxes = np.where(by_boxes >= 1, by_boxes, np.nan)
    size = np.where(size >= 1, size, by_boxes)
    return np.ceil(np.where(np.isnan(size), UNKNOWN_SIZE, size)).clip(1, 2**30)


def _names(columns: list[pd.Series]) -> pd.Index:
    return pd.Index(pd.unique(pd.concat([column.dropna() for column in columns]).astype(object)))


def _objects(
    tables: list[pd.DataFrame], sequences: pd.Index
) -> tuple[pd.DataFrame, list[np.ndarray]]:
    """Number the objects by first appearance, −1 without a track; one colour per track name."""
    named = pd.concat([table[list(OBJECT)] for table in tables], ignore_index=True)
    has_track = named["track"].notna().to_numpy()
    parts = [pd.factorize(named[name])[0].astype("int64") + 1 for name in OBJECT]
    joint = parts[0]
    for part in parts[1:]:
        joint = joint * (int(part.max(initial=0)) + 1) + part
    code = np.full(len(named), -1, dtype="int64")
    numbers = pd.factorize(joint[has_track])[0]
    code[has_track] = numbers
    firsts = named[has_track][~pd.Series(numbers).duplicated().to_numpy()]
    objects = pd.DataFrame(
        {
            "track": firsts["track"].to_numpy(dtype=object),
            "sequence": sequences.get_indexer(firsts["sequence"]),
            # the same name before and after, and by every annotator, has the same colour
            "colour": pd.factorize(firsts["track"])[0],
        }
    )
    cuts = np.cumsum([len(table) for table in tables])[:-1]
    return objects, np.split(code, cuts)


def _boxes(
    prefix: str,
    table: pd.DataFrame,
    at: np.ndarray,
    code: np.ndarray,
    positions: int,
    labels: pd.Index,
    annotators: pd.Index,
) -> dict[str, bytes]:
    order = np.argsort(at, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(at, minlength=positions))])
    columns = {
        "starts": starts.astype("<u4"),
        "sides": table[list(SIDES)].to_numpy(dtype="<f4")[order],
        "object": code[order].astype("<i4"),
        "label": labels.get_indexer(table["label"])[order].astype("<i4"),
        "annotator": annotators.get_indexer(table["annotator"])[order].astype("<i4"),
    }
    return {f"{prefix}_{name}": np.ascontiguousarray(c).tobytes() for name, c in columns.items()}


def _findings(
    findings: pd.DataFrame,
    every: np.ndarray,
    at: np.ndarray,
    sequences: pd.Index,
    code: np.ndarray,
    labels: pd.Index,
    annotators: pd.Index,
    rules: pd.Index,
) -> bytes:
    earlier = pd.to_numeric(_column(findings, "from_frame"), errors="coerce").to_numpy("float64")
    has_earlier = np.isfinite(earlier)
    wanted = sequences.get_indexer(findings["sequence"]).astype("int64") * FRAME_BITS
    wanted = wanted + np.where(has_earlier, earlier, 0).astype("int64")
    found = np.searchsorted(every, wanted).clip(max=len(every) - 1)
    severity = pd.Index(SEVERITIES).get_indexer(_column(findings, "severity"))
    numbers = {
        "position": at,
        "from": np.where(has_earlier & (every[found] == wanted), found, -1),
        "object": code,
        "rule": rules.get_indexer(_column(findings, "rule")),
        "label": labels.get_indexer(findings["label"]),
        "annotator": annotators.get_indexer(findings["annotator"]),
        "severity": np.where(severity < 0, SEVERITIES.index("note"), severity),
    }
    floats = ("score", "value", "limit", *SIDES, *EXPECTED)
    numbers |= {
        name: pd.to_numeric(_column(findings, name), errors="coerce").to_numpy("float64")
        for name in floats
    }
    return np.column_stack([numbers[name] for name in FINDING_NUMBERS]).astype("<f8").tobytes()


def _column(table: pd.DataFrame, name: str) -> pd.Series:
    """Give a column; one of NaN where the table has none."""
    return table[name] if name in table else pd.Series(np.nan, index=table.index, dtype=object)


def _sequences(frames: pd.DataFrame) -> list[dict[str, Any]]:
    """Name each run of positions, where it starts, how long it is and how fast it plays."""
    groups = frames.groupby("sequence", sort=False)
    step = groups["time"].diff() / groups["frame"].diff()
    pace = step.where(step > 0).groupby(frames["sequence"], sort=False).median()
    count = groups.size()
    first = count.cumsum() - count
    return [
        {
            "name": str(name),
            "first": int(first[name]),
            "count": int(count[name]),
            "fps": float(1 / pace[name]) if pace[name] > 0 else USUAL_FPS,
            "fps_known": bool(pace[name] > 0),
        }
        for name in count.index
    ]
