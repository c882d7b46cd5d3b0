"""Samples of every format, broken at random: labels, or an error that says what is wrong.

Any other exception is a failure; so is a reader that takes long or much memory over a small file.
"""

import json
import random
import resource
import time
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import annotaudit as aa
from annotaudit.boxes import COLUMNS, Labels
from annotaudit.errors import LabelFormatError
from annotaudit.formats import FORMATS
from annotaudit.frames import FRAME_COLUMNS

pytestmark = pytest.mark.fuzz

SECONDS = 1.0  # of each format
LONGEST = 20.0  # seconds that one small broken file may take on a busy machine
MOST_MEMORY = 1 << 30  # bytes that reading them all may add
SIZE = (640.0, 480.0)
HOSTILE = [
    b"", b"\0", b"\xff", b'"', b"'", b"{", b"}", b"[", b"]", b"<", b">", b"&#0;", b",", b"\n",
    b"\r", b" ", b"-1", b"0", b"nan", b"NaN", b"inf", b"1e999", b"9" * 40, b"null", b"true",
    b"[]", b"{}", b"../../etc/passwd", b"=cmd()", b"\\u0000", b"\\ud800", b"<!DOCTYPE x>", b"&x;",
    b"1.5", b"x", b"1" * 5000, b"[" * 3000, b"<a>" * 500, b"\xef\xbb\xbf", b"\xc3\xa4",
    b"18446744073709551616",
]  # fmt: skip


def drawn(*, tracked):
    """Two objects on three frames."""
    n = 6
    boxes = pd.DataFrame(
        {
            "sequence": "street", "frame": [0, 0, 1, 1, 2, 2],
            "track": ["1", "2"] * 3 if tracked else None, "label": ["car", "truck"] * 3,
            "annotator": "consolidated", "left": np.arange(n) + 10.25, "top": 20.0,
            "width": 30.5, "height": 40.0, "attribute.colour": ["red", "blue"] * 3,
        }
    )  # fmt: skip
    frames = pd.DataFrame(
        {"sequence": "street", "frame": range(3), "image": [f"{n}.jpg" for n in range(3)]}
    ).assign(image_width=SIZE[0], image_height=SIZE[1], time=[0, 0.04, 0.08])
    return Labels(boxes, frames)


def workers(path):
    box = {"left": 1, "top": 2, "width": 3, "height": 4, "label": "dog"}
    content = {"w": {"boundingBoxes": [box], "inputImageProperties": {"width": 5, "height": 4}}}
    path.write_text(json.dumps({"answers": [{"answerContent": content, "workerId": "x"}]}))


# Format: the file to write, whether it has tracks, and what its reader is told.
SAMPLES = {
    "ground-truth-video": ("SeqLabel.json", True, {}),
    "ground-truth-images": ("x.manifest", False, {}),
    "mturk": ("x.json", None, {}),
    "mturk-csv": ("x.csv", None, {}),
    "motchallenge": ("gt.txt", True, {}),
    "coco": ("x.json", True, {}),
    "cvat": ("x.xml", True, {}),
    "cvat-archive": ("x.zip", True, {}),
    "voc": ("set", False, {}),
    "yolo": ("set", False, {"image_size": SIZE}),
    "label-studio": ("x.json", False, {"video_size": SIZE}),
    "via": ("x.csv", True, {}),
    "visdrone": ("x.txt", True, {}),
    "uavdt": ("x.txt", True, {}),
    "kitti": ("x.txt", True, {}),
    "csv": ("x.csv", True, {}),
    "parquet": ("x.parquet", True, {}),
}


def sample(name, folder):
    """Write a file or folder of a format, and return it with the options of its reader."""
    if name == "ground-truth-workers":
        workers(folder / "answers.json")
        return folder / "answers.json", {}
    file, tracked, options = SAMPLES[name]
    labels = aa.datasets.stop_sign() if tracked is None else drawn(tracked=tracked)
    return Path(aa.save(labels, folder / file, format=name)), options


def broken(data, chance):
    """Change, cut out, double or cut off some of the bytes."""
    data = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(data) + 1)
        length = chance.choice([0, 1, 1, 2, 5, 20, 200])
        piece = bytes(data[start : start + length])
        new = chance.choice([chance.choice(HOSTILE), piece * 2, chance.randbytes(2), b""])
        data[start : start + length] = new
    return bytes(data[: chance.randrange(len(data) + 1)] if chance.random() < 0.15 else data)


def check(labels):
    assert set(COLUMNS) <= set(labels.boxes)
    assert labels.problems.notna().all(axis=None)
    if len(labels.frames):
        assert set(FRAME_COLUMNS) <= set(labels.frames)
        assert not labels.frames.duplicated(["sequence", "frame"]).any()


def test_every_format_is_tried():
    assert SAMPLES.keys() | {"ground-truth-workers"} == FORMATS.keys()


@pytest.mark.parametrize("name", FORMATS)
def test_broken_files_are_labels_or_a_label_format_error(name, tmp_path):
    path, options = sample(name, tmp_path)
    check(aa.load(path, format=name, **options))
    files = [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())
    whole = {file: file.read_bytes() for file in files}
    chance = random.Random(name)  # the same every time, so that a failure comes back
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    end = time.monotonic() + SECONDS
    tried = 0
    while time.monotonic() < end or tried < 10:
        file = chance.choice(files)
        data = broken(whole[file], chance)
        file.write_bytes(data)
        strict = chance.random() < 0.2
        started = time.monotonic()
        for told in ({"format": name, **options}, {}):
            try:
                check(aa.load(path, strict=strict, **told))
            except LabelFormatError as error:
                assert len(str(error)) > 20
            except Exception as error:
                raise AssertionError(f"{name}, try {tried}, {told}: {data[:2000]!r}") from error
        assert time.monotonic() - started < LONGEST, f"{name}, try {tried}: {data[:2000]!r}"
        file.write_bytes(whole[file])
        tried += 1
    added = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert added < MOST_MEMORY, f"{name}: {added:,} bytes more after {tried} files"


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_something_else_altogether_is_a_label_format_error(name, tmp_path):
    path = tmp_path / "x"
    for data in (b"", b"\0" * 99, b"hello\n", b"{}", b"[]", b"<a/>", b"\xff" * 50, b"a,b\n1,2\n"):
        if name == "mturk" and data == b"[]":
            continue  # a reply without assignments
        path.write_bytes(data)
        with pytest.raises(LabelFormatError, match="x"):
            aa.load(path, format=name)
    with pytest.raises(LabelFormatError):
        aa.load(tmp_path / "x", format=name, no_such_option=1)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(LabelFormatError):
        aa.load(empty, format=name)


def test_archives_that_grow_are_refused(tmp_path):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("annotations.xml", b"<annotations>" + b" " * 300_000_000)
    started = time.monotonic()
    with pytest.raises(LabelFormatError):
        aa.load(path)
    assert time.monotonic() - started < LONGEST
