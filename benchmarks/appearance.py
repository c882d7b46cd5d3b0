"""What looking into the boxes adds to the audit, and what it costs.

    python benchmarks/appearance.py [--part gain|speed|tutorial|stage] [--weights resnet18.pth]

``gain``      mistakes planted into the station's true boxes: average precision of the ranking
              without pictures, of the rules about appearance alone, and of both joined
``speed``     crops per second of the embedder that needs no model, on one core
``tutorial``  one forward pass per crop, all objects again for each object, beside our way, with
              the same network on the same boxes
``stage``     decoding, cropping and embedding together beside the network's own throughput on
              ready tensors; meant for a GPU
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

import annotaudit as aa
from annotaudit.audit.appearance import APPEARANCE_RULES, looks
from annotaudit.frames import Images
from annotaudit.metrics import ColourTextureEmbedder, ResNet18, embed
from annotaudit.metrics.embedders import Embedder

SHIFTS, SWAPS = 5, 2  # planted per trial
NOISE = 0.02  # of the box size: how unsteady people's edges are
APART = 6  # frames kept free around a mistake


# --- gain ---------------------------------------------------------------------------------------


def planted(truth: aa.Labels, seed: int) -> tuple[aa.Labels, list[tuple[str, set, set]]]:
    """Unsteady edges, five boxes or short stretches shifted sideways, two pairs of names swapped.

    The shifts are 15 to 40 % of the width over one to three frames. Returns kind, tracks and
    frames of each mistake.
    """
    rng = np.random.default_rng(seed)
    boxes = truth.boxes.assign(label="person").reset_index(drop=True)
    sides = ["left", "top", "width", "height"]
    size = np.sqrt(boxes["width"] * boxes["height"])
    for side in sides:
        boxes[side] += rng.normal(0, NOISE, len(boxes)) * size
    mistakes: list[tuple[str, set, set]] = []
    span = boxes.groupby("track")["frame"].agg(["min", "max"])

    def free(track: str, frame: int) -> bool:
        inside = span["min"][track] + APART <= frame <= span["max"][track] - APART
        return inside and not any(
            track in tracks and any(abs(frame - other) <= APART for other in frames)
            for _, tracks, frames in mistakes
        )

    paired: set[str] = set()
    for _ in range(500):
        frame = int(rng.integers(APART, boxes["frame"].max() - APART))
        there = boxes.loc[boxes["frame"] == frame, "track"]
        pair = rng.choice(there, 2, replace=False).tolist() if len(there) > 1 else []
        if sum(kind == "swap" for kind, *_ in mistakes) == SWAPS:
            break
        if pair and not paired & set(pair) and all(free(track, frame) for track in pair):
            names = dict(zip(pair, reversed(pair), strict=True))
            late = (boxes["frame"] >= frame) & boxes["track"].isin(pair)
            boxes.loc[late, "track"] = boxes.loc[late, "track"].map(names)
            mistakes.append(("swap", set(pair), {frame - 1, frame}))
            paired |= set(pair)
            span = boxes.groupby("track")["frame"].agg(["min", "max"])
    while sum(kind == "shift" for kind, *_ in mistakes) < SHIFTS:
        start = boxes.iloc[int(rng.integers(len(boxes)))]
        frames = set(range(start["frame"], start["frame"] + int(rng.integers(1, 4))))
        if all(free(start["track"], frame) for frame in frames):
            own = (boxes["track"] == start["track"]) & boxes["frame"].isin(frames)
            far = rng.uniform(0.15, 0.4) * rng.choice([-1, 1])
            boxes.loc[own, "left"] += far * boxes.loc[own, "width"]
            mistakes.append(("shift", {start["track"]}, frames))
    return aa.Labels(boxes, truth.frames), mistakes


def average_precision(
    findings: pd.DataFrame, mistakes: list[tuple[str, set, set]]
) -> tuple[float, set[int]]:
    """Average precision over mistakes, and which were found within as many findings as planted.

    A finding that names a track of the mistake at most one frame away is right. Further findings
    about a mistake count neither way.
    """
    found: set[int] = set()
    early: set[int] = set()
    wrong, total = 0, 0.0
    ranked = findings.sort_values("score", ascending=False, kind="stable")
    for number, row in enumerate(ranked.itertuples()):
        hit = next(
            (
                place
                for place, (_, tracks, frames) in enumerate(mistakes)
                if row.track in tracks and min(abs(row.frame - f) for f in frames) <= 1
            ),
            None,
        )
        if hit is None:
            wrong += 1
        elif hit not in found:
            found.add(hit)
            total += len(found) / (len(found) + wrong)
        if number < len(mistakes) and hit is not None:
            early.add(hit)
    return total / len(mistakes), early


def gain(embedders: dict[str, Embedder], trials: int) -> None:
    """Rank planted mistakes without pictures, by pictures alone, and by both."""
    truth = aa.datasets.station("truth")
    rows = []
    for seed in range(trials):
        labels, mistakes = planted(truth, seed)
        blind = aa.audit(labels)
        ways = {"boxes alone": blind}
        for name, embedder in embedders.items():
            made = embed(labels, embedder)
            seen = looks(labels, made)
            alone = [table for rule in APPEARANCE_RULES if len(table := rule(seen))]
            ways[f"{name}, alone"] = pd.concat(alone) if alone else blind[:0]
            ways[f"{name}, joined"] = aa.audit(labels, embedder=made)
        for way, findings in ways.items():
            precision, early = average_precision(findings, mistakes)
            kinds = [mistakes[place][0] for place in early]
            rows.append(
                (way, precision, kinds.count("shift") / SHIFTS, kinds.count("swap") / SWAPS)
            )
    table = pd.DataFrame(rows, columns=["ranking", "average precision", "shifts", "swaps"])
    grouped = table.groupby("ranking", sort=False)
    print(f"{trials} trials, each {SHIFTS} shifts and {SWAPS} swaps in {len(truth.boxes)} boxes;")
    print("shifts, swaps: share found within the first seven findings")
    mean = grouped.mean().round(3)
    mean["standard error"] = (grouped["average precision"].std() / np.sqrt(trials)).round(3)
    print(mean.to_string())


# --- cost ---------------------------------------------------------------------------------------


def best_of(
    run: Callable[[], object], times: int = 3, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Shortest of some runs, in seconds of the clock."""
    spent = []
    for _ in range(times):
        start = clock()
        run()
        spent.append(clock() - start)
    return min(spent)


