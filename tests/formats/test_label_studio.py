import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import annotaudit as aa
from annotaudit.errors import LabelFormatError
from annotaudit.formats.label_studio.format import load, save


def region(key="x1", x=10, *, label="dog", rotation=0, **others):
    return {
        "id": key, "type": "rectanglelabels", "from_name": "label", "to_name": "image",
        "original_width": 500, "original_height": 400, "image_rotation": 0,
        "value": {"x": x, "y": 20, "width": 5, "height": 10, "rotation": rotation,
                  "rectanglelabels": [label]},
    } | others  # fmt: skip


def key(frame, x=10.0, *, enabled=True, **others):
    return {
        "frame": frame, "time": 0.04, "enabled": enabled,
        "x": x, "y": 20, "width": 5, "height": 10, "rotation": 0,
    } | others  # fmt: skip


def track(*sequence, number="y1", frames=10):
    return {
        "id": number, "type": "videorectangle", "from_name": "box", "to_name": "video",
        "value": {"labels": ["car"], "framesCount": frames, "duration": frames / 25,
                  "sequence": list(sequence)},
    }  # fmt: skip


def task(*results, number=1, kind="image", name="a.jpg", people=(2, 3), **others):
    return {
        "id": number, "data": {kind: f"/data/upload/1/{name}", "note": "x"},
        "annotations": [
            {"id": 10 + at, "completed_by": who, "result": list(result), "lead_time": 1.5}
            for at, (result, who) in enumerate(zip(results, people, strict=False))
        ],
        "predictions": [], "created_at": "2024-01-01",
    } | others  # fmt: skip


def video(*regions, **others):
    return task(regions, kind="video", name="street.mp4", **others)


SIZE = {"video_size": (500, 400)}


@pytest.fixture
def write(tmp_path):
    def write(*tasks, name="export.json"):
        path = tmp_path / name
        path.write_text(json.dumps(tasks))
        return path

    return write


def content(path):
    return json.loads(path.read_text())


def test_hundredths_become_pixels_and_people_annotators(write):
    people = (2, {"id": 3, "email": "ann@example.org"})
    labels = aa.load(
        write(task([region()], [region("x2", 30)], people=people), task([], number=2, name="b.jpg"))
    )
    assert labels.boxes[list(aa.boxes.SIDES)].to_numpy().tolist() == [
        [50, 80, 25, 40], [150, 80, 25, 40]
    ]  # fmt: skip
    assert labels.boxes["annotator"].tolist() == ["2", "ann@example.org"]
    assert labels.boxes["label"].tolist() == ["dog", "dog"]
    assert labels.boxes["region_id"].tolist() == ["x1", "x2"]
    assert labels.boxes["track"].isna().all()
    assert labels.frames["image"].tolist() == ["data/upload/1/a.jpg", "data/upload/1/b.jpg"]
    assert labels.frames["frame"].tolist() == [0, 1], "b.jpg was looked at, and has no box"
    assert labels.problems.empty


def test_a_task_nobody_labelled_is_no_frame(write, tmp_path):
    path = write(task(name="0.jpg"), task([region()], number=2))
    labels = load(path)
    assert len(labels.frames) == 1
    assert content(save(labels, tmp_path / "again.json")) == content(path)
    with pytest.raises(LabelFormatError, match="nobody labelled"):
        load(write(task()))


def test_predictions_stand_apart(write, tmp_path):
    predicted = [{"id": 1, "model_version": "v1", "result": [region(score=0.5)], "score": 0.5}]
    path = write(task([region()], predictions=predicted))
    labels = load(path)
    assert labels.boxes["annotator"].tolist() == ["2", "v1"]
    assert labels.boxes["prediction"].tolist() == [False, True]
    assert labels.boxes["score"].tolist()[1] == 0.5
    alone = load(path, predictions=False)
    assert alone.boxes["annotator"].tolist() == ["2"]
    assert content(save(alone, tmp_path / "again.json")) == content(path), "what was not read stays"


def test_boxes_move_evenly_between_keyframes(write):
    labels = aa.load(write(video(track(key(1, 10), key(5, 20, enabled=False), key(9)))), **SIZE)
    assert labels.boxes["frame"].tolist() == [0, 1, 2, 3, 4, 8, 9]
    assert labels.boxes["left"].tolist() == [50, 62.5, 75, 87.5, 100, 50, 50]
    assert labels.boxes["keyframe"].tolist() == [True, False, False, False, True, True, False]
    assert labels.boxes["track"].unique().tolist() == ["y1"]
    assert labels.boxes["sequence"].unique().tolist() == ["street"]
    assert labels.frames["frame"].tolist() == list(range(10))
    assert labels.frames["image_width"].unique().tolist() == [500]
    only = load(write(video(track(key(1), key(5)))), **SIZE, interpolate=False)
    assert only.boxes["frame"].tolist() == [0, 4]


