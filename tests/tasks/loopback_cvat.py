"""Answers on 127.0.0.1 as CVAT's server does, as far as tasks are sent and fetched.

It is not CVAT. Requests with a body are read with cvat-sdk's own models, replies are what those
models require, and boxes come back as CVAT writes them: tracks numbered anew, two decimals.
"""

from __future__ import annotations

import base64
import copy
import io
import json
import re
import threading
import zipfile
from email import message_from_bytes
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import PIL.Image
from cvat_sdk.api_client import ApiClient, models
from urllib3 import HTTPResponse

TOKEN = "a-token-for-loopback-only"
WHEN = "2026-01-02T03:04:05Z"


class LoopbackCvat:
    """A server to be used in a ``with`` statement; ``tasks`` and ``projects`` are its store."""

    def __init__(self):
        self.projects, self.tasks, self.guides, self.requests = {}, {}, {}, {}
        self.uploads, self.log = {}, []
        self.failing = {}  # (method, pattern) -> how many times yet to answer 503
        server = self

        class Handler(_Handler):
            cvat = server

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self):
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._http.shutdown()
        self._http.server_close()

    def finish(self, name, change=None):
        """Let an annotator change the boxes of a task, and finish its job."""
        task = next(task for task in self.tasks.values() if task["name"] == name)
        if change is not None:
            change(task["boxes"])
        task["state"] = "completed"

    def fail(self, method, pattern, times=1):
        self.failing[method, pattern] = times

    def request(self, about="create", target="task", **more):
        key = f"rq-{len(self.requests)}"
        self.requests[key] = {
            "id": key, "status": "finished", "message": "", "created_date": WHEN,
            "operation": {"type": about, "target": target}, "owner": {"id": 1, "username": "ann"},
            **more,
        }  # fmt: skip
        return {"rq_id": key}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cvat: LoopbackCvat

    def log_message(self, *_):
        pass

    def do_GET(self):
        self._answer("GET")

    def do_POST(self):
        self._answer("POST")

    def do_PATCH(self):
        self._answer("PATCH")

    def _answer(self, method):
        parts = urlsplit(self.path)
        asked = {key: values[0] for key, values in parse_qs(parts.query).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.cvat.log.append((method, parts.path))
        for (verb, pattern), times in self.cvat.failing.items():
            if verb == method and re.search(pattern, parts.path) and times:
                self.cvat.failing[verb, pattern] -= 1
                return self._send(503, {"detail": "busy"})
        if self.headers.get("Authorization") != f"Bearer {TOKEN}" and "about" not in parts.path:
            return self._send(401, {"detail": "Invalid token."})
        for verb, pattern, answer in _ADDRESSES:
            if verb == method and (found := re.fullmatch(pattern, parts.path)):
                ids = [int(each) if each.isdigit() else each for each in found.groups()]
                return answer(self, *ids, asked=asked, body=body)
        return self._send(404, {"detail": f"no {method} {parts.path}"})

    def _send(self, status, content, **headers):
        is_bytes = isinstance(content, bytes)
        data = content if is_bytes else json.dumps(content).encode()
        self.send_response(status)
        kind = "application/zip" if is_bytes else "application/vnd.cvat+json"
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def _pages(self, results):
        self._send(200, {"count": len(results), "next": None, "previous": None, "results": results})

    def about(self, asked, body):
        from cvat_sdk.version import VERSION

        self._send(
            200,
            {
                "name": "loopback",
                "description": "",
                "version": VERSION,
                "logo_url": "",
                "subtitle": "",
            },
        )

    def list_projects(self, asked, body):
        found = [each for each in self.cvat.projects.values() if each["name"] == asked["name"]]
        self._pages([_shown_project(each) for each in found])

    def create_project(self, asked, body):
        given = _read(body, models.ProjectWriteRequest)
        number = len(self.cvat.projects) + 1
        project = {"id": number, "name": given.name, "guide_id": None, "labels": given.labels}
        self.cvat.projects[number] = project
        self._send(201, _shown_project(project))

    def create_guide(self, asked, body):
        given = _read(body, models.AnnotationGuideWriteRequest)
        number = len(self.cvat.guides) + 1
        self.cvat.guides[number] = given.markdown
        self.cvat.projects[given.project_id]["guide_id"] = number
        self._send(201, {"id": number, "task_id": None, "project_id": given.project_id,
                         "markdown": given.markdown})  # fmt: skip

    def list_tasks(self, asked, body):
        number = int(asked["project_id"])
        self._pages([_shown_task(t) for t in self.cvat.tasks.values() if t["project"] == number])

    def create_task(self, asked, body):
        given = _read(body, models.TaskWriteRequest)
        number = len(self.cvat.tasks) + 1
        task = {"id": number, "name": given.name, "project": given.project_id, "images": [],
                "state": "new", "boxes": ElementTree.Element("annotations")}  # fmt: skip
        self.cvat.tasks[number] = task
        self._send(201, _shown_task(task))

    def get_task(self, number, asked, body):
        self._send(200, _shown_task(self.cvat.tasks[number]))

    def post_data(self, number, asked, body):
        task = self.cvat.tasks[number]
        if "Upload-Start" in self.headers:
            return self._send(202, {})
        if "Upload-Multiple" in self.headers:
            task["archives"] = [content for name, content in self._files(body)]
            return self._send(200, {})
        assert "Upload-Finish" in self.headers
        for content in task.pop("archives"):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                for name in sorted(archive.namelist()):  # lexicographical, as CVAT sorts
                    with PIL.Image.open(archive.open(name)) as image:
                        task["images"].append((name, *image.size))
        return self._send(202, self.cvat.request())

    def _files(self, body):
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        for part in message_from_bytes(head + body, policy=HTTP).iter_parts():
            if part.get_filename():
                yield part.get_filename(), part.get_payload(decode=True)

    def post_annotations(self, number, asked, body):
        if "Upload-Start" in self.headers:
            return self._send(202, {})
        if "Upload-Length" in self.headers:
            key = f"{number}-{len(self.cvat.uploads)}"
            self.cvat.uploads[key] = b""
            given = dict(e.split(" ") for e in self.headers["Upload-Metadata"].split(","))
            where = f"{self.cvat.url}/api/tasks/{number}/annotations/{key}"
            name = base64.b64decode(given["filename"]).decode()
            return self._send(201, {}, Location=where, Upload_Filename=name)
        assert "Upload-Finish" in self.headers and asked["format"] == "CVAT 1.1"
        content = next(reversed(self.cvat.uploads.values()))
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            boxes = ElementTree.fromstring(archive.read("annotations.xml"))
        task = self.cvat.tasks[number]
        wrong = _unknown(boxes, self.cvat.projects[task["project"]]["labels"])
        if wrong:
            return self._send(202, self.cvat.request(status="failed", message=wrong))
        task["boxes"] = boxes
        return self._send(202, self.cvat.request("import"))

    def patch_upload(self, number, key, asked, body):
        self.cvat.uploads[key] += body
        self._send(204, b"", Upload_Offset=str(len(self.cvat.uploads[key])))

    def get_annotations(self, number, asked, body):
        task = self.cvat.tasks[number]
        shape = {"type": "rectangle", "frame": 0, "label_id": 1, "points": [0.0, 0.0, 1.0, 1.0]}
        shapes = [shape] * sum(1 for _ in task["boxes"].iter("box"))
        self._send(200, {"version": 0, "tags": [], "tracks": [], "shapes": shapes})

    def get_request(self, key, asked, body):
        self._send(200, self.cvat.requests[key])

    def list_jobs(self, asked, body):
        task = self.cvat.tasks[int(asked["task_id"])]
        self._pages([_shown_job(task)] if task["images"] else [])

    def export(self, number, asked, body):
        where = f"{self.cvat.url}/api/exports/{number}?format={asked['format'].replace(' ', '+')}"
        assert asked["save_images"].lower() == "false"
        self._send(202, self.cvat.request("export", result_url=where))

    def download(self, number, asked, body):
        self._send(200, export_of(self.cvat.tasks[number], asked["format"]))


_ADDRESSES = [
    ("GET", "/api/server/about", _Handler.about),
    ("GET", "/api/projects", _Handler.list_projects),
    ("POST", "/api/projects", _Handler.create_project),
    ("POST", "/api/guides", _Handler.create_guide),
    ("GET", "/api/tasks", _Handler.list_tasks),
    ("POST", "/api/tasks", _Handler.create_task),
    ("GET", r"/api/tasks/(\d+)", _Handler.get_task),
    ("POST", r"/api/tasks/(\d+)/data/?", _Handler.post_data),
    ("POST", r"/api/tasks/(\d+)/annotations/?", _Handler.post_annotations),
    ("PATCH", r"/api/tasks/(\d+)/annotations/([\d-]+)", _Handler.patch_upload),
    ("GET", r"/api/tasks/(\d+)/annotations/?", _Handler.get_annotations),
    ("GET", r"/api/requests/([\w-]+)", _Handler.get_request),
    ("GET", "/api/jobs", _Handler.list_jobs),
    ("POST", r"/api/tasks/(\d+)/dataset/export", _Handler.export),
    ("GET", r"/api/exports/(\d+)", _Handler.download),
]


def _read(body, model):
    """Read the body of a request with the SDK's own model: what it does not know, it refuses."""
    given = json.loads(body)
    unknown = set(given) - {model.attribute_map.get(n, n) for n in model.openapi_types}
    assert not unknown, f"{model.__name__} knows no {unknown}"
    reply = HTTPResponse(body, {"Content-Type": "application/json"})
    return ApiClient().deserialize(reply, (model,), _check_type=True)


def _shown_project(project):
    of = {"count": 0, "url": "http://127.0.0.1/x"}
    return {"id": project["id"], "name": project["name"], "guide_id": project["guide_id"],
            "tasks": of, "labels": {"url": "http://127.0.0.1/x"}}  # fmt: skip


def _shown_task(task):
    of = {"count": 1, "completed": 0, "validation": 0, "url": "http://127.0.0.1/x"}
    return {"id": task["id"], "name": task["name"], "project_id": task["project"],
            "size": len(task["images"]), "organization": None, "target_storage": None,
            "jobs": of, "labels": {"url": "http://127.0.0.1/x"}}  # fmt: skip


def _shown_job(task):
    of = {"count": 0, "url": "http://127.0.0.1/x"}
    return {"id": task["id"], "task_id": task["id"], "state": task["state"], "issues": of,
            "labels": {"url": "http://127.0.0.1/x"}}  # fmt: skip


def _unknown(boxes, labels):
    """Say what in uploaded boxes the project does not know, as CVAT's import fails on it."""
    known = {label.name: {a.name for a in label.attributes} for label in labels}
    for element in boxes:
        shapes = element.findall("box")
        name = element.get("label")
        for shape in shapes:
            of = name or shape.get("label")
            if of not in known:
                return f"label {of} is not known"
            for attribute in shape.findall("attribute"):
                if attribute.get("name") not in known[of]:
                    return f"attribute {attribute.get('name')} is not known"
    return ""


def export_of(task, format_name):
    """Write the boxes of a task as CVAT does: numbered anew, with two decimals."""
    size = len(task["images"])
    root = ElementTree.Element("annotations")
    ElementTree.SubElement(root, "version").text = "1.1"
    about = ElementTree.SubElement(ElementTree.SubElement(root, "meta"), "task")
    facts = {"id": task["id"], "name": task["name"], "size": size, "start_frame": 0,
             "stop_frame": size - 1, "frame_filter": ""}  # fmt: skip
    for key, value in facts.items():
        ElementTree.SubElement(about, key).text = str(value)
    tracks = [copy.deepcopy(each) for each in task["boxes"].findall("track")]
    if format_name == "CVAT for video 1.1":
        for number, track in enumerate(tracks):
            track.set("id", str(number))
            track.set("source", "file")
            root.append(track)
    else:
        shown = {each.get("name"): each for each in task["boxes"].findall("image")}
        for number, (name, width, height) in enumerate(task["images"]):
            image = ElementTree.SubElement(root, "image", id=str(number), name=name,
                                           width=str(width), height=str(height))  # fmt: skip
            image.extend(copy.deepcopy(list(shown.get(name, []))))
    for box in root.iter("box"):
        for corner in ("xtl", "ytl", "xbr", "ybr"):
            box.set(corner, f"{float(box.get(corner)):.2f}")
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("annotations.xml", ElementTree.tostring(root))
    return written.getvalue()
