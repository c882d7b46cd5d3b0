import builtins

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import annotaudit as aa
from annotaudit.boxes import TEXT
from annotaudit.bridges import from_supervision, to_supervision
from annotaudit.errors import BoxTableError, MissingExtraError

# Without OpenCV supervision says on import that it falls back on numpy, which is what we want.
pytestmark = pytest.mark.filterwarnings("ignore:OpenCV")
SIDES = ["left", "top", "width", "height"]


@pytest.fixture(autouse=True)
def supervision():
    return pytest.importorskip("supervision")


@pytest.fixture
def labels():
    boxes = pd.DataFrame(
        {"sequence": "street", "frame": [0, 0, 2], "track": ["car:1", "bus:1", "car:1"],
         "label": ["car", "bus", "car"], "annotator": ["ann", "bob", "ann"],
         "left": [1.0, 2, 3], "top": [10.0, 20, 30], "width": [5.0, 6, 7], "height": [8.0, 9, 10],
         "score": [0.5, np.nan, 0.25], "occluded": [True, False, False],
         "attribute.colour": ["red", None, "blue"]}
    )  # fmt: skip
    boxes = boxes.astype({"attribute.colour": TEXT})
    frames = pd.DataFrame({"sequence": "street", "frame": range(4), "image": "a.jpg"})
    return aa.Labels(boxes, aa.frames.check_frames(frames))


def test_a_frame_as_detections(labels, supervision):
    found = to_supervision(labels, frame=0)
    assert isinstance(found, supervision.Detections)
    assert found.xyxy.tolist() == [[1, 10, 6, 18], [2, 20, 8, 29]]
    assert found.class_id.tolist() == [1, 0], "bus before car, on every frame"
    assert found.tracker_id.tolist() == [0, 1]
    assert found.confidence.tolist()[0] == 0.5
    assert found.data["class_name"].tolist() == ["car", "bus"]
    assert found.data["track"].tolist() == ["car:1", "bus:1"]
    assert found.data["attribute.colour"].tolist() == ["red", None]
    assert to_supervision(labels, frame=2).tracker_id.tolist() == [0], "the same car"
    assert len(to_supervision(labels, frame=1)) == 0


def test_what_supervision_does_to_them_works(labels, supervision):
    both = supervision.Detections.merge([to_supervision(labels, frame=n) for n in (0, 2)])
    assert both[both.class_id == 1].data["annotator"].tolist() == ["ann", "ann"]
    assert supervision.box_iou_batch(both.xyxy, both.xyxy).diagonal().tolist() == [1, 1, 1]


def test_numbers_of_tracks_are_kept_where_all_are_numbers(labels):
    boxes = labels.boxes.assign(track=["7", None, "7"])
    assert to_supervision(boxes, frame=0).tracker_id.tolist() == [7, -1]
    assert to_supervision(boxes.assign(track=None), frame=0).tracker_id is None


def test_everything_comes_back(labels):
    there = {n: to_supervision(labels, frame=n) for n in range(4)}
    back = from_supervision(there, frames=labels.frames)
    names = list(labels.boxes)
    pd.testing.assert_frame_equal(back.boxes[names], labels.boxes, check_dtype=False)
    pd.testing.assert_frame_equal(back.frames, labels.frames)
    assert from_supervision(there).frames["frame"].tolist() == [0, 1, 2, 3]


def test_the_detections_of_a_model(supervision):
    found = supervision.Detections(
        xyxy=np.array([[0, 0, 5, 5.5]], dtype=np.float32),
        class_id=np.array([2]), confidence=np.array([0.9]), tracker_id=np.array([4]),
    )  # fmt: skip
    names = {2: "car"}
    labels = from_supervision([supervision.Detections.empty(), found], class_names=names)
    assert labels.boxes[["frame", "track", "label", "score", *SIDES]].to_numpy().tolist() == [
        [1, "4", "car", 0.9, 0, 0, 5, 5.5]
    ]
    assert labels.frames["frame"].tolist() == [0, 1]
    assert from_supervision({3: found}).boxes["label"].tolist() == ["2"]
    assert from_supervision([supervision.Detections.empty()]).boxes.empty


def test_a_tracker_that_knows_other_objects_is_believed(labels):
    there = {n: to_supervision(labels, frame=n) for n in (0, 2)}
    there[2].tracker_id = np.array([9])
    assert from_supervision(there).boxes["track"].tolist() == ["0", "1", "9"]


def test_a_sequence_must_be_named_where_there_are_several(labels):
    other = pd.concat([labels.boxes, labels.boxes.assign(sequence="park")], ignore_index=True)
    with pytest.raises(BoxTableError, match="one of park, street"):
        to_supervision(other, frame=0)
    assert len(to_supervision(other, "park", frame=0)) == 2
    with pytest.raises(BoxTableError, match="'lake'"):
        to_supervision(labels, "lake", frame=0)


def test_without_supervision_the_extra_is_named(labels, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **others):
        if name == "supervision":
            raise ImportError(name)
        return real(name, *args, **others)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"annotaudit\[supervision\]"):
        to_supervision(labels, frame=0)


hundredths = st.integers(-(10**6), 10**6).map(lambda number: number / 100)
word = st.text(min_size=1, max_size=4).filter(lambda text: "\0" not in text)


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.none() | word, st.none() | word, word,
                  hundredths, hundredths, hundredths, hundredths, st.none() | word),
        max_size=6,
    )
)  # fmt: skip
@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
def test_law_there_and_back(rows):
    names = ["frame", "track", "label", "annotator", *SIDES, "attribute.x"]
    boxes = pd.DataFrame(sorted(rows, key=lambda row: row[0]), columns=names)
    boxes = aa.check_boxes(boxes.assign(sequence="s").astype({"frame": "int64"}))
    back = from_supervision([to_supervision(boxes, frame=n) for n in range(4)], sequence="s")
    expected = boxes.reindex(columns=names)
    found = back.boxes.reindex(columns=names)
    text = dict.fromkeys(["attribute.x"], "object")
    pd.testing.assert_frame_equal(
        found.astype(text).fillna({"attribute.x": ""}),
        expected.astype(text).fillna({"attribute.x": ""}),
        check_dtype=False, atol=1e-8,
    )  # fmt: skip
    assert len(back.frames) == 4
