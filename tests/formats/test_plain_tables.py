"""CSV and Parquet in our own columns: nothing is lost, and other people's names are asked for."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

import annotaudit as aa
from annotaudit.boxes import COLUMNS, TEXT, Labels
from annotaudit.errors import LabelFormatError
from annotaudit.formats.plain import csv as plain_csv, parquet as plain_parquet
from annotaudit.formats.plain.columns import looks_like_boxes

ENDINGS = {"csv": plain_csv, "parquet": plain_parquet}
both = pytest.mark.parametrize("ending", ENDINGS)
OTHERS = {
    "filename": ["b.jpg", "a.jpg", "b.jpg"], "width": 640, "height": 480,
    "class": ["dog", "cat", "dog"], "xmin": [1, 2, 3], "ymin": [5, 6, 7],
    "xmax": [11, 12.5, 13], "ymax": [25, 26, 27],
}  # fmt: skip
NAMES = {
    "filename": "image", "width": "image_width", "height": "image_height", "class": "label",
    "xmin": "left", "ymin": "top", "xmax": "right", "ymax": "bottom",
}  # fmt: skip


def same(one, other):
    for table in ("boxes", "frames", "problems"):
        pd.testing.assert_frame_equal(getattr(one, table), getattr(other, table))


def write(table, path):
    frame = pd.DataFrame(table)
    frame.to_csv(path, index=False) if path.suffix == ".csv" else frame.to_parquet(path)
    return path


@pytest.fixture
def labels():
    """Boxes with every type of column, a frame that nobody drew on, and a problem."""
    boxes = pd.DataFrame(
        {
            "sequence": ["a", "a", "b"], "frame": [0, 2, 10], "track": ["007", None, "=1+1"],
            "label": ["stop, sign", 'a "b"\nc', ""], "annotator": "ann",
            "left": [0.1, -1e300, np.nan], "top": [1.0, 2, np.inf], "width": 3.0, "height": 4.5,
            "score": [0.5, np.nan, 1], "flag": [True, False, True], "class_id": ["18", "3", None],
        }
    ).assign(
        maybe=pd.array([True, None, False], dtype="boolean"),
        whole=pd.array([2**60 + 1, None, 3], dtype="Int64"),
        count=np.array([1, 2, 3], dtype="int32"),
        nothing=pd.Series([None] * 3, dtype=TEXT),
        half=np.array([0.5, 1.5, 2.5], dtype="float32"),
        truth_as_text=pd.Series(["true", "false", "'=x"], dtype=TEXT),
    ).astype({"class_id": TEXT})  # fmt: skip
    frames = pd.DataFrame(
        {
            "sequence": ["a", "a", "a", "b"], "frame": [0, 1, 2, 10],
            "image": ["0.jpg", None, "2.jpg", "-b.jpg"], "image_width": [640.0, 640, 640, np.nan],
            "image_height": 480.0, "time": [0, 0.04, 0.08, np.nan], "weather": ["rain", *"012"],
        }
    ).astype({"sequence": TEXT, "image": TEXT, "weather": TEXT})  # fmt: skip
    problems = pd.DataFrame({"source": ["x"], "where": ["line 2"], "what": ["bad, bad"]})
    return Labels(boxes, frames, problems.astype(TEXT))


@both
def test_nothing_is_lost(labels, tmp_path, ending):
    path = tmp_path / f"boxes.{ending}"
    before = labels.boxes.copy()
    assert aa.save(labels, path, format=ending) == path
    same(aa.load(path), labels)
    pd.testing.assert_frame_equal(labels.boxes, before)


@both
def test_the_bundled_labels_come_back(tmp_path, ending):
    station = aa.datasets.station()
    same(aa.load(aa.save(station, tmp_path / f"boxes.{ending}", format=ending)), station)


@both
def test_no_boxes_are_labels_too(labels, tmp_path, ending):
    empty = Labels(labels.boxes[:0], labels.frames, labels.problems[:0])
    again = aa.load(aa.save(empty, tmp_path / f"boxes.{ending}", format=ending))
    assert again.boxes.empty
    pd.testing.assert_frame_equal(again.frames, labels.frames)


def test_a_folder_of_tables_is_read_once(labels, tmp_path):
    aa.save(labels, tmp_path / "one.csv", format="csv")
    assert len(aa.load(tmp_path).boxes) == 3


def test_other_programs_read_the_boxes(labels, tmp_path):
    path = aa.save(labels, tmp_path / "boxes.parquet", format="parquet")
    rival = pd.read_parquet(path)
    assert rival["left"].tolist()[:2] == [0.1, -1e300]
    assert rival["track"].fillna("-").tolist() == ["007", "-", "=1+1"]
    path = aa.save(labels, tmp_path / "boxes.csv", format="csv")
    rival = pd.read_csv(path)
    assert rival["left"].tolist()[:2] == [0.1, -1e300]
    assert rival["label"].tolist()[:2] == ["stop, sign", 'a "b"\nc']


def test_a_cell_is_no_formula(labels, tmp_path):
    text = aa.save(labels, tmp_path / "boxes.csv", format="csv").read_text()
    assert ",'=1+1," in text
    described = json.loads((tmp_path / "boxes.csv-metadata.json").read_text())
    assert described["@context"] == "http://www.w3.org/ns/csvw"
    assert [table["url"] for table in described["tables"]] == [
        "boxes.csv", "boxes.frames.csv", "boxes.problems.csv"
    ]  # fmt: skip


def test_csv_alone_is_enough(labels, tmp_path):
    path = aa.save(labels, tmp_path / "boxes.csv", format="csv")
    for file in tmp_path.iterdir():
        if file != path:
            file.unlink()
    found = aa.load(path)
    assert found.boxes["track"].tolist()[0] == "007", "text stays text"
    assert found.boxes["track"].tolist()[2] == "'=1+1", "nothing says that the mark is ours"
    assert found.boxes["score"].dtype == "float64"
    assert found.boxes["flag"].dtype == "bool"
    assert found.frames["frame"].tolist() == [0, 2, 10], "frames with boxes were looked at"


def test_an_earlier_save_leaves_nothing_behind(labels, tmp_path):
    path = aa.save(labels, tmp_path / "boxes.csv", format="csv")
    without = Labels(labels.boxes, labels.frames)
    with pytest.raises(LabelFormatError, match=r"problems.csv \(2 such files\): another file"):
        aa.save(without, path, format="csv")
    assert len(aa.load(path).problems) == 1
    aa.save(without, path, format="csv", replace=True)
    assert not (tmp_path / "boxes.problems.csv").exists()
    assert aa.load(path).problems.empty


@both
def test_the_names_of_others_are_asked_for(tmp_path, ending):
    path = write(OTHERS, tmp_path / f"pets.{ending}")
    with pytest.raises(LabelFormatError) as error:
        aa.load(path)
    assert "lacks ['left', 'top', 'frame']" in str(error.value)
    assert str({k: NAMES[k] for k in OTHERS if k in NAMES}) in str(error.value).replace("\n", " ")


@both
def test_and_then_read(tmp_path, ending):
    labels = aa.load(write(OTHERS, tmp_path / f"pets.{ending}"), columns=NAMES)
    boxes = labels.boxes
    assert boxes[["left", "top", "width", "height"]].to_numpy().tolist() == [
        [1, 5, 10, 20], [2, 6, 10.5, 20], [3, 7, 10, 20]
    ]  # fmt: skip
    assert boxes["frame"].tolist() == [0, 1, 0], "images in order of appearance"
    assert boxes["label"].tolist() == ["dog", "cat", "dog"]
    assert boxes["sequence"].unique().tolist() == ["pets"]
    assert boxes["annotator"].unique().tolist() == ["consolidated"]
    assert boxes["track"].isna().all()
    assert list(boxes) == list(COLUMNS)
    assert labels.frames["image"].tolist() == ["b.jpg", "a.jpg"]
    assert labels.frames["image_width"].tolist() == [640, 640]


MAPPINGS = {
    "two of one name": (NAMES | {"filename": "left"}, r"two columns would be called \['left'\]"),
    "no such column": ({"Xmin": "left"}, "names ['Xmin']"),
    "corners and sides": (
        {k: v for k, v in NAMES.items() if k not in ("width", "height")},
        "has ['bottom', 'right'] beside width and height",
    ),
}


@both
@pytest.mark.parametrize("name", MAPPINGS)
def test_names_that_make_no_sense_say_so(tmp_path, ending, name):
    mapping, what = MAPPINGS[name]
    with pytest.raises(
        LabelFormatError, match=what.replace("[", r"\[") if "\\" not in what else what
    ):
        aa.load(write(OTHERS, tmp_path / f"pets.{ending}"), columns=mapping)


ROW = {"frame": 3, "left": 1.5, "top": 2, "width": 3, "height": 4}
BAD = {"frame": ["x", "-1", "1.5", ""], "left": ["ten", "1_0"], "height": ["true"]}


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, values in BAD.items() for v in values])
def test_a_bad_row_is_one_problem_and_the_others_survive(tmp_path, name, value):
    rows = [{k: str(v) for k, v in ROW.items()} for _ in range(3)]
    rows[1][name] = value
    path = write(pd.DataFrame(rows), tmp_path / "x.csv")
    labels = aa.load(path)
    assert labels.boxes["frame"].tolist() == [3, 3]
    assert labels.problems["where"].tolist() == ["row 3"]
    assert name in labels.problems["what"][0]
    with pytest.raises(LabelFormatError, match="row 3"):
        aa.load(path, strict=True)


def test_a_missing_side_is_unknown_and_a_missing_frame_is_a_problem(tmp_path):
    table = pd.DataFrame([ROW, ROW | {"left": None}, ROW | {"frame": None}])
    for ending in ENDINGS:
        labels = aa.load(write(table, tmp_path / f"x.{ending}"))
        assert labels.boxes["left"].isna().tolist() == [False, True]
        assert len(labels.problems) == 1


def test_metadata_that_are_damaged_are_told_and_not_used(labels, tmp_path):
    path = aa.save(labels, tmp_path / "boxes.csv", format="csv")
    for text in ("{", "[]", '{"tables": 3}', '{"tables": [{"url": 3}]}'):
        (tmp_path / "boxes.csv-metadata.json").write_text(text)
        found = aa.load(path)
        assert len(found.boxes) == 3
        assert found.problems["what"].str.contains("types are told from the cells").any()
    (tmp_path / "boxes.frames.csv").write_text("sequence\na\n")
    found = aa.load(path)
    assert found.frames["frame"].tolist() == [0, 2, 10]
    assert found.problems["what"].str.contains("frames with boxes were looked at").any()


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1" * 100, b"hello", b"PAR1\0\0\0\0PAR1"])
def test_what_is_no_parquet_says_so(tmp_path, data):
    path = tmp_path / "x.parquet"
    path.write_bytes(data)
    with pytest.raises(LabelFormatError, match=r"x\.parquet"):
        plain_parquet.load(path)


def test_columns_that_cannot_be_written_are_named(labels, tmp_path):
    odd = labels.boxes.assign(odd=pd.Series([1, "a", {}], dtype=object))
    for ending, module in ENDINGS.items():
        with pytest.raises(LabelFormatError, match="odd"):
            module.save(Labels(odd), tmp_path / f"x.{ending}")
    assert not list(tmp_path.iterdir())
    with pytest.raises(LabelFormatError, match="Parquet"):
        plain_csv.save(Labels(labels.boxes.assign(day=pd.Timestamp(0))), tmp_path / "x.csv")


def test_a_column_of_the_wrong_type_is_named(tmp_path):
    path = write(pd.DataFrame([ROW]).assign(left=[[1, 2]]), tmp_path / "x.parquet")
    with pytest.raises(LabelFormatError, match=r"'left' holds list"):
        plain_parquet.load(path)


@pytest.mark.parametrize("values", [[[1, 2]], [{"a": 1}], [b"\xff"]])
@pytest.mark.parametrize("name", ["label", "image", "track"])
def test_text_that_is_none_is_named(tmp_path, name, values):
    path = write(pd.DataFrame([ROW]).assign(**{name: values}), tmp_path / "x.parquet")
    with pytest.raises(LabelFormatError, match=f"'{name}' holds .*expected text"):
        plain_parquet.load(path)
    labels = plain_parquet.load(path, columns={name: "other"})
    assert labels.boxes["other"].notna().all(), "under another name it rides along"


@both
def test_findings_of_an_audit_are_no_labels(tmp_path, ending):
    aa.save(aa.datasets.station(), tmp_path / "SeqLabel.json")
    findings = aa.audit(aa.datasets.station())
    assert len(findings)
    path = write(findings, tmp_path / f"findings.{ending}")
    assert len(aa.load(tmp_path).boxes) == len(aa.datasets.station().boxes)
    with pytest.raises(LabelFormatError, match="no label format"):
        aa.load(path)
    assert len(aa.load(path, format=ending).boxes) == len(findings)


def test_which_columns_look_like_boxes():
    assert looks_like_boxes(["Frame_ID", "X1", "Y1", "X2", "Y2"])
    assert looks_like_boxes(list(COLUMNS))
    for names in (
        ["left", "top"],
        ["x", "y"],
        ["name", "width", "height"],
        [],
        ["sequence", "image"],
    ):
        assert not looks_like_boxes(names)


texts = st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=5)
numbers = st.floats(allow_nan=False) | st.just(np.nan)
rows = st.lists(
    st.tuples(
        st.text("ab,=-", min_size=1, max_size=3), st.integers(0, 2**62), texts, texts,
        numbers, numbers, numbers, numbers, texts, numbers,
        st.none() | st.booleans(), st.none() | st.integers(-(2**63), 2**63 - 1),
    ),
    min_size=1, max_size=6,
)  # fmt: skip


@both
@given(rows)
@settings(max_examples=60)
def test_law_load_save_load_keeps_everything(tmp_path_factory, ending, rows):
    names = ["sequence", "frame", "track", "label", "left", "top", "width", "height", "t", "n"]
    table = pd.DataFrame([row[:10] for row in rows], columns=names)
    table = table.assign(
        annotator="ann",
        b=pd.array([row[10] for row in rows], dtype="boolean"),
        i=pd.array([row[11] for row in rows], dtype="Int64"),
    ).astype({"t": TEXT, "n": "float64"})
    labels = Labels(table)
    folder = tmp_path_factory.getbasetemp() / "law"
    folder.mkdir(exist_ok=True)
    path = aa.save(labels, folder / f"x.{ending}", format=ending, replace=True)
    again = aa.load(path, format=ending)
    pd.testing.assert_frame_equal(again.boxes, labels.boxes)


pieces = st.sampled_from(
    [b"frame,left,top,width,height\n", b"image,xmin,ymin,xmax,ymax\n", b"1,2,3,4,5\n", b"x,,,,\n"]
    + [b",", b"\n", b'"', b"\xff", b"\0", b"nan", b"1e999", b"\r", b"-1", b";", b"\xef\xbb\xbf"]
)


@pytest.mark.fuzz
@given(st.lists(pieces, max_size=20).map(b"".join))
@settings(max_examples=100)
def test_fuzz_csv(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "fuzz.csv"
    path.write_bytes(data)
    try:
        labels = plain_csv.load(path)
    except LabelFormatError:
        return
    assert set(COLUMNS) <= set(labels.boxes)


@pytest.mark.fuzz
@given(
    st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=3)), max_size=4),
    st.floats(0.5, 1.1),
)
@settings(max_examples=100)
def test_fuzz_parquet(tmp_path_factory, changes, length):
    folder = tmp_path_factory.getbasetemp()
    whole = folder / "whole.parquet"
    if not whole.exists():
        plain_parquet.save(aa.datasets.station(), whole)
    data = bytearray(whole.read_bytes())
    for at, new in changes:
        start = int(at * len(data))
        data[start : start + len(new)] = new
    path = folder / "fuzz.parquet"
    path.write_bytes(bytes(data[: int(length * len(data))]))
    try:
        labels = plain_parquet.load(path)
    except LabelFormatError:
        return
    assert set(COLUMNS) <= set(labels.boxes)
