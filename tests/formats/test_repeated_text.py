"""A text on every row: the rows are as many as asked, whatever the blocks."""

import pandas as pd
import pytest

from annotaudit.boxes import TEXT
from annotaudit.formats.repeated_text import _BLOCK, repeated_text


@pytest.mark.parametrize("n_rows", [0, 1, _BLOCK - 1, _BLOCK, _BLOCK + 1, 3 * _BLOCK])
def test_as_many_rows_as_asked(n_rows):
    column = repeated_text("é", n_rows)
    assert column.dtype == TEXT
    assert len(column) == n_rows
    assert set(column.unique()) == ({"é"} if n_rows else set())


def test_one_row_is_changed_alone():
    column = repeated_text("car", 2 * _BLOCK)
    column.loc[5] = "van"
    assert (column == "van").sum() == 1
    pd.testing.assert_series_equal(column[6:], repeated_text("car", 2 * _BLOCK)[6:])
