"""How far annotators can be trusted, from few ratings and from many."""

import numpy as np
import pandas as pd

from annotaudit.metrics.reliability import implausibly_alike, worker_reliability


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


def test_reliability_finds_the_guesser_and_is_surer_with_more_ratings():
    rng = np.random.default_rng(0)
    truth = rng.choice(["cat", "dog"], 300)
    rows = [
        (unit, who, answer if rng.random() < skill else rng.choice(["cat", "dog"]))
        for unit, answer in enumerate(truth)
        for who, skill in [("good", 0.95), ("fair", 0.8), ("well", 0.9), ("guess", 0.0)]
        if who != "fair" or unit < 40
    ]
    table = worker_reliability(pd.DataFrame(rows, columns=["unit", "annotator", "label"]))
    assert table.index[0] == "guess"
    assert 0.4 < table.loc["guess", "reliability"] < 0.6
    assert table.loc["good", "reliability"] > 0.93
    width = table["high"] - table["low"]
    assert width["fair"] > width["good"]
    assert ((table["low"] <= table["reliability"]) & (table["reliability"] <= table["high"])).all()


def test_nothing_rated_tells_of_nobody():
    assert worker_reliability(rated({})).empty
    assert worker_reliability(rated({"alone": "oxo"})).empty, "rated once teaches nothing"


def test_identical_boxes_on_every_image_are_seen_and_honest_ones_not():
    boxes = pd.DataFrame(
        [("lazy", frame, left, 5.0) for frame in range(4) for left in (5, 90)]
        + [("good", frame, 5 + frame, 5.0) for frame in range(4)],
        columns=["annotator", "frame", "left", "top"],
    ).assign(sequence="street", track=None, label="sign", width=50.0, height=50.0)
    found = implausibly_alike(boxes)
    assert found.to_numpy().tolist() == [["lazy", 4, 1.0]]
