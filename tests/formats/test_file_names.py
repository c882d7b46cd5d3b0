"""Which format a file gets by its name, and by where the labels came from."""

from pathlib import Path

import pandas as pd
import pytest

import annotaudit as aa
from annotaudit.boxes import Labels
from annotaudit.errors import LabelFormatError
from annotaudit.formats.file_names import for_format, format_of_name, source_of

SIZE = (640.0, 480.0)


@pytest.fixture(scope="module")
def drawn():
    """Two cars on two frames, as nobody's tool has them."""
    boxes = pd.DataFrame(
        {
            "sequence": "street", "frame": [0, 1], "track": "1", "label": "car",
            "annotator": "consolidated", "left": [10.0, 12], "top": 20.0, "width": 30.0,
            "height": 40.0,
        }
    )  # fmt: skip
    frames = pd.DataFrame(
        {"sequence": "street", "frame": [0, 1], "image": ["0.jpg", "1.jpg"], "time": [0, 0.04]}
    ).assign(image_width=SIZE[0], image_height=SIZE[1])
    return Labels(boxes, frames)


TRACKED = {
    "ground-truth-video": "SeqLabel.json", "coco": "x.json", "label-studio": "x.json",
    "cvat": "x.xml", "cvat-archive": "x.zip", "via": "x.csv", "motchallenge": "x",
    "uavdt": "x.txt", "kitti": "x.txt", "visdrone": "x.txt",
}  # fmt: skip
STILLS = {"ground-truth-images": "x.manifest", "voc": "x", "yolo": "x", "coco": "x.json"}


@pytest.fixture(scope="module")
def loaded(drawn, tmp_path_factory):
    """The same labels as the reader of a format gives them."""

    def load(name):
        folder = tmp_path_factory.mktemp(name)
        labels = drawn
        if name in STILLS:
            labels = Labels(drawn.boxes.assign(track=None), drawn.frames)
        elif name == "uavdt":
            labels = Labels(drawn.boxes.assign(**{"attribute.out_of_view": 1.0}), drawn.frames)
        elif name == "visdrone":
            labels = Labels(drawn.boxes.assign(**{"attribute.truncation": 1.0}), drawn.frames)
        elif name == "kitti":
            labels = Labels(drawn.boxes.assign(alpha=0.5), drawn.frames)
        path = aa.save(labels, folder / (TRACKED | STILLS)[name], format=name)
        options = {"image_size": SIZE} if name == "yolo" else {}
        return aa.load(path, format=name, **options)

    return load


@pytest.mark.parametrize("name", TRACKED | STILLS)
def test_labels_tell_where_they_came_from(loaded, name):
    assert source_of(loaded(name)) == ("cvat" if name == "cvat-archive" else name)


def test_labels_of_mechanical_turk_tell_so():
    stop_sign = aa.datasets.stop_sign()
    assert source_of(stop_sign) == "mturk"
    for name, expected in {
        "x.json": "mturk", "x.jsonl": "mturk", "x.xml": "mturk", "x.csv": "mturk-csv",
        "x.parquet": "parquet", "x.manifest": "ground-truth-images",
    }.items():  # fmt: skip
        assert format_of_name(stop_sign, Path(name)) == expected


@pytest.mark.parametrize(
    ("source", "file", "expected"),
    [
        ("coco", "out.json", "coco"),
        ("label-studio", "out.json", "label-studio"),
        ("ground-truth-video", "out.json", "ground-truth-video"),
        ("coco", "SeqLabel.json", "ground-truth-video"),
        ("coco", "out.parquet", "parquet"),
        ("coco", "out.csv", "csv"),
        ("coco", "out.txt", "motchallenge"),
        ("coco", "out.manifest", "ground-truth-images"),
        ("ground-truth-video", "out.jsonl", "ground-truth-video"),
        ("cvat", "out.xml", "cvat"),
        ("cvat", "out.zip", "cvat-archive"),
        ("voc", "out.xml", "voc"),
        ("voc", "out", "voc"),
        ("yolo", "out", "yolo"),
        ("yolo", "data.yaml", "yolo"),
        ("via", "out.csv", "via"),
        ("kitti", "out.txt", "kitti"),
        ("kitti", "out", "kitti"),
        ("visdrone", "out.txt", "visdrone"),
        ("uavdt", "out", "uavdt"),
        ("motchallenge", "out", "motchallenge"),
        ("motchallenge", "out.xml", "cvat"),
        ("motchallenge", "SEQLABEL.JSON", "ground-truth-video"),
        ("motchallenge", "label_02", "kitti"),
    ],
)
def test_name_and_source_together_tell_the_format(loaded, source, file, expected):
    assert format_of_name(loaded(source), Path(file)) == expected


@pytest.mark.parametrize(
    ("source", "file", "lists"),
    [
        ("motchallenge", "out.json", "coco, ground-truth-video or label-studio"),
        ("kitti", "out.json", "coco, ground-truth-video or label-studio"),
        ("voc", "out.json", "coco, ground-truth-video or label-studio"),
        ("coco", "out.xml", "cvat or voc"),
        ("coco", "out", "motchallenge, kitti, visdrone, uavdt, voc or yolo"),
        ("coco", "out.doc", ".csv, .json, .jsonl, .manifest, .parquet"),
    ],
)
def test_where_neither_tells_the_error_lists_what_to_pass(loaded, tmp_path, source, file, lists):
    with pytest.raises(LabelFormatError, match="format='") as error:
        aa.save(loaded(source), tmp_path / file)
    assert lists in str(error.value)
    assert not list(tmp_path.iterdir())


def test_what_one_format_keeps_of_its_files_is_not_written_into_another(loaded):
    coco = loaded("coco")
    assert {"source_file", "source_entry"} <= set(coco.frames)
    assert for_format(coco, "coco") is coco
    assert for_format(coco, "parquet") is coco
    assert not {"source_file", "source_entry"} & set(for_format(coco, "via").frames)
    nowhere = Labels(coco.boxes, coco.frames.drop(columns="source_entry").assign(source_file="x"))
    assert "source_file" in for_format(nowhere, "via").frames, "whoever wrote it may know why"
    part = Labels(coco.boxes, coco.frames.iloc[1:])
    assert source_of(part) == "coco", "also without the first frame, which holds the most"


def test_images_keep_of_their_path_what_tells_them_apart(drawn):
    def named(*images, format="coco"):
        labels = Labels(drawn.boxes, drawn.frames.assign(image=list(images)))
        return for_format(labels, format).frames["image"].fillna("-").tolist()

    assert named("/home/ann/img1/1.jpg", "/home/ann/img1/2.jpg") == ["1.jpg", "2.jpg"]
    assert named("/home/ann/a/1.jpg", "/home/ann/b/1.jpg") == ["a/1.jpg", "b/1.jpg"]
    assert named("C:\\ann\\1.jpg", None) == ["1.jpg", "-"]
    assert named("/1.jpg", "s3://b/2.jpg") == ["1.jpg", "s3://b/2.jpg"]
    assert named("C:/1.jpg", "/home/2.jpg") == ["C:/1.jpg", "home/2.jpg"]
    assert named(None, None) == ["-", "-"]
    assert named("img1/1.jpg", "2.jpg") == ["img1/1.jpg", "2.jpg"]
    assert named("/x/1.jpg", "/x/2.jpg", format="parquet") == ["/x/1.jpg", "/x/2.jpg"]
