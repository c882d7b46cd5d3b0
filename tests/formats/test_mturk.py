"""Saved Mechanical Turk assignments: every shape, what is wrong with them, and back again."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

import annotaudit as aa
from annotaudit.boxes import COLUMNS, Labels
from annotaudit.errors import LabelFormatError, LimitError
from annotaudit.formats.mturk.format import assignments, load, recognises, save
from annotaudit.formats.mturk.xml import write_fields

BUS = {"left": 40, "top": 12, "width": 80, "height": 33, "label": "bus"}
CAR = {"left": 2, "top": 9, "width": 20, "height": 20, "label": "car"}


def assignment(number, boxes, hit="HIT1", **more):
    """An assignment as the API gives it; ``boxes`` may also be the text of the field."""
    text = boxes if isinstance(boxes, str) else json.dumps(boxes)
    answer = write_fields({"annotation_data": text, "comment": ""})
    return {
        "AssignmentId": f"ASSIGNMENT{number}",
        "WorkerId": f"AWORKER{number}",
        "HITId": hit,
        "AssignmentStatus": "Submitted",
        "AcceptTime": 1759995020.0,
        "SubmitTime": 1759995080.5,
        "Answer": answer,
        **more,
    }


@pytest.fixture
def saved(tmp_path):
    """Write a value as JSON, or lines, or text, and return where."""

    def write(content, name="answers.json"):
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


def test_boxes_of_several_workers_on_one_image(saved):
    labels = load(saved({"Assignments": [assignment(1, [BUS, CAR]), assignment(2, [BUS])]}))
    assert labels.problems.empty
    assert labels.boxes["left"].tolist() == [40, 2, 40]
    assert labels.boxes["label"].tolist() == ["bus", "car", "bus"]
    assert labels.boxes["frame"].tolist() == [0, 0, 0]
    assert labels.boxes["assignment"].tolist() == ["ASSIGNMENT1", "ASSIGNMENT1", "ASSIGNMENT2"]
    assert labels.boxes["annotator"].nunique() == 2
    assert labels.boxes["track"].isna().all()
    assert labels.boxes["sequence"].unique().tolist() == ["answers"]
    assert len(labels.frames) == 1


REPLY = {"Assignments": [assignment(1, [BUS])], "NumResults": 1}


@pytest.mark.parametrize(
    "shape",
    [
        REPLY,
        [REPLY],
        REPLY["Assignments"],
        REPLY["Assignments"][0],
        {"Assignment": REPLY["Assignments"][0], "HIT": {"HITId": "HIT1"}},
        json.dumps(REPLY) + "\n",
        json.dumps(REPLY["Assignments"][0]) + "\n\n{}\n".replace("{}", '{"HIT": {"HITId": "H"}}'),
        json.dumps(REPLY, indent=2),
    ],
)
def test_every_way_to_save_a_reply(saved, shape):
    path = saved(shape)
    assert recognises(path, path.read_bytes())
    labels = load(path)
    assert labels.problems.empty
    assert labels.boxes["width"].tolist() == [80]


def test_pages_are_read_together_and_a_missing_one_is_noted(saved):
    """Pitfall A2: the 11th assignment is lost silently."""
    pages = [
        {"Assignments": [assignment(n, [BUS]) for n in range(10)], "NextToken": "more"},
        {"Assignments": [assignment(10, [BUS])], "NumResults": 1},
    ]
    assert len(load(saved(pages)).boxes) == 11
    labels = load(saved(pages[:1]))
    assert len(labels.boxes) == 10
    assert "NextToken" in labels.problems["what"][0]


@pytest.mark.parametrize("status", ["Submitted", "Approved", "Rejected"])
def test_assignments_of_every_status_are_read(saved, status):
    """Pitfall A3: approved and auto-approved work is invisible."""
    labels = load(saved([assignment(1, [BUS], AssignmentStatus=status)]))
    assert len(labels.boxes) == 1
    assert assignments(labels)["status"].tolist() == [status]


def test_each_workers_boxes_are_their_own(saved):
    """Pitfall A5: only the last assignment counts, with another worker's boxes if it has none."""
    labels = load(saved([assignment(1, [BUS]), assignment(2, [CAR]), assignment(3, [])]))
    by_assignment = dict(labels.boxes.groupby("assignment")["label"].agg(list))
    assert by_assignment == {"ASSIGNMENT1": ["bus"], "ASSIGNMENT2": ["car"]}


