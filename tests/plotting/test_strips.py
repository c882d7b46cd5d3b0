"""Frames side by side, and the surroundings of a finding."""

import io

import numpy as np
import PIL.Image
import pytest

from annotaudit.boxes import Labels
from annotaudit.errors import LimitError
from annotaudit.frames import Images
from annotaudit.plotting import draw_frames


def titles(axes):
    return [ax.get_title() for ax in axes]


def test_frames_are_chosen_by_number_or_by_start_stop_step(labels):
    assert titles(draw_frames(labels, [3, 1])) == ["frame 3", "frame 1"]
    assert titles(draw_frames(labels, 4)) == ["frame 4"]
    assert titles(draw_frames(labels, start=2, stop=7, step=2)) == ["frame 2", "frame 4", "frame 6"]


def test_the_frames_around_a_finding_stand_beside_it(labels, findings):
    axes = draw_frames(labels, around=findings.iloc[0])
    assert titles(axes) == ["frame 5", "frame 6", "frame 7", "frame 8", "frame 9"]
    marked = [[artist.get_gid() for artist in ax.collections if artist.get_gid()] for ax in axes]
    assert marked == [[], [], ["findings", "expected"], [], []]


def test_all_panels_show_the_same_part(labels, findings):
    axes = draw_frames(labels, around=findings.iloc[0])
    views = {(*ax.get_xlim(), *ax.get_ylim()) for ax in axes}
    assert len(views) == 1
    left, right, _, _ = views.pop()
    assert left <= 50 and right >= 170  # from the box on frame 5 to the jump on frame 7
    assert draw_frames(labels, around=findings.iloc[0], zoom=False)[0].get_xlim() == (0, 200)


def test_the_frame_before_is_the_one_looked_at_before(labels, findings):
    every_other = labels.frames[labels.frames["frame"] % 2 == 1]
    sparse = Labels(labels.boxes[labels.boxes["frame"] % 2 == 1], every_other)
    axes = draw_frames(sparse, around=findings.iloc[0], before=1, after=1)
    assert titles(axes) == ["frame 5", "frame 7", "frame 9"]


def test_pictures_are_opened_one_by_one_and_a_missing_one_is_said(tmp_path, labels):
    PIL.Image.new("RGB", (200, 120), "red").save(tmp_path / "0.png")
    named = labels.frames.assign(image=[f"{frame}.png" for frame in labels.frames["frame"]])
    axes = draw_frames(labels, [0, 1], images=Images(named, root=tmp_path))
    assert axes[0].images and not axes[1].images
    assert "1.png: found no file" in axes[1].get_xlabel()
    axes[0].figure.savefig(io.BytesIO())


def test_a_missing_box_shows_where_it_should_be(labels, findings):
    missing = findings.head(1).assign(left=np.nan, top=np.nan, width=np.nan, height=np.nan)
    (ax,) = draw_frames(labels, around=missing, before=0, after=0)
    assert "expected" in [artist.get_gid() for artist in ax.collections]


def test_too_many_or_no_frames_are_refused(labels):
    with pytest.raises(LimitError, match="0 frames .* from 0 to 9"):
        draw_frames(labels, start=50)
    with pytest.raises(LimitError, match="101 frames"):
        draw_frames(labels, range(101))
    with pytest.raises(LimitError, match="expected one of \\['street'\\]"):
        draw_frames(labels, 0, sequence="road")


def test_a_picture_of_another_size_than_the_labels_say_is_noted(tmp_path, labels):
    PIL.Image.new("RGB", (120, 200), "red").save(tmp_path / "turned.png")
    images = Images(labels.frames.assign(image="turned.png"), root=tmp_path)
    (ax,) = draw_frames(labels, 0, images=images)
    assert ax.get_xlabel() == "picture of 120 x 200 px, labels of 200 x 120"
