import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import annotaudit as aa
from annotaudit.errors import LabelFormatError
from annotaudit.formats.ground_truth.video import load, save

LIST = "tracking-annotations"


def box(left=10, **others):
    return {
        "left": left, "top": 20, "width": 30, "height": 40, "class-id": "1",
        "label-category-attributes": {}, "object-id": "id-1", "object-name": "Car:1",
    } | others  # fmt: skip


def entry(number, *boxes, **others):
    return {"frame-no": number, "frame": f"{number}.jpg", "annotations": list(boxes)} | others


def content(*entries, kind="tracking-annotations", **others):
    return {kind: list(entries)} | others


@pytest.fixture
def write(tmp_path):
    def write(value, name="street/SeqLabel.json"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
        return path

    return write


def manifest_line(source="s3://b/in/cam1-seq.json", reference=None, attribute="Car-ref", **others):
    return {
        "source-ref": source,
        attribute: reference or "s3://b/out/job/annotations/output/0/SeqLabel.json",
        f"{attribute}-metadata": {
            "class-map": {"0": "Bus", "1": "Automobile"},
            "type": "groundtruth/video-object-tracking",
            "job-name": "labeling-job/job",
        }
        | others,
    }


def test_a_box_becomes_a_row(write):
    labels = load(write(content(entry(0, box()), entry("2"))))
    row = labels.boxes.iloc[0]
    assert row[["sequence", "frame", "track", "label", "annotator"]].tolist() == [
        "street", 0, "Car:1", "Car", "consolidated",
    ]  # fmt: skip
    assert row[["left", "top", "width", "height"]].tolist() == [10, 20, 30, 40]
    assert row[["class_id", "object_id"]].tolist() == ["1", "id-1"]
    assert labels.frames["frame"].tolist() == [0, 2]
    assert labels.frames["image"].tolist() == ["0.jpg", "2.jpg"]
    assert labels.problems.empty


def test_frame_numbers_are_read_as_text_and_as_number_and_written_as_read(write, tmp_path):
    original = content(entry("3", box()), entry(5, box()))
    labels = load(write(original))
    assert labels.boxes["frame"].tolist() == [3, 5]
    save(labels, tmp_path / "again.json")
    again = json.loads((tmp_path / "again.json").read_text())
    assert [frame["frame-no"] for frame in again["tracking-annotations"]] == ["3", 5]


def test_frame_is_the_number_in_the_file_not_the_position_in_the_list(write):
    labels = load(write(content(entry("0", box()), entry("7", box()))))
    assert labels.boxes["frame"].tolist() == [0, 7]


@pytest.mark.parametrize("key", ["frame_no", "frameNo", "frame-number"])
def test_other_spellings_of_the_frame_number_are_read(write, key):
    one = entry(0, box())
    del one["frame-no"]
    assert load(write(content(one | {key: "4"}))).boxes["frame"].tolist() == [4]


def test_without_frame_numbers_the_position_counts(write):
    first, second = entry(0, box()), entry(0, box())
    del first["frame-no"], second["frame-no"]
    assert load(write(content(first, second))).boxes["frame"].tolist() == [0, 1]


@pytest.mark.parametrize("bad", [-1, "x", 1.5, True, 2**63, "9" * 30, None, "²"])
def test_a_frame_that_has_no_usable_number_is_a_problem_and_so_is_each_of_its_boxes(write, bad):
    labels = load(write(content(entry(0, box()), entry(0, box(), box()) | {"frame-no": bad})))
    assert len(labels.boxes) == 1
    assert labels.problems["where"].tolist() == ["entry 1", "entry 1, box 0", "entry 1, box 1"]


def test_a_second_entry_for_a_frame_keeps_its_boxes_and_is_a_problem(write):
    labels = load(write(content(entry(0, box()), entry("0", box(left=99)))))
    assert labels.boxes["left"].tolist() == [10, 99]
    assert labels.frames["frame"].tolist() == [0]
    assert labels.problems["where"].tolist() == ["frame 0"]


def test_one_track_per_object_id_not_per_name(write):
    """Two objects of one name are two tracks; an object renamed on the way is one."""
    labels = load(
        write(
            content(
                entry(0, box(), box(**{"object-id": "id-2"})),
                entry(1, box(**{"object-id": "id-3", "object-name": "Bus:1"})),
                entry(2, box(**{"object-id": "id-3", "object-name": "Van:1"})),
            )
        )
    )
    assert labels.boxes["track"].tolist() == ["Car:1 (id-1)", "Car:1 (id-2)", "Bus:1", "Bus:1"]
    assert labels.boxes["label"].tolist() == ["Car", "Car", "Bus", "Van"]


def test_an_object_is_named_on_every_box_when_it_is_on_one(write):
    """A box that only has an object id belongs to the named track, and is saved with the name."""
    unnamed = box()
    del unnamed["object-name"]
    path = write(content(entry(0, box()), entry(1, unnamed)))
    labels = load(path)
    assert labels.boxes["track"].tolist() == ["Car:1", "Car:1"]
    save(labels, path)
    assert [frame["annotations"] for frame in json.loads(path.read_text())[LIST]] == [[box()]] * 2


def test_an_object_without_a_name_is_called_by_its_id(write):
    unnamed = box()
    del unnamed["object-name"]
    path = write(content(entry(0, unnamed)))
    labels = load(path)
    assert labels.boxes["track"].tolist() == ["id-1"]
    save(labels, path)
    assert json.loads(path.read_text())[LIST][0]["annotations"] == [unnamed]


def test_detection_labels_have_no_track(write):
    one = {"left": 1, "top": 2, "width": 3, "height": 4, "class-id": "0"}
    path = write(content(entry(0, one), kind="detection-annotations"))
    labels = load(path)
    assert labels.boxes["track"].isna().all()
    assert aa.save(labels, path.with_name("again.json")).exists()
    assert load(path.with_name("again.json")).boxes["class_id"].tolist() == ["0"]


def test_attributes_are_columns(write):
    labels = load(
        write(
            content(
                entry(0, box(**{"label-category-attributes": {"occluded": "no", "age": 3}})),
                entry(1, box(), **{"frame-attributes": {"weather": "rain"}}),
            )
        )
    )
    assert labels.boxes["attribute.occluded"].fillna("-").tolist() == ["no", "-"]
    assert labels.boxes["attribute.age"].dropna().tolist() == [3]
    assert labels.frames["attribute.weather"].fillna("-").tolist() == ["-", "rain"]


def test_a_changed_attribute_is_saved(write, tmp_path):
    path = write(
        content(
            entry(
                0,
                box(**{"label-category-attributes": {"occluded": "no"}}),
                **{"frame-attributes": {"weather": "rain"}},
            )
        )
    )
    labels = load(path)
    changed = aa.Labels(
        labels.boxes.assign(**{"attribute.occluded": "fully"}),
        labels.frames.assign(**{"attribute.weather": "sun"}),
    )
    save(changed, tmp_path / "again.json")
    frame = json.loads((tmp_path / "again.json").read_text())["tracking-annotations"][0]
    assert frame["frame-attributes"] == {"weather": "sun"}
    assert frame["annotations"][0]["label-category-attributes"] == {"occluded": "fully"}


@pytest.mark.parametrize("kind", ["polylines", "polygons", "keypoints"])
def test_other_shapes_are_refused_by_name(write, kind):
    path = write({"tracking-annotations": [{"frame-no": 0, kind: [{"vertices": []}]}]})
    with pytest.raises(LabelFormatError, match=f"{kind}, not boxes"):
        load(path)


def test_labels_of_3d_jobs_are_refused(write):
    path = write({"camera-0": {"tracking-annotations": []}})
    with pytest.raises(LabelFormatError, match="'camera-0'.*3D point cloud"):
        load(path)


@pytest.mark.parametrize(
    ("side", "value"),
    [("width", "30"), ("left", True), ("top", []), ("height", 10**400), ("left", {})],
)
def test_a_side_that_is_no_number_is_a_problem_with_its_place(write, side, value):
    labels = load(write(content(entry(4, box(), box() | {side: value}))))
    assert len(labels.boxes) == 1
    assert labels.problems["where"].tolist() == ["frame 4, box 1"]
    assert side in labels.problems["what"].iloc[0]


def test_a_missing_side_is_a_problem(write):
    one = box()
    del one["height"]
    labels = load(write(content(entry(0, one, "no box", None))))
    assert labels.boxes.empty
    assert len(labels.problems) == 3


@pytest.mark.parametrize("text", ["NaN", "null"])
def test_an_unknown_side_is_nan(write, text):
    path = write(json.dumps(content(entry(0, box(left=777)))).replace("777", text))
    labels = load(path)
    assert math.isnan(labels.boxes["left"].iloc[0])
    assert labels.problems.empty
    save(labels, path.with_name("again.json"))
    assert load(path.with_name("again.json")).boxes["left"].isna().all()


@pytest.mark.parametrize("text", ["Infinity", "-Infinity", "1e999"])
def test_an_infinite_side_is_a_problem(write, text):
    path = write(json.dumps(content(entry(0, box(left=777)))).replace("777", text))
    labels = load(path)
    assert labels.boxes.empty
    assert labels.problems["where"].tolist() == ["frame 0, box 0"]


def test_bad_values_of_numbers_are_kept_for_the_audit(write):
    labels = load(write(content(entry(0, box(left=-5, width=0, height=-3, top=10**30)))))
    assert labels.boxes[["left", "top", "width", "height"]].iloc[0].tolist() == [-5, 1e30, 0, -3]


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "a\0b", "a\\b", "C:x.jpg", "", "a//b", 3, "\u202e"]
)
def test_an_image_name_that_leads_elsewhere_is_a_problem_and_no_name(write, name):
    path = write(content(entry(0, box()) | {"frame": name}))
    labels = load(path)
    assert labels.frames["image"].isna().all()
    assert len(labels.boxes) == 1
    assert labels.problems["where"].tolist() == ["frame 0"]
    save(labels, path.with_name("again.json"))
    again = json.loads(path.with_name("again.json").read_text())
    assert again["tracking-annotations"][0]["frame"] == name


