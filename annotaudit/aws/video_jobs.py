"""Jobs of video: windows of frames around the findings, each a short sequence of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, uuid5

import numpy as np
import pandas as pd

from annotaudit.audit.frame_names import name_frames
from annotaudit.audit.windows import choose_windows, whole_sequences
from annotaudit.aws.categories import category_content, instruct
from annotaudit.aws.job_checks import MAX_FRAMES, MAX_SEQUENCES
from annotaudit.aws.job_requests import (
    Task,
    as_json,
    folder_name,
    input_folder,
    job_name,
    job_request,
    new_attribute,
)
from annotaudit.aws.plans import AdjustmentPlan, asked_about
from annotaudit.aws.regions import task_ui_arn
from annotaudit.aws.sequences import file_names, labels_content, sequence_content
from annotaudit.aws.sessions import Session
from annotaudit.boxes import TEXT, Labels
from annotaudit.errors import LabelFormatError, LimitError
from annotaudit.formats.ground_truth.manifests import METADATA
from annotaudit.formats.ground_truth.video_classes import manifest_line, with_class_ids
from annotaudit.frames import in_windows

DETECTION = "groundtruth/video-object-detection"
TASK_TIME = 8 * 3_600  # seconds a worker has for a clip


class _Source(NamedTuple):
    """What the original job's manifest says of one video."""

    attribute: str
    metadata: dict[str, Any]


def plan_video(
    labels: Labels,
    findings: pd.DataFrame,
    *,
    session: Session,
    whole: bool,
    verify: bool,
    margin: int,
    budget: int | str | timedelta | None,
    out: str,
    frames_at: str | Mapping[str, str] | None,
    fps: float | None,
    categories: Mapping[str, Any] | None,
    assumptions: dict[str, float],
) -> AdjustmentPlan:
    """Plan a job of video; see :func:`annotaudit.aws.plan_adjustment`."""
    directed = choose_windows(labels, findings, margin=margin, budget=budget, max_frames=MAX_FRAMES)
    if directed.empty:
        raise LimitError(
            "No finding lies in the budget, so there is nothing to send. Pass findings, or a "
            "larger budget."
        )
    sent = directed
    if whole:
        sent = whole_sequences(labels)
        sent = sent[sent["sequence"].isin(directed["sequence"])].reset_index(drop=True)
    sent, left_out = sent[:MAX_SEQUENCES], sent[MAX_SEQUENCES:]
    keys = ["sequence", "first", "last"]
    sent = sent.sort_values(keys, kind="stable", ignore_index=True)
    directed = directed[in_windows(directed.assign(frame=directed["first"]), sent)]
    named = findings[in_windows(findings, directed)]  # most suspicious first, as they come
    videos = [_Video.of(labels, name, out, frames_at, fps) for name in sent["sequence"].unique()]
    by_name = {video.name: video for video in videos}
    source = _source_of(videos)
    tracked = source.metadata.get("type") != DETECTION
    images = pd.concat([video.names for video in videos])
    told = instruct(
        named.assign(reason=_with_file_names(named, by_name)),
        images.reindex(pd.MultiIndex.from_frame(named[["sequence", "frame"]])),
        verify=verify,
    )
    content = category_content(
        pd.concat([video.boxes for video in videos]),
        list(source.metadata["class-map"].values()),
        audited=source.attribute,
        edits="none" if verify else "any",
        instructions=told,
        given=categories,
    )
    parts: list[tuple[str, dict[str, Any], dict[str, Any]]] = []
    rows = []
    for number, window in enumerate(sent.itertuples(), start=1):
        video = by_name[window.sequence]
        frames, boxes, names = video.part(window.first, window.last)
        name = f"{folder_name(window.sequence)}-{window.first}-{window.last}"
        times = frames["time"].astype(float).tolist() if "time" in frames else None
        sequence = sequence_content(names, number=number, prefix=video.prefix, times=times)
        parts.append((name, sequence, labels_content(boxes, frames, names, target=name)))
        minutes = len(boxes) * assumptions["seconds per box"] / 60
        rows.append((name, window.sequence, window.first, window.last, len(names), len(boxes),
                     boxes["track"].nunique(), names[0], names[-1], minutes))  # fmt: skip
    sequences = _sequence_table(rows)
    kind = "verify" if verify else "adjust"
    job = job_name(videos[0].name, kind, [kind, session.region, out, source, content, parts])
    files = _files(input_folder(out, job), parts, source, content)
    uploads = {
        address: path
        for video in videos
        for address, path in video.uploads(sent[sent["sequence"] == video.name]).items()
    }
    return AdjustmentPlan(
        job=job,
        request=job_request(
            job,
            session,
            _task(session, told["shortInstruction"], tracked=tracked, verify=verify),
            attribute=new_attribute(source.attribute, verify=verify),
            out=out,
        ),
        files=files,
        uploads=uploads,
        sequences=sequences,
        windows=directed.reset_index(drop=True),
        left_out=left_out.reset_index(drop=True),
        findings=asked_about(named),
        instructions=told,
        assumptions=assumptions,
    )


