"""Pictures open the way a browser shows them, and hostile or broken ones say what is wrong."""

import io
import os

import numpy as np
import PIL.Image
import pytest

from annotaudit.errors import FrameError
from annotaudit.frames import open_image


def encoded(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("wrap", [str, os.fspath, lambda path: path.read_bytes()])
def test_a_path_or_bytes_open_as_rgb(tmp_path, wrap):
    path = tmp_path / "red.png"
    PIL.Image.new("RGB", (5, 4), "red").save(path)
    image = open_image(wrap(path))
    assert (image.mode, image.size, image.getpixel((0, 0))) == ("RGB", (5, 4), (255, 0, 0))


def test_an_open_file_is_read_and_left_open(tmp_path):
    path = tmp_path / "red.png"
    PIL.Image.new("RGB", (5, 4), "red").save(path)
    with path.open("rb") as file:
        assert open_image(file).size == (5, 4)
        assert not file.closed


def test_exif_orientation_is_applied_as_browsers_do():
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # stored lying on its side
    image = open_image(encoded(PIL.Image.new("RGB", (40, 20)), "JPEG", exif=exif))
    assert image.size == (20, 40)


def test_palette_images_show_colours_not_indices():
    image = PIL.Image.new("P", (2, 2), 1)
    image.putpalette([0, 0, 0, 10, 200, 30])
    assert open_image(encoded(image)).getpixel((0, 0)) == (10, 200, 30)


def test_one_bit_images_are_black_and_white():
    assert open_image(encoded(PIL.Image.new("1", (2, 2), 1))).getpixel((0, 0)) == (255,) * 3


def test_cmyk_images_keep_their_colour():
    content = encoded(PIL.Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG", quality=95)
    red, green, blue = open_image(content).getpixel((4, 4))
    assert red > 200 and green < 80 and blue < 80


def test_transparent_parts_are_white_as_on_the_page():
    assert open_image(encoded(PIL.Image.new("LA", (2, 2), (0, 0)))).getpixel((0, 0)) == (255,) * 3
    assert open_image(encoded(PIL.Image.new("LA", (2, 2), (90, 255)))).getpixel((0, 0)) == (90,) * 3
    palette = encoded(PIL.Image.new("P", (2, 2), 0), transparency=0)
    assert open_image(palette).getpixel((0, 0)) == (255, 255, 255)


def test_sixteen_bit_grey_40000_is_not_64():
    grey = PIL.Image.fromarray(np.full((2, 2), 40_000, dtype=np.uint16))
    assert open_image(encoded(grey)).getpixel((0, 0)) == (156,) * 3  # 40000 / 65535 of 255
    assert open_image(encoded(grey, "TIFF")).getpixel((0, 0)) == (156,) * 3


def test_fractions_are_shares_of_white():
    grey = PIL.Image.fromarray(np.array([[0.0, 1.0], [0.2, np.nan]], dtype=np.float32))
    image = open_image(encoded(grey, "TIFF"))
    assert [image.getpixel(place)[0] for place in [(0, 0), (1, 0), (0, 1), (1, 1)]] == [
        0,
        255,
        51,
        0,
    ]


def test_an_animation_gives_its_first_picture():
    red, blue = PIL.Image.new("RGB", (4, 4), "red"), PIL.Image.new("RGB", (4, 4), "blue")
    content = encoded(red, "GIF", save_all=True, append_images=[blue])
    assert open_image(content).getpixel((0, 0)) == (255, 0, 0)


def test_a_small_file_of_many_pixels_is_refused_before_decoding():
    bomb = encoded(PIL.Image.new("1", (10_001, 1_000)))
    assert len(bomb) < 20_000
    with pytest.raises(FrameError, match=r"10,001 x 1,000 pixels, more than the 10,000,000"):
        open_image(bomb, max_pixels=10_000_000)


def test_the_default_limit_is_a_hundred_megapixels():
    bomb = encoded(PIL.Image.new("1", (13_000, 13_000)))
    with pytest.raises(FrameError, match="pixel"):
        open_image(bomb)


def test_too_many_bytes_are_refused(tmp_path):
    path = tmp_path / "noise.bmp"
    PIL.Image.new("RGB", (100, 100)).save(path)
    for source in (path, path.read_bytes(), io.BytesIO(path.read_bytes())):
        with pytest.raises(FrameError, match="more than 1,000 bytes"):
            open_image(source, max_bytes=1000)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_a_truncated_file_names_itself_and_the_next_step(tmp_path, kind):
    noise = np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)
    content = encoded(PIL.Image.fromarray(noise), kind)
    path = tmp_path / f"000001.{kind.lower()}"
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(FrameError, match=r"000001\..*expected.*again"):
        open_image(path)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><p>404", "web page"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b'{"error": 1}', "JSON"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "no image of these kinds"),
        (b"\x89PNG\r\n\x1a\n\0\0", "damaged"),
    ],
)
def test_what_is_no_image_is_named(content, found):
    with pytest.raises(FrameError, match=found):
        open_image(content)


def test_missing_files_folders_and_pipes_are_refused(tmp_path):
    with pytest.raises(FrameError, match="no file"):
        open_image(tmp_path / "none.jpg")
    with pytest.raises(FrameError, match="a folder"):
        open_image(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.jpg")
        with pytest.raises(FrameError, match="something else"):
            open_image(tmp_path / "pipe.jpg")


def test_what_is_no_source_is_refused(tmp_path):
    with pytest.raises(FrameError, match="found int|Found int"):
        open_image(3)
    with pytest.raises(FrameError, match="mode 'rb'"):
        open_image(io.StringIO("text"))
    with pytest.raises(FrameError, match="no file name"):
        open_image("a\0b.jpg")
    with pytest.raises(FrameError, match="leads out"):
        open_image("../a.jpg", root=tmp_path)
