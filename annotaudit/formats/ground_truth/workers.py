"""Ground Truth worker responses: who drew what, before consolidation.

For images, a file per image with one answer per worker::

    {"answers": [{"answerContent": {"boundingBox": {
                    "boundingBoxes": [
                      {"height": 41, "label": "dog", "left": 5, "top": 9, "width": 60}],
                    "inputImageProperties": {"height": 400, "width": 500}}},
                  "submissionTime": "2026-12-28T18:59:58.321Z", "timeSpentInSeconds": 40.543,
                  "workerId": "private.us-east-1.0123456789abcdef"}]}

For video, a file per frame::

    {"trackingAnnotations": {"frameNumber": 0, "frame": "frame_0000.jpeg", "frameAttributes": {},
      "boundingBoxes": [{"label": "Car", "objectId": "…", "objectName": "Car:1",
                         "labelCategoryAttributes": {},
                         "left": 1, "top": 2, "width": 3, "height": 4}]}}

A folder of such files is one set of images or one video. The image is the number of the folder a
file lies in (``worker-response/iteration-1/<number>/<time>.json``), or its place among the files.
Workers are named by a keyed hash of their id. ``annotators`` of the frames table lists, as JSON,
who answered for an image, boxes or none. Identity data in the answers is not kept.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from annotaudit.boxes import Labels
from annotaudit.errors import LabelFormatError
from annotaudit.formats import columns
from annotaudit.formats.box_entries import Spelling, read_entries
from annotaudit.formats.ground_truth.manifests import safe_name
from annotaudit.formats.json_text import decode, encode, read_bytes, repeated_keys
from annotaudit.formats.mturk.options import Reading
from annotaudit.formats.problems import Problems, excerpt
from annotaudit.formats.recognise import read_head

VIDEO = ("trackingAnnotations", "detectionAnnotations")
SPELLING = Spelling(
    {"label": "label", "object_id": "objectId", "object_name": "objectName"},
    attributes="labelCategoryAttributes",
)
_FILES = ("*.json", "[0-9]*/*.json", "[0-9]*/*/*.json")  # below iteration-1
_PLACES = ("worker-response", "annotations")  # folders that name no job


def recognises(path: Path, head: bytes) -> bool:
    """Tell a worker response from its first bytes, or a folder by the first of its files."""
    if path.is_dir():
        first = next(iter(_files(path)), None)
        return first is not None and recognises(first, read_head(first))
    is_image = b'"answers"' in head and b'"answerContent"' in head
    return head.lstrip()[:1] == b"{" and (
        is_image or any(f'"{name}"'.encode() in head for name in VIDEO)
    )


def _files(folder: Path) -> list[Path]:
    for pattern in _FILES:
        if next(islice(folder.glob(pattern), 1), None) is not None:
            return sorted(folder.glob(pattern))
    return []


def load(
    path: Path,
    *,
    strict: bool = False,
    sequence: str | None = None,
    mask_workers: bool = True,
    key: str | bytes | None = None,
) -> Labels:
    """Read one response, or a folder of them.

    Parameters
    ----------
    path : Path
        A file; or a folder such as ``worker-response/iteration-1``.
    strict : bool
        Raise at the first piece of input that cannot be used.
    sequence : str, optional
        Name of the set of images or video; by default that of the labelling job's folder.
    mask_workers : bool
        Whether worker ids, which are personal data, are replaced by a keyed hash.
    key : str or bytes, optional
        Key of that hash. The same key gives the same names in every session; by default a new key
        is drawn for each session.

    Returns
    -------
    Labels

    Raises
    ------
    LabelFormatError
        If no file is a worker response.
    """
    files = _files(path) if path.is_dir() else [path]
    if not files:
        raise LabelFormatError(f"{path}: found no JSON file; expected worker responses.")
    problems = Problems(str(path), strict=strict)
    reader = _Reader(problems, Reading(mask_workers=mask_workers, key=key))
    for place, file in enumerate(files):
        problems.source = str(file)
        try:
            data = read_bytes(file)
            content = decode(data, str(file))
            for name in repeated_keys(data, content):
                problems.add("file", f"has the key {excerpt(name)} twice; the last one counts")
            reader.read_file(content, _number_of(file, path, place))
        except LabelFormatError as error:
            if strict or len(files) == 1:
                raise
            problems.add("file", str(error))
    problems.source = str(path)
    return reader.labels(sequence or _name_of(path))


def _number_of(file: Path, top: Path, place: int) -> int:
    inside = file.relative_to(top).parts if file != top else file.parts[-2:]
    folder = inside[0] if len(inside) > 1 else ""
    return int(folder) if folder.isascii() and folder.isdigit() and len(folder) < 18 else place


def _name_of(path: Path) -> str:
    names = [path.stem, *(folder.name for folder in path.resolve().parents)]
    in_job = "worker-response" in names
    for name in names[names.index("worker-response") :] if in_job else names:
        if name and name not in _PLACES:
            return name
    return path.stem


class _Reader:
    """Gathers the answers of several files."""

    def __init__(self, problems: Problems, workers: Reading) -> None:
        self.problems = problems
        self.workers = workers
        self.frames: dict[int, dict[str, Any]] = {}
        self.answers: list[tuple[str, int, dict[str, Any]]] = []  # where, frame, columns
        self.boxes: list[Any] = []
        self.origin: list[tuple[int, int]] = []  # answer, place

    def read_file(self, content: Any, number: int) -> None:
        if not isinstance(content, dict):
            raise LabelFormatError(
                f"{self.problems.source}: found {excerpt(content)}; expected a worker response "
                "with 'answers'. Check which file it is."
            )
        for kind in VIDEO:
            if kind in content:
                self._read_frame(content[kind], number)
                return
        answers = content.get("answers")
        if not isinstance(answers, list):
            raise LabelFormatError(
                f"{self.problems.source}: found the keys {excerpt(', '.join(content))}; expected "
                "a list of 'answers' or 'trackingAnnotations'. Check which file it is."
            )
        for place, answer in enumerate(answers):
            self._read_answer(answer, number, f"answer {place}")

    def _read_answer(self, answer: Any, number: int, where: str) -> None:
        given = answer.get("answerContent") if isinstance(answer, dict) else None
        if isinstance(given, str):
            given = self._decoded(given, where)
        widgets = [
            widget
            for widget in (given.values() if isinstance(given, dict) else [])
            if isinstance(widget, dict) and isinstance(widget.get("boundingBoxes"), list)
        ]
        if not widgets:
            self.problems.add(where, f"found {excerpt(given)}; expected boundingBoxes in it")
            return
        worker = answer.get("workerId")
        if not isinstance(worker, str) or not worker:
            self.problems.add(where, f"workerId is {excerpt(worker)}; its boxes name no annotator")
            worker = None
        name = None if worker is None else self.workers.annotator(worker)
        frame = self._frame(number)
        frame["annotators"].append(name)
        for widget in widgets:
            size = widget.get("inputImageProperties")
            if isinstance(size, dict):
                frame["image_width"] = _number(size.get("width"), at_least=1)
                frame["image_height"] = _number(size.get("height"), at_least=1)
            about = {
                "annotator": name,
                "time_spent": _number(answer.get("timeSpentInSeconds"), at_least=0),
                "accept_time": answer.get("acceptanceTime"),
                "submit_time": answer.get("submissionTime"),
            }
            self._add(where, number, about, widget["boundingBoxes"])

    def _decoded(self, text: str, where: str) -> Any:
        try:
            return decode(text.encode(), where)
        except LabelFormatError as error:
            self.problems.add(where, str(error))
            return None

    def _read_frame(self, content: Any, number: int) -> None:
        boxes = content.get("boundingBoxes") if isinstance(content, dict) else None
        if not isinstance(boxes, list):
            self.problems.add("file", f"found {excerpt(content)}; expected boundingBoxes in it")
            return
        given = content.get("frameNumber", number)
        if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given < 2**63:
            self.problems.add("frameNumber", f"found {excerpt(given)}; the file's place is used")
            given = number
        frame = self._frame(given)
        frame["image"] = safe_name(content.get("frame"), "frame", self.problems)
        frame["annotators"].append("worker")
        self._add("file", given, {"annotator": "worker"}, boxes)

    def _frame(self, number: int) -> dict[str, Any]:
        empty: dict[str, Any] = {
            "image": None,
            "image_width": np.nan,
            "image_height": np.nan,
            "annotators": [],
        }
        return self.frames.setdefault(number, empty)

    def _add(self, where: str, number: int, about: dict[str, Any], boxes: list[Any]) -> None:
        where = f"{where} of {Path(self.problems.source).name}"
        self.answers.append((where, number, about))
        self.origin += [(len(self.answers) - 1, place) for place in range(len(boxes))]
        self.boxes += boxes

    def labels(self, sequence: str) -> Labels:
        def where_is(row: int) -> str:
            answer, place = self.origin[row]
            return f"{self.answers[answer][0]}, box {place}"

        rows, table = read_entries(self.boxes, SPELLING, where_is, self.problems)
        about = [self.answers[self.origin[row][0]] for row in rows]
        track = table.pop("object_name")
        boxes = pd.DataFrame(
            {
                "sequence": columns.text_column([sequence] * len(table)),
                "frame": np.array([number for _, number, _ in about], dtype=np.int64),
                "track": track.where(track.notna(), table["object_id"]),
                "label": table.pop("label"),
                **{name: _about(name, about) for name in ("annotator", *_TIMES)},
                **{str(name): table[name] for name in table.columns},
            }
        )
        unknown = [name for name in (*_TIMES, "object_id") if not boxes[name].notna().any()]
        numbers = sorted(self.frames)
        listed = [self.frames[number] for number in numbers]
        frames = pd.DataFrame(
            {
                "sequence": columns.text_column([sequence] * len(listed)),
                "frame": np.array(numbers, dtype=np.int64),
                "image": columns.text_column([frame["image"] for frame in listed]),
                "image_width": np.array([frame["image_width"] for frame in listed], dtype=float),
                "image_height": np.array([frame["image_height"] for frame in listed], dtype=float),
                "time": np.nan,
                "annotators": columns.text_column(
                    [encode(frame["annotators"], sequence).decode() for frame in listed]
                ),
            }
        )
        return Labels(boxes.drop(columns=unknown), frames, self.problems.table())


_TIMES = ("time_spent", "accept_time", "submit_time")


def _about(name: str, answers: list[tuple[str, int, dict[str, Any]]]) -> pd.Series:
    values = [about.get(name) for *_, about in answers]
    if name == "time_spent":
        return pd.Series(values, dtype="float64")
    return columns.text_column([value if isinstance(value, str) else None for value in values])


def _number(value: Any, *, at_least: float) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and at_least <= value < columns.MAX_EXACT else float("nan")


def save(labels: Labels, path: Path) -> Path:
    """Refuse: responses are evidence, written by Ground Truth and by nobody else.

    Raises
    ------
    LabelFormatError
        Always; says what to save instead.
    """
    raise LabelFormatError(
        f"{path}: worker responses are a record and are not written. Save the boxes as "
        "'ground-truth-images' or 'ground-truth-video', one annotator at a time."
    )
