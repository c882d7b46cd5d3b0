import pandas as pd
import pytest

from annotaudit.boxes import Labels


@pytest.fixture
def labels():
    """Eight frames of a parked car; a second box on it on frame 6, no box on frame 7."""
    rows = [("car:1", frame, 10.0) for frame in (0, 1, 2, 3, 4, 5, 6, 8)] + [("car:2", 6, 12.0)]
    boxes = pd.DataFrame(rows, columns=["track", "frame", "left"]).assign(
        sequence="street", label="car", annotator="ann", top=20.0, width=30.0, height=40.0
    )
    boxes.loc[3, "height"] = 15.0  # the planted mistake
    return Labels(boxes)


@pytest.fixture
def findings(labels):
    """What an audit would say about them: a size jump, a duplicate and a gap."""
    found = labels.boxes.iloc[[3, 8]]
    gap = found.iloc[[0]].assign(frame=7, left=None, top=None, width=None, height=None)
    found = pd.concat([found, gap.astype(found.dtypes)], ignore_index=True)
    return found.assign(
        rule=["size-jump", "duplicate", "gap"],
        score=[0.9, 0.8, 0.7],
        value=[0.6, 0.9, 1.0],
        limit=[0.25, 0.6, 0.0],
        unit=["share of area", "share of overlap", "frames"],
    )
