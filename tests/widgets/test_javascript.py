"""The scrubber's logic that needs no browser, under Node's own runner."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def test_javascript():
    node = shutil.which("node")
    if node is None:
        missing = "Node is missing; on Debian or Ubuntu: sudo apt install nodejs"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    files = [str(path) for path in sorted(HERE.glob("*.test.js"))]
    done = subprocess.run(
        [node, "--test", *files], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
