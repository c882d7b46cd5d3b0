import json

import pytest

SHAPES = {
    "sound": [(100, 50, 40, 60)] * 6,
    "empty": [*[(100, 50, 40, 60)] * 5, (100, 50, 0, 60)],  # an error, with a safe repair
    "tiny": [*[(100, 50, 40, 60)] * 5, (100, 50, 1, 60)],  # a warning
}


@pytest.fixture
def labels(write_labels):
    return lambda kind: write_labels({"Car:1": SHAPES[kind]})


@pytest.mark.parametrize(
    ("kind", "fail_on", "code"),
    [
        ("sound", "error", 0), ("sound", "note", 1), ("tiny", "error", 0), ("tiny", "warning", 1),
        ("empty", "error", 1), ("empty", "never", 0),
    ],
)  # fmt: skip
def test_the_exit_code_follows_the_gravest_finding(run, labels, kind, fail_on, code):
    assert run("lint", labels(kind), "--fail-on", fail_on).exit_code == code


def test_by_default_errors_fail(run, labels):
    assert run("lint", labels("empty")).exit_code == 1
    assert run("lint", labels("tiny")).exit_code == 0


def test_unreadable_input_and_wrong_usage_have_codes_of_their_own(run, labels, tmp_path):
    (tmp_path / "notes.txt").write_text("no labels")
    assert run("lint", tmp_path / "notes.txt").exit_code == 3
    assert run("lint", tmp_path / "gone.json").exit_code == 3
    assert run("lint", labels("sound"), "--format", "xml").exit_code == 2
    assert run("lint", labels("sound"), "--rules", "gaps").exit_code == 2


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--write-baseline"], "name the file to write, with --baseline"),
        (["--dry-run"], "belong to --fix"),
        (["--out", "x.json"], "belong to --fix"),
        (["--fix"], "say where to write"),
        (["--fix", "--dry-run", "--out", "x.json"], "say where to write"),
        (["--severity", "gap"], "expected RULE=SEVERITY"),
        (["--severity", "gap=bad"], "expected 'off', 'note', 'warning' or"),
        (["--config", "gone.toml"], "gone.toml: cannot be read"),
        (["--fix", "--dry-run", "--fixes", "flip"], "no repair is called 'flip'"),
    ],
)
def test_options_that_make_no_sense_are_refused(run, labels, options, says):
    result = run("lint", labels("sound"), *options)
    assert result.exit_code == 2
    assert says in " ".join(result.output.split())


def test_the_report_names_rule_reason_place_and_repair(run, labels):
    output = run("lint", labels("empty")).stdout
    assert "error    impossible_box  1  no area or no number" in output
    assert "Not a box: its width is 0; draw it again or delete it." in output
    assert "frame 5 (0005.jpg), Car:1" in output
    assert "safe repair: drop_empty" in output
    assert "add --fix --dry-run" in output


def test_the_report_fits_into_80_columns(run, labels):
    from typer.testing import CliRunner

    from annotaudit.cli import app

    path = labels("empty")
    narrow = CliRunner(env={"COLUMNS": "80"}).invoke(app, ["lint", str(path)])
    assert max(len(line) for line in narrow.stdout.splitlines()) <= 80


def test_a_hostile_name_is_only_shown(run, write_labels):
    path = write_labels({"Car\x1b[2J[bold]:1": SHAPES["empty"]})
    output = run("lint", path).stdout
    assert "\x1b[2J" not in output
    assert "[bold]" in output


def test_top_shows_a_few_rules_and_names_the_others(run, labels):
    output = run("lint", labels("empty"), "--top", 1).stdout
    assert "more rules found something: " in output
    assert "time_missing" in output


def test_json_sarif_and_github_go_to_standard_output_alone(run, labels):
    path = labels("empty")
    made = json.loads(run("lint", path, "--format", "json", "--fail-on", "never").stdout)
    assert made["counts"]["error"] == 1
    assert made["labels"] == str(path)
    log = json.loads(run("lint", path, "--format", "sarif").stdout)
    assert log["version"] == "2.1.0"
    commands = run("lint", path, "--format", "github").stdout.splitlines()
    assert commands[0].startswith(f"::error file={path},line=1,title=impossible_box (1)::Not a box")


