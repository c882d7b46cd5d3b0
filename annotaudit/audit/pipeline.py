"""From labels to findings: every rule on every sequence, ranked together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd

from annotaudit.audit.findings import FINDING_COLUMNS, no_findings, severities
from annotaudit.audit.limits import Limits
from annotaudit.audit.looking import looked_into
from annotaudit.audit.ranker import FEW, Ranker, fit_ranker
from annotaudit.audit.rules import Rule, choose_rules, rule_name
from annotaudit.audit.stills import find_disagreement
from annotaudit.audit.study import study
from annotaudit.boxes import OBJECT, TEXT, Labels, check_boxes
from annotaudit.errors import BoxTableError, LimitError
from annotaudit.metrics.embedders import Embedder
from annotaudit.metrics.embedding import Embeddings
from annotaudit.metrics.order import codes

BATCH = 500_000  # boxes judged at a time; whole sequences, so that memory stays bounded
FOLLOWS = 0.6  # what a further rule on the same box adds to the list, beside the strongest one


# What no comparison with planted mistakes has to teach; the ranker weighs all the rest.
STRUCTURAL = (
    "impossible_box",
    "off_image",
    "repeated_track",
    "label_change",
    "one_frame_track",
)
APART = 3  # frames; a weaker suspicion of the same object this near is about the same mistake


def audit_labels(
    labels: Labels | pd.DataFrame,
    rules: str | Iterable[str | Rule] | None,
    limits: Limits | None,
    ranker: Ranker | None,
    embedder: Embedder | Embeddings | None = None,
) -> pd.DataFrame:
    """Judge labels; see :func:`annotaudit.audit`."""
    if limits is not None and not isinstance(limits, Limits):
        raise LimitError(
            f"limits={limits!r}: expected annotaudit.Limits, as in annotaudit.Limits(min_iou=0.4)."
        )
    boxes, frames = _tables(labels)
    chosen = choose_rules(rules)
    has_tracks = bool(boxes["track"].notna().any())
    if ranker is None and rules is None and limits is None and len(boxes) >= FEW and has_tracks:
        ranker = fit_ranker(labels)
    weighed: tuple[Rule, ...] = ()
    if ranker is not None:
        weighed = tuple(rule for rule in chosen if rule_name(rule) not in STRUCTURAL)
        chosen = tuple(rule for rule in chosen if rule_name(rule) in STRUCTURAL)
    found = []
    for part, looked_at in _batches(boxes, frames):
        ranked = None if ranker is None else ranker.findings(part, looked_at)
        seen = study(part, looked_at, limits)
        batch = combine([rule(seen) for rule in chosen])
        if ranked is not None:
            batch = _beside(batch, ranked)
        found.append(batch)
        loose = part[part["track"].isna()] if weighed else part[:0]
        if len(loose):  # the ranker follows objects; where there are none to follow, rules judge
            alone = study(loose, looked_at, limits)
            found.append(combine([rule(alone) for rule in weighed]))
        if rules is None:
            found.append(find_disagreement(seen))
    findings = pd.concat(found, ignore_index=True) if found else no_findings()
    if embedder is not None:
        findings = looked_into(findings, labels, embedder, limits)
    return in_order(findings) if found else findings


def _beside(structural: pd.DataFrame, ranked: pd.DataFrame) -> pd.DataFrame:
    """Join what the rules know with what the ranker suspects; of one event the stronger stays."""
    if not len(structural) or not len(ranked):
        return ranked if len(ranked) else structural
    both = pd.concat([structural, ranked], ignore_index=True)
    thing = codes([both[name] for name in OBJECT])
    frame, score = both["frame"].to_numpy(), both["score"].to_numpy(copy=True)
    learned = np.arange(len(both)) >= len(structural)
    # Of a label that changes the rule tells more (which frames, which name), the ranker how sure.
    odd = (both["rule"] == "label_change").to_numpy()
    told = odd & learned & np.isin(thing, thing[odd & ~learned])
    score[odd] = pd.Series(score[odd]).groupby(thing[odd]).transform("max")
    repeats = ~learned & odd
    key = thing * (frame.max() + 2 * APART + 1) + frame + APART
    known, suspected = (
        pd.Series(score[one]).groupby(key[one]).max() for one in (~learned, learned & ~told)
    )
    dropped = told.copy()
    for step in range(-APART, APART + 1):
        dropped[learned] |= known.reindex(key[learned] + step).to_numpy() >= score[learned]
        dropped[repeats] |= suspected.reindex(key[repeats] + step).to_numpy() > score[repeats]
    said = pd.Series(severities(score), index=both.index, dtype=TEXT)
    return both.assign(score=score, severity=said)[~dropped]


def _tables(labels: Labels | pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    if isinstance(labels, Labels):
        frames = labels.frames
        return labels.boxes, frames if {"sequence", "frame"} <= set(frames) else None
    if isinstance(labels, pd.DataFrame):
        return check_boxes(labels), None
    raise BoxTableError(
        f"audit() takes Labels or a box table; found {type(labels).__name__}. "
        "Load labels with annotaudit.load()."
    )


def _batches(
    boxes: pd.DataFrame, frames: pd.DataFrame | None
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame | None]]:
    """Cut the tables between sequences into parts of about so many boxes, with their frames."""
    if len(boxes) <= BATCH:
        if len(boxes):
            yield boxes, frames
        return
    number, names = pd.factorize(boxes["sequence"])
    count = np.bincount(number, minlength=len(names))
    batch = (np.cumsum(count) - count) // BATCH
    of_box, of_frame = batch[number], None
    if frames is not None:
        listed = pd.Index(names).get_indexer(pd.Index(frames["sequence"]))
        of_frame = np.where(listed >= 0, batch[listed], -1)
    for which in np.unique(batch):
        part = of_box == which
        own = frames if frames is None else frames[of_frame == which]
        yield boxes if part.all() else boxes[part], own


def combine(found: list[pd.DataFrame]) -> pd.DataFrame:
    """Join what the rules found: one row per sequence, annotator, frame, track and rule.

    Rules that name the same box talk about the same mistake. The strongest speaks for it and gains
    a little from the others; the others follow at a discount, so that the head of the list names
    different boxes.
    """
    known = [table for table in found if len(table)]
    if not known:
        return no_findings()
    joined = pd.concat(known, ignore_index=True)
    box = ["sequence", "annotator", "track", "frame", "left", "top", "width", "height"]
    joined = joined.sort_values(
        ["score", "rule", *box], ascending=[False, *[True] * (len(box) + 1)], kind="stable"
    ).drop_duplicates([*box, "rule"])
    same_box = joined.groupby(box, sort=False, dropna=False)["score"]
    rank = same_box.cumcount().to_numpy()
    others = (same_box.transform("sum") - joined["score"]).to_numpy()
    score = joined["score"].to_numpy()
    lead = 1 - (1 - score) * 0.85 ** np.minimum(others, 3.0)
    scores = np.where(rank == 0, lead, score * FOLLOWS)
    return joined.assign(score=scores, severity=severities(scores)).astype(
        {"severity": joined["severity"].dtype}
    )


def in_order(findings: pd.DataFrame) -> pd.DataFrame:
    """Put findings in order, most suspicious first, ties by where they are."""
    by = ["score", "sequence", "annotator", "track", "frame", "rule", "left", "top"]
    ordered = findings.sort_values(by, ascending=[False, *[True] * (len(by) - 1)], kind="stable")
    return ordered[list(FINDING_COLUMNS)].reset_index(drop=True)
