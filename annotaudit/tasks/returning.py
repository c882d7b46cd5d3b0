"""Read what came back, and tell which frame of the labels each frame of it is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from annotaudit.boxes import SIDES, TEXT, Labels
from annotaudit.errors import LabelFormatError
from annotaudit.formats.columns import ATTRIBUTE
from annotaudit.formats.json_text import decode
from annotaudit.formats.loading import load
from annotaudit.formats.problems import Problems
from annotaudit.tasks.cvat_files import FLAGS, KEY
from annotaudit.tasks.label_studio_files import PLACE
from annotaudit.tasks.plans import TaskPlan


def read_returned(returned: Any, plan: TaskPlan) -> Labels:
    """Load the files that a tool exported.

    Parameters
    ----------
    returned : path, list of paths, or mapping from names of tasks to paths
    plan : TaskPlan
    """
    options: dict[str, Any] = {}  # CVAT gives XML or an archive of it
    if plan.tool == "label-studio":
        options = {"format": plan.tool, "predictions": False, "rotation": "box"}
        sizes = plan.frames[["image_width", "image_height"]].dropna().drop_duplicates()
        if plan.videos and len(sizes) == 1:
            options["video_size"] = tuple(sizes.iloc[0])
    if isinstance(returned, Mapping):
        read = [load(path, sequence=name, **options) for name, path in returned.items()]
    else:
        is_one = isinstance(returned, str | os.PathLike)
        paths = [Path(path) for path in ([returned] if is_one else returned)]
        read = [load(path, **options) for path in paths]
    return join_labels(read)


def join_labels(read: list[Labels]) -> Labels:
    """Put the labels of several exports together; a frame may be in one only."""
    if len(read) == 1:
        return read[0]
    # Exports of Label Studio are sets of stills named by their files; numbers tell them apart.
    numbered = []
    for number, each in enumerate(read):
        sequence = f"{number} " + each.frames["sequence"]
        boxes = each.boxes.assign(sequence=f"{number} " + each.boxes["sequence"])
        own = each.frames.assign(sequence=sequence, returned_as=each.frames["sequence"])
        numbered.append(Labels(boxes, own, each.problems))
    return Labels(
        pd.concat([each.boxes for each in numbered], ignore_index=True),
        pd.concat([each.frames for each in numbered], ignore_index=True),
        pd.concat([each.problems for each in numbered], ignore_index=True),
    )


def place_returned(
    read: Labels, plan: TaskPlan, problems: Problems
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give what came back the sequences and frames of the labels, and boxes their keys' tracks.

    Returns
    -------
    boxes : DataFrame
        ``task``, ``position``, ``sequence``, ``frame``, ``track`` (missing where the key is not
        known), ``thread`` (what the tool took for one object), ``nth``, label, sides, and what
        CVAT's boxes have besides.
    frames : DataFrame
        As those of the labels; only those that came back.

    Raises
    ------
    LabelFormatError
        If none of it is of this plan.
    """
    frames = read.frames
    if plan.tool == "cvat" or plan.videos:
        place = _places_by_task(frames, plan, problems)
    else:
        place = _places_by_data(frames, plan)
    known = place["task"].notna().to_numpy()
    if not known.any():
        raise LabelFormatError(
            f"What came back is of {sorted(set(frames['sequence']))[:5]}; expected tasks of "
            f"{plan.name}: {', '.join(plan.tasks['name'][:5])}. Check which project was exported, "
            "or tell the file of each task: merge_tasks(labels, {task: file}, plan)."
        )
    if n := int((~known).sum()):
        problems.add(f"{n} frames", "they came back, but are not of this plan; not taken over")
    found = frames[["sequence", "frame"]].rename(
        columns={"sequence": "came_as", "frame": "came_at"}
    )
    at = pd.concat([found, place], axis=1)[known].astype({"position": "int64"})
    columns = ["task", "position", "name", "sequence", "frame", "image"]
    at = at.merge(plan.frames[columns], on=["task", "position"])
    twice = at.duplicated(["sequence", "frame"], keep="last")
    if twice.any():
        problems.add(f"{int(twice.sum())} frames", "they came back twice; the last one counts")
        at = at[~twice]
    boxes = read.boxes.rename(columns={"sequence": "came_as", "frame": "came_at"})
    boxes = boxes.drop(columns=[n for n in ("task", "position", "name") if n in boxes])
    here = at[["came_as", "came_at", "task", "position", "sequence", "frame"]]
    boxes = boxes.merge(here, on=["came_as", "came_at"])
    if plan.tool == "label-studio":
        boxes, at = _one_annotation(boxes, at, read, plan, problems)
    return _keyed(boxes, plan), at[["sequence", "frame", "image"]].reset_index(drop=True)


def _places_by_task(frames: pd.DataFrame, plan: TaskPlan, problems: Problems) -> pd.DataFrame:
    """Task and position, by the name of the task and that of the image or its number."""
    came = frames["returned_as"] if "returned_as" in frames else frames["sequence"]
    if plan.videos:  # of a video, the first frame holds the task
        said = [str(_data(entry).get(PLACE)) for entry in _entries(frames)]
        known = frames["sequence"][[name in plan.instructions for name in said]]
        named = dict(zip(known, [name for name in said if name in plan.instructions], strict=True))
        came = frames["sequence"].map(named).astype(TEXT)
    task = came.where(came.isin(plan.tasks["name"]))
    if task.isna().all() and came.nunique() == 1 == len(plan.tasks):
        task = pd.Series(plan.tasks["name"].iloc[0], index=frames.index, dtype=TEXT)
    keys = pd.MultiIndex.from_frame(plan.frames[["task", "name"]])
    names = frames["image"].astype(TEXT).str.replace("^.*/", "", regex=True)
    by_name = keys.get_indexer(pd.MultiIndex.from_arrays([task, names]))
    numbers = pd.MultiIndex.from_frame(plan.frames[["task", "position"]])
    by_number = numbers.get_indexer(pd.MultiIndex.from_arrays([task, frames["frame"]]))
    row = np.where(names.notna() & (not plan.videos), by_name, by_number)
    sizes, sent = task.value_counts(), plan.tasks.set_index("name")["frames"]
    for name, n in sizes.items():
        if n != sent[name] and not plan.videos:
            problems.add(f"task {name}", f"{n} frames came back; {sent[name]} were sent")
    return _places(row, plan, frames.index)


