"""How fast label files load: the plain way and ours, side by side in one run.

``python benchmarks/loading.py`` makes a SeqLabel.json of 200,000 boxes and a gt.txt of a million
lines in a temporary folder, and prints seconds and ratios. Each time is the best of several runs,
taken in turn, so that both see the same machine.
"""

from __future__ import annotations

import json
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
LINES = 1_000_000


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


def make_gt(path: Path) -> Path:
    """Write a million MOTChallenge lines."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "frame": np.repeat(np.arange(1, LINES // 100 + 1), 100),
            "id": np.tile(np.arange(1, 101), LINES // 100),
            **{side: rng.integers(1, 900, LINES) for side in ("x", "y", "w", "h")},
            "consider": 1,
            "class": 1,
            "visibility": rng.random(LINES).round(3),
        }
    )
    table.to_csv(path, header=False, index=False)
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


def best_of(times: int, *readers: Callable[[], object]) -> list[float]:
    """Time readers in turn; the best of each."""
    best = [float("inf")] * len(readers)
    for _ in range(times):
        for place, reader in enumerate(readers):
            start = time.perf_counter()
            reader()
            best[place] = min(best[place], time.perf_counter() - start)
    return best


def main() -> None:
    """Print seconds and ratios."""
    with tempfile.TemporaryDirectory() as folder:
        labels = make_seq_label(Path(folder, "SeqLabel.json"))
        plain, ours = best_of(5, lambda: plain_seq_label(labels), lambda: aa.load(labels))
        print(f"SeqLabel.json, {FRAMES * BOXES_PER_FRAME:,} boxes")
        print(f"  json and a loop   {plain:7.3f} s")
        print(f"  annotaudit        {ours:7.3f} s   {plain / ours:5.1f} times as fast")
        truth = make_gt(Path(folder, "gt.txt"))
        arrow, ours = best_of(3, lambda: plain_csv(truth), lambda: aa.load(truth))
        (rival,) = best_of(1, lambda: motmetrics_txt(truth))
        print(f"gt.txt, {LINES:,} lines")
        print(f"  motmetrics        {rival:7.3f} s")
        print(f"  pyarrow.csv       {arrow:7.3f} s")
        print(
            f"  annotaudit        {ours:7.3f} s   {rival / ours:5.1f} times as fast as motmetrics, "
            f"{ours / arrow:.2f} times the time of pyarrow.csv"
        )


if __name__ == "__main__":
    main()
