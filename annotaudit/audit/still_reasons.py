"""What a finding on a still image says to the person who looks at it."""

from __future__ import annotations

from typing import Any

from annotaudit.formats.problems import excerpt


def against_others_reason(rule: str, row: dict[str, Any], label: str) -> str:
    """Say what the other annotators drew instead."""
    others, votes, wanted = row["others"], row["votes"], row["wanted_label"]
    who = "The other annotator" if others == 1 else f"{votes} of the other {others}"
    if rule == "extra":
        return (
            "The other annotator did not draw this box."
            if others == 1
            else f"None of the other {others} drew this box."
        )
    if rule == "missed":
        return f"{who} drew {_thing(wanted)} here; this annotator did not."
    if rule == "nothing_drawn":
        return f"Nothing drawn, where others agree on {_count(row['things'], 'box')}."
    if rule == "loose":
        return f"Overlaps the others' box by {row['iou']:.0%}; {_edge(row)}."
    said = "the other annotator says" if others == 1 else f"{row['label_votes']} others say"
    return f"Says {excerpt(label)}; {said} {excerpt(wanted)}."


def against_gold_reason(rule: str, row: dict[str, Any], label: str) -> str:
    """Say what gold has instead."""
    wanted = row["wanted_label"]
    if rule == "extra":
        return "Gold has no box here."
    if rule == "missed":
        return f"Gold has {_thing(wanted)} here; this annotator does not."
    if rule == "nothing_drawn":
        return f"Nothing drawn, where gold has {_count(row['things'], 'box')}."
    if rule == "loose":
        return f"Overlaps the gold box by {row['iou']:.0%}; {_edge(row)}."
    return f"Says {excerpt(label)}; gold says {excerpt(wanted)}."


def _thing(label: str) -> str:
    return f"a box {excerpt(label)}" if label else "a box"


def _edge(row: dict[str, Any]) -> str:
    return f"the {row['edge']} edge is {row['off']:.0f} px off"


def _count(number: int, name: str) -> str:
    return f"{number} {name}{'' if number == 1 else 'es'}"
