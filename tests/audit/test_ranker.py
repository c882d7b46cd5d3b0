import pickle

import numpy as np
import pandas as pd
import pytest

import annotaudit as aa
from annotaudit.audit.findings import FINDING_COLUMNS
from annotaudit.audit.planting import plant_mistakes
from annotaudit.audit.ranker import ENOUGH, Ranker, fit_ranker, peaks
from annotaudit.audit.selftest import ALL, selftest
from annotaudit.audit.shipped import shipped
from annotaudit.audit.signals import signals_of
from annotaudit.audit.trees import Trees, grow
from annotaudit.boxes import check_boxes
from annotaudit.errors import LimitError


@pytest.fixture(scope="module")
def walk():
    """Three sequences of ten unsteady walkers, 120 frames each."""
    parts = []
    for number in range(3):
        rng = np.random.default_rng(number)
        frame, track = np.tile(np.arange(120), 10), np.repeat(np.arange(10), 120)
        bend = rng.normal(size=(10, 1)) * np.sin(np.arange(120) / rng.uniform(8, 20, (10, 1)))
        parts.append(
            pd.DataFrame(
                {
                    "sequence": f"street-{number}",
                    "frame": frame,
                    "track": track.astype(str),
                    "label": "person",
                    "annotator": "a",
                    "left": 100 + 110.0 * track + 40 * bend.ravel() + rng.normal(size=1200) * 0.4,
                    "top": 200 + 9.0 * track + rng.normal(size=1200) * 0.4,
                    "width": 40.0 + rng.normal(size=1200) * 0.4,
                    "height": 95.0 + rng.normal(size=1200) * 0.4,
                }
            )
        )
    return check_boxes(pd.concat(parts, ignore_index=True))


@pytest.fixture(scope="module")
def spoilt(walk):
    return plant_mistakes(walk, share=0.02, seed=99)


@pytest.fixture(scope="module")
def ranker(spoilt):
    return fit_ranker(spoilt[0])


def test_planted_mistakes_lead_the_list(spoilt, ranker):
    boxes, truth = spoilt
    head = aa.audit(boxes, ranker=ranker).head(10)
    near = {
        (s, t, f + d)
        for s, t, f in zip(truth["sequence"], truth["track"], truth["frame"], strict=True)
        for d in (-1, 0, 1)
    }
    named = list(zip(head["sequence"], head["track"], head["frame"], strict=True))
    assert sum(cell in near for cell in named) >= 9


def test_sequences_are_judged_by_themselves_to_the_bit(spoilt, ranker):
    boxes, _ = spoilt
    whole = aa.audit(boxes, ranker=ranker)
    for name, own in boxes.groupby("sequence"):
        alone = aa.audit(own, ranker=ranker)
        here = whole[whole["sequence"] == name].reset_index(drop=True)
        pd.testing.assert_frame_equal(alone, here, check_exact=True)


def test_the_order_of_rows_changes_nothing(spoilt, ranker):
    boxes, _ = spoilt
    shuffled = boxes.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(
        aa.audit(boxes, ranker=ranker), aa.audit(shuffled, ranker=ranker), check_exact=True
    )


def test_the_same_labels_and_seed_give_the_same_ranker(spoilt, ranker):
    again = fit_ranker(spoilt[0])
    assert (again.slope, again.shift) == (ranker.slope, ranker.shift)
    for one, two in zip(again.own, ranker.own, strict=True):
        assert np.array_equal(one.limit, two.limit)
        assert np.array_equal(one.value, two.value)


def test_a_ranker_is_small_and_survives_being_saved(spoilt, ranker):
    stored = pickle.dumps(ranker)
    assert len(stored) < 200_000
    pd.testing.assert_frame_equal(
        aa.audit(spoilt[0], ranker=pickle.loads(stored)), aa.audit(spoilt[0], ranker=ranker)
    )


def test_few_labels_are_judged_by_the_shipped_weights(walk):
    few = walk[walk["sequence"] == "street-0"]
    assert len(few) < ENOUGH
    assert fit_ranker(few).own == ()


def test_findings_hold_the_declared_columns_and_one_event_once(spoilt, ranker):
    found = ranker.findings(spoilt[0])
    assert list(found.columns) == list(FINDING_COLUMNS)
    assert found["score"].between(0, 1).all()
    inside = found.sort_values(["sequence", "track", "frame"])
    same = (inside[["sequence", "track"]] == inside[["sequence", "track"]].shift()).all(axis=1)
    assert (inside["frame"].diff()[same] >= 3).all()


def test_mistakes_that_stand_in_the_labels_already_do_not_teach_that_they_are_right(walk):
    sloppy, truth = plant_mistakes(walk, share=0.02, seed=5, kinds=["size"])
    warned = aa.audit(sloppy).query("severity != 'note'")[["sequence", "track", "frame"]]
    near = pd.concat([truth.assign(frame=truth["frame"] + step) for step in (-1, 0, 1)])
    assert near.merge(warned)["event"].nunique() > 0.75 * truth["event"].nunique()


