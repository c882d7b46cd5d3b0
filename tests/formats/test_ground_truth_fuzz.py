"""Valid files, broken at random: a reader gives labels, or says what is wrong with the file."""

import json

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import annotaudit as aa
from annotaudit.errors import LabelFormatError

BOX = {
    "left": 1, "top": 2, "width": 3, "height": 4, "class-id": "1", "class_id": 0, "label": "a",
    "label-category-attributes": {"x": "y"}, "object-id": "i", "object-name": "Car:1",
}  # fmt: skip
VIDEO = {
    "tracking-annotations": [
        {"frame-no": str(n), "frame": f"{n}.jpg", "frame-attributes": {"a": 1},
         "annotations": [BOX, BOX]} for n in range(2)
    ]
}  # fmt: skip
IMAGE = {
    "source-ref": "s3://b/0.jpg",
    "boxes": {"image_size": [{"width": 5, "height": 4}], "annotations": [BOX, BOX]},
    "boxes-metadata": {
        "objects": [{"confidence": 0.5}, {}], "class-map": {"0": "dog"},
        "type": "groundtruth/object-detection",
    },
}  # fmt: skip
ANSWER = {
    "answerContent": {"w": {"boundingBoxes": [BOX], "inputImageProperties": {"width": 5}}},
    "workerId": "x", "timeSpentInSeconds": 1.5,
}  # fmt: skip
VIDEO_LINE = {
    "source-ref": "s3://b/a-seq.json", "a-ref": "s3://b/SeqLabel.json",
    "a-ref-metadata": {"type": "groundtruth/video-object-tracking", "class-map": {"1": "Car"}},
}  # fmt: skip
FILES = {
    "ground-truth-video": [VIDEO, VIDEO_LINE],
    "ground-truth-images": [IMAGE],
    "ground-truth-workers": [
        {"answers": [ANSWER, ANSWER]},
        {"trackingAnnotations": {"frameNumber": 0, "frame": "a", "boundingBoxes": [BOX]}},
    ],
}
HOSTILE = [
    None, True, -1, 10**400, 2**63, 1.5, "", "x", "../../etc/passwd", "\0", "9" * 400, [], {}, [[]],
    {"annotations": 3}, float("nan"), float("inf"), "$\\frac{1$", "=cmd()", "\udcff", 1e300,
]  # fmt: skip


def places(value, path=()):
    yield path
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inside in items:
            yield from places(inside, (*path, key))


def replaced(value, path, new):
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


@st.composite
def broken_values(draw):
    name = draw(st.sampled_from(sorted(FILES)))
    value = draw(st.sampled_from(FILES[name]))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(places(value))))
        value = replaced(value, path, draw(st.sampled_from(HOSTILE)))
    return name, value


def read(name, data, folder):
    """Load, and if that works save and load again, which must then work too."""
    path = folder / "labels.json"
    path.write_bytes(data)
    for options in ({"format": name}, {}):
        try:
            labels = aa.load(path, **options)
        except LabelFormatError as error:
            assert len(str(error)) > 20
            continue
        assert labels.problems.notna().all(axis=None)
        assert not labels.frames.duplicated(["sequence", "frame"]).any()
        if name != "ground-truth-workers" and len(labels.boxes):
            saved = aa.save(labels, folder / "saved.json", format=name, replace=True)
            assert len(aa.load(saved, format=name).boxes) == len(labels.boxes)


fuzz = settings(deadline=None, max_examples=80, suppress_health_check=list(HealthCheck))


@pytest.mark.fuzz
@fuzz
@given(broken_values())
def test_values_of_any_kind_anywhere(tmp_path_factory, broken):
    name, value = broken
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "SeqLabel.json").write_text(json.dumps(VIDEO))
    read(name, json.dumps(value).encode(), folder)


@pytest.mark.fuzz
@fuzz
@given(
    st.sampled_from([(name, value) for name, values in FILES.items() for value in values]),
    st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=3), st.integers(0, 40)), max_size=4),
    st.floats(0, 1.2),
)
def test_bytes_changed_and_cut_off(tmp_path_factory, chosen, changes, length):
    name, value = chosen
    data = json.dumps(value).encode()
    for at, new, gone in changes:
        start = int(at * len(data))
        data = data[:start] + new + data[start + gone :]
    read(name, data[: int(length * len(data))], tmp_path_factory.mktemp("fuzz"))


@pytest.mark.fuzz
@fuzz
@given(broken_values().filter(lambda broken: broken[0] == "ground-truth-video"))
def test_boxes_and_problems_account_for_every_box(tmp_path_factory, broken):
    value = broken[1]
    entries = value.get("tracking-annotations") if isinstance(value, dict) else None
    drawn = [
        len(entry["annotations"])
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict) and isinstance(entry.get("annotations"), list)
    ]
    path = tmp_path_factory.mktemp("fuzz") / "SeqLabel.json"
    path.write_text(json.dumps(value))
    try:
        labels = aa.load(path, format="ground-truth-video")
    except LabelFormatError:
        return
    assert len(labels.boxes) + len(labels.problems) >= sum(drawn)
