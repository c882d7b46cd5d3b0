"""Lint findings for programs: JSON, SARIF 2.1.0, and the commands GitHub's runners understand."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd

from annotaudit.linting.baseline import fingerprints
from annotaudit.linting.groups import group_findings, where
from annotaudit.linting.rules import RULES, SEVERITIES

JSON_VERSION = 1
SARIF_RESULTS = 5_000  # GitHub shows no more of one upload
GITHUB_COMMANDS = 10  # of one kind and step; GitHub shows no more
SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
HOME = "https://pypi.org/project/annotaudit/"
_COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}


def counts_of(findings: pd.DataFrame) -> dict[str, int]:
    """Count findings by severity."""
    return {name: int((findings["severity"] == name).sum()) for name in SEVERITIES}


def as_json(findings: pd.DataFrame, *, labels: str, version: str) -> dict[str, Any]:
    """Make one object of all findings; numbers that are not known are null.

    Parameters
    ----------
    findings : DataFrame
    labels : str
        What the user named.
    version : str
        Of annotaudit.

    Returns
    -------
    dict
        ``format_version``, ``tool``, ``version``, ``labels``, ``counts``, ``groups`` and
        ``findings``, each finding with its ``fingerprint``. Keys may be added within a format
        version, never taken away or given another meaning.
    """
    rows = findings.assign(fingerprint=fingerprints(findings)).to_dict("records")
    groups = group_findings(findings).to_dict("records")
    return {
        "format_version": JSON_VERSION,
        "tool": "annotaudit lint",
        "version": version,
        "labels": labels,
        "counts": counts_of(findings),
        "groups": [_plain(group) for group in groups],
        "findings": [_plain(row) for row in rows],
    }


def _plain(row: dict[Any, Any]) -> dict[str, Any]:
    return {str(key): None if _unknown(value) else value for key, value in row.items()}


def _unknown(value: Any) -> bool:
    return value is None or (isinstance(value, float) and not math.isfinite(value))


def as_sarif(findings: pd.DataFrame, *, labels: str, version: str) -> dict[str, Any]:
    """Make a SARIF 2.1.0 log, which GitHub, Azure DevOps and editors show.

    Every result points at the label file as a whole (label files have no lines a person could go
    to) and says in words and as a logical location where in it. Of more than 5,000 findings the
    most suspicious are written, and a notification says how many are not.

    Parameters
    ----------
    findings, labels, version
        As in :func:`as_json`.
    """
    shown = findings.head(SARIF_RESULTS)
    place_of = {rule.name: place for place, rule in enumerate(RULES)}
    marks = fingerprints(shown)
    results = [
        _result(row, mark, place_of[row.rule], labels)
        for row, mark in zip(shown.itertuples(), marks, strict=True)
    ]
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "annotaudit lint",
                "version": version,
                "semanticVersion": version,
                "informationUri": HOME,
                "rules": [
                    {
                        "id": rule.name,
                        "shortDescription": {"text": f"{rule.what[0].upper()}{rule.what[1:]}."},
                        "defaultConfiguration": {"level": rule.severity},
                    }
                    for rule in RULES
                ],
            }
        },
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": True}],
        "results": results,
    }
    if left := len(findings) - len(shown):
        text = f"{left:,} more findings are not listed; annotaudit lint --format json lists all."
        run["invocations"][0]["toolExecutionNotifications"] = [
            {"level": "warning", "message": {"text": text}}
        ]
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _result(row: Any, mark: str, rule: int, labels: str) -> dict[str, Any]:
    file = row.source if isinstance(row.source, str) and row.about == "file" else labels
    properties = {
        name: value
        for name in ("about", "sequence", "frame", "image", "track", "label", "annotator", "fix",
                     "score", "value", "limit", "unit", "left", "top", "width", "height")
        if not _unknown(value := getattr(row, name)) and value != ""
    }  # fmt: skip
    return {
        "ruleId": row.rule,
        "ruleIndex": rule,
        "level": row.severity,
        "message": {"text": f"{where(row)}: {row.reason}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(file)},
                    "region": {"startLine": 1},
                },
                "logicalLocations": [{"fullyQualifiedName": where(row), "kind": row.about}],
            }
        ],
        "partialFingerprints": {"annotaudit/v1": mark},
        "properties": properties,
    }


def _uri(path: str) -> str:
    """Write a path as a URI reference, relative to where the command runs if it lies below."""
    if "://" in path:
        return quote(path, safe="/:?&=%#+,;@!$'()*[]~")
    file = _seen_from_here(path)
    if file.is_absolute():
        return file.as_uri()
    # A colon in the first part would end a scheme; quote() escapes it.
    return quote(file.as_posix())


def _seen_from_here(path: str) -> Path:
    """Make a path, or the folder of a pattern, relative to where the command runs, if below."""
    file, here = Path(path), Path.cwd()
    if not file.exists():
        is_plain = [not set("*?[") & set(part) for part in file.parts]
        file = Path(*file.parts[: [*is_plain, False].index(False)])
    return file.relative_to(here) if file.is_relative_to(here) else file


def as_github(findings: pd.DataFrame, *, labels: str) -> list[str]:
    """Make workflow commands, one per group, which GitHub shows beside a pull request.

    Of each kind GitHub shows ten; the last one says how many groups are left.

    Parameters
    ----------
    findings : DataFrame
    labels : str
        The label file.

    Examples
    --------
    >>> import annotaudit as aa
    >>> car = pd.DataFrame({
    ...     "sequence": "a,b", "frame": [3], "track": None, "label": "50%", "annotator": "ann",
    ...     "left": 10, "top": 5, "width": 0, "height": 20})
    >>> as_github(aa.lint(car, rules="impossible_box"), labels="SeqLabel.json")[0]
    '::error file=SeqLabel.json,line=1,title=impossible_box (1)::Not a box: its width is 0; ...
    """
    groups = group_findings(findings)
    file = labels if "://" in labels else _seen_from_here(labels).as_posix()
    lines = []
    for severity, command in _COMMANDS.items():
        own = groups[groups["severity"] == severity]
        kept = len(own) if len(own) <= GITHUB_COMMANDS else GITHUB_COMMANDS - 1
        for group in own.head(kept).to_dict("records"):
            end = "" if group["reason"].endswith((".", "?")) else "."
            message = f"{group['reason']}{end} At {'; '.join(group['examples'])}"
            more = group["count"] - len(group["examples"])
            message += f"; and {more:,} more." if more else "."
            title = f"{group['rule']} ({group['count']})"
            lines.append(_command(command, message, file=file, line="1", title=title))
        if left := len(own) - kept:
            lines.append(_command(command, f"{left} more groups of findings.", file=file))
    return lines


def _command(command: str, message: str, **properties: str) -> str:
    named = ",".join(f"{key}={_escaped(value, ':,')}" for key, value in properties.items())
    return f"::{command} {named}::{_escaped(message)}"


def _escaped(text: str, more: str = "") -> str:
    """Escape what would end a command or begin another; every other control character is shown."""
    return "".join(
        f"%{ord(letter):02X}" if letter in "%\r\n" + more else letter if letter.isprintable()
        else "\N{REPLACEMENT CHARACTER}"
        for letter in text
    )  # fmt: skip
