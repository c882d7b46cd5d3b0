"""What became of boxes and objects between two versions."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from annotaudit.metrics.comparison import compare_boxes, compare_tracks


def track(name, frames, left=0.0):
    return pd.DataFrame(
        {
            "sequence": "hall", "frame": list(frames), "track": name, "label": "person",
            "annotator": "ann", "left": left, "top": 10.0, "width": 40.0, "height": 90.0,
        }
    )  # fmt: skip


@pytest.fixture
def two():
    return pd.concat([track("a", range(4)), track("b", range(4), 500)], ignore_index=True)


def test_each_kind_of_change_is_told(two):
    after = two.copy()
    after.loc[0, "left"] += 10  # a on frame 0: moved
    after.loc[1, "label"] = "child"
    after.loc[2, ["track", "width"]] = ["c", 44]
    after = after.drop(index=3)
    after = pd.concat([after, track("d", [2], 900)], ignore_index=True)
    changes = compare_boxes(two, after)
    told = changes[changes["change"] != "unchanged"].set_index("frame")["change"]
    assert told.loc[[0, 1, 3]].tolist() == ["moved", "relabelled", "removed"]
    assert told.loc[2].tolist() == ["moved, renamed", "added"]
    assert changes.loc[changes["frame"] == 0, "iou"].tolist() == [pytest.approx(30 / 50), 1]


def test_two_swapped_names_are_renamed_boxes_not_moved_ones(two):
    changes = compare_boxes(two, two.assign(track=two["track"].map({"a": "b", "b": "a"})))
    assert set(changes["change"]) == {"renamed"}
    assert (changes["iou"] == 1).all()


def test_a_box_that_was_far_off_is_the_same_box_moved(two):
    after = two.assign(left=two["left"].where(two.index != 1, 250.0))
    changed = compare_boxes(two, after).query("change != 'unchanged'")
    assert changed[
        ["frame", "track_before", "track_after", "change", "iou"]
    ].to_numpy().tolist() == [[1, "a", "a", "moved", 0.0]]


def test_an_object_that_was_split_and_one_that_was_joined():
    before = pd.concat([track("a", range(4)), track("b", range(4, 8))], ignore_index=True)
    tracks = compare_tracks(compare_boxes(before, before.assign(track="a"))).set_index("track")
    assert tracks.loc["a", "joined_from"] == "a, b"
    assert tracks["split_into"].isna().all()
    assert tracks["boxes_after"].to_dict() == {"a": 8, "b": 0}
    back = compare_tracks(compare_boxes(before.assign(track="a"), before)).set_index("track")
    assert back.loc["a", "split_into"] == "a, b"
    assert back["renamed"].to_dict() == {"a": 4, "b": 0}


def test_objects_of_two_annotators_are_two_whatever_their_names():
    ann, bob = track("a", range(3)), track("a", range(3), 4).assign(annotator="bob")
    before = pd.concat([ann, bob], ignore_index=True)
    after = before.assign(track=["a"] * 3 + ["b"] * 3)
    tracks = compare_tracks(compare_boxes(before, after))
    told = tracks[["annotator", "track", "boxes_before", "boxes_after", "unchanged", "renamed"]]
    assert told.to_numpy().tolist() == [
        ["ann", "a", 3, 3, 3, 0], ["bob", "a", 3, 0, 0, 3], ["bob", "b", 0, 3, 0, 0],
    ]  # fmt: skip
    assert tracks["split_into"].isna().all()


def test_the_work_of_somebody_else_is_compared_whoever_it_was():
    changes = compare_boxes(track("a", range(3)), track("a", range(3)).assign(annotator="bob"))
    assert (changes["change"] == "unchanged").all()
    assert changes["annotator"].isna().all()
    assert compare_tracks(changes)[["track", "unchanged"]].to_numpy().tolist() == [["a", 3]]


def test_stills_without_tracks_are_paired_by_overlap(two):
    stills = two.assign(track=None)
    changes = compare_boxes(stills, stills.assign(left=stills["left"] + 4))
    assert (changes["change"] == "moved").all()
    assert compare_tracks(changes).empty


def test_a_box_without_a_side_is_unchanged_where_it_still_has_none(two):
    two.loc[0, "left"] = np.nan
    assert (compare_boxes(two, two.copy())["change"] == "unchanged").all()


def test_nothing_on_one_side_or_both(two):
    none = two.iloc[:0]
    assert (compare_boxes(none, two)["change"] == "added").all()
    assert (compare_boxes(two, none)["change"] == "removed").all()
    assert compare_boxes(none, none).empty
    assert compare_boxes(two, none).dtypes.equals(compare_boxes(none, two).dtypes)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 12), st.integers(0, 12))
def test_every_box_of_both_versions_is_told_of_once(seed, n_before, n_after):
    rng = np.random.default_rng(seed)

    def some(n):
        return pd.DataFrame(
            {
                "sequence": "s", "frame": rng.integers(0, 3, n), "label": "x", "annotator": "ann",
                "track": rng.choice(["a", "b", "c"], n), "left": rng.uniform(0, 50, n), "top": 0.0,
                "width": rng.uniform(10, 60, n), "height": 30.0,
            }
        )  # fmt: skip

    before, after = some(n_before), some(n_after)
    changes = compare_boxes(before, after)
    assert sorted(changes["before"].dropna()) == list(range(n_before))
    assert sorted(changes["after"].dropna()) == list(range(n_after))
    swapped = compare_boxes(after, before)
    assert (changes["change"] == "added").sum() == (swapped["change"] == "removed").sum()
