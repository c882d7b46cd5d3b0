"""Repaired labels, saved in each format and loaded again, are the repaired labels."""

from dataclasses import replace

import numpy as np
import pandas as pd
import PIL.Image
import pytest

import annotaudit as aa
from annotaudit.boxes import SIDES, Labels

VIDEO = {
    "ground-truth-video": "SeqLabel.json",
    "motchallenge": "gt.txt",
    "kitti": "0000.txt",
    "visdrone": "street.txt",
    "uavdt": "street.txt",
    "coco": "coco.json",
    "cvat": "cvat.xml",
    "label-studio": "tasks.json",
    "cvat-archive": "cvat.zip",
    "via": "via.csv",
    "csv": "labels.csv",
    "parquet": "labels.parquet",
}
STILLS = {
    "ground-truth-images": "output.manifest",
    "coco": "coco.json",
    "cvat": "cvat.xml",
    "voc": "Annotations",
    "yolo": "data",
    "label-studio": "tasks.json",
    "cvat-archive": "cvat.zip",
    "via": "via.csv",
    "csv": "labels.csv",
    "parquet": "labels.parquet",
}


def place(table):
    by = ["frame", *SIDES]
    return table[[*by, "label"]].sort_values(by, ignore_index=True)


def repaired_and_back(labels, folder, format, name):
    """Save what is wrong, load and repair it, save and load that; return both."""
    first = aa.save(labels, folder / "wrong" / name, format=format)
    repaired, diff = aa.fix(aa.load(first, format=format), dry_run=False)
    saved = aa.save(repaired, folder / "right" / name, format=format)
    return repaired, aa.load(saved, format=format), set(diff.changes["fix"])


@pytest.mark.parametrize("format", STILLS)
def test_stills(stills, tmp_path, format):
    labels = stills(
        [(0, "dog", -1, 10, 50, 30), (0, "cat", 0, 90, 50, 30), (1, "cat", 9, 9, 70, 30),
         (1, "cat", 9, 9, 70, 30), (2, "dog", 9, 9, 0, 30)]
    )  # fmt: skip
    if format == "yolo":
        # Its boxes are shares of pictures, which must be there.
        for part in ("wrong", "right"):
            folder = tmp_path / part / "data/images/set"
            folder.mkdir(parents=True)
            for image in labels.frames["image"]:
                PIL.Image.new("L", (640, 480)).save(folder / image)
        image = "images/set/" + labels.frames["image"]
        labels = replace(labels, frames=labels.frames.assign(image=image))
    repaired, back, fixes = repaired_and_back(labels, tmp_path, format, STILLS[format])
    assert fixes == {"drop_copies", "drop_empty", "clip"}
    pd.testing.assert_frame_equal(place(back.boxes), place(repaired.boxes), rtol=1e-6)
    assert len(aa.fix(back)) == 0


@pytest.mark.parametrize("format", VIDEO)
def test_videos(video, tmp_path, format):
    labels = video(left=np.arange(12) * 8.0 - 1)
    if format in ("motchallenge", "kitti"):
        again = labels.boxes.assign(label="Car" if format == "kitti" else "car")
        labels = replace(labels, boxes=again)
    repaired, back, fixes = repaired_and_back(labels, tmp_path, format, VIDEO[format])
    assert fixes == {"clip"}
    pd.testing.assert_frame_equal(place(back.boxes), place(repaired.boxes), rtol=1e-6)
    assert len(back.boxes["track"].unique()) == 1
    assert len(aa.fix(back)) == 0


@pytest.mark.parametrize(("format", "name"), [("mturk", "a.json"), ("mturk-csv", "a.csv")])
def test_answers_of_mechanical_turk(tmp_path, format, name):
    labels = aa.datasets.stop_sign()
    boxes = pd.concat([labels.boxes, labels.boxes.iloc[[0]]], ignore_index=True)
    boxes.loc[1, "left"] = -1.0
    repaired, diff = aa.fix(Labels(boxes, labels.frames), dry_run=False)
    assert set(diff.changes["fix"]) == {"drop_copies", "clip"}
    back = aa.load(aa.save(repaired, tmp_path / name, format=format))
    by = ["annotator", "frame", *SIDES]
    pd.testing.assert_frame_equal(
        back.boxes[by].sort_values(by, ignore_index=True),
        repaired.boxes[by].sort_values(by, ignore_index=True),
    )
