"""Put the boxes of the box table back into the answers they came from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from annotaudit.boxes import COLUMNS, SIDES, Labels
from annotaudit.errors import LabelFormatError
from annotaudit.formats.json_text import decode
from annotaudit.formats.mturk.answers import (
    BOX_COLUMNS,
    as_json,
    extra_name,
    read_box_lists,
    read_entry,
    replace_list,
)
from annotaudit.formats.mturk.assignments import saved_assignments
from annotaudit.formats.mturk.hits import find_image
from annotaudit.formats.mturk.xml import read_fields, replace_fields

_ANSWER = "Answer."  # what the columns of a batch begin with that hold a field
_NEW_FIELD = "annotation_data"  # where boxes go that are added to an answer without any


def rewritten(labels: Labels, *, with_hits: bool) -> pd.DataFrame:
    """List the assignments of labels with the boxes as the box table has them now.

    Parameters
    ----------
    labels : Labels
    with_hits : bool
        Whether the HITs are saved, too: an image that only they tell need not be added.

    Returns
    -------
    DataFrame
        ``sequence``, ``frame``, ``image``, ``hits``, ``saved`` as in
        ``mturk_assignments.saved_assignments``, and ``raw``: the assignment as it came, its answer
        changed where boxes were changed, taken away or added.

    Raises
    ------
    LabelFormatError
        If these labels do not come from Mechanical Turk, or a box belongs to no assignment.
    """
    saved = saved_assignments(labels)
    names = [one["assignment"] for one in saved["saved"]]
    boxes = labels.boxes if "assignment" in labels.boxes else labels.boxes.assign(assignment=None)
    if (astray := ~boxes["assignment"].isin(names)).any():
        where = boxes[astray].iloc[0]
        raise LabelFormatError(
            f"{astray.sum()} boxes belong to no assignment, the first on frame {where['frame']} of "
            f"{where['sequence']!r} (assignment {where['assignment']!r}); expected one of those in "
            "the frames table. Fill the column 'assignment', or save in another format."
        )
    drawn = dict(iter(boxes.groupby("assignment", sort=False)))
    nothing = boxes.iloc[:0]
    raws = []
    for row in saved.itertuples():
        raw = dict(row.saved["raw"])
        mine = drawn.get(row.saved["assignment"], nothing)
        changed = _changed_fields(_fields_of(raw), row.saved["box_fields"], mine)
        if isinstance(raw.get("Answer"), str) and raw["Answer"]:
            raw["Answer"] = replace_fields(raw["Answer"], changed) if changed else raw["Answer"]
        else:
            raw |= {f"{_ANSWER}{name}": text for name, text in changed.items()}
        known = (
            decode(row.hits.encode(), "frames.hits") if with_hits and row.hits == row.hits else []
        )
        if isinstance(row.image, str) and not any(find_image(raw, hit) for hit in [None, *known]):
            raw["Input.image_url"] = row.image
        raws.append(raw)
    return saved.assign(raw=pd.Series(raws, index=saved.index, dtype=object))


def batch_fields(raw: Mapping[str, Any]) -> dict[str, str]:
    """Fields of an answer that stand in columns ``Answer.<field>``; empty ones left out."""
    return {
        key.removeprefix(_ANSWER): str(text)
        for key, text in raw.items()
        if key.startswith(_ANSWER) and text
    }


def _fields_of(raw: Mapping[str, Any]) -> dict[str, str]:
    if not isinstance(raw.get("Answer"), str):
        return batch_fields(raw)
    try:
        return read_fields(raw["Answer"])
    except LabelFormatError:
        return {}  # an answer that could not be read has no boxes either


def _changed_fields(
    fields: dict[str, str], box_fields: list[str], boxes: pd.DataFrame
) -> dict[str, str]:
    """Texts of the fields whose boxes are not what the table says."""
    rows: list[dict[str, Any]] = boxes.to_dict("records")
    changed: dict[str, str] = {}
    lists = []
    for name in box_fields:
        try:
            lists += read_box_lists(name, fields.get(name, ""), fields)
        except LabelFormatError:
            continue  # stays as it came
    for place, found in enumerate(lists):
        mine = [row for row in rows if row.get("answer_list") == found.name]
        if place == 0:
            known = {one.name for one in lists}
            mine += [row for row in rows if row.get("answer_list") not in known]
        entries = _new_entries(found.entries, mine)
        if len(entries) != len(found.entries) or any(
            new is not old for new, old in zip(entries, found.entries, strict=True)
        ):
            text = changed.get(found.field, fields[found.field])
            changed[found.field] = replace_list(text, found, entries)
    if rows and not lists:
        name = box_fields[0] if box_fields else _NEW_FIELD
        text = as_json(_new_entries([], rows), name)
        changed[name] = (
            f'[{{"annotatedResult":{{"boundingBoxes":{text}}}}}]'
            if (name == "taskAnswers")
            else text
        )
    return changed


def _new_entries(entries: list[Any], rows: list[dict[str, Any]]) -> list[Any]:
    by_place: dict[float, dict[str, Any]] = {}
    added = []
    for row in rows:
        place = row.get("entry", np.nan)
        if place in range(len(entries)) and place not in by_place:
            by_place[place] = row
        else:
            added.append(row)
    kept = []
    for place, entry in enumerate(entries):
        try:
            as_read = read_entry(entry)
        except LabelFormatError:
            kept.append(entry)  # what could not be read stays for the next reader
            continue
        if place in by_place:
            kept.append(_updated(entry, as_read, by_place[place]))
    return kept + [_updated({}, {}, row) for row in added]


def _updated(entry: dict[str, Any], as_read: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    """The box of an answer with what the table says now; the same object if nothing changed."""
    keys = {extra_name(key): key for key in entry if key not in SIDES and key != "label"}
    keys |= {name: name for name in (*SIDES, "label")}
    for name in row:
        if name not in keys and name not in COLUMNS and name not in BOX_COLUMNS:
            keys[name] = name.removeprefix("box.")
    new = {
        key: _plain(row[name])
        for name, key in keys.items()
        if name in row and not _same(row[name], as_read.get(name))
    }
    return entry | new if new else entry


def _same(now: object, then: object) -> bool:
    """Whether a cell still holds what was read; a column of mixed kinds holds all as text."""
    if pd.isna(now):
        return then is None or pd.isna(then)
    if isinstance(now, str) and then is not None and not isinstance(then, str):
        return now == as_json(then, "box")
    return bool(now == then)


def _plain(value: Any) -> Any:
    if pd.isna(value):
        return None
    if isinstance(value, float | np.floating):
        number = float(value)
        return int(number) if number.is_integer() and abs(number) < 2**53 else number
    return value.item() if isinstance(value, np.generic) else value
