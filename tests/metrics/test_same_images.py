"""Gold from another file, put under the numbers of the labels."""

import pandas as pd
import pytest

from annotaudit.boxes import Labels, check_boxes, empty_table
from annotaudit.errors import BoxTableError
from annotaudit.metrics import on_images_of


def labels(sequence, images, frames=None):
    frames = range(len(images)) if frames is None else frames
    table = pd.DataFrame({"sequence": sequence, "frame": frames, "image": images})
    boxes = table.drop(columns="image").assign(
        track=None, label=images, annotator="a", left=0, top=0, width=9, height=9
    )
    problems = empty_table({"source": "str", "where": "str", "what": "str"})
    return Labels(check_boxes(boxes), table, problems)


def test_boxes_go_with_their_image_whatever_its_number_was():
    ours = labels("batch", ["https://example.com/b.jpg", "https://example.com/a.jpg"])
    gold = labels("gold", ["/truth/a.jpg", "/truth/b.jpg", "/truth/c.jpg"], [7, 8, 9])
    moved = on_images_of(ours, gold)
    found = moved.boxes.set_index("label")[["sequence", "frame"]].to_dict("index")
    assert found == {
        "/truth/a.jpg": {"sequence": "batch", "frame": 1},
        "/truth/b.jpg": {"sequence": "batch", "frame": 0},
    }
    assert moved.frames["frame"].tolist() == [1, 0]
    assert gold.boxes["frame"].tolist() == [7, 8, 9]


def test_no_image_in_common_is_told():
    with pytest.raises(BoxTableError, match=r"Gold has \['a.jpg'\], the labels \['b.jpg'\]"):
        on_images_of(labels("x", ["b.jpg"]), labels("y", ["a.jpg"]))


def test_images_of_one_name_are_told_by_their_folders():
    ours = labels("batch", ["https://example.com/train/1.jpg?v=2", "https://example.com/val/1.jpg"])
    gold = labels("gold", ["/truth/val/1.jpg", "/truth/train/1.jpg", "/truth/test/1.jpg"])
    moved = on_images_of(ours, gold)
    frames = moved.boxes.set_index("label")["frame"].to_dict()
    assert frames == {"/truth/val/1.jpg": 1, "/truth/train/1.jpg": 0}
    assert moved.problems.empty


def test_gold_that_could_be_of_two_images_is_left_out_and_told():
    ours = labels("batch", ["a/1.jpg", "b/1.jpg", "a/2.jpg"])
    moved = on_images_of(ours, labels("gold", ["truth/1.jpg", "truth/2.jpg"]))
    assert moved.boxes[["label", "frame"]].to_numpy().tolist() == [["truth/2.jpg", 2]]
    assert moved.problems["where"].tolist() == ["truth/1.jpg"]
    assert moved.problems["what"].str.contains("several images have this name").all()


def test_an_image_that_the_labels_list_twice_has_its_gold_twice():
    moved = on_images_of(labels("batch", ["a.jpg", "a.jpg"]), labels("gold", ["a.jpg", "a.jpg"]))
    assert moved.boxes["frame"].tolist() == [0, 1]
    assert moved.problems["what"].tolist() == ["gold has this image twice; the first is used"]


def test_labels_without_image_names_have_none_in_common():
    nameless = Labels(labels("x", ["a.jpg"]).boxes)
    with pytest.raises(BoxTableError, match=r"the labels \[\]"):
        on_images_of(nameless, labels("y", ["a.jpg"]))
