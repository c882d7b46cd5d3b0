"""Learn from the labels themselves what a mistake in them would look like."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from annotaudit.audit.findings import no_findings
from annotaudit.audit.planting import UNSEEN, plant_mistakes
from annotaudit.audit.shipped import Shipped, shipped
from annotaudit.audit.signals import Signals, signals_of
from annotaudit.audit.trees import Trees, grow
from annotaudit.audit.words import VOICES, findings_from, once, speakers
from annotaudit.boxes import OBJECT, Labels, check_boxes

CELL = [*OBJECT, "frame"]
SHARE = 0.05  # of the boxes that planted mistakes touch, per planting
EXPECTED = 0.02  # of the boxes that mistakes touch in labels as people draw them
PLANTINGS = 3
SAMPLE = 50_000  # boxes to learn from
TREES = 120  # in either ensemble
ENOUGH = 3_000  # boxes; with fewer, labels have too little to teach
FEW = 500  # boxes; with fewer, what is usual in them is hardly known: hand-set rules judge
OWN = 0.65  # weight of what the labels taught, beside the shipped weights
# A box as drawn teaches nothing, because it may be a mistake itself, from these scores on: of the
# shipped weights, or of a first look at the labels with so many trees.
DOUBT, DOUBT_AT_FIRST_LOOK, FIRST_LOOK = 0.8, 0.1, 60
APART = 3  # frames; closer suspicions of one object are one event
FEW_EVENTS = 3.0  # so many of a rule say as much as that all rules deserve the same trust

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Ranker:
    """What was learned; small, and made to be pickled.

    Attributes
    ----------
    own : tuple of Trees
        One learned on either half of the objects, to judge the other half: no box is judged by
        trees that were told it is right. Empty where the labels had too little to teach.
    shipped : Shipped
        Weights learned from simulated tracks, which have a say beside them.
    slope, shift : float
        Turn log-odds into those of a real mistake.
    by_rule : tuple of float
        What is added to the log-odds of a finding, for each of the ways to speak in
        ``words.VOICES``: in labels with restless edges a jump proves less than a second name.
    """

    own: tuple[Trees, ...]
    shipped: Shipped
    slope: float = 1.0
    shift: float = 0.0
    by_rule: tuple[float, ...] = ()

    def raw(self, signals: Signals, boxes: pd.DataFrame) -> Floats:
        """Return log-odds that each box whose motion stands out is a mistake, before calibration.

        0 for all others: of these the ranker has learned nothing.
        """
        odds = self.shipped.trees.ask(signals.table)  # nearly all of these boxes move
        if self.own:
            half = _half(boxes, signals)
            for number, trees in enumerate(self.own):
                mine = np.flatnonzero(half == number)
                odds[mine] = OWN * trees.ask(signals.table, mine) + (1 - OWN) * odds[mine]
        return np.where(signals.moves, odds, 0.0)

    def score(self, signals: Signals, boxes: pd.DataFrame) -> Floats:
        """Return the share of findings like each of these that are real."""
        odds = self.slope * self.raw(signals, boxes) + self.shift
        odds[~signals.moves] = -np.inf
        slope, shift = self.shipped.between
        odds = np.maximum(odds, slope * np.log(np.maximum(signals.astray, 1e-6)) + shift)
        return np.asarray(1 / (1 + np.exp(-odds)))

    def findings(self, boxes: pd.DataFrame, frames: pd.DataFrame | None = None) -> pd.DataFrame:
        """Judge every box; one finding for each event.

        Parameters
        ----------
        boxes : DataFrame
            A checked box table of whole sequences.
        frames : DataFrame, optional
            The frames looked at.

        Returns
        -------
        DataFrame
            Findings, in no particular order.
        """
        if boxes["track"].isna().all():
            return no_findings()
        signals = signals_of(boxes, frames)
        score = self.score(signals, boxes)
        which = np.flatnonzero(peaks(signals, score) & signals.scene.paths.sound[signals.spots])
        who, value = speakers(signals, which)
        kept = once(signals, which, score[which], who, value)
        which, who, value = which[kept], who[kept], value[kept]
        score = less_for_repeats(signals, which, score)[which]
        if self.by_rule:
            score = self._by_rule(signals.moves[which], who, score)
        return findings_from(boxes, signals, which, score, who, value)

    def _by_rule(self, moves: NDArray[np.bool_], who: NDArray[np.int64], score: Floats) -> Floats:
        more = np.exp(np.where(moves, np.take(self.by_rule, who), 0.0))
        return np.asarray(score * more / (1 - score + score * more))


def fit_ranker(labels: Labels | pd.DataFrame, *, seed: int = 0) -> Ranker:
    """Learn to rank suspicions from the labels themselves.

    Most boxes in any file are right. Known mistakes are planted into a copy of a sample of them,
    and a small ensemble of trees learns what tells planted from natural. Boxes as they were drawn
    that look like mistakes themselves teach nothing.

    Parameters
    ----------
    labels : Labels or DataFrame
        What people drew.
    seed : int
        The same labels and seed give the same ranker.

    Returns
    -------
    Ranker
        For ``annotaudit.audit(labels, ranker=ranker)``.
    """
    whole = labels if isinstance(labels, Labels) else Labels(check_boxes(labels))
    boxes = whole.boxes
    frames = whole.frames if {"sequence", "frame"} <= set(whole.frames) else None
    general = shipped()
    if boxes["track"].notna().sum() < ENOUGH:
        return Ranker((), general, *general.alone)
    sample = _sample(boxes, seed)
    lessons = [lesson(sample, frames, (seed, number)) for number in range(PLANTINGS)]
    half = np.concatenate([_half(lesson.boxes, lesson.signals) for lesson in lessons])
    lessons = _without_doubtful(lessons, Ranker((), general, *general.alone), DOUBT)
    first_look = _calibrated(_halves(lessons, half, general, seed, FIRST_LOOK), lessons)
    lessons = _without_doubtful(lessons, first_look, DOUBT_AT_FIRST_LOOK)
    judge = _halves(lessons, half, general, seed)
    odds, real, who = suspicions(judge, lessons)
    slope, shift = calibrated(odds, real)
    by_rule = calibrated_by_rule(slope * odds + shift, real, who)
    extra_slope, extra_shift = general.beside
    return Ranker(
        judge.own, general, extra_slope * slope, extra_slope * shift + extra_shift, by_rule
    )


@dataclass(frozen=True, eq=False)
class Lesson:
    """A spoilt copy of the labels, measured, and what is wrong in it."""

    boxes: pd.DataFrame
    signals: Signals
    wrong: NDArray[np.bool_]
    weight: Floats
    event: NDArray[np.int64]  # -1 where nothing was planted, up to one frame away


def _sample(boxes: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Whole sequences, drawn by chance, until there are enough boxes; long ones are cut."""
    if len(boxes) <= SAMPLE:
        return boxes
    rng = np.random.default_rng(seed)
    counts = boxes["sequence"].value_counts(sort=False).sort_index()
    share = max(SAMPLE // 10, SAMPLE // len(counts))
    drawn, total = [], 0
    numbers, names = pd.factorize(boxes["sequence"])
    frame = boxes["frame"].to_numpy()
    place = {name: number for number, name in enumerate(names)}
    for name in rng.permutation(counts.index.to_numpy(dtype=object)):
        if total >= SAMPLE:
            break
        rows = np.flatnonzero(numbers == place[name])
        if len(rows) > share:
            own = np.sort(frame[rows])
            begin = int(rng.integers(len(rows) - share + 1))
            rows = rows[(frame[rows] >= own[begin]) & (frame[rows] <= own[begin + share - 1])]
        drawn.append(rows)
        total += len(rows)
    return boxes.iloc[np.sort(np.concatenate(drawn))]


def lesson(boxes: pd.DataFrame, frames: pd.DataFrame | None, seed: tuple[int, ...]) -> Lesson:
    """Plant mistakes into a copy of the boxes and measure it."""
    spoilt, truth = plant_mistakes(boxes, frames, share=SHARE, seed=seed)
    signals = signals_of(spoilt, frames)
    rows = spoilt.iloc[signals.scene.paths.row[signals.spots]]
    where = pd.MultiIndex.from_frame(rows[CELL])
    taught = _after_gaps(truth[~truth["kind"].isin(UNSEEN)])
    cells = taught.drop_duplicates(CELL).set_index(CELL)
    size = cells.groupby("event")["event"].transform("size")
    spot = pd.MultiIndex.from_frame(cells.index.to_frame(index=False)).get_indexer(where)
    wrong = spot >= 0
    weight = np.ones(len(rows))
    event = hits(spoilt, signals, truth)
    weight[event >= 0] = 0.0  # next to a mistake a box may be called either way
    weight[wrong] = 1 / np.sqrt(size.to_numpy()[spot[wrong]])
    weight[~signals.moves] = 0.0  # judged by where the keyframes put them
    return Lesson(spoilt, signals, wrong, weight, event)


def hits(boxes: pd.DataFrame, signals: Signals, truth: pd.DataFrame) -> NDArray[np.int64]:
    """Return the planted event that each box belongs to, up to one frame away; -1 for none."""
    near = pd.concat([truth.assign(frame=truth["frame"] + step) for step in (0, -1, 1)])
    near = pd.concat([_after_gaps(truth), near]).drop_duplicates(CELL)
    where = pd.MultiIndex.from_frame(boxes.iloc[signals.scene.paths.row[signals.spots]][CELL])
    place = pd.MultiIndex.from_frame(near[CELL]).get_indexer(where)
    return np.where(place >= 0, near["event"].to_numpy()[place] if len(near) else -1, -1)


def learned(
    lessons: list[Lesson], chosen: NDArray[np.bool_] | None = None, *, seed: int, trees: int = TREES
) -> Trees:
    """Grow trees from lessons, or from the chosen of their boxes."""
    weight = np.concatenate([lesson.weight for lesson in lessons])
    used = weight > 0 if chosen is None else chosen & (weight > 0)
    return grow(
        np.concatenate([lesson.signals.table for lesson in lessons])[used],
        np.concatenate([lesson.wrong for lesson in lessons])[used],
        weight[used],
        seed=seed,
        trees=trees,
    )


def _halves(
    lessons: list[Lesson], half: NDArray[np.int64], general: Shipped, seed: int, trees: int = TREES
) -> Ranker:
    """Learn from either half of the objects what judges the other."""
    own = (learned(lessons, half != number, seed=seed, trees=trees) for number in (0, 1))
    return Ranker(tuple(own), general)


def _calibrated(judge: Ranker, lessons: list[Lesson]) -> Ranker:
    odds, real, _ = suspicions(judge, lessons)
    slope, shift = calibrated(odds, real)
    return replace(judge, slope=slope, shift=shift)


def _without_doubtful(lessons: list[Lesson], judge: Ranker, doubt: float) -> list[Lesson]:
    """Learn nothing from boxes as they were drawn that look like mistakes.

    A few in a hundred boxes are mistakes before any is planted; taught as right, they would teach
    that mistakes are right.
    """
    return [
        replace(
            lesson,
            weight=np.where(
                ~lesson.wrong & (judge.score(lesson.signals, lesson.boxes) > doubt),
                0,
                lesson.weight,
            ),
        )
        for lesson in lessons
    ]


def _after_gaps(truth: pd.DataFrame) -> pd.DataFrame:
    """Let the first box after a gap stand for the boxes that are missing."""
    gaps = truth[truth["kind"] == "gap"]
    ends = gaps.sort_values("frame").groupby("event").tail(1)
    return pd.concat([truth[truth["kind"] != "gap"], ends.assign(frame=ends["frame"] + 1)])


def _half(boxes: pd.DataFrame, signals: Signals) -> NDArray[np.int64]:
    """Which half of the objects each box belongs to, told from the object's name alone."""
    paths = signals.scene.paths
    thing = paths.thing[signals.spots]
    fresh = np.flatnonzero(np.append(True, thing[1:] != thing[:-1])[: len(thing)])
    first = boxes.iloc[paths.row[signals.spots[fresh]]]
    names = first["sequence"].astype(object) + "\n" + first["track"].astype(object)
    half = np.array([zlib.crc32(str(name).encode()) % 2 for name in names], dtype=np.int64)
    return np.repeat(half, np.diff(np.append(fresh, len(thing))))


def peaks(signals: Signals, score: Floats, apart: int = APART) -> NDArray[np.bool_]:
    """Keep the strongest suspicion of each event: none of one object within ``apart`` frames."""
    paths = signals.scene.paths
    thing, time = paths.thing[signals.spots], paths.time[signals.spots]
    early, late = (np.concatenate(part) for part in zip(*_near(thing, time, apart), strict=True))
    first = score[early] >= score[late]
    winner, loser = np.where(first, early, late), np.where(first, late, early)
    alive = np.ones(len(score), dtype=bool)
    while len(winner):
        beaten = np.zeros(len(score), dtype=bool)
        beaten[loser] = True
        alive[loser[~beaten[winner]]] = False  # next to one that nothing beats
        both = alive[winner] & alive[loser]
        winner, loser = winner[both], loser[both]
    return alive


def _near(
    thing: NDArray[np.int64], time: NDArray[np.int64], apart: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Pairs of boxes of one object within ``apart`` frames."""
    for k in range(1, apart + 1):
        early = np.flatnonzero((thing[k:] == thing[:-k]) & (time[k:] - time[:-k] <= apart))
        yield early, early + k


def less_for_repeats(signals: Signals, which: NDArray[np.int64], score: Floats) -> Floats:
    """Halve the score of each further finding on one line between keyframes.

    Whether the object left the line is the question; where, is not worth as many looks.
    """
    further = pd.DataFrame({"stretch": signals.stretch[which], "score": score[which]})
    further = further[(further["stretch"] >= 0) & ~signals.moves[which]]
    ranks = (
        further.sort_values("score", ascending=False, kind="stable").groupby("stretch").cumcount()
    )
    less = score.copy()
    less[which[ranks.index]] *= 0.5 ** ranks.to_numpy()
    return less


def suspicions(
    ranker: Ranker, lessons: list[Lesson]
) -> tuple[Floats, NDArray[np.bool_], NDArray[np.int64]]:
    """Return log-odds of each event of the lessons, whether it is real, and who speaks for it.

    Each box is judged by the other half.
    """
    found = []
    for lesson in lessons:
        raw = ranker.raw(lesson.signals, lesson.boxes)
        top = peaks(lesson.signals, np.where(lesson.signals.moves, raw, -np.inf))
        at = np.flatnonzero(top & lesson.signals.moves)
        found.append((raw[at], lesson.event[at] >= 0, speakers(lesson.signals, at)[0]))
    odds, real, who = (np.concatenate(part) for part in zip(*found, strict=True))
    return odds, real, who


def calibrated(odds: Floats, real: NDArray[np.bool_]) -> tuple[float, float]:
    """Fit log-odds to the share of events that are real, as rare as in labels people draw."""
    from sklearn.linear_model import LogisticRegression

    if real.all() or not real.any():
        return 1.0, 0.0
    weight = np.where(real, EXPECTED / SHARE, 1.0)
    model = LogisticRegression(C=100.0).fit(odds[:, None], real, sample_weight=weight)
    return float(model.coef_[0, 0]), float(model.intercept_[0])


def calibrated_by_rule(
    odds: Floats, real: NDArray[np.bool_], who: NDArray[np.int64]
) -> tuple[float, ...]:
    """Fit what the log-odds of each rule's events lack, held near 0 where there are few.

    Newton's method on the log-likelihood less ``FEW_EVENTS / 2`` times the square.
    """
    weight = np.where(real, EXPECTED / SHARE, 1.0)
    lacks = np.zeros(len(VOICES))
    for _ in range(20):
        share = 1 / (1 + np.exp(-(odds + lacks[who])))
        slope = np.bincount(who, weight * (real - share), len(VOICES)) - FEW_EVENTS * lacks
        curve = np.bincount(who, weight * share * (1 - share), len(VOICES)) + FEW_EVENTS
        lacks += slope / curve
    return tuple(lacks.tolist())
