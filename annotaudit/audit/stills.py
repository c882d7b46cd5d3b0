"""Mistakes on still images that several people labelled: who missed, added or misdrew what.

What stands in the way of one annotator's box is what the others who looked at the image drew, or
gold boxes where there are any. Without gold, the score of a finding is the share of those who
looked that contradict it: of two people who disagree, each is as likely to be right.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from annotaudit.audit.effort import (
    find_identical_boxes,
    find_image_size,
    find_implausibly_fast,
)
from annotaudit.audit.findings import beyond, findings_of, no_findings
from annotaudit.audit.hands import BY, WANTED, against_gold, against_others
from annotaudit.audit.still_reasons import against_gold_reason, against_others_reason
from annotaudit.audit.study import Study, is_a_box, sides_of
from annotaudit.boxes import (
    COLUMNS,
    PROBLEM_COLUMNS,
    SIDES,
    TEXT,
    Labels,
    check_boxes,
    empty_table,
)
from annotaudit.formats.mturk.format import assignments
from annotaudit.geometry import iou
from annotaudit.metrics.looked import who_looked
from annotaudit.metrics.matching import IMAGE, match_boxes

SAME_THING = 0.5  # share of overlap with a gold box; usual in detection
CLOSE = 0.7  # share of overlap; careful people agree to four fifths and more on all but tiny boxes
STEADY = 2.0  # pixels an edge may be off, however small the box
NEARLY = 0.1  # share of overlap at which a stray box was meant for the thing that is missing
GOLD = 0.95  # score of a contradiction to gold, which is seldom wrong itself
NOBODY = "(unknown)"


def find_still_mistakes(
    labels: Labels | pd.DataFrame,
    gold: Labels | pd.DataFrame | None = None,
    work: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Find what is wrong on still images, annotator by annotator.

    Parameters
    ----------
    labels : Labels or DataFrame
        Boxes of several annotators, without tracks.
    gold : Labels or DataFrame, optional
        What is there, on some or all images; others are judged by what the others drew. With
        ``Labels``, an image in its frames table without a box has nothing on it.
    work : DataFrame, optional
        One row per annotator and image: ``sequence frame annotator``; where known ``answered``,
        ``work_time_s``, ``image_width``, ``image_height`` (as the page showed it). By default what
        ``annotaudit.aws.assignments(labels)`` says, where the labels come from Mechanical Turk, or
        ``annotaudit.metrics.who_looked(labels)``, where the frames name their annotators;
        otherwise whoever drew on an image looked at it, and nobody else.

    Returns
    -------
    DataFrame
        Findings, most suspicious first; see ``annotaudit.audit.findings.FINDING_COLUMNS``. Rules:
        ``missed``, ``nothing_drawn``, ``extra``, ``loose``, ``label_differs``,
        ``identical_boxes``, ``implausibly_fast``, ``image_size``. The expected box is the median
        of the others' boxes, or the gold box.

    Raises
    ------
    BoxTableError
        If a table is not a box table.

    Examples
    --------
    >>> boxes = pd.DataFrame({"sequence": "s", "frame": 0, "track": None, "label": "sign",
    ...     "annotator": ["a", "b", "c"], "left": [0, 1, 20], "top": 0, "width": 40, "height": 40})
    >>> findings = find_still_mistakes(boxes)
    >>> findings[["annotator", "rule", "expected_left"]].to_numpy().tolist()
    [['c', 'loose', 0.5]]
    """
    boxes = check_boxes(labels.boxes if isinstance(labels, Labels) else labels)
    frames = labels.frames if isinstance(labels, Labels) else None
    if work is None and frames is not None and {"assignments", "assignment"} <= {*frames, *boxes}:
        work = assignments(Labels(boxes, frames, empty_table(PROBLEM_COLUMNS)))
    elif work is None and frames is not None and "annotators" in frames:
        work = who_looked(Labels(boxes, frames))
    boxes = boxes[list(COLUMNS)].reset_index(drop=True)
    boxes["annotator"] = boxes["annotator"].fillna(NOBODY).astype(TEXT)
    # What is no box is another rule's subject.
    whole = boxes[is_a_box(sides_of(boxes))].reset_index(drop=True)
    looked = _looked(boxes, work)
    found = [find_identical_boxes(whole)]
    for part, people, wanted in _by_gold(whole, looked, gold):
        if wanted is None:
            found += _contradictions(part, *against_others(part, people), by_gold=False)
        else:
            both = against_gold(part, wanted, people, SAME_THING)
            found += _contradictions(part, *both, by_gold=True)
    if work is not None:
        found += [find_implausibly_fast(work), find_image_size(work, frames)]
    known = [table for table in found if len(table)]
    if not known:
        return no_findings()
    by = ["score", *BY, "rule", "left", "top"]
    return pd.concat(known).sort_values(
        by, ascending=[False, *[True] * (len(by) - 1)], kind="stable", ignore_index=True
    )


