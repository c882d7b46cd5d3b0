"""Send planned tasks to a running server, and fetch what became of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from annotaudit.boxes import Labels
from annotaudit.errors import LimitError, MissingExtraError
from annotaudit.tasks import pushing_cvat, pushing_label_studio
from annotaudit.tasks.label_studio_server import LabelStudioServer
from annotaudit.tasks.plans import TaskPlan

Progress = Callable[[int, int], None]


def open_server(tool: str, url: str) -> Any:
    """Connect to a server with the token that the environment holds.

    Parameters
    ----------
    tool : str
        ``"cvat"`` (token in ``CVAT_ACCESS_TOKEN``) or ``"label-studio"``
        (``LABEL_STUDIO_API_KEY``).
    url : str

    Returns
    -------
    cvat_sdk.Client or LabelStudioServer
        What :func:`push_tasks` and :func:`pull_tasks` take. The token is not stored.

    Raises
    ------
    LimitError
        If there is no token.
    MissingExtraError
        If cvat-sdk is not installed.
    """
    names = {"cvat": "CVAT_ACCESS_TOKEN", "label-studio": "LABEL_STUDIO_API_KEY"}
    if tool not in names:
        raise LimitError(f"tool={tool!r}: expected 'cvat' or 'label-studio'.")
    token = os.environ.get(names[tool], "")
    if not token:
        raise LimitError(
            f"No token: the environment variable {names[tool]} is not set. Make a personal access "
            "token in your account's settings there, and set it."
        )
    if tool == "label-studio":
        return LabelStudioServer(url, token)
    try:
        import cvat_sdk  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            'CVAT is reached through cvat-sdk: pip install "annotaudit[cvat]"'
        ) from error
    return pushing_cvat.connect(url, token)


def push_tasks(
    plan: TaskPlan,
    server: Any,
    *,
    confirm: bool = False,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Create the project and the tasks of a plan on a server.

    May be interrupted anywhere and called again: what is there, by name, is not sent again, and
    what somebody corrected meanwhile is not touched.

    Parameters
    ----------
    plan : TaskPlan
    server : cvat_sdk.Client or LabelStudioServer
        See :func:`open_server`.
    confirm : bool
        Nothing is sent without it; what would be done comes back.
    progress : callable, optional
        Called with frames sent and frames in all.

    Returns
    -------
    DataFrame
        One row per step: ``what``, ``where`` and ``result`` ("planned", "sent", "was there").

    Raises
    ------
    LimitError
        If the server refuses, cannot be reached, or has another project of that name.
    FrameError
        If an image cannot be opened.
    """
    push = pushing_label_studio.push if plan.tool == "label-studio" else pushing_cvat.push
    return push(plan, server, confirm=confirm, progress=progress or (lambda done, of: None))


def pull_tasks(plan: TaskPlan, server: Any, folder: str | os.PathLike[str]) -> Labels:
    """Fetch what became of a plan's tasks.

    Parameters
    ----------
    plan : TaskPlan
    server : cvat_sdk.Client or LabelStudioServer
    folder : path
        Gets the exported files.

    Returns
    -------
    Labels
        For :func:`annotaudit.tasks.merge_tasks`. Tasks that nobody finished are left out, and
        stand in ``problems``.

    Raises
    ------
    LimitError
        If the project is not there, or the server refuses.
    LabelFormatError
        If nobody finished anything.
    """
    pull = pushing_label_studio.pull if plan.tool == "label-studio" else pushing_cvat.pull
    return pull(plan, server, Path(folder))
