import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import annotaudit as aa
from annotaudit.errors import LabelFormatError
from annotaudit.formats.coco.format import load, save


def box(number=1, image=7, bbox=(11, 13, 60, 100), category=18, **others):
    usual = len(bbox) == 4 and all(type(side) in (int, float) for side in bbox)
    area = bbox[2] * bbox[3] if usual else 0
    return {
        "id": number, "image_id": image, "category_id": category, "bbox": list(bbox),
        "area": area, "iscrowd": 0,
    } | others  # fmt: skip


def coco(*boxes, images=((7, "a.jpg"), (9, "b.jpg")), **others):
    return {
        "info": {"year": 2020},
        "images": [
            {"id": key, "file_name": name, "width": 500, "height": 400} for key, name in images
        ],
        "categories": [{"id": 18, "name": "dog", "supercategory": "pet"}, {"id": 3, "name": "cat"}],
        "annotations": list(boxes),
    } | others


def video(*boxes, first=0):
    images = [
        {"id": n + 1, "file_name": f"{n}.jpg", "video_id": 5, "frame_id": first + 2 * n}
        for n in range(3)
    ]
    return coco(*boxes, images=()) | {
        "images": images,
        "videos": [{"id": 5, "name": "street", "fps": 10, "note": "x"}],
    }


@pytest.fixture
def write(tmp_path):
    def write(content, name="pets.json"):
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


def content(path):
    return json.loads(path.read_text(encoding="utf-8"))


def test_boxes_classes_and_images_without_boxes(write):
    labels = aa.load(write(coco(box(), box(2, category=3, bbox=[1.5, 2, 3, 4]))))
    assert labels.boxes["left"].tolist() == [11, 1.5]
    assert labels.boxes["label"].tolist() == ["dog", "cat"]
    assert labels.boxes["class_id"].tolist() == ["18", "3"]
    assert labels.boxes["sequence"].tolist() == ["pets"] * 2
    assert labels.boxes["annotator"].tolist() == ["consolidated"] * 2
    assert labels.boxes["track"].isna().all()
    assert labels.frames["image"].tolist() == ["a.jpg", "b.jpg"]
    assert labels.frames["image_width"].tolist() == [500, 500]
    assert labels.problems.empty


def test_videos_are_sequences_and_frame_ids_are_frames(write, tmp_path):
    path = write(video(box(1, 1, track_id=4), box(2, 3, track_id=4), first=1))
    labels = aa.load(path)
    assert labels.boxes["frame"].tolist() == [0, 4], "frame ids from 1, every second frame"
    assert labels.boxes["track"].tolist() == ["4", "4"]
    assert labels.frames["frame"].tolist() == [0, 2, 4]
    assert labels.frames["sequence"].unique().tolist() == ["street"]
    assert labels.frames["time"].tolist() == [0, 0.2, 0.4]
    assert content(save(labels, tmp_path / "again.json")) == content(path)


def test_a_track_may_stand_in_the_attributes(write, tmp_path):
    flags = {"keyframe": True, "occluded": False, "track_id": 4, "colour": "red"}
    path = write(coco(box(attributes=flags), box(2, attributes=flags | {"keyframe": False})))
    labels = load(path)
    assert labels.boxes["track"].tolist() == ["4", "4"]
    assert labels.boxes["keyframe"].tolist() == [True, False]
    assert labels.boxes["occluded"].tolist() == [False, False]
    assert labels.boxes["attribute.colour"].tolist() == ["red", "red"]
    assert content(save(labels, tmp_path / "again.json")) == content(path)


def test_annotators_scores_crowds_and_masks_survive(write, tmp_path):
    path = write(
        coco(
            box(annotator="ann", score=0.5),
            box(2, iscrowd=1, area=17.5, segmentation=[[1, 2, 3, 4, 5, 6]], mine={"a": None}),
        )
    )
    labels = load(path)
    assert labels.boxes["annotator"].tolist() == ["ann", "consolidated"]
    assert labels.boxes["iscrowd"].tolist() == [False, True]
    assert labels.boxes["score"].iloc[0] == 0.5
    assert labels.boxes["mask_area"].iloc[1] == 17.5
    assert content(save(labels, tmp_path / "again.json")) == content(path)


def test_area_and_crowd_are_written_where_they_lacked(write, tmp_path):
    bare = {"id": 1, "image_id": 7, "category_id": 18, "bbox": [1, 2, 3, 4]}
    saved = content(save(load(write(coco(bare))), tmp_path / "again.json"))
    assert saved["annotations"] == [bare | {"area": 12, "iscrowd": 0}]


