"""Decisions written into batch results: two cells change, and not a byte beside them."""

import pandas as pd
import pytest

import annotaudit as aa
from annotaudit.aws import assignments, fill_batch_csv, plan_reviews
from annotaudit.errors import BoxTableError, LabelFormatError

HEADER = '"HITId","AssignmentId","AssignmentStatus","Answer.boxes","Approve","Reject"'


def row(name, answer="[]", end='"",""'):
    return f'"H","{name}","Submitted","{answer}",{end}'


@pytest.fixture
def batch(tmp_path):
    def write(*lines, ending="\r\n", encoding="utf-8"):
        path = tmp_path / "batch.csv"
        path.write_bytes(ending.join(lines).encode(encoding))
        return path

    return write


def plan(decisions):
    rows = [(name, decision, reason) for name, (decision, reason) in decisions.items()]
    return pd.DataFrame(rows, columns=["assignment", "decision", "reason"])


def test_decisions_are_filled_in_and_nothing_else_changes(batch, tmp_path):
    strange = '[{""label"": ""=1+1, na\u00efve"",\n ""left"": 1}]'
    source = batch(HEADER, row("A1"), row("A2", strange), row("A3"), "")
    decided = plan(
        {"A1": ("approve", ""), "A2": ("reject", 'No "box", sorry.'), "A3": ("look again", "?")}
    )
    written = fill_batch_csv(decided, source, tmp_path / "filled.csv")
    assert written.to_numpy().tolist() == [
        ["A1", "Approve", "x"],
        ["A2", "Reject", 'No "box", sorry.'],
    ]
    before = source.read_bytes()
    expected = before.replace(row("A1").encode(), row("A1", end='x,""').encode())
    expected = expected.replace(
        row("A2", strange).encode(), row("A2", strange, end='"","No ""box"", sorry."').encode()
    )
    assert (tmp_path / "filled.csv").read_bytes() == expected


def test_nothing_decided_leaves_every_byte(batch, tmp_path):
    source = batch("\ufeff" + HEADER, row("A1"), "", row("A2"), encoding="utf-8", ending="\n")
    fill_batch_csv(plan({}), source, tmp_path / "filled.csv")
    assert (tmp_path / "filled.csv").read_bytes() == source.read_bytes()


def test_another_encoding_comes_back_whole(batch, tmp_path):
    source = batch(HEADER, row("A1", "caf\u00e9"), encoding="cp1252")
    fill_batch_csv(plan({"A1": ("approve", "")}), source, tmp_path / "filled.csv")
    assert "caf\u00e9" in (tmp_path / "filled.csv").read_text(encoding="cp1252")


def test_columns_and_cells_that_lack_are_added(batch, tmp_path):
    source = batch("HITId;AssignmentId", "H;A1", "H;A2", ending="\n")
    fill_batch_csv(plan({"A2": ("reject", "No box; none.")}), source, tmp_path / "f.csv")
    assert (tmp_path / "f.csv").read_text() == (
        'HITId;AssignmentId;Approve;Reject\nH;A1;;\nH;A2;;"No box; none."'
    )


def test_rows_that_end_before_the_decision(batch, tmp_path):
    source = batch("HITId,AssignmentId,Approve,Reject", "H,A1", "H,A2", ending="\n")
    fill_batch_csv(plan({"A2": ("reject", "none")}), source, tmp_path / "f.csv")
    assert (tmp_path / "f.csv").read_text().splitlines()[1:] == ["H,A1", "H,A2,,none"]


@pytest.mark.parametrize("reason", ["=HYPERLINK(1)", "+1", "-1", "@SUM(1)"])
def test_a_reason_is_no_formula(batch, tmp_path, reason):
    source = batch(HEADER, row("A1"))
    fill_batch_csv(plan({"A1": ("reject", reason)}), source, tmp_path / "f.csv")
    assert pd.read_csv(tmp_path / "f.csv")["Reject"].tolist() == [f"'{reason}"]


def test_a_decision_made_by_hand_is_not_written_over(batch, tmp_path):
    source = batch(HEADER, row("A1", end='"x",""'))
    fill_batch_csv(plan({"A1": ("approve", "")}), source, tmp_path / "f.csv")
    assert (tmp_path / "f.csv").read_bytes() == source.read_bytes()
    with pytest.raises(LabelFormatError, match="line 2: A1 has a decision already"):
        fill_batch_csv(plan({"A1": ("reject", "none")}), source, tmp_path / "g.csv")
    assert not (tmp_path / "g.csv").exists()


def test_another_batch_is_noticed(batch, tmp_path):
    with pytest.raises(LabelFormatError, match="has no assignment 'B7'"):
        fill_batch_csv(plan({"B7": ("approve", "")}), batch(HEADER, row("A1")), tmp_path / "f.csv")


@pytest.mark.parametrize(
    "lines", [["a,b", "1,2"], ["HITId,AssignmentId", 'H,"A1'], ['"H"x,AssignmentId', "H,A1"]]
)
def test_what_is_no_batch_is_refused(batch, tmp_path, lines):
    with pytest.raises(LabelFormatError):
        fill_batch_csv(plan({}), batch(*lines), tmp_path / "f.csv")


def test_the_download_itself_is_never_written_over(batch):
    source = batch(HEADER, row("A1"))
    with pytest.raises(LabelFormatError, match="Name another file"):
        fill_batch_csv(plan({}), source, source)


def test_a_table_that_is_no_plan_is_refused(batch, tmp_path):
    with pytest.raises(BoxTableError, match="The plan lacks"):
        fill_batch_csv(pd.DataFrame(), batch(HEADER), tmp_path / "f.csv")


def test_a_batch_from_download_to_upload(batch, tmp_path):
    source = batch(
        HEADER, row("A1", '[{""left"":1,""top"":1,""width"":2,""height"":2}]'), row("A2")
    )
    reviews = plan_reviews(
        assignments(aa.load(source)), reward="0.05", reject={"A2": "Nothing was drawn."}
    )
    fill_batch_csv(reviews, source, tmp_path / "f.csv")
    filled = pd.read_csv(tmp_path / "f.csv").fillna("")
    assert filled[["Approve", "Reject"]].to_numpy().tolist() == [
        ["x", ""],
        ["", "Nothing was drawn."],
    ]
