"""Mistakes that a reviewer marks in the scrubber, and no finding names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import anywidget
import pandas as pd
import traitlets

from annotaudit import review
from annotaudit.boxes import Labels
from annotaudit.errors import LimitError
from annotaudit.review.verdicts import CORRECTED
from annotaudit.widgets.judged import seen_by_reviewers


class Marking(anywidget.AnyWidget):
    """What ``FrameScrubber`` knows of marks."""

    _seen: traitlets.List[Any] = traitlets.List().tag(sync=True)
    sequence: Any  # a trait of the scrubber
    labels: Labels
    findings: pd.DataFrame
    ledger: review.Ledger

    @property
    def marks(self) -> pd.DataFrame:
        """Mistakes that reviewers saw and no finding names, as findings; see ``review.marks``."""
        return review.marks(self.ledger.read(), self.labels)

    def mark(self, box: Mapping[Any, Any] | pd.Series, kind: str, **told: Any) -> str:
        """Record a mistake that no finding names, as ``m`` and ``d`` in the browser do.

        Parameters
        ----------
        box : mapping or Series
            The box, a row of ``labels.boxes``. Where one is missing: its ``frame`` and, where
            known, ``sequence`` (the one shown, if not given), ``annotator`` and ``track``.
        kind : {"wrong_box", "wrong_label", "wrong_identity", "extra_box", "missing_box"}
            What is wrong; see ``annotaudit.review.MARKS``.
        **told
            ``corrected``, ``corrected_label``, ``corrected_track``, ``onward`` and ``note``, as for
            ``annotaudit.review.Ledger.mark``.

        Returns
        -------
        str
            The name of this verdict, for ``unmark``.
        """
        first = self.labels.boxes["annotator"].head(1)
        here = {"sequence": self.sequence, "annotator": next(iter(first), None)}
        name = self.ledger.mark({**here, **box}, kind, **told)
        self._show_seen(name)
        return name

    def unmark(self, mark_id: str) -> None:
        """Take a mark back.

        Parameters
        ----------
        mark_id : str
            What ``mark`` returned; the column ``id`` of ``marks``.
        """
        self.ledger.withdraw(mark_id)
        self._show_seen(mark_id)

    def _worst(self) -> pd.DataFrame:
        """Give the findings, what reviewers saw before them."""
        if not self._seen:
            return self.findings
        return pd.concat([self.marks, self.findings] if len(self.findings) else [self.marks])

    def _read_seen(self) -> list[dict[str, Any]]:
        return seen_by_reviewers(self.findings, self.ledger.read(), self.labels)

    def _show_seen(self, mark_id: str) -> None:
        # As with verdicts: a new view reads all of the state, an open one hears the list.
        self._seen[:] = self._read_seen()
        self.send({"kind": "seen", "finding": mark_id, "seen": self._seen})

    def _mark_from_browser(self, message: dict[str, Any]) -> None:
        entry, replaced = message.get("entry"), message.get("replaces")
        if entry:
            if entry["rule"] not in review.SEEN:
                raise LimitError(f"A mark has one of the rules {review.SEEN}; found {entry!r}.")
            corrected = [entry[name] for name in CORRECTED]
            self.ledger.append(
                entry,
                "mistake",
                corrected=None if None in corrected else corrected,
                corrected_label=entry["corrected_label"],
                corrected_track=entry["corrected_track"],
                onward=entry.get("onward") is True,
                note=str(entry["note"]),
                verdict_id=str(entry["id"]),
            )
        if replaced:
            self.ledger.withdraw(str(replaced))
        self._show_seen(message["finding"])
