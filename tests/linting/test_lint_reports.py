import json
import re
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import annotaudit as aa
from annotaudit.linting import reports
from annotaudit.linting.groups import GROUP_COLUMNS, group_findings

TEXT = {"type": "string"}
MESSAGE = {"type": "object", "required": ["text"], "properties": {"text": TEXT}}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
URI = {"type": "string", "pattern": r"^[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+$"}


def closed(required, **properties):
    """An object that may have these keys and no others, as SARIF's objects may."""
    return {
        "type": "object", "additionalProperties": False, "required": required,
        "properties": properties,
    }  # fmt: skip


# What SARIF 2.1.0 (OASIS, sections 3.13 to 3.49) asks of the objects that are written here.
SARIF = closed(
    ["version", "runs"],
    **{"$schema": URI},
    version={"const": "2.1.0"},
    runs={
        "type": "array",
        "items": closed(
            ["tool"],
            tool=closed(
                ["driver"],
                driver=closed(
                    ["name"],
                    name=TEXT,
                    version=TEXT,
                    semanticVersion={"type": "string", "pattern": r"^\d+\.\d+\.\d+"},
                    informationUri=URI,
                    rules={
                        "type": "array",
                        "uniqueItems": True,
                        "items": closed(
                            ["id"],
                            id=TEXT,
                            shortDescription=MESSAGE,
                            defaultConfiguration=closed([], level=LEVEL),
                        ),
                    },
                ),
            ),
            columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
            invocations={
                "type": "array",
                "items": closed(
                    ["executionSuccessful"],
                    executionSuccessful={"type": "boolean"},
                    toolExecutionNotifications={
                        "type": "array",
                        "items": closed(["message"], level=LEVEL, message=MESSAGE),
                    },
                ),
            },
            results={
                "type": "array",
                "items": closed(
                    ["message"],
                    ruleId=TEXT,
                    ruleIndex={"type": "integer", "minimum": -1},
                    level=LEVEL,
                    message=MESSAGE,
                    locations={
                        "type": "array",
                        "items": closed(
                            [],
                            physicalLocation=closed(
                                ["artifactLocation"],
                                artifactLocation=closed([], uri=URI),
                                region=closed([], startLine={"type": "integer", "minimum": 1}),
                            ),
                            logicalLocations={
                                "type": "array",
                                "uniqueItems": True,
                                "items": closed([], fullyQualifiedName=TEXT, kind=TEXT),
                            },
                        ),
                    },
                    partialFingerprints={"type": "object", "additionalProperties": TEXT},
                    properties={"type": "object"},
                ),
            },
        ),
    },
)


@pytest.fixture
def findings(video):
    """An empty box of a hostile name, tiny boxes of two classes, no times."""
    labels = video()
    boxes = labels.boxes
    boxes.loc[3, ["width", "track"]] = [0.0, "a::b,c%\n::error::x"]
    boxes.loc[[5, 6, 7, 8], "width"] = 1.0
    boxes.loc[[8], "label"] = "bus"
    return aa.lint(
        replace(labels, frames=labels.frames.assign(time=np.nan)),
        rules=["impossible_box", "tiny_box", "time_missing"],
    )


def sarif_of(findings, labels="jobs/My labels: 1.json"):
    made = reports.as_sarif(findings, labels=labels, version="1.2.3")
    return json.loads(json.dumps(made, allow_nan=False))


def test_sarif_is_what_the_standard_asks_for(findings):
    log = sarif_of(findings)
    jsonschema.Draft7Validator.check_schema(SARIF)
    jsonschema.validate(log, SARIF)
    run = log["runs"][0]
    assert [result["level"] for result in run["results"]] == ["error", *["warning"] * 4, "note"]
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert re.fullmatch("[0-9a-f]{16}", result["partialFingerprints"]["annotaudit/v1"])
    first = run["results"][0]
    place = first["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert place == "jobs/My%20labels%3A%201.json"
    assert first["message"]["text"].startswith("street, frame 3 (000004.jpg), a::b")
    assert first["properties"]["fix"] == "drop_empty"


def test_sarif_of_nothing_is_a_run_without_results(video):
    log = sarif_of(aa.lint(video()))
    jsonschema.validate(log, SARIF)
    assert log["runs"][0]["results"] == []


def test_sarif_says_how_many_findings_it_leaves_out(findings, monkeypatch):
    monkeypatch.setattr(reports, "SARIF_RESULTS", 2)
    log = sarif_of(findings)
    jsonschema.validate(log, SARIF)
    assert [result["ruleId"] for result in log["runs"][0]["results"]] == [
        "impossible_box",
        "tiny_box",
    ]
    notice = log["runs"][0]["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]
    assert notice.startswith("4 more findings are not listed")


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("labels/a b.json", "labels/a%20b.json"),
        ("c:a.json", "c%3Aa.json"),
        ("jobs/*/SeqLabel.json", "jobs"),
        ("*.json", "."),
        ("s3://bucket/a.json", "s3://bucket/a.json"),
        ("/somewhere/else.json", "file:///somewhere/else.json"),
        (str(Path.cwd() / "here" / "x#1.json"), "here/x%231.json"),
    ],
)
def test_a_path_becomes_a_uri(findings, path, uri):
    result = sarif_of(findings, labels=path)["runs"][0]["results"][0]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri


def test_json_has_what_is_documented(findings):
    made = json.loads(
        json.dumps(
            reports.as_json(findings, labels="a.json", version=version("annotaudit")),
            allow_nan=False,
        )
    )
    assert list(made) == [
        "format_version", "tool", "version", "labels", "counts", "groups", "findings",
    ]  # fmt: skip
    assert made["counts"] == {"error": 1, "warning": 4, "note": 1}
    assert len(made["findings"]) == 6
    assert list(made["groups"][0]) == list(GROUP_COLUMNS)
    note = made["findings"][-1]
    assert note["left"] is None and note["about"] == "sequence" and note["fix"] is None
    assert len(note["fingerprint"]) == 16


def test_github_commands_are_one_line_each_and_nothing_in_them_is_a_command(findings):
    lines = reports.as_github(findings, labels="a,b:c%.json")
    assert [line.split(" ")[0] for line in lines] == ["::error", *["::warning"] * 2, "::notice"]
    assert all(
        re.fullmatch(r"::\w+ file=a%2Cb%3Ac%25\.json,line=1,title=[^:,]+::.+", s) for s in lines
    )
    assert "a::b,c%25%0A::error::x" in lines[0]
    here = reports.as_github(findings, labels=str(Path.cwd() / "labels/a.json"))
    assert here[0].startswith("::error file=labels/a.json,")
    assert lines[1].endswith("and 1 more.") or "street, frame 5" in lines[1]


def test_github_gets_ten_of_a_kind_and_the_last_counts_the_rest(stills):
    labels = stills([(0, f"thing {n}", 30 * n, 10, 1, 30) for n in range(15)])
    lines = reports.as_github(aa.lint(labels, rules="tiny_box"), labels="a.json")
    assert len(lines) == 10
    assert lines[-1] == "::warning file=a.json::6 more groups of findings."


def test_groups_put_the_gravest_and_largest_first(findings):
    groups = group_findings(findings)
    assert groups[["rule", "label", "count"]].fillna("").to_numpy().tolist() == [
        ["impossible_box", "car", 1],
        ["tiny_box", "car", 3],
        ["tiny_box", "bus", 1],
        ["time_missing", "", 1],
    ]
    assert groups["examples"][3] == ["street"]
    assert group_findings(findings.head(0)).empty
