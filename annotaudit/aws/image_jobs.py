"""Jobs of images: each image that has a finding, with its boxes and the reasons, and no other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd

from annotaudit.audit.queue import review_queue
from annotaudit.audit.windows import WINDOW_COLUMNS
from annotaudit.aws.categories import CHOICES, image_categories, plain_text
from annotaudit.aws.image_checks import MAX_IMAGES
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
from annotaudit.aws.sessions import Session
from annotaudit.boxes import COLUMNS, EXPECTED, SIDES, TEXT, Labels
from annotaudit.errors import LabelFormatError, LimitError
from annotaudit.formats.columns import plain_numbers
from annotaudit.formats.ground_truth.image_lines import TYPE, manifest_lines
from annotaudit.formats.ground_truth.manifests import METADATA, jobs_of, latest
from annotaudit.frames import in_windows

TASK_TIME = 3_600  # seconds a worker has for an image
HINTS = "annotaudit"  # name in a manifest line under which our page finds what to tell the worker
MOST_REASONS, LONGEST_REASON = 10, 400  # a manifest line has its limits, and so has a worker
GROUND_TRUTH = ("class_id", "score", "extra", "label_attribute")  # columns a manifest has
TOLD = {
    "adjust": "Correct the boxes on an image. Why it was sent stands beside it.",
    "verify": "Say whether the boxes on an image are right. Why it was sent stands beside it.",
}


def plan_images(
    labels: Labels,
    findings: pd.DataFrame,
    *,
    session: Session,
    verify: bool,
    budget: int | str | timedelta | None,
    out: str,
    frames_at: str | Mapping[str, str] | None,
    categories: Mapping[str, Any] | None,
    assumptions: dict[str, float],
) -> AdjustmentPlan:
    """Plan a job of images; see :func:`annotaudit.aws.plan_adjustment`."""
    workers = int(assumptions["workers per image"])
    windows = _choose(labels, findings, budget)
    if windows.empty:
        raise LimitError(
            "No finding lies in the budget, so there is nothing to send. Pass findings, or a "
            "larger budget."
        )
    sent, left_out = windows[:MAX_IMAGES], windows[MAX_IMAGES:].reset_index(drop=True)
    sent = sent.sort_values(["sequence", "first"], kind="stable", ignore_index=True)
    images = _addressed(labels.frames[in_windows(labels.frames, sent)], out, frames_at)
    lines = _lines(labels, images)
    attribute = _attribute_of(lines)
    _add_sizes(lines, images, attribute)
    reasons = _add_hints(lines, images, findings)
    written = new_attribute(attribute, verify=verify, ending="")
    while any(written in line for line in lines):
        written = new_attribute(written, verify=verify, ending="")
    kind = "verify" if verify else "adjust"
    content = image_categories(
        CHOICES if verify else _classes(labels, lines, attribute, categories)
    )
    page = _page(kind, attribute)
    job = job_name(
        sent["sequence"].iloc[0], kind,
        [kind, session.region, out, workers, lines, content, page],
    )  # fmt: skip
    folder = input_folder(out, job)
    n_boxes = [len(line[attribute]["annotations"]) for line in lines]
    uploads = images[images["is_local"]]
    return AdjustmentPlan(
        job=job,
        request=job_request(
            job,
            session,
            _task(kind, f"{folder}worker-page.liquid.html", workers),
            attribute=written,
            out=out,
        ),
        files={
            f"{folder}label-categories.json": as_json(content),
            f"{folder}worker-page.liquid.html": page.encode(),
            f"{folder}input.manifest": b"".join(as_json(line) + b"\n" for line in lines),
        },
        uploads=dict(zip(uploads["address"], uploads["image"], strict=True)),
        sequences=_image_table(images, n_boxes, reasons, assumptions["seconds per box"] * workers),
        windows=sent,
        left_out=left_out,
        findings=asked_about(findings[in_windows(findings, sent)]),
        instructions={"shortInstruction": TOLD[kind], "fullInstruction": f"<p>{TOLD[kind]}</p>"},
        assumptions=assumptions,
    )


def _choose(
    labels: Labels, findings: pd.DataFrame, budget: int | str | timedelta | None
) -> pd.DataFrame:
    """Return a window for each image that has findings, the most mistakes to expect first."""
    if not {"sequence", "frame"} <= set(labels.frames):
        raise LimitError(
            "The labels have no table of frames, so nobody knows which images there are. Load them "
            "with annotaudit.load(), or give Labels(boxes, frames)."
        )
    places = ["sequence", "frame"]
    images = pd.MultiIndex.from_frame(labels.frames[places])
    known = findings[pd.MultiIndex.from_frame(findings[places]).isin(images)]
    # With twice the numbers no image follows on another, so that each is a clip of its own.
    apart = known.assign(frame=known["frame"] * 2)
    everything = max(len(images), 1)
    queue = review_queue(apart, budget=everything if budget is None else budget, margin=0)
    return queue[WINDOW_COLUMNS].assign(first=queue["first"] // 2, last=queue["last"] // 2)


def _addressed(
    frames: pd.DataFrame, out: str, frames_at: str | Mapping[str, str] | None
) -> pd.DataFrame:
    """Say where in S3 each image is, or will be: columns ``name``, ``address``, ``is_local``."""
    frames = frames.sort_values(["sequence", "frame"], kind="stable", ignore_index=True)
    if "image" not in frames or frames["image"].isna().any():
        n = int(frames["image"].isna().sum()) if "image" in frames else len(frames)
        raise LabelFormatError(
            f"{n} images have no file name. Load the labels with frames=, the folder of the images."
        )
    image = frames["image"].str.replace("\\", "/", regex=False)
    name = image.str.rpartition("/")[2]
    places = frames_at if isinstance(frames_at, Mapping) else {}
    everywhere = frames_at if isinstance(frames_at, str) else None
    given = frames["sequence"].map(lambda name: places.get(name, everywhere)).astype(TEXT)
    is_there = given.notna() | image.str.startswith("s3://")
    on_the_web = ~is_there & image.str.contains("://", regex=False)
    if on_the_web.any():
        raise LabelFormatError(
            f"{image[on_the_web].iloc[0]}: a job shows images that lie in S3. Say in frames_at= "
            "where they do, or load the labels with frames=, a folder of them on this machine."
        )
    twice = frames.assign(name=name).duplicated(["sequence", "name"], keep=False) & ~is_there
    key = name.where(~twice, frames["frame"].astype(str) + "-" + name)
    folder = given.fillna(out + "frames/" + frames["sequence"].map(folder_name)).str.rstrip("/")
    address = (folder + "/" + key).where(given.notna() | ~is_there, image)
    if (again := address.duplicated()).any():
        raise LabelFormatError(
            f"{address[again].iloc[0]}: the same image is there twice. Leave one of them out."
        )
    return frames.assign(name=name, address=address.astype(TEXT), is_local=~is_there)


def _lines(labels: Labels, images: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the manifest lines of images with their boxes, in the order of the images."""
    if "source_entry" in images:
        known = images["source_entry"].str.contains('"source-ref"', regex=False)
        images = images.assign(source_entry=images["source_entry"].where(known.fillna(False)))
    boxes = labels.boxes
    kept = [*COLUMNS, *(GROUND_TRUTH if "label_attribute" in boxes else ())]
    sides = boxes[list(SIDES)]
    can_be_drawn = np.isfinite(sides).all(axis=1) & (sides[["width", "height"]] > 0).all(axis=1)
    here = pd.MultiIndex.from_frame(images[["sequence", "frame"]])
    sent = pd.MultiIndex.from_frame(boxes[["sequence", "frame"]]).isin(here)
    boxes = boxes.loc[can_be_drawn & sent, [name for name in kept if name in boxes]]
    lines = []
    for sequence, part in images.groupby("sequence", sort=True):
        mine = boxes[boxes["sequence"] == sequence]
        if (n := mine["annotator"].nunique()) > 1:
            raise LabelFormatError(
                f"Images of {sequence!r} have boxes of {n} annotators; a job adjusts those of one. "
                "Make one set of them with annotaudit.metrics.consensus_boxes(labels.boxes)."
            )
        of_frame = manifest_lines(Labels(mine, part), f"the images of {sequence!r}")
        lines += [of_frame[frame] for frame in part["frame"]]
    for line, address in zip(lines, images["address"], strict=True):
        line["source-ref"] = address
    return lines


