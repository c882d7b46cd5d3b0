import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

import annotaudit as aa
from annotaudit.boxes import COLUMNS, TEXT, empty_table
from annotaudit.errors import BoxTableError


def table(**columns):
    good = {
        "sequence": ["street", "street"],
        "frame": [0, 1],
        "track": ["car:1", "car:1"],
        "label": ["car", "car"],
        "annotator": ["ann", "ann"],
        "left": [1.0, 2.0],
        "top": [3.0, 4.0],
        "width": [10.0, 11.0],
        "height": [20.0, 21.0],
    }
    return pd.DataFrame({**good, **columns})


def types(boxes):
    return {name: str(boxes[name].dtype) for name in COLUMNS}


def test_a_checked_table_has_the_declared_types():
    expected = {name: str(empty_table(COLUMNS)[name].dtype) for name in COLUMNS}
    assert types(aa.check_boxes(table())) == expected
    assert types(aa.check_boxes(table(left=[1, 2], frame=[0.0, 1.0]))) == expected
    assert types(aa.check_boxes(table().iloc[:0])) == expected


def test_a_table_already_right_comes_back_as_it_is():
    checked = aa.check_boxes(table())
    assert aa.check_boxes(checked) is checked


def test_the_callers_table_is_never_edited():
    boxes = table(left=[1, 2], track=pd.Categorical(["a", None]), frame=[0.0, 1.0])
    before = boxes.copy(deep=True)
    aa.check_boxes(boxes)
    pd.testing.assert_frame_equal(boxes, before)


def test_extra_columns_and_the_index_ride_along():
    boxes = table(visibility=[0.5, 1.0]).set_index(pd.Index(["x", "y"]))
    checked = aa.check_boxes(boxes)
    assert checked["visibility"].tolist() == [0.5, 1.0]
    assert checked.index.tolist() == ["x", "y"]


def test_bad_values_pass_because_they_are_what_an_audit_is_for():
    bad = table(left=[np.nan, np.inf], width=[-5.0, 0.0], frame=[1, 1])
    assert len(aa.check_boxes(bad)) == 2


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        ("frame", pd.array([0, 1], dtype="Int64"), [0, 1]),
        ("frame", pd.array([0, 1], dtype="UInt8"), [0, 1]),
        ("frame", np.array([0, 1], dtype="uint64"), [0, 1]),
        ("frame", np.array([0, 1], dtype=object), [0, 1]),
        ("left", pd.array([1, None], dtype="Int64"), [1.0, np.nan]),
        ("left", pd.array([1.5, None], dtype="Float64"), [1.5, np.nan]),
        ("left", np.array([1, None], dtype=object), [1.0, np.nan]),
        ("left", np.array([1, 2], dtype="float32"), [1.0, 2.0]),
        ("track", pd.Categorical(["a", None]), ["a", np.nan]),
        ("track", pd.Categorical([7, 8]), ["7", "8"]),
        ("track", [7, 8], ["7", "8"]),
        ("track", np.array(["a", None], dtype=object), ["a", np.nan]),
        ("track", pd.array(["a", None], dtype="string"), ["a", np.nan]),
        ("track", [None, None], [np.nan, np.nan]),
        ("track", np.array([7, None], dtype=object), ["7", np.nan]),
        ("track", pd.array([7, None], dtype="Int64"), ["7", np.nan]),
    ],
)
def test_other_types_become_the_declared_ones(column, values, expected):
    checked = aa.check_boxes(table(**{column: values}))
    wanted = pd.Series(expected, dtype=TEXT if COLUMNS[column] == "str" else COLUMNS[column])
    pd.testing.assert_series_equal(checked[column], wanted, check_names=False)


def test_a_missing_track_is_missing_not_the_word_nan():
    checked = aa.check_boxes(table(track=[np.nan, "nan"]))
    assert checked["track"].isna().tolist() == [True, False]


