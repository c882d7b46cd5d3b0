"""Mechanical Turk assignments as labels, whatever file they came in.

An image is a frame, a worker an annotator. ``frames`` has one row per image and, beside the
declared columns, two columns of JSON text that keep what the tables have no place for:

``assignments``
    Who looked at this image: a list with one object per assignment, read or not. ``raw`` in it is
    the assignment as it came, with a masked worker. :func:`assignments` lays it out as a table.
``hits``
    The HITs of this image where the file has them; missing otherwise.

``boxes`` has these columns more, and one for each key of a box that is not among the declared ones:

=============== ================================================================================
column          meaning
=============== ================================================================================
``assignment``  its id; where the file has none, ``#`` and its place in the file, from 1
``answer_list`` the form field, and the way to the list inside it
``entry``       place in that list, from 0
=============== ================================================================================
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from annotaudit.boxes import COLUMNS, TEXT, Labels
from annotaudit.errors import LabelFormatError
from annotaudit.formats.json_text import decode
from annotaudit.formats.mturk.answers import (
    BOX_COLUMNS,
    BoxList,
    as_json,
    find_box_fields,
    read_box_lists,
    read_entry,
    read_number,
)
from annotaudit.formats.mturk.hits import find_image, read_time
from annotaudit.formats.mturk.options import Reading
from annotaudit.formats.mturk.xml import as_unicode
from annotaudit.formats.problems import Problems
from annotaudit.frames import FRAME_COLUMNS


@dataclass
class Assignment:
    """One assignment of a file: as it came, and the fields of its answer."""

    where: str  # for messages
    raw: dict[str, Any]
    fields: dict[str, str] = field(default_factory=dict)

    def text(self, key: str) -> str | None:
        """Text of a value; None where there is none."""
        value = self.raw.get(key)
        return None if value is None or value == "" else as_unicode(str(value))


def build_labels(
    found: list[Assignment], hits: dict[str, Any], name: str, reading: Reading, problems: Problems
) -> Labels:
    """Make labels of assignments.

    Parameters
    ----------
    found : list of Assignment
        In file order.
    hits : dict
        HITs of the file, by id.
    name : str
        Of the sequence, unless ``reading`` names it.
    reading : Reading
    problems : Problems
        Gets a row for whatever cannot be used.
    """
    sequence = reading.sequence or name
    box_fields = [reading.field] if reading.field else find_box_fields(one.fields for one in found)
    if not box_fields and any(any(one.fields.values()) for one in found):
        names = sorted({name for one in found for name in one.fields})
        problems.add(
            "all answers",
            f"no field holds boxes; the fields are {names}. Name the one that does in field=...",
        )
    frame_of: dict[tuple[str, str], int] = {}
    frames: list[dict[str, Any]] = []
    boxes: list[dict[str, Any]] = []
    taken: dict[str, dict[str, Any]] = {}
    for place, one in enumerate(found, start=1):
        identity = one.text("AssignmentId") or f"#{place}"
        if identity in taken:
            same = "the same again" if taken[identity] == one.raw else "with another content"
            problems.add(
                one.where, f"assignment {identity} stands twice ({same}); the first is used"
            )
            continue
        taken[identity] = one.raw
        hit = one.text("HITId")
        image = reading.image_of(hit) or find_image(one.raw, hits.get(hit or ""))
        shown = ("image", image) if image else ("hit", hit) if hit else ("assignment", identity)
        frame = frame_of.setdefault(shown, len(frames))
        if frame == len(frames):
            frames.append({"image": image, "assignments": [], "hits": {}})
        worker = one.text("WorkerId")
        annotator = reading.annotator(worker) if worker else None
        lists = _lists_of(one, box_fields, problems)
        rows = [row for each in lists for row in _read_list(each, one.where, reading, problems)]
        head = {"sequence": sequence, "frame": frame, "annotator": annotator}
        boxes += [head | {"assignment": identity} | row for row in rows]
        _note_size(frames[frame], lists, one.where, problems)
        if hit in hits:
            frames[frame]["hits"][hit] = as_json(hits[hit], f"HIT {hit}")
        facts = _facts(one, identity, annotator, hit, problems)
        facts |= {"answered": bool(lists), "box_fields": box_fields, **_shown_size(lists)}
        frames[frame]["assignments"].append(as_json(facts, one.where))
    return Labels(_box_table(boxes), _frame_table(frames, sequence), problems.table())


def _lists_of(one: Assignment, box_fields: list[str], problems: Problems) -> list[BoxList]:
    lists: list[BoxList] = []
    for name in box_fields:
        try:
            lists += read_box_lists(name, one.fields.get(name, ""), one.fields)
        except LabelFormatError as error:
            problems.add(one.where, str(error))
    return lists


def _read_list(
    found: BoxList, where: str, reading: Reading, problems: Problems
) -> Iterator[dict[str, Any]]:
    for place, entry in enumerate(found.entries):
        try:
            row = read_entry(entry)
        except LabelFormatError as error:
            problems.add(f"{where}, {found.name}, box {place + 1}", str(error))
            continue
        less = 1.0 if reading.inclusive else 0.0
        across, down = reading.scales
        yield row | {
            "answer_list": found.name,
            "entry": float(place),
            "left": row["left"] * across,
            "top": row["top"] * down,
            "width": (row["width"] - less) * across,
            "height": (row["height"] - less) * down,
        }


def _facts(
    one: Assignment, identity: str, annotator: str | None, hit: str | None, problems: Problems
) -> dict[str, Any]:
    times = {}
    for key in ("AcceptTime", "SubmitTime"):
        try:
            times[key] = read_time(one.raw.get(key))
        except LabelFormatError as error:
            problems.add(one.where, f"{key}: {error}")
            times[key] = None
    accepted, submitted = times["AcceptTime"], times["SubmitTime"]
    spent = (submitted - accepted).total_seconds() if accepted and submitted else None
    try:
        counted = read_number(one.text("WorkTimeInSeconds"))
    except LabelFormatError:
        counted = math.nan
    return {
        "assignment": identity,
        "annotator": annotator,
        "hit": hit,
        "status": one.text("AssignmentStatus"),
        "accept_time": accepted.isoformat() if accepted else None,
        "submit_time": submitted.isoformat() if submitted else None,
        "work_time_s": counted if math.isfinite(counted) else spent,
        "raw": one.raw | ({"WorkerId": annotator} if annotator else {}),
    }


def _shown_size(lists: list[BoxList]) -> dict[str, float]:
    """Size of the image on the worker's page, where the answer tells."""
    known = [one for one in lists if one.image_width == one.image_width]
    if not known:
        return {}
    return {"image_width": known[0].image_width, "image_height": known[0].image_height}