def test_the_area_follows_a_corrected_box(write, tmp_path):
    labels = load(write(coco(box())))
    wider = aa.Labels(labels.boxes.assign(width=70.0), labels.frames)
    entry = content(save(wider, tmp_path / "again.json"))["annotations"][0]
    assert entry["bbox"] == [11, 13, 70, 100]
    assert entry["area"] == 7000


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (box(image=8), "image_id 8 is not among the images"),
        (box(image=[8]), "not among the images"),
        (box(bbox=[1, 2, 3]), "four numbers"),
        (box(bbox=[1, 2, "3", 4]), "bbox holds '3'"),
        (box(bbox=[1, 2, True, 4]), "bbox holds True"),
        ({"image_id": 7, "segmentation": []}, "bbox is None"),
        (3, "expected an object"),
    ],
)
def test_what_is_no_box_is_a_problem_with_its_place(write, entry, says):
    path = write(coco(box(), entry, box(2)))
    labels = load(path)
    assert len(labels.boxes) == 2
    assert labels.problems["where"].tolist() == ["annotation 1"]
    assert says in labels.problems["what"].iloc[0]
    with pytest.raises(LabelFormatError, match="annotation 1"):
        load(path, strict=True)


def test_what_is_no_box_is_written_back(write, tmp_path):
    polygon = {"id": 5, "image_id": 9, "category_id": 3, "segmentation": [[1, 2, 3, 4, 5, 6]]}
    turned = box(6, bbox=[1, 2, 3, 4, 45.0])
    path = write(coco(box(), polygon, box(2), turned))
    labels = aa.load(path)
    saved = content(save(labels, tmp_path / "again.json"))
    assert sorted(saved["annotations"], key=lambda each: each["id"]) == sorted(
        content(path)["annotations"], key=lambda each: each["id"]
    )
    new = labels.boxes.assign(annotation_id=["5", "6"])
    saved = content(save(aa.Labels(new, labels.frames), tmp_path / "again.json"))["annotations"]
    assert [each["id"] for each in saved] == [5, 6, 7, 8], "no id twice"
    fewer = aa.Labels(labels.boxes.iloc[:0], labels.frames.iloc[:1])
    saved = content(save(fewer, tmp_path / "again.json"))
    assert [each["id"] for each in saved["annotations"]] == [6], "the other's image is gone"


RESULTS = '[{"image_id": 7, "category_id": 18, "bbox": [1, 2, 3, 4], "score": 0.5}]'
YOUTUBE = (
    '{"videos": [{"id": 1, "file_names": ["a/0.jpg"]}], '
    '"annotations": [{"id": 1, "video_id": 1, "bboxes": [[1, 2, 3, 4]]}]}'
)


@pytest.mark.parametrize(
    ("text", "says"), [(RESULTS, "as COCO results are"), (YOUTUBE, "YouTube-VIS")]
)
def test_relatives_are_recognised_and_refused_with_what_to_do(write, text, says):
    with pytest.raises(LabelFormatError, match=says):
        aa.load(write(text))


def test_an_unknown_side_is_kept_as_unknown(write):
    labels = load(
        write(json.dumps(coco(box(bbox=[1, None, 3, 4]), box(2))).replace(" 60,", " NaN,"))
    )
    assert np.isnan(labels.boxes["top"].iloc[0])
    assert np.isnan(labels.boxes["width"].iloc[1])
    assert labels.problems.empty


def test_an_unknown_category_costs_the_label_only(write):
    labels = load(write(coco(box(category=99), box(2, category=99))))
    assert labels.boxes["label"].isna().all()
    assert labels.problems["where"].tolist() == ["category '99'"]


def test_a_key_that_stands_twice_is_a_problem(write):
    text = json.dumps(coco(box())).replace('"iscrowd": 0', '"iscrowd": 0, "iscrowd": 0')
    assert "'iscrowd' twice" in load(write(text)).problems["what"].iloc[0]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[]", "as COCO results are"),
        ('{"videos": [{"id": 1}], "annotations": []}', "YouTube-VIS"),
        ('{"images": 3}', "without a list of images"),
        ('{"images": [', "line 1"),
        ("3", "without a list of images"),
    ],
)
def test_other_files_are_refused(write, text, says):
    with pytest.raises(LabelFormatError, match=says):
        load(write(text))


def test_a_changed_label_gets_its_category(write, tmp_path):
    labels = load(write(coco(box(), box(2))))
    changed = aa.Labels(labels.boxes.assign(label=["cat", "cow"]), labels.frames)
    saved = content(save(changed, tmp_path / "again.json"))
    assert [each["category_id"] for each in saved["annotations"]] == [3, 19]
    assert saved["categories"][-1] == {"id": 19, "name": "cow"}


