"""What other tools read from the files we write, and who is right where they differ.

supervision and pycocotools come with the ``test`` extra. datumaro 1.13 needs pandas below 3, and
the converter of label-studio-sdk 2.1 brings 60 packages (OpenCV and a language toolkit among
them), so neither does; their tests run where they are installed (``pip install datumaro``,
``pip install label-studio-sdk``) and were last run by hand with these versions, all passing.
"""

import json
import math
import re
import warnings

import pandas as pd
import pytest
from PIL import Image

import annotaudit as aa

NO_DATUMARO = "datumaro needs pandas below 3, in an environment of its own"
NO_CONVERTER = "label-studio-sdk brings 60 packages"
NAMES = ("a", "b", "c")
SIDES = ["left", "top", "width", "height"]
CAT, DOG, HALF = [10, 20, 30, 40], [1.5, 2.25, 4, 5.5], [20, 3, 50.5, 60]
EXPECTED = {"a": {("cat", *CAT), ("dog", *DOG)}, "b": set(), "c": {("dog", *HALF)}}

# Without OpenCV supervision says on import that it falls back on numpy, which is what we want.
without_opencv = pytest.mark.filterwarnings("ignore:OpenCV")


@pytest.fixture
def labels():
    boxes = pd.DataFrame(
        {"sequence": "all", "frame": [0, 0, 2], "track": None, "label": ["cat", "dog", "dog"],
         "annotator": "consolidated"}
    )  # fmt: skip
    boxes[SIDES] = [CAT, DOG, HALF]
    frames = pd.DataFrame(
        {"sequence": "all", "frame": range(3), "image": [f"{name}.png" for name in NAMES],
         "image_width": 200.0, "image_height": 100.0}
    )  # fmt: skip
    return aa.Labels(boxes, frames)


