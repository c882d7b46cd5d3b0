"""Label Studio: the JSON export of boxes on images and along videos.

A list of tasks, here one of each kind and broken for reading::

    [{"id": 1, "data": {"image": "/data/upload/1/a.jpg"},
      "annotations": [{"id": 5, "completed_by": {"id": 2, "email": "ann@example.org"}, "result": [
        {"id": "x1", "type": "rectanglelabels", "from_name": "label", "to_name": "image",
         "original_width": 500, "original_height": 400, "image_rotation": 0,
         "value": {"x": 10, "y": 20, "width": 5, "height": 10, "rotation": 0,
                   "rectanglelabels": ["dog"]}}]}],
      "predictions": [{"model_version": "v1", "result": []}]},
     {"id": 2, "data": {"video": "/data/upload/1/street.mp4"},
      "annotations": [{"id": 6, "completed_by": 2, "result": [
        {"id": "y1", "type": "videorectangle", "from_name": "box", "to_name": "video",
         "value": {"labels": ["car"], "framesCount": 100, "duration": 4.0, "sequence": [
           {"frame": 1, "time": 0.04, "enabled": true,
            "x": 10, "y": 20, "width": 5, "height": 10, "rotation": 0}]}}]}]}]

==============================  ===================================================
in the file                     in the tables
==============================  ===================================================
a task with an image            ``frame``, its place among them; ``sequence``: the file
a task with several             as many frames; ``item_index`` of a region tells which
a task with a video             ``sequence``: name of the video
``frame`` of a keyframe         ``frame``: 1 less
``x``, ``y``, ``width``,        ``left top width height`` in pixels: they are hundredths
``height``                      of ``original_width`` and ``original_height``
``id`` of a region              ``region_id``; of a video ``track``, too
first of its labels             ``label``
``completed_by``                ``annotator``: the address, or else the number
``model_version``               ``annotator`` of predictions, marked in ``prediction``
all who labelled a task,        ``annotators`` of the frames table, JSON: of each of its images,
boxes or none                   of a video each frame
``score``                       ``score``
``id`` of the annotation        ``annotation_id``
the whole task                  ``source_entry`` of the frames table, on its first frame: JSON
tasks that nobody labelled      ``source_file``, on the first frame: JSON
==============================  ===================================================

Between two keyframes of a video Label Studio shows boxes that move evenly from one to the other,
and after the last one the same box up to ``framesCount``. A keyframe that is not ``enabled`` is
shown itself, and nothing after it until the next. Boxes worked out so have ``keyframe`` false.
The export does not tell how large a video is: ``video_size=(width, height)`` does.

A task is kept whole, and saving changes in it what has changed: a box that is where it was keeps
its value to the last digit. Polygons, choices and whatever else a region may be ride along.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from annotaudit.boxes import SIDES, Labels
from annotaudit.errors import LabelFormatError
from annotaudit.formats import columns, keyframes
from annotaudit.formats.finite_sides import refuse_unknown_sides
from annotaudit.formats.ground_truth.manifests import safe_name
from annotaudit.formats.json_text import decode, encode, quotes, read_bytes, repeated_keys
from annotaudit.formats.label_studio.media import is_video_task, media_name, page_names
from annotaudit.formats.label_studio.regions import Regions
from annotaudit.formats.label_studio.writing import write_tasks
from annotaudit.formats.problems import Problems, excerpt
from annotaudit.formats.recognise import HEAD_BYTES
from annotaudit.formats.saving import write_whole

_SIGNS = re.compile(rb'"(rectanglelabels|videorectangle|from_name|completed_by|model_version)"')
_INSIDE = re.compile(rb'"(data|result)"')  # a long result keeps "data" out of the first bytes
_ABOUT = {b"annotation_id", b"annotator", b"lead_time"}  # what the short exports say of each task
_RAW_TASKS = msgspec.json.Decoder(list[msgspec.Raw])
_MAX_FRAMES = 10_000_000  # four days at 30 frames per second


def recognises(path: Path, head: bytes) -> bool:
    """Tell an export from its list of tasks; the others too, to say which one is needed.

    Examples
    --------
    >>> recognises(Path("x"), b'[{"id": 1, "data": {}, "annotations": [{"completed_by": 1}]}]')
    True
    """
    is_list = head.lstrip()[:1] == b"[" and (b'"annotations"' in head or b'"predictions"' in head)
    if is_list and _INSIDE.search(head) and _SIGNS.search(head):
        return True
    return _other_export(head) is not None


def _other_export(head: bytes) -> str | None:
    """Name the export of Label Studio that is not read, if a file is one."""
    start = head.lstrip()[:1]
    if start == b"[":
        is_short = all(b'"%b"' % word in head for word in _ABOUT) and b'"result"' not in head
        return "JSON_MIN" if is_short else None
    if start == b"{":
        signs = (b'"from_name"', b'"to_name"', b'"result"')
        return "one task" if all(sign in head for sign in signs) else None
    first = head.partition(b"\n")[0].replace(b'"', b"").strip()
    return "CSV" if set(re.split(rb"[,\t]", first)) >= _ABOUT else None


def load(
    path: Path,
    *,
    strict: bool = False,
    sequence: str | None = None,
    video_size: tuple[float, float] | None = None,
    rotation: str = "refuse",
    predictions: bool = True,
    interpolate: bool = True,
) -> Labels:
    """Read an export.

    Parameters
    ----------
    path : Path
    strict : bool
        Raise at the first piece of input that cannot be used.
    sequence : str, optional
        Name of the set of images; by default that of the file.
    video_size : tuple of float, optional
        Width and height of the videos in pixels.
    rotation : str
        What to do with turned boxes: "refuse" lists them as problems, "box" takes the upright box
        around each.
    predictions : bool
        Whether to read predictions, each model as an annotator.
    interpolate : bool
        Whether to work out the boxes between keyframes.

    Returns
    -------
    Labels

    Raises
    ------
    LabelFormatError
        If it is no list of tasks, or nobody labelled any.
    """
    if rotation not in ("refuse", "box"):
        raise LabelFormatError(f"rotation is {rotation!r}; expected 'refuse' or 'box'.")
    data = read_bytes(path)
    other = _other_export(data[:HEAD_BYTES])
    tasks = [] if other else decode(data, str(path))
    if other or not isinstance(tasks, list):
        raise LabelFormatError(
            f"{path}: found {other or excerpt(tasks)}; expected a list of tasks. Export as JSON "
            "from Label Studio, not as JSON_MIN, CSV or one task."
        )
    problems = Problems(str(path), strict=strict)
    _note_repeated_keys(data, tasks, problems)
    del data
    regions = Regions(problems, video_size, rotation == "box", predictions)
    frames = _Frames(sequence or path.stem, problems)
    unlabelled: dict[str, Any] = {}
    for place, task in enumerate(tasks):
        where = f"task {place}"
        if not isinstance(task, dict) or not isinstance(task.get("data"), dict):
            problems.add(where, f"found {excerpt(task)}; expected a task with data")
        elif looked := regions.who_looked(task):
            name, frame, n_pages = frames.add(place, task)
            regions.read(task, where, name, frame, n_pages)
            frames.note(name, frame, *regions.facts)
            frames.looked(name, frame, looked, n_pages)
            frames.keep(name, frame, {"place": place, "task": task, "read": regions.paths}, n_pages)
        else:
            unlabelled[str(place)] = task
    if not frames.rows:
        raise LabelFormatError(
            f"{path}: nobody labelled any of its {len(tasks)} tasks. Expected annotations, as the "
            "JSON export of Label Studio has them."
        )
    for kind, n in regions.others.items():
        problems.add(f"{n} regions of type {excerpt(kind)}", "no box; kept to be written back")
    boxes = _box_table(regions, frames, interpolate)
    return Labels(boxes, frames.table(boxes, unlabelled), problems.table())


def _note_repeated_keys(data: bytes, tasks: list[Any], problems: Problems) -> None:
    """Tell the tasks in which a key stands twice, of which only the last was read."""
    if quotes(data) == sum(quotes(encode(task, problems.source)) for task in tasks):
        return
    try:
        texts = {f"task {n}": bytes(t) for n, t in enumerate(_RAW_TASKS.decode(data))}
        values: list[Any] = tasks
    except msgspec.DecodeError:  # NaN in it
        texts, values = {"file": data}, [tasks]
    for (where, text), value in zip(texts.items(), values, strict=True):
        for key in repeated_keys(text, value):
            problems.add(where, f"has the key {excerpt(key)} twice; the last one counts")


class _Frames:
    """Tasks as they come, and the frames they stand for."""

    def __init__(self, stills: str, problems: Problems) -> None:
        self.stills = stills
        self.problems = problems
        self.names: Counter[str] = Counter({stills: 1})
        self.rows: dict[tuple[str, int], list[Any]] = {}
        self.lengths: dict[str, int] = {}
        self.n_stills = 0

    def add(self, place: int, task: dict[str, Any]) -> tuple[str, int, int]:
        """Take the frames of a task; return its sequence, the first of them, how many images."""
        media, where = media_name(task), f"task {place}"
        if is_video_task(task):
            name = PurePosixPath((media or "").partition("?")[0]).stem or f"video {place}"
            self.names[name] += 1
            name = name if self.names[name] == 1 else f"{name} ({place})"
            self.lengths[name] = 0
            self.rows[(name, 0)] = [None, np.nan, np.nan, None, None]
            return name, 0, 1
        if media and media.startswith("data:"):
            self.problems.add(where, "the image itself stands in it; no name")
            media = None
        images: list[str | None] = [media] if media else [*page_names(task)] or [None]
        first = self.n_stills
        self.n_stills += len(images)
        for frame, image in enumerate(images, start=first):
            named = safe_name(image, where, self.problems)
            self.rows[(self.stills, frame)] = [named, np.nan, np.nan, None, None]
        return self.stills, first, len(images)

    def note(
        self, name: str, frame: int, sizes: dict[int, tuple[float, float]], length: int
    ) -> None:
        """Set down what the regions of a task tell: the size of each image, how long a video is."""
        for page, size in sizes.items():
            self.rows[(name, frame + page)][1:3] = size
        if name in self.lengths:
            if length > _MAX_FRAMES:
                self.problems.add(name, f"framesCount is {length:,}; not used")
            else:
                self.lengths[name] = length

    def looked(self, name: str, frame: int, annotators: list[str], n_pages: int) -> None:
        """Set down who looked at all images of a task."""
        text = encode(annotators, self.problems.source).decode()
        for page in range(n_pages):
            self.rows[(name, frame + page)][4] = text

    def keep(self, name: str, frame: int, entry: dict[str, Any], n_pages: int) -> None:
        """Keep a task, which of its regions gave boxes, and how many images it shows."""
        entry |= {"pages": n_pages} if n_pages > 1 else {}
        self.rows[(name, frame)][3] = encode(entry, self.problems.source).decode()

    def table(self, boxes: pd.DataFrame, unlabelled: dict[str, Any]) -> pd.DataFrame:
        names = ["image", "image_width", "image_height", "source_entry", "annotators"]
        keys = [
            key
            for name, frame in self.rows
            for key in (
                [(name, number) for number in range(max(self.lengths[name], 1))]
                if name in self.lengths
                else [(name, frame)]
            )
        ]
        keys = list(dict.fromkeys([*keys, *zip(boxes["sequence"], boxes["frame"], strict=True)]))
        blank = [None, np.nan, np.nan, None, None]
        rows = [self.rows.get(key, blank) for key in keys]
        videos = {name: row for (name, _), row in self.rows.items() if name in self.lengths}
        of_all = [videos.get(name, row) for (name, _), row in zip(keys, rows, strict=True)]
        rows = [
            [row[0], *whole[1:3], row[3], whole[4]] for row, whole in zip(rows, of_all, strict=True)
        ]
        table = {
            name: columns.text_column([row[at] for row in rows])
            if at in (0, 3, 4)
            else np.array([row[at] for row in rows], dtype="float64")
            for at, name in enumerate(names)
        }
        frames = pd.DataFrame(
            {
                "sequence": columns.text_column([name for name, _ in keys]),
                "frame": np.array([frame for _, frame in keys], dtype="int64"),
                **table,
            }
        )
        frames.insert(5, "time", np.nan)
        if unlabelled:
            text = encode({"unlabelled": unlabelled}, self.problems.source)
            frames["source_file"] = columns.on_first_row(len(frames), text)
        return frames


def _box_table(regions: Regions, frames: _Frames, interpolate: bool) -> pd.DataFrame:
    table = regions.table()
    is_video = table["sequence"].isin(list(frames.lengths))
    if is_video.any():
        stills, tracks = table[~is_video], table[is_video].reset_index(drop=True)
        if interpolate:
            lengths = tracks["sequence"].map(frames.lengths).to_numpy()
            tracks = keyframes.fill_in(
                tracks,
                ["sequence", "region"],
                tracks["enabled"].to_numpy(),
                np.where(lengths > 0, lengths, -1),
            )
        tracks["keyframe"] = tracks["keyframe"].astype("boolean")
        stills = stills.assign(keyframe=pd.array([pd.NA] * len(stills), dtype="boolean"))
        table = pd.concat([stills, tracks], ignore_index=True)
    else:
        table = table.drop(columns="keyframe")
    first = ["sequence", "frame", "track", "label", "annotator", *SIDES]
    rest = [name for name in table if name not in (*first, "enabled")]
    unsaid = [name for name in ("score", "annotation_id") if table[name].isna().all()]
    if not table["prediction"].any():
        unsaid.append("prediction")
    return table[[*first, *rest]].drop(columns=unsaid)


def save(labels: Labels, path: Path) -> Path:
    """Write tasks: those that were read, with what has changed, and new ones.

    Boxes of each annotator are an annotation of the task; those marked ``prediction``, a
    prediction. New annotators who are neither a number nor an address are written under
    ``annotator``, because Label Studio knows its people by these only.

    Parameters
    ----------
    labels : Labels
        With the sizes of images in ``labels.frames``.
    path : Path

    Raises
    ------
    LabelFormatError
        If the size of an image or a side is unknown.
    """
    boxes, frames = labels.boxes, labels.frames
    refuse_unknown_sides(boxes, path)
    tasks = write_tasks(boxes, frames, str(path))
    return write_whole(path, encode(tasks, str(path)))
