"""Files to upload by hand: complete, in order, whole or not there."""

import base64
import io
import json
import zipfile

import numpy as np
import PIL.Image
import pytest

import annotaudit as aa
from annotaudit.tasks import kits, load_plan, plan_tasks


def test_a_cvat_task_is_a_zip_of_images_in_order_and_one_of_boxes(labels, findings, tmp_path):
    plan = plan_tasks(labels, findings)
    steps = plan.write(tmp_path / "kit")
    assert f"`{plan.name}`" in steps.read_text()
    assert f"`annotaudit tasks merge {tmp_path / 'kit'} LABELS" in steps.read_text()
    task = tmp_path / "kit" / "001-station-21-30"
    with zipfile.ZipFile(task / "images.zip") as archive:
        names = archive.namelist()
        assert names == plan.frames["name"].tolist() == sorted(names)
        sent = PIL.Image.open(io.BytesIO(archive.read("000051.jpg")))
    original = PIL.Image.open(labels.frames["image"][25])
    assert sent.size == original.size
    difference = np.asarray(sent, int) - np.asarray(original.convert("RGB"), int)
    assert np.abs(difference).mean() < 2  # of 255
    read = aa.load(task / "annotations.zip")
    assert len(read.boxes) == 30
    assert {p.name for p in (tmp_path / "kit").iterdir()} == {
        "NEXT-STEPS.md", "001-station-21-30", "files", "guide.md", "labels.json", "plan.json"
    }  # fmt: skip
    assert load_plan(tmp_path / "kit").name == plan.name


def test_the_same_plan_writes_the_same_bytes(labels, findings, tmp_path):
    plan = plan_tasks(labels, findings)
    for name in ("a", "b"):
        plan.write(tmp_path / name)
    for kind in ("images.zip", "annotations.zip"):
        a, b = (tmp_path / n / "001-station-21-30" / kind for n in ("a", "b"))
        assert a.read_bytes() == b.read_bytes()


def test_images_stand_in_the_tasks_of_label_studio(labels, findings, tmp_path):
    plan = plan_tasks(labels, findings, tool="label-studio")
    plan.write(tmp_path / "kit")
    tasks = json.loads((tmp_path / "kit" / "tasks.json").read_text())
    assert len(tasks) == 10
    head, _, content = tasks[0]["data"]["image"].partition(",")
    assert head == "data:image/jpeg;base64"
    assert PIL.Image.open(io.BytesIO(base64.b64decode(content))).size == (960, 540)


def test_many_images_are_several_files(labels, findings, tmp_path, monkeypatch):
    monkeypatch.setattr(kits, "PART", 600_000)
    plan = plan_tasks(labels, findings, tool="label-studio")
    steps = plan.write(tmp_path / "kit").read_text()
    parts = sorted((tmp_path / "kit").glob("tasks*.json"))
    assert [p.name for p in parts] == [f"tasks-{n}.json" for n in range(1, len(parts) + 1)]
    assert len(parts) > 1 and all(p.name in steps for p in parts)
    assert sum(len(json.loads(p.read_text())) for p in parts) == 10


def test_images_beside_the_tasks_are_addressed_as_local_files(labels, findings, tmp_path):
    plan = plan_tasks(labels, findings, tool="label-studio")
    steps = plan.write(tmp_path / "kit", inline=False).read_text()
    (task, *_) = json.loads((tmp_path / "kit" / "tasks.json").read_text())
    place = "images/001-station-21-30/000043.jpg"
    assert task["data"]["image"] == f"/data/local-files/?d={plan.name}/{place}"
    assert (tmp_path / "kit" / place).is_file()
    assert "LOCAL_FILES_SERVING_ENABLED" in steps


def test_nothing_half_is_left_where_an_image_is_broken(labels, findings, tmp_path):
    (tmp_path / "torn.jpg").write_bytes(b"torn")
    images = labels.frames["image"].where(labels.frames["frame"] != 25, str(tmp_path / "torn.jpg"))
    broken = aa.Labels(labels.boxes, labels.frames.assign(image=images))
    plan = plan_tasks(broken, findings)
    with pytest.raises(ValueError, match=r"torn\.jpg"):
        plan.write(tmp_path / "kit")
    assert list((tmp_path / "kit" / "001-station-21-30").iterdir()) == []
    assert not (tmp_path / "kit" / "NEXT-STEPS.md").exists()
