"""Make the bundled station sequence: pictures, MOTChallenge truth, flawed Ground Truth labels.

    python data/make_station.py [FOLDER]

Everything is drawn and computed here, so anyone can make the same files again; the JPEG bytes are
the same as long as numpy and Pillow are.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import numpy as np
from station_hall import HEIGHT, WIDTH, Hall, develop, draw_hall
from station_people import FPS, Look, Person, compose, extent

FRAMES = 64
STATIC_PERSON = 7  # MOTChallenge's class for people who are not pedestrians walking by
SMOOTH = 17  # frames: about one stride; people draw the body, not every swing of an arm
QUALITY = 72
ADDRESS = "s3://example-bucket/station"
JOB = "station-tracking"

PEOPLE = [
    Person(
        1,
        Look(
            top=(0.70, 0.20, 0.18),
            trousers=(0.20, 0.24, 0.36),
            bag="rucksack",
            bag_colour=(0.16, 0.22, 0.30),
        ),
        1.78,
        [(0, -2.4, 9.4), (FRAMES, 1.1, 9.2)],
        phase=0.3,
    ),
    Person(
        2,
        Look(
            top=(0.20, 0.34, 0.55),
            trousers=(0.26, 0.24, 0.24),
            coat=True,
            long_hair=True,
            hair=(0.42, 0.24, 0.12),
            scarf=(0.85, 0.62, 0.20),
            bag="shoulder",
        ),
        1.70,
        [(0, -2.6, 8.3), (FRAMES, -2.25, 7.0)],
        phase=1.2,
    ),
    Person(
        3,
        Look(
            top=(0.86, 0.80, 0.68),
            trousers=(0.34, 0.40, 0.30),
            stripes=(0.25, 0.36, 0.50),
            hair=(0.12, 0.10, 0.10),
            skin=(0.55, 0.38, 0.28),
        ),
        1.74,
        [(26, 5.10, 7.6), (FRAMES, 2.95, 7.5)],
    ),
    Person(
        4,
        Look(
            top=(0.42, 0.42, 0.44),
            trousers=(0.22, 0.22, 0.26),
            coat=True,
            hat=(0.30, 0.25, 0.20),
            build=1.12,
            bag="case",
            bag_colour=(0.55, 0.16, 0.18),
        ),
        1.80,
        [(0, 2.6, 11.6), (FRAMES, -0.6, 11.8)],
        phase=2.0,
    ),
    Person(
        5,
        Look(
            top=(0.52, 0.66, 0.40),
            trousers=(0.50, 0.38, 0.28),
            skirt=True,
            hair=(0.72, 0.55, 0.28),
            long_hair=True,
        ),
        1.66,
        [(0, -4.2, 14.6), (FRAMES, -1.4, 13.4)],
        phase=0.9,
    ),
    Person(
        6,
        Look(
            top=(0.90, 0.90, 0.92),
            trousers=(0.18, 0.20, 0.24),
            skin=(0.45, 0.30, 0.22),
            hair=(0.08, 0.07, 0.07),
        ),
        1.82,
        [(0, 1.6, 20.0), (FRAMES, 1.2, 16.6)],
        phase=0.2,
    ),
    Person(
        7,
        Look(top=(0.84, 0.52, 0.24), trousers=(0.30, 0.34, 0.42), hair=(0.55, 0.52, 0.50)),
        1.70,
        [(0, 3.4, 14.0), (FRAMES, 3.45, 17.4)],
        phase=1.7,
    ),
    Person(
        8,
        Look(
            top=(0.36, 0.22, 0.42),
            trousers=(0.20, 0.20, 0.22),
            coat=True,
            hair=(0.15, 0.10, 0.08),
        ),
        1.72,
        [(0, -3.6, 18.2), (FRAMES, -3.6, 18.2)],
        still=True,
        facing=np.pi / 2,
    ),
    Person(
        9,
        Look(
            top=(0.24, 0.46, 0.44),
            trousers=(0.72, 0.68, 0.60),
            hair=(0.30, 0.20, 0.12),
            bag="rucksack",
            bag_colour=(0.74, 0.44, 0.16),
        ),
        1.76,
        [(0, -6.3, 10.6), (FRAMES, -2.9, 11.0)],
        phase=2.6,
    ),
]
LABELLED = {1: "Pedestrian:1", 2: "Pedestrian:2", 3: "Pedestrian:3"}
ENTRY = 13  # labelled frame on which Pedestrian:3 is drawn first
PLANTED = [  # labelled frame, object, kind, what is wrong with its box
    (24, "Pedestrian:2", "size", "shrunk: its feet are cut off"),
    (25, "Pedestrian:2", "size", "shrunk: its feet are cut off"),
    (27, "Pedestrian:1", "shift", "too far left"),
]


def true_boxes() -> dict[int, np.ndarray]:
    """Left, top, right and bottom of each person on each frame."""
    half = SMOOTH // 2
    return {
        person.name: np.stack(
            [
                np.convolve(side, np.full(SMOOTH, 1 / SMOOTH), mode="valid")
                for side in np.array(
                    [extent(person, frame) for frame in range(-half, FRAMES + half)]
                ).T
            ],
            axis=1,
        )
        for person in PEOPLE
    }


def write_pictures(folder: Path) -> np.ndarray:
    """Draw every frame; gives the visible share of each person, shape (frames, people)."""
    folder.mkdir(parents=True, exist_ok=True)
    hall = Hall()
    backdrop = draw_hall(hall)
    visible = np.zeros((FRAMES, len(PEOPLE)))
    for frame in range(FRAMES):
        picture, seen = compose(hall, backdrop, PEOPLE, frame)
        visible[frame] = [seen[person.name] for person in PEOPLE]
        develop(picture).save(
            folder / f"{frame + 1:06d}.jpg",
            quality=QUALITY,
            optimize=True,
            subsampling=2,
        )
    return visible


def write_truth(folder: Path, boxes: dict[int, np.ndarray], visible: np.ndarray) -> None:
    """Write ``gt.txt`` and ``seqinfo.ini`` as MOTChallenge has them: all counts from 1."""
    lines = []
    for place, person in enumerate(PEOPLE):
        for frame in range(FRAMES):
            left, top, right, bottom = boxes[person.name][frame]
            if right <= 4 or left >= WIDTH - 4 or visible[frame, place] == 0:
                continue
            static = person.still
            fields = (
                frame + 1,
                person.name,
                f"{left + 1:.1f}",
                f"{top + 1:.1f}",
                f"{right - left:.1f}",
                f"{bottom - top:.1f}",
                0 if static else 1,
                STATIC_PERSON if static else 1,
                f"{visible[frame, place]:.3f}",
            )
            lines.append((person.name, frame, ",".join(map(str, fields))))
    (folder / "gt").mkdir(parents=True, exist_ok=True)
    _write(folder / "gt" / "gt.txt", "".join(f"{line}\n" for *_, line in sorted(lines)))
    _write(
        folder / "seqinfo.ini",
        f"[Sequence]\nname=station\nimDir=img1\nframeRate={FPS:g}\nseqLength={FRAMES}\n"
        f"imWidth={WIDTH}\nimHeight={HEIGHT}\nimExt=.jpg\n",
    )


def drawn_boxes(boxes: dict[int, np.ndarray]) -> dict[tuple[int, str], list[int]]:
    """What an annotator drew on every other frame, with three planted mistakes.

    A hand is off by a pixel or two, and by nearly the same from one frame to the next.
    """
    hand = np.random.default_rng(20)
    drawn = {}
    for person, name in LABELLED.items():
        wobble = hand.normal(0, 0.8, (FRAMES // 2 + 2, 4))
        wobble = (wobble[:-2] + wobble[1:-1] + wobble[2:]) / np.sqrt(3)
        for at in range(FRAMES // 2):
            if name == "Pedestrian:3" and at < ENTRY:
                continue
            left, top, right, bottom = boxes[person][2 * at] + wobble[at]
            drawn[at, name] = [
                max(left, 0),
                max(top, 0),
                min(right, WIDTH),
                min(bottom, HEIGHT),
            ]
    for at, name, kind, _ in PLANTED:
        left, top, right, bottom = drawn[at, name]
        if kind == "size":
            drawn[at, name] = [left, top, right, top + 0.76 * (bottom - top)]
        else:
            drawn[at, name] = [left - 19, top, right - 19, bottom]
    return {key: [round(side) for side in sides] for key, sides in drawn.items()}


def write_labels(folder: Path, boxes: dict[int, np.ndarray]) -> None:
    """Write what a Ground Truth video tracking job leaves behind, and what is wrong with it."""
    drawn = drawn_boxes(boxes)
    files = [f"{2 * at + 1:06d}.jpg" for at in range(FRAMES // 2)]
    frames = [
        {
            "frame-no": str(at),
            "frame": file,
            "annotations": [
                {
                    "left": left,
                    "top": top,
                    "width": right - left,
                    "height": bottom - top,
                    "class-id": "1",
                    "label-category-attributes": {},
                    "object-id": f"00000000-0000-4000-8000-{person:012d}",
                    "object-name": name,
                }
                for person, name in LABELLED.items()
                if (at, name) in drawn
                for left, top, right, bottom in [drawn[at, name]]
            ],
        }
        for at, file in enumerate(files)
    ]
    _write(
        folder / "SeqLabel.json",
        json.dumps({"tracking-annotations": frames}, indent=1) + "\n",
    )
    sequence = {
        "seq-no": 1,
        "prefix": f"{ADDRESS}/img1/",
        "number-of-frames": len(files),
        "frames": [
            {"frame-no": at, "frame": file, "unix-timestamp": 2 * at / FPS}
            for at, file in enumerate(files)
        ],
    }
    _write(folder / "station-seq.json", json.dumps(sequence, indent=1) + "\n")
    line = {
        "source-ref": f"{ADDRESS}/station-seq.json",
        "Person-ref": f"{ADDRESS}/SeqLabel.json",
        "Person-ref-metadata": {
            "class-map": {"0": "Parcel", "1": "Pedestrian"},
            "job-name": f"labeling-job/{JOB}",
            "human-annotated": "yes",
            "creation-date": "2026-09-29T05:50:35.566000",
            "type": "groundtruth/video-object-tracking",
        },
    }
    _write(folder / "output.manifest", json.dumps(line) + "\n")
    with (folder / "planted.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["sequence", "frame", "track", "kind", "what"])
        table.writerows(["station", at, name, kind, what] for at, name, kind, what in PLANTED)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def main() -> None:
    """Write everything into the folder."""
    here = Path(__file__).parent / "station"
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else here
    folder.mkdir(parents=True, exist_ok=True)
    boxes = true_boxes()
    write_labels(folder, boxes)
    write_truth(folder, boxes, write_pictures(folder / "img1"))


if __name__ == "__main__":
    main()
