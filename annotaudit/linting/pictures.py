"""Rules about the pictures: are they there, all of them, and as large as the labels say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from annotaudit.errors import FrameError
from annotaudit.frames import open_image
from annotaudit.frames.matching import SUFFIXES
from annotaudit.linting.findings import about_places, join_findings, listing, looked_up
from annotaudit.linting.subject import Subject


def find_missing_images(subject: Subject) -> pd.DataFrame:
    """Find frames without a picture where other frames of the sequence have one."""
    disk = subject.on_disk
    gone = disk[~disk["there"]]
    frames = subject.frames
    pictured = frames["image"].notna()
    some = pictured.groupby(frames["sequence"]).transform("any").astype(bool)
    nameless = frames[~pictured & some]
    return join_findings(
        [
            about_places(
                gone,
                about="frame",
                value=np.nan,
                limit=np.nan,
                unit="",
                reason=[
                    f"Its picture {name!r} is not in its folder; copy it there, or take the frame "
                    "out."
                    for name in gone["image"].str.replace(r"^.*/", "", regex=True)
                ],
                source=gone["image"].tolist(),
            ),
            about_places(
                nameless,
                about="frame",
                value=np.nan,
                limit=np.nan,
                unit="",
                reason=["Has no picture, though other frames of the sequence have one."]
                * len(nameless),
            ),
        ]
    )


def find_unlisted_images(subject: Subject) -> pd.DataFrame:
    """Find pictures, beside those of a sequence, that the labels do not know."""
    disk = subject.on_disk
    rows = []
    for folder, table in disk[disk["there"]].groupby("folder"):
        files = {
            path.name
            for path in Path(str(folder)).iterdir()
            if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
        }
        known = set(table["image"].str.replace(r"^.*/", "", regex=True))
        if unknown := sorted(files - known):
            first = table.iloc[0]
            rows.append((first["sequence"], first["frame"], len(known), unknown, str(folder)))
    found = pd.DataFrame(rows, columns=["sequence", "frame", "known", "unknown", "folder"])
    return about_places(
        found,
        about="sequence",
        value=[len(unknown) for unknown in found["unknown"]],
        limit=0,
        unit="images",
        reason=[
            f"Its folder holds {len(unknown):,} images that the labels do not know "
            f"({listing(unknown)}) beside {known:,} that they do: not looked at, or lost?"
            for known, unknown in zip(found["known"], found["unknown"], strict=True)
        ],
        source=found["folder"].tolist(),
    )


def find_no_image_size(subject: Subject) -> pd.DataFrame:
    """Say of which sequences the size of the images is not known."""
    known = subject.frames.dropna(subset=["image_width", "image_height"])["sequence"].unique()
    first = subject.moments.groupby("sequence", as_index=False).first()
    places = first[~first["sequence"].isin(known)]
    return about_places(
        places,
        about="sequence",
        value=np.nan,
        limit=np.nan,
        unit="",
        reason=[
            "The size of its images is not known, so boxes beyond their right and lower border "
            "cannot be found; set image_width and image_height in the table of frames."
        ]
        * len(places),
    )


def find_mixed_sizes(subject: Subject) -> pd.DataFrame:
    """Find videos whose frames are declared to be of several sizes."""
    frames = subject.frames[subject.frames["sequence"].isin(subject.tracked)]
    sizes = frames.dropna(subset=["image_width", "image_height"])
    once = sizes.drop_duplicates(["sequence", "image_width", "image_height"])
    count = once.groupby("sequence")["frame"].transform("size")
    later = once[(count > 1) & once["sequence"].duplicated()]
    places = later.groupby("sequence", as_index=False).first()
    return about_places(
        places,
        about="sequence",
        value=looked_up(places["sequence"], once["sequence"].value_counts()),
        limit=1,
        unit="sizes",
        reason=[
            f"The frames of this video are declared to be of several sizes, {width:.0f} x "
            f"{height:.0f} px from frame {frame} on; boxes may be drawn on scaled pictures."
            for width, height, frame in zip(
                places["image_width"], places["image_height"], places["frame"], strict=True
            )
        ],
    )


def find_image_size(subject: Subject) -> pd.DataFrame:
    """Open pictures, some or all, and compare their size with the declared one.

    What cannot be opened is a finding, too. Pictures behind addresses are not fetched.
    """
    disk = subject.on_disk
    disk = disk[disk["there"]]
    sized = disk[disk["image_width"].notna() & disk["image_height"].notna()]
    if 0 <= subject.images < len(sized):
        sized = sized.sample(subject.images, random_state=subject.seed).sort_index()
    # What is held against the declared size are plain numbers; the pictures are not kept.
    measured = [_measure(path) for path in sized["image"]]
    size = np.array([(np.nan, np.nan) if isinstance(m, str) else m for m in measured])
    size = size.reshape(-1, 2)
    declared = sized[["image_width", "image_height"]].to_numpy(dtype=np.float64)
    broken = np.array([isinstance(m, str) for m in measured], dtype=bool)
    wrong = ~broken & (size != declared).any(axis=1)
    turned = wrong & (size[:, ::-1] == declared).all(axis=1)
    ratio = np.abs(size / np.maximum(declared, 1) - 1).max(axis=1, initial=0)
    return join_findings(
        [
            about_places(
                sized[wrong],
                about="frame",
                value=ratio[wrong],
                limit=0,
                unit="share of the declared size",
                reason=[
                    f"The picture is {real[0]:.0f} x {real[1]:.0f} px, the labels say "
                    f"{said[0]:.0f} x {said[1]:.0f}: "
                    + (
                        "it is shown turned; were its boxes drawn on it upright?"
                        if sideways
                        else "boxes of a scaled picture? Scale them, or correct the size."
                    )
                    for real, said, sideways in zip(
                        size[wrong], declared[wrong], turned[wrong], strict=True
                    )
                ],
                source=sized.loc[wrong, "image"].tolist(),
            ),
            about_places(
                sized[broken],
                about="frame",
                value=np.nan,
                limit=np.nan,
                unit="",
                reason=[
                    f"Its picture cannot be opened: {m}" for m in measured if isinstance(m, str)
                ],
                source=sized.loc[broken, "image"].tolist(),
            ),
        ]
    )


def _measure(path: str) -> tuple[int, int] | str:
    try:
        width, height = open_image(path).size
    except FrameError as error:
        return str(error)
    return width, height


def find_no_boxes(subject: Subject) -> pd.DataFrame:
    """Say of which sequences frames were looked at and have no boxes."""
    table = subject.looked_at
    by_sequence = table.groupby("sequence")
    total, drawn = by_sequence.size(), by_sequence["boxes"].sum()
    last = table[table["boxes"]].groupby("sequence")["frame"].max()
    first = table[~table["boxes"]].groupby("sequence", as_index=False).first()
    places = first[looked_up(first["sequence"], drawn) > 0]
    empty = looked_up(places["sequence"], total - drawn)
    trailing = table["sequence"].isin(subject.tracked) & (
        table["frame"] > np.nan_to_num(looked_up(table["sequence"], last), nan=np.inf)
    )
    after = trailing.groupby(table["sequence"]).sum()
    return about_places(
        places,
        about="sequence",
        value=empty / looked_up(places["sequence"], total),
        limit=0,
        unit="share of the frames",
        reason=[
            f"{n:,} of {total[name]:,} frames have no boxes"
            + (f", the last {after[name]:,} among them" if after[name] else "")
            + ": nothing there, or nobody looked?"
            for name, n in zip(places["sequence"], empty, strict=True)
        ],
    )


def find_empty_sequences(subject: Subject) -> pd.DataFrame:
    """Find sequences without any box, where others have some."""
    by_sequence = subject.looked_at.groupby("sequence")
    drawn = by_sequence["boxes"].any()
    first = by_sequence[["frame"]].first().reset_index()
    places = (
        first[~looked_up(first["sequence"], drawn).astype(bool)] if drawn.any() else first.head(0)
    )
    frames = looked_up(places["sequence"], by_sequence.size())
    return about_places(
        places,
        about="sequence",
        value=frames,
        limit=0,
        unit="frames",
        reason=[f"Has {n:,} frames and not a single box; was it labelled at all?" for n in frames],
    )
