"""The bundled data: all of it is read, and what was planted is there."""

import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import annotaudit as aa
from annotaudit.errors import LimitError
from annotaudit.formats.mturk.format import assignments
from annotaudit.frames import open_image

ROOT = Path(__file__).parent.parent


def box(labels, frame, track):
    rows = labels.boxes.query("frame == @frame and track == @track")
    return rows[["left", "top", "width", "height"]].to_numpy()[0]


def test_pedestrian_2_is_shrunk_on_24_and_25_and_restored_on_26():
    heights = [box(aa.datasets.station(), frame, "Pedestrian:2")[3] for frame in (23, 24, 25, 26)]
    assert heights[1] / heights[0] == pytest.approx(0.76, abs=0.02)
    assert heights[2] / heights[3] == pytest.approx(0.76, abs=0.02)


def test_pedestrian_1_walks_right_and_jumps_left_on_27():
    lefts = [box(aa.datasets.station(), frame, "Pedestrian:1")[0] for frame in range(32)]
    steps = np.delete(np.diff(lefts), [26, 27])
    assert steps.min() >= 4
    assert steps.max() <= 13
    assert lefts[27] - lefts[26] < -5
    assert lefts[28] - lefts[27] > 20


def test_pedestrian_3_enters_at_13_while_growing():
    boxes = aa.datasets.station().boxes.query("track == 'Pedestrian:3'")
    assert boxes["frame"].min() == 13
    assert (boxes["width"].diff().iloc[1:4] > 5).all()
    assert (boxes["left"] + boxes["width"]).iloc[0] == 960


def test_the_audit_finds_what_was_planted_first_and_nothing_at_the_entry():
    findings = aa.audit(aa.datasets.station())
    place = ["sequence", "frame", "track"]
    events = findings.drop_duplicates(place)
    planted = aa.datasets.planted()[place]
    assert len(events.head(3)[place].merge(planted)) == 3
    strong = findings[findings["severity"] != "note"]
    assert "Pedestrian:3" not in set(strong["track"])


def test_truth_and_labels_show_the_same_people():
    flawed, truth = aa.datasets.station().boxes, aa.datasets.station(labels="truth").boxes
    names = {"Pedestrian:1": "1", "Pedestrian:2": "2", "Pedestrian:3": "3"}
    same = flawed.assign(frame=flawed["frame"] * 2, track=flawed["track"].map(names)).merge(
        truth, on=["frame", "track"], suffixes=("", "_true")
    )
    sides = ["left", "top", "width", "height"]
    share = aa.iou(same[sides].to_numpy(), same[[f"{side}_true" for side in sides]].to_numpy())
    assert np.median(share) > 0.9
    assert len(same) == len(flawed)


def test_every_labelled_frame_has_its_picture():
    for labels in (
        aa.datasets.station(), aa.datasets.station(labels="truth"),
        aa.datasets.stop_sign(), aa.datasets.stop_sign(gold=True),
    ):  # fmt: skip
        assert labels.frames["image"].map(lambda image: Path(image).is_file()).all()
        assert open_image(labels.frames["image"].iloc[0]).size in [(960, 540), (1024, 768)]


def test_the_workers_are_as_described():
    labels = aa.datasets.stop_sign()
    work = assignments(labels)
    nothing = work.groupby("annotator")["boxes"].sum()[work.groupby("annotator")["answered"].all()]
    assert (nothing == 0).sum() == 1
    assert (~work["answered"]).sum() == 1
    assert len(labels.problems) == 1
    gold = aa.datasets.stop_sign(gold=True).boxes
    outcomes = aa.metrics.compare_to_gold(labels.boxes, gold, looked=work[work["answered"]])
    found = outcomes[outcomes["outcome"] == "true positive"].groupby("annotator")["iou"].mean()
    assert sorted(found > 0.75) == [
        True,
        True,
        True,
    ]  # the sloppy one's boxes are too loose to count


def test_assignments_and_batch_results_tell_the_same():
    folder = aa.datasets.path("stop_sign")
    sides = ["frame", "left", "top", "width", "height"]
    api, batch = (aa.load(folder / name).boxes[sides] for name in ("assignments.json", "batch.csv"))
    pd.testing.assert_frame_equal(
        api.sort_values(sides, ignore_index=True), batch.sort_values(sides, ignore_index=True)
    )


@pytest.mark.parametrize("wrong", ["no such", "../station"])
def test_other_names_are_refused(wrong):
    with pytest.raises(LimitError, match="expected one of"):
        aa.datasets.path(wrong)
    with pytest.raises(LimitError, match="expected 'flawed' or 'truth'"):
        aa.datasets.station(labels=wrong)


@pytest.mark.slow
def test_the_script_makes_the_same_stop_signs_again(tmp_path):
    subprocess.run([sys.executable, ROOT / "data" / "make_stop_sign.py", tmp_path], check=True)
    for made in sorted(tmp_path.iterdir()):
        kept = aa.datasets.path("stop_sign") / made.name
        if made.suffix == ".jpg":  # another Pillow may write other bytes for the same picture
            difference = np.subtract(*(np.asarray(open_image(p), float) for p in (made, kept)))
            assert np.abs(difference).mean() < 1, made.name
        else:
            assert made.read_bytes() == kept.read_bytes(), made.name


@pytest.mark.slow
def test_the_wheel_brings_them_along(tmp_path):
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", tmp_path, ROOT]
    subprocess.run(build, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    code = (
        "import annotaudit as aa; print(aa.datasets.path('station'));"
        "print(len(aa.datasets.station().boxes), len(aa.datasets.stop_sign().boxes))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path / "installed",
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    where, counts = done.stdout.splitlines()
    assert Path(where) == tmp_path / "installed" / "annotaudit" / "bundled" / "station"
    assert counts == "83 10"
    assert wheel.stat().st_size < 8_000_000
