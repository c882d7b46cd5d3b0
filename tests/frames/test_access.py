"""Pictures are opened one at a time, when asked for."""

import pandas as pd
import PIL.Image
import pytest

from annotaudit.errors import FrameError
from annotaudit.frames import Images, access


@pytest.fixture
def folder(tmp_path):
    for frame in range(12):
        PIL.Image.new("RGB", (4, 3), (frame, 0, 0)).save(tmp_path / f"{frame}.png")
    return tmp_path


@pytest.fixture
def frames():
    names = [f"{frame}.png" for frame in range(12)]
    return pd.DataFrame({"sequence": "street", "frame": range(12), "image": names})


def test_each_frame_has_its_own_picture(folder, frames):
    images = Images(frames, root=folder)
    assert [images["street", frame].getpixel((0, 0))[0] for frame in (5, 0, 11)] == [5, 0, 11]


def test_only_the_last_few_stay_in_memory(folder, frames, monkeypatch):
    opened = []
    real = access.open_image
    monkeypatch.setattr(
        access, "open_image", lambda place, **how: opened.append(place) or real(place, **how)
    )
    images = Images(frames, root=folder, keep=2)
    for frame in (0, 1, 1, 0, 2, 1):
        images["street", frame]
    assert opened == ["0.png", "1.png", "2.png", "1.png"]


def test_nothing_is_opened_before_it_is_asked_for(frames):
    assert len(Images(frames, root="no/such/folder")) == 12


def test_a_frame_without_a_picture_is_none_or_an_error(frames):
    images = Images(frames.assign(image=None))
    assert images.get("street", 3) is None and ("street", 3) not in images
    with pytest.raises(FrameError, match="Frame 3 of sequence 'street' has no image"):
        images["street", 3]


def test_names_in_the_table_cannot_leave_the_root(folder, frames):
    images = Images(frames.assign(image="../secret.png"), root=folder)
    with pytest.raises(FrameError, match="leads out"):
        images["street", 0]
