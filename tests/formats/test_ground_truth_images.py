import json

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import annotaudit as aa
from annotaudit.errors import LabelFormatError
from annotaudit.formats.ground_truth.images import load, save


def box(left=1, class_id=0, **others):
    return {"class_id": class_id, "left": left, "top": 2, "width": 3, "height": 4} | others


def line(*boxes, image="7.jpg", attribute="boxes", confidence=0.8, **metadata):
    return {
        "source-ref": f"s3://b/img/{image}",
        attribute: {
            "image_size": [{"width": 500, "height": 400, "depth": 3}],
            "annotations": list(boxes),
        },
        f"{attribute}-metadata": {
            "objects": [{"confidence": confidence} for _ in boxes],
            "class-map": {"0": "dog", "1": "cat"},
            "type": "groundtruth/object-detection",
            "job-name": "labeling-job/pets",
        }
        | metadata,
    }


@pytest.fixture
def write(tmp_path):
    def write(*lines, name="images.manifest"):
        path = tmp_path / name
        path.write_text("\n".join(map(json.dumps, lines)) + "\n", encoding="utf-8")
        return path

    return write


def rows(path):
    return [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines()]


def test_boxes_labels_scores_and_sizes(write):
    labels = aa.load(write(line(box(), box(left=9, class_id=1)), line(image="8.jpg")))
    assert labels.boxes["left"].tolist() == [1, 9]
    assert labels.boxes["label"].tolist() == ["dog", "cat"]
    assert labels.boxes["score"].tolist() == [0.8, 0.8]
    assert labels.boxes["annotator"].tolist() == ["consolidated"] * 2
    assert labels.boxes["track"].isna().all()
    assert labels.boxes["sequence"].tolist() == ["images"] * 2
    assert labels.frames["frame"].tolist() == [0, 1], "an image without boxes was looked at"
    assert labels.frames["image"].tolist() == ["s3://b/img/7.jpg", "s3://b/img/8.jpg"]
    assert labels.frames[["image_width", "image_height"]].iloc[0].tolist() == [500, 400]
    assert labels.problems.empty


def test_a_line_without_labels_is_an_image_nobody_looked_at(write, tmp_path):
    path = write({"source-ref": "s3://b/0.jpg", "note": 1}, line(box()), {"source-ref": "s3://b/2"})
    labels = load(path)
    assert labels.frames["frame"].tolist() == [1]
    assert labels.problems.empty
    assert rows(save(labels, tmp_path / "again.manifest")) == rows(path)


def test_a_failed_line_is_a_problem(write):
    failed = {"source-ref": "s3://b/0.jpg", "boxes-metadata": {"failure-reason": "too large"}}
    labels = load(write(failed, line(box())))
    assert labels.problems["where"].tolist() == ["line 1, boxes-metadata"]


def test_several_label_attributes_are_all_read(write, tmp_path):
    path = write(line(box()) | line(box(left=5), attribute="more"))
    labels = load(path)
    assert labels.boxes["left"].tolist() == [1, 5]
    assert labels.boxes["label_attribute"].tolist() == ["boxes", "more"]
    assert load(path, attribute="more").boxes["left"].tolist() == [5]
    assert rows(save(labels, tmp_path / "again.manifest")) == rows(path)


def test_adjusted_labels_take_the_place_of_the_first(write, tmp_path):
    adjusted = line(box(left=5), attribute="again", **{"adjustment-status": "adjusted"})
    third = line(box(left=6), attribute="third", **{"adjustment-status": "unadjusted"})
    path = write(line(box()) | adjusted | third)
    labels = load(path)
    assert labels.boxes["left"].tolist() == [6]
    assert load(path, attribute="boxes").boxes["left"].tolist() == [1]
    assert rows(save(labels, tmp_path / "again.manifest")) == rows(path)


def test_verification_is_a_column_of_frames(write):
    verification = {
        "check": "1",
        "check-metadata": {
            "class-name": "bad", "type": "groundtruth/label-verification",
            "worker-feedback": [{"comment": "too wide"}, {"comment": "low"}, 3],
        },
    }  # fmt: skip
    labels = load(write(line(box()) | verification, line(box(), image="8.jpg")))
    assert labels.frames["verification.check"].fillna("-").tolist() == ["bad", "-"]
    assert labels.frames["verification.check.comment"].iloc[0] == "too wide\nlow"


