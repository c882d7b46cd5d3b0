"""A real JupyterLab on a free loopback port, and a real Chromium to drive it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
from playwright.sync_api import Page, Playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = (
    "No Chromium was found; on Debian or Ubuntu: sudo apt install chromium "
    "(elsewhere: playwright install chromium)"
)
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
STARTED = """() => {
  const shown = window.jupyterapp?.shell?.currentWidget;
  return shown?.context?.sessionContext?.session?.kernel?.status === "idle";
}"""
IDLE = """() => {
  const shown = window.jupyterapp.shell.currentWidget;
  const busy = shown.content.widgets.some((cell) => cell.promptNode?.textContent.includes("*"));
  return !busy && shown.context.sessionContext.session.kernel.status === "idle";
}"""


def find_chromium(playwright: Playwright) -> str | None:
    """Give the path of a Chromium, or None."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    own = playwright.chromium.executable_path
    return found or (own if Path(own).is_file() else None)


@contextmanager
def running_lab(folder: Path) -> Iterator[str]:
    """Serve a folder with JupyterLab; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {name: str(folder / f".{name.lower()}") for name in ("CONFIG", "DATA", "RUNTIME")}
    environment = os.environ | {f"JUPYTER_{name}_DIR": path for name, path in own.items()}
    environment["JUPYTERLAB_SETTINGS_DIR"] = str(folder / ".settings")
    environment.pop("MPLBACKEND", None)  # the notebook's kernel chooses its own
    settings = folder / ".settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True, exist_ok=True)
    quiet = {"checkForUpdates": False, "fetchNews": "false"}
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(quiet))
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += [f"--port={port}", "--ip=127.0.0.1", f"--ServerApp.root_dir={folder}"]
    command += ["--LabApp.expose_app_in_browser=True", "--IdentityProvider.token="]
    command += ["--LabApp.collaborative=False", "--LabApp.news_url=None"]
    with (folder / ".lab.log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(f"{address}/api", process, folder / ".lab.log")
            yield address
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=2).close()
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")


def write_notebook(path: Path, cells: list[str]) -> None:
    """Save cells of code as a notebook."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata.kernelspec = {  # without one, the browser would ask for it
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    nbformat.write(notebook, path)


def open_notebook(page: Page, address: str, name: str) -> None:
    """Open a notebook and wait for its kernel."""
    page.goto(f"{address}/doc/tree/{name}?reset")
    page.wait_for_function("window.jupyterapp")
    page.evaluate("window.jupyterapp.restored.then(() => true)")
    page.wait_for_function(STARTED, timeout=60_000)


def run_all(page: Page) -> None:
    """Run every cell and wait for the last."""
    page.evaluate("void window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.wait_for_timeout(200)
    page.wait_for_function(IDLE, timeout=90_000)


def ask(page: Page, code: str) -> str:
    """Run code in the notebook's kernel and give what it prints."""
    return str(
        page.evaluate(
            """async (code) => {
              const { session } = window.jupyterapp.shell.currentWidget.context.sessionContext;
              const future = session.kernel.requestExecute({ code, store_history: false });
              let said = "";
              future.onIOPub = ({ content }) => {
                said += content.text ?? content.traceback?.join("\\n") ?? "";
              };
              await future.done;
              return said;
            }""",
            code,
        )
    )
