"""What comes back goes to its place; nothing else changes, and nothing is lost unsaid."""

import json
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

import annotaudit as aa
from annotaudit.boxes import SIDES
from annotaudit.tasks import merge_tasks, plan_tasks

TOOLS = ["cvat", "label-studio"]


@pytest.fixture
def returned(from_cvat, from_label_studio):
    def make(plan, **change):
        back = from_cvat if plan.tool == "cvat" else from_label_studio
        return back(plan, **{k: v for k, v in change.items() if v is not None})

    return make


def boxes_of(root, key):
    """The boxes on CVAT's tracks that have a key, by frame."""
    return {
        int(box.get("frame")): box
        for track in root.iter("track")
        for box in track
        if box.findtext("attribute[@name='annotaudit_id']") == key
    }


def told(merged):
    return " | ".join(merged.problems["where"] + ": " + merged.problems["what"])


def box_at(labels, frame, track):
    found = labels.boxes[(labels.boxes["frame"] == frame) & (labels.boxes["track"] == track)]
    return found[list(SIDES)].to_numpy().tolist()


@pytest.mark.parametrize("expected", ["text", "label"])
@pytest.mark.parametrize("tool", TOOLS)
def test_a_round_trip_without_a_change_is_the_identity(
    labels, findings, returned, same, tool, expected
):
    jittered = labels.boxes.assign(left=labels.boxes["left"] + 0.123456789)
    labels = aa.Labels(jittered, labels.frames)
    plan = plan_tasks(labels, findings, tool=tool, expected=expected)
    merged = merge_tasks(labels, returned(plan), plan)
    same(labels, merged)
    assert merged.problems.empty


@pytest.mark.parametrize("tool", TOOLS)
def test_stills_come_back_to_their_images_with_every_field(stills, flagged, returned, same, tool):
    plan = plan_tasks(stills, flagged(stills.boxes, [6, 60]), tool=tool, expected="label")
    same(stills, merge_tasks(stills, returned(plan), plan))


def test_a_box_corrected_in_cvat_is_taken_over_with_its_other_fields(labels, findings, from_cvat):
    plan = plan_tasks(labels, findings)

    def change(root):
        box = boxes_of(root, "Pedestrian:2")[4]
        box.set("ybr", str(float(box.get("ybr")) + 41))

    merged = merge_tasks(labels, from_cvat(plan, change), plan)
    assert box_at(merged, 25, "Pedestrian:2") == [[212, 288, 59, 175]]
    changed = (merged.boxes != labels.boxes).any(axis=1)
    assert changed.sum() == 1
    assert merged.boxes["object_id"].tolist() == labels.boxes["object_id"].tolist()


def test_a_box_corrected_in_label_studio_is_taken_over(labels, findings, from_label_studio):
    plan = plan_tasks(labels, findings, tool="label-studio")

    def change(place, result):
        if place.endswith("000051.jpg"):
            result[1]["value"]["height"] += 41 / 540 * 100
        return result

    merged = merge_tasks(labels, from_label_studio(plan, change), plan)
    assert np.allclose(box_at(merged, 25, "Pedestrian:2"), [[212, 288, 59, 175]])
    assert (merged.boxes != labels.boxes).any(axis=1).sum() == 1