def _note_size(frame: dict[str, Any], lists: list[BoxList], where: str, problems: Problems) -> None:
    for one in lists:
        size = (one.image_width, one.image_height)
        if math.isnan(size[0]) or math.isnan(size[1]):
            continue
        known = frame.setdefault("size", size)
        if known != size:
            problems.add(
                f"{where}, {one.name}",
                f"the image is {size[0]:g} x {size[1]:g} pixels here, {known[0]:g} x {known[1]:g} "
                "in an earlier answer; the earlier size is used",
            )


def _box_table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    names = [*COLUMNS, *BOX_COLUMNS]
    names += list(dict.fromkeys(key for row in rows for key in row if key not in names))
    return pd.DataFrame(
        {name: _column(name, [row.get(name) for row in rows]) for name in names},
        index=pd.RangeIndex(len(rows)),
    )


def _column(name: str, values: list[Any]) -> pd.Series:
    declared = COLUMNS.get(name, "float64" if name == "entry" else None)
    if name in ("assignment", "answer_list") or declared == "str":
        return pd.Series(values, dtype=TEXT)
    if declared:
        return pd.Series(values, dtype=declared)
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool} and None not in values:
        return pd.Series(values, dtype="bool")
    if kinds <= {int, float}:
        return pd.Series([read_number(value) for value in values], dtype="float64")
    texts = [value if isinstance(value, str | None) else as_json(value, name) for value in values]
    return pd.Series(texts, dtype=TEXT)


def _frame_table(frames: list[dict[str, Any]], sequence: str) -> pd.DataFrame:
    sizes = [one.get("size", (np.nan, np.nan)) for one in frames]
    columns = {
        "sequence": [sequence] * len(frames),
        "frame": range(len(frames)),
        "image": [one["image"] for one in frames],
        "image_width": [size[0] for size in sizes],
        "image_height": [size[1] for size in sizes],
        "time": [np.nan] * len(frames),
        "assignments": [f"[{','.join(one['assignments'])}]" for one in frames],
        "hits": [f"[{','.join(one['hits'].values())}]" if one["hits"] else None for one in frames],
    }
    kinds = FRAME_COLUMNS | {"assignments": "str", "hits": "str"}
    return pd.DataFrame(
        {
            name: pd.Series(values, dtype=TEXT if kinds[name] == "str" else kinds[name])
            for name, values in columns.items()
        }
    )


