import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import annotaudit as aa
from annotaudit.audit import pipeline
from annotaudit.audit.findings import FINDING_COLUMNS
from annotaudit.audit.pipeline import in_order
from annotaudit.audit.ranker import fit_ranker
from annotaudit.boxes import COLUMNS, SIDES, Labels, empty_table
from annotaudit.errors import BoxTableError, LimitError

PLANTED = {("walker:2", 24), ("walker:2", 25), ("walker:1", 27)}


def spoil(boxes, seed=1, share=0.05):
    """Bad boxes of several kinds, at random."""
    rng = np.random.default_rng(seed)
    boxes = boxes.copy()
    rows = rng.choice(len(boxes), max(int(len(boxes) * share), 5), replace=False)
    boxes.loc[rows[::3], "left"] += rng.integers(20, 90, len(rows[::3]))
    boxes.loc[rows[1::3], "height"] *= 0.5
    boxes.loc[rows[2::6], "width"] = 0
    return boxes.drop(index=rows[5::6])


def test_the_planted_boxes_lead_the_list_under_their_own_frames(flawed):
    head = aa.audit(flawed).head(5)
    assert set(zip(head["track"], head["frame"], strict=True)) >= PLANTED


def test_what_stands_beside_a_planted_box_is_not_blamed(flawed):
    found = aa.audit(flawed)
    assert set(zip(found["track"], found["frame"], strict=True)) == PLANTED


def test_findings_are_a_box_table_with_more_columns(flawed):
    found = aa.audit(flawed)
    assert list(found.columns) == list(FINDING_COLUMNS)
    assert found.dtypes.tolist() == empty_table(FINDING_COLUMNS).dtypes.tolist()
    assert isinstance(found.index, pd.RangeIndex)
    aa.check_boxes(found)


def test_scores_fall_and_lie_between_0_and_1(street):
    found = aa.audit(spoil(street))
    assert found["score"].is_monotonic_decreasing
    assert found["score"].between(0, 1).all()
    assert set(found["severity"]) <= {"error", "warning", "note"}


def test_every_reason_is_one_sentence_a_person_can_act_on(street, flawed):
    found = aa.audit(spoil(pd.concat([street, flawed], ignore_index=True)))
    assert len(found) > 10
    assert found["reason"].str.fullmatch(r"[A-Z].{15,200}\.").all()


def test_each_rule_names_a_box_once(street):
    found = aa.audit(spoil(street))
    assert not found.duplicated(["sequence", "frame", "track", "rule", *SIDES]).any()


def test_further_rules_on_the_same_box_follow_it(parked_car):
    parked_car.loc[4, "height"] = 1
    found = aa.audit(parked_car)
    assert set(found["frame"]) == {4}
    assert len(found) > 1
    alone = aa.audit(parked_car, rules=[found["rule"].iloc[0]])
    assert found["score"].iloc[0] > alone["score"].iloc[0]
    assert found["score"].iloc[1] < found["score"].iloc[0]


def test_flawless_tracks_have_no_findings(street, parked_car):
    assert aa.audit(street).empty
    assert aa.audit(parked_car).empty


def test_an_empty_table_has_no_findings():
    found = aa.audit(empty_table(COLUMNS))
    assert found.empty
    assert list(found.columns) == list(FINDING_COLUMNS)


def test_still_images_without_tracks_are_judged_box_by_box(track):
    stills = track(frames=[0, 0, 1, 2], left=[10.0, 300.0, 10.0, 10.0]).assign(track=None)
    stills.loc[3, "width"] = 0
    assert aa.audit(stills)["rule"].tolist() == ["impossible_box"]


def test_the_frames_of_labels_are_used(track):
    boxes = track(frames=[0, 2, 4, 8, 10])
    frames = pd.DataFrame({"sequence": "street", "frame": range(0, 12, 2)})
    assert set(aa.audit(boxes)["frame"]) == {1, 3, 5, 6, 7, 9}
    assert set(aa.audit(Labels(boxes, frames))["frame"]) == {6}


def test_the_callers_table_stays_as_it_was(street):
    boxes = spoil(street)
    before = boxes.copy(deep=True)
    aa.audit(boxes)
    pd.testing.assert_frame_equal(boxes, before)


def sequences(street, count=4):
    parts = [spoil(street.assign(sequence=f"s{n}"), seed=n) for n in range(count)]
    return pd.concat(parts, ignore_index=True)


def test_labels_split_between_sequences_give_the_same_findings_to_the_bit(street):
    boxes = sequences(street)
    ranker = fit_ranker(boxes)
    parts = [aa.audit(part, ranker=ranker) for _, part in boxes.groupby("sequence")]
    together = in_order(pd.concat(parts, ignore_index=True))
    pd.testing.assert_frame_equal(aa.audit(boxes, ranker=ranker), together, check_exact=True)


def test_batches_give_the_same_findings_to_the_bit(street, monkeypatch):
    boxes = sequences(street)
    whole = aa.audit(boxes)
    monkeypatch.setattr(pipeline, "BATCH", 300)
    pd.testing.assert_frame_equal(aa.audit(boxes), whole, check_exact=True)


