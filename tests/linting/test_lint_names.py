import json
from dataclasses import replace

import pandas as pd
import pytest

import annotaudit as aa


def named(stills, labels, **columns):
    """One box far from the others for each label."""
    rows = [(n, label, 10, 10, 40, 30) for n, label in enumerate(labels)]
    made = stills(rows)
    return replace(made, boxes=made.boxes.assign(**columns))


def rows_of(findings, *columns):
    return findings[list(columns)].fillna("").to_numpy().tolist()


def test_labels_that_differ_in_case_and_spaces_have_one_spelling(stills):
    labels = named(stills, ["stop sign"] * 3 + ["Stop_Sign", "stop  sign ", "tree"])
    found = aa.lint(labels, rules="label_spelling")
    assert rows_of(found, "label", "fix", "about") == [
        ["Stop_Sign", "label_case", "label"],
        ["stop  sign ", "label_case", "label"],
    ]
    assert found["reason"][0] == (
        "1 box is called 'Stop_Sign', the usual or declared name is 'stop sign'; use one spelling."
    )


def test_where_neither_spelling_is_usual_a_person_decides(stills):
    labels = named(stills, ["Car", "car"])
    assert rows_of(aa.lint(labels, rules="label_spelling"), "label", "fix") == [
        ["Car", ""],
        ["car", ""],
    ]
    declared = aa.lint(labels, rules="label_spelling", classes=["car"])
    assert aa.fix(labels, classes=["car"]).changes["after"].tolist() == ["label 'car'"]
    assert rows_of(declared, "label", "fix") == [["Car", "label_case"]]


def test_a_declared_name_is_meant_even_if_no_box_has_it(stills):
    labels = named(stills, ["Stop Sign", "tree"])
    assert aa.lint(labels, rules="label_spelling").empty
    diff = aa.fix(labels, classes=["stop sign", "tree", "bush"])
    assert diff.changes["after"].tolist() == ["label 'stop sign'"]


def test_spellings_that_are_classes_of_their_own_are_not_renamed(stills):
    labels = named(stills, ["car", "car", "Car"], class_id=["1", "1", "2"])
    assert rows_of(aa.lint(labels, rules="label_spelling"), "label", "fix") == [["Car", ""]]


@pytest.mark.parametrize(("one", "many"), [("car", "cars"), ("bus", "Buses"), ("lorry", "lorries")])
def test_a_label_and_its_plural(stills, one, many):
    found = aa.lint(named(stills, [one, one, many, "tree"]), rules="label_plural")
    assert found["label"].tolist() == [many]


def test_a_label_that_one_box_of_many_has_is_likely_a_slip(stills):
    labels = named(stills, ["pedestrian"] * 120 + ["pedestrain"])
    found = aa.lint(labels, rules="label_once")
    assert found["reason"].tolist() == [
        "The only box called 'pedestrain' of 121; meant 'pedestrian'?"
    ]
    assert aa.lint(named(stills, ["car", "bus"]), rules="label_once").empty  # too few to tell


def test_missing_labels_and_annotators_count_only_among_others(stills):
    rules = ["label_missing", "annotator_missing"]
    some = named(stills, ["car", None, " "], annotator=["ann", None, "bob"])
    assert rows_of(aa.lint(some, rules=rules), "rule", "frame") == [
        ["annotator_missing", 1],
        ["label_missing", 1],
        ["label_missing", 2],
    ]
    assert aa.lint(named(stills, [None, None], annotator=None), rules=rules).empty


def test_declared_classes_are_held_against_the_labels(stills):
    labels = named(stills, ["car", "bsu"])
    found = aa.lint(
        labels, classes=["car", "bus", "tram"], rules=["class_undeclared", "class_unused"]
    )
    assert rows_of(found, "rule", "severity") == [
        ["class_undeclared", "warning"],
        ["class_unused", "note"],
    ]
    assert "meant 'bus'?" in found["reason"][0]
    assert "2 of 3 declared classes have no box: bus, tram." in found["reason"][1]


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("source_file", json.dumps({"file": {"categories": [{"id": 1, "name": "dog"}]}})),
        ("source_file", json.dumps({"meta": "<meta><label><name>dog</name></label></meta>"})),
        ("source_file", "train: images\nnames: {0: dog}"),
        ("source_file", "train: images\nnames: [dog]"),
        ("source_manifest", json.dumps({"line": {"a-metadata": {"class-map": {"0": "dog"}}}})),
    ],
)
def test_each_format_declares_classes_in_its_own_way(stills, column, text):
    labels = named(stills, ["cat"])
    frames = labels.frames.assign(**{column: pd.Series([text], dtype=object)})
    found = aa.lint(replace(labels, frames=frames), rules=["class_undeclared", "class_unused"])
    assert found["rule"].tolist() == ["class_undeclared", "class_unused"]


@pytest.mark.parametrize("text", ["{", "names: 3", "", '{"file": 3}', '{"meta": "<a"}', "[" * 9999])
def test_a_source_that_says_nothing_of_classes_is_passed_over(stills, text):
    labels = named(stills, ["cat"])
    frames = labels.frames.assign(source_file=pd.Series([text], dtype=object))
    assert aa.lint(replace(labels, frames=frames)).empty
