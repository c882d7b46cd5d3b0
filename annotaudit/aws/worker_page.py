"""The page on which workers draw boxes: for the service, and as a preview for the requester."""

from __future__ import annotations

import os
from base64 import b64encode
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from annotaudit.errors import LimitError
from annotaudit.formats.saving import write_whole
from annotaudit.frames import open_image
from annotaudit.plotting.style import PALETTE

if TYPE_CHECKING:
    from jinja2 import Environment

    from annotaudit.aws.creating import HitPlan

LARGEST_PICTURE = 1200  # pixels on the preview page


def question(image: str, labels: tuple[str, ...], instructions: tuple[str, ...], task: str) -> str:
    """Write the question of a HIT: a page of ours, wrapped as the service wants it."""
    page = (
        _pages_of_ours()
        .get_template("question.html.jinja")
        .render(image=image, labels=list(labels), instructions=instructions, task=task)
    )
    inside = page.replace("]]>", "]]]]><![CDATA[>")
    namespace = "http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2011-11-11/"
    return (
        f'<HTMLQuestion xmlns="{namespace}HTMLQuestion.xsd"><HTMLContent><![CDATA[{inside}]]>'
        "</HTMLContent><FrameHeight>0</FrameHeight></HTMLQuestion>"
    )


def write_preview(plan: HitPlan, path: str | os.PathLike[str], *, picture: Any = None) -> Path:
    """Write a page that shows what workers will see, about; it opens nothing and sends nothing.

    Parameters
    ----------
    plan : HitPlan
    path : path
        An ``.html`` file.
    picture : path, address, bytes or PIL image, optional
        The first image, to be shown in the page; without it, its address is.

    Returns
    -------
    Path

    Raises
    ------
    FrameError
        If the picture cannot be opened.
    LimitError
        If the plan has no image.
    """
    if not plan.requests:
        raise LimitError("The plan has no image to show. Plan it again with at least one.")
    first, n = plan.requests[0], len(plan.requests)
    facts = [
        ("Reward", f"{first['Reward']} USD"),
        ("Time allowed", _duration(first["AssignmentDurationInSeconds"])),
        ("Offered for", _duration(first["LifetimeInSeconds"])),
        ("Workers per image", first["MaxAssignments"]),
        ("Images", n),
        ("Costs in all, with fees", f"{plan.total:,.2f} USD"),
    ]
    page = (
        _pages_of_ours()
        .get_template("preview.html.jinja")
        .render(
            title=first["Title"],
            description=first["Description"],
            facts=facts,
            problems=plan.problems.to_dict("records"),
            task=first["Title"],
            instructions=plan.instructions,
            labels=[
                {"name": label, "color": PALETTE[number % len(PALETTE)]}
                for number, label in enumerate(plan.labels)
            ],
            image=plan.images[0],
            picture=None if picture is None else _inline(picture),
            more=f"The first of {n} images." if n > 1 else "",
        )
    )
    return write_whole(Path(path), page.encode())


def _pages_of_ours() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("annotaudit.aws", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _inline(picture: Any) -> str:
    """Turn a picture into an address that holds it."""
    image = picture if hasattr(picture, "thumbnail") else open_image(picture)
    small = image.convert("RGB")
    small.thumbnail((LARGEST_PICTURE, LARGEST_PICTURE))
    content = BytesIO()
    small.save(content, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{b64encode(content.getvalue()).decode()}"


def _duration(seconds: int) -> str:
    for name, unit in (("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1)):
        if seconds >= unit and (seconds % unit == 0 or unit == 1):
            number = seconds // unit
            return f"{number:,} {name}{'' if number == 1 else 's'}"
    return f"{seconds} seconds"
