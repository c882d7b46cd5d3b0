"""A server of Label Studio, and the few things that are asked of it, over HTTP.

Not through ``label-studio-sdk``: version 2.1 pins OpenCV to a release that needs numpy below 2.3,
and brings a formatter, a code generator and a language toolkit. What is used here are eight
documented addresses of the API, the same that the SDK calls.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from annotaudit.errors import LabelFormatError, LimitError
from annotaudit.formats.saving import write_whole

if TYPE_CHECKING:
    import requests

TIMEOUT = (10.0, 300.0)  # seconds to connect, and to wait for an answer
PAGE = 500
_CHUNK = 1 << 20


class LabelStudioServer:
    """A server, and who asks it.

    Parameters
    ----------
    url : str
        Its address, such as ``"https://labels.example.org"``.
    token : str
        A personal access token, or a legacy token. It is neither shown nor stored.
    """

    def __init__(self, url: str, token: str) -> None:
        import requests
        from requests.adapters import HTTPAdapter
        from urllib3.util import Retry

        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise LimitError(f"{url!r} is no address; expected one like https://labels.example.org")
        self.url = url.rstrip("/")
        self._token = token.strip()
        self._session = requests.Session()
        self._session.trust_env = False  # a .netrc must not put another token in place
        # What was not heard is asked again. What may have been done is looked up, not repeated.
        retry = Retry(
            total=6, connect=5, read=3, status=5, backoff_factor=0.5,
            status_forcelist=(429, 502, 503, 504), allowed_methods=("GET",), raise_on_status=False,
        )  # fmt: skip
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=retry))
        if "." not in self._token:
            self._session.headers["Authorization"] = f"Token {self._token}"

    def __repr__(self) -> str:
        return f"LabelStudioServer({self.url!r})"

    def project(self, title: str) -> dict[str, Any] | None:
        """Find a project by its title.

        Raises
        ------
        LimitError
            If several have it.
        """
        found = [
            each
            for each in self._pages("/api/projects/", "results", title=title)
            if each.get("title") == title
        ]
        if len(found) > 1:
            raise LimitError(
                f"{self.url}: {len(found)} projects are called {title!r}; expected one. Rename or "
                "delete the others in Label Studio."
            )
        return found[0] if found else None

    def create_project(self, **about: Any) -> dict[str, Any]:
        """Create a project."""
        return dict(self._json("POST", "/api/projects/", json=about))

    def tasks(self, project: int) -> Iterator[dict[str, Any]]:
        """List the tasks of a project."""
        return self._pages("/api/tasks/", "tasks", project=project, fields="task_only")

    def uploads(self, project: int) -> list[dict[str, Any]]:
        """List the files uploaded to a project."""
        path = f"/api/projects/{project}/file-uploads"
        return list(self._json("GET", path, params={"all": "true"}))

    def upload(self, project: int, name: str, content: bytes) -> str:
        """Upload a file; returns the address that a task gives it."""
        path = f"/api/projects/{project}/import"
        kind = "image/png" if name.endswith(".png") else "image/jpeg"
        reply = self._json(
            "POST", path, params={"commit_to_project": "false"},
            files={"file": (name, content, kind)},
        )  # fmt: skip
        there = self._json("GET", f"/api/import/file-upload/{reply['file_upload_ids'][0]}")
        return f"/data/{there['file']}"

    def import_tasks(self, project: int, tasks: list[dict[str, Any]]) -> int:
        """Create tasks with their predictions: all of them, or none."""
        reply = self._json("POST", f"/api/projects/{project}/import", json=tasks)
        return int(reply["task_count"])

    def export(self, project: int, path: Path) -> Path:
        """Fetch what was annotated as Label Studio's JSON."""
        where = f"/api/projects/{project}/export"
        reply = self._ask("GET", where, params={"exportType": "JSON"}, stream=True)
        with reply:
            return write_whole(path, reply.iter_content(_CHUNK))

    def _pages(self, path: str, key: str, **params: Any) -> Iterator[dict[str, Any]]:
        seen, page = 0, 1
        while True:
            asked = params | {"page": page, "page_size": PAGE}
            reply = self._json("GET", path, params=asked)
            yield from reply[key]
            seen, page = seen + len(reply[key]), page + 1
            if not reply[key] or seen >= reply.get("count", reply.get("total", 0)):
                return

    def _json(self, method: str, path: str, **asked: Any) -> Any:
        reply = self._ask(method, path, **asked)
        try:
            return json.loads(reply.content)
        except ValueError as error:
            raise LabelFormatError(
                f"{self.url}{path}: found no JSON ({error}); expected Label Studio's API. Check "
                "the address."
            ) from error

    def _ask(self, method: str, path: str, **asked: Any) -> requests.Response:
        import requests

        if "." in self._token and "Authorization" not in self._session.headers:
            self._refresh()
        try:
            reply = self._session.request(method, self.url + path, timeout=TIMEOUT, **asked)
            if reply.status_code == 401 and "." in self._token:  # its minutes are over
                self._refresh()
                reply = self._session.request(method, self.url + path, timeout=TIMEOUT, **asked)
        except requests.RequestException as error:
            raise LimitError(
                f"{self.url}{path}: the server could not be asked ({type(error).__name__}). Check "
                "the address and that it runs, then run this again: it goes on where it was."
            ) from error
        return self._checked(reply, path)

    def _refresh(self) -> None:
        """A personal access token opens the door for a few minutes at a time."""
        import requests

        path = "/api/token/refresh/"
        self._session.headers.pop("Authorization", None)
        try:
            reply = self._session.post(
                self.url + path, json={"refresh": self._token}, timeout=TIMEOUT
            )
        except requests.RequestException as error:
            raise LimitError(
                f"{self.url}: the server could not be asked ({type(error).__name__}). Check the "
                "address and that it runs."
            ) from error
        access = self._checked(reply, path).json()["access"]
        self._session.headers["Authorization"] = f"Bearer {access}"

    def _checked(self, reply: requests.Response, path: str) -> requests.Response:
        if reply.status_code in (401, 403):
            raise LimitError(
                f"{self.url}{path}: the token was refused ({reply.status_code}). Make a new one in "
                "Label Studio under Account & Settings, and set LABEL_STUDIO_API_KEY."
            )
        if not reply.ok:
            said = reply.text[:300].replace(self._token, "***")
            raise LimitError(
                f"{self.url}{path}: the server answered {reply.status_code}: {said} Run this again "
                "when that is solved: it goes on where it was."
            )
        return reply
