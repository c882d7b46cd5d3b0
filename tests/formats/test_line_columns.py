"""Lines of one layout: clean or damaged, they are read the same."""

import time

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from annotaudit.errors import LabelFormatError
from annotaudit.formats.line_columns import Value, read_columns, write_columns
from annotaudit.formats.problems import Problems

LAYOUT = [Value("frame", "whole", 0), Value("type", "word"), Value("left"), Value("score")]


def read(text, separator=",", *, strict=False):
    problems = Problems("file.txt", strict=strict)
    data = text if isinstance(text, bytes) else text.encode()
    found = read_columns(data, LAYOUT, problems, separator=separator, optional=1)
    rows = zip(
        found.columns["frame"].tolist(),
        found.columns["type"].to_pylist(),
        found.columns["left"].tolist(),
        np.nan_to_num(found.columns["score"], nan=-9).tolist(),
        strict=True,
    )
    return list(rows), found.places.tolist(), problems.table()


@pytest.mark.parametrize(
    "line",
    ["7,Car,1.5", "7,Car,1.5,", "7,Car,1.5,,,", " 7 , Car , 1.5 ", "7.0,Car,+1.5", "+7,Car,15e-1"],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", ""])
def test_ways_to_write_the_same_line(line, end):
    assert read(line + end)[0] == [(7, "Car", 1.5, -9)]


def test_runs_of_spaces_and_tabs_are_one_separator():
    rows, places, problems = read("  1  Car\t2 \n\n2 Van 3 0.5\n", " ")
    assert rows == [(1, "Car", 2, -9), (2, "Van", 3, 0.5)]
    assert places == [1, 3]
    assert problems.empty


BAD = {
    "1,Car": "2 values",
    "1,Car,2,3,4": "5 values",
    "-1,Car,2": "frame is '-1'; expected a whole number, counted from 0",
    "1.5,Car,2": "frame is '1.5'",
    "1,,2": "type is ''",
    "1,Car,ten": "left is 'ten'",
    "1,Car,1_0": "left is '1_0'",
    "1,Car,": "2 values",
    "99999999999999999999,Car,2": "frame is",
    "nan,Car,2": "frame is",
}


@pytest.mark.parametrize("damage", ["", "oops\n"])
def test_numbers_may_be_corrected_in_place(damage):
    columns = read_columns(
        f"1,Car,2,3\n{damage}".encode(), LAYOUT, Problems("f"), optional=1
    ).columns
    columns["frame"][0] = 7
    columns["left"][0] += 0.5
    assert columns["frame"].tolist() + columns["left"].tolist() == [7, 2.5]


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_line_is_one_problem_and_the_others_are_as_before(bad):
    good = "3,Car,0.1\n4,Van,9007199254740993,0.5\n123456789012345678,Car,-2\n"
    clean, places, _ = read(good)
    assert places == [1, 2, 3]
    rows, places, problems = read(f"{bad}\n{good}")
    assert rows == clean
    assert places == [2, 3, 4]
    assert problems["where"].tolist() == ["line 1"]
    assert BAD[bad] in problems["what"][0]
    with pytest.raises(LabelFormatError, match="line 1"):
        read(f"{bad}\n{good}", strict=True)


def test_bytes_that_are_no_text_are_a_problem():
    rows, _, problems = read(b"1,C\xffr,2\n1,Car,2\n")
    assert rows == [(1, "Car", 2, -9)]
    assert "expected text in UTF-8" in problems["what"][0]


def test_nothing_is_no_row():
    for text in ("", "\n\n", " ,, \n", "hello"):
        assert read(text)[0] == []


@pytest.mark.parametrize("run", [",", " ", "1", "1.", "\r", "e", "1e"])
def test_a_hostile_line_takes_no_time(run):
    started = time.perf_counter()
    for separator in (",", " "):
        rows, _, _ = read("3,Car,2\n3 Car 2\n" + run * 300_000 + "x\n", separator)
        assert len(rows) == 1
    assert time.perf_counter() - started < 10


@given(
    st.lists(
        st.tuples(
            st.integers(0, 10**18 - 1),
            st.text("abcÄ_-", min_size=1, max_size=5),
            st.floats(allow_nan=False),
        ),
        min_size=1,
    ),
    st.sampled_from([",", " "]),
)
@settings(max_examples=50)
def test_law_what_is_written_is_read_back(rows, separator):
    text = write_columns([np.array(column) for column in zip(*rows, strict=True)], separator)
    damaged = text + f"1{separator}Car{separator}x\n".encode()
    for data in (text, damaged):
        assert [row[:3] for row in read(data, separator)[0]] == rows
