import numpy as np
import pandas as pd
from hypothesis import given, settings, strategies as st

from annotaudit.geometry import pairwise_iou
from annotaudit.metrics.identity import fragments, swaps
from annotaudit.metrics.overlap import covered, doubles, overlapping_pairs
from annotaudit.metrics.paths import paths_of


def track(name, left, frames, top=50.0):
    frames = np.asarray(frames)
    return pd.DataFrame(
        {
            "sequence": "s",
            "frame": frames,
            "track": name,
            "label": "person",
            "annotator": "a",
            "left": np.broadcast_to(np.asarray(left, dtype=float), len(frames)),
            "top": top,
            "width": 20.0,
            "height": 40.0,
        }
    )


def paths(*tracks):
    return paths_of(pd.concat(tracks, ignore_index=True))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 30))
def test_the_sweep_finds_what_comparing_each_with_each_finds(seed, n):
    rng = np.random.default_rng(seed)
    boxes = pd.concat([track(str(i), 0.0, [0]) for i in range(n)], ignore_index=True)
    boxes[["left", "top"]] = rng.uniform(0, 150, size=(n, 2))
    boxes[["width", "height"]] = rng.uniform(5, 60, size=(n, 2))
    found = paths_of(boxes)
    first, second, share = overlapping_pairs(found)
    table = np.zeros((n, n))
    table[found.row[first], found.row[second]] = share
    expected = np.triu(pairwise_iou(*[boxes[["left", "top", "width", "height"]]] * 2), 1)
    assert np.allclose(
        np.maximum(table, table.T), np.maximum(expected, expected.T) * (1 - np.eye(n))
    )


def test_two_names_on_one_object_are_doubles_and_passers_by_are_not():
    twice = paths(track("a", 100.0, range(30)), track("b", 101.0, range(10, 16)))
    value = doubles(twice, overlapping_pairs(twice))
    assert np.flatnonzero(value).tolist() == list(range(30, 36))
    passing = paths(
        track("a", 100.0, range(30)), track("b", 100 + 6.0 * (np.arange(30) - 15), range(30))
    )
    assert doubles(passing, overlapping_pairs(passing)).max() < 0.1


def test_the_box_behind_is_covered_by_the_nearer_one():
    found = paths(track("a", 100.0, [0]), track("b", 110.0, [0], top=60.0))
    assert covered(found, overlapping_pairs(found)).tolist() == [0.5 * 0.75, 0.0]


def test_a_track_that_goes_on_under_another_name_is_a_fragment():
    found = paths(
        track("a", 2.0 * np.arange(20), range(20)),
        track("b", 2.0 * np.arange(22, 40), range(22, 40)),
        track("c", 500.0, range(22, 40)),
    )
    fit, source = fragments(found)
    assert np.flatnonzero(fit > 0.5).tolist() == [20]
    assert source[20] == 19


def test_exchanged_names_gain_by_being_exchanged_back():
    right, left = 3.0 * np.arange(30), 90 - 3.0 * np.arange(30)
    mixed = np.arange(30) >= 10
    found = paths(
        track("a", np.where(mixed, left, right), range(30)),
        track("b", np.where(mixed, right, left), range(30)),
    )
    gain, partner = swaps(found, np.ones(60, dtype=bool))
    assert gain.argmax() in (10, 40)
    assert {int(partner[10]), int(partner[40])} == {10, 40}


def test_a_wide_box_meets_every_box_it_reaches_over(monkeypatch):
    monkeypatch.setattr("annotaudit.metrics.overlap.CHUNK", 16)  # frames of 31 boxes stay whole
    row = [track(f"narrow:{n}", 100.0 + 30 * n, range(3)) for n in range(30)]
    wide = track("wide", 90.0, range(3)).assign(width=1000.0)
    first, second, share = overlapping_pairs(paths(*row, wide))
    assert len(first) == len(second) == 3 * 30
    assert np.allclose(share, 20 / 1000)
