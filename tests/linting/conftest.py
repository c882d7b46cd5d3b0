import numpy as np
import pandas as pd
import pytest

from annotaudit.boxes import Labels


def video(n=12, **boxes):
    """A car that drives right, 8 px a frame, on n frames of 640 x 480 at 25 fps."""
    table = pd.DataFrame(
        {
            "sequence": "street",
            "frame": range(n),
            "track": "car:1",
            "label": "car",
            "annotator": "ann",
            "left": np.arange(n) * 8.0 + 100,
            "top": 50.0,
            "width": 40.0,
            "height": 20.0,
        }
    ).assign(**boxes)
    return Labels(table, frames_of(n))


def frames_of(n, sequence="street", first=1):
    return pd.DataFrame(
        {
            "sequence": sequence,
            "frame": range(n),
            "image": [f"{number + first:06d}.jpg" for number in range(n)],
            "image_width": 640.0,
            "image_height": 480.0,
            "time": np.arange(n) / 25,
        }
    )


def stills(rows):
    """Boxes without tracks: (frame, label, left, top, width, height)."""
    columns = ["frame", "label", "left", "top", "width", "height"]
    table = pd.DataFrame(rows, columns=columns).assign(sequence="set", track=None, annotator="ann")
    n = int(table["frame"].max()) + 1
    return Labels(table, frames_of(n, "set").assign(time=np.nan))


@pytest.fixture(name="video")
def _video():
    return video


@pytest.fixture(name="frames_of")
def _frames_of():
    return frames_of


@pytest.fixture(name="stills")
def _stills():
    return stills
