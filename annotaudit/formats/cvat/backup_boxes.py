"""The shapes and tracks of CVAT's backup as boxes."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from annotaudit.formats import columns, keyframes
from annotaudit.formats.cvat.backup import CONSOLIDATED, Job, Task, frame_of
from annotaudit.formats.cvat.boxes import MAX_FRAME
from annotaudit.formats.problems import Problems, excerpt


def box_table(task: Task, sequence: str, interpolate: bool, problems: Problems) -> pd.DataFrame:
    """Boxes of a task: those drawn, and those CVAT shows between keyframes.

    Parameters
    ----------
    task : Task
    sequence : str
        What the task is to be called.
    interpolate : bool
        Whether to fill in the boxes between keyframes.
    problems : Problems
    """
    reader = _Reader(problems)
    for place, job in enumerate(task.annotations):
        reader.job(place, job)
    for kind, n in reader.others.items():
        problems.add(f"{n} of kind {excerpt(kind)}", "no box; kept as it is, and written back")
    table = reader.table()
    jobs = [*task.jobs, Job(0, 0, CONSOLIDATED)]
    job = table["job"].to_numpy()
    if interpolate:
        stop = np.array([each.stop for each in jobs])[job]
        goes_on = table["track"].notna().to_numpy() & ~table["outside"].to_numpy()
        length = np.where(stop < MAX_FRAME - 1, stop + 1, -1)
        table = keyframes.fill_in(table, ["object"], goes_on, length)
        job = table["job"].to_numpy()
    shown = ~table["outside"] & ~table["frame"].isin(task.deleted)
    annotators = [each.annotator for each in jobs]
    table.insert(0, "sequence", columns.text_column([sequence] * len(table)))
    table.insert(4, "annotator", columns.text_column([annotators[n] for n in job.tolist()]))
    return table[shown].drop(columns=["job", "object", "outside"]).reset_index(drop=True)


class _Reader:
    """Takes shapes and tracks of jobs; numbers both through the task."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.n_shapes = 0
        self.n_tracks = 0
        self.rows: list[tuple[Any, ...]] = []
        self.attributes: list[dict[str, Any]] = []
        self.others: Counter[str] = Counter()

    def job(self, place: int, job: Any) -> None:
        """Take the annotations of a job."""
        if tags := items(job, "tags"):
            self.others["tag"] += len(tags)
        for shape in items(job, "shapes"):
            where = f"job {place}, shape {self.n_shapes}"
            if self._is_box(shape, where):
                self._add(place, shape, shape, None, where)
            self.n_shapes += 1
        for track in items(job, "tracks"):
            where = f"job {place}, track {self.n_tracks}"
            if is_box_track(track):
                for n, shape in enumerate(track["shapes"]):
                    self._add(place, track, shape, str(self.n_tracks), f"{where}, shape {n}")
            else:
                shapes = track.get("shapes") if isinstance(track, dict) else None
                first = shapes[0] if isinstance(shapes, list) and shapes else track
                self._is_box(first, where)
            self.n_tracks += 1

    def _is_box(self, shape: Any, where: str) -> bool:
        if not isinstance(shape, dict) or not isinstance(shape.get("type"), str):
            self.problems.add(where, f"found {excerpt(shape)}; expected a shape with a type")
            return False
        if shape["type"] != "rectangle":
            self.others[shape["type"]] += 1
        return bool(shape["type"] == "rectangle")

    def _add(
        self, job: int, about: dict[str, Any], shape: dict[str, Any], track: str | None, where: str
    ) -> None:
        frame = frame_of(shape, "frame")
        points = shape.get("points")
        if frame is None:
            found = excerpt(shape.get("frame"))
            self.problems.add(where, f"frame is {found}; expected a number below {MAX_FRAME:,}")
            return
        if not isinstance(points, list) or len(points) != 4 or not all(map(_is_number, points)):
            found = excerpt(points)
            self.problems.add(where, f"points are {found}; expected left, top, right, bottom")
            return
        flags = [shape.get(name, False) for name in ("occluded", "outside")]
        numbers = [shape.get(name, 0) for name in ("z_order", "rotation")]
        for name, flag in zip(("occluded", "outside"), flags, strict=True):
            if type(flag) is not bool:
                self.problems.add(where, f"{name} is {excerpt(flag)}; expected true or false")
        for name, number in zip(("z_order", "rotation"), numbers, strict=True):
            if not _is_number(number):
                self.problems.add(where, f"{name} is {excerpt(number)}; expected a number")
        group = about.get("group")
        self.rows.append(
            (
                job, frame, track, _text(about.get("label")), *points,
                *(flag is True for flag in flags),
                *(float(number) if _is_number(number) else 0.0 for number in numbers),
                _text(about.get("source")), str(group) if type(group) is int and group else None,
                None if track is not None else str(self.n_shapes),
                self.n_tracks if track is not None else -1 - self.n_shapes,
            )
        )  # fmt: skip
        self.attributes.append(_attributes(about) | _attributes(shape))

    def table(self) -> pd.DataFrame:
        names = [
            "job", "frame", "track", "label", "left", "top", "right", "bottom", "occluded",
            "outside", "z_order", "rotation", "source", "group_id", "shape_id", "object",
        ]  # fmt: skip
        kinds = {"job": "int64", "frame": "int64", "object": "int64"}
        kinds |= {"occluded": "bool", "outside": "bool"}
        texts = {"track", "label", "source", "group_id", "shape_id"}
        values = list(zip(*self.rows, strict=True)) or [()] * len(names)
        found: dict[str, Any] = {
            name: columns.text_column(list(each))
            if name in texts
            else np.array(each, dtype=kinds.get(name, "float64"))
            for name, each in zip(names, values, strict=True)
        }
        # Coordinates are decimal fractions: 113.0 - 13.1 is 99.9, not 99.9 and a bit.
        sides = {
            "left": found.pop("left"),
            "top": found.pop("top"),
            "width": found.pop("right"),
            "height": found.pop("bottom"),
        }
        sides["width"] = np.round(sides["width"] - sides["left"], 9)
        sides["height"] = np.round(sides["height"] - sides["top"], 9)
        first = {name: found.pop(name) for name in ("frame", "track", "label")}
        is_key = np.ones(len(self.rows), dtype=bool)
        flags = {"occluded": found.pop("occluded"), "keyframe": is_key}
        more = columns.attribute_columns(self.attributes, "", {})
        return pd.DataFrame(first | sides | flags | found | more)


def is_box_track(track: Any) -> bool:
    """Tell whether a track is one of boxes."""
    shapes = track.get("shapes") if isinstance(track, dict) else None
    return bool(
        isinstance(shapes, list)
        and shapes
        and all(isinstance(s, dict) and s.get("type") == "rectangle" for s in shapes)
    )


def items(job: Any, key: str) -> list[Any]:
    """List what a job has under a key; nothing if there is no list."""
    found = job.get(key) if isinstance(job, dict) else None
    return found if isinstance(found, list) else []


def _is_number(value: Any) -> bool:
    return bool(type(value) in (int, float) and abs(value) < columns.MAX_EXACT)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _attributes(entry: dict[str, Any]) -> dict[str, str]:
    found = entry.get("attributes")
    return {
        each["name"]: str(each["value"])
        for each in (found if isinstance(found, list) else [])
        if isinstance(each, dict) and isinstance(each.get("name"), str) and "value" in each
    }
