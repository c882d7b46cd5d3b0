"""What repairs change, for a person to read before they are done."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import pandas as pd

SHOWN = 5  # changes of each repair that are shown


@dataclass(frozen=True)
class Diff:
    """What :func:`annotaudit.fix` changes, or has changed.

    Parameters
    ----------
    changes : DataFrame
        One row per change; see ``annotaudit.linting.repairs.CHANGE_COLUMNS``.
    done : bool
        Whether the changes were made.

    Examples
    --------
    >>> import annotaudit as aa, pandas as pd
    >>> car = pd.DataFrame({
    ...     "sequence": "street", "frame": [0, 1], "track": "car:1", "label": "car",
    ...     "annotator": "ann", "left": [-4.0, 3], "top": 50, "width": 40, "height": 20})
    >>> aa.fix(car)
    1 repair to do in 1 place; nothing is changed yet.
    clip: 1 box changed
      street, frame 0, car:1: left -4, width 40 -> left 0, width 36
    """

    changes: pd.DataFrame
    done: bool = False

    def __len__(self) -> int:
        return len(self.changes)

    def __repr__(self) -> str:
        lines = [self._sentence()]
        for fix, what, rows in self._groups():
            lines.append(f"{fix}: {count_of(len(rows), what)}")
            lines += [
                f"  {place_of(row)}: {row.before}" + (f" -> {row.after}" if _is(row.after) else "")
                for row in rows.head(SHOWN).itertuples()
            ]
            if len(rows) > SHOWN:
                lines.append(f"  ... and {len(rows) - SHOWN:,} more")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        parts = [f"<p>{escape(self._sentence())}</p>"]
        if len(self):
            head = "".join(
                f"<th style='text-align:left'>{name}</th>"
                for name in ("repair", "where", "before", "after", "why")
            )
            body = "".join(
                _html_row(row) if row is not None else _html_rest(n)
                for _, _, rows in self._groups()
                for row, n in _with_rest(rows)
            )
            parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
        return "".join(parts)

    def _sentence(self) -> str:
        if not len(self):
            return "Nothing to repair." if not self.done else "Nothing was to be repaired."
        kinds, places = self.changes["fix"].nunique(), len(self)
        said = f"{_plural(kinds, 'repair')} {'done' if self.done else 'to do'} in "
        said += _plural(places, "place")
        return said + ("." if self.done else "; nothing is changed yet.")

    def _groups(self) -> list[tuple[str, str, pd.DataFrame]]:
        by = self.changes.groupby(["fix", "what"], sort=False)
        return [(fix, what, rows) for (fix, what), rows in by]


def _plural(n: int, word: str) -> str:
    return f"{n:,} {word}{'' if n == 1 else 's'}"


def count_of(n: int, what: str) -> str:
    """Say how often something was done.

    Examples
    --------
    >>> count_of(2, "box removed")
    '2 boxes removed'
    """
    thing, _, done = what.partition(" ")
    plural = {"box": "boxes"}.get(thing, thing + "s")
    return f"{n:,} {thing if n == 1 else plural} {done}"


def place_of(row: object) -> str:
    """Say where a change is; ``row`` as ``itertuples`` gives it."""
    who = row.track if _is(row.track) else row.label  # type: ignore[attr-defined]
    parts = [row.sequence, f"frame {row.frame}", who]  # type: ignore[attr-defined]
    return ", ".join(part for part in parts if _is(part))


def _is(value: object) -> bool:
    return isinstance(value, str)


def _with_rest(rows: pd.DataFrame) -> list[tuple[object | None, int]]:
    shown: list[tuple[object | None, int]] = [(row, 0) for row in rows.head(SHOWN).itertuples()]
    return shown if len(rows) <= SHOWN else [*shown, (None, len(rows) - SHOWN)]


def _html_row(row: object) -> str:
    after = row.after if _is(row.after) else row.what  # type: ignore[attr-defined]
    cells = (
        escape(row.fix),  # type: ignore[attr-defined]
        escape(place_of(row)),
        f"<del style='background:#fbe3d6'>{escape(row.before)}</del>",  # type: ignore[attr-defined]
        f"<ins style='background:#d9ecf7;text-decoration:none'>{escape(after)}</ins>",
        escape(row.why),  # type: ignore[attr-defined]
    )
    return "<tr>" + "".join(f"<td style='text-align:left'>{cell}</td>" for cell in cells) + "</tr>"


def _html_rest(n: int) -> str:
    return f"<tr><td colspan='5' style='text-align:left'>... and {n:,} more</td></tr>"
