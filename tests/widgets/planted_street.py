"""A short sequence with one planted mistake of each kind the scrubber shows."""

import numpy as np
import pandas as pd
import PIL.Image

from annotaudit.boxes import Labels

FRAMES = 12
SIZE = (640, 360)


def draw_labels(folder, frames=FRAMES):
    """Labels over a few drawn pictures, written into a folder."""
    rng = np.random.default_rng(0)
    folder.mkdir(exist_ok=True)
    images = []
    for frame in range(frames):
        ground = rng.integers(90, 110, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
        ground[100:200, 20 + 10 * frame : 80 + 10 * frame] = (200, 60, 60)
        path = folder / f"{frame:06d}.jpg"
        PIL.Image.fromarray(ground).save(path, quality=85)
        images.append(str(path))
    numbers = np.arange(frames)
    boxes = pd.concat(
        [
            pd.DataFrame(
                {
                    "sequence": "street",
                    "frame": numbers,
                    "track": track,
                    "label": "car",
                    "annotator": "ann",
                    "left": left + 10.0 * numbers,
                    "top": 100.0,
                    "width": 60.0,
                    "height": 100.0,
                }
            )
            for track, left in (("car:1", 20), ("car:2", 400))
        ],
        ignore_index=True,
    )
    boxes.loc[5, "height"] = 60.0  # car:1 shrinks in frame 5
    boxes = boxes.drop(index=frames + 8)  # car:2 has no box in frame 8
    table = pd.DataFrame(
        {
            "sequence": "street",
            "frame": numbers,
            "image": images,
            "image_width": float(SIZE[0]),
            "image_height": float(SIZE[1]),
            "time": numbers / 5,
        }
    )
    return Labels(boxes, table)


def planted(labels):
    """The findings an audit would report, the worst first."""
    boxes = labels.boxes
    car = boxes[(boxes["track"] == "car:1") & boxes["frame"].isin([5, 9])]
    missing = boxes[(boxes["track"] == "car:2") & (boxes["frame"] == 7)].assign(
        frame=8, left=np.nan, top=np.nan, width=np.nan, height=np.nan
    )
    table = pd.concat([car[car["frame"] == 5], missing, car[car["frame"] == 9]], ignore_index=True)
    expected = np.array([[70.0, 100, 60, 100], [480, 100, 60, 100], [np.nan] * 4])
    return table.assign(
        rule=["size_jump", "gap", "low_overlap"],
        score=[0.9, 0.8, 0.2],
        severity=["error", "warning", "note"],
        value=[0.4, 1.0, 0.6],
        limit=[0.2, 0.0, 0.5],
        unit=["share", "frames", "share"],
        reason=["car:1 is 40 % lower.", "car:2 has no box.", "<img src=x onerror=alert(1)>"],
        from_frame=[4.0, 7.0, 8.0],
        **{
            f"expected_{side}": expected[:, i]
            for i, side in enumerate(("left", "top", "width", "height"))
        },
    )
