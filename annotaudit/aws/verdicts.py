"""What the people who verified labels said about the findings."""

from __future__ import annotations

import os
from collections.abc import Hashable

import numpy as np
import pandas as pd

from annotaudit.aws.categories import CHOICES, MISSING, VERDICT
from annotaudit.aws.merging import placed
from annotaudit.aws.plans import AdjustmentPlan
from annotaudit.boxes import EXPECTED, SIDES, TEXT, Labels
from annotaudit.errors import LimitError
from annotaudit.formats.columns import ATTRIBUTE
from annotaudit.review.ledger import Ledger
from annotaudit.review.marking import SEEN
from annotaudit.review.verdicts import (
    CORRECTED,
    FINDING,
    SAME_BOX,
    VERDICT_COLUMNS,
    drawn,
    fingerprint,
    last_word,
    like,
)

FRAME = ["sequence", "frame"]
FINE, MISTAKE, UNSURE = CHOICES
CORRECTION = (*CORRECTED, "corrected_label", "corrected_track", "onward")
OF_BOX, OF_FRAME = f"{ATTRIBUTE}{VERDICT['name']}", f"{ATTRIBUTE}{MISSING['name']}"


def verdicts_of(
    labels: Labels, findings: pd.DataFrame, judged: Labels, plan: AdjustmentPlan
) -> pd.DataFrame:
    """Return the verdicts of a verification job as a table that :mod:`annotaudit.review` reads.

    In video each box was judged by itself, and a missing box by the frame it is missing on. An
    image was judged as a whole: "fine" and "unsure" go to all findings on it, "mistake" to the
    only one; where an image has several, none of them is called a mistake by that, and the note
    says so.

    What a reviewer marked (:func:`annotaudit.review.with_marks`) is answered like any other
    finding, and keeps what the reviewer drew. Only where an image with several findings was called
    a mistake is a mark on it not answered, since that denies nothing.

    Parameters
    ----------
    labels : Labels
        Those that were verified.
    findings : DataFrame
        Those the plan was made of; ``plan.findings`` holds the ones that were sent.
    judged : Labels
        What :func:`annotaudit.aws.bring_back` returned.
    plan : AdjustmentPlan
        Made with ``verify=True``.

    Returns
    -------
    DataFrame
        See ``annotaudit.review.VERDICT_COLUMNS``: a row for each finding that somebody judged, the
        job's name as ``reviewer``, a worker's comment as ``note``.

    Raises
    ------
    LimitError
        If the plan is none of a verification.
    LabelFormatError
        If the judged labels are not of the plan's job.

    Examples
    --------
    >>> import annotaudit as aa
    >>> verdicts = aa.aws.verdicts_of(labels, plan.findings, judged, plan)  # doctest: +SKIP
    >>> aa.review.leave_out_fine(findings, verdicts)  # doctest: +SKIP
    """
    if not plan.is_verification:
        raise LimitError(
            f"Job {plan.job} corrects labels, so nobody judged them. Plan with verify=True, or "
            "merge its labels with annotaudit.aws.merge_adjusted()."
        )
    found = findings.reset_index(drop=True)
    place = placed(labels, judged, plan)
    said = _of_images(found, place, plan) if plan.is_of_images else _of_boxes(found, place)
    table = found.assign(
        verdict=said["verdict"].astype(TEXT),
        note=said["note"].astype(TEXT).fillna(""),
        reviewer=plan.job,
        time=pd.Series(pd.NaT, index=found.index, dtype=VERDICT_COLUMNS["time"]),
        fingerprint=fingerprint(labels),
        onward=False,
        id=[f"{plan.job}-{row}" for row in range(len(found))],
        **_drawn_by_reviewers(found),
    )
    table = table[table["verdict"].isin(CHOICES)].reindex(columns=list(VERDICT_COLUMNS))
    kinds = {name: TEXT if kind == "str" else kind for name, kind in VERDICT_COLUMNS.items()}
    return table.astype(kinds).reset_index(drop=True)