def test_spans_of_one_frame_as_label_studio_counts_them(write):
    """The four keyframes of its own test: 9 frames, 1, and all from 16 to the end, 284."""
    keys = (key(2), key(10, enabled=False), key(13, enabled=False), key(16))
    labels = load(write(video(track(*keys, frames=299))), **SIZE)
    assert len(labels.boxes) == 294


def test_the_size_of_a_video_must_be_given(write, tmp_path):
    path = write(video(track(key(1))))
    labels = load(path)
    assert labels.boxes.empty
    assert "video_size=(width, height)" in labels.problems["what"].iloc[0]
    assert content(save(labels, tmp_path / "again.json")) == content(path), "nothing is lost"


def test_a_turned_box_is_refused_or_boxed(write, tmp_path):
    path = write(task([region(rotation=90), region("x2")]))
    labels = load(path)
    assert labels.boxes["region_id"].tolist() == ["x2"]
    assert "turned by 90 degrees" in labels.problems["what"].iloc[0]
    assert content(save(labels, tmp_path / "again.json")) == content(path)
    boxed = load(path, rotation="box")
    assert boxed.boxes[list(aa.boxes.SIDES)].to_numpy().tolist()[0] == [10, 80, 40, 25]
    assert content(save(boxed, tmp_path / "again.json")) == content(path)
    with pytest.raises(LabelFormatError, match="expected 'refuse' or 'box'"):
        load(path, rotation="ignore")


def test_labels_may_stand_apart_from_the_rectangle(write, tmp_path):
    shape = region()
    shape["type"] = "rectangle"
    del shape["value"]["rectanglelabels"]
    name = region(type="labels")
    name["value"]["labels"] = ["cat"]
    path = write(task([shape, name]))
    labels = load(path)
    assert labels.boxes["label"].tolist() == ["cat"]
    assert labels.problems.empty
    assert content(save(labels, tmp_path / "again.json")) == content(path)


def test_what_is_no_box_rides_along(write, tmp_path):
    polygon = {"id": "p", "type": "polygonlabels", "value": {"points": [[1, 2]]}}
    choice = {"id": "c", "type": "choices", "value": {"choices": ["a"]}}
    path = write(
        task([polygon, region(), choice]), video(choice, track(key(1), key(4, 12)), number=2)
    )
    labels = load(path, **SIZE)
    assert len(labels.boxes) == 11
    assert content(save(labels, tmp_path / "again.json")) == content(path)


def test_a_cancelled_annotation_is_no_answer(write, tmp_path):
    skipped = task([region()], [region()])
    skipped["annotations"][1]["was_cancelled"] = True
    path = write(skipped)
    labels = load(path)
    assert len(labels.boxes) == 1
    assert content(save(labels, tmp_path / "again.json")) == content(path)


def looked(labels):
    table = aa.metrics.who_looked(labels)
    return {frame: part["annotator"].tolist() for frame, part in table.groupby("frame", sort=True)}


def test_who_drew_nothing_has_looked_and_who_skipped_has_not(write):
    people = (2, {"id": 3, "email": "ann@example.org"}, 4)
    skipped = task([region()], [], [], people=people)
    skipped["annotations"][2]["was_cancelled"] = True
    empty = task([], number=2, people=(4,), predictions=[{"model_version": "v1", "result": []}])
    path = write(skipped, task(number=3), empty)  # nobody has come to the second one
    assert looked(load(path)) == {0: ["2", "ann@example.org"], 1: ["4", "v1"]}
    assert looked(load(path, predictions=False)) == {0: ["2", "ann@example.org"], 1: ["4"]}


def test_who_labelled_a_task_looked_at_each_of_its_images_and_frames(write):
    pages = task([region()], [], people=(2, 3))
    pages["data"] = {"pages": ["/data/upload/1/p1.jpg", "/data/upload/1/p2.jpg"]}
    assert looked(load(write(pages))) == {0: ["2", "3"], 1: ["2", "3"]}
    clip = load(write(video(track(key(2, enabled=False), frames=3), people=(7,))), **SIZE)
    assert looked(clip) == {0: ["7"], 1: ["7"], 2: ["7"]}


