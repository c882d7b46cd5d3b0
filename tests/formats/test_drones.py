"""VisDrone and UAVDT: what lines say, telling them from MOTChallenge, and back again."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

import annotaudit as aa
from annotaudit.boxes import COLUMNS, Labels
from annotaudit.errors import LabelFormatError
from annotaudit.formats.drones import uavdt, visdrone
from annotaudit.formats.drones.lines import meanings
from annotaudit.formats.motchallenge import format as motchallenge
from annotaudit.formats.recognise import recognise

IGNORED = "1,0,593,43,174,190,0,0,0,0"
VAN = "1,3,10,20,30,40,1,5,1,2"
VAN_LATER = "3,3,11,20,30,40,1,5,0,1"
MOT_VIDEO = [IGNORED, VAN, VAN_LATER]
STILL = ["684,8,273,116,0,0,0,0", "406,119,265,70,1,4,1,2"]
RESULT = ["1,-1,10.5,20,30,40,0.93,4,-1,-1", "2,-1,11.5,20,30,40,0.88,4,-1,-1"]
VEHICLES = ["1,1,366,6,40,33,1,1,1", "1,2,36,6,20,33,3,4,2", "4,1,370,6,40,33,2,3,1"]
ALL_CARS = ["1,1,366,6,40,33,1,1,1", "2,1,366,6,40,33,1,2,1"]


def write(folder, lines, name="video.txt"):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def sides(boxes):
    return boxes[["left", "top", "width", "height"]].to_numpy().tolist()


def test_visdrone_video(tmp_path):
    labels = aa.load(write(tmp_path, MOT_VIDEO))
    boxes = labels.boxes
    assert boxes["frame"].tolist() == [0, 0, 2], "frames count from 1 in the file"
    assert boxes["track"].tolist() == ["0", "3", "3"]
    assert boxes["label"].tolist() == ["ignored regions", "van", "van"]
    assert sides(boxes)[0] == [593, 43, 174, 190]
    assert boxes["consider"].tolist() == [False, True, True]
    assert boxes["attribute.truncation"].tolist() == [0, 1, 0]
    assert boxes["attribute.occlusion"].tolist() == [0, 2, 1]
    assert boxes["annotator"].unique().tolist() == ["consolidated"]
    assert labels.frames["frame"].tolist() == [0, 2]
    assert labels.problems.empty


def test_visdrone_results(tmp_path):
    boxes = aa.load(write(tmp_path, RESULT), format="visdrone").boxes
    assert boxes["track"].isna().all()
    assert boxes["score"].tolist() == [0.93, 0.88]
    assert boxes["annotator"].unique().tolist() == ["detector"]
    assert "attribute.occlusion" not in boxes


def test_visdrone_stills_are_the_files_of_a_folder(tmp_path):
    for name, lines in {"a_2": STILL[:1], "a_10": [], "a_11": STILL[1:]}.items():
        write(tmp_path, lines, f"set/annotations/{name}.txt")
    (tmp_path / "set/images").mkdir()
    (tmp_path / "set/images/a_10.jpg").touch()
    for folder in ("set", "set/annotations"):
        labels = aa.load(tmp_path / folder)
        assert labels.boxes["frame"].tolist() == [0, 2], "a_2 before a_10"
        assert labels.boxes["label"].tolist() == ["ignored regions", "car"]
        assert labels.boxes["track"].isna().all()
        assert sides(labels.boxes)[0] == [684, 8, 273, 116]
        assert labels.boxes["sequence"].unique().tolist() == ["set"]
        assert [Path(name).name for name in labels.frames["image"]] == [
            "a_2.jpg", "a_10.jpg", "a_11.jpg"
        ]  # fmt: skip
        assert Path(labels.frames["image"][1]).is_file()


def test_uavdt(tmp_path):
    labels = aa.load(write(tmp_path, VEHICLES, "M0101_gt_whole.txt"))
    boxes = labels.boxes
    assert boxes["sequence"].unique().tolist() == ["M0101"]
    assert boxes["frame"].tolist() == [0, 0, 3]
    assert boxes["track"].tolist() == ["1", "2", "1"]
    assert boxes["label"].tolist() == ["car", "truck", "car"]
    assert boxes["attribute.out_of_view"].tolist() == [1, 3, 2]
    assert boxes["attribute.occlusion"].tolist() == [1, 4, 3]
    assert sides(boxes)[0] == [366, 6, 40, 33]


def test_of_the_three_files_of_uavdt_one_is_read(tmp_path):
    for name in ("M0101", "M0202"):
        write(tmp_path, VEHICLES, f"{name}_gt_whole.txt")
        write(tmp_path, ["1,1,366,6,40,33,1,-1,-1"], f"{name}_gt.txt")
        write(tmp_path, ["1,9,36,6,40,33,1,-1,-1"], f"{name}_gt_ignore.txt")
    for path in (tmp_path, tmp_path / "*.txt"):
        labels = aa.load(path)
        assert labels.boxes["sequence"].tolist() == ["M0101"] * 3 + ["M0202"] * 3
        assert labels.problems.empty


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (MOT_VIDEO, "visdrone"),
        (STILL, "visdrone"),
        ([f"{line}," for line in STILL], "visdrone"),
        (["10.5,20.25,30,40,0.93,4,-1,-1"], "visdrone"),
        ([*MOT_VIDEO, "oops"], "visdrone"),
        (VEHICLES, "uavdt"),
        (["1,7,912,484,97,109,1,1,0.86"], "motchallenge"),
        (["1,7,912,484,97,109,0,7,1", "2,7,912,484,97,109,1,3,1"], "motchallenge"),
        (["1,7,912,484,97,109,1,1,1"], "motchallenge"),
        (["1,3,794.2,247.5,71.2,174.8,-1,-1,-1,-1"], "motchallenge"),
        (["1,-1,794.2,247.5,71.2,174.8,0.9,-1,-1,-1"], "motchallenge"),
        (["1,1,88,99,61.08,218.56,1,4.4852,5.5016,0"], "motchallenge"),
        (["1,1,88,99,61,218,1,0,0,0"], "motchallenge"),
        (["1,1,88,99,61,218,1"], "motchallenge"),
        (["1,1,88,99,61,218,0.9,3"], "motchallenge"),
    ],
)
def test_the_values_tell_the_format(tmp_path, lines, expected):
    assert recognise(write(tmp_path, lines)) == expected


@pytest.mark.parametrize(
    "lines", [RESULT, ["1,1,88,99,61,218,1,3,1,0", "2,1,88,99,61,218,1,3,0,0"]]
)
def test_where_it_cannot_be_told_the_error_says_what_to_pass(tmp_path, lines):
    path = write(tmp_path, lines)
    with pytest.raises(LabelFormatError, match=r"motchallenge or visdrone.*format="):
        aa.load(path)
    assert len(aa.load(path, format="motchallenge").boxes) == 2
    assert len(aa.load(path, format="visdrone").boxes) == 2


@pytest.mark.parametrize("lines", [MOT_VIDEO, VEHICLES, RESULT])
def test_what_lies_as_motchallenge_does_is_motchallenge(tmp_path, lines):
    """Files that are laid out like the benchmark's own loaded before, and do as before."""
    for name in ("a/gt/gt.txt", "b/det/det.txt"):
        path = write(tmp_path, lines, name)
        before = motchallenge.load(path)
        for source in (path, path.parent.parent):
            pd.testing.assert_frame_equal(aa.load(source).boxes, before.boxes)
    (tmp_path / "seqinfo.ini").write_text("[Sequence]\nname=x\n")
    assert recognise(write(tmp_path, lines)) == "motchallenge"


