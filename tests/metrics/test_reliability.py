"""How far annotators can be trusted, from few ratings and from many."""

import numpy as np
import pandas as pd

from annotaudit.metrics import worker_reliability


def rated(answers):
    """Lay out what each annotator said of each thing, a letter for each."""
    rows = [
        (unit, name, label) for name, labels in answers.items() for unit, label in enumerate(labels)
    ]
    return pd.DataFrame(rows, columns=["unit", "annotator", "label"])


def test_five_things_are_enough_to_tell_the_careful_from_the_contrary():
    """A strong prior would make all five alike, and each of them a coin."""
    found = worker_reliability(
        rated({"one": "oxxox", "two": "oxxox", "most": "oxoox", "idle": "ooooo", "odd": "xooxo"})
    )["reliability"]
    assert found.index[0] == "odd"
    assert found["odd"] < 0.3 < found["idle"] < found["most"] < 0.8 < found["one"]
    assert found["one"] == found["two"]


def test_known_shares_are_found_again():
    rng = np.random.default_rng(4)
    truth = rng.integers(0, 3, 400)
    shares = {"a": 0.95, "b": 0.85, "c": 0.75, "d": 0.65, "e": 0.55}
    answers = {}
    for name, share in shares.items():
        wrong = (truth + rng.integers(1, 3, truth.size)) % 3
        answers[name] = np.where(rng.random(truth.size) < share, truth, wrong).astype(str)
    found = worker_reliability(rated(answers))
    assert np.abs(found["reliability"] - pd.Series(shares)).max() < 0.06
    assert found["reliability"].between(found["low"], found["high"]).all()
