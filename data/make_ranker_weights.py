"""Learn the weights that ship with annotaudit, from simulated tracks alone.

    python data/make_ranker_weights.py

Takes a minute or two and writes ``annotaudit/audit/weights/simulated.npz``; the same every time.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from simulated_tracks import simulate

from annotaudit.audit import ranker as ranking
from annotaudit.audit.planting import plant_mistakes
from annotaudit.audit.ranker import Ranker
from annotaudit.audit.shipped import FILE, Shipped, write
from annotaudit.audit.signals import signals_of
from annotaudit.boxes import Labels, check_boxes
from annotaudit.metrics.keyframes import between_keyframes, seconds_a_frame
from annotaudit.metrics.paths import paths_of

PLACE = Path(__file__).parents[1] / "annotaudit" / "audit" / "weights" / FILE
ASTRAY = 0.2  # box sizes; a person would draw the box again
INTERPOLATED = 0.03  # share of boxes between keyframes that are so far off, where people draw
FAR_APART, ORDINARY = range(400, 496), range(500, 530)  # scenes
LEARN, TEST = range(108), range(200, 272)  # scenes


def labels_of(scenes: range, style: str | None = None) -> Labels:
    """Simulate several sequences."""
    made = [simulate(scene, style=style) for scene in scenes]
    boxes, frames = (pd.concat(part, ignore_index=True) for part in zip(*made, strict=True))
    return Labels(check_boxes(boxes), frames)


def reliability(files: list[Labels], fit: bool, weights: Shipped) -> tuple[float, float]:
    """Fit slope and shift from a ranker's log-odds to those of mistakes it did not plant."""
    from sklearn.linear_model import LogisticRegression

    odds, real = [], []
    for number, labels in enumerate(files):
        spoilt, truth = plant_mistakes(labels.boxes, labels.frames, share=0.02, seed=[7, number])
        ranker = (
            ranking.fit_ranker(Labels(spoilt, labels.frames), seed=number)
            if fit
            else Ranker((), weights)
        )
        signals = signals_of(spoilt, labels.frames)
        raw = ranker.slope * ranker.raw(signals, spoilt) + ranker.shift
        top = ranking.peaks(signals, np.where(signals.moves, raw, -np.inf)) & signals.moves
        top &= signals.scene.paths.sound[signals.spots]
        odds.append(raw[top])
        real.append(ranking.hits(spoilt, signals, truth)[top] >= 0)
    model = LogisticRegression(C=100.0).fit(np.concatenate(odds)[:, None], np.concatenate(real))
    return float(model.coef_[0, 0]), float(model.intercept_[0])


def reliability_between() -> tuple[float, float]:
    """Fit the odds that a box between keyframes is off to how far the object may have left it."""
    from sklearn.linear_model import LogisticRegression

    leaves, off = [], []
    for labels in (labels_of(FAR_APART, "far apart"), labels_of(ORDINARY)):
        paths = paths_of(labels.boxes, labels.frames)
        seconds = seconds_a_frame(labels.boxes, labels.frames, paths)
        between = between_keyframes(paths, seconds)
        far = between.worth_a_look & (between.leaves > 0)
        leaves.append(between.leaves[far])
        off.append(labels.boxes["off"].to_numpy()[paths.row[between.spots[far]]])
    astray = np.concatenate(off) > ASTRAY
    share = astray.mean()
    weight = np.where(astray, INTERPOLATED / share, (1 - INTERPOLATED) / (1 - share))
    model = LogisticRegression(C=100.0)
    model.fit(np.log(np.concatenate(leaves))[:, None], astray, sample_weight=weight)
    return float(model.coef_[0, 0]), float(model.intercept_[0])


def main() -> None:
    """Learn, calibrate, write."""
    taught = labels_of(LEARN)
    lessons = [ranking.lesson(taught.boxes, taught.frames, (9, n)) for n in range(3)]
    trees = ranking.learned(lessons, seed=0, trees=150)
    weights = Shipped(lessons[0].signals.names, trees, between=reliability_between())
    files = [labels_of(range(start, start + 12)) for start in TEST[::12]]
    weights = replace(weights, alone=reliability(files, False, weights))
    write(weights, PLACE)
    ranking.shipped.cache_clear()
    weights = replace(weights, beside=reliability(files, True, weights))
    write(weights, PLACE)
    print(f"{PLACE.name}: {PLACE.stat().st_size:,} bytes")
    print(f"alone {weights.alone}, beside {weights.beside}, between {weights.between}")


if __name__ == "__main__":
    main()
