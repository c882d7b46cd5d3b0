"""Rules about what boxes show, on painted walkers with one mistake planted by hand."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import annotaudit as aa
from annotaudit.audit.appearance import find_appearance_outlier, find_looks_like_another, looks
from annotaudit.audit.looking import looked_into
from annotaudit.errors import FrameError, LimitError
from annotaudit.metrics import ColourTextureEmbedder, embed

sys.path.append(str(Path(__file__).parents[1] / "metrics"))  # painted_street stands there
from painted_street import PaintedPictures, painted_boxes, painted_labels  # noqa: E402


def look(boxes, **options):
    """What the rules see: the boxes given, in pictures of the true ones."""
    return looks(boxes, embed(boxes, images=PaintedPictures(**options)))


def swapped(frame):
    boxes = painted_boxes()
    late = boxes["frame"] >= frame
    names = {"walker:1": "walker:2", "walker:2": "walker:1"}
    return boxes.assign(track=boxes["track"].where(~late, boxes["track"].replace(names)))


def places(findings):
    return sorted(zip(findings["track"], findings["frame"], strict=True))


def test_right_boxes_look_right():
    seen = look(painted_boxes())
    assert find_appearance_outlier(seen).empty
    assert find_looks_like_another(seen).empty


def test_a_box_that_slipped_looks_unlike_its_track():
    boxes = painted_boxes()
    boxes.loc[(boxes["track"] == "walker:2") & (boxes["frame"] == 9), "left"] += 12
    found = find_appearance_outlier(look(boxes))
    assert places(found) == [("walker:2", 9)]
    assert found["expected_left"].tolist() == [20 + 80 + 4 * 9]
    assert "unlike the boxes around it" in found["reason"][0]


def test_the_frame_is_named_not_the_row():
    # The tutorial reports the row of an object's list for the frame of the video.
    boxes = painted_boxes()
    boxes.loc[(boxes["track"] == "walker:2") & (boxes["frame"] == 9), "left"] += 12
    late = boxes[(boxes["track"] != "walker:2") | (boxes["frame"] >= 3)]
    assert places(find_appearance_outlier(look(late))) == [("walker:2", 9)]


def test_a_gap_moves_no_finding():
    boxes = painted_boxes()
    boxes.loc[(boxes["track"] == "walker:2") & (boxes["frame"] == 12), "left"] += 12
    gone = (boxes["track"] == "walker:2") & boxes["frame"].isin([5, 6])
    assert places(find_appearance_outlier(look(boxes[~gone]))) == [("walker:2", 12)]


def test_a_swap_is_found_where_it_begins_with_both_names():
    found = find_looks_like_another(look(swapped(8)))
    assert places(found) == [("walker:1", 8), ("walker:2", 8)]
    first = found[found["track"] == "walker:1"].iloc[0]
    assert "walker:2" in first["reason"] and "exchanged" in first["reason"]
    boxes = swapped(8)
    partner = boxes[(boxes["track"] == "walker:2") & (boxes["frame"] == 8)].iloc[0]
    assert first["expected_left"] == partner["left"]


def test_a_swap_while_both_are_out_of_sight_is_found_after_it():
    boxes = swapped(8)
    hidden = boxes["track"].isin(["walker:1", "walker:2"]) & boxes["frame"].isin([8, 9, 10])
    found = find_looks_like_another(look(boxes[~hidden]))
    assert places(found) == [("walker:1", 11), ("walker:2", 11)]


def test_light_explains_and_counts_less():
    boxes = painted_boxes()
    dark = find_appearance_outlier(look(boxes, dark=[9]))
    assert set(dark["frame"]) <= {9}
    assert dark["reason"].str.contains("darker").all()
    assert (dark["score"] < 0.3).all()


def test_a_tiny_box_is_no_outlier():
    boxes = painted_boxes()
    own = (boxes["track"] == "walker:2") & (boxes["frame"] == 9)
    boxes.loc[own, ["left", "width", "height"]] = [20 + 80 + 36 + 2, 4, 4]
    assert ("walker:2", 9) not in places(find_appearance_outlier(look(boxes)))


@pytest.mark.parametrize("limit", [0, -1, float("nan")])
def test_limits_out_of_range_are_refused(limit):
    with pytest.raises(LimitError, match="max_unlikeness"):
        aa.Limits(max_unlikeness=limit)
    with pytest.raises(LimitError, match="min_likeness"):
        aa.Limits(min_likeness=limit)


def test_the_audit_joins_pictures_and_boxes(tmp_path):
    labels = painted_labels(tmp_path)
    boxes = labels.boxes.copy()
    boxes.loc[(boxes["track"] == "walker:2") & (boxes["frame"] == 9), "left"] += 12
    labels = aa.Labels(boxes, labels.frames)
    blind, looked = aa.audit(labels), aa.audit(labels, embedder=ColourTextureEmbedder())
    assert looked.columns.tolist() == blind.columns.tolist()
    assert looked["score"].is_monotonic_decreasing
    assert (looked["frame"][0], looked["track"][0]) == (9, "walker:2")
    assert "appearance_outlier" in set(looked["rule"])
    assert looked["score"][0] > blind["score"][0]
    again = aa.audit(labels, embedder=embed(labels))
    pd.testing.assert_frame_equal(again, looked)


def test_a_suspicion_that_the_picture_does_not_share_counts_less(tmp_path):
    # A walker who really jumps: the box follows, and shows the same walker.
    labels = painted_labels(tmp_path)
    jump = labels.boxes[(labels.boxes["track"] == "walker:1") & (labels.boxes["frame"] == 9)]
    findings = jump.reset_index(drop=True).assign(
        rule="off_course", score=0.5, severity="warning", value=6.0, limit=5.0, unit="", reason="",
        from_frame=np.nan, expected_left=0.0, expected_top=0.0, expected_width=1.0,
        expected_height=1.0,
    )  # fmt: skip
    assert looked_into(findings, labels, ColourTextureEmbedder())["score"][0] < 0.2
    gap = findings.assign(rule="gap")
    assert looked_into(gap, labels, ColourTextureEmbedder())["score"].tolist() == [0.5]


def test_sequences_are_judged_by_themselves(tmp_path):
    labels = painted_labels(tmp_path)
    boxes = swapped(8)
    both = aa.Labels(
        pd.concat([boxes, boxes.assign(sequence="lane")], ignore_index=True),
        pd.concat([labels.frames, labels.frames.assign(sequence="lane")], ignore_index=True),
    )
    alone = aa.audit(aa.Labels(boxes, labels.frames), embedder=ColourTextureEmbedder())
    together = aa.audit(both, embedder=ColourTextureEmbedder())
    own = together[together["sequence"] == "street"].reset_index(drop=True)
    pd.testing.assert_frame_equal(own, alone)


def test_without_images_the_error_says_what_to_do():
    with pytest.raises(FrameError, match="frames='img1/'"):
        aa.audit(painted_boxes(), embedder=ColourTextureEmbedder())
    made = embed(painted_boxes(), images=PaintedPictures())
    with pytest.raises(LimitError, match="embeddings of 60 boxes and labels of 59"):
        aa.audit(painted_boxes()[1:], embedder=made)


def test_shuffled_boxes_give_the_same_findings(tmp_path):
    labels = painted_labels(tmp_path)
    boxes = swapped(8)
    straight = aa.audit(aa.Labels(boxes, labels.frames), embedder=ColourTextureEmbedder())
    mixed = aa.Labels(boxes.sample(frac=1, random_state=0), labels.frames)
    shuffled = aa.audit(mixed, embedder=ColourTextureEmbedder())
    pd.testing.assert_frame_equal(shuffled, straight, check_exact=False, rtol=1e-4)


def test_boxes_without_tracks_or_neighbours_are_left_alone(tmp_path):
    labels = painted_labels(tmp_path)
    stills = labels.boxes.assign(track=np.nan)
    alone = labels.boxes[labels.boxes["frame"] == 3]
    for boxes in (stills, alone, alone[:1]):
        found = aa.audit(aa.Labels(boxes, labels.frames), embedder=ColourTextureEmbedder())
        assert not found["rule"].isin(["appearance_outlier", "looks_like_another"]).any()


def test_embeddings_serve_a_bare_table():
    boxes = painted_boxes()
    boxes.loc[(boxes["track"] == "walker:2") & (boxes["frame"] == 9), "left"] += 12
    found = aa.audit(boxes, embedder=embed(boxes, images=PaintedPictures()))
    assert ("walker:2", 9) in places(found[found["rule"] == "appearance_outlier"])


def test_a_picture_that_cannot_be_opened_is_told_of(tmp_path):
    labels = painted_labels(tmp_path)
    (tmp_path / "000003.png").write_bytes(b"no picture")
    with pytest.warns(UserWarning, match=r"1 pictures could not be opened.*street, frame 3"):
        aa.audit(labels, embedder=ColourTextureEmbedder())
