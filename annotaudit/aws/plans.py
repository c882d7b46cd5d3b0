"""A planned labelling job: everything that would be sent, to look at, keep and read again."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from math import isnan, nan
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from annotaudit.aws.image_checks import image_task, shown_attribute
from annotaudit.aws.job_checks import check_job
from annotaudit.boxes import COLUMNS, EXPECTED, SIDES
from annotaudit.errors import LabelFormatError
from annotaudit.formats.json_tables import table_from_json, table_to_json
from annotaudit.formats.saving import write_whole
from annotaudit.frames.matching import path_inside

FILE = "plan.json"
MOST_ROWS = 20  # shown in a notebook
ASKED = (*COLUMNS, "rule", "score", "severity", "reason", *EXPECTED)
_TABLES = ("sequences", "windows", "left_out", "findings")


@dataclass(frozen=True)
class AdjustmentPlan:
    """What a labelling job would be. Nothing was sent.

    Parameters
    ----------
    job : str
        Its name; the same content has the same name.
    request : dict
        Parameters of ``CreateLabelingJob``.
    files : dict
        Content of each file the job reads, by ``s3://`` address.
    uploads : dict
        Images on this machine that the job needs, by the address they go to.
    sequences : DataFrame
        One row per clip or image a worker gets: ``name``, ``sequence``, ``first`` and ``last``
        frame, ``frames``, ``boxes``, ``objects``, ``first_image``, ``last_image``, ``minutes``; of
        images also ``reasons``, which the worker reads beside the image.
    windows : DataFrame
        The stretches in which labels are meant to change.
    left_out : DataFrame
        Windows beyond the ten sequences, or 100,000 images, a job may have: plan another job for
        them.
    findings : DataFrame
        What the worker is asked about: the findings in those windows.
    instructions : dict
        What the worker reads.
    assumptions : dict
        Of the estimate.
    """

    job: str
    request: dict[str, Any]
    files: dict[str, bytes]
    uploads: dict[str, str]
    sequences: pd.DataFrame
    windows: pd.DataFrame
    left_out: pd.DataFrame
    findings: pd.DataFrame
    instructions: dict[str, str]
    assumptions: dict[str, float]

    @property
    def attribute(self) -> str:
        """Label attribute under which the job writes its labels."""
        return str(self.request["LabelAttributeName"])

    @property
    def is_of_images(self) -> bool:
        """Whether workers get images, rather than clips."""
        return image_task(self.request) is not None

    @property
    def is_verification(self) -> bool:
        """Whether workers judge boxes and may not change them."""
        if self.is_of_images:
            return image_task(self.request) == "VerificationBoundingBox"
        labels = self._category_file().get("labels", [])
        return all(entry.get("editsAllowed") == "none" for entry in labels)

    @property
    def audited(self) -> str:
        """Label attribute of the labels that are adjusted or verified."""
        if self.is_of_images:
            page = self.files[self.request["HumanTaskConfig"]["UiConfig"]["UiTemplateS3Uri"]]
            return shown_attribute(page) or ""
        return str(self._category_file()["auditLabelAttributeName"])

    def _category_file(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.files[self.request["LabelCategoryConfigS3Uri"]])
        return content

    @property
    def output_manifest(self) -> str:
        """Address the job writes its output manifest to."""
        out = self.request["OutputConfig"]["S3OutputPath"].rstrip("/")
        return f"{out}/{self.job}/manifests/output/output.manifest"

    def summary(self) -> pd.Series:
        """Say what the job is, what it takes, and what that rests on."""
        minutes, frames = (self.sequences[name].sum() for name in ("minutes", "frames"))
        pay = minutes / 60 * self.assumptions["pay per hour"]
        price = frames * self.assumptions.get("price per frame", nan)
        objects = int(self.sequences["objects"].sum())
        size = {"clips": len(self.sequences), "frames": int(frames), "objects": objects}
        return pd.Series(
            {
                "job": self.job,
                "work": "verify" if self.is_verification else "correct",
                **({"images": int(frames)} if self.is_of_images else size),
                "boxes": int(self.sequences["boxes"].sum()),
                "images to upload": len(self.uploads),
                f"{'images' if self.is_of_images else 'windows'} left out": len(self.left_out),
                "minutes of work": round(float(minutes), 1),
                "pay": _amount(pay, "hourly_pay"),
                "Amazon's price": _amount(price, "price_per_frame"),
                "assumed": ", ".join(
                    f"{name}: {value:g}"
                    for name, value in self.assumptions.items()
                    if not isnan(value)
                ),
            }
        )

    def check(self) -> pd.DataFrame:
        """List everything that would keep the job from working; see :func:`check_job`."""
        return check_job(self.request, self.files.get)

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write the plan to a folder, to look at it with other programs and to go on later.

        Parameters
        ----------
        folder : path
            ``plan.json``, and below ``files`` what would be uploaded.

        Returns
        -------
        Path
            Of ``plan.json``, which is written last.
        """
        folder = Path(folder)
        for address, content in self.files.items():
            write_whole(path_inside(folder / "files", address.rpartition("-input/")[2]), content)
        tables = {name: table_to_json(getattr(self, name)) for name in _TABLES}
        plain = {
            "schema": 1,
            "job": self.job,
            "request": self.request,
            "files": {address: address.rpartition("-input/")[2] for address in self.files},
            "uploads": {address: os.path.abspath(path) for address, path in self.uploads.items()},
            "instructions": self.instructions,
            "assumptions": {
                name: None if value != value else value for name, value in self.assumptions.items()
            },
            **tables,
        }
        written = json.dumps(plain, indent=1, ensure_ascii=False, allow_nan=False)
        return write_whole(folder / FILE, written.encode())

    def __repr__(self) -> str:
        facts = ", ".join(f"{name}={value}" for name, value in self.summary().items())
        return f"AdjustmentPlan({facts})"

    def _repr_html_(self) -> str:
        parts = [
            self.summary().to_frame("").to_html(),
            self.sequences.to_html(index=False, max_rows=MOST_ROWS),
            f"<p>The worker reads: {escape(self.instructions['shortInstruction'])}</p>",
        ]
        return "".join(parts)


