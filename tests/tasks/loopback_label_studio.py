"""Answers on 127.0.0.1 as Label Studio 1.23 was seen to, as far as tasks are sent and fetched.

It is not Label Studio: `ANNOTAUDIT_LABEL_STUDIO=/path/to/label-studio pytest tests/tasks` runs the
same tests against the real one. What it refuses, the real one refused or would not have shown.
"""

from __future__ import annotations

import json
import re
import threading
from email import message_from_bytes
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

TOKEN = "0123456789abcdef0123456789abcdef01234567"
PERSONAL, ACCESS = "head.personal.tail", "head.access.tail"
PROJECT_KEYS = {"title", "label_config", "expert_instruction", "show_instruction",
                "show_collab_predictions"}  # fmt: skip
REGION_KEYS = {"id", "type", "from_name", "to_name", "original_width", "original_height",
               "image_rotation", "value", "meta", "origin"}  # fmt: skip


class LoopbackLabelStudio:
    """A server to be used in a ``with`` statement."""

    token = TOKEN

    def __init__(self):
        self.projects, self.tasks, self.files, self.log = {}, {}, {}, []
        self.access, self.failing = ACCESS, {}
        server = self

        class Handler(_Handler):
            studio = server

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self):
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._http.shutdown()
        self._http.server_close()

    def fail(self, method, pattern, status=503, times=1):
        self.failing[method, pattern] = [status, times]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    studio: LoopbackLabelStudio

    def log_message(self, *_):
        pass

    def do_GET(self):
        self._answer("GET")

    def do_POST(self):
        self._answer("POST")

    def _answer(self, method):
        parts = urlsplit(self.path)
        asked = {key: values[0] for key, values in parse_qs(parts.query).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.studio.log.append((method, parts.path))
        for (verb, pattern), how in self.studio.failing.items():
            if verb == method and re.search(pattern, parts.path) and how[1]:
                how[1] -= 1
                return self._send(how[0], {"detail": "busy"})
        given = self.headers.get("Authorization", "")
        if parts.path == "/api/token/refresh/":
            is_known = json.loads(body) == {"refresh": PERSONAL}
            return self._send(200, {"access": self.studio.access}) if is_known else self._refuse()
        if given not in (f"Token {TOKEN}", f"Bearer {self.studio.access}"):
            return self._refuse()
        for verb, pattern, answer in _ADDRESSES:
            if verb == method and (found := re.fullmatch(pattern, parts.path)):
                return answer(self, *map(int, found.groups()), asked=asked, body=body)
        return self._send(404, {"detail": f"no {method} {parts.path}"})

    def _refuse(self):
        self._send(401, {"detail": "Invalid token."})

    def _send(self, status, content):
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _page(self, key, count, found, asked):
        size, page = int(asked["page_size"]), int(asked["page"])
        if page > 1 and (page - 1) * size >= len(found):
            return self._send(404, {"detail": "Invalid page."})
        return self._send(200, {count: len(found), key: found[(page - 1) * size : page * size]})

    def list_projects(self, asked, body):
        found = [p for p in self.studio.projects.values() if asked["title"] in p["title"]]
        self._page("results", "count", found, asked)

    def create_project(self, asked, body):
        given = json.loads(body)
        assert set(given) <= PROJECT_KEYS, set(given) - PROJECT_KEYS
        if not 3 <= len(given["title"]) <= 50:  # found by trying
            return self._send(400, {"title": ["between 3 and 50 characters"]})
        ElementTree.fromstring(given["label_config"])
        number = len(self.studio.projects) + 1
        self.studio.projects[number] = given | {"id": number}
        return self._send(201, self.studio.projects[number])

    def list_tasks(self, asked, body):
        assert asked["fields"] == "task_only"
        number = int(asked["project"])
        found = [
            {"id": t["id"], "data": t["data"]}
            for t in self.studio.tasks.values()
            if t["project"] == number
        ]
        self._page("tasks", "total", found, asked)

    def list_uploads(self, number, asked, body):
        files = self.studio.files.items()
        self._send(200, [{"id": k, "file": f["file"]} for k, f in files if f["project"] == number])

    def get_upload(self, number, asked, body):
        self._send(200, {"id": number, "file": self.studio.files[number]["file"]})

    def import_any(self, number, asked, body):
        if "multipart" in self.headers["Content-Type"]:
            assert asked == {"commit_to_project": "false"}
            head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
            (part,) = message_from_bytes(head + body, policy=HTTP).iter_parts()
            key = len(self.studio.files) + 1
            name = f"upload/{number}/{key:08x}-{part.get_filename()}"
            assert len(name) <= 100  # the column of the database
            content = part.get_payload(decode=True)
            self.studio.files[key] = {"file": name, "project": number, "content": content}
            return self._send(201, {"file_upload_ids": [key], "task_count": 1})
        tasks = json.loads(body)
        if wrong := [what for task in tasks for what in _wrong(task, self.studio, number)]:
            return self._send(400, {"detail": wrong})
        for task in tasks:
            key = len(self.studio.tasks) + 1
            self.studio.tasks[key] = {"id": key, "project": number, "annotations": [], **task}
            for place, prediction in enumerate(task.get("predictions", [])):
                prediction |= {"id": 100 * key + place, "task": key}
        return self._send(201, {"task_count": len(tasks)})

    def list_predictions(self, asked, body):
        self._send(200, self.studio.tasks[int(asked["task"])].get("predictions", []))

    def annotate(self, number, asked, body):
        given = json.loads(body)
        annotations = self.studio.tasks[number]["annotations"]
        when = f"2026-01-02T03:04:{len(annotations):02}Z"
        about = {"id": 1_000 * number + len(annotations), "completed_by": 1, "updated_at": when,
                 "was_cancelled": False, "parent_prediction": None}  # fmt: skip
        annotations.append(about | given)
        self._send(201, annotations[-1])

    def export(self, number, asked, body):
        assert asked == {"exportType": "JSON"}
        done = [t for t in self.studio.tasks.values() if t["project"] == number]
        exported = [t | {"predictions": [1]} for t in done if t["annotations"]]
        self._send(200, exported)


_ADDRESSES = [
    ("GET", "/api/projects/", _Handler.list_projects),
    ("POST", "/api/projects/", _Handler.create_project),
    ("GET", "/api/tasks/", _Handler.list_tasks),
    ("GET", r"/api/projects/(\d+)/file-uploads", _Handler.list_uploads),
    ("GET", r"/api/import/file-upload/(\d+)", _Handler.get_upload),
    ("POST", r"/api/projects/(\d+)/import", _Handler.import_any),
    ("GET", r"/api/predictions/", _Handler.list_predictions),
    ("POST", r"/api/tasks/(\d+)/annotations/", _Handler.annotate),
    ("GET", r"/api/projects/(\d+)/export", _Handler.export),
]


def _wrong(task, studio, number):
    """What Label Studio could not show of a task: fields, tags and labels it does not know."""
    config = ElementTree.fromstring(studio.projects[number]["label_config"])
    shown = {v[1:] for tag in config.iter() for k, v in tag.items() if v.startswith("$")}
    if lacking := shown - set(task["data"]):
        yield f"data lacks {lacking}"
    names = {tag.get("name") for tag in config.iter()}
    labels = {tag.get("value") for tag in config.iter("Label")}
    for prediction in task.get("predictions", []):
        assert set(prediction) <= {"model_version", "result", "score"}
        ids = [region["id"] for region in prediction["result"]]
        if len(set(ids)) < len(ids):
            yield "two regions of one id"
        for region in prediction["result"]:
            assert set(region) <= REGION_KEYS, set(region) - REGION_KEYS
            value = region["value"]
            named = value.get("rectanglelabels", value.get("labels"))
            if not {region["from_name"], region["to_name"]} <= names or not set(named) <= labels:
                yield f"the configuration does not know {region}"
    image = task["data"].get("image", "")
    if image.startswith("/data/upload/"):
        known = {f"/data/{file['file']}" for file in studio.files.values()}
        if image not in known:
            yield f"{image} was not uploaded"
