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
BETWEEN = "keyframes.npz"
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
    """

    names: tuple[str, ...]
    trees: Trees
    alone: tuple[float, float] = (1.0, 0.0)
    beside: tuple[float, float] = (1.0, 0.0)


@lru_cache(maxsize=1)
def shipped() -> Shipped:
    """Read the weights that come with the package."""
    raw = files("annotaudit.audit").joinpath("weights", FILE).read_bytes()
    with np.load(BytesIO(raw)) as held:
        tree, column, limit, left, value = (held[name] for name in _ARRAYS)
        trees = Trees(tree, column, limit, left, value, float(held["start"]))
        alone, beside = (tuple(held[name].tolist()) for name in ("alone", "beside"))
        return Shipped(tuple(held["names"].tolist()), trees, alone, beside)


@lru_cache(maxsize=1)
def between() -> Trees:
    """Read the trees that judge boxes between keyframes.

    Their log-odds say whether the object is more than a fifth of its size away from the box.
    """
    raw = files("annotaudit.audit").joinpath("weights", BETWEEN).read_bytes()
    with np.load(BytesIO(raw)) as held:
        tree, column, limit, left, value = (held[name] for name in _ARRAYS)
        return Trees(tree, column, limit, left, value, float(held["start"]))


def write_between(trees: Trees, path: Path) -> None:
    """Store trees where :func:`between` reads them; ``data/make_ranker_weights.py`` does."""
    arrays = {name: getattr(trees, name) for name in _ARRAYS}
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays, start=trees.start)


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
        )
