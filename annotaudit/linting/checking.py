"""From labels to lint findings: every rule, ranked together."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from annotaudit.boxes import TEXT, Labels
from annotaudit.errors import LimitError
from annotaudit.linting.findings import LINT_COLUMNS, SCORES, join_findings
from annotaudit.linting.limits import LintLimits, limits_by_class
from annotaudit.linting.rules import SEVERITIES, choose_rules
from annotaudit.linting.subject import subject_of

BY = ("sequence", "frame", "annotator", "track", "label", "left", "top", "source", "reason")


def lint(
    labels: Labels | pd.DataFrame,
    *,
    rules: str | Iterable[str] | None = None,
    severities: Mapping[str, str] | None = None,
    limits: LintLimits | Mapping[str, LintLimits] | None = None,
    classes: Sequence[str] | None = None,
    images: int = 20,
    seed: int = 0,
    source: str | os.PathLike[str] | None = None,
) -> pd.DataFrame:
    """Find where labels do not fit what they claim to label, and what would put it right.

    Where :func:`annotaudit.audit` asks whether a person drew a box in the wrong place, this asks
    whether files, frames, names and numbers fit together. Nothing is changed; what can be put
    right safely is named in the column ``fix`` and done by :func:`annotaudit.fix`.

    Parameters
    ----------
    labels : Labels or DataFrame
        With a bare box table, rules about frames, times and pictures have nothing to look at.
    rules : names, optional
        Some of ``annotaudit.linting.rules.RULES``; all, if left out.
    severities : dict, optional
        Name of a rule to "off", "note", "warning" or "error".
    limits : LintLimits, or dict of label to LintLimits, optional
        Where a mismatch becomes a finding; in a dict ``"*"`` stands for all other classes.
    classes : list of str, optional
        The labels there should be; by default those that the source declares, if it does.
    images : int
        How many pictures are opened to compare their size, chosen by ``seed``; -1 for all, 0 for
        none. Pictures behind web addresses are not opened.
    seed : int
    source : path, optional
        The file the labels came from; a Ground Truth sequence file beside it is looked at, too.

    Returns
    -------
    DataFrame
        Findings, errors first; see ``annotaudit.linting.findings.LINT_COLUMNS``: those of
        ``annotaudit.audit`` and ``about`` ("box", "frame", "sequence", "label" or "file": what the
        finding is about), ``fix`` (the safe repair), ``image`` (name of the picture) and
        ``source``. A finding that is not about a box has no sides.

    Raises
    ------
    BoxTableError, FrameError
        If a table is not a box table, or not a frames table. Bad values are findings.
    LimitError
        If a rule, a severity or a limit is not known.

    Examples
    --------
    >>> cars = pd.DataFrame({
    ...     "sequence": "street", "frame": [0, 0, 1], "track": ["a", "a", "b"],
    ...     "label": ["car", "car", "Car"], "annotator": "ann",
    ...     "left": 100, "top": 50, "width": 40, "height": 20})
    >>> findings = lint(cars)
    >>> findings[["rule", "severity", "fix"]].head(2).to_numpy().tolist()
    [['copy', 'error', 'drop_copies'], ['label_spelling', 'warning', 'label_case']]
    """
    if not isinstance(images, int) or images < -1:
        raise LimitError(f"images={images!r}: expected how many pictures to open, or -1 for all.")
    subject = subject_of(
        labels,
        limits=limits_by_class(limits),
        classes=classes,
        images=images,
        seed=seed,
        source=None if source is None else Path(source),
    )
    found = []
    for rule, severity in choose_rules(rules, severities).items():
        table = rule.find(subject)
        n = len(table)
        if n:
            # What a rule of the audit measured keeps its score; all else follows the severity.
            score = table["score"].where(table["score"] > 0, SCORES[severity])
            named = {"rule": [rule.name] * n, "severity": [severity] * n}
            text = {name: pd.Series(v, index=table.index, dtype=TEXT) for name, v in named.items()}
            found.append(table.assign(score=score, **text))
    return _in_order(_with_images(join_findings(found), subject.frames))


def _with_images(findings: pd.DataFrame, frames: pd.DataFrame) -> pd.DataFrame:
    """Name the picture of each frame; a number may be counted from 0 or 1, a name is clear."""
    named = frames.loc[frames["image"].notna(), ["sequence", "frame", "image"]]
    places = findings[["sequence", "frame"]].merge(named, on=["sequence", "frame"], how="left")
    return findings.assign(image=places["image"].str.replace(r"^.*/", "", regex=True).to_numpy())


def _in_order(findings: pd.DataFrame) -> pd.DataFrame:
    """Errors first, then by score, then by how far beyond the limit; the rest by place."""
    grave = findings["severity"].map({name: place for place, name in enumerate(SEVERITIES)})
    with np.errstate(invalid="ignore"):
        near = -(findings["value"] - findings["limit"]).abs().fillna(0.0)
    table = findings.assign(grave=grave.astype(np.float64), less=-findings["score"], near=near)
    by = ["grave", "less", "rule", "near", *BY]
    ordered = table.sort_values(by, kind="stable", ignore_index=True)
    return ordered[list(LINT_COLUMNS)]
