import csv
from pathlib import Path

import pandas as pd
import pytest

import annotaudit as aa
from annotaudit.boxes import TEXT
from annotaudit.cli.export import keep_what_is_read, save_table
from annotaudit.errors import LimitError

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"]


def test_text_that_a_spreadsheet_would_run_gets_an_apostrophe(tmp_path):
    table = pd.DataFrame({"track": pd.Series([*FORMULAS, "a=b", None], dtype=TEXT)})
    with save_table(table, tmp_path / "findings.csv").open(newline="", encoding="utf-8") as file:
        cells = [row[0] for row in csv.reader(file)][1:]
    assert cells == [*(f"'{formula}" for formula in FORMULAS), "a=b", ""]


def test_negative_numbers_stay_numbers(tmp_path):
    path = save_table(pd.DataFrame({"left": [-1.5]}), tmp_path / "findings.csv")
    assert path.read_bytes() == b"left\r\n-1.5\r\n"


def test_a_write_that_fails_leaves_the_old_file_alone(tmp_path, monkeypatch):
    path = tmp_path / "findings.csv"
    path.write_text("old")
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        save_table(pd.DataFrame({"a": [1]}), path)
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["findings.csv"]


def test_the_callers_table_stays_as_it_is(tmp_path):
    table = pd.DataFrame({"track": ["=1"]})
    save_table(table, tmp_path / "findings.csv")
    assert table["track"][0] == "=1"


@pytest.mark.parametrize("named", ["boxes.csv", ".", "*.csv"])
def test_results_are_not_written_over_the_labels_that_are_read(run, tmp_path, monkeypatch, named):
    monkeypatch.chdir(tmp_path)
    aa.save(aa.datasets.station(), "boxes.csv")
    before = Path("boxes.csv").read_bytes()
    for command in (
        ["audit", named, "--out", "boxes.csv"],
        ["audit", named, "--report", "boxes.csv", "--replace"],
        ["selftest", named, "--plot", "boxes.csv"],
        ["compare", "other.csv", named, "--picture", tmp_path / "boxes.csv"],
        ["run-quality-check", "--lab_path", named, "--save_path", "boxes.csv"],
        ["mturk", "plan", named, "--out", "boxes.csv"],
    ):
        result = run(*command)
        assert result.exit_code == 2, result.output
        assert "boxes.csv holds the labels that are read; name another" in result.stderr
    assert Path("boxes.csv").read_bytes() == before


def test_results_of_an_earlier_run_beside_the_labels_are_replaced(tmp_path):
    labels = tmp_path / "gt.txt"
    labels.write_text("1,1,10,20,30,40,1,1,1\n")
    (tmp_path / "audit.html").write_text("<html>")
    keep_what_is_read("--report", tmp_path / "audit.html", str(tmp_path))
    keep_what_is_read("--out", tmp_path / "new.csv", str(labels))
    keep_what_is_read("--out", "s3://hall/findings.csv", "s3://hall/boxes.csv")
    with pytest.raises(LimitError, match="s3://hall/boxes.csv holds the labels"):
        keep_what_is_read("--out", "s3://hall/boxes.csv", "s3://hall/boxes.csv")
