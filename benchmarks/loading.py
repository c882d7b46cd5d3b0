"""How fast label files load: the plain way and ours, side by side in one run.

``python benchmarks/loading.py`` makes a SeqLabel.json of 200,000 boxes and a gt.txt of a million
lines in a temporary folder, and prints seconds and ratios. The readers take turns, so that both see
the same machine; seconds are those of each one's best run, ratios the median over the rounds.

``--growth 1 2 5 10`` loads a gt.txt of as many million lines, each in a process of its own, and
prints seconds, of them those of the processor, and the most memory the process took. Ten million
lines are a file of 340 MB.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as csv

import annotaudit as aa

FRAMES, BOXES_PER_FRAME = 2_000, 100
LINES, LINES_PER_FRAME = 1_000_000, 100
PROGRAM = """
import resource, sys, time
import annotaudit, annotaudit.boxes, pyarrow, pyarrow.compute, pyarrow.csv
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before, start, processor = peak(), time.perf_counter(), time.process_time()
labels = annotaudit.load(sys.argv[1])
print(time.perf_counter() - start, time.process_time() - processor, peak() - before)
print(labels.boxes.memory_usage(deep=True).sum() / 2**20)
"""


def make_seq_label(path: Path) -> Path:
    """Write boxes of 100 objects on 2,000 frames."""
    rng = np.random.default_rng(0)
    ids = [f"{rng.bytes(16).hex()}" for _ in range(BOXES_PER_FRAME)]
    sides = rng.integers(20, 900, (FRAMES, BOXES_PER_FRAME, 4)).tolist()
    entries = [
        {
            "frame-no": str(number),
            "frame": f"{number:06d}.jpg",
            "frame-attributes": {},
            "annotations": [
                {
                    "height": height, "width": width, "top": top, "left": left, "class-id": "1",
                    "label-category-attributes": {}, "object-id": ids[place],
                    "object-name": f"Pedestrian:{place}",
                }
                for place, (height, width, top, left) in enumerate(sides[number])
            ],
        }
        for number in range(FRAMES)
    ]  # fmt: skip
    path.write_text(json.dumps({"tracking-annotations": entries}))
    return path


def make_gt(path: Path, millions: int = 1) -> Path:
    """Write millions of MOTChallenge lines."""
    rng = np.random.default_rng(0)
    with path.open("w") as file:
        for start in range(0, millions * LINES, LINES):
            table = pd.DataFrame(
                {
                    "frame": np.arange(start, start + LINES) // LINES_PER_FRAME + 1,
                    "id": np.tile(np.arange(1, LINES_PER_FRAME + 1), LINES // LINES_PER_FRAME),
                    **{side: rng.integers(1, 900, LINES) for side in ("x", "y", "w", "h")},
                    "consider": 1,
                    "class": 1,
                    "visibility": rng.random(LINES).round(3),
                }
            )
            table.to_csv(file, header=False, index=False)
    return path


def plain_seq_label(path: Path) -> pd.DataFrame:
    """Read with the standard library, a list of rows and a loop."""
    with path.open() as file:
        content = json.load(file)
    rows = []
    for entry in content["tracking-annotations"]:
        for box in entry["annotations"]:
            rows.append(
                [
                    box["height"], box["width"], box["top"], box["left"], entry["frame-no"],
                    box["object-name"], box["object-id"], box["class-id"],
                ]
            )  # fmt: skip
    names = ["height", "width", "top", "left", "frame", "name", "id", "class_id"]
    return pd.DataFrame(rows, columns=names)


def plain_csv(path: Path) -> pa.Table:
    """Read with pyarrow's CSV reader, nothing checked."""
    names = [f"column {number}" for number in range(9)]
    return csv.read_csv(path, read_options=csv.ReadOptions(column_names=names))


def motmetrics_txt(path: Path) -> pd.DataFrame:
    """Read with motmetrics."""
    import motmetrics

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return motmetrics.io.loadtxt(str(path))


def in_turn(rounds: int, plain: Callable[[], object], ours: Callable[[], object]) -> np.ndarray:
    """Time two readers in turn; a row of seconds per round."""
    seconds = np.empty((rounds, 2))
    for row in seconds:
        for place, reader in enumerate((plain, ours)):
            start = time.perf_counter()
            reader()
            row[place] = time.perf_counter() - start
    return seconds


def compare(folder: Path) -> None:
    """Print seconds and ratios."""
    labels = make_seq_label(folder / "SeqLabel.json")
    seconds = in_turn(7, lambda: plain_seq_label(labels), lambda: aa.load(labels))
    plain, ours = seconds.min(axis=0)
    ratio = statistics.median(seconds[:, 0] / seconds[:, 1])
    print(f"SeqLabel.json, {FRAMES * BOXES_PER_FRAME:,} boxes")
    print(f"  json and a loop   {plain:7.3f} s")
    print(f"  annotaudit        {ours:7.3f} s   {ratio:5.1f} times as fast")
    truth = make_gt(folder / "gt.txt")
    seconds = in_turn(15, lambda: plain_csv(truth), lambda: aa.load(truth))
    arrow, ours = seconds.min(axis=0)
    ratio = statistics.median(seconds[:, 1] / seconds[:, 0])
    start = time.perf_counter()
    motmetrics_txt(truth)
    rival = time.perf_counter() - start
    print(f"gt.txt, {LINES:,} lines")
    print(f"  motmetrics        {rival:7.3f} s")
    print(f"  pyarrow.csv       {arrow:7.3f} s")
    print(
        f"  annotaudit        {ours:7.3f} s   {rival / ours:5.1f} times as fast as motmetrics, "
        f"{ratio:.2f} times the time of pyarrow.csv"
    )


def grow(folder: Path, sizes: list[int]) -> None:
    """Print seconds and memory of larger and larger files."""
    print("million lines   seconds   of the processor   memory, MB   of that the table")
    for millions in sizes:
        path = make_gt(folder / "gt.txt", millions)
        command = [sys.executable, "-c", PROGRAM, str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        wall, processor, memory, table = map(float, done.stdout.split())
        print(f"{millions:13} {wall:9.2f} {processor:18.2f} {memory:12.0f} {table:19.0f}")


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--growth", type=int, nargs="+", metavar="MILLIONS")
    sizes = parser.parse_args().growth
    with tempfile.TemporaryDirectory() as folder:
        if sizes:
            grow(Path(folder), sizes)
        else:
            compare(Path(folder))


if __name__ == "__main__":
    main()
