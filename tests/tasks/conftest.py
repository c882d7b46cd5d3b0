import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest

import annotaudit as aa

sys.path.append(str(Path(__file__).parent))  # the loopback servers stand beside us

import loopback_cvat  # noqa: E402
from loopback_cvat import LoopbackCvat, export_of  # noqa: E402
from loopback_label_studio import TOKEN, LoopbackLabelStudio  # noqa: E402

STATION = Path(__file__).parents[2] / "data/station"
LIVE = os.environ.get("ANNOTAUDIT_LABEL_STUDIO")  # path of the program `label-studio`


@pytest.fixture(scope="session")
def labels():
    return aa.load(STATION / "SeqLabel.json", frames=STATION / "img1")


@pytest.fixture(scope="session")
def findings(labels):
    found = aa.audit(labels)
    return found[found["severity"] != "note"]


@pytest.fixture(scope="session")
def stills(labels):
    """Make the station's frames a set of stills: the same boxes without tracks."""
    boxes = labels.boxes.drop(columns=["object_id", "class_id"]).assign(track=None)
    boxes["colour"] = [f"colour {n}" for n in range(len(boxes))]
    frames = labels.frames[["sequence", "frame", "image", "image_width", "image_height"]]
    return aa.Labels(boxes, frames)


@pytest.fixture
def flagged():
    """Make findings by hand: a box of each, and the box to expect three pixels beside it."""

    def make(boxes, rows):
        table = boxes.loc[rows].assign(
            rule="off_course", score=0.9, severity="error", value=3.0, limit=1.0, unit="px",
            reason="Looks wrong.", from_frame=float("nan"),
        )  # fmt: skip
        for side in ("left", "top", "width", "height"):
            table[f"expected_{side}"] = table[side] + 3
        return table.reset_index(drop=True)

    return make


@pytest.fixture
def from_cvat(tmp_path):
    """Write what CVAT would export of a plan's tasks after an annotator changed the boxes."""

    def make(plan, change=lambda boxes: None, tasks=None):
        paths = {}
        for number, name in enumerate(tasks or plan.tasks["name"]):
            boxes = ElementTree.fromstring(plan.files[f"{name}/annotations.xml"])
            change(boxes)
            images = plan.frames[plan.frames["task"] == name]
            of = images[["name", "image_width", "image_height"]].fillna(0).astype(object)
            task = {"id": number, "name": name, "boxes": boxes,
                    "images": list(of.itertuples(index=False, name=None))}  # fmt: skip
            video = plan.boxes["track"].notna().any()
            kind = f"CVAT for {'video' if video else 'images'} 1.1"
            paths[name] = tmp_path / f"returned-{number}.zip"
            paths[name].write_bytes(export_of(task, kind))
        return list(paths.values())

    return make


@pytest.fixture
def from_label_studio(tmp_path):
    """Write what Label Studio would export after an annotator submitted each frame, changed."""

    def make(plan, change=lambda place, result: result, begun=True):
        tasks = json.loads(plan.files["tasks.json"])
        for number, task in enumerate(tasks):
            predictions = task.pop("predictions", [{"result": []}])
            result = change(task["data"]["annotaudit"], predictions[0]["result"])
            task |= {"id": number, "predictions": [number]}
            task["annotations"] = [] if result is None else [
                {"id": 100 + number, "completed_by": 1, "was_cancelled": False, "result": result,
                 "parent_prediction": number if begun else None}
            ]  # fmt: skip
        path = tmp_path / "returned.json"
        path.write_text(json.dumps(tasks))
        return path

    return make


@pytest.fixture
def cvat(monkeypatch):
    monkeypatch.setenv("CVAT_ACCESS_TOKEN", loopback_cvat.TOKEN)
    with LoopbackCvat() as server:
        yield server


class RealLabelStudio:
    token = TOKEN

    def __init__(self, url):
        self.url = url


@pytest.fixture(scope="session")
def real_label_studio(tmp_path_factory):
    """Start Label Studio itself with a database of its own; nothing leaves this machine."""
    folder = tmp_path_factory.mktemp("label-studio")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    about = {
        "LABEL_STUDIO_BASE_DATA_DIR": str(folder), "LABEL_STUDIO_USERNAME": "ann@example.org",
        "LABEL_STUDIO_PASSWORD": "loopback-only-1", "LABEL_STUDIO_USER_TOKEN": TOKEN,
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true", "DJANGO_DB": "sqlite",
        "COLLECT_ANALYTICS": "false", "LATEST_VERSION_CHECK": "false", "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
    }  # fmt: skip
    command = [LIVE, "start", "--no-browser", "--internal-host", "127.0.0.1", "--port", str(port)]
    url = f"http://127.0.0.1:{port}"
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, env=os.environ | about, stdout=log, stderr=log)
        try:
            for _ in range(300):
                try:
                    urllib.request.urlopen(f"{url}/health", timeout=5).close()
                    break
                except OSError:
                    assert process.poll() is None, (folder / "log").read_text()[-2_000:]
                    time.sleep(1)
            yield RealLabelStudio(url)
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture(params=["loopback", pytest.param("real", marks=pytest.mark.slow)])
def label_studio(request, monkeypatch):
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", TOKEN)
    if request.param == "loopback":
        with LoopbackLabelStudio() as server:
            yield server
    elif LIVE and shutil.which(LIVE):
        yield request.getfixturevalue("real_label_studio")
    else:
        pytest.skip("set ANNOTAUDIT_LABEL_STUDIO=/path/to/label-studio to run this against it")


@pytest.fixture
def same():
    """Hold that labels did not change at all."""

    def check(before, after):
        pd.testing.assert_frame_equal(before.boxes, after.boxes, check_exact=True)
        pd.testing.assert_frame_equal(before.frames, after.frames)

    return check
