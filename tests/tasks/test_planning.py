"""A plan holds only the doubtful stretches, says so, and is the same for the same input."""

import json
from xml.etree import ElementTree

import pandas as pd
import pytest

import annotaudit as aa
from annotaudit.tasks import load_plan, plan_tasks
from annotaudit.tasks.sending import image_names, sent_labels

TOOLS = ["cvat", "label-studio"]
HOSTILE = "<b>{{ x }}</b> $image \"'&]]> \x1b[2J"


@pytest.mark.parametrize("tool", TOOLS)
def test_the_window_is_around_the_planted_mistakes_and_nothing_else(labels, findings, tool):
    plan = plan_tasks(labels, findings, tool=tool)
    assert plan.tasks[["first", "last", "frames", "boxes"]].to_numpy().tolist() == [
        [21, 30, 10, 30]
    ]
    assert plan.frames["name"].iloc[[0, -1]].tolist() == ["000043.jpg", "000061.jpg"]
    assert len(plan.name) <= 50  # Label Studio takes no longer title


@pytest.mark.parametrize("tool", TOOLS)
def test_the_same_input_gives_the_same_plan_and_another_gives_another_name(labels, findings, tool):
    before = labels.boxes.copy(), labels.frames.copy(), findings.copy()
    plan = plan_tasks(labels, findings, tool=tool)
    again = plan_tasks(labels, findings.copy(), tool=tool)
    assert (again.name, again.files) == (plan.name, plan.files)
    assert plan_tasks(labels, findings, tool=tool, margin=4).name != plan.name
    for was, now in zip(before, (labels.boxes, labels.frames, findings), strict=True):
        pd.testing.assert_frame_equal(was, now)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_saved_plan_comes_back_the_same(labels, findings, tool, tmp_path):
    plan = plan_tasks(labels, findings, tool=tool, expected="label")
    back = load_plan(plan.save(tmp_path))
    assert (back.name, back.files, back.labels) == (plan.name, plan.files, plan.labels)
    for name in ("tasks", "boxes", "windows", "left_out"):
        table = getattr(plan, name).reset_index(drop=True)
        pd.testing.assert_frame_equal(getattr(back, name), table)
    with pytest.raises(ValueError, match="no plan of tasks"):
        load_plan(tmp_path / "nowhere")


def test_the_summary_tells_the_time_and_what_it_rests_on(labels, findings):
    plan = plan_tasks(labels, findings, seconds_per_frame=6, seconds_per_finding=20)
    summary = plan.summary()
    assert summary["minutes of work"] == 2.0  # 10 frames of 6 s, 3 findings of 20 s
    assert "6 s per frame and 20 s per finding" in summary["assumed"]
    assert "001-station-21-30" in plan._repr_html_()


def test_the_instructions_name_images_reasons_and_the_expected_box(labels, findings):
    told = plan_tasks(labels, findings).instructions["001-station-21-30"]
    assert "- Frame 4 (000051.jpg), Pedestrian:2: Its bottom edge is 41 px too high" in told
    assert "from frame 000047.jpg to frame 000053.jpg. Expected: left 211, top 287" in told


def test_cvat_gets_its_own_frame_numbers_and_the_keys_of_objects(labels, findings):
    plan = plan_tasks(labels, findings, tool="cvat")
    root = ElementTree.fromstring(plan.files["001-station-21-30/annotations.xml"])
    frames = [int(box.get("frame")) for box in root.iter("box")]
    assert (min(frames), max(frames)) == (0, 9)
    assert {e.text for e in root.iter("attribute")} == set(labels.boxes["track"])
    (label,) = json.loads(plan.files["labels.json"])
    assert label["name"] == "Pedestrian"
    assert [a["name"] for a in label["attributes"]] == ["annotaudit_id"]


def test_keyframes_flags_and_attributes_go_with_the_boxes_to_cvat(labels, findings):
    boxes = labels.boxes.assign(
        keyframe=labels.boxes["frame"] % 5 == 0, occluded=labels.boxes["frame"] == 25
    )
    boxes["attribute.colour"] = pd.Series("red", index=boxes.index, dtype=boxes["track"].dtype)
    plan = plan_tasks(aa.Labels(boxes, labels.frames), findings, expected="label")
    root = ElementTree.fromstring(plan.files["001-station-21-30/annotations.xml"])
    drawn = [track for track in root.iter("track") if track.get("label") == "Pedestrian"]
    marks = {box.get("frame"): box.get("occluded") for track in drawn for box in track}
    assert marks["4"] == "1" and marks["0"] == "0"
    assert "red" in {e.text for e in drawn[0].iter("attribute")}
    assert "colour" in {a["name"] for a in json.loads(plan.files["labels.json"])[0]["attributes"]}
    assert len(plan_tasks(labels, findings).files["001-station-21-30/annotations.xml"]) > 0


def test_an_expected_box_has_a_label_of_its_own(labels, findings):
    plan = plan_tasks(labels, findings, tool="label-studio", expected="label")
    assert '<Label value="expected Pedestrian"' in plan.files["config.xml"].decode()
    drawn = plan.boxes[plan.boxes["nth"] < 0]
    assert drawn["frame"].tolist() == [25, 24, 27]
    assert drawn["left"].round().tolist() == [211, 211, 497]
    assert set(plan.boxes["key"]) and plan.boxes.groupby("position")["key"].nunique().max() == 4


def test_label_studio_gets_boxes_in_hundredths_with_the_objects_name(labels, findings):
    plan = plan_tasks(labels, findings, tool="label-studio")
    task = json.loads(plan.files["tasks.json"])[4]
    assert task["data"]["image"] == "000051.jpg"
    assert "41 px too high" in task["data"]["reason"]
    region = task["predictions"][0]["result"][1]
    box = labels.boxes[(labels.boxes["frame"] == 25) & (labels.boxes["track"] == "Pedestrian:2")]
    assert region["meta"]["text"] == ["Pedestrian:2"]
    assert region["value"]["x"] / 100 * 960 == pytest.approx(box["left"].item())


