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


def test_the_help_names_every_format(run):
    text = " ".join(run("convert", "--help").stdout.split())
    assert [name for name in aa.formats.FORMATS if name not in text] == []


def test_an_ending_that_does_not_tell_lists_what_to_pass(run, tmp_path):
    tracks = tmp_path / "gt.txt"
    tracks.write_text("1,1,10,20,30,40,1,1,1\n")
    result = run("convert", tracks, tmp_path / "out.json")
    assert result.exit_code == 3
    assert "coco, ground-truth-video or label-studio" in " ".join(result.stderr.split())
    assert run("convert", tracks, tmp_path / "out.json", "--format", "coco").exit_code == 0
    assert run("convert", tmp_path / "out.json", tmp_path / "again.json").exit_code == 0
    assert aa.formats.recognise.recognise(tmp_path / "again.json") == "coco"


def test_the_columns_of_others_are_named(run, tmp_path):
    theirs = tmp_path / "pets.csv"
    theirs.write_text("file,xmin,ymin,xmax,ymax,class\na.jpg,10,20,40,60,dog\n")
    result = run("convert", theirs, tmp_path / "out.parquet")
    assert result.exit_code == 3
    assert "'xmin': 'left'" in " ".join(result.stderr.split())
    names = "xmin=left, ymin=top,xmax=right,ymax=bottom,file=image,class=label"
    result = run("convert", theirs, tmp_path / "out.parquet", "--columns", names)
    assert result.exit_code == 0, result.output
    boxes = aa.load(tmp_path / "out.parquet").boxes
    assert boxes[[*SIDES, "label"]].to_numpy().tolist() == [[10, 20, 30, 40, "dog"]]
    assert run("convert", theirs, tmp_path / "x.csv", "--columns", "xmin").exit_code == 2
    assert run("convert", theirs, tmp_path / "x.csv", "--columns", "Xmin=left").exit_code == 3


def test_labels_that_are_there_are_not_written_over(run, tmp_path):
    tracks, out = tmp_path / "gt.txt", tmp_path / "out.json"
    tracks.write_text("1,1,10,20,30,40,1,1,0.25\n")
    for place in (tracks, tmp_path / "." / "gt.txt"):
        result = run("convert", tracks, place, "--format", "coco")
        assert result.exit_code == 3
        assert "gt.txt: another file is there" in result.stderr and "--replace" in result.stderr
    assert tracks.read_text() == "1,1,10,20,30,40,1,1,0.25\n"
    command = ["convert", tracks, out, "--format", "coco"]
    assert [run(*command).exit_code for _ in range(2)] == [0, 0], "the same once more is fine"
    tracks.write_text("1,1,11,20,30,40,1,1,0.25\n")
    assert run(*command).exit_code == 3
    assert aa.load(out).boxes["left"].tolist() == [9]
    meant = run(*command, "--replace")
    assert meant.exit_code == 0 and f"wrote {out}" in meant.stdout.replace("\n", "")
    assert aa.load(out).boxes["left"].tolist() == [10]
