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
     ("0 nan 0 1 1", "shares"), ("-1 0 0 1 1", "class is '-1'"), ("1.5 0 0 1 1", "class is")],
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


@pytest.fixture
def folder_of(tmp_path):
    def folder_of(texts, images=()):
        root = tmp_path / "set"
        for name, text in texts.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(text.encode())
        for name in images:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (200, 100)).save(root / name, format="PNG")
        return root

    return folder_of


BOX = "0 0.5 0.5 0.1 0.2\n"
HEAD = "train: images\nnames: [person, car]\n"


@pytest.mark.parametrize(
    ("texts", "n_boxes"),
    [
        ({"a.txt": "", "b.txt": BOX}, 1),
        ({"a.txt": "", "b.txt": "\n"}, 0),
        ({"a.txt": "\ufeff0.000000e+00 5e-01 0.5 0.1 0.2\r\n", "b.txt": ""}, 1),
    ],
)
def test_an_empty_text_file_is_an_image_without_objects(folder_of, texts, n_boxes):
    root = folder_of({"classes.txt": "person\n"} | texts, ["a.png", "b.png"])
    labels = aa.load(root)
    assert len(labels.boxes) == n_boxes
    assert labels.frames["label_file"].tolist() == ["a.txt", "b.txt"]
    assert labels.problems.empty


def test_other_folders_with_empty_text_files_are_not_yolo(folder_of):
    root = folder_of({"classes.txt": "person\n", "notes.txt": "", "more.txt": "0 1 2"}, ["a.png"])
    with pytest.raises(LabelFormatError, match="None of the"):
        aa.load(root)


@pytest.mark.parametrize(
    ("texts", "images"),
    [
        ({"classes.txt": "\ufeffperson\r\ncar\r\n", "ü a.txt": BOX}, ["ü a.JPG"]),
        ({"classes.txt": "person", "notes.json": "{}", "labels/a.txt": BOX}, ["images/a.png"]),
        ({"data.yaml": HEAD, "labels/A.TXT": BOX}, ["images/A.PNG"]),
        ({"data.yaml": f"\ufeff{HEAD}", "labels/cam/1/a.b.txt": BOX}, ["images/cam/1/a.b.png"]),
        ({"data.yaml": "train: images\\s\nnames: {'0': person}", "labels/s/a.txt": BOX},
         ["images/s/a.png"]),
        ({"data.yaml": "path: ./\ntrain: t.txt\nnames: [person]", "labels/a.txt": BOX,
          "t.txt": "data/images/a.png\r\n"}, ["images/a.png"]),
        ({"data.yaml": "path: ../sets/x\ntrain: ../train/images\nnames: [person]",
          "train/labels/a.txt": BOX}, ["train/images/a.png"]),
    ],
    ids=["labelimg", "label studio", "upper case", "folders", "windows", "list", "roboflow"],
)  # fmt: skip
def test_layouts_of_other_tools_are_read_and_written_back(folder_of, tmp_path, texts, images):
    root = folder_of(texts, images)
    labels = aa.load(root)
    assert labels.boxes["label"].tolist() == ["person"]
    assert labels.boxes["left"].round(9).tolist() == [90]
    assert labels.problems.empty
    saved = aa.save(labels, tmp_path / "again")
    assert (saved / labels.frames["label_file"].iloc[0]).read_text() == BOX
    again = aa.load(saved, image_size=(200, 100))
    assert again.boxes[list(aa.boxes.SIDES)].equals(labels.boxes[list(aa.boxes.SIDES)])


def test_text_files_beside_images_below_a_folder_called_images(tmp_path):
    root = tmp_path / "images/set"
    (root / "train").mkdir(parents=True)
    (root / "data.yaml").write_text("train: train\nnames: [person]\n")
    (root / "train/a.txt").write_text(BOX)
    assert len(load(root, image_size=(200, 100)).boxes) == 1


def test_darknet_keeps_names_and_lists_apart(folder_of, tmp_path):
    texts = {
        "obj.data": "classes = 2\ntrain = data/train.txt\nnames = data/obj.names\n",
        "obj.names": "person\ncar\n",
        "train.txt": "data/obj_train_data/a.png\ndata/obj_train_data/b.png\n",
        "obj_train_data/a.txt": BOX.replace("0", "1", 1), "obj_train_data/b.txt": "",
    }  # fmt: skip
    root = folder_of(texts, ["obj_train_data/a.png"])
    labels = aa.load(root)
    assert labels.boxes["label"].tolist() == ["car"]
    assert labels.frames["sequence"].tolist() == ["train", "train"]
    assert len(aa.load(aa.save(labels, tmp_path / "again"), image_size=(200, 100)).boxes) == 1
    (root / "obj.names").unlink()
    with pytest.raises(LabelFormatError, match="obj.names', which is not there"):
        aa.load(root)