def test_tracks_from_elsewhere_become_videos(tmp_path):
    boxes = pd.DataFrame(
        {"sequence": ["a", "b"], "frame": [0, 3], "track": ["car:1", "7"], "label": "car",
         "annotator": "x", "left": 1.0, "top": 2.0, "width": 3.0, "height": np.nan}
    )  # fmt: skip
    frames = pd.DataFrame(
        {"sequence": ["a", "b", "b"], "frame": [0, 1, 3], "image": ["0.jpg", None, "3.jpg"],
         "time": [0, 0.1, 0.3]}
    )  # fmt: skip
    path = save(aa.Labels(boxes, frames), tmp_path / "tracks.json")
    assert content(path)["videos"] == [{"id": 1, "name": "a"}, {"id": 2, "name": "b", "fps": 10}]
    again = load(path)
    same = ["sequence", "frame", "track", "label", "annotator", "left", "height"]
    pd.testing.assert_frame_equal(again.boxes[same], aa.check_boxes(boxes)[same], check_dtype=False)
    assert again.frames["frame"].tolist() == [0, 1, 3]
    with pytest.raises(LabelFormatError, match="infinite"):
        save(aa.Labels(boxes.assign(left=np.inf), frames), path)


def test_joined_files_keep_their_images_apart(write, tmp_path):
    write(coco(box()), "one.json")
    other = coco(box(), images=((7, "c.jpg"),), categories=[{"id": 18, "name": "cow"}])
    write(other, "two.json")
    labels = aa.load(str(tmp_path / "*.json"))
    again = load(save(labels, tmp_path / "both.coco"))
    image_of = again.frames.set_index(["sequence", "frame"])["image"]
    where = pd.MultiIndex.from_frame(again.boxes[["sequence", "frame"]])
    assert image_of.loc[where].tolist() == ["a.jpg", "c.jpg"]
    assert again.boxes["label"].tolist() == ["dog", "cow"]


names = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=6)
scalars = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | names
free_names = names.map(lambda name: "x" + name)
unknown = st.dictionaries(free_names, scalars | st.lists(scalars, max_size=2), max_size=2)
number = st.integers(-(10**6), 10**6) | st.floats(-1e6, 1e6)
optional = st.fixed_dictionaries(
    {},
    optional={
        "track_id": scalars, "annotator": scalars, "score": scalars, "segmentation": scalars,
        "attributes": scalars | st.dictionaries(names, scalars, max_size=3),
        "area": scalars | number, "iscrowd": scalars,
    },
)  # fmt: skip
a_box = st.builds(
    lambda bbox, rest, more, image, category: rest | box(0, image, bbox, category) | more,
    st.lists(number, min_size=4, max_size=4), unknown, optional,
    st.sampled_from([7, 9]), st.sampled_from([18, 3, 99]) | scalars,
)  # fmt: skip


@given(st.lists(a_box, max_size=4), unknown)
@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
def test_law_whatever_is_loaded_is_saved(tmp_path_factory, boxes, rest):
    path = tmp_path_factory.mktemp("law") / "pets.json"
    for place, entry in enumerate(boxes):
        entry["id"] = 10 * place
    given_file = rest | coco(*boxes)
    path.write_text(json.dumps(given_file), encoding="utf-8")
    labels = load(path)
    assert len(labels.boxes) == len(boxes)
    assert content(save(labels, path)) == given_file


HOSTILE = [
    None, True, -1, 10**400, 2**63, 1.5, "", "x", "../../etc/passwd", "\0", "9" * 400, [], {}, [[]],
    float("nan"), float("inf"), "$\\frac{1$", "=cmd()", "\udcff", 1e300,
]  # fmt: skip


def places(value, path=()):
    yield path
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inside in items:
            yield from places(inside, (*path, key))


def replaced(value, path, new):
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


@pytest.mark.fuzz
@given(st.data())
@settings(deadline=None, max_examples=80, suppress_health_check=list(HealthCheck))
def test_broken_input_gives_labels_or_says_what_is_wrong(tmp_path_factory, data):
    value = video(box(1, 1, track_id=4, attributes={"a": 1}), box(2, 2, segmentation=[]))
    for _ in range(data.draw(st.integers(0, 3))):
        path = data.draw(st.sampled_from(list(places(value))))
        value = replaced(value, path, data.draw(st.sampled_from(HOSTILE)))
    text = json.dumps(value).encode()
    if data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(text)))
        text = text[:at] + data.draw(st.binary(max_size=3)) + text[at + 2 :]
    path = tmp_path_factory.mktemp("fuzz") / "labels.json"
    path.write_bytes(text)
    try:
        labels = load(path)
    except LabelFormatError as error:
        assert len(str(error)) > 20
        return
    assert labels.problems.notna().all(axis=None)
    assert not labels.frames.duplicated(["sequence", "frame"]).any()
    again = load(save(labels, path.with_name("saved.json")))
    assert len(again.boxes) == len(labels.boxes)
