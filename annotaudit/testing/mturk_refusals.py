"""How Mechanical Turk says no."""

from __future__ import annotations

from hashlib import sha256

from annotaudit.testing.service import ServiceError


def refusal(code: str, message: str) -> ServiceError:
    """Make the error that the service answers with; its number follows from the message."""
    number = sha256(message.encode()).hexdigest()[:8]
    return ServiceError(
        "RequestError", f"{message} ({number})", TurkErrorCode=f"AWS.MechanicalTurk.{code}"
    )


def wrong_state(needed: str) -> ServiceError:
    """Make the error about an assignment that is not in the state an operation needs."""
    return refusal(
        "InvalidAssignmentState", f"This operation can be called with a status of: {needed}"
    )
