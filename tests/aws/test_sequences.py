"""Sequence files of anyone's frames and videos, here and in S3."""

import json
import shutil
import subprocess

import pytest

from annotaudit.aws import make_sequence, upload_sequence

ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")


def frames(folder, names):
    for name in names:
        (folder / name).write_bytes(b"")
    return folder


def test_a_folder_becomes_a_sequence_in_the_order_of_its_frames(tmp_path):
    folder = frames(tmp_path, ["0002.jpg", "0010.jpg", "0001.jpg", "notes.md"])
    content = make_sequence(folder, prefix="s3://hall/frames", fps=25)
    assert content["number-of-frames"] == 3
    assert content["prefix"] == "s3://hall/frames/"
    assert [tuple(frame.values()) for frame in content["frames"]] == [
        (0, "0001.jpg", 0.0), (1, "0002.jpg", 0.04), (2, "0010.jpg", 0.08)
    ]  # fmt: skip


def test_names_without_leading_zeros_are_refused(tmp_path):
    folder = frames(tmp_path, ["frame2.jpg", "frame10.jpg"])
    with pytest.raises(ValueError, match="leading zeros"):
        make_sequence(folder, prefix="s3://hall/frames")


def test_a_folder_without_frames_is_refused(tmp_path):
    with pytest.raises(ValueError, match="found no image"):
        make_sequence(tmp_path, prefix="s3://hall/frames")


def test_every_third_frame_of_a_folder_keeps_its_time(tmp_path):
    folder = frames(tmp_path, [f"{n:04}.jpg" for n in range(7)])
    content = make_sequence(folder, prefix="s3://hall/frames", fps=10, step=3)
    assert [tuple(frame.values()) for frame in content["frames"]] == [
        (0, "0000.jpg", 0.0), (1, "0003.jpg", 0.3), (2, "0006.jpg", 0.6)
    ]  # fmt: skip


def test_more_frames_than_a_sequence_may_have_are_refused(tmp_path):
    folder = frames(tmp_path, [f"{n:04}.jpg" for n in range(2_001)])
    with pytest.raises(ValueError, match=r"2,001 frames.*step="):
        make_sequence(folder, prefix="s3://hall/frames")
    assert make_sequence(folder, prefix="s3://hall/frames", step=2)["number-of-frames"] == 1_001


def test_a_prefix_that_is_no_address_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no S3 address"):
        make_sequence(frames(tmp_path, ["1.jpg"]), prefix="hall/frames")


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    path = tmp_path_factory.mktemp("film") / "hall.mp4"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=64x48:rate=10",
                    "-t", "1", "-c:v", "mpeg4", path], check=True)  # fmt: skip
    return path


@ffmpeg
def test_a_video_becomes_a_sequence(film, tmp_path):
    with pytest.raises(ValueError, match="folder="):
        make_sequence(film, prefix="s3://hall/frames")
    content = make_sequence(film, prefix="s3://hall/frames", folder=tmp_path / "img1", step=5)
    assert content["frames"] == [
        {"frame-no": 0, "frame": "000001.jpg", "unix-timestamp": 0.0},
        {"frame-no": 1, "frame": "000002.jpg", "unix-timestamp": 0.5},
    ]
    assert sorted(path.name for path in (tmp_path / "img1").iterdir()) == [
        "000001.jpg", "000002.jpg"
    ]  # fmt: skip


@ffmpeg
def test_a_video_goes_to_s3_once_and_a_second_time_sends_nothing(film, s3):
    address = upload_sequence(film, "s3://hall/frames/", s3=s3)
    assert address == "s3://hall/frames/hall-seq.json"
    listed = {e["Key"]: e["LastModified"] for e in s3.list_objects_v2(Bucket="hall")["Contents"]}
    assert len(listed) == 11
    told = []
    upload_sequence(film, "s3://hall/frames", s3=s3, progress=lambda *now: told.append(now))
    assert told == [(11, 11)]
    body = s3.get_object(Bucket="hall", Key="frames/hall-seq.json")["Body"].read()
    assert json.loads(body)["prefix"] == "s3://hall/frames/"
    with pytest.raises(ValueError, match="another file is there"):
        upload_sequence(film, "s3://hall/frames", s3=s3, step=2)


@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_interrupted_half_way_it_goes_on_and_the_list_of_frames_comes_last(s3, tmp_path):
    folder = tmp_path / "hall"
    folder.mkdir()
    for n in range(9):
        (folder / f"{n}.jpg").write_bytes(bytes([n]))

    def interrupt(done, of):
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        upload_sequence(folder, "s3://hall/frames", s3=s3, progress=interrupt)
    there = {entry["Key"] for entry in s3.list_objects_v2(Bucket="hall")["Contents"]}
    assert "frames/hall-seq.json" not in there
    assert upload_sequence(folder, "s3://hall/frames", s3=s3) == "s3://hall/frames/hall-seq.json"
    assert s3.list_objects_v2(Bucket="hall")["KeyCount"] == 10
