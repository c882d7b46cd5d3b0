import json
import re

import pytest

from annotaudit.boxes import Labels
from annotaudit.errors import LimitError
from annotaudit.widgets import FrameScrubber


@pytest.fixture
def saved(labels, findings, tmp_path):
    """Save a page of some labels and give its text and its content."""

    def save(labels=labels, **how):
        scrubber = FrameScrubber(labels, findings)
        text = scrubber.to_html(tmp_path / "page.html", **how).read_text(encoding="utf-8")
        scrubber.close()
        content = re.search(r'id="aa-content">(.*?)</script>', text, re.DOTALL).group(1)
        return text, json.loads(content)

    return save


def test_words_from_a_label_file_cannot_end_the_script(saved, labels):
    boxes = labels.boxes.assign(label="</script><script>alert(1)</script><!--")
    text, content = saved(Labels(boxes, labels.frames))
    assert "alert(1)</script>" not in text
    assert content["data"]["meta"]["labels"][0].startswith("</script>")


def test_the_page_may_ask_nothing_of_the_network(saved):
    text, _ = saved()
    assert "default-src 'none'" in text
    assert "script-src 'sha256-" in text  # its own script, no other
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", text)


def test_every_picture_goes_in_or_those_around_the_findings(saved):
    assert len(saved()[1]["pictures"]) == 12
    _, content = saved(frames="findings")  # at 5, 8 and 9, and two frames around each
    assert [int(position) for position in content["pictures"]] == list(range(3, 12))


def test_a_picture_that_cannot_be_read_is_left_out(saved, tmp_path):
    (tmp_path / "img" / "000004.jpg").unlink()
    assert "4" not in saved()[1]["pictures"]


def test_folders_of_this_machine_stay_out(saved, tmp_path):
    assert str(tmp_path) not in saved()[0]


def test_another_choice_of_pictures_is_refused(saved):
    with pytest.raises(LimitError, match="'all' or 'findings'"):
        saved(frames="some")


def test_what_a_reviewer_saw_goes_along_with_its_picture(labels, tmp_path):
    scrubber = FrameScrubber(labels)
    scrubber.mark(labels.boxes.iloc[1], "wrong_label", note="</script>")
    text = scrubber.to_html(tmp_path / "page.html", frames="findings").read_text(encoding="utf-8")
    scrubber.close()
    content = json.loads(re.search(r'id="aa-content">(.*?)</script>', text, re.DOTALL).group(1))
    assert [line["note"] for line in content["data"]["meta"]["seen"]] == ["</script>"]
    assert list(content["pictures"]) == ["0", "1", "2", "3"]  # of frame 1 and two around it
