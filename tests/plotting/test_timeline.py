"""Findings over frames and tracks."""

import io

import numpy as np
import pandas as pd
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_hex

from annotaudit.plotting import SEVERITY_COLORS, plot_timeline


def marks(ax):
    return [artist for artist in ax.collections if isinstance(artist, PathCollection)]


def names(ax):
    return [label.get_text() for label in ax.get_yticklabels()]


def test_findings_stand_at_their_frame_and_track_in_the_colour_of_their_severity(findings):
    ax = plot_timeline(findings)
    assert names(ax) == ["car:2", "car:1"]  # in order of appearance
    places = {
        to_hex(artist.get_facecolor()[0]).upper(): artist.get_offsets().tolist()
        for artist in marks(ax)
    }
    assert places == {SEVERITY_COLORS["error"]: [[7, 1]], SEVERITY_COLORS["note"]: [[2, 0]]}
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == ["error", "note", "off_course", "size_jump"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("frame", "track")


def test_bars_show_where_an_object_has_boxes(findings, labels):
    ax = plot_timeline(findings, labels)
    (bars,) = [artist for artist in ax.collections if isinstance(artist, LineCollection)]
    spans = sorted((row, start, end) for (start, row), (end, _) in bars.get_segments())
    np.testing.assert_allclose(spans, [(0, -0.4, 9.4), (1, -0.4, 3.4), (1, 5.6, 9.4)])


def test_several_findings_on_one_box_are_all_seen(findings):
    twice = pd.concat([findings, findings.head(1).assign(rule="low_overlap", score=0.1)])
    rows = [row for artist in marks(plot_timeline(twice)) for _, row in artist.get_offsets()]
    assert sorted(rows) == [0, 0.8, 1]


def test_of_many_tracks_the_worst_are_shown_and_the_rest_counted(findings):
    many = pd.concat(
        [findings.assign(track=f"car:{number}", score=number / 300) for number in range(250)]
    )
    ax = plot_timeline(many, max_tracks=30)
    assert len(names(ax)) == 30 and "car:249" in names(ax)
    assert ax.get_title(loc="left") == "30 tracks shown, 220 more not"


def test_no_findings_draw_an_empty_picture(findings, labels):
    for ax in (plot_timeline(findings.head(0)), plot_timeline(findings.head(0), labels)):
        ax.figure.savefig(io.BytesIO())


def test_hostile_names_and_findings_without_a_track_draw(findings, labels):
    hostile = findings.assign(track=[r"$\frac{1$", None], rule=["$a_$b$", "_x"])
    ax = plot_timeline(hostile, labels)
    ax.figure.savefig(io.BytesIO())
    assert "no track" in names(ax)