class _Video(NamedTuple):
    """One video of the labels and where its frames are, or will be, in S3."""

    name: str
    boxes: pd.DataFrame
    frames: pd.DataFrame  # in order
    names: pd.Series  # file name by sequence and frame
    prefix: str  # s3:// folder, with its slash
    is_there: bool  # whether the images lie in it already
    source: _Source

    @classmethod
    def of(
        cls,
        labels: Labels,
        name: str,
        out: str,
        frames_at: str | Mapping[str, str] | None,
        fps: float | None,
    ) -> _Video:
        boxes = labels.boxes[labels.boxes["sequence"] == name]
        frames = labels.frames[labels.frames["sequence"] == name].sort_values("frame")
        if (n := boxes["annotator"].nunique()) > 1:
            raise LabelFormatError(
                f"Sequence {name!r} has boxes of {n} annotators; a job adjusts those of one. Keep "
                "the rows of one annotator."
            )
        if "image" not in frames:
            frames = frames.assign(image=pd.Series(np.nan, index=frames.index, dtype=TEXT))
        if fps is not None and ("time" not in frames or frames["time"].isna().all()):
            frames = frames.assign(time=frames["frame"] / fps)
        names = file_names(frames["image"], sequence=name)
        index = pd.MultiIndex.from_frame(frames[["sequence", "frame"]])
        given = frames_at if isinstance(frames_at, str) else (frames_at or {}).get(name)
        folders = frames["image"].str.rpartition("/")[0].unique()
        if given is None and len(folders) == 1 and folders[0].startswith("s3://"):
            given = folders[0]
        prefix = (given or f"{out}frames/{folder_name(name)}").rstrip("/") + "/"
        tracked = bool(boxes["track"].notna().any())
        line, attribute = manifest_line(frames, name, tracked=tracked, beside=None)
        metadata = dict(line[attribute + METADATA])
        boxes, classes = with_class_ids(boxes, metadata.get("class-map"))
        metadata.pop("sequence", None)  # our own note, which Ground Truth does not know
        source = _Source(attribute, {**metadata, "class-map": classes})
        boxes = _with_object_ids(boxes) if tracked else boxes
        return cls(
            name, boxes, frames, pd.Series(names, index=index), prefix, given is not None, source
        )

    def part(self, first: int, last: int) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
        """Return frames, boxes and file names of a window."""
        frames = self.frames[self.frames["frame"].between(first, last)]
        boxes = self.boxes[self.boxes["frame"].between(first, last)]
        within = self.names.index.get_level_values("frame").isin(frames["frame"])
        return frames, boxes, self.names[within].tolist()

    def uploads(self, windows: pd.DataFrame) -> dict[str, str]:
        """Return the images on this machine that a job needs, by the address they go to."""
        if self.is_there:
            return {}
        used = in_windows(self.frames, windows).to_numpy()
        images, names = self.frames["image"][used], self.names[used]
        return {self.prefix + name: image for name, image in zip(names, images, strict=True)}


def _with_object_ids(boxes: pd.DataFrame) -> pd.DataFrame:
    """Give each object an id, which Ground Truth needs and other formats lack; always the same."""
    if "object_id" in boxes and boxes["object_id"].notna().all():
        return boxes
    names = (boxes["sequence"] + "/" + boxes["track"]).astype(object)
    ids = {name: str(uuid5(NAMESPACE_URL, name)) for name in names.dropna().unique()}
    made = names.map(ids).astype(TEXT)
    return boxes.assign(object_id=boxes.get("object_id", made).fillna(made))


def _source_of(videos: Sequence[_Video]) -> _Source:
    """Return the attribute and metadata of the original job, the same for all videos."""
    sources = []
    for video in videos:
        sources.append(video.source)
    if len({source.attribute for source in sources}) > 1:
        raise LabelFormatError(
            f"The videos have labels under {sorted({s.attribute for s in sources})}; one job "
            "adjusts one label attribute. Plan a job for each."
        )
    together = dict(sources[0].metadata)
    for source in sources[1:]:
        for number, label in source.metadata["class-map"].items():
            if together["class-map"].setdefault(number, label) != label:
                raise LabelFormatError(
                    f"Class {number} is {together['class-map'][number]!r} in one video and "
                    f"{label!r} in another. Plan a job for each."
                )
    return _Source(sources[0].attribute, together)


def _with_file_names(findings: pd.DataFrame, videos: Mapping[str, _Video]) -> list[str]:
    """Name frames in the reasons as the worker sees them: by file, not by number."""
    names = {name: video.names.droplevel("sequence").to_dict() for name, video in videos.items()}
    return [
        name_frames(reason, names[sequence])
        for sequence, reason in zip(findings["sequence"], findings["reason"], strict=True)
    ]


def _files(
    folder: str,
    parts: list[tuple[str, dict[str, Any], dict[str, Any]]],
    source: _Source,
    categories: dict[str, Any],
) -> dict[str, bytes]:
    """Return the files of a job by their addresses, the manifest last: it names the others."""
    files = {folder + "label-categories.json": as_json(categories)}
    lines = []
    for name, sequence, content in parts:
        sequence_at, labels_at = f"{folder}{name}-seq.json", f"{folder}{name}/SeqLabel.json"
        files[sequence_at], files[labels_at] = as_json(sequence), as_json(content)
        line = {"source-ref": sequence_at, source.attribute: labels_at}
        lines.append(as_json({**line, source.attribute + METADATA: source.metadata}) + b"\n")
    return {**files, folder + "input.manifest": b"".join(lines)}


def _task(session: Session, told: str, *, tracked: bool, verify: bool) -> Task:
    name = "AdjustmentVideoObjectTracking" if tracked else "AdjustmentVideoObjectDetection"
    return Task(
        name=name,
        title=f"{'Verify' if verify else 'Correct'} boxes in short video clips",
        description=told,
        keywords=["video", "bounding boxes", "quality check"],
        page={"HumanTaskUiArn": task_ui_arn(session.region, name)},
        seconds=TASK_TIME,
    )


def _sequence_table(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    names = ["name", "sequence", "first", "last", "frames", "boxes", "objects", "first_image",
             "last_image", "minutes"]  # fmt: skip
    return pd.DataFrame(rows, columns=names).astype(
        dict.fromkeys(["name", "sequence", "first_image", "last_image"], TEXT)
    )
