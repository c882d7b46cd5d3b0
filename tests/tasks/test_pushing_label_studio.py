"""The same tests against the loopback server, and against Label Studio itself where it is."""

import json

import pytest
import requests
from loopback_label_studio import PERSONAL, LoopbackLabelStudio

from annotaudit.tasks import merge_tasks, open_server, plan_tasks, pull_tasks, push_tasks
from annotaudit.tasks.label_studio_server import LabelStudioServer


class Annotator:
    """Opens tasks and submits them through the API, as the page does."""

    def __init__(self, server, project):
        self.url, self.project = server.url, project
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Token {server.token}"

    def ask(self, method, path, **asked):
        with self.session.request(method, self.url + path, timeout=60, **asked) as reply:
            reply.raise_for_status()
            return reply.json()

    def tasks(self):
        page = {"project": self.project, "page": 1, "page_size": 100, "fields": "task_only"}
        return self.ask("GET", "/api/tasks/", params=page)["tasks"]

    def submit(self, task, change):
        (prediction,) = self.ask("GET", "/api/predictions/", params={"task": task["id"]})
        result = change(task["data"]["annotaudit"], prediction["result"])
        about = {"result": result, "parent_prediction": prediction["id"], "lead_time": 3.0}
        return self.ask("POST", f"/api/tasks/{task['id']}/annotations/", json=about)


@pytest.fixture
def plan(labels, findings, request):
    # A name of its own for each test: the real server lives through all of them.
    margin = 3 + len(request.node.name) % 5
    return plan_tasks(labels, findings, tool="label-studio", margin=margin, expected="label",
                      seconds_per_frame=3.0)  # fmt: skip


def keep(place, result):
    return result


def test_nothing_is_sent_until_it_is_confirmed(plan, label_studio):
    server = open_server("label-studio", label_studio.url)
    assert set(push_tasks(plan, server)["result"]) == {"planned"}
    assert server.project(plan.name) is None


def test_pushed_corrected_pulled_and_merged(labels, findings, label_studio, tmp_path):
    plan = plan_tasks(labels, findings, tool="label-studio", expected="label")
    server = open_server("label-studio", label_studio.url)
    seen = []
    steps = push_tasks(plan, server, confirm=True, progress=lambda *n: seen.append(n))
    assert steps["result"].tolist() == ["sent"] * 11 and seen[-1] == (10, 10)
    project = server.project(plan.name)
    ann = Annotator(label_studio, project["id"])
    tasks = ann.tasks()
    assert [t["data"]["annotaudit"] for t in tasks] == [
        f"001-station-21-30/{name}" for name in plan.frames["name"]
    ]
    with ann.session.get(label_studio.url + tasks[0]["data"]["image"], timeout=60) as image:
        assert image.status_code in (200, 404)  # the loopback server shows no pictures
    assert push_tasks(plan, server, confirm=True)["result"].tolist() == ["was there"] * 11
    with pytest.raises(ValueError, match="nobody has submitted"):
        pull_tasks(plan, server, tmp_path)

    def change(place, result):
        if place.endswith("000051.jpg"):
            result[1]["value"]["height"] += 41 / 540 * 100
        return result

    for task in tasks[:-1]:
        ann.submit(task, change)
    merged = merge_tasks(labels, pull_tasks(plan, server, tmp_path), plan)
    changed = merged.boxes[(merged.boxes != labels.boxes).any(axis=1)]
    assert changed[["frame", "track"]].to_numpy().tolist() == [[25, "Pedestrian:2"]]
    assert changed["height"].item() == pytest.approx(175)
    assert merged.problems["what"].tolist() == [
        "the frame did not come back; its labels are as before"
    ]
    taken = merge_tasks(labels, pull_tasks(plan, server, tmp_path), plan, expected="take")
    assert (taken.boxes != labels.boxes).any(axis=1).sum() == 3


