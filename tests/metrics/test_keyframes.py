"""Where an object may have been between two keyframes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from annotaudit.boxes import check_boxes
from annotaudit.metrics.keyframes import NAMES, between_keyframes
from annotaudit.metrics.paths import Paths, paths_of


def drawn(keys: list[int], at_keys: list[float], whole: bool = False) -> Paths:
    """One object of 40 × 40 pixels that was drawn on these frames only."""
    frame = np.arange(keys[-1] + 1)
    left = np.interp(frame, keys, at_keys) + 100.3
    return paths_of(
        check_boxes(
            pd.DataFrame(
                {"sequence": "street", "frame": frame, "track": "a", "label": "car",
                 "annotator": "ann", "left": np.round(left) if whole else left, "top": 100.0,
                 "width": 40.0, "height": 40.0}
            )
        )
    )  # fmt: skip


def measured(paths: Paths) -> pd.DataFrame:
    at, table = between_keyframes(paths, np.zeros((2, len(paths))))
    return pd.DataFrame(table, columns=list(NAMES), index=at)


def test_a_turn_drawn_as_a_corner_leaves_the_line_on_both_sides() -> None:
    table = measured(drawn([0, 10, 20], [0, 0, 40]))
    assert table.loc[[5, 15], "length"].tolist() == [10, 10]
    # The speed changes by 4 pixels a frame; the curve passes the corner with half of that:
    # (.5**2 - .5**3) * 10 frames * 2 pixels = 2.5 pixels, of a box of 40.
    np.testing.assert_allclose(table.loc[[5, 15], "curve"], 2.5 / 40, rtol=1e-5)


def test_keyframes_themselves_and_short_stretches_are_not_measured() -> None:
    table = measured(drawn([0, 10, 12, 22], [0, 20, -20, 30]))
    assert not {0, 10, 11, 12, 22} & set(table.index)
    assert {5, 17} <= set(table.index)


def test_a_steady_object_hides_nothing() -> None:
    assert measured(drawn([0, 40], [0, 80])).empty


def test_rounding_to_pixels_does_not_break_a_stretch() -> None:
    table = measured(drawn([0, 13, 26, 39], [0, 17, 60, 71], whole=True))
    assert table.loc[[6, 19, 32], "length"].tolist() == [13, 13, 13]


def test_no_boxes_no_measurements() -> None:
    paths = drawn([0, 10], [0, 5])
    nothing = between_keyframes(paths, np.zeros((2, len(paths))))[1]
    assert nothing.shape == (0, len(NAMES))
