"""Batch results of the requester website, as people download, edit and re-save them."""

import csv
import io
import json
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from annotaudit.boxes import COLUMNS
from annotaudit.errors import LabelFormatError
from annotaudit.formats.mturk import format as mturk
from annotaudit.formats.mturk.batch_csv import load, recognises, save
from annotaudit.formats.mturk.format import assignments

BUS = {"left": 40, "top": 12, "width": 80, "height": 33, "label": "bus"}
LIST = json.dumps([BUS])
HEADER = [
    "HITId",
    "Title",
    "Reward",
    "AssignmentId",
    "WorkerId",
    "AssignmentStatus",
    "AcceptTime",
    "SubmitTime",
    "WorkTimeInSeconds",
    "Last7DaysApprovalRate",
    "Input.image_url",
    "Answer.annotation_data",
    "Answer.comment",
    "Approve",
    "Reject",
]


def row(number, boxes, **more):
    """A row of the batch, by column name."""
    return {
        "HITId": "HIT1",
        "Title": "Draw boxes, please",
        "Reward": "$0.05",
        "AssignmentId": f"ASSIGNMENT{number}",
        "WorkerId": f"AWORKER{number}",
        "AssignmentStatus": "Submitted",
        "AcceptTime": "Thu Oct 09 07:30:20 UTC 2025",
        "SubmitTime": "Thu Oct 09 00:31:20 PDT 2025",
        "WorkTimeInSeconds": "58",
        "Last7DaysApprovalRate": "100% (3/3)",
        "Input.image_url": "https://example.com/street.jpg",
        "Answer.annotation_data": boxes,
        **more,
    }


def table(rows, header=None, **style):
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, header or HEADER, restval="", **style)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


@pytest.fixture
def saved(tmp_path):
    """Write rows, text or bytes as a batch, and return where."""

    def write(content, name="batch.csv"):
        if isinstance(content, list):
            content = table(content)
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_boxes_image_and_times_of_a_batch(saved):
    labels = load(saved([row(1, LIST), row(2, "[]"), row(3, "")]))
    assert labels.problems.empty
    assert labels.boxes["width"].tolist() == [80]
    assert labels.frames["image"].tolist() == ["https://example.com/street.jpg"]
    facts = assignments(labels)
    assert facts["answered"].tolist() == [True, True, False]
    assert facts["boxes"].tolist() == [1, 0, 0]
    assert facts["work_time_s"].tolist() == [58, 58, 58]
    assert (facts["submit_time"] - facts["accept_time"]).dt.total_seconds().tolist() == [60] * 3
    assert "AWORKER" not in labels.boxes.to_csv() + labels.frames.to_csv()


def test_flattened_answers_with_columns_in_any_order(saved):
    prefix = "Answer.annotatedResult"
    header = [f"{prefix}.inputImageProperties.width", "WorkerId", f"{prefix}.boundingBoxes"]
    header += ["AssignmentId", f"{prefix}.inputImageProperties.height", "HITId"]
    cells = ["1024", "AWORKER1", LIST, "ASSIGNMENT1", "576", "HIT1"]
    labels = load(saved(table([dict(zip(header, cells, strict=True))], header)))
    assert labels.boxes["label"].tolist() == ["bus"]
    assert labels.frames[["image_width", "image_height"]].iloc[0].tolist() == [1024, 576]


def test_crowd_form_answers(saved):
    form = json.dumps([{"annotatedResult": {"boundingBoxes": [BUS]}}])
    header = ["HITId", "AssignmentId", "WorkerId", "Answer.taskAnswers"]
    cells = ["HIT1", "ASSIGNMENT1", "AWORKER1", form]
    labels = load(saved(table([dict(zip(header, cells, strict=True))], header)))
    assert labels.boxes["left"].tolist() == [40]


@pytest.mark.parametrize(
    "content",
    [
        table([row(1, LIST)], quoting=csv.QUOTE_ALL).encode(),
        table([row(1, LIST)], delimiter=";").encode(),
        table([row(1, LIST)], delimiter="\t").encode(),
        table([row(1, LIST)], lineterminator="\n").encode(),
        b"\xef\xbb\xbf" + table([row(1, LIST)]).encode(),
        table([row(1, LIST.replace('"', '""'))]).encode(),
        table([row(1, json.dumps([BUS], indent=1))]).encode(),
        table([row(1, LIST)]).replace(",,,\r\n", ",\r\n").encode(),
        (table([row(1, LIST)]) + "\r\n\r\n").encode(),
    ],
)
def test_every_way_to_save_the_same_batch(saved, content):
    path = saved(content)
    assert recognises(path, content.removeprefix(b"\xef\xbb\xbf"))
    labels = load(path)
    assert labels.problems.empty
    assert labels.boxes["left"].tolist() == [40]


def test_a_malformed_row_is_one_problem_and_the_others_survive(saved):
    text = table([row(1, LIST), row(2, "undefined"), row(3, LIST)], lineterminator="\n")
    lines = text.splitlines()
    lines[2:2] = ["HIT1,too,short", ",".join(["x"] * 20), lines[1].replace("ASSIGNMENT1", "")]
    labels = load(saved("\n".join(lines)))
    assert labels.boxes["assignment"].tolist() == ["ASSIGNMENT1", "ASSIGNMENT3"]
    assert labels.problems["where"].tolist() == [
        "line 3",
        "line 4",
        "line 5",
        "line 6, assignment ASSIGNMENT2",
    ]


def test_a_quote_that_is_never_closed_swallows_nothing_silently(saved):
    text = table([row(1, LIST), row(2, LIST)], lineterminator="\n")
    labels = load(saved(text[:-30]))
    assert labels.boxes["assignment"].tolist() == ["ASSIGNMENT1"]
    assert len(labels.problems) == 1
    assert labels.problems["where"][0].startswith("line 3")


