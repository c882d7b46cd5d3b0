"""Match and score still images drawn by several workers: ours beside a loop over images.

    python benchmarks/stills.py [--stills 500000] [--workers 5] [--sample 2000]

The loop is what people write: for each image and worker, supervision's or pycocotools' overlaps
and scipy's assignment. It runs on a sample of the images, ours on all of them; what is printed is
seconds per 1,000 images and the ratio. Both find the same pairs on the sample, which is checked.
"""

from __future__ import annotations

import argparse
import json
import resource
import time

import numpy as np
import pandas as pd
from pycocotools.mask import iou as coco_iou
from scipy.optimize import linear_sum_assignment
from supervision.detection.utils.iou_and_nms import box_iou_batch

from annotaudit.boxes import TEXT, Labels
from annotaudit.metrics.agreement import pairwise_agreement, ratings
from annotaudit.metrics.alpha import krippendorff_alpha
from annotaudit.metrics.consensus import consensus_boxes, group_boxes
from annotaudit.metrics.gold import accuracy, compare_to_gold
from annotaudit.metrics.looked import who_looked
from annotaudit.metrics.reliability import worker_reliability

SIDES = ["left", "top", "width", "height"]
MIN_IOU = 0.5


def street(stills: int, workers: int, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Gold boxes, and what workers made of them: a little off, one in twenty missed."""
    rng = np.random.default_rng(seed)
    n = rng.poisson(2, stills)
    gold = pd.DataFrame(
        {
            "sequence": "street",
            "frame": np.repeat(np.arange(stills), n),
            "track": None,
            "label": "sign",
            "annotator": "gold",
            **{side: rng.uniform(20, 400, n.sum()).round() for side in SIDES},
        }
    )
    drawn = []
    for worker in range(workers):
        boxes = gold[rng.random(len(gold)) < 0.95].assign(annotator=f"worker {worker}")
        boxes[SIDES] = (boxes[SIDES] + rng.normal(0, 3, (len(boxes), 4))).round().clip(lower=1)
        drawn.append(boxes)
    return pd.concat(drawn, ignore_index=True), gold


def seen_by_all(boxes: pd.DataFrame, stills: int) -> Labels:
    """The boxes with a table of frames which says that every worker looked at every still."""
    names = json.dumps(sorted(boxes["annotator"].unique()))
    frames = pd.DataFrame({"sequence": "street", "frame": np.arange(stills)})
    return Labels(boxes, frames.assign(annotators=pd.Series(names, frames.index, dtype=TEXT)))


def matched_by_loop(boxes: pd.DataFrame, gold: pd.DataFrame, overlaps) -> float:
    """Sum of overlaps of the matched boxes, one image and worker at a time."""
    wanted = {frame: rows[SIDES].to_numpy() for frame, rows in gold.groupby("frame")}
    total = 0.0
    for (frame, _), rows in boxes.groupby(["frame", "annotator"]):
        share = overlaps(rows[SIDES].to_numpy(), wanted[frame])
        share = np.where(share >= MIN_IOU, share, 0.0)
        total += share[linear_sum_assignment(share, maximize=True)].sum()
    return total


def by_supervision(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Overlaps by supervision, which wants corners."""
    return box_iou_batch(*(np.column_stack([x[:, :2], x[:, :2] + x[:, 2:]]) for x in (a, b)))


def by_pycocotools(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Overlaps by pycocotools, which reads memory row by row whatever the order of an array."""
    return coco_iou(np.ascontiguousarray(a), np.ascontiguousarray(b), [0] * len(b))


def timed(function, *arguments, **options):
    """What a call returns, and its seconds."""
    start = time.perf_counter()
    result = function(*arguments, **options)
    return result, time.perf_counter() - start


def main() -> None:
    """Time everything in one run and print it side by side."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stills", type=int, default=500_000)
    parser.add_argument("--workers", type=int, default=5)
    parser.add_argument("--sample", type=int, default=2_000)
    options = parser.parse_args()
    boxes, gold = street(options.stills, options.workers)
    labels = seen_by_all(boxes, options.stills)
    print(f"{options.stills:,} stills, {options.workers} workers, {len(boxes):,} boxes\n")

    outcomes, match_seconds = timed(compare_to_gold, labels, gold)
    ours = match_seconds / options.stills * 1000
    sample, its_gold = (table[table["frame"] < options.sample] for table in (boxes, gold))
    hits = compare_to_gold(sample, its_gold)["iou"].sum()
    print("matching against gold         s per 1,000 stills   times ours")
    print(f"  annotaudit                  {ours:18.4f}   {1:10.1f}")
    for name, overlaps in (("supervision", by_supervision), ("pycocotools", by_pycocotools)):
        total, seconds = timed(matched_by_loop, sample, its_gold, overlaps)
        assert abs(total - hits) < 1e-4 * hits, (name, total, hits)  # supervision has 32 bits
        per_thousand = seconds / options.sample * 1000
        print(f"  loop, {name:12} + scipy   {per_thousand:18.4f}   {per_thousand / ours:10.1f}")

    print("\nall of it                              seconds")
    spent = [("matching against gold", match_seconds)]

    def step(name, function, *arguments, **settings):
        result, seconds = timed(function, *arguments, **settings)
        spent.append((name, seconds))
        return result

    step("who looked", who_looked, labels)
    step("accuracy per worker", accuracy, outcomes)
    group = step("grouping what shows one thing", group_boxes, boxes)
    step("consensus boxes", consensus_boxes, labels, group=group)
    rated = step("ratings", ratings, labels, group=group)
    step("Krippendorff's alpha, 100 resamples", krippendorff_alpha, rated, resamples=100)
    step("worker reliability", worker_reliability, rated)
    step("agreement of each pair of workers", pairwise_agreement, labels)
    for name, seconds in spent:
        print(f"  {name:36} {seconds:7.1f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    together = sum(seconds for _, seconds in spent)
    print(f"  {'together':36} {together:7.1f}   peak memory {peak:.1f} GB")


if __name__ == "__main__":
    main()
