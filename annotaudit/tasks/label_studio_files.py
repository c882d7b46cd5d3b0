"""What Label Studio reads: how to label, and the tasks with today's boxes as predictions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import quoteattr

import pandas as pd

from annotaudit.boxes import SIDES, TEXT, Labels
from annotaudit.errors import LabelFormatError
from annotaudit.formats.columns import plain_numbers
from annotaudit.formats.label_studio.writing import write_tasks

CONFIG, TASKS = "config.xml", "tasks.json"
FPS = 25.0  # where no times are known
MODEL = "annotaudit"  # whose predictions today's boxes are
PLACE = "annotaudit"  # field of the data that tells which frame a task shows
_EXPECTED = "#D55E00"  # stands out from whatever colours the labels get


def label_studio_files(
    boxes: pd.DataFrame,
    frames: pd.DataFrame,
    labels: Mapping[str, str | None],
    reasons: Mapping[tuple[str, int], str],
    videos: Mapping[str, str],
) -> dict[str, bytes]:
    """Make the labelling configuration and the tasks.

    Parameters
    ----------
    boxes, frames, labels
        What is sent; see :func:`annotaudit.tasks.sending.boxes_to_send`.
    reasons : mapping
        What looks wrong, by task and position.
    videos : mapping
        Address of the video of each sequence; empty where each frame is a task of its own.

    Returns
    -------
    dict
        ``config.xml`` and ``tasks.json``, in which an image is named as it is in the plan.
    """
    names = list(dict.fromkeys([*labels, *sorted(boxes["label"].unique().tolist())]))
    tasks = (
        _video_tasks(boxes, frames, reasons, videos)
        if videos
        else _image_tasks(boxes, frames, reasons)
    )
    return {CONFIG: _config(names, bool(videos)).encode(), TASKS: _json(tasks)}


def _config(labels: list[str], is_video: bool) -> str:
    entries = "\n".join(
        f"    <Label value={quoteattr(name)}"
        + (f' background="{_EXPECTED}"/>' if name.startswith("expected ") else "/>")
        for name in labels
    )
    head = '  <Header value="$headline" size="4"/>\n  <Header value="$reason" size="5"/>\n'
    if is_video:
        body = (
            f'  <Labels name="label" toName="video">\n{entries}\n  </Labels>\n'
            '  <Video name="video" value="$video" frameRate="$fps"/>\n'
            '  <VideoRectangle name="box" toName="video"/>'
        )
    else:
        body = (
            '  <RectangleLabels name="label" toName="image" canRotate="false">\n'
            f"{entries}\n  </RectangleLabels>\n"
            '  <Image name="image" value="$image" zoom="true" zoomControl="true" '
            'rotateControl="false"/>'
        )
    return f"<View>\n{head}{body}\n</View>\n"


def _image_tasks(
    boxes: pd.DataFrame, frames: pd.DataFrame, reasons: Mapping[tuple[str, int], str]
) -> list[dict[str, Any]]:
    """One task per frame: Label Studio's own video tasks need a file of the whole video."""
    places = ["task", "position"]
    by_frame = dict(list(boxes.groupby(places, sort=False)))
    lengths = frames.groupby("task").size()
    tasks = []
    for row in frames.itertuples():
        place = (row.task, row.position)
        of_frame = f"{row.sequence}, frame {row.position + 1} of {lengths[row.task]}"
        data = {
            "image": row.name,
            "headline": f"{of_frame}: {row.name}",
            "reason": reasons.get(place, "Nothing was flagged here; the frame shows the motion."),
            PLACE: f"{row.task}/{row.name}",
        }
        task: dict[str, Any] = {"data": data}
        if place in by_frame:
            size = (float(row.image_width), float(row.image_height))
            result = _regions(by_frame[place], size)
            task["predictions"] = [{"model_version": MODEL, "result": result}]
        tasks.append(task)
    return tasks


def _regions(boxes: pd.DataFrame, size: tuple[float, float]) -> list[dict[str, Any]]:
    width, height = plain_numbers(list(size))
    shares = (boxes[list(SIDES)].to_numpy() / (size * 2) * 100).tolist()
    regions = []
    for row, share in zip(boxes.itertuples(), shares, strict=True):
        value = dict(zip(("x", "y", "width", "height"), share, strict=True))
        region = {
            "id": row.key,
            "type": "rectanglelabels",
            "from_name": "label",
            "to_name": "image",
            "original_width": width,
            "original_height": height,
            "image_rotation": 0,
            "value": {**value, "rotation": 0, "rectanglelabels": [row.label]},
        }
        if isinstance(row.track, str):
            region["meta"] = {"text": [row.track]}
        regions.append(region)
    return regions


def _video_tasks(
    boxes: pd.DataFrame,
    frames: pd.DataFrame,
    reasons: Mapping[tuple[str, int], str],
    videos: Mapping[str, str],
) -> list[dict[str, Any]]:
    """One task per video, its tracks as regions with a sequence of keyframes."""
    tasks = []
    for name, part in frames.groupby("task", sort=False):
        sequence = part["sequence"].iloc[0]
        if sequence not in videos:
            raise LabelFormatError(
                f"videos= has no address for sequence {sequence!r}; it has {list(videos)}. Add it, "
                "or leave its findings out."
            )
        shown = part.assign(sequence=name, frame=part["position"], image=videos[sequence])
        inside = boxes[(boxes["task"] == name).to_numpy()]
        tracks = inside.assign(
            sequence=pd.Series(name, index=inside.index, dtype=TEXT),
            frame=inside["position"],
            track=inside["key"],
            region_id=inside["key"],
            annotator=pd.Series(MODEL, index=inside.index, dtype=TEXT),
            prediction=True,
        )
        labels = Labels(tracks, shown[["sequence", "frame", "image", "image_width",
                                       "image_height"]])  # fmt: skip
        task = write_tasks(labels.boxes, labels.frames, str(name))[0]
        rate = _frames_per_second(part["time"])
        for region in task["predictions"][0]["result"]:
            _tell_times(region["value"], rate)
        told = [f"Frame {at + 1}: {text}" for (of, at), text in reasons.items() if of == name]
        data = {
            "video": videos[sequence],
            "headline": f"{sequence}, {len(part)} frames",
            "reason": " ".join(told),
            "fps": f"{rate:g}",
            PLACE: str(name),
        }
        tasks.append({"data": data, "predictions": task["predictions"]})
    return tasks


def _frames_per_second(times: pd.Series) -> float:
    step = times.diff().median()
    return float(round(1 / step, 3)) if step > 0 else FPS


def _tell_times(value: dict[str, Any], rate: float) -> None:
    """Add what Label Studio asks for beside the numbers of frames: seconds."""
    value["duration"] = round(value["framesCount"] / rate, 6)
    for entry in value["sequence"]:
        entry["time"] = round((entry["frame"] - 1) / rate, 6)


def _json(content: Any) -> bytes:
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False).encode()
