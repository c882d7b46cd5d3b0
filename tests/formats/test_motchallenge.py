"""MOTChallenge files: what they say, what is wrong with them, and back again."""

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from annotaudit.boxes import COLUMNS, Labels
from annotaudit.errors import LabelFormatError
from annotaudit.formats.motchallenge.format import CLASSES, load, parts, recognises, save

SEQINFO = """[Sequence]
name=station
imDir=img1
frameRate=25
seqLength=4
imWidth=1920
imHeight=1080
imExt=.jpg
"""


@pytest.fixture
def sequence(tmp_path):
    """Two people and a reflection on frames 1 and 3 of four; frame 2 and 4 are empty."""
    folder = tmp_path / "station"
    (folder / "gt").mkdir(parents=True)
    (folder / "img1").mkdir()
    for number in (1, 2, 3):
        (folder / "img1" / f"{number:06d}.jpg").touch()
    (folder / "gt" / "gt.txt").write_text(
        "1,7,912,484,97,109,1,1,0.86\n"
        "3,7,915,484.5,97,109,1,1,1\n"
        "1,8,1,1,50,60,0,12,0.25\n"
        "3,9,100,200,30,40,0,7,-1\n"
    )
    (folder / "seqinfo.ini").write_text(SEQINFO)
    return folder


