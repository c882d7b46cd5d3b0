import numpy as np
import pandas as pd
import pytest

from annotaudit.errors import LimitError
from annotaudit.metrics import deviation, rolling


@pytest.fixture
def car():
    return pd.DataFrame(
        {
            "sequence": "street",
            "frame": range(6),
            "track": "car:1",
            "label": "car",
            "annotator": "ann",
            "left": [0.0, 1, 2, 30, 4, 5],
            "top": 0.0,
            "width": 10.0,
            "height": 10.0,
        }
    )


def test_the_mean_of_five_and_the_median_of_five(car):
    assert rolling(car)["left"].tolist()[2:4] == [7.4, 8.4]
    assert rolling(car, statistic="median")["left"].tolist()[2:4] == [2.0, 4.0]


def test_a_window_that_is_not_filled_is_unknown(car):
    assert rolling(car)["left"].isna().tolist() == [True, True, False, False, True, True]
    assert rolling(car, center=False)["left"].isna().tolist() == [True] * 4 + [False] * 2


def test_a_window_never_spans_a_gap_or_two_objects(car):
    broken = car.drop(index=3)
    assert rolling(broken, window=3)["left"].notna().sum() == 1
    two = car.assign(track=["a", "a", "a", "b", "b", "b"])
    assert rolling(two, window=3)["left"].notna().tolist() == [False, True, False] * 2


def test_deviation_is_the_value_minus_the_rolling_one(car):
    expected = car["left"] - rolling(car, 3, "median")["left"]
    pd.testing.assert_series_equal(deviation(car, 3, "median")["left"], expected)


def test_a_trailing_window_ends_at_its_box(car):
    assert rolling(car, window=2, center=False)["left"].tolist()[1:3] == [0.5, 1.5]


def test_an_even_centred_window_reaches_one_farther_back(car):
    assert rolling(car, window=2)["left"].tolist()[1:3] == [0.5, 1.5]


def test_rows_come_back_where_they_were(car):
    shuffled = car.sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(rolling(shuffled).loc[car.index], rolling(car))


def test_a_window_of_one_is_the_value_itself(car):
    assert deviation(car, window=1).eq(0).all(axis=None)


def test_missing_and_infinite_sides_stay_in_their_windows(car):
    car.loc[1, "left"] = np.nan
    car.loc[5, "top"] = np.inf
    assert rolling(car, window=3)["left"].isna().tolist() == [True] * 3 + [False, False, True]
    deviation(car, window=3)


def test_a_window_longer_than_the_table_is_unknown_everywhere(car):
    assert rolling(car, window=99).isna().all(axis=None)


@pytest.mark.parametrize("window", [0, -1, 2.5, "5", True])
def test_a_window_that_is_no_number_of_frames_is_refused(car, window):
    with pytest.raises(LimitError, match="window="):
        rolling(car, window=window)


def test_an_unknown_statistic_is_refused(car):
    with pytest.raises(LimitError, match=r"statistic='mode'.*mean"):
        rolling(car, statistic="mode")
