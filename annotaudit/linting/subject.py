"""What the rules of lint look at, prepared once for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from annotaudit.audit.limits import Limits
from annotaudit.audit.shapes import find_off_image
from annotaudit.audit.study import Study, image_sizes, is_a_box, sides_of, study
from annotaudit.boxes import COLUMNS, PROBLEM_COLUMNS, SIDES, TEXT, Labels, empty_table
from annotaudit.frames import FRAME_COLUMNS
from annotaudit.frames.table import check_frames
from annotaudit.linting.image_names import image_steps, on_disk
from annotaudit.linting.limits import ClassLimits
from annotaudit.linting.outside import Outside, outside
from annotaudit.metrics.order import Bools, Floats, codes

# Columns in which each box of a file has a value of its own, equal as they may be in all else.
SOURCE_IDS = ("annotation_id", "region_id", "region", "entry")


@dataclass(frozen=True)
class Subject:
    """Labels and what the caller knows about them.

    Parameters
    ----------
    boxes : DataFrame
        A checked box table with RangeIndex.
    listed : DataFrame
        The frames table as the labels have it.
    problems : DataFrame
    limits : ClassLimits
    classes : sequence of str, optional
        The labels there should be.
    images : int
        How many pictures are opened; -1 for all.
    seed : int
        Chooses which.
    source : Path, optional
        The file or folder the labels came from.
    """

    boxes: pd.DataFrame
    listed: pd.DataFrame
    problems: pd.DataFrame
    limits: ClassLimits = field(default_factory=ClassLimits)
    classes: Sequence[str] | None = None
    images: int = 0
    seed: int = 0
    source: Path | None = None

    @cached_property
    def frames(self) -> pd.DataFrame:
        """The frames looked at, each once, by sequence and frame; may be empty."""
        if not {"sequence", "frame"} <= set(self.listed):
            return empty_table(FRAME_COLUMNS)
        once = self.listed.drop_duplicates(["sequence", "frame"])
        return check_frames(once).sort_values(["sequence", "frame"], ignore_index=True)

    @cached_property
    def copies(self) -> Bools:
        """Rows that repeat an earlier row in every column but the ids of the source."""
        return copies_of(self.boxes)

    @cached_property
    def study(self) -> Study:
        """The boxes without their exact copies, ready for the rules of the audit."""
        limits = Limits(
            duplicate_iou=self.limits.loosest("duplicate_iou"),
            max_outside=self.limits.loosest("max_outside"),
            max_gap=int(self.limits.loosest("max_gap", max)),
        )
        boxes = self.boxes[~self.copies] if self.copies.any() else self.boxes
        return study(boxes[list(COLUMNS)].reset_index(drop=True), self.frames, limits)

    @cached_property
    def sides(self) -> Floats:
        """Left, top, width, height of each row, shape (4, n)."""
        return sides_of(self.boxes)

    @cached_property
    def drawn(self) -> Bools:
        """Rows that enclose an area."""
        return is_a_box(self.sides)

    @cached_property
    def image_size(self) -> Floats:
        """Width and height of the image under each row, NaN where unknown; shape (2, n)."""
        return image_sizes(self.boxes, self.frames)

    @cached_property
    def max_overhang(self) -> Floats:
        """Pixels by which each box may stick out."""
        return self.limits.column("max_overhang", self.boxes["label"])

    @cached_property
    def outside(self) -> Outside:
        """How the boxes lie to the border of their image."""
        return outside(
            self.sides,
            self.image_size,
            self.drawn,
            codes([self.boxes["sequence"], self.boxes["annotator"]]),
            max_overhang=self.max_overhang,
            max_outside=self.limits.column("max_outside", self.boxes["label"]),
        )

    @cached_property
    def off_image(self) -> pd.DataFrame:
        """What the audit found outside the image."""
        return find_off_image(self.study)

    @cached_property
    def label_counts(self) -> pd.Series:
        """How many boxes each label has, the most frequent first."""
        return self.boxes["label"].value_counts()

    @cached_property
    def tracked(self) -> frozenset[str]:
        """Sequences in which objects are followed through time."""
        known = self.boxes["track"].notna()
        return frozenset(self.boxes.loc[known, "sequence"].unique())

    @cached_property
    def image_steps(self) -> pd.DataFrame:
        """How the image names of videos count."""
        return image_steps(self.frames[self.frames["sequence"].isin(self.tracked)])

    @cached_property
    def on_disk(self) -> pd.DataFrame:
        """Frames whose picture is in a folder that can be looked into."""
        return on_disk(self.frames)

    @cached_property
    def moments(self) -> pd.DataFrame:
        """Sequence and frame of each box, every pair once, in order."""
        pairs = self.boxes[["sequence", "frame"]].drop_duplicates()
        return pairs.sort_values(["sequence", "frame"], ignore_index=True)

    @cached_property
    def looked_at(self) -> pd.DataFrame:
        """The frames table, with ``boxes``: whether the frame has any."""
        has = self.moments.assign(boxes=True)
        joined = self.frames.merge(has, on=["sequence", "frame"], how="left")
        return joined.assign(boxes=joined["boxes"].eq(True))


def subject_of(labels: Labels | pd.DataFrame, **known: object) -> Subject:
    """Prepare labels, or a bare box table, whose frames are not known."""
    if not isinstance(labels, Labels):
        labels = Labels(labels)
    boxes = labels.boxes.reset_index(drop=True)
    problems = labels.problems if len(labels.problems) else empty_table(PROBLEM_COLUMNS)
    return Subject(boxes, labels.frames, problems, **known)  # type: ignore[arg-type]


def copies_of(boxes: pd.DataFrame) -> Bools:
    """Tell which rows repeat an earlier one in every column but the ids of the source.

    Examples
    --------
    >>> boxes = pd.DataFrame({"frame": [0, 0, 1], "left": 5.0, "top": 1.0, "width": 2.0,
    ...     "height": 3.0, "annotation_id": ["7", "8", "9"]})
    >>> copies_of(boxes).tolist()
    [False, True, False]
    """
    # Numbers are compared fast, and few rows have the same ones on one frame.
    alike = boxes[["frame", *SIDES]].duplicated(keep=False).to_numpy()
    copies = np.zeros(len(boxes), dtype=bool)
    if alike.any():
        few = boxes.loc[alike, [name for name in boxes if name not in SOURCE_IDS]]
        copies[alike] = few.apply(_comparable).duplicated().to_numpy()
    return copies


def _comparable(column: pd.Series) -> pd.Series:
    """Lists and dicts, which a table may hold, cannot be compared by their hash."""
    if column.dtype != object:
        return column
    return column.map(repr).astype(TEXT)
