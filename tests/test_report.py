import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from annotaudit.audit.findings import FINDING_COLUMNS, no_findings
from annotaudit.boxes import TEXT, Labels
from annotaudit.errors import BoxTableError
from annotaudit.report import write_report
from annotaudit.report.cards import worst_cards

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def labels(tmp_path):
    """Ten frames of a parked car, whose box on frame 3 is cut in half; a red picture of it."""
    Image.new("RGB", (200, 100), "red").save(tmp_path / "0003.png")
    boxes = pd.DataFrame({"frame": range(10)}).assign(
        sequence="street", track="car:1", label="car", annotator="ann",
        left=50.0, top=20.0, width=60.0, height=40.0,
    )  # fmt: skip
    boxes.loc[3, "height"] = 20.0
    frames = pd.DataFrame(
        {
            "sequence": pd.Series("street", index=range(10), dtype=TEXT),
            "frame": range(10),
            "image": pd.Series([np.nan] * 10, dtype=TEXT),
            "image_width": 200.0,
            "image_height": 100.0,
            "time": np.nan,
        }
    )
    frames.loc[3, "image"] = str(tmp_path / "0003.png")
    return Labels(boxes, frames)


@pytest.fixture
def findings(labels):
    found = labels.boxes.iloc[[3, 3, 7]].assign(
        rule=["size_jump", "off_course", "gap"],
        score=[0.9, 0.8, 0.3],
        severity=["error", "error", "note"],
        value=[-0.5, 9.0, 1.0],
        limit=[0.25, 5.0, 0.0],
        unit=["share of the earlier area", "times the track's scatter", "frames"],
        reason=["Its area shrinks by half.", "Its bottom edge is too high.", "A box is missing."],
        expected_left=50.0, expected_top=20.0, expected_width=60.0, expected_height=40.0,
        from_frame=[2.0, np.nan, np.nan],
    ).reset_index(drop=True)  # fmt: skip
    sides = ["left", "top", "width", "height"]
    found.loc[2, sides] = np.nan
    return found[list(FINDING_COLUMNS)]


def test_the_page_holds_every_finding_and_needs_nothing_else(labels, findings, tmp_path):
    path = write_report(labels, findings, tmp_path / "new" / "audit.html", title="The street")
    page = path.read_text("utf-8")
    assert "<title>The street</title>" in page
    for reason in findings["reason"]:
        assert page.count(reason) == 2  # on its card and in the table
    assert "<script" not in page
    links = re.findall(r'(?:href|src)="([^"]*)"', page)
    assert links
    assert all(link.startswith(("data:image/", "#finding-")) for link in links)
    assert "url(" not in page
    assert "@import" not in page
    assert [each.name for each in path.parent.iterdir()] == ["audit.html"]


def test_text_from_the_labels_is_escaped(labels, findings, tmp_path):
    hostile = Labels(
        labels.boxes.assign(track=HOSTILE),
        labels.frames,
        pd.DataFrame({"source": [HOSTILE], "where": [HOSTILE], "what": [HOSTILE]}),
    )
    text = ["sequence", "track", "label", "annotator", "rule", "unit", "reason"]
    found = findings.assign(**dict.fromkeys(text, HOSTILE))
    page = write_report(hostile, found, tmp_path / "audit.html", title=HOSTILE).read_text("utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_findings_on_one_box_share_a_card(labels, findings):
    first, second = worst_cards(labels, findings, 5)
    assert [rule for rule, _ in first.reasons] == ["size_jump", "off_course"]
    assert (first.box, first.expected) == ((50, 20, 60, 20), (50, 20, 60, 40))
    assert (first.rank, first.severity, first.image) == (1, "error", "0003.png")
    assert first.picture.startswith("data:image/jpeg;base64,")
    assert second.box is None
    assert (second.rank, second.expected, second.missing) == (
        3,
        (50, 20, 60, 40),
        "The labels name no image for it.",
    )


def test_a_card_shows_the_box_with_its_surroundings_inside_the_picture(labels, findings):
    card = next(worst_cards(labels, findings, 1))
    left, top, width, height = card.view
    assert width / height == pytest.approx(4 / 3)
    assert left >= 0
    assert left < 50
    assert left + width > 110
    assert left + width <= 200


def test_only_the_worst_boxes_get_a_card(labels, findings):
    assert len(list(worst_cards(labels, findings, 1))) == 1
    assert list(worst_cards(labels, findings, 0)) == []


def test_a_broken_picture_is_named_and_the_boxes_still_stand(labels, findings, tmp_path):
    (tmp_path / "0003.png").write_bytes(b"no picture")
    card = next(worst_cards(labels, findings, 1))
    assert card.picture == ""
    assert "0003.png" in card.missing
    assert 'class="box error"' in write_report(labels, findings, tmp_path / "audit.html").read_text(
        "utf-8"
    )


def test_labels_without_frames_make_a_page_too(labels, findings, tmp_path):
    page = write_report(Labels(labels.boxes), findings, tmp_path / "audit.html")
    assert "2 without a picture. The labels name no image" in page.read_text("utf-8")


def test_nothing_found_is_said(labels, tmp_path):
    page = write_report(labels, no_findings(), tmp_path / "audit.html").read_text("utf-8")
    assert "Nothing looks wrong" in page


def test_a_long_list_is_cut_and_says_so(labels, findings, tmp_path):
    many = pd.concat([findings] * 20, ignore_index=True)
    page = write_report(labels, many, tmp_path / "audit.html", rows=10).read_text("utf-8")
    assert "The first 10 of 60 findings." in page
    assert page.count('<tr class="is-') == 10


def test_neither_table_is_edited(labels, findings, tmp_path):
    boxes, found = labels.boxes.copy(), findings.copy()
    write_report(labels, findings, tmp_path / "audit.html")
    pd.testing.assert_frame_equal(labels.boxes, boxes)
    pd.testing.assert_frame_equal(findings, found)


def test_a_table_that_is_no_findings_is_named(labels, tmp_path):
    with pytest.raises(BoxTableError, match="lack"):
        write_report(labels, labels.boxes, tmp_path / "audit.html")
    assert list(tmp_path.glob("*.html")) == []
