"""What a person sees over a picture: every box where it is, in one collection."""

import io

import numpy as np
import PIL.Image
import pytest
from matplotlib import pyplot as plt
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex

from annotaudit.errors import BoxTableError, FrameError, LimitError
from annotaudit.plotting import draw_annotators, draw_boxes, stable_colors
from annotaudit.plotting.tags import Tags

PICTURE = np.zeros((120, 200, 3), dtype=np.uint8)


def collection(ax, name=None):
    return next(
        artist
        for artist in ax.collections
        if isinstance(artist, PolyCollection) and artist.get_gid() == name
    )


def bounds(path):
    return path.get_extents().bounds


def test_all_boxes_are_one_collection_at_their_places(boxes):
    ax = draw_boxes(PICTURE, boxes.head(3))
    assert len(ax.collections) == 1 and not ax.patches
    paths = collection(ax).get_paths()
    assert [bounds(path) for path in paths] == [(0, 20, 40, 30), (10, 20, 40, 30), (20, 20, 40, 30)]


def test_the_axes_are_pixels_with_y_down(boxes):
    ax = draw_boxes(PICTURE, boxes)
    assert ax.get_xlim() == (0, 200) and ax.get_ylim() == (120, 0)
    assert ax.images[0].get_extent() == [0, 200, 120, 0]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("left (px)", "top (px)")


def test_an_object_keeps_its_colour_wherever_it_stands_in_the_table(boxes):
    colors = stable_colors(boxes["track"])
    ax = draw_boxes(PICTURE, boxes.iloc[[-1]], colors=colors)
    assert to_hex(collection(ax).get_edgecolor()[0]).upper() == colors["car:2"]


def test_the_tutorials_look_is_a_matter_of_style(boxes):
    ax = draw_boxes(PICTURE, boxes, color="#32cd32", linewidth=1, tags=False)
    drawn = collection(ax)
    assert {to_hex(color) for color in drawn.get_edgecolor()} == {"#32cd32"}
    assert drawn.get_linewidth().tolist() == [1] and not len(drawn.get_facecolor())
    assert not [artist for artist in ax.artists if isinstance(artist, Tags)]


def test_findings_of_the_frame_are_marked_and_the_expected_box_dashed(boxes, findings):
    ax = draw_boxes(PICTURE, boxes[boxes["frame"] == 7], highlight=findings)
    marked, expected = collection(ax, "findings"), collection(ax, "expected")
    assert [bounds(path) for path in marked.get_paths()] == [(130, 20, 40, 30)]
    assert [bounds(path) for path in expected.get_paths()] == [(70, 20, 40, 30)]
    assert expected.get_linestyle()[0][1] is not None and marked.get_linestyle()[0][1] is None
    assert to_hex(marked.get_edgecolor()[0]).upper() == "#D55E00"


def test_a_marked_box_off_the_picture_is_in_view(boxes, findings):
    off = findings.head(1).assign(left=-60.0)
    ax = draw_boxes(PICTURE, boxes[boxes["frame"] == 7], highlight=off)
    assert ax.get_xlim() == (-60, 200)
    far = findings.head(1).assign(left=-1e300)
    ax = draw_boxes(PICTURE, boxes[boxes["frame"] == 7], highlight=far)
    assert ax.get_xlim() == (-200, 200)


def test_without_a_picture_the_ground_is_grey_and_says_so(boxes):
    ax = draw_boxes(None, boxes)
    assert not ax.images and [text.get_text() for text in ax.texts] == ["no image"]
    assert draw_boxes(None, boxes, size=(640, 480)).get_xlim() == (0, 640)


def test_only_the_window_is_kept(boxes):
    ax = draw_boxes(PICTURE, boxes, window=(50, 10, 60, 40))
    assert ax.get_xlim() == (50, 110) and ax.get_ylim() == (50, 10)
    assert ax.images[0].get_array().shape[:2] == (41, 61)


def test_boxes_with_unknown_or_absurd_sides_do_not_hurt(boxes):
    boxes.loc[0, "left"] = np.nan
    boxes.loc[1, "width"] = np.inf
    boxes.loc[2, "left"] = -1e300
    ax = draw_boxes(PICTURE, boxes)
    assert len(collection(ax).get_paths()) == len(boxes) - 1
    ax.figure.savefig(io.BytesIO())


def test_annotators_tell_still_images_apart(boxes):
    still = boxes.head(3).assign(track=None, annotator=["ann", "bob", "ann"])
    ax = draw_boxes(PICTURE, still)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["ann", "bob"]
    assert [artist.texts for artist in ax.artists] == [["car", "car", "car"]]


def test_each_annotator_has_a_panel(boxes):
    still = boxes.head(3).assign(track=None, annotator=["ann", "bob", "ann"])
    axes = draw_annotators(PICTURE, still)
    assert [ax.get_title() for ax in axes] == ["ann: 2 boxes", "bob: 1 box"]
    assert [len(collection(ax).get_paths()) for ax in axes] == [2, 1]
    with pytest.raises(LimitError, match="1 Axes for 2 panels"):
        draw_annotators(PICTURE, still, axes=axes[:1])


HOSTILE = [
    r"$\frac{1$",
    "$x$ and $y",
    "a" * 5000,
    "🛑 stop",
    "two\nlines\0",
    "_hidden",
    "",
    "‮x",
    " ",
]


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_hostile_labels_draw(boxes, kind):
    hostile = boxes.head(len(HOSTILE)).assign(track=None, label=HOSTILE, annotator=HOSTILE)
    axes = [draw_boxes(PICTURE, hostile), draw_boxes(PICTURE, hostile, by="label", legend=True)]
    axes += [*draw_annotators(PICTURE, hostile)[:1]]
    for ax in axes:
        ax.figure.savefig(io.BytesIO(), format=kind)


def test_dollar_signs_are_shown_as_they_are(boxes):
    ax = draw_boxes(PICTURE, boxes.head(1).assign(track="$5 or $6"))
    assert ax.artists[0].texts == ["$5 or $6"]


def test_the_picture_may_be_a_path_bytes_or_a_picture(tmp_path, boxes):
    path = tmp_path / "a.png"
    PIL.Image.new("L", (200, 120), 7).save(path)
    for picture in (path, path.read_bytes(), PIL.Image.open(path), np.zeros((120, 200))):
        assert draw_boxes(picture, boxes).get_xlim() == (0, 200)
    with pytest.raises(FrameError, match="no file"):
        draw_boxes(tmp_path / "none.png", boxes)


def test_given_axes_are_drawn_on(boxes):
    _, ax = plt.subplots()
    assert draw_boxes(PICTURE, boxes, ax=ax) is ax


def test_the_callers_table_stays_as_it_is(boxes, findings):
    before, marks = boxes.copy(), findings.copy()
    draw_boxes(PICTURE, boxes, highlight=findings)
    assert boxes.equals(before) and findings.equals(marks)


def test_an_empty_table_draws_the_picture(boxes):
    ax = draw_boxes(PICTURE, boxes.head(0))
    assert ax.images
    ax.figure.savefig(io.BytesIO())


def test_a_missing_column_is_named(boxes):
    with pytest.raises(BoxTableError, match="lack \\['left'\\]"):
        draw_boxes(PICTURE, boxes.drop(columns="left"))
