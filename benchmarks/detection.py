"""Measure how well the audit ranks planted, and real, mistakes in human tracks.

    python benchmarks/detection.py --tracks DIR [--corrections DIR] [--seeds 10] [--part check]

``DIR`` holds ``boxes.csv.gz`` (sequence, frame, track, left, top, width, height, label) and
``sequences.csv`` (sequence, fps, image_width, image_height). The split below was fixed before
anything was tuned: the whole of MOT17 and a third of the other sequences are only ever reported on.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from mistakes import plant
from rivals import RIVALS
from scoring import score

CHECK = {
    "MOT17-05", "MOT17-05-lowfps3", "MOT17-09", "MOT17-09-lowfps6",  # a whole source
    "KITTI-0001", "KITTI-0009", "KITTI-0015", "KITTI-0017",
    "SPORT-basketball-00H-c005", "SPORT-basketball-5ek-c001", "SPORT-volleyball-0kU-c006",
    "SPORT-volleyball-1Lw-c006", "SPORT-football-G-v-c601", "SPORT-football-2Qh-c017",
}  # fmt: skip
SHARE = 0.02  # of boxes that planted mistakes touch
Auditor = Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame]


def read(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, tuple[float, float]]]:
    """Boxes, every frame of every sequence, and the image sizes."""
    boxes = pd.read_csv(folder / "boxes.csv.gz", dtype={"track": str, "sequence": str})
    about = pd.read_csv(folder / "sequences.csv", dtype={"sequence": str}).set_index("sequence")
    images = {name: (row.image_width, row.image_height) for name, row in about.iterrows()}
    last = boxes.groupby("sequence")["frame"].max()
    frames = pd.concat(
        [
            pd.DataFrame({"sequence": name, "frame": np.arange(end + 1)}).assign(
                image=None,
                image_width=float(images[name][0]),
                image_height=float(images[name][1]),
                time=lambda t, fps=about.loc[name, "fps"]: t["frame"] / fps,
            )
            for name, end in last.items()
        ],
        ignore_index=True,
    )
    return boxes.assign(annotator="consolidated"), frames, images


def ours(boxes: pd.DataFrame, frames: pd.DataFrame) -> pd.DataFrame:
    """`annotaudit.audit` with everything on: it fits its ranker on the very labels it judges."""
    import annotaudit as aa

    found = aa.audit(aa.Labels(boxes, frames))
    return found.assign(flag=found["severity"] != "note")


def in_parts(auditor: Auditor, boxes: pd.DataFrame, frames: pd.DataFrame, by: str) -> pd.DataFrame:
    """Audit all sequences as one file, source by source, or one by one; pool the findings."""
    names = boxes["sequence"]
    part = {"file": names.str[:0], "source": names.str.split("-").str[0], "sequence": names}[by]
    return pd.concat(
        [
            auditor(own, frames[frames["sequence"].isin(own["sequence"].unique())])
            for _, own in boxes.groupby(part, sort=True)
        ],
        ignore_index=True,
    )


def measure(
    auditor: Auditor, folder: Path, *, part: str, seeds: int, by: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Measures per seed, and per sequence averaged over seeds."""
    boxes, frames, images = read(folder)
    inside = boxes["sequence"].isin(CHECK)
    boxes = boxes[inside if part == "check" else ~inside if part == "tune" else inside | True]
    frames = frames[frames["sequence"].isin(boxes["sequence"].unique())]
    rows, single = [], []
    for seed in range(seeds):
        spoilt, truth = plant(boxes, images, share=SHARE, seed=1000 + seed)
        start = time.perf_counter()
        found = in_parts(auditor, spoilt, frames, by)
        seconds = time.perf_counter() - start
        row = score(found, truth, len(spoilt), frames)
        rows.append(row | {"boxes/s": len(spoilt) / seconds})
        for name, own in spoilt.groupby("sequence"):
            here = [t[t["sequence"] == name] for t in (found, truth, frames)]
            if len(here[1]):
                single.append({"sequence": name} | score(here[0], here[1], len(own), here[2]))
    return pd.DataFrame(rows), pd.DataFrame(single).groupby("sequence").mean(numeric_only=True)


def measure_corrections(auditor: Auditor, folder: Path) -> dict[str, float]:
    """Recall at 2 % and 5 % of boxes on mistakes that a later annotation corrected."""
    boxes, frames, _ = read(folder)
    truth = pd.read_csv(folder / "truth.csv", dtype={"track": str, "sequence": str})
    found = auditor(boxes, frames)
    measures = score(found, truth, len(boxes), frames)
    return {k: v for k, v in measures.items() if k.startswith(("recall@2%", "recall@5%", "2%"))}


def random_order(seed: int) -> Auditor:
    """Give every box a random score: the reference for real corrections."""

    def shuffled(boxes: pd.DataFrame, frames: pd.DataFrame) -> pd.DataFrame:
        chance = np.random.default_rng(seed).random(len(boxes))
        return boxes[["sequence", "frame", "track"]].assign(score=chance, flag=False)

    return shuffled


def main() -> None:
    """Print the tables."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--tracks", type=Path)
    arguments.add_argument("--corrections", type=Path)
    arguments.add_argument("--seeds", type=int, default=10)
    arguments.add_argument("--part", choices=["check", "tune", "all"], default="check")
    arguments.add_argument("--by", choices=["file", "source", "sequence"], default="file")
    arguments.add_argument("--only-ours", action="store_true")
    given = arguments.parse_args()
    rivals = {} if given.only_ours else RIVALS
    auditors: dict[str, Auditor] = {**rivals, "annotaudit": ours}
    table, kinds = {}, None
    for name, auditor in auditors.items():
        if given.tracks:
            rows, kinds = measure(
                auditor, given.tracks, part=given.part, seeds=given.seeds, by=given.by
            )
            table[name] = rows.mean()
    if given.tracks:
        print(pd.DataFrame(table).round(3).to_string())
        print("\nannotaudit, per sequence")
        shown = ["events", "AP", "recall@2%", "frame recall@5%", "false per 1000"]
        print(kinds[shown].round(2).to_string())
    if given.corrections:
        print("\nReal mistakes, later corrected")
        orders = [measure_corrections(random_order(n), given.corrections) for n in range(30)]
        table = {"random order": pd.DataFrame(orders).mean().to_dict()}
        table |= {n: measure_corrections(a, given.corrections) for n, a in auditors.items()}
        print(pd.DataFrame(table).round(2).to_string())


if __name__ == "__main__":
    main()
