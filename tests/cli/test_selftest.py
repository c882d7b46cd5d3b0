"""``annotaudit selftest`` from a terminal."""

from typer.testing import CliRunner

import annotaudit as aa
from annotaudit.cli.app import app


def test_it_says_how_many_planted_mistakes_would_be_found(tmp_path):
    picture = tmp_path / "selftest.png"
    truth = aa.datasets.path("station") / "gt" / "gt.txt"
    options = ["--repeats", "1", "--budget", "40", "--plot", str(picture)]
    done = CliRunner().invoke(app, ["selftest", str(truth), *options])
    assert done.exit_code == 0, done.output
    assert "95 % interval" in done.output
    assert picture.read_bytes().startswith(b"\x89PNG")
