"""Tasks on a server of Label Studio: a project for the plan, a task for each frame."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from annotaudit.boxes import TEXT, Labels
from annotaudit.errors import LabelFormatError, LimitError
from annotaudit.tasks.kits import image_content
from annotaudit.tasks.label_studio_files import CONFIG, PLACE, TASKS
from annotaudit.tasks.label_studio_server import LabelStudioServer
from annotaudit.tasks.plans import TaskPlan
from annotaudit.tasks.returning import read_returned

BATCH = 20  # tasks created at once
TOLD = (
    "<p>Each frame opens with today's boxes; what looks wrong stands above the picture. Move a box "
    "that is wrong, draw a missing one, delete one too many, then submit, also where nothing is to "
    "be changed. Boxes labelled <i>expected</i> show where a box is thought to belong; leave "
    "them, or delete them.</p>"
)


def push(
    plan: TaskPlan,
    server: LabelStudioServer,
    *,
    confirm: bool,
    progress: Callable[[int, int], None],
) -> pd.DataFrame:
    """See :func:`annotaudit.tasks.push_tasks`."""
    planned = json.loads(plan.files[TASKS])
    keys = [task["data"][PLACE] for task in planned]
    if not confirm:
        return _steps([("project", plan.name, "planned"), *(("task", k, "planned") for k in keys)])
    config = plan.files[CONFIG].decode()
    project = server.project(plan.name)
    steps = [("project", plan.name, "was there" if project else "sent")]
    if project is None:
        project = server.create_project(
            title=plan.name, label_config=config, expert_instruction=TOLD, show_instruction=True,
            show_collab_predictions=True,
        )  # fmt: skip
    elif project.get("label_config", "").split() != config.split():
        raise LimitError(
            f"{server.url}: project {plan.name!r} is there with another labelling configuration. "
            "Rename it in Label Studio, or restore its configuration."
        )
    number = int(project["id"])
    there = {task["data"].get(PLACE) for task in server.tasks(number)}
    sent = _send(plan, server, number, planned, there, progress)
    steps += [("task", key, "sent" if key in sent else "was there") for key in keys]
    return _steps(steps)


def _send(
    plan: TaskPlan,
    server: LabelStudioServer,
    project: int,
    planned: list[dict[str, Any]],
    there: set[Any],
    progress: Callable[[int, int], None],
) -> set[str]:
    """Send the tasks that are missing, images first: a task without its image would be shown."""
    missing = [(row, task) for row, task in enumerate(planned) if task["data"][PLACE] not in there]
    uploads = {}
    if missing and not plan.videos:
        for each in server.uploads(project):
            name = str(each["file"]).rpartition("/")[2]
            uploads[name.partition("-")[2]] = (
                f"/data/{each['file']}"  # the server puts a code first
            )
    sent: set[str] = set()
    done = len(planned) - len(missing)
    for start in range(0, len(missing), BATCH):
        batch = missing[start : start + BATCH]
        for row, task in batch:
            if not plan.videos:
                frame = plan.frames.iloc[row]
                name = f"{row:05}-{frame['name'][-40:]}"
                if name not in uploads:
                    content = image_content(frame["image"], frame["name"])
                    uploads[name] = server.upload(project, name, content)
                task["data"]["image"] = uploads[name]
            done += 1
            progress(done, len(planned))
        server.import_tasks(project, [task for _, task in batch])
        sent |= {task["data"][PLACE] for _, task in batch}
    return sent


def pull(plan: TaskPlan, server: LabelStudioServer, folder: Path) -> Labels:
    """See :func:`annotaudit.tasks.pull_tasks`."""
    project = server.project(plan.name)
    if project is None:
        raise LimitError(
            f"{server.url} has no project {plan.name!r}. Push the plan first, or check the address."
        )
    path = server.export(int(project["id"]), folder / f"{plan.name}.json")
    if path.read_bytes().strip() == b"[]":
        raise LabelFormatError(
            f"{server.url}: nobody has submitted a frame of {plan.name!r} yet. Try again later."
        )
    return read_returned(path, plan)


def _steps(rows: list[tuple[str, str, str]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["what", "where", "result"]).astype(TEXT)