def draw_images(folder, names=NAMES, ending="png"):
    """The images that some tools want to see."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        Image.new("RGB", (200, 100)).save(folder / f"{name}.{ending}", format="PNG")
    return folder


def found_by_supervision(dataset):
    return {
        re.split(r"[/.]", path)[-2]: {
            (dataset.classes[kind], *map(float, [x, y, right - x, bottom - y]))
            for (x, y, right, bottom), kind in zip(
                detections.xyxy.round(4).tolist(), detections.class_id.tolist(), strict=True
            )
        }
        for path, _, detections in dataset
    }


@without_opencv
def test_supervision_reads_our_coco(labels, tmp_path):
    supervision = pytest.importorskip("supervision")
    path = aa.save(labels, tmp_path / "coco.json", format="coco")
    images = draw_images(tmp_path / "images")
    theirs = supervision.DetectionDataset.from_coco(str(images), str(path))
    assert found_by_supervision(theirs) == EXPECTED


@without_opencv
def test_supervision_reads_our_yolo(labels, tmp_path):
    supervision = pytest.importorskip("supervision")
    root = aa.save(labels, tmp_path / "yolo", format="yolo")
    images = draw_images(root / "images/all")
    theirs = supervision.DetectionDataset.from_yolo(
        str(images), str(root / "labels/all"), str(root / "data.yaml")
    )
    assert found_by_supervision(theirs) == EXPECTED


@without_opencv
def test_supervision_reads_our_voc(labels, tmp_path):
    """It counts from 1 and takes the last pixel for one inside, as the VOC devkit does."""
    supervision = pytest.importorskip("supervision")
    folder = aa.save(labels, tmp_path / "voc", format="voc")
    images = draw_images(tmp_path / "images")
    theirs = supervision.DetectionDataset.from_pascal_voc(str(images), str(folder))
    assert found_by_supervision(theirs) == EXPECTED


@without_opencv
@pytest.mark.parametrize("format", ["coco", "yolo", "voc"])
def test_we_read_what_supervision_writes(labels, tmp_path, format):
    """For VOC it rounds every corner to a whole pixel, halves to even; nothing else moves."""
    supervision = pytest.importorskip("supervision")
    path = aa.save(labels, tmp_path / "coco.json", format="coco")
    images = draw_images(tmp_path / "images")
    theirs = supervision.DetectionDataset.from_coco(str(images), str(path))
    folder = tmp_path / "theirs"
    if format == "coco":
        theirs.as_coco(annotations_path=str(folder / "coco.json"))
        read = aa.load(folder / "coco.json")
    elif format == "voc":
        theirs.as_pascal_voc(annotations_directory_path=str(folder))
        read = aa.load(folder)
    else:
        theirs.as_yolo(
            images_directory_path=str(folder / "images"),
            annotations_directory_path=str(folder / "labels"),
            data_yaml_path=str(folder / "data.yaml"),
        )
        (folder / "data.yaml").write_text("train: images\nnames: [cat, dog]\n")
        read = aa.load(folder)
    image = read.frames.set_index("frame")["image"].str.extract(r"(\w)\.png$")[0]
    boxes = read.boxes.assign(image=read.boxes["frame"].map(image)).round(3)
    found = {name: set() for name in NAMES}
    for name, label, *sides in boxes[["image", "label", *SIDES]].itertuples(index=False):
        found[name].add((label, *sides))
    if format == "voc":
        assert found == {
            "a": {("cat", *CAT), ("dog", 1, 2, 5, 6)},
            "b": set(),
            "c": {("dog", 20, 3, 50, 60)},
        }
    else:
        assert found == EXPECTED


def test_pycocotools_reads_our_coco(labels, tmp_path, capsys):
    pytest.importorskip("pycocotools")
    from pycocotools.coco import COCO

    theirs = COCO(str(aa.save(labels, tmp_path / "coco.json", format="coco")))
    found = {re.sub(r"\.png$", "", each["file_name"]): set() for each in theirs.imgs.values()}
    for entry in theirs.anns.values():
        name = theirs.imgs[entry["image_id"]]["file_name"][0]
        found[name].add((theirs.cats[entry["category_id"]]["name"], *entry["bbox"]))
    assert found == EXPECTED


def test_pycocotools_scores_what_we_write_as_perfect(labels, tmp_path, capsys):
    """Its evaluation wants an id, an area and iscrowd of each box, and takes ours."""
    pytest.importorskip("pycocotools")
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truth = COCO(str(aa.save(labels, tmp_path / "coco.json", format="coco")))
    guesses = [
        {key: entry[key] for key in ("image_id", "category_id", "bbox")} | {"score": 0.9}
        for entry in truth.anns.values()
    ]
    evaluation = COCOeval(truth, truth.loadRes(guesses), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    assert evaluation.stats[0] == pytest.approx(1)


def datumaro_items(path, kind):
    datumaro = pytest.importorskip("datumaro", reason=NO_DATUMARO)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = datumaro.Dataset.import_from(str(path), kind)
        names = [each.name for each in dataset.categories()[datumaro.AnnotationType.label]]
        return {
            item.id: {(names[each.label], *each.get_bbox()) for each in item.annotations}
            for item in dataset
        }


def rounded(found):
    return {
        name: {(label, *(round(side, 4) for side in sides)) for label, *sides in boxes}
        for name, boxes in found.items()
    }


def test_datumaro_reads_our_coco(labels, tmp_path):
    aa.save(labels, tmp_path / "annotations/instances_all.json", format="coco")
    draw_images(tmp_path / "images")
    assert rounded(datumaro_items(tmp_path, "coco_instances")) == EXPECTED


def test_datumaro_reads_our_yolo(labels, tmp_path):
    root = aa.save(labels, tmp_path / "yolo", format="yolo")
    draw_images(root / "images/all")
    assert rounded(datumaro_items(root, "yolo")) == EXPECTED


def test_datumaro_takes_voc_for_corners_counted_from_zero(labels, tmp_path):
    """We are right: VOC's devkit says that corners are pixels inside, counted from 1.

    datumaro subtracts nothing and takes the last pixel for the edge after it, so each of its boxes
    lies one pixel to the lower right and is one pixel smaller. A box of a single pixel, (1, 1) to
    (1, 1), has no area for it.
    """
    aa.save(labels, tmp_path / "Annotations", format="voc")
    draw_images(tmp_path / "JPEGImages")
    (tmp_path / "ImageSets/Main").mkdir(parents=True)
    (tmp_path / "ImageSets/Main/all.txt").write_text("a\nb\nc\n")
    found = rounded(datumaro_items(tmp_path, "voc_detection"))
    theirs = {
        name: {(label, x + 1, y + 1, w - 1, h - 1) for label, x, y, w, h in boxes}
        for name, boxes in EXPECTED.items()
    }
    assert found == theirs


def test_datumaro_reads_our_images_of_cvat(labels, tmp_path):
    path = aa.save(labels, tmp_path / "annotations.xml", format="cvat")
    draw_images(tmp_path / "images")
    assert rounded(datumaro_items(path, "cvat")) == EXPECTED


@pytest.fixture
def video():
    """Five boxes of one object, with a gap after the fourth."""
    boxes = pd.DataFrame(
        {"sequence": "all", "frame": [0, 1, 2, 3, 5], "track": "1", "label": "car",
         "annotator": "consolidated", "left": [10.0, 11, 12, 13, 30], "top": 5.0, "width": 30.0,
         "height": 40.0, "keyframe": [True, False, False, True, True]}
    )  # fmt: skip
    frames = pd.DataFrame(
        {"sequence": "all", "frame": range(8), "image_width": 200.0, "image_height": 100.0}
    )
    return aa.Labels(boxes, frames)


def test_datumaro_reads_our_video_of_cvat(video, tmp_path):
    """Boxes that are "outside" are boxes for it, with an attribute; for us they are none.

    We are right: CVAT does not show them. It also leaves the boxes between keyframes out where a
    file does, so that we give it all of them.
    """
    datumaro = pytest.importorskip("datumaro", reason=NO_DATUMARO)
    path = aa.save(video, tmp_path / "annotations.xml", format="cvat")
    draw_images(tmp_path / "images", [f"frame_{n:06d}" for n in range(8)], "PNG")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = datumaro.Dataset.import_from(str(path), "cvat")
        entries = [
            (item.attributes["frame"], each) for item in dataset for each in item.annotations
        ]
    shown = sorted(
        (frame, *each.get_bbox(), each.attributes["keyframe"])
        for frame, each in entries
        if not each.attributes["outside"]
    )
    ours = video.boxes[["frame", *SIDES, "keyframe"]].to_numpy(dtype=object).tolist()
    assert [list(row) for row in shown] == ours
    assert sorted(frame for frame, each in entries if each.attributes["outside"]) == [4, 6]


@pytest.fixture
def label_studio(labels, tmp_path):
    """An export, and the converter of Label Studio's own kit for it."""
    converter = pytest.importorskip("label_studio_sdk.converter", reason=NO_CONVERTER)
    draw_images(tmp_path)
    path = aa.save(labels, tmp_path / "tasks.json", format="label-studio")
    tasks = json.loads(path.read_text())
    for number, task in enumerate(tasks, start=1):
        task["id"] = task["annotations"][0]["id"] = number  # which the server gives on import
        task["annotations"][0]["completed_by"] = 7
    path.write_text(json.dumps(tasks))
    config = (
        '<View><Image name="image" value="$image"/><RectangleLabels name="label" toName="image">'
        '<Label value="cat"/><Label value="dog"/></RectangleLabels></View>'
    )
    return path, converter.Converter(config, str(tmp_path), download_resources=False)


