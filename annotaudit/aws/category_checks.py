"""What Ground Truth documents of label category files of video jobs, held against one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from annotaudit.aws.categories import MAX_ENUM, MAX_FULL, MAX_NAME, MAX_SHORT, VERSION

Problem = tuple[str, str, str, str]  # where, found, expected, what to do


def category_problems(content: Mapping[str, Any]) -> Iterator[Problem]:
    """List what the documentation has against the content of a label category file.

    Parameters
    ----------
    content : mapping

    Yields
    ------
    tuple of str
        Where, found, expected, what to do.

    Examples
    --------
    >>> [problem[0] for problem in category_problems({"documentVersion": "1", "labels": []})]
    ['documentVersion', 'labels']
    """
    if content.get("documentVersion") != VERSION:
        yield (
            "documentVersion",
            str(content.get("documentVersion")),
            VERSION,
            "Video jobs know this version only.",
        )
    labels = content.get("labels", [])
    if not 1 <= len(labels) <= 30:
        yield "labels", f"{len(labels)}", "1 to 30", "Leave some out, or add one."
    for label in labels:
        name, attributes = str(label.get("label")), label.get("categoryAttributes", [])
        if not 1 <= len(name) <= MAX_NAME:
            yield "labels", name, f"1 to {MAX_NAME} characters", "Use the original job's names."
        if "attributes" in label:
            yield f"labels, {name}", "attributes", "categoryAttributes", "Rename the key."
        yield from _attribute_problems(f"labels, {name}", attributes)
    yield from _attribute_problems("frameAttributes", content.get("frameAttributes", []))
    told = content.get("instructions", {})
    for key, most in (("shortInstruction", MAX_SHORT), ("fullInstruction", MAX_FULL)):
        if len(told.get(key, "")) > most:
            yield key, f"{len(told[key])} characters", f"at most {most}", "Name fewer frames."


def _attribute_problems(where: str, attributes: list[Mapping[str, Any]]) -> Iterator[Problem]:
    free = [a for a in attributes if a.get("type", "string") == "string" and not a.get("enum")]
    if len(attributes) > 10 or len(free) > 5:
        yield (
            where,
            f"{len(attributes)} attributes, {len(free)} of free text",
            "10, 5 at most",
            "Leave some out.",
        )
    for attribute in attributes:
        name, enum = str(attribute.get("name")), attribute.get("enum", [])
        if len(name) > MAX_NAME or len(str(attribute.get("description", ""))) > 128:
            yield (
                f"{where}, {name}",
                "a longer text",
                f"names of {MAX_NAME}, descriptions of 128 characters",
                "Shorten it.",
            )
        if len(enum) > MAX_ENUM or any(len(str(value)) > MAX_NAME for value in enum):
            yield (
                f"{where}, {name}",
                f"{len(enum)} values",
                f"{MAX_ENUM} of {MAX_NAME} characters",
                "Use fewer and shorter values.",
            )
        if attribute.get("type") == "number" and not {"minimum", "maximum"} <= attribute.keys():
            yield f"{where}, {name}", "no limits", "minimum and maximum", "Add them."
