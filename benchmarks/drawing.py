"""Draw 200 labelled boxes on a 1080p frame: one collection, or a patch and a text box each.

    python benchmarks/drawing.py

The rival adds one patch and one text box for each box to a 24 x 12-inch figure, as the
well-known tutorial does; ours draws the same boxes with the same captions, first on a figure of
that size and then on the one it makes itself. Timed from the empty figure to the drawn canvas,
taking turns, best of ten.
"""

import time

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.patches import Rectangle

from annotaudit.plotting import draw_boxes

BOXES, TURNS = 200, 10


def scene(seed: int = 0) -> tuple[np.ndarray, pd.DataFrame]:
    """Make a frame of noise, which is the slowest to scale, and boxes all over it."""
    random = np.random.default_rng(seed)
    frame = random.integers(0, 255, (1080, 1920, 3), dtype=np.uint8)
    boxes = pd.DataFrame(
        {
            "sequence": "street",
            "frame": 0,
            "track": [f"Pedestrian:{number}" for number in range(BOXES)],
            "label": "Pedestrian",
            "annotator": "consolidated",
            "left": random.uniform(0, 1850, BOXES),
            "top": random.uniform(20, 900, BOXES),
            "width": random.uniform(20, 70, BOXES),
            "height": random.uniform(60, 180, BOXES),
        }
    )
    return frame, boxes


def a_patch_and_a_text_each(frame: np.ndarray, boxes: pd.DataFrame) -> None:
    """Draw as the tutorial does."""
    figure, ax = plt.subplots(figsize=(24, 12))
    ax.imshow(frame)
    for box in boxes.itertuples():
        ax.add_patch(
            Rectangle(
                (box.left, box.top), box.width, box.height, fill=False, edgecolor="lime", lw=1
            )
        )
        ax.text(box.left, box.top, box.track, fontsize=8, color="white", bbox={"facecolor": "k"})
    finish(figure)


def one_collection(frame: np.ndarray, boxes: pd.DataFrame) -> None:
    """Draw with annotaudit on a figure of the same size."""
    figure, ax = plt.subplots(figsize=(24, 12))
    draw_boxes(frame, boxes, ax=ax)
    finish(figure)


def one_collection_own_figure(frame: np.ndarray, boxes: pd.DataFrame) -> None:
    """Draw with annotaudit on the figure it makes."""
    finish(draw_boxes(frame, boxes).figure)


def finish(figure: plt.Figure) -> None:
    """Draw to the canvas and let go of the figure."""
    figure.canvas.draw()
    plt.close(figure)


def main() -> None:
    """Take turns and print the ratios."""
    frame, boxes = scene()
    ways = (a_patch_and_a_text_each, one_collection, one_collection_own_figure)
    best = dict.fromkeys(ways, np.inf)
    for _ in range(TURNS):
        for way in ways:
            begun = time.perf_counter()
            way(frame, boxes)
            best[way] = min(best[way], time.perf_counter() - begun)
    rival = best[a_patch_and_a_text_each]
    for way, seconds in best.items():
        print(f"{way.__name__:<28}{seconds * 1000:8.0f} ms{rival / seconds:8.1f} x")


if __name__ == "__main__":
    main()
