"""The images, videos and categories of COCO: lists in, frames table out, and back."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
import pandas as pd

from annotaudit.boxes import Labels
from annotaudit.formats import columns
from annotaudit.formats.coco.boxes import as_id
from annotaudit.formats.ground_truth.manifests import safe_name
from annotaudit.formats.json_text import decode, encode
from annotaudit.formats.problems import Problems, excerpt


@dataclass(frozen=True)
class Images:
    """Images of a file.

    Parameters
    ----------
    frames : DataFrame
        One row per image, with ``source_entry``.
    row_of_id : dict
        Image id to row of ``frames``.
    """

    frames: pd.DataFrame
    row_of_id: dict[Any, int]


def read_images(content: dict[str, Any], stills: str, problems: Problems) -> Images:
    """Make the frames table of the images and videos of a file.

    Parameters
    ----------
    content : dict
        Of the file.
    stills : str
        Name of the sequence of images that are of no video.
    problems : Problems
    """
    videos = _videos(content.get("videos"), stills, problems)
    entries: list[dict[str, Any]] = []
    names: list[str] = []
    rates: list[float] = []
    row_of_id: dict[Any, int] = {}
    for place, image in enumerate(content["images"]):
        where = f"image {place}"
        if not isinstance(image, dict) or type(image.get("id")) not in (int, str):
            problems.add(where, f"found {excerpt(image)}; expected an object with an id")
            continue
        if row_of_id.setdefault(image["id"], len(entries)) != len(entries):
            problems.add(where, f"has the id {excerpt(image['id'])} of an earlier image")
        video = image.get("video_id")
        if video is not None and (type(video) not in (int, str) or video not in videos):
            problems.add(where, f"video_id {excerpt(video)} is not among the videos")
            video = None
        name, rate = (stills, np.nan) if video is None else videos[video]
        entries.append(image)
        names.append(name)
        rates.append(rate)
    frame = _frame_numbers(entries, names, problems)
    frames = pd.DataFrame(
        {
            "sequence": columns.text_column(names),
            "frame": frame,
            "image": columns.text_column(
                [
                    safe_name(entry.get("file_name"), f"image {entry['id']!r}"[:60], problems)
                    for entry in entries
                ]
            ),
            "image_width": np.array([_pixels(e.get("width")) for e in entries], dtype="float64"),
            "image_height": np.array([_pixels(e.get("height")) for e in entries], dtype="float64"),
            "time": frame / np.array(rates, dtype="float64"),
            "source_entry": columns.text_column(
                [encode(entry, problems.source).decode() for entry in entries]
            ),
        }
    )
    return Images(frames, row_of_id)


def _videos(found: Any, stills: str, problems: Problems) -> dict[Any, tuple[str, float]]:
    """Name and frame rate of each video, by id; names are told apart."""
    videos: dict[Any, tuple[str, float]] = {}
    if found is not None and not isinstance(found, list):
        problems.add("videos", f"found {excerpt(found)}; expected a list")
        return videos
    taken = {stills} if found else set()
    for place, video in enumerate(found or []):
        key = video.get("id") if isinstance(video, dict) else None
        if type(key) not in (int, str) or key in videos:
            problems.add(
                f"video {place}", f"found {excerpt(video)}; expected an object with its own id"
            )
            continue
        given = video.get("name")
        name = given if isinstance(given, str) and given else str(key)
        name = name if name not in taken else f"{name} ({key})"
        name = next(n for n in _numbered(name) if n not in taken)
        taken.add(name)
        videos[key] = (name, _pixels(video.get("fps")))
    return videos


def _numbered(name: str) -> Any:
    yield name
    for number in count(2):
        yield f"{name} #{number}"


def _frame_numbers(
    entries: list[dict[str, Any]], names: list[str], problems: Problems
) -> np.ndarray[Any, Any]:
    """Place of each image in its sequence: its ``frame_id``, or else where it stands."""
    table = pd.DataFrame({"sequence": columns.text_column(names)})
    place = np.asarray(table.groupby("sequence").cumcount(), dtype=np.int64)
    given = np.array(
        [
            float(value)
            if "video_id" in entry
            and type(value := entry.get("frame_id")) is int
            and 0 <= value < columns.MAX_EXACT
            else np.nan
            for entry in entries
        ],
        dtype="float64",
    )
    if np.isnan(given).all():
        return place
    table["given"] = given - (1 if np.nanmin(given) == 1 else 0)
    by_name = table.groupby("sequence")["given"]
    distinct = by_name.transform("nunique") == by_name.transform("size")
    some = by_name.transform("count") > 0
    for name in table.loc[some & ~distinct, "sequence"].unique():
        problems.add(
            f"video {excerpt(name)}",
            "a frame_id is missing, repeated or no whole number; images are counted as they stand",
        )
    return np.asarray(np.where(distinct, table["given"].fillna(0), place), dtype=np.int64)


def _pixels(value: Any) -> float:
    is_number = type(value) in (int, float)
    return float(value) if is_number and 0 < value < columns.MAX_EXACT else float("nan")


def image_entries(
    labels: Labels, source_videos: Any, target: str
) -> tuple[list[dict[str, Any]], list[Any], list[Any]]:
    """Make the images and videos of a file.

    Returns
    -------
    images : list of dict
    videos : list
        Empty if the labels are of stills.
    image_ids : list
        Of the image of each box.
    """
    boxes, frames = labels.boxes, labels.frames
    listed = frames if "sequence" in frames else pd.DataFrame(columns=["sequence", "frame"])
    places = pd.concat([listed[["sequence", "frame"]], boxes[["sequence", "frame"]]])
    table = places.drop_duplicates().merge(listed, how="left", on=["sequence", "frame"])
    table["frame"] = table["frame"].astype("int64")
    entries = [
        decode(text.encode(), f"{target}, column source_entry") if isinstance(text, str) else {}
        for text in (table["source_entry"].tolist() if "source_entry" in table else [])
    ] or [{} for _ in range(len(table))]
    is_coco = [isinstance(entry, dict) and "file_name" in entry for entry in entries]
    entries = [
        entry if known else {} for entry, known in zip(entries, is_coco, strict=True)
    ]  # a source entry of another format is not an image here
    videos = source_videos if isinstance(source_videos, list) else []
    is_new = [not entry for entry in entries]
    of_video = boxes["track"].notna().any() or len(table["sequence"].unique()) > 1 or videos
    if any(is_new):
        videos = _describe(entries, table, is_new, videos, bool(of_video))
    ids = [entry.get("id") for entry in entries]
    if max(Counter(map(repr, ids)).values(), default=1) > 1:  # labels of several files, joined
        entries = [entry | {"id": number} for number, entry in enumerate(entries, start=1)]
        ids = [entry["id"] for entry in entries]
    row = pd.Series(range(len(table)), index=pd.MultiIndex.from_frame(table[["sequence", "frame"]]))
    rows = row.reindex(pd.MultiIndex.from_frame(boxes[["sequence", "frame"]])).tolist()
    return entries, list(videos), [ids[row] for row in rows]


def _describe(
    entries: list[dict[str, Any]],
    table: pd.DataFrame,
    is_new: list[bool],
    videos: list[Any],
    of_video: bool,
) -> list[Any]:
    """Fill in the images that came from elsewhere; return the videos, new ones among them."""
    fresh = _free_ids([entry.get("id") for entry in entries])
    video_ids: dict[str, Any] = {}
    if of_video:
        known = {
            v["name"]: v["id"] for v in videos if isinstance(v, dict) and {"name", "id"} <= {*v}
        }
        next_video = _free_ids(list(known.values()))
        rates = _frame_rates(table)
        for name in table.loc[is_new, "sequence"].unique().tolist():
            video_ids[name] = known[name] if name in known else next(next_video)
            if name not in known:
                rate = {"fps": rates[name]} if name in rates else {}
                videos = [*videos, {"id": video_ids[name], "name": name, **rate}]
    names = ("image", "image_width", "image_height")
    facts = [table[n].tolist() if n in table else [None] * len(table) for n in names]
    rows = zip(table["sequence"].tolist(), table["frame"].tolist(), *facts, strict=True)
    for entry, new, (name, frame, image, width, height) in zip(entries, is_new, rows, strict=True):
        if not new:
            continue
        entry["id"] = next(fresh)
        entry["file_name"] = image if isinstance(image, str) else f"{name}/{frame}"
        for key, value in (("width", width), ("height", height)):
            if value is not None and value == value:
                entry[key] = columns.plain_numbers([value])[0]
        if of_video:
            entry |= {"video_id": video_ids[name], "frame_id": frame}
    return videos


def _frame_rates(table: pd.DataFrame) -> dict[str, float]:
    if "time" not in table:
        return {}
    timed = table[(table["frame"] > 0) & (table["time"] > 0)]
    last = timed.groupby("sequence")[["frame", "time"]].last()
    return {str(k): float(v) for k, v in (last["frame"] / last["time"]).round(9).items()}


def _free_ids(taken: list[Any]) -> Any:
    return count(max((i for i in taken if type(i) is int and i > 0), default=0) + 1)


def class_ids(boxes: pd.DataFrame, categories: list[Any]) -> tuple[list[Any], list[Any]]:
    """Give each box the id of its category, with a new category for a label that has none.

    Returns
    -------
    categories : list
        The given ones, in their order, and the new ones.
    ids : list
        Of each box; None where neither label nor id is known.
    """
    label_codes, labels = pd.factorize(boxes["label"])
    id_codes, id_texts = pd.factorize(
        boxes["class_id"] if "class_id" in boxes else np.full(len(boxes), np.nan)
    )
    codes, pairs = pd.factorize((label_codes + 1) * (len(id_texts) + 1) + id_codes + 1)
    label_of, id_of = ([None, *values] for values in (labels, id_texts))
    named: dict[str, tuple[Any, str]] = {}
    unique: list[Any] = []
    for category in categories:
        is_usual = isinstance(category, dict) and type(category.get("id")) in (int, str)
        if not is_usual or not isinstance(category.get("name"), str):
            unique.append(category)
        elif str(category["id"]) not in named:
            named[str(category["id"])] = (category["id"], category["name"])
            unique.append(category)
    by_name: dict[str, Any] = {}
    for key, name in named.values():
        by_name.setdefault(name, key)
    fresh = _free_ids([key for key, _ in named.values()])
    ids = []
    for pair in pairs.tolist():
        label, class_id = label_of[pair // len(id_of)], id_of[pair % len(id_of)]
        known = named.get(class_id) if isinstance(class_id, str) else None
        if not isinstance(label, str):
            is_known = isinstance(class_id, str)
            ids.append(known[0] if known else as_id(class_id) if is_known else None)
        elif known and known[1] == label:
            ids.append(known[0])
        else:
            if label not in by_name:
                by_name[label] = next(fresh)
                unique.append({"id": by_name[label], "name": label})
            ids.append(by_name[label])
    return unique, [ids[code] for code in codes.tolist()]
