import json

import pytest
from typer.testing import CliRunner

from annotaudit.cli import app


def seq_label(tracks):
    """Make a Ground Truth label file of tracks, each a list of (left, top, width, height)."""
    n = max(len(boxes) for boxes in tracks.values())
    return {
        "tracking-annotations": [
            {
                "frame-no": str(frame),
                "frame": f"{frame:04d}.jpg",
                "annotations": [
                    dict(zip(("left", "top", "width", "height"), boxes[frame], strict=True))
                    | {"object-name": name, "object-id": name, "class-id": "0"}
                    for name, boxes in tracks.items()
                    if frame < len(boxes) and boxes[frame]
                ],
            }
            for frame in range(n)
        ]
    }


@pytest.fixture
def write_labels(tmp_path):
    """Save tracks, each a list of boxes or None, as a Ground Truth label file."""

    def write(tracks):
        path = tmp_path / "SeqLabel.json"
        path.write_text(json.dumps(seq_label(tracks)))
        return path

    return write


@pytest.fixture
def label_file(write_labels):
    """Twelve frames of a walking person and a parked car; the person's box halves on frame 6."""
    person = [(100 + 4 * frame, 50, 40, 100) for frame in range(12)]
    person[6] = (124, 50, 40, 50)  # the planted mistake
    return write_labels({"Person:1": person, "Car:1": [(300, 80, 90, 60)] * 12})


@pytest.fixture
def run():
    """Run the command line; what it says on both streams is in the result."""

    def run(*arguments):
        return CliRunner(env={"COLUMNS": "120"}).invoke(app, [str(each) for each in arguments])

    return run
