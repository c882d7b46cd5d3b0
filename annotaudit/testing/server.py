"""The HTTP side of the loopback Amazon: routing, signatures, checking, replies."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from annotaudit.aws.checking import check_shape
from annotaudit.testing.faults import Fault, FaultPlan
from annotaudit.testing.ground_truth import GroundTruth
from annotaudit.testing.mturk import MechanicalTurk
from annotaudit.testing.service import Service, ServiceError
from annotaudit.testing.storage import LoopbackStorage

if TYPE_CHECKING:
    import boto3

ACCESS_KEY = "AKIALOOPBACKEXAMPLE0"
SECRET_KEY = "not-a-secret-only-good-on-this-machine"
REGION = "us-east-1"
LARGEST_BODY = 10_000_000


class LoopbackAmazon:
    """A server on 127.0.0.1 that an unmodified boto3 client can talk to.

    Use it as a context manager, or call ``close()``. Credentials and endpoint come with
    ``session()`` and ``environment``; nothing else on the machine is changed.

    Parameters
    ----------
    storage : bool
        Run an S3 server, too, which Ground Truth needs.

    Examples
    --------
    >>> with LoopbackAmazon() as amazon:
    ...     client = amazon.session().client("mturk", endpoint_url=amazon.endpoint)
    ...     client.get_account_balance()["AvailableBalance"]
    '10000.00'
    """

    def __init__(self, *, storage: bool = False) -> None:
        self.storage = LoopbackStorage() if storage else None
        self.mturk = MechanicalTurk()
        self.ground_truth = GroundTruth(self.s3() if storage else None)
        self.services: dict[str, Service] = {
            service.model.metadata["targetPrefix"]: service
            for service in (self.mturk, self.ground_truth)
        }
        self.faults = FaultPlan()
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )
        self._thread.start()

    @property
    def endpoint(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def environment(self) -> dict[str, str]:
        """What to set in the environment of another program, so that boto3 there comes here."""
        known = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
        beside = ",".join(filter(None, [known, "127.0.0.1"]))  # no proxy knows this machine
        return {
            "AWS_ENDPOINT_URL_MTURK": self.endpoint,
            "AWS_ENDPOINT_URL_SAGEMAKER": self.endpoint,
            **(self.storage.environment if self.storage else {}),
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_DEFAULT_REGION": REGION,
            "NO_PROXY": beside,
            "no_proxy": beside,
        }

    def session(self) -> boto3.Session:
        """Make a boto3 session with the credentials this server accepts."""
        import boto3

        return boto3.Session(
            aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY, region_name=REGION
        )

    def s3(self) -> Any:
        """Return a client of the S3 server, the same one each time.

        Raises
        ------
        ValueError
            If this was made without ``storage=True``.
        """
        return self._s3

    @cached_property
    def _s3(self) -> Any:
        if self.storage is None:
            raise ValueError("There is no S3 here: make LoopbackAmazon(storage=True).")
        from botocore.config import Config

        return self.session().client(
            "s3", endpoint_url=self.storage.endpoint, config=Config(proxies={})
        )

    def fail(self, operation: str, kind: Any, *, times: int = 1, skip: int = 0) -> None:
        """Let the next calls of an operation fail; see :class:`annotaudit.testing.Fault`."""
        self.faults.add(Fault(operation, kind, times, skip))

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        if self.storage is not None:
            self.storage.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _handler_for(amazon: LoopbackAmazon) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:  # the name is http.server's
            length = int(self.headers.get("Content-Length") or 0)
            if length > LARGEST_BODY:
                self._reply(413, {"__type": "RequestEntityTooLarge"})
                return
            body = self.rfile.read(length)
            try:
                fault, reply = _answer(amazon, self, body)
            except ServiceError as error:
                self._reply(error.status, error.body)
                return
            if fault == "lost reply":
                self.close_connection = True
            else:
                self._reply(200, reply, truncated=fault == "truncated reply")

        def _reply(self, status: int, body: Mapping[str, Any], *, truncated: bool = False) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if truncated else content)
            self.close_connection = truncated

        def log_message(self, format: str, *args: Any) -> None:
            """Stay silent; ``LoopbackAmazon.calls`` keeps what was asked."""

    return Handler


def _answer(
    amazon: LoopbackAmazon, request: BaseHTTPRequestHandler, body: bytes
) -> tuple[str | None, dict[str, Any]]:
    """Check a request, carry it out, and check the answer."""
    prefix, _, operation = (request.headers.get("X-Amz-Target") or "").rpartition(".")
    service = amazon.services.get(prefix)
    if service is None or operation not in service.model.operation_names:
        raise ServiceError("UnknownOperationException", f"No operation {prefix}.{operation}")
    _verify_signature(service.signing_name, request, body)
    model = service.model.operation_model(operation)
    parsed = _decoded(body)
    amazon.calls.append((operation, parsed))
    _refuse_problems("ValidationException", check_shape(model.input_shape, parsed), 400)
    fault = amazon.faults.next(operation)
    if fault in _REFUSALS:
        raise _REFUSALS[fault]()
    reply = service.call(operation, parsed)
    _refuse_problems("LoopbackBroken", check_shape(model.output_shape, reply), 500)
    return fault, _jsonable(reply)


_REFUSALS = {
    "server error": lambda: ServiceError("ServiceFault", "Internal failure", status=500),
    "throttling": lambda: ServiceError("ThrottlingException", "Rate exceeded"),
    "expired token": lambda: ServiceError(
        "ExpiredTokenException", "The security token included in the request is expired", status=403
    ),
    "no funds": lambda: ServiceError(
        "RequestError",
        "This Requester has insufficient funds in their account to complete this transaction.",
        TurkErrorCode="AWS.MechanicalTurk.InsufficientFunds",
    ),
}


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise ServiceError("SerializationException", f"Not JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise ServiceError("SerializationException", "Expected a JSON object")
    return parsed


def _refuse_problems(kind: str, problems: Any, status: int) -> None:
    if len(problems):
        told = "; ".join(
            f"{p.where}: found {p.found}, expected {p.expected}" for p in problems.itertuples()
        )
        raise ServiceError(kind, told, status=status)


def _verify_signature(signing_name: str, request: BaseHTTPRequestHandler, body: bytes) -> None:
    """Compute Signature Version 4 again from what was signed, and compare."""
    given = dict(
        part.strip().split("=", 1)
        for part in request.headers.get("Authorization", "").partition(" ")[2].split(",")
        if "=" in part
    )
    scope = given.get("Credential", "").split("/")
    if len(scope) != 5 or scope[0] != ACCESS_KEY:
        raise ServiceError(
            "UnrecognizedClientException", "The security token included is invalid", status=403
        )
    again = AWSRequest(
        method="POST", url=f"http://{request.headers['Host']}{request.path}", data=body
    )
    for name in given.get("SignedHeaders", "").split(";"):
        again.headers[name] = request.headers.get(name, "")
    again.context["timestamp"] = request.headers.get("X-Amz-Date", "")
    signer = SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY), signing_name, scope[2])
    to_sign = signer.string_to_sign(again, signer.canonical_request(again))
    if signer.signature(to_sign, again) != given.get("Signature"):
        raise ServiceError(
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided.",
            status=403,
        )


def _jsonable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _jsonable(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(member) for member in value]
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    return value
