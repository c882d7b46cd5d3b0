import json
from dataclasses import replace

import numpy as np
import pandas as pd
import PIL.Image
import pytest

import annotaudit as aa
from annotaudit.boxes import PROBLEM_COLUMNS, Labels


def with_frames(labels, **columns):
    return replace(labels, frames=labels.frames.assign(**columns))


def found(labels, *rules, **options):
    return aa.lint(labels, rules=rules, **options)


# --- numbers and names


@pytest.mark.parametrize("first", [0, 1, 120])
def test_a_first_image_of_any_number_is_a_convention(video, frames_of, first):
    assert aa.lint(replace(video(), frames=frames_of(12, first=first))).empty


def test_every_second_image_of_a_video_is_a_note(video):
    labels = with_frames(video(), image=[f"{2 * n + 1:06d}.jpg" for n in range(12)])
    notes = aa.lint(labels)
    assert notes[["rule", "severity", "value"]].to_numpy().tolist() == [["image_step", "note", 2.0]]
    assert "every 2nd of their video" in notes["reason"][0]


def test_an_image_left_out_is_named_where_the_number_jumps(video):
    numbers = [1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13]  # 6 is missing
    labels = with_frames(video(), image=[f"cam2_{n:04d}.png" for n in numbers])
    jump = aa.lint(labels)
    assert jump[["rule", "frame", "value", "limit"]].to_numpy().tolist() == [
        ["image_jump", 5, 2.0, 1.0]
    ]
    assert "From frame 4 to 5 the image number goes from 5 to 7" in jump["reason"][0]


def test_names_that_jump_all_the_time_are_one_finding(video):
    numbers = np.cumsum(np.tile([1, 3, 1], 22))
    labels = with_frames(video(66), image=[f"{n:06d}.jpg" for n in numbers])
    one = found(labels, "image_jump")
    assert one["about"].tolist() == ["sequence"]
    assert "jump 22 times" in one["reason"][0]


def test_names_sorted_as_text_are_an_error(video):
    names = sorted(f"frame{n}.jpg" for n in range(12))  # frame1, frame10, frame11, frame2
    back = aa.lint(with_frames(video(), image=names))
    assert back[["rule", "severity"]].to_numpy().tolist() == [["image_order", "error"]]
    assert "from 11 to 2 at frame 4: the names were sorted as text" in back["reason"][0]


def test_names_of_stills_need_not_count(stills):
    labels = stills([(n, "car", 10, 10, 40, 30) for n in range(8)])
    assert aa.lint(with_frames(labels, image=[f"{n}.jpg" for n in (9, 3, 7, 1, 2, 8, 5, 4)])).empty


def test_one_video_that_counts_from_0_among_others_that_count_from_1(video, frames_of):
    boxes, frames = [], []
    for n, name in enumerate("abc"):
        boxes.append(video().boxes.assign(sequence=name))
        frames.append(frames_of(12, name, first=0 if n == 1 else 1))
    labels = Labels(pd.concat(boxes, ignore_index=True), pd.concat(frames, ignore_index=True))
    odd = aa.lint(labels)
    assert odd[["rule", "sequence"]].to_numpy().tolist() == [["image_first", "b"]]


def test_boxes_one_frame_late_fit_if_all_are_moved(video):
    labels = video()
    late = replace(labels, boxes=labels.boxes.assign(frame=labels.boxes["frame"] + 1))
    wrong = aa.lint(late)
    assert wrong[["rule", "value", "fix"]].fillna("").to_numpy().tolist() == [
        ["frame_off_by_one", 1, "renumber"],
        ["frame_unlisted", 1, ""],
        ["frames_empty", 1 / 12, ""],
    ]


def test_boxes_beyond_the_frames_that_no_shift_explains(video):
    labels = video()
    boxes = labels.boxes.assign(frame=labels.boxes["frame"] + 3)
    wrong = aa.lint(replace(labels, boxes=boxes))
    assert wrong["rule"].tolist() == ["frame_unlisted", "frames_empty"]
    assert wrong["value"].tolist()[0] == 3


def test_labels_of_a_part_of_the_frames_are_not_taken_for_shifted(video):
    labels = video()
    part = labels.boxes[labels.boxes["frame"] >= 6].copy()
    part.loc[part.index[-1], "frame"] = 12  # one box beyond the end
    assert "frame_off_by_one" not in aa.lint(replace(labels, boxes=part))["rule"].tolist()


def test_a_bare_table_that_counts_from_1(video):
    boxes = video().boxes
    assert "frame_one_based" not in aa.lint(boxes)["rule"].tolist()
    later = aa.lint(boxes.assign(frame=boxes["frame"] + 1))
    assert "frame_one_based" in later["rule"].tolist()


