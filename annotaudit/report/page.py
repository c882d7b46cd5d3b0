"""The page itself: numbers, timeline, the worst boxes, the ranked table."""

from __future__ import annotations

import base64
import io
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib.figure import Figure

from annotaudit.audit.findings import FINDING_COLUMNS
from annotaudit.boxes import OBJECT, Labels
from annotaudit.errors import BoxTableError
from annotaudit.formats.saving import write_whole
from annotaudit.frames.s3_writing import write_to
from annotaudit.plotting import SEVERITY_COLORS, plot_timeline
from annotaudit.report.cards import worst_cards
from annotaudit.review import fingerprint

MOST_PROBLEMS = 50
MOST_TRACKS = 40  # in the timeline


def write_report(
    labels: Labels,
    findings: pd.DataFrame,
    path: str | os.PathLike[str],
    *,
    title: str = "Annotation audit",
    worst: int = 12,
    rows: int = 500,
    replace: bool = False,
) -> Path | str:
    """Write one page that shows an audit.

    The page is a single HTML file: pictures are inside, nothing is fetched, no script runs. It
    follows the reader's light or dark theme and prints on paper. Everything that comes from the
    labels is escaped.

    Parameters
    ----------
    labels : Labels
        What was audited.
    findings : DataFrame
        What ``annotaudit.audit`` returns, most suspicious first.
    path : path
        The ``.html`` file to write; its folder is made if missing. Or an ``s3://`` address.
    title : str, optional
        Stands at the top.
    worst : int, default 12
        How many boxes are shown on their piece of the picture.
    rows : int, default 500
        How many findings the table lists; the page says how many there are in all.
    replace : bool
        In S3 no other file is overwritten without it. The page carries the time it was written.

    Returns
    -------
    Path or str
        The file, written whole or not at all; an address where one was given.

    Raises
    ------
    BoxTableError
        If a column of the findings is missing.

    Examples
    --------
    >>> import annotaudit as aa
    >>> labels = aa.load("SeqLabel.json", frames="img1/")  # doctest: +SKIP
    >>> write_report(labels, aa.audit(labels), "audit.html")  # doctest: +SKIP
    PosixPath('audit.html')
    """
    if missing := [name for name in FINDING_COLUMNS if name not in findings.columns]:
        raise BoxTableError(
            f"The findings lack {missing}; they have {[str(name) for name in findings.columns]}. "
            "Pass the table that annotaudit.audit() returns."
        )
    environment = Environment(
        loader=PackageLoader("annotaudit", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    cards = list(worst_cards(labels, findings, worst))
    page = environment.get_template("page.html.jinja").render(
        title=title,
        facts=_facts(labels, findings),
        severities=tuple(SEVERITY_COLORS),
        colors=SEVERITY_COLORS,
        severity_counts=findings["severity"].value_counts().to_dict(),
        rules=_rules(findings),
        timeline=_timeline(labels, findings) if len(findings) else "",
        cards=cards,
        without_picture=[card.missing for card in cards if card.missing],
        findings=_listed(findings.head(rows)),
        n_findings=len(findings),
        several_sequences=len(labels.boxes["sequence"].unique()) > 1,
        several_annotators=len(labels.boxes["annotator"].unique()) > 1,
        problems=labels.problems.head(MOST_PROBLEMS).to_dict("records"),
        n_problems=len(labels.problems),
        fingerprint=fingerprint(labels),
        written=datetime.now(UTC).strftime("%d %B %Y, %H:%M UTC"),
    )
    content = page.encode("utf-8", "replace")
    (written,) = write_to(path, lambda local: write_whole(local, content), replace=replace)
    return written


def _facts(labels: Labels, findings: pd.DataFrame) -> list[tuple[str, int]]:
    objects = labels.boxes[list(OBJECT)].dropna(subset="track").drop_duplicates()
    return [
        ("sequences", labels.boxes["sequence"].nunique()),
        ("frames", len(labels.frames)),
        ("tracks", len(objects)),
        ("boxes", len(labels.boxes)),
        ("findings", len(findings)),
    ]


def _rules(findings: pd.DataFrame) -> list[dict[str, Any]]:
    """Count the findings of each rule by severity; the rule with the most errors first."""
    counts = pd.crosstab(findings["rule"], findings["severity"]).reindex(
        columns=list(SEVERITY_COLORS), fill_value=0
    )
    counts = counts.sort_values(list(SEVERITY_COLORS), ascending=False, kind="stable")
    return [
        {"rule": rule, "counts": row, "total": sum(row)}
        for rule, *row in counts.itertuples(name=None)
    ]


def _timeline(labels: Labels, findings: pd.DataFrame) -> str:
    """Draw the timeline as the data address of a PNG."""
    n_tracks = len(labels.boxes[list(OBJECT)].drop_duplicates())
    height = 1.6 + 0.28 * min(max(n_tracks, 3), MOST_TRACKS)  # inches
    figure = Figure(figsize=(11, height), layout="constrained")
    plot_timeline(findings, labels, max_tracks=MOST_TRACKS, ax=figure.subplots())
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=160)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def _listed(findings: pd.DataFrame) -> list[dict[str, Any]]:
    words = {name: findings[name].fillna("") for name in ("track", "label", "annotator")}
    measured = [
        "" if pd.isna(value) else f"measured {value:.3g}, limit {limit:.3g} ({unit})"
        for value, limit, unit in zip(
            findings["value"], findings["limit"], findings["unit"], strict=True
        )
    ]
    rows: list[dict[str, Any]] = findings.assign(**words, measured=measured).to_dict("records")
    return rows
