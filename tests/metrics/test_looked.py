"""Who looked at which image, and that every measure between annotators goes by it.

Four images: ann drew the same sign on the first three; bob drew it on image 0, looked at image 1
and drew nothing, and never saw image 2; at image 3 nobody looked.
"""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

import annotaudit as aa
from annotaudit.boxes import Labels
from annotaudit.errors import BoxTableError
from annotaudit.metrics import (
    accuracy,
    compare_to_gold,
    consensus_boxes,
    krippendorff_alpha,
    pairwise_agreement,
    ratings,
    who_looked,
    worker_reliability,
)
from annotaudit.metrics.agreement import NOTHING

SAW = [["ann", "bob"], ["ann", "bob"], ["ann"], []]


def signs(*places):
    """The same box on each (annotator, frame)."""
    return pd.DataFrame(places, columns=["annotator", "frame"]).assign(
        sequence="street", track=None, label="sign", left=10.0, top=10.0, width=20.0, height=20.0
    )


def frames(**column):
    table = pd.DataFrame({"sequence": "street", "frame": range(4)})
    return table.assign(**column)


def as_names(saw=SAW):
    return frames(annotators=[json.dumps(names) for names in saw])


def as_assignments(saw=SAW):
    """As Mechanical Turk is read; cem took on image 0 and never answered."""
    texts = [
        json.dumps(
            [{"annotator": name, "answered": True, "raw": {"Answer": "<a/>"}} for name in names]
        )
        for names in saw
    ]
    unanswered = json.dumps({"annotator": "cem", "answered": False})
    return frames(assignments=[texts[0][:-1] + f", {unanswered}]", *texts[1:]])


DRAWN = signs(("ann", 0), ("ann", 1), ("ann", 2), ("bob", 0))
GOLD = signs(*[("gold", frame) for frame in range(4)])
both_ways = pytest.mark.parametrize("listed", [as_names, as_assignments])


def seen(labels):
    return who_looked(labels)[["frame", "annotator"]].to_numpy().tolist()


@both_ways
def test_both_columns_tell_who_looked(listed):
    assert seen(Labels(DRAWN, listed())) == [
        [0, "ann"],
        [0, "bob"],
        [1, "ann"],
        [1, "bob"],
        [2, "ann"],
    ]


@both_ways
def test_ratings_know_who_saw_and_said_nothing(listed):
    rated = ratings(Labels(DRAWN, listed()))
    assert rated[["frame", "annotator", "label"]].to_numpy().tolist() == [
        [0, "ann", "sign"], [0, "bob", "sign"],
        [1, "ann", "sign"], [1, "bob", NOTHING],
        [2, "ann", "sign"],
    ]  # fmt: skip


@both_ways
def test_alpha_counts_the_nothing_and_leaves_out_what_one_alone_saw(listed):
    found = krippendorff_alpha(ratings(Labels(DRAWN, listed())), resamples=0)
    # By hand: three ratings "sign", one "nothing"; of the two things one is disputed.
    # Observed 2 / 4, expected 2 * 3 * 1 / (4 * 3): alpha = 1 - .5 / .5.
    assert (found.alpha, found.units, found.ratings) == (0.0, 2, 4)
    blind = krippendorff_alpha(ratings(DRAWN), resamples=0)
    assert np.isnan(blind.alpha), "by the boxes alone, bob agrees wherever he was"
    assert blind.units == 1


@both_ways
def test_reliability_falls_by_what_was_not_drawn_and_not_by_what_was_not_seen(listed):
    saw = [["ann", "bob", "cem"]] * 4
    drawn = signs(*[(name, frame) for name in ("ann", "cem") for frame in range(4)], ("bob", 0))
    told = worker_reliability(ratings(Labels(drawn, listed(saw))))
    assert told["ratings"].tolist() == [4, 4, 4]
    assert told.index[0] == "bob"
    once = worker_reliability(ratings(Labels(drawn, listed([saw[0]] + [["ann", "cem"]] * 3))))
    assert once.loc["bob", "ratings"] == 1
    assert once.loc["bob", "reliability"] > 0.7 > told.loc["bob", "reliability"]


@both_ways
def test_pairs_are_compared_on_what_both_saw(listed):
    pair = pairwise_agreement(Labels(DRAWN, listed())).iloc[0]
    # Images 0 and 1; ann drew on both, bob on one: F1 = 2 * 1 / (2 + 1).
    assert pair[["images", "boxes_first", "boxes_second", "matched"]].tolist() == [2, 2, 1, 1]
    assert pair["f1"] == pytest.approx(2 / 3)
    assert pairwise_agreement(DRAWN)["f1"].tolist() == [1.0]


