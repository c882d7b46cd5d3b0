"""The fields of an answer, the boxes in them, and the XML around them."""

import json
import time

import numpy as np
import pytest
from hypothesis import given, strategies as st

from annotaudit.errors import LabelFormatError
from annotaudit.formats.mturk.answers import (
    find_box_fields,
    read_box_lists,
    read_entry,
    read_number,
    replace_list,
)
from annotaudit.formats.mturk.xml import (
    NAMESPACE,
    read_fields,
    replace_fields,
    write_fields,
)

BUS = {"left": 40, "top": 12, "width": 80, "height": 33, "label": "bus"}
LIST = json.dumps([BUS])
CROWD = json.dumps(
    [
        {
            "annotatedResult": {
                "boundingBoxes": [BUS],
                "inputImageProperties": {"height": 533, "width": 800},
            },
            "notes": "",
        }
    ]
)


def answer(*fields, start=f'<QuestionFormAnswers xmlns="{NAMESPACE}">'):
    """The XML of an answer, its fields written by hand."""
    return (
        f"{start}{''.join(f'<Answer>{field}</Answer>' for field in fields)}</QuestionFormAnswers>"
    )


def named(name, rest):
    return f"<QuestionIdentifier>{name}</QuestionIdentifier>{rest}"


def test_one_field_or_several_or_none_are_the_same_to_read():
    """Pitfall A4: an answer with one field is skipped without a word."""
    one = named("boxes", f"<FreeText>{LIST}</FreeText>")
    two = named("comment", "<FreeText/>")
    assert read_fields(answer(one)) == {"boxes": LIST}
    assert read_fields(answer(one, two)) == {"boxes": LIST, "comment": ""}
    assert read_fields(answer()) == {}
    assert read_fields("<QuestionFormAnswers/>") == {}


def test_fields_that_hold_no_free_text():
    """Pitfall A7: a choice crashes."""
    fields = [
        named("colour", "<SelectionIdentifier>red</SelectionIdentifier>"),
        named("shape", "<SelectionIdentifier>a</SelectionIdentifier><OtherSelectionText>b"
              "</OtherSelectionText>"),
        named("file", "<UploadedFileKey>k</UploadedFileKey><UploadedFileSizeInBytes>3"
              "</UploadedFileSizeInBytes>"),
        named("nothing", ""),
        "<FreeText>no name</FreeText>",
    ]  # fmt: skip
    assert read_fields(answer(*fields)) == {
        "colour": "red",
        "shape": "a|b",
        "file": "k|3",
        "nothing": "",
        "": "no name",
    }


def test_a_name_that_comes_twice_keeps_both_texts():
    fields = [named("a", f"<FreeText>{n}</FreeText>") for n in (1, 2)]
    assert read_fields(answer(*fields)) == {"a": "1", "a (2)": "2"}


@pytest.mark.parametrize(
    "xml",
    [
        answer(named("b", "<FreeText>[&lt;]</FreeText>")),
        answer(named("b", "<FreeText><![CDATA[[<]]]></FreeText>")),
        answer(named("b", "<FreeText>[<!-- x --><![CDATA[<]]>&#93;</FreeText>")),
        '<?xml version="1.0" encoding="ASCII"?>'
        + answer(named("b", "<FreeText>[&lt;]</FreeText>")),
        '<?xml version="1.0" encoding="UTF-8"?>\n<!-- hello -->\n'
        + answer(named(" b\n", "<FreeText>[&lt;]</FreeText>")),
        answer(named("b", "<FreeText>[&lt;]</FreeText>"), start="<QuestionFormAnswers>"),
        f'<q:QuestionFormAnswers xmlns:q="{NAMESPACE}"><q:Answer><q:QuestionIdentifier>b'
        "</q:QuestionIdentifier><q:FreeText>[&lt;]</q:FreeText></q:Answer></q:QuestionFormAnswers>",
    ],
)
def test_every_way_to_write_the_same_xml(xml):
    assert read_fields(xml) == {"b": "[<]"}


