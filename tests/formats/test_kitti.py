"""KITTI tracking: what a line says, what is wrong with it, and back again."""

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

import annotaudit as aa
from annotaudit.boxes import COLUMNS, Labels
from annotaudit.errors import LabelFormatError
from annotaudit.formats.kitti import load, recognises, save

CAR = "0 2 Car 0 1 -1.793451 296.5 161.25 455.5 292.75 2 1.823255 4.43 -4.552284 1.858523 13.4 -2.1"
DONT_CARE = (
    "0 -1 DontCare -1 -1 -10.000000 219.31 188.49 245.5 218.56 "
    "-1000.000000 -1000.000000 -1000.000000 -10.000000 -1.000000 -1.000000 -1.000000"
)
CYCLIST = "2 7 Cyclist 1 3 -10 1.5 2.5 11.5 12.5 -1 -1 -1 -1000 -1000 -1000 -10"


def write(folder, *lines, name="0000.txt"):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def test_corners_become_sides_and_frames_count_from_0(tmp_path):
    labels = aa.load(write(tmp_path, CAR, DONT_CARE, CYCLIST))
    boxes = labels.boxes
    assert boxes["sequence"].unique().tolist() == ["0000"]
    assert boxes["frame"].tolist() == [0, 0, 2]
    assert boxes["track"].fillna("-").tolist() == ["2", "-", "7"]
    assert boxes["label"].tolist() == ["Car", "DontCare", "Cyclist"]
    assert boxes[["left", "top", "width", "height"]].to_numpy().tolist() == [
        [296.5, 161.25, 159, 131.5],
        [219.31, 188.49, 26.19, 30.07],
        [1.5, 2.5, 10, 10],
    ]
    assert boxes["annotator"].unique().tolist() == ["consolidated"]
    assert labels.frames["frame"].tolist() == [0, 2]
    assert labels.frames["image_width"].isna().all()
    assert labels.problems.empty


def test_what_is_unknown_is_nan(tmp_path):
    boxes = load(write(tmp_path, CAR, DONT_CARE, CYCLIST)).boxes
    assert boxes["attribute.truncated"].fillna(9).tolist() == [0, 9, 1]
    assert boxes["attribute.occluded"].fillna(9).tolist() == [1, 9, 3]
    assert boxes["alpha"].fillna(9).tolist() == [-1.793451, 9, 9]
    assert boxes["z"].fillna(9).tolist() == [13.4, 9, 9]
    assert boxes["height_3d"].fillna(9).tolist() == [2, 9, 9]
    assert "score" not in boxes
    assert "alpha" not in load(write(tmp_path, CYCLIST)).boxes


def test_results_of_a_tracker_have_a_score(tmp_path):
    boxes = load(write(tmp_path, CAR + " 0.75", CYCLIST)).boxes
    assert boxes["score"].fillna(9).tolist() == [0.75, 9]
    assert boxes["annotator"].tolist() == ["detector", "detector"]


def test_regions_can_be_left_out_but_their_frames_were_looked_at(tmp_path):
    alone = DONT_CARE.replace("0", "1", 1)
    labels = load(write(tmp_path, CAR, alone), dont_care=False)
    assert labels.boxes["label"].tolist() == ["Car"]
    assert labels.frames["frame"].tolist() == [0, 1]


def test_a_folder_is_a_set_of_sequences_with_their_images(tmp_path):
    for name in ("0000", "0001"):
        write(tmp_path, CAR, name=f"label_02/{name}.txt")
    write(tmp_path, name="label_02/0002.txt")
    images = tmp_path / "image_02" / "0001"
    images.mkdir(parents=True)
    for number in range(3):
        (images / f"{number:06d}.png").touch()
    for folder in (tmp_path, tmp_path / "label_02"):
        labels = aa.load(folder)
        assert labels.boxes["sequence"].tolist() == ["0000", "0001"]
        assert labels.frames.groupby("sequence")["frame"].max().tolist() == [0, 2]
        assert labels.frames["image"].notna().tolist() == [False, True, True, True]
        assert "empty" in labels.problems["what"][0]


@pytest.mark.filterwarnings("ignore")
def test_images_of_a_sequence_without_boxes_were_looked_at(tmp_path):
    write(tmp_path, CAR, name="label_02/0000.txt")
    write(tmp_path, name="label_02/0001.txt")
    for name in ("0001/000000.png", "0001/000001.PNG"):
        write(tmp_path, name=f"image_02/{name}")
    labels = load(tmp_path)
    assert labels.frames[["sequence", "frame"]].to_numpy().tolist() == [
        ["0000", 0], ["0001", 0], ["0001", 1]
    ]  # fmt: skip
    assert labels.problems["where"].tolist() == ["file"]


