"""Labels and findings as the samples of FiftyOne: what to look at, tagged and sorted by score."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from annotaudit.boxes import EXPECTED, OBJECT, SIDES, Labels
from annotaudit.errors import FrameError, MissingExtraError
from annotaudit.frames import check_frames, open_image

if TYPE_CHECKING:
    from fiftyone import Dataset, Sample

DOT = "__"  # stands in the names of FiftyOne's fields for the dot, which they may not have
FINDING = ("score", "rule", "severity", "reason")  # of the strongest finding about a box
_PLACED = {"sequence", "frame", "label", *SIDES}  # what a detection has no attribute for


def to_fiftyone(
    labels: Labels,
    findings: pd.DataFrame | None = None,
    *,
    name: str | None = None,
    persistent: bool = False,
    videos: Mapping[str, str | PathLike[str]] | None = None,
) -> Dataset:
    """Make a FiftyOne data set of labels and findings.

    Parameters
    ----------
    labels, findings, videos
        As :func:`to_samples` takes them.
    name : str, optional
        By default FiftyOne makes one up.
    persistent : bool
        Whether the data set stays in FiftyOne's database when the session ends.

    Returns
    -------
    fiftyone.Dataset
        ``fiftyone.launch_app(dataset)`` shows it; ``dataset.sort_by("finding_score",
        reverse=True)`` puts the most suspicious frames first.

    Raises
    ------
    FrameError
        If a frame has no image, or the size of one is unknown.
    MissingExtraError
        If FiftyOne is not installed.
    """
    samples = to_samples(labels, findings, videos=videos)
    dataset = import_fiftyone().Dataset(name, persistent=persistent)
    dataset.add_samples(samples, dynamic=True, progress=False)
    return dataset


def to_samples(
    labels: Labels,
    findings: pd.DataFrame | None = None,
    *,
    videos: Mapping[str, str | PathLike[str]] | None = None,
) -> list[Sample]:
    """Make FiftyOne's samples of labels and findings; no database is needed.

    Parameters
    ----------
    labels : Labels
        With the image of each frame in ``labels.frames``. Where its size is not there, it is read
        from the image.
    findings : DataFrame, optional
        Of :func:`annotaudit.audit`.
    videos : mapping, optional
        File of a sequence: it becomes one sample with frames from 1, and needs no images.

    Returns
    -------
    list of fiftyone.Sample
        One for each frame looked at, with its ``sequence`` and ``position``, and in ``boxes``
        detections with everything their rows say. A box with a finding has the rule and the
        severity as tags, and of its strongest finding ``finding_score``, ``finding_rule``,
        ``finding_severity`` and ``finding_reason``; the frame has the highest score. What the rest
        of a track suggests, missing boxes among it, is in ``expected``.

    Raises
    ------
    FrameError
        If a frame has no image, or the size of one is unknown.
    MissingExtraError
        If FiftyOne is not installed.
    """
    fiftyone = import_fiftyone()
    boxes = labels.boxes.reset_index(drop=True)
    frames = _with_sizes(check_frames(labels.frames).reset_index(drop=True))
    videos = videos or {}
    _check(frames, boxes, set(videos))
    about = _with_findings(boxes, findings)
    expected = _expected(boxes, findings)
    sizes = frames.set_index(["sequence", "frame"])[["image_width", "image_height"]]
    fields = {
        "boxes": _detections(fiftyone, about, sizes),
        "expected": _detections(fiftyone, expected, sizes),
    }
    scores = _scores(findings)
    samples: list[Any] = []
    of_video: dict[str, Any] = {}
    for row in frames.to_dict("records"):
        place = (row["sequence"], row["frame"])
        if row["sequence"] in videos:
            if row["sequence"] not in of_video:
                video = fiftyone.Sample(filepath=fspath(videos[row["sequence"]]))
                video["sequence"] = row["sequence"]
                of_video[row["sequence"]] = video
                samples.append(video)
            target = of_video[row["sequence"]].frames[row["frame"] + 1] = fiftyone.Frame()
        else:
            target = fiftyone.Sample(filepath=row["image"])
            target["sequence"] = row["sequence"]
            samples.append(target)
        target["position"] = row["frame"]
        if row["image_width"] == row["image_width"] and row["sequence"] not in videos:
            width, height = int(row["image_width"]), int(row["image_height"])
            target.metadata = fiftyone.ImageMetadata(width=width, height=height)
        for name, found in fields.items():
            if name == "boxes" or place in found:
                target[name] = fiftyone.Detections(detections=found.get(place, []))
        if place in scores:
            target["finding_score"] = scores[place]
    return samples


def import_fiftyone() -> Any:
    """Import FiftyOne, or say how to get it."""
    try:
        import fiftyone
    except ImportError as error:
        raise MissingExtraError(
            "This bridge leads to FiftyOne, which is not installed. "
            'Install it with: pip install "annotaudit[fiftyone]"'
        ) from error
    return fiftyone


def _with_sizes(frames: pd.DataFrame) -> pd.DataFrame:
    """Fill in the sizes of images that lie here."""
    unsized = frames[["image_width", "image_height"]].isna().any(axis=1) & frames["image"].notna()
    here = frames.loc[unsized, "image"]
    here = here[
        ~here.str.contains("://", regex=False) & here.map(lambda name: Path(name).is_file())
    ]
    if not len(here):
        return frames
    sizes = pd.DataFrame([open_image(name).size for name in here], index=here.index)
    filled = frames.copy()
    filled.loc[here.index, ["image_width", "image_height"]] = sizes.to_numpy(dtype=np.float64)
    return filled


def _check(frames: pd.DataFrame, boxes: pd.DataFrame, videos: set[str]) -> None:
    places = pd.MultiIndex.from_frame(frames[["sequence", "frame"]])
    at = places.get_indexer(pd.MultiIndex.from_frame(boxes[["sequence", "frame"]]))
    if (astray := at < 0).any():
        row = boxes[astray].iloc[0]
        raise FrameError(
            f"Frame {row['frame']} of sequence {row['sequence']!r} has a box but is not among "
            "labels.frames. Add it there, or leave the box out."
        )
    unseen = frames["image"].isna() & ~frames["sequence"].isin(videos)
    unsized = frames[["image_width", "image_height"]].isna().any(axis=1)
    unsized &= np.isin(np.arange(len(frames)), at)
    for lacking, what, step in (
        (
            unseen,
            "no image",
            "Load the labels with frames=, or name the file of the video in videos=",
        ),
        (unsized, "an image of unknown size", "Fill in image_width and image_height"),
    ):
        if lacking.any():
            row = frames[lacking].iloc[0]
            raise FrameError(
                f"Frame {row['frame']} of sequence {row['sequence']!r} has {what}, which FiftyOne "
                f"needs ({int(lacking.sum())} such frames). {step}."
            )


def _with_findings(boxes: pd.DataFrame, findings: pd.DataFrame | None) -> pd.DataFrame:
    """Boxes with what the findings about each say."""
    about = boxes.assign(row=np.arange(len(boxes)), finding_tags=None)
    if findings is None or not len(findings) or not len(boxes):
        return about.drop(columns="row")
    keys = ["frame", *OBJECT, *SIDES]
    found = findings[[*keys, *FINDING]].dropna(subset=list(SIDES))
    pairs = found.merge(about[[*keys, "row"]], on=keys, how="inner")
    pairs = pairs.sort_values("score", ascending=False, kind="stable")
    tags = pairs.groupby("row", sort=False).apply(_tags, include_groups=False)
    about["finding_tags"] = about["row"].map(tags)
    strongest = pairs.drop_duplicates("row").set_index("row")[list(FINDING)]
    return about.join(strongest.add_prefix("finding_"), on="row").drop(columns="row")


def _tags(findings: pd.DataFrame) -> list[str]:
    return list(dict.fromkeys([*findings["rule"], *findings["severity"]]))


def _expected(boxes: pd.DataFrame, findings: pd.DataFrame | None) -> pd.DataFrame:
    """The boxes that findings expect, as boxes."""
    if findings is None or not {*EXPECTED} <= {*findings}:
        return boxes.head(0)
    known = findings.dropna(subset=list(EXPECTED))
    sides = known[list(EXPECTED)].set_axis(list(SIDES), axis=1)
    about = known[["sequence", "frame", "track", "label", "annotator"]].join(sides)
    more = known[list(FINDING)].add_prefix("finding_")
    tags = [[rule] for rule in known["rule"]]
    return about.join(more).assign(score=known["score"], finding_tags=pd.Series(tags, known.index))


def _scores(findings: pd.DataFrame | None) -> dict[tuple[str, int], float]:
    if findings is None or not len(findings):
        return {}
    highest = findings.groupby(["sequence", "frame"])["score"].max()
    return {place: float(score) for place, score in highest.items()}


def _detections(
    fiftyone: Any, boxes: pd.DataFrame, sizes: pd.DataFrame
) -> dict[tuple[str, int], list[Any]]:
    """Detections of each frame; their sides are shares of the image."""
    if not len(boxes):
        return {}
    size = sizes.reindex(pd.MultiIndex.from_frame(boxes[["sequence", "frame"]])).to_numpy()
    shares = boxes[list(SIDES)].to_numpy() / np.hstack([size, size])
    numbers = boxes.groupby(list(OBJECT), sort=False).ngroup().tolist()
    names = {name: str(name).replace(".", DOT) for name in boxes if name not in _PLACED}
    found: dict[tuple[str, int], list[Any]] = {}
    rows = zip(shares.tolist(), numbers, _records(boxes), strict=True)
    for share, number, row in rows:
        known = {names[name]: value for name, value in row.items() if name in names}
        known = {name: value for name, value in known.items() if not _is_missing(value)}
        tags = list(known.get("finding_tags", []))  # a list of its own, which people add to
        if "score" in known:
            known["confidence"] = known.pop("score")
        if "track" in known:
            known["index"] = number
        if not _is_missing(row["label"]):
            known["label"] = row["label"]
        detection = fiftyone.Detection(bounding_box=share, tags=tags, **known)
        found.setdefault((row["sequence"], row["frame"]), []).append(detection)
    return found


def _records(table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    values = [table[name].tolist() for name in table]
    names = [str(name) for name in table]
    return (dict(zip(names, row, strict=True)) for row in zip(*values, strict=True))


def _is_missing(value: Any) -> bool:
    return not isinstance(value, list) and bool(pd.isna(value))