def test_whole_numbers_as_track_names_keep_no_point():
    assert aa.check_boxes(table(track=[1.0, np.nan]))["track"].tolist()[0] == "1"


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"left": ["1", "2"]}, r"'left', row 0: found '1', expected a number.*to_numeric"),
        ({"left": [1, "wide"]}, r"'left', row 1: found 'wide', expected a number"),
        ({"left": [True, False]}, r"'left', row 0: found .*True.*expected a number"),
        ({"left": pd.Categorical(["1", "2"])}, r"'left', row 0: found '1', expected a number"),
        ({"left": [1j, 2j]}, r"'left', row 0: found .*1j.*expected a number"),
        ({"left": pd.to_datetime(["2020-01-01"] * 2)}, r"'left', row 0: .*expected a number"),
        ({"left": [[1], [2]]}, r"'left', row 0: found \[1\], expected a number"),
        ({"frame": ["0", "1"]}, r"'frame', row 0: found '0', expected a number"),
        ({"frame": [0.5, 1]}, r"'frame', row 0: found .*0\.5.*whole frame number"),
        ({"frame": [0, np.nan]}, r"'frame', row 1: found .*nan.*whole frame number"),
        ({"frame": [0, np.inf]}, r"'frame', row 1: found .*inf.*whole frame number"),
        ({"frame": pd.array([0, None], dtype="Int64")}, r"'frame', row 1: found .*NA.*whole"),
        ({"frame": [-1, -2]}, r"'frame', row 0: found .*-1.*0 or more.*1 more row"),
        ({"frame": np.array([2**63, 1], dtype="uint64")}, r"'frame', row 0: .*below 2\*\*63"),
        ({"frame": [10**30, 1]}, r"'frame', row 0: found .*whole frame number"),
        ({"sequence": ["street", None]}, r"'sequence', row 1: found .*name of a sequence"),
    ],
)
def test_an_error_names_column_row_found_expected_and_the_next_step(columns, message):
    with pytest.raises(BoxTableError, match=message) as error:
        aa.check_boxes(table(**columns))
    assert "Correct the value" in str(error.value) or "Convert it" in str(error.value)


def test_a_number_too_large_for_a_side_is_infinite_not_a_crash():
    huge = pd.Series([10**400, -(10**400)], dtype=object)
    assert aa.check_boxes(table(left=huge))["left"].tolist() == [np.inf, -np.inf]


def test_missing_columns_are_all_named():
    with pytest.raises(BoxTableError, match=r"lacks \['track', 'top'\]; it has .*annotaudit.load"):
        aa.check_boxes(table().drop(columns=["track", "top"]))


def test_a_column_given_twice_is_named():
    doubled = pd.concat([table(), table()[["left"]]], axis=1)
    with pytest.raises(BoxTableError, match=r"more than once: \['left'\]"):
        aa.check_boxes(doubled)


@pytest.mark.parametrize("value", [None, [], "boxes.csv", {"left": [1]}, np.zeros((2, 4))])
def test_what_is_no_table_is_refused(value):
    with pytest.raises(BoxTableError, match=r"DataFrame; found .*annotaudit.load"):
        aa.check_boxes(value)


def test_a_box_table_error_is_a_value_error():
    assert issubclass(BoxTableError, ValueError)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.none(), st.integers(), st.floats(), st.text(max_size=3), st.booleans(), st.dates()
        ),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from(list(COLUMNS)),
)
def test_any_column_is_checked_or_refused_by_name(values, column):
    base = pd.DataFrame({name: ["a"] * len(values) for name in COLUMNS})
    base = base.assign(frame=0, left=0, top=0, width=1, height=1)
    boxes = base.assign(**{column: pd.Series(values, dtype=object)})
    try:
        checked = aa.check_boxes(boxes)
    except BoxTableError as error:
        assert repr(column) in str(error)
    else:
        assert types(checked) == types(empty_table(COLUMNS))


def test_labels_say_what_they_hold():
    labels = aa.Labels(table())
    assert repr(labels) == "Labels(2 boxes, 1 track, 0 frames, 1 sequence, 0 problems)"


def test_labels_check_their_boxes():
    with pytest.raises(BoxTableError, match="lacks"):
        aa.Labels(pd.DataFrame({"left": [1]}))


def test_hostile_names_are_text_in_a_notebook():
    labels = aa.Labels(table(label=["<script>alert(1)</script>"] * 2))
    assert "<script>" not in labels._repr_html_()
    assert "&lt;script&gt;" in labels._repr_html_()


def test_labels_in_the_place_of_boxes_are_told_apart():
    labels = aa.Labels(empty_table(COLUMNS))
    with pytest.raises(BoxTableError, match=r"found Labels.* Pass labels.boxes"):
        aa.check_boxes(labels)