def test_a_key_that_stands_twice_is_a_problem(write):
    text = json.dumps(content(entry(0, box()))).replace('"left": 10', '"left": 10, "left": 11')
    labels = load(write(text))
    assert labels.boxes["left"].tolist() == [11]
    assert "'left' twice" in labels.problems["what"].iloc[0]


def test_strict_raises_on_the_first_problem(write):
    with pytest.raises(LabelFormatError, match="frame 0, box 1: width is 'x'"):
        load(write(content(entry(0, box(), box(width="x"), box(width="y")))), strict=True)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("  \n ", "is empty"),
        ('{"tracking-annotations": [', "line 1, column 27: the text ends"),
        ("[" * 20_000, "nested too deep"),
        ('{"tracking-annotations": ' + '{"a":' * 20_000, "nested too deep"),
        ("[1, 2]", "a list of 2"),
        ("3", "found 3"),
        ('{"other": 1}', "found the keys 'other'"),
        ('{"tracking-annotations": {}}', "one list of frames"),
        ('{"tracking-annotations": [], "detection-annotations": []}', "both lists"),
        ('{"tracking-annotations":\n [ x ]}', "line 2, column 4"),
        ('{"tracking-annotations": ["\\ud83d"]}', "surrogates"),
        ('{"tracking-annotations": ' + "9" * 5000 + "}", "5000 digits"),
    ],
)
def test_what_is_no_label_file_is_an_error_that_says_where(write, text, says):
    with pytest.raises(LabelFormatError, match=says):
        load(write(text))


