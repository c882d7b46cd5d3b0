"""Put adjusted labels back where they belong, and leave everything else as it was."""

from __future__ import annotations

import pandas as pd

from annotaudit.aws.plans import AdjustmentPlan
from annotaudit.boxes import SIDES, TEXT, Labels
from annotaudit.errors import LabelFormatError
from annotaudit.frames.table import last_part
from annotaudit.review.merging import merge_back


def merge_adjusted(labels: Labels, adjusted: Labels, plan: AdjustmentPlan) -> Labels:
    """Replace the labels in a job's windows by the adjusted ones.

    Frames are told by their file name, images by their address, objects by their id. An object
    that the worker added gets a name that no other has.

    Parameters
    ----------
    labels : Labels
        The originals; not edited.
    adjusted : Labels
        What :func:`annotaudit.aws.bring_back` returned.
    plan : AdjustmentPlan

    Returns
    -------
    Labels
        As :func:`annotaudit.review.merge_back` returns them.

    Raises
    ------
    LabelFormatError
        If the adjusted labels hold none of the plan's clips.
    """
    return merge_back(labels, placed(labels, adjusted, plan), plan.windows, source=plan.job)


def placed(labels: Labels, adjusted: Labels, plan: AdjustmentPlan) -> Labels:
    """Give what a job labelled the originals' names of sequences, objects and frame numbers.

    Parameters
    ----------
    labels : Labels
        The originals.
    adjusted : Labels
        What :func:`annotaudit.aws.bring_back` returned.
    plan : AdjustmentPlan

    Raises
    ------
    LabelFormatError
        If the adjusted labels hold none of the plan's clips.
    """
    frames = adjusted.frames.rename(columns={"frame": "clip_frame", "sequence": "clip"})
    place = _places_of_images if plan.is_of_images else _places_of_clips
    frames = place(labels, frames, plan)
    if frames.empty:
        raise LabelFormatError(
            f"The adjusted labels are of {sorted(set(adjusted.frames['sequence']))}; expected "
            f"{'images' if plan.is_of_images else 'clips'} of job {plan.job}: "
            f"{', '.join(plan.sequences['name'][:10])}. Check which job they are of."
        )
    by_clip = frames.set_index(["clip", "clip_frame"])[["sequence", "frame"]]
    at = pd.MultiIndex.from_frame(adjusted.boxes[["sequence", "frame"]])
    found = by_clip.reindex(at).set_axis(adjusted.boxes.index)
    boxes = adjusted.boxes.assign(sequence=found["sequence"], frame=found["frame"])
    boxes = boxes[found["frame"].notna()].astype({"frame": "int64", "sequence": TEXT})
    if plan.is_of_images:
        # The job wrote its boxes under a name of its own; they go back where the originals were.
        boxes = boxes.assign(label_attribute=pd.Series(plan.audited, boxes.index, dtype=TEXT))
        boxes = _with_old_scores(labels.boxes, boxes)
    return Labels(_named(labels.boxes, boxes), frames.reset_index(drop=True))


def _with_old_scores(originals: pd.DataFrame, boxes: pd.DataFrame) -> pd.DataFrame:
    """Let a box that nobody changed keep its score: that of a single worker's box is always 0."""
    if "score" not in originals or "score" not in boxes:
        return boxes
    keys = ["sequence", "frame", "label", *SIDES]
    known = originals[[*keys, "score"]].drop_duplicates(keys)
    both = boxes[keys].merge(known, on=keys, how="left", indicator=True)
    unchanged = (both["_merge"] == "both").to_numpy()
    return boxes.assign(score=boxes["score"].mask(unchanged, both["score"].to_numpy()))


def _places_of_clips(labels: Labels, frames: pd.DataFrame, plan: AdjustmentPlan) -> pd.DataFrame:
    clips = plan.sequences.set_index("name")["sequence"]
    frames = frames[frames["clip"].isin(clips.index)]
    names = last_part(labels.frames["image"])
    number = labels.frames[["sequence", "frame"]].assign(name=names)
    frames = frames.assign(sequence=frames["clip"].map(clips).astype(TEXT), name=frames["image"])
    return frames.merge(number, on=["sequence", "name"])


def _places_of_images(labels: Labels, frames: pd.DataFrame, plan: AdjustmentPlan) -> pd.DataFrame:
    sent = plan.sequences[["name", "sequence", "first"]]
    sent = sent.rename(columns={"name": "image", "first": "frame"})
    return frames.merge(sent, on="image")


def _named(originals: pd.DataFrame, boxes: pd.DataFrame) -> pd.DataFrame:
    """Name objects as the originals do; an object they lack gets a name that is free."""
    if "object_id" not in boxes or "object_id" not in originals:
        return boxes
    keys = ["sequence", "object_id"]
    known = originals.dropna(subset=keys).drop_duplicates(keys).set_index(keys)["track"]
    names = pd.Series(
        known.reindex(pd.MultiIndex.from_frame(boxes[keys])).to_numpy(),
        index=boxes.index, dtype=TEXT,
    )  # fmt: skip
    new = boxes[names.isna() & boxes["object_id"].notna()].drop_duplicates(keys)
    taken = {seq: set(part["track"].dropna()) for seq, part in originals.groupby("sequence")}
    given = {}
    for row in new.itertuples():  # few: objects that the worker added
        used = taken.setdefault(row.sequence, set())
        name = str(row.track).removesuffix(f" ({row.object_id})")  # the reader's, to tell two apart
        stem, number = name.rpartition(":")[0] or name, 1
        while name in used:
            name, number = f"{stem}:{number}", number + 1
        used.add(name)
        given[row.sequence, row.object_id] = name
    if given:
        added = pd.MultiIndex.from_frame(boxes[keys]).map(given)
        names = names.fillna(pd.Series(added, index=boxes.index).astype(TEXT))
    return boxes.assign(track=names.fillna(boxes["track"]))
