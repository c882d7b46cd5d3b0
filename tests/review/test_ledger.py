import json
import subprocess
import sys
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from annotaudit.boxes import SIDES
from annotaudit.errors import BoxTableError, LabelFormatError, LimitError
from annotaudit.review import VERDICT_COLUMNS, Ledger, last_word, load

FINDING = {
    "sequence": "street",
    "annotator": "ann",
    "track": "car:1",
    "frame": 3,
    "rule": "size-jump",
    "score": 0.9,
    "left": 10,
    "top": 20,
    "width": 30,
    "height": 15,
}


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "street.verdicts.jsonl", reviewer="ben", fingerprint="f00d")


def test_what_is_written_is_what_is_read(ledger, findings):
    moment = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
    ledger.append(
        findings.iloc[0], "mistake", corrected=(10, 20, 30, 40.5), note="too low", time=moment
    )
    read = ledger.read().iloc[0]
    assert read[["sequence", "annotator", "track", "rule"]].tolist() == [
        "street", "ann", "car:1", "size-jump",
    ]  # fmt: skip
    assert (read["frame"], read["score"], read["verdict"]) == (3, 0.9, "mistake")
    assert read[list(SIDES)].tolist() == [10, 20, 30, 15]
    assert read["corrected_height"] == 40.5
    assert (read["note"], read["reviewer"], read["fingerprint"]) == ("too low", "ben", "f00d")
    assert read["time"] == moment


def test_a_missing_box_and_a_still_without_track_keep_their_unknowns(ledger, findings):
    ledger.append(findings.iloc[2].replace({"car:1": np.nan}), "unsure")
    read = ledger.read()
    assert read[["track", *SIDES, "corrected_left"]].isna().all(axis=None)
    assert {name: str(kind) for name, kind in ledger.read().dtypes.items()}["frame"] == "int64"


def test_an_empty_ledger_is_an_empty_table_of_the_same_types(ledger):
    empty = ledger.read()
    assert empty.columns.tolist() == list(VERDICT_COLUMNS)
    ledger.append(FINDING, "fine")
    pd.testing.assert_series_equal(empty.dtypes, ledger.read().dtypes)


def test_every_line_says_which_schema_it_is_written_in(ledger):
    ledger.append(FINDING, "fine")
    assert json.loads(ledger.path.read_text())["schema"] == 1


def test_a_ledger_only_grows(ledger):
    first = ledger.append(FINDING, "fine")
    before = ledger.path.read_bytes()
    ledger.withdraw(first)
    assert ledger.path.read_bytes().startswith(before)


def test_undo_brings_back_what_was_said_before(ledger):
    ledger.append(FINDING, "fine")
    second = ledger.append(FINDING, "mistake")
    assert last_word(ledger.read())["verdict"].tolist() == ["mistake"]
    ledger.withdraw(second)
    assert last_word(ledger.read())["verdict"].tolist() == ["fine"]


def test_what_was_never_said_cannot_be_withdrawn(ledger):
    with pytest.raises(LimitError, match="no verdict 'abc'"):
        ledger.withdraw("abc")
    assert not ledger.path.exists()


def test_a_write_that_dies_at_any_byte_costs_only_itself(ledger):
    ledger.append(FINDING, "fine", note="first")
    whole = ledger.path.read_bytes()
    ledger.append(FINDING, "mistake", note="süß \u2028 \x00")
    torn = ledger.path.read_bytes()
    for end in range(len(whole), len(torn)):
        ledger.path.write_bytes(torn[:end])
        complete = end == len(torn) - 1  # only its newline is missing
        assert len(ledger.read()) == 1 + complete
        assert len(ledger.problems()) == (len(whole) < end < len(torn) - 1)
        if end % 40 and not complete:
            continue  # each append syncs the disk: try some of them
        ledger.append(FINDING, "unsure", note="after")
        assert ledger.read()["note"].tolist()[-1] == "after"
        assert len(ledger.read()) == 2 + complete


def test_a_torn_line_is_put_aside_and_reported(ledger):
    ledger.append(FINDING, "fine")
    with ledger.path.open("ab") as file:
        file.write(b'{"schema": 1, "sequ')
    problem = ledger.problems().iloc[0]
    assert problem["where"] == "line 2"
    assert "left out" in problem["what"]
    ledger.append(FINDING, "mistake")
    assert ledger.read()["verdict"].tolist() == ["fine", "mistake"]
    assert ledger.problems()["where"].tolist() == ["line 2"]


