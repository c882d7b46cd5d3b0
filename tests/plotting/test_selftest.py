"""The plot of a self-test shows every kind, its share and its interval."""

import pandas as pd
import pytest

import annotaudit as aa
from annotaudit.errors import BoxTableError


@pytest.fixture
def table():
    kinds = ["all but two", "shift", "gap"]
    return pd.DataFrame(
        [(kind, budget, 20, 10 + n, (10 + n) / 20, 0.3, 0.9)
         for n, kind in enumerate(kinds) for budget in (50, 100)],
        columns=["kind", "budget", "planted", "found", "recall", "low", "high"],
    )  # fmt: skip


def test_every_kind_has_a_row_and_every_budget_its_marks(table):
    ax = aa.plot_selftest(table)
    rows = [text.get_text() for text in ax.get_yticklabels()]
    assert rows == ["all but two (20)", "gap (20)", "shift (20)"]
    marks = [line for line in ax.lines if line.get_label().endswith("findings")]
    assert [line.get_label() for line in marks] == ["50 findings", "100 findings"]
    assert marks[0].get_xdata().tolist() == [0.5, 0.6, 0.55]


def test_another_table_is_refused(table):
    with pytest.raises(BoxTableError, match="lacks \\['recall'\\]"):
        aa.plot_selftest(table.drop(columns="recall"))
