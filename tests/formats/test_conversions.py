"""Every format to every other that can hold the labels, and back."""

from functools import cache
from pathlib import Path

import pandas as pd
import pytest

import annotaudit as aa
from annotaudit.boxes import SIDES, Labels
from annotaudit.formats import FORMATS

SIZE = (640.0, 480.0)
PLACE = ["sequence", "frame", *SIDES, "label"]
# What a file is called, whether the format has tracks, and within how many pixels it is exact.
WRITABLE = {
    "ground-truth-video": ("SeqLabel.json", True, 0),
    "ground-truth-images": ("x.manifest", False, 0),
    "motchallenge": ("street", True, 0),
    "coco": ("x.json", True, 0),
    "cvat": ("x.xml", True, 0.01),
    "cvat-archive": ("x.zip", True, 0.01),
    "voc": ("street", False, 0),
    "yolo": ("street", False, 1e-6),
    "label-studio": ("x.json", True, 1e-6),
    "via": ("x.csv", True, 0),
    "visdrone": ("street", True, 0),
    "uavdt": ("street", True, 0),
    "kitti": ("street", True, 0),
    "csv": ("x.csv", True, 0),
    "parquet": ("x.parquet", True, 0),
}
OPTIONS = {"yolo": {"image_size": SIZE}, "label-studio": {"video_size": SIZE}}
ONLY_THEIR_OWN = {"mturk", "mturk-csv", "ground-truth-workers"}


@pytest.fixture(scope="module")
def drawn():
    """Two vehicles on three frames, with sides that every format can write to the last digit."""
    boxes = pd.DataFrame(
        {
            "sequence": "street", "frame": [0, 0, 1, 1, 2, 2], "track": ["1", "2"] * 3,
            "label": ["car", "truck"] * 3, "annotator": "consolidated",
            "left": [10.0, 200, 12, 202, 14, 204], "top": 20.0, "width": 32.0, "height": 40.0,
        }
    )  # fmt: skip
    frames = pd.DataFrame(
        {"sequence": "street", "frame": range(3), "image": [f"{n:06d}.jpg" for n in range(1, 4)]}
    ).assign(image_width=SIZE[0], image_height=SIZE[1], time=[0, 0.04, 0.08])
    return Labels(boxes, frames)


def load(path, name):
    return aa.load(path, format=name, **OPTIONS.get(name, {}))


def with_sizes(labels):
    """Sizes of images, which not every format tells, as a person would fill them in."""
    frames = labels.frames.assign(image_width=SIZE[0], image_height=SIZE[1])
    return Labels(labels.boxes, frames, labels.problems)


def placed(labels, by):
    found = labels.boxes[by].sort_values(by[1:], ignore_index=True)
    return found.drop(columns="sequence").astype({"label": object})


@pytest.fixture(scope="module")
def loaded(drawn, tmp_path_factory):
    """The labels as the reader of a format gives them, with tracks or without."""

    @cache
    def load_once(name, tracked):
        labels = drawn if tracked else Labels(drawn.boxes.assign(track=None), drawn.frames)
        path = tmp_path_factory.mktemp(name) / WRITABLE[name][0]
        return labels, with_sizes(load(aa.save(labels, path, format=name), name))

    return load_once


@pytest.mark.parametrize("target", WRITABLE)
@pytest.mark.parametrize("source", WRITABLE)
def test_boxes_come_through(loaded, tmp_path, source, target):
    (file, tracked, exact), (other, also_tracked, also_exact) = WRITABLE[source], WRITABLE[target]
    tracked = tracked and also_tracked
    labels, first = loaded(source, tracked)
    second = load(aa.save(first, tmp_path / "b" / other, format=target), target)
    again = load(aa.save(with_sizes(second), tmp_path / "c" / file, format=source), source)
    # Tracks of Label Studio are called by the ids of its regions.
    by = [*PLACE, "track"] if tracked and "label-studio" not in (source, target) else PLACE
    for found in (first, second, again):
        pd.testing.assert_frame_equal(
            placed(found, by),
            placed(labels, by),
            atol=exact + also_exact or 1e-9,
            rtol=0,
            check_dtype=False,
        )
        assert found.problems.empty


def test_every_format_is_converted_or_has_a_reason_not_to_be():
    assert WRITABLE.keys() | ONLY_THEIR_OWN == FORMATS.keys()


@pytest.mark.parametrize(
    "target", [name for name in WRITABLE if name not in ("yolo", "label-studio")]
)
def test_the_bundled_labels_are_converted(tmp_path, target):
    """The labels of Ground Truth to every format, and read back by what recognises them."""
    station = aa.datasets.station()
    file, tracked, exact = WRITABLE[target]
    boxes = station.boxes if tracked else station.boxes.assign(track=None)
    boxes = boxes.assign(label="car") if target in ("visdrone", "uavdt") else boxes
    saved = aa.save(Labels(boxes, station.frames), tmp_path / file, format=target)
    told = target if target in ("visdrone", "uavdt") else None  # what they need is unknown
    back = aa.load(Path(saved), format=told)
    assert back.problems.empty, "also no names of images that lead to folders of this machine"
    columns = ["frame", *SIDES]
    pd.testing.assert_frame_equal(
        back.boxes[columns].sort_values(columns, ignore_index=True),
        boxes[columns].sort_values(columns, ignore_index=True),
        atol=exact or 1e-9,
        rtol=0,
    )
