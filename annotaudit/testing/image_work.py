"""What becomes of a manifest line when somebody has worked on its image."""

from __future__ import annotations

from typing import Any

from annotaudit.aws.categories import CHOICES, VERDICT
from annotaudit.boxes import SIDES
from annotaudit.formats.ground_truth.image_lines import TYPE
from annotaudit.formats.ground_truth.manifests import METADATA
from annotaudit.testing.workers import Entry, Worker

VERIFICATION = "VerificationBoundingBox"
Told = dict[str, Any]  # what the manifest says beside a label


def adjust_image(
    line: Told, audited: str, categories: Told, worker: Worker | None
) -> tuple[Told, Told]:
    """Let a worker correct the boxes of an image; return the new label and what is said of it."""
    boxes = _shown(line, audited)
    after = worker(_name(line), boxes) if worker is not None else boxes
    names = [entry["label"] for entry in categories["labels"]]
    annotations = [
        {"class_id": names.index(box["label"]), **{side: box[side] for side in SIDES}}
        for box in after
    ]
    label = {"image_size": line[audited].get("image_size", []), "annotations": annotations}
    return label, {
        "objects": [{"confidence": 0} for _ in annotations],
        "class-map": {str(number): name for number, name in enumerate(names)},
        "type": TYPE,
        "adjustment-status": "unadjusted" if after == boxes else "adjusted",
    }


def verify_image(
    line: Told, audited: str, categories: Told, worker: Worker | None
) -> tuple[str, Told]:
    """Let a worker judge the boxes of an image: what they would change is a mistake."""
    boxes = _shown(line, audited)
    after = worker(_name(line), boxes) if worker is not None else boxes
    names = [entry["label"] for entry in categories["labels"]]
    chosen = CHOICES[1] if after != boxes else CHOICES[0]
    wrong = sum(box not in after for box in boxes) + max(len(after) - len(boxes), 0)
    comment = {"comment": f"Boxes that are wrong: {wrong}."}
    return str(names.index(chosen)), {
        "class-name": chosen,
        "confidence": 0,
        "type": "groundtruth/label-verification",
        **({"worker-feedback": [comment]} if wrong else {}),
    }


def judge_boxes(boxes: list[Entry], after: list[Entry]) -> list[Entry]:
    """Return the boxes of a frame of video with a verdict on each, and otherwise unchanged."""
    key = "label-category-attributes"
    return [
        {**box, key: {**box.get(key, {}), VERDICT["name"]: CHOICES[0 if box in after else 1]}}
        for box in boxes
    ]


def _shown(line: Told, audited: str) -> list[Entry]:
    """Return the boxes as the page shows them."""
    classes = line[audited + METADATA]["class-map"]
    return [
        {"label": classes[str(box["class_id"])], **{side: box[side] for side in SIDES}}
        for box in line[audited]["annotations"]
    ]


def _name(line: Told) -> str:
    return str(line["source-ref"]).rpartition("/")[2]
