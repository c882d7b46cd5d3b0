"""A small ensemble of decision trees as plain arrays: quick to ask, small to keep."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAVES = 16  # at most: four digits tell which of them a box reaches
CHUNK = 32_768  # boxes asked about at a time; what they answer fits into a processor's cache

Bits = NDArray[np.uint8]  # of eight boxes in each number


@dataclass(frozen=True, eq=False)
class Trees:
    """Boosted trees; every tree has up to 16 leaves, numbered from left to right.

    Trees share many limits, so each is compared once; the answers, a bit a box, send eight boxes
    at a time down each tree.

    Attributes
    ----------
    tree : int array, shape (splits,)
        Which tree the split belongs to, ascending; within a tree a split follows those below it.
    column : int array, shape (splits,)
        Which signal it looks at.
    limit : float32 array, shape (splits,)
        A box whose signal exceeds it goes right.
    left : uint16 array, shape (splits,)
        Bits of the leaves to its left.
    value : float32 array, shape (trees, 16)
        What each leaf adds.
    start : float
        What all begin with.
    """

    tree: NDArray[np.int16]
    column: NDArray[np.int16]
    limit: NDArray[np.float32]
    left: NDArray[np.uint16]
    value: NDArray[np.float32]
    start: float

    def ask(
        self, table: NDArray[np.float32], rows: NDArray[np.int64] | None = None
    ) -> NDArray[np.float64]:
        """Return the log-odds of a mistake for each row of a table of signals, or for some."""
        total = np.full(len(table) if rows is None else len(rows), self.start)
        limits, number = self._limits_by_column()
        steps = self._steps(number)
        for start in range(0, len(total), CHUNK):
            part = slice(start, start + CHUNK)
            asked = part if rows is None else rows[part]
            above: list[Bits] = []
            for column, levels in limits:
                own = table[:, column][asked]
                above += list(np.packbits(own > levels[:, None], axis=1))
            for value, down in zip(self.value.astype(np.float64), steps, strict=True):
                total[part] += value.take(_leaves(down, above, len(total[part])))
        return total

    def _limits_by_column(self) -> tuple[list[tuple[int, NDArray[np.float32]]], NDArray[np.intp]]:
        """Every limit of a signal once; which of all these limits each split looks at."""
        limits, number, count = [], np.empty(len(self.column), dtype=np.intp), 0
        for column in np.unique(self.column).tolist():
            own = self.column == column
            levels, place = np.unique(self.limit[own], return_inverse=True)
            number[own] = place + count
            limits.append((column, levels))
            count += len(levels)
        return limits, number

    def _steps(self, number: NDArray[np.intp]) -> list[list[tuple[int, int, int]]]:
        """Steps down each tree: which limit it looks at, and the first leaf on either side."""
        left = self.left.tolist()
        steps = [
            (limit, (bits & -bits).bit_length() - 1, bits.bit_length())
            for limit, bits in zip(number.tolist(), left, strict=True)
        ]
        ends = np.searchsorted(self.tree, np.arange(len(self.value) + 1)).tolist()
        return [steps[start:end][::-1] for start, end in pairwise(ends)]


def _leaves(steps: list[tuple[int, int, int]], above: list[Bits], boxes: int) -> NDArray[np.uint8]:
    """Number of the leaf that each box reaches, eight boxes a byte on their way down.

    Boxes wait at the first leaf of the branch they are in; those above the limit go on to the
    first leaf on the right.
    """
    at = np.zeros((LEAVES, -(-boxes // 8)), dtype=np.uint8)
    at[0] = 255
    waiting = list(at)
    for limit, here, right in steps:
        np.bitwise_and(waiting[here], above[limit], out=waiting[right])
        np.bitwise_xor(waiting[here], waiting[right], out=waiting[here])
    leaf = np.zeros(boxes, dtype=np.uint8)
    for digit in (1, 2, 4, 8):
        leaf += digit * np.unpackbits(np.bitwise_or.reduce(at[1::2]), count=boxes)
        at = at[::2] | at[1::2]
    return leaf


def grow(
    table: NDArray[np.float32],
    wrong: NDArray[np.bool_],
    weight: NDArray[np.float64],
    *,
    seed: int,
    trees: int,
    rate: float = 0.1,
) -> Trees:
    """Learn to tell wrong boxes from right ones by gradient boosting.

    Parameters
    ----------
    table : float32 array, shape (n, signals)
    wrong : bool array, shape (n,)
    weight : float array, shape (n,)
    seed : int
    trees : int
    rate : float
        Learning rate.

    Notes
    -----
    On one thread, so that the same labels give the same trees on every machine.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # comes with sklearn

    cuts = [_cuts(column) for column in table.T]
    codes = np.empty(table.shape, dtype=np.float32)
    for number, column in enumerate(table.T):
        codes[:, number] = np.searchsorted(cuts[number], column)
    model = HistGradientBoostingClassifier(
        learning_rate=rate,
        max_iter=trees,
        max_leaf_nodes=LEAVES,
        min_samples_leaf=20,
        l2_regularization=1.0,
        early_stopping=False,
        random_state=seed,
    )
    with threadpool_limits(limits=1):
        model.fit(codes, wrong, sample_weight=weight)
    return _as_arrays(model, cuts)


def _cuts(column: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return up to 190 levels to split at; a box is coded by how many of them it exceeds.

    A third of them parts the values there are, however rare: a signal that speaks of one box in a
    hundred, as that of a continued track does, would have a single level otherwise.
    """
    grid = np.linspace(0, 1, 129)[1:-1]
    usual = np.quantile(column, grid, method="lower")
    rare = np.quantile(np.unique(column), grid[1::2], method="lower")
    return np.unique(np.append(usual, rare)).astype(np.float32)


def _as_arrays(model: Any, cuts: list[NDArray[np.float32]]) -> Trees:
    """Copy the trees out of a fitted scikit-learn model, codes turned back into signals."""
    tree, column, limit, left = [], [], [], []
    values = np.zeros((len(model._predictors), LEAVES), dtype=np.float32)
    for number, (predictor,) in enumerate(model._predictors):
        nodes = predictor.nodes
        leaves: list[int] = []

        def walk(
            at: int, nodes: Any = nodes, leaves: list[int] = leaves, number: int = number
        ) -> int:  # noqa: E501
            node = nodes[at]
            if node["is_leaf"]:
                values[number, len(leaves)] = node["value"]
                leaves.append(at)
                return 1 << (len(leaves) - 1)
            lower = walk(int(node["left"]))
            upper = walk(int(node["right"]))
            tree.append(number)
            column.append(int(node["feature_idx"]))
            limit.append(float(cuts[column[-1]][int(node["num_threshold"])]))
            left.append(lower)
            return lower | upper

        walk(0)
    return Trees(
        tree=np.array(tree, dtype=np.int16),
        column=np.array(column, dtype=np.int16),
        limit=np.array(limit, dtype=np.float32),
        left=np.array(left, dtype=np.uint16),
        value=values,
        start=float(np.ravel(model._baseline_prediction)[0]),
    )
