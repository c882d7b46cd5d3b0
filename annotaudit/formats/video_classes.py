"""What a manifest says of a video when labels are saved: its line, and what class ids mean."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pandas as pd

from annotaudit.formats.json_text import decode
from annotaudit.formats.manifests import METADATA
from annotaudit.formats.seq_label import prefix_of


def manifest_line(
    frames: pd.DataFrame, sequence: str, *, beside: str | None
) -> tuple[dict[str, Any], str]:
    """Return the manifest line of a video, as read or new, and the label attribute in it.

    Parameters
    ----------
    frames : DataFrame
        Of one video.
    sequence : str
        Its name.
    beside : str, optional
        Name of the label file that stands beside the manifest. By default it stands where the
        line as read says, or else in a folder named after the sequence.
    """
    line: dict[str, Any] = {}
    attribute = "labels-ref"
    if "source_manifest" in frames and (known := frames["source_manifest"].dropna()).size:
        source = decode(known.iloc[0].encode(), "column source_manifest")
        line, attribute = source["line"], source["attribute"]
    else:
        folder = quote(sequence, safe=" ()") if sequence.strip(".") else "sequence" + sequence
        line = {
            "source-ref": f"{folder}-seq.json",
            attribute: f"{folder}/SeqLabel.json",
            attribute + METADATA: {
                "type": "groundtruth/video-object-tracking",
                "human-annotated": "yes",
                "sequence": sequence,
            },
        }
    if beside is not None:
        line[attribute] = beside
    return line, attribute


def with_class_ids(boxes: pd.DataFrame, given: Any) -> tuple[pd.DataFrame, dict[str, str]]:
    """Give each box the class id that stands for its label.

    Parameters
    ----------
    boxes : DataFrame
        Of one video. A ``class_id`` that fits the label is kept; a box without label keeps the one
        it has.
    given : dict or None
        Class map of the manifest. A label in no class map gets the next free number.

    Returns
    -------
    boxes : DataFrame
        A new table.
    class_map : dict
        Class id to label.
    """
    ids = boxes["class_id"] if "class_id" in boxes else pd.Series(index=boxes.index, dtype=object)
    pairs = pd.DataFrame({"id": ids, "label": boxes["label"]}).drop_duplicates()
    class_map = {str(key): str(value) for key, value in (given or {}).items()}
    for class_id, label in pairs.dropna().itertuples(index=False):
        if class_id not in class_map and (not given or label not in class_map.values()):
            class_map[class_id] = label
    taken = {*class_map, *pairs["id"].dropna()}
    free = (
        str(number) for number in range(len(pairs) + len(taken) + 1) if str(number) not in taken
    )
    for label in pairs["label"].dropna():
        if label not in class_map.values():
            class_map[next(free)] = label
    id_of = {label: class_id for class_id, label in reversed(class_map.items())}
    fits = boxes["label"].isna() | (ids.map(class_map) == boxes["label"])
    new = ids.where(fits, boxes["label"].map(id_of))
    return boxes.assign(class_id=new.astype(boxes["label"].dtype)), class_map


def names_say_labels(boxes: pd.DataFrame) -> bool:
    """Tell whether each label is what stands before the colon of the box's track."""
    pairs = boxes[["track", "label"]].drop_duplicates()
    said = [prefix_of(track) if isinstance(track, str) else None for track in pairs["track"]]
    known = pairs["label"].where(pairs["label"].notna(), None).tolist()
    return bool(said == known)
