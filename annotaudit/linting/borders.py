"""Rules about boxes and the border of their image."""

from __future__ import annotations

import numpy as np
import pandas as pd

from annotaudit.linting.findings import about_boxes, about_places, of_the_audit
from annotaudit.linting.outside import clipped
from annotaudit.linting.subject import Subject
from annotaudit.metrics.order import Floats, Ints


def find_off_image_boxes(subject: Subject) -> pd.DataFrame:
    """Find boxes that lie wholly outside the image."""
    found = subject.off_image
    return of_the_audit(found[found["value"] == 1])


def find_mostly_off_image(subject: Subject) -> pd.DataFrame:
    """Find boxes of which next to nothing is on the image."""
    found = subject.off_image
    limit = subject.limits.column("max_outside", found["label"])
    over = ((found["value"] > limit) & (found["value"] < 1)).to_numpy()
    return of_the_audit(found[over], limit[over])


def find_past_border(subject: Subject) -> pd.DataFrame:
    """Find boxes that stick out of the image, where boxes usually end at its border."""
    out, limit = subject.outside, subject.max_overhang
    rows = np.flatnonzero(out.out & ~out.style & (out.by > limit))
    return _out_of_image(subject, rows, out.by[rows], limit[rows])


def find_border_rounding(subject: Subject) -> pd.DataFrame:
    """Find boxes that stick out of the image by a pixel or two, as rounding makes them."""
    out, limit = subject.outside, subject.max_overhang
    rows = np.flatnonzero(out.out & ~out.style & (out.by <= limit))
    return _out_of_image(subject, rows, out.by[rows], 0.0)


def _out_of_image(subject: Subject, rows: Ints, by: Floats, limit: object) -> pd.DataFrame:
    size = subject.image_size[:, rows]
    return about_boxes(
        subject.boxes,
        rows,
        value=by,
        limit=limit,  # type: ignore[arg-type]
        unit="px",
        reason=[
            f"Reaches {pixels:.4g} px beyond the border of the image; end it at the border."
            for pixels in by
        ],
        fix="clip",
        expected=clipped(subject.sides[:, rows], size),
    )


def find_border_style(subject: Subject) -> pd.DataFrame:
    """Say of each sequence whose objects are drawn whole, past the border, that it is so."""
    out, limit = subject.outside, subject.max_overhang
    past = subject.boxes.loc[out.out & out.style & (out.by > limit), ["sequence", "frame"]]
    places = past.groupby("sequence", as_index=False).agg(frame=("frame", "min"))
    count = past.groupby("sequence").size().to_numpy()
    return about_places(
        places,
        about="sequence",
        value=count,
        limit=np.nan,
        unit="boxes",
        reason=[
            f"{n:,} boxes are drawn past the border of the image, more than end at it: taken for "
            "the habit of drawing whole objects. Clip them only if your format wants that."
            for n in count
        ],
    )