def test_boxes_on_every_third_frame_only(video):
    labels = video(30)
    third = replace(labels, boxes=labels.boxes[labels.boxes["frame"] % 3 == 0])
    step = found(third, "frame_step")
    assert step["value"].tolist() == [3]
    assert "Boxes only on every 3rd frame listed" in step["reason"][0]
    assert found(labels, "frame_step").empty


def test_a_frame_listed_twice(video):
    labels = video()
    twice = replace(labels, frames=pd.concat([labels.frames, labels.frames.iloc[[3]]]))
    assert aa.lint(twice)[["rule", "frame"]].to_numpy().tolist() == [["frame_listed_twice", 3]]


def test_frames_and_sequences_without_boxes(video, frames_of):
    labels = video()
    more = pd.concat([labels.frames, frames_of(4, "square")], ignore_index=True)
    some = replace(labels, boxes=labels.boxes[labels.boxes["frame"] < 9], frames=more)
    empty = aa.lint(some)
    assert empty[["rule", "sequence", "severity"]].to_numpy().tolist() == [
        ["sequence_empty", "square", "warning"],
        ["frames_empty", "street", "note"],
    ]
    assert "3 of 12 frames have no boxes, the last 3 among them" in empty["reason"][1]


# --- times


def test_no_times_are_a_note_for_videos_only(video, stills):
    assert found(with_frames(video(), time=np.nan), "time_missing")["severity"].tolist() == ["note"]
    assert found(stills([(0, "car", 10, 10, 40, 30)]), "time_missing").empty


@pytest.mark.parametrize(("time", "says"), [(4 / 25, "at the same time as"), (0.1, "before")])
def test_a_clock_that_stands_still_or_goes_back(video, time, says):
    times = np.arange(12) / 25
    times[5] = time
    back = found(with_frames(video(), time=times), "time_back")
    assert back["frame"].tolist() == [5]
    assert f"was taken {says} frame 4" in back["reason"][0]


def test_frames_that_were_dropped(video):
    times = np.arange(12) / 25
    times[7:] += 2 / 25
    uneven = found(with_frames(video(), time=times), "time_uneven")
    assert uneven[["frame", "limit"]].to_numpy().tolist() == [[7, 0.5]]
    assert uneven["value"].round(6).tolist() == [2.0]  # 3/25 s where 1/25 is usual


def test_a_frame_left_out_of_the_table_is_no_jitter(video):
    labels = video()
    assert found(replace(labels, frames=labels.frames.drop(index=5)), "time_uneven").empty


def test_times_in_milliseconds_among_seconds(video, frames_of):
    boxes = [video().boxes.assign(sequence=name) for name in "abc"]
    frames = [frames_of(12, name) for name in "abc"]
    frames[2]["time"] *= 1000
    labels = Labels(pd.concat(boxes, ignore_index=True), pd.concat(frames, ignore_index=True))
    assert found(labels, "time_unit")["sequence"].tolist() == ["c"]


# --- pictures


@pytest.fixture
def pictures(video, tmp_path):
    """Twelve pictures of 64 x 48 px that the labels know by their path."""
    paths = [tmp_path / f"{n + 1:06d}.png" for n in range(12)]
    for path in paths:
        PIL.Image.new("L", (64, 48)).save(path)
    labels = video(left=5.0, top=5.0, width=20.0, height=10.0)
    return with_frames(
        labels, image=[path.as_posix() for path in paths], image_width=64.0, image_height=48.0
    )


def test_pictures_as_large_as_declared(pictures):
    assert aa.lint(pictures, images=-1).empty


def test_pictures_of_another_size(pictures):
    labels = with_frames(pictures, image_width=128.0, image_height=96.0)
    wrong = found(labels, "image_size", images=-1)
    assert len(wrong) == 12
    assert "64 x 48 px, the labels say 128 x 96: boxes of a scaled picture?" in wrong["reason"][0]
    assert wrong["value"].tolist()[0] == 0.5
    # A few are enough to find out, and the seed says which.
    few = found(labels, "image_size", images=3, seed=7)
    assert len(few) == 3
    assert few["frame"].tolist() == found(labels, "image_size", images=3, seed=7)["frame"].tolist()
    assert found(labels, "image_size", images=0).empty


def test_a_picture_that_is_shown_turned(pictures):
    turned = found(with_frames(pictures, image_width=48.0, image_height=64.0), "image_size")
    assert "it is shown turned" in turned["reason"][0]