def test_drew_nothing_and_no_answer_are_told_apart(saved):
    """Pitfalls A6 to A8: a missing, empty or [] answer crashes."""
    given = [
        assignment(0, []),
        assignment(1, ""),
        assignment(2, [BUS]) | {"Answer": "<QuestionFormAnswers/>"},
        assignment(3, [BUS]) | {"Answer": ""},
        assignment(4, [BUS]) | {"Answer": None},
        {key: value for key, value in assignment(5, [BUS]).items() if key != "Answer"},
        assignment(6, [BUS]) | {"Answer": write_fields({"comment": "sorry"})},
        assignment(7, [BUS]),
    ]
    labels = load(saved(given))
    table = assignments(labels)
    assert labels.problems.empty
    assert table["answered"].tolist() == [True, *[False] * 6, True]
    assert table["boxes"].tolist() == [0] * 7 + [1]
    assert len(labels.frames) == 1, "who drew nothing has looked at the image, too"


def test_a_malformed_answer_is_one_problem_and_the_others_survive(saved):
    bad = ["undefined", '[{"left": 1', "[{'left': 1}]", "(1, 2)", "[" * 20_000, '{"a": 1}', "7"]
    given = [assignment(n, text) for n, text in enumerate(bad)] + [assignment(99, [BUS])]
    path = saved(given)
    labels = load(path)
    assert labels.boxes["assignment"].tolist() == ["ASSIGNMENT99"]
    assert labels.problems["where"].tolist() == [f"assignment ASSIGNMENT{n}" for n in range(7)]
    assert assignments(labels)["answered"].tolist() == [False] * 7 + [True]
    with pytest.raises(LabelFormatError, match="ASSIGNMENT0"):
        load(path, strict=True)


