"""A report on labels that people use as truth must not drown anyone."""

from pathlib import Path

import motmetrics
import pytest

import annotaudit as aa

TRACKS = Path(motmetrics.__file__).parent / "data"


def share_above_note(labels):
    findings = aa.lint(labels)
    grave = findings[(findings["about"] == "box") & (findings["severity"] != "note")]
    return len(grave) / len(labels.boxes), set(
        findings.loc[findings["severity"] == "error", "rule"]
    )


@pytest.mark.parametrize("sequence", ["TUD-Campus", "TUD-Stadtmitte"])
def test_real_tracks(sequence):
    share, errors = share_above_note(aa.load(TRACKS / sequence / "gt.txt", sequence=sequence))
    assert share <= 0.01
    assert not errors


@pytest.mark.parametrize("load", [aa.datasets.station, aa.datasets.stop_sign])
def test_the_bundled_sets(load):
    share, errors = share_above_note(load())
    assert share == 0
    assert not errors
