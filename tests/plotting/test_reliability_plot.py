"""The picture of what scores mean."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from annotaudit.errors import BoxTableError
from annotaudit.plotting import plot_reliability


def test_a_mark_stands_at_the_mean_score_and_the_share_that_was_real() -> None:
    table = pd.DataFrame({"score": [0.81, 0.85, 0.89, 0.83, 0.2], "real": [True] * 3 + [False] * 2})
    _, marks = plot_reliability(table).lines
    np.testing.assert_allclose(marks.get_xdata(), [0.2, 0.845])
    np.testing.assert_allclose(marks.get_ydata(), [0.0, 0.75])


def test_a_score_of_one_belongs_to_the_last_step() -> None:
    ax = plot_reliability(pd.DataFrame({"score": [1.0, 0.95], "real": [True, True]}))
    assert [text.get_text() for text in ax.texts] == ["2"]


def test_a_table_without_verdicts_is_refused() -> None:
    with pytest.raises(BoxTableError, match="real"):
        plot_reliability(pd.DataFrame({"score": [0.5]}))


def test_what_no_rule_scored_bends_nothing() -> None:
    table = pd.DataFrame({"score": [0.5, np.nan, 0.5], "real": [True, True, False]})
    ax = plot_reliability(table)
    assert [text.get_text() for text in ax.texts] == ["2"]
    np.testing.assert_allclose(ax.lines[1].get_ydata(), [0.5])
