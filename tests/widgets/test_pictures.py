import io
import threading
import time

import numpy as np
import PIL.Image
import pytest

from annotaudit.errors import FrameError
from annotaudit.widgets import pictures
from annotaudit.widgets.pictures import Feed, Picture, encode, read_picture


def file_of(size=(1600, 800), kind="JPEG", mode="RGB", **options):
    file = io.BytesIO()
    PIL.Image.new(mode, size, 99).save(file, kind, **options)
    return file.getvalue()


def opened(picture):
    return PIL.Image.open(io.BytesIO(picture.content))


def test_a_still_picture_is_the_file_itself():
    content = file_of()
    assert encode(content) == Picture(content, "image/jpeg", (1600, 800), exact=True)


@pytest.mark.parametrize(("width", "across"), [(1600, 1600), (1400, 800), (700, 400), (300, 200)])
def test_a_moving_picture_is_a_half_a_quarter_or_an_eighth(width, across):
    picture = encode(file_of(), width)
    assert opened(picture).size == (across, across // 2)
    assert picture.natural == (1600, 800)
    assert picture.exact == (across == 1600)


def test_a_picture_that_lies_on_its_side_is_sent_upright():
    exif = PIL.Image.Exif()
    exif[274] = 6
    picture = encode(file_of((40, 20), exif=exif))
    assert picture.natural == opened(picture).size == (20, 40)


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "I;16"])
def test_other_kinds_of_picture_become_jpegs(mode):
    picture = encode(file_of((64, 32), "PNG", mode), width=64)
    assert (picture.type, opened(picture).mode) == ("image/jpeg", "RGB")


def test_cmyk_pictures_become_rgb():
    assert opened(encode(file_of((64, 32), mode="CMYK"))).mode == "RGB"


@pytest.mark.parametrize("content", [b"", b"not an image", file_of()[:300]])
@pytest.mark.parametrize("width", [None, 100])
def test_broken_pictures_are_refused_in_words(content, width):
    with pytest.raises(FrameError):
        encode(content, width)


def test_what_follows_a_picture_is_not_sent():
    picture = encode(file_of((64, 32)) + b"and a secret")
    assert b"secret" not in picture.content
    assert picture.exact


def test_a_picture_too_large_is_refused_before_it_is_decoded():
    header = file_of((64, 32), "PNG").replace(
        (64).to_bytes(4, "big") + (32).to_bytes(4, "big"),
        (60_000).to_bytes(4, "big") + (60_000).to_bytes(4, "big"),
    )
    with pytest.raises(FrameError):
        encode(header, 100)


def test_missing_files_and_folders_are_refused_in_words(tmp_path):
    for place in (tmp_path / "none.jpg", tmp_path):
        with pytest.raises(FrameError):
            read_picture(str(place))


class Answers:
    """Collects what a feed sends, and waits for it."""

    def __init__(self):
        self.came = []
        self.changed = threading.Condition()

    def __call__(self, position, picture):
        with self.changed:
            self.came.append((position, picture))
            self.changed.notify_all()

    def wait(self, count):
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.came) >= count, timeout=20)
        return [position for position, _ in self.came]


@pytest.fixture
def places(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (200, 400, 3), dtype=np.uint8)
    for frame in range(20):
        PIL.Image.fromarray(noise).save(tmp_path / f"{frame}.jpg")
    return [str(tmp_path / f"{frame}.jpg") for frame in range(20)]


def test_a_new_request_replaces_what_still_waits(places, monkeypatch):
    gate = threading.Event()

    def slow(content, width):
        gate.wait(20)
        return encode(content, width)

    monkeypatch.setattr(pictures, "encode", slow)
    answers = Answers()
    feed = Feed(places, answers)
    feed.want([0, 1, 2, 3, 4], 100)
    time.sleep(0.1)  # both threads hold a picture now
    feed.want([19, 18], 100)
    gate.set()
    came = answers.wait(4)
    feed.rest()
    assert set(came) == {0, 1, 19, 18}  # 2, 3 and 4 were dropped


def test_a_broken_picture_is_answered_with_words(places, tmp_path):
    (tmp_path / "0.jpg").write_bytes(b"torn")
    answers = Answers()
    feed = Feed([*places, None], answers)
    feed.want([0, 20, 99, -1], 100)  # no picture, and no such position: nothing to answer
    answers.wait(1)
    feed.rest()
    assert "0.jpg" in answers.came[0][1] or "image" in answers.came[0][1]


def test_memory_does_not_grow_with_the_frames_seen(places, monkeypatch):
    monkeypatch.setattr(pictures, "KEEP_BYTES", 40_000)
    answers = Answers()
    feed = Feed(places, answers)
    feed.want(list(range(20)), 100)
    answers.wait(20)
    assert 0 < feed.kept_bytes <= 40_000
    feed.rest()
    assert feed.kept_bytes == 0


def test_a_feed_at_rest_starts_again(places):
    answers = Answers()
    feed = Feed(places, answers)
    feed.want([1], 100)
    answers.wait(1)
    feed.rest()
    feed.want([2], None)
    assert answers.wait(2) == [1, 2]
    feed.rest()
