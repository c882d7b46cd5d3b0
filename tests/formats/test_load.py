import json
import os

import pytest

import annotaudit as aa
from annotaudit.errors import LabelFormatError
from annotaudit.formats.saving import write_whole

BOX = {"left": 1, "top": 2, "width": 3, "height": 4, "class-id": "0", "object-name": "car:1"}


@pytest.fixture
def street(tmp_path):
    """Two videos, one per folder, and files that hold no labels."""
    for name in ("north", "south"):
        folder = tmp_path / "street" / name
        folder.mkdir(parents=True)
        entry = {"frame-no": 0, "frame": "000001.jpg", "annotations": [BOX]}
        (folder / "SeqLabel.json").write_text(json.dumps({"tracking-annotations": [entry]}))
        (folder / "000001.jpg").write_bytes(b"\xff\xd8\xff")
    (tmp_path / "street" / "notes.txt").write_text("nothing to see")
    return tmp_path / "street"


def test_a_folder_loads_every_label_file_in_it(street):
    labels = aa.load(street)
    assert labels.boxes["sequence"].tolist() == ["north", "south"]
    assert labels.problems.empty


def test_a_pattern_loads_what_it_matches(street):
    assert aa.load(str(street / "*" / "SeqLabel.json")).boxes["sequence"].nunique() == 2
    assert aa.load(str(street / "**" / "*.json")).boxes["sequence"].nunique() == 2
    assert aa.load(str(street / "n*")).boxes["sequence"].tolist() == ["north"]


def test_sequences_of_one_name_are_told_apart_by_their_folders(street):
    os.rename(street / "north", street / "a")
    for name in ("a", "south"):
        (street / name / "SeqLabel.json").rename(street / name / "cam.json")
    assert aa.load(street).boxes["sequence"].tolist() == ["a/cam", "south/cam"]


def test_files_of_one_folder_are_not_put_into_one_sequence(street):
    """Each names its task "cam": so do exports of CVAT, whatever their files are called."""
    task = (
        "<annotations><version>1.1</version><meta><task><id>1</id><name>cam</name><size>1</size>"
        '</task></meta><image id="0" name="a.jpg"/></annotations>'
    )
    for name in ("north/a.xml", "north/b.xml", "south/a.xml"):
        (street / name).write_text(task)
    labels = aa.load(street)
    assert [name for name in labels.frames["sequence"] if "cam" in name] == [
        "north/a/cam", "north/b/cam", "south/a/cam"
    ]  # fmt: skip
    alone = aa.load(street / "north", frames=None).frames["sequence"].tolist()
    assert alone == ["north", "a/cam", "b/cam"]


def test_one_broken_file_never_costs_the_rest(street):
    (street / "north" / "SeqLabel.json").write_text('{"tracking-annotations": [')
    labels = aa.load(street)
    assert labels.boxes["sequence"].tolist() == ["south"]
    assert labels.problems["source"].tolist() == [str(street / "north" / "SeqLabel.json")]
    with pytest.raises(LabelFormatError, match="line 1, column 27"):
        aa.load(street, strict=True)


def test_images_are_matched_by_name(street):
    labels = aa.load(street, frames=street)
    assert labels.frames["image"].tolist() == [
        (street / name / "000001.jpg").as_posix() for name in ("north", "south")
    ]
    one = aa.load(street / "north" / "SeqLabel.json", frames=str(street / "north" / "*.jpg"))
    assert one.frames["image"].iloc[0].endswith("north/000001.jpg")


def test_images_at_an_address_get_its_prefix(street):
    labels = aa.load(street / "north", frames="s3://bucket/north/")
    assert labels.frames["image"].tolist() == ["s3://bucket/north/000001.jpg"]


def test_images_do_not_change_what_is_saved(street, tmp_path):
    labels = aa.load(street / "north" / "SeqLabel.json", frames=street / "north")
    saved = aa.save(labels, tmp_path / "again.json")
    assert json.loads(saved.read_text())["tracking-annotations"][0]["frame"] == "000001.jpg"


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("nothing.json", "does not exist"),
        ("no*.json", "No file matches"),
        ("https://example.com/SeqLabel.json", "Copy it here first"),
        ("a\0b", "not a path"),
        ("", "not a path"),
    ],
)
def test_what_is_not_there_is_an_error_that_says_so(path, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LabelFormatError, match=says):
        aa.load(path)


