"""Agreement without gold: what each said of each thing, and each two annotators."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from annotaudit.metrics.agreement import NOTHING, pairwise_agreement, ratings
from annotaudit.metrics.matching import match_boxes

sys.path.append(str(Path(__file__).parent))  # three_people stands beside us
from three_people import THREE, drawn, looked_at, together  # noqa: E402


def test_who_drew_nothing_says_nothing_is_there():
    rated = ratings(THREE, looked=looked_at("ann", "bob", "cem", "idle"))
    said = rated.pivot(index="unit", columns="annotator", values="label")
    assert said.loc[0].tolist() == ["sign", "sign", "sign", NOTHING]
    assert said.loc[1].tolist() == ["sign", NOTHING, "sign", NOTHING]


def test_what_is_no_box_shows_nothing():
    broken = drawn("bob", (500, 0, np.nan, 80), (0, 0, -5, 5))
    rated = ratings(together(drawn("ann", (500, 0, 80, 80)), broken))
    assert rated[["annotator", "label"]].to_numpy().tolist() == [["ann", "sign"], ["bob", NOTHING]]


def test_nobody_drew_and_nobody_agrees():
    assert ratings(THREE.iloc[:0]).empty
    assert pairwise_agreement(THREE.iloc[:0]).empty


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
