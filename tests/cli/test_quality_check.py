import json

from annotaudit.datasets import path


def test_the_tutorials_options_give_frames_by_number_and_file_name(run, label_file, tmp_path):
    out = tmp_path / "results.json"
    result = run("run-quality-check", "--lab_path", label_file, "--size_thresh", ".25",
                 "--iou_thresh", ".6", "--save_path", out)  # fmt: skip
    assert result.exit_code == 0, result.output
    (objects,) = json.loads(out.read_text())["sequences"].values()
    assert objects["Car:1"] == {"frames": [], "images": [], "flags": []}
    person = objects["Person:1"]
    assert person["frames"] == [6, 7]  # into the halved box, and out of it
    assert person["images"] == ["0006.jpg", "0007.jpg"]
    steps = {(flag["from_frame"], flag["frame"]) for flag in person["flags"]}
    assert steps == {(5, 6), (6, 7)}
    assert "Person:1  frames: 6, 7" in result.stdout


def test_results_for_a_folder_get_a_name(run, label_file, tmp_path):
    result = run("run-quality-check", "--lab-path", label_file, "--save-path", tmp_path)
    assert result.exit_code == 0
    assert (tmp_path / "quality_results.json").exists()


def test_embed_without_the_pictures_says_so(run, label_file):
    result = run("run-quality-check", "--lab_path", label_file, "--embed")
    assert result.exit_code == 3
    assert "None of the 12 pictures could be opened" in result.stderr


def test_with_embed_a_crop_unlike_its_track_is_flagged(run, tmp_path):
    station, out = path("station"), tmp_path / "results.json"
    result = run("run-quality-check", "--lab_path", station / "SeqLabel.json",
                 "--imgs", station / "img1", "--embed", "--save_path", out)  # fmt: skip
    assert result.exit_code == 0, result.output
    (objects,) = json.loads(out.read_text())["sequences"].values()
    looks = {
        name: [flag["frame"] for flag in entry["flags"] if flag["rule"] == "appearance_outlier"]
        for name, entry in objects.items()
    }
    assert looks == {"Pedestrian:1": [], "Pedestrian:2": [24, 25], "Pedestrian:3": []}
    named = dict(zip(objects["Pedestrian:2"]["frames"], objects["Pedestrian:2"]["images"],
                     strict=True))  # fmt: skip
    assert named[24] == "000049.jpg"


def test_no_flag_no_frames(run, label_file, tmp_path):
    out = tmp_path / "results.json"
    run("run-quality-check", "--lab_path", label_file, "--size_thresh", "2",
        "--iou_thresh", "0", "--save_path", out)  # fmt: skip
    (objects,) = json.loads(out.read_text())["sequences"].values()
    assert [entry["frames"] for entry in objects.values()] == [[], []]


def test_entering_late_leaving_early_and_a_gap_are_no_flags(run, write_labels, tmp_path):
    box = (100, 50, 40, 100)
    late, early = [None] * 3 + [box] * 9, [box] * 5 + [None] * 7
    gap = [box] * 4 + [None] * 4 + [(300, 80, 80, 200)] * 4
    path = write_labels({"Late:1": late, "Early:1": early, "Gap:1": gap})
    out = tmp_path / "results.json"
    assert run("run-quality-check", "--lab_path", path, "--save_path", out).exit_code == 0
    (objects,) = json.loads(out.read_text())["sequences"].values()
    assert {name: entry["frames"] for name, entry in objects.items()} == {
        "Late:1": [], "Early:1": [], "Gap:1": [],
    }  # fmt: skip


def test_flags_are_named_by_frame_not_by_position_in_the_objects_life(run, write_labels, tmp_path):
    late = [None] * 3 + [(100, 50, 40, 100)] * 9
    late[8] = (400, 50, 40, 100)  # the planted mistake
    out = tmp_path / "results.json"
    run("run-quality-check", "--lab_path", write_labels({"Late:1": late}), "--save_path", out)
    (objects,) = json.loads(out.read_text())["sequences"].values()
    assert objects["Late:1"]["frames"] == [8, 9]
    assert objects["Late:1"]["images"] == ["0008.jpg", "0009.jpg"]


def test_nothing_is_said_to_be_written_before_it_is(run, label_file, tmp_path):
    (tmp_path / "file").touch()
    result = run("run-quality-check", "--lab_path", label_file,
                 "--save_path", tmp_path / "file" / "results.json")  # fmt: skip
    assert result.exit_code == 3
    assert "wrote" not in result.output


def test_nothing_else_is_left_in_the_working_directory(run, label_file, tmp_path, monkeypatch):
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert run("run-quality-check", "--lab_path", label_file).exit_code == 0
    assert [each.name for each in folder.iterdir()] == ["quality_results.json"]
