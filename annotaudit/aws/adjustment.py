"""Plan a job that sends only the doubtful stretches of video back to a worker."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from hashlib import sha256
from typing import Any, Literal, NamedTuple
from uuid import NAMESPACE_URL, uuid5

import numpy as np
import pandas as pd

from annotaudit.audit.windows import choose_windows, whole_sequences
from annotaudit.aws.categories import category_content, instruct, plain_text
from annotaudit.aws.job_checks import MAX_FRAMES, MAX_SEQUENCES
from annotaudit.aws.plans import AdjustmentPlan
from annotaudit.aws.regions import lambda_arns, task_ui_arn
from annotaudit.aws.sequences import file_names, labels_content, sequence_content
from annotaudit.aws.sessions import Session
from annotaudit.boxes import TEXT, Labels
from annotaudit.errors import LabelFormatError, LimitError
from annotaudit.formats.manifests import METADATA
from annotaudit.formats.video_classes import manifest_line, with_class_ids
from annotaudit.frames import in_windows

DETECTION = "groundtruth/video-object-detection"
SECONDS_PER_BOX = 4.0  # an assumption: to look at a box and, now and then, to mend it
_NUMBER = re.compile(r"\d+")
_FRAMES = re.compile(r"\bframes? \d+(?:(?:, | to | and )(?:frame )?\d+)*")
_UNSAFE = re.compile("[^A-Za-z0-9]+")


class _Source(NamedTuple):
    """What the original job's manifest says of one video."""

    attribute: str
    metadata: dict[str, Any]


