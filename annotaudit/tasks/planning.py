"""Plan tasks of a labelling tool that hold only the doubtful stretches. Sends nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Any, Literal

import numpy as np
import pandas as pd

from annotaudit.audit.windows import choose_windows, whole_sequences
from annotaudit.boxes import TEXT, Labels
from annotaudit.errors import LabelFormatError, LimitError
from annotaudit.frames import Images, in_windows
from annotaudit.tasks.cvat_files import cvat_files
from annotaudit.tasks.instructions import frame_reasons, instruct
from annotaudit.tasks.label_studio_files import label_studio_files
from annotaudit.tasks.plans import TaskPlan
from annotaudit.tasks.sending import boxes_to_send, expected_labels, image_names, sent_labels

TOOLS = ("cvat", "label-studio")
SECONDS_PER_FRAME = 3.0  # as in the review queue: to look at a frame
SECONDS_PER_FINDING = 15.0  # an assumption: to decide, and to mend a box
_UNSAFE = re.compile("[^A-Za-z0-9]+")


def plan_tasks(
    labels: Labels,
    findings: pd.DataFrame,
    *,
    tool: Literal["cvat", "label-studio"] = "cvat",
    mode: Literal["windows", "whole"] = "windows",
    margin: int = 3,
    budget: int | str | timedelta | None = None,
    expected: Literal["text", "label"] = "text",
    videos: Mapping[str, str] | None = None,
    seconds_per_frame: float = SECONDS_PER_FRAME,
    seconds_per_finding: float = SECONDS_PER_FINDING,
) -> TaskPlan:
    """Plan tasks of CVAT or Label Studio in which people correct labels where findings are.

    Parameters
    ----------
    labels : Labels
        Of one annotator per sequence, with a frames table that names the images. Either all
        sequences have tracks, or none: they are sets of stills.
    findings : DataFrame
        What :func:`annotaudit.audit` returned, or the rows of it that matter: windows are put
        around all of them, and the instructions tell their reasons.
    tool : str
    mode : str
        ``"windows"`` sends only windows around the findings; ``"whole"`` sends whole sequences,
        and leaves it to the instructions to direct the annotator.
    margin : int
        Frames before and after a finding. Of stills only the flagged images are sent.
    budget : int, str or timedelta, optional
        Frames or time in all, as for :func:`annotaudit.review_queue`.
    expected : str
        ``"text"`` tells in the instructions where a box is expected; ``"label"`` also draws it,
        under a label of its own, such as "expected car".
    videos : mapping, optional
        For Label Studio: address of the video of each sequence, as the annotator's browser
        reaches it. Whole videos are sent then, with tracks; without, each frame is an image.
    seconds_per_frame, seconds_per_finding : float
        Assumptions of the estimate.

    Returns
    -------
    TaskPlan
        Everything that would be sent, to look at. The same input gives the same plan, under the
        same name.

    Raises
    ------
    LimitError
        If no finding leads to a window, or an option is unknown.
    LabelFormatError
        If frames have no images, a sequence has several annotators, or boxes with and without a
        track are mixed.

    Examples
    --------
    >>> import annotaudit as aa
    >>> labels = aa.datasets.station()
    >>> plan = plan_tasks(labels, aa.audit(labels)[:3], tool="cvat")
    >>> plan.tasks[["sequence", "first", "last", "boxes"]].to_numpy().tolist()
    [['station', 21, 30, 30]]
    """
    _check_options(tool, mode, expected, videos)
    stills = bool(labels.boxes["track"].isna().all())
    directed = choose_windows(labels, findings, margin=0 if stills else margin, budget=budget)
    if directed.empty:
        raise LimitError(
            "No finding lies in the budget, so there is nothing to send. Pass findings, or a "
            "larger budget."
        )
    sent = directed
    if mode == "whole" or videos:
        sent = whole_sequences(labels)
        sent = sent[sent["sequence"].isin(directed["sequence"])]
    keys = ["sequence", "first", "last"]
    sent = sent.sort_values(keys, kind="stable", ignore_index=True)
    chosen = labels.boxes.reset_index(drop=True)
    chosen = chosen[in_windows(chosen, sent)]
    _check_boxes(chosen)
    frames = _frames_of(labels, sent, stills)
    if tool == "label-studio":
        frames = _with_sizes(frames)
    named = findings[in_windows(findings, directed)].sort_values(
        "score", ascending=False, kind="stable"
    )
    known = sent_labels(chosen["label"])
    boxes, left_out = boxes_to_send(
        chosen, frames, named if expected == "label" else named[:0], known, tool=tool
    )
    told = instruct(named, frames)
    files = (
        cvat_files(chosen, boxes, frames, known, told)
        if tool == "cvat"
        else label_studio_files(boxes, frames, known, frame_reasons(named, frames), videos or {})
    )
    table = _task_table(frames, boxes, named, told, (seconds_per_frame, seconds_per_finding))
    facts = [tool, mode, expected, dict(videos or {}), directed[keys].to_numpy().tolist()]
    names = frames[["task", "name", "sequence", "frame"]].to_numpy().tolist()
    digest = _digest([facts, names, {name: file.decode() for name, file in files.items()}])
    return TaskPlan(
        name=f"{_slug(sent['sequence'].iloc[0])[:26]}-second-look-{digest}",
        tool=tool,
        tasks=table,
        frames=frames,
        boxes=boxes,
        windows=directed.sort_values(keys, kind="stable", ignore_index=True),
        left_out=left_out,
        labels=known | expected_labels(known),
        instructions=told,
        files=files,
        videos=dict(videos or {}),
        assumptions={
            "seconds per frame": float(seconds_per_frame),
            "seconds per finding": float(seconds_per_finding),
        },
    )


def _check_options(tool: str, mode: str, expected: str, videos: Mapping[str, str] | None) -> None:
    known = {"tool": TOOLS, "mode": ("windows", "whole"), "expected": ("text", "label")}
    for (name, choices), value in zip(known.items(), (tool, mode, expected), strict=True):
        if value not in choices:
            raise LimitError(f"{name}={value!r}: expected {' or '.join(map(repr, choices))}.")
    if videos and tool != "label-studio":
        raise LimitError("videos= is for Label Studio; CVAT gets the frames. Leave it out.")


def _check_boxes(boxes: pd.DataFrame) -> None:
    people = boxes.groupby("sequence")["annotator"].nunique()
    if (several := people[people > 1]).size:
        raise LabelFormatError(
            f"Sequence {several.index[0]!r} has boxes of {several.iloc[0]} annotators; a task "
            "corrects those of one. Keep the rows of one annotator."
        )
    without = boxes["track"].isna()
    if without.any() and not without.all():
        row = boxes[without].iloc[0]
        raise LabelFormatError(
            f"{int(without.sum())} of {len(boxes)} boxes have no track, such as one on frame "
            f"{row['frame']} of {row['sequence']!r}. Plan sequences with tracks and sets of stills "
            "apart, and give every box of a video a track."
        )


def _frames_of(labels: Labels, sent: pd.DataFrame, stills: bool) -> pd.DataFrame:
    """List the frames of each task; flagged stills of a set are one task."""
    columns = ["sequence", "frame", "image", "image_width", "image_height", "time"]
    ordered = labels.frames.reindex(columns=columns).sort_values("frame", kind="stable")
    of_sequence = dict(list(ordered.groupby("sequence", sort=False)))
    parts = []
    for window in sent.itertuples():  # few: windows, not boxes
        known = of_sequence[window.sequence]
        start, stop = known["frame"].searchsorted([window.first, window.last + 1])
        place = window.sequence if stills else window.Index
        parts.append(known.iloc[start:stop].assign(place=place))
    table = pd.concat(parts, ignore_index=True)
    if table["image"].isna().any():
        row = table[table["image"].isna()].iloc[0]
        raise LabelFormatError(
            f"{int(table['image'].isna().sum())} frames to send have no image, such as frame "
            f"{row['frame']} of {row['sequence']!r}. Load the labels with frames=, the folder of "
            "the images."
        )
    by_task = table.groupby("place", sort=False)
    number = by_task.ngroup() + 1
    ends = by_task["frame"].agg(["min", "max"]).reindex(table["place"]).astype(TEXT)
    slug = table["sequence"].map({name: _slug(name) for name in table["sequence"].unique()})
    task = number.map("{:03}".format) + "-" + slug.str[:60].to_numpy()
    task = task + ("-" + ends["min"] + "-" + ends["max"]).to_numpy()
    table = table.assign(task=task.astype(TEXT), position=by_task.cumcount())
    names = [image_names(part) for _, part in table.groupby("task", sort=False)]
    kinds: dict[str, Any] = dict.fromkeys(["task", "name", "sequence", "image"], TEXT)
    kinds |= {
        "position": "int64",
        "image_width": "float64",
        "image_height": "float64",
        "time": "float64",
    }
    order = ["task", "position", "name", "sequence", "frame", *columns[2:]]
    return table.assign(name=pd.concat(names))[order].astype(kinds)


def _with_sizes(frames: pd.DataFrame) -> pd.DataFrame:
    """Look up in the images how large they are, where the labels do not say it."""
    unknown = frames[["image_width", "image_height"]].isna().any(axis=1)
    images = Images(frames[["sequence", "frame", "image"]], keep=1)
    sizes = [
        images[place].size
        for place in zip(frames["sequence"][unknown], frames["frame"][unknown], strict=True)
    ]
    frames = frames.copy()
    frames.loc[unknown, ["image_width", "image_height"]] = np.array(sizes, float).reshape(-1, 2)
    return frames


def _task_table(
    frames: pd.DataFrame,
    boxes: pd.DataFrame,
    findings: pd.DataFrame,
    told: Mapping[str, str],
    seconds: tuple[float, float],
) -> pd.DataFrame:
    place = frames.set_index(["sequence", "frame"])["task"]
    flagged = place.reindex(pd.MultiIndex.from_frame(findings[["sequence", "frame"]]))
    drawn, shown = boxes[boxes["nth"] < 0], boxes[boxes["nth"] >= 0]
    by_task = frames.groupby("task")
    table = pd.DataFrame(
        {
            "sequence": by_task["sequence"].first(),
            "first": by_task["frame"].min(),
            "last": by_task["frame"].max(),
            "frames": by_task.size(),
            "boxes": shown.groupby("task").size(),
            "objects": shown.groupby("task")["track"].nunique(),
            "expected": drawn.groupby("task").size(),
            "findings": flagged.value_counts(),
            "first_image": by_task["name"].first(),
            "last_image": by_task["name"].last(),
        },
        index=pd.Index(list(told), name="name"),
    )
    counts = ["first", "last", "frames", "boxes", "objects", "expected", "findings"]
    table = table.fillna(dict.fromkeys(counts, 0)).astype(dict.fromkeys(counts, "int64"))
    minutes = (table["frames"] * seconds[0] + table["findings"] * seconds[1]) / 60
    texts = dict.fromkeys(["name", "sequence", "first_image", "last_image"], TEXT)
    return table.assign(minutes=minutes).reset_index().astype(texts)


def _slug(name: str) -> str:
    return _UNSAFE.sub("-", name).strip("-") or "labels"


def _digest(content: Any) -> str:
    return sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()[:8]
