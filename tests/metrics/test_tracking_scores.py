"""HOTA, IDF1 and MOTA: by hand, by law, and against the programs that define them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

import annotaudit as aa
from annotaudit.metrics.tracking_scores import tracking_scores


def walk(track, frames, left=0, step=5):
    frames = np.asarray(frames)
    return pd.DataFrame(
        {
            "sequence": "hall", "frame": frames, "track": track, "label": "person",
            "annotator": "ann", "left": left + step * frames, "top": 10, "width": 40, "height": 90,
        }
    )  # fmt: skip


def test_the_same_tracks_score_one_whatever_their_names():
    truth = pd.concat([walk("a", range(5)), walk("b", range(5), left=500)])
    scores = tracking_scores(truth, truth.assign(track=truth["track"] + "!").sample(frac=1))
    assert scores[["HOTA", "DetA", "AssA", "LocA", "IDF1", "MOTA", "MOTP"]].tolist() == [1.0] * 7
    assert scores[["IDSW", "FN", "FP"]].tolist() == [0, 0, 0]


def test_two_of_five_boxes_left_out_cost_those_two():
    scores = tracking_scores(walk("a", range(5)), walk("a", range(3)))
    # found 3 of 5; IDF1 = 2 * 3 / (5 + 3); DetA = AssA = 3/5, and so is HOTA
    assert scores[["MOTA", "IDF1", "HOTA", "FN"]].tolist() == pytest.approx([0.6, 0.75, 0.6, 2])


def test_a_change_of_object_is_counted_once_and_also_across_a_gap():
    truth = walk("a", range(6))
    given_ = pd.concat([walk("x", [0, 1]), walk("y", [4, 5])])
    scores = tracking_scores(truth, given_)
    assert scores[["IDSW", "FN", "FP"]].tolist() == [1, 2, 0]
    assert scores["MOTA"] == pytest.approx((4 - 1) / 6)


def test_sequences_are_counted_together_and_do_not_touch_each_other():
    # On frame 1 both x and y lie on a, y more closely; a keeps x, which followed it before.
    truth = walk("a", range(4), step=0)
    given_ = pd.concat([walk("x", [0, 1], left=8, step=0), walk("y", [1], left=4, step=0)])
    alone = tracking_scores(truth, given_)
    assert alone[["IDSW", "FN", "FP"]].tolist() == [0, 2, 1]
    both = tracking_scores(*(pd.concat([t, t.assign(sequence="yard")]) for t in (truth, given_)))
    assert both[["IDSW", "FN", "FP"]].tolist() == [0, 4, 2]
    shares = ["HOTA", "DetA", "AssA", "LocA", "IDF1", "MOTA", "MOTP"]
    assert both[shares].tolist() == pytest.approx(alone[shares].tolist())


def test_two_annotators_who_use_one_name_drew_two_objects():
    truth = pd.concat([walk("a", range(3)), walk("a", range(3), left=500).assign(annotator="bob")])
    told = truth.assign(track=["a"] * 3 + ["b"] * 3)
    assert tracking_scores(truth, told)[["IDF1", "HOTA", "IDSW"]].tolist() == [1, 1, 0]


def test_nothing_compared_with_nothing_is_unknown_not_perfect():
    none = walk("a", [])
    assert tracking_scores(none, none).isna().all()
    assert tracking_scores(walk("a", range(3)), none)[["MOTA", "IDF1", "HOTA"]].tolist() == [0] * 3


def test_a_box_without_sides_matches_nothing():
    truth = walk("a", range(4)).astype({"left": float})
    given_ = truth.copy()
    given_.loc[1, "left"] = np.nan
    assert tracking_scores(truth, given_)[["FN", "FP"]].tolist() == [1, 1]


def crowd(seed, n_objects, n_frames):
    """Make crossing walkers, and a noisy, partly missing, partly renamed copy of them."""
    rng = np.random.default_rng(seed)
    n = n_objects * n_frames
    truth = pd.DataFrame(
        {
            "sequence": np.repeat(["one", "two"], [n // 2, n - n // 2]),
            "frame": np.tile(np.arange(n_frames), n_objects),
            "track": np.repeat([f"p{k}" for k in range(n_objects)], n_frames),
            "label": "person", "annotator": "ann",
            "left": rng.uniform(0, 90, n), "top": rng.uniform(0, 40, n),
            "width": rng.uniform(30, 60, n), "height": rng.uniform(30, 60, n),
        }
    )  # fmt: skip
    given_ = truth.assign(left=truth["left"] + rng.normal(0, 8, n))
    names = given_["track"].where(rng.random(n) > 0.2, "p0")
    given_ = given_.assign(track=names).drop_duplicates(["sequence", "frame", "track"])
    return truth[rng.random(n) > 0.2], given_[rng.random(len(given_)) > 0.2]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 8))
def test_idf1_does_not_care_which_set_is_the_truth(seed, n_objects, n_frames):
    truth, given_ = crowd(seed, n_objects, n_frames)
    there, back = tracking_scores(truth, given_), tracking_scores(given_, truth)
    assert there["IDF1"] == pytest.approx(back["IDF1"], nan_ok=True)
    assert there["HOTA"] == pytest.approx(back["HOTA"], nan_ok=True)
    known = there.dropna()
    assert (known.drop("MOTA", errors="ignore") >= 0).all()


@pytest.fixture(scope="module")
def references():
    """TrackEval's classes, the definitions as published; motmetrics brings real tracks."""
    import warnings

    with warnings.catch_warnings():  # of their own making, at import
        warnings.simplefilter("ignore")
        trackeval = pytest.importorskip("trackeval")
        motmetrics = pytest.importorskip("motmetrics")
    return trackeval.metrics, motmetrics


