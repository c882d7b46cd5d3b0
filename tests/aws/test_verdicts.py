"""What a job said goes into a ledger beside what reviewers said before."""

import pandas as pd
import pytest

from annotaudit.aws import record_verdicts
from annotaudit.boxes import TEXT
from annotaudit.review import VERDICT_COLUMNS, Ledger, last_word

BOX = {"sequence": "street", "annotator": "ann", "track": "car:1", "frame": 4, "label": "car",
       "left": 10.0, "top": 20.0, "width": 30.0, "height": 15.0, "rule": "size"}  # fmt: skip
MISSING = {"sequence": "street", "annotator": "ann", "frame": 7}


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "street.verdicts.jsonl", reviewer="ben")


def answers(*rows):
    """Make the table of what a job said."""
    said = {"reviewer": "job", "note": "", "fingerprint": "f", "onward": False}
    kinds = {name: TEXT if kind == "str" else kind for name, kind in VERDICT_COLUMNS.items()}
    table = pd.DataFrame([{**said, **row} for row in rows])
    return table.reindex(columns=list(VERDICT_COLUMNS)).astype(kinds)


@pytest.mark.parametrize(("verdict", "height"), [("mistake", 40.0), ("unsure", 40.0), ("fine", 0)])
def test_a_correction_outlives_the_answer_unless_the_box_is_fine(ledger, verdict, height):
    ledger.append(BOX, "mistake", corrected=(10, 20, 30, 40), corrected_label="bus", note="Wheels.")
    record_verdicts(answers({**BOX, "verdict": verdict}), ledger.path)
    said = last_word(ledger.read()).fillna({"corrected_height": 0, "corrected_label": ""})
    assert said[["verdict", "corrected_height", "reviewer"]].to_numpy().tolist() == [
        [verdict, height, "job"]
    ]
    assert said[["corrected_label", "note"]].to_numpy().tolist() == [
        ["bus", "Wheels."] if height else ["", ""]
    ]


def test_objects_without_a_name_are_answered_one_by_one_and_once(ledger):
    drawn = [(left, 20, 30, 40) for left in (50, 150)]
    for box in drawn:
        ledger.mark(MISSING, "missing_box", corrected=box, corrected_label="van")
    sides = ("corrected_left", "corrected_top", "corrected_width", "corrected_height")
    rule = {"rule": "seen_missing_box", "verdict": "fine"}
    both = answers(*({**MISSING, **rule, **dict(zip(sides, box, strict=True))} for box in drawn))
    assert record_verdicts(both[:1], ledger.path) == 1  # and then the process dies
    assert record_verdicts(both, ledger.path) == 1
    assert record_verdicts(both, ledger.path) == 0
    assert last_word(ledger.read())["verdict"].tolist() == ["fine", "fine"]
