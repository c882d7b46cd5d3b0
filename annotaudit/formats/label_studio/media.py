"""What a task of Label Studio shows: an image or a video, and under which name."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote

from annotaudit.frames.matching import SUFFIXES

VIDEO_TYPE = "videorectangle"
_VIDEO_SUFFIXES = (".mp4", ".webm", ".mov", ".avi", ".mkv", ".m4v", ".ogv", ".mpg", ".mpeg")


def is_video_task(task: dict[str, Any]) -> bool:
    """Tell whether a task shows a video: by the usual key of its data, or by its regions.

    Examples
    --------
    >>> is_video_task({"data": {"video": "/data/upload/1/street.mp4"}})
    True
    """
    if isinstance(task["data"].get("video"), str):
        return True
    return any(
        isinstance(region, dict) and region.get("type") == VIDEO_TYPE
        for kind in ("annotations", "predictions")
        for about in _listed(task.get(kind))
        for region in _listed(about.get("result") if isinstance(about, dict) else None)
    )


def media_name(task: dict[str, Any]) -> str | None:
    """Return the name of what a task shows; None if its data name nothing of the kind.

    The key is whatever the labelling interface calls it: by itself "image" or "video", otherwise
    the first that holds the name of such a file.

    Examples
    --------
    >>> media_name({"data": {"id": "7", "photo": "/data/local-files/?d=street/a%201.jpg"}})
    'street/a 1.jpg'
    """
    is_video = is_video_task(task)
    given = task["data"].get("video" if is_video else "image")
    if isinstance(given, str):
        return _name(given)
    endings = _VIDEO_SUFFIXES if is_video else SUFFIXES
    names = (_name(value) for value in task["data"].values() if isinstance(value, str))
    return next((name for name in names if _ending(name) in endings), None)


def page_names(task: dict[str, Any]) -> list[str]:
    """List the names of the images of a task that shows several, one page after another.

    Examples
    --------
    >>> page_names({"data": {"pages": ["/data/upload/1/a.png", "/data/upload/1/b.png"]}})
    ['data/upload/1/a.png', 'data/upload/1/b.png']
    """
    lists = [value for value in task["data"].values() if isinstance(value, list)]
    for addresses in lists:
        names = [_name(each) for each in addresses if isinstance(each, str)]
        if names and len(names) == len(addresses) and all(_ending(n) in SUFFIXES for n in names):
            return names
    return []


def _name(address: str) -> str:
    """Name a file by its place under the server, which is what a leading slash stands for."""
    if not address.startswith("/"):
        return address
    path, _, query = address.partition("?")
    if path.rstrip("/").endswith("/local-files"):  # the place of the file is the argument "d"
        path = parse_qs(query).get("d", [path])[0]
        return path.lstrip("/")
    return unquote(path).lstrip("/")


def _ending(name: str) -> str:
    return PurePosixPath(name.partition("?")[0]).suffix.lower()


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
