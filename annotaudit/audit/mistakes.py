"""The mistakes people make, one function each, drawn into a sheet of boxes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
MARGIN = 3  # untouched boxes kept on either side of a mistake


@dataclass
class Sheet:
    """One table being spoilt, as arrays sorted by object and frame, and the truth about it."""

    rng: np.random.Generator
    sides: Floats
    frame: Ints
    thing: Ints
    label: NDArray[np.object_]
    image: Floats
    whole: NDArray[np.bool_]
    kept: NDArray[np.bool_]
    taken: NDArray[np.bool_]
    start: Ints
    length: Ints
    scene: Ints
    by_frame: Ints  # rows ordered by scene and frame
    frame_key: Ints
    names: list[str]
    touched: int = 0
    copies: list[tuple[Ints, Floats, int]] = field(default_factory=list)
    cells: list[tuple[str, Ints, int | None]] = field(default_factory=list)

    def pick(self, length: int, *, at_end: float = 0.0) -> Ints | None:
        """Rows of a stretch of one object that is untouched and without gaps.

        With a chance of ``at_end`` it stands at the start or the end of the track.
        """
        n = len(self.frame)
        for _ in range(25):
            first, before, after = int(self.rng.integers(n)), MARGIN, MARGIN
            if self.rng.random() < at_end:
                begin, whole = int(self.start[first]), int(self.length[first])
                starting = self.rng.random() < 0.5
                first = begin if starting else begin + whole - length
                before, after = (0, MARGIN) if starting else (MARGIN, 0)
            rows = np.arange(first - before, first + length + after)
            if rows[0] < 0 or rows[-1] >= n or self.thing[rows[0]] != self.thing[rows[-1]]:
                continue
            steady = self.frame[rows[-1]] - self.frame[rows[0]] == len(rows) - 1
            if steady and not self.taken[rows].any() and np.isfinite(self.sides[rows]).all():
                self.taken[rows] = True
                return rows[before : before + length]
        return None

    def draw(self, rows: Ints, sides: Floats) -> None:
        """Write sides, rounded where the scene holds whole pixels."""
        self.sides[rows] = np.where(self.whole[rows, None], np.round(sides), sides)

    def note(self, kind: str, rows: Ints, thing: int | None = None) -> None:
        """Record one mistake over these rows, or over their copies under another name."""
        self.cells.append((kind, rows, thing))
        self.touched += len(rows)

    def rename(self, name: str) -> int:
        """Add a name, and return its number."""
        self.names.append(name)
        return len(self.names) - 1


def _size_of(sides: Floats) -> Floats:
    size: Floats = np.sqrt(np.maximum(np.abs(sides[:, 2] * sides[:, 3]), 1.0))
    return size


def _off(sheet: Sheet, rows: Ints, least: float, most: float) -> Floats:
    """Return a movement of ``least`` to ``most`` box widths in any direction."""
    turn = sheet.rng.uniform(0, 2 * np.pi)
    far = np.exp(sheet.rng.uniform(np.log(least), np.log(most))) * sheet.sides[rows, 2].mean()
    return np.asarray(far * np.array([np.cos(turn), np.sin(turn), 0.0, 0.0]))


def _stretched(sides: Floats, rng: np.random.Generator, least: float, most: float) -> Floats:
    """Change width, height or both, holding one point of the box in place."""
    factor = 1 + rng.choice([-1, 1]) * np.exp(rng.uniform(np.log(least), np.log(most)))
    factors = np.where(rng.permutation([True, rng.random() < 0.5]), factor, 1.0)
    hold = rng.choice([0.0, 0.5, 1.0], size=2)
    grown = sides[:, 2:] * factors
    return np.column_stack([sides[:, :2] + hold * (sides[:, 2:] - grown), grown])


def _chord(sides: Floats, ends: Sequence[int]) -> Floats:
    at = np.arange(len(sides))
    return np.column_stack([np.interp(at, ends, column[list(ends)]) for column in sides.T])


def _size(sheet: Sheet) -> None:
    rows = sheet.pick(int(sheet.rng.integers(1, 4)), at_end=0.35)
    if rows is not None:
        sheet.draw(rows, _stretched(sheet.sides[rows], sheet.rng, 0.1, 0.6))
        sheet.note("size", rows)


def _shift(sheet: Sheet) -> None:
    rows = sheet.pick(int(sheet.rng.integers(1, 4)), at_end=0.35)
    if rows is not None:
        sheet.draw(rows, sheet.sides[rows] + _off(sheet, rows, 0.15, 1.0))
        sheet.note("shift", rows)


def _drift(sheet: Sheet) -> None:
    rows = sheet.pick(int(sheet.rng.integers(4, 17)))
    if rows is None:
        return
    grow = np.arange(1, len(rows) + 1) / len(rows)
    grow = grow[::-1] if sheet.rng.random() < 0.25 else grow
    sheet.draw(rows, sheet.sides[rows] + grow[:, None] * _off(sheet, rows, 0.2, 1.0))
    sheet.note("drift", rows[grow > 0.4])


def _bad_keyframe(sheet: Sheet) -> None:
    rise, fall = (int(n) for n in sheet.rng.integers(2, 9, size=2))
    rows = sheet.pick(rise + fall + 1)
    if rows is None:
        return
    sides = sheet.sides[rows].copy()
    if sheet.rng.random() < 0.7:
        sides[rise] += _off(sheet, rows, 0.12, 0.8)
    if sheet.rng.random() < 0.5:
        sides[rise] = _stretched(sides[[rise]], sheet.rng, 0.1, 0.4)[0]
    new = _chord(sides, [0, rise, len(rows) - 1])
    away = np.abs(new - sheet.sides[rows]).max(axis=1) / _size_of(sheet.sides[rows])
    if away.max() > 0.06:
        sheet.draw(rows, new)
        sheet.note("bad keyframe", rows[away > 0.4 * away.max()])


def _sparse_keyframes(sheet: Sheet) -> None:
    """Draw only some frames and let straight lines join them, though the object leaves these."""
    for _ in range(12):
        length = int(np.exp(sheet.rng.uniform(np.log(6), np.log(45))))
        rows = sheet.pick(length, at_end=0.2)
        if rows is None:
            continue
        ends = [0, length - 1]
        if length > 14 and sheet.rng.random() < 0.5:
            ends = sorted({*ends, *range(int(sheet.rng.integers(6, length - 6)), length - 4, 12)})
        new = _chord(sheet.sides[rows], ends)
        away = np.abs(new - sheet.sides[rows]).max(axis=1) / _size_of(sheet.sides[rows])
        if away.max() > 0.08:
            sheet.draw(rows, new)
            sheet.note("sparse keyframes", rows[away > 0.3 * away.max()])
            return
        sheet.taken[rows] = False


def _frozen(sheet: Sheet) -> None:
    for _ in range(8):
        rows = sheet.pick(int(sheet.rng.integers(3, 18)))
        if rows is None:
            return
        sides = sheet.sides[rows]
        if np.abs(sides[-1] - sides[0]).max() > 0.12 * _size_of(sides)[0]:
            sheet.sides[rows] = sides[0]
            sheet.note("frozen", rows[1:])
            return
        sheet.taken[rows] = False


def _jitter(sheet: Sheet) -> None:
    rows = sheet.pick(int(sheet.rng.integers(4, 14)))
    if rows is not None:
        sides = sheet.sides[rows]
        noise = sheet.rng.uniform(0.03, 0.15) * sheet.rng.normal(size=sides.shape)
        sheet.draw(rows, sides + noise * _size_of(sides)[:, None])
        sheet.note("jitter", rows)


def _gap(sheet: Sheet) -> None:
    rows = sheet.pick(int(sheet.rng.integers(1, 11)))
    if rows is not None:
        sheet.kept[rows] = False
        sheet.note("gap", rows)


def _duplicate(sheet: Sheet) -> None:
    rows = sheet.pick(int(sheet.rng.integers(3, 26)))
    if rows is None:
        return
    sides, rng = sheet.sides[rows], sheet.rng
    wobble = rng.normal(size=4) * 0.05 + rng.normal(size=sides.shape) * rng.uniform(0, 0.03)
    new = sides + wobble * _size_of(sides)[:, None]
    new = np.where(sheet.whole[rows, None], np.round(new), new)
    name = sheet.rename(f"double-{len(sheet.names)}")
    sheet.copies.append((rows, new, name))
    sheet.note("duplicate", rows, name)


def _label(sheet: Sheet) -> None:
    rows = sheet.pick(int(sheet.rng.integers(1, 10)))
    if rows is not None:
        others = [name for name in _some(sheet.label) if name != sheet.label[rows[0]]]
        sheet.label[rows] = sheet.rng.choice([*others, "another label"])
        sheet.note("label", rows)


def _some(label: NDArray[np.object_]) -> list[str]:
    return sorted({str(name) for name in label[:: max(1, len(label) // 200)]})[:10]


def _degenerate(sheet: Sheet) -> None:
    rows = sheet.pick(1)
    if rows is None:
        return
    row, which = rows[0], sheet.rng.integers(4)
    if which == 0 and np.isfinite(sheet.image[row]).all():
        sheet.sides[row, :2] = sheet.image[row] + sheet.rng.uniform(1, 200, size=2)
    elif which == 1:
        sheet.sides[row, 2 + sheet.rng.integers(2)] = 0.0
    elif which == 2:
        sheet.sides[row, 2 + sheet.rng.integers(2)] *= -1.0
    else:
        sheet.sides[row, sheet.rng.integers(4)] = np.nan
    sheet.note("degenerate", rows)


def _tail(sheet: Sheet, row: int) -> Ints:
    """Rows that carry the name of this row, from here on; a swap may have moved some elsewhere."""
    begin, end = np.searchsorted(sheet.scene, [sheet.scene[row], sheet.scene[row] + 1])
    same = sheet.thing[begin:end] == sheet.thing[row]
    later = sheet.frame[begin:end] >= sheet.frame[row]
    return np.asarray(begin + np.flatnonzero(same & later))


def _fragment(sheet: Sheet) -> None:
    rows = sheet.pick(2 + int(sheet.rng.integers(0, 3)))
    if rows is None:
        return
    tail = _tail(sheet, int(rows[-1]))
    sheet.kept[rows[1:-1]] = False
    sheet.thing[tail] = sheet.rename(f"part-{len(sheet.names)}")
    sheet.note("fragment", rows[-1:])


def _swap(sheet: Sheet) -> None:
    """Exchange the names of two objects that touch, from this frame on."""
    for _ in range(30):
        row = int(sheet.rng.integers(len(sheet.frame)))
        low, high = np.searchsorted(
            sheet.frame_key, [_frame_key(sheet, row), _frame_key(sheet, row) + 1]
        )
        others = sheet.by_frame[low:high]
        a, b = sheet.sides[row], sheet.sides[others]
        apart = np.maximum(np.abs(a[0] + a[2] / 2 - b[:, 0] - b[:, 2] / 2) * 2 - a[2] - b[:, 2], 0)
        steep = np.maximum(np.abs(a[1] + a[3] / 2 - b[:, 1] - b[:, 3] / 2) * 2 - a[3] - b[:, 3], 0)
        others = others[(apart + steep < 0.3 * a[2]) & (others != row)]
        if not len(others):
            continue
        other = int(sheet.rng.choice(others))
        near = [r + np.arange(-MARGIN, MARGIN + 1) for r in (row, other)]
        if any(
            r[0] < 0
            or r[-1] >= len(sheet.frame)
            or (sheet.thing[r] != sheet.thing[r[MARGIN]]).any()
            or sheet.frame[r[-1]] - sheet.frame[r[0]] != 2 * MARGIN
            or sheet.taken[r].any()
            for r in near
        ):
            continue
        for r in near:
            sheet.taken[r] = True
        one, two = _tail(sheet, row), _tail(sheet, other)
        names = sheet.thing[row], sheet.thing[other]
        sheet.thing[one], sheet.thing[two] = names[1], names[0]
        sheet.note("swap", np.array([row, other]))
        return


def _frame_key(sheet: Sheet, row: int) -> int:
    return int(sheet.scene[row] * (sheet.frame.max() + 1) + sheet.frame[row])


def _late_start(sheet: Sheet) -> None:
    _cut(sheet, "late start")


def _early_end(sheet: Sheet) -> None:
    _cut(sheet, "early end")


def _cut(sheet: Sheet, kind: str) -> None:
    for _ in range(20):
        row = int(sheet.rng.integers(len(sheet.frame)))
        cut = int(sheet.rng.integers(3, 16))
        start, length = int(sheet.start[row]), int(sheet.length[row])
        first = start if kind == "late start" else start + length - cut
        rows = np.arange(first, first + cut)
        if length < cut + 8 or sheet.taken[rows].any() or len(np.unique(sheet.thing[rows])) > 1:
            continue
        sheet.taken[rows] = True
        sheet.kept[rows] = False
        sheet.note(kind, rows)
        return


KINDS: dict[str, Callable[[Sheet], None]] = {
    "size": _size,
    "shift": _shift,
    "drift": _drift,
    "bad keyframe": _bad_keyframe,
    "sparse keyframes": _sparse_keyframes,
    "frozen": _frozen,
    "swap": _swap,
    "fragment": _fragment,
    "gap": _gap,
    "duplicate": _duplicate,
    "degenerate": _degenerate,
    "label": _label,
    "jitter": _jitter,
    "late start": _late_start,
    "early end": _early_end,
}
UNSEEN = ("late start", "early end")  # boxes alone hardly show them
