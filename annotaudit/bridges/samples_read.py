"""The samples of FiftyOne as labels, with what people changed in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from annotaudit.boxes import COLUMNS, SIDES, TEXT, Labels, empty_table
from annotaudit.bridges.samples import DOT, FINDING
from annotaudit.errors import FrameError
from annotaudit.frames import check_frames

if TYPE_CHECKING:
    from fiftyone import Sample

_OURS = {"finding_tags", *(f"finding_{name}" for name in FINDING)}
_THEIRS = {
    "id", "_id", "_cls", "tags", "label", "bounding_box", "confidence", "index", "mask",
    "mask_path", "attributes",
}  # fmt: skip


def from_fiftyone(
    samples: Iterable[Sample],
    *,
    field: str = "boxes",
    sequence: str = "images",
    annotator: str = "consolidated",
    size: tuple[float, float] | None = None,
) -> Labels:
    """Make labels of FiftyOne's samples: a data set, a view of one, or a list.

    Parameters
    ----------
    samples : iterable of fiftyone.Sample
        Images, or videos with frames.
    field : str
        Where the detections are.
    sequence, annotator : str
        Of images and boxes that do not say.
    size : tuple of float, optional
        Width and height in pixels, where samples have no metadata; ``dataset.compute_metadata()``
        fills those in.

    Returns
    -------
    Labels
        Boxes as they are there now, moved or new ones, too. Tags that people gave are the column
        ``tags``, with commas between; those that tell of findings are left out.

    Raises
    ------
    FrameError
        If the size of an image with boxes is unknown.
    """
    places: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    taken: dict[str, int] = {}
    for sample in samples:
        for frame, target in _frames(sample, sequence, taken):
            found = _get(target, field)
            detections = [] if found is None else list(found.detections)
            width, height = _size(sample, target, size)
            if detections and not width > 0:
                raise FrameError(
                    f"{sample.filepath} has boxes, but no metadata that tells its size. "
                    "Call dataset.compute_metadata(), or give size=(width, height)."
                )
            place = {"sequence": frame[0], "frame": frame[1]}
            image = sample.filepath if target is sample else None
            sides = {"image_width": width, "image_height": height}
            places.append(place | {"image": image} | sides)
            scale = np.array([width, height, width, height])
            rows += [place | _row(each, scale, annotator) for each in detections]
    boxes = _box_table(rows)
    frames = pd.DataFrame(places, columns=["sequence", "frame", "image", *_SIZE])
    return Labels(boxes, check_frames(frames))


_SIZE = ("image_width", "image_height")


def _frames(
    sample: Any, sequence: str, taken: dict[str, int]
) -> Iterator[tuple[tuple[str, int], Any]]:
    """Sequence and position of each frame of a sample, and what holds its boxes."""
    name = _get(sample, "sequence")
    if sample.media_type == "video":
        name = name or sample.filename.rpartition(".")[0]
        for number in sorted(sample.frames):
            yield (name, int(number) - 1), sample.frames[number]
        return
    name = name or sequence
    position = _get(sample, "position")
    place = taken.get(name, 0) if position is None else int(position)
    taken[name] = place + 1
    yield (name, place), sample


def _get(target: Any, name: str) -> Any:
    return target[name] if target.has_field(name) else None


def _size(sample: Any, target: Any, size: tuple[float, float] | None) -> tuple[float, float]:
    about = sample.metadata
    names = ("frame_width", "frame_height") if target is not sample else ("width", "height")
    known = [getattr(about, name, None) for name in names]
    if None in known:
        return size or (float("nan"), float("nan"))
    width, height = (float(side) for side in known if side is not None)
    return width, height


def _row(detection: Any, scale: Any, annotator: str) -> dict[str, Any]:
    values = dict(detection.iter_fields())
    sides = np.round(np.array(values["bounding_box"], dtype=np.float64) * scale, 9)
    said = values.get("finding_tags") or []
    tags = [tag for tag in values.get("tags") or [] if tag not in said]
    others = {
        name.replace(DOT, "."): value
        for name, value in values.items()
        if name not in _THEIRS | _OURS and value is not None
    }
    row = {"label": values.get("label"), "annotator": annotator} | others
    row |= dict(zip(SIDES, sides.tolist(), strict=True))
    if values.get("confidence") is not None:
        row["score"] = values["confidence"]
    if tags:
        row["tags"] = ", ".join(tags)
    return row


def _box_table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    if not rows:
        return empty_table(COLUMNS)
    table = pd.DataFrame(rows)
    table = table.reindex(columns=[*COLUMNS, *(name for name in table if name not in COLUMNS)])
    text = {
        name: TEXT
        for name in table
        if table[name].dtype == object
        and table[name].dropna().map(lambda value: isinstance(value, str)).all()
    }
    return table.astype(text)
