"""What CVAT reads: the labels of a project, its guide, and the boxes of each task."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from annotaudit.boxes import SIDES, TEXT, Labels
from annotaudit.formats.columns import ATTRIBUTE
from annotaudit.formats.cvat import format as cvat

KEY = "annotaudit_id"  # CVAT numbers tracks anew on the way out, but keeps what they are told
LABELS, GUIDE, BOXES = "labels.json", "guide.md", "annotations.xml"
FLAGS = ("occluded", "keyframe", "rotation")  # CVAT's own, if the labels have them


def cvat_files(
    originals: pd.DataFrame,
    boxes: pd.DataFrame,
    frames: pd.DataFrame,
    labels: Mapping[str, str | None],
    told: Mapping[str, str],
) -> dict[str, bytes]:
    """Make the files of a project.

    Parameters
    ----------
    originals : DataFrame
        The boxes to send with all their columns.
    boxes, frames, labels
        What is sent of them; see :func:`annotaudit.tasks.sending.boxes_to_send`.
    told : mapping
        Instructions by task.

    Returns
    -------
    dict
        ``labels.json`` for the project, ``guide.md``, and ``annotations.xml`` in the folder of
        each task: "CVAT for video 1.1" where there are tracks, "for images" otherwise.
    """
    kept = kept_columns(originals)
    kinds = {"occluded": "float64", "rotation": "float64", "keyframe": "boolean"}
    more = originals[kept].astype({name: kinds[name] for name in kept if name in kinds})
    of_box = boxes.index.where(boxes["nth"] >= 0, -1)  # nothing is known of an expected box
    parts = [boxes.reset_index(drop=True), more.reindex(of_box).reset_index(drop=True)]
    whole = pd.concat(parts, axis=1)
    names = sorted({*labels, *boxes["label"].tolist()})
    files = {
        LABELS: _json([_label(name, kept) for name in names]),
        GUIDE: "\n".join(f"## {name}\n\n{text}" for name, text in told.items()).encode(),
    }
    for task, part in frames.groupby("task", sort=False):
        inside = whole[boxes["task"].to_numpy() == task]
        files[f"{task}/{BOXES}"] = _xml(str(task), inside, part, kept)
    return files


def kept_columns(boxes: pd.DataFrame) -> list[str]:
    """Columns of the labels that CVAT can show and change: its flags, and text attributes."""
    texts = [
        name
        for name in boxes
        if str(name).startswith(ATTRIBUTE) and boxes[name].dtype == TEXT and name != ATTRIBUTE + KEY
    ]
    return [name for name in FLAGS if name in boxes] + texts


def export_format(boxes: pd.DataFrame) -> str:
    """Name the format in which CVAT gives back what a plan sent."""
    return f"CVAT for {'video' if boxes['track'].notna().any() else 'images'} 1.1"


def _label(name: str, kept: list[str]) -> dict[str, Any]:
    attributes = [(KEY, False), *((n.removeprefix(ATTRIBUTE), True) for n in kept if "." in n)]
    return {
        "name": name,
        "type": "rectangle",
        "attributes": [
            {"name": attribute, "mutable": mutable, "input_type": "text", "default_value": "",
             "values": [""]}
            for attribute, mutable in attributes
        ],
    }  # fmt: skip


def _xml(task: str, boxes: pd.DataFrame, frames: pd.DataFrame, kept: list[str]) -> bytes:
    """Write the boxes of a task; its frames are counted from 0, as CVAT will count them."""
    is_still = boxes["track"].isna().all()
    table = pd.DataFrame(
        {
            "sequence": pd.Series(task, index=boxes.index, dtype=TEXT),
            "frame": boxes["position"],
            "track": pd.Series(None, index=boxes.index, dtype=TEXT) if is_still else boxes["key"],
            "label": boxes["label"],
            "annotator": pd.Series("", index=boxes.index, dtype=TEXT),
            **{name: boxes[name] for name in (*SIDES, *kept) if name in boxes},
            ATTRIBUTE + KEY: boxes["key"],
        }
    )
    shown = pd.DataFrame(
        {
            "sequence": pd.Series(task, index=frames.index, dtype=TEXT),
            "frame": frames["position"],
            "image": frames["name"],
            "image_width": frames["image_width"],
            "image_height": frames["image_height"],
        }
    )
    with TemporaryDirectory() as folder:
        labels = Labels(table.reset_index(drop=True), shown.reset_index(drop=True))
        return cvat.save(labels, Path(folder) / BOXES).read_bytes()


def _json(content: Any) -> bytes:
    return json.dumps(content, indent=1, ensure_ascii=False).encode()
