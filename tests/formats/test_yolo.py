import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from PIL import Image

import annotaudit as aa
from annotaudit.errors import LabelFormatError
from annotaudit.formats.yolo.format import load, save

YAML = "train: images/train\nval: images/val\nnames: {0: person, 1: car}  # two\n"


@pytest.fixture
def dataset(tmp_path):
    """Two images to train, 200 by 100, one without boxes, and one to validate."""
    root = tmp_path / "pets"
    for name in ("train/2", "train/10", "val/a"):
        for kind in ("images", "labels"):
            (root / kind / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (200, 100)).save(root / "images" / f"{name}.png")
    (root / "labels/train/2.txt").write_text("1 0.5 0.5 0.1 0.2\n0 0.123456 0.7 0.05 0.1\n")
    (root / "labels/val/a.txt").write_text("0 0.25 0.25 0.5 0.5 0.9\n")
    (root / "data.yaml").write_text(YAML)
    return root


def content(root):
    return {
        path.relative_to(root).as_posix(): path.read_text()
        for path in sorted(root.rglob("*"))
        if path.suffix in (".txt", ".yaml") and path.read_text()
    }


def test_shares_of_the_image_become_pixels(dataset):
    labels = aa.load(dataset)
    assert labels.boxes["sequence"].tolist() == ["train", "train", "val"]
    assert labels.boxes["label"].tolist() == ["car", "person", "person"]
    sides = labels.boxes[list(aa.boxes.SIDES)].to_numpy()
    assert sides[[0, 2]].round(9).tolist() == [[90, 40, 20, 20], [0, 0, 100, 50]]
    assert labels.boxes["score"].tolist()[2] == 0.9
    assert labels.boxes["track"].isna().all()
    assert [path.rpartition("/")[2] for path in labels.frames["image"]] == [
        "2.png", "10.png", "a.png"
    ]  # fmt: skip
    assert labels.frames["frame"].tolist() == [0, 1, 0], "numbers are counted, not spelled"
    assert labels.frames["image_width"].unique().tolist() == [200]
    assert labels.problems.empty


def test_yaml_folder_and_text_files_are_one_data_set(dataset):
    assert len(aa.load(dataset / "data.yaml").boxes) == 3
    assert len(aa.load(dataset.parent).boxes) == 3


def test_everything_is_written_back(dataset, tmp_path):
    saved = save(load(dataset), tmp_path / "again")
    assert content(saved) == content(dataset)


def test_an_image_on_its_side_is_measured_upright(dataset):
    exif = Image.Exif()
    exif[274] = 6
    Image.new("RGB", (200, 100)).save(dataset / "images/val/a.png", exif=exif)
    frames = load(dataset).frames
    assert frames[["image_width", "image_height"]].to_numpy().tolist()[2] == [100, 200]


def test_sizes_can_be_given(dataset):
    for image in dataset.rglob("*.png"):
        image.unlink()
    labels = load(dataset)
    assert labels.boxes.empty
    assert labels.problems["what"].str.contains("give image_size").tolist() == [True, True]
    labels = load(dataset, image_size=(400, 300))
    assert labels.boxes["left"].round(9).tolist()[0] == 180
    assert labels.frames["image"].isna().all()


def test_segments_are_refused_clearly(dataset):
    text = dataset / "labels/val/a.txt"
    text.write_text("0 0.1 0.1 0.2 0.1 0.2 0.2\n")
    labels = load(dataset)
    assert labels.problems["where"].tolist() == ["line 1"]
    assert "7 values, a segment" in labels.problems["what"].iloc[0]
    (dataset / "labels/train/2.txt").unlink()
    with pytest.raises(LabelFormatError, match="Export the boxes instead"):
        load(dataset)


@pytest.mark.parametrize(
    ("line", "says"),
    [("0 0.1 0.2", "3 values"), ("x 0 0 1 1", "class is 'x'"), ("0 a 0 1 1", "expected numbers"),
     ("0 nan 0 1 1", "shares"), ("-1 0 0 1 1", "class is '-1'"), ("1.0 0 0 1 1", "class is")],
)  # fmt: skip
def test_what_is_no_box_is_a_problem_with_its_place(dataset, line, says):
    text = dataset / "labels/val/a.txt"
    text.write_text(f"{text.read_text()}\n{line}\n")
    labels = load(dataset)
    assert len(labels.boxes) == 3
    assert labels.problems[["source", "where"]].to_numpy().tolist() == [[str(text), "line 3"]]
    assert says in labels.problems["what"].iloc[0]
    with pytest.raises(LabelFormatError, match="line 3"):
        load(dataset, strict=True)


def test_a_class_without_a_name_costs_the_label_only(dataset):
    (dataset / "labels/val/a.txt").write_text("7 0.5 0.5 0.1 0.2\n")
    labels = load(dataset)
    assert labels.boxes["class_id"].tolist()[2] == "7"
    assert labels.boxes["label"].isna().tolist() == [False, False, True]
    assert labels.problems["where"].tolist() == ["class 7"]