def test_cars_that_never_leave_the_picture_are_told_by_the_name_only(tmp_path):
    assert recognise(write(tmp_path, ALL_CARS)) == "motchallenge"
    assert recognise(write(tmp_path, ALL_CARS, "M0101_gt_whole.txt")) == "uavdt"


def test_annotations_and_results_in_one_folder(tmp_path):
    write(tmp_path, MOT_VIDEO, "a.txt")
    write(tmp_path, RESULT, "b.txt")
    labels = aa.load(tmp_path)
    assert labels.boxes["consider"].dtype == "boolean"
    assert labels.boxes["consider"].isna().tolist() == [False] * 3 + [True] * 2
    assert labels.boxes["score"].notna().tolist() == [False] * 3 + [True] * 2


def test_a_folder_of_visdrone_videos_with_their_images(tmp_path):
    for name in ("uav1", "uav2"):
        write(tmp_path, MOT_VIDEO, f"annotations/{name}_v.txt")
    images = tmp_path / "sequences" / "uav2_v"
    images.mkdir(parents=True)
    for number in (1, 2, 4):
        (images / f"{number:07d}.jpg").touch()
    labels = aa.load(tmp_path)
    assert labels.boxes["sequence"].unique().tolist() == ["uav1_v", "uav2_v"]
    of_second = labels.frames[labels.frames["sequence"] == "uav2_v"]
    assert of_second["frame"].tolist() == [0, 1, 2, 3]
    assert of_second["image"].notna().tolist() == [True, True, False, True]