def test_a_configuration_and_options_change_what_is_found(run, labels, tmp_path):
    config = tmp_path / "lint.toml"
    config.write_text('[severities]\nimpossible_box = "note"\n')
    path = labels("empty")
    assert run("lint", path, "--config", config).exit_code == 0
    again = run("lint", path, "--config", config, "--severity", "impossible_box=error")
    assert again.exit_code == 1
    assert run("lint", path, "--rules", "tiny_box, gap").stdout.startswith("Everything fits")


def test_a_baseline_silences_what_was_accepted_and_nothing_new(run, labels, write_labels, tmp_path):
    baseline = tmp_path / "accepted.json"
    first = run("lint", labels("empty"), "--baseline", baseline, "--write-baseline")
    assert first.exit_code == 0
    assert baseline.is_file()
    again = run("lint", labels("empty"), "--baseline", baseline, "--fail-on", "note")
    assert again.exit_code == 0
    assert "Everything fits" in again.stdout
    worse = write_labels({"Car:1": [(100, 50, 0, 60), *SHAPES["empty"][1:]]})
    assert run("lint", worse, "--baseline", baseline).exit_code == 1
    assert run("lint", worse, "--baseline", tmp_path / "gone.json").exit_code == 3


def test_a_dry_run_shows_the_repairs_and_writes_nothing(run, labels, tmp_path):
    path = labels("empty")
    before = path.read_bytes()
    result = run("lint", path, "--fix", "--dry-run")
    assert "drop_empty  1 box removed" in result.stdout
    assert "Nothing is changed yet." in result.stdout
    assert result.exit_code == 0  # nothing grave would be left
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_repaired_labels_are_written_in_the_format_that_was_read(run, tmp_path):
    path, out = tmp_path / "coco.json", tmp_path / "repaired.json"
    content = {
        "images": [{"id": 7, "file_name": "a.jpg", "width": 500, "height": 400}],
        "categories": [{"id": 18, "name": "dog"}],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 18, "bbox": [480, 9, 21, 30]},
            {"id": 2, "image_id": 7, "category_id": 18, "bbox": [90, 9, 0, 30]},
        ],
    }
    path.write_text(json.dumps(content))
    result = run("lint", path, "--fix", "--out", out)
    assert result.exit_code == 0
    assert f"wrote {out}" in result.stdout.replace("\n", "")
    (box,) = json.loads(out.read_text())["annotations"]  # by its name it would be Ground Truth's
    assert (box["id"], box["bbox"]) == (1, [480, 9, 20, 30])
    other = run("lint", path, "--fix", "--out", tmp_path / "gt.txt", "--to", "motchallenge")
    assert other.exit_code == 0
    assert (tmp_path / "gt.txt").read_text().startswith("1,-1,481,10,20,30")


def test_what_is_read_is_not_written_over(run, labels):
    path = labels("empty")
    before = path.read_bytes()
    result = run("lint", path, "--fix", "--out", path)
    assert result.exit_code == 3
    assert "another file is there" in result.stderr and "--replace" in result.stderr
    result = run("lint", path, "--baseline", path, "--write-baseline")
    assert result.exit_code == 2 and "holds the labels that are read" in result.stderr
    assert path.read_bytes() == before
    assert run("lint", path, "--fix", "--out", path, "--replace").exit_code == 0
    assert path.read_bytes() != before, "in place, for who means it"


def test_programs_read_the_findings_while_repairs_are_told_aside(run, labels, tmp_path):
    out = tmp_path / "repaired.json"
    result = run("lint", labels("empty"), "--fix", "--out", out, "--format", "json")
    assert json.loads(result.stdout)["counts"]["error"] == 0
    assert "drop_empty" in result.stderr
    assert f"wrote {out}" in result.stderr.replace("\n", "")