def test_encodings(tmp_path):
    text = json.dumps(content(entry(0, box())))
    path = tmp_path / "SeqLabel.json"
    path.write_bytes(text.encode("utf-8-sig"))
    assert len(aa.load(path).boxes) == 1
    for encoding in ("utf-16", "utf-16-le", "utf-32"):
        path.write_bytes(text.encode(encoding))
        with pytest.raises(LabelFormatError, match="not UTF-8"):
            load(path)
    path.write_bytes(text.encode().replace(b"Car:1", b"Car\xe9"))
    with pytest.raises(LabelFormatError, match=r"column \d+: bytes that are not UTF-8"):
        load(path)


def test_ids_that_are_numbers_come_back_as_numbers(write):
    path = write(content(entry(0, box(**{"object-id": 2**60 + 1, "class-id": 1}))))
    labels = load(path)
    assert labels.boxes["object_id"].tolist() == [str(2**60 + 1)]
    save(labels, path.with_name("again.json"))
    assert json.loads(path.with_name("again.json").read_text()) == json.loads(path.read_text())


def test_the_manifest_beside_names_labels_and_sequence(write):
    path = write(content(entry(0, box())), "job/SeqLabel.json")
    write(manifest_line(), "job/output.manifest")
    labels = load(path)
    assert labels.boxes["label"].tolist() == ["Automobile"]
    assert labels.boxes["sequence"].tolist() == ["cam1"]