OBJECT = "Car 0.00 0 -1.58 587.01 173.33 614.12 200.12 1.65 1.67 3.64 -0.65 1.71 46.70 -1.59"


@pytest.mark.parametrize("line", [OBJECT, f"{OBJECT} 0.9", OBJECT.replace("Car", "DontCare")])
@pytest.mark.parametrize("place", ["", "label_2"])
def test_the_object_benchmark_is_refused_by_its_name(tmp_path, line, place):
    file = write(tmp_path / "training", line, OBJECT, name=f"{place}/000000.txt".lstrip("/"))
    for path in (file, tmp_path / "training"):
        with pytest.raises(
            LabelFormatError, match=r"values on a line, as KITTI's object benchmark"
        ):
            aa.load(path)


def test_the_reader_of_the_benchmark_sees_the_same(tmp_path, capsys):
    """TrackEval keeps corners, and regions of no interest apart."""
    kitti = pytest.importorskip("trackeval").datasets.Kitti2DBox
    pedestrian = CYCLIST.replace("Cyclist", "Pedestrian")
    path = write(tmp_path, CAR, DONT_CARE, pedestrian, name="label_02/0000.txt")
    write(tmp_path, f"{CAR} 0.5", name="results/mine/data/0000.txt")
    write(tmp_path, "0000 empty 000000 000003", name="evaluate_tracking.seqmap.training")
    rival = kitti(
        {
            "GT_FOLDER": str(tmp_path), "TRACKERS_FOLDER": str(tmp_path / "results"),
            "TRACKERS_TO_EVAL": ["mine"], "SPLIT_TO_EVAL": "training", "PRINT_CONFIG": False,
        }
    ).get_raw_seq_data("mine", "0000")  # fmt: skip
    capsys.readouterr()
    boxes = load(path).boxes
    corners = boxes[["left", "top"]].join(
        pd.DataFrame({"right": boxes.left + boxes.width, "bottom": boxes.top + boxes.height})
    )
    ours = boxes["label"] != "DontCare"
    for frame, (found, ids, regions) in enumerate(
        zip(rival["gt_dets"], rival["gt_ids"], rival["gt_crowd_ignore_regions"], strict=True)
    ):
        here = boxes["frame"] == frame
        assert corners[here & ours].to_numpy().tolist() == found.tolist()
        assert boxes["track"][here & ours].tolist() == [str(number) for number in ids]
        assert corners[here & ~ours].round(9).to_numpy().tolist() == regions.tolist()


def test_every_line_comes_back(tmp_path):
    lines = [CYCLIST, CAR + " 0.75", DONT_CARE, CAR.replace("0 2", "12 -1", 1), CAR]
    path = write(tmp_path, *lines)
    labels = load(path)
    for target in ("again.txt", "0000.txt"):
        saved = save(labels, tmp_path / "out" / target)
        assert [list(map(as_number, line.split())) for line in lines] == [
            list(map(as_number, line.split())) for line in saved.read_text().splitlines()
        ]
    pd.testing.assert_frame_equal(load(saved).boxes, labels.boxes)


def as_number(text):
    try:
        return float(text)
    except ValueError:
        return text


sides = st.floats(-1e4, 1e4).map(lambda value: round(value, 6))


@given(
    st.lists(
        st.tuples(
            st.integers(0, 10**6), st.integers(-1, 10**12), st.sampled_from(["Car", "DontCare"]),
            st.integers(-1, 2), st.integers(-1, 3), st.floats(-3, 3), sides, sides, sides, sides,
            *[st.floats(-2000, 2000)] * 7,
        ),
        min_size=1, max_size=8,
    )
)  # fmt: skip
@settings(max_examples=50)
def test_law_load_save_load_keeps_every_digit(tmp_path_factory, rows):
    folder = tmp_path_factory.getbasetemp() / "law"
    folder.mkdir(exist_ok=True)
    labels = load(write(folder, *(" ".join(map(str, row)) for row in rows)))
    again = save(labels, folder / "again" / "0000.txt")
    pd.testing.assert_frame_equal(load(again).boxes, labels.boxes)
    corners = [
        [float(text) for text in line.split()[6:10]] for line in again.read_text().splitlines()
    ]
    assert corners == [list(row[6:10]) for row in rows]


