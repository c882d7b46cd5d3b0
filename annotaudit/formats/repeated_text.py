"""A text column that says the same on every row."""

from __future__ import annotations

import pandas as pd

from annotaudit.boxes import TEXT

_BLOCK = 1 << 16  # rows


def repeated_text(text: str, n_rows: int) -> pd.Series:
    """Make a text column of one text, whose blocks of rows share the memory of one block.

    Examples
    --------
    >>> repeated_text("consolidated", 2).tolist()
    ['consolidated', 'consolidated']
    """
    import pyarrow as pa

    block = pa.repeat(pa.scalar(text, pa.large_string()), min(n_rows, _BLOCK))
    n_blocks, rest = divmod(n_rows, _BLOCK)
    return pd.Series(TEXT.__from_arrow__(pa.chunked_array([*[block] * n_blocks, block[:rest]])))
