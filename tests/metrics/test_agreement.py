"""Agreement without gold: alpha, vitality, pairs, consensus, reliability."""

import krippendorff
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from annotaudit.metrics.agreement import NOTHING, krippendorff_alpha, pairwise_agreement, ratings
from annotaudit.metrics.consensus import consensus_boxes, group_boxes
from annotaudit.metrics.matching import match_boxes
from annotaudit.metrics.reliability import implausibly_alike, worker_reliability


def drawn(annotator, *boxes, frame=0, label="sign"):
    return pd.DataFrame(boxes, columns=["left", "top", "width", "height"], dtype=float).assign(
        sequence="street", frame=frame, track=None, label=label, annotator=annotator
    )


def together(*tables):
    return pd.concat(tables, ignore_index=True)


def looked_at(*annotators, frames=1):
    return pd.DataFrame(
        [("street", frame, who) for frame in range(frames) for who in annotators],
        columns=["sequence", "frame", "annotator"],
    )


THREE = together(
    drawn("ann", (0, 0, 100, 100), (500, 0, 80, 80)),
    drawn("bob", (2, 0, 100, 100)),
    drawn("cem", (0, 4, 100, 100), (503, 0, 80, 80)),
)


def test_boxes_around_one_thing_share_a_number():
    assert group_boxes(THREE).tolist() == [0, 1, 0, 0, 1]


def test_a_group_holds_one_box_of_an_annotator():
    twice = together(drawn("ann", (0, 0, 10, 10), (0, 0, 10, 10)), drawn("bob", (0, 0, 10, 10)))
    assert group_boxes(twice).tolist() == [0, 1, 0]


def test_who_drew_nothing_says_nothing_is_there():
    rated = ratings(THREE, looked=looked_at("ann", "bob", "cem", "idle"))
    said = rated.pivot(index="unit", columns="annotator", values="label")
    assert said.loc[0].tolist() == ["sign", "sign", "sign", NOTHING]
    assert said.loc[1].tolist() == ["sign", NOTHING, "sign", NOTHING]


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
    none = krippendorff_alpha(ratings(THREE.iloc[:0]))
    assert np.isnan([none.alpha, none.low, none.high]).all()
    assert (none.units, none.ratings, len(none.vitality)) == (0, 0, 0)
    assert worker_reliability(ratings(THREE.iloc[:0])).empty
    assert pairwise_agreement(THREE.iloc[:0]).empty


def test_what_is_no_box_shows_nothing():
    broken = drawn("bob", (500, 0, np.nan, 80), (0, 0, -5, 5))
    rated = ratings(together(drawn("ann", (500, 0, 80, 80)), broken))
    assert rated[["annotator", "label"]].to_numpy().tolist() == [["ann", "sign"], ["bob", NOTHING]]


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


def test_pairs_are_compared_on_the_images_both_saw():
    boxes = together(
        drawn("ann", (0, 0, 10, 10)),
        drawn("ann", (0, 0, 10, 10), frame=1),
        drawn("bob", (0, 0, 10, 8)),
        drawn("cem", (50, 50, 10, 10), frame=1),
    )
    pairs = pairwise_agreement(boxes).set_index(["first", "second"])
    assert pairs.loc[("ann", "bob"), ["images", "matched", "f1"]].tolist() == [1, 1, 1]
    assert pairs.loc[("ann", "cem"), ["images", "matched", "f1"]].tolist() == [1, 0, 0]
    assert pairs.loc[("ann", "bob"), "mean_iou"] == pytest.approx(0.8)
    assert ("bob", "cem") not in pairs.index


@given(st.integers(0, 10**6), st.booleans())
@settings(max_examples=15, deadline=None)
def test_pairs_agree_as_if_each_two_were_matched_alone(seed, same_label):
    rng = np.random.default_rng(seed)
    n = 30
    boxes = pd.DataFrame(rng.uniform(5, 25, (n, 4)), columns=["left", "top", "width", "height"])
    boxes = boxes.assign(
        sequence="street", frame=rng.integers(0, 3, n), track=None,
        label=rng.choice(["cat", "dog"], n), annotator=rng.choice(["ann", "bob", "cem"], n),
    )  # fmt: skip
    for row in pairwise_agreement(boxes, min_iou=0.2, same_label=same_label).itertuples():
        one, other = (boxes[boxes["annotator"] == name] for name in (row.first, row.second))
        pairs = match_boxes(one, other, min_iou=0.2, same_label=same_label)
        assert row.matched == len(pairs)
        assert row.mean_iou == pytest.approx(pairs["iou"].mean(), nan_ok=True)


