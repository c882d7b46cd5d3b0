"""Simulate tracks as people draw them: walkers, cars and players under all kinds of cameras.

Nothing here comes from a data set: the weights that ship with annotaudit are learned from these
tracks alone.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

CAMERAS = ("static", "hand-held", "panning", "driving")
THINGS = ("walkers", "cars", "players")
SIDES = ("left", "top", "width", "height")
BESIDE_ANOTHER = 0.15  # of objects keep another company
STANDING = 0.1  # of objects never move
AFTER_ANOTHER = 0.3  # of objects come into view about where another has just gone


def wander(rng: np.random.Generator, n: int, step: float, pull: float) -> np.ndarray:
    """Ornstein-Uhlenbeck path: steps of spread ``step``, pulled back to 0."""
    noise = rng.normal(size=n) * step
    path = np.zeros(n)
    for i in range(1, n):
        path[i] = path[i - 1] * (1 - pull) + noise[i]
    return path


def camera_motion(rng: np.random.Generator, kind: str, n: int, fps: float) -> np.ndarray:
    """Shift of the image per frame, summed: shape (n, 2), pixels."""
    dt = 1 / fps
    if kind == "static":
        return np.zeros((n, 2))
    if kind == "panning":
        speed = np.column_stack([wander(rng, n, 260 * np.sqrt(dt) * dt, 0.8 * dt) for _ in "xy"])
        return np.cumsum(speed * [1.0, 0.25], axis=0)
    shake = np.column_stack([wander(rng, n, 9 * np.sqrt(dt), 3 * dt) for _ in "xy"])
    bumps = (rng.random(n) < 1.2 * dt) * rng.normal(size=n) * rng.uniform(2, 12)
    shake[:, 1] += np.convolve(bumps, [0.6, 1.0, -0.7, 0.3], mode="same")
    drift = np.cumsum(wander(rng, n, 60 * np.sqrt(dt) * dt, dt))
    return shake + np.column_stack([drift, 0.15 * drift])


def true_path(
    rng: np.random.Generator, thing: str, camera: str, n: int, fps: float, image: tuple[int, int]
) -> np.ndarray:
    """Left, top, width, height of one object before the camera moves, shape (n, 4)."""
    wide, high = image
    dt = 1 / fps
    at = np.arange(n) * dt
    if thing == "cars" or camera == "driving":
        depth = rng.uniform(6, 70) + wander(rng, n, 1.0 * dt, 0.0).cumsum() * 0.3
        depth = depth + rng.uniform(-9, 4) * at if camera == "driving" else depth
        depth = np.maximum(depth, 2.5)
        side = rng.uniform(-9, 9) + rng.normal() * (3.0 if thing == "cars" else 1.0) * at
        side = side + wander(rng, n, 0.4 * dt, 0.0).cumsum()
        length, tall = (rng.uniform(1.6, 4.5), rng.uniform(1.4, 2.2))
        if thing != "cars":
            length, tall = rng.uniform(0.5, 0.9), rng.uniform(1.5, 1.9)
        turn = 1 + 0.25 * np.sin(wander(rng, n, 0.5 * np.sqrt(dt), 0.2 * dt))
        focal = 0.6 * wide
        width, height = focal * length * turn / depth, focal * tall / depth
        x, foot = wide / 2 + focal * side / depth, 0.45 * high + focal * 1.65 / depth
    else:
        height = (
            rng.uniform(0.08, 0.45)
            * high
            * np.exp(wander(rng, n, 0.10 * np.sqrt(dt) * dt, 0).cumsum())
        )
        speed = (0.5 if thing == "walkers" else 1.6) * height
        change = (0.5 if thing == "walkers" else 2.2) * height * np.sqrt(dt)
        vx = rng.normal() * speed + wander(rng, n, 1.0, 0.9 * dt) * change
        vy = 0.25 * (rng.normal() * speed + wander(rng, n, 1.0, 0.9 * dt) * change)
        x = rng.uniform(-0.05, 1.05) * wide + np.cumsum(vx) * dt
        foot = rng.uniform(0.4, 1.0) * high + np.cumsum(vy) * dt
        pace = rng.uniform(0.7, 1.2) if thing == "walkers" else rng.uniform(1.0, 2.0)
        swing = rng.uniform(0.03, 0.16) if thing == "walkers" else rng.uniform(0.1, 0.3)
        gait = swing * np.sin(2 * np.pi * pace * at + rng.uniform(0, 6))
        pose = wander(rng, n, (0.15 if thing == "walkers" else 0.6) * np.sqrt(dt), 1.5 * dt)
        width = height * np.clip(rng.uniform(0.32, 0.5) * (1 + gait) * np.exp(pose), 0.15, 1.2)
        if thing == "players":
            height = height * np.exp(wander(rng, n, 0.25 * np.sqrt(dt), 2.5 * dt))
    return np.column_stack([x - width / 2, foot - height, width, height])


def as_drawn(
    rng: np.random.Generator, path: np.ndarray, style: str, care: float, fps: float
) -> np.ndarray:
    """Boxes as an annotator leaves them: noise on what is drawn, straight lines between."""
    size = np.sqrt(path[:, 2:3] * path[:, 3:4])
    edges = np.column_stack([path[:, :2], path[:, :2] + path[:, 2:]])
    n = len(edges)
    if style == "every frame":
        slow = np.column_stack([wander(rng, n, 0.5, 0.2) for _ in range(4)])
        edges = edges + care * size * (0.5 * rng.normal(size=edges.shape) + slow)
    else:
        keys = keyframes(rng, edges, size, style, care, fps)
        drawn = edges[keys] + 0.6 * care * size[keys] * rng.normal(size=(len(keys), 4))
        at = np.arange(n)
        edges = np.column_stack([np.interp(at, keys, column) for column in drawn.T])
    width = np.maximum(edges[:, 2] - edges[:, 0], 2)
    height = np.maximum(edges[:, 3] - edges[:, 1], 2)
    return np.column_stack([edges[:, :2], width, height])


def away(drawn: np.ndarray, path: np.ndarray) -> np.ndarray:
    """Distance of the farthest edge from where it should be, box sizes."""
    off = drawn - path
    edges = np.column_stack([off[:, :2], off[:, :2] + off[:, 2:]])
    return np.abs(edges).max(axis=1) / np.sqrt(path[:, 2] * path[:, 3])


def keyframes(
    rng: np.random.Generator,
    edges: np.ndarray,
    size: np.ndarray,
    style: str,
    care: float,
    fps: float,
) -> list[int]:
    """Frames that are drawn: at a fixed distance, or where a straight line would be too far off."""
    n = len(edges)
    if style == "fixed distance":
        return sorted({*range(0, n, int(rng.integers(2, 6))), n - 1})
    if style == "far apart":
        return far_apart(rng, edges, size, fps)
    keys, open_ends = {0, n - 1}, [(0, n - 1)]
    while open_ends:
        low, high = open_ends.pop()
        if high - low < 2:
            continue
        share = (np.arange(low, high + 1) - low)[:, None] / (high - low)
        off = np.abs(edges[low : high + 1] - edges[low] - share * (edges[high] - edges[low]))
        off = (off / size[low : high + 1]).max(axis=1)
        if off.max() > 2.5 * care + 0.02:
            middle = low + int(off.argmax())
            keys.add(middle)
            open_ends += [(low, middle), (middle, high)]
    return sorted(keys)


def far_apart(
    rng: np.random.Generator, edges: np.ndarray, size: np.ndarray, fps: float
) -> list[int]:
    """Keyframes a quarter of a second to two seconds apart, and where a miss was noticed."""
    n = len(edges)
    usual = np.clip(fps * np.exp(rng.uniform(np.log(0.25), np.log(2.0))), 2, 60)
    steps = usual * np.exp(rng.choice([0.0, 0.35, 0.6]) * rng.normal(size=n))
    steps = np.maximum(np.rint(steps), 2).astype(int)
    keys = np.unique(np.minimum(np.append(0, np.cumsum(steps)), n - 1))
    if rng.random() < 0.3:
        keys = np.array([0, n - 1])
    noticed = looked_at(rng, n, usual)
    enough, at = rng.uniform(0.06, 0.4), np.arange(n)
    for _ in range(n):
        line = np.column_stack([np.interp(at, keys, column[keys]) for column in edges.T])
        off = np.abs(line - edges).max(axis=1) / size[:, 0] * noticed
        if off.max() < enough:
            break
        keys = np.unique(np.append(keys, off.argmax()))
    return [int(key) for key in keys]


def beside(
    rng: np.random.Generator, begin: int, other: np.ndarray, fps: float
) -> tuple[int, np.ndarray]:
    """Walk beside another for some of its time: first frame and path."""
    n = len(other)
    stay = int(rng.integers(min(9, n), n + 1))
    start = int(rng.integers(n - stay + 1))
    path = other[start : start + stay]
    across = rng.choice([-1, 1]) * rng.uniform(0.2, 1.0) + 0.3 * wander(
        rng, stay, fps**-0.5, 1 / fps
    )
    sides = path[:, 2:] * np.exp(0.12 * rng.normal(size=2))
    place = np.column_stack([across, np.full(stay, 0.05 * rng.normal())]) * path[:, 2:]
    return begin + start, np.column_stack([path[:, :2] + place, sides])


def when_and_where(
    rng: np.random.Generator, length: int, gone: list[tuple[int, np.ndarray]]
) -> tuple[int, int, np.ndarray | None]:
    """First frame and number of frames of an object; the box it takes the place of, if any."""
    if gone and rng.random() < AFTER_ANOTHER:
        last, place = gone[int(rng.integers(len(gone)))]
        begin = last + 1 + int(rng.integers(15))
        if length - begin >= 12:
            return begin, int(rng.integers(12, length - begin + 1)), place
    stay = int(rng.integers(max(length // 4, 12), length + 1))
    return int(rng.integers(0, length - stay + 1)), stay, None


def in_place_of(rng: np.random.Generator, path: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Move a path so that it begins about where another object was last seen, about as large."""
    scale = np.sqrt(place[2] * place[3] / (path[0, 2] * path[0, 3])) * np.exp(0.25 * rng.normal())
    moved = path * scale
    moved[:, :2] += place[:2] - moved[0, :2] + rng.normal(0, 0.4, size=2) * place[2:]
    return moved