def test_label_studio_converts_our_tasks_to_coco(label_studio, tmp_path):
    """It names images anew; boxes are ours to the fourth decimal."""
    path, converter = label_studio
    converter.convert_to_coco(str(path), str(tmp_path / "coco"), is_dir=False)
    theirs, ours = aa.load(tmp_path / "coco/result.json").boxes, aa.load(path).boxes
    assert theirs[SIDES].round(4).to_numpy().tolist() == [CAT, DOG, HALF]
    assert ours[SIDES].round(9).to_numpy().tolist() == [CAT, DOG, HALF]
    assert theirs["label"].tolist() == ours["label"].tolist()


def test_label_studio_cuts_the_decimals_off_for_voc(label_studio, tmp_path):
    """We are right: it writes the corners of the box counted from 0, without their decimals.

    Read as VOC says, each box lies up to two pixels to the upper left, and its far corner is one
    pixel too far where the corner was whole. ``first_pixel=0`` comes as near as such files allow.
    """
    path, converter = label_studio
    converter.convert_to_voc(
        str(path),
        str(tmp_path / "voc"),
        is_dir=False,
        output_image_dir=str(tmp_path / "voc/images"),
    )
    theirs = aa.load(tmp_path / "voc/Annotations", first_pixel=0).boxes
    cut = [
        [math.floor(x), math.floor(y), math.floor(x + w) - math.floor(x) + 1,
         math.floor(y + h) - math.floor(y) + 1]
        for x, y, w, h in (CAT, DOG, HALF)
    ]  # fmt: skip
    assert sorted(theirs[SIDES].to_numpy().tolist()) == sorted(cut)


def test_label_studio_converts_our_tasks_to_yolo(label_studio, tmp_path):
    path, converter = label_studio
    folder = tmp_path / "yolo"
    converter.convert_to_yolo(str(path), str(folder), is_dir=False)
    (folder / "classes.txt").rename(folder / "labels/classes.txt")  # it stands one folder up
    theirs = aa.load(folder / "labels", format="yolo", image_size=(200, 100)).boxes
    assert sorted(theirs[SIDES].round(4).to_numpy().tolist()) == sorted([CAT, DOG, HALF])
