"""Did the re-label help? Two versions of the labels, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import pandas as pd

from annotaudit.audit import audit
from annotaudit.boxes import TEXT, Labels
from annotaudit.errors import BoxTableError
from annotaudit.frames.table import last_part
from annotaudit.metrics.comparison import compare_boxes, compare_tracks
from annotaudit.metrics.tracking_scores import tracking_scores
from annotaudit.review.marking import with_marks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SEVERITIES = ("error", "warning", "note")
STATES = ("closed", "open", "new")


@dataclass(frozen=True)
class Comparison:
    """What changed between two versions of the labels.

    Parameters
    ----------
    boxes : DataFrame
        One row per box of either version and what became of it; see
        :func:`annotaudit.metrics.compare_boxes`.
    tracks : DataFrame
        One row per object; see :func:`annotaudit.metrics.compare_tracks`.
    findings : DataFrame
        Findings of both versions with ``state``: "closed" (only before), "open" (in both; the
        row is the one after) or "new" (only after). The same finding is the same rule about the
        same box.
    scores : Series
        How alike the two are, the version before taken as the truth; see
        :func:`annotaudit.metrics.tracking_scores`.
    """

    boxes: pd.DataFrame
    tracks: pd.DataFrame
    findings: pd.DataFrame
    scores: pd.Series

    @property
    def counts(self) -> pd.DataFrame:
        """Findings by severity (rows) and state (columns)."""
        return (
            pd.crosstab(self.findings["severity"], self.findings["state"])
            .reindex(index=list(SEVERITIES), columns=list(STATES), fill_value=0)
            .rename_axis(index="severity", columns=None)
        )

    @property
    def expected_mistakes(self) -> pd.Series:
        """Sum of the best score of each suspicious box, ``before`` and ``after``."""
        before = self.findings[self.findings["state"] != "new"]
        after = self.findings[self.findings["state"] != "closed"]
        was = before.assign(score=before["score_before"])
        return pd.Series({"before": _mistakes(was), "after": _mistakes(after)})

    @property
    def answer(self) -> str:
        """One sentence that says whether it helped."""
        was, now = self.expected_mistakes
        counts = self.counts.loc[["error", "warning"]].sum()
        changed = (self.boxes["change"] != "unchanged").sum()
        return (
            f"{changed} of {len(self.boxes)} boxes changed; of the errors and warnings "
            f"{counts['closed']} closed, {counts['open']} are still open, {counts['new']} are new; "
            f"expected mistakes {was:.1f} before, {now:.1f} after."
        )

    def __repr__(self) -> str:
        return f"Comparison: {self.answer}"

    def _repr_html_(self) -> str:
        shown = self.scores[["HOTA", "IDF1", "MOTA"]].to_frame("between the two").T
        return f"<p>{escape(self.answer)}</p>{self.counts.to_html()}{shown.round(3).to_html()}"


def compare(
    before: Labels | pd.DataFrame,
    after: Labels | pd.DataFrame,
    *,
    verdicts: pd.DataFrame | None = None,
    **audit_options: Any,
) -> Comparison:
    """Compare labels before and after a re-label: boxes, objects, findings, scores.

    Frames are the same if they show the same image, told by file name where both versions know
    it, and else if they have the same number.

    Parameters
    ----------
    before, after : Labels or DataFrame
        The caller's tables are not edited.
    verdicts : DataFrame, optional
        What ``annotaudit.review.load`` returns: mistakes that reviewers saw by themselves in the
        labels before count as findings, too.
    **audit_options
        Passed on to :func:`annotaudit.audit`, for both versions.

    Returns
    -------
    Comparison

    Raises
    ------
    BoxTableError
        If one is neither labels nor a box table.

    Examples
    --------
    >>> import pandas as pd
    >>> car = pd.DataFrame({
    ...     "sequence": "street", "frame": range(90), "track": "car:1", "label": "car",
    ...     "annotator": "ann", "left": 100.0, "top": 50, "width": 40, "height": 20})
    >>> wrong = car.copy()
    >>> wrong.loc[40, "left"] += 15
    >>> compare(wrong, car)
    Comparison: 1 of 90 boxes changed; of the errors and warnings 1 closed, 0 are still open, ...
    """
    before, after = _labels(before), _labels(after)
    after = _numbered_alike(before, after)
    boxes = compare_boxes(before.boxes, after.boxes)
    was, now = audit(before, **audit_options), audit(after, **audit_options)
    if verdicts is not None:
        was = with_marks(was, verdicts, before)
        now = with_marks(now, _named_as_in(after, verdicts, boxes), after)
    findings = _compare_findings(was, now, boxes)
    scores = tracking_scores(before.boxes, after.boxes)
    return Comparison(boxes, compare_tracks(boxes), findings, scores)


def plot_comparison(comparison: Comparison, *, ax: Axes | None = None, **bar_style: Any) -> Axes:
    """Plot the mistakes to expect before and after: what closed, what stayed, what is new.

    Parameters
    ----------
    comparison : Comparison
        What :func:`compare` returned.
    ax : Axes, optional
    **bar_style
        Passed to ``ax.barh``.

    Returns
    -------
    Axes
    """
    import matplotlib.pyplot as plt

    from annotaudit.plotting.style import ALERT, MUTED, PALETTE

    if ax is None:
        _, ax = plt.subplots(figsize=(8, 2.2), layout="constrained")
    found = comparison.findings
    sums = {state: _mistakes(found[found["state"] == state]) for state in STATES}
    still = found[found["state"] == "open"]
    open_before = _mistakes(still.assign(score=still["score_before"]))
    style = {"height": 0.6, **bar_style}
    ax.barh("before", open_before, color=MUTED, **style)
    ax.barh("before", sums["closed"], left=open_before, color=PALETTE[1], label="closed", **style)
    ax.barh("after", sums["open"], color=MUTED, label="still open", **style)
    ax.barh("after", sums["new"], left=sums["open"], color=ALERT, label="new", **style)
    totals = (open_before + sums["closed"], sums["open"] + sums["new"])
    for row, total in enumerate(totals):
        ax.text(total, row, f" {total:.1f}", va="center")
    ax.invert_yaxis()
    ax.margins(x=0.1)
    ax.set(xlabel="mistakes to expect (sum of the scores)", xlim=(0, None))
    ax.legend(loc="lower right")
    return ax


def _labels(given: Labels | pd.DataFrame) -> Labels:
    if isinstance(given, Labels):
        return given
    if isinstance(given, pd.DataFrame):
        return Labels(given)
    raise BoxTableError(
        f"compare() takes Labels or box tables; found {type(given).__name__}. "
        "Load labels with annotaudit.load()."
    )


def _numbered_alike(before: Labels, after: Labels) -> Labels:
    """Give the frames of the later version the numbers and names the earlier one has."""
    was, now = _images(before), _images(after)
    boxes, frames = after.boxes, after.frames
    names = [set(labels.boxes["sequence"]) for labels in (before, after)]
    if len(names[0]) == len(names[1]) == 1 and names[0] != names[1]:
        name = names[0].pop()  # one video each: a job calls it by another name
        now = now.assign(sequence=name)
        boxes, frames = boxes.assign(sequence=name), frames.assign(sequence=name)
        boxes = boxes.astype({"sequence": TEXT})
    if not len(was) or not len(now):
        return Labels(boxes, frames, after.problems)
    number = now.merge(was, on=["sequence", "name"], suffixes=("", "_before"))
    by_frame = number.drop_duplicates(["sequence", "frame"]).set_index(["sequence", "frame"])
    known = by_frame["frame_before"]
    if (known == known.index.get_level_values("frame")).all():
        return Labels(boxes, frames, after.problems)
    renumbered = []
    for table in (boxes, frames):
        keys = pd.MultiIndex.from_frame(table[["sequence", "frame"]])
        found = known.reindex(keys).to_numpy()
        if pd.isna(found).any():
            first = keys[pd.isna(found)][0]
            raise BoxTableError(
                f"Frame {first[1]} of sequence {first[0]!r} is in the later version only, while "
                "others have other numbers there than before. Leave it out of the later version."
            )
        renumbered.append(table.assign(frame=found.astype("int64")))
    return Labels(renumbered[0], renumbered[1], after.problems)


def _images(labels: Labels) -> pd.DataFrame:
    """Return sequence, frame and file name of the frames whose name is theirs alone."""
    if not {"sequence", "frame", "image"} <= set(labels.frames):
        return pd.DataFrame(columns=["sequence", "frame", "name"])
    known = labels.frames.dropna(subset="image")
    name = last_part(known["image"])
    images = known[["sequence", "frame"]].assign(name=name)
    return images.drop_duplicates(["sequence", "name"], keep=False)


def _named_as_in(after: Labels, verdicts: pd.DataFrame, boxes: pd.DataFrame) -> pd.DataFrame:
    """Name objects and annotators of the verdicts as the later version does."""
    tracks = _tracks_now(verdicts, boxes).where(
        verdicts["rule"] != "seen_wrong_identity", verdicts["track"]
    )
    signed = after.boxes.drop_duplicates("sequence").set_index("sequence")["annotator"]
    is_known = verdicts["annotator"].isin(after.boxes["annotator"])
    annotators = verdicts["annotator"].where(is_known, verdicts["sequence"].map(signed))
    return verdicts.assign(track=tracks, annotator=annotators.astype(TEXT))


def _tracks_now(table: pd.DataFrame, boxes: pd.DataFrame) -> pd.Series:
    """Return what the later version calls the objects of a table's rows."""
    both = boxes.dropna(subset=["track_before", "track_after"])
    renamed = both.set_index(["sequence", "frame", "track_before"])["track_after"]
    renamed = renamed[~renamed.index.duplicated()]
    places = pd.MultiIndex.from_frame(table[["sequence", "frame", "track"]])
    now = pd.Series(renamed.reindex(places).to_numpy(), index=table.index, dtype=TEXT)
    return now.fillna(table["track"])