@pytest.mark.parametrize(
    "line",
    [
        b"null",
        b"[1]",
        b"\xff\xfe",
        b'{"schema": 2}',
        b'{"schema": "1"}',
        b'{"schema": 1, "withdraws": 3}',
        b"[" * 20_000,
        b'{"schema": 1, "sequence": "s", "frame": 1e99, "rule": "r", "verdict": "fine"}',
        b'{"schema":1,"sequence":"s","frame":1,"rule":"r","verdict":"maybe","time":"2026-01-01Z"}',
        b'{"schema":1,"sequence":"s","frame":1,"rule":"r","verdict":"fine",'
        b'"time":"0001-01-01T00:00:00+23:00"}',
    ],
)
def test_a_line_that_is_none_is_a_problem_not_an_error(ledger, line):
    ledger.append(FINDING, "fine")
    with ledger.path.open("ab") as file:
        file.write(line + b"\n")
    ledger.append(FINDING, "mistake")
    assert len(ledger.read()) == 2
    assert len(ledger.problems()) == 1


def test_two_programs_that_write_at_once_lose_nothing(ledger):
    program = (
        "import sys; from annotaudit.review import Ledger\n"
        "ledger = Ledger(sys.argv[1], reviewer=sys.argv[2])\n"
        f"for frame in range(500): ledger.append({{**{FINDING!r}, 'frame': frame}}, 'fine')"
    )
    both = [
        subprocess.Popen([sys.executable, "-c", program, str(ledger.path), name])
        for name in ("ann", "ben")
    ]
    assert [writer.wait(timeout=60) for writer in both] == [0, 0]
    read = ledger.read()
    assert ledger.problems().empty
    assert read["id"].is_unique
    for name in ("ann", "ben"):
        assert read.loc[read["reviewer"] == name, "frame"].tolist() == list(range(500))


anything = st.text(alphabet=st.characters(), max_size=30) | st.sampled_from(
    ["\n", "\r\n", "\u2028\u2029\x85\x0b", "\ud800", "=cmd()", '"}', "\x00", "\ufeff"]
)
finite = st.floats(-1e6, 1e6)


@settings(max_examples=60, deadline=None)
@given(
    names=st.tuples(anything, anything, anything),
    frame=st.integers(0, 2**53),
    box=st.tuples(finite, finite, finite, finite),
    note=anything,
)
def test_whatever_is_written_is_read_back(tmp_path_factory, names, frame, box, note):
    ledger = Ledger(tmp_path_factory.mktemp("ledger") / "any.jsonl")
    sequence, track, rule = names
    finding = dict(zip(SIDES, box, strict=True)) | {
        "sequence": sequence, "track": track, "rule": rule, "annotator": None, "frame": frame,
    }  # fmt: skip
    ledger.append(finding, "fine", note=note)
    read = ledger.read().iloc[0]

    def kept(text):  # half a surrogate pair is the one thing no table of text can hold
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    assert [read["sequence"], read["track"], read["rule"], read["note"]] == [
        kept(text) for text in (sequence, track, rule, note)
    ]
    assert (read["frame"], *read[list(SIDES)]) == (frame, *box)
    assert ledger.path.read_bytes().isascii()
    assert len(ledger.path.read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"verdict": "bad"}, LimitError, "found 'bad'"),
        ({"corrected": (1, 2, 3)}, BoxTableError, r"found \[1, 2, 3\]"),
        ({"corrected": (1, 2, 3, 0)}, BoxTableError, "above 0"),
        ({"corrected": (1, 2, 3, np.nan)}, BoxTableError, "above 0"),
        ({"time": datetime(2026, 1, 1)}, LimitError, "needs a zone"),
        ({"finding": {"frame": 3}}, BoxTableError, "lacks"),
    ],
)
def test_what_makes_no_sense_is_refused_and_not_written(ledger, change, error, says):
    with pytest.raises(error, match=says):
        ledger.append(**({"finding": FINDING, "verdict": "mistake"} | change))
    assert not ledger.path.exists()


def test_load_reads_a_ledger_and_names_a_file_that_is_none(ledger):
    ledger.append(FINDING, "fine")
    assert load(ledger.path)["verdict"].tolist() == ["fine"]
    ledger.path.write_text("frame,verdict\n3,fine\n")
    with pytest.raises(LabelFormatError, match="none of its 2 lines"):
        load(ledger.path)
    with pytest.raises(LabelFormatError, match="no such file"):
        load(ledger.path.with_name("none.jsonl"))


def test_a_ledger_stands_beside_its_labels(tmp_path):
    assert Ledger.beside(tmp_path / "gt.txt").path == tmp_path / "gt.verdicts.jsonl"


def test_the_folder_of_a_ledger_is_made_with_it(tmp_path, findings):
    ledger = Ledger(tmp_path / "new" / "street.verdicts.jsonl")
    assert ledger.read().empty and not ledger.path.parent.exists()
    ledger.append(findings.iloc[0], "fine")
    assert len(ledger.read()) == 1