@pytest.mark.parametrize(
    "xml",
    [
        "",
        " ",
        "plain",
        "<QuestionFormAnswers>",
        "<Other/>",
        "<QuestionFormAnswers>&undefined;</QuestionFormAnswers>",
        "<QuestionFormAnswers>\x00</QuestionFormAnswers>",
        "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><QuestionFormAnswers/>",
    ],
)
def test_what_is_no_answer_is_refused(xml):
    with pytest.raises(LabelFormatError):
        read_fields(xml)


def test_entity_bombs_are_refused_before_they_expand():
    levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    bomb = f'<!DOCTYPE a [<!ENTITY e0 "ha">{levels}]>' + answer(
        named("b", "<FreeText>&e11;</FreeText>")
    )
    started = time.perf_counter()
    with pytest.raises(LabelFormatError, match="DOCTYPE"):
        read_fields(bomb)
    assert time.perf_counter() - started < 10


def test_an_answer_beyond_belief_is_not_read():
    with pytest.raises(LabelFormatError, match="characters"):
        read_fields("<" * 10_000_001)


@pytest.mark.parametrize("tag", ["<a>", "<a/>"])
def test_more_tags_than_any_form_has_are_refused_before_they_take_memory(tag):
    with pytest.raises(LabelFormatError, match="200,000 tags"):
        read_fields(tag * 200_000)


def test_text_at_any_depth_of_a_field_is_found():
    deep = "<b>" * 20_000 + "bottom" + "</b>" * 20_000
    assert read_fields(answer(named("x", f"<FreeText>{deep}</FreeText>"))) == {"x": "bottom"}


def test_the_json_of_a_worker_is_read_as_json():
    r"""Pitfall A1: true, null, pairs of surrogates and \/ are misread by Python's own syntax."""
    text = (
        r'[{"left":1,"top":2,"width":3,"height":4,"label":"a\/\ud83d\ude00","sure":true,"n":null}]'
    )
    (found,) = read_box_lists("boxes", text)
    row = read_entry(found.entries[0])
    assert row["label"] == "a/\U0001f600"
    assert row["sure"] is True
    assert row["n"] is None
    for python in ("[(1, 2)]", "[{'left': 1}]", "[{1, 2}]", "[b'x']", "[True]", "[None]"):
        with pytest.raises(LabelFormatError):
            read_box_lists("boxes", python)


@pytest.mark.parametrize(
    ("field", "text", "name"),
    [
        ("annotation_data", LIST, "annotation_data"),
        ("taskAnswers", CROWD, "taskAnswers/0/annotatedResult"),
        ("boxes", CROWD, "boxes/0/annotatedResult"),
        ("annotatedResult.boundingBoxes", LIST, "annotatedResult.boundingBoxes"),
        ("boxes", json.dumps({"boundingBoxes": [BUS]}), "boxes"),
        ("boxes", LIST.replace('"', '""'), "boxes"),
        ("boxes", '"' + LIST.replace('"', '""') + '"', "boxes"),
        ("boxes", json.dumps(LIST), "boxes"),
        ("boxes", f"\n {LIST} ", "boxes"),
    ],
)
def test_every_shape_of_answer_holds_the_same_boxes(field, text, name):
    (found,) = read_box_lists(field, text)
    assert found.entries == [BUS]
    assert found.name == name
    (again,) = read_box_lists(field, replace_list(text, found, [BUS, BUS]))
    assert again.entries == [BUS, BUS]


