"""Plant known mistakes into labels: what the ranker learns from and the self-test counts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from annotaudit.audit.mistakes import KINDS, UNSEEN, Ints, Sheet
from annotaudit.boxes import OBJECT, SIDES, TEXT, check_boxes

__all__ = ["KINDS", "UNSEEN", "plant_mistakes"]


def plant_mistakes(
    boxes: pd.DataFrame,
    frames: pd.DataFrame | None = None,
    *,
    share: float = 0.02,
    seed: int | Sequence[int] = 0,
    kinds: Sequence[str] = tuple(KINDS),
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Spoil a seeded share of the boxes; kinds take turns.

    Parameters
    ----------
    boxes : DataFrame
        A box table; it is not edited. Boxes without a track are left out.
    frames : DataFrame, optional
        The frames looked at; gives the size of the images.
    share : float
        Share of the boxes that mistakes touch, about.
    seed : int or sequence of int
    kinds : sequence of str
        Names out of ``KINDS``.

    Returns
    -------
    boxes : DataFrame
        The spoilt table, under a fresh index.
    truth : DataFrame
        One row per touched cell: sequence, annotator, frame, track, kind, event. All rows of one
        ``event`` are one mistake.

    Examples
    --------
    >>> boxes = pd.DataFrame({
    ...     "sequence": "street", "frame": range(50), "track": "a", "label": "car",
    ...     "annotator": "ann", "left": np.arange(50.0), "top": 9.0, "width": 40.0, "height": 30.0})
    >>> spoilt, truth = plant_mistakes(boxes, share=0.02, kinds=["shift"])
    >>> truth["kind"].unique().tolist(), truth["event"].nunique()
    (['shift'], 1)
    """
    table = check_boxes(boxes)
    table = table[table["track"].notna()].sort_values([*OBJECT, "frame"], kind="stable")
    table = table.drop_duplicates([*OBJECT, "frame"]).reset_index(drop=True)
    if table.empty:
        return table, _truth_table(table, [], [])
    sheet = _sheet_of(table, frames, np.random.default_rng(seed))
    for _ in range(len(table)):
        if sheet.touched >= share * len(table):
            break
        done = len(sheet.cells)
        for kind in sheet.rng.permutation(list(kinds)):
            if sheet.touched < share * len(table):
                KINDS[kind](sheet)
        if len(sheet.cells) == done and sheet.rng.random() < 0.2:
            break  # no room left
    names = np.asarray(sheet.names, dtype=object)
    spoilt = table.assign(
        **dict(zip(SIDES, sheet.sides.T, strict=True)),
        track=pd.array(names[sheet.thing], dtype=TEXT),
        label=pd.array(sheet.label, dtype=TEXT),
    )
    copies = [
        spoilt.iloc[rows].assign(**dict(zip(SIDES, sides.T, strict=True)), track=names[name])
        for rows, sides, name in sheet.copies
    ]
    truth = _truth_table(spoilt, sheet.cells, sheet.names)
    spoilt = pd.concat([spoilt[sheet.kept], *copies], ignore_index=True)
    return check_boxes(spoilt), truth


def _sheet_of(table: pd.DataFrame, frames: pd.DataFrame | None, rng: np.random.Generator) -> Sheet:
    thing, _ = pd.factorize(pd.MultiIndex.from_frame(table[list(OBJECT)]))
    first = np.flatnonzero(np.append(True, thing[1:] != thing[:-1]))
    length = np.diff(np.append(first, len(table)))
    scene, _ = pd.factorize(pd.MultiIndex.from_frame(table[list(OBJECT[:2])]))
    sides = table[list(SIDES)].to_numpy(dtype=np.float64, copy=True)
    whole = np.bincount(scene, (sides == np.round(sides)).all(axis=1)) / np.bincount(scene) > 0.9
    frame = table["frame"].to_numpy(dtype=np.int64)
    key = scene * (frame.max() + 1) + frame
    order = np.argsort(key, kind="stable")
    image = np.full((len(table), 2), np.nan)
    if frames is not None and {"image_width", "image_height"} <= set(frames.columns):
        known = frames.groupby("sequence")[["image_width", "image_height"]].max()
        image = known.reindex(table["sequence"]).to_numpy(dtype=np.float64)
    return Sheet(
        rng=rng,
        sides=sides,
        frame=frame,
        thing=thing.astype(np.int64),
        label=table["label"].to_numpy(dtype=object).copy(),
        image=image,
        whole=whole[scene],
        kept=np.ones(len(table), dtype=bool),
        taken=np.zeros(len(table), dtype=bool),
        start=np.repeat(first, length),
        length=np.repeat(length, length),
        scene=scene.astype(np.int64),
        by_frame=order,
        frame_key=key[order],
        names=table["track"].iloc[first].tolist(),
    )


def _truth_table(
    spoilt: pd.DataFrame, cells: list[tuple[str, Ints, int | None]], names: list[str]
) -> pd.DataFrame:
    """One row per touched cell, under the name the object carries after the spoiling."""
    columns = ["sequence", "annotator", "frame", "track"]
    rows = [rows for _, rows, _ in cells]
    sizes = [len(own) for own in rows]
    touched = spoilt[columns].iloc[np.concatenate([np.zeros(0, dtype=np.int64), *rows])]
    copied = np.repeat([-1 if name is None else name for _, _, name in cells], sizes).astype(int)
    track = touched["track"].to_numpy(dtype=object)
    track[copied >= 0] = np.asarray(names, dtype=object)[copied[copied >= 0]]
    return touched.assign(
        track=pd.array(track, dtype=TEXT),
        kind=pd.array(np.repeat([kind for kind, _, _ in cells], sizes), dtype=TEXT),
        event=np.repeat(np.arange(len(cells)), sizes),
    ).reset_index(drop=True)
