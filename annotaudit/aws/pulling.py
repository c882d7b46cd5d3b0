"""Fetch HITs and all their assignments: into labels, or into an archive that outlives them.

Mechanical Turk disposes of a HIT after 120 days, answers and all.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from annotaudit.aws.replies import ask, error_code
from annotaudit.boxes import TEXT, Labels
from annotaudit.errors import AnnotauditError, LabelFormatError
from annotaudit.formats.mturk.format import assignments as assignments, read_replies
from annotaudit.review.appending import append_line

PAGE = 100  # assignments or HITs in one reply; the service gives no more
FULL = ("Reviewable", "Reviewing", "Disposed")  # nobody works on such a HIT any more

Hits = str | Iterable[str] | None
Progress = Callable[[int, int], None]

STATUS_COLUMNS = {
    "hit": "HITId",
    "hit_type": "HITTypeId",
    "title": "Title",
    "status": "HITStatus",
    "review_status": "HITReviewStatus",
    "reward": "Reward",
    "created": "CreationTime",
    "expires": "Expiration",
    "max": "MaxAssignments",
    "available": "NumberOfAssignmentsAvailable",
    "pending": "NumberOfAssignmentsPending",
    "reviewed": "NumberOfAssignmentsCompleted",
}


def hit_status(client: Any, hits: Hits = None) -> pd.DataFrame:
    """Say how HITs stand, and how many answers wait for a decision.

    Parameters
    ----------
    client : boto3 client
        Of Mechanical Turk; see :func:`annotaudit.aws.mturk_client`.
    hits : str or iterable of str, optional
        Ids; all HITs of the account by default.

    Returns
    -------
    DataFrame
        One row per HIT: ``hit hit_type title status review_status reward`` (USD as text),
        ``created expires`` (UTC), ``max available pending reviewed`` (assignments; ``pending`` are
        with workers) and ``unreviewed``: what is left of ``max``.

    Raises
    ------
    AnnotauditError
        If a HIT does not exist, or replies break off.
    """
    if hits is None:
        known = [hit for page in pages(client.list_hits, "HITs") for hit in page["HITs"]]
    else:
        known = [get_hit(client, name) for name in _ids(client, hits)]
    table = pd.DataFrame(
        {name: [hit.get(key) for hit in known] for name, key in STATUS_COLUMNS.items()}
    )
    texts = ["hit", "hit_type", "title", "status", "review_status", "reward"]
    counts = ["max", "available", "pending", "reviewed"]
    table[counts] = table[counts].fillna(0).astype("int64")
    for name in ("created", "expires"):
        table[name] = pd.to_datetime(table[name], utc=True, format="ISO8601")
    left = table["max"] - table["available"] - table["pending"] - table["reviewed"]
    return table.astype(dict.fromkeys(texts, TEXT)).assign(unreviewed=left.clip(lower=0))


def pull_hits(
    client: Any,
    hits: Hits = None,
    *,
    progress: Progress | None = None,
    strict: bool = False,
    **options: Any,
) -> Labels:
    """Read all assignments of HITs as labels: of any status, from every page.

    Parameters
    ----------
    client : boto3 client
        Of Mechanical Turk; see :func:`annotaudit.aws.mturk_client`.
    hits : str or iterable of str, optional
        Ids; all reviewable HITs by default.
    progress : callable, optional
        Called with assignments read, and expected so far.
    strict : bool
        Raise at the first problem.
    **options
        How answers are read, as for ``annotaudit.load``: ``sequence``, ``image``, ``field``,
        ``scale``, ``inclusive``, ``mask_workers``, ``key``.

    Returns
    -------
    Labels
        A HIT type is a sequence, an image a frame, a worker an annotator;
        :func:`annotaudit.aws.assignments` lists who looked at what. Images are found in layout
        parameters or the question.

    Raises
    ------
    AnnotauditError
        If a HIT does not exist, or replies break off.

    See Also
    --------
    archive : Saves the replies before they are gone.
    """
    of_type: dict[str, list[dict[str, Any]]] = {}
    kind = ""
    for reply in _replies(client, _ids(client, hits), progress):
        if "HIT" in reply:
            kind = str(reply["HIT"].get("HITTypeId") or reply["HIT"]["HITId"])
        of_type.setdefault(kind, []).append(reply)
    parts = [read_replies(found, kind, strict=strict, **options) for kind, found in of_type.items()]
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return read_replies([{"Assignments": []}], "mturk", **options)
    return Labels(
        *(
            pd.concat([getattr(part, table) for part in parts], ignore_index=True)
            for table in ("boxes", "frames", "problems")
        )
    )


def archive(
    client: Any,
    hits: Hits,
    path: str | os.PathLike[str],
    *,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Save the service's own replies, a line each, before anything is made of them.

    May be interrupted and called again with the same file: HITs that are saved and take no more
    work are skipped, of others only the assignments that are missing are added. ``annotaudit.load``
    reads the file. It holds worker ids, which are personal data; only its owner may read it.

    Parameters
    ----------
    client : boto3 client
        Of Mechanical Turk; see :func:`annotaudit.aws.mturk_client`.
    hits : str, iterable of str, or None
        Ids; None for all reviewable HITs.
    path : path
        A ``.jsonl`` file, made if it does not exist.
    progress : callable, optional
        Called with assignments read, and expected so far.

    Returns
    -------
    DataFrame
        One row per HIT: ``hit``, ``saved`` (assignments in the file), ``new`` (added by this call).

    Raises
    ------
    AnnotauditError
        If a HIT does not exist, or replies break off.
    LabelFormatError
        If the file is something else.
    """
    file = Path(path)
    shelf = read_archive(file)
    if not file.exists():
        file.touch(mode=0o600)
    wanted = _ids(client, hits)
    added = dict.fromkeys(wanted, 0)
    waiting = [name for name in wanted if not shelf.is_complete(name)]
    for reply in _replies(client, waiting, progress):
        new = shelf.take(reply)
        if "Assignments" in reply:
            added[reply["HITId"]] += len(new)
            reply = reply | {"Assignments": new, "NumResults": len(new)}
        append_line(file, json.dumps(reply).encode())
    saved = [len(shelf.assignments.get(name, ())) for name in wanted]
    table = pd.DataFrame({"hit": wanted, "saved": saved, "new": list(added.values())})
    return table.astype({"hit": TEXT, "saved": "int64", "new": "int64"})


