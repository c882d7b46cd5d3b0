"""Sequence files of anyone's frames."""

import pytest

from annotaudit.aws import make_sequence


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
