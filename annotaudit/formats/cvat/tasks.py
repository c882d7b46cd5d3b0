"""The tasks of CVAT's ``<meta>``: what they are called, how their frames count."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from annotaudit.boxes import Labels
from annotaudit.formats.cvat.boxes import MAX_FRAME
from annotaudit.formats.cvat.elements import for_xml
from annotaudit.formats.problems import Problems, excerpt

_STEP = re.compile(r"step\s*=\s*([1-9][0-9]{0,5})")


@dataclass(frozen=True)
class Tasks:
    """The tasks of a file, in their order; a file without any is one.

    Parameters
    ----------
    ids : list of str or None
        As tracks and images name them.
    names : list of str
        Of the sequence.
    starts, steps : list of int
        Number of the first frame, and between two frames.
    lengths : list of int or None
        How many frames there are, where the file says so.
    sizes : list of tuple
        Width and height of the frames; NaN where unknown.
    """

    ids: list[str | None]
    names: list[str]
    starts: list[int]
    steps: list[int]
    lengths: list[int | None]
    sizes: list[tuple[float, float]]

    def of(self, task: pd.Series) -> NDArray[np.int64]:
        """Which task each id is; the first where none is named."""
        if len(self.ids) == 1:
            return np.zeros(len(task), dtype=np.int64)
        places = {name: place for place, name in reversed(list(enumerate(self.ids))) if name}
        each = task.astype("category").cat
        known = np.array([*(places.get(name, 0) for name in each.categories), 0], dtype=np.int64)
        # Code -1, of those unnamed, takes the last.
        return np.asarray(known[each.codes.to_numpy()], dtype=np.int64)

    def of_names(self, sequence: pd.Series) -> NDArray[np.int64]:
        """Which task each sequence is."""
        places = {name: place for place, name in enumerate(self.names)}
        return np.asarray(sequence.map(places).fillna(0), dtype=np.int64)

    def position(self, task: NDArray[np.int64], number: NDArray[np.int64]) -> NDArray[np.int64]:
        """Position in the sequence of a frame that CVAT calls by its number in the video."""
        if len(self.starts) == 1:
            return (number - self.starts[0]) // self.steps[0]
        start, step = np.array(self.starts)[task], np.array(self.steps)[task]
        return np.asarray((number - start) // step, dtype=np.int64)

    def number(self, task: NDArray[np.int64], frame: NDArray[np.int64]) -> NDArray[np.int64]:
        """The opposite of :meth:`position`."""
        step, start = np.array(self.steps)[task], np.array(self.starts)[task]
        return np.asarray(frame * step + start, dtype=np.int64)

    def looked_at(self) -> pd.DataFrame:
        """Task and position of every frame, of tasks whose length is known."""
        counts = [length or 0 for length in self.lengths]
        return pd.DataFrame(
            {
                "task": np.repeat(np.arange(len(counts)), counts),
                "frame": np.concatenate([np.zeros(0, np.int64), *map(np.arange, counts)]),
            }
        ).astype("int64")


def read_tasks(meta: str, sequence: str | None, stem: str, problems: Problems) -> Tasks:
    """Read the tasks of a ``<meta>``; one without a name takes that of the file."""
    root = ElementTree.fromstring(meta) if meta else ElementTree.Element("meta")
    found = root.findall("project/tasks/task") or root.findall("task") or root.findall("job")
    if not found:
        return Tasks([None], [sequence or stem], [0], [1], [None], [(np.nan, np.nan)])
    tasks = Tasks([], [], [], [], [], [])
    for place, task in enumerate(found):
        where = f"task {place}"
        key = (task.findtext("id") or "").strip() or None
        name = (task.findtext("name") or "").strip() or (stem if len(found) == 1 else where)
        name = sequence if sequence and len(found) == 1 else name
        if name in tasks.names:
            name = f"{name} ({key or place})"
        start = _whole(task, "start_frame", where, problems)
        stop = _whole(task, "stop_frame", where, problems)
        size = _whole(task, "size", where, problems)
        step = _STEP.search(task.findtext("frame_filter") or "")
        every = int(step[1]) if step else 1
        by_stop = None if stop is None else max((stop - (start or 0)) // every + 1, 0)
        tasks.ids.append(key)
        tasks.names.append(name)
        tasks.starts.append(start or 0)
        tasks.steps.append(every)
        tasks.lengths.append(by_stop if size is None or by_stop is not None else size)
        tasks.sizes.append(
            (_side(task, "original_size/width"), _side(task, "original_size/height"))
        )
    if sum(length or 0 for length in tasks.lengths) > MAX_FRAME:
        problems.add("meta", f"more than {MAX_FRAME:,} frames; only those with boxes are listed")
        tasks.lengths[:] = [None] * len(tasks.lengths)
    return tasks


def _whole(task: ElementTree.Element, key: str, where: str, problems: Problems) -> int | None:
    text = (task.findtext(key) or "").strip()
    if not text:
        return None
    if text.isascii() and text.isdigit() and len(text) < 9 and int(text) <= MAX_FRAME:
        return int(text)
    problems.add(f"{where}, {key}", f"found {excerpt(text)}; expected a number up to {MAX_FRAME:,}")
    return None


def _side(task: ElementTree.Element, key: str) -> float:
    text = (task.findtext(key) or "").strip()
    is_number = text.isascii() and text.isdigit() and 0 < len(text) < 9 and int(text) > 0
    return float(text) if is_number else float("nan")


def write_meta(meta: str, labels: Labels, stem: str) -> tuple[str, Tasks]:
    """Write ``<meta>``: as it was read, if its tasks are still the sequences; otherwise a new one.

    Returns
    -------
    meta : str
    tasks : Tasks
        How to count in it.
    """
    boxes, frames = labels.boxes, labels.frames
    listed = frames["sequence"] if "sequence" in frames else pd.Series([], dtype=object)
    names = list(dict.fromkeys([*listed.tolist(), *boxes["sequence"].tolist()])) or [stem]
    if meta:
        tasks = read_tasks(meta, None, names[0], Problems("meta"))
        if len(tasks.names) == 1 == len(names):
            return meta, Tasks(
                tasks.ids, names, tasks.starts, tasks.steps, tasks.lengths, tasks.sizes
            )
        if set(names) <= set(tasks.names):
            return meta, tasks
    described = [_describe(place, name, labels) for place, name in enumerate(names)]
    inner = "".join(described)
    if len(names) > 1:
        inner = f"<project><name>{_xml(stem)}</name><tasks>{inner}</tasks></project>"
    n = len(names)
    ids: list[str | None] = [str(place) for place in range(n)]
    sizes = [(np.nan, np.nan)] * n
    return f"<meta>{inner}</meta>", Tasks(ids, names, [0] * n, [1] * n, [None] * n, sizes)


def _describe(place: int, name: str, labels: Labels) -> str:
    boxes = labels.boxes[labels.boxes["sequence"] == name]
    frames = labels.frames
    frames = frames[frames["sequence"] == name] if "sequence" in frames else frames
    numbers = [*frames.get("frame", []), *boxes["frame"]]
    last = int(max(numbers, default=-1))
    facts: dict[str, Any] = {
        "id": place, "name": name, "size": last + 1,
        "mode": "interpolation" if boxes["track"].notna().any() else "annotation",
        "start_frame": 0, "stop_frame": max(last, 0),
    }  # fmt: skip
    labels_xml = "".join(
        f"<label><name>{_xml(label)}</name></label>"
        for label in boxes["label"].dropna().unique().tolist()
    )
    size = ""
    if {"image_width", "image_height"} <= set(frames):
        known = frames[["image_width", "image_height"]].dropna().drop_duplicates()
        if len(known) == 1:
            width, height = known.iloc[0]
            size = f"<width>{width:.15g}</width><height>{height:.15g}</height>"
            size = f"<original_size>{size}</original_size>"
    values = "".join(f"<{key}>{_xml(value)}</{key}>" for key, value in facts.items())
    return f"<task>{values}<labels>{labels_xml}</labels>{size}</task>"


def _xml(value: Any) -> str:
    return escape(for_xml(str(value)))
