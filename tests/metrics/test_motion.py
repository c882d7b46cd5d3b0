import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

from annotaudit.metrics.camera import camera_path
from annotaudit.metrics.motion import (
    Around,
    chord_residual,
    chord_residual_at,
    noise,
    out_and_back,
)
from annotaudit.metrics.paths import paths_of


def straight(n):
    at = np.arange(n)
    return np.tile(3.0 * at, (4, 1)), at, np.ones((4, n), dtype=bool), at, at[::-1].copy()


def walkers(count=6, n=40, **change):
    frame = np.tile(np.arange(n), count)
    track = np.repeat(np.arange(count), n)
    boxes = pd.DataFrame(
        {
            "sequence": "s",
            "frame": frame,
            "track": track.astype(str),
            "label": "person",
            "annotator": "a",
            "left": 100.0 + 90 * track + (track - 2.0) * frame,
            "top": 100.0,
            "width": 40.0,
            "height": 90.0,
        }
    )
    return boxes.assign(**change)


@given(st.integers(1, 4), st.integers(1, 4))
def test_a_straight_path_leaves_no_residual(a, b):
    assert np.allclose(chord_residual(*straight(12), a, b), 0)


def test_a_box_does_not_take_part_in_its_own_prediction():
    edges, *rest = straight(9)
    edges[0, 4] += 10
    assert chord_residual(edges, *rest, 2, 2)[0, 4] == 10
    assert chord_residual(edges, *rest, 2, 2)[0, 3] == 0


def test_a_gap_only_stretches_the_chord():
    edges, _, usable, before, after = straight(3)
    edges = np.tile([0.0, 1.0, 4.0], (4, 1))
    time = np.array([0, 1, 4])
    assert np.allclose(chord_residual(edges, time, usable, before, after, 1, 1), 0)


def test_a_clipped_edge_is_ignored():
    edges, time, usable, before, after = straight(5)
    edges[0, 2] += 10
    usable[0, 3] = False
    assert chord_residual(edges, time, usable, before, after, 1, 1)[0, 2] == 0


@given(st.integers(1, 3), st.integers(1, 3), st.integers(0, 100))
def test_a_few_boxes_are_measured_as_all_are(a, b, seed):
    rng = np.random.default_rng(seed)
    edges, *rest = straight(15)
    edges = edges + rng.normal(size=edges.shape)
    at = np.arange(15)
    assert np.allclose(
        chord_residual_at(at, edges, *rest, a, b), chord_residual(edges, *rest, a, b)
    )


def test_a_jump_there_and_back_marks_the_boxes_between():
    edges, _, usable, before, after = straight(20)
    edges[:, 8:10] += 12.0
    found = out_and_back(edges, usable, before, after, 2)
    assert found[0].tolist() == [12.0 if 8 <= i < 10 else 0.0 for i in range(20)]


def test_a_jump_without_return_is_no_excursion():
    edges, _, usable, before, after = straight(20)
    edges[:, 8:] += 12.0
    assert not out_and_back(edges, usable, before, after, 2).any()


def test_noise_is_a_share_of_the_box_and_leaves_the_tested_box_out():
    boxes = walkers()
    boxes["left"] += np.random.default_rng(0).normal(size=len(boxes))
    spoilt = boxes.copy()
    spoilt.loc[20, "left"] += 500
    levels = []
    for table in (boxes, spoilt):
        paths = paths_of(table)
        levels.append(noise(paths, paths.edges, ~paths.clipped))
    assert 0.005 < np.median(levels[0][0]) < 0.05
    assert levels[1][0, 20] < 1.3 * levels[0][0, 20]


def test_a_shake_of_the_camera_is_seen_by_all_and_one_wrong_box_by_none():
    boxes = walkers()
    shaken = boxes.assign(top=boxes["top"] + 20.0 * (boxes["frame"] == 20))
    paths = paths_of(shaken)
    steady = paths.edges[1] - camera_path(paths)[1]
    bend = np.abs(np.diff(steady.reshape(6, 40), n=2, axis=1))
    assert bend.max() < 2.0
    lonely = boxes.copy()
    lonely.loc[20, "top"] += 20
    assert not camera_path(paths_of(lonely)).any()


def test_walkers_at_their_own_speeds_are_no_camera():
    assert not camera_path(paths_of(walkers())).any()


def crowd(seed=0, count=12, n=40):
    """Walkers all over an image of 1920 × 1080, each at a speed of its own."""
    rng = np.random.default_rng(seed)
    frame, track = np.tile(np.arange(n), count), np.repeat(np.arange(count), n)
    at, step = rng.uniform([200, 200], [1600, 800], (count, 2)), rng.uniform(-3, 3, (count, 2))
    left, top = (at[track] + step[track] * frame[:, None]).T
    return walkers(count, n).assign(left=left, top=top, width=40.0, height=90.0)


def left_over(boxes, path):
    paths = paths_of(boxes)
    bend = np.diff((paths.edges - path(paths)).reshape(4, -1, 40), n=2, axis=2)
    return np.abs(bend)[:, :, 1:-1].max()


@pytest.mark.parametrize("zoom, roll", [(0.03, 0.0), (0.0, 0.03), (0.02, -0.02)])
def test_a_camera_that_zooms_or_rolls_for_a_frame_is_no_ones_mistake(zoom, roll):
    boxes = crowd()
    away = boxes["frame"] == 20
    x, y = boxes["left"] - 960, boxes["top"] - 540
    turned = boxes.assign(
        left=boxes["left"] + away * (zoom * x - roll * y),
        top=boxes["top"] + away * (zoom * y + roll * x),
        width=40.0 * (1 + away * zoom),
        height=90.0 * (1 + away * zoom),
    )
    assert left_over(turned, lambda paths: 0 * paths.edges) > 20
    assert left_over(turned, camera_path) < 3


def test_one_that_runs_the_other_way_does_not_turn_the_camera():
    boxes = crowd()
    boxes.loc[(boxes["track"] == "3") & (boxes["frame"] >= 20), "left"] += 300
    paths = paths_of(boxes)
    assert np.abs(camera_path(paths)).max() < 1


def test_boxes_around_a_box_are_judged_without_going_there():
    rng = np.random.default_rng(0)
    edges, *rest = straight(30)
    edges = edges + rng.normal(size=edges.shape)
    every, at = chord_residual(edges, *rest, 2, 3), np.arange(4, 26)
    around = Around(at, edges, *rest)
    for step in (-4, 0, 4):
        assert np.allclose(around.residual(2, 3, step), every[:, at + step])
