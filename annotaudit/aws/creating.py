"""A new HIT for boxes on images: planned, priced and looked at before it is sent.

The page is Amazon's ``crowd-bounding-box`` in a form whose answers ``annotaudit`` reads back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import pandas as pd

from annotaudit.aws.checking import check_request
from annotaudit.aws.money import fee_share, usd, with_fee
from annotaudit.aws.pulling import get_hit, pages
from annotaudit.aws.replies import error_code
from annotaudit.aws.worker_page import question
from annotaudit.boxes import TEXT
from annotaudit.errors import AnnotauditError, LimitError

MASTERS = ("2F1QJWKUDD8XADTFD2Q0G6UTO95ALH", "2ARFPLSP75KLA8M8DH1HTEQVJT3SY6")  # real, sandbox
LARGEST_QUESTION = 65_535  # bytes
MOST_LABELS = 10  # what the widget shows
YEAR = 31_536_000  # seconds
RESULT_COLUMNS = ["image", "hit", "hit_type", "result", "detail"]
# Limits that stand in the documentation but not in AWS's model of the service.
LENGTHS = {"Title": 128, "Description": 2000, "Keywords": 1000, "RequesterAnnotation": 255}
SECONDS = {
    "LifetimeInSeconds": (30, YEAR),
    "AssignmentDurationInSeconds": (30, YEAR),
    "AutoApprovalDelayInSeconds": (0, 2_592_000),
}

Problem = tuple[str, str, str, str]


@dataclass(frozen=True)
class HitPlan:
    """HITs as they would be made.

    Parameters
    ----------
    requests : tuple of dict
        Parameters of ``create_hit``, one for each image.
    cost : DataFrame
        One row per HIT: ``image``, ``assignments``, ``reward``, ``fee`` and ``cost`` in USD.
    problems : DataFrame
        What the service would refuse: ``where found expected what``; empty if nothing.
    images, labels, instructions : tuple of str
        What the page is made of; instructions as paragraphs.
    """

    requests: tuple[dict[str, Any], ...]
    cost: pd.DataFrame
    problems: pd.DataFrame
    images: tuple[str, ...]
    labels: tuple[str, ...]
    instructions: tuple[str, ...]

    @property
    def total(self) -> float:
        """What all of it costs in USD, fees included, if every assignment is approved."""
        return float(self.cost["cost"].sum())

    def __repr__(self) -> str:
        n = len(self.requests)
        return (
            f"HitPlan({n} HIT{'' if n == 1 else 's'}, {self.total:.2f} USD, "
            f"{len(self.problems)} problem{'' if len(self.problems) == 1 else 's'})"
        )


def plan_hit(
    images: str | Iterable[str],
    labels: Sequence[str],
    instructions: str,
    *,
    reward: str | float,
    title: str,
    description: str = "",
    assignments: int = 3,
    lifetime_s: int = 86_400,
    duration_s: int = 600,
    auto_approve_s: int = 2_592_000,
    keywords: str = "image, bounding box, annotation",
    qualifications: Iterable[Mapping[str, Any]] = (),
    batch: str = "",
) -> HitPlan:
    """Plan HITs in which workers draw boxes, one HIT for each image. Nothing is sent.

    Parameters
    ----------
    images : str or iterable of str
        Addresses that workers' browsers can open: ``https://``, without a login.
    labels : sequence of str
        What may be drawn, at most ten.
    instructions : str
        Plain text; an empty line begins a paragraph.
    reward : str or float
        USD for each assignment.
    title, description, keywords : str
        What workers see in the list of HITs; the description is the instructions by default.
    assignments : int
        Workers for each image. From ten on, fees double.
    lifetime_s, duration_s, auto_approve_s : int
        Seconds: how long the HIT is offered, how long a worker may take, and after which time
        work is approved that nobody judged (30 days by default).
    qualifications : iterable of mapping
        As ``QualificationRequirements`` of the API.
    batch : str
        Your name for these HITs, kept as ``RequesterAnnotation``. Another name makes the same
        HITs anew within the day in which the service takes them for the same.

    Returns
    -------
    HitPlan

    Raises
    ------
    LimitError
        If the reward is no amount. What the service would refuse stands in ``plan.problems``.

    Examples
    --------
    >>> plan = plan_hit("https://example.com/street.jpg", ["stop sign"], "Draw a box around each.",
    ...     title="Find stop signs", reward="0.10", assignments=3)
    >>> plan, plan.requests[0]["UniqueRequestToken"][:8]
    (HitPlan(1 HIT, 0.36 USD, 0 problems), '...')
    """
    addresses = (images,) if isinstance(images, str) else tuple(images)
    paragraphs = tuple(part.strip() for part in re.split(r"\n\s*\n", instructions) if part.strip())
    needs = [dict(each) for each in qualifications]
    pays = usd(reward, "reward")
    common = {
        "Title": title,
        "Description": description or " ".join(" ".join(paragraphs).split())[:2000],
        "Keywords": keywords,
        "Reward": f"{pays:.2f}",
        "MaxAssignments": assignments,
        "LifetimeInSeconds": lifetime_s,
        "AssignmentDurationInSeconds": duration_s,
        "AutoApprovalDelayInSeconds": auto_approve_s,
        **({"QualificationRequirements": needs} if needs else {}),
        **({"RequesterAnnotation": batch} if batch else {}),
    }
    requests = []
    for image in addresses:
        request = {**common, "Question": question(image, tuple(labels), paragraphs, title)}
        # The same content has the same token: sent twice within a day, it is one HIT.
        request["UniqueRequestToken"] = sha256(
            json.dumps(request, sort_keys=True, default=str).encode()
        ).hexdigest()
        requests.append(request)
    share = fee_share(
        assignments, masters=any(n.get("QualificationTypeId") in MASTERS for n in needs)
    )
    each = with_fee(pays, share)
    cost = pd.DataFrame(
        {
            "image": pd.Series(addresses, dtype=TEXT),
            "assignments": assignments,
            "reward": float(pays * assignments),
            "fee": float((each - pays) * assignments),
            "cost": float(each * assignments),
        }
    )
    found = list(_problems(addresses, tuple(labels), paragraphs, common, requests))
    problems = [pd.DataFrame(found, columns=["where", "found", "expected", "what"]).astype(TEXT)]
    problems += [check_request("mturk", "CreateHIT", request) for request in requests[:1]]
    return HitPlan(
        tuple(requests),
        cost,
        pd.concat(problems, ignore_index=True),
        addresses,
        tuple(labels),
        paragraphs,
    )


def submit_hit(plan: HitPlan, *, client: Any, confirm: bool = False) -> pd.DataFrame:
    """Make the HITs as planned, each once, whatever happens on the way.

    May be interrupted and called again within a day: what exists is found again and not made anew.

    Parameters
    ----------
    plan : HitPlan
        As :func:`plan_hit` gives it, looked at.
    client : boto3 client
        Of Mechanical Turk; see :func:`annotaudit.aws.mturk_client`.
    confirm : bool
        Nothing is sent without it; what would be made comes back.

    Returns
    -------
    DataFrame
        One row per HIT: ``image``, ``hit`` and ``hit_type`` (missing until it is made),
        ``result`` ("planned", "made", "was made before", "not sent") and ``detail``.

    Raises
    ------
    LimitError
        If the plan has problems.
    AnnotauditError
        If the service says a HIT exists, and it cannot be found.
    """
    if len(plan.problems):
        told = "; ".join(
            f"{row.where}: found {row.found}, expected {row.expected}"
            for row in plan.problems.head(5).itertuples()
        )
        raise LimitError(f"The service would refuse these HITs; nothing was sent. {told}.")
    rows: list[tuple[str, str | None, str | None, str, str]] = []
    broke = ""
    for image, request, cost in zip(plan.images, plan.requests, plan.cost["cost"], strict=True):
        if not confirm:
            rows.append((image, None, None, "planned", f"{cost:.2f} USD"))
        elif broke:
            rows.append((image, None, None, "not sent", broke))
        else:
            result, hit, broke = _make(client, request)
            rows.append((image, hit.get("HITId"), hit.get("HITTypeId"), result, broke))
    return pd.DataFrame(rows, columns=RESULT_COLUMNS).astype(TEXT)


def _make(client: Any, request: dict[str, Any]) -> tuple[str, dict[str, Any], str]:
    from botocore.exceptions import ClientError

    try:
        reply = client.create_hit(**request)
        if "HIT" not in reply:  # it broke off: the token tells whether the HIT was made
            reply = client.create_hit(**request)
        return "made", reply["HIT"], ""
    except ClientError as error:
        message = error.response["Error"]["Message"]
        if error_code(error) == "InsufficientFunds":
            return "not sent", {}, f"InsufficientFunds: {message}"
        if error_code(error) != "HitAlreadyExists":
            raise
        return "was made before", _find(client, request, message), ""


def _find(client: Any, request: dict[str, Any], message: str) -> dict[str, Any]:
    """Find the HIT that a request made before: its id stands in the message, or it is listed."""
    for name in re.findall(r"\b[A-Z0-9]{20,64}\b", message):
        try:
            hit = get_hit(client, name)
        except AnnotauditError:
            continue  # it was disposed of, or this is no id
        if hit.get("Question") == request["Question"]:
            return hit
    for page in pages(client.list_hits, "HITs"):
        for hit in page["HITs"]:
            if hit.get("Question") == request["Question"]:
                return dict(hit)
    raise AnnotauditError(
        f"The service says this HIT exists ({message}), but it is not among the account's HITs. "
        "If it was disposed of within the last day, plan it again with another batch=..."
    )


def _problems(
    images: tuple[str, ...],
    labels: tuple[str, ...],
    instructions: tuple[str, ...],
    common: dict[str, Any],
    requests: list[dict[str, Any]],
) -> Iterable[Problem]:
    """What only the documentation forbids, or makes no sense."""
    if not images:
        yield "images", "none", "at least one address", "Name an image."
    for number, image in enumerate(images):
        if not re.fullmatch(r"https://[^\s\"'<>/]+/[^\s\"'<>]*", image):
            yield (
                f"images[{number}]",
                repr(image[:80]),
                "an address that begins with https://",
                "Put the image where workers' browsers can open it.",
            )
    if doubled := sorted({image for image in images if images.count(image) > 1}):
        yield "images", f"{doubled[0][:80]!r} twice", "each image once", "Take one out."
    if not 1 <= len(labels) <= MOST_LABELS:
        yield "labels", f"{len(labels)}", f"1 to {MOST_LABELS}", "Split the task in two."
    if any(not label.strip() for label in labels) or len(set(labels)) < len(labels):
        yield "labels", repr(labels)[:80], "different words", "Name each label once."
    if not instructions:
        yield "instructions", "nothing", "what to draw and how", "Workers need to be told."
    if not usd(common["Reward"], "reward"):
        yield "Reward", common["Reward"], "at least 0.01", "Pay for the work."
    for name, most in LENGTHS.items():
        if len(common.get(name, "")) > most:
            length = f"{len(common[name])} characters"
            yield name, length, f"at most {most} characters", "Shorten it."
    for name in ("Title", "Description"):
        if not common[name].strip():
            yield name, "nothing", "at least a character", "Tell workers what this is."
    for name, (least, most) in SECONDS.items():
        if not least <= common[name] <= most:
            yield name, f"{common[name]} s", f"{least} to {most} s", "Change the time."
    if common["MaxAssignments"] < 1:
        yield "MaxAssignments", f"{common['MaxAssignments']}", "at least 1", "Ask for a worker."
    texts = [*images, *labels, *instructions, common["Title"], common["Description"]]
    if any(re.search("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", t) for t in texts):
        yield "texts", "control characters", "printable text", "Take them out."
    longest = max(
        (len(request["Question"].encode("utf-8", "replace")) for request in requests), default=0
    )
    if longest > LARGEST_QUESTION:
        yield (
            "Question",
            f"{longest:,} bytes",
            f"at most {LARGEST_QUESTION:,} bytes",
            "Shorten the instructions; link to the rest.",
        )
