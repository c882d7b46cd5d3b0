"""People of the loopback Amazon: a worker who knows where the objects are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from annotaudit.boxes import SIDES, Labels
from annotaudit.metrics.matching import match_boxes

Entry = dict[str, Any]
Worker = Callable[[str, list[Entry]], list[Entry]]  # file name of an image, its boxes; boxes after


class CarefulWorker:
    """Moves a box where it does not lie on its object, and leaves the others alone.

    Parameters
    ----------
    truth : Labels
        The true boxes, with a frames table that names the images.
    good_enough : float
        Overlap with the true box, as a share, from which a box is left as it is.
    complete : bool
        Of images, also draws the boxes that are missing, and removes those with nothing in them.
        Without it the truth may hold more than what the labels are about.

    Examples
    --------
    >>> import annotaudit as aa
    >>> worker = CarefulWorker(aa.datasets.stop_sign(gold=True))
    >>> worker("street_2.jpg", [{"left": 190, "top": 270, "width": 64, "height": 90}])
    [{'left': 190, 'top': 278, 'width': 64, 'height': 64}]
    """

    def __init__(self, truth: Labels, *, good_enough: float = 0.8, complete: bool = False) -> None:
        images = truth.frames.dropna(subset="image")
        names = images["image"].str.rpartition("/")[2]
        known = images[["sequence", "frame"]].assign(name=names)
        boxes = truth.boxes.merge(known, on=["sequence", "frame"])
        self.good_enough = good_enough
        self.complete = complete
        self._truth = {name: boxes[:0] for name in names} | dict(list(boxes.groupby("name")))

    def __call__(self, image: str, boxes: list[Entry]) -> list[Entry]:
        """Correct the boxes of one frame or image, as its page shows them."""
        truth = self._truth.get(image)
        if truth is None or not (boxes or self.complete):
            return boxes
        place = {"sequence": "here", "frame": 0, "track": None, "annotator": "worker"}
        truth = truth.assign(**place)
        drawn = pd.DataFrame([{side: box[side] for side in SIDES} for box in boxes], columns=SIDES)
        drawn = drawn.astype(float).assign(**place, label=None)
        met = match_boxes(drawn, truth, min_iou=0.2)
        mended = [dict(box) for box in boxes]
        for row in met[met["iou"] < self.good_enough].itertuples():
            mended[row.first] |= _sides(truth.iloc[row.second])
        if not self.complete:
            return mended
        missing = truth.drop(truth.index[met["second"]])
        return [mended[row] for row in sorted(met["first"])] + [
            {"label": row["label"], **_sides(row)} for _, row in missing.iterrows()
        ]


def _sides(box: pd.Series) -> dict[str, int]:
    return {side: round(box[side]) for side in SIDES}
