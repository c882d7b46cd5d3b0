"""Rules about frame numbers: against image names, against the frames looked at, in steps."""

from __future__ import annotations

import numpy as np
import pandas as pd

from annotaudit.linting.findings import about_places, join_findings, listing, looked_up, no_findings
from annotaudit.linting.subject import Subject

FEW_JUMPS = 20  # jumps of a sequence that are named one by one
FEW = 5  # frames with boxes; from fewer, no step is read


def find_names_out_of_order(subject: Subject) -> pd.DataFrame:
    """Find videos whose image names do not count up with the frames."""
    table = subject.image_steps
    back = table["step"] <= 0
    wrong = table[back].groupby("sequence", as_index=False).first()
    count = table[back].groupby("sequence").size().to_numpy()
    names = table.groupby("sequence")["image"]
    as_text = [names.get_group(name).is_monotonic_increasing for name in wrong["sequence"]]
    return about_places(
        wrong,
        about="sequence",
        value=count,
        limit=0,
        unit="steps back",
        reason=[
            f"The number in the image names goes back {n} times, first from {before:.0f} to "
            f"{number:.0f} at frame {frame}"
            + (
                ": the names were sorted as text. Sort them by number, and number the frames anew."
                if text
                else ". Check which image shows which frame."
            )
            for n, before, number, frame, text in zip(
                count, wrong["before_number"], wrong["number"], wrong["frame"], as_text, strict=True
            )
        ],
    )


def find_number_jumps(subject: Subject) -> pd.DataFrame:
    """Find frames of a video at which the image number takes another step than it usually does."""
    table = subject.image_steps
    forward = table.groupby("sequence")["step"].transform("min").gt(0)
    jumps = table[forward & table["step"].notna() & (table["step"] != table["usual"])]
    count = jumps.groupby("sequence")["frame"].transform("size")
    single = jumps[count <= FEW_JUMPS]
    many = jumps[count > FEW_JUMPS].groupby("sequence", as_index=False).first()
    times = jumps.groupby("sequence").size()
    return join_findings(
        [
            about_places(
                single,
                about="frame",
                value=single["step"],
                limit=single["usual"],
                unit="numbers a frame",
                reason=[
                    f"From frame {before_frame:.0f} to {frame} the image number goes from "
                    f"{before:.0f} to {number:.0f}, not by {usual:g} a frame: an image is left out "
                    "or one too many, and later frames may show the wrong picture."
                    for before_frame, frame, before, number, usual in zip(
                        single["before_frame"], single["frame"], single["before_number"],
                        single["number"], single["usual"], strict=True,
                    )
                ],
            ),
            about_places(
                many,
                about="sequence",
                value=looked_up(many["sequence"], times),
                limit=FEW_JUMPS,
                unit="jumps",
                reason=[
                    f"The numbers in the image names jump {times[sequence]:,} times, first at "
                    f"frame {frame}: they are no count of frames, or many images are left out."
                    for sequence, frame in zip(many["sequence"], many["frame"], strict=True)
                ],
            ),
        ]
    )  # fmt: skip


def find_strided_images(subject: Subject) -> pd.DataFrame:
    """Say which videos consist of every n-th image only."""
    table = subject.image_steps
    even = table.groupby("sequence").agg(
        frame=("frame", "first"), step=("usual", "first"), least=("step", "min"),
        most=("step", "max"),
    ).reset_index()  # fmt: skip
    whole = (even["step"] > 1) & (even["step"] % 1 == 0)
    strided = even[whole & (even["least"] == even["most"])].astype({"step": "int64"})
    return about_places(
        strided,
        about="sequence",
        value=strided["step"],
        limit=1,
        unit="numbers a frame",
        reason=[
            f"The images are every {_nth(step)} of their video: one step of the labels is "
            f"{step} of the video's. Speeds and times follow the labels' frames."
            for step in strided["step"]
        ],
    )


def find_first_number_differs(subject: Subject) -> pd.DataFrame:
    """Find videos whose images count from 0 where most count from 1, or the other way round."""
    table = subject.image_steps
    even = table[table["usual"] == 1].groupby("sequence", as_index=False).first()
    start = (even["number"] - even["frame"]).to_numpy()
    from_0, from_1 = even[start == 0], even[start == 1]
    usual, odd = (1, from_0) if len(from_0) < len(from_1) else (0, from_1)
    if 2 * len(odd) >= len(even) or len(from_0) == len(from_1):
        return no_findings()
    return about_places(
        odd,
        about="sequence",
        value=1 - usual,
        limit=usual,
        unit="number of the first image",
        reason=[
            f"Its images count from {1 - usual}, those of most sequences from {usual}: are boxes "
            "and images off by one here?"
        ]
        * len(odd),
    )


def real_frames(subject: Subject) -> pd.DataFrame:
    """List the frames there are.

    Of a sequence with pictures on this machine, the frames whose picture is there; otherwise those
    that name a picture; of one without pictures, all.
    """
    frames = subject.frames
    named = frames["image"].notna().to_numpy()
    there = frames.index.isin(subject.on_disk.index[subject.on_disk["there"]])
    sequence = pd.factorize(frames["sequence"])[0]
    some_named, some_there = (np.isin(sequence, sequence[rows]) for rows in (named, there))
    real = np.where(some_there, there, np.where(some_named, named, True))
    return frames.loc[real, ["sequence", "frame"]]


