"""Plant known mistakes into real tracks: the independent generator of the detection benchmark.

Written before any detector was tuned and without a line of ``annotaudit.audit.planting``, so that
the benchmark does not ask the ranker for the very mistakes it was taught with.

Every planted mistake is one *event*: a set of cells (sequence, frame, track) that a reviewer would
have to look at. Kinds in ``HARD`` are planted too but counted apart: boxes alone hardly show them.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

SIDES = ["left", "top", "width", "height"]
HARD = ("late start", "early end")


class Sequence:
    """One sequence's boxes as they get spoilt, with the truth about what was done to them."""

    def __init__(self, boxes: pd.DataFrame, image: tuple[float, float], rng: np.random.Generator):
        self.boxes = boxes.sort_values(["track", "frame"], kind="stable").reset_index(drop=True)
        self.boxes["_keep"] = True
        self.image, self.rng = image, rng
        self.whole = bool((self.boxes[SIDES] == self.boxes[SIDES].round()).all(axis=None))
        self.used = np.zeros(len(self.boxes), dtype=bool)
        self.added: list[pd.DataFrame] = []
        self.events: list[tuple[str, np.ndarray, str]] = []
        self.rows_of = self.boxes.groupby("track", sort=True).indices
        self.tracks = list(self.rows_of)
        self.cost = 0
        self.names = 0

    def window(self, length: int, margin: int = 4) -> np.ndarray | None:
        """Rows of one track, consecutive in time, that no mistake has touched yet."""
        rng = self.rng
        weight = np.array([len(self.rows_of[t]) for t in self.tracks], dtype=float)
        for _ in range(30):
            rows = self.rows_of[self.tracks[rng.choice(len(weight), p=weight / weight.sum())]]
            if len(rows) < length + 2 * margin:
                continue
            start = int(rng.integers(margin, len(rows) - length - margin + 1))
            around = rows[start - margin : start + length + margin]
            frames = self.boxes["frame"].to_numpy()[around]
            if frames[-1] - frames[0] == len(around) - 1 and not self.used[around].any():
                self.used[around] = True
                return rows[start : start + length]
        return None

    def sides(self, rows: np.ndarray) -> np.ndarray:
        """Left, top, width and height of these rows."""
        return self.boxes.loc[rows, SIDES].to_numpy(dtype=float, copy=True)

    def put(self, rows: np.ndarray, sides: np.ndarray) -> None:
        """Write sides, rounded where the sequence holds whole pixels."""
        self.boxes.loc[rows, SIDES] = np.round(sides) if self.whole else sides

    def note(self, kind: str, rows: np.ndarray, *, cost: int | None = None, copy: str = "") -> None:
        """Record one event over these rows, and over their copies under another name."""
        self.events.append((kind, rows, copy))
        self.cost += len(rows) if cost is None else cost

    def truth(self) -> pd.DataFrame:
        """Touched cells under the names their objects carry in the end."""
        parts = []
        for event, (kind, rows, copy) in enumerate(self.events):
            cells = self.boxes.loc[rows, ["sequence", "frame", "track"]]
            parts.append(cells.assign(kind=kind, event=event))
            if copy:
                parts.append(cells.assign(track=copy, kind=kind, event=event))
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()

    def new_name(self) -> str:
        """Name an object as no other is named."""
        self.names += 1
        return f"new-{self.names}"


def _scaled(sides: np.ndarray, sx: float, sy: float, ax: float, ay: float) -> np.ndarray:
    """Grow boxes by (sx, sy), holding the point at (ax, ay) of the box in place."""
    left, top, width, height = sides.T
    return np.column_stack(
        [left + ax * width * (1 - sx), top + ay * height * (1 - sy), width * sx, height * sy]
    )


def size(s: Sequence) -> None:
    """Make one to three boxes 10-60 % too large or too small."""
    rows = s.window(int(s.rng.integers(1, 4)))
    if rows is None:
        return
    change = s.rng.uniform(0.1, 0.6) * s.rng.choice([-1, 1])
    which = s.rng.integers(3)
    sx = 1 + change if which in (0, 2) else 1.0
    sy = 1 + change if which in (1, 2) else 1.0
    anchor = s.rng.choice([0.0, 0.5, 1.0], size=2)
    s.put(rows, _scaled(s.sides(rows), sx, sy, *anchor))
    s.note("size", rows)


def _moved(s: Sequence, rows: np.ndarray, low: float, high: float) -> np.ndarray:
    angle, size = s.rng.uniform(0, 2 * np.pi), s.rng.uniform(low, high)
    width = s.sides(rows)[:, 2].mean()
    return size * width * np.array([np.cos(angle), np.sin(angle), 0.0, 0.0])


def shift(s: Sequence) -> None:
    """Move one to three boxes by .2 to 1 box width."""
    rows = s.window(int(s.rng.integers(1, 4)))
    if rows is not None:
        s.put(rows, s.sides(rows) + _moved(s, rows, 0.2, 1.0))
        s.note("shift", rows)


