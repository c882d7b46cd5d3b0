"""Pictures of what boxes show, asked for what they hold."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

import annotaudit as aa
from annotaudit.errors import BoxTableError, LimitError, MissingExtraError
from annotaudit.metrics import Embeddings, appearance_distances, embed
from annotaudit.plotting import draw_crops, plot_appearance, plot_appearance_map
from annotaudit.plotting.style import SEVERITY_COLORS

sys.path.append(str(Path(__file__).parents[1] / "metrics"))  # painted_street stands there
from painted_street import painted_labels  # noqa: E402


@pytest.fixture
def street(tmp_path):
    return painted_labels(tmp_path)


@pytest.fixture
def slipped(street):
    own = (street.boxes["track"] == "walker:2") & (street.boxes["frame"] == 9)
    return street.boxes[own].assign(severity="error", rule="off_course")


def framed(panels):
    colors = {color: name for name, color in SEVERITY_COLORS.items()}
    edges = [to_hex(ax.spines["left"].get_edgecolor()).upper() for ax in panels]
    return {
        ax.get_title(): colors[edge]
        for ax, edge in zip(panels, edges, strict=True)
        if edge in colors
    }


def test_the_outlier_is_among_the_crops_and_framed(street, slipped):
    panels = draw_crops(street, "walker:2", findings=slipped, n=6)
    titles = [int(ax.get_title()) for ax in panels]
    assert len(titles) == 6 and titles == sorted(titles) and 9 in titles
    assert framed(panels) == {"9": "error"}


def test_crops_show_their_own_walker(street):
    panels = draw_crops(street, "walker:1", n=3, margin=0)
    for ax in panels:
        middle = ax.get_images()[0].get_array()[20, 12]
        np.testing.assert_allclose(middle, [200, 40, 40], atol=20)


def test_crops_around_a_frame_stay_inside_the_track(street):
    shown = [ax.get_title() for ax in draw_crops(street, "walker:2", around=19, n=4)]
    assert shown == ["16", "17", "18", "19"]


def test_without_a_picture_the_panel_stays_grey(street):
    bare = aa.Labels(street.boxes)
    assert not draw_crops(bare, "walker:2", n=2)[0].get_images()


def test_a_track_or_number_that_is_not_there_is_refused(street):
    with pytest.raises(BoxTableError, match="walker:9"):
        draw_crops(street, "walker:9")
    with pytest.raises(LimitError, match="n=0"):
        draw_crops(street, "walker:1", n=0)


def test_distances_break_at_gaps_and_carry_findings(street, slipped):
    gone = (street.boxes["track"] == "walker:2") & (street.boxes["frame"] == 4)
    labels = aa.Labels(street.boxes[~gone], street.frames)
    distances = appearance_distances(labels, embed(labels))
    ax = plot_appearance(labels, distances, "walker:2", findings=slipped)
    own, other = ax.get_lines()
    assert (own.get_label(), other.get_label()) == ("to its track", "to the nearest other track")
    assert np.isnan(own.get_xdata()).sum() == 1
    expected = distances["to_track"][slipped.index[0]]
    assert ax.collections[0].get_offsets().tolist() == [[9, pytest.approx(expected)]]


def test_a_distance_that_is_not_known_is_named(street):
    with pytest.raises(LimitError, match="to_mars"):
        plot_appearance(street, pd.DataFrame({"to_track": []}), "walker:1", columns=["to_mars"])


def test_the_map_keeps_tracks_apart_and_rings_findings(street, slipped):
    ax = plot_appearance_map(street, embed(street), findings=slipped)
    groups = [points.get_offsets() for points in ax.collections[:3]]
    middles = [group.mean(axis=0) for group in groups]
    widest = max(np.linalg.norm(group - middle, axis=1).max() for group, middle in zip(
        groups, middles, strict=True))  # fmt: skip
    assert np.linalg.norm(middles[0] - middles[1]) > 2 * widest
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "walker:1", "walker:2", "walker:3", "error",
    ]  # fmt: skip
    assert len(ax.collections[3].get_offsets()) == 1


def test_the_map_of_one_track_or_of_none(street):
    made = embed(street)
    assert len(plot_appearance_map(street, made, "walker:2").collections) == 1
    nothing = Embeddings(np.full((60, 4), np.nan, np.float32), made.light, made.sharpness)
    assert not plot_appearance_map(street, nothing).collections


def test_umap_is_asked_for_by_name(street, monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(MissingExtraError, match="umap-learn"):
        plot_appearance_map(street, embed(street), method="umap")
    with pytest.raises(LimitError, match="tsne"):
        plot_appearance_map(street, embed(street), method="tsne")