def trackeval_data(truth, given_):
    """Give one sequence the shape TrackEval's metrics expect."""
    ids = {
        name: pd.Series(pd.factorize(table["track"])[0], index=table.index)
        for name, table in (("gt", truth), ("tracker", given_))
    }
    frames = sorted(set(truth["frame"]) | set(given_["frame"]))
    sides = ["left", "top", "width", "height"]
    gt, tracker = (
        [table[table["frame"] == frame] for frame in frames] for table in (truth, given_)
    )
    return {
        "num_timesteps": len(frames),
        "num_gt_ids": ids["gt"].nunique(),
        "num_tracker_ids": ids["tracker"].nunique(),
        "num_gt_dets": len(truth),
        "num_tracker_dets": len(given_),
        "gt_ids": [ids["gt"][part.index].to_numpy() for part in gt],
        "tracker_ids": [ids["tracker"][part.index].to_numpy() for part in tracker],
        "similarity_scores": [
            np.nan_to_num(aa.pairwise_iou(a[sides], b[sides]))
            for a, b in zip(gt, tracker, strict=True)
        ],
    }


def as_trackeval_says(metrics, truth, given_):
    quiet = {"PRINT_CONFIG": False, "THRESHOLD": 0.5}
    data = {
        name: trackeval_data(*(t[t["sequence"] == name].reset_index() for t in (truth, given_)))
        for name in truth["sequence"].unique()
    }
    hota, clear, identity = (
        metric.combine_sequences({name: metric.eval_sequence(one) for name, one in data.items()})
        for metric in (metrics.HOTA(), metrics.CLEAR(quiet), metrics.Identity(quiet))
    )
    means = {name: np.mean(hota[name]) for name in ("HOTA", "DetA", "AssA", "LocA")}
    return pd.Series(
        {
            **means, "IDF1": identity["IDF1"], "MOTA": clear["MOTA"], "MOTP": clear["MOTP"],
            "IDSW": clear["IDSW"], "FN": clear["CLR_FN"], "FP": clear["CLR_FP"],
        },
        dtype=float,
    )  # fmt: skip


def tud(motmetrics, name):
    folder = Path(motmetrics.__file__).parent / "data" / name
    columns = ["frame", "track", "left", "top", "width", "height"]
    tables = [
        pd.read_csv(folder / file, header=None, usecols=range(6), names=columns)
        for file in ("gt.txt", "test.txt")
    ]
    return [table.assign(sequence=name, label="person", annotator="x") for table in tables]


@pytest.mark.parametrize("name", ["TUD-Campus", "TUD-Stadtmitte"])
def test_real_tracks_score_as_trackeval_says(references, name):
    metrics, motmetrics = references
    truth, given_ = tud(motmetrics, name)
    expected = as_trackeval_says(metrics, truth, given_)
    pd.testing.assert_series_equal(tracking_scores(truth, given_), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("seed", range(8))
def test_crowds_score_as_trackeval_says(references, seed):
    truth, given_ = crowd(seed, n_objects=9, n_frames=12)
    expected = as_trackeval_says(references[0], truth, given_)
    pd.testing.assert_series_equal(tracking_scores(truth, given_), expected, rtol=0, atol=1e-6)