def find_disagreement(seen: Study) -> pd.DataFrame:
    """Find what annotators of still images contradict each other on; nothing with tracks.

    A rule like the others of ``annotaudit.audit.rules``, but one that names its findings itself.
    """
    boxes, frames = seen.boxes, seen.frames
    if boxes["track"].notna().any() or boxes["annotator"].nunique() < 2:
        return no_findings()
    if frames is None:
        return find_still_mistakes(boxes)
    frames = frames[frames["sequence"].isin(boxes["sequence"].unique())]
    return find_still_mistakes(Labels(boxes, frames, empty_table(PROBLEM_COLUMNS)))


def _looked(boxes: pd.DataFrame, work: pd.DataFrame | None) -> pd.DataFrame:
    looked = boxes[BY]
    if work is not None:
        answered = work[work["answered"].astype(bool)] if "answered" in work else work
        named = answered[BY].assign(annotator=answered["annotator"].fillna(NOBODY))
        looked = pd.concat([looked, named], ignore_index=True)
    return looked.drop_duplicates(ignore_index=True)


def _by_gold(
    boxes: pd.DataFrame, looked: pd.DataFrame, gold: Labels | pd.DataFrame | None
) -> list[tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame | None]]:
    """Part the images into those with gold and those without."""
    if gold is None:
        return [(boxes, looked, None)]
    wanted = check_boxes(gold.boxes if isinstance(gold, Labels) else gold)[list(COLUMNS)]
    covered = [wanted[list(IMAGE)]]
    if isinstance(gold, Labels):
        covered.append(gold.frames[list(IMAGE)])
    known = pd.MultiIndex.from_frame(pd.concat(covered).drop_duplicates())
    has = [pd.MultiIndex.from_frame(t[list(IMAGE)]).isin(known) for t in (boxes, looked)]
    return [
        (boxes[has[0]].reset_index(drop=True), looked[has[1]], wanted),
        (boxes[~has[0]].reset_index(drop=True), looked[~has[1]], None),
    ]


def _contradictions(
    boxes: pd.DataFrame, drawn: pd.DataFrame, missed: pd.DataFrame, *, by_gold: bool
) -> list[pd.DataFrame]:
    extra = drawn[(drawn["votes"] == 0) & (drawn["others"] > 0)]
    near, extra, missed = _nearly(boxes, extra, missed)
    matched = drawn[(drawn["votes"] > 0) & ~drawn.index.isin(extra.index)]
    held = [part for part in (matched, near) if len(part)] or [matched]
    loose = _off(boxes, pd.concat(held, ignore_index=True))
    other_label = (
        matched["wanted_label"].to_numpy() != boxes["label"].fillna("").to_numpy()[matched["row"]]
    )
    differ = matched[other_label]
    silent = ~pd.MultiIndex.from_frame(missed[BY]).isin(pd.MultiIndex.from_frame(boxes[BY]))
    return [
        _findings(boxes, extra, "extra", by_gold, value="votes"),
        _findings(boxes, loose, "loose", by_gold, value="iou"),
        _findings(boxes, differ, "label_differs", by_gold, value="label_votes"),
        _findings(boxes, missed[~silent], "missed", by_gold, value="votes"),
        _findings(boxes, _once(missed[silent]), "nothing_drawn", by_gold, value="things"),
    ]


