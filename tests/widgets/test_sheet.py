import io

import numpy as np
import PIL.Image

from annotaudit.boxes import Labels
from annotaudit.widgets import FrameScrubber
from annotaudit.widgets.payload import pack
from annotaudit.widgets.sheet import COLOURS, NO_PICTURE, TILE, contact_sheet


def drawn(labels, findings, **how):
    content = contact_sheet(pack(labels, findings), findings, **how)
    return np.asarray(PIL.Image.open(io.BytesIO(content))).astype(int)


def near(picture, colour):
    wanted = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    return (np.abs(picture - wanted).max(axis=2) < 40).sum()


def test_the_worst_findings_stand_side_by_side(labels, findings):
    sheet = drawn(labels, findings)
    assert sheet.shape[1] > 3 * TILE[0]
    assert near(sheet[:, : TILE[0]], COLOURS["error"]) > 200  # the first is an error


def test_no_more_than_asked_for(labels, findings):
    assert drawn(labels, findings, n=1).shape[1] < 2 * TILE[0]


def test_a_broken_picture_is_grey_and_the_others_stay(labels, findings, tmp_path):
    (tmp_path / "img" / "000005.jpg").write_bytes(b"torn")
    sheet = drawn(labels, findings)
    assert np.abs(sheet[20, 20] - NO_PICTURE).max() < 20


def test_pictures_behind_an_address_are_not_fetched(labels, findings):
    frames = labels.frames.assign(image="https://example.invalid/a.jpg")
    assert np.abs(drawn(Labels(labels.boxes, frames), findings)[20, 20] - NO_PICTURE).max() < 20


def test_wild_boxes_do_no_harm(labels, findings):
    wild = findings.assign(left=[np.inf, 1e300, -1e300], width=[1e300, -5.0, 0.0])
    assert drawn(labels, wild).ndim == 3


def test_without_findings_there_is_no_sheet(labels, findings):
    assert contact_sheet(pack(labels, findings.iloc[:0]), findings.iloc[:0]) is None


def test_the_notebook_keeps_the_sheet_beside_the_widget(labels, findings):
    scrubber = FrameScrubber(labels, findings)
    data, _ = scrubber._repr_mimebundle_()
    assert {"application/vnd.jupyter.widget-view+json", "image/jpeg", "text/plain"} == set(data)
    scrubber.close()
