"""Measure and audit long tracks: ours beside what a person writes in pandas and in numpy.

    OMP_NUM_THREADS=1 python benchmarks/measurements.py [--boxes 2000000] [--tracks 2000]
        [--audit 1000000] [--ranked 1000000] [--growth 10000000] [--only steps rules ranker growth]

`steps`: overlap and size change of every step of an unsorted table: our two calls, the pandas
expression with one groupby.shift, and plain numpy with one lexsort. All start from the same table
with text columns and agree to the last digit, which is checked. `rules`: the audit by all rules,
its time and memory beside the table's, at growing sizes: a cost that is linear keeps the time per
box. `ranker`: the audit with a given ranker, on smooth tracks, on lively ones and on such drawn on
few frames only, beside the tutorial's rule on the same table in the same run. `growth`: the same
on lively tracks, a tenth as many and as many as asked. Times are of the processor, on one core.
"""

from __future__ import annotations

import argparse
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

import annotaudit as aa
from annotaudit.audit.rules import RULES
from annotaudit.boxes import TEXT
from annotaudit.metrics import rolling_iou, size_change

sys.path.append(str(Path(__file__).parents[1] / "data"))
from simulated_tracks import simulate  # noqa: E402  # stands there, beside what it is made for

OBJECT = ["sequence", "annotator", "track"]
SIDES = ["left", "top", "width", "height"]


def crowd(boxes: int, tracks: int, seed: int = 0) -> pd.DataFrame:
    """One sequence of objects that walk through a crowd, all on every frame, rows shuffled."""
    rng = np.random.default_rng(seed)
    frames = boxes // tracks
    place = rng.permutation(tracks * frames)
    track, frame = place // frames, place % frames
    names = pd.Series([f"Pedestrian:{n}" for n in range(tracks)], dtype=TEXT)
    start, phase = rng.uniform(200, 1600, tracks), rng.uniform(0, 7, tracks)
    shake = rng.normal(0, 0.7, (2, len(place)))
    table = pd.DataFrame({"frame": frame, "track": names.take(track).array})
    table["sequence"] = pd.Series(["crowd"], dtype=TEXT).repeat(len(place)).array
    table["label"], table["annotator"] = "person", "consolidated"
    table = table.astype({"label": TEXT, "annotator": TEXT})
    return table.assign(
        left=start[track] + 150 * np.sin(frame / 100 + phase[track]) + shake[0],
        top=rng.uniform(50, 900, tracks)[track] + shake[1],
        width=rng.uniform(20, 60, tracks)[track],
        height=rng.uniform(60, 160, tracks)[track],
    )


