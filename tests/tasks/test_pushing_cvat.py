"""Tasks go to a server that reads them with cvat-sdk's own models, and come back from it."""

import sys

import pytest

import annotaudit as aa
from annotaudit.tasks import merge_tasks, open_server, plan_tasks, pull_tasks, push_tasks

NAME = "001-station-21-30"


@pytest.fixture
def client(cvat):
    opened = open_server("cvat", cvat.url)
    opened.config.status_check_period = 0.01
    with opened:
        yield opened


@pytest.fixture
def plan(labels, findings):
    return plan_tasks(labels, findings, expected="label")


def test_nothing_is_sent_until_it_is_confirmed(plan, cvat, client):
    steps = push_tasks(plan, client)
    assert steps["result"].tolist() == ["planned", "planned"] and not cvat.projects


def test_there_and_back_is_the_identity(labels, plan, cvat, client, tmp_path, same):
    seen = []
    push_tasks(plan, client, confirm=True, progress=lambda done, of: seen.append((done, of)))
    (task,) = cvat.tasks.values()
    assert [name for name, *_ in task["images"]] == plan.frames["name"].tolist()
    assert "000051.jpg" in cvat.guides[1] and seen == [(10, 10)]
    cvat.finish(NAME)
    back = pull_tasks(plan, client, tmp_path)
    same(labels, merge_tasks(labels, back, plan))


def test_stills_go_there_and_back(stills, flagged, cvat, client, tmp_path, same):
    plan = plan_tasks(stills, flagged(stills.boxes, [6, 60]))
    push_tasks(plan, client, confirm=True)
    cvat.finish(plan.tasks["name"][0])
    same(stills, merge_tasks(stills, pull_tasks(plan, client, tmp_path), plan))


def test_a_correction_on_the_server_comes_back(labels, plan, cvat, client, tmp_path):
    push_tasks(plan, client, confirm=True)

    def change(root):
        box = next(b for b in root.iter("box") if b.get("frame") == "4" and b.get("ybr") == "422.0")
        box.set("ybr", "463.25")

    cvat.finish(NAME, change)
    merged = merge_tasks(labels, pull_tasks(plan, client, tmp_path), plan)
    changed = merged.boxes[(merged.boxes != labels.boxes).any(axis=1)]
    assert changed[["frame", "track", "height"]].to_numpy().tolist() == [
        [25, "Pedestrian:2", 175.25]
    ]


def test_a_second_push_sends_nothing_and_leaves_what_somebody_did(plan, cvat, client):
    push_tasks(plan, client, confirm=True)
    (task,) = cvat.tasks.values()
    task["state"] = "in progress"
    for track in list(task["boxes"].findall("track")):
        task["boxes"].remove(track)
    cvat.log.clear()
    steps = push_tasks(plan, client, confirm=True)
    assert steps["result"].tolist() == ["was there", "was there"]
    assert {method for method, _ in cvat.log} == {"GET"}
    assert task["boxes"].find("track") is None


@pytest.mark.parametrize(
    "where", ["/api/projects$", "/api/guides", "/api/tasks$", "/data", "/annotations"]
)
def test_a_push_that_broke_off_is_taken_up_where_it_was(
    labels, plan, cvat, client, where, same, tmp_path
):
    cvat.fail("POST", where)
    with pytest.raises(ValueError, match=r"503.*goes on where it was"):
        push_tasks(plan, client, confirm=True)
    push_tasks(plan, client, confirm=True)
    assert (len(cvat.projects), len(cvat.tasks), len(cvat.guides)) == (1, 1, 1)
    cvat.finish(NAME)
    same(labels, merge_tasks(labels, pull_tasks(plan, client, tmp_path), plan))


def test_a_task_that_nobody_finished_is_not_fetched(plan, cvat, client, tmp_path):
    with pytest.raises(ValueError, match="has no project"):
        pull_tasks(plan, client, tmp_path)
    push_tasks(plan, client, confirm=True)
    with pytest.raises(ValueError, match=f"task {NAME}: not fetched: it is new"):
        pull_tasks(plan, client, tmp_path)


def test_one_of_two_tasks_finished_is_a_partial_return(
    labels, flagged, cvat, client, tmp_path, same
):
    rows = labels.boxes.index[(labels.boxes["track"] == "Pedestrian:1")]
    plan = plan_tasks(labels, flagged(labels.boxes, [rows[2], rows[20]]), margin=1)
    push_tasks(plan, client, confirm=True)
    cvat.finish(plan.tasks["name"][1])
    merged = merge_tasks(labels, pull_tasks(plan, client, tmp_path), plan)
    same(labels, merged)
    assert "not fetched: it is new" in merged.problems["what"].tolist()
    assert merged.problems["what"].str.contains("did not come back").sum() == 3


def test_two_projects_of_one_name_are_refused(plan, cvat, client):
    push_tasks(plan, client, confirm=True)
    cvat.projects[2] = dict(cvat.projects[1], id=2)
    with pytest.raises(ValueError, match="2 projects are called"):
        push_tasks(plan, client, confirm=True)


def test_a_refused_token_is_told_and_not_shown(plan, cvat, monkeypatch):
    monkeypatch.setenv("CVAT_ACCESS_TOKEN", "wrong-and-secret")
    client = open_server("cvat", cvat.url)
    with client, pytest.raises(ValueError, match="401.*CVAT_ACCESS_TOKEN") as refused:
        push_tasks(plan, client, confirm=True)
    assert "secret" not in str(refused.value)
    monkeypatch.delenv("CVAT_ACCESS_TOKEN")
    with pytest.raises(aa.errors.LimitError, match="CVAT_ACCESS_TOKEN is not set"):
        open_server("cvat", cvat.url)


def test_labels_that_a_server_does_not_know_fail_its_import(plan, cvat, client):
    push_tasks(plan, client, confirm=True)
    task = cvat.tasks[1]
    del cvat.projects[1]["labels"][0]
    task["boxes"].clear()
    with pytest.raises(ValueError, match="is not known"):
        push_tasks(plan, client, confirm=True)


def test_a_server_that_is_not_there_is_told(cvat, monkeypatch):
    with pytest.raises(ValueError, match="goes on where it was"):
        open_server("cvat", "http://127.0.0.1:9")


def test_without_cvat_sdk_the_extra_is_named(cvat, monkeypatch):
    monkeypatch.setitem(sys.modules, "cvat_sdk", None)
    with pytest.raises(ImportError, match=r"annotaudit\[cvat\]"):
        open_server("cvat", cvat.url)