@pytest.mark.parametrize(
    ("text", "says"),
    [("train: images/train\nnames: [", "not YAML"), ("- names\n- train", "expected train"),
     ("train: /etc\nnames: [a]", "found no image"), ("train: ../../x\nnames: [a]", "no image"),
     ("names: &a [*a]\ntrain: nothing", "found no image")],
)  # fmt: skip
def test_a_broken_data_yaml_is_refused(dataset, text, says):
    (dataset / "data.yaml").write_text(text)
    with pytest.raises(LabelFormatError, match=says):
        load(dataset / "data.yaml")


def test_parts_may_be_lists_of_images_and_folders_elsewhere(dataset):
    (dataset / "list.txt").write_text("./images/train/2.png\nimages/val/a.png\n../../evil.png\n")
    (dataset / "data.yaml").write_text("train: list.txt\nnames: [person, car]\n")
    labels = load(dataset)
    assert len(labels.boxes) == 3
    assert labels.problems["where"].tolist() == ["train, list.txt"]
    (dataset / "data.yaml").write_text("path: ..\ntrain: ../images\nnames: [person, car]\n")
    assert len(load(dataset).boxes) == 3, "Roboflow's way to name a folder beside the file"


def test_labelimg_keeps_classes_beside(dataset):
    folder = dataset / "images/train"
    (folder / "classes.txt").write_text("person\ncar\n")
    (dataset / "labels/train/2.txt").rename(folder / "2.txt")
    labels = aa.load(folder)
    assert labels.boxes["label"].tolist() == ["car", "person"]
    assert labels.boxes["sequence"].unique().tolist() == ["train"]


def test_a_changed_label_gets_its_class(dataset, tmp_path):
    labels = load(dataset)
    changed = aa.Labels(labels.boxes.assign(label=["person", "dog", "person"]), labels.frames)
    saved = save(changed, tmp_path / "again")
    lines = (saved / "labels/train/2.txt").read_text().splitlines()
    assert [line.split()[0] for line in lines] == ["0", "2"]
    assert "2: dog" in (saved / "data.yaml").read_text()


def table(**change):
    boxes = pd.DataFrame(
        {"sequence": "s", "frame": [0, 1], "track": None, "label": "dog", "annotator": "x",
         "left": 1.0, "top": 2.0, "width": 3.0, "height": 4.0}
    )  # fmt: skip
    return aa.check_boxes(boxes.assign(**change))


def frame_table(**change):
    frames = pd.DataFrame(
        {"sequence": "s", "frame": range(4), "image_width": 200.0, "image_height": 100.0}
    )
    return frames.assign(**change)


@pytest.mark.parametrize(
    ("boxes", "frames", "says"),
    [(table(track="1"), frame_table(), "no place for tracks"),
     (table(annotator=["x", "y"]), frame_table(), "who drew"),
     (table(left=float("nan")), frame_table(), "unknown side"),
     (table(), frame_table(image_width=float("nan")), "no known size"),
     (table(), frame_table(label_file="../../evil.txt"), "leads out"),
     (table(), frame_table(image="a/b.png"), "share one text file")],
)  # fmt: skip
def test_what_yolo_cannot_hold_is_refused(tmp_path, boxes, frames, says):
    with pytest.raises(LabelFormatError, match=says):
        save(aa.Labels(boxes, frames), tmp_path / "x")
    assert not list(tmp_path.iterdir())


side = st.integers(-(10**6), 10**6).map(lambda thousandths: thousandths / 1000)


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from(["a", "b c", "ü"]), side, side, side, side),
        min_size=1, max_size=5,
    )
)  # fmt: skip
@settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))
def test_law_saved_boxes_are_loaded_again(tmp_path_factory, rows):
    names = ["frame", "label", *aa.boxes.SIDES]
    boxes = pd.DataFrame(sorted(rows, key=lambda row: row[0]), columns=names)
    boxes = aa.check_boxes(boxes.assign(sequence="s", track=None, annotator="x"))
    root = save(aa.Labels(boxes, frame_table()), tmp_path_factory.mktemp("law") / "s")
    again = load(root, image_size=(200, 100))
    pd.testing.assert_frame_equal(
        again.boxes[names[1:]], boxes[names[1:]], check_dtype=False, atol=1e-7
    )
    assert content(save(again, root.with_name("t"))) == content(root)


@pytest.mark.fuzz
@given(st.data())
@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
def test_broken_input_gives_labels_or_says_what_is_wrong(tmp_path_factory, data):
    root = tmp_path_factory.mktemp("fuzz")
    (root / "labels/train").mkdir(parents=True)
    texts = {"data.yaml": YAML, "labels/train/2.txt": "1 0.5 0.5 0.1 0.2\n0 1e-2 .7 1 0 0.5\n"}
    for name, text in texts.items():
        raw = text.encode()
        for _ in range(data.draw(st.integers(0, 2))):
            at = data.draw(st.integers(0, len(raw)))
            new = data.draw(st.binary(max_size=3) | st.sampled_from([b"1e999", b"{", b": ", b"*a"]))
            raw = raw[:at] + new + raw[at + data.draw(st.integers(0, 5)) :]
        (root / name).write_bytes(raw)
    try:
        labels = load(root / "data.yaml", image_size=(200, 100))
    except LabelFormatError as error:
        assert len(str(error)) > 20
        return
    assert labels.problems.notna().all(axis=None)
    again = load(save(labels, root / "saved"), image_size=(200, 100))
    assert len(again.boxes) == len(labels.boxes)