def test_only_what_changed_is_changed(write, tmp_path):
    path = write(task([region(), region("x2"), region("x3")]))
    labels = load(path)
    boxes = labels.boxes.assign(left=[50.0, 55.0, 50.0], label=["dog", "dog", "cat"])
    saved = content(save(aa.Labels(boxes.iloc[[1, 2]], labels.frames), tmp_path / "again.json"))
    expected = content(path)
    left, renamed = expected[0]["annotations"][0]["result"][1:]
    left["value"]["x"] = 11
    renamed["value"]["rectanglelabels"] = ["cat"]
    expected[0]["annotations"][0]["result"] = [left, renamed]
    assert saved == expected


def test_a_box_moved_off_its_path_becomes_a_keyframe(write, tmp_path):
    path = write(video(track(key(1, 10), key(5, 20), frames=5)))
    labels = load(path, **SIZE)
    boxes = labels.boxes.copy()
    boxes.loc[2, "left"] += 10  # the correction
    saved = save(aa.Labels(boxes, labels.frames), tmp_path / "again.json")
    sequence = content(saved)[0]["annotations"][0]["result"][0]["value"]["sequence"]
    assert [(each["frame"], each["x"]) for each in sequence] == [(1, 10), (3, 17), (5, 20)]
    again = load(saved, **SIZE).boxes
    assert again["left"].iloc[2] == 85


def test_tracks_and_stills_from_elsewhere(tmp_path):
    boxes = pd.DataFrame(
        {"sequence": ["a", "a", "a", "b"], "frame": [0, 1, 4, 2], "track": ["1", "1", "1", None],
         "label": "car", "annotator": ["7", "7", "7", "ann"],
         "left": 1.0, "top": 2.0, "width": 3.0, "height": 4.0}
    )  # fmt: skip
    frames = pd.DataFrame(
        {"sequence": ["a"] * 8 + ["b"], "frame": [*range(8), 2], "image": None,
         "image_width": 100.0, "image_height": 50.0}
    )  # fmt: skip
    saved = save(aa.Labels(boxes, frames), tmp_path / "new.json")
    first, second = content(saved)
    sequence = first["annotations"][0]["result"][0]["value"]["sequence"]
    assert [(each["frame"], each["enabled"]) for each in sequence] == [
        (1, True), (2, False), (5, False)
    ]  # fmt: skip
    assert first["annotations"][0]["completed_by"] == 7
    assert second["data"] == {"image": "b/2"}
    again = aa.load(saved)
    assert again.boxes["frame"].tolist() == [0, 0, 1, 4]
    assert sorted(again.boxes["annotator"]) == ["7", "7", "7", "ann"]
    assert len(again.frames) == 9
    with pytest.raises(LabelFormatError, match="no known size"):
        save(aa.Labels(boxes, frames.assign(image_width=np.nan)), saved)
    with pytest.raises(LabelFormatError, match="no finite number"):
        save(aa.Labels(boxes.assign(left=np.inf), frames), saved)


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (3, "expected a region"),
        (region(x="1"), "x is '1'"),
        (region(original_width=None), "original_width"),
        (region(image_rotation=90), "turn it back"),
        (region(image_rotation=None), "turn it back"),
        (region(rotation="x"), "rotation is 'x'"),
        (region(value=[]), "expected a region"),
    ],
)
def test_what_is_no_box_is_a_problem_with_its_place(write, bad, says):
    path = write(task([region(), bad]))
    labels = load(path)
    assert len(labels.boxes) == 1
    assert labels.problems["where"].tolist() == ["task 0, annotations 0, region 1"]
    assert says in labels.problems["what"].iloc[0]
    with pytest.raises(LabelFormatError, match="region 1"):
        load(path, strict=True)


@pytest.mark.parametrize(
    ("bad", "says"), [(key(0), "frame is 0"), (key("1"), "frame is '1'"), (3, "frame is None")]
)
def test_a_keyframe_that_is_none_is_a_problem(write, bad, says):
    labels = load(write(video(track(key(1, enabled=False), bad))), **SIZE)
    assert len(labels.boxes) == 1
    assert says in labels.problems["what"].iloc[0]


def test_a_key_that_stands_twice_is_a_problem_with_its_task(write, tmp_path):
    path = write(task([region()]), task([region(x=30)], number=2))
    path.write_text(path.read_text().replace('"x": 30', '"x": 99, "x": 30'))
    labels = load(path)
    assert labels.boxes["left"].tolist() == [50, 150], "the last one counts"
    assert labels.problems[["where", "what"]].to_numpy().tolist() == [
        ["task 1", "has the key 'x' twice; the last one counts"]
    ]
    with pytest.raises(LabelFormatError, match="task 1: has the key 'x' twice"):
        load(path, strict=True)
    path.write_text(path.read_text().replace('"lead_time": 1.5', '"lead_time": NaN'))
    assert load(path).problems["where"].tolist() == ["file"]
    path.write_text(json.dumps([task([region(label='a "word"')])]).replace('\\"', "\\u0022"))
    assert load(path).problems.empty, "a quotation mark in a text is no key"


