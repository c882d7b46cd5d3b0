import os
import subprocess
import sys
from pathlib import Path

import pytest

import annotaudit

COMMANDS = ["audit", "demo", "convert", "run-quality-check", "review"]


def test_help_names_every_command_and_the_exit_codes(run):
    result = run("--help")
    assert result.exit_code == 0
    for text in (*COMMANDS, "Exit codes: 0 done"):
        assert text in result.output


@pytest.mark.parametrize(
    "command", [["audit"], ["convert"], ["run-quality-check"], ["review", "summary"]]
)
def test_help_of_a_command_shows_an_example(run, command):
    result = run(*command, "--help")
    assert result.exit_code == 0
    assert f"annotaudit {' '.join(command)} " in result.output


def test_version(run):
    assert run("--version").output == f"annotaudit {annotaudit.__version__}\n"


def test_help_loads_nothing_heavy():
    program = (
        "import sys; from annotaudit.cli import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'numpy', 'pandas', 'matplotlib', 'scipy', 'PIL'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert ran.stdout.splitlines()[-1] == b"[]"


def test_a_file_that_is_not_there_is_one_message_and_exit_code_3():
    ran = subprocess.run(
        [str(Path(sys.executable).with_name("annotaudit")), "audit", "no-such-file.json"],
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 3
    assert ran.stdout == ""
    assert ran.stderr.startswith("annotaudit: no-such-file.json does not exist")
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_letters_that_a_terminal_lacks_cost_nothing_else(encoding, write_labels):
    labels = write_labels(
        {"\u4eba:1": [(100 + 4 * n, 50, 40, 50 + 50 * (n != 6)) for n in range(12)]}
    )
    for words in (["--help"], ["audit", str(labels)]):
        ran = subprocess.run(
            [str(Path(sys.executable).with_name("annotaudit")), *words],
            capture_output=True,
            env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
        )
        assert ran.returncode == 0, ran.stderr
        assert b"Traceback" not in ran.stderr
    assert b"?:1" in ran.stdout


def test_a_message_cannot_drive_the_terminal(run):
    result = run("audit", "\x1b[2Jnone.json")
    assert result.exit_code == 3
    assert "\x1b[2J" not in result.output
