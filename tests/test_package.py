"""The package as a newcomer meets it: light to import, every public name there."""

import subprocess
import sys
from pathlib import Path

import pytest

import annotaudit as aa

HEAVY = ("pandas", "matplotlib", "scipy", "sklearn", "anywidget", "requests", "PIL", "boto3")


def loaded_by(statement: str) -> set[str]:
    """Names of the heavy packages that a fresh interpreter holds after the statement."""
    code = f"import sys; {statement}; print(*[n for n in {HEAVY!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_import_loads_nothing_heavy():
    assert loaded_by("import annotaudit") == set()


def test_measuring_loads_no_pictures():
    assert loaded_by("import annotaudit as aa; aa.iou") == set()


@pytest.mark.parametrize("name", sorted(set(aa.__all__)))
def test_public_name_is_there(name):
    assert getattr(aa, name) is not None


@pytest.mark.parametrize(
    "statement",
    ["import annotaudit.audit", "from annotaudit.audit import findings", "import annotaudit.boxes"],
)
def test_audit_stays_a_function_whatever_was_imported_before(statement):
    code = f"{statement}; import annotaudit as aa; print(callable(aa.audit))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


def test_types_travel_with_the_package():
    assert (Path(aa.__file__).parent / "py.typed").exists()
