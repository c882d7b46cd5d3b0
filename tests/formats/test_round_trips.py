"""What holds for every format that is read and written: labels from elsewhere come back.

Each format's own tests hold it to more: that what its reader does not know is written back.
"""

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import annotaudit as aa
from annotaudit import formats
from annotaudit.errors import LabelFormatError

SIDES = ["left", "top", "width", "height"]
WIDTH, HEIGHT, N_FRAMES = 640.0, 480.0, 6

# What a format can hold: tracks (of any name, or of numbers) and several sequences (YOLO knows
# "train", "val" and "test" alone); how exact it is; what its reader has to be told.
FORMATS = {
    "coco": {"file": "labels.json", "tracks": "all", "several": True},
    "cvat video": {"file": "labels.xml", "tracks": "all", "several": True},
    "cvat images": {"file": "labels.xml", "tracks": "none", "several": True},
    "cvat-archive": {"file": "labels.zip", "tracks": "all", "several": True},
    "label-studio": {"file": "labels.json", "tracks": "all", "several": True},
    "voc": {"file": "one", "tracks": "none", "several": False},
    "yolo": {
        "file": "set", "tracks": "none", "several": False, "exact": 1e-4,
        "options": {"image_size": (WIDTH, HEIGHT)},
    },
    "motchallenge": {"file": "folder", "tracks": "numbers", "several": False},
    "ground-truth-video": {"file": "SeqLabel.json", "tracks": "all", "several": False},
    "ground-truth-images": {"file": "labels.manifest", "tracks": "none", "several": False},
}  # fmt: skip

words = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=5)
hundredths = st.integers(0, 400_00).map(lambda number: number / 100)
a_box = st.tuples(
    st.integers(0, 1), st.integers(0, N_FRAMES - 1), st.integers(1, 3), st.integers(0, 1),
    hundredths, hundredths, hundredths, hundredths,
)  # fmt: skip


def make_labels(rows, names, kind, several):
    """Boxes of up to two sequences, each frame of which somebody looked at."""
    table = pd.DataFrame(rows, columns=["place", "frame", "number", "label", *SIDES])
    sequences = ["street", "park ü"]
    if not several:
        table["place"] = 0
    table = table.astype({"place": int, "frame": int, "number": int, "label": int})
    if kind != "none":  # an object has one label, and one box on a frame
        table["label"] = (table["number"] + table["place"]) % 2
        table = table.drop_duplicates(["place", "frame", "number"])
    order = ["place", "number", "frame"] if kind != "none" else ["place", "frame"]
    table = table.sort_values(order, kind="stable", ignore_index=True)
    numbers = table["number"] if kind == "numbers" else table["number"].map("obj:{}".format)
    boxes = pd.DataFrame(
        {
            "sequence": table["place"].map(dict(enumerate(sequences))),
            "frame": table["frame"],
            "track": numbers.astype(str) if kind != "none" else None,
            "label": table["label"].map(dict(enumerate(names))),
            "annotator": "consolidated",
            **{side: table[side].astype(float) for side in SIDES},
        }
    )
    frames = pd.DataFrame(
        [
            (name, frame, f"{name}/{frame:03d}.png", WIDTH, HEIGHT, np.nan)
            for name in sequences[: 1 + several]
            for frame in range(N_FRAMES)
        ],
        columns=["sequence", "frame", "image", "image_width", "image_height", "time"],
    )
    return aa.Labels(aa.check_boxes(boxes), frames)


def sorted_rows(boxes):
    """What every format holds, in one order; the names of tracks are held to less."""
    keys = ["sequence", "frame", "label", *SIDES]
    return boxes[keys].sort_values(keys, ignore_index=True)


@pytest.mark.parametrize("name", FORMATS)
@given(
    rows=st.lists(a_box, min_size=1, max_size=6),
    names=st.lists(words, min_size=2, max_size=2, unique_by=lambda word: word.casefold()),
)
@settings(deadline=None, max_examples=10, suppress_health_check=list(HealthCheck))
def test_law_labels_from_elsewhere_come_back(tmp_path_factory, name, rows, names):
    about = FORMATS[name]
    kind = about["tracks"]
    labels = make_labels(rows, names, kind, about["several"])
    if name == "label-studio":  # calls a video by the file it is in, which no image is
        labels = aa.Labels(labels.boxes, labels.frames.assign(image=None))
    before = labels.boxes.copy(deep=True)
    format = name.split(" ")[0]
    path = tmp_path_factory.mktemp("law") / about["file"]
    saved = aa.save(labels, path, format=format)
    pd.testing.assert_frame_equal(labels.boxes, before)
    again = aa.load(saved, format=format, **about.get("options", {}))
    assert again.problems.empty
    assert len(again.frames) == len(labels.frames) or name in ("motchallenge", "yolo")
    found = again.boxes if about["several"] else again.boxes.assign(sequence="street")
    pd.testing.assert_frame_equal(
        sorted_rows(found), sorted_rows(before),
        check_dtype=False, atol=about.get("exact", 1e-6), rtol=0,
    )  # fmt: skip
    if kind != "none":
        counts = [sorted(each.groupby(["sequence", "track"]).size()) for each in (found, before)]
        assert counts[0] == counts[1]
    once_more = aa.save(again, path.with_name("more") / path.name, format=format)
    twice = aa.load(once_more, format=format, **about.get("options", {}))
    assert len(twice.boxes) == len(labels.boxes)


