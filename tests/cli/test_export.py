import csv

import pandas as pd
import pytest

from annotaudit.boxes import TEXT
from annotaudit.cli.export import save_table

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