def test_images_that_train_and_validate_are_read_once(folder_of, tmp_path):
    yaml = "train: images\nval: images\nnames: [person]\n"
    root = folder_of({"data.yaml": yaml, "labels/a.txt": BOX}, ["images/a.png"])
    labels = load(root)
    assert labels.boxes["sequence"].tolist() == ["train"]
    assert labels.problems["where"].tolist() == ["val"]
    assert content(save(labels, tmp_path / "again")) == content(root)


TRIANGLE = "0 0.1 0.1 0.2 0.1 0.2 0.3\n"
CORNERS = "1 0.5 0.1 0.9 0.1 0.9 0.3 0.5 0.3\n"


def test_segments_and_turned_boxes_are_written_back(folder_of, tmp_path):
    root = folder_of(
        {"data.yaml": HEAD, "labels/a.txt": BOX + TRIANGLE + CORNERS}, ["images/a.png"]
    )
    labels = load(root)
    assert labels.problems["where"].tolist() == ["line 2", "line 3"]
    assert content(save(labels, tmp_path / "again")) == content(root)


def test_the_box_around_a_segment(folder_of, tmp_path):
    root = folder_of({"data.yaml": HEAD, "labels/a.txt": TRIANGLE + CORNERS}, ["images/a.png"])
    labels = load(root, segments="box")
    sides = labels.boxes[list(aa.boxes.SIDES)].to_numpy().round(9).tolist()
    assert sides == [[20, 10, 20, 20], [100, 10, 80, 20]]
    assert labels.problems.empty
    assert content(save(labels, tmp_path / "again")) == content(root)
    boxes = labels.boxes.assign(left=[20.0, 101.0])
    saved = save(aa.Labels(boxes, labels.frames), tmp_path / "moved") / "labels/a.txt"
    assert saved.read_text() == TRIANGLE + "1 0.705 0.2 0.4 0.2\n", "who moves it means the box"
    with pytest.raises(LabelFormatError, match="expected 'refuse' or 'box'"):
        load(root, segments="yes")


def test_key_points_stand_behind_the_box(folder_of, tmp_path):
    line = "0 0.5 0.5 0.1 0.2 0.45 0.5 2 0.55 0.5 1\n"
    head = f"{HEAD}kpt_shape: [2, 3]\n"
    root = folder_of({"data.yaml": head, "labels/a.txt": line + BOX}, ["images/a.png"])
    labels = load(root)
    assert labels.boxes["left"].round(9).tolist() == [90, 90]
    assert labels.boxes["keypoints"].tolist()[0] == "0.45 0.5 2 0.55 0.5 1"
    assert labels.problems.empty
    assert content(save(labels, tmp_path / "again")) == content(root)


@pytest.mark.parametrize(
    ("score", "scores"), [(" 0.75", [0.75] * 3), ("", None)], ids=["score", "none"]
)
def test_a_tracker_counts_frames_in_the_names_of_its_files(folder_of, tmp_path, score, scores):
    line = BOX.strip() + score
    texts = {"street_10.txt": f"{line} 1\n{line} 7\n", "street_2.txt": f"{line} 7\n"}
    root = folder_of({f"labels/{name}": text for name, text in texts.items()}) / "labels"
    with pytest.raises(LabelFormatError, match="load with names="):
        aa.load(root, format="yolo")
    labels = aa.load(root, format="yolo", names=["person"], image_size=(200, 100))
    assert labels.boxes["track"].tolist() == ["7", "1", "7"]
    assert labels.boxes["frame"].tolist() == [1, 9, 9]
    assert labels.frames["frame"].tolist() == list(range(10)), "where it found nothing it looked"
    assert labels.frames["image_width"].unique().tolist() == [200]
    assert (labels.boxes["score"].tolist() if "score" in labels.boxes else None) == scores
    assert labels.boxes["label"].unique().tolist() == ["person"]
    (root / "classes.txt").write_text("person\n")
    saved = aa.save(aa.load(root, image_size=(200, 100)), tmp_path / "again")
    assert content(saved) == content(root)


def test_videos_of_a_tracker_are_sequences(folder_of):
    texts = {f"{name}_1.txt": f"{BOX.strip()} 0.5 {n}\n" for n, name in enumerate("ab", start=1)}
    labels = load(folder_of(texts), names={0: "person"}, image_size=(200, 100))
    assert labels.boxes["sequence"].tolist() == labels.frames["sequence"].tolist() == ["a", "b"]


def test_more_values_than_a_line_may_have_are_a_problem(folder_of):
    text = BOX + BOX.strip() + " 0.5 0.5 0.5\n"
    labels = load(folder_of({"data.yaml": HEAD, "labels/a.txt": text}, ["images/a.png"]))
    assert labels.problems["where"].tolist() == ["line 2"]
    assert "8 values; expected a box of five" in labels.problems["what"].iloc[0]


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
     (table(), frame_table(label_file="../../evil.txt", source_file=[YAML, *[None] * 3]),
      "leads out"),
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