def _compare_findings(
    before: pd.DataFrame, after: pd.DataFrame, boxes: pd.DataFrame
) -> pd.DataFrame:
    key = ["sequence", "frame", "track", "rule"]
    was = before.assign(track=_tracks_now(before, boxes), score_before=before["score"])
    was_keys, now_keys = (pd.MultiIndex.from_frame(table[key]) for table in (was, after))
    score_before = was.groupby(key, dropna=False)["score_before"].max()
    after = after.assign(
        state=pd.Series(now_keys.isin(was_keys), index=after.index)
        .map({True: "open", False: "new"})
        .astype(TEXT),
        score_before=score_before.reindex(now_keys).to_numpy(),
    )
    closed = before.assign(state="closed", score_before=before["score"]).astype({"state": TEXT})
    closed = closed[~was_keys.isin(now_keys)]
    filled = [part for part in (after, closed) if len(part)] or [after]
    joined = pd.concat(filled, ignore_index=True)
    state = pd.Categorical(joined["state"], ["new", "open", "closed"], ordered=True)
    joined = joined.assign(order=state).sort_values(
        ["order", "score"], ascending=[True, False], kind="stable", ignore_index=True
    )
    return joined.drop(columns="order")


def _mistakes(findings: pd.DataFrame) -> float:
    """Mistakes to expect: several rules about one box mean one mistake."""
    box = ["sequence", "frame", "track"]
    best = findings.groupby(box, dropna=False)["score"].max()
    return float(best.sum())