def off_by_one(subject: Subject) -> dict[str, int]:
    """Tell which sequences' boxes fit the frames there are only if all are moved by one frame.

    A sequence is named if some box lies on no such frame, exactly one of the two shifts puts every
    box on one, and the first and the last frame have boxes then: labels that cover only a part of
    the frames might be shifted for other reasons.

    Returns
    -------
    dict
        Sequence to what must be added to the frames of its boxes.
    """
    real = real_frames(subject)
    boxes = subject.moments[subject.moments["sequence"].isin(real["sequence"])]
    fits = _all_in(boxes, real, 0)
    unfit = boxes[boxes["sequence"].isin(fits.index[~fits])]
    earlier, later = (_all_in(unfit, real, step) for step in (-1, 1))
    shifts = {
        sequence: -1 if earlier[sequence] else 1
        for sequence in earlier.index[earlier != later].tolist()
    }
    ends, drawn = (_ends(table) for table in (real, unfit))
    return {
        name: shift
        for name, shift in shifts.items()
        if (drawn.loc[name] + shift).eq(ends.loc[name]).all()
    }


def _ends(frames: pd.DataFrame) -> pd.DataFrame:
    return frames.groupby("sequence")["frame"].agg(["min", "max"])


def _all_in(boxes: pd.DataFrame, frames: pd.DataFrame, step: int) -> pd.Series:
    """Tell for each sequence whether all its boxes, moved by a step, lie on the frames."""
    moved = boxes.assign(frame=boxes["frame"] + step)
    inside = moved.merge(frames.assign(there=True), on=["sequence", "frame"], how="left")["there"]
    return inside.notna().groupby(moved["sequence"].to_numpy()).all()


def find_off_by_one(subject: Subject) -> pd.DataFrame:
    """Find sequences whose boxes are one frame off from the frames there are."""
    shifts = off_by_one(subject)
    first = subject.moments.groupby("sequence", as_index=False).first()
    places = first[first["sequence"].isin(shifts)]
    return about_places(
        places,
        about="sequence",
        value=[-shifts[name] for name in places["sequence"]],
        limit=0,
        unit="frames",
        reason=[
            f"Boxes lie on frames {_span(subject, name)} where there are pictures or frames for "
            f"{'one earlier' if shifts[name] < 0 else 'one later'}: the labels count from "
            f"{'1, the frames from 0' if shifts[name] < 0 else '0, the frames from 1'}."
            for name in places["sequence"]
        ],
        fix="renumber",
    )


def _span(subject: Subject, sequence: str) -> str:
    frame = subject.moments.loc[subject.moments["sequence"] == sequence, "frame"]
    return f"{frame.min()} to {frame.max()}"


def find_unlisted_frames(subject: Subject) -> pd.DataFrame:
    """Find boxes on frames that nobody looked at, as the table of frames says."""
    if subject.frames.empty:
        return no_findings()
    known = pd.MultiIndex.from_frame(subject.frames[["sequence", "frame"]])
    listed = pd.MultiIndex.from_frame(subject.moments).isin(known)
    missing = subject.moments[~listed]
    places = missing.groupby("sequence", as_index=False).first()
    names = missing.groupby("sequence")["frame"].agg(list)
    return about_places(
        places,
        about="sequence",
        value=[len(frames) for frames in names],
        limit=0,
        unit="frames",
        reason=[
            f"Boxes on {len(frames):,} frames that are not in the table of frames "
            f"({listing(frames)}); list them, or check the numbers."
            for frames in names
        ],
    )


def find_frames_listed_twice(subject: Subject) -> pd.DataFrame:
    """Find frames that stand twice in the table of frames."""
    if not {"sequence", "frame"} <= set(subject.listed):
        return no_findings()
    listed = subject.listed[["sequence", "frame"]]
    twice = listed[listed.duplicated()].drop_duplicates()
    return about_places(
        twice,
        about="frame",
        value=2,
        limit=1,
        unit="rows",
        reason=["Stands twice in the table of frames; which picture shows it? Keep one row."]
        * len(twice),
    )


def find_one_based_frames(subject: Subject) -> pd.DataFrame:
    """Find videos that all begin at frame 1, as boxes and the table of frames, if any, say."""
    known = pd.concat([subject.moments, subject.frames[["sequence", "frame"]]])
    first = known.groupby("sequence", as_index=False)["frame"].min()
    if first.empty or (first["frame"] != 1).any() or not subject.tracked:
        return no_findings()
    return about_places(
        first.head(1),
        about="file",
        value=1,
        limit=0,
        unit="first frame",
        reason=[
            "Every sequence begins at frame 1, and frames are counted from 0 here: if the labels "
            "count from 1, subtract it from boxes and frames alike."
        ],
    )


def find_every_nth(subject: Subject) -> pd.DataFrame:
    """Find videos that have boxes only on every n-th of the frames listed."""
    frames = subject.looked_at[subject.looked_at["sequence"].isin(subject.tracked)]
    place = frames.groupby("sequence").cumcount()
    labelled = frames.assign(place=place)[frames["boxes"]]
    steps = labelled.assign(step=labelled.groupby("sequence")["place"].diff()).dropna(subset="step")
    by_sequence = steps.astype({"step": "int64"}).groupby("sequence")["step"]
    nth = by_sequence.agg(np.gcd.reduce)[by_sequence.size() >= FEW - 1]
    nth = nth[nth > 1]
    first = labelled.groupby("sequence", as_index=False).first()
    places = first[first["sequence"].isin(nth.index)]
    return about_places(
        places,
        about="sequence",
        value=looked_up(places["sequence"], nth),
        limit=1,
        unit="frames",
        reason=[
            f"Boxes only on every {_nth(nth[name])} frame listed, from frame {frame} on: probably "
            "nobody looked at those between. Leave them out of the table of frames, or every track "
            "has gaps."
            for name, frame in zip(places["sequence"], places["frame"], strict=True)
        ],
    )


def _nth(n: int) -> str:
    ending = "th" if n % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{ending}"
