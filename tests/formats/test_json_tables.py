"""What plans keep on disk comes back to the last digit."""

import json

import numpy as np
import pandas as pd
from hypothesis import given, strategies as st

from annotaudit.boxes import TEXT
from annotaudit.formats.json_tables import table_from_json, table_to_json


@given(st.lists(st.floats(allow_infinity=False)), st.data())
def test_a_table_comes_back_with_its_types_and_every_digit(numbers, data):
    n = len(numbers)
    texts = data.draw(st.lists(st.none() | st.text(st.characters(codec="utf-8")), min_size=n,
                               max_size=n))  # fmt: skip
    table = pd.DataFrame(
        {
            "score": np.array(numbers, dtype=float),
            "frame": np.arange(n, dtype=np.int64),
            "name": pd.Series(texts, dtype=TEXT),
            "seen": pd.Series([True] * n, dtype=bool),
        }
    )
    written = json.dumps(table_to_json(table), allow_nan=False)
    pd.testing.assert_frame_equal(table_from_json(json.loads(written)), table, check_exact=True)
