"""Signs of work not done: the same boxes everywhere, no time spent, another image shown."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from annotaudit.audit.findings import beyond, findings_of, no_findings
from annotaudit.audit.hands import BY
from annotaudit.boxes import SIDES, check_boxes
from annotaudit.metrics.matching import IMAGE
from annotaudit.metrics.reliability import implausibly_alike

HASTE = 0.2  # share of the usual time; reading the instructions alone takes longer
FEW = 5  # assignments; fewer do not tell what is usual


def find_identical_boxes(boxes: pd.DataFrame) -> pd.DataFrame:
    """Find annotators who drew the same on most images where the others did not."""
    if boxes.empty:
        return no_findings()
    alike = implausibly_alike(boxes)
    share = alike.set_index("annotator")["share"]
    others = boxes["annotator"].unique()
    usual = float(share.reindex(others).fillna(0).median())
    lazy = alike[(alike["share"] > 0.5) & (alike["share"] > 2 * usual)]
    if lazy.empty:
        return no_findings()
    mine = boxes[boxes["annotator"].isin(lazy["annotator"])]
    again = mine.groupby(["annotator", *SIDES]).cumcount(ascending=False)
    most = again.groupby(mine["annotator"]).idxmax()  # first of the box that came most often
    images = lazy.set_index("annotator")["images"].reindex(most.index)
    drawn_on = mine.drop_duplicates(BY).groupby("annotator").size().reindex(most.index)
    return findings_of(
        boxes,
        most.to_numpy(),
        rule="identical_boxes",
        score=0.9,
        value=images,
        limit=3,
        unit="images",
        reason=[
            f"Drew exactly the same on {n} of {of} images, which the others did not."
            for n, of in zip(images, drawn_on, strict=True)
        ],
    )


def find_implausibly_fast(work: pd.DataFrame) -> pd.DataFrame:
    """Find work done in a small part of the usual time."""
    if "work_time_s" not in work or work["work_time_s"].notna().sum() < FEW:
        return no_findings()
    usual = work.groupby("sequence")["work_time_s"].transform("median")
    enough = work.groupby("sequence")["work_time_s"].transform("count") >= FEW
    hasty = enough & (work["work_time_s"] < HASTE * usual)
    found, limit = work[hasty], HASTE * usual[hasty]
    return _about_images(
        found,
        rule="implausibly_fast",
        score=beyond(limit / found["work_time_s"].clip(lower=0.1), at_limit=0.4, far=0.8),
        value=found["work_time_s"],
        limit=float(limit.min()) if len(found) else 0.0,
        unit="s",
        reason=[
            f"Done in {took:.0f} s; half of all took {typical:.0f} s or more."
            for took, typical in zip(found["work_time_s"], usual[hasty], strict=True)
        ],
    )


def find_image_size(work: pd.DataFrame, frames: pd.DataFrame | None) -> pd.DataFrame:
    """Find pages that showed the image in another size than it has."""
    if frames is None or "image_width" not in work:
        return no_findings()
    shown = work.merge(frames[[*IMAGE, "image_width", "image_height"]], on=list(IMAGE),
                       suffixes=("", "_real"))  # fmt: skip
    other = (shown["image_width"] - shown["image_width_real"]).abs() > 0
    other |= (shown["image_height"] - shown["image_height_real"]).abs() > 0
    found = shown[other]
    sizes = found[["image_width", "image_height", "image_width_real", "image_height_real"]]
    return _about_images(
        found,
        rule="image_size",
        score=0.8,
        value=found["image_width"] / found["image_width_real"],
        limit=1.0,
        unit="times the width",
        reason=[
            f"The page showed the image as {w:g} x {h:g} pixels, it has {real_w:g} x {real_h:g}: "
            + ("turned upright for one of them." if (w, h) == (real_h, real_w) else
               "the boxes may have to be scaled.")
            for w, h, real_w, real_h in sizes.itertuples(index=False)
        ],
    )  # fmt: skip


def _about_images(work: pd.DataFrame, **how: Any) -> pd.DataFrame:
    if work.empty:
        return no_findings()
    blank = work[BY].assign(track=None, label=None, **dict.fromkeys(SIDES, np.nan))
    return findings_of(check_boxes(blank), np.arange(len(blank)), **how)
