"""S3 on this machine: moto's server, over real HTTP on 127.0.0.1."""

from __future__ import annotations

import logging
import warnings
from typing import Any

from annotaudit.errors import MissingExtraError


class LoopbackStorage:
    """An S3 server that forgets everything when it is closed.

    Examples
    --------
    >>> storage = LoopbackStorage()
    >>> storage.endpoint.startswith("http://127.0.0.1:")
    True
    >>> storage.close()
    """

    def __init__(self) -> None:
        try:
            with warnings.catch_warnings():  # of moto's own dependencies, at import
                warnings.simplefilter("ignore")
                from moto.server import ThreadedMotoServer
        except ImportError as error:
            raise MissingExtraError(
                "S3 on this machine needs moto, which is not installed. Install it with: "
                'pip install "annotaudit[demo]"'
            ) from error
        logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it tells of every request
        self._server: Any = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
        self._server.start()
        host, port = self._server.get_host_and_port()
        self.endpoint = f"http://{host}:{port}"

    @property
    def environment(self) -> dict[str, str]:
        """Where to find S3, and moto's accounts and roles, on the same server."""
        return {f"AWS_ENDPOINT_URL_{service}": self.endpoint for service in ("S3", "IAM", "STS")}

    def forget(self) -> None:
        """Forget every bucket and role."""
        from moto.backends import get_backend

        for service in ("s3", "iam"):
            get_backend(service).reset()

    def close(self) -> None:
        """Stop listening and forget what was stored."""
        self._server.stop()
        self.forget()