def saved_assignments(labels: Labels) -> pd.DataFrame:
    """Lay out the ``assignments`` column of the frames: one row per assignment.

    Returns
    -------
    DataFrame
        ``sequence``, ``frame``, ``image`` and ``hits`` of the frame, and ``saved``: the object that
        stands in the column.

    Raises
    ------
    LabelFormatError
        If these labels do not come from Mechanical Turk.
    """
    if "assignments" not in labels.frames:
        raise LabelFormatError(
            "These labels do not come from Mechanical Turk: their frames table has no column "
            "'assignments'. Save them in another format, such as format='ground-truth-images'."
        )
    known = labels.frames[labels.frames["assignments"].notna()]
    lists = [decode(str(text).encode(), "frames.assignments") for text in known["assignments"]]
    columns = ["sequence", "frame", "image", "hits"]
    return known[columns].assign(saved=lists).explode("saved").dropna(subset="saved")


def assignments(labels: Labels) -> pd.DataFrame:
    """List who looked at which image: one row per assignment.

    Parameters
    ----------
    labels : Labels
        Loaded from Mechanical Turk.

    Returns
    -------
    DataFrame
        ``sequence``, ``frame``, ``annotator``, ``assignment``, ``hit``, ``status``, ``answered``
        (False if the answer is missing, empty or unreadable; the latter stands in
        ``labels.problems``), ``boxes`` (how many are in the box table: answered and 0 means "there
        is nothing to mark"), ``accept_time`` and ``submit_time`` (UTC), ``work_time_s``,
        ``image_width`` and ``image_height`` (of the image as the page showed it; NaN if untold),
        ``reward`` (USD, as text) and ``max_assignments`` of the HIT.

    Raises
    ------
    LabelFormatError
        If these labels do not come from Mechanical Turk.
    """
    saved = saved_assignments(labels)
    facts = pd.DataFrame(
        saved["saved"].tolist(),
        columns=[
            "annotator",
            "assignment",
            "hit",
            "status",
            "answered",
            "accept_time",
            "submit_time",
            "work_time_s",
            "image_width",
            "image_height",
        ],
    )
    facts["reward"], facts["max_assignments"] = _terms(saved["saved"], labels.frames["hits"])
    drawn = labels.boxes.groupby("assignment").size() if len(labels.boxes) else pd.Series(dtype=int)
    times = {
        name: pd.to_datetime(facts[name], utc=True, format="ISO8601").astype("datetime64[us, UTC]")
        for name in ("accept_time", "submit_time")
    }
    texts = {
        name: facts[name].astype(TEXT)
        for name in ("annotator", "assignment", "hit", "status", "reward")
    }
    numbers = ["work_time_s", "image_width", "image_height", "max_assignments"]
    table = facts.assign(
        **texts,
        **times,
        **{name: facts[name].astype("float64") for name in numbers},
        answered=facts["answered"].astype("bool"),
        sequence=saved["sequence"].array,
        frame=saved["frame"].array,
    )
    table["boxes"] = table["assignment"].map(drawn).fillna(0).astype("int64")
    first = ["sequence", "frame", "annotator", "assignment", "hit", "status", "answered", "boxes"]
    return table[[*first, "accept_time", "submit_time", *numbers, "reward"]]


def _terms(saved: pd.Series, hits: pd.Series) -> tuple[list[str | None], list[float]]:
    """What each assignment pays, and how many its HIT takes: batch results and HITs tell."""
    known = {
        str(hit.get("HITId")): hit
        for text in hits.dropna()
        for hit in decode(str(text).encode(), "frames.hits")
    }
    rewards: list[str | None] = []
    places: list[float] = []
    for one in saved:
        terms = {**known.get(one["hit"], {}), **one["raw"]}
        reward = terms.get("Reward")
        rewards.append(as_unicode(str(reward)).removeprefix("$") if reward else None)
        try:
            places.append(read_number(terms.get("MaxAssignments")))
        except LabelFormatError:
            places.append(math.nan)
    return rewards, places
