"""Score a ranked list of findings against planted (or later corrected) mistakes."""

from __future__ import annotations

import numpy as np
import pandas as pd
from mistakes import HARD

CELL = ["sequence", "frame", "track"]


def hits(findings: pd.DataFrame, truth: pd.DataFrame) -> list[np.ndarray]:
    """For each finding the events it hits: same track, at most one frame away."""
    near = pd.concat(
        [truth[[*CELL, "event"]].assign(frame=truth["frame"] + d) for d in (-1, 0, 1)]
    ).drop_duplicates()
    events = near.groupby(CELL)["event"].unique()
    cells = pd.MultiIndex.from_frame(findings[CELL].astype({"frame": "int64"}))
    found = events.reindex(cells)
    none = np.array([], dtype=int)
    return [none if isinstance(e, float) else np.asarray(e) for e in found.to_numpy(dtype=object)]


def score(
    findings: pd.DataFrame, truth: pd.DataFrame, n_boxes: int, frames: pd.DataFrame
) -> dict[str, float]:
    """All measures of one ranked list.

    Parameters
    ----------
    findings : DataFrame
        sequence, frame, track, score and ``flag`` (raised at the default limits), any order.
    truth : DataFrame
        One row per touched cell: sequence, frame, track, kind, event; optional ``hard``.
    n_boxes : int
        What a review budget is a share of.
    frames : DataFrame
        All frames: sequence, frame.
    """
    ranked = findings.sort_values("score", ascending=False, kind="stable").reset_index(drop=True)
    kinds = truth.groupby("event")["kind"].first()
    hard = kinds.isin(HARD)
    if "hard" in truth:
        hard |= truth.groupby("event")["hard"].first().astype(bool)
    counted = set(kinds.index[~hard])
    hit = hits(ranked, truth)
    first_seen: dict[int, int] = {}
    precision, true, false = [], 0, 0
    in_first_50: list[bool] = []
    for place, events in enumerate(hit):
        fresh = [e for e in events if e not in first_seen]
        for e in fresh:
            first_seen[e] = place
        if any(e in counted for e in fresh):
            true += 1
            precision += [true / (true + false)] * sum(e in counted for e in fresh)
        elif len(events) == 0:
            false += 1
        if len(in_first_50) < 50 and (len(events) == 0 or fresh):
            in_first_50.append(len(events) > 0)
    n = len(counted)
    place = pd.Series(first_seen).reindex(sorted(counted))
    result = {"AP": sum(precision) / n, "events": n}
    for share in (0.01, 0.02, 0.05):
        result[f"recall@{share:.0%}"] = float((place < share * n_boxes).mean())
    result["frame recall@5%"] = _frame_recall(ranked, truth, counted, frames)
    flagged = ranked["flag"].to_numpy(dtype=bool)
    falses = sum(len(hit[i]) == 0 for i in np.flatnonzero(flagged))
    caught = {e for i in np.flatnonzero(flagged) for e in hit[i]} & counted
    result["false per 1000"] = 1000 * falses / n_boxes
    result["recall at defaults"] = len(caught) / n
    result["precision@50"] = float(np.mean(in_first_50)) if in_first_50 else np.nan
    for kind, events in kinds.groupby(kinds):
        own = pd.Series(first_seen).reindex(events.index)
        result[f"2%: {kind}"] = float((own < 0.02 * n_boxes).mean())
    return result


def _frame_recall(
    ranked: pd.DataFrame, truth: pd.DataFrame, counted: set[int], frames: pd.DataFrame
) -> float:
    """Share of mistakes within one frame of the 5 % of frames that rank worst."""
    worst = ranked[["sequence", "frame"]].drop_duplicates().head(int(0.05 * len(frames)))
    near = pd.concat([worst.assign(frame=worst["frame"] + d) for d in (-1, 0, 1)])
    touched = truth[truth["event"].isin(counted)].merge(near.drop_duplicates())
    return touched["event"].nunique() / len(counted)
