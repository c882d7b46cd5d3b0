"""What a service of the loopback Amazon is, and how it says no."""

from __future__ import annotations

from typing import Any, Protocol


class ServiceError(Exception):
    """What a service answers instead of a result.

    Parameters
    ----------
    kind : str
        The error's name, as the API spells it.
    message : str
    status : int
        Of the HTTP reply.
    **more : str
        Further members of the error, such as ``TurkErrorCode``.
    """

    def __init__(self, kind: str, message: str, *, status: int = 400, **more: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"__type": kind, "Message": message, **more}


class Service(Protocol):
    """One AWS service: a botocore model, and a method for each operation it plays."""

    model: Any
    signing_name: str

    def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """Carry out an operation; raises :class:`ServiceError`."""
        ...