@pytest.mark.parametrize(
    ("module", "lines", "name"),
    [
        (visdrone, MOT_VIDEO, "video.txt"),
        (visdrone, RESULT, "video.txt"),
        (visdrone, STILL, "video.txt"),
        (visdrone, ["1,2,3,4,1,12,1,-1"], "video.txt"),
        (uavdt, VEHICLES, "M0101_gt_whole.txt"),
        (uavdt, ["1,1,366.25,6,40,33,-1,2,1", "1,-1,3,6,40,33,1,-1,-1"], "M0101_gt_whole.txt"),
    ],
)
def test_every_line_comes_back(tmp_path, module, lines, name):
    path = write(tmp_path / "set", lines, name)
    labels = module.load(path)
    saved = module.save(labels, tmp_path / "again" / name)
    assert saved.read_text() == path.read_text()
    folder = module.save(labels, tmp_path / "folder")
    assert [file.read_text() for file in folder.glob("*.txt")] == [path.read_text()]


numbers = st.floats(-1e4, 1e4).map(lambda value: round(value, 6))
box = [numbers] * 4


@given(
    st.lists(
        st.tuples(
            st.integers(1, 10**6), st.integers(-1, 10**12), *box, st.integers(0, 1),
            st.integers(-1, 20), st.integers(-1, 1), st.integers(-1, 2),
        ),
        min_size=1, max_size=8,
    )
)  # fmt: skip
@settings(max_examples=25)
def test_law_visdrone_load_save_load(tmp_path_factory, rows):
    folder = tmp_path_factory.getbasetemp() / "law"
    folder.mkdir(exist_ok=True)
    path = write(folder, [",".join(map(str, row)) for row in rows])
    labels = visdrone.load(path)
    again = visdrone.save(labels, folder / "again" / "video.txt")
    pd.testing.assert_frame_equal(visdrone.load(again).boxes, labels.boxes)


@given(
    st.lists(
        st.tuples(
            st.integers(1, 10**6), st.integers(-1, 10**12), *box, st.integers(-1, 3),
            st.integers(-1, 4), st.integers(-1, 5),
        ),
        min_size=1, max_size=8,
    )
)  # fmt: skip
@settings(max_examples=25)
def test_law_uavdt_load_save_load(tmp_path_factory, rows):
    folder = tmp_path_factory.getbasetemp() / "law"
    folder.mkdir(exist_ok=True)
    path = write(folder, [",".join(map(str, row)) for row in rows])
    labels = uavdt.load(path)
    again = uavdt.save(labels, folder / "again" / "video.txt")
    pd.testing.assert_frame_equal(uavdt.load(again).boxes, labels.boxes)


@pytest.mark.parametrize("bad", ["0,1,1,1,1,1,1,1,1,1", "1,1,x,1,1,1,1,1,1,1", "1,2,3", "hello"])
def test_a_bad_line_is_one_problem(tmp_path, bad):
    path = write(tmp_path, [*MOT_VIDEO, bad])
    labels = aa.load(path)
    assert len(labels.boxes) == 3
    assert labels.problems["where"].tolist() == ["line 4"]
    with pytest.raises(LabelFormatError, match="line 4"):
        aa.load(path, strict=True)


@pytest.mark.parametrize("module", [visdrone, uavdt])
def test_another_file_says_so(tmp_path, module):
    for lines in (["hello"], ["1,2,3,4"], ["{}"]):
        with pytest.raises(LabelFormatError, match=r"no line is a box.*Check that this is"):
            module.load(write(tmp_path, lines))
    write(tmp_path, VEHICLES, "other.txt")
    with pytest.raises(LabelFormatError, match="2 files"):
        module.load(tmp_path, sequence="one")