def _places_by_data(frames: pd.DataFrame, plan: TaskPlan) -> pd.DataFrame:
    """Task and position of frames that were tasks of Label Studio, by what the plan put in them."""
    place = {
        f"{task}/{name}": row
        for row, (task, name) in enumerate(
            zip(plan.frames["task"].tolist(), plan.frames["name"].tolist(), strict=True)
        )
    }
    rows = [place.get(str(_data(entry).get(PLACE)), -1) for entry in _entries(frames)]
    return _places(np.array(rows, dtype=np.int64), plan, frames.index)


def _places(row: Any, plan: TaskPlan, index: pd.Index) -> pd.DataFrame:
    known = row >= 0
    found = plan.frames[["task", "position"]].iloc[np.where(known, row, 0)].set_axis(index)
    return found.where(pd.Series(known, index=index))


def _entries(frames: pd.DataFrame) -> list[dict[str, Any]]:
    """Tasks of Label Studio as they were exported, one for each frame."""
    if "source_entry" not in frames:
        return [{}] * len(frames)
    texts = frames["source_entry"].tolist()
    found = [decode(t.encode(), "source_entry") if isinstance(t, str) else {} for t in texts]
    tasks = [entry.get("task") if isinstance(entry, dict) else None for entry in found]
    return [task if isinstance(task, dict) else {} for task in tasks]


def _data(task: dict[str, Any]) -> dict[str, Any]:
    data = task.get("data")
    return data if isinstance(data, dict) else {}


def _one_annotation(
    boxes: pd.DataFrame, at: pd.DataFrame, read: Labels, plan: TaskPlan, problems: Problems
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Keep the latest annotation of each task, unless it was not made from the boxes sent."""
    tasks = dict(zip(_places_of(read.frames), _entries(read.frames), strict=True))
    sent = plan.boxes.groupby(["task", "position"])["key"].agg(set).to_dict()
    chosen: dict[tuple[str, int], str] = {}
    refused: set[tuple[str, int]] = set()
    for row in at.itertuples():
        place = (row.came_as, row.came_at)
        listed = tasks.get(place, {}).get("annotations")
        given = [a for a in (listed if isinstance(listed, list) else []) if _counts(a)]
        if not given:
            continue  # of a video, only the first frame holds the task
        latest = max(given, key=lambda a: (str(a.get("updated_at", "")), _number(a.get("id"))))
        if len(given) > 1:
            problems.add(f"image {row.name}", f"{len(given)} annotations; the latest counts")
        chosen[place] = str(latest.get("id"))
        expected = sent.get((row.task, row.position), set())
        ids = {str(region.get("id")) for region in latest["result"] if isinstance(region, dict)}
        begun = latest.get("parent_prediction") is not None
        if expected and not plan.videos and not begun and not expected & ids:
            refused.add(place)
            problems.add(
                f"image {row.name}",
                "the annotation was not begun from the boxes sent, and holds none of them; not "
                "taken over. Open it in Label Studio, copy the prediction and submit it again",
            )
    boxes_at = pd.MultiIndex.from_frame(boxes[["came_as", "came_at"]])
    at_places = pd.MultiIndex.from_frame(at[["came_as", "came_at"]])
    if "annotation_id" in boxes and not plan.videos:
        wanted = boxes_at.map(chosen)
        boxes = boxes[np.asarray(boxes["annotation_id"] == wanted)]
        boxes_at = pd.MultiIndex.from_frame(boxes[["came_as", "came_at"]])
    gone = list(refused)
    return boxes[~boxes_at.isin(gone)], at[~at_places.isin(gone)]


def _places_of(frames: pd.DataFrame) -> list[tuple[str, int]]:
    return list(zip(frames["sequence"].tolist(), frames["frame"].tolist(), strict=True))


def _counts(annotation: Any) -> bool:
    is_usual = isinstance(annotation, dict) and isinstance(annotation.get("result"), list)
    return is_usual and annotation.get("was_cancelled") is not True


def _number(value: Any) -> int:
    return value if type(value) is int else -1


def _keyed(boxes: pd.DataFrame, plan: TaskPlan) -> pd.DataFrame:
    """Look up which box, or object, the plan gave each key to."""
    column = ATTRIBUTE + KEY if plan.tool == "cvat" else "region_id"
    key = boxes.get(column, pd.Series(None, index=boxes.index, dtype=TEXT)).astype(TEXT)
    thread = boxes["track"] if boxes["track"].notna().any() else boxes.get("region_id", key)
    table = boxes.assign(key=key, thread=thread.astype(TEXT))
    named = plan.boxes[["task", "key", "track", "nth"]].drop_duplicates(["task", "key"])
    table = table.drop(columns=["track", "nth"], errors="ignore")
    table = table.merge(named, on=["task", "key"], how="left")
    more = [
        name
        for name in table
        if name in FLAGS or (str(name).startswith(ATTRIBUTE) and name != ATTRIBUTE + KEY)
    ]
    first = ["task", "position", "sequence", "frame", "track", "key", "thread", "nth", "label"]
    return table[[*first, *SIDES, *more]]