def looked_at(rng: np.random.Generator, n: int, usual: float) -> np.ndarray:
    """Frames on which the annotator checks the box: all but some stretches, or just a few."""
    if rng.random() < 0.3:
        return rng.random(n) < min(1.0, rng.uniform(1.0, 5.0) / usual)
    checked = np.ones(n, dtype=bool)
    for _ in range(1 + n // 60):
        start = int(rng.integers(n))
        if rng.random() < 0.5:
            checked[start : start + int(usual * rng.uniform(0.7, 2.0))] = False
    return checked


def simulate(
    scene: int, *, boxes: int = 2500, style: str | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make one sequence of about ``boxes`` boxes, and its table of frames.

    The column ``off`` says how far, in box sizes, the drawn box lies from the object.
    """
    rng = np.random.default_rng([2024, scene])
    camera, thing = CAMERAS[scene % 4], THINGS[(scene // 4) % 3]
    fps = float(rng.choice([3, 5, 10, 14, 25, 30]))
    image = [(640, 480), (1920, 1080), (1280, 720), (1242, 375)][int(rng.integers(4))]
    length = int(np.clip(rng.uniform(8, 40) * fps, 60, 500))
    usual = str(rng.choice(["every frame", "fixed distance", "where needed"], p=[0.4, 0.25, 0.35]))
    style = style or usual
    care, whole = float(np.exp(rng.uniform(np.log(0.003), np.log(0.02)))), rng.random() < 0.6
    cut, amodal = rng.random() < 0.6, rng.random() < 0.5
    shift = camera_motion(rng, camera, length, fps)
    parts, total, gone, others = [], 0, [], []
    for number in range(60):
        if others and rng.random() < BESIDE_ANOTHER:
            begin, path = beside(rng, *others[int(rng.integers(len(others)))], fps)
        else:
            begin, stay, place = when_and_where(rng, length, gone)
            path = true_path(rng, thing, camera, stay, fps, image)
            if place is not None:
                path = in_place_of(rng, path, place)
            if rng.random() < STANDING:
                path[:] = path[0]
            path[:, :2] += shift[begin : begin + stay] - shift[begin]
        others.append((begin, path))
        drawn = as_drawn(rng, path, style, care, fps)
        if (path == path[0]).all() and rng.random() < 0.7:
            drawn[:] = drawn[0]  # what does not move is drawn once
        off = away(drawn, path)
        left, top, right, bottom = (
            drawn[:, 0], drawn[:, 1], drawn[:, 0] + drawn[:, 2], drawn[:, 1] + drawn[:, 3],
        )  # fmt: skip
        seen = (right > 4) & (bottom > 4) & (left < image[0] - 4) & (top < image[1] - 4)
        if cut and not amodal:
            left, top = np.maximum(left, 0), np.maximum(top, 0)
            right, bottom = np.minimum(right, image[0] - 1), np.minimum(bottom, image[1] - 1)
        seen &= (right - left > 3) & (bottom - top > 3)
        table = pd.DataFrame(
            {"frame": begin + np.arange(len(path)), "left": left, "top": top,
             "width": right - left, "height": bottom - top, "off": off}
        )[seen]  # fmt: skip
        table = table.round(dict.fromkeys(SIDES, 0 if whole else 2))
        if len(table) > 8:
            gone.append((int(table["frame"].iloc[-1]), table[list(SIDES)].to_numpy()[-1]))
            parts.append(table.assign(track=str(number)))
            total += len(table)
        if total > boxes:
            break
    name = f"simulated-{scene}"
    table = pd.concat(parts, ignore_index=True)
    label = {"walkers": "pedestrian", "cars": "car", "players": "player"}[thing]
    table = table.assign(sequence=name, label=label, annotator="consolidated")
    if rng.random() < 0.5:
        table = without_hidden(table)
    frames = pd.DataFrame(
        {"sequence": name, "frame": np.arange(length), "time": np.arange(length) / fps}
    )
    return table, frames.assign(
        image=None, image_width=float(image[0]), image_height=float(image[1])
    )


def without_hidden(table: pd.DataFrame) -> pd.DataFrame:
    """Leave out boxes that a nearer one covers: people do not draw what they cannot see."""
    kept = np.ones(len(table), dtype=bool)
    for _, rows in table.groupby("frame").indices.items():
        box = table.iloc[rows]
        left, top = box["left"].to_numpy(), box["top"].to_numpy()
        right, bottom = left + box["width"].to_numpy(), top + box["height"].to_numpy()
        wide = np.minimum(right[:, None], right) - np.maximum(left[:, None], left)
        high = np.minimum(bottom[:, None], bottom) - np.maximum(top[:, None], top)
        share = (
            np.maximum(wide, 0) * np.maximum(high, 0) / ((right - left) * (bottom - top))[:, None]
        )
        kept[rows] = ~((share > 0.85) & (bottom > bottom[:, None])).any(axis=1)
    return table[kept].reset_index(drop=True)