def test_the_manifest_is_found_in_the_folders_of_a_job(write):
    reference = "annotations/consolidated-annotation/output/0/SeqLabel.json"
    path = write(content(entry(0, box())), f"job/{reference}")
    write(
        manifest_line(reference=f"s3://b/job/{reference}"), "job/manifests/output/output.manifest"
    )
    assert load(path).boxes["label"].tolist() == ["Automobile"]


def test_several_videos_of_one_manifest(write):
    write(content(entry(0, box())), "job/0/SeqLabel.json")
    write(content(entry(0, box()), entry(1, box())), "job/1/SeqLabel.json")
    lines = [
        manifest_line(f"s3://b/in/cam{n}-seq.json", f"s3://b/out/job/{n}/SeqLabel.json")
        for n in range(3)
    ]
    path = write("\n".join(map(json.dumps, lines)), "job/output.manifest")
    labels = load(path)
    assert labels.boxes["sequence"].tolist() == ["cam0", "cam1", "cam1"]
    assert labels.problems["where"].tolist() == ["line 3"]
    assert "are not here" in labels.problems["what"].iloc[0]
    assert len(aa.load(path.parent).boxes) == 3


def test_labels_that_several_videos_name_are_read_once(write):
    write(content(entry(0, box())), "job/0/SeqLabel.json")
    lines = [
        manifest_line(f"s3://b/{n}-seq.json", "s3://b/job/0/SeqLabel.json") for n in ("01", "02")
    ]
    labels = load(write("\n".join(map(json.dumps, lines)), "job/output.manifest"))
    assert labels.boxes["sequence"].tolist() == ["01"]
    assert labels.problems["where"].tolist() == ["line 2"]


def test_the_adjusted_labels_are_read_where_there_are_two(write):
    write(content(entry(0, box())), "job/first/SeqLabel.json")
    write(content(entry(0, box(left=11))), "job/second/SeqLabel.json")
    line = manifest_line(reference="s3://b/first/SeqLabel.json") | manifest_line(
        reference="s3://b/second/SeqLabel.json",
        attribute="Car-adjusted-ref",
        **{"adjustment-status": "adjusted"},
    )
    path = write(line, "job/output.manifest")
    assert load(path).boxes["left"].tolist() == [11]
    assert load(path, attribute="Car-ref").boxes["left"].tolist() == [10]


def test_a_reference_never_leads_out_of_the_folder(write):
    write(content(entry(0, box())), "secret.json")
    line = manifest_line(reference="s3://b/../secret.json")
    path = write(line, "job/deeper/output.manifest")
    with pytest.raises(LabelFormatError, match="are not here"):
        load(path)


def test_times_come_from_the_sequence_file(write):
    path = write(content(entry(0, box()), entry(1, box())), "job/SeqLabel.json")
    frames = [
        {"frame-no": n + 1, "frame": f"{n}.jpg", "unix-timestamp": 100 + n / 2} for n in range(4)
    ]
    write({"seq-no": 1, "number-of-frames": 4, "frames": frames}, "job/cam-seq.json")
    labels = load(path)
    assert labels.frames["time"].tolist() == [0, 0.5]
    every = load(path, every_frame=True)
    assert every.frames["frame"].tolist() == [0, 1, 2, 3]
    assert every.frames["time"].tolist() == [0, 0.5, 1, 1.5]


def test_equal_time_stamps_are_no_times(write):
    path = write(content(entry(0, box()), entry(1, box())), "job/SeqLabel.json")
    frames = [{"frame-no": n, "frame": f"{n}.jpg", "unix-timestamp": 7} for n in range(2)]
    write({"seq-no": 1, "number-of-frames": 2, "frames": frames}, "job/cam-seq.json")
    assert load(path).frames["time"].isna().all()


def test_everything_comes_back(write):
    original = content(
        entry("0", box(), box(**{"object-id": "id-2", "new": [1, {"x": None}], "size": 2.5}),
              **{"frame-attributes": {"weather": "rain", "list": [1]}, "lens": {"k": 1}}),
        entry(1),
        entry("2", box(**{"label-category-attributes": {"a": "x", "b": 2, "c": True, "d": None}})),
        version=3, note={"by": "us"},
    )  # fmt: skip
    path = write(original)
    labels = load(path)
    save(labels, path.with_name("again.json"))
    assert json.loads(path.with_name("again.json").read_text()) == original


