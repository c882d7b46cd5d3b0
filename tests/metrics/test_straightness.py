import numpy as np
import pandas as pd

from annotaudit.metrics.paths import paths_of
from annotaudit.metrics.straightness import (
    alike_and_still,
    coarseness,
    kink_at,
    runs_of,
    spread_at,
)


def one_track(left):
    n = len(left)
    return paths_of(
        pd.DataFrame(
            {
                "sequence": "s",
                "frame": range(n),
                "track": "a",
                "label": "car",
                "annotator": "a",
                "left": np.asarray(left, dtype=float),
                "top": 10.0,
                "width": 20.0,
                "height": 20.0,
            }
        )
    )


def test_a_line_fits_itself_and_a_bend_does_not():
    paths = one_track([0, 2, 4, 6, 8, 5, 2, -1, -4])
    spread = spread_at(np.array([2, 4]), paths.edges, paths.before, paths.after, 2)
    assert spread[0] == 0
    assert spread[1] > 1


def test_a_short_track_has_no_fit():
    paths = one_track([0, 1, 2])
    spread = spread_at(np.array([1]), paths.edges, paths.before, paths.after, 2)
    assert np.isnan(spread).all()


def test_the_kink_is_the_change_of_speed():
    paths = one_track([10, 12, 14, 16, 15, 14, 13])
    kink = kink_at(np.arange(7), paths.edges, ~paths.clipped, paths.before, paths.after, 3)
    assert kink[0].tolist()[3] == 3.0
    assert kink[0, [0, 6]].tolist() == [0.0, 0.0]


def test_equal_steps_make_a_run_and_steps_of_zero_a_rest():
    paths = one_track([0.5, 1.5, 2.5, 3.5, 3.5, 3.5, 9.0])
    alike, still = alike_and_still(paths, coarseness(paths))
    assert alike.tolist() == [False, False, True, True, False, True, False]
    assert runs_of(still)[1].tolist() == [0, 0, 0, 2, 2, 2, 0]


def test_whole_pixels_bend_a_straight_line_by_one():
    assert coarseness(one_track([0, 3, 7])).tolist() == [1.01] * 3
    assert coarseness(one_track([0.5, 3, 7])).tolist() == [0.03] * 3
