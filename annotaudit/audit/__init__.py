"""Measurements that crossed a limit: findings, ranked, with a reason.

Loads nothing until :func:`audit` is called: ``import annotaudit`` takes the function from here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from annotaudit.audit.limits import Limits
    from annotaudit.audit.ranker import Ranker
    from annotaudit.audit.rules import Rule
    from annotaudit.boxes import Labels
    from annotaudit.metrics.embedders import Embedder
    from annotaudit.metrics.embedding import Embeddings


def audit(
    labels: Labels | pd.DataFrame,
    *,
    rules: str | Iterable[str | Rule] | None = None,
    limits: Limits | None = None,
    ranker: Ranker | None = None,
    embedder: Embedder | Embeddings | None = None,
) -> pd.DataFrame:
    """Rank what looks wrong in the labels, most suspicious first.

    Parameters
    ----------
    labels : Labels or DataFrame
        What people drew. With ``Labels``, the table of frames tells which frames were looked at
        and how large the images are; a bare box table is taken to cover every frame number.
    rules : "aws", or names or functions of rules, optional
        ``None`` for all of ``annotaudit.audit.rules.RULES``. ``"aws"`` for the rule of Amazon's
        video tutorial, done right: every step whose area changes by more than a quarter or whose
        boxes overlap by less than half.
    limits : Limits, optional
        Where a measurement becomes a finding; ``None`` for the defaults.
    ranker : optional
        What ``annotaudit.fit_ranker`` learned; its scores then rank the findings.
    embedder : callable or Embeddings, optional
        Look into the boxes, too: ``annotaudit.metrics.ColourTextureEmbedder()``, ``ResNet18()``,
        any callable that maps crops to vectors, or what ``annotaudit.metrics.embed(labels)``
        made. Adds findings about boxes that look unlike their track or like another one, and
        weighs the others by what their boxes show. Needs ``Labels`` whose frames name images.

    Returns
    -------
    DataFrame
        Findings: a box table with ``rule``, ``score`` (0 to 1), ``severity``, ``value``,
        ``limit``, ``unit``, ``reason``, the expected box and ``from_frame``; see
        ``annotaudit.audit.findings.FINDING_COLUMNS``. A missing box has NaN sides. The frame of a
        finding is the one whose box looks wrong. Every sequence is judged by itself.

    Raises
    ------
    BoxTableError
        If the table is not a box table. Bad values in one are findings, never errors.
    LimitError
        If a rule is not known, or the embeddings are of other boxes.
    FrameError
        If an embedder is given and no frame names an image.

    Examples
    --------
    >>> import pandas as pd
    >>> car = pd.DataFrame({
    ...     "sequence": "street", "frame": range(9), "track": "car:1", "label": "car",
    ...     "annotator": "ann", "left": range(100, 190, 10), "top": 50, "width": 40, "height": 20})
    >>> car.loc[4, "left"] -= 30
    >>> findings = audit(car)
    >>> findings[["frame", "track", "rule", "expected_left"]].head(1).to_numpy().tolist()
    [[4, 'car:1', 'off_course', 140.0]]
    """
    from annotaudit.audit.pipeline import audit_labels  # pandas loads when first needed

    return audit_labels(labels, rules, limits, ranker, embedder)