JSON = {
    "coco": '{{"images": [{{"id": 1, "file_name": "a.jpg"}}], "categories": [], "annotations": '
    '[{{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, {}]}}]}}',
    "label-studio": '[{{"id": 1, "data": {{"image": "a"}}, "annotations": [{{"id": 1, '
    '"completed_by": 1, "result": [{{"type": "rectanglelabels", "id": "x", "original_width": 9, '
    '"original_height": 9, "value": {{"x": 1, "y": 2, "width": 3, "height": {}}}}}]}}]}}]',
    "ground-truth-video": '{{"tracking-annotations": [{{"frame-no": 0, "frame": "a.jpg", '
    '"annotations": [{{"left": 1, "top": 2, "width": 3, "height": {}}}]}}]}}',
    "ground-truth-images": '{{"source-ref": "s3://b/a.jpg", "boxes": {{"image_size": [{{"width": 9,'
    ' "height": 9}}], "annotations": [{{"class_id": 0, "left": 1, "top": 2, "width": 3, '
    '"height": {}}}]}}, "boxes-metadata": {{"type": "groundtruth/object-detection"}}}}',
}
HOSTILE = {
    "deep": "[" * 100_000 + "]" * 100_000,
    "long number": "9" * 5_000,
    "large number": "1e400",
    "NaN": "NaN",
    "Infinity": "-Infinity",
    "text": '"3"',
    "half a surrogate": '"\\ud800"',
    "doubled key": '4, "height": 5',
}


@pytest.mark.parametrize("name", JSON)
@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_json_is_a_problem_or_an_error_and_costs_no_time(tmp_path, name, hostile):
    path = tmp_path / "labels.json"
    value = HOSTILE[hostile]
    if name == "coco" and hostile == "doubled key":
        value = '4], "bbox": [1, 2, 3, 5'
    path.write_text(JSON[name].format(value))
    start = time.process_time()
    try:
        labels = aa.load(path, format=name)
    except LabelFormatError as error:
        assert str(path) in str(error)
    else:
        sides = labels.boxes[SIDES].to_numpy()
        assert not np.isinf(sides).any()
        # Label Studio's export is decoded whole: of a doubled key the last one counts.
        is_quiet = hostile == "NaN" or (name, hostile) == ("label-studio", "doubled key")
        assert len(labels.problems) or is_quiet
    assert time.process_time() - start < 2
    path.write_text(JSON[name].format(4))
    assert len(aa.load(path, format=name).boxes) == 1, "the same file, unharmed"


BOMB = "".join(
    f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize("name", ["cvat", "voc"])
def test_entity_bombs_are_refused_before_they_expand(tmp_path, name):
    body = {
        "cvat": "<annotations><version>1.1</version><track id='0' label='&i;'/></annotations>",
        "voc": "<annotation><filename>a</filename><object><name>&i;</name></object></annotation>",
    }[name]
    path = tmp_path / "labels.xml"
    path.write_text(f'<!DOCTYPE x [<!ENTITY a "ha">{BOMB}]>{body}')
    start = time.process_time()
    with pytest.raises(LabelFormatError, match="DOCTYPE"):
        aa.load(path, format=name)
    assert time.process_time() - start < 1


def test_every_writer_is_held_to_a_law():
    """A new format has to be put into the table above, or here with what holds it instead."""
    elsewhere = {
        "mturk": "writes answers into the assignments they came from only",
        "mturk-csv": "writes answers into the batch they came from only",
        "ground-truth-workers": "is read only",
        "kitti": "test_kitti", "via": "test_via", "visdrone": "test_drones",
        "uavdt": "test_drones", "csv": "test_plain_tables", "parquet": "test_plain_tables",
    }  # fmt: skip
    held = {name.split(" ")[0] for name in FORMATS}
    assert set(formats.FORMATS) <= held | elsewhere.keys()