def speed() -> None:
    """Time what runs for everyone."""
    crops = np.random.default_rng(0).integers(0, 256, (4000, 64, 32, 3)).astype(np.uint8)
    embedder = ColourTextureEmbedder()
    embedder(crops[:64])
    wall = len(crops) / best_of(lambda: embedder(crops))
    core = len(crops) / best_of(lambda: embedder(crops), clock=time.process_time)
    print(f"ColourTextureEmbedder: {core:,.0f} crops per second of one core; {wall:,.0f} crops/s")
    labels = aa.datasets.station("truth")
    images = Images(labels.frames)
    embed(labels, images=images)
    whole = len(labels.boxes) / best_of(lambda: embed(labels, images=images))
    fresh = Images(labels.frames, keep=1)
    opening = best_of(lambda: [fresh.get("station", frame) for frame in range(64)]) / 64 * 1e3
    print(f"with decoding and cropping: {whole:,.0f} boxes/s; a picture opens in {opening:.1f} ms")


def tutorial(weights: str | None) -> None:
    """Three objects of the station; the network in full precision, then in half."""
    import torch

    labels = aa.datasets.station()
    labels = aa.Labels(labels.boxes[labels.boxes["frame"].between(13, 20)], labels.frames)
    images = Images(labels.frames, keep=64)
    full = resnet(weights, "full")
    network = plain_network(weights)
    mean, std = (torch.tensor(three).view(1, 3, 1, 1) for three in (full.mean, full.std))

    def loop() -> dict[str, list]:
        """Per object: every box of every frame, one forward pass each; then its own are kept."""
        kept: dict[str, list] = {}
        for track in labels.boxes["track"].unique():
            kept[track] = []
            for box in labels.boxes.sort_values("frame").itertuples():
                picture = images.get(box.sequence, box.frame)
                edges = (box.left, box.top, box.left + box.width, box.top + box.height)
                crop = np.asarray(picture.crop(tuple(map(int, edges))).resize((224, 224)))
                with torch.no_grad():
                    pixels = torch.from_numpy(crop.copy()).permute(2, 0, 1)[None].float() / 255
                    vector = network((pixels - mean) / std)
                if box.track == track:
                    kept[track].append(vector)
        return kept

    clock = time.process_time  # of all threads, whatever else the machine is doing
    loop_s = best_of(loop, 2, clock)
    n, tracks = len(labels.boxes), labels.boxes["track"].nunique()
    print(f"{n} boxes of {tracks} objects; processor time")
    print(f"the tutorial's loop           {loop_s:7.2f} s   1.0 x")
    for name, embedder in (("full", full), ("half", resnet(weights, "half"))):
        ours = best_of(
            lambda embedder=embedder: embed(labels, embedder, images=images, batch=16), 2, clock
        )
        print(f"annotaudit, {name} precision    {ours:7.2f} s {loop_s / ours:5.1f} x")


