"""Two sets of labels of the same images, numbered alike."""

from __future__ import annotations

from annotaudit.boxes import Labels
from annotaudit.errors import BoxTableError
from annotaudit.metrics.matching import IMAGE


def on_images_of(labels: Labels, gold: Labels) -> Labels:
    """Give gold the sequence and frame numbers that other labels have for the same images.

    Parameters
    ----------
    labels : Labels
        Whose numbers are taken.
    gold : Labels
        Boxes of the same images from another file, matched by the names of the image files.

    Returns
    -------
    Labels
        Gold boxes and frames of the images that both have; problems as in ``gold``.

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
    ours, theirs = (
        each.frames.assign(name=each.frames["image"].str.rsplit("/", n=1).str[-1])
        for each in (labels, gold)
    )
    keys = list(IMAGE)
    known = ours[[*keys, "name"]].dropna().drop_duplicates("name")
    same = theirs[[*keys, "name"]].merge(known, on="name", suffixes=("_gold", ""))
    if same.empty:
        raise BoxTableError(
            "No image of the gold boxes is among those of the labels; they are matched by the "
            f"names of image files. Gold has {theirs['name'].head(3).tolist()}, the labels "
            f"{ours['name'].head(3).tolist()}."
        )
    old = [f"{key}_gold" for key in keys]
    tables = []
    for table in (gold.boxes, gold.frames):
        moved = table.rename(columns=dict(zip(keys, old, strict=True)))
        tables.append(moved.merge(same.drop(columns="name"), on=old)[list(table.columns)])
    return Labels(tables[0], tables[1], gold.problems)
