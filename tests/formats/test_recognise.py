import json
import zipfile

import pandas as pd
import pytest

import annotaudit as aa
from annotaudit.errors import LabelFormatError
from annotaudit.formats.catalogue import FORMATS
from annotaudit.formats.recognise import recognise

BOX_2D = "0 2 Car 0 0 -1.79 296 161 455 292 2 1.8 4.4 -4.5 1.8 13.4 -2.1"
VIA = (
    "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,"
    "region_attributes\n"
)
SAMPLES = {
    "ground-truth-video": [
        '{"tracking-annotations": []}',
        '\n {"note": 1,\n "detection-annotations": []}',
        json.dumps({"a-ref-metadata": {"type": "groundtruth/video-object-tracking"}}),
    ],
    "ground-truth-images": [
        json.dumps({"a": {}, "a-metadata": {"type": "groundtruth/object-detection"}})
    ],
    "ground-truth-workers": [
        json.dumps({"answers": [{"answerContent": {}}]}),
        json.dumps({"trackingAnnotations": {}}),
    ],
    "mturk": [
        '{"Assignments": [], "NumResults": 0}',
        '[{"AssignmentId": "A", "HITId": "H"}]',
        '<?xml version="1.0"?><QuestionFormAnswers xmlns="x"></QuestionFormAnswers>',
    ],
    "mturk-csv": ['"HITId","AssignmentId","WorkerId","Answer.boxes"\n"1","2","3","[]"\n'],
    "motchallenge": [
        "1,7,912,484,97,109,1,1,0.86\n",
        "1,-1,912,484,97,109,0.5\n",
        "1,3,794.2,247.5,71.2,174.8,-1,-1,-1,-1\n",
        "1,1,88,99,61.08,218.56,1,4.4852,5.5016,0\n",
    ],
    "coco": [
        '{"images": [], "annotations": [], "categories": []}',
        '{"info": {}, "images": [{"id": 1, "file_name": "a.jpg"}]}',
    ],
    "cvat": [
        "<annotations><version>1.1</version><meta></meta></annotations>",
        '<?xml version="1.0"?>\n<annotations>\n<version>1.1</version><image id="0"/></annotations>',
    ],
    "voc": ["<annotation><folder>VOC</folder><filename>a.jpg</filename><object/></annotation>"],
    "yolo": ["train: images/train\nval: images/val\nnames: [person, car]\n"],
    "label-studio": [
        '[{"id": 1, "data": {"image": "a"}, "annotations": [{"completed_by": 1, "result": []}]}]'
    ],
    "via": [VIA, f"#{VIA}", "# x\n# CSV_HEADER = a,temporal_coordinates,spatial_coordinates,b\n"],
    "visdrone": [
        "684,8,273,116,0,0,0,0\n406,119,265,70,1,4,1,2\n",
        "1,0,593,43,174,190,0,0,0,0\n1,3,10,20,30,40,1,5,1,2\n",
    ],
    "uavdt": ["1,1,366,6,40,33,1,1,1\n1,2,36,6,20,33,3,4,2\n"],
    "kitti": [f"{BOX_2D}\n", f"{BOX_2D} 0.75\n"],
    "csv": [
        "sequence,frame,track,label,annotator,left,top,width,height\n",
        "frame;left;top;right;bottom\n1;2;3;4;5\n",
        "filename,width,height,class,xmin,ymin,xmax,ymax\n",
    ],
}  # fmt: skip
BINARY = {"parquet", "cvat-archive"}


def binary_sample(name, path):
    """Formats that are no text."""
    if name == "parquet":
        sides = dict.fromkeys(("left", "top", "width", "height"), [1.0])
        pd.DataFrame({"frame": [0], **sides}).to_parquet(path)
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("annotations.xml", SAMPLES["cvat"][0])


def test_every_format_has_a_sample():
    assert SAMPLES.keys() | BINARY == FORMATS.keys()


def claims(path, head):
    return [name for name, kind in FORMATS.items() if kind.import_module().recognises(path, head)]


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name, texts in SAMPLES.items() for text in texts]
)
def test_the_content_tells_the_format_not_the_name(name, text, tmp_path):
    for ending in (".bin", ".json", ".csv", ".txt"):
        path = tmp_path / f"file{ending}"
        path.write_text(text)
        assert recognise(path) == name
        assert claims(path, text.encode()) == [name], "one reader, and no other"
        path.write_bytes(b"\xef\xbb\xbf" + text.encode())
        assert recognise(path) == name


@pytest.mark.parametrize("name", sorted(BINARY))
def test_so_it_does_where_it_is_no_text(name, tmp_path):
    path = tmp_path / "file.txt"
    binary_sample(name, path)
    assert recognise(path) == name
    assert claims(path, path.read_bytes()) == [name]


@pytest.mark.parametrize(
    "data", [b"", b"\0" * 100, b"\xff\xd8\xff\xe0", b"hello", b"{}", b"[]", b"# notes", bytes(256)]
    + [b"name,size\na,1\n", b"1 2 3\n", b"<html></html>", b"PK\3\4", b"1,2,3\n", b"a: 1\n"]
    + [b"x,y,z\n"]
)  # fmt: skip
def test_other_files_are_nothing(data, tmp_path):
    path = tmp_path / "SeqLabel.json"
    path.write_bytes(data)
    assert recognise(path) is None


def test_an_empty_folder_is_nothing(tmp_path):
    assert recognise(tmp_path) is None


def test_a_file_that_cannot_be_read_is_an_error(tmp_path):
    with pytest.raises(LabelFormatError, match="cannot be read"):
        recognise(tmp_path / "missing.json")


def test_every_format_has_what_the_interface_asks_for():
    for kind in FORMATS.values():
        module = kind.import_module()
        assert all(callable(getattr(module, name)) for name in ("recognises", "load", "save"))


@pytest.fixture
def mixed(tmp_path):
    """A folder of MOTChallenge that holds the labels of Ground Truth, too."""
    (tmp_path / "gt").mkdir()
    (tmp_path / "gt" / "gt.txt").write_text(SAMPLES["motchallenge"][0])
    (tmp_path / "seqinfo.ini").write_text("[Sequence]\nname=street\n")
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8")
    return tmp_path


def test_a_folder_in_two_formats_says_so(mixed):
    assert recognise(mixed) == "motchallenge"
    (mixed / "notes.csv").write_text("name,size\n")
    assert recognise(mixed) == "motchallenge", "what no format knows does not matter"
    (mixed / "SeqLabel.json").write_text('{"tracking-annotations": []}')
    with pytest.raises(
        LabelFormatError, match=r"motchallenge.*SeqLabel\.json is ground-truth"
    ) as e:
        aa.load(mixed)
    assert "format='motchallenge'" in str(e.value)
    assert len(aa.load(mixed, format="motchallenge").boxes) == 1


def test_the_bundled_folder_is_in_two_formats(request):
    station = request.config.rootpath / "data" / "station"
    with pytest.raises(LabelFormatError, match="two formats"):
        aa.load(station)
    assert aa.load(station, format="motchallenge").problems.empty
