"""What can go wrong between a client and a service, on order."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Literal, get_args

Kind = Literal[
    "server error", "throttling", "lost reply", "truncated reply", "expired token", "no funds"
]


@dataclass(frozen=True)
class Fault:
    """One way to fail, for one operation, so many times.

    Parameters
    ----------
    operation : str
        Which operation fails: ``"SendBonus"``.
    kind : str
        ``"server error"`` (500, nothing done), ``"throttling"`` (400, nothing done),
        ``"lost reply"`` (done, but the connection closes without an answer), ``"truncated
        reply"`` (done, the answer breaks off), ``"expired token"`` (403, nothing done), ``"no
        funds"`` (400 as Mechanical Turk says it, nothing done).
    times : int
        How many calls fail before the operation works.
    skip : int
        How many calls work before that.
    """

    operation: str
    kind: Kind
    times: int = 1
    skip: int = 0

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(f"A fault is one of {get_args(Kind)}; found {self.kind!r}.")


@dataclass
class FaultPlan:
    """The faults still to come; safe to ask from several threads."""

    faults: list[Fault] = field(default_factory=list)
    _calls: dict[int, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, fault: Fault) -> None:
        """Add a fault; it counts calls from now on."""
        with self._lock:
            self.faults.append(fault)

    def next(self, operation: str) -> Kind | None:
        """Say how this call fails, if it does."""
        with self._lock:
            for place, fault in enumerate(self.faults):
                if fault.operation == operation:
                    call = self._calls[place] = self._calls.get(place, 0) + 1
                    if fault.skip < call <= fault.skip + fault.times:
                        return fault.kind
        return None
