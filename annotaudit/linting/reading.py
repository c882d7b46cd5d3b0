"""What the reader could not use, as findings."""

from __future__ import annotations

import numpy as np
import pandas as pd

from annotaudit.linting.findings import about_places
from annotaudit.linting.subject import Subject


def find_unread(subject: Subject) -> pd.DataFrame:
    """Turn each problem the reader had into a finding about its file."""
    problems = subject.problems
    known = pd.concat([subject.frames["sequence"], subject.boxes["sequence"]]).unique()
    name = known[0] if len(known) == 1 else None
    places = pd.DataFrame(
        {
            "sequence": [name] * len(problems)
            if name is not None
            else problems["source"].fillna("(unknown)"),
            "frame": 0,
        },
        index=problems.index,
    )
    return about_places(
        places,
        about="file",
        value=np.nan,
        limit=np.nan,
        unit="",
        reason=[
            f"{where}: {what}"
            for where, what in zip(problems["where"], problems["what"], strict=True)
        ],
        source=problems["source"].tolist(),
    )
