"""The picture of the house in DESIGN.md, held against the imports."""

import ast
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[1] / "annotaudit"
LEVELS = {
    "errors": 0,
    "boxes": 1,
    "frames": 1,
    "geometry": 1,
    "formats": 2,
    "metrics": 2,
    "plotting": 3,
    "audit": 3,
    "review": 3,
    "datasets": 3,
    "widgets": 4,
    "report": 4,
    "aws": 4,
    "tasks": 4,
    "comparison": 4,
    "bridges": 4,
    "linting": 4,
    "cli": 5,
    "testing": 5,
}
SET_ASIDE = {"bundled", "__init__", "__main__"}  # data; the doors
FILES = sorted(HOUSE.rglob("*.py"))


def part_of(path):
    return path.relative_to(HOUSE).parts[0].removesuffix(".py")


def imported_parts(path):
    """Parts of annotaudit that a file imports anywhere: on top, in a function, for its types."""
    package = ["annotaudit", *path.relative_to(HOUSE).parent.parts]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            whole = ".".join([*start, *filter(None, [node.module])])
            names = [f"{whole}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            first, *rest = name.split(".")
            if first == "annotaudit" and rest:
                yield node.lineno, rest[0]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HOUSE)))
def test_every_part_has_its_place_in_the_house(path):
    assert part_of(path) in LEVELS.keys() | SET_ASIDE, f"{part_of(path)} is on no level"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HOUSE)))
def test_imports_run_downwards_only(path):
    part = part_of(path)
    if part in SET_ASIDE:
        return
    for line, other in imported_parts(path):
        if other == part or other not in LEVELS:
            continue  # files inside a part may; a name such as __version__ is no part
        assert LEVELS[other] < LEVELS[part], (
            f"{path.relative_to(HOUSE)}:{line}: {part} (level {LEVELS[part]}) imports {other} "
            f"(level {LEVELS[other]}); imports run downwards only"
        )


def test_the_reader_sees_every_kind_of_import(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "HOUSE", tmp_path)
    (tmp_path / "audit").mkdir()
    spy = tmp_path / "audit" / "spy.py"
    spy.write_text(
        "import annotaudit.cli\n"
        "from annotaudit import widgets\n"
        "from annotaudit.report import page\n"
        "from ..aws import plans\n"
        "from . import limits\n"
        "if TYPE_CHECKING:\n    from annotaudit.tasks import cvat\n"
        "def later():\n    import annotaudit.plotting.style\n"
    )
    assert {part for _, part in imported_parts(spy)} == {
        "cli",
        "widgets",
        "report",
        "aws",
        "audit",
        "tasks",
        "plotting",
    }
