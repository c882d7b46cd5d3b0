"""Files that a person uploads by hand: images and boxes of each task, and the steps to take."""

from __future__ import annotations

import base64
import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from uuid import uuid4
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import pandas as pd

from annotaudit.formats.saving import write_whole
from annotaudit.frames import open_image
from annotaudit.tasks.cvat_files import BOXES, GUIDE, LABELS, export_format
from annotaudit.tasks.instructions import plain_text
from annotaudit.tasks.label_studio_files import CONFIG, TASKS

if TYPE_CHECKING:
    from annotaudit.tasks.plans import TaskPlan

STEPS = "NEXT-STEPS.md"
PART = 50_000_000  # characters of a file of tasks; Label Studio takes 250 MB
QUALITY = 95  # of JPEG: no difference that an annotator could see
_SINCE = (1980, 1, 1, 0, 0, 0)  # the same input gives the same archive


def image_content(image: str, name: str) -> bytes:
    """Open an image safely, and write it anew: upright, whole, and as browsers show it.

    Parameters
    ----------
    image : str
        Path or address.
    name : str
        Its name in the plan; the ending chooses PNG or JPEG.
    """
    written = io.BytesIO()
    opened = open_image(image)
    if name.endswith(".png"):
        opened.save(written, "PNG")
    else:
        opened.save(written, "JPEG", quality=QUALITY, subsampling=0)
    return written.getvalue()


def write_kit(plan: TaskPlan, folder: Path, *, inline: bool) -> Path:
    """Write what is uploaded by hand; see :meth:`annotaudit.tasks.TaskPlan.write`."""
    if plan.tool == "cvat":
        steps = _cvat_kit(plan, folder)
    else:
        steps = _label_studio_kit(plan, folder, inline or bool(plan.videos))
    return write_whole(folder / STEPS, steps.encode())


def write_images(frames: pd.DataFrame, path: Path) -> Path:
    """Write the images of a task to a zip, one at a time; they stand in it in their order."""
    with _beside(path) as file, ZipFile(file, "w", ZIP_STORED) as archive:
        for name, image in zip(frames["name"].tolist(), frames["image"].tolist(), strict=True):
            archive.writestr(ZipInfo(name, _SINCE), image_content(image, name))
    return path


def write_boxes(plan: TaskPlan, task: str, path: Path) -> Path:
    """Write the boxes of a task as a zip, as CVAT takes them."""
    with _beside(path) as file, ZipFile(file, "w") as archive:
        entry = ZipInfo(BOXES, _SINCE)
        archive.writestr(entry, plan.files[f"{task}/{BOXES}"], compress_type=ZIP_DEFLATED)
    return path


@contextmanager
def _beside(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that takes its place only when all of it is written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with beside.open("xb") as file:
            yield file
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _cvat_kit(plan: TaskPlan, folder: Path) -> str:
    for name in (LABELS, GUIDE):
        write_whole(folder / name, plan.files[name])
    lines = []
    for task, frames in plan.frames.groupby("task", sort=False):
        write_images(frames, folder / str(task) / "images.zip")
        write_boxes(plan, str(task), folder / str(task) / "annotations.zip")
        lines.append(f"- `{task}`: {len(frames)} frames")
    return f"""# {plan.name}: next steps in CVAT

1. Create a project called `{plan.name}`. Under *Constructor*, choose *Raw*, and paste `{LABELS}`.
2. Paste `{GUIDE}` into the project's annotation guide: it tells which frames to look at and why.
3. For each folder here create a task **of the same name** in the project, from its `images.zip`.
   Under *Advanced configuration* leave the sorting method at *lexicographical*.
4. In the task, *Actions*, *Upload annotations*, format *CVAT 1.1*: its `annotations.zip`.
5. When somebody has corrected the boxes: *Actions*, *Export annotations*, format
   *{export_format(plan.boxes)}*, without images. Leave the attribute `annotaudit_id` as it is:
   it tells which object is which. New objects have none.
6. `annotaudit tasks merge {_shown(folder)} LABELS OUT --frames IMAGES --returned EXPORT.zip`,
   with `--returned` once for each export.

{chr(10).join(lines)}
"""


def _label_studio_kit(plan: TaskPlan, folder: Path, inline: bool) -> str:
    write_whole(folder / CONFIG, plan.files[CONFIG])
    tasks = json.loads(plan.files[TASKS])
    where = "/data/local-files/?d="
    if plan.videos:
        names = [_write_part(folder, 1, 1, [_compact(task) for task in tasks])]
    elif inline:
        names = _inline_parts(plan, folder, tasks)
    else:
        for task, row in zip(tasks, plan.frames.itertuples(), strict=True):
            place = f"images/{row.task}/{row.name}"
            write_whole(folder / place, image_content(row.image, row.name))
            task["data"]["image"] = f"{where}{plan.name}/{place}"
        names = [_write_part(folder, 1, 1, [_compact(task) for task in tasks])]
    first = f"""# {plan.name}: next steps in Label Studio

1. Create a project called `{plan.name}`. Under *Labeling Setup*, *Custom template*, *Code*, paste
   `{CONFIG}`.
2. *Import*: {", ".join(f"`{name}`" for name in names)}. Today's boxes are in it, as predictions.
"""
    if not inline:
        first += f"""   The images are files of the server: start it with
   `LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true` and
   `LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT=ROOT`, copy `images` to `ROOT/{plan.name}/images`, and
   add `ROOT/{plan.name}` to the project as *Cloud Storage*, *Local files*, without syncing it.
"""
    return (
        first
        + f"""3. Annotators press *Label All Tasks*: each frame opens with its boxes, and the reason
   above it. Move a box that is wrong, draw a missing one, delete one too many; then *Submit*.
4. *Export*, format *JSON*.
5. `annotaudit tasks merge {_shown(folder)} LABELS OUT --frames IMAGES --returned EXPORT.json`
"""
    )


def _inline_parts(plan: TaskPlan, folder: Path, tasks: list[dict[str, Any]]) -> list[str]:
    """Write tasks with their images inside, in files that a server takes; one image at a time."""
    parts: list[str] = []
    texts: list[str] = []
    size = 0
    for task, row in zip(tasks, plan.frames.itertuples(), strict=True):
        kind = "png" if row.name.endswith(".png") else "jpeg"
        content = base64.b64encode(image_content(row.image, row.name)).decode()
        task["data"]["image"] = f"data:image/{kind};base64,{content}"
        text = _compact(task)
        if texts and size + len(text) > PART:
            parts.append(_write_part(folder, len(parts) + 1, 2, texts))
            texts, size = [], 0
        texts.append(text)
        size += len(text)
        task.clear()
    parts.append(_write_part(folder, len(parts) + 1, len(parts) + 1, texts))
    return parts


def _write_part(folder: Path, number: int, n: int, tasks: list[str]) -> str:
    name = TASKS if n == 1 else f"tasks-{number}.json"
    write_whole(folder / name, f"[{','.join(tasks)}]".encode())
    return name


def _compact(task: dict[str, Any]) -> str:
    return json.dumps(task, ensure_ascii=False, separators=(",", ":"))


def _shown(folder: Path) -> str:
    return plain_text(str(folder)).replace("`", "'")
