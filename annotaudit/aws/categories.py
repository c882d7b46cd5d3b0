"""Label categories of jobs, and instructions of video jobs that name the frames to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd

from annotaudit.formats.columns import ATTRIBUTE

VERSION = "2020-03-01"  # of label category files of video jobs
IMAGE_VERSION = "2018-11-28"  # ... and of image jobs
MAX_SHORT, MAX_FULL = 254, 2_047  # characters: below 255, below 2,048
MAX_ENUM = 10  # values of an attribute to choose from
MAX_NAME = 16  # characters of a label, an attribute, a value
CHOICES = ("fine", "mistake", "unsure")  # of whoever verifies; the first is the one that passes
VERDICT = {  # of a box, and of a frame, in video
    "name": "verdict",
    "type": "string",
    "enum": list(CHOICES),
    "isRequired": False,
    "editsAllowed": "any",
}
MISSING = {
    "name": "box-missing",
    "description": "Does an object on this frame lack its box?",
    "type": "string",
    "enum": ["no", "yes"],
    "isRequired": False,
    "editsAllowed": "any",
}


def category_content(
    boxes: pd.DataFrame,
    labels: Sequence[str],
    *,
    audited: str,
    edits: str,
    instructions: Mapping[str, str],
    given: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Make the content of a label category file for adjusting or verifying video labels.

    Parameters
    ----------
    boxes : DataFrame
        Their attribute columns become attributes to choose from, with the values they have.
    labels : list of str
        The labels of the original job, all of them.
    audited : str
        Name of the label attribute that is adjusted.
    edits : str
        ``"any"``, or ``"none"`` for a job that only verifies: there each box gets an attribute
        ``verdict`` to choose, and each frame an attribute ``box-missing``.
    instructions : mapping
        ``shortInstruction`` and ``fullInstruction``.
    given : mapping, optional
        The label category file of the original job. Its labels and attributes are used as they
        stand, rather than what can be told from the boxes.

    Examples
    --------
    >>> content = category_content(
    ...     pd.DataFrame({"label": ["Person"], "attribute.occluded": ["no"]}), ["Person"],
    ...     audited="Person-ref", edits="any", instructions={})
    >>> content["documentVersion"], content["labels"][0]["categoryAttributes"][0]["enum"]
    ('2020-03-01', ['no'])
    """
    if given is not None:
        of_labels = [{**entry, "editsAllowed": edits} for entry in given.get("labels", [])]
        rest = {key: value for key, value in given.items() if key != "document-version"}
    else:
        of_labels = [_label(name, boxes, edits) for name in labels]
        rest = {"categoryGlobalAttributes": [], "frameAttributes": []}
    if edits == "none":
        of_labels = [_with_verdict(entry) for entry in of_labels]
        rest = {**rest, "frameAttributes": [*rest.get("frameAttributes", []), MISSING]}
    return {
        **rest,
        "documentVersion": VERSION,
        "labels": of_labels,
        "annotationType": "BoundingBox",
        "instructions": dict(instructions),
        "auditLabelAttributeName": audited,
    }


def _with_verdict(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Let a worker who may not change boxes of a label say what is wrong with them."""
    others = [
        {**attribute, "editsAllowed": "none"}
        for attribute in entry.get("categoryAttributes", [])
        if attribute.get("name") != VERDICT["name"]
    ]
    return {**entry, "categoryAttributes": [*others, VERDICT]}


def image_categories(labels: Sequence[str]) -> dict[str, Any]:
    """Make the content of a label category file of an image job.

    Parameters
    ----------
    labels : list of str
        For an adjustment those of the original job; for a verification what to choose from.

    Examples
    --------
    >>> image_categories(["car"])
    {'document-version': '2018-11-28', 'labels': [{'label': 'car'}]}
    """
    return {"document-version": IMAGE_VERSION, "labels": [{"label": name} for name in labels]}


def _label(name: str, boxes: pd.DataFrame, edits: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"label": name, "editsAllowed": edits}
    of_label = boxes[boxes["label"] == name]
    attributes = [
        {
            "name": column.removeprefix(ATTRIBUTE),
            "type": "string",
            **({"enum": values} if _choices(values) else {}),
            "isRequired": False,
            "editsAllowed": edits,
        }
        for column in of_label.columns
        if str(column).startswith(ATTRIBUTE)
        and (values := sorted(of_label[column].dropna().astype(str).unique()))
    ]
    if attributes:
        entry["categoryAttributes"] = attributes
    return entry


def _choices(values: list[str]) -> bool:
    return len(values) <= MAX_ENUM and all(len(value) <= MAX_NAME for value in values)


def instruct(findings: pd.DataFrame, names: pd.Series, *, verify: bool = False) -> dict[str, str]:
    """Write instructions that name the flagged frames by file name and say what looks wrong.

    Parameters
    ----------
    findings : DataFrame
        What to look at, most suspicious first.
    names : Series of str
        File name of the frame of each finding.
    verify : bool
        The worker may not change boxes, but say of each what they think of it.

    Returns
    -------
    dict
        ``shortInstruction``, below 255 characters: names as many frames as fit. And
        ``fullInstruction``, HTML, below 2,048: tells the reasons of as many findings as fit. Both
        say how many they leave out.

    Examples
    --------
    >>> findings = pd.DataFrame({"track": ["car:1"], "reason": ["Jumps < back."], "score": [0.9]})
    >>> told = instruct(findings, pd.Series(["000013.jpg"]))
    >>> told["shortInstruction"]
    'Correct the boxes. Check first: 000013.jpg.'
    >>> told["fullInstruction"]
    '<p>Correct the boxes. Check first:</p><ul><li>000013.jpg, car:1: Jumps &lt; back.</li></ul>'
    """
    start = "Set the verdict of each box" if verify else "Correct the boxes"
    places = [name if isinstance(name, str) else "" for name in names.tolist()]
    frames = [name for name in dict.fromkeys(places) if name]
    short = _that_fit(
        [plain_text(name) for name in sorted(frames, key=str.encode)],
        f"{start}. Check first: ", ", ", ".", MAX_SHORT,
    ) if frames else f"{start}."  # fmt: skip
    lines = [
        f"<li>{escape(plain_text(name))}, "
        f"{escape(plain_text(track) if isinstance(track, str) else 'a box')}: "
        f"{escape(plain_text(reason))}</li>"
        for name, track, reason in zip(
            places, findings["track"].tolist(), findings["reason"].tolist(), strict=True
        )
        if name
    ]
    lines = list(dict.fromkeys(lines))
    full = _that_fit(
        lines, f"<p>{start}. Check first:</p><ul>", "", "</ul>", MAX_FULL, html=True
    ) if lines else f"<p>{start}.</p>"  # fmt: skip
    return {"shortInstruction": short, "fullInstruction": full}


def plain_text(text: str) -> str:
    """Leave out what is not printable: names come from label files."""
    return "".join(letter for letter in text if letter.isprintable())


def _that_fit(
    parts: list[str], start: str, between: str, end: str, limit: int, *, html: bool = False
) -> str:
    """Join parts up to a limit; say how many are left out."""
    for shown in range(min(len(parts), limit), -1, -1):  # each has a character at least
        left_out = len(parts) - shown
        more = f"and {left_out} more"
        some = [*parts[:shown], *([f"<li>{more}</li>" if html else more] if left_out else [])]
        text = start + between.join(some) + end
        if len(text) <= limit:
            return text
    return (start + end)[:limit]
