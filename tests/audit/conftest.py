import numpy as np
import pandas as pd
import pytest


def make_track(
    name="car:1", frames=range(9), left=100.0, top=50.0, width=40.0, height=20.0, **more
):
    """One object as it should be: each side a number, or one number per frame."""
    frames = np.asarray(list(frames))
    return pd.DataFrame(
        {
            "sequence": "street",
            "frame": frames,
            "track": name,
            "label": "car",
            "annotator": "ann",
            "left": np.broadcast_to(np.asarray(left, dtype=float), len(frames)),
            "top": np.broadcast_to(np.asarray(top, dtype=float), len(frames)),
            "width": np.broadcast_to(np.asarray(width, dtype=float), len(frames)),
            "height": np.broadcast_to(np.asarray(height, dtype=float), len(frames)),
            **more,
        }
    )


@pytest.fixture
def track():
    return make_track


@pytest.fixture
def parked_car():
    return make_track()


@pytest.fixture
def street():
    """Forty frames, six objects that move steadily, no mistakes."""
    start = 200 + np.arange(6) * 150.0
    return pd.concat(
        [
            make_track(f"car:{n}", range(40), left=left + np.arange(40) * (n - 2), top=60.0 * n)
            for n, left in enumerate(start)
        ],
        ignore_index=True,
    )


@pytest.fixture
def flawed():
    """A label file with the flaws that people plant: a box too short, one shifted, an entry.

    walker:1 walks right by 8 px a frame and stands 9 px back on frame 27; walker:2 stands, and
    its box is cut by a fifth on frames 24 and 25; walker:3 comes into view at frame 13 from behind
    a pillar, its left edge moving while its right one stays.
    """
    n = np.arange(32)
    one = make_track("walker:1", n, left=940.0 + 8 * n, top=600.0 + 3 * n, width=70, height=200)
    one.loc[27, "left"] -= 17
    two = make_track("walker:2", n, left=665, top=680.0 + 3 * n, width=98, height=226)
    two.loc[24:25, "height"] = 175
    late = np.arange(13, 32)
    width = np.minimum(49.0 + 23 * (late - 13), 88.0)
    three = make_track("walker:3", late, left=1800.0 - width, top=810, width=width, height=210)
    return pd.concat([one, two, three], ignore_index=True).assign(label="person")
