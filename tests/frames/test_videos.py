"""Frames out of videos: the right ones, at their own times, upright, all or none."""

import shutil
import subprocess

import numpy as np
import PIL.Image
import pytest

from annotaudit.frames import check_frames, extract_frames, open_image, videos

ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")


def has_option(name):
    """Options of ffmpeg come and go: -vsync became -fps_mode, rotate= became -display_rotation."""
    return name in videos._help(shutil.which("ffmpeg"))


def encode(*arguments):
    command = ["ffmpeg", "-y", "-v", "error", "-nostdin", *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """One second at 25 frames per second; frame n is all of the grey 10 n."""
    folder = tmp_path_factory.mktemp("film")
    for n in range(25):
        PIL.Image.new("L", (64, 32), 10 * n).save(folder / f"{n}.png")
    encode("-framerate", 25, "-i", folder / "%d.png", "-c:v", "mpeg4", "-q:v", 2,
           "-g", 10, "-bf", 2, folder / "film.mp4")  # fmt: skip
    return folder / "film.mp4"


def shown(frames):
    """Which frame of the film each image is."""
    greys = [np.asarray(open_image(image).convert("L")).mean() for image in frames["image"]]
    return (np.array(greys) / 10).round().astype(int).tolist()


@ffmpeg
def test_every_frame_comes_out_once_in_order_with_its_time(film, tmp_path):
    told = []
    frames = extract_frames(film, tmp_path / "img1", progress=lambda *now: told.append(now))
    assert shown(frames) == list(range(25))
    assert frames["time"].tolist() == pytest.approx([n / 25 for n in range(25)])
    names = sorted((path.name for path in (tmp_path / "img1").iterdir()), key=str.encode)
    assert names == [f"{n + 1:06}.jpg" for n in range(25)]
    assert [path.rpartition("/")[2] for path in frames["image"]] == names
    assert set(frames["sequence"]) == {"film"} and check_frames(frames).equals(frames)
    assert frames[["image_width", "image_height"]].iloc[0].tolist() == [64, 32]
    assert told[-1] == (25, 25)


@ffmpeg
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"step": 6}, [0, 6, 12, 18, 24]),
        ({"fps": 5}, [0, 5, 10, 15, 20]),
        ({"fps": 10}, [0, 3, 5, 8, 10, 13, 15, 18, 20, 23]),  # the first of each tenth of a second
        ({"fps": 50}, list(range(25))),  # none is shown twice
    ],
)
def test_fewer_frames_keep_the_times_they_were_taken(film, tmp_path, options, expected):
    frames = extract_frames(film, tmp_path / "some", **options)
    assert shown(frames) == expected
    assert frames["time"].tolist() == pytest.approx([n / 25 for n in expected])


@ffmpeg
def test_a_video_of_changing_rate_keeps_its_own_times(film, tmp_path):
    uneven = tmp_path / "uneven.mkv"
    as_they_are = ("-fps_mode" if has_option("-fps_mode") else "-vsync", "passthrough")
    encode("-i", film, "-vf", "select='not(eq(n,3)+eq(n,4)+eq(n,9))'", *as_they_are,
           "-c:v", "mpeg4", "-q:v", 2, uneven)  # fmt: skip
    frames = extract_frames(uneven, tmp_path / "img1")
    expected = [n for n in range(25) if n not in (3, 4, 9)]
    assert shown(frames) == expected
    assert frames["time"].tolist() == pytest.approx([n / 25 for n in expected], abs=0.001)


@ffmpeg
def test_a_film_held_upright_is_shown_upright(film, tmp_path):
    turned = tmp_path / "turned.mp4"
    if has_option("-display_rotation"):
        encode("-display_rotation", 90, "-i", film, "-c", "copy", turned)
    else:
        encode("-i", film, "-c", "copy", "-metadata:s:v:0", "rotate=90", turned)
    frames = extract_frames(turned, tmp_path / "img1")
    assert frames[["image_width", "image_height"]].iloc[0].tolist() == [32, 64]
    assert open_image(frames["image"].iloc[0]).size == (32, 64)


