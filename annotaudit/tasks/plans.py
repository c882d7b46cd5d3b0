"""Planned tasks of a labelling tool: all that would be sent, to look at, keep and read again."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from annotaudit.boxes import TEXT
from annotaudit.errors import FrameError, LabelFormatError
from annotaudit.formats.json_tables import table_from_json, table_to_json
from annotaudit.formats.saving import write_whole
from annotaudit.frames.matching import path_inside
from annotaudit.tasks.kits import write_kit

FILE = "plan.json"
_TABLES = ("tasks", "frames", "boxes", "windows")
_SHOWN = 3  # instructions that a notebook shows


@dataclass(frozen=True)
class TaskPlan:
    """What tasks would be. Nothing was sent.

    Parameters
    ----------
    name : str
        Of the project; the same content has the same name.
    tool : str
        ``"cvat"`` or ``"label-studio"``.
    tasks : DataFrame
        One row per task, which is a window or a set of stills: ``name``, ``sequence``, ``first``
        and ``last`` frame, ``frames``, ``boxes``, ``objects``, ``expected`` (boxes drawn as
        expected), ``findings``, ``first_image``, ``last_image``, ``minutes``.
    frames : DataFrame
        One row per frame sent: ``task``, ``position`` in it from 0, ``name`` of the image there,
        the ``sequence``, ``frame`` and ``image`` it is, ``image_width``, ``image_height`` and
        ``time``.
    boxes : DataFrame
        One row per box sent: ``task``, ``position``, ``key`` (what tells it apart in the tool),
        ``sequence``, ``frame``, ``track``, ``label`` as sent, its sides, and ``nth``, which of the
        boxes of that frame and track it is, from 0; -1 less that for one expected in its place.
    windows : DataFrame
        The stretches in which labels are meant to change.
    left_out : DataFrame
        ``sequence``, ``frame``, ``track`` of boxes that no tool can show, such as one without a
        width.
    labels : dict
        The label that each label sent stands for; None for boxes without one.
    instructions : dict
        What is told about each task, in Markdown.
    files : dict
        Content of each file made, by its name.
    videos : dict
        Address of the video that each sequence is sent as; empty where images are sent.
    assumptions : dict
        Of the estimate.
    """

    name: str
    tool: str
    tasks: pd.DataFrame
    frames: pd.DataFrame
    boxes: pd.DataFrame
    windows: pd.DataFrame
    left_out: pd.DataFrame
    labels: dict[str, str | None]
    instructions: dict[str, str]
    files: dict[str, bytes]
    videos: dict[str, str]
    assumptions: dict[str, float]

    def summary(self) -> pd.Series:
        """Say what would be sent, what it takes, and what that rests on."""
        drawn = self.boxes["nth"] < 0
        return pd.Series(
            {
                "project": self.name,
                "tool": self.tool,
                "tasks": len(self.tasks),
                "windows": len(self.windows),
                "frames": len(self.frames),
                "boxes": int((~drawn).sum()),
                "objects": int(self.tasks["objects"].sum()),
                "expected boxes drawn": int(drawn.sum()),
                "boxes that cannot be shown": len(self.left_out),
                "minutes of work": round(float(self.tasks["minutes"].sum()), 1),
                "assumed": f"{self.assumptions['seconds per frame']:g} s per frame and "
                f"{self.assumptions['seconds per finding']:g} s per finding",
            }
        )

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write the plan to a folder, to look at it with other programs and to go on later.

        Parameters
        ----------
        folder : path
            ``plan.json``, and below ``files`` what was made. No images; see :meth:`write`.

        Returns
        -------
        Path
            Of ``plan.json``, which is written last.
        """
        folder = Path(folder)
        for name, content in self.files.items():
            write_whole(path_inside(folder / "files", name), content)
        frames = self.frames.assign(image=self.frames["image"].map(_absolute).astype(TEXT))
        plain = {
            "schema": 1,
            "name": self.name,
            "tool": self.tool,
            "labels": self.labels,
            "instructions": self.instructions,
            "files": list(self.files),
            "videos": self.videos,
            "assumptions": self.assumptions,
            **{name: table_to_json(getattr(self, name)) for name in (*_TABLES, "left_out")},
            "frames": table_to_json(frames),
        }
        written = json.dumps(plain, indent=1, ensure_ascii=False, allow_nan=False)
        return write_whole(folder / FILE, written.encode())

    def write(self, folder: str | os.PathLike[str], *, inline: bool = True) -> Path:
        """Write what a person uploads by hand, with the steps to take: no server is asked.

        Parameters
        ----------
        folder : path
            Gets ``NEXT-STEPS.md``, the plan, and for CVAT the labels of the project and for each
            task a zip of its images and one of its boxes; for Label Studio the labelling
            configuration and the tasks.
        inline : bool
            For Label Studio only: the images stand in the file of tasks. Otherwise they are
            written beside it, for a server that serves local files.

        Returns
        -------
        Path
            Of ``NEXT-STEPS.md``.

        Raises
        ------
        FrameError
            If an image is missing or cannot be opened.
        """
        self.save(folder)
        return write_kit(self, Path(folder), inline=inline)

    def __repr__(self) -> str:
        facts = ", ".join(f"{name}={value}" for name, value in self.summary().items())
        return f"TaskPlan({facts})"

    def _repr_html_(self) -> str:
        shown = list(self.instructions.items())[:_SHOWN]
        return "".join(
            [
                self.summary().to_frame("").to_html(),
                self.tasks.to_html(index=False),
                *(f"<p>{escape(name)}</p><pre>{escape(text)}</pre>" for name, text in shown),
            ]
        )


def load_plan(folder: str | os.PathLike[str]) -> TaskPlan:
    """Read a plan that :meth:`TaskPlan.save` wrote.

    Parameters
    ----------
    folder : path
        The folder, or the ``plan.json`` in it.

    Raises
    ------
    LabelFormatError
        If there is no plan.
    """
    path = Path(folder)
    path = path / FILE if path.is_dir() else path
    try:
        plain = json.loads(path.read_bytes())
        files = {
            name: path_inside(path.parent / "files", name).read_bytes() for name in plain["files"]
        }
        return TaskPlan(
            name=plain["name"],
            tool=plain["tool"],
            labels=plain["labels"],
            instructions=plain["instructions"],
            files=files,
            videos=plain["videos"],
            assumptions=plain["assumptions"],
            left_out=table_from_json(plain["left_out"]),
            **{name: table_from_json(plain[name]) for name in _TABLES},
        )
    except (OSError, FrameError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise LabelFormatError(
            f"{path}: no plan of tasks could be read ({error}). Make one with "
            "annotaudit.tasks.plan_tasks(...).save(folder), or `annotaudit tasks plan`."
        ) from error


def _absolute(image: Any) -> Any:
    is_local = isinstance(image, str) and "://" not in image
    return os.path.abspath(image) if is_local else image
