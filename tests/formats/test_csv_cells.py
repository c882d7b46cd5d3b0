"""CSV as columns of text: what a cell is, which rows are wrong, and back again."""

import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies as st

from annotaudit.errors import LabelFormatError
from annotaudit.formats.csv_cells import header_of, read_cells, without_apostrophes, write_cells
from annotaudit.formats.problems import Problems


def read(data):
    problems = Problems("x.csv")
    cells = read_cells(data if isinstance(data, bytes) else data.encode(), problems)
    columns = {name: column.to_pylist() for name, column in cells.columns.items()}
    return columns, cells.rows.tolist(), problems.table()


def test_an_empty_cell_is_missing_and_empty_quotes_are_text():
    columns, rows, _ = read('a,b\n1,\n"",x\n')
    assert columns == {"a": ["1", ""], "b": [None, "x"]}
    assert rows == [2, 3]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_what_separates_is_told_from_the_first_line(separator, end):
    text = end.join(separator.join(cells) for cells in [("a", "b"), ("1", '"2,;\n3"'), ("4", "5")])
    assert read(text)[0] == {"a": ["1", "4"], "b": ["2,;\n3", "5"]}


def test_rows_of_another_length_are_problems_with_their_number():
    columns, rows, problems = read('a,b\n1,2\n\n3\n"x\ny",4\n5,6,7\n8,9\n')
    assert columns["a"] == ["1", "x\ny", "8"]
    assert rows == [2, 4, 6], "the header is row 1, blank lines do not count"
    assert problems["where"].tolist() == ["row 3", "row 5"]
    assert "1 cells ('3'), expected 2" in problems["what"][0]


def test_a_quote_that_is_never_closed_is_told():
    assert "never closed" in read('a,b\n1,"2\n3,4\n')[2]["what"][0]


def test_nothing_but_a_header_is_no_rows():
    for data in ("a,b", "a,b\n", "a,b\r\n\r\n"):
        assert read(data)[0] == {"a": [], "b": []}


@pytest.mark.parametrize(
    ("data", "what"), [(b"a,b\n1,\xff\n", "line 2: not UTF-8"), (b"a,a\n1,2\n", "stand twice")]
)
def test_what_is_no_table_is_an_error(data, what):
    with pytest.raises(LabelFormatError, match=what):
        read(data)


def test_names_may_hold_the_separator():
    assert header_of(b'a,"b,""c"""\n') == ["a", 'b,"c"']
    assert header_of(b"\xff\xfe") == []


texts = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=8)


@given(st.lists(st.tuples(st.none() | texts, st.none() | texts), min_size=1))
@settings(max_examples=100)
def test_law_what_is_written_is_read_back(rows):
    columns = [pa.array(column, pa.large_string()) for column in zip(*rows, strict=True)]
    for formulas in (True, False):
        written = write_cells({"a": columns[0], "=b": columns[1]}, formulas=formulas)
        problems = Problems("x.csv")
        cells = read_cells(written, problems)
        found = list(cells.columns.values())
        if not formulas:
            assert not any(
                (each or "")[:1] in "=+-@" for c in found for each in c.to_pylist() if each
            )
            found = [without_apostrophes(column) for column in found]
        assert [c.to_pylist() for c in found] == [c.to_pylist() for c in columns]
        assert problems.table().empty