def test_a_warning_without_a_loud_signal_says_so(walk, ranker):
    shaken, _ = plant_mistakes(walk, share=0.05, seed=3, kinds=["shift", "size", "drift"])
    findings = aa.audit(shaken, ranker=ranker)
    quiet = (findings["value"] < findings["limit"]) & (findings["severity"] != "note")
    together = findings["reason"].str.contains("all signals together")
    assert quiet.any() and together[quiet].all() and not together[~quiet].any()


def test_a_gap_is_a_missing_box_with_an_expected_one(walk, ranker):
    boxes = walk.drop(walk.index[50:53])
    found = ranker.findings(boxes)
    gap = found[found["rule"] == "gap"]
    assert gap["frame"].tolist() == [50]
    assert gap["left"].isna().all()
    assert abs(gap["expected_left"].iloc[0] - walk["left"].iloc[50]) < 6


def test_a_last_box_that_was_left_behind_is_a_warning(walk, ranker):
    own = (walk["sequence"] == "street-1") & (walk["track"] == "4")
    boxes = walk[~(own & (walk["frame"] > 80))].copy()
    boxes.loc[own & (walk["frame"] == 80), "left"] += 30  # its width is 40
    found = aa.audit(boxes, ranker=ranker)
    found = found[(found["rule"] == "end_of_track") & (found["severity"] != "note")]
    assert found[["sequence", "track", "frame"]].to_numpy().tolist() == [["street-1", "4", 80]]


def test_a_long_gap_before_the_last_box_is_no_bend_of_its_course(walk):
    boxes = walk[~((walk["track"] == "4") & walk["frame"].between(90, 118))]
    signals = signals_of(boxes)
    frame = boxes["frame"].to_numpy()[signals.scene.paths.row[signals.spots]]
    track = boxes["track"].to_numpy()[signals.scene.paths.row[signals.spots]]
    assert (signals["end_z"][(track == "4") & (frame == 119)] == 0).all()


def test_a_changed_label_is_told_by_its_frames_and_names(walk, ranker):
    boxes = walk.copy()
    boxes.loc[boxes.index[40:44], "label"] = "car"
    found = aa.audit(boxes, ranker=ranker)
    found = found[found["rule"] == "label_change"]
    assert found["reason"].tolist() == [
        "Called car on frames 40 to 43, though 116 of the 120 boxes of this object are called "
        "person."
    ]
    assert found["severity"].tolist() == ["error"]


def test_two_that_exchange_names_are_a_swap_and_each_finding_names_the_other(walk, ranker):
    boxes = walk.copy()
    later = boxes["frame"] >= 60
    here = boxes["sequence"] == "street-2"
    one, two = (boxes.index[here & later & (boxes["track"] == name)] for name in ("1", "2"))
    boxes.loc[one, "track"], boxes.loc[two, "track"] = "2", "1"
    found = aa.audit(boxes, ranker=ranker)
    found = found[found["rule"] == "swap"].sort_values("track")
    assert found[["track", "frame"]].to_numpy().tolist() == [["1", 60], ["2", 60]]
    assert found["reason"].str.contains("the past of 2").tolist() == [True, False]
    assert found["reason"].str.contains("the past of 1").tolist() == [False, True]


