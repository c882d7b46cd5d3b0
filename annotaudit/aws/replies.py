"""What comes back from a service: whole or broken off, a result or an error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from annotaudit.errors import AnnotauditError

ASKED_AGAIN = 3  # times; only for what changes nothing


def member(reply: Mapping[str, Any], name: str) -> Any:
    """Take a member out of a reply.

    Raises
    ------
    AnnotauditError
        If it is not there: botocore takes a reply that breaks off for an empty one.

    Examples
    --------
    >>> member({"HIT": {"HITId": "H"}}, "HIT")
    {'HITId': 'H'}
    """
    if name not in reply:
        raise AnnotauditError(
            f"The service's reply has no {name!r}: it did not arrive whole. Run this again; "
            "nothing is done twice."
        )
    return reply[name]


def ask(operation: Callable[..., Mapping[str, Any]], name: str, **request: Any) -> dict[str, Any]:
    """Ask for something that changes nothing; again, if the reply breaks off.

    Parameters
    ----------
    operation : callable
        A method of a boto3 client.
    name : str
        Member that the reply must have.
    **request
        Its parameters.

    Returns
    -------
    dict
        The reply without botocore's metadata, times as text (ISO 8601, UTC).

    Raises
    ------
    AnnotauditError
        If the reply breaks off each time.
    """
    for _ in range(ASKED_AGAIN - 1):
        reply = operation(**request)
        if name in reply:
            break
    else:
        reply = operation(**request)
        member(reply, name)
    plain: dict[str, Any] = _plain({k: v for k, v in reply.items() if k != "ResponseMetadata"})
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value


def error_code(error: Any) -> str:
    """Name of a botocore ``ClientError``, Mechanical Turk's own where it has one."""
    code = error.response.get("TurkErrorCode") or error.response["Error"].get("Code", "")
    return str(code).removeprefix("AWS.MechanicalTurk.")
