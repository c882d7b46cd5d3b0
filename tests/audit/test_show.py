import pandas as pd
import pytest

import annotaudit as aa
from annotaudit.audit.findings import FINDING_COLUMNS
from annotaudit.boxes import empty_table
from annotaudit.errors import BoxTableError


@pytest.fixture
def found(parked_car):
    parked_car.loc[4, "left"] += 500
    return aa.audit(parked_car)


def test_hostile_names_are_text_in_the_notebook(parked_car):
    hostile = "<img src=x onerror=alert(1)>"
    boxes = parked_car.assign(track=hostile, sequence=hostile, label=hostile)
    boxes.loc[4, "left"] += 500
    html = aa.show_findings(aa.audit(boxes))._repr_html_()
    assert "<img" not in html
    assert "&lt;img" in html


def test_a_duplicate_of_a_hostile_name_is_text_too(parked_car):
    other = parked_car.assign(track="<b>bold</b>")
    html = aa.show_findings(aa.audit(pd.concat([parked_car, other])))._repr_html_()
    assert "<b>" not in html


def test_the_text_says_where_and_why(found):
    text = repr(aa.show_findings(found, n=1))
    assert "street, frame 4, car:1" in text
    assert found["reason"][0] in text
    assert f"... and {len(found) - 1} more." in text


def test_boxes_without_track_are_shown_with_their_annotator(found):
    who = found["annotator"][0]
    assert f"street, frame 4, {who}\n" in repr(aa.show_findings(found.assign(track=None), n=1))


def test_nothing_found_is_said():
    view = aa.show_findings(empty_table(FINDING_COLUMNS))
    assert repr(view) == "No findings."
    assert "No findings." in view._repr_html_()


def test_a_table_that_is_no_findings_is_refused(parked_car):
    with pytest.raises(BoxTableError, match="lack"):
        aa.show_findings(parked_car)
