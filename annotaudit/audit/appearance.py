"""Rules about what boxes show: crops that look unlike their own track, or like another one.

They need the pictures, so they stand beside the rules about boxes: ``annotaudit.audit`` asks them
when it is given an embedder.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from annotaudit.audit.findings import beyond, findings_of, no_findings
from annotaudit.audit.limits import Limits
from annotaudit.audit.study import PRIOR_BOXES, Study, study
from annotaudit.boxes import Labels, check_boxes
from annotaudit.metrics.appearance import VOUCHES, appearance_distances
from annotaudit.metrics.embedding import Embeddings
from annotaudit.metrics.groups import boxes_before, grouped_quantile
from annotaudit.metrics.order import Bools, Floats, Ints

SIGMA = 1.4826  # of a normal scatter, over its median distance from the middle
LEAST_SCATTER = 0.05  # of the distance to other tracks; crops steadier than that are one crop
PARTLY = 0.3  # what remains where an object is still coming into view or going out of it
STAYS = 3  # boxes over which a swapped track must look like the other one
# Times as far from others as from one's own track: an untrained network reaches 6, and is not
# trusted at all; colours that tell everyone apart reach 12, and are trusted fully.
BLIND, CLEAR = 6.0, 12.0
DARKER = 25.0  # levels of 255 that explain why a crop looks different
BLURRED = 0.3  # share of the sharpness that does
EXPLAINED = 0.4  # what remains of a score when light or blur explains it
AT_AN_END = 0.5  # what remains where boxes on one side only tell what the track looks like
REPEATS = 0.6  # what remains of the weaker of two suspicions about one mistake


@dataclass(frozen=True)
class Looks:
    """What the rules about appearance look at; arrays are in track order."""

    seen: Study
    table: pd.DataFrame  # from annotaudit.metrics.appearance_distances

    def __getitem__(self, name: str) -> Floats:
        values: Floats = self.table[name].to_numpy(dtype=np.float64)[self.seen.order.rows]
        return values

    @cached_property
    def weight(self) -> Floats:
        """How much each box shows of its object, from 0 to 1."""
        partly = self.seen.partly_seen | self.seen.cut_off.any(axis=0)
        return np.nan_to_num(self["weight"]) * np.where(partly, PARTLY, 1.0)

    @cached_property
    def unlikeness(self) -> Floats:
        """How many times the usual scatter each crop is farther from its track than usual."""
        objects, sequence = self.seen.order.objects, self.seen.sequence
        apart = self["to_track"]
        middle, _ = grouped_quantile(objects, apart)
        off = np.abs(apart - middle)
        track, count = grouped_quantile(objects, off)
        everyone, _ = grouped_quantile(sequence, off)
        mixed = (count * track**2 + PRIOR_BOXES * everyone**2) / (count + PRIOR_BOXES)
        others, _ = grouped_quantile(sequence, self["to_other"])
        scatter = np.fmax(SIGMA * np.sqrt(mixed), np.fmax(LEAST_SCATTER * others, 1e-6))
        return (apart - middle) / scatter * self.weight

    @cached_property
    def trust(self) -> Floats:
        """How well crops tell tracks apart here, 0 to 1: what does not knows little of mistakes.

        Half where there is no other track to tell.
        """
        sequence = self.seen.sequence
        others, _ = grouped_quantile(sequence, self["to_other"])
        own, _ = grouped_quantile(sequence, self["to_track"])
        with np.errstate(invalid="ignore", divide="ignore"):
            share = (others / own - BLIND) / (CLEAR - BLIND)
        return np.where(np.isnan(share), 0.5, np.clip(share, 0.0, 1.0))

    @cached_property
    def likeness(self) -> Floats:
        """How many times nearer each crop and those after it are to another track than to theirs.

        The least of three boxes; NaN near the end of a track, and where a box shows too little.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            times = np.minimum(self["to_past"] / self["to_other"], 99.0)
        times[self.weight < VOUCHES] = np.nan
        least = times.copy()
        for step in range(1, STAYS):
            least[:-step] = np.minimum(least[:-step], times[step:])
            least[:-step][self.seen.order.objects[step:] != self.seen.order.objects[:-step]] = (
                np.nan
            )
            least[-step:] = np.nan
        return least


def looks(
    labels: Labels | pd.DataFrame,
    embeddings: Embeddings,
    limits: Limits | None = None,
) -> Looks:
    """Measure what boxes show for the rules about it.

    Parameters
    ----------
    labels : Labels or DataFrame
    embeddings : Embeddings
        From :func:`annotaudit.metrics.embed`.
    limits : Limits, optional
        Uses ``max_unlikeness`` and ``min_likeness``.
    """
    boxes = labels.boxes if isinstance(labels, Labels) else check_boxes(labels)
    frames = labels.frames if isinstance(labels, Labels) and len(labels.frames) else None
    return Looks(study(boxes, frames, limits), appearance_distances(labels, embeddings))