@ffmpeg
@pytest.mark.parametrize("name", ["-i.mp4", "%03d.mp4", "concat:a|b.mp4", "a b';$(x).mp4"])
def test_a_name_is_only_ever_a_name(film, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    shutil.copy(film, tmp_path / name)
    frames = extract_frames(name, f"{name}.frames", step=12)
    assert shown(frames) == [0, 12, 24]


@ffmpeg
@pytest.mark.parametrize(
    "content",
    [
        b"", b"no video", b"GIF89a",
        b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",  # playlists name other files
        b"ffconcat version 1.0\nfile '/etc/passwd'\n",
    ],
)  # fmt: skip
def test_what_is_no_video_is_refused_and_leaves_no_folder(tmp_path, content):
    (tmp_path / "film.mp4").write_bytes(content)
    with pytest.raises(ValueError, match="is no video that can be read"):
        extract_frames(tmp_path / "film.mp4", tmp_path / "img1")
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]


@ffmpeg
def test_a_list_of_other_films_is_refused(film, tmp_path):
    """Without the list of containers, ffmpeg would open what the playlist names."""
    (tmp_path / "list.mp4").write_text(f"ffconcat version 1.0\nfile '{film}'\n")
    with pytest.raises(ValueError, match="is no video"):
        extract_frames(tmp_path / "list.mp4", tmp_path / "img1")


@ffmpeg
def test_sound_alone_is_no_video(tmp_path):
    encode("-f", "lavfi", "-i", "sine=duration=0.2", "-c:a", "aac", tmp_path / "sound.mp4")
    with pytest.raises(ValueError, match="no picture track"):
        extract_frames(tmp_path / "sound.mp4", tmp_path / "img1")


@ffmpeg
def test_too_many_frames_are_refused_before_they_fill_the_disk(film, tmp_path):
    with pytest.raises(ValueError, match="more than 10 frames to take"):
        extract_frames(film, tmp_path / "img1", most=10)
    assert list(tmp_path.iterdir()) == []
    assert len(extract_frames(film, tmp_path / "img1", most=5, step=5)) == 5


@ffmpeg
def test_huge_frames_are_refused(film, tmp_path, monkeypatch):
    monkeypatch.setattr(videos, "MAX_PIXELS", 2_000)
    with pytest.raises(ValueError, match="64 × 32 pixels; expected at most 2,000"):
        extract_frames(film, tmp_path / "img1")


@ffmpeg
def test_a_film_that_was_cut_off_says_so(film, tmp_path):
    cut = tmp_path / "cut.mkv"
    encode("-i", film, "-c", "copy", tmp_path / "whole.mkv")
    whole = (tmp_path / "whole.mkv").read_bytes()
    cut.write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.warns(UserWarning, match="ffmpeg complained"):
        frames = extract_frames(cut, tmp_path / "img1")
    assert 5 < len(frames) < 25


@ffmpeg
def test_who_interrupts_finds_no_half_folder_and_no_program_running(film, tmp_path):
    def interrupt(done, of):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract_frames(film, tmp_path / "img1", progress=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_something_in_it_stays_as_it_is(tmp_path):
    (tmp_path / "film.mp4").touch()
    with pytest.raises(ValueError, match="nothing is overwritten"):
        extract_frames(tmp_path / "film.mp4", tmp_path)


@pytest.mark.parametrize("options", [{"step": 0}, {"fps": 0}, {"fps": float("nan")},
                                     {"fps": 2, "step": 2}])  # fmt: skip
def test_a_choice_that_is_none_is_refused(tmp_path, options):
    with pytest.raises(ValueError, match="expected one of the two"):
        extract_frames(tmp_path / "film.mp4", tmp_path / "img1", **options)


def test_without_ffmpeg_the_next_step_is_named(tmp_path, monkeypatch):
    (tmp_path / "film.mp4").write_bytes(b"x")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(ValueError, match="apt install ffmpeg"):
        extract_frames(tmp_path / "film.mp4", tmp_path / "img1")
