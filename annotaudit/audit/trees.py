"""A small ensemble of decision trees as plain arrays: quick to ask, small to keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAVES = 16  # at most, so that the leaves a box can still reach fit into 16 bits
CHUNK = 16_384  # boxes asked about at a time; their signals fit into a processor's cache


@dataclass(frozen=True, eq=False)
class Trees:
    """Boosted trees; every tree has up to 16 leaves, numbered from left to right.

    A box is sent down all branches at once: each split it fails rules out the leaves on its left,
    and the first leaf that is left over is the one it reaches (Lucchese et al., QuickScorer,
    SIGIR 2015, doi:10.1145/2766462.2767733).

    Attributes
    ----------
    tree : int array, shape (splits,)
        Which tree the split belongs to, ascending.
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
        signals = np.ascontiguousarray(table.T, dtype=np.float32)  # no copy if kept by column
        total = np.full(len(table) if rows is None else len(rows), self.start)
        edges = np.searchsorted(self.tree, np.arange(len(self.value) + 1))
        splits = list(zip(self.column.tolist(), self.limit, self.left, strict=True))
        of_bit = np.zeros(2**LEAVES)  # of these only the powers of two are asked for
        for start in range(0, len(total), CHUNK):
            part = slice(start, start + CHUNK)
            columns = signals[:, part] if rows is None else signals.take(rows[part], axis=1)
            bits = np.empty(columns.shape[1], dtype=np.uint16)
            for tree, value in enumerate(self.value):
                out = np.zeros(columns.shape[1], dtype=np.uint16)
                for column, limit, left in splits[edges[tree] : edges[tree + 1]]:
                    np.greater(columns[column], limit, out=bits)
                    bits *= left
                    out |= bits
                of_bit[1 << np.arange(LEAVES)] = value
                total[part] += of_bit.take(~out & (out + 1))  # the lowest bit that is not set
        return total


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