def test_a_line_between_far_keyframes_is_named_once_and_again_for_less(walk, ranker):
    boxes = walk.copy()
    rows = boxes.index[(boxes["sequence"] == "street-1") & (boxes["track"] == "3")]
    keys = [0, 30, 60, 90, 119]
    left = np.interp(np.arange(120), keys, [500.0, 440.0, 560.0, 430.0, 520.0])
    boxes.loc[rows, "left"] = left
    for side in ("top", "width", "height"):
        boxes.loc[rows, side] = np.interp(np.arange(120), keys, boxes.loc[rows[keys], side])
    found = ranker.findings(boxes[boxes["sequence"] == "street-1"])
    own = found[(found["track"] == "3") & (found["rule"] == "sparse_keyframes")]
    inside = own[~own["frame"].isin([f + d for f in keys for d in (-1, 0, 1)])]
    assert inside["reason"].str.contains("straight line").all()
    scores = inside["score"].groupby(inside["frame"] // 30).apply(list)
    assert scores.index.tolist() == [0, 1, 2, 3]
    assert all(2 * other <= max(own) for own in scores for other in own if other < max(own))
    # On its way from 440 to 560 the curve first lags behind the line, and later leads it.
    turn = own[own["frame"].between(31, 42)]
    assert (turn["expected_left"] < turn["left"]).all()


def test_entries_and_exits_alone_give_no_warning():
    frame = np.arange(60)
    walker = pd.DataFrame(
        {
            "sequence": "s",
            "frame": np.tile(frame, 12),
            "track": np.repeat([f"{i:02}" for i in range(12)], 60),
            "label": "person",
            "annotator": "a",
            "left": np.tile(-30 + 5.0 * frame, 12) + np.repeat(np.arange(12) * 3.0, 60),
            "top": np.repeat(40.0 * np.arange(12), 60),
            "width": 30.0,
            "height": 36.0,
        }
    )
    right = (walker["left"] + 30).clip(upper=240)
    left = walker["left"].clip(lower=0)
    seen = walker.assign(left=left, width=right - left)[(right - left) > 3]
    assert (aa.audit(seen)["severity"] == "note").all()


def test_one_box_moved_beside_a_thing_that_stands_still_is_named_itself():
    frame = np.arange(980)
    planted = frame[20::60]
    car = pd.DataFrame(
        {"sequence": "road", "frame": frame, "track": "car", "label": "car", "annotator": "a",
         "left": 100.0 + 15 * np.isin(frame, planted), "top": 50.0, "width": 40.0, "height": 20.0}
    )  # fmt: skip
    found = aa.audit(car).head(len(planted))
    assert sorted(found["frame"]) == planted.tolist()
    assert (found["expected_left"] == 100).all()


def test_who_comes_where_a_larger_one_has_gone_is_no_continuation(walk, ranker):
    gone = walk.query("sequence == 'street-0' and track == '3' and frame < 60")
    last = gone.iloc[-1]
    child = walk.query("sequence == 'street-0' and track == '3' and frame >= 70")
    child = child.assign(track="child", width=child["width"] * 0.6, height=child["height"] * 0.6)
    child["top"] += last["height"] * 0.4
    kept = walk.query("not (sequence == 'street-0' and track == '3')")
    found = aa.audit(pd.concat([kept, gone, child]), ranker=ranker)
    assert not (found["severity"] != "note")[found["track"] == "child"].any()
    same = walk.assign(
        track=walk["track"].mask(child.index.to_series().reindex(walk.index).notna(), "new")
    )
    found = aa.audit(same, ranker=ranker)
    first = found[(found["track"] == "new") & (found["severity"] != "note")].iloc[0]
    assert first["rule"] == "fragment"


def test_a_signal_that_seldom_speaks_is_split_at_its_own_values():
    rng = np.random.default_rng(0)
    table = np.zeros((20_000, 2), dtype=np.float32)
    table[:, 1] = rng.normal(size=20_000)
    table[:160, 0] = np.linspace(0.05, 1, 160)
    wrong = table[:, 0] > 0.5
    odds = grow(table, wrong, np.ones(20_000), seed=0, trees=30).ask(table)
    assert odds[:70].max() < 0 < odds[90:160].min()


def test_trees_answer_as_the_model_they_were_grown_from():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(800, 5)).astype(np.float32)
    wrong = (table[:, 0] > 0.5) & (table[:, 1] < 0.3)
    trees = grow(table, wrong, np.ones(800), seed=0, trees=30)
    odds = trees.ask(table)
    assert ((odds > 0) == wrong).mean() > 0.98
    assert np.array_equal(trees.ask(table[:7]), odds[:7])


def test_each_row_reaches_the_leaf_its_signals_lead_to():
    # The first tree asks for a signal above 1 and, if so, for the other above 2; the second for
    # the first signal alone.
    trees = Trees(
        tree=np.array([0, 0, 1], dtype=np.int16),
        column=np.array([1, 0, 0], dtype=np.int16),
        limit=np.array([2, 1, 1], dtype=np.float32),
        left=np.array([0b010, 0b001, 0b001], dtype=np.uint16),
        value=np.pad(np.array([[1, 2, 4], [8, 16, 0]], dtype=np.float32), ((0, 0), (0, 13))),
        start=0.5,
    )
    table = np.array([[0, 9], [1, 9], [5, 2], [5, 3]], dtype=np.float32)
    assert trees.ask(table).tolist() == [9.5, 9.5, 18.5, 20.5]
    assert trees.ask(table, np.array([3, 0])).tolist() == [20.5, 9.5]


def test_peaks_keep_the_strongest_of_neighbours(walk):
    signals = signals_of(walk)
    score = np.linspace(0, 1, len(signals.spots))
    kept = peaks(signals, score)
    paths = signals.scene.paths
    thing, time = paths.thing[signals.spots], paths.time[signals.spots]
    for spot in np.flatnonzero(~kept):
        near = (thing == thing[spot]) & (np.abs(time - time[spot]) <= 3)
        assert (kept & near).any()


def test_shipped_weights_know_the_signals_there_are(walk):
    assert shipped().names == signals_of(walk).names
    assert isinstance(fit_ranker(walk[:50]), Ranker)


def test_the_selftest_counts_what_was_planted(walk):
    table = selftest(walk, budgets=[50, 200], repeats=1)
    assert table["kind"].iloc[0] == ALL
    assert (table["found"] <= table["planted"]).all()
    assert ((table["low"] <= table["recall"]) & (table["recall"] <= table["high"])).all()
    assert table[table["kind"] == ALL]["recall"].is_monotonic_increasing


def test_a_selftest_without_a_budget_is_refused(walk):
    with pytest.raises(LimitError, match=r"budgets=\[0\].*selftest\(labels, budgets"):
        selftest(walk, budgets=[0])