@pytest.mark.parametrize(
    ("bad", "what"),
    [
        ("<oops", "not XML"),
        (7, "expected XML"),
        ({"a": 1}, "expected XML"),
        ("<html/>", "expected QuestionFormAnswers"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><QuestionFormAnswers/>", "DOCTYPE"),
        ("<QuestionFormAnswers>\x08</QuestionFormAnswers>", "not XML"),
    ],
)
def test_an_answer_that_is_no_answer_is_one_problem(saved, bad, what):
    labels = load(saved([assignment(1, [BUS]) | {"Answer": bad}, assignment(2, [BUS])]))
    assert labels.boxes["assignment"].tolist() == ["ASSIGNMENT2"]
    assert len(labels.problems) == 1
    assert what in labels.problems["what"][0]


def test_a_bad_box_costs_no_other(saved):
    bad = [{**BUS, "left": "far"}, {**BUS, "top": True}, {"left": 1}, "box", None, [1, 2, 3, 4]]
    labels = load(saved([assignment(1, [CAR, *bad, BUS])]))
    assert labels.boxes["label"].tolist() == ["car", "bus"]
    assert labels.boxes["entry"].tolist() == [0, 7]
    assert labels.problems["where"].tolist() == [
        f"assignment ASSIGNMENT1, annotation_data, box {n}" for n in range(2, 8)
    ]


def test_odd_values_are_left_to_the_audit(saved):
    text = (
        '[{"left": -4, "top": 1e999, "width": 0, "height": -3, "label": null},'
        ' {"left": "12.5", "top": NaN, "width": null, "height": 1}]'
    )
    labels = load(saved([assignment(1, text)]))
    assert labels.problems.empty
    assert labels.boxes["left"].tolist() == [-4, 12.5]
    assert np.isinf(labels.boxes["top"][0])
    assert np.isnan(labels.boxes["top"][1])
    assert np.isnan(labels.boxes["width"][1])
    assert labels.boxes["height"].tolist() == [-3, 1]
    assert labels.boxes["label"].isna().all()


def test_unknown_keys_of_a_box_are_columns(saved):
    boxes = [BUS | {"confidence": 0.5, "frame": "f", "tags": ["a"], "sure": True, "x": 1}, CAR]
    table = load(saved([assignment(1, boxes)])).boxes
    assert table["confidence"].tolist()[0] == 0.5
    assert table["box.frame"].tolist()[0] == "f"
    assert table["frame"].tolist() == [0, 0]
    assert table["tags"].tolist()[0] == '["a"]'
    assert table["x"].isna().tolist() == [False, True]


def test_workers_are_masked_unless_asked_otherwise(saved):
    """Pitfall A15: worker ids are personal data."""
    path = saved([assignment(1, [BUS]), assignment(2, [BUS], hit="HIT2")])
    masked = load(path)
    everything = masked.boxes.to_csv() + masked.frames.to_csv() + masked.problems.to_csv()
    assert "AWORKER" not in everything
    assert masked.boxes["annotator"].str.fullmatch("worker-[0-9a-f]{12}").all()
    assert masked.boxes["annotator"].tolist() == load(path).boxes["annotator"].tolist()
    ours, theirs = load(path, key="ours").boxes, load(path, key=b"theirs").boxes
    assert ours["annotator"].tolist() == load(path, key="ours").boxes["annotator"].tolist()
    assert not set(ours["annotator"]) & set(theirs["annotator"])
    kept = load(path, mask_workers=False)
    assert kept.boxes["annotator"].tolist() == ["AWORKER1", "AWORKER2"]


def test_images_are_frames_and_the_same_image_is_one_frame(saved):
    street = {"Input.image_url": "https://example.com/street.jpg"}
    given = [
        assignment(1, [BUS], hit="HIT1", **street),
        assignment(2, [BUS], hit="HIT2"),
        assignment(3, [BUS], hit="HIT3", **street),
    ]
    labels = load(saved(given))
    assert labels.boxes["frame"].tolist() == [0, 1, 0]
    assert labels.frames["frame"].tolist() == [0, 1]
    assert labels.frames["image"].tolist()[0] == "https://example.com/street.jpg"
    assert labels.frames["image"].isna().tolist() == [False, True]
    assert not labels.frames.duplicated(["sequence", "frame"]).any()


@pytest.mark.parametrize(
    "hit",
    [
        {"Question": "<HTMLContent><![CDATA[<img src='https://e.org/a.jpg'>]]></HTMLContent>"},
        {"Question": '<crowd-bounding-box name="b" src="https://e.org/a.jpg" labels="[]">'
         '<img src="https://e.org/logo.png">'},
        {"Question": "&lt;img src=&quot;https://e.org/a.jpg&quot;/&gt;"},
        {"HITLayoutParameters": [{"Name": "image_url", "Value": "https://e.org/a.jpg"}]},
        {"HITLayoutParameters": [{"Name": "n", "Value": "3"}, {"Name": "picture",
         "Value": "https://e.org/a.jpg"}]},
    ],
)  # fmt: skip
def test_the_image_is_found_in_the_hit(saved, hit):
    """Pitfall A9: the image is hard-coded, unrelated to the HIT shown."""
    reply = {"HIT": {"HITId": "HIT1", **hit}, "Assignments": [assignment(1, [BUS])]}
    assert load(saved(reply)).frames["image"].tolist() == ["https://e.org/a.jpg"]


def test_an_image_that_is_not_certain_is_unknown(saved):
    question = "<img src='https://e.org/a.jpg'><img src='https://e.org/b.jpg'>"
    reply = {"HIT": {"HITId": "HIT1", "Question": question}, "Assignments": [assignment(1, [BUS])]}
    path = saved(reply)
    assert load(path).frames["image"].isna().all()
    assert load(path, image="c.jpg").frames["image"].tolist() == ["c.jpg"]
    assert load(path, image={"HIT1": "d.jpg"}).frames["image"].tolist() == ["d.jpg"]


@pytest.mark.parametrize(
    "question",
    ["https://" * 25_000, "https://a.jpg?" * 14_000, "<crowd-bounding-box src='a" * 8000]
    + ["<crowd-bounding-box" + " src" * 50_000],
)
def test_a_hostile_question_takes_no_time(saved, question):
    reply = {"HIT": {"HITId": "HIT1", "Question": question}, "Assignments": [assignment(1, [BUS])]}
    started = time.perf_counter()
    assert len(load(saved(reply)).boxes) == 1
    assert time.perf_counter() - started < 10


@pytest.mark.parametrize(
    "moment", [1759995020, "2025-10-09T07:30:20Z", "2025-10-09 07:30:20+00:00", "1759995020.0"]
)
def test_times_in_every_spelling(saved, moment):
    labels = load(saved([assignment(1, [BUS], AcceptTime=moment)]))
    row = assignments(labels).iloc[0]
    assert row["accept_time"] == datetime(2025, 10, 9, 7, 30, 20, tzinfo=UTC)
    assert row["work_time_s"] == 60.5


@pytest.mark.parametrize("moment", ["soon", 1e300, True, [1], "2025-13-45"])
def test_a_time_that_is_none_costs_no_box(saved, moment):
    labels = load(saved([assignment(1, [BUS], SubmitTime=moment)]))
    assert len(labels.boxes) == 1
    assert "SubmitTime" in labels.problems["what"][0]
    assert assignments(labels)["submit_time"].isna().all()


def test_displayed_pixels_are_scaled_to_image_pixels(saved):
    path = saved([assignment(1, [BUS])])
    sides = ["left", "top", "width", "height"]
    assert load(path, scale=2).boxes[sides].iloc[0].tolist() == [80, 24, 160, 66]
    assert load(path, scale=(1, 0.5)).boxes[sides].iloc[0].tolist() == [40, 6, 80, 16.5]
    with pytest.raises(LimitError, match="scale"):
        load(path, scale=0)


def test_an_inclusive_widget_counts_both_edge_pixels(saved):
    """Pitfall B30: inclusive widths are one more than the distance between the edges."""
    path = saved([assignment(1, [{"left": 10, "top": 10, "width": 11, "height": 6}])])
    assert load(path).boxes["width"].tolist() == [11]
    assert load(path, inclusive=True).boxes[["width", "height"]].iloc[0].tolist() == [10, 5]
    assert load(path, inclusive=True, scale=2).boxes["width"].tolist() == [20]


def test_an_unknown_option_is_named(saved):
    with pytest.raises(TypeError, match="colour"):
        load(saved(REPLY), colour="red")


def test_the_same_assignment_twice_counts_once(saved):
    labels = load(saved([assignment(1, [BUS]), assignment(1, [BUS])]))
    assert len(labels.boxes) == 1
    assert "twice" in labels.problems["what"][0]


def test_a_broken_line_costs_no_other(saved):
    good = json.dumps(assignment(1, [BUS]))
    path = saved(f"{good}\n{good[:50]}\n{json.dumps(assignment(2, [BUS]))}\n", "a.jsonl")
    labels = load(path)
    assert len(labels.boxes) == 2
    assert labels.problems["where"].tolist() == ["line 2"]


def test_what_is_no_assignment_is_a_problem(saved):
    labels = load(saved([assignment(1, [BUS]), 7, {"colour": "red"}, [[[[[1]]]]]]))
    assert len(labels.boxes) == 1
    assert len(labels.problems) == 3


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"  \n",
        b"{",
        b"[1, 2]",
        b'{"colour": "red"}',
        b"null",
        b'{"Assignments": [{"AssignmentId": "A"',
        b"[" * 20_000,
        "{}".encode("utf-16"),
        b'{"Assignments": "\xff"}',
        b"<QuestionFormAnswers>",
        b"<html/>",
        b"<QuestionFormAnswers>\xff</QuestionFormAnswers>",
        b"<!DOCTYPE a><QuestionFormAnswers/>",
    ],
)
def test_a_file_that_is_none_says_what_to_do(saved, content):
    path = saved(content)
    with pytest.raises(LabelFormatError, match=r"answers\.json"):
        load(path)


