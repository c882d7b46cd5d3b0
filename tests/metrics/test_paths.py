import numpy as np
import pandas as pd
import pytest

from annotaudit.metrics.paths import paths_of


def table(rows, **columns):
    boxes = pd.DataFrame(rows, columns=["frame", "track", "left"])
    boxes = boxes.assign(
        sequence="s", label="car", annotator="a", top=50.0, width=20.0, height=10.0
    )
    return boxes.assign(**columns)


def test_boxes_come_in_the_order_of_their_objects_and_of_time():
    paths = paths_of(table([(1, "b", 0.0), (1, "a", 5.0), (0, "b", 2.0)]))
    assert paths.row.tolist() == [1, 2, 0]
    assert paths.before.tolist() == [0, 0, 1]
    assert paths.after.tolist() == [0, 1, 0]


def test_boxes_without_a_track_and_second_boxes_are_left_out():
    paths = paths_of(table([(0, "a", 0.0), (0, "a", 9.0), (0, None, 3.0)]))
    assert paths.row.tolist() == [0]


@pytest.mark.parametrize(
    ("column", "value"), [("left", np.nan), ("width", 0.0), ("height", -4.0), ("top", np.inf)]
)
def test_an_impossible_box_borrows_the_edges_of_the_one_before(column, value):
    boxes = table([(0, "a", 1.0), (1, "a", 2.0), (2, "a", 3.0)])
    boxes.loc[1, column] = value
    paths = paths_of(boxes)
    assert paths.sound.tolist() == [True, False, True]
    assert paths.edges[0].tolist() == [1.0, 1.0, 3.0]


def test_an_impossible_first_box_borrows_from_the_next_and_not_from_another_object():
    boxes = table([(0, "a", 7.0), (0, "b", 1.0), (1, "b", 2.0)])
    boxes.loc[1, "width"] = np.nan
    assert paths_of(boxes).edges[0].tolist() == [7.0, 2.0, 2.0]


def test_frames_nobody_looked_at_take_no_time():
    boxes = table([(0, "a", 0.0), (4, "a", 1.0), (8, "a", 2.0)])
    frames = pd.DataFrame({"sequence": "s", "frame": [0, 4, 8]})
    assert paths_of(boxes, frames).time.tolist() == [0, 1, 2]
    assert paths_of(boxes).time.tolist() == [0, 4, 8]


def test_edges_on_the_border_count_as_clipped():
    boxes = table([(0, "a", 0.0), (1, "a", 80.0)])
    frames = pd.DataFrame(
        {"sequence": "s", "frame": [0, 1], "image_width": 100.0, "image_height": 99.0}
    )
    clipped = paths_of(boxes, frames).clipped
    assert clipped[:, 0].tolist() == [True, False, False, False]
    assert clipped[:, 1].tolist() == [False, False, True, False]


def test_runs_cut_between_objects():
    boxes = table([(f, t, 0.0) for t in "abc" for f in range(5)])
    runs = [(part.start, part.stop) for part in paths_of(boxes).runs(6)]
    assert runs == [(0, 10), (10, 15)]
