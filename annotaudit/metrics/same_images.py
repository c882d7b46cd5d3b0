"""Two sets of labels of the same images, numbered alike."""

from __future__ import annotations

import pandas as pd

from annotaudit.boxes import PROBLEM_COLUMNS, TEXT, Labels, empty_table
from annotaudit.errors import BoxTableError
from annotaudit.metrics.matching import IMAGE


def on_images_of(labels: Labels, gold: Labels) -> Labels:
    """Give gold the sequence and frame numbers that other labels have for the same images.

    Images are told by the names of their files; where several share a name (``a/1.jpg`` and
    ``b/1.jpg``), by their folders, too, as many as it takes.

    Parameters
    ----------
    labels : Labels
        Whose numbers are taken.
    gold : Labels
        Boxes of the same images from another file.

    Returns
    -------
    Labels
        Gold boxes and frames of the images that both have, one set for each time the labels list
        the image. ``problems`` are those of gold, and a row for each image of gold that could be
        one of several: it is left out, for gold of another image would do people wrong.

    Raises
    ------
    BoxTableError
        If they have no image in common.

    Examples
    --------
    >>> import pandas as pd
    >>> from annotaudit.boxes import empty_table
    >>> def one(sequence, image):
    ...     boxes = pd.DataFrame({"sequence": [sequence], "frame": 0, "track": None, "label": "x",
    ...         "annotator": "a", "left": 0, "top": 0, "width": 9, "height": 9})
    ...     frames = pd.DataFrame({"sequence": [sequence], "frame": 0, "image": image})
    ...     return Labels(boxes, frames, empty_table({"source": "str"}))
    >>> gold = one("gold", "s3://truth/1.jpg")
    >>> on_images_of(one("batch", "https://example.com/1.jpg"), gold).boxes["sequence"].tolist()
    ['batch']
    """
    ours, theirs = _images(labels), _images(gold)
    twice = theirs[theirs.duplicated("path")]
    theirs = theirs.drop_duplicates("path")
    pairs, unclear = _same_images(ours["path"], theirs["path"])
    same = pairs.merge(ours, on="path").merge(
        theirs.rename(columns={"path": "path_gold"}), on="path_gold", suffixes=("", "_gold")
    )
    if same.empty:
        raise BoxTableError(
            "No image of the gold boxes is among those of the labels; they are matched by the "
            "names of image files and, where several share one, their folders. Gold has "
            f"{theirs['path'].head(3).tolist()}, the labels "
            f"{ours['path'].head(3).tolist()}."
        )
    keys = list(IMAGE)
    old = [f"{key}_gold" for key in keys]
    tables = []
    for table in (gold.boxes, gold.frames):
        moved = table.rename(columns=dict(zip(keys, old, strict=True)))
        tables.append(moved.merge(same[[*keys, *old]], on=old)[list(table.columns)])
    problems = [
        gold.problems,
        _problems(twice["path"], "gold has this image twice; the first is used"),
        _problems(
            unclear,
            "several images have this name, and their folders do not tell which one this is; left "
            "out. Name the folders alike in both",
        ),
    ]
    told = [table for table in problems if len(table)] or problems[:1]
    return Labels(tables[0], tables[1], pd.concat(told, ignore_index=True))


def _images(labels: Labels) -> pd.DataFrame:
    """Sequence, frame and path of the images that have one; of addresses, what stands before ?."""
    frames = labels.frames.reindex(columns=[*IMAGE, "image"]).dropna(subset="image")
    path = frames["image"].astype(TEXT)
    on_web = path.str.match("https?://")  # a key of S3 may hold a question mark
    path = path.str.replace("\\", "/", regex=False)
    shown = path.mask(on_web, path.str.replace(r"[?#].*$", "", regex=True))
    return frames[list(IMAGE)].assign(path=shown)


def _ends(paths: pd.Series, depth: int) -> pd.Series:
    """Last parts of each path, so many; the whole path where it has no more."""
    return paths.str.split("/").str[-depth:].str.join("/")


def _same_images(ours: pd.Series, theirs: pd.Series) -> tuple[pd.DataFrame, pd.Series]:
    """Pair paths by as many of their last parts as it takes; and those of gold left unclear."""
    sides = [paths.drop_duplicates() for paths in (ours, theirs)]
    found, depth = [], 0
    while depth == 0 or len(sides[0]):
        depth += 1
        first, second = (pd.DataFrame({"path": p, "end": _ends(p, depth)}) for p in sides)
        both = first.merge(second, on="end", suffixes=("", "_gold"))
        several = both["path"].duplicated(keep=False) | both["path_gold"].duplicated(keep=False)
        found.append(both.loc[~several, ["path", "path_gold"]])
        sides = [both.loc[several, name].drop_duplicates() for name in ("path", "path_gold")]
    pairs = pd.concat(found, ignore_index=True)
    left = [p[~p.isin(pairs[side])] for p, side in ((ours, "path"), (theirs, "path_gold"))]
    return pairs, left[1][_ends(left[1], 1).isin(_ends(left[0], 1))]


def _problems(where: pd.Series, what: str) -> pd.DataFrame:
    table = empty_table(PROBLEM_COLUMNS).reindex(range(len(where)))
    return table.assign(source="gold", where=where.array, what=what)
