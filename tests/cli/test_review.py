import pandas as pd
import pytest

import annotaudit as aa
from annotaudit.review import Ledger


@pytest.fixture
def ledger(label_file):
    """Judge every finding of the label file: the halved box is corrected."""
    ledger = Ledger.beside(label_file, reviewer="ann")
    findings = aa.audit(aa.load(label_file))
    for _, finding in findings[findings["frame"] == 6].iterrows():
        ledger.append(finding, "mistake", corrected=(124, 50, 40, 100))
    return ledger


def test_summary_shows_each_rule_with_its_interval(run, ledger):
    result = run("review", "summary", ledger.path)
    assert result.exit_code == 0
    for rule in ledger.read()["rule"]:
        assert rule in result.stdout
    assert "100%" in result.stdout


def test_summary_reports_a_torn_line(run, ledger):
    with ledger.path.open("ab") as file:
        file.write(b'{"schema": 1')
    result = run("review", "summary", ledger.path)
    assert result.exit_code == 0
    assert "left out" in result.stderr


def test_apply_writes_the_corrected_labels_and_leaves_the_old(run, label_file, ledger, tmp_path):
    before = label_file.read_bytes()
    out = tmp_path / "corrected.json"
    result = run("review", "apply", label_file, ledger.path, out)
    assert result.exit_code == 0, result.output
    boxes = aa.load(out).boxes
    person = boxes[boxes["track"] == "Person:1"]
    assert person["height"].tolist() == [100.0] * 12
    assert label_file.read_bytes() == before
    pd.testing.assert_frame_equal(
        boxes[boxes["track"] == "Car:1"].reset_index(drop=True)[["left", "width"]],
        pd.DataFrame({"left": [300.0] * 12, "width": [90.0] * 12}),
    )


def test_a_ledger_that_is_none_is_exit_code_3(run, label_file):
    result = run("review", "summary", label_file)
    assert result.exit_code == 3
    assert "not a ledger" in result.stderr