def test_objects_pair_with_boxes_by_place(write):
    one = line(box(), box(left="x"), box(left=3))
    one["boxes-metadata"]["objects"] = [{"confidence": 0.1}, {"confidence": 0.2}, {"other": True}]
    labels = load(write(one))
    assert labels.boxes["score"].iloc[0] == 0.1
    assert labels.boxes["score"].isna().tolist() == [False, True]
    assert labels.problems["where"].tolist() == ["image 0, boxes, box 1"]


def test_objects_that_belong_to_no_box_are_a_problem(write):
    one = line(box())
    one["boxes-metadata"]["objects"] *= 3
    assert load(write(one)).problems["where"].tolist() == [
        "line 1, boxes, object 1", "line 1, boxes, object 2",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text", ["not json", "[1]", "3", '{"a":', '{"source-ref": "s3://b/x", "a": 1, "a": 2}']
)
def test_a_bad_line_never_costs_the_rest(write, text):
    path = write(line(box()))
    path.write_text(text + "\n" + path.read_text())
    labels = load(path)
    assert len(labels.boxes) == 1
    assert labels.boxes["frame"].tolist() == [1]
    assert labels.problems["where"].tolist() == ["line 1"]
    with pytest.raises(LabelFormatError, match="line 1"):
        load(path, strict=True)


@pytest.mark.parametrize("label", [None, 3, [[]], {}, {"annotations": None}, {"annotations": {}}])
def test_a_label_that_is_no_list_of_boxes_is_a_problem(write, label):
    labels = load(write(line(box()), line(image="8.jpg") | {"boxes": label}))
    assert labels.problems["where"].tolist() == ["line 2, boxes"]
    assert labels.frames["frame"].tolist() == [0]


def test_a_manifest_without_labels_is_refused(write):
    with pytest.raises(LabelFormatError, match="an input manifest has no labels"):
        load(write({"source-ref": "s3://b/0.jpg"}))


def test_a_changed_label_gets_its_class(write, tmp_path):
    labels = load(write(line(box(), box(left=2))))
    changed = aa.Labels(labels.boxes.assign(label=["cat", "cow"]), labels.frames)
    saved = rows(save(changed, tmp_path / "again.manifest"))[0]
    assert [each["class_id"] for each in saved["boxes"]["annotations"]] == [1, 2]
    assert saved["boxes-metadata"]["class-map"] == {"0": "dog", "1": "cat", "2": "cow"}


def test_boxes_from_elsewhere_can_be_saved(tmp_path):
    boxes = pd.DataFrame(
        {"sequence": "pets", "frame": [0, 1], "track": None, "label": ["dog", "cat"],
         "annotator": "x", "left": 1.0, "top": 2.0, "width": 3.0, "height": 4.0}
    )  # fmt: skip
    frames = pd.DataFrame({"sequence": "pets", "frame": [0, 1, 2], "image": ["a", "b", "c"]})
    again = load(save(aa.Labels(boxes, frames), tmp_path / "pets.manifest"))
    assert again.boxes["label"].tolist() == ["dog", "cat"]
    assert again.frames["image"].tolist() == ["a", "b", "c"]
    with pytest.raises(LabelFormatError, match="one annotator"):
        save(aa.Labels(boxes.assign(annotator=["x", "y"]), frames), tmp_path / "two.manifest")


names = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=6)
scalars = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | names
# Only keys that mean nothing here: hypothesis takes some from the source of the package.
free_names = names.map(lambda name: "x" + name)
unknown = st.dictionaries(free_names, scalars | st.lists(scalars, max_size=2), max_size=2)
a_box = st.builds(
    lambda rest, left, kind: rest | box(left, kind), unknown, st.integers(-(10**6), 10**6), scalars
)
a_line = st.builds(
    lambda boxes, objects, rest: (
        rest | line(*[each for each, _ in boxes], objects=[about for _, about in boxes] + objects)
    ),
    st.lists(st.tuples(a_box, unknown | st.just({"confidence": 0.25})), max_size=3),
    st.just([]),
    unknown,
)


@given(st.lists(a_line, min_size=1, max_size=3))
@settings(deadline=None, max_examples=50, suppress_health_check=list(HealthCheck))
def test_law_whatever_is_loaded_is_saved(tmp_path_factory, lines):
    path = tmp_path_factory.mktemp("law") / "images.manifest"
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    labels = load(path)
    assert labels.problems.empty
    assert rows(save(labels, path)) == lines
