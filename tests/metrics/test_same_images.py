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