def _attribute_of(lines: Sequence[Mapping[str, Any]]) -> str:
    """Return the label attribute that is adjusted, the same on all images."""
    names = {job.attribute for line in lines for job in latest(jobs_of(dict(line), (TYPE,)))}
    if len(names) > 1:
        raise LabelFormatError(
            f"The images have labels under {sorted(names)}; one job adjusts one label attribute. "
            "Load the labels with attribute=, and plan a job for each."
        )
    name = names.pop()
    if not name.replace("-", "").replace("_", "").isalnum():
        raise LabelFormatError(
            f"The label attribute {name!r} cannot stand in the page of a job; expected letters, "
            "digits, hyphens and underscores. Rename it in the manifest."
        )
    return name


def _add_sizes(lines: list[dict[str, Any]], images: pd.DataFrame, attribute: str) -> None:
    for line, (width, height) in zip(lines, _sizes(images), strict=True):
        if width and height:
            size = {"width": int(width), "height": int(height), "depth": 3}
            line[attribute].setdefault("image_size", [size])


def _sizes(images: pd.DataFrame) -> list[tuple[Any, Any]]:
    """Return width and height of each image; 0 where unknown."""
    known = images.reindex(columns=["image_width", "image_height"]).fillna(0)
    return list(known.itertuples(index=False, name=None))


