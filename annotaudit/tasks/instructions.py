"""What is told about the flagged frames: which ones, why, and where a box is expected."""

from __future__ import annotations

import re

import pandas as pd

from annotaudit.audit.frame_names import name_frames
from annotaudit.boxes import EXPECTED

MOST = 40  # findings told of a task
_MARKS = re.compile(r"([\\`*_{}\[\]()#+!|<>&~$])")


def instruct(findings: pd.DataFrame, frames: pd.DataFrame) -> dict[str, str]:
    """Tell of each task, in Markdown, what looks wrong, the most suspicious first.

    Parameters
    ----------
    findings : DataFrame
        The most suspicious first.
    frames : DataFrame
        Of the tasks.

    Returns
    -------
    dict
        Text by name of the task, in the order of the tasks.
    """
    told: dict[str, list[str]] = {name: [] for name in frames["task"].unique().tolist()}
    for row, text in _spoken(findings, frames):
        line = f"- Frame {row.position} ({markdown(row.name)}), {markdown(row.who)}: "
        told[row.task].append(line + markdown(text))
    texts = {}
    for name, lines in told.items():
        lines = list(dict.fromkeys(lines))
        more = [f"- and {len(lines) - MOST} more."] if len(lines) > MOST else []
        start = "Correct the boxes, on the other frames as well."
        if lines:
            start += " Look at these first:\n"
        texts[name] = "\n".join([start, *lines[:MOST], *more]) + "\n"
    return texts


def frame_reasons(findings: pd.DataFrame, frames: pd.DataFrame) -> dict[tuple[str, int], str]:
    """Tell of each flagged frame, by task and position, what looks wrong: plain text."""
    told: dict[tuple[str, int], list[str]] = {}
    for row, text in _spoken(findings, frames):
        told.setdefault((row.task, row.position), []).append(f"{plain_text(row.who)}: {text}")
    return {place: " ".join(dict.fromkeys(lines)) for place, lines in told.items()}


def _spoken(findings: pd.DataFrame, frames: pd.DataFrame) -> list[tuple[pd.Series, str]]:
    """Findings with their place in a task, and the reason with frames named by their images."""
    columns = ["sequence", "frame", "track", "reason", *EXPECTED]
    placed = findings[columns].merge(
        frames[["sequence", "frame", "task", "position", "name"]], on=["sequence", "frame"]
    )
    placed = placed.assign(who=placed["track"].fillna("a box"))
    known = {
        sequence: dict(zip(part["frame"].tolist(), part["name"].tolist(), strict=True))
        for sequence, part in frames.groupby("sequence")
    }
    spoken = []
    for row in placed.itertuples(name="Place"):  # few: findings that are sent
        reason = name_frames(row.reason, known[row.sequence]) if row.reason == row.reason else ""
        sides = [getattr(row, name) for name in EXPECTED]
        if all(side == side for side in sides):
            left, top, width, height = sides
            reason += (
                f" Expected: left {left:.0f}, top {top:.0f}, {width:.0f} wide, {height:.0f} high."
            )
        spoken.append((row, plain_text(reason.strip())))
    return spoken


def plain_text(text: str) -> str:
    """Leave out what is not printable: names come from label files."""
    return "".join(letter for letter in text if letter.isprintable())


def markdown(text: str) -> str:
    r"""Escape what Markdown, and HTML in it, would take for a mark.

    Examples
    --------
    >>> print(markdown("<b>car</b> [1](x)"))
    \<b\>car\</b\> \[1\]\(x\)
    """
    return _MARKS.sub(r"\\\1", plain_text(text))
