import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import annotaudit as aa
from annotaudit.errors import LimitError
from annotaudit.linting.baseline import (
    fingerprints,
    leave_out_accepted,
    read_baseline,
    write_baseline,
)

RULES = ["impossible_box", "tiny_box"]


@pytest.fixture
def flawed(video):
    labels = video()
    labels.boxes.loc[[3, 7], "width"] = [0.0, 1.0]
    return labels


def test_what_was_accepted_is_left_out(flawed, tmp_path):
    findings = aa.lint(flawed, rules=RULES)
    accepted = read_baseline(write_baseline(tmp_path / "accepted.json", findings))
    assert leave_out_accepted(findings, accepted).empty
    flawed.boxes.loc[9, "width"] = 0.0
    new = leave_out_accepted(aa.lint(flawed, rules=RULES), accepted)
    assert new[["rule", "frame"]].to_numpy().tolist() == [["impossible_box", 9]]


def test_a_fingerprint_survives_another_order_small_edits_and_renumbering(flawed):
    before = set(fingerprints(aa.lint(flawed, rules=RULES)))
    boxes = flawed.boxes.sample(frac=1, random_state=1)
    boxes["left"] += 1.5
    assert set(fingerprints(aa.lint(replace(flawed, boxes=boxes), rules=RULES))) == before
    later, frames = (t.assign(frame=t["frame"] + 5) for t in (flawed.boxes, flawed.frames))
    moved = replace(flawed, boxes=later, frames=frames)
    assert set(fingerprints(aa.lint(moved, rules=RULES))) == before  # the pictures are the same


@pytest.mark.parametrize("column", ["sequence", "track", "annotator", "label"])
def test_another_object_has_another_fingerprint(flawed, column):
    before = fingerprints(aa.lint(flawed.boxes, rules=RULES))
    other = fingerprints(aa.lint(flawed.boxes.assign(**{column: "other"}), rules=RULES))
    assert not set(before) & set(other)


def test_more_findings_than_accepted_are_all_shown(stills):
    rows = [(0, "car", x, 10, 1, 30) for x in (10, 50)]
    accepted = dict.fromkeys(fingerprints(aa.lint(stills(rows), rules=RULES)), 2)
    assert leave_out_accepted(aa.lint(stills(rows), rules=RULES), accepted).empty
    three = aa.lint(stills([*rows, (0, "car", 90, 10, 1, 30)]), rules=RULES)
    assert len(leave_out_accepted(three, accepted)) == 3
    assert leave_out_accepted(three.head(1), accepted).empty


def test_a_line_number_is_no_part_of_a_finding_about_a_file(video):
    def unread(line):
        problems = pd.DataFrame({"source": ["a/gt.txt"], "where": [line], "what": ["not a box"]})
        return fingerprints(aa.lint(replace(video(), problems=problems)))[0]

    assert unread("line 3") == unread("line 7")


def test_findings_about_sequences_and_labels_have_fingerprints_too(video, stills):
    labels = video()
    labels = replace(labels, frames=labels.frames.assign(time=np.nan))
    assert len(fingerprints(aa.lint(labels))[0]) == 16
    named = stills([(0, "car", 1, 1, 9, 9), (1, "Car", 1, 1, 9, 9), (2, "car", 1, 1, 9, 9)])
    moved = stills([(0, "car", 1, 1, 9, 9), (1, "car", 1, 1, 9, 9), (2, "Car", 1, 1, 9, 9)])
    assert fingerprints(aa.lint(named))[0] == fingerprints(aa.lint(moved))[0]


def test_a_baseline_is_a_file_to_read_and_compare(flawed, tmp_path):
    path = write_baseline(tmp_path / "accepted.json", aa.lint(flawed, rules=RULES))
    content = json.loads(path.read_text())
    assert content["version"] == 1
    assert [(entry["rule"], entry["where"], entry["count"]) for entry in content["accepted"]] == [
        ("impossible_box", "street, frame 3 (000004.jpg), car:1", 1),
        ("tiny_box", "street, frame 7 (000008.jpg), car:1", 1),
    ]
    assert len(path.read_text().splitlines()) == 4  # a line each
    assert read_baseline(write_baseline(path, aa.lint(flawed, rules="gap"))) == {}


@pytest.mark.parametrize(
    "content",
    ["[]", '{"version": 2, "accepted": []}', '{"version": 1, "accepted": [{"count": 1}]}',
     '{"version": 1, "accepted": [{"fingerprint": "a", "count": "x"}]}',
     '{"version": 1, "accepted": [3]}'],
)  # fmt: skip
def test_what_is_no_baseline_is_refused(tmp_path, content):
    path = tmp_path / "accepted.json"
    path.write_text(content)
    with pytest.raises(LimitError, match="accepted.json"):
        read_baseline(path)
