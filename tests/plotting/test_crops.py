"""The contact sheet: the worst findings at a glance, with their reasons."""

import io

import numpy as np
import PIL.Image
import pytest

from annotaudit.boxes import Labels
from annotaudit.errors import BoxTableError
from annotaudit.frames import Images
from annotaudit.plotting import contact_sheet


def test_each_finding_has_a_panel_with_its_reason(labels, findings):
    axes = contact_sheet(labels, findings)
    assert [ax.get_title(loc="left") for ax in axes] == [
        "1 · car:1 · frame 7\nIts left edge is 60 px too far right.",
        "2 · car:2 · frame 2\nIt grows.",
    ]


def test_only_the_worst_n_are_shown(labels, findings):
    assert len(contact_sheet(labels, findings, 1)) == 1
    assert len(contact_sheet(labels, findings.head(0))) == 0


def test_the_box_and_the_expected_one_are_in_view_with_surroundings(labels, findings):
    (ax,) = contact_sheet(labels, findings, 1)
    left, right = ax.get_xlim()
    assert left < 70 and right > 170
    width, height = right - left, -np.diff(ax.get_ylim())[0]
    assert width == height


def test_pictures_are_cropped_to_the_panel(tmp_path, labels, findings):
    PIL.Image.new("RGB", (1000, 800), "red").save(tmp_path / "a.png")
    images = Images(labels.frames.assign(image="a.png"), root=tmp_path)
    (ax,) = contact_sheet(labels, findings, 1, images=images)
    height, width = ax.images[0].get_array().shape[:2]
    assert width < 300 and height < 300


def test_findings_without_any_box_and_hostile_text_draw(labels, findings):
    nothing = findings.assign(
        **dict.fromkeys(["left", "top", "width", "height", "expected_left"], np.nan),
        track=[r"$\frac{1$", None],
        reason=["$\\frac{1$ 🛑 " * 100, "two\nlines"],
    )
    axes = contact_sheet(Labels(labels.boxes), nothing)
    axes[0].figure.savefig(io.BytesIO())


def test_what_is_no_findings_table_is_refused(labels, boxes):
    with pytest.raises(BoxTableError, match="lack \\['reason', 'severity'\\]"):
        contact_sheet(labels, boxes)