def find_appearance_outlier(seen: Looks) -> pd.DataFrame:
    """Find boxes that show something else than the boxes around them on their track.

    Parameters
    ----------
    seen : Looks
        From :func:`looks`.

    Returns
    -------
    DataFrame
        Findings; ``value`` is how many times the track's usual scatter the crop is farther from
        its neighbours than usual, less for a box that shows little of its object. The reason
        names light and blur where they explain it, and then the score is lower.
    """
    limit = seen.seen.limits.max_unlikeness
    at = np.flatnonzero(seen.unlikeness > limit)
    if not len(at):
        return no_findings()
    why, explained = _explanations(seen, at)
    apart, value = seen["to_track"][at], seen.unlikeness[at]
    return findings_of(
        seen.seen.boxes,
        seen.seen.order.rows[at],
        rule="appearance_outlier",
        score=beyond(value / limit, at_limit=0.3, far=0.8)
        * (1.0 + seen.trust[at])
        / 2.0
        * np.where(explained, EXPLAINED, 1.0)
        * np.where(_near_an_end(seen, at), AT_AN_END, 1.0)
        * np.where(_beside_a_stronger(seen, at), REPEATS, 1.0),
        value=value,
        limit=limit,
        unit="times usual",
        reason=[
            f"Looks unlike the boxes around it on its track (distance {d:.2f}, {z:.1f} times the "
            f"usual scatter){note}."
            for d, z, note in zip(apart.tolist(), value.tolist(), why, strict=True)
        ],
        expected=seen.seen.expected[:, at],
    )


def find_looks_like_another(seen: Looks) -> pd.DataFrame:
    """Find boxes from which on a track looks like another one on the same frame did before.

    Parameters
    ----------
    seen : Looks
        From :func:`looks`.

    Returns
    -------
    DataFrame
        Findings, one for the first box of each such stretch; ``value`` is how many times nearer
        its crops are to the other track's, and the expected box is the other one's.
    """
    limit = seen.seen.limits.min_likeness
    order, lasting = seen.seen.order, np.nan_to_num(seen.likeness)
    starts = lasting > limit
    starts[1:] &= ~((lasting[:-1] > limit) & (order.objects[1:] == order.objects[:-1]))
    at = np.flatnonzero(starts)
    if not len(at):
        return no_findings()
    value = lasting[at]
    other = seen.table["other"].to_numpy(dtype=object)[order.rows[at]]
    partner = _partners(seen, at)
    mutual = np.where(partner >= 0, lasting[partner] > limit, False)
    return findings_of(
        seen.seen.boxes,
        order.rows[at],
        rule="looks_like_another",
        score=np.where(mutual, beyond(value / limit, at_limit=0.5, far=0.95), 0.15),
        value=value,
        limit=limit,
        unit="times nearer",
        reason=[
            f"From here on it looks {min(times, 99):.1f} times more like {name} than like itself "
            f"before: {'have the two exchanged names?' if both else 'the same object?'}"
            for times, name, both in zip(value.tolist(), other, mutual.tolist(), strict=True)
        ],
        expected=np.where(partner >= 0, seen.seen.sides[:, partner], np.nan),
    )


APPEARANCE_RULES = (find_appearance_outlier, find_looks_like_another)


def _near_an_end(seen: Looks, at: Ints) -> Bools:
    objects, few = seen.seen.order.objects, seen.seen.limits.entry_frames
    before, after = boxes_before(objects), boxes_before(objects[::-1])[::-1]
    return np.asarray(np.minimum(before, after) < few)[at]


def _beside_a_stronger(seen: Looks, at: Ints) -> Bools:
    """Whether the box before or after, of the same object, stands out more."""
    order, value = seen.seen.order, np.nan_to_num(seen.unlikeness)
    same = order.objects[1:] == order.objects[:-1]
    beaten = np.zeros(len(value), dtype=bool)
    beaten[1:] |= same & (value[:-1] >= value[1:])
    beaten[:-1] |= same & (value[1:] > value[:-1])
    return beaten[at]


def _partners(seen: Looks, at: Ints) -> Ints:
    """Where the box of the other track on the same frame stands in track order; -1 for none."""
    order, boxes = seen.seen.order, seen.seen.boxes
    keys = ["sequence", "annotator", "frame", "track"]
    there = pd.DataFrame(
        {name: boxes[name].to_numpy()[order.rows] for name in keys} | {"at": range(len(order.rows))}
    )
    wanted = there.iloc[at].drop(columns="at")
    wanted["track"] = seen.table["other"].to_numpy()[order.rows[at]]
    first = there.drop_duplicates(keys)
    found: Ints = wanted.merge(first, on=keys, how="left")["at"].fillna(-1).to_numpy(dtype=np.intp)
    return found


def _explanations(seen: Looks, at: Ints) -> tuple[list[str], Bools]:
    """Say what about the picture itself may explain that a crop looks different."""
    light, sharp = seen["light_change"][at], seen["sharpness_change"][at]
    with np.errstate(invalid="ignore"):
        dark, bright, blurred = light < -DARKER, light > DARKER, sharp < -BLURRED
    why = np.select(
        [dark, bright, blurred],
        ["; it is darker than they are", "; it is brighter", "; it is blurred"],
        "",
    )
    return why.tolist(), np.asarray(dark | bright | blurred)