def test_a_pair_of_which_one_drew_nothing_at_all_is_compared():
    labels = Labels(DRAWN[DRAWN["annotator"] == "ann"], as_names())
    pair = pairwise_agreement(labels).iloc[0]
    assert pair[["first", "second", "images", "matched", "f1"]].tolist() == ["ann", "bob", 2, 0, 0]
    nobody = pairwise_agreement(Labels(DRAWN.iloc[:0], as_names())).iloc[0]
    assert nobody["images"] == 2
    assert np.isnan(nobody["f1"])


@both_ways
def test_consensus_asks_those_who_saw(listed):
    support = consensus_boxes(Labels(DRAWN, listed())).set_index("frame")["support"]
    assert support.to_dict() == {0: 1.0, 1: 0.5, 2: 1.0}
    most = consensus_boxes(Labels(DRAWN, listed()), quorum=0.6)
    assert most["frame"].tolist() == [0, 2], "one of two is not enough; the only one is"


@both_ways
def test_gold_is_missed_by_those_who_saw_and_by_nobody_else(listed):
    outcomes = compare_to_gold(Labels(DRAWN, listed()), GOLD)
    missed = outcomes[outcomes["outcome"] == "false negative"]
    assert missed[["frame", "annotator"]].to_numpy().tolist() == [[1, "bob"]]
    assert accuracy(outcomes)["recall"].to_dict() == {"ann": 1.0, "bob": 0.5}


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_where_nobody_knows_those_who_drew_have_looked(missing):
    table = as_names().astype(object)
    table.loc[1, "annotators"] = missing
    assert seen(Labels(DRAWN, table)) == [[0, "ann"], [0, "bob"], [2, "ann"], [1, "ann"]]
    assert seen(Labels(DRAWN)) == seen(DRAWN) == [[0, "ann"], [1, "ann"], [2, "ann"], [0, "bob"]]


def test_whoever_drew_has_looked_listed_or_not():
    told = [
        ratings(Labels(DRAWN, as_names([[], ["bob"], [], []]))),
        ratings(DRAWN, looked=as_row("bob", 1)),
    ]
    for rated in told:
        assert rated.loc[rated["frame"] == 1, "label"].tolist() == ["sign", NOTHING]
        assert len(rated) == 5
    found = consensus_boxes(DRAWN, looked=as_row("bob", 3))
    assert found["support"].max() == 1
    outcomes = compare_to_gold(DRAWN, GOLD, looked=as_row("bob", 3))
    assert outcomes["outcome"].tolist() == ["true positive"] * 4 + ["false negative"]


def as_row(annotator, frame):
    return pd.DataFrame({"sequence": ["street"], "frame": [frame], "annotator": [annotator]})


def test_a_table_of_who_looked_takes_the_place_of_what_the_labels_know():
    rated = ratings(Labels(DRAWN, as_names()), looked=as_row("eve", 2))
    assert rated[["frame", "annotator"]].to_numpy().tolist() == [
        [0, "ann"], [0, "bob"], [1, "ann"], [2, "ann"], [2, "eve"],
    ]  # fmt: skip


def test_labels_of_two_sources_keep_what_each_knows():
    names, work = as_names(), as_assignments().assign(sequence="batch")
    boxes = pd.concat([DRAWN, DRAWN.assign(sequence="batch")], ignore_index=True)
    table = who_looked(Labels(boxes, pd.concat([names, work], ignore_index=True)))
    assert table["sequence"].value_counts().to_dict() == {"street": 5, "batch": 5}


def test_somebody_without_a_name_looked_too():
    labels = Labels(DRAWN, as_names([["ann", "bob", None], *SAW[1:]]))
    assert ratings(labels).iloc[2].isna()["annotator"]
    assert krippendorff_alpha(ratings(labels), resamples=0).ratings == 5
    assert worker_reliability(ratings(labels))["ratings"].sum() == 5
    assert consensus_boxes(labels)["support"].tolist() == [pytest.approx(2 / 3), 0.5, 1]
    pairs = pairwise_agreement(labels)
    assert pairs[["first", "second"]].to_numpy().tolist() == [["ann", "bob"]]


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("annotators", "ann"),
        ("annotators", '{"a": 1}'),
        ("annotators", "[1, 2]"),
        ("assignments", '["ann"]'),
        ("assignments", '[{"annotator": 7}]'),
        ("annotators", "[" * 100_000),
        ("annotators", 7),
    ],
)
def test_a_list_that_is_none_is_refused_with_what_stands_there(column, text):
    table = frames().assign(**{column: [text, None, None, None]})
    with pytest.raises(BoxTableError, match=rf"frames\.{column}: found .*expected a JSON list"):
        who_looked(Labels(DRAWN, table))


