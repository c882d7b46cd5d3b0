"""Say which signal spoke: the rule, the reason in words, and the box to expect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from annotaudit.audit.findings import FINDING_COLUMNS, WARNING, severities
from annotaudit.audit.marks import remarks
from annotaudit.audit.signals import Signals
from annotaudit.boxes import COLUMNS, EXPECTED, SIDES, TEXT
from annotaudit.geometry import iou, xyxy_to_xywh
from annotaudit.metrics.motion import chord_residual_at
from annotaudit.metrics.paths import Floats, Ints, Paths


@dataclass(frozen=True)
class Voice:
    """One way in which signals speak for a mistake.

    Attributes
    ----------
    rule : str
        What the finding is called.
    value : function of Signals
        What was measured, one number per box.
    limit : float
        Where it starts to be unusual: few boxes in a hundred of sound labels exceed it.
    unit : str
    reason : str
        A sentence; ``{0}`` stands for the number, ``{1}`` for the other object's name.
    chord : (int, int)
        Boxes back and ahead between which the expected box lies; (0, 0) for none.
    """

    rule: str
    value: Callable[[Signals], Floats]
    limit: float
    unit: str
    reason: str
    chord: tuple[int, int] = (0, 0)


def _named(*names: str) -> Callable[[Signals], Floats]:
    return lambda signals: np.max([signals[name] for name in names], axis=0).astype(np.float64)


def _where(name: str, when: Callable[[Signals], NDArray[np.bool_]]) -> Callable[[Signals], Floats]:
    return lambda signals: np.where(when(signals), signals[name], 0.0).astype(np.float64)


def _grows(signals: Signals) -> NDArray[np.bool_]:
    return signals["excursion_grown"] > 1.2 * signals["excursion_moved"]


VOICES = (
    Voice(
        "off_course",
        _named("alone_z", "excursion_z"),
        5.0,
        "times usual",
        "Lies {0:.1f} times the usual unsteadiness off the boxes before and after it.",
        (2, 2),
    ),
    Voice(
        "size_jump",
        _where("excursion_grown", _grows),
        0.12,
        "box sizes",
        "Its size changes by {0:.0%} of the box for a moment and returns.",
        (2, 2),
    ),
    Voice(
        "end_of_track",
        _named("end_z"),
        9.0,
        "times usual",
        "The track's outermost box lies {0:.1f} times the usual unsteadiness off its course.",
    ),
    Voice(
        "drift",
        lambda signals: np.minimum(
            np.maximum(signals["snap_12_1_z"], signals["snap_1_12_z"]), 99.0
        ).astype(np.float64),
        4.0,
        "times usual",
        "The box wanders off over several frames and snaps back ({0:.1f} times the usual).",
        (12, 1),
    ),
    Voice(
        "bad_keyframe",
        _named("triangle_4_z", "triangle_7_z"),
        9.0,
        "times usual",
        "The path bends sharply here and back again, as around one wrong keyframe "
        "({0:.1f} times the usual).",
        (7, 7),
    ),
    Voice(
        "sparse_keyframes",
        lambda s: np.maximum(np.where(s["straight_length"] >= 4, s["sagitta"], 0.0), s.astray),
        0.15,
        "of the box",
        "Boxes lie on a straight line that the object may leave by {0:.0%} of the box: "
        "look between the keyframes.",
    ),
    Voice(
        "frozen",
        _where("frozen_jump", lambda s: s["frozen_length"] >= 2),
        0.08,
        "box sizes",
        "The box stands still and then jumps by {0:.0%} of its size.",
    ),
    Voice(
        "jitter",
        _named("jitter"),
        1.2,
        "doublings",
        "The edges shake: {0:.1f} doublings above the usual unsteadiness over seven boxes.",
    ),
    Voice(
        "swap",
        _named("swap"),
        0.4,
        "box sizes",
        "From here on it fits the past of {1}, and {1} its own (by {0:.1f} box sizes): "
        "have the two exchanged names?",
    ),
    Voice(
        "fragment",
        _where("fragment", lambda s: s["fragment"] > 0.4),
        0.6,
        "fit",
        "Continues {1}, which ended just before (fit {0:.2f}): one object, two names?",
    ),
    Voice(
        "duplicate",
        _where("double", lambda s: s["double"] > 0.3),
        0.6,
        "share of overlap",
        "Lies on {1} for several frames (overlap {0:.2f}): drawn twice?",
    ),
    Voice(
        "label_change",
        _named("odd_label"),
        0.5,
        "share of boxes",
        "{0:.0%} of this object's boxes carry another label.",
    ),
    Voice(
        "gap",
        _named("gap"),
        1.0,
        "frames",
        "The object is missing on {0:.0f} frame(s) between two of its boxes.",
    ),
)
RARE = ("gap", "label_change", "duplicate", "fragment")  # structure outranks motion beside it


def speakers(signals: Signals, which: Ints) -> tuple[Ints, Floats]:
    """Return the number of the voice that speaks loudest for each of these boxes, and its value."""
    values = np.stack([voice.value(signals)[which] for voice in VOICES])
    limits = np.array([voice.limit for voice in VOICES])
    loud = np.minimum(values / limits[:, None], 50.0)
    structural = np.array([voice.rule in RARE for voice in VOICES])
    loud[structural] = np.where(values[structural] > 0, loud[structural] + 3.0, 0.0)
    # Two objects that jump into each other's path are a swap, however far they jump.
    jump = _named("alone_r", "excursion_r", "snap_1_12_r", "snap_12_1_r")(signals)[which]
    swap = _number("swap")
    loud[swap] += np.where((loud[swap] >= 1) & (values[swap] > jump), 50.0, 0.0)
    who = np.argmax(loud, axis=0)
    silent = (loud.max(axis=0) < 1) & (signals.stretch[which] >= 0)
    who[silent] = _number("sparse_keyframes")
    return who, values[who, np.arange(len(which))]


def once(
    signals: Signals, which: Ints, score: Floats, who: Ints, value: Floats
) -> NDArray[np.bool_]:
    """Keep one box, the strongest, of every stretch that one mistake explains.

    Such a stretch is a straight or a frozen run, unless it is judged by its keyframes, the time
    two objects lie on each other, or the boxes of an object under one odd label.
    """
    scene = signals.scene
    at = signals.spots[which]
    straight = (who == _number("sparse_keyframes")) & signals.moves[which]
    run = np.where(straight, scene.straight_start[at], -1)
    run = np.where(who == _number("frozen"), scene.still_start[at], run)
    lasting = np.isin(who, [_number("duplicate"), _number("label_change")])
    kept = ~lasting & (run < 0)
    long = np.flatnonzero(~kept)
    long = long[np.argsort(-score[long], kind="stable")]
    stretches = pd.DataFrame(
        {
            "thing": scene.paths.thing[at[long]],
            "who": who[long],
            "run": run[long],
            "value": np.where(lasting, value, 0.0)[long],
        }
    )
    kept[long[~stretches.duplicated().to_numpy()]] = True
    return kept


def findings_from(
    boxes: pd.DataFrame, signals: Signals, which: Ints, score: Floats, who: Ints, value: Floats
) -> pd.DataFrame:
    """Turn some of the boxes that stand out into findings.

    Parameters
    ----------
    boxes : DataFrame
        The checked box table the signals were measured on.
    signals : Signals
    which : int array, shape (k,)
        Rows of ``signals``.
    score : float array, shape (k,)
    who : int array, shape (k,)
        Numbers of the voices that speak, as :func:`speakers` tells.
    value : float array, shape (k,)
        What these measured.
    """
    paths = signals.scene.paths
    at = signals.spots[which]
    table = boxes[list(COLUMNS)].iloc[paths.row[at]].reset_index(drop=True)
    expected = np.full((4, len(at)), np.nan)
    reason = np.empty(len(at), dtype=object)
    remark = np.array(remarks(boxes, paths.row[at]), dtype=object)
    partner = _partners(signals, at, who)
    known = np.flatnonzero(partner >= 0)
    others = np.full(len(at), "another object", dtype=object)
    others[known] = boxes["track"].iloc[paths.row[partner[known]]].to_numpy(dtype=object)
    for number, voice in enumerate(VOICES):
        mine = np.flatnonzero(who == number)
        reason[mine] = list(map(voice.reason.format, value[mine].tolist(), others[mine]))
        if voice.chord != (0, 0) and len(mine):
            expected[:, mine] = _expected(signals, at[mine], voice.chord)
    bent = np.flatnonzero((who == _number("sparse_keyframes")) & (signals.stretch[which] >= 0))
    expected[:, bent] = paths.edges[:, at[bent]] + signals.curve[:, which[bent]]
    swapped = np.flatnonzero(who == _number("swap"))
    if len(swapped):
        place = paths.edges[:, partner[swapped]]
        expected[:, swapped] = np.where(partner[swapped] >= 0, place, np.nan)
    from_frame = np.full(len(at), np.nan)
    missing = np.flatnonzero(who == _number("gap"))
    if len(missing):
        frames, boxes_there = _in_gaps(boxes, signals, at[missing])
        from_frame[missing] = boxes["frame"].to_numpy()[paths.row[at[missing] - 1]]
        expected[:, missing] = boxes_there
        frame = table["frame"].to_numpy().copy()
        frame[missing] = frames
        sides = table[list(SIDES)].to_numpy(copy=True)
        sides[missing] = np.nan
        table = table.assign(frame=frame, **dict(zip(SIDES, sides.T, strict=True)))
    limits = np.array([voice.limit for voice in VOICES])
    quiet = (value < limits[who]) & (score >= WARNING)
    reason[quiet] += (
        " By itself that is within its limit: it is all signals together that look odd."
    )
    left, top, right, bottom = expected
    names = pd.array([voice.rule for voice in VOICES], dtype=TEXT)
    units = pd.array([voice.unit for voice in VOICES], dtype=TEXT)
    found = table.assign(
        rule=names.take(who),
        score=score,
        severity=pd.array(severities(score), dtype=TEXT),
        value=value,
        limit=limits[who],
        unit=units.take(who),
        reason=pd.array(reason + remark, dtype=TEXT),
        **dict(zip(EXPECTED, (left, top, right - left, bottom - top), strict=True)),
        from_frame=from_frame,
    )
    return found[list(FINDING_COLUMNS)]


def _number(rule: str) -> int:
    return next(number for number, voice in enumerate(VOICES) if voice.rule == rule)


def _partners(signals: Signals, at: Ints, who: Ints) -> Ints:
    """Position of a box of the other object, where a finding is about two; -1 elsewhere."""
    scene = signals.scene
    partner = np.full(len(at), -1)
    for rule, others in (("swap", scene.swap_partner), ("fragment", scene.fragment_source)):
        mine = who == _number(rule)
        partner[mine] = others[at[mine]]
    doubled = np.flatnonzero(who == _number("duplicate"))
    if len(doubled):
        partner[doubled] = _covered_most(scene.paths, at[doubled])
    return partner


def _covered_most(paths: Paths, at: Ints) -> Ints:
    """Position of the box of the same frame that overlaps each of these the most; -1 if none."""
    near = np.flatnonzero(np.isin(paths.moment, paths.moment[at]))
    own = pd.DataFrame({"moment": paths.moment[at], "place": np.arange(len(at))})
    pairs = own.merge(pd.DataFrame({"moment": paths.moment[near], "other": near}), on="moment")
    pairs = pairs[pairs["other"].to_numpy() != at[pairs["place"]]]
    sides = xyxy_to_xywh(paths.edges.T)
    share = iou(sides[at[pairs["place"]]], sides[pairs["other"]])
    best = pairs.assign(share=share).sort_values("share").drop_duplicates("place", keep="last")
    found = np.full(len(at), -1)
    found[best["place"]] = np.where(best["share"] > 0, best["other"], -1)
    return found


def _expected(signals: Signals, at: Ints, chord: tuple[int, int]) -> Floats:
    """Edges on the chord around the box, a shorter one near the ends of a track; NaN if none."""
    paths = signals.scene.paths
    expected = np.full((4, len(at)), np.nan)
    for a, b in (chord, (2, 2), (1, 1)):
        free = np.isnan(expected[0]) & (paths.before[at] >= a) & (paths.after[at] >= b)
        own = at[free]
        off = chord_residual_at(
            own,
            signals.scene.edges,
            paths.time,
            np.ones_like(signals.scene.usable),
            paths.before,
            paths.after,
            a,
            b,
        )
        expected[:, free] = paths.edges[:, own] - off
    sensible = (expected[2] > expected[0]) & (expected[3] > expected[1])
    return np.where(sensible, expected, np.nan)


def _in_gaps(boxes: pd.DataFrame, signals: Signals, at: Ints) -> tuple[Ints, Floats]:
    """First frame of the gap before each box, and where the object should be there."""
    paths = signals.scene.paths
    frame = boxes["frame"].to_numpy()
    before, after = frame[paths.row[at - 1]], frame[paths.row[at]]
    missing = signals.scene.gap[at]
    first = before + np.maximum(np.rint((after - before) / (missing + 1)), 1).astype(np.int64)
    share = (first - before) / (after - before)
    start, end = paths.edges[:, at - 1], paths.edges[:, at]
    return first, start + share * (end - start)
