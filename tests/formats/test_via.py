"""VIA's CSV: images and tracks, shapes that are no boxes, and back again."""

import csv
import io
import json
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

import annotaudit as aa
from annotaudit.boxes import COLUMNS, Labels
from annotaudit.errors import LabelFormatError
from annotaudit.formats.via.format import load, recognises, save
from annotaudit.formats.via.rows import CELLS, KEYS_OF_SIDES

HEADER = ",".join(CELLS)


def row(name="01.png", region=0, shape=None, attributes=None, *, about=None, count=1):
    shape = (
        {"name": "rect", "x": 10, "y": 20.5, "width": 30, "height": 40} if shape is None else shape
    )
    objects = [json.dumps(each or {}) for each in (about, shape, attributes)]
    return [name, "26542", objects[0], str(count), str(region), *objects[1:]]


def text(*rows, header=HEADER):
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(rows)
    return f"{header}\n{written.getvalue()}"


@pytest.fixture
def write(tmp_path):
    def write(*rows, name="crabs.csv", header=HEADER):
        path = tmp_path / name
        path.write_text(text(*rows, header=header), encoding="utf-8")
        return path

    return write


def content(path):
    """Rows as values: JSON decoded, because its spaces mean nothing."""
    with path.open(newline="") as opened:
        return [
            [
                json.loads(cell) if at in (2, 5, 6) and number else cell
                for at, cell in enumerate(cells)
            ]
            for number, cells in enumerate(csv.reader(opened))
        ]


def test_boxes_on_images(write):
    labels = aa.load(
        write(
            row("b.png", 0, attributes={"type": "crab", "size": 3}, count=2),
            row("b.png", 1, attributes={"type": "fish"}, count=2),
            row("a.png", 0, shape={}, count=0),
        )
    )
    boxes = labels.boxes
    assert boxes[["left", "top", "width", "height"]].to_numpy().tolist() == [[10, 20.5, 30, 40]] * 2
    assert boxes["label"].tolist() == ["crab", "fish"]
    assert boxes["frame"].tolist() == [0, 0]
    assert boxes["track"].isna().all()
    assert boxes["sequence"].unique().tolist() == ["crabs"]
    assert boxes["attribute.size"].tolist()[:1] == [3]
    assert labels.frames["image"].tolist() == ["b.png", "a.png"], "a.png was looked at"
    assert labels.problems.empty


def test_tracks_number_their_frames_by_the_names(write):
    rows = [row(f"clip_{n:04d}.png", attributes={"track": "71"}) for n in (1, 2, 5)]
    labels = load(write(*rows))
    assert labels.boxes["frame"].tolist() == [0, 1, 4], "no image has number 0"
    assert labels.boxes["track"].tolist() == ["71"] * 3
    zero = row("clip_0000.png", attributes={"track": 71})
    labels = load(write(zero, *rows))
    assert labels.boxes["frame"].tolist() == [0, 1, 2, 5]
    assert labels.boxes["track"].tolist() == ["71"] * 4, "numbers are ids, too"


def test_frame_numbers_of_the_images_come_first(write):
    rows = [row(f"{n}.png", about={"frame": n + 40}, attributes={"track": "1"}) for n in (3, 2)]
    labels = load(write(*rows))
    assert labels.boxes["frame"].tolist() == [43, 42]


def test_which_attribute_is_the_label_can_be_said(write):
    path = write(row(attributes={"name": "Ann", "sort": "crab", "who": "7"}))
    assert load(path).boxes["label"].tolist() == ["Ann"]
    boxes = load(path, label="sort", track="who").boxes
    assert boxes[["label", "track"]].to_numpy().tolist() == [["crab", "7"]]


def test_other_shapes_are_told_and_kept(write, tmp_path):
    circle = {"name": "circle", "cx": 3, "cy": 4, "r": 5}
    path = write(
        row(region=0, shape=circle, attributes={"a": 1}), row(region=1), row(region=2, shape=circle)
    )
    labels = load(path)
    assert len(labels.boxes) == 1
    assert labels.problems["what"].tolist() == [
        "2 regions of shape 'circle' are no boxes; they are kept"
    ]
    rows = content(save(labels, tmp_path / "again.csv"))
    assert [cells[5]["name"] for cells in rows[1:]] == ["circle", "rect", "circle"]