def stage(weights: str | None) -> None:
    """Decode, crop and embed beside the network alone, on the best device there is."""
    import torch

    embedder = resnet(weights, "auto")
    wait = torch.cuda.synchronize if embedder.device.type == "cuda" else (lambda: None)
    best = 0.0
    for batch in (32, 64, 128, 256, 512) if embedder.device.type == "cuda" else (8, 16):
        pixels = torch.rand(batch, 3, 224, 224, device=embedder.device)
        pixels = pixels.to(memory_format=torch.channels_last)
        low = torch.float16 if embedder.device.type == "cuda" else torch.bfloat16

        def forward(pixels: torch.Tensor = pixels, low: torch.dtype = low) -> None:
            with torch.inference_mode(), torch.autocast(
                embedder.device.type, low, enabled=embedder.half
            ):  # fmt: skip
                embedder.module(pixels)
            wait()

        forward()
        rate = batch / best_of(forward)
        best = max(best, rate)
        print(f"ready tensors, batch of {batch:3d}: {rate:8,.0f} crops/s")
    labels = aa.datasets.station("truth")
    times = 20 if embedder.device.type == "cuda" else 1
    many = pd.concat([labels.boxes] * times, ignore_index=True)
    threads = os.cpu_count() or 2
    embed(labels, embedder, batch=256)
    whole = len(many) / best_of(
        lambda: embed(aa.Labels(many, labels.frames), embedder, batch=256, workers=threads), 1
    )
    print(f"pictures to vectors, {threads} threads: {whole:,.0f} boxes/s, {whole / best:.0%} of it")


def plain_network(weights: str | None) -> object:
    """The network as torchvision builds it, neither fused nor laid out anew."""
    import torch

    from annotaudit.metrics.resnet import resnet18_features

    torch.manual_seed(0)
    network = resnet18_features().eval()
    if weights:
        state = torch.load(weights, map_location="cpu", weights_only=True)
        network.load_state_dict({k: v for k, v in state.items() if not k.startswith("fc.")})
    return network


def resnet(weights: str | None, precision: str) -> ResNet18:
    """ResNet-18 with the given weights, or with random ones: they take the same time."""
    return ResNet18(weights or plain_network(None).state_dict(), precision=precision)


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=["gain", "speed", "tutorial", "stage"])
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--weights", help="resnet18 weights in torchvision's format")
    given = parser.parse_args()
    parts = [given.part] if given.part else ["gain", "speed", "tutorial", "stage"]
    if "gain" in parts:
        embedders: dict[str, Embedder] = {"colour and texture": ColourTextureEmbedder()}
        try:
            name = "ResNet-18" if given.weights else "ResNet-18, untrained"
            embedders[name] = resnet(given.weights, "half")
        except aa.errors.MissingExtraError as error:
            print(error)
        gain(embedders, given.trials)
    if "speed" in parts:
        speed()
    if "tutorial" in parts:
        tutorial(given.weights)
    if "stage" in parts:
        stage(given.weights)


if __name__ == "__main__":
    main()
