"""Annotators against gold, and against each other."""

import io

import numpy as np
import pandas as pd
import pytest

from annotaudit.errors import BoxTableError
from annotaudit.plotting import draw_boxes, plot_accuracy, plot_agreement


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "precision": [1.0, 0.5],
            "precision_low": [0.6, 0.3],
            "precision_high": [1.0, 0.7],
            "recall": [0.8, np.nan],
            "mean_iou": [0.9, 0.4],
        },
        index=["ann", r"$\frac{1$"],
    )


def test_each_measure_has_a_bar_for_each_annotator_and_its_interval(table):
    ax = plot_accuracy(table)
    bars = [
        [bar.get_height() for bar in container]
        for container in ax.containers
        if len(container) == 2
    ]
    assert bars[0] == [1.0, 0.5] and bars[-1] == [0.9, 0.4]
    (intervals,) = ax.collections
    spans = [segment[:, 1].tolist() for segment in intervals.get_segments()]
    np.testing.assert_allclose(spans, [[0.6, 1.0], [0.3, 0.7]])
    ax.figure.savefig(io.BytesIO())


def test_agreement_is_a_symmetric_matrix_with_its_numbers():
    pairs = pd.DataFrame({"first": ["ann", "ann"], "second": ["bob", "cid"], "f1": [0.75, np.nan]})
    ax = plot_agreement(pairs)
    matrix = ax.images[0].get_array().filled(np.nan)
    assert matrix[0, 1] == matrix[1, 0] == 0.75 and np.isnan(matrix[1, 2])
    assert [text.get_text() for text in ax.texts] == ["0.75", "0.75"]
    ax.figure.savefig(io.BytesIO())


def test_a_missing_column_is_named(table):
    with pytest.raises(BoxTableError, match="lacks \\['f1'\\]"):
        plot_accuracy(table, ["f1"])
    with pytest.raises(BoxTableError, match="lacks \\['second', 'f1'\\]"):
        plot_agreement(pd.DataFrame({"first": ["ann"]}))


def test_a_consensus_is_drawn_over_what_the_axes_show(boxes):
    ax = draw_boxes(np.zeros((120, 200, 3), dtype=np.uint8), boxes.head(2))
    draw_boxes(None, boxes.iloc[[5]], ax=ax, linestyle="--", color="white")
    assert len(ax.images) == 1 and len(ax.collections) == 2 and not ax.texts
    assert ax.get_xlim() == (0, 200)