def test_a_format_can_be_named(street):
    path = street / "north" / "SeqLabel.json"
    assert len(aa.load(path, format="ground-truth-video").boxes) == 1
    with pytest.raises(LabelFormatError, match="Unknown format 'gt'"):
        aa.load(path, format="gt")
    with pytest.raises(LabelFormatError, match="no line holds labels"):
        aa.load(path, format="ground-truth-images")


def test_an_option_that_the_format_does_not_have_is_explained(street):
    with pytest.raises(LabelFormatError, match="'colour'. Its reader takes manifest, attribute"):
        aa.load(street / "north" / "SeqLabel.json", colour="red")


def test_a_folder_without_labels_is_an_error(tmp_path):
    (tmp_path / "notes.md").write_text("nothing")
    with pytest.raises(LabelFormatError, match="None of the 1 files"):
        aa.load(tmp_path)


@pytest.mark.parametrize("given", [3, ["a.json", "b.json"], None])
def test_what_is_no_path_is_refused(given):
    with pytest.raises(LabelFormatError, match=r"found \w+. Load several files one by one"):
        aa.load(given)


def test_only_labels_are_saved(street, tmp_path):
    boxes = aa.load(street).boxes
    with pytest.raises(ValueError, match=r"found DataFrame. Make them .* annotaudit.Labels\(boxes"):
        aa.save(boxes, tmp_path / "x.csv")
    assert not (tmp_path / "x.csv").exists()


def test_images_without_labels_are_called_that(tmp_path):
    for name in ("1.jpg", "2.PNG"):
        (tmp_path / name).write_bytes(b"\xff\xd8\xff")
    with pytest.raises(LabelFormatError, match="Found 2 images and no labels"):
        aa.load(tmp_path)
    with pytest.raises(LabelFormatError, match="1.jpg is an image; expected labels"):
        aa.load(tmp_path / "1.jpg")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.json", b"", "a.json is empty; expected labels"),
        ("a.json", b'{"a": 1', r"a.json, line 1, column 8: the text ends inside a value"),
        ("a.json", b'{"a": {"b": 1}}', "known here: it is JSON with the keys 'a', 'b'. Known are"),
        ("a.json", b"[1, 2]", "it is JSON without any keys"),
        ("a.jsonl", b'{"a": 1}\n{"a": 2}\n', "it is JSON with the keys 'a'"),
        ("a.json", b'{"a": [' + b'{"b": 1},' * 20_000, "it is JSON with the keys 'a', 'b'"),
        ("a.csv", b"a,b\n1,2\n", "it starts with 'a,b'.* say in columns= what its columns are"),
        ("a.txt", b"\n hello\x1b[2J\xff\n", r"it starts with 'hello\\x1b\[2J\ufffd'"),
        ("a.bin", b"\x7fELF\0\0\0\0\0", "it starts with the bytes b'.x7fELF"),
        ("a.zip", b"PK\3\4....", "the only archives that are read as they are"),
    ],
)
def test_what_no_format_knows_is_said_to_be_what_it_is(tmp_path, name, content, says):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(LabelFormatError, match=says):
        aa.load(tmp_path / name)


def test_saving_tells_the_format_from_the_name(street, tmp_path):
    labels = aa.load(street / "north")
    assert aa.save(labels, tmp_path / "x.json").read_bytes().startswith(b'{"tracking-annotations"')
    with pytest.raises(LabelFormatError, match="Cannot tell a format"):
        aa.save(labels, tmp_path / "x.unknown")
    with pytest.raises(LabelFormatError, match="Unknown format"):
        aa.save(labels, tmp_path / "x", format="y")
    with pytest.raises(LabelFormatError, match="starts with s3://"):
        aa.save(labels, "https://example.com/x.json")


def test_nothing_half_written_is_left(tmp_path):
    target = tmp_path / "labels.json"
    target.write_text("before")

    def chunks():
        yield b"half"
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        write_whole(target, chunks())
    assert [path.name for path in tmp_path.iterdir()] == ["labels.json"]
    assert target.read_text() == "before"