def _nearly(
    boxes: pd.DataFrame, extra: pd.DataFrame, missed: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Take together a stray box and the missing thing that it was meant for: a very loose box."""
    stray = boxes.iloc[extra["row"]]
    sides = dict(zip(WANTED[:4], SIDES, strict=True))
    absent = missed.rename(columns=sides).assign(track=None, label=missed["wanted_label"])
    pairs = match_boxes(stray, absent, min_iou=NEARLY, by=BY)
    near = missed.iloc[pairs["second"]].assign(row=extra["row"].to_numpy()[pairs["first"]])
    return (
        near,
        extra[~np.isin(np.arange(len(extra)), pairs["first"])],
        missed[~np.isin(np.arange(len(missed)), pairs["second"])],
    )


def _off(boxes: pd.DataFrame, matched: pd.DataFrame) -> pd.DataFrame:
    mine = boxes[list(SIDES)].to_numpy(float)[matched["row"]]
    theirs = matched[WANTED[:4]].to_numpy(float)
    edges = np.column_stack([mine[:, :2], mine[:, :2] + mine[:, 2:]]) - np.column_stack(
        [theirs[:, :2], theirs[:, :2] + theirs[:, 2:]]
    )
    share = iou(mine, theirs)
    worst = np.abs(edges).argmax(axis=1)
    found = matched.assign(
        iou=share,
        edge=np.array(["left", "top", "right", "bottom"])[worst],
        off=np.abs(edges).max(axis=1),
    )
    return found[(share < CLOSE) & (found["off"] > STEADY)]


def _once(missed: pd.DataFrame) -> pd.DataFrame:
    """One row per annotator and image that has nothing: the thing most others drew."""
    counted = missed.assign(things=missed.groupby(BY)["votes"].transform("size"))
    ordered = counted.sort_values("votes", ascending=False, kind="stable")
    return ordered.drop_duplicates(BY)


LIMITS = {
    "extra": (1.0, "annotators"),
    "missed": (1.0, "annotators"),
    "nothing_drawn": (1.0, "boxes"),
    "loose": (CLOSE, "share of overlap"),
    "label_differs": (1.0, "annotators"),
}


def _findings(
    boxes: pd.DataFrame, rows: pd.DataFrame, rule: str, by_gold: bool, *, value: str
) -> pd.DataFrame:
    if rows.empty:
        return no_findings()
    everybody = rows["others"] + 1
    if rule == "extra":
        share = (rows["others"] - rows["votes"]) / everybody
    else:
        share = rows["label_votes" if rule == "label_differs" else "votes"] / everybody
    score = np.full(len(rows), GOLD) if by_gold else share.to_numpy(float)
    if rule == "loose":
        score = score * beyond((1 - rows["iou"]) / (1 - CLOSE), at_limit=0.5, far=1.0)
    if "row" in rows:
        table = boxes.iloc[rows["row"]]
    else:
        label = rows["wanted_label"].replace("", None).astype(TEXT)
        table = rows[BY].assign(track=None, label=label, **dict.fromkeys(SIDES, np.nan))
        table = check_boxes(table)
    limit, unit = LIMITS[rule]
    say = against_gold_reason if by_gold else against_others_reason
    mine = table["label"].fillna("")
    reasons = [
        say(rule, row, label) for row, label in zip(rows.to_dict("records"), mine, strict=True)
    ]
    return findings_of(
        table,
        np.arange(len(table)),
        rule=rule,
        score=score,
        value=rows[value].to_numpy(float),
        limit=limit,
        unit=unit,
        reason=reasons,
        expected=rows[WANTED[:4]].to_numpy(float).T,
    )
