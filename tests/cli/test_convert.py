import pandas as pd

import annotaudit as aa

SIDES = ["left", "top", "width", "height"]


def test_ground_truth_to_motchallenge_keeps_every_box(run, label_file, tmp_path):
    out = tmp_path / "gt.txt"
    result = run("convert", label_file, out)
    assert result.exit_code == 0, result.output
    assert f"wrote {out}" in result.stdout
    order = ["frame", *SIDES]
    was, now = (
        aa.load(path).boxes.sort_values(order, ignore_index=True) for path in (label_file, out)
    )
    pd.testing.assert_frame_equal(was[order], now[order])


def test_an_unknown_format_is_exit_code_3_and_writes_nothing(run, label_file, tmp_path):
    result = run("convert", label_file, tmp_path / "out.json", "--format", "nonsense")
    assert result.exit_code == 3
    assert "nonsense" in result.stderr
    assert not (tmp_path / "out.json").exists()