def test_an_empty_reply_is_no_error(saved):
    labels = load(saved({"Assignments": [], "NumResults": 0}))
    assert len(labels.boxes) == len(labels.frames) == len(labels.problems) == 0
    assert assignments(labels).empty
    assert list(labels.boxes)[: len(COLUMNS)] == list(COLUMNS)


def test_bare_answer_xml(saved):
    path = saved(write_fields({"annotation_data": json.dumps([BUS])}), "ASSIGNMENT7.xml")
    assert recognises(path, path.read_bytes())
    labels = load(path, image="street.jpg")
    assert labels.boxes["assignment"].tolist() == ["ASSIGNMENT7"]
    assert labels.boxes["annotator"].isna().all()
    assert labels.frames["image"].tolist() == ["street.jpg"]
    again = load(save(labels, path.with_name("copy.xml")))
    assert again.boxes["width"].tolist() == [80]


def test_recognised_by_content():
    for other in (b"", b"[]", b"{}", b'{"annotations": []}', b"<html>", b"HITId,AssignmentId"):
        assert not recognises(Path("x"), other)
    assert recognises(Path("x"), b' [ {"AssignmentId" : "A1"')
    assert recognises(Path("x"), b'<?xml version="1.0"?><n:QuestionFormAnswers xmlns:n="u">')