def ours(boxes: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Overlap and size change as the package gives them."""
    return rolling_iou(boxes).to_numpy(), size_change(boxes).to_numpy()


def with_groupby(boxes: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Overlap and size change by hand, with one shift per object."""
    now = boxes.sort_values([*OBJECT, "frame"])
    before = now.groupby(OBJECT, sort=False)[["frame", *SIDES]].shift()
    follows = now["frame"] - before["frame"] == 1
    right = np.minimum(now["left"] + now["width"], before["left"] + before["width"])
    bottom = np.minimum(now["top"] + now["height"], before["top"] + before["height"])
    wide = (right - np.maximum(now["left"], before["left"])).clip(lower=0)
    high = (bottom - np.maximum(now["top"], before["top"])).clip(lower=0)
    area, earlier = now["width"] * now["height"], before["width"] * before["height"]
    overlap = wide * high / (area + earlier - wide * high)
    change = area / earlier - 1
    return tuple(x.where(follows).reindex(boxes.index).to_numpy() for x in (overlap, change))


def with_lexsort(boxes: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Overlap and size change by hand, with one sort in numpy; knows of one sequence only."""
    track, frame = pd.factorize(boxes["track"])[0], boxes["frame"].to_numpy()
    order = np.lexsort((frame, track))
    left, top, width, height = (boxes[side].to_numpy()[order] for side in SIDES)
    follows = (np.diff(track[order]) == 0) & (np.diff(frame[order]) == 1)
    right, bottom, area = left + width, top + height, width * height
    wide = np.minimum(right[1:], right[:-1]) - np.maximum(left[1:], left[:-1])
    high = np.minimum(bottom[1:], bottom[:-1]) - np.maximum(top[1:], top[:-1])
    shared = np.maximum(wide, 0) * np.maximum(high, 0)
    overlap, change = np.full((2, len(boxes)), np.nan)
    overlap[order[1:]] = np.where(follows, shared / (area[1:] + area[:-1] - shared), np.nan)
    change[order[1:]] = np.where(follows, area[1:] / area[:-1] - 1, np.nan)
    return overlap, change


def best_of(count: int, work: Callable[[], object]) -> float:
    """Seconds of the fastest of some runs."""
    times = []
    for _ in range(count):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def compare_steps(boxes: int, tracks: int) -> None:
    """Print ours beside the rivals, all on one table in one run."""
    table = crowd(boxes, tracks)
    expected = ours(table)
    for rival in (with_groupby, with_lexsort):
        for mine, theirs in zip(expected, rival(table), strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-9)
    print(f"rolling_iou + size_change, {len(table):,} boxes, {tracks:,} tracks, unsorted")
    seconds = best_of(5, lambda: ours(table))
    print(f"  ours                    {seconds:6.2f} s")
    for name, rival in (("pandas groupby.shift", with_groupby), ("numpy lexsort", with_lexsort)):
        other = best_of(5, lambda rival=rival: rival(table))
        print(f"  {name:<22}  {other:6.2f} s   {other / seconds:4.2f} x ours")


def audit_at(boxes: int, tracks: int, rules: object, title: str) -> None:
    """Print what one audit costs: time on the processor, and memory beside the table's."""
    table = crowd(boxes, tracks)
    start = time.process_time()
    found = aa.audit(table, rules=rules)
    seconds = time.process_time() - start
    size = table.memory_usage(deep=True).sum()
    tracemalloc.start()
    aa.audit(table, rules=rules)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(
        f"  {title:<8} {len(table):>10,} boxes  {seconds:6.2f} s  "
        f"{seconds / len(table) * 1e6:5.2f} s per million  "
        f"memory {peak / size:4.1f} x the table  {len(found):,} findings"
    )


def crowds(boxes: int, sequences: int, tracks: int) -> pd.DataFrame:
    """Several such crowds."""
    own = boxes // sequences
    parts = [crowd(own, tracks, n).assign(sequence=f"crowd-{n}") for n in range(sequences)]
    return pd.concat(parts, ignore_index=True)


def simulated(boxes: int, style: str | None = None) -> aa.Labels:
    """Sequences of ``data/simulated_tracks.py``; a hundred thousand boxes, under ever new names."""
    parts, scene, made = [], 5000, 0
    while made < min(boxes, 100_000):
        parts.append(simulate(scene, style=style))
        scene, made = scene + 1, made + len(parts[-1][0])
    copies = [
        [part.assign(sequence=part["sequence"] + f"-{copy}") for part in pair]
        for copy in range(max(boxes // made, 1))
        for pair in parts
    ]
    table, frames = (pd.concat(part, ignore_index=True) for part in zip(*copies, strict=True))
    return aa.Labels(table.drop(columns="off"), frames)


def audit_seconds(labels: aa.Labels, **how: object) -> float:
    """Seconds of the processor that one audit takes."""
    start = time.process_time()
    aa.audit(labels, **how)
    return time.process_time() - start


def compare_audits(boxes: int, runs: int = 3) -> None:
    """Print boxes per second with a given ranker, and by the tutorial's rule, taken in turns."""
    print("audit with a given ranker, and by the tutorial's rule; boxes per second")
    tables: dict[str, Callable[[], aa.Labels]] = {
        "smooth, 1,000 boxes a track": lambda: aa.Labels(crowd(boxes, max(boxes // 1_000, 1))),
        "smooth, 50 boxes a track": lambda: aa.Labels(crowds(boxes, 20, max(boxes // 1_000, 1))),
        "lively": lambda: simulated(boxes),
        "lively, on few frames": lambda: simulated(boxes, "far apart"),
    }
    for name, make in tables.items():
        labels = make()
        ranker = aa.fit_ranker(labels)
        times = [
            (audit_seconds(labels, ranker=ranker), audit_seconds(labels, rules="aws"))
            for _ in range(runs)
        ]
        ours, rule = (len(labels.boxes) / min(seconds) for seconds in zip(*times, strict=True))
        print(
            f"  {name:<28} {len(labels.boxes):>10,} boxes  ranker {ours:>9,.0f}  "
            f"tutorial's rule {rule:>9,.0f}  ratio {rule / ours:4.1f}",
            flush=True,
        )


def audit_growth(boxes: int) -> None:
    """Print time per box and memory of the audit with a given ranker, at two sizes."""
    print("audit with a given ranker, lively tracks, growing")
    ranker = aa.fit_ranker(simulated(100_000))
    for size in (boxes // 10, boxes):
        labels = simulated(size)
        seconds = min(audit_seconds(labels, ranker=ranker) for _ in range(2))
        tracemalloc.start()
        aa.audit(labels, ranker=ranker)
        peak = tracemalloc.get_traced_memory()[1] / labels.boxes.memory_usage(deep=True).sum()
        tracemalloc.stop()
        print(
            f"  {len(labels.boxes):>10,} boxes  {seconds / len(labels.boxes) * 1e6:5.2f} s per "
            f"million  memory {peak:4.1f} x the table",
            flush=True,
        )


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--boxes", type=int, default=2_000_000)
    parser.add_argument("--tracks", type=int, default=2_000)
    parser.add_argument("--audit", type=int, default=1_000_000)
    parser.add_argument("--largest", type=int, default=1_000_000, help="of the audits by rules")
    parser.add_argument("--ranked", type=int, default=1_000_000)
    parser.add_argument("--growth", type=int, default=10_000_000)
    every = ["steps", "rules", "ranker", "growth"]
    parser.add_argument("--only", nargs="+", choices=every, default=every)
    asked = parser.parse_args()
    if "steps" in asked.only:
        compare_steps(asked.boxes, asked.tracks)
    if "rules" in asked.only:
        print("audit, 1,000 tracks in one crowded sequence")
        size = asked.audit // 4
        while size <= asked.largest:
            audit_at(size, 1_000, RULES, "by rules")
            size *= 2
        audit_at(asked.audit, 1_000, None, "default")
    if "ranker" in asked.only:
        compare_audits(asked.ranked)
    if "growth" in asked.only:
        audit_growth(asked.growth)


if __name__ == "__main__":
    main()
