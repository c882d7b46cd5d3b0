"""Join what boxes show with what their sides tell, in one ranking."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd

from annotaudit.audit.appearance import APPEARANCE_RULES, REPEATS, Looks, looks
from annotaudit.audit.findings import Floats, no_findings, severities
from annotaudit.audit.limits import Limits
from annotaudit.boxes import OBJECT, Labels
from annotaudit.errors import LimitError
from annotaudit.frames.access import Images
from annotaudit.metrics.embedders import Embedder
from annotaudit.metrics.embedding import Embeddings, embed

# Findings about where a box lies. Others, as a missing box or a changed class, are not for the
# picture to decide.
ABOUT_PLACE = (
    "off_course", "low_overlap", "size_jump", "end_of_track", "drift", "bad_keyframe",
    "sparse_keyframes", "frozen", "jitter", "aws_overlap", "aws_size",
)  # fmt: skip
LIFT = 2.0  # most that a crop adds to the log-odds of a finding, or takes from them
ABOUT_NAMES = ("swap", "fragment")
NEUTRAL = 2.0  # times the usual scatter at which a crop says neither
WITHIN = 1  # frames; nearer suspicions of one object are about one mistake


def looked_into(
    findings: pd.DataFrame,
    labels: Labels | pd.DataFrame,
    embedder: Embedder | Embeddings,
    limits: Limits | None = None,
) -> pd.DataFrame:
    """Add the findings of the rules about appearance, and weigh the others by what boxes show.

    A finding about where a box lies becomes more likely if the crop looks unlike its track, and
    less if it looks as always. Works sequence by sequence.

    Parameters
    ----------
    findings : DataFrame
        Those of the other rules.
    labels : Labels or DataFrame
        Labels whose frames name the images, unless there are embeddings already.
    embedder : callable or Embeddings
        An embedder, or what :func:`annotaudit.metrics.embed` made of these labels.
    limits : Limits, optional

    Raises
    ------
    LimitError
        If the embeddings are of other boxes.
    FrameError
        If it is not known where any picture is.

    Warns
    -----
    UserWarning
        If some pictures cannot be opened: what their boxes show is not judged.
    """
    if not isinstance(labels, Labels):
        labels = Labels(labels)  # a bare table names no images
    boxes = labels.boxes
    if isinstance(embedder, Embeddings) and len(embedder) != len(boxes):
        raise LimitError(
            f"Found embeddings of {len(embedder)} boxes and labels of {len(boxes)}; expected one "
            "for each. Make them from the same labels, with annotaudit.metrics.embed(labels)."
        )
    images = None if isinstance(embedder, Embeddings) else images_of(labels)
    weighed = []
    for sequence, rows in boxes.groupby("sequence").indices.items():
        own = labels.frames[labels.frames["sequence"] == sequence] if len(labels.frames) else None
        part = Labels(boxes.iloc[rows], pd.DataFrame() if own is None else own)
        if isinstance(embedder, Embeddings):
            made = embedder.take(rows)
        else:
            made = embed(part, embedder, images=images)
            _warn_of_unopened(made)
        others = findings[findings["sequence"] == sequence]
        weighed.append(_joined(others, looks(part, made, limits)))
    unknown = findings[~findings["sequence"].isin(boxes["sequence"])]
    return pd.concat([*weighed, unknown], ignore_index=True) if weighed else findings


def _warn_of_unopened(made: Embeddings) -> None:
    if len(made.problems):
        first = made.problems.iloc[0]
        warnings.warn(
            f"{len(made.problems)} pictures could not be opened, and what their boxes show is not "
            f"judged; the first: {first['source']}, {first['where']}: {first['what']} "
            "annotaudit.metrics.embed(labels).problems lists them all.",
            stacklevel=5,
        )


def _joined(others: pd.DataFrame, seen: Looks) -> pd.DataFrame:
    found = [table for rule in APPEARANCE_RULES if len(table := rule(seen))]
    shown = pd.concat(found, ignore_index=True) if found else no_findings()
    weighed = _rescored(others, _weighed(others, seen))
    if not len(shown) or not len(weighed):
        return shown if len(shown) else weighed
    near_others, near_shown = _strongest_near(shown, weighed), _strongest_near(weighed, shown)
    score = shown["score"].to_numpy()
    weaker = near_others >= score
    shown = _rescored(shown, np.where(weaker, score * REPEATS, score))
    score = weighed["score"].to_numpy()
    weighed = _rescored(weighed, np.where(near_shown > score, score * REPEATS, score))
    return pd.concat([weighed, shown], ignore_index=True)


def _weighed(findings: pd.DataFrame, seen: Looks) -> Floats:
    """Scores of findings about places and names, moved by what the boxes show."""
    cell = [*OBJECT, "frame"]
    there = seen.seen.boxes[cell].iloc[seen.seen.order.rows]
    there = there.assign(
        unlike=seen.unlikeness, like=seen.likeness, weight=seen.weight, trust=seen.trust
    )
    here = findings[cell].merge(there.drop_duplicates(cell), on=cell, how="left")
    weight = np.nan_to_num(here["weight"].to_numpy(dtype=np.float64))
    with np.errstate(divide="ignore"):
        place = (here["unlike"].to_numpy(dtype=np.float64) - NEUTRAL) / NEUTRAL
        name = np.log2(here["like"].to_numpy(dtype=np.float64))
    # How unlike a crop is counts its weight already; that it is alike does not.
    says = np.select(
        [findings["rule"].isin(ABOUT_PLACE), findings["rule"].isin(ABOUT_NAMES)],
        [np.where(place < 0, place * weight, place), name * weight],
        0.0,
    )
    says = np.clip(np.nan_to_num(says), -1.0, 1.0) * np.nan_to_num(here["trust"].to_numpy())
    score = findings["score"].to_numpy(dtype=np.float64)
    # Of several findings about one box only the first rises, as the head names different boxes.
    place_in_box = findings.groupby(cell, dropna=False)["score"].rank("first", ascending=False)
    says = np.where((place_in_box > 1) & (says > 0), 0.0, says)
    sure = np.clip(score, 1e-6, 1 - 1e-6)
    odds = np.log(sure / (1 - sure)) + LIFT * says
    return np.asarray(np.where(says == 0, score, 1 / (1 + np.exp(-odds))))


def _strongest_near(findings: pd.DataFrame, others: pd.DataFrame) -> Floats:
    """Highest score of the others about the same object within a frame; 0 where there is none."""
    cell = [*OBJECT, "frame"]
    best = others.groupby(cell, dropna=False)["score"].max().reset_index()
    highest = np.zeros(len(findings))
    for step in range(-WITHIN, WITHIN + 1):
        moved = best.assign(frame=best["frame"] + step)
        near = findings[cell].merge(moved, on=cell, how="left")["score"].to_numpy()
        highest = np.fmax(highest, near)
    return highest


def _rescored(findings: pd.DataFrame, score: Floats) -> pd.DataFrame:
    kind = findings["severity"].dtype
    return findings.assign(score=score, severity=severities(score)).astype({"severity": kind})


def images_of(labels: Labels) -> Images | None:
    """Open the images that labels name; None if they name none, which ``embed`` will refuse."""
    named = "image" in labels.frames and labels.frames["image"].notna().any()
    return Images(labels.frames) if named else None
