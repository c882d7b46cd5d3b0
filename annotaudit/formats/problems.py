"""What could not be used, collected while a file is read."""

from __future__ import annotations

import pandas as pd

from annotaudit.boxes import PROBLEM_COLUMNS, TEXT
from annotaudit.errors import LabelFormatError

MAX_EXCERPT = 80  # characters of the input that a message quotes


class Problems:
    """Rows of the problems table, or an error at the first of them.

    Parameters
    ----------
    source : str
        Which file or address.
    strict : bool
        Whether to raise at the first problem instead of noting it.

    Examples
    --------
    >>> problems = Problems("labels.json")
    >>> problems.add("frame 3, box 1", "width is text; expected a number")
    >>> problems.table()["where"].tolist()
    ['frame 3, box 1']
    >>> Problems("labels.json", strict=True).add("line 2", "not JSON")
    Traceback (most recent call last):
    annotaudit.errors.LabelFormatError: labels.json, line 2: not JSON. Correct the file, or ...
    """

    def __init__(self, source: str, *, strict: bool = False) -> None:
        self.source = source
        self.strict = strict
        self._rows: list[tuple[str, str, str]] = []

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, where: str, what: str) -> None:
        """Note one piece of input that could not be used.

        Raises
        ------
        LabelFormatError
            If strict.
        """
        if self.strict:
            raise LabelFormatError(
                f"{self.source}, {where}: {what}. Correct the file, or load it with "
                "strict=False to read the rest and list this in labels.problems."
            )
        self._rows.append((self.source, where, what))

    def table(self) -> pd.DataFrame:
        """Return the problems so far: source, where, what."""
        return pd.DataFrame(self._rows, columns=list(PROBLEM_COLUMNS)).astype(TEXT)


def excerpt(value: object) -> str:
    """Quote a value in a message, shortened, with control characters escaped.

    Examples
    --------
    >>> excerpt("a" * 200)[-5:]
    "aaa…'"
    """
    if isinstance(value, str):
        return repr(value if len(value) <= MAX_EXCERPT else value[:MAX_EXCERPT] + "…")
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 256:
        return f"a whole number of {value.bit_length()} bits"
    if isinstance(value, dict | list):
        kind = "an object" if isinstance(value, dict) else "a list"
        return f"{kind} of {len(value)}"
    text = repr(value)
    return text if len(text) <= MAX_EXCERPT else text[:MAX_EXCERPT] + "…"
