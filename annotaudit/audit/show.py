"""Findings as a person reads them: where, what, how sure."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import pandas as pd

from annotaudit.errors import BoxTableError

_COLOURS = {"error": "#d55e00", "warning": "#e69f00", "note": "#56b4e9"}  # Okabe and Ito
_SHOWN = ["score", "severity", "sequence", "frame", "track", "annotator", "reason", "rule"]


@dataclass(frozen=True)
class FindingsView:
    """The head of a findings table, for a notebook or a terminal.

    What label files say is escaped: no name in them can run a script in the notebook.
    """

    rows: pd.DataFrame
    total: int

    def __repr__(self) -> str:
        if self.rows.empty:
            return "No findings."
        lines = [
            f"{at:>4}  {row.score:4.2f}  {row.severity:<7}  {_where(row)}\n      {row.reason}"
            for at, row in enumerate(self.rows.itertuples(), start=1)
        ]
        return "\n".join([*lines, *self._rest()])

    def _repr_html_(self) -> str:
        if self.rows.empty:
            return "<p>No findings.</p>"
        head = "".join(
            f"<th style='text-align:left'>{name}</th>"
            for name in ("", "score", "severity", "where", "what to look at", "rule")
        )
        body = "".join(_html_row(at, row) for at, row in enumerate(self.rows.itertuples(), start=1))
        rest = "".join(f"<p>{escape(line)}</p>" for line in self._rest())
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{rest}"

    def _rest(self) -> list[str]:
        left = self.total - len(self.rows)
        return [f"... and {left:,} more."] if left else []


def show_findings(findings: pd.DataFrame, n: int = 20) -> FindingsView:
    """Show the most suspicious findings so that they can be read without scrolling.

    Parameters
    ----------
    findings : DataFrame
        What :func:`annotaudit.audit` returned.
    n : int
        How many to show.

    Returns
    -------
    FindingsView
        Displays itself as a table in a notebook, and as text elsewhere.

    Raises
    ------
    BoxTableError
        If the table is no findings table.

    Examples
    --------
    >>> import annotaudit
    >>> car = pd.DataFrame({
    ...     "sequence": "street", "frame": range(9), "track": "car:1", "label": "car",
    ...     "annotator": "ann", "left": range(100, 190, 10), "top": 50, "width": 40, "height": 20})
    >>> car.loc[4, "height"] = 0
    >>> show_findings(annotaudit.audit(car))
       1  0.99  error    street, frame 4, car:1
          Not a box: its height is 0; draw it again or delete it.
    """
    if missing := [name for name in _SHOWN if name not in findings]:
        raise BoxTableError(
            f"The findings lack {missing}; they have {[str(name) for name in findings.columns]}. "
            "Pass what annotaudit.audit() returned."
        )
    return FindingsView(findings[_SHOWN].head(n), len(findings))


def _where(row: object) -> str:
    who = row.track if isinstance(row.track, str) else row.annotator  # type: ignore[attr-defined]
    parts = [row.sequence, f"frame {row.frame}", who]  # type: ignore[attr-defined]
    return ", ".join(part for part in parts if isinstance(part, str))


def _html_row(at: int, row: object) -> str:
    colour = _COLOURS.get(row.severity, "inherit")  # type: ignore[attr-defined]
    cells = (
        str(at),
        f"{row.score:.2f}",  # type: ignore[attr-defined]
        str(row.severity),  # type: ignore[attr-defined]
        _where(row),
        str(row.reason),  # type: ignore[attr-defined]
        str(row.rule),  # type: ignore[attr-defined]
    )
    body = "".join(f"<td style='text-align:left'>{escape(cell)}</td>" for cell in cells)
    return f"<tr style='border-left:4px solid {colour}'>{body}</tr>"