BAD = {
    "Car 0 0 -1.79 296 161 455 292 2 1.8 4.4 -4 1.8 13 -2": "15 values",
    CAR.replace("0 2", "x 2", 1): "frame is 'x'",
    CAR.replace("0 2", "-3 2", 1): "counted from 0",
    CAR.replace("296.5", "left"): "left is 'left'",
    CAR + " 1 1": "19 values",
}


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_line_is_one_problem_and_the_others_survive(tmp_path, bad):
    path = write(tmp_path, CYCLIST, bad, CAR)
    labels = load(path)
    assert labels.boxes["frame"].tolist() == [2, 0]
    assert labels.problems["where"].tolist() == ["line 2"]
    assert BAD[bad] in labels.problems["what"][0]
    with pytest.raises(LabelFormatError, match="line 2"):
        load(path, strict=True)


@pytest.mark.parametrize("text", ["hello", "1,2,3,4,5,6,7,8", "{}", CAR.split(" ", 2)[2]])
def test_another_file_says_so(tmp_path, text):
    with pytest.raises(LabelFormatError, match=r"0000\.txt.*KITTI"):
        load(write(tmp_path, text))


def test_recognised_by_content(tmp_path):
    assert recognises(write(tmp_path, CAR), CAR.encode())
    assert recognises(tmp_path, b"")
    assert not recognises(tmp_path / "none", b"1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17")
    write(tmp_path, "1,2,3", name="other.txt")
    assert not recognises(tmp_path, b"")


def test_labels_from_elsewhere(tmp_path):
    boxes = pd.DataFrame(
        {
            "sequence": ["a", "a", "b"], "frame": [0, 1, 0], "track": ["Car:1", "Car:1", "Dog:2"],
            "label": ["stop sign", None, "Dog"], "annotator": "ann",
            "left": 1.0, "top": 2.0, "width": 3.0, "height": 4.0, "attribute.occluded": "yes",
        }
    )  # fmt: skip
    before = boxes.copy()
    again = load(save(Labels(boxes), tmp_path / "out")).boxes
    pd.testing.assert_frame_equal(boxes, before)
    assert again["track"].tolist() == ["0", "0", "0"]
    assert again["label"].fillna("-").tolist() == ["stop_sign", "-", "Dog"]
    assert again["sequence"].tolist() == ["a", "a", "b"]
    assert again[["left", "width"]].drop_duplicates().to_numpy().tolist() == [[1, 3]]
    with pytest.raises(LabelFormatError, match="one sequence"):
        save(Labels(boxes), tmp_path / "all.txt")
    with pytest.raises(LabelFormatError, match="3 annotators"):
        save(Labels(boxes.assign(annotator=["a", "b", "c"])), tmp_path / "out")
    with pytest.raises(LabelFormatError, match=r"\.\./b"):
        save(Labels(boxes.assign(sequence="../b")), tmp_path / "out")


@pytest.mark.slow
def test_a_million_lines_take_seconds(tmp_path):
    path = tmp_path / "0000.txt"
    path.write_text(f"{CAR}\n{DONT_CARE}\n" * 500_000)
    started = time.perf_counter()
    labels = load(path)
    save(labels, tmp_path / "again.txt")
    assert len(labels.boxes) == 1_000_000
    assert time.perf_counter() - started < 20


pieces = st.sampled_from(
    [CAR.encode(), DONT_CARE.encode(), b"\n", b" ", b"-1", b"nan", b"1e999", b"\r", b"\t", b"\0"]
    + [b"\xff", b'"', b"9" * 40, b"Car", b"0 1 Car", b"\xef\xbb\xbf", b"#", b","]
)


@pytest.mark.fuzz
@given(st.lists(pieces, max_size=30).map(b"".join) | st.binary(max_size=200))
@settings(max_examples=200)
def test_fuzz_any_bytes_are_labels_or_a_label_format_error(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp() / "kitti-fuzz"
    folder.mkdir(exist_ok=True)
    path = folder / "0000.txt"
    path.write_bytes(data)
    recognises(path, data)
    try:
        labels = load(path)
    except LabelFormatError:
        return
    assert set(COLUMNS) <= set(labels.boxes)
    text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    lines = [line for line in text.replace("\r", "\n").split("\n") if line.strip(", \t")]
    assert len(labels.boxes) + len(labels.problems) == len(lines), "every line is accounted for"
    assert np.isfinite(labels.boxes["frame"]).all()
    again = load(save(labels, folder / "again" / "0000.txt"))
    assert len(again.boxes) == len(labels.boxes)
