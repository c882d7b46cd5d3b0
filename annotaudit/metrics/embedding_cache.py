"""Vectors kept on disk by what they were made from: the crop, the model and its settings."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np

from annotaudit.errors import LimitError
from annotaudit.metrics.embedders import Embedder, Pixels, Vectors

AT_ONCE = 500  # keys in one question; SQLite takes 999


class CachedEmbedder:
    """An embedder that asks the model only for crops it has not seen.

    What was computed is on disk after every batch: a run that was stopped goes on where it
    stopped. Several programs may share the file. A crop counts as seen if all of its pixels are
    the same, under the same model and settings.

    Parameters
    ----------
    embedder : callable
        Its ``key`` names the model and its settings; those of annotaudit have one.
    path : path
        The file, made when first needed.
    key : str, optional
        For an embedder without a ``key`` of its own.

    Raises
    ------
    LimitError
        If the embedder has no key, or the file is no such cache.

    Examples
    --------
    >>> from annotaudit.metrics.embedders import ColourTextureEmbedder
    >>> folder = getfixture("tmp_path")
    >>> embedder = CachedEmbedder(ColourTextureEmbedder(), folder / "looks.sqlite")
    >>> crops = np.zeros((3, 64, 32, 3), np.uint8)
    >>> embedder(crops).shape, embedder.computed
    ((3, 460), 1)
    """

    def __init__(
        self, embedder: Embedder, path: str | os.PathLike[str], *, key: str | None = None
    ) -> None:
        named = key or getattr(embedder, "key", None)
        if not isinstance(named, str) or not named:
            raise LimitError(
                f"{embedder!r} has no key, which tells its vectors from those of another model. "
                "Give one that names the model and its settings: CachedEmbedder(..., key='v1')."
            )
        self.embedder, self.path, self.key = embedder, Path(path), named
        self.size: tuple[int, int] | None = getattr(embedder, "size", None)
        self.computed = 0  # crops the model was asked for

    def __call__(self, crops: Pixels) -> Vectors:
        """Describe crops, from the file where it knows them.

        Parameters
        ----------
        crops : uint8 array, shape (n, height, width, 3)

        Returns
        -------
        float32 array, shape (n, d)
        """
        salt = f"{self.key} {crops.shape[1:]}".encode()
        names = [
            hashlib.blake2b(crop.tobytes(), digest_size=16, key=_short(salt)) for crop in crops
        ]
        keys = [name.digest() for name in names]
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, timeout=60)) as file:
                file.execute(
                    "CREATE TABLE IF NOT EXISTS vectors (crop BLOB PRIMARY KEY, vector BLOB) "
                    "WITHOUT ROWID"
                )
                known = dict(_known(file, list(set(keys))))
                first = {key: at for at, key in reversed(list(enumerate(keys))) if key not in known}
                if first:
                    fresh = np.asarray(self.embedder(crops[sorted(first.values())]), np.float32)
                    self.computed += len(fresh)
                    new = dict(zip(sorted(first, key=first.__getitem__), fresh, strict=True))
                    file.executemany(
                        "INSERT OR REPLACE INTO vectors VALUES (?, ?)",
                        [(key, vector.tobytes()) for key, vector in new.items()],
                    )
                    file.commit()
                    known |= new
        except (sqlite3.Error, OSError) as error:
            raise LimitError(
                f"{self.path}: could not be used as a cache of vectors ({error}). Expected a file "
                "written by CachedEmbedder, or a new one. Delete it, or choose another path."
            ) from error
        if not keys:
            return np.asarray(self.embedder(crops), np.float32)
        return np.stack([known[key] for key in keys])


def _short(salt: bytes) -> bytes:
    """A key for the hash, which takes 64 bytes at most."""
    return hashlib.blake2b(salt, digest_size=32).digest()


def _known(file: sqlite3.Connection, keys: list[bytes]) -> Iterator[tuple[bytes, Vectors]]:
    for start in range(0, len(keys), AT_ONCE):
        some = keys[start : start + AT_ONCE]
        marks = ",".join("?" * len(some))
        for key, vector in file.execute(
            f"SELECT crop, vector FROM vectors WHERE crop IN ({marks})", some
        ):
            yield key, np.frombuffer(vector, np.float32)
