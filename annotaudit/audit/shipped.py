"""Weights that come with the package, learned from simulated tracks alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from io import BytesIO
from pathlib import Path

import numpy as np

from annotaudit.audit.trees import Trees

FILE = "simulated.npz"
_ARRAYS = ("tree", "column", "limit", "left", "value")


@dataclass(frozen=True, eq=False)
class Shipped:
    """What was learned from tracks that ``data/simulated_tracks.py`` makes.

    Attributes
    ----------
    names : tuple of str
        Signals the trees look at, in this order.
    trees : Trees
    alone : (float, float)
        Slope and shift from the trees' log-odds to those of a real mistake, where these weights
        judge alone.
    beside : (float, float)
        The same from a fitted ranker's own calibrated log-odds. That one takes the mistakes it
        cannot know of for sound boxes, and so is too modest.
    between : (float, float)
        The same from the logarithm of how far an object may have left the line between two
        keyframes.
    """

    names: tuple[str, ...]
    trees: Trees
    alone: tuple[float, float] = (1.0, 0.0)
    beside: tuple[float, float] = (1.0, 0.0)
    between: tuple[float, float] = (1.0, 0.0)


@lru_cache(maxsize=1)
def shipped() -> Shipped:
    """Read the weights that come with the package."""
    raw = files("annotaudit.audit").joinpath("weights", FILE).read_bytes()
    with np.load(BytesIO(raw)) as held:
        tree, column, limit, left, value = (held[name] for name in _ARRAYS)
        trees = Trees(tree, column, limit, left, value, float(held["start"]))
        odds = (tuple(held[name].tolist()) for name in ("alone", "beside", "between"))
        return Shipped(tuple(held["names"].tolist()), trees, *odds)


def write(weights: Shipped, path: Path) -> None:
    """Store weights where :func:`shipped` reads them; ``data/make_ranker_weights.py`` does."""
    trees = {name: getattr(weights.trees, name) for name in _ARRAYS}
    with path.open("wb") as file:
        np.savez_compressed(
            file,
            **trees,
            start=weights.trees.start,
            names=np.array(weights.names),
            alone=weights.alone,
            beside=weights.beside,
            between=weights.between,
        )