def asked_about(findings: pd.DataFrame) -> pd.DataFrame:
    """Keep of findings what a plan has to know of them, numbered from 0.

    Parameters
    ----------
    findings : DataFrame
        Those in the windows of a plan. Boxes without an end are left out: nobody can see them.
    """
    kept = findings.reindex(columns=list(ASKED))
    unseen = np.isinf(kept[[*SIDES, *EXPECTED]].to_numpy(dtype="float64")).any(axis=1)
    return kept[~unseen].reset_index(drop=True)


def _amount(amount: float, option: str) -> float | str:
    return f"unknown: give {option}=" if isnan(amount) else round(float(amount), 2)


def load_plan(folder: str | os.PathLike[str]) -> AdjustmentPlan:
    """Read a plan that :meth:`AdjustmentPlan.save` wrote.

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
        tables: Mapping[str, pd.DataFrame] = {
            name: table_from_json(plain[name]) for name in _TABLES
        }
        files = {
            address: path_inside(path.parent / "files", name).read_bytes()
            for address, name in plain["files"].items()
        }
        pay = plain["assumptions"]
        return AdjustmentPlan(
            job=plain["job"],
            request=plain["request"],
            files=files,
            uploads=plain["uploads"],
            instructions=plain["instructions"],
            assumptions={k: float("nan") if v is None else v for k, v in pay.items()},
            **tables,
        )
    except (OSError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise LabelFormatError(
            f"{path}: no plan of an adjustment job could be read ({error}). Make one with "
            "annotaudit.aws.plan_adjustment(...).save(folder), or `annotaudit adjust plan`."
        ) from error