@pytest.fixture
def mixed(saved):
    """Good, empty, missing and malformed answers, on two images, with keys nobody knows."""
    crowd = [
        {
            "boxes": {
                "boundingBoxes": [BUS, {"left": "?"}, CAR | {"id": 7}],
                "inputImageProperties": {"height": 533, "width": 800},
            },
            "notes": "é\U0001f600",
        }
    ]
    given = [
        {"HIT": {"HITId": "HIT1", "Question": "<img src='https://e.org/a.jpg'>", "Reward": "0.05"}},
        assignment(1, [BUS | {"sure": True, "tags": ["a", {"b": None}]}, CAR], Extra={"a": [1]}),
        assignment(2, []),
        assignment(3, ""),
        assignment(4, [], hit="HIT2") | {"Answer": "<oops"},
        assignment(5, [], hit="HIT2", Deadline=1.5, Flag=True, Nothing=None)
        | {"Answer": write_fields({"taskAnswers": json.dumps(crowd)})},
    ]
    return saved("\n".join(map(json.dumps, given)), "mixed.jsonl")


def test_a_round_trip_keeps_everything(mixed, tmp_path):
    labels = load(mixed)
    path = save(labels, tmp_path / "saved.jsonl")
    again = load(path, sequence="mixed")
    pd.testing.assert_frame_equal(again.boxes, labels.boxes)
    pd.testing.assert_frame_equal(again.frames, labels.frames)
    assert again.problems["what"].tolist() == labels.problems["what"].tolist()
    before = [json.loads(line) for line in mixed.read_text().splitlines()]
    after = [json.loads(line) for line in path.read_text().splitlines()]
    for one in before + after:
        one.pop("WorkerId", None)
    assert sorted(map(json.dumps, after)) == sorted(map(json.dumps, before))


def test_changed_boxes_are_written_into_the_answers_they_came_from(mixed, tmp_path):
    labels = load(mixed)
    boxes = labels.boxes.copy()
    boxes.loc[0, ["left", "label"]] = [41.5, "coach"]
    boxes = boxes.drop(index=1)
    new = boxes.iloc[[-1]].assign(left=1.0, entry=np.nan)
    boxes = pd.concat([boxes, new], ignore_index=True)
    path = save(Labels(boxes, labels.frames), tmp_path / "saved.jsonl")
    again = load(path, sequence="mixed")
    assert again.boxes["left"].tolist() == boxes["left"].tolist()
    assert again.boxes["label"].tolist() == boxes["label"].tolist()
    assert again.boxes["id"].tolist()[-2:] == [7, 7]
    first = json.loads(path.read_text().splitlines()[1])["Answer"]
    assert '"tags": ["a", {"b": null}]' in first.replace("&quot;", '"')
    assert '"left": 41.5' in first
    assert len(again.problems) == len(labels.problems), "what could not be read is still there"


def test_boxes_can_be_added_to_an_answer_without_any(saved, tmp_path):
    labels = load(saved([assignment(1, [BUS]), assignment(2, "")]))
    twice = labels.boxes.iloc[[0, 0]].reset_index(drop=True)
    twice.loc[1, ["assignment", "answer_list", "entry"]] = ["ASSIGNMENT2", np.nan, np.nan]
    both = Labels(twice, labels.frames)
    again = load(save(both, tmp_path / "saved.jsonl"))
    assert again.boxes["assignment"].tolist() == ["ASSIGNMENT1", "ASSIGNMENT2"]
    assert again.boxes["label"].tolist() == ["bus", "bus"]