def plan_adjustment(
    labels: Labels,
    findings: pd.DataFrame,
    *,
    session: Session,
    mode: Literal["windows", "whole"] = "windows",
    verify: bool = False,
    margin: int = 3,
    budget: int | str | timedelta | None = None,
    out: str | None = None,
    frames_at: str | Mapping[str, str] | None = None,
    fps: float | None = None,
    categories: Mapping[str, Any] | None = None,
    seconds_per_box: float = SECONDS_PER_BOX,
    hourly_pay: float = np.nan,
) -> AdjustmentPlan:
    """Plan a Ground Truth job that corrects, or verifies, labels where findings are. Sends nothing.

    Parameters
    ----------
    labels : Labels
        Of one annotator per video, with a frames table that names the images.
    findings : DataFrame
        What :func:`annotaudit.audit` returned, or the rows of it that matter: windows are put
        around all of them, and the instructions name their frames.
    session : Session
    mode : str
        ``"windows"`` sends only windows around the findings, each a short sequence of its own;
        ``"whole"`` sends whole videos and leaves it to the instructions to direct the worker.
    verify : bool
        The worker looks, and may change nothing.
    margin : int
        Frames before and after a finding.
    budget : int, str or timedelta, optional
        Frames or time in all, as for :func:`annotaudit.review_queue`.
    out : str, optional
        ``s3://`` folder for the job's files and results; by default ``annotaudit/`` in the bucket.
    frames_at : str or mapping, optional
        ``s3://`` folder the images lie in, or one for each sequence. By default where the frames
        table says; images on this machine are uploaded when the job starts.
    fps : float, optional
        Gives the capture times where the frames table has none.
    categories : mapping, optional
        Content of the original job's label category file.
    seconds_per_box, hourly_pay : float
        Assumptions of the estimate; pay in the currency of your choice.

    Returns
    -------
    AdjustmentPlan
        Everything that would be sent, to look at. The same input gives the same plan, under the
        same job name.

    Raises
    ------
    LimitError
        If no finding leads to a window.
    LabelFormatError
        If frames have no names, or names in another order than the frames, or a video has several
        annotators.

    Examples
    --------
    >>> import annotaudit as aa
    >>> plan = aa.aws.plan_adjustment(labels, findings, session=session)  # doctest: +SKIP
    >>> plan.check()  # doctest: +SKIP
    """
    directed = choose_windows(labels, findings, margin=margin, budget=budget, max_frames=MAX_FRAMES)
    if directed.empty:
        raise LimitError(
            "No finding lies in the budget, so there is nothing to send. Pass findings, or a "
            "larger budget."
        )
    sent = directed
    if mode == "whole":
        sent = whole_sequences(labels)
        sent = sent[sent["sequence"].isin(directed["sequence"])].reset_index(drop=True)
    sent, left_out = sent[:MAX_SEQUENCES], sent[MAX_SEQUENCES:]
    keys = ["sequence", "first", "last"]
    sent = sent.sort_values(keys, kind="stable", ignore_index=True)
    directed = directed[in_windows(directed.assign(frame=directed["first"]), sent)]
    named = findings[in_windows(findings, directed)]  # most suspicious first, as they come
    out = (out or f"s3://{session.bucket}/annotaudit/").rstrip("/") + "/"
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
        name = f"{_slug(window.sequence)}-{window.first}-{window.last}"
        times = frames["time"].astype(float).tolist() if "time" in frames else None
        sequence = sequence_content(names, number=number, prefix=video.prefix, times=times)
        parts.append((name, sequence, labels_content(boxes, frames, names, target=name)))
        minutes = len(boxes) * seconds_per_box / 60
        rows.append((name, window.sequence, window.first, window.last, len(names), len(boxes),
                     boxes["track"].nunique(), names[0], names[-1], minutes))  # fmt: skip
    sequences = _sequence_table(rows)
    kind = "verify" if verify else "adjust"
    digest = _digest([kind, session.region, out, source, content, parts])
    job = f"{_slug(videos[0].name)[:40].strip('-')}-{kind}-{digest}"
    files = _files(f"{out}{job}-input/", parts, source, content)
    uploads = {
        address: path
        for video in videos
        for address, path in video.uploads(sent[sent["sequence"] == video.name]).items()
    }
    return AdjustmentPlan(
        job=job,
        request=_request(job, session, source, out, tracked=tracked, verify=verify, told=told),
        files=files,
        uploads=uploads,
        sequences=sequences,
        windows=directed.reset_index(drop=True),
        left_out=left_out.reset_index(drop=True),
        instructions=told,
        assumptions={"seconds per box": seconds_per_box, "pay per hour": hourly_pay},
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
        prefix = (given or f"{out}frames/{_slug(name)}").rstrip("/") + "/"
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

    def spoken(sequence: str, reason: str) -> str:
        known = names[sequence]

        def named(match: re.Match[str]) -> str:
            return _NUMBER.sub(lambda n: known.get(int(n[0]), n[0]), match[0])

        return _FRAMES.sub(named, reason)

    return list(map(spoken, findings["sequence"].tolist(), findings["reason"].tolist()))


def _files(
    folder: str,
    parts: list[tuple[str, dict[str, Any], dict[str, Any]]],
    source: _Source,
    categories: dict[str, Any],
) -> dict[str, bytes]:
    """Return the files of a job by their addresses, the manifest last: it names the others."""
    files = {folder + "label-categories.json": _json(categories)}
    lines = []
    for name, sequence, content in parts:
        sequence_at, labels_at = f"{folder}{name}-seq.json", f"{folder}{name}/SeqLabel.json"
        files[sequence_at], files[labels_at] = _json(sequence), _json(content)
        line = {"source-ref": sequence_at, source.attribute: labels_at}
        lines.append(_json({**line, source.attribute + METADATA: source.metadata}) + b"\n")
    return {**files, folder + "input.manifest": b"".join(lines)}


def _request(
    job: str,
    session: Session,
    source: _Source,
    out: str,
    *,
    tracked: bool,
    verify: bool,
    told: Mapping[str, str],
) -> dict[str, Any]:
    task = "AdjustmentVideoObjectTracking" if tracked else "AdjustmentVideoObjectDetection"
    before, after = lambda_arns(session.region, task)
    doing = "Verify" if verify else "Correct"
    folder = f"{out}{job}-input/"
    return {
        "LabelingJobName": job,
        "LabelAttributeName": new_attribute(source.attribute, verify=verify),
        "InputConfig": {
            "DataSource": {"S3DataSource": {"ManifestS3Uri": f"{folder}input.manifest"}}
        },
        "OutputConfig": {"S3OutputPath": out},
        "RoleArn": session.role,
        "LabelCategoryConfigS3Uri": f"{folder}label-categories.json",
        "HumanTaskConfig": {
            "WorkteamArn": session.work_team,
            "UiConfig": {"HumanTaskUiArn": task_ui_arn(session.region, task)},
            "PreHumanTaskLambdaArn": before,
            "TaskKeywords": ["video", "bounding boxes", "quality check"],
            "TaskTitle": f"{doing} boxes in short video clips",
            "TaskDescription": plain_text(told["shortInstruction"]),
            "NumberOfHumanWorkersPerDataObject": 1,
            "TaskTimeLimitInSeconds": 8 * 3_600,
            "TaskAvailabilityLifetimeInSeconds": 10 * 86_400,
            "AnnotationConsolidationConfig": {"AnnotationConsolidationLambdaArn": after},
        },
    }


def new_attribute(original: str, *, verify: bool = False) -> str:
    """Name the label attribute of the next job in a chain; video jobs' names end in ``-ref``.

    Examples
    --------
    >>> new_attribute("Person-ref"), new_attribute("Person-adjusted-ref")
    ('Person-adjusted-ref', 'Person-adjusted-2-ref')
    """
    word = "verified" if verify else "adjusted"
    stem = original.removesuffix("-ref")
    match = re.fullmatch(rf"(.*-{word})(?:-(\d+))?", stem)
    if match is None:
        return f"{stem}-{word}-ref"
    return f"{match[1]}-{int(match[2] or 1) + 1}-ref"


def _sequence_table(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    names = ["name", "sequence", "first", "last", "frames", "boxes", "objects", "first_image",
             "last_image", "minutes"]  # fmt: skip
    return pd.DataFrame(rows, columns=names).astype(
        dict.fromkeys(["name", "sequence", "first_image", "last_image"], TEXT)
    )


def _slug(name: str) -> str:
    return _UNSAFE.sub("-", name).strip("-") or "video"


def _digest(content: Any) -> str:
    return sha256(_json(content)).hexdigest()[:8]


def _json(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False, allow_nan=False).encode()