def record_verdicts(verdicts: pd.DataFrame, path: str | os.PathLike[str]) -> int:
    """Add verdicts to a ledger, beside what others said; what the job said there is not repeated.

    Where the ledger has a mistake with a correction and the job does not call it fine, the
    correction stays with the finding: the job was not asked how it should be.

    Parameters
    ----------
    verdicts : DataFrame
        What :func:`verdicts_of` returned.
    path : path
        A ledger, see :class:`annotaudit.review.Ledger`; it is made if need be.

    Returns
    -------
    int
        How many were added. Interrupted and run again, each finding is judged once.
    """
    ledger = Ledger(path)
    there = ledger.read()
    by_job = set(zip(_keys(there), there["reviewer"], strict=True))
    wrong = last_word(there).query("verdict == @MISTAKE")
    known = dict(zip(_keys(wrong), wrong.to_dict("records"), strict=True))
    told = zip(_keys(verdicts), verdicts.to_dict("records"), strict=True)
    new = [(key, said) for key, said in told if (key, said["reviewer"]) not in by_job]
    for key, said in new:
        earlier = known.get(key) if said["verdict"] != FINE else None
        right = {**said, **{name: earlier[name] for name in CORRECTION}} if earlier else said
        box = [right[name] for name in CORRECTED]
        ledger.append(
            said,
            said["verdict"],
            corrected=None if np.isnan(box).any() else box,
            corrected_label=right["corrected_label"],
            corrected_track=right["corrected_track"],
            onward=right["onward"],
            note=said["note"] or (earlier["note"] if earlier else ""),
            reviewer=said["reviewer"],
            fingerprint=said["fingerprint"],
        )
    return len(new)


def _keys(verdicts: pd.DataFrame) -> list[Hashable]:
    """Name the finding, and box, that each verdict is about: nothing missing equals the same."""
    table = verdicts[[*FINDING, *SIDES]].join(drawn(verdicts)).astype(object)
    return list(table.where(table.notna(), None).itertuples(index=False, name=None))


def _drawn_by_reviewers(findings: pd.DataFrame) -> dict[str, pd.Series]:
    """Return the boxes that reviewers drew: a mark is known by its own."""
    seen = findings["rule"].isin(SEEN)
    return {
        name: findings[expected].where(seen)
        for name, expected in zip(CORRECTED, EXPECTED, strict=True)
    }


def _of_images(findings: pd.DataFrame, place: Labels, plan: AdjustmentPlan) -> pd.DataFrame:
    column = f"verification.{plan.attribute}"
    wanted = {column: "verdict", f"{column}.comment": "note"}
    frames = place.frames.reindex(columns=[*FRAME, *wanted]).rename(columns=wanted)
    frames = frames.astype(dict.fromkeys(wanted.values(), TEXT))
    said = findings[FRAME].merge(frames, on=FRAME, how="left")
    several = findings.groupby(FRAME)["rule"].transform("size").gt(1)
    which = (said["verdict"] == MISTAKE) & several
    told = said["note"].fillna("") + " The image was called a mistake; which finding is not said."
    seen = findings["rule"].isin(SEEN).to_numpy()
    return said.assign(
        verdict=said["verdict"].mask(which, UNSURE).mask(which & seen),
        note=said["note"].mask(which, told.str.strip()),
    )


def _of_boxes(findings: pd.DataFrame, place: Labels) -> pd.DataFrame:
    keys = (*FRAME, "track")
    boxes = place.boxes.reindex(columns=[*keys, *SIDES, OF_BOX]).astype({OF_BOX: TEXT})
    asked = findings[[*keys, *SIDES]].reset_index(names="row")
    both = like(asked, boxes, keys).merge(boxes, on=list(keys), suffixes=("", "_judged"))
    moved = both[list(SIDES)].to_numpy() - both[[f"{side}_judged" for side in SIDES]].to_numpy()
    apart = np.abs(moved).max(axis=1, initial=0)
    met = both.assign(apart=apart)[apart <= SAME_BOX].sort_values("apart", kind="stable")
    of_box = met.drop_duplicates("row").set_index("row")[OF_BOX].reindex(findings.index)
    frames = place.frames.reindex(columns=[*FRAME, OF_FRAME])
    of_frame = findings[FRAME].merge(frames.drop_duplicates(FRAME), on=FRAME, how="left")
    is_missing = of_frame[OF_FRAME].map({"yes": MISTAKE, "no": FINE}).astype(TEXT)
    no_box = findings["width"].isna()
    return pd.DataFrame({"verdict": is_missing.where(no_box, of_box), "note": ""})
