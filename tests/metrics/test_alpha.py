"""Krippendorff's alpha and vitality: as published, by hand, and beside another program."""

import krippendorff
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

from annotaudit.metrics import krippendorff_alpha
from annotaudit.metrics.agreement import NOTHING

some_ratings = st.lists(
    st.lists(st.sampled_from(["cat", "dog", NOTHING, None]), min_size=4, max_size=4),
    min_size=2,
    max_size=12,
)


def as_rated(rows):
    return pd.DataFrame(
        [
            ("s", unit, unit, f"w{who}", label)
            for unit, row in enumerate(rows)
            for who, label in enumerate(row)
            if label is not None
        ],
        columns=["sequence", "frame", "unit", "annotator", "label"],
    )


def theirs(rated):
    """Alpha by the krippendorff package; NaN where it declines."""
    wide = rated.pivot(index="annotator", columns="unit", values="label")
    codes = wide.replace({"cat": 0, "dog": 1, NOTHING: 2}).to_numpy(dtype=float)
    codes = codes[:, (~np.isnan(codes)).sum(axis=0) >= 2]
    if np.unique(codes[~np.isnan(codes)]).size < 2:
        return np.nan
    return krippendorff.alpha(codes, level_of_measurement="nominal")


@given(some_ratings)
@pytest.mark.filterwarnings("ignore:Downcasting behavior:FutureWarning")
def test_alpha_and_vitality_equal_an_independent_program(rows):
    rated = as_rated(rows)
    ours = krippendorff_alpha(rated, resamples=0)
    expected = theirs(rated)
    assert ours.alpha == pytest.approx(expected, nan_ok=True)
    for who in rated["annotator"].unique():
        without = theirs(rated[rated["annotator"] != who])
        assert ours.vitality[who] == pytest.approx(expected - without, nan_ok=True)


def test_the_published_example_with_missing_ratings():
    # Krippendorff (2011), Computing Krippendorff's alpha-reliability, section C: alpha = .743.
    said = ["123321412...", "1233224125.3", ".3332342251.", "1233244125 1.".replace(" ", "")]
    rows = [[None if each == "." else each for each in unit] for unit in zip(*said, strict=True)]
    found = krippendorff_alpha(as_rated(rows), resamples=0)
    assert found.alpha == pytest.approx(0.743, abs=5e-4)
    assert (found.units, found.ratings) == (11, 40)


def test_one_image_has_no_interval_and_two_have():
    rows = [["cat", "cat"], ["cat", "dog"], ["dog", "dog"]]
    alone = krippendorff_alpha(as_rated(rows).assign(frame=0))
    assert np.isnan([alone.low, alone.high]).all()
    assert alone.alpha == pytest.approx(krippendorff_alpha(as_rated(rows)).alpha)
    assert krippendorff_alpha(as_rated(rows)).low <= alone.alpha


def test_nothing_rated_agrees_on_nothing():
    none = krippendorff_alpha(as_rated([]))
    assert np.isnan([none.alpha, none.low, none.high]).all()
    assert (none.units, none.ratings, len(none.vitality)) == (0, 0, 0)


def test_the_interval_holds_alpha_and_repeats_under_a_seed():
    rng = np.random.default_rng(0)
    rated = as_rated(rng.choice(["cat", "dog"], (60, 4), p=[0.8, 0.2]).tolist())
    one, again = krippendorff_alpha(rated, seed=3), krippendorff_alpha(rated, seed=3)
    assert one.low <= one.alpha <= one.high
    assert (one.low, one.high) == (again.low, again.high)


def test_the_one_who_disagrees_has_negative_vitality():
    rows = [["cat", "cat", "cat", "dog"], ["dog", "dog", "dog", "cat"]] * 5
    vitality = krippendorff_alpha(as_rated(rows), resamples=0).vitality
    assert vitality.idxmin() == "w3"
    assert vitality["w3"] < 0 < vitality["w0"]
