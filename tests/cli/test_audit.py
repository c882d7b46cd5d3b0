import pandas as pd
import pytest

import annotaudit as aa
from annotaudit.datasets import path
from annotaudit.review import Ledger


def test_the_planted_mistake_comes_first(run, label_file):
    result = run("audit", label_file)
    assert result.exit_code == 0
    first = next(line for line in result.stdout.splitlines() if line.startswith("1 "))
    assert "Person:1" in first
    assert " 6 " in first


@pytest.mark.parametrize(
    ("ending", "read"),
    [("csv", pd.read_csv), ("parquet", pd.read_parquet), ("json", pd.read_json)],
)
def test_findings_go_to_a_file(run, label_file, tmp_path, ending, read):
    out = tmp_path / "new" / f"findings.{ending}"
    result = run("audit", label_file, "--out", out)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == f"wrote {out}"
    found = read(out)
    assert (found["frame"][0], found["track"][0]) == (6, "Person:1")
    assert [each.name for each in out.parent.iterdir()] == [out.name]


def test_an_unknown_ending_is_refused_before_any_work(run, tmp_path):
    result = run("audit", "no-such-file.json", "--out", tmp_path / "findings.xlsx")
    assert result.exit_code == 2
    assert "expected .csv, .parquet or .json" in result.stderr


def test_the_tutorials_rule_and_its_limits(run, label_file, tmp_path):
    out = tmp_path / "findings.csv"
    assert run("audit", label_file, "--rules", "aws", "--out", out).exit_code == 0
    found = pd.read_csv(out)
    # Into the halved box and out of it: the area halves, then doubles; the overlap is half.
    assert sorted(set(found["frame"])) == [6, 7]
    assert run("audit", label_file, "--rules", "aws", "--size-thresh", "1.5",
               "--iou-thresh", "0.1", "--out", out).exit_code == 0  # fmt: skip
    assert pd.read_csv(out).empty


@pytest.mark.parametrize("option", [("--rules", "nonsense"), ("--iou-thresh", "40")])
def test_options_out_of_range_are_wrong_usage(run, label_file, option):
    result = run("audit", label_file, *option)
    assert result.exit_code == 2
    assert option[1] in result.stderr


def test_fail_on_sets_the_exit_code(run, label_file):
    assert run("audit", label_file, "--fail-on", "note").exit_code == 1
    quiet = ("--rules", "duplicate")
    assert run("audit", label_file, "--fail-on", "note", *quiet).exit_code == 0


def test_what_was_judged_fine_is_left_out(run, label_file, tmp_path):
    run("audit", label_file, "--out", tmp_path / "findings.parquet")
    ledger = Ledger.beside(label_file)
    for _, finding in pd.read_parquet(tmp_path / "findings.parquet").iterrows():
        ledger.append(finding, "fine")
    result = run("audit", label_file, "--verdicts", ledger.path)
    assert result.exit_code == 0
    assert "Nothing looks wrong" in result.stdout


def test_a_page_and_pictures(run, label_file, tmp_path):
    page, folder = tmp_path / "audit.html", tmp_path / "plots"
    result = run("audit", label_file, "--report", page, "--plots", folder)
    assert result.exit_code == 0
    assert page.read_text("utf-8").startswith("<!doctype html>")
    pictures = sorted(each.name for each in folder.iterdir())
    assert "worst.png" in pictures
    assert "timeline.png" in pictures
    assert all(each.read_bytes().startswith(b"\x89PNG") for each in folder.iterdir())


def test_top_says_how_many_are_not_shown(run, label_file):
    result = run("audit", label_file, "--top", "1")
    assert "the first 1 shown" in result.stdout


def test_input_that_is_no_label_file_is_exit_code_3(run, tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("bread, milk")
    result = run("audit", path)
    assert result.exit_code == 3
    assert "notes.txt" in result.stderr


def test_embed_looks_into_the_boxes(run, tmp_path):
    station, out = path("station"), tmp_path / "findings.csv"
    labels, images = station / "SeqLabel.json", station / "img1"
    result = run("audit", labels, "--frames", images, "--embed", "--out", out)
    assert result.exit_code == 0, result.output
    assert "appearance_outlier" in out.read_text()


def test_embed_without_pictures_says_where_to_name_them(run, tmp_path):
    table = tmp_path / "gt.txt"
    table.write_text("".join(f"{frame},1,10,20,30,40,1,1,1\n" for frame in range(1, 9)))
    result = run("audit", table, "--embed")
    assert result.exit_code == 2
    assert "--frames img1/" in result.stderr


def test_what_a_reviewer_saw_is_put_in(run, label_file, tmp_path):
    ledger = Ledger.beside(label_file, reviewer="ann")
    ledger.mark(aa.load(label_file).boxes.iloc[2], "extra_box")
    out = tmp_path / "findings.csv"
    assert run("audit", label_file, "--verdicts", ledger.path, "--out", out).exit_code == 0
    assert pd.read_csv(out)["rule"][0] == "seen_extra_box"
    said = run("review", "summary", ledger.path).stdout
    assert "1 by reviewers alone: of the mistakes known it found 0%" in said
