import numpy as np
import pandas as pd
import pytest

from annotaudit.audit.planting import KINDS, plant_mistakes
from annotaudit.boxes import COLUMNS, SIDES, check_boxes


@pytest.fixture(scope="module")
def crowd():
    """Ten walkers who cross each other's way, 120 frames."""
    rng = np.random.default_rng(3)
    frame, track = np.tile(np.arange(120), 10), np.repeat(np.arange(10), 120)
    boxes = pd.DataFrame(
        {
            "sequence": "s",
            "frame": frame,
            "track": track.astype(str),
            "label": np.where(track < 5, "person", "car"),
            "annotator": "a",
            "left": 300 + 30.0 * track + 40 * np.sin(frame / 9 + track) + (track - 5) * frame * 0.4,
            "top": 200 + 4.0 * track + rng.normal(size=1200) * 0.3,
            "width": 40.0 + 5 * np.sin(frame / 5),
            "height": 90.0,
        }
    )
    return check_boxes(boxes)


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_kind_can_be_planted_and_is_written_down(crowd, kind):
    spoilt, truth = plant_mistakes(crowd, share=0.03, seed=1, kinds=[kind])
    assert truth["kind"].unique().tolist() == [kind]
    both = crowd.merge(spoilt, on=["sequence", "annotator", "frame", "track"], how="outer")
    changed = (both[[f"{s}_x" for s in SIDES]].to_numpy() != both[[f"{s}_y" for s in SIDES]]).any(
        axis=1
    ) | (both["label_x"] != both["label_y"])
    touched = set(zip(truth["track"], truth["frame"], strict=True))
    near = {(t, f + d) for t, f in touched for d in range(-12, 13)}
    moved = both[changed.to_numpy()]
    if kind not in ("fragment", "swap"):  # these rename everything that follows
        assert set(zip(moved["track"], moved["frame"], strict=True)) <= near


def test_the_given_table_is_never_edited(crowd):
    before = crowd.copy(deep=True)
    plant_mistakes(crowd, share=0.1, seed=0)
    pd.testing.assert_frame_equal(crowd, before)


def test_the_same_seed_plants_the_same(crowd):
    one, two = (plant_mistakes(crowd, share=0.05, seed=[4, 2]) for _ in range(2))
    pd.testing.assert_frame_equal(one[0], two[0])
    pd.testing.assert_frame_equal(one[1], two[1])


def test_about_the_share_that_was_asked_for_is_touched(crowd):
    _, truth = plant_mistakes(crowd, share=0.05, seed=0)
    assert 0.04 < len(truth) / len(crowd) < 0.09


def test_tables_without_tracks_stay_as_they_are(crowd):
    spoilt, truth = plant_mistakes(crowd.assign(track=None), share=0.1)
    assert spoilt.empty
    assert truth.empty
    assert list(spoilt.columns) == list(COLUMNS)


def test_whole_pixels_stay_whole(crowd):
    whole = crowd.assign(**{side: crowd[side].round() for side in SIDES})
    spoilt, _ = plant_mistakes(whole, share=0.1, seed=2, kinds=["shift", "size", "drift"])
    assert (spoilt[list(SIDES)] % 1 == 0).all(axis=None)


@pytest.mark.parametrize("seed", range(5))
def test_names_exchanged_again_and_again_never_meet_on_a_frame(crowd, seed):
    spoilt, truth = plant_mistakes(crowd, share=0.1, seed=seed, kinds=["swap", "fragment"])
    assert truth["event"].nunique() > 10
    assert not spoilt.duplicated(["sequence", "annotator", "track", "frame"]).any()
