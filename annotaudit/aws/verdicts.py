"""What the people who verified labels said about the findings."""

from __future__ import annotations

import os

import pandas as pd

from annotaudit.aws.categories import CHOICES, MISSING, VERDICT
from annotaudit.aws.merging import placed
from annotaudit.aws.plans import AdjustmentPlan
from annotaudit.boxes import SIDES, TEXT, Labels
from annotaudit.errors import LimitError
from annotaudit.formats.columns import ATTRIBUTE
from annotaudit.review.ledger import Ledger
from annotaudit.review.verdicts import FINDING, VERDICT_COLUMNS, fingerprint

FRAME = ["sequence", "frame"]
FINE, MISTAKE, UNSURE = CHOICES
OF_BOX, OF_FRAME = f"{ATTRIBUTE}{VERDICT['name']}", f"{ATTRIBUTE}{MISSING['name']}"


def verdicts_of(
    labels: Labels, findings: pd.DataFrame, judged: Labels, plan: AdjustmentPlan
) -> pd.DataFrame:
    """Return the verdicts of a verification job as a table that :mod:`annotaudit.review` reads.

    In video each box was judged by itself, and a missing box by the frame it is missing on. An
    image was judged as a whole: "fine" and "unsure" go to all findings on it, "mistake" to the
    only one; where an image has several, none of them is called a mistake by that, and the note
    says so.

    Parameters
    ----------
    labels : Labels
        Those that were verified.
    findings : DataFrame
        Those the plan was made of.
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
    >>> verdicts = aa.aws.verdicts_of(labels, findings, judged, plan)  # doctest: +SKIP
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
        id=[f"{plan.job}-{row}" for row in range(len(found))],
    )
    table = table[table["verdict"].isin(CHOICES)].reindex(columns=list(VERDICT_COLUMNS))
    kinds = {name: TEXT if kind == "str" else kind for name, kind in VERDICT_COLUMNS.items()}
    return table.astype(kinds).reset_index(drop=True)


def record_verdicts(verdicts: pd.DataFrame, path: str | os.PathLike[str]) -> int:
    """Add verdicts to a ledger, beside what others said; what the job said there is not repeated.

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
    names = [*FINDING, "reviewer"]
    there = set(ledger.read()[names].fillna("").itertuples(index=False, name=None))
    keys = verdicts[names].fillna("").itertuples(index=False, name=None)
    new = verdicts[[key not in there for key in keys]]
    for said in new.to_dict("records"):
        ledger.append(
            said,
            said["verdict"],
            note=said["note"],
            reviewer=said["reviewer"],
            fingerprint=said["fingerprint"],
        )
    return len(new)


def _of_images(findings: pd.DataFrame, place: Labels, plan: AdjustmentPlan) -> pd.DataFrame:
    column = f"verification.{plan.attribute}"
    wanted = {column: "verdict", f"{column}.comment": "note"}
    frames = place.frames.reindex(columns=[*FRAME, *wanted]).rename(columns=wanted)
    frames = frames.astype(dict.fromkeys(wanted.values(), TEXT))
    said = findings[FRAME].merge(frames, on=FRAME, how="left")
    several = findings.groupby(FRAME)["rule"].transform("size").gt(1)
    which = (said["verdict"] == MISTAKE) & several
    told = said["note"].fillna("") + " The image was called a mistake; which finding is not said."
    return said.assign(
        verdict=said["verdict"].mask(which, UNSURE), note=said["note"].mask(which, told.str.strip())
    )


def _of_boxes(findings: pd.DataFrame, place: Labels) -> pd.DataFrame:
    keys = [*FRAME, "track", *SIDES]
    boxes = place.boxes.reindex(columns=[*keys, OF_BOX]).astype({OF_BOX: TEXT})
    boxes = boxes.assign(track=boxes["track"].fillna("")).drop_duplicates(keys)
    asked = findings[keys].astype({"track": TEXT})
    asked = asked.assign(track=asked["track"].fillna(""))
    of_box = asked.merge(boxes, on=keys, how="left")[OF_BOX]
    frames = place.frames.reindex(columns=[*FRAME, OF_FRAME])
    of_frame = findings[FRAME].merge(frames.drop_duplicates(FRAME), on=FRAME, how="left")
    is_missing = of_frame[OF_FRAME].map({"yes": MISTAKE, "no": FINE}).astype(TEXT)
    no_box = findings["width"].isna()
    return pd.DataFrame({"verdict": is_missing.where(no_box, of_box), "note": ""})
