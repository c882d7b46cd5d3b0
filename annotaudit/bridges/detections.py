"""The boxes of a frame as ``supervision.Detections``, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from annotaudit.boxes import COLUMNS, OBJECT, SIDES, TEXT, Labels, check_boxes, empty_table
from annotaudit.errors import BoxTableError, MissingExtraError
from annotaudit.frames import check_frames

if TYPE_CHECKING:
    from supervision import Detections

NO_TRACK = -1  # supervision's number of a box that no tracker knows
_OWN = {"frame", "label", "score", *SIDES}  # what has a place of its own in Detections


def to_supervision(
    labels: Labels | pd.DataFrame, sequence: str | None = None, *, frame: int
) -> Detections:
    """Make ``supervision.Detections`` of the boxes of a frame.

    Parameters
    ----------
    labels : Labels or DataFrame
        With all frames: classes and tracks get the same numbers on each.
    sequence : str, optional
        Which one; needed where there are several.
    frame : int
        Position in the sequence, from 0.

    Returns
    -------
    Detections
        ``xyxy`` in pixels; ``class_id``, the place of the label in alphabetical order;
        ``tracker_id``, the number of the track where all tracks are numbers, otherwise in order of
        appearance, -1 without a track (None if the labels have no tracks); ``confidence``, the
        score (None without one); ``data``, everything else by the name of its column, and the label
        as "class_name". Without boxes they are empty.

    Raises
    ------
    BoxTableError
        If there are several sequences and none is named, or there is none of that name.
    MissingExtraError
        If supervision is not installed.

    Examples
    --------
    >>> import annotaudit as aa
    >>> labels = aa.datasets.station()
    >>> to_supervision(labels, frame=0).xyxy.shape  # doctest: +SKIP
    (4, 4)
    """
    supervision = _import()
    boxes = labels.boxes if isinstance(labels, Labels) else check_boxes(labels)
    boxes = boxes.reset_index(drop=True)
    wanted = boxes["frame"] == frame
    if sequence is not None or len(boxes["sequence"].unique()) > 1:
        _check_sequence(labels, boxes, sequence)
        wanted &= boxes["sequence"] == sequence
    rows = np.flatnonzero(wanted.to_numpy())
    here = boxes.iloc[rows]
    sides = here[list(SIDES)].to_numpy()
    label_codes, _ = pd.factorize(boxes["label"], sort=True)
    tracks = _track_numbers(boxes)
    scored = "score" in here and bool(here["score"].notna().any())
    data = {str(name): _values(here[name]) for name in here if name not in _OWN}
    return supervision.Detections(
        xyxy=np.round(np.column_stack([sides[:, :2], sides[:, :2] + sides[:, 2:]]), 9),
        class_id=label_codes[rows].astype(int),
        tracker_id=None if tracks is None else tracks[rows],
        confidence=here["score"].to_numpy(dtype=float) if scored else None,
        data={"class_name": _values(here["label"]), **data},
    )


def _import() -> Any:
    try:
        import supervision
    except ImportError as error:
        raise MissingExtraError(
            "This bridge leads to supervision, which is not installed. "
            'Install it with: pip install "annotaudit[supervision]"'
        ) from error
    return supervision


def _check_sequence(
    labels: Labels | pd.DataFrame, boxes: pd.DataFrame, sequence: str | None
) -> None:
    known = set(boxes["sequence"].unique())
    if isinstance(labels, Labels) and "sequence" in labels.frames:
        known |= set(labels.frames["sequence"].unique())
    if sequence not in known:
        raise BoxTableError(
            f"Found sequence={sequence!r}; expected one of {', '.join(sorted(known))}. "
            "Name the sequence that the frame is of."
        )


def _track_numbers(boxes: pd.DataFrame) -> NDArray[np.int64] | None:
    track = boxes["track"]
    if track.isna().all():
        return None
    named = track.dropna()
    is_number = named.str.fullmatch("(?:0|[1-9][0-9]{0,17})").all()
    objects = boxes.loc[named.index, list(OBJECT)].drop_duplicates()
    if is_number and objects["track"].is_unique:
        return np.asarray(track.fillna(str(NO_TRACK)), dtype=np.int64)
    codes = boxes.groupby(list(OBJECT), sort=False, dropna=False).ngroup()
    found = np.full(len(boxes), NO_TRACK, dtype=np.int64)
    found[named.index] = pd.factorize(codes[named.index])[0]
    return found


def _values(column: pd.Series) -> NDArray[Any]:
    """Values as numpy holds them: texts as objects, None where missing."""
    if column.dtype.kind in "iufb":
        return np.asarray(column)
    return np.asarray(column.astype(object).where(column.notna(), None), dtype=object)


def from_supervision(
    detections: Mapping[int, Detections] | Iterable[Detections],
    *,
    sequence: str = "video",
    annotator: str = "consolidated",
    class_names: Sequence[str] | Mapping[int, str] | None = None,
    frames: pd.DataFrame | None = None,
) -> Labels:
    """Make labels of ``supervision.Detections``, one set of them for each frame.

    Parameters
    ----------
    detections : mapping or iterable of Detections
        By frame; or of frame after frame, from 0. Each was looked at, boxes or none.
    sequence, annotator : str
        Where ``data`` names none.
    class_names : sequence or mapping, optional
        Name of each ``class_id``, where ``data`` has no "class_name"; otherwise the number is the
        label.
    frames : DataFrame, optional
        The frames looked at, as ``labels.frames`` has them.

    Returns
    -------
    Labels
        Of each box ``xyxy``, its class and track, the confidence as ``score``, and what else stands
        in ``data``. A track in ``data`` counts as long as it names the same objects as
        ``tracker_id``, which a tracker may have given anew. Masks are left behind.

    Raises
    ------
    BoxTableError
        If what stands in ``data`` is no column of a box table.

    Examples
    --------
    >>> import annotaudit as aa
    >>> labels = aa.datasets.station()
    >>> frames = labels.frames["frame"]
    >>> there = {n: to_supervision(labels, frame=n) for n in frames}  # doctest: +SKIP
    >>> back = from_supervision(there, frames=labels.frames)  # doctest: +SKIP
    """
    by_frame = dict(detections) if isinstance(detections, Mapping) else dict(enumerate(detections))
    tables = [
        _table(int(frame), found, sequence, annotator, class_names)
        for frame, found in by_frame.items()
    ]
    filled = [table for table in tables if len(table)]
    boxes = pd.concat(filled, ignore_index=True) if filled else empty_table(COLUMNS)
    boxes = _with_tracks(boxes)
    if frames is None:
        places = pd.DataFrame({"sequence": sequence, "frame": [int(frame) for frame in by_frame]})
        if len(boxes["sequence"].unique()) == 1:
            places["sequence"] = boxes["sequence"].iloc[0]
        both = pd.concat([places, boxes[["sequence", "frame"]]]).drop_duplicates()
        frames = both.sort_values(["sequence", "frame"], ignore_index=True)
    return Labels(boxes, check_frames(frames))


def _table(
    frame: int,
    found: Detections,
    sequence: str,
    annotator: str,
    class_names: Sequence[str] | Mapping[int, str] | None,
) -> pd.DataFrame:
    xyxy = np.asarray(found.xyxy, dtype=np.float64).reshape(-1, 4)
    n = len(xyxy)
    data = {str(name): list(values) for name, values in found.data.items()}
    names = data.pop("class_name", None)
    if names is None:
        ids = [None] * n if found.class_id is None else found.class_id.tolist()
        names = [_class_name(number, class_names) for number in ids]
    tracks = [NO_TRACK] * n if found.tracker_id is None else found.tracker_id.tolist()
    table: dict[str, Any] = {
        "sequence": data.pop("sequence", [sequence] * n),
        "frame": np.full(n, frame, dtype=np.int64),
        "track": data.pop("track", [None] * n),
        "label": names,
        "annotator": data.pop("annotator", [annotator] * n),
        **dict(zip(SIDES[:2], xyxy[:, :2].T, strict=True)),
        # Corners are sums: 113.1 - 13.1 is 100, not 100 and a bit.
        **dict(zip(SIDES[2:], np.round(xyxy[:, 2:] - xyxy[:, :2], 9).T, strict=True)),
    }
    if found.confidence is not None:
        table["score"] = np.asarray(found.confidence, dtype=np.float64)
    table |= {name: values for name, values in data.items() if name not in table}
    try:
        return pd.DataFrame(table | {"tracker_id": tracks})
    except ValueError as error:
        raise BoxTableError(
            f"The Detections of frame {frame} hold {n} boxes, but their data is of another length "
            f"({error}). Give each box one value of each."
        ) from error


def _class_name(
    number: int | None, class_names: Sequence[str] | Mapping[int, str] | None
) -> str | None:
    if number is None or number < 0:
        return None
    if isinstance(class_names, Mapping):
        return class_names.get(number, str(number))
    if class_names is not None and number < len(class_names):
        return class_names[number]
    return str(number)


def _with_tracks(boxes: pd.DataFrame) -> pd.DataFrame:
    """Name objects by their track, or by a tracker's number where that knows others."""
    if "tracker_id" not in boxes:
        return boxes
    number = boxes.pop("tracker_id")
    known = number != NO_TRACK
    by_number = number[known].astype("int64").astype(str)
    keys = boxes.loc[known, list(OBJECT)].assign(number=by_number).drop_duplicates()
    named = keys["track"].notna().all()
    same = not keys.duplicated(list(OBJECT)).any() and not keys.duplicated("number").any()
    if known.any() and not (named and same):
        boxes["track"] = by_number.reindex(boxes.index)
    text = {name: TEXT for name in boxes if _is_text(boxes[name])}
    return boxes.astype(text)


def _is_text(column: pd.Series) -> bool:
    if column.dtype != object:
        return False
    known = column.dropna()
    return column.name in COLUMNS or bool(known.map(lambda value: isinstance(value, str)).all())
