"""Tables in JSON, with the types of their columns: what plans keep on disk."""

from __future__ import annotations

from typing import Any

import pandas as pd

from annotaudit.boxes import TEXT


def table_to_json(table: pd.DataFrame) -> dict[str, Any]:
    """Turn a table into what JSON can hold; missing values become null.

    Parameters
    ----------
    table : DataFrame
        Numbers, truth values and text. Its index is not kept.

    Examples
    --------
    >>> table_to_json(pd.DataFrame({"frame": [3], "left": [0.1]}))
    {'columns': {'frame': 'int64', 'left': 'float64'}, 'rows': [[3, 0.1]]}
    """
    kinds = {name: "str" if table[name].dtype == TEXT else str(table[name].dtype) for name in table}
    rows = table.astype(object).where(table.notna(), None)
    return {"columns": kinds, "rows": rows.to_numpy().tolist()}


def table_from_json(plain: dict[str, Any]) -> pd.DataFrame:
    """Make the table again that :func:`table_to_json` turned.

    Parameters
    ----------
    plain : dict

    Examples
    --------
    >>> table_from_json({"columns": {"frame": "int64"}, "rows": [[3]]})["frame"].tolist()
    [3]
    """
    kinds = {name: TEXT if kind == "str" else kind for name, kind in plain["columns"].items()}
    return pd.DataFrame(plain["rows"], columns=list(kinds)).astype(kinds)
