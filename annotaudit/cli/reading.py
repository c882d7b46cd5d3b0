"""How labels are to be read, told by options: which format, and what its reader cannot know."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer

from annotaudit.errors import LimitError

ReadOption = Annotated[
    str | None, typer.Option("--from", help="Read this format; otherwise it is recognised.")
]
ReaderOption = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        help="NAME=VALUE for the reader of the format, such as video_size=1920x1080 or "
        "first_frame=0; may be given several times.",
    ),
]
_TEXTS = {  # options whose value is text even where it looks like a number
    *("attribute", "encoding", "key", "label", "manifest", "rotation", "segments", "sequence"),
    *("sequence_file", "track"),
}
_OTHERS = {
    *("classes", "columns", "detections", "distractors", "dont_care", "every_frame"),
    *("first_frame", "first_pixel", "image_size", "interpolate", "mask_workers", "names"),
    *("predictions", "video_size"),
}
_NAMED = re.compile(r"\b([a-z_]+)=")
_SIZE = re.compile(r"(\d+)x(\d+)")


def reader_options(given: list[str] | None) -> dict[str, Any]:
    """Turn ``NAME=VALUE`` into what a reader takes.

    Examples
    --------
    >>> reader_options(["video_size=1920x1080", "first_frame=0", "predictions=false"])
    {'video_size': (1920, 1080), 'first_frame': 0, 'predictions': False}
    >>> reader_options(["columns=xmin=left,ymin=top", "names=car,bus", "sequence=01"])
    {'columns': {'xmin': 'left', 'ymin': 'top'}, 'names': ['car', 'bus'], 'sequence': '01'}
    """
    options = {}
    for pair in given or ():
        name, equals, value = pair.partition("=")
        if not (name and equals and value):
            raise LimitError(f"--option {pair}: expected NAME=VALUE, as in first_frame=0.")
        options[name.strip()] = value if name.strip() in _TEXTS else _value(value)
    return options


def _value(text: str) -> Any:
    if "=" in text:
        pairs = [pair.partition("=") for pair in text.split(",")]
        return {_value(name.strip()): value.strip() for name, _, value in pairs}
    if size := _SIZE.fullmatch(text):
        return int(size[1]), int(size[2])
    if "," in text:
        return [_value(part.strip()) for part in text.split(",")]
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def in_options(message: str) -> str:
    """Say which options of a command stand for those of Python that a message names.

    Examples
    --------
    >>> in_options("Name it in format=.")
    'Name it in format=. (On the command line: --from)'
    """
    is_of_save = "save(" in message
    told = {"format": "--format" if is_of_save else "--from", "frames": "--frames"}
    told |= {name: f"--option {name}=..." for name in _TEXTS | _OTHERS}
    shown = [told[name] for name in dict.fromkeys(_NAMED.findall(message)) if name in told]
    return f"{message} (On the command line: {', '.join(shown)})" if shown else message
