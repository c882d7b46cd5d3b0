"""Mechanical Turk as documented: who may be paid, rejected, disposed of, and when.

Rules played (API reference of 2017-01-17):

- an assignment is Submitted, then Approved or Rejected, once; approving pays reward and fee;
- a rejection can be overridden within 30 days of the submission;
- a HIT becomes Reviewable when all its assignments are in or it has expired with none pending;
- only a Reviewable HIT with nothing left to review can be deleted;
- the same ``UniqueRequestToken`` makes a HIT, or pays a bonus, once;
- money comes off the balance, and there is an end to it.
"""

from __future__ import annotations

import json
import os
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

from botocore.session import get_session

from annotaudit.formats.mturk.assignments import saved_assignments
from annotaudit.formats.mturk.format import load
from annotaudit.testing.mturk_refusals import refusal, wrong_state
from annotaudit.testing.service import ServiceError

CENT = Decimal("0.01")
FEE = Decimal("0.20")  # of what a worker gets, at least a cent; twice that for HITs with MANY
MANY = 10  # assignments
OVERRIDE_DAYS = 30
DEFAULT_PAGE = 10
REVIEWED = ("Approved", "Rejected")


class MechanicalTurk:
    """A requester's account, its HITs and their assignments, in memory.

    Parameters
    ----------
    balance : str
        US dollars.
    """

    signing_name = "mturk-requester"

    def __init__(self, balance: str = "10000.00") -> None:
        self.model = get_session().get_service_model("mturk")
        self.balance = Decimal(balance)
        self.hits: dict[str, dict[str, Any]] = {}
        self.assignments: dict[str, dict[str, Any]] = {}
        self.bonuses: list[dict[str, Any]] = []
        self.paid: list[tuple[str, Decimal]] = []  # assignment, amount: every cent that left
        self._of_hit: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        self._hit_of_token: dict[str, str] = {}
        self._bonus_tokens: set[str] = set()
        self._next_number = 0
        self._lock = threading.Lock()

    # What a person on the other side does: offer saved work, hand in new work.

    def open_hit(
        self, hit: Mapping[str, Any], assignments: Iterable[Mapping[str, Any]] = ()
    ) -> str:
        """Take over a saved HIT and its assignments.

        Parameters
        ----------
        hit : mapping
            The ``HIT`` of a saved ``get_hit`` reply.
        assignments : iterable of mappings
            The ``Assignments`` of saved ``list_assignments_for_hit`` replies.

        Returns
        -------
        str
            The HIT's id.
        """
        with self._lock:
            known = {**hit, "NumberOfAssignmentsPending": 0}
            for time in ("CreationTime", "Expiration"):
                known[time] = _as_time(known.get(time)) or datetime.now(UTC)
            self.hits[known["HITId"]] = known
            for assignment in assignments:
                self._take(known["HITId"], assignment)
            return str(known["HITId"])

    def open_saved(self, path: str | os.PathLike[str]) -> list[str]:
        """Take over all HITs of a file of saved replies, such as an archive.

        Parameters
        ----------
        path : path
            Whatever ``annotaudit.load`` reads as Mechanical Turk assignments.

        Returns
        -------
        list of str
            Ids of the HITs. What the file does not tell about a HIT is made up: 5 cents, as many
            assignments as it has.
        """
        saved = saved_assignments(load(Path(path), mask_workers=False))
        known = {
            hit["HITId"]: hit for text in saved["hits"].dropna() for hit in json.loads(str(text))
        }
        work: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        for one in saved["saved"]:
            work[one["raw"].get("HITId") or "SAVED"].append(one["raw"])
        made_up = {"HITTypeId": "SAVED", "Title": "Saved answers", "Reward": "0.05"}
        for name, mine in work.items():
            facts = {**made_up, "MaxAssignments": len(mine), **known.get(name, {}), "HITId": name}
            self.open_hit(facts, mine)
        return list(work)

    def submit(self, hit_id: str, worker_id: str, answer: str) -> str:
        """Hand in a worker's answer; returns the assignment's id."""
        with self._lock:
            hit = self._hit(hit_id)
            if self._available(hit) < 1 or hit["Expiration"] <= datetime.now(UTC):
                raise ValueError(f"HIT {hit_id} takes no more work: it is full or has expired.")
            name = self._new_id("ASSIGNMENT")
            now = datetime.now(UTC)
            work = {"AssignmentId": name, "WorkerId": worker_id, "AssignmentStatus": "Submitted"}
            self._take(hit_id, {**work, "AcceptTime": now, "SubmitTime": now, "Answer": answer})
            return name

    def _take(self, hit_id: str, assignment: Mapping[str, Any]) -> None:
        known = {**assignment, "HITId": hit_id}
        times = ("AcceptTime", "SubmitTime", "AutoApprovalTime", "ApprovalTime", "RejectionTime")
        for name in times:
            if name in known:
                known[name] = _as_time(known[name])
        known.setdefault("AssignmentStatus", "Submitted")
        self.assignments[known["AssignmentId"]] = known
        self._of_hit[hit_id].append(known)

    # What a requester asks for.

    def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """Carry out an operation as the documentation says; one at a time."""
        method = getattr(self, f"_{operation}", None)
        if method is None:
            raise ServiceError(
                "UnknownOperationException", f"The loopback does not play {operation}"
            )
        with self._lock:
            reply: dict[str, Any] = method(**request)
            return reply

    def _GetAccountBalance(self) -> dict[str, Any]:
        return {"AvailableBalance": f"{self.balance:.2f}"}

    def _CreateHIT(self, **request: Any) -> dict[str, Any]:
        token = request.pop("UniqueRequestToken", None)
        if token is not None and token in self._hit_of_token:
            raise refusal(
                "HitAlreadyExists", f"The HIT already exists ({self._hit_of_token[token]})"
            )
        if ("Question" in request) == ("HITLayoutId" in request):
            raise refusal(
                "InvalidParameterValue", "Give either a Question or a HITLayoutId, and one of them"
            )
        if len(request.get("Question", "").encode()) > 65_535:
            raise refusal("InvalidParameterValue", "Question is longer than 65,535 bytes")
        now = datetime.now(UTC)
        name = self._new_id("HIT")
        group = sha256(f"{request['Title']}{request['Reward']}".encode()).hexdigest()[:24].upper()
        self.hits[name] = {
            **{key: value for key, value in request.items() if key in self._hit_members},
            "HITId": name,
            "HITTypeId": group,
            "HITGroupId": group,
            "CreationTime": now,
            "HITReviewStatus": "NotReviewed",
            "MaxAssignments": request.get("MaxAssignments", 1),
            "AutoApprovalDelayInSeconds": request.get("AutoApprovalDelayInSeconds", 2_592_000),
            "Expiration": now + timedelta(seconds=request["LifetimeInSeconds"]),
            "NumberOfAssignmentsPending": 0,
        }
        if token is not None:
            self._hit_of_token[token] = name
        return {"HIT": self._shown(self.hits[name])}

    def _GetHIT(self, HITId: str) -> dict[str, Any]:
        return {"HIT": self._shown(self._hit(HITId))}

    def _ListHITs(self, **page: Any) -> dict[str, Any]:
        return self._page("HITs", [self._shown(hit) for hit in self.hits.values()], **page)

    def _ListReviewableHITs(
        self, HITTypeId: str | None = None, Status: str = "Reviewable", **page: Any
    ) -> dict[str, Any]:
        found = [self._shown(hit) for hit in self.hits.values()]
        kept = [
            hit
            for hit in found
            if hit["HITStatus"] == Status and HITTypeId in (None, hit.get("HITTypeId"))
        ]
        return self._page("HITs", kept, **page)

    def _ListAssignmentsForHIT(
        self, HITId: str, AssignmentStatuses: list[str] | None = None, **page: Any
    ) -> dict[str, Any]:
        self._hit(HITId)
        found = [
            assignment
            for assignment in self._of_hit[HITId]
            if not AssignmentStatuses or assignment["AssignmentStatus"] in AssignmentStatuses
        ]
        return self._page("Assignments", found, **page)

    def _GetAssignment(self, AssignmentId: str) -> dict[str, Any]:
        assignment = self._assignment(AssignmentId)
        return {"Assignment": assignment, "HIT": self._shown(self._hit(assignment["HITId"]))}

    def _ApproveAssignment(
        self, AssignmentId: str, RequesterFeedback: str = "", OverrideRejection: bool = False
    ) -> dict[str, Any]:
        assignment = self._assignment(AssignmentId)
        status = assignment["AssignmentStatus"]
        if status == "Rejected" and OverrideRejection:
            if assignment["SubmitTime"] < datetime.now(UTC) - timedelta(days=OVERRIDE_DAYS):
                raise refusal(
                    "InvalidAssignmentState",
                    f"The assignment was submitted more than {OVERRIDE_DAYS} days ago",
                )
        elif status != "Submitted":
            raise wrong_state("Submitted")
        hit = self._hit(assignment["HITId"])
        self._pay(assignment, Decimal(hit["Reward"]))
        assignment.update(AssignmentStatus="Approved", ApprovalTime=datetime.now(UTC))
        if RequesterFeedback:
            assignment["RequesterFeedback"] = RequesterFeedback
        return {}

    def _RejectAssignment(self, AssignmentId: str, RequesterFeedback: str) -> dict[str, Any]:
        assignment = self._assignment(AssignmentId)
        if assignment["AssignmentStatus"] != "Submitted":
            raise wrong_state("Submitted")
        if not RequesterFeedback:
            raise refusal("InvalidParameterValue", "RequesterFeedback is required")
        assignment.update(
            AssignmentStatus="Rejected",
            RejectionTime=datetime.now(UTC),
            RequesterFeedback=RequesterFeedback,
        )
        return {}

    def _SendBonus(
        self,
        WorkerId: str,
        BonusAmount: str,
        AssignmentId: str,
        Reason: str,
        UniqueRequestToken: str | None = None,
    ) -> dict[str, Any]:
        assignment = self._assignment(AssignmentId)
        if assignment["WorkerId"] != WorkerId:
            raise refusal("InvalidParameterValue", "The assignment is another worker's")
        if UniqueRequestToken is not None and UniqueRequestToken in self._bonus_tokens:
            raise refusal("BonusAlreadyPaid", "A bonus with this token has been paid")
        self._pay(assignment, Decimal(BonusAmount))
        if UniqueRequestToken is not None:
            self._bonus_tokens.add(UniqueRequestToken)
        self.bonuses.append(
            {
                "WorkerId": WorkerId,
                "BonusAmount": BonusAmount,
                "AssignmentId": AssignmentId,
                "Reason": Reason,
                "GrantTime": datetime.now(UTC),
            }
        )
        return {}

    def _ListBonusPayments(
        self, HITId: str | None = None, AssignmentId: str | None = None, **page: Any
    ) -> dict[str, Any]:
        found = [
            bonus
            for bonus in self.bonuses
            if AssignmentId in (None, bonus["AssignmentId"])
            and HITId in (None, self.assignments[bonus["AssignmentId"]]["HITId"])
        ]
        return self._page("BonusPayments", found, **page)

    def _UpdateExpirationForHIT(self, HITId: str, ExpireAt: float) -> dict[str, Any]:
        self._hit(HITId)["Expiration"] = _as_time(ExpireAt)
        return {}

    def _UpdateHITReviewStatus(self, HITId: str, Revert: bool = False) -> dict[str, Any]:
        hit = self._hit(HITId)
        wanted = "Reviewing" if Revert else "Reviewable"
        if self._shown(hit)["HITStatus"] != wanted:
            raise refusal("InvalidHITState", f"This HIT is not {wanted}")
        hit["reviewing"] = not Revert
        return {}

    def _DeleteHIT(self, HITId: str) -> dict[str, Any]:
        hit = self._hit(HITId)
        if self._shown(hit)["HITStatus"] != "Reviewable":
            raise refusal("InvalidHITState", "This HIT is not Reviewable")
        if any(a["AssignmentStatus"] not in REVIEWED for a in self._of_hit[HITId]):
            raise refusal("InvalidHITState", "This HIT has assignments that are not reviewed")
        hit["disposed"] = True
        return {}

    # What the operations share.

    @property
    def _hit_members(self) -> Iterable[str]:
        members: dict[str, Any] = self.model.shape_for("HIT").members
        return members

    def _hit(self, name: str) -> dict[str, Any]:
        if name not in self.hits or self.hits[name].get("disposed"):
            raise refusal("HITDoesNotExist", f"Hit {name} does not exist.")
        return self.hits[name]

    def _assignment(self, name: str) -> dict[str, Any]:
        if name not in self.assignments:
            raise refusal("AssignmentDoesNotExist", f"Assignment {name} does not exist.")
        self._hit(self.assignments[name]["HITId"])
        return self.assignments[name]

    def _available(self, hit: Mapping[str, Any]) -> int:
        taken = len(self._of_hit[hit["HITId"]]) + hit["NumberOfAssignmentsPending"]
        return max(int(hit.get("MaxAssignments", 1)) - int(taken), 0)

    def _shown(self, hit: Mapping[str, Any]) -> dict[str, Any]:
        """Return the HIT as the API shows it: status and counters follow from its assignments."""
        mine = self._of_hit[hit["HITId"]]
        expired = hit["Expiration"] <= datetime.now(UTC)
        available = self._available(hit)
        done = not hit["NumberOfAssignmentsPending"] and (not available or expired)
        status = "Reviewable" if done else "Unassignable" if not available else "Assignable"
        if done and hit.get("reviewing"):
            status = "Reviewing"
        shown = {key: value for key, value in hit.items() if key in self._hit_members}
        return {
            **shown,
            "HITStatus": status,
            "NumberOfAssignmentsAvailable": available,
            "NumberOfAssignmentsCompleted": sum(a["AssignmentStatus"] in REVIEWED for a in mine),
        }

    def _pay(self, assignment: Mapping[str, Any], amount: Decimal) -> None:
        many = self._hit(assignment["HITId"]).get("MaxAssignments", 1) >= MANY
        fee = max((amount * (FEE * 2 if many else FEE)).quantize(CENT, ROUND_HALF_UP), CENT)
        if amount + fee > self.balance:
            raise refusal("InsufficientFunds", "This Requester has insufficient funds.")
        self.balance -= amount + fee
        self.paid.append((assignment["AssignmentId"], amount))

    def _page(
        self,
        name: str,
        found: list[dict[str, Any]],
        *,
        NextToken: str | None = None,
        MaxResults: int = DEFAULT_PAGE,
        SortOrder: str = "",
        SortField: str = "",
    ) -> dict[str, Any]:
        try:
            start = int(NextToken or 0)
        except ValueError:
            raise refusal("InvalidParameterValue", "NextToken is not valid") from None
        shown = found[start : start + MaxResults]
        reply: dict[str, Any] = {name: shown, "NumResults": len(shown)}
        if start + MaxResults < len(found):
            reply["NextToken"] = str(start + MaxResults)
        return reply

    def _new_id(self, kind: str) -> str:
        self._next_number += 1
        return sha256(f"{kind} {self._next_number}".encode()).hexdigest()[:30].upper()


def _as_time(value: Any) -> datetime | None:
    if value is None or isinstance(value, datetime):
        return value
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    time = datetime.fromisoformat(value)
    return time if time.tzinfo else time.replace(tzinfo=UTC)
