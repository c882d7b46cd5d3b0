import pandas as pd
import pytest
from matplotlib import pyplot as plt

from annotaudit.boxes import Labels


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture
def boxes():
    """Two cars on frames 0 to 9; car:2 has no box on frames 4 and 5, and car:1 jumps on 7."""
    table = pd.DataFrame(
        {
            "sequence": "street",
            "frame": [*range(10), 0, 1, 2, 3, 6, 7, 8, 9],
            "track": ["car:1"] * 10 + ["car:2"] * 8,
            "label": "car",
            "annotator": "ann",
            "left": [10.0 * frame for frame in range(10)] + [100.0] * 8,
            "top": 20.0,
            "width": 40.0,
            "height": [30.0] * 10 + [60.0] * 8,
        }
    )
    table.loc[7, "left"] = 130.0
    return table


@pytest.fixture
def findings(boxes):
    """What an audit would say about the jump: an error, and a note on car:2."""
    table = boxes.iloc[[7, 12]].reset_index(drop=True)
    return table.assign(
        rule=["off_course", "size_jump"],
        score=[0.9, 0.2],
        severity=["error", "note"],
        reason=["Its left edge is 60 px too far right.", "It grows."],
        expected_left=[70.0, float("nan")],
        expected_top=[20.0, float("nan")],
        expected_width=[40.0, float("nan")],
        expected_height=[30.0, float("nan")],
    )


@pytest.fixture
def labels(boxes):
    frames = pd.DataFrame(
        {
            "sequence": "street",
            "frame": range(10),
            "image": None,
            "image_width": 200.0,
            "image_height": 120.0,
            "time": None,
        }
    )
    return Labels(boxes, frames)
