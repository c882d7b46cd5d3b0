"""Tasks on a server of CVAT: a project for the plan, and in it a task for each window."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from annotaudit.boxes import TEXT, Labels
from annotaudit.errors import LabelFormatError, LimitError
from annotaudit.tasks.cvat_files import GUIDE, LABELS, export_format
from annotaudit.tasks.kits import write_boxes, write_images
from annotaudit.tasks.plans import TaskPlan
from annotaudit.tasks.returning import join_labels, read_returned

FORMAT = "CVAT 1.1"  # for annotations on their way in; on the way out there are two
_FINISHED = "completed"


def connect(url: str, token: str) -> Any:
    """Open a client of cvat-sdk."""
    from cvat_sdk import make_client

    with _server_errors(url):
        return make_client(url, access_token=token)


def push(
    plan: TaskPlan, client: Any, *, confirm: bool, progress: Callable[[int, int], None]
) -> pd.DataFrame:
    """See :func:`annotaudit.tasks.push_tasks`."""
    names = plan.tasks["name"].tolist()
    if not confirm:
        return _steps([("project", plan.name, "planned"), *(("task", n, "planned") for n in names)])
    with _server_errors(client.api_map.host):
        project = _project(plan, client)
        steps = [("project", plan.name, "was there" if project else "sent")]
        if project is None:
            project = client.projects.create(
                {"name": plan.name, "labels": json.loads(plan.files[LABELS])}
            )
        _write_guide(plan, client, project)
        there = _tasks(client, project)
        done = 0
        for name, frames in plan.frames.groupby("task", sort=False):
            sent = _send(plan, client, project, there.get(str(name)), str(name), frames)
            steps.append(("task", str(name), "sent" if sent else "was there"))
            done += len(frames)
            progress(done, len(plan.frames))
    return _steps(steps)


def _project(plan: TaskPlan, client: Any) -> Any:
    found = [each for each in client.projects.list(name=plan.name) if each.name == plan.name]
    if len(found) > 1:
        raise LimitError(
            f"{client.api_map.host}: {len(found)} projects are called {plan.name!r}; expected one. "
            "Rename or delete the others in CVAT."
        )
    return found[0] if found else None


def _write_guide(plan: TaskPlan, client: Any, project: Any) -> None:
    if project.guide_id is None:
        from cvat_sdk import models

        text = plan.files[GUIDE].decode()
        client.api_client.guides_api.create(
            annotation_guide_write_request=models.AnnotationGuideWriteRequest(
                project_id=project.id, markdown=text
            )
        )


def _tasks(client: Any, project: Any) -> dict[str, Any]:
    found = {}
    for task in client.tasks.list(project_id=project.id):
        if task.name in found:
            raise LimitError(
                f"{client.api_map.host}: two tasks of project {project.name!r} are called "
                f"{task.name!r}. Rename or delete one of them in CVAT."
            )
        found[task.name] = task
    return found


def _send(
    plan: TaskPlan, client: Any, project: Any, task: Any, name: str, frames: pd.DataFrame
) -> bool:
    """Bring a task to where it has images and boxes; leave it alone if somebody began on it."""
    if task is not None and task.size:
        jobs = task.get_jobs()
        begun = any(str(job.state) != "new" for job in jobs)
        if begun or _has_boxes(task) or not (plan.boxes["task"] == name).any():
            return False
    with TemporaryDirectory() as folder:
        if task is None:
            task = client.tasks.create({"name": name, "project_id": project.id})
        if not task.size:
            images = write_images(frames, Path(folder) / "images.zip")
            how = {"image_quality": 95, "sorting_method": "lexicographical"}
            task.upload_data([images], params=how)
        boxes = write_boxes(plan, name, Path(folder) / "annotations.zip")
        task.import_annotations(FORMAT, boxes)
    return True


def _has_boxes(task: Any) -> bool:
    drawn = task.get_annotations()
    return bool(drawn.tracks or drawn.shapes)


def pull(plan: TaskPlan, client: Any, folder: Path) -> Labels:
    """See :func:`annotaudit.tasks.pull_tasks`."""
    read, unfinished = [], []
    with _server_errors(client.api_map.host):
        project = _project(plan, client)
        if project is None:
            raise LimitError(
                f"{client.api_map.host} has no project {plan.name!r}. Push the plan first, or "
                "check the address."
            )
        there = _tasks(client, project)
        folder.mkdir(parents=True, exist_ok=True)
        for name in plan.tasks["name"].tolist():
            task = there.get(name)
            states = [str(job.state) for job in task.get_jobs()] if task is not None else []
            if task is None or set(states) != {_FINISHED}:
                state = ", ".join(sorted(set(states))) or "not there"
                unfinished.append((plan.name, f"task {name}", f"not fetched: it is {state}"))
                continue
            path = folder / f"{name}.zip"
            path.unlink(missing_ok=True)  # an older export must not be taken for this one
            task.export_dataset(export_format(plan.boxes), path, include_images=False)
            read.append(read_returned({name: path}, plan))
    if not read:
        raise LabelFormatError(
            f"{client.api_map.host}: no task of {plan.name!r} is completed yet; finish jobs with "
            "Menu, Finish the job. " + "; ".join(f"{w}: {what}" for _, w, what in unfinished[:3])
        )
    whole = join_labels(read)
    told = pd.DataFrame(unfinished, columns=["source", "where", "what"]).astype(TEXT)
    return replace(whole, problems=pd.concat([whole.problems, told], ignore_index=True))


@contextmanager
def _server_errors(host: str) -> Iterator[None]:
    """Say what a refusal means here; the token is in none of it."""
    from cvat_sdk.api_client.exceptions import ApiException
    from cvat_sdk.core.exceptions import CvatSdkException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except ApiException as error:
        hint = (
            "Make a new token in CVAT, and set CVAT_ACCESS_TOKEN."
            if error.status in (401, 403)
            else "Run this again when that is solved: it goes on where it was."
        )
        said = str(error.body or error.reason or "")[:300]
        raise LimitError(f"{host}: the server answered {error.status}: {said} {hint}") from error
    except (CvatSdkException, HTTPError) as error:
        raise LimitError(
            f"{host}: {error}. Run this again when that is solved: it goes on where it was."
        ) from error


def _steps(rows: list[tuple[str, str, str]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["what", "where", "result"]).astype(TEXT)
