"""FiftyOne needs a MongoDB for its data sets and for nothing else: samples are made without one.

It is not among the packages the tests install (1 GB); these tests run where it is, those of data
sets where mongomock is, too, which plays the database in memory.
"""

import numpy as np
import pandas as pd
import pytest

import annotaudit as aa
from annotaudit.audit.findings import FINDING_COLUMNS
from annotaudit.boxes import TEXT
from annotaudit.bridges import from_fiftyone, to_fiftyone, to_samples
from annotaudit.errors import FrameError

SIDES = ["left", "top", "width", "height"]


@pytest.fixture
def fiftyone():
    return pytest.importorskip("fiftyone", reason="fiftyone brings 100 packages, 1 GB")


@pytest.fixture
def database(fiftyone, monkeypatch):
    mongomock = pytest.importorskip("mongomock", reason="mongomock plays FiftyOne's database")
    import mongoengine
    from fiftyone.core.odm import database

    client = mongomock.MongoClient()
    name = fiftyone.config.database_name
    mongoengine.connect(name, host="mongodb://x", mongo_client_class=lambda *_, **__: client)
    monkeypatch.setattr(database, "_client", client)
    monkeypatch.setattr(database, "_connect", lambda: None)
    yield
    mongoengine.disconnect()


@pytest.fixture
def labels():
    boxes = pd.DataFrame(
        {"sequence": "street", "frame": [0, 0, 2], "track": ["car:1", "bus:1", "car:1"],
         "label": ["car", None, "car"], "annotator": ["ann", "bob", "ann"],
         "left": [10.0, 20, 33.3], "top": [10.0, 20, 30], "width": [50.0, 60, 70],
         "height": [80.0, 90, 10], "score": [0.5, np.nan, 0.25], "occluded": [True, False, False],
         "attribute.colour": ["red", None, "blue"]}
    )  # fmt: skip
    boxes = boxes.astype({"attribute.colour": TEXT})
    frames = pd.DataFrame(
        {"sequence": "street", "frame": range(3), "image": [f"/data/{n}.png" for n in range(3)],
         "image_width": 200.0, "image_height": 100.0}
    )  # fmt: skip
    return aa.Labels(boxes, aa.frames.check_frames(frames))


@pytest.fixture
def findings(labels):
    """One box looks wrong in two ways; one is missing on frame 1."""
    wrong = labels.boxes.iloc[[2, 2]].reset_index(drop=True)
    missing = wrong.iloc[[0]].assign(frame=1, **dict.fromkeys(SIDES, np.nan))
    found = pd.concat([wrong, missing], ignore_index=True).reindex(columns=list(FINDING_COLUMNS))
    found["rule"] = ["jump", "size", "gap"]
    found["score"] = [0.9, 0.3, 0.5]
    found["severity"] = ["error", "warning", "warning"]
    found["reason"] = ["It jumps.", "It grows.", "It is gone."]
    found.loc[[0, 2], ["expected_left", "expected_top", "expected_width", "expected_height"]] = 20.0
    return found


def test_a_sample_per_frame_with_tags_and_scores(fiftyone, labels, findings):
    samples = to_samples(labels, findings)
    assert [sample.filepath for sample in samples] == ["/data/0.png", "/data/1.png", "/data/2.png"]
    assert [sample["position"] for sample in samples] == [0, 1, 2]
    first = samples[0]["boxes"].detections[0]
    assert first.bounding_box == [0.05, 0.1, 0.25, 0.8]
    assert (first.label, first["track"], first.confidence, first.index) == ("car", "car:1", 0.5, 0)
    assert first["attribute__colour"] == "red"
    assert first.tags == []
    wrong = samples[2]["boxes"].detections[0]
    assert wrong.tags == ["jump", "size", "error", "warning"]
    assert wrong["finding_score"] == 0.9
    assert wrong["finding_reason"] == "It jumps."
    assert samples[1]["boxes"].detections == []
    gap = samples[1]["expected"].detections[0]
    assert gap.tags == ["gap"]
    assert gap.bounding_box == [0.1, 0.2, 0.1, 0.2]
    assert [s["finding_score"] for s in samples[1:]] == [0.5, 0.9]