def test_everything_is_written_back(write, tmp_path):
    rows = [
        row("b,1.png", 0, count=2,
            attributes={"track": 7, "label": "crab", "x": None, "y": {"a": True}}),
        row("b,1.png", 1, shape={"name": "rect", "x": 1, "y": 2, "width": 3, "height": 4, "z": [1]},
            attributes={"track": None, "label": ["a", "b"], "y": "text"}, count=2),
        row("=a.png", 0, shape={}, count=0, about={"caption": 'say "hi"'}),
        row("c.png", "x", attributes={"label": "2", "y": 3}),
    ]  # fmt: skip
    for header in (HEADER, f"#{HEADER}"):
        path = write(*rows, header=header)
        labels = load(path)
        saved = save(labels, tmp_path / "again.csv")
        assert content(saved) == content(path)
        again = load(saved, sequence="crabs")
        pd.testing.assert_frame_equal(again.boxes, labels.boxes)
        pd.testing.assert_frame_equal(again.frames, labels.frames)


def test_a_corrected_box_and_a_new_name_are_written(write, tmp_path):
    path = write(row(attributes={"track": 7, "label": 3}))
    labels = load(path)
    labels.boxes.loc[0, ["left", "label"]] = [11.5, "fish"]
    rows = content(save(labels, tmp_path / "again.csv"))
    assert rows[1][5]["x"] == 11.5
    assert rows[1][6] == {"track": 7, "label": "fish"}


def test_labels_from_elsewhere_keep_sequence_and_frame(tmp_path):
    boxes = pd.DataFrame(
        {
            "sequence": ["a", "a", "b"], "frame": [0, 3, 0], "track": ["Car:1", "Car:1", None],
            "label": ["car", None, "dog"], "annotator": "ann", "left": 1.0, "top": 2.0,
            "width": 3.0, "height": 4.25, "attribute.colour": ["red", None, "blue"],
        }
    )  # fmt: skip
    before = boxes.copy()
    again = load(save(Labels(boxes), tmp_path / "out.csv")).boxes
    pd.testing.assert_frame_equal(boxes, before)
    shared = [name for name in boxes if name != "annotator"]
    for name in shared:
        assert again[name].fillna("-").tolist() == boxes[name].fillna("-").tolist()
    with pytest.raises(LabelFormatError, match="who drew"):
        save(Labels(boxes.assign(annotator=["a", "b", "c"])), tmp_path / "out.csv")
    with pytest.raises(LabelFormatError, match="finite"):
        save(Labels(boxes.assign(left=np.nan)), tmp_path / "out.csv")


BAD = {
    "shape is text": (row(shape={"name": "rect", "x": "1", "y": 1}), "x is '1'"),
    "side lacks": (row(shape={"name": "rect", "x": 1, "y": 1, "width": 1}), "height is None"),
    "not JSON": ([*row()[:5], "{x}", "{}"], "region_shape_attributes is '{x}'"),
    "not an object": ([*row()[:5], "[1]", "{}"], "expected a JSON object"),
    "too short": (row()[:5], "5 cells"),
    "too long": ([*row(), "x"], "8 cells"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_row_is_one_problem_and_the_others_survive(write, name):
    bad, what = BAD[name]
    path = write(row("1.png"), bad, row("3.png"))
    labels = load(path)
    assert len(labels.boxes) == 2
    assert labels.problems["where"].tolist() == ["row 3"]
    assert what in labels.problems["what"][0]
    with pytest.raises(LabelFormatError, match="row 3"):
        load(path, strict=True)


def test_a_name_that_leads_astray_is_a_problem_and_comes_back(write, tmp_path):
    path = write(row("../../etc/passwd"))
    labels = load(path)
    assert labels.frames["image"].isna().all()
    assert "passwd" in labels.problems["what"][0]
    assert content(save(labels, tmp_path / "again.csv"))[1][0] == "../../etc/passwd"


def test_two_images_of_one_number_are_told(write):
    labels = load(write(*(row(f"{x}_1.png", attributes={"track": "1"}) for x in "ab")))
    assert labels.boxes["frame"].tolist() == [0, 1]
    assert "one frame number" in labels.problems["what"][0]


def test_via_3_is_refused_with_what_to_do(tmp_path):
    path = tmp_path / "via3.csv"
    path.write_text(
        "# Exported using VGG Image Annotator\n"
        "# CSV_HEADER = metadata_id,file_list,flags,temporal_coordinates,spatial_coordinates,"
        'metadata\n"1_a","[""a.mp4""]",0,"[1.5]","[2,1,2,3,4]","{}"\n'
    )
    with pytest.raises(LabelFormatError, match=r"VIA 3.*COCO"):
        aa.load(path)


@pytest.mark.parametrize("start", ["", '{"_via_settings": {}, "_via_img_metadata": '])
def test_the_json_of_via_is_refused_with_what_to_do(tmp_path, start):
    path = tmp_path / "via_region_data.json"
    end = "}" if start else ""
    path.write_text(
        f'{start}{{"a.jpg12": {{"filename": "a.jpg", "size": 12, "regions": [], '
        f'"file_attributes": {{}}}}}}{end}'
    )
    with pytest.raises(LabelFormatError, match=r"JSON of VIA; expected its CSV.*as csv"):
        aa.load(path)


@pytest.mark.parametrize(
    "data", ["hello\n", "left,top\n1,2\n", "{}\n", HEADER.replace("region_id", "id")]
)
def test_another_file_says_so(tmp_path, data):
    path = tmp_path / "x.csv"
    path.write_text(data)
    assert not recognises(path, data.encode())
    with pytest.raises(LabelFormatError, match="lacks"):
        load(path)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
    lambda inside: (
        st.lists(inside, max_size=2) | st.dictionaries(st.text(max_size=3), inside, max_size=2)
    ),
    max_leaves=4,
)
sides = st.integers(-9, 999) | st.floats(-1e4, 1e4).map(lambda value: round(value, 6))
keys = st.sampled_from(["track", "label", "a", "b"])
# Without line breaks: Arrow reads a lone carriage return as one.
names = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=6)


