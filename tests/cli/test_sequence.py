import json

import pytest


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "hall"
    folder.mkdir()
    for n in range(3):
        (folder / f"{n}.jpg").write_bytes(bytes([n]))
    return folder


def test_a_folder_of_frames_goes_to_a_bucket(s3, run, folder):
    result = run("sequence", folder, "s3://hall/frames/", "--fps", "25")
    assert result.exit_code == 0, result.output
    assert result.stdout == "wrote s3://hall/frames/hall-seq.json\n"
    body = s3.get_object(Bucket="hall", Key="frames/hall-seq.json")["Body"].read()
    assert json.loads(body)["frames"][2]["unix-timestamp"] == 0.08
    assert s3.list_objects_v2(Bucket="hall")["KeyCount"] == 4


def test_a_sequence_file_is_written_here_for_frames_that_go_there(run, folder, tmp_path):
    result = run("sequence", folder, tmp_path / "out", "--prefix", "s3://hall/frames")
    assert result.exit_code == 0, result.output
    content = json.loads((tmp_path / "out/hall-seq.json").read_text())
    assert content["prefix"] == "s3://hall/frames/" and content["number-of-frames"] == 3


@pytest.mark.parametrize("more", [[], ["--prefix", "nowhere"]])
def test_without_a_place_in_s3_there_is_no_sequence(run, folder, tmp_path, more):
    result = run("sequence", folder, tmp_path / "out", *more)
    assert result.exit_code in (2, 3) and not (tmp_path / "out").exists()
