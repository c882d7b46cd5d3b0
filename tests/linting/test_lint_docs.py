"""docs/lint.md says what the code does."""

import re
from dataclasses import fields
from pathlib import Path

import annotaudit as aa
from annotaudit.linting.repairs import REPAIRS
from annotaudit.linting.rules import RULES

PAGE = (Path(__file__).parents[2] / "docs/lint.md").read_text(encoding="utf-8")


def test_every_rule_stands_there_with_its_severity():
    told = dict(re.findall(r"^\| `(\w+)` \| (error|warning|note) \|", PAGE, flags=re.MULTILINE))
    assert told == {rule.name: rule.severity for rule in RULES}


def test_every_limit_stands_there_with_its_default():
    for limit in fields(aa.LintLimits):
        assert f"`{limit.name}` {limit.default:g}" in PAGE


def test_every_repair_stands_there():
    section = PAGE.partition("## Safe repairs")[2]
    told = re.findall(r"^\| `(\w+)` \|", section.partition("## In")[0], flags=re.MULTILINE)
    assert told == [repair.name for repair in REPAIRS]