def test_of_stills_only_the_flagged_images_go_as_one_task(stills, flagged):
    found = flagged(stills.boxes, [6, 60])
    for tool in TOOLS:
        plan = plan_tasks(stills, found, tool=tool, margin=3)
        frames = stills.boxes.loc[[6, 60], "frame"].tolist()
        assert len(plan.tasks) == 1 and plan.frames["frame"].tolist() == frames
    assert b"<image " in plan_tasks(stills, found).files[f"{plan.tasks['name'][0]}/annotations.xml"]


def test_whole_sequences_go_when_asked_and_windows_still_direct(labels, findings):
    plan = plan_tasks(labels, findings, mode="whole")
    assert plan.tasks["frames"].tolist() == [32]
    assert plan.windows[["first", "last"]].to_numpy().tolist() == [[21, 30]]


def test_a_video_goes_whole_with_its_tracks(labels, findings):
    plan = plan_tasks(labels, findings, tool="label-studio", videos={"station": "/data/s.mp4"})
    (task,) = json.loads(plan.files["tasks.json"])
    assert task["data"]["video"] == "/data/s.mp4"
    region = task["predictions"][0]["result"][0]
    value = region["value"]
    assert region["type"] == "videorectangle" and value["framesCount"] == 32
    assert task["data"]["fps"] == "12.5" and value["duration"] == 2.56  # 0.08 s each
    assert [entry["time"] for entry in value["sequence"][:3]] == [0, 0.08, 0.16]
    assert "<VideoRectangle" in plan.files["config.xml"].decode()


def test_boxes_that_no_tool_can_show_are_left_out_and_told(labels, findings):
    boxes = labels.boxes.copy()
    boxes.loc[boxes.index[boxes["frame"] == 25][:2], ["left", "width"]] = [float("nan"), -4.0]
    for tool in TOOLS:
        plan = plan_tasks(aa.Labels(boxes, labels.frames), findings, tool=tool)
        assert plan.summary()["boxes that cannot be shown"] == 2
        assert plan.tasks["boxes"].tolist() == [28]


@pytest.mark.parametrize("tool", TOOLS)
def test_hostile_names_stay_text(labels, findings, tool, tmp_path):
    boxes = labels.boxes.assign(label=HOSTILE, sequence="../" + HOSTILE)
    boxes["track"] = boxes["track"] + HOSTILE
    frames = labels.frames.assign(sequence="../" + HOSTILE)
    found = findings.assign(sequence="../" + HOSTILE, reason="<script>" + HOSTILE)
    found["track"] = found["track"] + HOSTILE
    plan = plan_tasks(aa.Labels(boxes, frames), found, tool=tool, expected="label")
    plan.write(tmp_path / "kit")
    written = [p.relative_to(tmp_path / "kit").as_posix() for p in tmp_path.rglob("*.*")]
    assert not any(".." in name or "<" in name for name in written)
    for name, content in plan.files.items():
        assert b"\x1b" not in content
        if name.endswith(".xml"):
            root = ElementTree.fromstring(content)
            assert root.find(".//b") is None
            values = {v for tag in root.iter("Label") for v in tag.attrib.values()}
            assert not any("$" in value for value in values)
        if name == "guide.md":
            assert b"<script" not in content.replace(b"\\<", b"")
    assert set(plan.labels.values()) == {HOSTILE, None}  # None: what has no label


def test_names_of_images_are_kept_where_they_are_plain_and_in_order():
    frames = pd.DataFrame({"frame": [0, 1], "image": ["a/1.jpg", "b/2.png"]})
    assert image_names(frames).tolist() == ["1.jpg", "2.png"]
    twice = frames.assign(image=["a/1.jpg", "b/1.jpg"])
    assert image_names(twice).tolist() == ["00000000-1.jpg", "00000001-1.jpg"]


def test_labels_that_a_tool_would_misread_get_another_name():
    names = sent_labels(pd.Series(["$a", "_a", "x" * 80, "x" * 90, None]))
    assert len(names) == 5 and max(map(len, names)) <= 50
    assert set(names.values()) == {"$a", "_a", "x" * 80, "x" * 90, None}


@pytest.mark.parametrize(
    ("options", "message"),
    [({"tool": "vott"}, "'cvat' or 'label-studio'"), ({"mode": "half"}, "'windows' or 'whole'"),
     ({"budget": 0}, "No finding lies"), ({"videos": {"station": "x"}}, "for Label Studio")],
)  # fmt: skip
def test_what_cannot_be_planned_is_refused_with_the_reason(labels, findings, options, message):
    with pytest.raises(ValueError, match=message):
        plan_tasks(labels, findings, **options)


def test_several_annotators_and_boxes_without_a_track_are_refused(labels, findings):
    boxes = labels.boxes.copy()
    boxes.loc[boxes["track"] == "Pedestrian:2", "annotator"] = "bob"
    with pytest.raises(ValueError, match="boxes of 2 annotators"):
        plan_tasks(aa.Labels(boxes, labels.frames), findings)
    boxes = labels.boxes.assign(track=labels.boxes["track"].where(labels.boxes["frame"] != 25))
    with pytest.raises(ValueError, match="have no track"):
        plan_tasks(aa.Labels(boxes, labels.frames), findings)
    frames = labels.frames.drop(columns="image")
    with pytest.raises(ValueError, match="have no image"):
        plan_tasks(aa.Labels(labels.boxes, frames), findings)