def test_a_manifest_comes_back_with_its_videos(write, tmp_path):
    for n in range(2):
        write(content(entry(0, box(left=n))), f"job/out/{n}/SeqLabel.json")
    lines = [
        manifest_line(f"s3://b/in/cam{n}-seq.json", f"s3://b/out/{n}/SeqLabel.json", extra=n)
        for n in range(2)
    ]
    labels = load(write("\n".join(map(json.dumps, lines)), "job/output.manifest"))
    written = save(labels, tmp_path / "saved")
    assert [json.loads(line) for line in written.read_text().splitlines()] == lines
    again = aa.load(written)
    pd.testing.assert_frame_equal(again.boxes, labels.boxes)
    pd.testing.assert_frame_equal(again.frames, labels.frames)


def test_a_changed_label_gets_a_class_and_comes_back(write, tmp_path):
    labels = load(
        write(content(entry(0, box(), box(**{"object-id": "x", "object-name": "Car:2"}))))
    )
    changed = aa.Labels(labels.boxes.assign(label=["Car", "Tram"]), labels.frames)
    save(changed, tmp_path / "SeqLabel.json")
    again = load(tmp_path / "SeqLabel.json")
    assert again.boxes["label"].tolist() == ["Car", "Tram"]
    assert again.boxes["class_id"].tolist() == ["1", "0"]
    assert labels.boxes["class_id"].tolist() == ["1", "1"], "the caller's table is untouched"


def test_labels_from_elsewhere_can_be_saved(tmp_path):
    boxes = pd.DataFrame(
        {"sequence": ["a", "b"], "frame": [0, 3], "track": ["7", "8"], "label": ["person", "car"],
         "annotator": "x", "left": 1.5, "top": 2.0, "width": 3.0, "height": 4.0}
    )  # fmt: skip
    written = save(aa.Labels(boxes, pd.DataFrame(columns=["sequence", "frame"])), tmp_path / "out")
    again = aa.load(written)
    columns = ["sequence", "frame", "track", "label", "left", "top", "width", "height"]
    assert again.boxes[columns].values.tolist() == boxes[columns].values.tolist()  # noqa: PD011
    with pytest.raises(LabelFormatError, match="one file holds one video; found 2"):
        save(aa.Labels(boxes, pd.DataFrame(columns=["sequence", "frame"])), tmp_path / "one.json")


def test_an_infinite_side_cannot_be_saved(write, tmp_path):
    labels = load(write(content(entry(0, box()))))
    with pytest.raises(LabelFormatError, match="infinite side"):
        save(aa.Labels(labels.boxes.assign(left=np.inf), labels.frames), tmp_path / "x.json")
    assert not (tmp_path / "x.json").exists()


names = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=8)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | names
)
numbers = st.integers(-(10**6), 10**6) | st.floats(-1e6, 1e6)
# Only keys that mean nothing here: hypothesis takes some from the source of the package.
free_names = names.map(lambda name: "x" + name)
unknown = st.dictionaries(free_names, scalars | st.lists(scalars, max_size=2), max_size=2)
a_box = st.builds(
    lambda sides, ids, attributes, rest: (
        rest
        | dict(zip(("left", "top", "width", "height"), sides, strict=True))
        | ids
        | {"label-category-attributes": attributes}
    ),
    st.tuples(numbers, numbers, numbers, numbers),
    st.builds(
        lambda kind, object_keys: kind | object_keys,
        st.fixed_dictionaries({}, optional={"class-id": scalars}),
        st.just({})
        | st.fixed_dictionaries(
            {"object-id": scalars, "object-name": scalars | st.sampled_from(["Car:1", "Car:2"])}
        ),
    ),
    unknown,
    unknown,
)
a_frame = st.builds(
    lambda rest, attributes, boxes: rest | attributes | {"annotations": boxes},
    unknown,
    st.fixed_dictionaries({}, optional={"frame-attributes": unknown}),
    st.lists(a_box, max_size=3),
)


@given(st.lists(a_frame, min_size=1, max_size=3), unknown)
@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
def test_law_whatever_is_loaded_is_saved(tmp_path_factory, frames, rest):
    numbered = [frame | {"frame-no": n} for n, frame in enumerate(frames)]
    original = rest | {"tracking-annotations": numbered}
    path = tmp_path_factory.mktemp("law") / "SeqLabel.json"
    path.write_text(json.dumps(original), encoding="utf-8")
    labels = load(path)
    assert labels.problems.empty
    save(labels, path)
    assert json.loads(path.read_text(encoding="utf-8")) == original
