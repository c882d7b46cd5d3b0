"""People of the loopback Amazon: a worker who knows where the objects are."""

from __future__ import annotations

from typing import Any

import pandas as pd

from annotaudit.boxes import SIDES, Labels
from annotaudit.metrics.matching import match_boxes


class CarefulWorker:
    """Moves a box where it does not lie on its object, and leaves the others alone.

    Parameters
    ----------
    truth : Labels
        The true boxes, with a frames table that names the images.
    good_enough : float
        Overlap with the true box, as a share, from which a box is left as it is.

    Examples
    --------
    >>> import annotaudit as aa
    >>> truth = aa.load("data/station/gt/gt.txt", frames="data/station/img1")  # doctest: +SKIP
    >>> CarefulWorker(truth)("000001.jpg", boxes)  # doctest: +SKIP
    """

    def __init__(self, truth: Labels, *, good_enough: float = 0.8) -> None:
        images = truth.frames.dropna(subset="image")
        names = images["image"].str.rpartition("/")[2]
        known = images[["sequence", "frame"]].assign(name=names)
        boxes = truth.boxes.merge(known, on=["sequence", "frame"])
        self.good_enough = good_enough
        self._truth = {name: part for name, part in boxes.groupby("name")}

    def __call__(self, image: str, boxes: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Correct the boxes of one frame, as they stand in ``SeqLabel.json``."""
        truth = self._truth.get(image)
        if truth is None or not boxes:
            return boxes
        drawn = pd.DataFrame([{side: box[side] for side in SIDES} for box in boxes]).assign(
            sequence=truth["sequence"].iloc[0], frame=truth["frame"].iloc[0],
            track=None, label=None, annotator="worker",
        )  # fmt: skip
        met = match_boxes(drawn, truth, min_iou=0.2)
        mended = [dict(box) for box in boxes]
        for row in met[met["iou"] < self.good_enough].itertuples():
            true = truth.iloc[row.second]
            mended[row.first] |= {side: round(true[side]) for side in SIDES}
        return mended
