"""What the tests of the scrubber share."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))  # browser_lab and planted_street stand beside us

from planted_street import draw_labels, planted  # noqa: E402


@pytest.fixture
def labels(tmp_path):
    return draw_labels(tmp_path / "img")


@pytest.fixture
def findings(labels):
    return planted(labels)
