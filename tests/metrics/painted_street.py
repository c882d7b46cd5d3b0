"""A street painted for the tests: figures of known colours walk over a patterned ground."""

import numpy as np
import pandas as pd
import PIL.Image

from annotaudit import Labels

WIDTH, HEIGHT, FRAMES = 320, 160, 20
COATS = {"walker:1": (200, 40, 40), "walker:2": (40, 60, 200), "walker:3": (60, 170, 60)}
SIDES = ["left", "top", "width", "height"]


def painted_boxes():
    """Three walkers on twenty frames: each moves 4 px a frame, 24 by 60 px large."""
    rows = [
        ("street", frame, name, "person", "ann", 20 + 80 * n + 4.0 * frame, 40.0 + 10 * n, 24, 60)
        for n, name in enumerate(COATS)
        for frame in range(FRAMES)
    ]
    columns = ["sequence", "frame", "track", "label", "annotator", *SIDES]
    return pd.DataFrame(rows, columns=columns)


def paint(boxes, frame, *, light=1.0, seed=0):
    """The picture of one frame: coat, dark trousers, a pale head, and a little noise."""
    rng = np.random.default_rng([seed, frame])
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    ground = 120 + 30 * np.sin(x / 9.0) + 20 * np.sin(y / 5.0)
    picture = np.repeat(ground[..., None], 3, axis=2)
    for row in boxes[boxes["frame"] == frame].itertuples():
        left, top, wide, high = (int(getattr(row, side)) for side in SIDES)
        body = (slice(top, top + high), slice(left + 3, left + wide - 3))
        picture[body] = COATS[row.track]
        picture[top : top + high // 6, left + 8 : left + wide - 8] = (220, 180, 150)
        picture[top + high * 3 // 5 : top + high, left + 3 : left + wide - 3] = (40, 40, 50)
    noisy = picture * light + rng.normal(0, 4, picture.shape)
    return PIL.Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


class PaintedPictures:
    """Pictures by frame, painted when asked for; counts how often."""

    def __init__(self, boxes=None, dark=()):
        self.boxes = painted_boxes() if boxes is None else boxes
        self.dark, self.asked = set(dark), []

    def get(self, sequence, frame):
        self.asked.append((sequence, frame))
        return paint(self.boxes, frame, light=0.4 if frame in self.dark else 1.0)


def painted_labels(folder):
    """The same with its pictures in a folder."""
    boxes = painted_boxes()
    paths = []
    for frame in range(FRAMES):
        paths.append(str(folder / f"{frame:06d}.png"))
        paint(boxes, frame).save(paths[-1])
    frames = pd.DataFrame(
        {
            "sequence": "street",
            "frame": range(FRAMES),
            "image": paths,
            "image_width": float(WIDTH),
            "image_height": float(HEIGHT),
        }
    )
    return Labels(boxes, frames)
