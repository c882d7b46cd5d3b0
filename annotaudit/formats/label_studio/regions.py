"""The regions of Label Studio's annotations and predictions, as rows of boxes."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from annotaudit.boxes import SIDES
from annotaudit.formats import columns
from annotaudit.formats.label_studio.media import VIDEO_TYPE, is_video_task
from annotaudit.formats.problems import Problems, excerpt

STILL_TYPES = ("rectanglelabels", "rectangle")
VALUES = ("x", "y", "width", "height")
_MAX_FRAME = 10_000_000
_UNKNOWN = (math.nan, math.nan)


class Regions:
    """Gathers boxes task by task.

    Parameters
    ----------
    problems : Problems
    video_size : tuple of float or None
        Width and height of videos, in pixels.
    around : bool
        Whether the upright box around stands for a turned one.
    predictions : bool
        Whether predictions are read.
    """

    def __init__(
        self,
        problems: Problems,
        video_size: tuple[float, float] | None,
        around: bool,
        predictions: bool,
    ) -> None:
        self.problems = problems
        self.video_size = video_size
        self.around = around
        self.kinds = ("annotations", "predictions") if predictions else ("annotations",)
        self.others: Counter[str] = Counter()
        self.rows: list[tuple[Any, ...]] = []
        # Of the latest task:
        self.sizes: dict[int, tuple[float, float]] = {}  # of each of its images
        self.n_pages = 1
        self.shown: str | None = None  # the part of the interface that its boxes are drawn on
        self.length = 0
        self.paths: list[str] = []  # of its regions that gave boxes

    def who_looked(self, task: dict[str, Any]) -> list[str]:
        """List who labelled a task, boxes or none; nobody where it was skipped by all."""
        given = ((kind, *each) for kind in self.kinds for each in _results(task, kind))
        return list(dict.fromkeys(annotator_of(about, kind, at) for kind, at, about in given))

    @property
    def facts(self) -> tuple[dict[int, tuple[float, float]], int]:
        """Size of each image and number of frames that the latest task told."""
        return self.sizes, self.length

    def read(
        self, task: dict[str, Any], where: str, sequence: str, frame: int, n_pages: int
    ) -> None:
        """Take the boxes of a task; ``frame`` is that of the first of its images."""
        self.sizes, self.n_pages, self.shown, self.length, self.paths = {}, n_pages, None, 0, []
        is_video = is_video_task(task)
        if is_video and self.video_size is not None:
            self.sizes[0] = self.video_size
        for kind in self.kinds:
            if not isinstance(given := task.get(kind, []), list):
                self.problems.add(where, f"{kind} is {excerpt(given)}; expected a list")
            for place, about in _results(task, kind):
                names = _labels_apart(about["result"])
                for at, region in enumerate(about["result"]):
                    spot = f"{where}, {kind} {place}, region {at}"
                    path = f"{kind}/{place}/{at}"
                    found = self._read(region, spot, names, is_video)
                    self.paths += [path] if found else []
                    who = annotator_of(about, kind, place)
                    about_id = about.get("id")
                    for row in found:
                        self.rows.append(
                            (
                                sequence, frame + row[0], who, *row[1:],
                                None if about_id is None else str(about_id), path,
                                kind == "predictions",
                            )
                        )  # fmt: skip

    def _read(
        self, region: Any, where: str, names: dict[str, str], is_video: bool
    ) -> list[tuple[Any, ...]]:
        """Frame, track, label, sides, keyframe, enabled, score and id of each box of a region."""
        kind = region.get("type") if isinstance(region, dict) else None
        if kind == "relation":  # between two regions
            self.others["relation"] += 1
            return []
        value = region.get("value") if isinstance(region, dict) else None
        if not isinstance(kind, str) or not isinstance(value, dict):
            self.problems.add(where, f"found {excerpt(region)}; expected a region with type, value")
            return []
        key = region.get("id") if isinstance(region.get("id"), str) else None
        if kind == VIDEO_TYPE and is_video:
            return self._track(region, value, key, where)
        if kind not in STILL_TYPES or is_video:
            if kind != "labels":  # which name a shape that has the same id
                self.others[kind] += 1
            return []
        size = original_size(region)
        sides = self._sides(value, size, where)
        if sides is None:
            return []
        if region.get("image_rotation", 0) != 0:
            self.problems.add(where, "the image was turned in Label Studio; turn it back there")
            return []
        if (page := self._page(region, where)) is None:
            return []
        self.sizes[page] = size
        label = _first(value.get("rectanglelabels")) or _first(value.get("labels"))
        label = label or names.get(key or "")
        return [(page, None, label, *sides, True, True, _number(region.get("score")), key)]

    def _page(self, region: dict[str, Any], where: str) -> int | None:
        """Which of the images of a task a region is on; None if that cannot be told."""
        page = region.get("item_index", 0)
        if type(page) is not int or not 0 <= page < self.n_pages:
            self.problems.add(
                where,
                f"item_index is {excerpt(page)}; expected one below {self.n_pages}, the number of "
                "images that the task names",
            )
            return None
        target = region.get("to_name")
        if isinstance(target, str):
            self.shown = self.shown or target
            if target != self.shown:
                self.problems.add(
                    where,
                    f"drawn on {excerpt(target)}, those before on {excerpt(self.shown)}; only "
                    "boxes on one image of a task are read",
                )
                return None
        return page

    def _track(
        self, region: dict[str, Any], value: dict[str, Any], key: str | None, where: str
    ) -> list[tuple[Any, ...]]:
        given = original_size(region)
        size = given if given[0] > 0 and given[1] > 0 else self.sizes.get(0, _UNKNOWN)
        sequence = value.get("sequence")
        if not isinstance(sequence, list):
            self.problems.add(where, f"sequence is {excerpt(sequence)}; expected a list")
            return []
        if not size[0] > 0:
            self.problems.add(
                where, "how large the video is stands nowhere; give video_size=(width, height)"
            )
            return []
        self.sizes[0] = size
        count: Any = value.get("framesCount")
        if type(count) in (int, float) and 0 < count < columns.MAX_EXACT:
            self.length = max(self.length, int(count))
        label = _first(value.get("labels"))
        rows = []
        for at, entry in enumerate(sequence):
            spot = f"{where}, keyframe {at}"
            number = entry.get("frame") if isinstance(entry, dict) else None
            if type(number) is not int or not 1 <= number <= _MAX_FRAME:
                self.problems.add(spot, f"frame is {excerpt(number)}; expected a number from 1")
                continue
            sides = self._sides(entry, size, spot)
            if sides is not None:
                enabled = entry.get("enabled") is not False
                score = _number(region.get("score"))
                rows.append((number - 1, key, label, *sides, True, enabled, score, key))
        return rows

    def _sides(
        self, value: dict[str, Any], size: tuple[float, float], where: str
    ) -> tuple[float, float, float, float] | None:
        shares = [_number(value.get(name)) for name in VALUES]
        if None in shares:
            wrong = VALUES[shares.index(None)]
            self.problems.add(where, f"{wrong} is {excerpt(value.get(wrong))}; expected a number")
            return None
        if not (size[0] > 0 and size[1] > 0):
            self.problems.add(
                where, "original_width or original_height is missing; expected pixels"
            )
            return None
        turned = _number(value.get("rotation", 0))
        if turned is None:
            self.problems.add(
                where, f"rotation is {excerpt(value['rotation'])}; expected a number of degrees"
            )
            return None
        if turned and not self.around:
            self.problems.add(
                where, f"the box is turned by {turned:g} degrees; load with rotation='box'"
            )
            return None
        return to_pixels([share or 0.0 for share in shares], turned, size)

    def table(self) -> pd.DataFrame:
        """Put all rows together."""
        names = [
            "sequence", "frame", "annotator", "track", "label", *SIDES, "keyframe", "enabled",
            "score", "region_id", "annotation_id", "region", "prediction",
        ]  # fmt: skip
        values = list(zip(*self.rows, strict=True)) or [()] * len(names)
        kinds: dict[str, Any] = {"frame": "int64", "score": "float64"}
        kinds |= dict.fromkeys(SIDES, "float64")
        kinds |= dict.fromkeys(("keyframe", "enabled", "prediction"), bool)
        return pd.DataFrame(
            {
                name: np.array(column, dtype=kinds[name])
                if name in kinds
                else columns.text_column(list(column))
                for name, column in zip(names, values, strict=True)
            }
        )


def _results(task: dict[str, Any], kind: str) -> Any:
    """Annotations or predictions that hold a result, with their places."""
    found = task.get(kind)
    for place, about in enumerate(found if isinstance(found, list) else []):
        is_usual = isinstance(about, dict) and isinstance(about.get("result"), list)
        if is_usual and about.get("was_cancelled") is not True:
            yield place, about


def _labels_apart(result: list[Any]) -> dict[str, str]:
    """Labels of regions whose shape and name are two entries of one id."""
    names = {}
    for region in result:
        if isinstance(region, dict) and region.get("type") == "labels":
            value = region.get("value")
            label = _first(value.get("labels")) if isinstance(value, dict) else None
            if isinstance(region.get("id"), str) and label:
                names[region["id"]] = label
    return names


def annotator_of(about: dict[str, Any], kind: str, place: int) -> str:
    """Name who made an annotation, or which model a prediction."""
    if kind == "predictions":
        version = about.get("model_version")
        return version if isinstance(version, str) and version else "prediction"
    who = about.get("completed_by", about.get("annotator"))
    if isinstance(who, dict):
        who = who.get("email") or who.get("id")
    if isinstance(who, str) and who:
        return who
    return str(who) if type(who) is int else f"annotation {about.get('id', place)}"[:100]


def original_size(region: dict[str, Any]) -> tuple[float, float]:
    """Width and height of the image that a region is on; NaN where it does not say."""
    return _positive(region.get("original_width")), _positive(region.get("original_height"))


def to_pixels(
    shares: list[float], turned: float, size: tuple[float, float]
) -> tuple[float, float, float, float]:
    """Turn hundredths into pixels: the box, or the upright one around it if it is turned.

    Label Studio turns boxes clockwise about their upper left corner.

    Examples
    --------
    >>> to_pixels([10, 20, 5, 10], 0, (500, 400))
    (50.0, 80.0, 25.0, 40.0)
    >>> to_pixels([10, 20, 5, 10], 90, (500, 400))
    (10.0, 80.0, 40.0, 25.0)
    """
    left, top, width, height = (
        round(share * side / 100, 9) for share, side in zip(shares, size * 2, strict=True)
    )
    if not turned:
        return left, top, width, height
    angle = math.radians(turned)
    right_x, right_y = width * math.cos(angle), width * math.sin(angle)
    down_x, down_y = -height * math.sin(angle), height * math.cos(angle)
    xs = (0.0, right_x, down_x, right_x + down_x)
    ys = (0.0, right_y, down_y, right_y + down_y)
    return (
        round(left + min(xs), 9),
        round(top + min(ys), 9),
        round(max(xs) - min(xs), 9),
        round(max(ys) - min(ys), 9),
    )


def _first(labels: Any) -> str | None:
    is_list = isinstance(labels, list) and labels and isinstance(labels[0], str)
    return labels[0] if is_list else None


def _number(value: Any) -> float | None:
    is_number = type(value) in (int, float) and abs(value) < columns.MAX_EXACT
    return float(value) if is_number else None


def _positive(value: Any) -> float:
    number = _number(value)
    return number if number and number > 0 else math.nan