def test_the_size_of_the_image_in_both_shapes():
    (crowd,) = read_box_lists("taskAnswers", CROWD)
    assert (crowd.image_width, crowd.image_height) == (800, 533)
    flat = {
        "annotatedResult.inputImageProperties.height": "576",
        "annotatedResult.inputImageProperties.width": "1024",
    }
    (found,) = read_box_lists("annotatedResult.boundingBoxes", LIST, flat)
    assert (found.image_width, found.image_height) == (1024, 576)
    for odd in ("0", "-5", "true", "NaN", "[]", '"wide"', "1e999"):
        (found,) = read_box_lists("taskAnswers", CROWD.replace("800", odd))
        assert np.isnan(found.image_width)


def test_several_widgets_of_one_form():
    form = [{"cars": {"boundingBoxes": [BUS]}, "people": {"boundingBoxes": []}, "notes": "x"}]
    lists = read_box_lists("taskAnswers", json.dumps(form))
    assert [one.name for one in lists] == ["taskAnswers/0/cars", "taskAnswers/0/people"]
    assert [len(one.entries) for one in lists] == [1, 0]


@pytest.mark.parametrize(
    "text", ["", "  ", "null", '[{"notes": ""}]', '[{"a": {"boundingBoxes": null}}]']
)
def test_no_answer_is_no_list(text):
    assert read_box_lists("taskAnswers", text) == []


@pytest.mark.parametrize(
    "text", ["[1]", "7", '["a"]', '[{"a": {"boundingBoxes": 3}}]', "{", "true"]
)
def test_a_crowd_form_that_is_none_is_refused(text):
    with pytest.raises(LabelFormatError, match="taskAnswers"):
        read_box_lists("taskAnswers", text)


def test_20_000_deep_json_is_refused_quickly():
    for text in ("[" * 20_000, "[" * 20_000 + "]" * 20_000, '{"a":' * 20_000):
        with pytest.raises(LabelFormatError):
            read_box_lists("boxes", text)


def test_the_box_field_is_seen_from_the_other_answers():
    answers = [{"area": "", "comment": "[sic]"}, {"area": "undefined"}, {"area": LIST}]
    assert find_box_fields(answers) == ["area"]
    assert find_box_fields([{"area": "[]", "n": "3"}]) == ["area"]
    assert find_box_fields([{"annotation_data": "broken", "n": "[1"}]) == ["annotation_data"]
    assert find_box_fields([{"area": "[{", "n": "3"}]) == ["area"]
    assert find_box_fields([{"area": "undefined"}]) == ["area"]
    assert find_box_fields([{"area": "undefined", "n": "3"}]) == []
    assert find_box_fields([]) == []


@pytest.mark.parametrize("value", ["40", " 40 ", "4e1", "+40.0", 40, 40.0])
def test_a_number_in_any_spelling(value):
    assert read_number(value) == 40


@pytest.mark.parametrize("value", ["40px", "", "0x28", "4_0", "nan", "inf", True, [], {}, "٤٠"])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(LabelFormatError, match="number"):
        read_number(value)


def test_a_number_too_large_for_a_float_is_endless():
    assert read_number(10**400) == np.inf
    assert read_number(-(10**400)) == -np.inf


def test_replacing_a_field_leaves_the_others_alone():
    xml = answer(
        named("colour", "<SelectionIdentifier>red</SelectionIdentifier>"),
        named("boxes", "<FreeText><![CDATA[[]]]></FreeText>"),
    )
    changed = replace_fields(xml, {"boxes": LIST, "new": "<&>"})
    assert read_fields(changed) == {"colour": "red", "boxes": LIST, "new": "<&>"}
    assert "<SelectionIdentifier>red<" in changed
    assert changed.startswith(f'<QuestionFormAnswers xmlns="{NAMESPACE}">')


printable = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)


@given(st.dictionaries(printable.map(str.strip), printable, max_size=4))
def test_law_fields_survive_xml(fields):
    assert read_fields(write_fields(fields)) == fields


@given(st.text(max_size=50))
def test_law_any_text_of_a_worker_can_be_stored(text):
    write_fields({"comment": text}).encode()
    read_fields(write_fields({"comment": text}))
