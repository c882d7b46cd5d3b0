"""Labels that a reader needs to be told about, and messages that say how, on the command line."""

import json

import pytest

STREET = [
    {
        "id": 2, "data": {"video": "/data/upload/1/street.mp4"},
        "annotations": [{"id": 6, "completed_by": 2, "result": [{
            "id": "y1", "type": "videorectangle", "from_name": "box", "to_name": "video",
            "value": {"labels": ["car"], "framesCount": 9, "sequence": [
                {"frame": 1, "enabled": True, "x": 10, "y": 20, "width": 5, "height": 10,
                 "rotation": 0}]}}]}],
    }
]  # fmt: skip


@pytest.fixture
def street(tmp_path):
    path = tmp_path / "street.json"
    path.write_text(json.dumps(STREET))
    return path


def test_what_the_file_does_not_tell_is_told_by_an_option(run, street):
    untold = run("audit", street)
    assert "There is no box to look at." in untold.output
    assert "(On the command line: --option video_size=...)" in untold.output
    assert "Nothing looks wrong" not in untold.output
    told = run("audit", street, "--option", "video_size=1920x1080")
    assert "Read 9 boxes" in told.output and "Nothing looks wrong" in told.output


@pytest.mark.parametrize("command", [["audit"], ["lint"], ["selftest"]])
def test_an_option_that_the_reader_does_not_take_lists_those_it_does(run, street, command):
    refused = run(*command, street, "--option", "colour=red")
    assert refused.exit_code == 3
    assert "takes sequence, video_size, rotation, predictions, interpolate." in refused.output
    assert run(*command, street, "--option", "colour").exit_code == 2


def test_one_name_for_the_format_that_is_read(run, street):
    for name in ("--from", "--format"):
        assert "Unknown format 'cocoo'" in run("audit", street, name, "cocoo").output
    size = ("--option", "video_size=1920x1080")
    assert run("audit", street, "--from", "label-studio", *size).exit_code == 0


def test_a_table_of_others_is_read_by_names_of_its_columns(run, tmp_path):
    path = tmp_path / "boxes.csv"
    path.write_text("x0,y0,dx,dy,file\n1,2,3,4,a.jpg\n")
    assert "(On the command line: --from, --option columns=...)" in run("audit", path).output
    columns = "columns=x0=left,y0=top,dx=width,dy=height,file=image"
    assert "Read 1 box," in run("audit", path, "--from", "csv", "--option", columns).output


def test_labels_of_other_images_are_called_that(run, street, tmp_path):
    size = ("--option", "video_size=1920x1080")
    assert "No box is in both" not in run("compare", street, street, *size).output
    elsewhere = tmp_path / "elsewhere.json"
    elsewhere.write_text(street.read_text().replace('"x": 10', '"x": 60').replace("y1", "z9"))
    assert "No box is in both" in run("compare", street, elsewhere, *size).output


def test_a_file_in_the_place_of_a_folder_is_named(run, street):
    size = ("--option", "video_size=1920x1080")
    refused = run("mturk", "submit", street.with_name("nothing.csv"))
    assert refused.exit_code == 3
    assert "nothing.csv: No such file or directory. Check the path." in refused.output
    refused = run("audit", street, *size, "--plots", street)
    assert refused.exit_code == 3 and "File exists. Check the path." in refused.output


def test_what_mistakes_cannot_be_planted_into_is_said(run):
    import annotaudit as aa

    told = run("selftest", aa.datasets.path("stop_sign") / "assignments.json")
    assert told.exit_code == 0 and "Nothing could be planted" in told.output


def test_frames_without_a_picture_are_counted(run, label_file, tmp_path):
    folder = tmp_path / "img1"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number:04}.jpg").write_bytes(b"")
    assert (
        "9 of 12 frames have no picture in" in run("audit", label_file, "--frames", folder).output
    )
    for number in range(3, 12):
        (folder / f"{number:04}.jpg").write_bytes(b"")
    assert "no picture" not in run("audit", label_file, "--frames", folder).output