def test_consensus_needs_its_quorum():
    many = looked_at("ann", "bob", "cem", "dan", "eve")
    assert consensus_boxes(THREE, looked=many)["votes"].tolist() == [3]
    assert consensus_boxes(THREE, looked=many, quorum=0.4)["votes"].tolist() == [3, 2]


def test_one_sloppy_side_does_not_move_the_median():
    boxes = together(
        drawn("ann", (0, 0, 100, 100)),
        drawn("bob", (0, 0, 100, 100)),
        drawn("cem", (30, 0, 70, 100)),
    )
    assert consensus_boxes(boxes)["left"].tolist() == [0]
    assert consensus_boxes(boxes, sides="mean")["left"].tolist() == [10]


def test_weights_decide_label_and_sides():
    boxes = together(
        drawn("ann", (0, 0, 100, 100), label="dog"),
        drawn("bob", (10, 0, 100, 100), label="cat"),
        drawn("cem", (10, 0, 100, 100), label="cat"),
    )
    heavy = pd.Series({"ann": 5.0})
    trusted = consensus_boxes(boxes, weights=heavy)
    assert trusted[["label", "left"]].to_numpy().tolist() == [["dog", 0]]
    assert consensus_boxes(boxes)[["label", "left"]].to_numpy().tolist() == [["cat", 10]]


def test_a_quorum_reached_to_the_last_digit_is_reached():
    # .3 of .1 + .2 + .3, which is a hair more than .6 in binary.
    weights = pd.Series({"ann": 0.3, "bob": 0.1, "cem": 0.2})
    looked = looked_at("bob", "cem", "ann")
    assert len(consensus_boxes(drawn("ann", (0, 0, 9, 9)), looked=looked, weights=weights)) == 1


def test_whose_word_weighs_nothing_has_no_say():
    weights = pd.Series({"ann": 0.0, "cem": 0.0})
    assert consensus_boxes(THREE, weights=weights)["votes"].tolist() == [3]
    nobody = consensus_boxes(THREE, weights=weights.reindex(["ann", "bob", "cem"], fill_value=0.0),
                             quorum=0)  # fmt: skip
    assert nobody.empty


@given(st.permutations(["ann", "bob", "cem"]))
def test_names_do_not_change_a_clear_consensus(names):
    new_name = dict(zip(["ann", "bob", "cem"], names, strict=True))
    renamed = THREE.assign(annotator=THREE["annotator"].map(new_name))
    sides = ["left", "top", "width", "height", "votes"]
    pd.testing.assert_frame_equal(consensus_boxes(renamed)[sides], consensus_boxes(THREE)[sides])


def test_reliability_finds_the_guesser_and_is_surer_with_more_ratings():
    rng = np.random.default_rng(0)
    truth = rng.choice(["cat", "dog"], 300)
    rows = [
        (unit, who, answer if rng.random() < skill else rng.choice(["cat", "dog"]))
        for unit, answer in enumerate(truth)
        for who, skill in [("good", 0.95), ("fair", 0.8), ("well", 0.9), ("guess", 0.0)]
        if who != "fair" or unit < 40
    ]
    table = worker_reliability(pd.DataFrame(rows, columns=["unit", "annotator", "label"]))
    assert table.index[0] == "guess"
    assert 0.4 < table.loc["guess", "reliability"] < 0.6
    assert table.loc["good", "reliability"] > 0.93
    width = table["high"] - table["low"]
    assert width["fair"] > width["good"]
    assert ((table["low"] <= table["reliability"]) & (table["reliability"] <= table["high"])).all()


def test_identical_boxes_on_every_image_are_seen_and_honest_ones_not():
    lazy = together(*[drawn("lazy", (5, 5, 50, 50), (90, 5, 9, 9), frame=f) for f in range(4)])
    good = together(*[drawn("good", (5 + f, 5, 50, 50), frame=f) for f in range(4)])
    found = implausibly_alike(together(lazy, good))
    assert found.to_numpy().tolist() == [["lazy", 4, 1.0]]
