"""The rules of lint, in one list: what each finds, how grave that is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from annotaudit.errors import LimitError
from annotaudit.linting import (
    borders,
    declared,
    names,
    numbering,
    pictures,
    reading,
    repeats,
    single_boxes,
    times,
)
from annotaudit.linting.subject import Subject

SEVERITIES = ("error", "warning", "note")
OFF = "off"


@dataclass(frozen=True)
class LintRule:
    """One thing that may be wrong with labels.

    Parameters
    ----------
    name : str
        By which it is asked for, changed in severity, and reported.
    severity : str
        "error" for what cannot be right, "warning" for what is probably wrong, "note" for what
        one should know.
    find : function
        Takes a ``Subject``, returns findings.
    what : str
        What it finds, in a few words.
    """

    name: str
    severity: str
    find: Callable[[Subject], pd.DataFrame]
    what: str


RULES: tuple[LintRule, ...] = (
    # What the reader said, and what the files say of themselves.
    LintRule("unread", "warning", reading.find_unread, "input that could not be used"),
    LintRule(
        "declared_length", "warning", declared.find_declared_length,
        "another number of frames than the file declares",
    ),
    # Coordinates that mean something else.
    LintRule("normalised", "error", single_boxes.find_normalised, "shares in place of pixels"),
    LintRule("corners", "error", single_boxes.find_corners, "edges in place of width and height"),
    LintRule(
        "one_based_pixels", "note", single_boxes.find_one_based_pixels, "pixels counted from 1"
    ),
    # Boxes.
    LintRule("impossible_box", "error", single_boxes.find_impossible_boxes, "no area or no number"),
    LintRule("off_image", "error", borders.find_off_image_boxes, "wholly outside the image"),
    LintRule(
        "mostly_off_image", "warning", borders.find_mostly_off_image,
        "next to nothing of it is on the image",
    ),
    LintRule("past_border", "warning", borders.find_past_border, "reaches beyond the image"),
    LintRule(
        "border_rounding", "note", borders.find_border_rounding,
        "reaches a pixel or two beyond the image",
    ),
    LintRule("border_style", "note", borders.find_border_style, "objects drawn past the border"),
    LintRule("tiny_box", "warning", single_boxes.find_tiny_boxes, "too small to have been drawn"),
    LintRule("copy", "error", repeats.find_copies, "the same row twice"),
    LintRule("near_copy", "warning", repeats.find_near_copies, "two boxes in one place"),
    # Tracks.
    LintRule("repeated_track", "error", repeats.find_repeated_tracks, "a track twice on a frame"),
    LintRule("label_change", "warning", repeats.find_label_changes, "a track with several labels"),
    LintRule("gap", "note", repeats.find_gaps, "frames inside a track without a box"),
    # Names.
    LintRule("label_missing", "warning", names.find_missing_labels, "boxes without a label"),
    LintRule("label_spelling", "warning", names.find_spelling, "one label, several spellings"),
    LintRule("label_plural", "note", names.find_plurals, "a label and its plural"),
    LintRule("label_once", "note", names.find_rare_labels, "a label that one box has"),
    LintRule("class_undeclared", "warning", names.find_undeclared, "labels that no class declares"),
    LintRule("class_unused", "note", names.find_unused, "declared classes without a box"),
    LintRule(
        "annotator_missing", "warning", names.find_missing_annotators, "boxes drawn by nobody"
    ),
    # Frames.
    LintRule("frame_off_by_one", "error", numbering.find_off_by_one, "boxes one frame off"),
    LintRule("frame_one_based", "note", numbering.find_one_based_frames, "frames counted from 1"),
    LintRule(
        "frame_unlisted", "warning", numbering.find_unlisted_frames,
        "boxes on frames nobody looked at",
    ),
    LintRule(
        "frame_listed_twice", "error", numbering.find_frames_listed_twice, "a frame listed twice"
    ),
    LintRule("frame_step", "warning", numbering.find_every_nth, "boxes on every n-th frame only"),
    LintRule(
        "image_order", "error", numbering.find_names_out_of_order,
        "image names that count backwards",
    ),
    LintRule("image_jump", "warning", numbering.find_number_jumps, "image numbers that jump"),
    LintRule("image_step", "note", numbering.find_strided_images, "every n-th image of a video"),
    LintRule(
        "image_first", "note", numbering.find_first_number_differs,
        "images counted from 0 here, from 1 elsewhere",
    ),
    LintRule("frames_empty", "note", pictures.find_no_boxes, "frames without boxes"),
    LintRule("sequence_empty", "warning", pictures.find_empty_sequences, "sequences without boxes"),
    # Times.
    LintRule("time_missing", "note", times.find_no_times, "no time, no rate"),
    LintRule("time_back", "error", times.find_times_back, "times that stand still or go back"),
    LintRule("time_uneven", "note", times.find_uneven_times, "frames at an uneven rate"),
    LintRule("time_unit", "warning", times.find_rates_differ, "rates far apart: other units?"),
    # Pictures.
    LintRule("image_missing", "warning", pictures.find_missing_images, "frames without a picture"),
    LintRule(
        "image_unlisted", "note", pictures.find_unlisted_images, "pictures the labels do not know"
    ),
    LintRule("image_size", "error", pictures.find_image_size, "pictures of another size"),
    LintRule("image_size_missing", "note", pictures.find_no_image_size, "no size of the images"),
    LintRule("image_size_mixed", "warning", pictures.find_mixed_sizes, "a video of several sizes"),
)  # fmt: skip
NAMES = tuple(rule.name for rule in RULES)


def choose_rules(
    rules: str | Iterable[str] | None, severities: Mapping[str, str] | None
) -> dict[LintRule, str]:
    """Choose which rules run, and how grave each one's findings are.

    Parameters
    ----------
    rules : names, optional
        All, if left out.
    severities : dict, optional
        Name of a rule to "off", "note", "warning" or "error", where it shall not be the default.

    Raises
    ------
    LimitError
        If a rule or a severity is not known.

    Examples
    --------
    >>> [severity for rule, severity in choose_rules(["gap"], {"gap": "error"}).items()]
    ['error']
    """
    wanted = NAMES if rules is None else (rules,) if isinstance(rules, str) else tuple(rules)
    changed = dict(severities or {})
    for name in (*wanted, *changed):
        if name not in NAMES:
            raise LimitError(f"{name!r} is no rule of lint; expected some of {', '.join(NAMES)}.")
    for name, severity in changed.items():
        if severity not in (OFF, *SEVERITIES):
            raise LimitError(
                f"severities[{name!r}] is {severity!r}; expected 'off', 'note', 'warning' or "
                "'error'."
            )
    chosen = {rule: changed.get(rule.name, rule.severity) for rule in RULES if rule.name in wanted}
    return {rule: severity for rule, severity in chosen.items() if severity != OFF}
