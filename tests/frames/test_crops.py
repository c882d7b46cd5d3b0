"""Crops show the box, with as much around it as asked for."""

import numpy as np
import PIL.Image
import pytest
from hypothesis import given, strategies as st

from annotaudit.errors import FrameError
from annotaudit.frames import crop_boxes


@pytest.fixture
def image():
    picture = PIL.Image.new("RGB", (100, 50))
    picture.paste("red", (20, 10, 30, 30))
    return picture


def test_a_crop_is_the_box(image):
    (crop,) = crop_boxes(image, [[20, 10, 10, 20]])
    assert crop.size == (10, 20)
    assert crop.getcolors() == [(200, (255, 0, 0))]


def test_a_margin_is_a_share_of_the_larger_side(image):
    (crop,) = crop_boxes(image, [[20, 10, 10, 20]], margin=0.25)
    assert crop.size == (20, 30)


def test_a_box_over_the_edge_is_clipped_or_padded(image):
    (clipped,) = crop_boxes(image, [[90, 40, 20, 20]])
    (padded,) = crop_boxes(image, [[90, 40, 20, 20]], pad=True)
    assert (clipped.size, padded.size) == ((10, 10), (20, 20))
    assert padded.getpixel((15, 15)) == (127, 127, 127)


def test_nothing_to_show_is_none(image):
    boxes = [[200, 0, 5, 5], [np.nan, 0, 5, 5], [10, 10, -5, 5], [0, 0, np.inf, 5]]
    assert crop_boxes(image, boxes) == [None] * 4


def test_a_hostile_size_takes_no_memory(image):
    (crop,) = crop_boxes(image, [[-1e9, -1e9, 2e9, 2e9]], pad=True)
    assert crop.size == (300, 150)


def test_all_crops_take_the_size_asked_for(image):
    assert {
        crop.size for crop in crop_boxes(image, [[0, 0, 9, 9], [5, 5, 30, 3]], size=(8, 8))
    } == {(8, 8)}


def test_a_wrong_shape_is_refused(image):
    with pytest.raises(FrameError, match=r"expected \(n, 4\)"):
        crop_boxes(image, [1, 2, 3, 4])


@given(
    st.lists(
        st.tuples(
            *[st.floats(-300, 300) for _ in range(2)], *[st.floats(0, 300) for _ in range(2)]
        ),
        min_size=1,
        max_size=5,
    )
)
def test_no_crop_is_larger_than_the_picture(boxes):
    for crop in crop_boxes(PIL.Image.new("RGB", (100, 50)), boxes):
        assert crop is None or (1 <= crop.width <= 100 and 1 <= crop.height <= 50)