def test_numbers_that_only_python_writes_do_not_hide_who_looked():
    text = '[{"annotator": "ann", "answered": true, "raw": {"price": NaN}}]'
    table = frames(assignments=[text, None, None, None])
    assert seen(Labels(DRAWN.iloc[:0], table)) == [[0, "ann"]]


def test_a_table_of_who_looked_without_its_columns_is_refused():
    with pytest.raises(BoxTableError, match=r"lacks \['annotator'\]"):
        ratings(DRAWN, looked=as_row("ann", 0).drop(columns="annotator"))


def test_annotators_may_be_numbers():
    boxes = DRAWN.assign(annotator=DRAWN["annotator"].map({"ann": 1, "bob": 2}))
    looked = pd.DataFrame({"sequence": "street", "frame": [0, 1], "annotator": 2})
    assert ratings(boxes, looked=looked)["annotator"].tolist() == ["1", "2", "1", "2", "1"]


def test_who_drew_nothing_is_known_from_worker_responses(tmp_path):
    box = {"left": 5, "top": 9, "width": 60, "height": 41, "label": "dog"}

    def answer(worker, *boxes):
        return {"answerContent": {"box": {"boundingBoxes": list(boxes)}}, "workerId": worker}

    for image, answers in enumerate(
        [[answer("ann", box), answer("bob", box)], [answer("ann", box), answer("bob")],
         [answer("ann", box)]]
    ):  # fmt: skip
        folder = tmp_path / "iteration-1" / str(image)
        folder.mkdir(parents=True)
        (folder / "2026-01-01_00:00:00.json").write_text(json.dumps({"answers": answers}))
    labels = aa.load(tmp_path / "iteration-1", mask_workers=False)
    pair = pairwise_agreement(labels).iloc[0]
    assert pair[["images", "boxes_first", "boxes_second", "matched"]].tolist() == [2, 2, 1, 1]
    said = ratings(labels)[["frame", "annotator", "label"]].to_numpy().tolist()
    assert said == [
        [0, "ann", "dog"], [0, "bob", "dog"], [1, "ann", "dog"], [1, "bob", NOTHING],
        [2, "ann", "dog"],
    ]  # fmt: skip


def test_mechanical_turk_is_read_as_its_own_table_of_assignments():
    labels = aa.datasets.stop_sign()
    work = aa.aws.assignments(labels)
    answered = work.loc[work["answered"], ["sequence", "frame", "annotator"]].drop_duplicates()
    ours = who_looked(labels).sort_values(["frame", "annotator"], ignore_index=True)
    pd.testing.assert_frame_equal(
        ours, answered.sort_values(["frame", "annotator"], ignore_index=True), check_dtype=False
    )


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), max_size=9))
def test_the_labels_and_the_table_of_who_looked_say_the_same(looked):
    saw = [[name for name, at in looked if at == frame] for frame in range(4)]
    labels = Labels(DRAWN, as_names(saw))
    table = pd.DataFrame(looked, columns=["annotator", "frame"]).assign(sequence="street")
    pd.testing.assert_frame_equal(ratings(labels), ratings(DRAWN, looked=table))
    pd.testing.assert_frame_equal(
        pairwise_agreement(labels), pairwise_agreement(DRAWN, looked=table)
    )
    asked = who_looked(labels)
    missed = compare_to_gold(labels, GOLD)["outcome"] == "false negative"
    assert missed.sum() == len(asked) - len(DRAWN), "each who looked found the sign or missed it"


def test_the_page_of_the_docs_says_what_comes_out():
    labels = aa.datasets.stop_sign()
    gold = aa.metrics.on_images_of(labels, aa.datasets.stop_sign(gold=True))
    assert len(who_looked(labels)) == 15
    assert labels.boxes["annotator"].nunique() == 4
    recall = accuracy(compare_to_gold(labels, gold))["recall"]
    idle = recall.index.difference(labels.boxes["annotator"])
    assert recall[idle].tolist() == [0]
    assert idle[0] not in accuracy(compare_to_gold(labels.boxes, gold)).index