def test_added_removed_and_relabelled_objects_in_cvat(labels, findings, from_cvat, tmp_path):
    plan = plan_tasks(labels, findings)

    def change(root):
        for track in list(root.findall("track")):
            key = track.findtext("box/attribute")
            if key == "Pedestrian:1":
                root.remove(track)
            elif key == "Pedestrian:2":
                track.set("label", "Parcel")
        new = ElementTree.SubElement(root, "track", id="9", label="Pedestrian")
        for frame, outside in ((2, "0"), (3, "0"), (4, "1")):
            box = ElementTree.SubElement(
                new, "box", frame=str(frame), outside=outside, occluded="0", keyframe="1",
                xtl="1", ytl="2", xbr="11", ybr="22",
            )  # fmt: skip
            ElementTree.SubElement(box, "attribute", name="annotaudit_id").text = ""

    merged = merge_tasks(labels, from_cvat(plan, change), plan)
    inside = merged.boxes[merged.boxes["frame"].between(21, 30)]
    assert set(inside["track"]) == {"Pedestrian:2", "Pedestrian:3", "Pedestrian:4"}
    assert set(inside.loc[inside["track"] == "Pedestrian:2", "label"]) == {"Parcel"}
    added = inside[inside["track"] == "Pedestrian:4"]
    assert added["frame"].tolist() == [23, 24] and added["object_id"].isna().all()
    outside = merged.boxes[~merged.boxes["frame"].between(21, 30)]
    was = labels.boxes[~labels.boxes["frame"].between(21, 30)]
    pd.testing.assert_frame_equal(outside.reset_index(drop=True), was.reset_index(drop=True))
    again = aa.load(aa.save(merged, tmp_path / "SeqLabel.json"))
    assert len(again.boxes) == len(merged.boxes)


def test_an_object_that_is_there_on_one_more_frame_keeps_what_is_said_of_it(
    labels, findings, from_cvat
):
    rest = labels.boxes[(labels.boxes["frame"] != 25) | (labels.boxes["track"] != "Pedestrian:2")]
    fewer = aa.Labels(rest, labels.frames)
    plan = plan_tasks(fewer, findings)

    def change(root):
        gone = boxes_of(root, "Pedestrian:2")[4]
        assert gone.get("outside") == "1"
        gone.set("outside", "0")

    merged = merge_tasks(fewer, from_cvat(plan, change), plan)
    new = merged.boxes[(merged.boxes["frame"] == 25) & (merged.boxes["track"] == "Pedestrian:2")]
    assert (
        new["object_id"].tolist()
        == rest.loc[rest["track"] == "Pedestrian:2", "object_id"][:1].tolist()
    )


def test_a_copied_object_is_a_new_one(labels, findings, from_cvat):
    plan = plan_tasks(labels, findings)

    def change(root):
        copied = ElementTree.fromstring(ElementTree.tostring(root.find("track")))
        for box in copied:
            for corner in ("xtl", "xbr"):
                box.set(corner, str(float(box.get(corner)) + 100))
        root.append(copied)

    merged = merge_tasks(labels, from_cvat(plan, change), plan)
    new = merged.boxes[~merged.boxes["track"].isin(labels.boxes["track"].unique())]
    assert new["track"].unique().tolist() == ["Pedestrian:4"] and len(new) == 10


def test_a_box_drawn_on_one_frame_in_label_studio_belongs_to_the_object_beside_it(
    labels, findings, from_label_studio
):
    rest = labels.boxes[(labels.boxes["frame"] != 25) | (labels.boxes["track"] != "Pedestrian:2")]
    fewer = aa.Labels(rest, labels.frames)
    plan = plan_tasks(fewer, findings, tool="label-studio")
    drawn = {"x": 22.0, "y": 53.0, "width": 6.3, "height": 32.4, "rotation": 0}

    def change(place, result):
        if place.endswith("000051.jpg"):
            new = {**result[0], "id": "drawn", "meta": {},
                   "value": {**drawn, "rectanglelabels": ["Pedestrian"]}}  # fmt: skip
            far = {**new, "id": "far", "value": {**new["value"], "x": 1.0}}
            return [*result, new, far]
        return result

    merged = merge_tasks(fewer, from_label_studio(plan, change), plan)
    here = merged.boxes[merged.boxes["frame"] == 25]
    assert set(here["track"]) == {"Pedestrian:1", "Pedestrian:2", "Pedestrian:3", "Pedestrian:4"}
    assert "a new box was taken for Pedestrian:2" in told(merged)


