import json

import pytest

import annotaudit as aa
from annotaudit.errors import LabelFormatError
from annotaudit.formats.ground_truth.workers import load, save

BOX = {"height": 41, "label": "dog", "left": 5, "top": 9, "width": 60}


def answer(*boxes, worker="private.us-east-1.ann", widget="boundingBox"):
    return {
        "answerContent": {
            widget: {
                "boundingBoxes": list(boxes),
                "inputImageProperties": {"height": 400, "width": 500},
            }
        },
        "submissionTime": "2026-12-28T18:59:58.321Z",
        "timeSpentInSeconds": 40.5,
        "workerId": worker,
        "workerMetadata": {"identityData": {"sub": "secret-sub"}},
    }


@pytest.fixture
def write(tmp_path):
    def write(value, name="response.json"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value))
        return path

    return write


def test_each_worker_is_an_annotator(write):
    path = write({"answers": [answer(BOX), answer(BOX | {"left": 6}, BOX, worker="bob")]})
    labels = aa.load(path, mask_workers=False)
    assert labels.boxes["annotator"].tolist() == ["private.us-east-1.ann", "bob", "bob"]
    assert labels.boxes["label"].tolist() == ["dog"] * 3
    assert labels.boxes["time_spent"].tolist() == [40.5] * 3
    assert labels.frames[["image_width", "image_height"]].iloc[0].tolist() == [500, 400]
    assert labels.problems.empty


def test_workers_are_masked_unless_asked_otherwise(write):
    path = write({"answers": [answer(BOX), answer(BOX, worker="bob")]})
    labels = load(path, key="ours")
    text = labels.boxes.to_csv() + labels.frames.to_csv()
    assert "ann" not in set(labels.boxes["annotator"])
    assert "us-east-1" not in text
    assert "secret-sub" not in text
    assert labels.boxes["annotator"].nunique() == 2
    assert load(path, key="ours").boxes.equals(labels.boxes)
    assert not load(path, key="theirs").boxes.equals(labels.boxes)


def test_who_drew_nothing_is_known(write):
    labels = load(write({"answers": [answer(BOX), answer(worker="bob")]}), mask_workers=False)
    assert json.loads(labels.frames["annotators"].iloc[0]) == ["private.us-east-1.ann", "bob"]


def test_a_folder_of_responses_is_one_set_of_images(write, tmp_path):
    for number in (0, 2, 10):
        write(
            {"answers": [answer(BOX)]},
            f"pets/annotations/worker-response/iteration-1/{number}/2026-01-01_00:00:00.json",
        )
    labels = aa.load(tmp_path / "pets")
    assert sorted(labels.boxes["frame"]) == [0, 2, 10]
    assert set(labels.boxes["sequence"]) == {"pets"}


@pytest.mark.parametrize(
    "bad", [None, 3, {}, {"answerContent": "{"}, {"answerContent": {"a": {"boundingBoxes": 1}}}]
)
def test_a_bad_answer_never_costs_the_rest(write, bad):
    labels = load(write({"answers": [bad, answer(BOX, {"left": 1})]}))
    assert len(labels.boxes) == 1
    assert labels.problems["where"].iloc[0] == "answer 0"
    assert labels.problems["where"].iloc[-1] == "answer 1 of response.json, box 1"


def test_an_answer_without_worker_is_kept_and_a_problem(write):
    labels = load(write({"answers": [answer(BOX, worker=None)]}))
    assert labels.boxes["annotator"].isna().all()
    assert labels.problems["where"].tolist() == ["answer 0"]


def test_video_responses_one_file_per_frame(write, tmp_path):
    for number in range(2):
        frame = {
            "frameNumber": number, "frame": f"frame_{number}.jpeg", "frameAttributes": {},
            "boundingBoxes": [BOX | {"objectId": "id", "objectName": "dog:1",
                                     "labelCategoryAttributes": {"wet": "no"}}],
        }  # fmt: skip
        write({"trackingAnnotations": frame}, f"video/frame_{number}.json")
    labels = aa.load(tmp_path / "video")
    assert labels.boxes["track"].tolist() == ["dog:1", "dog:1"]
    assert labels.boxes["frame"].tolist() == [0, 1]
    assert labels.boxes["attribute.wet"].tolist() == ["no", "no"]
    assert labels.frames["image"].tolist() == ["frame_0.jpeg", "frame_1.jpeg"]


def test_what_is_no_response_is_refused(write, tmp_path):
    with pytest.raises(LabelFormatError, match="expected a list of 'answers'"):
        load(write({"answers": 3}))
    with pytest.raises(LabelFormatError, match="found no JSON file"):
        (tmp_path / "empty").mkdir()
        load(tmp_path / "empty")


def test_responses_are_not_written(write, tmp_path):
    with pytest.raises(LabelFormatError, match="a record"):
        save(load(write({"answers": [answer(BOX)]})), tmp_path / "again.json")