def test_batches_take_along_the_frames_of_their_sequences(street, monkeypatch):
    boxes = sequences(street)
    every = np.arange(0, boxes["frame"].max() + 1, 2)
    listed = [  # a sequence without boxes, and none of those of s2
        pd.DataFrame({"sequence": name, "frame": every, "image_width": 640, "image_height": 480})
        for name in ("s3", "empty", "s0", "s1")
    ]
    boxes = boxes[boxes["frame"] % 2 == 0]
    labels = Labels(boxes, pd.concat(listed, ignore_index=True))
    whole = aa.audit(labels)
    monkeypatch.setattr(pipeline, "BATCH", 100)
    pd.testing.assert_frame_equal(aa.audit(labels), whole, check_exact=True)
    gaps = whole.loc[whole["rule"] == "gap", "sequence"].value_counts()
    assert gaps["s2"] > gaps.drop("s2").max()  # where nobody says that odd frames were not shown


def test_the_order_of_rows_changes_nothing(street):
    boxes = pd.concat([sequences(street), street.assign(track=street["track"] + "b")])
    shuffled = boxes.sample(frac=1, random_state=5)
    pd.testing.assert_frame_equal(aa.audit(shuffled), aa.audit(boxes), check_exact=True)


def test_findings_come_out_the_same_twice(street):
    boxes = spoil(street)
    pd.testing.assert_frame_equal(aa.audit(boxes), aa.audit(boxes), check_exact=True)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(right=st.integers(0, 4000), down=st.integers(0, 4000), seed=st.integers(0, 99))
def test_shifting_all_boxes_changes_no_finding(street, right, down, seed):
    boxes = spoil(street, seed)
    moved = boxes.assign(left=boxes["left"] + right, top=boxes["top"] + down)
    here, there = aa.audit(boxes), aa.audit(moved)
    about = ["frame", "track", "rule", "severity"]
    key = ["rule", "track", "frame"]
    here, there = (found.sort_values(key, ignore_index=True) for found in (here, there))
    pd.testing.assert_frame_equal(here[about], there[about])
    np.testing.assert_allclose(here["score"], there["score"], rtol=1e-6)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(factor=st.sampled_from([2, 4, 16]), seed=st.integers(0, 99))
def test_a_larger_picture_of_the_same_scene_has_the_same_findings(street, factor, seed):
    boxes = spoil(street, seed)
    scaled = boxes.assign(**{side: boxes[side] * factor for side in SIDES})
    rules = ["low_overlap", "size_jump", "gap", "impossible_box", "duplicate"]
    here, there = (aa.audit(table, rules=rules) for table in (boxes, scaled))
    assert set(zip(here["track"], here["frame"], here["rule"], strict=True)) == set(
        zip(there["track"], there["frame"], there["rule"], strict=True)
    )


side = st.one_of(
    st.integers(-5, 300).map(float),
    st.sampled_from([np.nan, np.inf, -np.inf, 0.0, -1.0, 1e308, -1e308, 5e-324]),
)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["s", "t"]),
            st.one_of(st.integers(0, 6), st.just(2**53 - 1)),
            st.sampled_from(["a", "b", None]),
            st.sampled_from(["car", "bus", None]),
            *[side] * 4,
        ),
        max_size=20,
    ),
    st.booleans(),
)
def test_bad_values_are_findings_never_errors(rows, with_frames):
    names = ["sequence", "frame", "track", "label", *SIDES]
    boxes = pd.DataFrame(rows, columns=names).assign(annotator="ann")
    boxes = boxes.astype({"frame": "int64", **dict.fromkeys(SIDES, "float64")})
    frames = pd.DataFrame(
        {
            "sequence": "s",
            "frame": range(7),
            "image_width": [200.0, np.nan, -1.0, 0.0, np.inf, 200.0, 200.0],
            "image_height": 100.0,
        }
    )
    found = aa.audit(Labels(boxes, frames) if with_frames else boxes)
    assert found["score"].between(0, 1).all()
    impossible = ~(boxes[list(SIDES)].abs() <= 1e9).all(axis=1)
    impossible |= (boxes[["width", "height"]] <= 0).any(axis=1)
    assert bool(impossible.any()) == bool((found["rule"] == "impossible_box").any())
    aa.audit(boxes, rules="aws")


def test_what_are_no_labels_is_refused():
    with pytest.raises(BoxTableError, match="found str.*annotaudit.load"):
        aa.audit("labels.json")
    with pytest.raises(BoxTableError, match="lacks"):
        aa.audit(pd.DataFrame({"left": [1]}))


def test_limits_that_are_none_are_refused(parked_car):
    with pytest.raises(LimitError, match=r"limits=\{.*annotaudit.Limits"):
        aa.audit(parked_car, limits={"min_iou": 0.4})


@pytest.mark.parametrize("tracked", [0, 600])
def test_boxes_without_tracks_are_judged_by_rules_however_many_there_are(tracked):
    """A ranker follows objects: it knows nothing of stills, nor of loose boxes among tracks."""
    n = 600
    stills = pd.DataFrame(
        {
            "sequence": "stills", "frame": range(n), "track": None, "label": "car",
            "annotator": "ann", "left": 10.0, "top": 10.0, "width": 40.0, "height": 20.0,
        }
    )  # fmt: skip
    twice = stills.loc[[300]].assign(left=11.0)  # the planted mistake
    video = stills[:tracked].assign(sequence="video", track="car:1")
    boxes = pd.concat([part for part in (stills, twice, video) if len(part)], ignore_index=True)
    found = aa.audit(boxes)
    assert found[["sequence", "frame", "rule"]].to_numpy().tolist() == [
        ["stills", 300, "duplicate"]
    ]