def test_a_long_first_task_hides_no_keys_from_recognition(write):
    """Label Studio writes "data" behind the annotations."""
    keys = [key(frame) for frame in range(1, 1001)]
    long = video(track(*keys, frames=1000))
    long["data"] = long.pop("data")
    path = write(long)
    assert path.read_bytes().index(b'"data"') > 65_536
    assert len(aa.load(path, **SIZE).boxes) == 1000


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ({"id": "7", "photo": "/data/upload/1/ab-a.JPG"}, "data/upload/1/ab-a.JPG"),
        ({"image": "/data/local-files/?d=set%20one/%C3%BC.png"}, "set one/ü.png"),
        ({"url": "https://example.org/a.jpg?size=2"}, "https://example.org/a.jpg?size=2"),
        ({"image": "s3://bucket/a.jpg", "map": "b.png"}, "s3://bucket/a.jpg"),
        ({"text": "no picture"}, None),
    ],
)
def test_the_image_has_the_name_and_the_key_of_the_project(write, tmp_path, data, name):
    path = write(task([region()]) | {"data": data})
    labels = load(path)
    assert labels.frames["image"].tolist() == [name if name else pytest.approx(np.nan, nan_ok=True)]
    assert content(save(labels, tmp_path / "again.json")) == content(path)


def test_an_image_that_stands_in_the_file_has_no_name(write):
    labels = load(write(task([region()]) | {"data": {"image": "data:image/png;base64,AAAA"}}))
    assert labels.frames["image"].isna().all()
    assert labels.problems["where"].tolist() == ["task 0"]


def test_a_video_under_another_key_is_one(write, tmp_path):
    one, two = video(track(key(1), frames=2)), video(track(key(1), frames=2), number=2)
    one["data"] = {"clip": "/data/local-files/?d=cam/street.mp4"}
    two["data"] = {"clip": "/data/local-files/?d=cam/park.mp4"}
    path = write(one, two)
    labels = aa.load(path, **SIZE)
    assert labels.boxes["sequence"].tolist() == ["street"] * 2 + ["park"] * 2
    assert labels.problems.empty
    assert content(save(labels, tmp_path / "again.json")) == content(path)


def test_each_image_of_a_task_is_a_frame(write, tmp_path):
    pages = task([region(), region("x2", 30, item_index=1, original_width=1000)])
    pages["data"] = {"pages": ["/data/upload/1/p1.jpg", "/data/upload/1/p2.jpg"]}
    path = write(pages, task([region("x3")], number=2))
    labels = aa.load(path)
    assert labels.boxes["frame"].tolist() == [0, 1, 2]
    assert labels.boxes["left"].tolist() == [50, 300, 50]
    assert labels.frames["image"].str[-6:].tolist() == ["p1.jpg", "p2.jpg", "/a.jpg"]
    assert labels.frames["image_width"].tolist() == [500, 1000, 500]
    assert content(save(labels, tmp_path / "again.json")) == content(path)
    boxes = labels.boxes.iloc[[0, 1, 2, 1]].reset_index(drop=True)
    boxes["left"] = [55.0, 310.0, 50.0, 500.0]
    boxes.loc[3, ["region", "region_id"]] = np.nan  # a new one, on the second page
    saved = content(save(aa.Labels(boxes, labels.frames), tmp_path / "again.json"))
    result = saved[0]["annotations"][0]["result"]
    assert [each["value"]["x"] for each in result] == [11, 31, 50]
    assert [each.get("item_index") for each in result] == [None, 1, 1]
    assert saved[1] == content(path)[1]


@pytest.mark.parametrize(
    ("second", "says"),
    [
        (region("x2", item_index=1), "item_index is 1; expected one below 1"),
        (region("x2", to_name="right"), "drawn on 'right', those before on 'image'"),
    ],
)
def test_boxes_on_an_image_that_cannot_be_told_are_not_put_on_another(write, second, says):
    labels = load(write(task([region(), second])))
    assert len(labels.boxes) == 1
    assert says in labels.problems["what"].iloc[0]


