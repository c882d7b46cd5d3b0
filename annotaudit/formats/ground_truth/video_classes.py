"""What a manifest says of a video when labels are saved: its line, and what class ids mean."""

from __future__ import annotations

from itertools import count
from typing import Any
from urllib.parse import quote

import pandas as pd

from annotaudit.boxes import TEXT
from annotaudit.formats.ground_truth.manifests import METADATA
from annotaudit.formats.ground_truth.seq_label import object_names, prefix_of
from annotaudit.formats.json_text import decode


def manifest_line(
    frames: pd.DataFrame, sequence: str, *, tracked: bool, beside: str | None
) -> tuple[dict[str, Any], str]:
    """Return the manifest line of a video, as read or new, and the label attribute in it.

    Parameters
    ----------
    frames : DataFrame
        Of one video.
    sequence : str
        Its name.
    tracked : bool
        Whether the boxes have tracks, as those of a tracking job do.
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
                "type": f"groundtruth/video-object-{'tracking' if tracked else 'detection'}",
                "human-annotated": "yes",
                "sequence": sequence,
            },
        }
    if beside is not None:
        line[attribute] = beside
    return line, attribute


def with_class_ids(boxes: pd.DataFrame, given: Any) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Give a class id to each box whose label would not come back otherwise.

    A label comes back from the class map, or else from the name of the track.

    Parameters
    ----------
    boxes : DataFrame
        Of one video. Without a column ``class_id``, each label gets a class.
    given : dict or None
        Class map of the manifest. A label that is in no class map gets the next free number.

    Returns
    -------
    boxes : DataFrame
        A new table.
    class_map : dict
        Class id to label: the given one, with what is new.
    """
    is_new = "class_id" not in boxes
    ids = pd.Series(index=boxes.index, dtype=object) if is_new else boxes["class_id"]
    given = given if isinstance(given, dict) else {}
    class_map = {key: value for key, value in given.items() if isinstance(value, str)}
    pairs = pd.DataFrame({"id": ids, "label": boxes["label"]}).drop_duplicates().dropna()
    for class_id, label in pairs[~pairs["id"].duplicated(keep=False)].itertuples(index=False):
        if class_id not in given and label not in class_map.values():
            class_map[class_id] = label
    mapped = ids.map(class_map)
    back = mapped if is_new else mapped.where(mapped.notna(), _labels_in_names(boxes))
    fits = boxes["label"].isna() | (back == boxes["label"])
    taken = {*given, *class_map, *ids.dropna().unique()}
    free = (number for number in map(str, count()) if number not in taken)
    for label in boxes.loc[~fits, "label"].unique():
        if label not in class_map.values():
            class_map[next(free)] = label
    id_of = {label: class_id for class_id, label in reversed(class_map.items())}
    new = ids.where(fits, boxes["label"].map(id_of))
    return boxes.assign(class_id=new.astype(TEXT)), {**given, **class_map}


def names_say_labels(boxes: pd.DataFrame) -> bool:
    """Tell whether each label is what stands before the colon of the box's track."""
    said = _labels_in_names(boxes)
    return bool(((said == boxes["label"]) | (said.isna() & boxes["label"].isna())).all())


def _labels_in_names(boxes: pd.DataFrame) -> pd.Series:
    labels = {name: prefix_of(name) for name in object_names(boxes).dropna().unique()}
    return object_names(boxes).map(labels).astype(TEXT)