def test_labels_from_elsewhere(tmp_path):
    boxes = pd.DataFrame(
        {
            "sequence": "street", "frame": [0, 1], "track": ["Car:1", "Car:1"],
            "label": ["car", None], "annotator": "ann",
            "left": 1.0, "top": 2.0, "width": 3.0, "height": 4.0,
        }
    )  # fmt: skip
    for module in (visdrone, uavdt):
        again = module.load(module.save(Labels(boxes), tmp_path / "out.txt")).boxes
        assert again["track"].tolist() == ["1", "1"]
        assert again["label"].fillna("-").tolist() == ["car", "-"]
        assert sides(again) == [[1, 2, 3, 4]] * 2
        with pytest.raises(LabelFormatError, match=r"no class for \['stop sign'\].*Rename"):
            module.save(Labels(boxes.assign(label="stop sign")), tmp_path / "out.txt")
        with pytest.raises(LabelFormatError, match="2 annotators"):
            module.save(Labels(boxes.assign(annotator=["a", "b"])), tmp_path / "out.txt")
        with pytest.raises(LabelFormatError, match="one sequence"):
            module.save(Labels(boxes.assign(sequence=["a", "b"])), tmp_path / "out.txt")
        with pytest.raises(LabelFormatError, match=r"\.\./b"):
            module.save(Labels(boxes.assign(sequence="../b")), tmp_path / "out")


def test_what_counts_differently_is_not_mixed_up(tmp_path):
    """Occlusion 1 is none in UAVDT and up to half in VisDrone."""
    vehicles = uavdt.load(write(tmp_path, VEHICLES))
    again = visdrone.load(visdrone.save(vehicles, tmp_path / "out.txt")).boxes
    assert "attribute.occlusion" not in again
    video = visdrone.load(write(tmp_path, [VAN.replace(",5,1,2", ",4,1,2")]))
    assert "attribute.occlusion" not in uavdt.load(uavdt.save(video, tmp_path / "out.txt")).boxes


def test_stills_of_several_sets_and_of_one_name(tmp_path):
    one = visdrone.load(write(tmp_path, STILL[1:], "a.txt"))
    two = visdrone.load(write(tmp_path, STILL[1:], "a.txt"), sequence="two")
    both = Labels(
        pd.concat([one.boxes, two.boxes], ignore_index=True),
        pd.concat([one.frames, two.frames], ignore_index=True),
    )
    folder = visdrone.save(both, tmp_path / "out")
    assert sorted(path.parent.name for path in folder.rglob("*.txt")) == sorted(
        both.frames["sequence"]
    )
    with pytest.raises(LabelFormatError, match="one image"):
        visdrone.save(both, tmp_path / "out.txt")
    doubled = pd.concat([one.frames, one.frames.assign(frame=1)], ignore_index=True)
    with pytest.raises(LabelFormatError, match="two images"):
        visdrone.save(Labels(one.boxes, doubled), tmp_path / "out")


pieces = st.sampled_from(
    [line.encode() + b"\n" for line in (*MOT_VIDEO, *STILL, *RESULT, *VEHICLES)]
    + [
        b"1",
        b"-1",
        b"nan",
        b"1e999",
        b",",
        b"\n",
        b"\r",
        b" ",
        b"\0",
        b"\xff",
        b"9" * 40,
        b"\xef\xbb\xbf",
    ]
)


@pytest.mark.fuzz
@pytest.mark.parametrize("module", [visdrone, uavdt])
@given(st.lists(pieces, max_size=20).map(b"".join) | st.binary(max_size=200))
@settings(max_examples=100)
def test_fuzz_any_bytes_are_labels_or_a_label_format_error(tmp_path_factory, module, data):
    folder = tmp_path_factory.getbasetemp() / "drone-fuzz"
    folder.mkdir(exist_ok=True)
    path = folder / "video.txt"
    path.write_bytes(data)
    assert meanings(path, data) <= {"motchallenge", "visdrone", "uavdt"}
    try:
        labels = module.load(path)
    except LabelFormatError:
        return
    assert set(COLUMNS) <= set(labels.boxes)
    assert np.isfinite(labels.boxes["frame"]).all()
    again = module.load(module.save(labels, folder / "again.txt"))
    assert len(again.boxes) == len(labels.boxes)