@pytest.mark.parametrize("tool", TOOLS)
def test_expected_boxes_are_ignored_or_taken_as_told(labels, findings, returned, tool):
    plan = plan_tasks(labels, findings, tool=tool, expected="label")
    path = returned(plan)
    ignored = merge_tasks(labels, path, plan)
    assert box_at(ignored, 25, "Pedestrian:2") == [[212, 288, 59, 134]]
    taken = merge_tasks(labels, path, plan, expected="take")
    assert box_at(taken, 25, "Pedestrian:2")[0] == pytest.approx(
        [211, 287.25, 61, 175.55], abs=0.02
    )
    assert len(taken.boxes) == len(labels.boxes)
    assert taken.boxes["label"].unique().tolist() == labels.boxes["label"].unique().tolist()
    with pytest.raises(ValueError, match="'ignore' or 'take'"):
        merge_tasks(labels, path, plan, expected="yes")


@pytest.mark.parametrize("tool", TOOLS)
def test_an_expected_box_of_stills_takes_the_place_of_the_box_it_is_about(
    stills, flagged, returned, tool
):
    rows = [6, 7, 60]  # two of them on one image
    assert stills.boxes["frame"][6] == stills.boxes["frame"][7]
    plan = plan_tasks(stills, flagged(stills.boxes, rows), tool=tool, expected="label")
    assert (plan.boxes["nth"] < 0).sum() == 3
    taken = merge_tasks(stills, returned(plan), plan, expected="take")
    moved = taken.boxes[list(SIDES)] - stills.boxes[list(SIDES)]
    assert moved.index[(moved.abs() > 0.1).any(axis=1)].tolist() == rows
    assert np.allclose(moved.loc[rows], 3)
    assert taken.boxes["colour"].tolist() == stills.boxes["colour"].tolist()


def test_an_expected_box_that_somebody_relabelled_is_the_objects_if_it_has_no_other(
    labels, findings, from_label_studio
):
    plan = plan_tasks(labels, findings, tool="label-studio", expected="label")

    def change(place, result):
        if not place.endswith("000051.jpg"):
            return result
        result[-1]["value"]["rectanglelabels"] = ["Pedestrian"]
        return [result[0], *result[2:]]

    merged = merge_tasks(labels, from_label_studio(plan, change), plan)
    assert box_at(merged, 25, "Pedestrian:2")[0] == pytest.approx([211, 287.25, 61, 175.55])
    assert len(merged.boxes) == len(labels.boxes)


def test_a_frame_submitted_without_the_boxes_sent_is_not_taken_for_one_without_boxes(
    labels, findings, from_label_studio, same
):
    """Label Studio can open a task before its predictions are there: whoever submits then
    submits nothing, seen with 1.23."""
    plan = plan_tasks(labels, findings, tool="label-studio")
    empty = from_label_studio(plan, lambda place, result: [], begun=False)
    merged = merge_tasks(labels, empty, plan)
    same(labels, merged)
    assert told(merged).count("not begun from the boxes sent") == 10
    emptied = from_label_studio(plan, lambda place, result: [], begun=True)
    assert len(merge_tasks(labels, emptied, plan).boxes) == len(labels.boxes) - 30


def test_frames_that_did_not_come_back_are_told_and_stay(labels, findings, from_label_studio, same):
    plan = plan_tasks(labels, findings, tool="label-studio")
    path = from_label_studio(plan, lambda place, r: None if "000051" in place else r)
    merged = merge_tasks(labels, path, plan)
    same(labels, merged)
    assert merged.problems["where"].tolist() == ["frame 000051.jpg"]
    assert "did not come back" in told(merged)


def two_windows(labels, flagged):
    rows = labels.boxes.index[(labels.boxes["track"] == "Pedestrian:1")]
    return flagged(labels.boxes, [rows[2], rows[20]])


def test_a_task_of_cvat_that_did_not_come_back_is_told(labels, flagged, from_cvat, same):
    plan = plan_tasks(labels, two_windows(labels, flagged), margin=1)
    assert len(plan.tasks) == 2
    merged = merge_tasks(labels, from_cvat(plan, tasks=plan.tasks["name"].tolist()[:1]), plan)
    same(labels, merged)
    assert told(merged).count("did not come back") == 3


