"""The tasks of Label Studio, written: those that were read with what has changed, and new ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

import pandas as pd

from annotaudit.boxes import SIDES
from annotaudit.errors import LabelFormatError
from annotaudit.formats import keyframes
from annotaudit.formats.columns import plain_numbers
from annotaudit.formats.json_text import decode
from annotaudit.formats.label_studio.media import VIDEO_TYPE, is_video_task
from annotaudit.formats.label_studio.regions import (
    VALUES,
    annotator_of,
    original_size,
    to_pixels,
)

_SAME = 1e-6  # pixels: a box this close is where it was

Key = tuple[str, int]  # sequence and frame
Size = tuple[float, float]


@dataclass(frozen=True)
class _Source:
    """A task that was read: its place in the file, which regions gave boxes, how many images."""

    place: int
    task: Any
    read: set[str]
    n_pages: int


def write_tasks(boxes: pd.DataFrame, frames: pd.DataFrame, target: str) -> list[Any]:
    """Make the list of tasks."""
    known = _sources(frames, target)
    pages = {
        (name, frame + page): page
        for (name, frame), source in known.items()
        for page in range(1, source.n_pages)
    }
    places = dict.fromkeys(
        [*_keys(frames), *_keys(boxes)] if "sequence" in frames else _keys(boxes)
    )
    boxes = _on_first_page(boxes, pages)
    tracked = set(boxes.loc[boxes["track"].notna(), "sequence"])
    tasks: dict[int, Any] = {}
    first_free = max([*(source.place for source in known.values()), -1]) + 1
    facts = _facts(frames)
    rows_of = {key: part for key, part in boxes.groupby(["sequence", "frame"], sort=False)}
    rows_of |= {
        (name, 0): part for name, part in boxes.groupby("sequence", sort=False) if name in tracked
    }
    lengths = pd.Series([frame for _, frame in places], [name for name, _ in places], dtype=float)
    lengths = lengths.groupby(level=0).max() + 1
    for name, frame in places:
        if (name, frame) in pages:
            continue
        is_video = name in tracked or _is_video(known.get((name, 0)))
        if is_video and (name, 0) in rows_of and (name, frame) != _first_of(places, name):
            continue
        if is_video and (name, frame) not in known and (name, 0) in known:
            continue
        key = (name, 0) if is_video else (name, frame)
        source = known.get(key)
        if source is None:
            shown = facts.get((name, frame), {}).get("image")
            shown = shown or (name if is_video else f"{name}/{frame}")
            new = {"data": {"video" if is_video else "image": shown}}
            source = _Source(first_free, new, set(), 1)
            first_free += 1
        part = rows_of.get(key, boxes.iloc[:0])
        sizes = {page: _size(facts, (name, frame + page)) for page in range(source.n_pages)}
        if unknown := [
            page for page in part["page"].unique() if not all(side > 0 for side in sizes[page])
        ]:
            raise LabelFormatError(
                f"{target}: frame {frame + unknown[0]} of {name!r} has boxes, but no known size, "
                "of which Label Studio writes hundredths. Load the labels with frames=, or set "
                "image_width and image_height in labels.frames."
            )
        writer = _Task(source, sizes, int(lengths[name]))
        tasks[source.place] = writer.write(part, is_video)
    for at, unlabelled in _unlabelled(frames, target).items():
        tasks.setdefault(int(at), unlabelled)
    return [tasks[place] for place in sorted(tasks)]


def _on_first_page(boxes: pd.DataFrame, pages: dict[Key, int]) -> pd.DataFrame:
    """Add ``page``, the image of its task a box is on; ``frame`` becomes that of the first."""
    if not pages:
        return boxes.assign(page=0)
    rows = [(name, frame, page) for (name, frame), page in pages.items()]
    table = pd.DataFrame(rows, columns=["sequence", "frame", "page"])
    table["sequence"] = table["sequence"].astype(boxes["sequence"].dtype)
    found = boxes[["sequence", "frame"]].merge(table, how="left", on=["sequence", "frame"])
    page = found["page"].fillna(0).to_numpy(dtype="int64")
    return boxes.assign(page=page, frame=boxes["frame"] - page)


def _keys(table: pd.DataFrame) -> list[Key]:
    return list(zip(table["sequence"].tolist(), table["frame"].tolist(), strict=True))


def _first_of(places: dict[Key, None], name: str) -> Key:
    return next(key for key in places if key[0] == name)


def _facts(frames: pd.DataFrame) -> dict[Key, dict[str, Any]]:
    names = [n for n in ("image", "image_width", "image_height") if n in frames]
    if "sequence" not in frames:
        return {}
    rows = frames[names].astype(object).where(frames[names].notna(), None).to_dict("records")
    return dict(zip(_keys(frames), rows, strict=True))


def _size(facts: dict[Key, dict[str, Any]], key: Key) -> Size:
    fact = facts.get(key, {})
    return float(fact.get("image_width") or 0), float(fact.get("image_height") or 0)


def _sources(frames: pd.DataFrame, target: str) -> dict[Key, _Source]:
    """Of each task that was read where it stood and what it held."""
    if "source_entry" not in frames:
        return {}
    found = {}
    for key, text in zip(_keys(frames), frames["source_entry"].tolist(), strict=True):
        value = (
            decode(text.encode(), f"{target}, column source_entry")
            if isinstance(text, str) and text.startswith("{")
            else None
        )
        if isinstance(value, dict) and type(value.get("place")) is int and "task" in value:
            read, n_pages = set(value.get("read", ())), value.get("pages", 1)
            found[key] = _Source(value["place"], value["task"], read, n_pages)
    if len({source.place for source in found.values()}) < len(found):  # of several files, joined
        found = {key: replace(source, place=n) for n, (key, source) in enumerate(found.items())}
    return found


def _is_video(source: _Source | None) -> bool:
    return source is not None and is_video_task(source.task)


def _unlabelled(frames: pd.DataFrame, target: str) -> dict[str, Any]:
    texts = frames["source_file"].dropna().tolist() if "source_file" in frames else []
    if len(texts) != 1:
        return {}
    value = decode(texts[0].encode(), f"{target}, column source_file")
    found = value.get("unlabelled") if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


class _Task:
    """One task, changed where its boxes have."""

    def __init__(self, source: _Source, sizes: dict[int, Size], length: int) -> None:
        self.task: dict[str, Any] = source.task
        self.read = source.read
        self.sizes = sizes  # of each of its images
        self.length = length

    def write(self, boxes: pd.DataFrame, is_video: bool) -> dict[str, Any]:
        """Bring the regions of the task in line with the boxes."""
        boxes = boxes.assign(region=boxes.get("region", None))
        boxes = boxes.assign(prediction=boxes.get("prediction", False))
        is_new = boxes["region"].isna()
        old = {str(path): part for path, part in boxes[~is_new].groupby("region", sort=False)}
        for kind in ("annotations", "predictions"):
            given = self.task.get(kind)
            for place, about in enumerate(given if isinstance(given, list) else []):
                if isinstance(about, dict) and isinstance(about.get("result"), list):
                    about["result"] = self._result(about["result"], f"{kind}/{place}", old)
        keys = ["annotator", "prediction"]
        for (who, predicted), part in boxes[is_new].groupby(keys, sort=False, dropna=False):
            result = self._about(who, bool(predicted))["result"]
            objects = part.groupby("track", sort=False) if is_video else []
            result += [self._region(str(track), rows, len(result)) for track, rows in objects]
            if not is_video:
                start = len(result)
                result += [
                    self._region(None, part.iloc[[at]], start + at) for at in range(len(part))
                ]
        self.task.setdefault("annotations", [])
        if not self.task["annotations"] and not self.task.get("predictions"):
            self.task["annotations"] = [{"result": []}]  # looked at, and no boxes
        return self.task

    def _result(self, result: list[Any], path: str, old: dict[str, pd.DataFrame]) -> list[Any]:
        """Keep the regions that still have boxes, or never gave any."""
        kept = []
        for at, region in enumerate(result):
            rows = old.get(f"{path}/{at}")
            if rows is not None:
                self._change(region, rows)
            elif f"{path}/{at}" in self.read:
                continue  # its boxes were taken out of the table
            kept.append(region)
        return kept

    def _change(self, region: dict[str, Any], rows: pd.DataFrame) -> None:
        value = region["value"]
        label = rows["label"].iloc[0]
        key = "rectanglelabels" if "rectanglelabels" in value else "labels"
        named = value.get(key)
        if isinstance(label, str) and isinstance(named, list) and named[:1] != [label]:
            value[key] = [label, *named[1:]]
        given = original_size(region)  # of which its hundredths were read
        page = int(rows["page"].iloc[0])
        if page != region.get("item_index", 0):
            region["item_index"] = page
        size = given if all(side > 0 for side in given) else self.sizes[page]
        if region["type"] != VIDEO_TYPE:
            _place(value, rows[list(SIDES)].to_numpy()[0].tolist(), size)
            return
        before = {
            entry["frame"]: entry
            for entry in value["sequence"]
            if isinstance(entry, dict) and type(entry.get("frame")) is int
        }
        value["sequence"] = self._sequence(rows, before, size)

    def _sequence(
        self, rows: pd.DataFrame, before: dict[int, Any], size: Size
    ) -> list[dict[str, Any]]:
        table = keyframes.find_keyframes(rows, ["region" if before else "track"])
        stops = table["ends"].to_numpy() & (table["frame"].to_numpy() + 1 < self.length)
        table = table[table["keyframe"].to_numpy() | stops]
        sequence = []
        sides = table[list(SIDES)].to_numpy().tolist()
        for number, box, ends in zip(
            (table["frame"] + 1).tolist(), sides, table["ends"].tolist(), strict=True
        ):
            entry = before.get(number, {"frame": number, "rotation": 0})
            _place(entry, box, size)
            is_last = number >= self.length
            if "enabled" not in entry or (ends and not is_last):
                entry["enabled"] = not ends or is_last
            elif not ends:
                entry["enabled"] = True
            sequence.append(entry)
        return sequence

    def _region(self, track: str | None, rows: pd.DataFrame, at: int) -> dict[str, Any]:
        label = rows["label"].iloc[0]
        labels = [label] if isinstance(label, str) else []
        given = rows["region_id"].iloc[0] if "region_id" in rows else None
        key = given if isinstance(given, str) else track or f"box-{at}"
        score = rows["score"].iloc[0] if "score" in rows else None
        more = {} if score is None or score != score else {"score": float(score)}
        page = int(rows["page"].iloc[0])
        size = self.sizes[page]
        if len(self.sizes) > 1:
            more["item_index"] = page
        if track is not None:
            value: dict[str, Any] = {
                "labels": labels,
                "framesCount": self.length,
                "sequence": self._sequence(rows, {}, size),
            }
            about: dict[str, Any] = {"type": VIDEO_TYPE, "from_name": "box", "to_name": "video"}
        else:
            value = {"rotation": 0, "rectanglelabels": labels}
            _place(value, rows[list(SIDES)].to_numpy()[0].tolist(), size)
            about = {
                "type": "rectanglelabels", "from_name": "label", "to_name": "image",
                "image_rotation": 0,
            }  # fmt: skip
        width, height = plain_numbers(list(size))
        sizes = {"original_width": width, "original_height": height}
        return {"id": key, **about, **sizes, **more, "value": value}

    def _about(self, who: Any, predicted: bool) -> dict[str, Any]:
        """Find the annotation of a person, or begin one."""
        kind = "predictions" if predicted else "annotations"
        if not isinstance(self.task.get(kind), list):
            self.task[kind] = []
        found: list[Any] = self.task[kind]
        for place, given in enumerate(found):
            is_usual = isinstance(given, dict) and isinstance(given.get("result"), list)
            if is_usual and annotator_of(given, kind, place) == who:
                return cast("dict[str, Any]", given)
        about: dict[str, Any] = {"result": []}
        if isinstance(who, str) and who:
            if predicted:
                about["model_version"] = who
            elif who.isascii() and who.isdigit() and len(who) < 16:
                about["completed_by"] = int(who)
            elif "@" in who:
                about["completed_by"] = {"email": who}
            else:
                about["annotator"] = who
        found.append(about)
        return about


def _place(value: dict[str, Any], box: list[float], size: Size) -> None:
    """Write where a box is, unless it is where it was."""
    turned = value.get("rotation") or 0
    shares: list[Any] = [value.get(name) for name in VALUES]
    if all(type(share) in (int, float) for share in shares):
        was = to_pixels(shares, turned, size)
        if all(abs(a - b) < _SAME for a, b in zip(was, box, strict=True)):
            return
    hundredths = [round(side / whole * 100, 12) for side, whole in zip(box, size * 2, strict=True)]
    value |= dict(zip(VALUES, plain_numbers(hundredths), strict=True))
    if turned:
        value["rotation"] = 0
