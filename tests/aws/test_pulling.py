"""Fetching HITs and assignments: every status, every page, and an archive that is whole."""

import json
import stat
import tracemalloc

import pytest

import annotaudit as aa
from annotaudit.aws import archive, assignments, hit_status, pull_hits
from annotaudit.errors import AnnotauditError, LabelFormatError


def test_a_hit_as_labels(amazon, client, street):
    hit = amazon.mturk.open_hit(*street(workers=3))
    labels = pull_hits(client, hit)
    assert labels.boxes["left"].tolist() == [10, 11, 12]
    assert labels.boxes["sequence"].unique().tolist() == ["TYPESIGNS"]
    assert labels.frames["image"].tolist() == ["https://example.com/street.jpg"]
    assert assignments(labels)["hit"].tolist() == [hit] * 3
    assert labels.problems.empty


def test_workers_stay_masked_unless_asked_otherwise(amazon, client, street):
    hit = amazon.mturk.open_hit(*street(workers=1))
    assert "AWORKER" not in repr(pull_hits(client, hit).boxes.to_dict())
    plain = pull_hits(client, hit, mask_workers=False)
    assert plain.boxes["annotator"].tolist() == ["AWORKER0"]


def test_the_eleventh_and_the_101st_assignment_are_not_lost(amazon, client, street):
    """Pitfall A2: ten come without being asked for more, a hundred in one reply."""
    hit = amazon.mturk.open_hit(*street(workers=101))
    seen = []
    labels = pull_hits(client, hit, progress=lambda *done: seen.append(done))
    assert len(labels.boxes) == 101
    assert seen == [(100, 101), (101, 101)]
    asked = [request for name, request in amazon.calls if name == "ListAssignmentsForHIT"]
    assert [request["MaxResults"] for request in asked] == [100, 100]


@pytest.mark.parametrize("status", ["Submitted", "Approved", "Rejected"])
def test_work_of_any_status_is_there(amazon, client, street, status):
    """Pitfall A3: approved and auto-approved work is invisible to those who ask for Submitted."""
    hit = amazon.mturk.open_hit(*street(status=status))
    assert assignments(pull_hits(client, hit))["status"].tolist() == [status] * 3


def test_without_ids_all_reviewable_hits_come_and_each_hit_type_is_a_sequence(
    amazon, client, street
):
    amazon.mturk.open_hit(*street(hit="HIT1", kind="SIGNS"))
    amazon.mturk.open_hit(*street(hit="HIT2", kind="LAMPS"))
    hit, answers = street(hit="HIT3", kind="OPEN")
    amazon.mturk.open_hit(hit | {"Expiration": 4e9}, answers[:1])
    labels = pull_hits(client)
    assert labels.frames["sequence"].tolist() == ["SIGNS", "LAMPS"]
    assert len(labels.boxes) == 6


def test_an_account_without_reviewable_hits_has_no_boxes(client):
    assert pull_hits(client).boxes.empty


def test_status_and_counters(amazon, client, street):
    hit, answers = street(workers=5)
    answers[0]["AssignmentStatus"] = "Approved"
    amazon.mturk.open_hit(hit | {"Expiration": 4e9}, answers[:3])
    table = hit_status(client)
    row = table.iloc[0]
    assert row["status"] == "Assignable"
    assert row[["max", "available", "pending", "reviewed", "unreviewed"]].tolist() == [
        5, 2, 0, 1, 2,
    ]  # fmt: skip
    assert str(row["expires"]) == "2096-10-02 07:06:40+00:00"
    assert hit_status(client, "HITSTREET").equals(table)


def test_a_hit_that_is_not_there_is_named(client):
    with pytest.raises(AnnotauditError, match="HIT 'NOSUCH' does not exist at http://127"):
        pull_hits(client, "NOSUCH")


@pytest.mark.parametrize("operation", ["GetHIT", "ListAssignmentsForHIT"])
def test_a_reply_that_breaks_off_is_asked_for_again_and_never_taken_for_the_end(
    amazon, client, street, operation
):
    hit = amazon.mturk.open_hit(*street(workers=150))
    amazon.fail(operation, "truncated reply")
    assert len(pull_hits(client, hit).boxes) == 150
    amazon.fail(operation, "truncated reply", times=99)
    with pytest.raises(AnnotauditError, match="did not arrive whole"):
        pull_hits(client, hit)


def test_the_same_page_for_ever_comes_to_an_end(client, monkeypatch):
    page = {"NumResults": 0, "NextToken": "again", "HITs": []}
    monkeypatch.setattr(client, "list_hits", lambda **_: page)
    with pytest.raises(AnnotauditError, match="again and again"):
        hit_status(client)