@pytest.mark.parametrize("where", ["/api/projects/$", "/api/projects/1/import", "/api/tasks/"])
def test_a_push_that_broke_off_is_taken_up_where_it_was(labels, plan, where, tmp_path, same):
    with LoopbackLabelStudio() as studio:
        server = LabelStudioServer(studio.url, studio.token)
        how = "GET" if where == "/api/tasks/" else "POST"
        studio.fail(how, where, status=500)
        with pytest.raises(ValueError, match=r"500.*goes on where it was"):
            push_tasks(plan, server, confirm=True)
        push_tasks(plan, server, confirm=True)
        n = len(plan.frames)
        assert (len(studio.projects), len(studio.tasks), len(studio.files)) == (1, n, n)
        ann = Annotator(studio, 1)
        for task in ann.tasks():
            ann.submit(task, keep)
        same(labels, merge_tasks(labels, pull_tasks(plan, server, tmp_path), plan))


def test_images_that_are_there_are_not_sent_twice(plan):
    with LoopbackLabelStudio() as studio:
        server = LabelStudioServer(studio.url, studio.token)
        sent = []

        def stop(done, of):
            sent.append(done)
            if done == 4:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            push_tasks(plan, server, confirm=True, progress=stop)
        assert (len(studio.files), len(studio.tasks)) == (4, 0)
        push_tasks(plan, server, confirm=True)
        assert len(studio.files) == len(studio.tasks) == len(plan.frames)


def test_a_busy_server_is_asked_again(plan, monkeypatch):
    with LoopbackLabelStudio() as studio:
        studio.fail("GET", "/api/projects/", times=2)
        push_tasks(plan, LabelStudioServer(studio.url, studio.token), confirm=True)
        assert len(studio.tasks) == len(plan.frames)


def test_a_personal_access_token_opens_for_minutes_and_is_renewed(plan):
    with LoopbackLabelStudio() as studio:
        server = LabelStudioServer(studio.url, PERSONAL)
        push_tasks(plan, server, confirm=True)
        studio.access = "head.another.tail"
        assert server.project(plan.name)["title"] == plan.name
        assert PERSONAL not in repr(server) + str(vars(server).get("url"))


def test_a_refused_token_is_told_and_not_shown(plan, label_studio):
    server = LabelStudioServer(label_studio.url, "f" * 40)
    with pytest.raises(ValueError, match="token was refused") as refused:
        push_tasks(plan, server, confirm=True)
    assert "ffff" not in str(refused.value) + repr(server)


def test_a_project_with_another_configuration_is_left_alone(plan):
    with LoopbackLabelStudio() as studio:
        server = LabelStudioServer(studio.url, studio.token)
        push_tasks(plan, server, confirm=True)
        studio.projects[1]["label_config"] = "<View/>"
        with pytest.raises(ValueError, match="another labelling configuration"):
            push_tasks(plan, server, confirm=True)
        studio.projects[2] = studio.projects[1] | {"id": 2}
        with pytest.raises(ValueError, match="2 projects are called"):
            push_tasks(plan, server, confirm=True)
        with pytest.raises(ValueError, match="has no project"):
            other = plan_tasks_named_otherwise(plan)
            pull_tasks(other, server, ".")


def plan_tasks_named_otherwise(plan):
    from dataclasses import replace

    return replace(plan, name="another")


def test_an_address_that_is_none_and_a_server_that_is_not_there_are_told():
    with pytest.raises(ValueError, match="no address"):
        LabelStudioServer("labels.example.org", "x")
    with LoopbackLabelStudio() as studio:
        gone = studio.url
    server = LabelStudioServer(gone, "x")
    server._session.adapters.clear()
    from requests.adapters import HTTPAdapter

    server._session.mount("http://", HTTPAdapter())
    with pytest.raises(ValueError, match="could not be asked"):
        server.project("x")


def test_several_pages_of_tasks_are_read(plan, monkeypatch):
    from annotaudit.tasks import label_studio_server

    monkeypatch.setattr(label_studio_server, "PAGE", 3)
    with LoopbackLabelStudio() as studio:
        server = LabelStudioServer(studio.url, studio.token)
        push_tasks(plan, server, confirm=True)
        assert len(list(server.tasks(1))) == len(plan.frames)
        config = json.loads(plan.files["tasks.json"])
        assert len(config) == len(plan.frames)