def test_relations_are_counted_not_called_broken(write, tmp_path):
    relation = {"from_id": "x1", "to_id": "x2", "type": "relation", "direction": "right"}
    path = write(task([region(), region("x2"), relation]))
    labels = load(path)
    assert labels.problems["where"].tolist() == ["1 regions of type 'relation'"]
    assert content(save(labels, tmp_path / "again.json")) == content(path)


MIN = (
    '[{"image": "/a.jpg", "id": 1, "label": [{"x": 1, "y": 2, "width": 3, "height": 4}],'
    ' "annotator": 1, "annotation_id": 5, "lead_time": 3.1}]'
)
CSV = 'annotation_id,annotator,created_at,id,image,label,lead_time\n5,1,2024,1,/a.jpg,"[]",3.1\n'


@pytest.mark.parametrize(
    ("text", "what"),
    [(MIN, "JSON_MIN"), (CSV, "CSV"), (CSV.replace(",", "\t"), "CSV"), ("one", "one task")],
)
def test_other_exports_are_named_and_refused(write, text, what):
    path = write()
    path.write_text(text if text != "one" else json.dumps(task([region()])))
    with pytest.raises(LabelFormatError, match=f"found {what}; expected a list of tasks. Export"):
        aa.load(path)


def test_a_file_that_is_no_list_is_refused(tmp_path):
    path = tmp_path / "x.json"
    path.write_text("{}")
    with pytest.raises(LabelFormatError, match="not as JSON_MIN"):
        load(path)


number = st.integers(-500, 1500).map(lambda tenths: tenths / 10) | st.floats(-10, 110)
runs = st.lists(st.tuples(st.integers(1, 4), number, st.booleans()), min_size=1, max_size=4)


def keys_of(run):
    """Keyframes at rising frames; the last one ends the track unless it is the last frame."""
    at, entries = 0, []
    for step, x, enabled in run:
        at += step
        entries.append(key(at, x, enabled=enabled))
    entries[-1]["enabled"] = False
    return [
        # enabled up to the very next frame or not shows the same
        each | {"enabled": True} if after and after["frame"] == each["frame"] + 1 else each
        for each, after in zip(entries, [*entries[1:], None], strict=True)
    ]


@given(st.lists(st.tuples(number, st.text(max_size=3)), max_size=3), st.lists(runs, max_size=2))
@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
def test_law_whatever_is_loaded_is_saved(tmp_path_factory, stills, tracks):
    boxes = [region(str(at), x, label=label) for at, (x, label) in enumerate(stills)]
    objects = [track(*keys_of(run), number=str(at), frames=20) for at, run in enumerate(tracks)]
    given_file = [task(boxes), video(*objects, number=2), task(number=3)]
    path = tmp_path_factory.mktemp("law") / "export.json"
    path.write_text(json.dumps(given_file))
    labels = load(path, **SIZE)
    assert labels.problems.empty
    assert content(save(labels, path)) == given_file


HOSTILE = [
    None, True, -1, 10**400, 2**63, 1.5, "", "x", "../../etc/passwd", "\0", [], {}, [[]],
    float("nan"), float("inf"), "=cmd()", 1e300, 10**7,
]  # fmt: skip


def places(value, path=()):
    yield path
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for name, inside in items:
            yield from places(inside, (*path, name))


def replaced(value, path, new):
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


@pytest.mark.fuzz
@given(st.data())
@settings(deadline=None, max_examples=80, suppress_health_check=list(HealthCheck))
def test_broken_input_gives_labels_or_says_what_is_wrong(tmp_path_factory, data):
    predicted = [{"model_version": "v1", "result": [region(score=0.5)]}]
    value = [
        task([region()], [region("x2")], predictions=predicted),
        video(track(key(1), key(4, 12, enabled=False)), number=2),
    ]
    for _ in range(data.draw(st.integers(0, 3))):
        path = data.draw(st.sampled_from(list(places(value))))
        value = replaced(value, path, data.draw(st.sampled_from(HOSTILE)))
    text = json.dumps(value).encode()
    if data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(text)))
        text = text[:at] + data.draw(st.binary(max_size=3)) + text[at + 2 :]
    path = tmp_path_factory.mktemp("fuzz") / "labels.json"
    path.write_bytes(text)
    try:
        labels = load(path, **SIZE, interpolate=data.draw(st.booleans()))
    except LabelFormatError as error:
        assert len(str(error)) > 20
        return
    assert labels.problems.notna().all(axis=None)
    assert not labels.frames.duplicated(["sequence", "frame"]).any()
    if len(labels.boxes) < 1000:
        again = load(save(labels, path.with_name("saved.json")), **SIZE, interpolate=False)
        assert len(again.boxes) <= len(labels.boxes)
