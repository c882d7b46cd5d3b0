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
                'pip install "annotaudit[test]"'
            ) from error
        logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it tells of every request
        self._server: Any = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
        self._server.start()
        host, port = self._server.get_host_and_port()
        self.endpoint = f"http://{host}:{port}"

    def forget(self) -> None:
        """Forget every bucket."""
        from moto.backends import get_backend

        get_backend("s3").reset()

    def close(self) -> None:
        """Stop listening and forget what was stored."""
        self._server.stop()
        self.forget()
