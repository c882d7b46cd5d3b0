import json

import pytest

from annotaudit.errors import LabelFormatError
from annotaudit.formats.catalogue import FORMATS
from annotaudit.formats.recognise import recognise

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
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name, texts in SAMPLES.items() for text in texts]
)
def test_the_content_tells_the_format_not_the_name(name, text, tmp_path):
    path = tmp_path / "file.bin"
    path.write_text(text)
    assert recognise(path) == name
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert recognise(path) == name


@pytest.mark.parametrize(
    "data", [b"", b"\0" * 100, b"\xff\xd8\xff\xe0", b"hello", b"{}", b"[]", b"# notes", bytes(256)]
)
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
