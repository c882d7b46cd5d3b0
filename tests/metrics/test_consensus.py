"""Which boxes show one thing, and the one box that annotators agree on."""

import sys
from pathlib import Path

import pandas as pd
from hypothesis import given, strategies as st

from annotaudit.metrics.consensus import consensus_boxes, group_boxes

sys.path.append(str(Path(__file__).parent))  # three_people stands beside us
from three_people import THREE, drawn, looked_at, together  # noqa: E402


def test_boxes_around_one_thing_share_a_number():
    assert group_boxes(THREE).tolist() == [0, 1, 0, 0, 1]


def test_a_group_holds_one_box_of_an_annotator():
    twice = together(drawn("ann", (0, 0, 10, 10), (0, 0, 10, 10)), drawn("bob", (0, 0, 10, 10)))
    assert group_boxes(twice).tolist() == [0, 1, 0]


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