def test_a_picture_that_cannot_be_opened(pictures):
    path = pictures.frames["image"][4]
    with open(path, "wb") as file:
        file.write(b"no picture")
    broken = found(pictures, "image_size", images=-1)
    assert broken[["frame", "source"]].to_numpy().tolist() == [[4, path]]


def test_missing_and_unlisted_pictures(pictures, tmp_path):
    (tmp_path / "000005.png").rename(tmp_path / "extra.png")
    nameless = pictures.frames["image"].where(pictures.frames["frame"] != 9)
    wrong = found(with_frames(pictures, image=nameless), "image_missing", "image_unlisted")
    assert wrong[["rule", "frame"]].to_numpy().tolist() == [
        ["image_missing", 4],
        ["image_missing", 9],
        ["image_unlisted", 0],
    ]
    assert "2 images that the labels do not know (000010.png, extra.png)" in wrong["reason"][2]


def test_names_without_a_folder_say_nothing_of_what_is_there(video, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert aa.lint(video()).empty


def test_addresses_are_not_fetched(video, monkeypatch):
    import socket

    def no_network(*_, **__):
        raise AssertionError("a connection was made")

    monkeypatch.setattr(socket, "create_connection", no_network)
    names = "https://example.org/" + video().frames["image"]
    assert aa.lint(with_frames(video(), image=names), images=-1).empty


def test_sizes_unknown_or_mixed_along_a_video(video):
    unknown = with_frames(video(), image_width=np.nan, image_height=np.nan)
    assert aa.lint(unknown)[["rule", "severity"]].to_numpy().tolist() == [
        ["image_size_missing", "note"]
    ]
    mixed = found(with_frames(video(), image_width=[640.0] * 8 + [320.0] * 4), "image_size_mixed")
    assert mixed[["frame", "value"]].to_numpy().tolist() == [[8, 2.0]]


# --- what readers and files say


def test_what_the_reader_could_not_use_is_a_finding_about_the_file(video):
    problems = pd.DataFrame([["gt.txt", "line 3", "not a box"]], columns=list(PROBLEM_COLUMNS))
    unread = aa.lint(replace(video(), problems=problems))
    assert unread[["rule", "about", "reason", "source"]].to_numpy().tolist() == [
        ["unread", "file", "line 3: not a box", "gt.txt"]
    ]


def test_a_cvat_task_whose_size_does_not_fit_its_frames(tmp_path):
    path = tmp_path / "cvat.xml"
    box = (
        '<box frame="{}" keyframe="1" outside="0" occluded="0" xtl="9" ytl="9" xbr="50" ybr="40"/>'
    )
    path.write_text(
        "<annotations><version>1.1</version><meta><task><name>street</name><size>19</size>"
        "<start_frame>0</start_frame><stop_frame>18</stop_frame>"
        "<frame_filter>step=2</frame_filter></task></meta>"
        f'<track id="0" label="car">{box.format(0)}{box.format(18)}</track></annotations>'
    )
    wrong = found(aa.load(path), "declared_length")
    assert wrong[["sequence", "value", "limit"]].to_numpy().tolist() == [["street", 10.0, 19.0]]
    path.write_text(path.read_text().replace("<size>19<", "<size>10<"))
    assert found(aa.load(path), "declared_length").empty


def test_a_sequence_file_that_counts_wrongly(tmp_path):
    path = tmp_path / "SeqLabel.json"
    frames = [{"frame-no": n, "frame": f"{n}.jpg", "annotations": []} for n in range(3)]
    path.write_text(json.dumps({"tracking-annotations": frames}))
    listed = [{"frame-no": n, "frame": f"{n}.jpg"} for n in range(4)]
    content = {"seq-no": 1, "prefix": "s3://b/", "number-of-frames": 5, "frames": listed}
    (tmp_path / "seq.json").write_text(json.dumps(content))
    wrong = found(aa.load(path), "declared_length", source=path)
    assert wrong[["value", "limit"]].to_numpy().tolist() == [[4, 5], [3, 4]]
    assert found(aa.load(path), "declared_length").empty  # where the file lies is not known


def test_a_mot_file_longer_than_its_seqinfo_says(tmp_path):
    (tmp_path / "gt").mkdir()
    lines = [f"{n},1,{10 + n},20,30,40,1,1,1" for n in range(1, 8)]
    (tmp_path / "gt/gt.txt").write_text("\n".join(lines))
    (tmp_path / "seqinfo.ini").write_text("[Sequence]\nname=a\nseqLength=6\nframeRate=25\n")
    assert "seqLength is 6" in found(aa.load(tmp_path), "unread")["reason"][0]
