"""Whatever the labels: there and back without a change is the identity."""

import json
import tempfile
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from loopback_cvat import export_of

import annotaudit as aa
from annotaudit.boxes import SIDES
from annotaudit.tasks import merge_tasks, plan_tasks

NAMES = st.sampled_from(
    ["car", "car:1", "<b>", "7", "$image", "expected car", "é\u2028", " a ", ""]
)
SIDE = st.sampled_from([-3.0, 0.0, 1 / 3, 12.3456, 99.0, float("nan")])
BOX = st.tuples(
    st.sampled_from(["street", "../yard"]), st.integers(0, 6), NAMES,
    st.one_of(st.none(), NAMES), SIDE, SIDE, SIDE, SIDE, st.booleans(),
)  # fmt: skip


def labels_of(rows, stills):
    names = ["sequence", "frame", "track", "label", *SIDES, "occluded"]
    boxes = pd.DataFrame(rows, columns=names).assign(annotator="ann", note=range(len(rows)))
    if stills:
        boxes["track"] = None
    frames = pd.DataFrame(
        [(s, n, f"{s}/{n}.jpg", 64.0, 48.0) for s in ("street", "../yard") for n in range(7)],
        columns=["sequence", "frame", "image", "image_width", "image_height"],
    )
    boxes = aa.check_boxes(boxes)
    place = pd.MultiIndex.from_frame(frames[["sequence", "frame"]])
    at = place.get_indexer(pd.MultiIndex.from_frame(boxes[["sequence", "frame"]]))
    boxes = boxes.iloc[at.argsort(kind="stable")].reset_index(drop=True)
    return aa.Labels(boxes, frames)


def findings_of(boxes, flagged):
    found = boxes.iloc[sorted({n % len(boxes) for n in flagged})].assign(
        rule="x", score=0.9, severity="error", value=1.0, limit=1.0, unit="px", reason="R.",
        from_frame=float("nan"),
    )  # fmt: skip
    return found.assign(**{f"expected_{side}": 5.0 for side in SIDES})


@pytest.mark.slow
@pytest.mark.parametrize("stills", [False, True])
@pytest.mark.parametrize("tool", ["cvat", "label-studio"])
@settings(max_examples=25)
@given(
    rows=st.lists(BOX, min_size=1, max_size=12), flagged=st.lists(st.integers(0, 11), min_size=1)
)
def test_there_and_back_is_the_identity(tool, stills, rows, flagged):
    labels = labels_of(rows, stills)
    plan = plan_tasks(labels, findings_of(labels.boxes, flagged), tool=tool, expected="label",
                      margin=1)  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        paths = returned(plan, Path(folder))
        merged = merge_tasks(labels, paths, plan)
    pd.testing.assert_frame_equal(merged.boxes, labels.boxes, check_exact=True)


def returned(plan, folder):
    if plan.tool == "label-studio":
        tasks = json.loads(plan.files["tasks.json"])
        for number, task in enumerate(tasks):
            (given,) = task.pop("predictions", [{"result": []}])
            about = {"id": number, "completed_by": 1, "parent_prediction": number}
            task["annotations"] = [about | {"result": given["result"]}]
        (folder / "export.json").write_text(json.dumps(tasks))
        return folder / "export.json"
    paths = []
    for number, name in enumerate(plan.tasks["name"]):
        part = plan.frames[plan.frames["task"] == name]
        images = part[["name", "image_width", "image_height"]].itertuples(index=False, name=None)
        boxes = ElementTree.fromstring(plan.files[f"{name}/annotations.xml"])
        task = {"id": number, "name": name, "boxes": boxes, "images": list(images)}
        kind = f"CVAT for {'video' if plan.boxes['track'].notna().any() else 'images'} 1.1"
        paths.append(folder / f"{number}.zip")
        paths[-1].write_bytes(export_of(task, kind))
    return paths