def test_a_cell_longer_than_the_csv_modules_limit(saved):
    boxes = json.dumps([BUS] * 3000)
    assert len(boxes) > 131_072
    assert len(load(saved([row(1, boxes)])).boxes) == 3000


def test_another_encoding_is_named_not_guessed(saved):
    content = table([row(1, LIST.replace("bus", "Büs"))]).encode("cp1252")
    path = saved(content.replace(b"\\u00fc", b"\xfc"))
    with pytest.raises(LabelFormatError, match="line 2.*encoding='cp1252'"):
        load(path)
    assert load(path, encoding="cp1252").boxes["label"].tolist() == ["Büs"]
    with pytest.raises(LabelFormatError, match="klingon"):
        load(path, encoding="klingon")


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"a,b\n1,2\n", b"\xff\xfeH\0", b"HITId,HITId,AssignmentId\n1,2,3\n", b"{}", b'"'],
)
def test_a_file_that_is_none_says_what_to_do(saved, content):
    with pytest.raises(LabelFormatError, match=r"batch\.csv"):
        load(saved(content))


def test_recognised_by_content():
    assert recognises(Path("x"), b'"HITId";"AssignmentId"\r\n')
    for other in (b"", b"HITId,Title\n", b'{"HITId": 1, "AssignmentId": 2}', b"1,2,3,4,5,6,7\n"):
        assert not recognises(Path("x"), other)


def test_a_round_trip_keeps_columns_cells_and_order(saved, tmp_path):
    rows = [
        row(1, LIST, Approve="x"),
        row(2, "[]", **{"Answer.comment": 'a "quoted", \nlong é one'}),
        row(3, "undefined", Reject="no boxes"),
        row(4, json.dumps([BUS | {"id": 7, "sure": True}, {"left": 1}])),
    ]
    path = saved(rows)
    labels = load(path)
    copy = save(labels, tmp_path / "copy.csv")
    again = load(copy, sequence="batch")
    pd.testing.assert_frame_equal(again.boxes, labels.boxes)
    pd.testing.assert_frame_equal(again.frames, labels.frames)
    before, after = (pd.read_csv(each, dtype=str).drop(columns="WorkerId") for each in (path, copy))
    pd.testing.assert_frame_equal(after, before)


def test_a_formula_is_made_harmless_and_read_back(saved, tmp_path):
    evil = ["=cmd()", "+1+1", "-2+3", "@SUM(A1)", "'=x", "\t=x", "-5", "plain"]
    rows = [row(n, LIST, **{"Answer.comment": text}) for n, text in enumerate(evil)]
    copy = save(load(saved(rows)), tmp_path / "copy.csv")
    written = pd.read_csv(copy, dtype=str)["Answer.comment"].tolist()
    assert written[:4] == ["'=cmd()", "'+1+1", "'-2+3", "'@SUM(A1)"]
    assert written[-2:] == ["-5", "plain"]
    again = save(load(copy), tmp_path / "again.csv")
    assert again.read_bytes() == copy.read_bytes()


def test_a_batch_can_be_saved_as_replies_and_back(saved, tmp_path):
    labels = load(saved([row(1, LIST), row(2, "[]"), row(3, "")]))
    replies = mturk.save(labels, tmp_path / "replies.jsonl")
    through = mturk.load(replies, sequence="batch")
    pd.testing.assert_frame_equal(through.boxes, labels.boxes)
    back = load(save(through, tmp_path / "back.csv"), sequence="batch")
    pd.testing.assert_frame_equal(back.boxes, labels.boxes)
    assert back.frames["image"].tolist() == labels.frames["image"].tolist()
    answered = [assignments(each)["answered"].tolist() for each in (labels, through, back)]
    assert answered == [[True, True, False]] * 3


def test_the_image_that_only_a_hit_told_is_in_the_batch(tmp_path):
    reply = {
        "HIT": {"HITId": "HIT1", "Question": "<img src='https://e.org/a.jpg'>"},
        "Assignments": [{"AssignmentId": "A1", "HITId": "HIT1"}],
    }
    (tmp_path / "reply.json").write_text(json.dumps(reply))
    batch = save(mturk.load(tmp_path / "reply.json"), tmp_path / "batch.csv")
    assert load(batch).frames["image"].tolist() == ["https://e.org/a.jpg"]


cells = st.sampled_from(
    ["HITId", "AssignmentId", "WorkerId", "Answer.a", "Answer.taskAnswers", "Input.image_url", "A1"]
    + [",", ",", ",", "\n", "\r\n", '"', '""', "'=", "=x", LIST.replace('"', '""'), "[]", "\0", "é"]
    + ["SubmitTime", ";", "\t", "HITId,AssignmentId,Answer.a\n", 'H,A2,"[{""left"":1}]"\n']
)


@pytest.mark.fuzz
@given(
    st.lists(cells, max_size=25).map("".join).map(str.encode)
    | st.lists(cells, max_size=25).map(
        lambda c: ("HITId,AssignmentId,Answer.a\n" + "".join(c)).encode()
    )
    | st.binary(max_size=60).map(lambda b: b"HITId,AssignmentId,Answer.a\nH,A," + b)
)
@settings(max_examples=150, deadline=None)
def test_fuzz_any_batch_is_labels_or_a_label_format_error(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp() / "csv-fuzz"
    folder.mkdir(exist_ok=True)
    path = folder / "batch.csv"
    path.write_bytes(data)
    recognises(path, data)
    try:
        labels = load(path)
    except LabelFormatError:
        return
    assert set(COLUMNS) <= set(labels.boxes)
    again = load(save(labels, folder / "again.csv"), sequence="batch")
    pd.testing.assert_frame_equal(again.boxes, labels.boxes)
