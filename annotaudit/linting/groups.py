"""Many findings, few lines: one group per rule, place and class, the worst first."""

from __future__ import annotations

import numpy as np
import pandas as pd

from annotaudit.linting.rules import SEVERITIES

GROUP_COLUMNS = (
    "rule", "severity", "about", "sequence", "label", "count", "score", "reason", "fix", "examples",
)  # fmt: skip
EXAMPLES = 3


def group_findings(findings: pd.DataFrame, examples: int = EXAMPLES) -> pd.DataFrame:
    """Put findings of one rule, sequence and label together, ranked.

    Findings about whole sequences, labels or files are put together by their rule alone.

    Parameters
    ----------
    findings : DataFrame
        What :func:`annotaudit.lint` returned.
    examples : int
        How many places a group names.

    Returns
    -------
    DataFrame
        One row per group: ``rule``, ``severity``, ``about``, ``sequence`` and ``label`` (missing
        where a group spans several), ``count``, ``score`` (of the worst), ``reason`` (of the
        worst), ``fix``, ``examples`` (a list of places). Errors first, then the rules with most
        findings, in each the largest group first.

    Examples
    --------
    >>> import annotaudit as aa
    >>> cars = pd.DataFrame({
    ...     "sequence": "street", "frame": [0, 1, 2], "track": None, "label": "car",
    ...     "annotator": "ann", "left": 100, "top": 50, "width": [40, 1, 0.5], "height": 20})
    >>> group_findings(aa.lint(cars, rules="tiny_box"))["examples"].tolist()
    [['street, frame 2, car', 'street, frame 1, car']]
    """
    if findings.empty:
        return pd.DataFrame(columns=list(GROUP_COLUMNS))
    by_place = findings["about"].isin(["box", "frame"])
    keys = [
        findings["rule"],
        findings["sequence"].where(by_place),
        findings["label"].where(by_place),
    ]
    number = findings.groupby(keys, sort=False, dropna=False).ngroup()
    worst = findings[~number.duplicated()].reset_index(drop=True)  # findings come ranked
    shown = findings[findings.groupby(number).cumcount() < examples]
    places: list[list[str]] = [[] for _ in range(len(worst))]
    for row, group in zip(shown.itertuples(), number[shown.index], strict=True):
        places[group].append(where(row))
    table = worst.assign(
        sequence=worst["sequence"].where(_is_common(findings["sequence"], number)),
        label=worst["label"].where(_is_common(findings["label"], number)),
        count=np.bincount(number),
        examples=places,
    )[list(GROUP_COLUMNS)]
    grave = table["severity"].map({name: place for place, name in enumerate(SEVERITIES)})
    total = table.groupby("rule")["count"].transform("sum")
    order = table.assign(grave=grave.astype(int), total=-total, own=-table["count"])
    ordered = order.sort_values(["grave", "total", "rule", "own"], kind="stable", ignore_index=True)
    return ordered[list(GROUP_COLUMNS)]


def _is_common(values: pd.Series, number: pd.Series) -> np.ndarray:
    """Tell for each group whether all its findings have the same value."""
    codes = pd.Series(pd.factorize(values, use_na_sentinel=False)[0]).groupby(number.to_numpy())
    same: np.ndarray = (codes.min() == codes.max()).to_numpy()
    return same


def where(row: object) -> str:
    """Say where a finding is.

    Parameters
    ----------
    row : named tuple
        Of a findings table, as ``itertuples`` gives it.
    """
    about = row.about  # type: ignore[attr-defined]
    if about == "file":
        source = row.source  # type: ignore[attr-defined]
        return source if isinstance(source, str) else str(row.sequence)  # type: ignore[attr-defined]
    parts = [row.sequence]  # type: ignore[attr-defined]
    if about != "sequence" and not (about == "label" and not isinstance(row.label, str)):  # type: ignore[attr-defined]
        image = row.image  # type: ignore[attr-defined]
        shown = f" ({image})" if isinstance(image, str) else ""
        parts.append(f"frame {row.frame}{shown}")  # type: ignore[attr-defined]
    if about in ("box", "label"):
        known = [row.track, row.label]  # type: ignore[attr-defined]
        parts += [text for text in known if isinstance(text, str)][:1]
    return ", ".join(parts)
