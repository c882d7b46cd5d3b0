"""Saving on this machine: never over other files unless that is meant, and all files or none."""

import json

import pandas as pd
import pytest

import annotaudit as aa
from annotaudit.errors import LabelFormatError
from annotaudit.formats.saving import remove, write_whole


@pytest.fixture(scope="module")
def station():
    return aa.datasets.station()


@pytest.fixture
def moved(station):
    return aa.Labels(station.boxes.assign(left=station.boxes["left"] + 1), station.frames)


def content(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("SeqLabel.json", None), ("gt.txt", None), ("mot", "motchallenge"), ("boxes.csv", None),
        ("boxes.parquet", None), ("labels.manifest", None), ("coco.json", "coco"),
    ],
)  # fmt: skip
def test_other_labels_are_refused_until_they_are_meant(station, moved, tmp_path, name, format):
    path = aa.save(station, tmp_path / name, format=format)
    before = content(tmp_path)
    assert aa.save(station, path, format=format) == path, "the same once more is fine"
    with pytest.raises(LabelFormatError, match=r"another file is there.*replace=True.*--replace"):
        aa.save(moved, path, format=format)
    assert content(tmp_path) == before
    aa.save(moved, path, format=format, replace=True)
    assert content(tmp_path).keys() == before.keys()
    assert aa.load(path).boxes["left"].sum() == moved.boxes["left"].sum()


def test_the_file_that_was_read_is_kept(tmp_path):
    path = tmp_path / "gt.txt"
    path.write_text("1,7,10,20,30,40,1,1,0.25\n")
    with pytest.raises(LabelFormatError, match=r"gt.txt: another file is there"):
        aa.save(aa.load(path), path, format="coco")
    assert path.read_text() == "1,7,10,20,30,40,1,1,0.25\n"


def test_a_manifest_that_would_be_written_beside_is_kept(tmp_path):
    """A label file whose names do not tell the classes brings a manifest of its own."""
    source = aa.datasets.station()
    boxes = source.boxes.assign(track="walker", label="Person").drop_duplicates("frame")
    manifest = tmp_path / "hall.manifest"
    manifest.write_text("what somebody labelled")
    with pytest.raises(LabelFormatError, match=r"hall.manifest: another file is there"):
        aa.save(aa.Labels(boxes, source.frames), tmp_path / "hall.json")
    assert content(tmp_path) == {"hall.manifest": b"what somebody labelled"}


def test_one_file_in_the_way_keeps_the_others_out(station, tmp_path):
    (tmp_path / "seqinfo.ini").write_text("[Sequence]\nname=mine\n")
    with pytest.raises(LabelFormatError, match=r"seqinfo.ini: another file is there"):
        aa.save(station, tmp_path, format="motchallenge")
    assert content(tmp_path).keys() == {"seqinfo.ini"}


def test_a_save_that_breaks_off_changes_nothing(station, moved, tmp_path, monkeypatch):
    path = aa.save(station, tmp_path / "boxes.csv")
    before = content(tmp_path)
    written = []

    def write_two(file, text):
        if len(written) == 2:
            raise OSError("disk full")
        written.append(write_whole(file, text))

    monkeypatch.setattr("annotaudit.formats.plain.csv.write_whole", write_two)
    with pytest.raises(OSError, match="disk full"):
        aa.save(moved, path, replace=True)
    assert len(written) == 2
    assert content(tmp_path) == before


def test_outside_a_save_files_are_written_and_removed_at_once(tmp_path):
    path = write_whole(tmp_path / "a.json", json.dumps({}).encode())
    assert path.read_bytes() == b"{}"
    assert write_whole(path, b"[]").read_bytes() == b"[]"
    remove(path)
    remove(path)
    assert list(tmp_path.iterdir()) == []


def test_lists_that_two_parts_share_are_written_once(tmp_path):
    root = tmp_path / "read"
    (root / "labels").mkdir(parents=True)
    (root / "labels/a.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    (root / "data.yaml").write_text("train: all.txt\nval: all.txt\nnames: [dog]\n")
    (root / "all.txt").write_text("./images/a.jpg\n")
    labels = aa.load(root, image_size=(200, 100))
    aa.save(labels, tmp_path / "saved")
    assert (tmp_path / "saved/all.txt").read_text() == "./images/a.jpg\n"


@pytest.mark.parametrize(
    ("format", "name"),
    [
        ("ground-truth-video", "SeqLabel.json"),
        ("ground-truth-images", "hall.manifest"),
        ("coco", "boxes.json"),
        ("cvat", "hall.xml"),
        ("kitti", "kitti"),
        ("motchallenge", "hall"),
    ],
)
def test_boxes_whose_frames_nobody_told_are_saved(tmp_path, format, name):
    track = None if format == "ground-truth-images" else "car:1"
    boxes = pd.DataFrame(
        {
            "sequence": "hall", "frame": range(3), "track": track, "label": "car",
            "annotator": "ann", "left": 9.0, "top": 5.0, "width": 40.0, "height": 20.0,
        }
    )  # fmt: skip
    saved = aa.save(aa.Labels(boxes), tmp_path / name, format=format)
    again = aa.load(saved, format=format).boxes
    assert again["left"].tolist() == [9.0] * 3
