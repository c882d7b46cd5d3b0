"""The annotations of a task in CVAT's backup, with what has changed changed in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from annotaudit.boxes import SIDES
from annotaudit.errors import LabelFormatError
from annotaudit.formats import columns
from annotaudit.formats.cvat.backup import CONSOLIDATED, Task
from annotaudit.formats.cvat.backup_boxes import is_box_track, items
from annotaudit.formats.cvat.tracks import with_keyframes

_OF_BOX = ("label", *SIDES, "occluded", "z_order", "rotation", "source", "group_id")


def write_annotations(
    task: Task, before: pd.DataFrame, boxes: pd.DataFrame, interpolate: bool, where: str
) -> list[Any]:
    """Make the annotations of each job.

    Parameters
    ----------
    task : Task
    before : DataFrame
        The boxes as read.
    boxes : DataFrame
        The boxes as they are to be.
    interpolate : bool
        Whether both have the boxes between keyframes.
    where : str
        Names the task in a message.

    Raises
    ------
    LabelFormatError
        If a label is not among those of the task, or no job has the frame of a box.
    """
    boxes = boxes.reset_index(drop=True)
    job = _job_of(task, boxes, where)
    _check_labels(task, boxes, where)
    is_shape = boxes["track"].isna().to_numpy()
    writer = _Writer(task, before, boxes, interpolate)
    shapes = writer.shapes(boxes[is_shape], job[is_shape])
    tracks = writer.tracks(boxes[~is_shape], job[~is_shape])
    written = []
    for place, each in enumerate(task.annotations):
        new = {"shapes": shapes[place], "tracks": tracks[place]}
        listed = {k: v for k, v in new.items() if v or items(each, k)}
        written.append({**each, **listed} if isinstance(each, dict) else listed or each)
    return written


def _job_of(task: Task, boxes: pd.DataFrame, where: str) -> NDArray[np.int64]:
    """Which job each box belongs to: the one it came from, or the first that has its frame."""
    annotator = boxes["annotator"].fillna(CONSOLIDATED).to_numpy()
    frame = boxes["frame"].to_numpy()
    found = np.full(len(boxes), -1, dtype=np.int64)
    origin = _origins(task, boxes)
    for place, job in enumerate(task.jobs):
        has_frame = (frame >= job.start) & (frame <= job.stop) & (annotator == job.annotator)
        found[has_frame & ((found < 0) | (origin == place))] = place
    if (lost := found < 0).any():
        row = boxes[lost].iloc[0]
        known = sorted({job.annotator for job in task.jobs})
        raise LabelFormatError(
            f"{where}: no job has frame {row['frame']} of annotator {row['annotator']!r}; its "
            f"jobs are of {', '.join(known)}. Leave the box out, or name one of these annotators."
        )
    return found


def _origins(task: Task, boxes: pd.DataFrame) -> NDArray[np.int64]:
    """The job that each shape and track was read from; -1 for new ones."""
    jobs = range(len(task.annotations))
    n_shapes, n_tracks = (
        [len(items(each, key)) for each in task.annotations] for key in ("shapes", "tracks")
    )
    of_shape = dict(enumerate(np.repeat(jobs, n_shapes).tolist()))
    of_track = dict(enumerate(np.repeat(jobs, n_tracks).tolist()))
    track = boxes["track"].map({str(n): job for n, job in of_track.items()})
    if "shape_id" in boxes:
        shape = boxes["shape_id"].map({str(n): job for n, job in of_shape.items()})
        track = track.where(boxes["track"].notna(), shape)
    return np.asarray(track.astype("float64").fillna(-1), dtype=np.int64)


def _check_labels(task: Task, boxes: pd.DataFrame, where: str) -> None:
    unknown = [name for name in boxes["label"].unique().tolist() if name not in task.labels]
    if unknown and task.labels:
        raise LabelFormatError(
            f"{where}: the label {unknown[0]!r} is not among those of the task "
            f"({', '.join(task.labels)}), and CVAT refuses such a backup. Add the label in CVAT "
            "and back the task up again, or name another one."
        )


class _Writer:
    def __init__(
        self, task: Task, before: pd.DataFrame, boxes: pd.DataFrame, interpolate: bool
    ) -> None:
        self.task = task
        self.before = before
        self.interpolate = interpolate
        names = {*before, *boxes}
        attributes = [str(name) for name in names if str(name).startswith(columns.ATTRIBUTE)]
        self.compared = [name for name in _OF_BOX if name in boxes] + sorted(attributes)

    def shapes(self, boxes: pd.DataFrame, job: NDArray[np.int64]) -> list[list[Any]]:
        """Shapes of each job: as they were, changed, without those that are gone, and new ones."""
        ids = boxes["shape_id"] if "shape_id" in boxes else pd.Series(None, boxes.index)
        is_first = ids.notna() & ~ids.duplicated()
        was = self.before[self.before["track"].isna()].set_index("shape_id")
        kept = boxes[is_first].set_index(ids[is_first])
        kept_job = pd.Series(job[is_first.to_numpy()], index=kept.index)
        known = kept.index.intersection(was.index)
        same = self._same(was.loc[known], kept.loc[known], ["frame", *self.compared])
        unchanged = set(known[same])
        rows = dict(zip(kept.index, _records(kept), strict=True))
        new_jobs: list[list[Any]] = []
        number = 0
        for place, entry in enumerate(self.task.annotations):
            shapes = []
            for shape in items(entry, "shapes"):
                key = str(number)
                number += 1
                if key not in was.index or key in unchanged:
                    shapes.append(shape)
                elif key in rows and kept_job[key] == place:
                    shapes.append(self._changed(shape, rows[key]))
            new_jobs.append(shapes)
        moved = [key not in known for key in ids]
        is_new = ~is_first.to_numpy() | np.array(moved, dtype=bool)
        for place, row in zip(job[is_new], _records(boxes[is_new]), strict=True):
            new_jobs[place].append(self._changed(_BLANK, row))
        return new_jobs

    def tracks(self, boxes: pd.DataFrame, job: NDArray[np.int64]) -> list[list[Any]]:
        """Tracks of each job: as they were, changed, without those that are gone, and new ones."""
        was = self.before[self.before["track"].notna()]
        unchanged = self._unchanged_tracks(was, boxes)
        had_boxes = set(was["track"].unique())
        is_new = ~boxes["track"].isin(unchanged).to_numpy()
        written = self._track_shapes(boxes[is_new], job[is_new])
        jobs: list[list[Any]] = []
        number = 0
        for place, entry in enumerate(self.task.annotations):
            tracks = []
            for track in items(entry, "tracks"):
                key = str(number)
                number += 1
                if key in unchanged or key not in had_boxes or not is_box_track(track):
                    tracks.append(track)
                elif (place, key) in written:
                    tracks.append(self._changed_track(track, written.pop((place, key))))
            jobs.append(tracks)
        for (place, _), rows in written.items():
            jobs[place].append(self._changed_track(_BLANK_TRACK, rows))
        return jobs

    def _unchanged_tracks(self, was: pd.DataFrame, boxes: pd.DataFrame) -> set[str]:
        keys = ["track", "frame"]
        was, now = (each.sort_values(keys, kind="stable") for each in (was, boxes))
        sizes = was.groupby("track", sort=False).size()
        as_long = sizes.index[
            sizes.eq(now.groupby("track", sort=False).size().reindex(sizes.index))
        ]
        was, now = (each[each["track"].isin(as_long)] for each in (was, now))
        same = self._same(was, now, ["annotator", "keyframe", *keys, *self.compared])
        return set(as_long) - set(now["track"][~same])

    def _same(self, was: pd.DataFrame, now: pd.DataFrame, names: list[str]) -> NDArray[np.bool_]:
        """Whether each row says the same as the one at its place."""
        same = np.ones(len(was), dtype=bool)
        for name in names:
            if name in was and name in now:
                a, b = was[name].to_numpy(dtype=object), now[name].to_numpy(dtype=object)
                same &= (a == b) | (pd.isna(a) & pd.isna(b))
            elif name.startswith(columns.ATTRIBUTE) and (name in was or name in now):
                same &= (was if name in was else now)[name].isna().to_numpy()
        return same

    def _track_shapes(
        self, boxes: pd.DataFrame, job: NDArray[np.int64]
    ) -> dict[tuple[int, str], list[dict[str, Any]]]:
        """Keyframes of each job and track, and an ``outside`` one wherever an object goes."""
        if not len(boxes):
            return {}
        of_job = columns.text_column([str(place) for place in job])
        named = boxes.reset_index(drop=True).assign(sequence=of_job, track_id=boxes["track"].array)
        if self.interpolate:
            stops = {str(place): each.stop for place, each in enumerate(self.task.jobs)}
            ends = pd.DataFrame({"sequence": [*stops], "frame": [*stops.values()]})
            named = with_keyframes(named, ends)
            named = named[named["keyframe"] | named["outside"]]
        else:
            named = named.sort_values("frame", kind="stable").assign(outside=False)
        found: dict[tuple[int, str], list[dict[str, Any]]] = {}
        for row in _records(named):
            found.setdefault((int(row["sequence"]), row["track_id"]), []).append(row)
        return found

    def _changed_track(self, track: dict[str, Any], rows: list[dict[str, Any]]) -> dict[str, Any]:
        first = rows[0]
        by_frame = {shape.get("frame"): shape for shape in track["shapes"]}
        shapes = [self._changed(by_frame.get(row["frame"], _BLANK_KEY), row) for row in rows]
        there = {shape["frame"] for shape in shapes}
        shapes += [
            shape
            for shape in track["shapes"]
            if shape.get("frame") not in there and self._stays(shape)
        ]
        shapes.sort(key=lambda shape: shape["frame"])
        about = _about(track, first)
        fixed = {n: v for n, v in self._attributes(first).items() if not self._is_mutable(first, n)}
        return about | {
            "frame": shapes[0]["frame"],
            "shapes": shapes,
            "attributes": _merged(track.get("attributes"), fixed),
        }

    def _stays(self, shape: dict[str, Any]) -> bool:
        """Whether a keyframe that is no row is none because it is not shown."""
        is_hidden = not self.interpolate and shape.get("outside") is True
        return is_hidden or shape.get("frame") in self.task.deleted

    def _changed(self, shape: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
        """Make an entry say what a row says; what no column tells stays."""
        right, bottom = (
            round(row[a] + row[b], 9) for a, b in (("left", "width"), ("top", "height"))
        )
        changed = {
            **shape,
            "type": "rectangle",
            "frame": int(row["frame"]),
            "points": [row["left"], row["top"], right, bottom],
        }
        for name, kind in (
            ("occluded", bool),
            ("outside", bool),
            ("z_order", int),
            ("rotation", float),
        ):
            if (value := row.get(name)) is not None and value == value:
                changed[name] = kind(value)
        attributes = self._attributes(row)
        if "label" in shape:
            changed = _about(changed, row)
        else:
            attributes = {n: v for n, v in attributes.items() if self._is_mutable(row, n)}
        return changed | {"attributes": _merged(shape.get("attributes"), attributes)}

    def _attributes(self, row: dict[str, Any]) -> dict[str, str]:
        """Attributes of a row, of those that its label has."""
        known = self.task.labels.get(row["label"], {})
        start = columns.ATTRIBUTE
        values = {str(n).removeprefix(start): v for n, v in row.items() if str(n).startswith(start)}
        return {n: _text(v) for n, v in values.items() if n in known and v is not None and v == v}

    def _is_mutable(self, row: dict[str, Any], name: str) -> bool:
        return self.task.labels.get(row["label"], {}).get(name, False)


_BLANK_KEY: dict[str, Any] = {
    "type": "rectangle", "occluded": False, "outside": False, "z_order": 0, "rotation": 0.0,
    "points": [], "frame": 0, "attributes": [],
}  # fmt: skip
_BLANK = _BLANK_KEY | {"group": 0, "source": "manual", "elements": [], "label": ""}
_BLANK_TRACK: dict[str, Any] = {
    "frame": 0, "group": 0, "source": "manual", "shapes": [], "attributes": [], "elements": [],
    "label": "",
}  # fmt: skip


def _about(entry: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    changed = dict(entry)
    for key, name in (("label", "label"), ("source", "source"), ("group", "group_id")):
        if isinstance(value := row.get(name), str):
            changed[key] = int(value) if key == "group" and value.isdecimal() else value
    return changed


def _merged(found: Any, values: dict[str, str]) -> list[dict[str, str]]:
    """Attributes as a list, those there were in their order."""
    there = [each["name"] for each in found or [] if isinstance(each, dict) and "name" in each]
    names = list(dict.fromkeys([*(name for name in there if name in values), *values]))
    return [{"name": name, "value": values[name]} for name in names]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool | np.bool_) else str(value)


def _records(table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    values = [table[name].tolist() for name in table]
    names = [str(name) for name in table]
    return (dict(zip(names, row, strict=True)) for row in zip(*values, strict=True))