def test_an_archive_reads_back_as_what_was_pulled(amazon, client, street, tmp_path):
    hit = amazon.mturk.open_hit(*street(workers=120))
    path = tmp_path / "answers.jsonl"
    table = archive(client, hit, path)
    assert table.values.tolist() == [[hit, 120, 120]]
    labels = aa.load(path, sequence="s", key="k")
    assert labels.problems.empty
    assert labels.boxes.equals(pull_hits(client, hit, sequence="s", key="k").boxes)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_is_archived_is_not_asked_for_again(amazon, client, street, tmp_path):
    hit = amazon.mturk.open_hit(*street())
    archive(client, hit, tmp_path / "a.jsonl")
    before = len(amazon.calls), (tmp_path / "a.jsonl").read_bytes()
    assert archive(client, hit, tmp_path / "a.jsonl").values.tolist() == [[hit, 3, 0]]
    assert (len(amazon.calls), (tmp_path / "a.jsonl").read_bytes()) == before


def test_new_work_is_added_to_an_archive(amazon, client, street, tmp_path):
    hit, answers = street(workers=3)
    amazon.mturk.open_hit(hit | {"Expiration": 4e9}, answers[:2])
    archive(client, "HITSTREET", tmp_path / "a.jsonl")
    amazon.mturk.submit("HITSTREET", "AWORKER9", answers[2]["Answer"])
    assert archive(client, "HITSTREET", tmp_path / "a.jsonl")["new"].tolist() == [1]
    labels = aa.load(tmp_path / "a.jsonl")
    assert len(labels.boxes) == 3
    assert labels.problems.empty


def test_an_archive_interrupted_at_any_byte_goes_on_without_loss_or_doubling(
    amazon, client, street, tmp_path
):
    names = [amazon.mturk.open_hit(*street(hit=f"HIT{n}", workers=n)) for n in (101, 2)]
    whole = tmp_path / "whole.jsonl"
    archive(client, names, whole)
    data = whole.read_bytes()
    ends = [place + 1 for place in range(len(data)) if data[place : place + 1] == b"\n"]
    for cut in [0, 1, *ends, *(end - 1 for end in ends), *(end - 40 for end in ends)]:
        path = tmp_path / f"{cut}.jsonl"
        path.write_bytes(data[:cut])
        assert archive(client, names, path)["saved"].tolist() == [101, 2], cut
        labels = aa.load(path)
        assert len(labels.boxes) == 103, cut
        assert labels.problems.empty, cut


def test_another_file_is_not_written_to(amazon, client, street, tmp_path):
    hit = amazon.mturk.open_hit(*street())
    path = tmp_path / "mine.txt"
    path.write_text("dear diary\n")
    with pytest.raises(LabelFormatError, match="line 1: found b'dear diary"):
        archive(client, hit, path)
    assert path.read_text() == "dear diary\n"


def test_hostile_answers_are_problems_and_the_rest_survives(amazon, client, street, tmp_path):
    hit, answers = street(workers=6)
    fields = "<QuestionFormAnswers><Answer><QuestionIdentifier>annotation_data</QuestionIdentifier>"
    end = "</Answer></QuestionFormAnswers>"
    bomb = '<!DOCTYPE a [<!ENTITY e "ha">]>' + fields + f"<FreeText>&e;</FreeText>{end}"
    deep = fields + f"<FreeText>{'[' * 20_000}</FreeText>{end}"
    answers[0]["Answer"], answers[1]["Answer"] = bomb, deep
    answers[2]["Answer"] = "not XML"
    del answers[3]["Answer"]
    script = [{"left": 1, "top": 1, "width": 2, "height": 2, "label": "<script>x</script>"}]
    answers[4]["Answer"] = (
        fields + f"<FreeText>{json.dumps(script).replace('<', '&lt;')}</FreeText>{end}"
    )
    amazon.mturk.open_hit(hit, answers)
    labels = pull_hits(client, "HITSTREET")
    assert labels.boxes["label"].tolist() == ["<script>x</script>", "stop sign"]
    assert len(labels.problems) == 3
    assert assignments(labels)["answered"].tolist() == [False] * 4 + [True] * 2
    assert archive(client, "HITSTREET", tmp_path / "a.jsonl")["saved"].tolist() == [6]


@pytest.mark.slow
def test_10_000_assignments_are_archived_in_bounded_memory(amazon, client, street, tmp_path):
    amazon.mturk.open_hit(*street(workers=10_000))
    seen = []
    tracemalloc.start()
    archive(client, "HITSTREET", tmp_path / "a.jsonl", progress=lambda *done: seen.append(done))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seen[-1] == (10_000, 10_000)
    assert len(seen) == 100
    assert peak < 30e6  # both ends of the line run in this process
    assert len(aa.load(tmp_path / "a.jsonl").boxes) == 10_000