def test_files_of_tasks_that_were_called_otherwise_are_told_apart_by_hand(
    labels, flagged, from_cvat, same
):
    plan = plan_tasks(labels, two_windows(labels, flagged), margin=1)
    paths = from_cvat(plan)
    same(labels, merge_tasks(labels, paths, plan))
    same(labels, merge_tasks(labels, dict(zip(plan.tasks["name"], paths, strict=True)), plan))
    other = plan_tasks(labels, two_windows(labels, flagged), margin=2)
    with pytest.raises(ValueError, match="expected tasks of"):
        merge_tasks(labels, paths, other)


def test_what_changed_outside_the_windows_is_told_and_not_taken(labels, findings, from_cvat, same):
    plan = plan_tasks(labels, findings, mode="whole")

    def change(root):
        boxes_of(root, "Pedestrian:1")[5].set("xtl", "1")

    merged = merge_tasks(labels, from_cvat(plan, change), plan)
    same(labels, merged)
    assert (
        told(merged) == "frame 000011.jpg: 1 boxes were changed outside the windows; not taken over"
    )


@pytest.mark.parametrize("tool", TOOLS)
def test_boxes_that_could_not_be_sent_stay(labels, findings, returned, same, tool):
    boxes = labels.boxes.copy()
    boxes.loc[boxes.index[boxes["frame"] == 25][:2], ["left", "width"]] = [float("nan"), -4.0]
    broken = aa.Labels(boxes, labels.frames)
    plan = plan_tasks(broken, findings, tool=tool)
    merged = merge_tasks(broken, returned(plan), plan)
    key = ["frame", "track"]
    pd.testing.assert_frame_equal(
        merged.boxes.sort_values(key).reset_index(drop=True),
        boxes.sort_values(key).reset_index(drop=True),
    )


@pytest.mark.parametrize("tool", TOOLS)
def test_an_object_twice_on_a_frame_is_two_that_keep_their_name(labels, findings, returned, tool):
    row = labels.boxes[(labels.boxes["frame"] == 25) & (labels.boxes["track"] == "Pedestrian:3")]
    twice = aa.Labels(
        pd.concat([labels.boxes, row.assign(left=row["left"] + 30)], ignore_index=True),
        labels.frames,
    )
    plan = plan_tasks(twice, findings, tool=tool)
    merged = merge_tasks(twice, returned(plan), plan)
    assert sorted(box_at(merged, 25, "Pedestrian:3")) == sorted(box_at(twice, 25, "Pedestrian:3"))


def test_labels_that_changed_meanwhile_are_told(labels, findings, from_cvat):
    plan = plan_tasks(labels, findings)
    moved = labels.boxes.assign(
        left=labels.boxes["left"].where(labels.boxes["frame"] != 25, labels.boxes["left"] + 9)
    )
    merged = merge_tasks(aa.Labels(moved, labels.frames), from_cvat(plan), plan)
    assert "3 boxes are no longer as they were" in told(merged)


def test_each_sequence_keeps_its_annotator(labels, findings, from_cvat, same):
    other = labels.boxes.assign(sequence="second", annotator="bob")
    both = aa.Labels(
        pd.concat([labels.boxes, other], ignore_index=True),
        pd.concat([labels.frames, labels.frames.assign(sequence="second")], ignore_index=True),
    )
    found = pd.concat([findings, findings.assign(sequence="second")], ignore_index=True)
    plan = plan_tasks(both, found)
    same(both, merge_tasks(both, from_cvat(plan), plan))


