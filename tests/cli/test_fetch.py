import PIL.Image


def test_what_is_there_already_is_not_fetched_again_and_its_place_is_named(run, tmp_path):
    place = tmp_path / "MOT20-01"
    for folder in ("gt", "img1"):
        (place / folder).mkdir(parents=True)
    (place / "gt/gt.txt").write_text("1,1,10,20,30,40,1,1,1\n")
    PIL.Image.new("L", (64, 48)).save(place / "img1/000001.jpg")
    result = run("fetch", "mot20", "--folder", tmp_path)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"MOT20-01 is in {place}\n"


def test_data_that_nobody_knows_are_refused(run):
    result = run("fetch", "mot99")
    assert result.exit_code == 2 and "expected one of mot20" in result.stderr
