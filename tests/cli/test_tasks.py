"""The whole way on the command line: plan, by hand or by push, merge."""

import json
import sys
from pathlib import Path

import pytest

import annotaudit as aa

sys.path.append(str(Path(__file__).parents[1] / "tasks"))  # where the loopback servers stand

from loopback_label_studio import LoopbackLabelStudio  # noqa: E402

STATION = Path(__file__).parents[2] / "data/station"
LABELS, FRAMES = STATION / "SeqLabel.json", STATION / "img1"


def plan(run, folder, tool, *more):
    result = run(
        "tasks", "plan", LABELS, "--frames", FRAMES, "--out", folder, "--tool", tool, *more
    )
    assert result.exit_code == 0, result.output
    return result.output


def test_by_hand_with_cvat(run, tmp_path):
    kit = tmp_path / "kit"
    said = plan(run, kit, "cvat", "--draw-expected")
    assert "001-station-21-30: 10 frames, 30 boxes, 3 findings" in said
    assert "minutes of work: 1.2" in said and "NEXT-STEPS.md" in said
    out = tmp_path / "merged" / "SeqLabel.json"
    came = kit / "001-station-21-30" / "annotations.zip"  # as if nobody changed a box
    steps = ["tasks", "merge", kit, LABELS, out, "--frames", FRAMES, "--returned", came]
    result = run(*steps)
    assert result.exit_code == 0 and "0 of 83 boxes changed" in result.output
    result = run(*steps, "--expected", "take")
    assert "3 of 83 boxes changed" in result.output
    assert len(aa.load(out).boxes) == 83


def test_by_push_with_label_studio(run, tmp_path, monkeypatch):
    folder = tmp_path / "plan"
    plan(run, folder, "label-studio", "--no-images")
    assert not (folder / "tasks.json").exists()
    with LoopbackLabelStudio() as studio:
        monkeypatch.setenv("LABEL_STUDIO_API_KEY", studio.token)
        push = ["tasks", "push", folder, "--url", studio.url]
        assert "Nothing was sent" in run(*push).output and not studio.projects
        assert "10 tasks: sent" in run(*push, "--yes").output
        assert "10 tasks: was there" in run(*push, "--yes").output
        for task in studio.tasks.values():
            (prediction,) = task["predictions"]
            about = {"id": task["id"], "completed_by": 1, "was_cancelled": False}
            about |= {"result": prediction["result"], "parent_prediction": 1}
            task["annotations"] = [about]
        out = tmp_path / "merged.json"
        result = run("tasks", "merge", folder, LABELS, out, "--frames", FRAMES, "--url", studio.url)
        assert result.exit_code == 0 and "0 of 83 boxes changed" in result.output
        assert f"wrote {folder / 'returned'}\nwrote {out}" in result.stdout
    assert json.loads(next((folder / "returned").iterdir()).read_text())


@pytest.mark.parametrize("more", [[], ["--returned", "x.zip", "--url", "http://127.0.0.1:1"]])
def test_where_the_labels_come_back_from_is_said_once(run, tmp_path, more):
    plan(run, tmp_path / "plan", "cvat", "--no-images")
    result = run("tasks", "merge", tmp_path / "plan", LABELS, tmp_path / "out.json", *more)
    assert result.exit_code == 2 and "--returned FILE" in result.output


def test_a_push_without_a_token_says_which_is_missing(run, tmp_path, monkeypatch):
    monkeypatch.delenv("LABEL_STUDIO_API_KEY", raising=False)
    plan(run, tmp_path / "plan", "label-studio", "--no-images")
    push = ["tasks", "push", tmp_path / "plan", "--url", "http://127.0.0.1:1"]
    assert run(*push).exit_code == 0
    result = run(*push, "--yes")
    assert result.exit_code == 2 and "LABEL_STUDIO_API_KEY is not set" in result.output


def test_what_a_reviewer_saw_goes_along(run, tmp_path):
    ledger = aa.review.Ledger(tmp_path / "station.verdicts.jsonl")
    ledger.mark(aa.load(LABELS).boxes.iloc[0], "wrong_label")  # on the first frame
    said = plan(run, tmp_path / "plan", "cvat", "--no-images", "--verdicts", ledger.path)
    assert "station-0-3: 4 frames" in said
