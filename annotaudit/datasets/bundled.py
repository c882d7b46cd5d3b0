"""Data to try things on: it comes with the package, is small, and its mistakes are known.

Everything was drawn by the scripts in the project's ``data`` folder; see ``data/README.md``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pandas as pd

from annotaudit.boxes import TEXT, Labels
from annotaudit.errors import AnnotauditError, LimitError
from annotaudit.formats import load

NAMES = ("station", "stop_sign")
WORKER_KEY = "annotaudit's bundled data"  # the same masked names in every session


def path(name: str) -> Path:
    """Tell where bundled data stand.

    Parameters
    ----------
    name : {"station", "stop_sign"}

    Returns
    -------
    Path
        A folder: in the installed package, or in the checkout it is run from.

    Raises
    ------
    LimitError
        If there are no such data.
    AnnotauditError
        If they did not come with this installation.

    Examples
    --------
    >>> (path("station") / "SeqLabel.json").is_file()
    True
    """
    if name not in NAMES:
        raise LimitError(f"There are no bundled data {name!r}; expected one of {list(NAMES)}.")
    package = Path(__file__).parents[1]
    for folder in (package / "bundled" / name, package.parent / "data" / name):
        if folder.is_dir():
            return folder
    raise AnnotauditError(
        f"The bundled data {name!r} are not beside the package, in {package}. Install the package "
        "again from its wheel or a whole checkout."
    )


def station(labels: Literal["flawed", "truth"] = "flawed") -> Labels:
    """Load the station: people crossing a hall, 64 frames at 25 per second.

    Parameters
    ----------
    labels : {"flawed", "truth"}
        "flawed": what a Ground Truth tracking job left, three people on every other frame, with
        the mistakes of :func:`planted` in it. "truth": the boxes of all nine, as MOTChallenge has
        them.

    Returns
    -------
    Labels

    Examples
    --------
    >>> station()
    Labels(83 boxes, 3 tracks, 32 frames, 1 sequence, 0 problems)
    """
    folder = path("station")
    if labels == "flawed":
        return load(folder / "SeqLabel.json", frames=folder / "img1")
    if labels == "truth":
        return load(folder, format="motchallenge")
    raise LimitError(f"labels={labels!r}: expected 'flawed' or 'truth'.")


def planted(name: str = "station") -> pd.DataFrame:
    """List the mistakes that were put into the flawed labels.

    Parameters
    ----------
    name : {"station"}

    Returns
    -------
    DataFrame
        ``sequence``, ``frame``, ``track``, ``kind`` and ``what`` is wrong.

    Examples
    --------
    >>> planted()[["frame", "track"]].to_numpy().tolist()
    [[24, 'Pedestrian:2'], [25, 'Pedestrian:2'], [27, 'Pedestrian:1']]
    """
    file = path(name) / "planted.csv"
    if not file.is_file():
        raise LimitError(f"Nothing was planted in {name!r}; expected 'station'.")
    text = {column: TEXT for column in ("sequence", "track", "kind", "what")}
    return pd.read_csv(file, dtype=text)


def stop_sign(*, gold: bool = False) -> Labels:
    """Load the stop signs: drawn streets, and what six invented workers marked on them.

    Parameters
    ----------
    gold : bool
        The true boxes instead.

    Returns
    -------
    Labels
        Three streets, on the last of which there is no stop sign. Of six workers three are good
        (one overlooks the far sign), one is sloppy, one draws nothing anywhere, and the answer of
        one breaks off: it stands in ``problems``. Their names are masked with ``WORKER_KEY``, so
        they are the same every time.

    Examples
    --------
    >>> stop_sign()
    Labels(10 boxes, 0 tracks, 3 frames, 1 sequence, 1 problem)
    >>> stop_sign(gold=True).boxes.groupby("frame").size().to_dict()
    {0: 2, 1: 1}
    """
    folder = path("stop_sign")
    if gold:
        return load(folder / "gold.manifest", frames=folder, sequence="stop_sign")
    return load(folder / "assignments.json", frames=folder, sequence="stop_sign", key=WORKER_KEY)
