"""Two signs on one image, as three people drew them, and how to draw more."""

import pandas as pd


def drawn(annotator, *boxes, frame=0, label="sign"):
    return pd.DataFrame(boxes, columns=["left", "top", "width", "height"], dtype=float).assign(
        sequence="street", frame=frame, track=None, label=label, annotator=annotator
    )


def together(*tables):
    return pd.concat(tables, ignore_index=True)


def looked_at(*annotators, frames=1):
    return pd.DataFrame(
        [("street", frame, who) for frame in range(frames) for who in annotators],
        columns=["sequence", "frame", "annotator"],
    )


THREE = together(
    drawn("ann", (0, 0, 100, 100), (500, 0, 80, 80)),
    drawn("bob", (2, 0, 100, 100)),
    drawn("cem", (0, 4, 100, 100), (503, 0, 80, 80)),
)
