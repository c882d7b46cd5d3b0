import pytest

import annotaudit as aa
from annotaudit.errors import LimitError
from annotaudit.linting.config import read_config

TOML = """
classes = ["person", "car"]
[severities]
gap = "off"
[limits]
min_side = 3
[class_limits.person]
max_overhang = 8
"""
YAML = """
classes: [person, car]
severities: {gap: off}
limits: {min_side: 3}
class_limits: {person: {max_overhang: 8}}
"""


@pytest.mark.parametrize(("name", "text"), [("lint.toml", TOML), ("lint.yaml", YAML)])
def test_a_configuration_in_either_language(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    config = read_config(tmp_path / name)
    assert config.classes == ["person", "car"]
    assert config.severities == {"gap": "off"}
    assert config.limits == {
        "*": aa.LintLimits(min_side=3),
        "person": aa.LintLimits(min_side=3, max_overhang=8),
    }


def test_an_empty_configuration_changes_nothing(tmp_path):
    (tmp_path / "lint.toml").write_text("")
    assert read_config(tmp_path / "lint.toml").limits == {"*": aa.LintLimits()}


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.toml", "severity = 3", "'severity' is not known"),
        ("a.toml", "limits = 3", "limits is 3; expected a table"),
        ("a.toml", "[limits]\nmin_sid = 3", "limits.min_sid is not known"),
        ("a.toml", "[limits]\nmin_side = -3", "a.toml, limits: min_side=-3: expected a number of"),
        ("a.toml", "[class_limits]\ncar = 3", "class_limits.car is 3"),
        ("a.toml", "classes = 'car'", "expected a list of names"),
        ("a.toml", "classes = [", "a.toml: "),
        ("a.yaml", "a: [", "a.yaml: "),
        ("a.yaml", "- a", "found no table of settings"),
        ("a.ini", "", "expected .toml or .yaml"),
        ("gone/a.toml", None, "cannot be read"),
    ],
)
def test_what_is_wrong_in_a_configuration_is_named(tmp_path, name, text, says):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(LimitError, match=says):
        read_config(tmp_path / name)