def test_everything_comes_back(fiftyone, labels, findings):
    back = from_fiftyone(to_samples(labels, findings))
    names = list(labels.boxes)
    pd.testing.assert_frame_equal(
        back.boxes[names], labels.boxes, check_dtype=False, rtol=0, atol=1e-6
    )
    assert set(back.boxes) == set(names), "tags of findings are none that people gave"
    pd.testing.assert_frame_equal(back.frames, labels.frames)


def test_what_people_changed_comes_back(fiftyone, labels):
    samples = to_samples(labels)
    boxes = samples[0]["boxes"].detections
    boxes[0].bounding_box = [0.5, 0.1, 0.25, 0.8]
    boxes[0].tags.append("checked")
    boxes.pop(1)
    new = fiftyone.Detection(label="dog", bounding_box=[0, 0, 0.5, 0.5])
    samples[1]["boxes"].detections.append(new)
    back = from_fiftyone(samples, annotator="me").boxes
    assert back[["frame", "label", "left", "annotator"]].to_numpy().tolist() == [
        [0, "car", 100, "ann"], [1, "dog", 0, "me"], [2, "car", 33.3, "ann"]
    ]  # fmt: skip
    assert back["tags"].tolist()[0] == "checked"
    assert back["tags"].isna().tolist() == [False, True, True]


def test_a_video_is_one_sample_with_frames(fiftyone, labels):
    frames = labels.frames.assign(image=None)
    (sample,) = to_samples(aa.Labels(labels.boxes, frames), videos={"street": "/data/street.mp4"})
    assert sample.media_type == "video"
    assert sorted(sample.frames) == [1, 2, 3]
    back = from_fiftyone([sample], size=(200, 100))
    assert back.boxes[["frame", *SIDES]].round(9).equals(labels.boxes[["frame", *SIDES]])
    assert back.frames["frame"].tolist() == [0, 1, 2]


def test_a_data_set_is_sorted_counted_edited_and_read(database, labels, findings):
    dataset = to_fiftyone(labels, findings, name="street")
    assert dataset.name == "street"
    worst = dataset.sort_by("finding_score", reverse=True)
    assert [sample["position"] for sample in worst] == [2, 1, 0]
    assert dataset.count_label_tags("boxes") == {"jump": 1, "size": 1, "error": 1, "warning": 1}
    sample = worst.first()
    sample["boxes"].detections[0].tags.append("checked")
    sample["boxes"].detections[0].bounding_box = [0, 0, 0.5, 0.5]
    sample.save()
    back = from_fiftyone(dataset)
    assert back.boxes["tags"].dropna().tolist() == ["checked"]
    assert back.boxes[SIDES].to_numpy()[2].tolist() == [0, 0, 100, 50]
    pd.testing.assert_frame_equal(back.frames, labels.frames)


def test_samples_of_somebody_else(fiftyone):
    field = fiftyone.Detections(
        detections=[fiftyone.Detection(label="a", bounding_box=[0, 0, 1, 1])]
    )
    about = fiftyone.ImageMetadata(width=10, height=20)
    samples = [
        fiftyone.Sample(filepath="/a.png", truth=field, metadata=about),
        fiftyone.Sample(filepath="/b.png"),
    ]
    labels = from_fiftyone(samples, field="truth", sequence="pets")
    assert labels.boxes[SIDES].to_numpy().tolist() == [[0, 0, 10, 20]]
    assert labels.boxes["track"].isna().all()
    assert labels.frames["image"].tolist() == ["/a.png", "/b.png"]
    assert labels.frames["frame"].tolist() == [0, 1]
    samples[0].metadata = None
    with pytest.raises(FrameError, match="compute_metadata"):
        from_fiftyone(samples, field="truth")


@pytest.mark.parametrize(
    ("change", "says"),
    [({"image": None}, "no image"), ({"image_width": np.nan}, "unknown size"),
     ({"frame": [0, 1, 3]}, "not among labels.frames")],
)  # fmt: skip
def test_frames_that_fiftyone_cannot_show_are_refused(fiftyone, labels, change, says):
    with pytest.raises(FrameError, match=says):
        to_samples(aa.Labels(labels.boxes, labels.frames.assign(**change)))