def test_a_scaled_reading_is_saved_in_image_pixels(saved, tmp_path):
    labels = load(saved([assignment(1, [BUS])]), scale=2, image="a.jpg")
    again = load(save(labels, tmp_path / "saved.jsonl"))
    assert again.boxes["width"].tolist() == [160]
    assert again.frames["image"].tolist() == ["a.jpg"]


def test_labels_from_elsewhere_cannot_be_saved(saved, tmp_path):
    labels = load(saved(REPLY))
    with pytest.raises(LabelFormatError, match="do not come from Mechanical Turk"):
        save(Labels(labels.boxes, labels.frames[["sequence", "frame"]]), tmp_path / "a.jsonl")
    with pytest.raises(LabelFormatError, match="belong to no assignment"):
        save(Labels(labels.boxes.assign(assignment="X"), labels.frames), tmp_path / "a.jsonl")
    assert not (tmp_path / "a.jsonl").exists()


values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["left", "top", "width", "height", "label", "boundingBoxes", "frame", "entry", "id"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
box = st.fixed_dictionaries(
    {side: st.floats() | st.integers() | st.none() for side in ("left", "top", "width", "height")},
    optional={"label": st.text(max_size=5) | st.none(), "id": values, "frame": values},
)


@given(st.lists(st.lists(box | values, max_size=4), min_size=1, max_size=3))
@settings(max_examples=50, deadline=None)
def test_law_every_entry_is_a_box_or_a_problem_and_survives_saving(tmp_path_factory, answers):
    folder = tmp_path_factory.getbasetemp() / "mturk-law"
    folder.mkdir(exist_ok=True)
    path = folder / "answers.json"
    given = [assignment(0, [BUS])]
    given += [assignment(n, json.dumps(boxes)) for n, boxes in enumerate(answers, start=1)]
    path.write_text(json.dumps(given))
    labels = load(path)
    plain = [each for boxes in answers for each in boxes]
    if "boundingBoxes" not in json.dumps(answers):
        assert len(labels.boxes) - 1 + len(labels.problems) == len(plain)
    again = load(save(labels, folder / "again.jsonl"), sequence="answers")
    pd.testing.assert_frame_equal(again.boxes, labels.boxes)
    assert again.problems["what"].tolist() == labels.problems["what"].tolist()


keys = st.sampled_from(
    ["AssignmentId", "WorkerId", "HITId", "Answer", "Assignments", "HIT", "SubmitTime", "NextToken"]
    + ["NumResults", "HITLayoutParameters", "Question", "AssignmentStatus", "Input.image_url", "x"]
)
xml = st.lists(
    st.sampled_from(
        ["<QuestionFormAnswers>", "</QuestionFormAnswers>", "<Answer>", "</Answer>", "<!DOCTYPE a>"]
        + ["<QuestionIdentifier>", "</QuestionIdentifier>", "<FreeText>", "</FreeText>", "&a;", "["]
        + ["<![CDATA[", "]]>", "taskAnswers", '[{"a":{"boundingBoxes":[]}}]', "]", "&lt;", "\x00"]
    ),
    max_size=14,
).map("".join)
replies = st.recursive(
    values | xml,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=6),
    max_leaves=20,
)


@pytest.mark.fuzz
@given(replies.map(json.dumps).map(str.encode) | st.binary(max_size=100) | xml.map(str.encode))
@settings(max_examples=150, deadline=None)
def test_fuzz_any_reply_is_labels_or_a_label_format_error(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp() / "mturk-fuzz"
    folder.mkdir(exist_ok=True)
    path = folder / "reply.json"
    path.write_bytes(data)
    recognises(path, data)
    try:
        labels = load(path)
    except LabelFormatError:
        return
    assert set(COLUMNS) <= set(labels.boxes)
    assert len(assignments(labels)) >= labels.boxes["assignment"].nunique()
    again = (
        load(save(labels, folder / "again.jsonl"), sequence="reply")
        if len(labels.frames)
        else labels
    )
    pd.testing.assert_frame_equal(again.boxes, labels.boxes)


@pytest.mark.parametrize("name", ["again.json", "again.jsonl", "again.xml"])
def test_labels_from_mechanical_turk_are_saved_as_such_by_their_name(saved, tmp_path, name):
    labels = load(saved({"Assignments": [assignment(1, [BUS])]}))
    again = load(aa.save(labels, tmp_path / name))
    assert again.boxes["left"].tolist() == [40]