def _add_hints(
    lines: list[dict[str, Any]], images: pd.DataFrame, findings: pd.DataFrame
) -> list[str]:
    """Add to each line what the page tells the worker; return the reasons, for the plan."""
    told = findings.reindex(columns=["sequence", "frame", "reason", *SIDES, *EXPECTED])
    told = told.drop_duplicates()
    by_image: dict[Any, list[dict[str, Any]]] = {}
    for sequence, frame, reason, drawn in zip(
        told["sequence"], told["frame"], told["reason"], _drawn(told), strict=True
    ):
        entry = {"reason": plain_text(str(reason))[:LONGEST_REASON], **drawn}
        by_image.setdefault((sequence, frame), []).append(entry)
    reasons = []
    places = zip(images["sequence"], images["frame"], _sizes(images), strict=True)
    for line, (sequence, frame, (width, height)) in zip(lines, places, strict=True):
        entries = by_image[sequence, frame]
        left_out = len(entries) - MOST_REASONS
        line[HINTS] = {
            "findings": entries[:MOST_REASONS],
            **({"more": left_out} if left_out > 0 else {}),
            **({"width": int(width), "height": int(height)} if width and height else {}),
        }
        shown = dict.fromkeys(entry["reason"] for entry in entries[:MOST_REASONS])
        reasons.append(" ".join(shown))
    return reasons


def _drawn(findings: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the box in question and the suggested one of each finding, where they are known."""
    found: list[dict[str, Any]] = [{} for _ in range(len(findings))]
    for name, columns in (("box", SIDES), ("suggested", EXPECTED)):
        numbers = [plain_numbers(findings[column].round(1).tolist()) for column in columns]
        for entry, sides in zip(found, zip(*numbers, strict=True), strict=True):
            if all(isinstance(side, int | float) and abs(side) < np.inf for side in sides):
                entry[name] = dict(zip(SIDES, sides, strict=True))
    return found


def _classes(
    labels: Labels,
    lines: Sequence[Mapping[str, Any]],
    attribute: str,
    given: Mapping[str, Any] | None,
) -> list[str]:
    """List the labels of the original job: as given, or what can be told from its labels."""
    if given is not None:
        return [str(entry["label"]) for entry in given["labels"]]
    maps = [line[attribute + METADATA].get("class-map", {}).values() for line in lines]
    drawn = sorted(labels.boxes["label"].dropna().unique())
    return list(dict.fromkeys([*(name for names in maps for name in names), *drawn]))


def _page(kind: str, attribute: str) -> str:
    """Return the page that workers get, a template in Amazon's dialect of Liquid."""
    pages = files("annotaudit.aws") / "pages"
    page, reasons = (
        (pages / f"{name}.liquid.html").read_text("utf-8")
        for name in (f"{kind}_image", "image_reasons")
    )
    return page.replace("ATTRIBUTE", attribute).replace("REASONS", reasons.strip())


def _task(kind: str, page: str, workers: int) -> Task:
    return Task(
        name="AdjustmentBoundingBox" if kind == "adjust" else "VerificationBoundingBox",
        title="Correct boxes on images" if kind == "adjust" else "Verify boxes on images",
        description=TOLD[kind],
        keywords=["image", "bounding boxes", "quality check"],
        page={"UiTemplateS3Uri": page},
        seconds=TASK_TIME,
        workers=workers,
    )


def _image_table(
    images: pd.DataFrame, n_boxes: Sequence[int], reasons: Sequence[str], seconds: float
) -> pd.DataFrame:
    boxes = np.array(n_boxes, dtype=np.int64)
    return pd.DataFrame(
        {
            "name": images["address"],
            "sequence": images["sequence"],
            "first": images["frame"],
            "last": images["frame"],
            "frames": 1,
            "boxes": boxes,
            "objects": boxes,
            "first_image": images["name"],
            "last_image": images["name"],
            "minutes": np.maximum(boxes, 1) * seconds / 60,
            "reasons": pd.Series(list(reasons), dtype=TEXT),
        }
    )
