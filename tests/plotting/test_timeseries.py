"""Lines over time: they break where frames are missing, and the suspicious points are marked."""

import io

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from annotaudit.boxes import Labels
from annotaudit.errors import BoxTableError, LimitError
from annotaudit.plotting import (
    plot_deviation,
    plot_rolling_iou,
    plot_size,
    plot_size_change,
    plot_track,
)


def line(ax, label):
    return next(drawn for drawn in ax.lines if drawn.get_label() == label)


def entries(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def marks(ax):
    return {tuple(point) for artist in ax.collections for point in artist.get_offsets().tolist()}


def test_four_panels_with_units_show_the_track_and_its_rolling_mean(boxes):
    axes = plot_track(boxes, "car:1", window=3)
    assert [ax.get_ylabel() for ax in axes] == [
        "left (px)",
        "top (px)",
        "width (px)",
        "height (px)",
    ]
    assert axes[-1].get_xlabel() == "frame"
    assert line(axes[0], "as drawn").get_ydata().tolist()[6:9] == [60, 130, 80]
    assert line(axes[0], "rolling mean of 3").get_ydata()[7] == (60 + 130 + 80) / 3


def test_a_gap_breaks_the_line(boxes):
    drawn = line(plot_track(boxes, "car:2")[0], "as drawn")
    assert np.isnan(drawn.get_xdata()[4])
    assert drawn.get_xdata()[[3, 5]].tolist() == [3, 6]


def test_frames_nobody_looked_at_are_no_gap(boxes):
    frames = pd.DataFrame({"sequence": "street", "frame": [0, 1, 2, 3, 6, 7, 8, 9]})
    own = boxes[boxes["frame"].isin(frames["frame"])]
    drawn = line(plot_track(Labels(own, frames), "car:2")[0], "as drawn")
    assert not np.isnan(drawn.get_xdata()).any()


def test_findings_of_the_object_are_marked_on_its_line(boxes, findings):
    axes = plot_track(boxes, "car:1", findings=findings)
    assert marks(axes[0]) == {(7, 130)}
    assert "error" in entries(axes[0]) and "note" not in entries(axes[0])


def test_the_deviation_is_marked_on_the_side_that_deviates(boxes, findings):
    ax = plot_deviation(boxes, "car:1", window=3, findings=findings)
    assert marks(ax) == {(7, 40)}  # 130 against the mean of 60, 130 and 80
    assert entries(ax)[:4] == ["left", "top", "width", "height"]


def test_sizes_have_units(boxes):
    ax = plot_size(boxes)
    assert ax.get_ylabel() == "area (px²)"
    assert set(line(ax, "car:1").get_ydata()) == {1200}
    assert plot_size(boxes, of="aspect").get_ylabel() == "aspect (width / height)"
    assert set(line(plot_size(boxes, of="height"), "car:1").get_ydata()) == {30}
    with pytest.raises(LimitError, match="of='depth'"):
        plot_size(boxes, of="depth")


def test_a_size_change_is_a_share_or_pixels(boxes):
    boxes.loc[5, "height"] = 45.0
    ax = plot_size_change(boxes, "car:1")
    assert line(ax, "car:1").get_ydata()[5] == 0.5
    assert [limit.get_ydata()[0] for limit in ax.lines if limit.get_linestyle() == "--"] == [
        0.25,
        -0.25,
    ]
    ax = plot_size_change(boxes, "car:1", absolute=True)
    assert line(ax, "car:1").get_ydata()[5] == 600
    assert ax.get_ylabel() == "change of area (px²)"
    assert not [limit for limit in ax.lines if limit.get_linestyle() == "--"]


def test_objects_share_the_axes_of_their_overlap(boxes, findings):
    ax = plot_rolling_iou(boxes, findings=findings)
    assert {"car:1", "car:2", "limit 0.5"} <= set(entries(ax))
    assert line(ax, "car:1").get_ydata()[7] == 0  # the jump
    assert np.isnan(line(ax, "car:2").get_ydata()[5])  # after the gap there is no step
    assert (7, 0) in marks(ax)


def test_of_many_tracks_only_the_worst_are_named(boxes):
    one = boxes[boxes["track"] == "car:2"]
    many = pd.concat([one.assign(track=f"car:{number}") for number in range(250)])
    many = pd.concat([many, boxes[boxes["track"] == "car:1"].assign(track="jumper")])
    ax = plot_rolling_iou(many.reset_index(drop=True))
    assert len(ax.lines) == 8  # six named, the others together, the limit
    assert "jumper" in entries(ax) and "245 others" in entries(ax)


def test_a_name_that_two_objects_have_is_refused(boxes):
    two = pd.concat([boxes, boxes.assign(annotator="bob")], ignore_index=True)
    with pytest.raises(BoxTableError, match="2 objects.*annotator="):
        plot_track(two, "car:1")
    assert len(plot_track(two, "car:1", annotator="bob")) == 4
    assert "street" not in entries(plot_rolling_iou(two))[0]
    assert "bob · car:1" in entries(plot_rolling_iou(two))


def test_a_track_that_is_not_there_is_refused(boxes):
    with pytest.raises(BoxTableError, match=r"No box of track \['bus'\].*'car:1', 'car:2'"):
        plot_track(boxes, "bus")


def test_given_axes_are_drawn_on(boxes):
    _, ax = plt.subplots()
    assert plot_size(boxes, ax=ax) is ax
    with pytest.raises(LimitError, match="1 Axes; expected 4"):
        plot_track(boxes, "car:1", axes=np.array([ax]))


@pytest.mark.parametrize("name", [r"$\frac{1$", "_car", "🛑\n", "x" * 999])
def test_hostile_names_draw(boxes, findings, name):
    hostile = boxes.assign(track=boxes["track"].replace("car:1", name))
    marked = findings.assign(track=findings["track"].replace("car:1", name))
    for ax in (
        plot_track(hostile, name, findings=marked)[0],
        plot_deviation(hostile, name, findings=marked),
        plot_rolling_iou(hostile, findings=marked),
        plot_size_change(hostile),
    ):
        ax.figure.savefig(io.BytesIO())
    assert len(entries(plot_rolling_iou(hostile))) == 3  # a name that begins with _ is kept


def test_a_table_without_tracks_draws_nothing(boxes):
    for plot in (plot_size, plot_size_change, plot_rolling_iou):
        plot(boxes.assign(track=None)).figure.savefig(io.BytesIO())


def test_the_callers_table_stays_as_it_is(boxes, findings):
    before, marked = boxes.copy(), findings.copy()
    plot_track(boxes, "car:1", findings=findings)
    plot_rolling_iou(boxes, findings=findings)
    assert boxes.equals(before) and findings.equals(marked)