def write(folder, text, name="gt.txt"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_frames_and_pixels_count_from_0(sequence):
    boxes = load(sequence).boxes
    assert boxes["frame"].tolist() == [0, 2, 0, 2]
    assert boxes["left"].tolist() == [911, 914, 0, 99]
    assert boxes["top"].tolist() == [483, 483.5, 0, 199]
    assert boxes["width"].tolist() == [97, 97, 50, 30]
    assert boxes["sequence"].unique().tolist() == ["station"]
    assert boxes["annotator"].unique().tolist() == ["consolidated"]


def test_class_is_value_8_and_consider_is_value_7(sequence):
    """Pitfall B26: the consider flag is no class."""
    boxes = load(sequence).boxes
    assert boxes["label"].tolist() == ["pedestrian", "pedestrian", "reflection", "static person"]
    assert boxes["class_id"].tolist() == [1, 1, 12, 7]
    assert boxes["consider"].tolist() == [True, True, False, False]
    assert boxes["consider"].dtype == "bool"
    assert boxes["visibility"].tolist()[:3] == [0.86, 1, 0.25]
    assert np.isnan(boxes["visibility"][3])


def test_image_1_goes_with_the_boxes_of_number_1(sequence):
    """Pitfalls B5 and B25: labels count from 1, lists from 0, times start at 0."""
    frames = load(sequence).frames
    assert frames["frame"].tolist() == [0, 1, 2, 3]
    assert [Path(image).name for image in frames["image"]] == [
        "000001.jpg",
        "000002.jpg",
        "000003.jpg",
        "000004.jpg",
    ]
    assert Path(frames["image"][0]).is_file()
    assert frames["image"][3] == "000004.jpg", "named by seqinfo.ini, but not there"
    assert frames["time"].tolist() == [0, 0.04, 0.08, 0.12]
    assert frames["image_width"].unique().tolist() == [1920]


def test_distractors_can_be_left_out_but_their_frames_were_looked_at(sequence):
    labels = load(sequence, distractors=False)
    assert labels.boxes["label"].tolist() == ["pedestrian", "pedestrian"]
    assert labels.boxes.index.tolist() == [0, 1]
    assert len(labels.frames) == 4


FROM_0 = "0,7,10,20,30,40,1,1,1\n2,7,12,20,30,40,1,1,1\n"


@pytest.mark.parametrize("damage", ["", "oops\n"])
def test_frames_that_count_from_0_are_all_kept_and_said(tmp_path, damage):
    path = write(tmp_path, FROM_0 + damage)
    labels = load(path)
    assert labels.boxes["frame"].tolist() == [0, 2]
    assert labels.frames["frame"].tolist() == [0, 2]
    assert labels.boxes["left"].tolist() == [9, 11], "pixels count from 1 all the same"
    said = labels.problems[labels.problems["where"] == "frame 0"]
    assert len(said) == 1
    assert "count from 0" in said["what"].iloc[0]


def test_frames_that_count_from_0_are_no_surprise_when_strict(tmp_path):
    with pytest.raises(LabelFormatError, match="frame 0"):
        load(write(tmp_path, FROM_0), strict=True)


def test_frames_count_from_0_where_the_caller_says_so(tmp_path):
    labels = load(write(tmp_path, FROM_0), first_frame=0, strict=True)
    assert labels.boxes["frame"].tolist() == [0, 2]
    empty_street = load(write(tmp_path, "5,7,10,20,30,40,1,1,1\n"), first_frame=0)
    assert empty_street.boxes["frame"].tolist() == [5]
    assert empty_street.problems.empty


@pytest.mark.parametrize(("text", "first"), [(FROM_0, 1), (FROM_0, 2), ("1,1,1,1,1,1\n", -1)])
def test_a_first_frame_that_cannot_be_is_refused(tmp_path, text, first):
    with pytest.raises(LabelFormatError, match=f"first_frame is {first}"):
        load(write(tmp_path, text), first_frame=first)


def test_frames_that_count_from_0_do_so_again_when_saved(sequence, tmp_path):
    write(sequence / "gt", FROM_0)
    labels = load(sequence)
    assert labels.frames["frame"].tolist() == [0, 1, 2, 3], "seqLength is 4"
    copy = save(labels, tmp_path / "copy")
    assert (copy / "gt" / "gt.txt").read_text() == FROM_0
    pd.testing.assert_frame_equal(load(copy).boxes, labels.boxes)
    assert save(labels, tmp_path / "copy.txt").read_text() == FROM_0
    from_1 = Labels(labels.boxes, labels.frames.drop(columns="source_number"))
    assert load(save(from_1, tmp_path / "from_1.txt")).boxes["frame"].tolist() == [0, 2]


def test_nothing_is_saved_that_would_load_one_frame_early(tmp_path):
    labels = load(write(tmp_path, FROM_0))
    later = Labels(labels.boxes[1:], labels.frames)
    with pytest.raises(LabelFormatError, match="drop.*source_number"):
        save(later, tmp_path / "later.txt")
    assert not (tmp_path / "later.txt").exists()


def test_images_that_count_from_1_go_with_labels_that_count_from_0(sequence):
    write(sequence / "gt", FROM_0)
    images = sequence / "img1"
    assert Path(load(sequence).frames["image"][0]).name == "000001.jpg"
    (images / "000000.jpg").touch()
    assert [Path(image).name for image in load(sequence).frames["image"]] == [
        "000000.jpg", "000001.jpg", "000002.jpg", "000003.jpg"
    ]  # fmt: skip


def test_every_column_can_be_corrected_in_place(tmp_path):
    boxes = load(write(tmp_path, "1,1,10,20,30,40,1,1,0.5\n")).boxes
    for column in ("left", "top", "width", "height", "visibility", "frame", "class_id"):
        boxes.loc[0, column] = 3
    assert boxes.loc[0, ["width", "height", "visibility"]].tolist() == [3, 3, 3]


def test_detections_have_a_score_and_no_track(tmp_path):
    path = write(tmp_path, "1,-1,10,20,30,40,0.9\n2,-1,10,20,30,40,-0.5\n", "det.txt")
    boxes = load(path).boxes
    assert boxes["track"].isna().all()
    assert boxes["score"].tolist() == [0.9, -0.5]
    assert "consider" not in boxes
    assert boxes["annotator"].unique().tolist() == ["detector"]


def test_what_value_7_means_is_told_from_the_name_then_from_the_values(tmp_path):
    text = "1,3,10,20,30,40,1,-1,-1,-1\n"
    assert "score" in load(write(tmp_path, text, "det.txt")).boxes
    assert "consider" in load(write(tmp_path, text, "tracks.txt")).boxes
    assert "score" in load(write(tmp_path, text, "tracks.txt"), detections=True).boxes
    assert "score" in load(write(tmp_path, text.replace(",1,-1", ",.7,-1"), "tracks.txt")).boxes


def test_ten_values_are_a_position_in_the_world(tmp_path):
    boxes = load(write(tmp_path, "1,1,88,99,61.08,218.56,1,4.4852,5.5016,0\n")).boxes
    assert boxes[["x", "y", "z"]].iloc[0].tolist() == [4.4852, 5.5016, 0]
    assert "visibility" not in boxes
    assert boxes["label"].isna().all()


def test_real_tracks_of_the_motmetrics_package():
    motmetrics = pytest.importorskip("motmetrics")
    campus = Path(motmetrics.__file__).parent / "data" / "TUD-Campus" / "gt.txt"
    labels = load(campus)
    assert len(labels.boxes) == 359
    assert labels.boxes.iloc[0][["frame", "track", "left", "top"]].tolist() == [0, "1", 398, 181]
    assert labels.boxes["sequence"].unique().tolist() == ["TUD-Campus"]
    assert labels.problems.empty
    rival = pd.read_csv(campus, header=None)
    assert labels.boxes["width"].tolist() == rival[4].tolist()


@pytest.mark.parametrize(
    "line",
    [
        "1,7,912,484,97,109,1,1,0.86,",
        "1,7,912,484,97,109,1,1,0.86,,,",
        " 1 , 7 , 912 , 484 , 97 , 109 , 1 , 1 , 0.86 ",
        "1 7 912 484 97 109 1 1 0.86",
        "1\t7\t912\t484\t97\t109\t1\t1\t0.86",
        "1e0,7.0,9.12e2,4.84E+2,97,109,1,1,8.6e-1",
        "01,7,912.0,484,97.,109,+1,1,.86",
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_ways_to_write_the_same_line(tmp_path, line, end, mark):
    labels = load(write(tmp_path, mark + (line + end).encode()))
    assert labels.problems.empty
    box = labels.boxes.iloc[0]
    assert [box["frame"], box["track"], box["left"], box["visibility"]] == [0, "7", 911, 0.86]


BAD_LINES = {
    "frame,id,left,top": "4 values",
    "-1,1,10,20,30,40,1,1,1": "counted from 1",
    "1.5,1,10,20,30,40,1,1,1": "whole number",
    "1,car,10,20,30,40,1,1,1": "id is 'car'",
    "1,1,ten,20,30,40,1,1,1": "left is 'ten'",
    "1,1,1_0,20,30,40,1,1,1": "left is '1_0'",
    "1,1,,20,30,40,1,1,1": "left is ''",
    "1,1,10,20": "4 values",
    "1,1,10,20,30,40,1,1,1,1,1": "11 values",
    "1,1,10,20,30,40,1,\x00,1": "value 8",
    "99999999999999999999,1,10,20,30,40,1,1,1": "frame is",
}


@pytest.mark.parametrize("bad", BAD_LINES)
def test_a_bad_line_is_one_problem_and_the_others_survive(tmp_path, bad):
    good = "1,1,10,20,30,40,1,1,1\n"
    path = write(tmp_path, f"{good}{bad}\n\n{good}")
    labels = load(path)
    assert len(labels.boxes) == 2
    assert labels.problems["where"].tolist() == ["line 2"]
    assert BAD_LINES[bad] in labels.problems["what"][0]
    assert labels.problems["source"][0] == str(path)
    with pytest.raises(LabelFormatError, match="line 2"):
        load(path, strict=True)


def test_a_bad_line_does_not_change_how_the_good_ones_are_read(tmp_path):
    good = "1,1,10.25,20,30,40,1,1,1\n3,-1,0.1,-5,0,-40,0,8,0.5\n"
    clean = load(write(tmp_path, good)).boxes
    damaged = load(write(tmp_path, good + "what is this\n")).boxes
    pd.testing.assert_frame_equal(clean, damaged)


def test_lines_stay_in_file_order_however_they_are_read(tmp_path):
    lines = ["9,1,1,1,1,1,1,1,1", "8,+1,1,1,1,1,1", "oops", "7,1,1,1,1,1,1", "6,1,1,1,1,1,1,1,1"]
    labels = load(write(tmp_path, "\n".join(lines)))
    assert labels.boxes["frame"].tolist() == [8, 7, 6, 5]
    assert labels.problems["where"].tolist() == ["line 3"]


def test_lines_of_seven_to_ten_values_in_one_file(tmp_path):
    lines = "1,1,5,5,5,5,1\n1,2,5,5,5,5,1,3\n1,3,5,5,5,5,0,3,0.5\n1,4,5,5,5,5,1,10,20,30\n"
    boxes = load(write(tmp_path, lines)).boxes
    assert boxes["class_id"].fillna(0).tolist() == [0, 3, 3, 0]
    assert boxes["visibility"].fillna(0).tolist() == [0, 0, 0.5, 0]
    assert boxes["y"].fillna(0).tolist() == [0, 0, 0, 20]
    assert boxes["consider"].tolist() == [True, True, False, True]
    assert boxes["label"].fillna("").tolist() == ["", "car", "car", ""]


def test_negative_zero_and_nan_sides_are_left_to_the_audit(tmp_path):
    labels = load(write(tmp_path, "1,1,-10,20,0,-40,1,1,1\n2,1,nan,20,inf,40,1,1,1\n"))
    assert labels.problems.empty
    assert labels.boxes["width"].tolist() == [0, np.inf]
    assert labels.boxes["height"].tolist() == [-40, 40]
    assert np.isnan(labels.boxes["left"][1])


def test_an_unknown_class_is_named_by_its_number(tmp_path):
    path = write(tmp_path, "1,1,10,20,30,40,1,99,1\n")
    assert load(path).boxes["label"].tolist() == ["99"]
    assert load(path, classes={99: "dog"}).boxes["label"].tolist() == ["dog"]


def test_class_names_beside_the_file(tmp_path):
    write(tmp_path, "cat\ndog\n", "labels.txt")
    boxes = load(write(tmp_path, "1,1,10,20,30,40,1,2,1\n")).boxes
    assert boxes["label"].tolist() == ["dog"]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (("frameRate=25", "frameRate=0"), "frameRate"),
        (("frameRate=25", "frameRate=fast"), "frameRate"),
        (("imWidth=1920", "imWidth=-1"), "imWidth"),
        (("imDir=img1", "imDir=../../etc"), "imDir"),
        (("imExt=.jpg", "imExt=/../x"), "imExt"),
        (("[Sequence]", "Sequence"), "cannot be read"),
        (("[Sequence]", "[Other]"), "cannot be read"),
        (("seqLength=4", "seqLength=1e15"), "seqLength"),
        (("seqLength=4", "seqLength=2"), "later frames"),
    ],
)
def test_what_is_wrong_in_seqinfo_is_a_problem_not_the_end(sequence, change, what):
    (sequence / "seqinfo.ini").write_text(SEQINFO.replace(*change))
    labels = load(sequence)
    assert len(labels.boxes) == 4
    assert labels.problems["where"].tolist() == ["seqinfo.ini"]
    assert what in labels.problems["what"][0]
    assert {0, 2} <= set(labels.frames["frame"])
    assert len(labels.frames) <= 4


def test_a_frame_number_beyond_belief_costs_no_memory(tmp_path):
    labels = load(write(tmp_path, "1,1,1,1,1,1,1,1,1\n9007199254740000,1,1,1,1,1,1,1,1\n"))
    assert labels.frames["frame"].tolist() == [0, 9007199254739999]


def test_without_seqinfo_the_frames_with_boxes_were_looked_at(tmp_path):
    labels = load(write(tmp_path, "4,1,1,1,1,1,1,1,1\n2,1,1,1,1,1,1,1,1\n"))
    assert labels.frames["frame"].tolist() == [1, 3]
    assert labels.frames["time"].isna().all()


def test_an_empty_file_in_a_sequence_means_no_boxes(sequence):
    write(sequence / "gt", "\n")
    labels = load(sequence)
    assert len(labels.boxes) == 0
    assert len(labels.frames) == 4
    assert "empty" in labels.problems["what"][0]


@pytest.mark.parametrize(
    "content",
    [b"", b"\n\n", b"hello\n", b'{"a": 1}', "1,1,1,1,1,1\n".encode("utf-16"), b"\xff" * 99, b"\0"],
)
def test_a_file_that_is_no_motchallenge_says_so(tmp_path, content):
    with pytest.raises(LabelFormatError, match=r"gt\.txt"):
        load(write(tmp_path, content))


def test_recognised_by_content(sequence, tmp_path):
    assert recognises(sequence, b"")
    assert not recognises(tmp_path, b"")
    assert recognises(Path("x"), b"1,1,912,484,97,109,0,7,1\n")
    assert recognises(Path("x"), b"oops\n1, -1, 1.5, 2e3, -4, 5, 0.5\r\n")
    for other in (b"", b'{"a": [1,2,3,4,5,6,7]}', b"a,b,c,d,e,f,g\n", b"0 0 1 2 3 4", b"\xff\xfe1"):
        assert not recognises(Path("x"), other)
    assert parts(sequence) == [sequence / "gt" / "gt.txt"]


@pytest.mark.parametrize("run", ["1" * 80, "1." * 80, " " * 80, "1e" * 80, "," * 80])
def test_a_hostile_line_takes_no_time(tmp_path, run):
    line = ",".join(["1", "1", *[run] * 6, "x"]).encode()
    started = time.perf_counter()
    recognises(Path("x"), line)
    assert len(load(write(tmp_path, b"1,1,1,1,1,1,1\n" + line)).problems) == 1
    assert time.perf_counter() - started < 10


def test_a_round_trip_of_a_sequence_keeps_everything(sequence, tmp_path):
    labels = load(sequence)
    again = load(save(labels, tmp_path / "copy"))
    pd.testing.assert_frame_equal(again.boxes, labels.boxes)
    facts = ["sequence", "frame", "image_width", "image_height", "time"]
    pd.testing.assert_frame_equal(again.frames[facts], labels.frames[facts])
    first = (sequence / "gt" / "gt.txt").read_text()
    assert (tmp_path / "copy" / "gt" / "gt.txt").read_text() == first


def test_a_round_trip_of_every_kind_of_file(tmp_path):
    texts = {
        "det.txt": "1,-1,10.125,20,30,40,0.123456789012345678\n",
        "gt.txt": "1,1,5,5,5,5,1\n1,3,5,5,5,5,0,3,0.5\n1,4,5,5,5,5,1,10,20.5,-1\n",
        "tracks.txt": "1,1,88,99,61.08,218.56,0.5,4.4852,5.5016,0\n",
    }
    for name, text in texts.items():
        labels = load(write(tmp_path, text, name), sequence="one")
        again = load(save(labels, tmp_path / "saved" / name), sequence="one")
        pd.testing.assert_frame_equal(again.boxes, labels.boxes)


sides = st.floats(-1e4, 1e4).map(lambda value: round(value, 6))


@given(
    st.lists(
        st.tuples(st.integers(1, 10**6), st.integers(1, 10**12), sides, sides, sides, sides),
        min_size=1,
        max_size=8,
    )
)
@settings(max_examples=50, deadline=None)
def test_law_load_save_load_keeps_every_digit(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("law")
    text = "".join(",".join(map(repr, row)) + ",1,1,0.5\n" for row in rows)
    labels = load(write(folder, text))
    again = load(save(labels, folder / "again.txt"), sequence=folder.name)
    pd.testing.assert_frame_equal(again.boxes, labels.boxes)
    assert labels.boxes["track"].tolist() == [str(row[1]) for row in rows]


def test_several_sequences_are_saved_as_folders(sequence, tmp_path):
    one = load(sequence)
    boxes = pd.concat([one.boxes, one.boxes.assign(sequence="other")], ignore_index=True)
    frames = pd.concat([one.frames, one.frames.assign(sequence="other")], ignore_index=True)
    root = save(Labels(boxes, frames), tmp_path / "root")
    assert len(load(root / "station").boxes) == len(load(root / "other").boxes) == 4
    with pytest.raises(LabelFormatError, match="one sequence"):
        save(Labels(boxes, frames), tmp_path / "all.txt")
    astray = boxes.assign(sequence=boxes["sequence"].replace("other", "../out"))
    with pytest.raises(LabelFormatError, match=r"\.\./out"):
        save(Labels(astray), tmp_path / "root")
    assert not (tmp_path / "out").exists()


def test_labels_from_elsewhere_keep_their_class_names(tmp_path):
    boxes = pd.DataFrame(
        {
            "sequence": "street",
            "frame": [0, 0, 1],
            "track": ["Car:1", "Dog:1", "Car:1"],
            "label": ["Car", "Dog", "Car"],
            "annotator": "ann",
            "left": [0.0, 10, 1],
            "top": 0.0,
            "width": 5.0,
            "height": 5.0,
        }
    )
    again = load(save(Labels(boxes), tmp_path / "out")).boxes
    assert again["label"].tolist() == ["Car", "Dog", "Car"]
    assert again["track"].tolist() == ["1", "2", "1"]
    assert again["left"].tolist() == [0, 10, 1]
    with pytest.raises(LabelFormatError, match="2 annotators"):
        save(Labels(boxes.assign(annotator=["a", "b", "a"])), tmp_path / "out")


def test_a_round_trip_keeps_own_class_numbers_and_leaves_none_behind(sequence, tmp_path):
    write(tmp_path, "car\ncat\n\ndog\n", "labels.txt")
    text = "1,1,10,20,30,40,1,4,1\n1,2,10,20,30,40,1,1,1\n1,3,10,20,30,40,1,9,1\n"
    labels = load(write(tmp_path, text), sequence="s")
    assert labels.boxes["label"].tolist() == ["dog", "car", "9"]
    copy = save(labels, tmp_path / "copy" / "gt.txt")
    pd.testing.assert_frame_equal(load(copy, sequence="s").boxes, labels.boxes)
    station = load(sequence)
    pd.testing.assert_frame_equal(
        load(save(station, copy), sequence="station").boxes, station.boxes
    )


def test_saving_edits_nothing_of_the_caller(sequence, tmp_path):
    labels = load(sequence)
    before = labels.boxes.copy()
    save(labels, tmp_path / "copy")
    pd.testing.assert_frame_equal(labels.boxes, before)


def test_the_class_table_has_no_holes():
    assert list(CLASSES) == list(range(1, 14))


pieces = st.sampled_from(
    [b"1", b"-1", b"0", b"nan", b"1e999", b",", b"\n", b"\r", b" ", b"\0", b"\xff", b'"', b"9" * 40]
    + [b"1,2,3,4,5,6,1,1,1\n", b"1,-1,3,4,5,6,.5\n", b"\xef\xbb\xbf", b"#", b";", b"x", b"-inf"]
)


@pytest.mark.fuzz
@given(st.lists(pieces, max_size=30).map(b"".join) | st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_fuzz_any_bytes_are_labels_or_a_label_format_error(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp() / "mot-fuzz"
    folder.mkdir(exist_ok=True)
    path = write(folder, data)
    recognises(path, data)
    try:
        labels = load(path)
    except LabelFormatError:
        return
    assert set(COLUMNS) <= set(labels.boxes)
    lines = [
        line for line in data.removeprefix(b"\xef\xbb\xbf").splitlines() if line.strip(b" ,\t")
    ]
    problems = labels.problems[labels.problems["where"] != "frame 0"]
    assert len(labels.boxes) + len(problems) == len(lines), "every line is accounted for"
    again = load(save(labels, folder / "again.txt"), sequence="s") if len(labels.boxes) else labels
    assert len(again.boxes) == len(labels.boxes)


@pytest.mark.fuzz
@given(st.lists(st.sampled_from([*SEQINFO.splitlines(True), "=", "[", "%(x)s", "\0", "\n"])))
@settings(max_examples=50, deadline=None)
def test_fuzz_seqinfo(tmp_path_factory, lines):
    folder = tmp_path_factory.getbasetemp() / "seqinfo-fuzz"
    (folder / "gt").mkdir(parents=True, exist_ok=True)
    write(folder / "gt", "1,1,1,1,1,1,1,1,1\n")
    write(folder, "".join(lines), "seqinfo.ini")
    assert len(load(folder).boxes) == 1
