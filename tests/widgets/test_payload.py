import json

import numpy as np
import pandas as pd
import pytest

from annotaudit.boxes import COLUMNS, Labels, empty_table
from annotaudit.errors import BoxTableError
from annotaudit.widgets.payload import pack, short_name


def numbers(payload, name, kind):
    return np.frombuffer(payload.arrays[name], kind)


def columns(payload):
    names = payload.meta["finding_columns"]
    table = numbers(payload, "findings", "<f8").reshape(-1, len(names))
    return pd.DataFrame(table, columns=names)


def test_boxes_stand_in_the_order_of_frames(labels, findings):
    shuffled = Labels(labels.boxes.sample(frac=1, random_state=0), labels.frames)
    payload = pack(shuffled, findings)
    starts = numbers(payload, "boxes_starts", "<u4")
    assert np.diff(starts).tolist() == [2] * 8 + [1] + [2] * 3  # frame 8 lacks car:2
    sides = numbers(payload, "boxes_sides", "<f4").reshape(-1, 4)
    assert sorted(sides[starts[5] : starts[6], 3]) == [60, 100]


def test_findings_know_their_frame_object_and_the_frame_before(labels, findings):
    table = columns(pack(labels, findings))
    assert table["position"].tolist() == [5, 8, 9]
    assert table["from"].tolist() == [4, 7, 8]
    assert table["object"].tolist() == [0, 1, 0]
    assert np.isnan(table.loc[1, "left"]) and table.loc[1, "expected_left"] == 480


def test_a_track_keeps_its_colour_before_and_after(labels, findings):
    before = Labels(labels.boxes.iloc[::-1], labels.frames)
    payload = pack(labels, findings, before=before, titles=("After", "Before"))
    assert payload.meta["objects"]["track"] == ["car:1", "car:2"]
    assert payload.meta["objects"]["colour"] == [0, 1]
    assert sorted(numbers(payload, "before_object", "<i4")) == [0] * 12 + [1] * 11


def test_a_track_has_one_colour_for_every_annotator(labels, findings):
    both = pd.concat([labels.boxes, labels.boxes.assign(annotator="ben")], ignore_index=True)
    objects = pack(Labels(both, labels.frames), findings).meta["objects"]
    assert objects["track"] == ["car:1", "car:2", "car:1", "car:2"]
    assert objects["colour"] == [0, 1, 0, 1]


def test_frames_without_boxes_and_boxes_without_frames_are_both_shown(labels, findings):
    frames = pd.concat(
        [labels.frames.iloc[:3], pd.DataFrame({"sequence": ["street"], "frame": [40]})],
        ignore_index=True,
    )
    payload = pack(Labels(labels.boxes, frames), findings)
    assert payload.frames["frame"].tolist() == [*range(12), 40]
    assert payload.meta["images"][3:] == [None] * 10


def test_several_sequences_follow_each_other(labels, findings):
    second = labels.boxes.assign(sequence="yard", frame=labels.boxes["frame"] + 100)
    both = Labels(pd.concat([labels.boxes, second], ignore_index=True), labels.frames)
    payload = pack(both, findings)
    assert [(s["name"], s["first"], s["count"]) for s in payload.meta["sequences"]] == [
        ("street", 0, 12),
        ("yard", 12, 12),
    ]
    assert payload.position("yard", 101) == 13
    assert payload.position("yard", 1) == -1


def test_frame_rate_comes_from_the_times(labels, findings):
    street = pack(labels, findings).meta["sequences"][0]
    assert street["fps"] == pytest.approx(5) and street["fps_known"]
    unknown = pack(Labels(labels.boxes), findings).meta["sequences"][0]
    assert not unknown["fps_known"]


def test_stills_without_tracks_are_coloured_by_annotator(labels):
    stills = labels.boxes.assign(track=None)
    stills.loc[::2, "annotator"] = "ben"
    payload = pack(Labels(stills, labels.frames), stills.iloc[:0])
    assert payload.meta["colouring"] == "annotator"
    assert set(numbers(payload, "boxes_object", "<i4")) == {-1}


def test_bad_values_pass_and_the_names_survive_json(labels, findings):
    boxes = labels.boxes.copy()
    boxes.loc[0, ["left", "width"]] = [np.inf, np.nan]
    boxes.loc[1, "label"] = None
    boxes["track"] = boxes["track"].where(boxes.index != 2, "\u2028</script>")
    payload = pack(Labels(boxes, pd.DataFrame()), findings)
    json.dumps(payload.meta, allow_nan=False)
    assert numbers(payload, "boxes_label", "<i4").tolist().count(-1) == 1


def test_nothing_to_look_at_is_said():
    with pytest.raises(BoxTableError, match="neither boxes nor frames"):
        pack(Labels(empty_table(COLUMNS)), empty_table(COLUMNS))


def test_findings_that_are_none_are_refused(labels):
    with pytest.raises(BoxTableError, match=r"annotaudit.audit\(\)"):
        pack(labels, pd.DataFrame({"frame": [1]}))


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("/data/img1/000001.jpg", "000001.jpg"),
        ("img\\000001.jpg", "000001.jpg"),
        ("https://host/a/b.png?Signature=secret", "b.png"),
        ("s3://bucket/key/c.jpg", "c.jpg"),
        ("https://host/", "picture"),
    ],
)
def test_pictures_are_named_without_folders_and_secrets(image, name):
    assert short_name(image) == name