def drift(s: Sequence) -> None:
    """Let the box wander off and snap back."""
    rows = s.window(int(s.rng.integers(5, 16)))
    if rows is not None:
        grow = np.arange(1, len(rows) + 1)[:, None] / len(rows)
        s.put(rows, s.sides(rows) + grow * _moved(s, rows, 0.3, 1.0))
        s.note("drift", rows[len(rows) // 3 :], cost=len(rows))


def bad_keyframe(s: Sequence) -> None:
    """Put one keyframe wrong, with straight ramps on either side."""
    before, after = s.rng.integers(2, 9, size=2)
    rows = s.window(int(before + after + 1))
    if rows is None:
        return
    old = s.sides(rows)
    apex = old[before] + _moved(s, rows, 0.2, 0.8)
    stretch = 1 + s.rng.uniform(-0.25, 0.25)
    apex = _scaled(apex[None], stretch, stretch, 0.5, 0.5)[0]
    at = np.arange(len(rows))
    new = np.column_stack(
        [
            np.interp(at, [0, before, len(rows) - 1], [o[0], a, o[-1]])
            for o, a in zip(old.T, apex, strict=True)
        ]
    )
    s.put(rows, new)
    s.note("bad keyframe", rows[1:-1])


def sparse_keyframes(s: Sequence) -> None:
    """Lay boxes on a chord that the object leaves."""
    for _ in range(40):
        rows = s.window(int(s.rng.integers(6, 26)))
        if rows is None:
            return
        old = s.sides(rows)
        at = np.arange(len(rows))
        new = np.column_stack([np.interp(at, [0, at[-1]], o[[0, -1]]) for o in old.T])
        off = np.abs(new - old)[:, :2] + np.array([0.5, 0.5]) * np.abs(new - old)[:, 2:]
        off = off.max(axis=1) / np.sqrt(np.maximum(old[:, 2] * old[:, 3], 1))
        if off.max() >= 0.08:  # the object leaves the chord: otherwise nothing is wrong
            s.put(rows, new)
            s.note("sparse keyframes", rows[1:-1])
            return


def frozen(s: Sequence) -> None:
    """Stop the box while the object moves on."""
    for _ in range(20):
        rows = s.window(int(s.rng.integers(4, 16)))
        if rows is None:
            return
        old = s.sides(rows)
        if np.hypot(*(old[-1] - old[0])[:2]) >= 0.15 * old[:, 2].mean():
            s.put(rows, np.repeat(old[:1], len(rows), axis=0))
            s.note("frozen", rows[1:])
            return


def jitter(s: Sequence) -> None:
    """Shake every edge for some frames."""
    rows = s.window(int(s.rng.integers(5, 13)))
    if rows is not None:
        old = s.sides(rows)
        spread = s.rng.uniform(0.04, 0.15) * np.sqrt(np.abs(old[:, 2] * old[:, 3]))
        s.put(rows, old + s.rng.normal(size=old.shape) * spread[:, None])
        s.note("jitter", rows)


def swap(s: Sequence) -> None:
    """From some frame on, two objects that touch there carry each other's id."""
    boxes = s.boxes[s.boxes["_keep"]]
    for _ in range(60):
        rows = s.rows_of[s.tracks[s.rng.integers(len(s.tracks))]]
        row = rows[s.rng.integers(len(rows))]
        a = boxes.loc[row] if row in boxes.index else None
        if a is None:
            continue
        near = boxes[(boxes["frame"] == a["frame"]) & (boxes["track"] != a["track"])]
        wide = np.minimum(near["left"] + near["width"], a["left"] + a["width"]) - np.maximum(
            near["left"], a["left"]
        )
        high = np.minimum(near["top"] + near["height"], a["top"] + a["height"]) - np.maximum(
            near["top"], a["top"]
        )
        near = near[(wide > 0) & (high > 0)]
        if near.empty:
            continue
        b = near.iloc[s.rng.integers(len(near))]
        one, two = s.rows_of[a["track"]], s.rows_of[b["track"]]
        frame = s.boxes["frame"].to_numpy()
        close = [r[(frame[r] >= a["frame"] - 4) & (frame[r] <= a["frame"] + 4)] for r in (one, two)]
        if any(len(c) < 9 or s.used[c].any() for c in close):
            continue
        for c in close:
            s.used[c] = True
        tail_one, tail_two = one[frame[one] >= a["frame"]], two[frame[two] >= a["frame"]]
        at = [r[frame[r] == a["frame"]] for r in (one, two)]
        s.boxes.loc[tail_one, "track"], s.boxes.loc[tail_two, "track"] = b["track"], a["track"]
        s.note("swap", np.concatenate(at))
        s.rows_of[a["track"]] = np.concatenate([one[frame[one] < a["frame"]], tail_two])
        s.rows_of[b["track"]] = np.concatenate([two[frame[two] < a["frame"]], tail_one])
        return


def fragment(s: Sequence) -> None:
    """Give the rest of a track a new name."""
    rows = s.window(2)
    if rows is None:
        return
    name, old = s.new_name(), s.boxes.loc[rows[0], "track"]
    own = s.rows_of[old]
    tail = own[s.boxes["frame"].to_numpy()[own] >= s.boxes.loc[rows[1], "frame"]]
    s.boxes.loc[tail, "track"] = name
    s.rows_of[old], s.rows_of[name] = own[: len(own) - len(tail)], tail
    s.tracks.append(name)
    s.note("fragment", rows, cost=1)


def gap(s: Sequence) -> None:
    """Leave boxes out."""
    rows = s.window(int(s.rng.integers(1, 9)))
    if rows is not None:
        s.boxes.loc[rows, "_keep"] = False
        s.note("gap", rows)


def duplicate(s: Sequence) -> None:
    """Draw an object twice, under two names."""
    rows = s.window(int(s.rng.integers(4, 21)))
    if rows is None:
        return
    name, old = s.new_name(), s.sides(rows)
    spread = np.sqrt(np.abs(old[:, 2] * old[:, 3]))[:, None]
    offset = s.rng.normal(size=4) * 0.05 + s.rng.normal(size=old.shape) * 0.02
    new = old + offset * spread
    new = np.round(new) if s.whole else new
    copy = s.boxes.loc[rows].assign(track=name)
    copy[SIDES] = new
    s.added.append(copy)
    s.note("duplicate", rows, copy=name)


def degenerate(s: Sequence) -> None:
    """Put a box off the image, or give it an impossible side."""
    rows = s.window(1)
    if rows is None:
        return
    sides, (wide, high) = s.sides(rows), s.image
    match s.rng.integers(4):
        case 0:
            sides[0, :2] = wide + s.rng.uniform(5, 200), s.rng.uniform(0, high)
        case 1:
            sides[0, 2 + s.rng.integers(2)] = 0.0
        case 2:
            sides[0, 2 + s.rng.integers(2)] *= -1
        case _:
            sides[0, s.rng.integers(4)] = s.rng.choice([np.nan, np.inf])
    s.boxes.loc[rows, SIDES] = sides
    s.note("degenerate", rows)


def label(s: Sequence) -> None:
    """Give some boxes another class."""
    rows = s.window(int(s.rng.integers(1, 9)))
    if rows is None:
        return
    names = [n for n in s.boxes["label"].unique() if n != s.boxes.loc[rows[0], "label"]]
    s.boxes.loc[rows, "label"] = s.rng.choice([*names, "something else"])
    s.note("label", rows)


def _cut(s: Sequence, kind: str) -> None:
    length = int(s.rng.integers(3, 16))
    inner = [
        t
        for t, rows in s.rows_of.items()
        if len(rows) > length + 8 and not s.used[rows[:20]].any() and not s.used[rows[-20:]].any()
    ]
    if not inner:
        return
    rows = s.rows_of[inner[s.rng.integers(len(inner))]]
    cut = rows[:length] if kind == "late start" else rows[len(rows) - length :]
    near = rows[: length + 4] if kind == "late start" else rows[len(rows) - length - 4 :]
    s.used[near] = True
    s.boxes.loc[cut, "_keep"] = False
    s.note(kind, cut, cost=0)


KINDS = {
    "size": size, "shift": shift, "drift": drift, "bad keyframe": bad_keyframe,
    "sparse keyframes": sparse_keyframes, "frozen": frozen, "swap": swap, "fragment": fragment,
    "gap": gap, "duplicate": duplicate, "degenerate": degenerate, "label": label,
    "jitter": jitter, "late start": lambda s: _cut(s, "late start"),
    "early end": lambda s: _cut(s, "early end"),
}  # fmt: skip


def plant(
    boxes: pd.DataFrame, images: dict[str, tuple[float, float]], *, share: float, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Spoil about ``share`` of the boxes; kinds take turns, so that each is planted about as often.

    Returns
    -------
    boxes, truth : DataFrame
        The spoilt table; and one row per touched cell: sequence, frame, track, kind, event.
    """
    spoilt, truth, events = [], [], 0
    for number, (name, own) in enumerate(boxes.groupby("sequence", sort=True)):
        rng = np.random.default_rng([seed, number])
        s = Sequence(own.assign(track=own["track"].astype(str)), images[name], rng)
        for _ in range(200):
            for kind in rng.permutation(list(KINDS)):
                if s.cost < share * len(own):
                    KINDS[kind](s)
        kept = s.boxes[s.boxes["_keep"]]
        spoilt.append(pd.concat([kept, *s.added]).drop(columns="_keep"))
        if s.events:
            truth.append(s.truth().assign(event=lambda t, e=events: t["event"] + e))
        events += len(s.events)
    return pd.concat(spoilt, ignore_index=True), pd.concat(truth, ignore_index=True)