@given(
    st.lists(
        st.tuples(names, st.tuples(*[sides] * 4), st.dictionaries(keys, values, max_size=3)),
        min_size=1, max_size=6, unique_by=lambda each: each[0],
    )
)  # fmt: skip
@settings(max_examples=40)
def test_law_load_save_load_keeps_everything(tmp_path_factory, images):
    folder = tmp_path_factory.getbasetemp() / "law"
    folder.mkdir(exist_ok=True)
    path = folder / "x.csv"
    rows = [
        row(name, shape={"name": "rect"} | dict(zip(KEYS_OF_SIDES, box, strict=True)),
            attributes=attributes)
        for name, box, attributes in images
    ]  # fmt: skip
    path.write_text(text(*rows), encoding="utf-8")
    labels = load(path)
    again = load(save(labels, folder / "again.csv"), sequence="x")
    pd.testing.assert_frame_equal(in_any_order(again.boxes), in_any_order(labels.boxes))
    pd.testing.assert_frame_equal(again.frames, labels.frames)
    assert [cells[6] for cells in content(folder / "again.csv")[1:]] == [each[2] for each in images]


def in_any_order(boxes):
    """Boxes whose JSON has its keys, and which has its columns, sorted."""
    if "extra" in boxes:
        known = boxes["extra"].dropna()
        extra = known.map(lambda each: json.dumps(json.loads(each), sort_keys=True))
        boxes = boxes.assign(extra=extra)
    return boxes[sorted(boxes)]


@pytest.mark.slow
def test_a_quarter_of_a_million_rows_take_seconds(tmp_path):
    path = tmp_path / "big.csv"
    lines = text(
        *(row(f"{n:06d}.png", attributes={"track": "7", "label": "crab"}) for n in range(500))
    )
    first, _, rest = lines.partition("\n")
    path.write_text(f"{first}\n" + rest * 500)
    started = time.perf_counter()
    assert len(load(path).boxes) == 250_000
    assert time.perf_counter() - started < 20


pieces = st.sampled_from(
    [HEADER.encode() + b"\n", text(row()).split("\n")[1].encode() + b"\n", b"{}", b'"', b",", b"\n"]
    + [b"{", b"\xff", b"\0", b"[", b'""', b"1e999", b"\r", b"0", b"rect", b"\xef\xbb\xbf", b"#"]
)


@pytest.mark.fuzz
@given(st.lists(pieces, max_size=30).map(b"".join), st.booleans())
@settings(max_examples=150)
def test_fuzz_any_bytes_are_labels_or_a_label_format_error(tmp_path_factory, data, headed):
    folder = tmp_path_factory.getbasetemp() / "via-fuzz"
    folder.mkdir(exist_ok=True)
    path = folder / "x.csv"
    path.write_bytes(HEADER.encode() + b"\n" + data if headed else data)
    recognises(path, path.read_bytes())
    try:
        labels = load(path)
    except LabelFormatError:
        return
    assert set(COLUMNS) <= set(labels.boxes)
    again = load(save(labels, folder / "again.csv")) if len(labels.frames) else labels
    assert len(again.boxes) == len(labels.boxes)
