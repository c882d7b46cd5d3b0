"""Put adjusted labels back where they belong, and leave everything else as it was."""

from __future__ import annotations

import pandas as pd

from annotaudit.aws.plans import AdjustmentPlan
from annotaudit.aws.windows import in_windows
from annotaudit.boxes import TEXT, Labels
from annotaudit.errors import LabelFormatError
from annotaudit.metrics.comparison import compare_boxes


def merge_adjusted(labels: Labels, adjusted: Labels, plan: AdjustmentPlan) -> Labels:
    """Replace the labels in a job's windows by the adjusted ones.

    Frames are told by their file name, objects by their id. An object that the worker added gets
    a name that no other has.

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
        Boxes outside the windows are the originals to the bit. Inside, an adjusted box keeps the
        columns of the original that the adjusted labels lack. ``problems`` gets a row for each
        frame that came back changed though it is outside the windows (the change is not taken
        over), and for each frame of a window that did not come back (the original stays).

    Raises
    ------
    LabelFormatError
        If the adjusted labels hold none of the plan's clips.
    """
    placed = _placed(labels, adjusted, plan)
    inside = in_windows(placed.frames, plan.windows)
    back = placed.frames[inside]
    here = pd.MultiIndex.from_frame(labels.boxes[["sequence", "frame"]])
    now = pd.MultiIndex.from_frame(placed.boxes[["sequence", "frame"]])
    replaced = here.isin(pd.MultiIndex.from_frame(back[["sequence", "frame"]]))
    taken = now.isin(pd.MultiIndex.from_frame(back[["sequence", "frame"]]))
    fresh = _like_the_originals(labels.boxes, placed.boxes[taken])
    parts = [part for part in (labels.boxes[~replaced], fresh) if len(part)]
    boxes = pd.concat(parts or [labels.boxes[:0]])
    # Frame by frame in the order of the frames table, so that a merge of nothing changes nothing.
    order = pd.MultiIndex.from_frame(labels.frames[["sequence", "frame"]])
    place = pd.Series(order.get_indexer(pd.MultiIndex.from_frame(boxes[["sequence", "frame"]])))
    boxes = boxes.iloc[place.argsort(kind="stable").to_numpy()].reset_index(drop=True)
    return Labels(
        boxes.astype(labels.boxes.dtypes.to_dict()),
        labels.frames,
        pd.concat(
            [labels.problems, adjusted.problems, _outside(labels, placed, inside, plan),
             _missing(labels, placed, plan)],
            ignore_index=True,
        ),
    )  # fmt: skip


def _placed(labels: Labels, adjusted: Labels, plan: AdjustmentPlan) -> Labels:
    """Give the adjusted labels the names of videos and the numbers of frames of the originals."""
    clips = plan.sequences.set_index("name")["sequence"]
    known = adjusted.frames["sequence"].isin(clips.index)
    if not known.any():
        raise LabelFormatError(
            f"The adjusted labels are of {sorted(set(adjusted.frames['sequence']))}; expected "
            f"clips of job {plan.job}: {', '.join(clips.index)}. Check which job they are of."
        )
    names = labels.frames["image"].str.replace("\\", "/", regex=False).str.rpartition("/")[2]
    number = labels.frames[["sequence", "frame"]].assign(name=names)
    frames = adjusted.frames[known].rename(columns={"frame": "clip_frame", "sequence": "clip"})
    frames = frames.assign(sequence=frames["clip"].map(clips).astype(TEXT), name=frames["image"])
    frames = frames.merge(number, on=["sequence", "name"])
    by_clip = frames.set_index(["clip", "clip_frame"])[["sequence", "frame"]]
    at = pd.MultiIndex.from_frame(adjusted.boxes[["sequence", "frame"]])
    found = by_clip.reindex(at).set_axis(adjusted.boxes.index)
    boxes = adjusted.boxes.assign(sequence=found["sequence"], frame=found["frame"])
    boxes = boxes[found["frame"].notna()].astype({"frame": "int64", "sequence": TEXT})
    return Labels(_named(labels.boxes, boxes), frames.reset_index(drop=True))


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


def _like_the_originals(originals: pd.DataFrame, fresh: pd.DataFrame) -> pd.DataFrame:
    """Give adjusted boxes the columns of the originals, with their values where they lack them."""
    lacking = [name for name in originals.columns if name not in fresh.columns]
    fresh = fresh.assign(annotator=originals["annotator"].iloc[0] if len(originals) else "")
    if lacking:
        key = ["sequence", "frame", "track"]
        of_box = originals.drop_duplicates(key)[[*key, *lacking]]
        fresh = fresh.merge(of_box, on=key, how="left")
    return fresh[[name for name in originals.columns if name in fresh]].astype({"annotator": TEXT})


def _outside(
    labels: Labels, placed: Labels, inside: pd.Series, plan: AdjustmentPlan
) -> pd.DataFrame:
    """Report frames that came back changed though no change was asked for there."""
    frames = placed.frames[~inside]
    at = pd.MultiIndex.from_frame(frames[["sequence", "frame"]])
    was, now = (
        table[pd.MultiIndex.from_frame(table[["sequence", "frame"]]).isin(at)]
        for table in (labels.boxes, placed.boxes)
    )
    changes = compare_boxes(was, now.assign(annotator="").pipe(_same_annotator, was))
    changes = changes[changes["change"] != "unchanged"]
    by_frame = changes.groupby(["sequence", "frame"]).size()
    names = frames.drop_duplicates(["sequence", "frame"]).set_index(["sequence", "frame"])["name"]
    return _problems(
        plan, [(names.get(at), f"{n} boxes were changed outside the windows of the job; not taken "
                "over") for at, n in by_frame.items()],
    )  # fmt: skip


def _same_annotator(boxes: pd.DataFrame, originals: pd.DataFrame) -> pd.DataFrame:
    name = originals["annotator"].iloc[0] if len(originals) else ""
    return boxes.assign(annotator=pd.Series(name, index=boxes.index, dtype=TEXT))


def _missing(labels: Labels, placed: Labels, plan: AdjustmentPlan) -> pd.DataFrame:
    """Report frames of windows that did not come back."""
    expected = labels.frames[in_windows(labels.frames, plan.windows)]
    here = pd.MultiIndex.from_frame(expected[["sequence", "frame"]])
    back = pd.MultiIndex.from_frame(placed.frames[["sequence", "frame"]])
    names = expected.loc[~here.isin(back), "image"]
    return _problems(
        plan, [(name, "the frame did not come back; its labels are as before") for name in names]
    )


def _problems(plan: AdjustmentPlan, found: list[tuple[str, str]]) -> pd.DataFrame:
    rows = [(plan.job, f"frame {where}", what) for where, what in found]
    return pd.DataFrame(rows, columns=["source", "where", "what"]).astype(TEXT)