class Shelf:
    """What an archive holds: HITs, ids of their assignments, and which are there to the end."""

    def __init__(self) -> None:
        self.assignments: dict[str, set[str]] = {}
        self._status: dict[str, str] = {}
        self._ended: set[str] = set()

    def take(self, reply: dict[str, Any]) -> list[dict[str, Any]]:
        """Note a reply; returns its assignments that are new here."""
        if "HIT" in reply:
            name = str(reply["HIT"]["HITId"])
            self._status[name] = str(reply["HIT"].get("HITStatus"))
            self._ended.discard(name)
            self.assignments.setdefault(name, set())
            return []
        known = self.assignments.setdefault(str(reply["HITId"]), set())
        new = [one for one in reply["Assignments"] if one["AssignmentId"] not in known]
        known.update(one["AssignmentId"] for one in new)
        if not reply.get("NextToken"):
            self._ended.add(str(reply["HITId"]))
        return new

    def is_complete(self, hit: str) -> bool:
        """Whether all of a HIT is here and nothing more can come."""
        return hit in self._ended and self._status.get(hit) in FULL


def read_archive(path: Path) -> Shelf:
    """See what an archive holds; a last line that a program left torn is cut off.

    Raises
    ------
    LabelFormatError
        If the file is something else.
    """
    shelf = Shelf()
    if not path.exists():
        return shelf
    with path.open("r+b") as file:
        whole = 0
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                file.truncate(whole)  # half a reply: it is asked for again
                break
            whole += len(line)
            try:
                shelf.take(json.loads(line))
            except (ValueError, TypeError, KeyError, RecursionError):
                raise LabelFormatError(
                    f"{path}, line {number}: found {line[:60]!r}, expected a reply that "
                    "archive() saved. Is this another file? Name a new one."
                ) from None
    return shelf


def _replies(client: Any, hits: list[str], progress: Progress | None) -> Iterator[dict[str, Any]]:
    """Each HIT, then its assignments page by page."""
    read = expected = 0
    for name in hits:
        hit = get_hit(client, name)
        open_places = "NumberOfAssignmentsAvailable", "NumberOfAssignmentsPending"
        expected += hit.get("MaxAssignments", 0) - sum(hit.get(key, 0) for key in open_places)
        yield {"HIT": hit}
        for page in pages(client.list_assignments_for_hit, "Assignments", HITId=name):
            yield {"HITId": name, **page}
            read += len(page["Assignments"])
            expected = max(expected, read)
            if progress is not None:
                progress(read, expected)


def pages(operation: Any, name: str, **request: Any) -> Iterator[dict[str, Any]]:
    """All pages of a list. botocore's paginator would take one that breaks off for the last."""
    seen: set[str] = set()
    while True:
        # An empty page may come without its list, but never without its number.
        page = ask(operation, "NumResults", MaxResults=PAGE, **request)
        page.setdefault(name, [])
        yield page
        token = page.get("NextToken")
        if not token:
            return
        if token in seen:
            raise AnnotauditError(
                f"The service gives the same page of {name} again and again; "
                f"{len(seen)} pages were read. Run this again later."
            )
        seen.add(token)
        request["NextToken"] = token


def _ids(client: Any, hits: Hits) -> list[str]:
    if hits is None:
        reviewable = pages(client.list_reviewable_hits, "HITs")
        hits = [hit["HITId"] for page in reviewable for hit in page["HITs"]]
    return list(dict.fromkeys([hits] if isinstance(hits, str) else hits))


def get_hit(client: Any, name: str) -> dict[str, Any]:
    """Ask for a HIT.

    Raises
    ------
    AnnotauditError
        If it does not exist.
    """
    from botocore.exceptions import ClientError

    try:
        hit: dict[str, Any] = ask(client.get_hit, "HIT", HITId=name)["HIT"]
        return hit
    except ClientError as error:
        if error_code(error) != "HITDoesNotExist":
            raise
        raise AnnotauditError(
            f"HIT {name!r} does not exist at {client.meta.endpoint_url}; HITs are gone 120 days "
            "after their last work. Check the id, and whether it is of the sandbox or production."
        ) from error
