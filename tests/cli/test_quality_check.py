import json

import pytest


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


@pytest.mark.parametrize(
    ("options", "says"),
    [(["--bucket", "mine"], "aws s3 cp s3://mine/"), (["--embed"], "without --embed")],
)
def test_what_is_not_supported_is_refused_with_the_next_step(run, label_file, options, says):
    result = run("run-quality-check", "--lab_path", label_file, *options)
    assert result.exit_code == 2
    assert says in result.stderr


def test_no_flag_no_frames(run, label_file, tmp_path):
    out = tmp_path / "results.json"
    run("run-quality-check", "--lab_path", label_file, "--size_thresh", "2",
        "--iou_thresh", "0", "--save_path", out)  # fmt: skip
    (objects,) = json.loads(out.read_text())["sequences"].values()
    assert [entry["frames"] for entry in objects.values()] == [[], []]
