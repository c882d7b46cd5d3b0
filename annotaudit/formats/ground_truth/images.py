"""Ground Truth image labels: the augmented manifest, one line per image.

A line, here broken for reading::

    {"source-ref": "s3://b/img/7.jpg",
     "boxes": {"image_size": [{"width": 500, "height": 400, "depth": 3}],
               "annotations": [
                 {"class_id": 0, "left": 111, "top": 134, "width": 61, "height": 128}]},
     "boxes-metadata": {"objects": [{"confidence": 0.8}], "class-map": {"0": "dog"},
                        "type": "groundtruth/object-detection", "human-annotated": "yes", ...}}

==============================  ===================================================
in the file                     in the tables
==============================  ===================================================
place of the line, from 0       ``frame``
``source-ref``                  ``image`` of the frames table
``image_size``                  ``image_width`` and ``image_height``
name of the label attribute     ``label_attribute``
``class_id``                    ``class_id``; through the class map, ``label``
``confidence``                  ``score``
any other key of a box          ``extra``: JSON text; from ``objects``, under "objects"
``class-name`` of a             ``verification.<attribute>`` of the frames table, and
verification, its comments      ``verification.<attribute>.comment``
the rest of the line            ``source_entry`` of the frames table: JSON text
lines that nobody labelled      ``source_file``, on the first frame: JSON text
==============================  ===================================================

Label attributes are found by the type in their ``-metadata``. Where an adjustment job replaced the
labels of an earlier one, the later labels are read; the earlier ride along. A line without labels
is an image nobody looked at: it is no row of the frames table. ``annotator`` is "consolidated".
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from annotaudit.boxes import Labels
from annotaudit.errors import LabelFormatError
from annotaudit.formats import columns
from annotaudit.formats.box_entries import read_entries
from annotaudit.formats.ground_truth.image_lines import SPELLING, TYPE, manifest_lines
from annotaudit.formats.ground_truth.manifests import METADATA, Job, choose, jobs_of, safe_name
from annotaudit.formats.json_text import decode, encode, lines, read_bytes, repeated_keys
from annotaudit.formats.problems import Problems, excerpt
from annotaudit.formats.saving import write_whole

VERIFICATION = "groundtruth/label-verification"


def recognises(path: Path, head: bytes) -> bool:
    """Tell a manifest of image boxes from its first bytes."""
    return head.lstrip()[:1] == b"{" and f'"{TYPE}"'.encode() in head


def load(
    path: Path, *, strict: bool = False, attribute: str | None = None, sequence: str | None = None
) -> Labels:
    """Read an augmented manifest.

    Parameters
    ----------
    path : Path
    strict : bool
        Raise at the first piece of input that cannot be used.
    attribute : str, optional
        Which label attribute to read. By default all but those an adjustment replaced.
    sequence : str, optional
        Name of this set of images; by default that of the labelling job, for a manifest with the
        usual name ``output.manifest``, or else of the file.

    Returns
    -------
    Labels

    Raises
    ------
    LabelFormatError
        If no line holds image boxes.
    """
    problems = Problems(str(path), strict=strict)
    reader = _Reader(problems, attribute)
    for place, (number, text) in enumerate(lines(read_bytes(path))):
        reader.read_line(place, f"line {number}", text)
    if not reader.frames:
        first = problems.table()["what"].head(1).tolist()
        raise LabelFormatError(
            f"{path}: no line holds labels of an image bounding box job "
            f"({', '.join(first) or 'the lines name images only'}). Expected an output manifest "
            f"with metadata of type {TYPE!r}; an input manifest has no labels yet."
        )
    return reader.labels(sequence or _name_of(path, reader.job_name))


def _name_of(path: Path, job_name: Any) -> str:
    if path.stem == "output" and isinstance(job_name, str) and job_name:
        return job_name.rpartition("/")[2]
    return path.stem


class _Reader:
    """Gathers the lines of a manifest."""

    def __init__(self, problems: Problems, attribute: str | None) -> None:
        self.problems = problems
        self.attribute = attribute
        self.job_name: Any = None
        self.frames: list[dict[str, Any]] = []
        self.boxes: list[Any] = []
        self.origin: list[tuple[int, Job, int, Any]] = []  # frame, job, place, entry of objects
        self.unlabelled: dict[str, Any] = {}

    def read_line(self, place: int, where: str, text: bytes) -> None:
        try:
            line = decode(text, f"{self.problems.source}, {where}")
        except LabelFormatError as error:
            self.problems.add(where, str(error))
            return
        if not isinstance(line, dict):
            self.problems.add(where, f"found {excerpt(line)}; expected an object for one image")
            return
        for key in repeated_keys(text, line):
            self.problems.add(where, f"has the key {excerpt(key)} twice; the last one counts")
        jobs = choose(jobs_of(line, (TYPE,)), self.attribute)
        read = [job for job in jobs if self._read_job(line, job, place, where)]
        if not read:
            self._note_unlabelled(line, place, where, had_jobs=bool(jobs))
            return
        self.job_name = self.job_name or read[0].metadata.get("job-name")
        width, height = _image_size(line[read[0].attribute])
        frame = {
            "frame": place,
            "image": safe_name(line.get("source-ref"), where, self.problems),
            "image_width": width,
            "image_height": height,
            "source_entry": _without_boxes(line, read),
        }
        for job in jobs_of(line, (VERIFICATION,)):
            frame |= _verification(job)
        self.frames.append(frame)

    def _read_job(self, line: dict[str, Any], job: Job, place: int, where: str) -> bool:
        label = line[job.attribute]
        found = label.get("annotations") if isinstance(label, dict) else None
        if not isinstance(found, list):
            self.problems.add(
                f"{where}, {job.attribute}", f"found {excerpt(label)}; expected annotations"
            )
            return False
        objects = job.metadata.get("objects", [])
        if not isinstance(objects, list):
            self.problems.add(
                f"{where}, {job.attribute}", f"objects is {excerpt(objects)}; expected a list"
            )
            objects = []
        for extra in range(len(found), len(objects)):
            self.problems.add(
                f"{where}, {job.attribute}, object {extra}", "belongs to no box: there are fewer"
            )
        paired = [*objects[: len(found)], *[None] * (len(found) - len(objects))]
        self.boxes += found
        self.origin += [(place, job, box, entry) for box, entry in enumerate(paired)]
        return True

    def _note_unlabelled(
        self, line: dict[str, Any], place: int, where: str, *, had_jobs: bool
    ) -> None:
        self.unlabelled[str(place)] = line
        for key, metadata in line.items():
            reason = metadata.get("failure-reason") if isinstance(metadata, dict) else None
            if key.endswith(METADATA) and reason is not None:
                self.problems.add(f"{where}, {key}", f"labelling failed: {excerpt(reason)}")
        if self.attribute is not None and not had_jobs:
            self.problems.add(where, f"has no boxes under {self.attribute!r}")

    def labels(self, sequence: str) -> Labels:
        def where_is(row: int) -> str:
            place, job, box, _ = self.origin[row]
            return f"image {place}, {job.attribute}, box {box}"

        rows, table = read_entries(self.boxes, SPELLING, where_is, self.problems)
        origin = [self.origin[row] for row in rows]
        ids = table["class_id"].tolist()
        labels = [
            job.class_map.get(class_id) if isinstance(class_id, str) else None
            for (_, job, _, _), class_id in zip(origin, ids, strict=True)
        ]
        scores, rest = _scores([entry for *_, entry in origin])
        if rest:
            table["extra"] = _merged(table.get("extra"), rest, len(table), sequence)
        boxes = pd.DataFrame(
            {
                "sequence": columns.text_column([sequence] * len(table)),
                "frame": np.array([place for place, *_ in origin], dtype=np.int64),
                "track": columns.text_column([None] * len(table)),
                "label": columns.text_column(labels),
                "annotator": columns.text_column(["consolidated"] * len(table)),
                **{str(name): table[name] for name in table.columns},
                "score": scores,
                "label_attribute": columns.text_column([job.attribute for _, job, *_ in origin]),
            }
        )
        return Labels(boxes, self._frame_table(sequence), self.problems.table())

    def _frame_table(self, sequence: str) -> pd.DataFrame:
        names = dict.fromkeys(name for frame in self.frames for name in frame)
        numbers = {"frame": "int64", "image_width": "float64", "image_height": "float64"}
        found = {
            name: np.array([frame[name] for frame in self.frames], dtype=numbers[name])
            if name in numbers
            else columns.text_column([frame.get(name) for frame in self.frames])
            for name in names
        }
        frames = pd.DataFrame(
            {"sequence": columns.text_column([sequence] * len(self.frames)), **found}
        )
        frames.insert(5, "time", np.nan)
        if self.unlabelled:
            text = encode({"unlabelled": self.unlabelled}, sequence)
            frames["source_file"] = columns.on_first_row(len(frames), text)
        return frames


def _image_size(label: dict[str, Any]) -> tuple[float, float]:
    sizes = label.get("image_size")
    first = sizes[0] if isinstance(sizes, list) and sizes else sizes
    first = first if isinstance(first, dict) else {}
    width, height = (_pixels(first.get(side)) for side in ("width", "height"))
    return width, height


def _pixels(value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 < value < columns.MAX_EXACT else float("nan")


def _verification(job: Job) -> dict[str, str | None]:
    name = job.metadata.get("class-name")
    feedback = job.metadata.get("worker-feedback")
    comments = [
        entry["comment"]
        for entry in (feedback if isinstance(feedback, list) else [])
        if isinstance(entry, dict) and isinstance(entry.get("comment"), str)
    ]
    column = f"verification.{job.attribute}"
    result = {column: name if isinstance(name, str) else None}
    return result | ({f"{column}.comment": "\n".join(comments)} if comments else {})


def _without_boxes(line: dict[str, Any], jobs: list[Job]) -> str:
    emptied = dict(line)
    for job in jobs:
        emptied[job.attribute] = {**line[job.attribute], "annotations": []}
        if "objects" in job.metadata:
            emptied[job.attribute + METADATA] = {**job.metadata, "objects": []}
    return encode(emptied, "manifest").decode()


def _scores(objects: list[Any]) -> tuple[np.ndarray[Any, Any], columns.Leftovers]:
    """Confidences, and what else the entries of ``objects`` say."""
    scores = np.full(len(objects), np.nan)
    rest: columns.Leftovers = {}
    for row, entry in enumerate(objects):
        others = entry
        if isinstance(entry, dict):
            others = dict(entry)
            confidence: Any = entry.get("confidence")
            if type(confidence) in (int, float) and abs(confidence) < columns.MAX_EXACT:
                scores[row] = float(others.pop("confidence"))
        if others:
            rest[row] = {"objects": others}
    return scores, rest


def _merged(extra: Any, rest: columns.Leftovers, n_rows: int, where: str) -> pd.Series:
    texts = [None] * n_rows if extra is None else extra.tolist()
    known = {
        row: decode(text.encode(), where) for row, text in enumerate(texts) if isinstance(text, str)
    }
    both = {row: known.get(row, {}) | rest.get(row, {}) for row in {**known, **rest}}
    return columns.extra_column(both, n_rows, where)


def save(labels: Labels, path: Path) -> Path:
    """Write an augmented manifest: a line per image, and the lines that nobody labelled.

    Parameters
    ----------
    labels : Labels
        One set of images, one annotator. Tracks and other columns have no place here.
    path : Path

    Raises
    ------
    LabelFormatError
        If there are several sequences or annotators, or an infinite side.
    """
    known = manifest_lines(labels, str(path))
    for place, line in _unlabelled(labels.frames, path).items():
        known.setdefault(int(place), line)
    ordered = (known[number] for number in sorted(known))
    return write_whole(path, (encode(line, str(path)) + b"\n" for line in ordered))


def _unlabelled(frames: pd.DataFrame, path: Path) -> dict[str, Any]:
    if "source_file" not in frames or not (texts := frames["source_file"].dropna()).size:
        return {}
    found = decode(texts.iloc[0].encode(), f"{path}, column source_file").get("unlabelled", {})
    return found if isinstance(found, dict) else {}
