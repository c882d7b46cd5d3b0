"""What boxes show: crops, vectors, distances; on a painted street and on vectors made by hand."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import PIL.Image
import pytest
from hypothesis import given, settings, strategies as st

from annotaudit import Labels, metrics
from annotaudit.errors import FrameError, LimitError, MissingExtraError
from annotaudit.frames import Images
from annotaudit.metrics import (
    CachedEmbedder,
    ColourTextureEmbedder,
    Embeddings,
    appearance_distances,
    embed,
)
from annotaudit.metrics.appearance import weights
from annotaudit.metrics.crops import cut_out

sys.path.append(str(Path(__file__).parent))  # painted_street stands beside us
from painted_street import FRAMES, PaintedPictures, painted_boxes, painted_labels  # noqa: E402


def mean_colour(crops):
    return crops.mean(axis=(1, 2)).astype(np.float32)


def table(**columns):
    plain = {"sequence": "s", "track": "t", "label": "car", "annotator": "a", "top": 0.0}
    return pd.DataFrame(plain | {"left": 0.0, "width": 40.0, "height": 40.0} | columns)


def seen(vectors):
    return Embeddings(
        np.asarray(vectors, np.float32), np.full(len(vectors), 99.0), np.full(len(vectors), 0.5)
    )


# --- crops ---------------------------------------------------------------------------------------


def test_a_crop_shows_what_lies_in_the_box():
    image = PIL.Image.new("RGB", (40, 20), "black")
    image.paste("red", (10, 5, 20, 15))
    rows, crops = cut_out(image, np.array([[10.0, 5, 10, 10]]), (8, 8))
    assert rows.tolist() == [0]
    assert (crops[0, 1:-1, 1:-1] == [255, 0, 0]).all()


def test_a_box_at_the_border_is_grey_beyond_and_keeps_its_parts_in_place():
    image = PIL.Image.new("RGB", (40, 20), "red")
    _, crops = cut_out(image, np.array([[-10.0, 0, 20, 20]]), (4, 4))
    assert (crops[0, :, :2] == 127).all()
    assert (crops[0, :, 2:] == [255, 0, 0]).all()


@pytest.mark.parametrize(
    "box",
    [
        [5, 5, 0, 10],
        [5, 5, 10, -1],
        [np.nan, 5, 10, 10],
        [np.inf, 5, 10, 10],
        [500, 5, 10, 10],
        [39.5, 0, 90, 20],
        [0, 0, 1e308, 1e308],
    ],
)
def test_a_box_that_shows_nothing_is_a_row_of_nan(box):
    boxes = table(frame=[0, 0], track=["bad", "good"])
    boxes.loc[0, ["left", "top", "width", "height"]] = box
    boxes.loc[1, ["left", "top", "width", "height"]] = [5, 5, 10, 10]

    class Red:
        def get(self, sequence, frame):
            return PIL.Image.new("RGB", (40, 20), "red")

    found = embed(boxes, mean_colour, images=Red(), size=(4, 4))
    if box[2] < 1e308:  # so large a box shows some of the picture, as an infinitely small part
        assert np.isnan(found.vectors[0]).all()
        assert np.isnan(found.light[0])
    assert found.vectors[1].tolist() == [255, 0, 0]


def test_the_shape_is_kept_by_choice():
    image = PIL.Image.new("RGB", (100, 100), "red")
    box = np.array([[20.0, 20, 10, 40]])
    _, squeezed = cut_out(image, box, (8, 8))
    _, kept = cut_out(image, box, (8, 8), fit="keep")
    assert (squeezed[0] == [255, 0, 0]).all()
    assert (kept[0] == 127).all(axis=2).sum() == 8 * 6  # a quarter as wide as high
    assert (kept[0, :, 3:5] == [255, 0, 0]).all()


@given(
    left=st.floats(-200, 200),
    top=st.floats(-200, 200),
    width=st.floats(-5, 300),
    height=st.floats(-5, 300),
    fit=st.sampled_from(["squeeze", "keep"]),
    margin=st.floats(0, 2),
)
@settings(max_examples=60, deadline=None)
def test_any_box_gives_one_crop_or_none(left, top, width, height, fit, margin):
    image = PIL.Image.new("RGB", (100, 60), "red")
    box = np.array([[left, top, width, height]])
    rows, crops = cut_out(image, box, (7, 5), fit=fit, margin=margin)
    assert crops.shape == (len(rows), 7, 5, 3)
    touches = left < 100 and top < 60 and left + width > 0 and top + height > 0
    assert len(rows) <= 1
    if margin == 0 and not (width > 0 and height > 0 and touches):
        assert len(rows) == 0


def test_each_picture_is_opened_once_and_only_a_few_ahead():
    pictures = PaintedPictures()
    opened = []

    def slowly(crops):
        opened.append(len(pictures.asked))
        return mean_colour(crops)

    embed(painted_boxes(), slowly, images=pictures, batch=3, workers=2)
    assert sorted(pictures.asked) == [("street", frame) for frame in range(FRAMES)]
    assert opened[0] <= 4  # one taken, two waiting, one being started
    assert opened[9] <= 13


def test_only_some_crops_are_in_memory():
    import tracemalloc

    boxes = pd.concat([painted_boxes()] * 5, ignore_index=True)
    boxes["frame"] = np.repeat(np.arange(5 * FRAMES), 3)

    class Plain:
        def get(self, sequence, frame):
            return PIL.Image.new("RGB", (320, 160))

    def peak(rows):
        tracemalloc.start()
        embed(boxes[:rows], mean_colour, images=Plain(), size=(256, 256), batch=6)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(30)
    assert peak(150) < 1.5 * peak(45)


# --- embeddings ----------------------------------------------------------------------------------


def test_shuffled_boxes_give_shuffled_rows():
    boxes = painted_boxes()
    straight = embed(boxes, images=PaintedPictures()).vectors
    shuffled = boxes.sample(frac=1, random_state=1)
    again = embed(shuffled, images=PaintedPictures()).vectors
    np.testing.assert_allclose(again, straight[shuffled.index], atol=1e-6)


def test_shuffled_crops_give_shuffled_vectors():
    crops = np.random.default_rng(0).integers(0, 256, (70, 64, 32, 3)).astype(np.uint8)
    order = np.random.default_rng(1).permutation(70)
    embedder = ColourTextureEmbedder()
    np.testing.assert_allclose(embedder(crops[order]), embedder(crops)[order], atol=1e-6)


@pytest.mark.parametrize("batch", [1, 7, 1000])
def test_the_size_of_a_batch_does_not_matter(batch):
    boxes = painted_boxes()
    usual = embed(boxes, images=PaintedPictures())
    other = embed(boxes, images=PaintedPictures(), batch=batch)
    np.testing.assert_allclose(other.vectors, usual.vectors, atol=1e-6)
    np.testing.assert_array_equal(other.light, usual.light)


def test_colours_tell_people_apart_and_not_frames():
    boxes = painted_boxes()
    vectors = embed(boxes, images=PaintedPictures()).vectors
    alike = vectors @ vectors.T
    same = boxes["track"].to_numpy()[:, None] == boxes["track"].to_numpy()
    assert alike[same].min() > alike[~same].max()


def test_light_and_sharpness_are_told():
    boxes = painted_boxes()
    found = embed(boxes, images=PaintedPictures(dark=[7]))
    measured = appearance_distances(boxes, found)
    dark = boxes["frame"] == 7
    assert (measured["light_change"][dark] < -30).all()
    assert measured["light_change"][~dark].abs().max() < 10


def test_a_picture_that_cannot_be_opened_costs_only_its_frame(tmp_path):
    labels = painted_labels(tmp_path)
    (tmp_path / "000003.png").write_bytes(b"no picture")
    found = embed(labels)
    assert found.problems[["source", "where"]].to_numpy().tolist() == [["street", "frame 3"]]
    lost = np.isnan(found.vectors).any(axis=1)
    np.testing.assert_array_equal(lost, labels.boxes["frame"] == 3)


def test_without_pictures_the_error_says_how_to_name_them():
    with pytest.raises(FrameError, match=r"frames='img1/'"):
        embed(Labels(painted_boxes()))


def test_where_no_picture_opens_the_error_names_the_first(tmp_path):
    labels = painted_labels(tmp_path)
    frames = labels.frames.assign(image=[f"elsewhere/{n}.png" for n in range(FRAMES)])
    with pytest.raises(FrameError, match=r"None of the 20 pictures .* elsewhere/0.png"):
        embed(Labels(labels.boxes, frames))


def test_an_embedder_that_returns_something_else_is_named():
    with pytest.raises(LimitError, match=r"shape \(\) for 60 crops"):
        embed(painted_boxes(), lambda crops: crops.mean(), images=PaintedPictures())
    with pytest.raises(LimitError, match="one length"):
        embed(
            painted_boxes(),
            lambda crops: np.zeros((len(crops), len(crops))),
            images=PaintedPictures(),
            batch=59,
        )


@pytest.mark.parametrize(
    "option", [{"fit": "crop"}, {"batch": 0}, {"workers": 0}, {"margin": -1}, {"size": (0, 9)}]
)
def test_options_out_of_range_are_refused(option):
    with pytest.raises(LimitError, match=next(iter(option))):
        embed(painted_boxes(), images=PaintedPictures(), **option)


def test_no_boxes_give_no_vectors():
    found = embed(painted_boxes()[:0], images=PaintedPictures())
    assert found.vectors.shape == (0, 0)
    assert appearance_distances(painted_boxes()[:0], found).empty


def test_the_progress_bar_goes_to_the_end(capsys):
    embed(painted_boxes(), images=PaintedPictures(), progress=True)
    assert "100%" in capsys.readouterr().err


# --- the cache -----------------------------------------------------------------------------------


def test_a_run_that_was_stopped_goes_on_where_it_stopped(tmp_path):
    path = tmp_path / "looks.sqlite"
    crops = np.random.default_rng(0).integers(0, 256, (30, 64, 32, 3)).astype(np.uint8)
    first = CachedEmbedder(ColourTextureEmbedder(), path)
    first(crops[:20])
    second = CachedEmbedder(ColourTextureEmbedder(), path)
    vectors = second(crops)
    assert (first.computed, second.computed) == (20, 10)
    np.testing.assert_allclose(vectors, ColourTextureEmbedder()(crops), atol=1e-6)


def test_another_model_or_setting_is_not_mistaken_for_the_cached_one(tmp_path):
    path = tmp_path / "looks.sqlite"
    crops = np.full((1, 64, 32, 3), 90, np.uint8)
    CachedEmbedder(ColourTextureEmbedder(), path)(crops)
    other = CachedEmbedder(ColourTextureEmbedder(texture=0.1), path)
    other(crops)
    assert other.computed == 1


def test_the_cache_needs_a_name_for_the_model_and_a_file_of_its_own(tmp_path):
    with pytest.raises(LimitError, match="key='v1'"):
        CachedEmbedder(mean_colour, tmp_path / "looks.sqlite")
    (tmp_path / "notes.txt").write_text("not a database, and longer than its header " * 9)
    with pytest.raises(LimitError, match="notes.txt"):
        CachedEmbedder(mean_colour, tmp_path / "notes.txt", key="v1")(np.zeros((1, 4, 4, 3), "u1"))


def test_the_cache_keeps_one_vector_for_equal_crops(tmp_path):
    path = tmp_path / "looks.sqlite"
    crops = np.repeat(np.arange(3, dtype=np.uint8), 400)[:, None, None, None]
    crops = np.broadcast_to(crops, (1200, 4, 4, 3))
    vectors = CachedEmbedder(mean_colour, path, key="mean")(crops)
    assert vectors[:, 0].tolist() == np.repeat([0.0, 1, 2], 400).tolist()
    with sqlite3.connect(path) as file:
        assert file.execute("SELECT count(*) FROM vectors").fetchone() == (3,)
    file.close()


# --- distances -----------------------------------------------------------------------------------


def test_values_belong_to_frames_not_to_rows():
    # The tutorial's outliers are row numbers: one on frame 44 of a track from 40 on reads as 4.
    boxes = table(frame=[42, 44, 40, 43, 41, 45])
    vectors = [[1, 0]] * 6
    vectors[1] = [0, 1]
    found = appearance_distances(boxes, seen(vectors))
    assert boxes["frame"][found["to_track"] > 0.5].tolist() == [44]
    assert sorted(boxes["frame"][found["to_previous"] > 0.5]) == [44, 45]


def test_across_a_gap_there_is_no_previous_box_but_a_past():
    boxes = table(frame=[0, 1, 2, 20, 21])
    found = appearance_distances(boxes, seen([[1, 0], [1, 0], [1, 0], [0, 1], [0, 1]]))
    assert np.isnan(found["to_previous"][[0, 3]]).all()
    assert found["to_track"].tolist() == [0, 0, 0, 0, 0]  # those of before are too far away
    assert found["to_past"][3] == 1.0


def test_the_frames_looked_at_tell_a_gap():
    frames = pd.DataFrame({"sequence": "s", "frame": [0, 5, 10]})
    boxes = table(frame=[0, 5, 10])
    found = appearance_distances(Labels(boxes, frames), seen([[1, 0], [1, 0], [0, 1]]))
    assert found["to_previous"].tolist()[1:] == [0.0, 1.0]


def test_after_a_swap_each_box_looks_like_the_other_track():
    boxes = table(frame=[*range(8)] * 2, track=["a"] * 8 + ["b"] * 8, left=[0.0] * 8 + [90.0] * 8)
    red, blue = [1, 0], [0, 1]
    swapped = [red] * 5 + [blue] * 3 + [blue] * 5 + [red] * 3
    found = appearance_distances(boxes, seen(swapped))
    assert found["other"][5] == "b"
    assert found["to_other"][5] == 0.0 and found["to_past"][5] == 1.0
    assert found["to_other"][4] == 1.0 and found["to_past"][4] == 0.0


def test_another_annotators_boxes_are_not_others_on_the_frame():
    boxes = table(frame=[0, 1, 0, 1], track=["a", "a", "b", "b"], annotator=list("xxyy"))
    found = appearance_distances(boxes, seen([[1, 0]] * 4))
    assert found["to_other"].isna().all() and found["other"].isna().all()


def test_euclidean_distances_are_of_the_vectors_as_they_are():
    boxes = table(frame=[0, 1, 0, 1], track=["a", "a", "b", "b"], left=[0.0, 0, 90, 90])
    found = appearance_distances(boxes, seen([[0, 0], [3, 4], [1, 0], [1, 0]]), metric="euclidean")
    assert found["to_previous"].tolist()[1] == 5.0
    assert found["to_other"][1] == pytest.approx(20**0.5)


@given(seed=st.integers(0, 99), crowd=st.integers(1, 9))
@settings(max_examples=8, deadline=None)
def test_the_nearest_other_is_that_of_a_plain_loop(seed, crowd):
    rng = np.random.default_rng(seed)
    boxes = table(
        frame=np.tile(np.arange(6), crowd),
        track=np.repeat([f"t{n}" for n in range(crowd)], 6),
        left=np.repeat(np.arange(crowd) * 90.0, 6),
    )
    boxes = boxes[rng.random(len(boxes)) < 0.8].reset_index(drop=True)
    vectors = rng.normal(size=(len(boxes), 3)).astype(np.float32)
    found = appearance_distances(boxes, seen(vectors), metric="euclidean", window=3)
    for row in boxes.itertuples():
        there = {}
        for other in boxes[boxes["frame"] == row.frame]["track"]:
            track = boxes[(boxes["track"] == other) & (boxes["frame"] < row.frame)]
            if other != row.track and len(track):
                past = np.median(vectors[track.index[-2:]], axis=0)
                there[other] = np.linalg.norm(vectors[row.Index] - past)
        if there:
            assert found["other"][row.Index] == min(there, key=there.get)
            assert found["to_other"][row.Index] == pytest.approx(min(there.values()), abs=1e-4)
        else:
            assert np.isnan(found["to_other"][row.Index])


def test_a_covered_or_tiny_box_vouches_for_no_other():
    boxes = table(frame=range(5))
    boxes.loc[[1, 3], ["width", "height"]] = 8.0
    found = appearance_distances(boxes, seen([[1, 0], [0, 1], [1, 0], [0, 1], [1, 0]]), window=3)
    assert np.isnan(found["to_track"][2])  # its neighbours say nothing
    assert found["to_track"][1] == 1.0
    assert found["weight"].tolist() == [1, 0.0625, 1, 0.0625, 1]


def test_a_box_half_off_the_picture_weighs_half():
    frames = pd.DataFrame(
        {"sequence": "s", "frame": [0], "image_width": [100.0], "image_height": [100.0]}
    )
    assert weights(table(frame=[0], left=-20.0), frames).tolist() == [0.5]


def test_the_measures_do_not_depend_on_the_order_of_rows():
    boxes = painted_boxes()
    vectors = np.random.default_rng(0).normal(size=(len(boxes), 5)).astype(np.float32)
    straight = appearance_distances(boxes, seen(vectors))
    order = np.random.default_rng(1).permutation(len(boxes))
    shuffled = appearance_distances(boxes.iloc[order], seen(vectors[order]))
    pd.testing.assert_frame_equal(shuffled.sort_index(), straight)


def test_embeddings_of_other_labels_are_refused():
    with pytest.raises(LimitError, match="3 boxes and a table of 4"):
        appearance_distances(table(frame=range(4)), seen([[1, 0]] * 3))


def test_the_callers_table_stays_as_it_was():
    boxes = painted_boxes()
    before = boxes.copy()
    appearance_distances(boxes, embed(boxes, images=PaintedPictures()))
    pd.testing.assert_frame_equal(boxes, before)


# --- what the tutorial gets wrong ----------------------------------------------------------------


def test_each_box_is_looked_at_in_the_picture_of_its_own_frame(tmp_path):
    # The tutorial's list of images starts one frame later than its labels.
    boxes, paths = table(frame=range(4)), []
    for frame in range(4):
        paths.append(str(tmp_path / f"{frame}.png"))
        PIL.Image.new("RGB", (50, 50), (60 * frame, 0, 0)).save(paths[-1])
    frames = pd.DataFrame({"sequence": "s", "frame": range(4), "image": paths})
    found = embed(Labels(boxes.sample(frac=1, random_state=0), frames), mean_colour)
    order = boxes.sample(frac=1, random_state=0)["frame"].to_numpy()
    assert found.vectors[:, 0].tolist() == (60 * order).tolist()
    assert embed(boxes, mean_colour, images=Images(frames)).vectors[2, 0] == 120


def test_boxes_of_every_class_are_looked_at():
    # The tutorial takes MOTChallenge's "consider" mark for the class and skips by it.
    boxes = painted_boxes().assign(label="vehicle", consider=0)
    assert np.isfinite(embed(boxes, images=PaintedPictures()).vectors).all()


def test_without_torch_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"annotaudit\[torch\]"):
        metrics.ResNet18()
    with pytest.raises(MissingExtraError, match="ColourTextureEmbedder"):
        metrics.TorchEmbedder(None)


def test_the_torch_free_embedder_loads_no_torch():
    program = (
        "import sys; from annotaudit.metrics import ColourTextureEmbedder, embed, CachedEmbedder;"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