def test_a_flag_and_an_attribute_changed_in_cvat_come_back(labels, findings, from_cvat):
    boxes = labels.boxes.assign(occluded=False, keyframe=True)
    boxes["attribute.colour"] = pd.Series("red", index=boxes.index, dtype=boxes["track"].dtype)
    told_more = aa.Labels(boxes, labels.frames)
    plan = plan_tasks(told_more, findings)

    def change(root):
        box = boxes_of(root, "Pedestrian:3")[4]
        box.set("occluded", "1")
        box.find("attribute[@name='colour']").text = "blue"

    merged = merge_tasks(told_more, from_cvat(plan, change), plan)
    changed = merged.boxes[merged.boxes["occluded"]]
    assert changed[["frame", "track", "attribute.colour"]].to_numpy().tolist() == [
        [25, "Pedestrian:3", "blue"]
    ]
    assert merged.boxes["occluded"].dtype == bool
    assert (merged.boxes["attribute.colour"] == "blue").sum() == 1


def test_a_video_comes_back_by_the_number_of_its_frames(labels, findings, from_label_studio, same):
    plan = plan_tasks(labels, findings, tool="label-studio", videos={"station": "/data/s.mp4"})

    def change(place, result):
        for region in result:
            region.pop("original_width"), region.pop("original_height")
        return result

    same(labels, merge_tasks(labels, from_label_studio(plan, change), plan))


def test_several_videos_are_told_apart_by_their_tasks(labels, findings, from_label_studio, same):
    both = aa.Labels(
        pd.concat([labels.boxes, labels.boxes.assign(sequence="second")], ignore_index=True),
        pd.concat([labels.frames, labels.frames.assign(sequence="second")], ignore_index=True),
    )
    found = pd.concat([findings, findings.assign(sequence="second")], ignore_index=True)
    videos = {"station": "/data/a/v.mp4", "second": "/data/b/v.mp4"}
    plan = plan_tasks(both, found, tool="label-studio", videos=videos)
    same(both, merge_tasks(both, from_label_studio(plan), plan))


def test_labels_without_names_of_images_are_merged_by_number(labels, findings, from_cvat):
    plan = plan_tasks(labels, findings)
    nameless = aa.Labels(labels.boxes, labels.frames.assign(image=None))
    other = plan_tasks(labels, findings, margin=1)
    merged = merge_tasks(nameless, from_cvat(other), plan_with_windows_of(plan, other))
    pd.testing.assert_frame_equal(merged.boxes, labels.boxes)
    assert "frame 21" in merged.problems["where"].tolist()


def plan_with_windows_of(wide, plan):
    return replace(plan, windows=wide.windows)


def test_the_latest_of_two_annotations_counts(labels, findings, from_label_studio, tmp_path, same):
    plan = plan_tasks(labels, findings, tool="label-studio")
    tasks = json.loads(from_label_studio(plan).read_text())
    first = json.loads(json.dumps(tasks[4]["annotations"][0]))
    first["result"], first["updated_at"], first["id"] = first["result"][:1], "2026-01-01", 7
    tasks[4]["annotations"][0]["updated_at"] = "2026-01-02"
    tasks[4]["annotations"].append(first)
    path = tmp_path / "two.json"
    path.write_text(json.dumps(tasks))
    merged = merge_tasks(labels, path, plan)
    same(labels, merged)
    assert "2 annotations; the latest counts" in told(merged)


@pytest.mark.parametrize(
    "broken",
    [
        {"annotations": None},
        {"annotations": [7, {"result": None}, {"result": [None, {"id": ["x"]}]}]},
        {"annotations": [{"result": [{"id": {}, "type": "rectanglelabels", "value": {}}]}]},
        {"data": {"annotaudit": ["x"], "image": "x.jpg"}},
        {"data": {"annotaudit": "../../x", "image": "x.jpg"}},
    ],
)
def test_a_broken_task_costs_only_itself(
    labels, findings, from_label_studio, tmp_path, same, broken
):
    plan = plan_tasks(labels, findings, tool="label-studio")
    tasks = json.loads(from_label_studio(plan).read_text())
    tasks[4] |= broken
    path = tmp_path / "broken.json"
    path.write_text(json.dumps(tasks))
    merged = merge_tasks(labels, path, plan)
    same(labels, merged)
    assert len(merged.problems)
