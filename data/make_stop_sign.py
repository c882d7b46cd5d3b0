"""Make the bundled stop signs: drawn streets, gold boxes, and what workers drew.

    python data/make_stop_sign.py [FOLDER]

Everything is drawn and computed here, so anyone can make the same files again; the JPEG bytes are
the same as long as numpy and Pillow are. The workers are invented.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
from stop_sign_street import HEIGHT, WIDTH, Car, House, Light, Sign, Street, Tree, draw

ADDRESS = "https://example.com/streets"
SCHEMA = (
    "http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2005-10-01/"
    "QuestionFormAnswers.xsd"
)
LABEL = "stop sign"
REWARD = "0.05"
QUALITY = 88

DAY = Light()
EVENING = Light(
    zenith=(0.40, 0.48, 0.70),
    horizon=(0.98, 0.84, 0.66),
    sun=(1.06, 0.88, 0.66),
    shade=(0.58, 0.56, 0.70),
    from_left=False,
    shadow=0.5,
    haze=80,
)
OVERCAST = Light(
    zenith=(0.66, 0.71, 0.77),
    horizon=(0.86, 0.88, 0.90),
    sun=(0.90, 0.91, 0.93),
    shade=(0.70, 0.72, 0.76),
    shadow=0.2,
    haze=60,
)
BRICK, CREAM, OCHRE = (0.66, 0.38, 0.30), (0.90, 0.84, 0.72), (0.84, 0.66, 0.40)
BLUE, GREEN, GREY = (0.60, 0.70, 0.78), (0.66, 0.74, 0.60), (0.76, 0.76, 0.76)
TILE, SLATE = (0.52, 0.28, 0.22), (0.36, 0.38, 0.44)
GOLD, RUST, MOSS = (0.55, 0.42, 0.16), (0.60, 0.34, 0.14), (0.42, 0.44, 0.18)

STREETS = {
    "street_1.jpg": Street(  # a near sign, and a far one half behind a tree
        DAY,
        houses=[
            House(-1, 7, 9, 6.2, CREAM, TILE),
            House(-1, 18, 8, 5.6, BRICK, SLATE),
            House(-1, 28, 10, 6.4, BLUE, SLATE),
            House(-1, 40, 12, 6.0, OCHRE, TILE),
            House(1, 10, 9, 5.9, BRICK, SLATE),
            House(1, 21, 9, 6.3, GREEN, TILE),
            House(1, 32, 10, 5.8, CREAM, SLATE),
            House(1, 44, 12, 6.4, GREY, TILE),
        ],
        trees=[
            Tree(-5.4, 13, 5.6),
            Tree(5.6, 17, 6.2),
            Tree(-5.3, 24),
            Tree(5.5, 29, 5.8),
            Tree(-5.4, 36),
            Tree(5.5, 42),
        ],
        cars=[Car(-2.5, 14.5, (0.22, 0.36, 0.58)), Car(2.4, 31, (0.75, 0.74, 0.72))],
        signs=[Sign(4.3, 9.0), Sign(-4.6, 26.0, lean=2)],
        seed=3,
    ),
    "street_2.jpg": Street(  # one sign, in the evening
        EVENING,
        eye=(-0.6, 1.7),
        houses=[
            House(-1, 9, 9, 5.8, OCHRE, TILE),
            House(-1, 20, 9, 6.4, GREY, SLATE),
            House(-1, 31, 10, 6.0, BRICK, TILE),
            House(1, 6, 9, 6.4, BLUE, SLATE),
            House(1, 17, 9, 5.8, CREAM, TILE),
            House(1, 28, 11, 6.2, GREEN, SLATE),
            House(1, 42, 12, 6.0, BRICK, TILE),
        ],
        trees=[
            Tree(5.4, 12, 5.4, GOLD),
            Tree(-5.5, 18, 6.2, RUST),
            Tree(5.5, 25, 6.0, MOSS),
            Tree(-5.4, 33, 6.0, RUST),
        ],
        cars=[Car(2.5, 13, (0.62, 0.14, 0.13))],
        signs=[Sign(-4.3, 11.5, lean=-4)],
        seed=11,
    ),
    "street_3.jpg": Street(  # none: "nothing to mark" is right
        OVERCAST,
        eye=(0.9, 1.6),
        houses=[
            House(-1, 8, 10, 5.8, GREEN, SLATE),
            House(-1, 20, 9, 6.3, CREAM, TILE),
            House(-1, 31, 12, 6.0, BLUE, SLATE),
            House(1, 12, 9, 6.4, OCHRE, TILE),
            House(1, 23, 10, 5.8, BRICK, SLATE),
            House(1, 36, 12, 6.2, CREAM, TILE),
        ],
        trees=[Tree(-5.4, 11, 5.8), Tree(5.6, 20), Tree(-5.4, 27), Tree(5.6, 34)],
        cars=[Car(-2.5, 20, (0.30, 0.42, 0.34)), Car(2.4, 17, (0.18, 0.18, 0.20))],
        signs=[Sign(4.4, 10.5, kind="parking", radius=0.36)],
        seed=23,
    ),
}
# Worker: how far off the sides of their boxes are, and by how much the boxes are too large (px).
WORKERS = {
    "AEXAMPLEANN1": (1.5, 0.0),
    "AEXAMPLEBEN2": (1.5, 0.5),
    "AEXAMPLECLEO3": (2.0, 1.0),
    "AEXAMPLESLOPPY4": (5.0, 14.0),
    "AEXAMPLENOTHING5": None,  # marks nothing anywhere
}
TORN = ("AEXAMPLETORN6", "street_1.jpg")  # a sixth worker, whose answer breaks off
OVERLOOKED = {
    ("AEXAMPLECLEO3", "street_1.jpg"): 1,
    ("AEXAMPLESLOPPY4", "street_1.jpg"): 1,
}


def drawn_boxes(
    gold: dict[str, list[tuple[float, ...]]],
) -> dict[tuple[str, str], list[dict]]:
    """The boxes of each worker on each street, in whole pixels."""
    hand = np.random.default_rng(7)
    drawn: dict[tuple[str, str], list[dict]] = {}
    for worker, care in WORKERS.items():
        for street, plates in gold.items():
            drawn[worker, street] = []
            if care is None:
                continue
            seen = plates[: OVERLOOKED.get((worker, street), len(plates))]
            for left, top, width, height in seen:
                off = hand.normal(0, care[0], 4)
                loose = care[1] * (1 + hand.uniform(-0.3, 0.3, 4))
                low = np.array([left, top]) + off[:2] - loose[:2]
                high = np.array([left + width, top + height]) + off[2:] + loose[2:]
                low, high = np.rint(np.clip([low, high], 0, [WIDTH - 1, HEIGHT - 1])).astype(int)
                sides = {"left": low[0], "top": low[1], "width": high[0] - low[0]}
                sides["height"] = high[1] - low[1]
                drawn[worker, street].append(
                    {k: int(v) for k, v in sides.items()} | {"label": LABEL}
                )
    return drawn


def answer(fields: dict[str, str]) -> str:
    """A worker's form as the API returns it."""
    inside = "".join(
        f"<Answer><QuestionIdentifier>{name}</QuestionIdentifier>"
        f"<FreeText>{escape(text)}</FreeText></Answer>"
        for name, text in fields.items()
    )
    return (
        f'<?xml version="1.0" encoding="ASCII"?><QuestionFormAnswers xmlns="{SCHEMA}">{inside}'
        "</QuestionFormAnswers>"
    )


def form_of(street: str, boxes: list[dict]) -> dict[str, str]:
    """The fields of an answer: each street was asked about with another kind of page."""
    if street == "street_1.jpg":  # a form of several fields around a drawing widget
        return {"annotation_data": json.dumps(boxes), "comment": ""}
    if street == "street_2.jpg":  # a crowd-form
        size = {"height": HEIGHT, "width": WIDTH}
        widget = {"annotatedResult": {"boundingBoxes": boxes, "inputImageProperties": size}}
        return {"taskAnswers": json.dumps([widget])}
    return {"annotation_data": json.dumps(boxes)}  # a form of one field


def replies(drawn: dict[tuple[str, str], list[dict]]) -> list[dict]:
    """What the API says of each HIT and its assignments."""
    found = []
    for number, street in enumerate(STREETS, start=1):
        hit = f"3EXAMPLEHIT{number}STOPSIGN000000"
        forms = {worker: form_of(street, drawn[worker, street]) for worker in WORKERS}
        if TORN[1] == street:
            forms[TORN[0]] = {
                "annotation_data": '[{"left": 861, "top": 25',
                "comment": "",
            }
        work = []
        for place, (worker, fields) in enumerate(forms.items()):
            taken = 3 if worker == "AEXAMPLENOTHING5" else 38 + 7 * place
            start = f"2026-03-{number + 1:02d}T09:{10 + place:02d}:00+00:00"
            end = f"2026-03-{number + 1:02d}T09:{10 + place:02d}:{taken % 60:02d}+00:00"
            if taken >= 60:
                end = f"2026-03-{number + 1:02d}T09:{11 + place:02d}:{taken % 60:02d}+00:00"
            work.append(
                {
                    "AssignmentId": f"3EXAMPLEWORK{number}{place + 1}",
                    "WorkerId": worker,
                    "HITId": hit,
                    "AssignmentStatus": "Submitted",
                    "AutoApprovalTime": f"2026-04-{number + 1:02d}T09:00:00+00:00",
                    "AcceptTime": start,
                    "SubmitTime": end,
                    "Answer": answer(fields),
                }
            )
        question = f'<HTMLQuestion><img src="{ADDRESS}/{street}" alt="street"></HTMLQuestion>'
        found.append(
            {
                "HIT": {
                    "HITId": hit,
                    "HITTypeId": "3EXAMPLEHITTYPESTOPSIGN",
                    "CreationTime": f"2026-03-{number + 1:02d}T09:00:00+00:00",
                    "Title": "Draw a box around each stop sign",
                    "Description": "One picture of a street; there may be no stop sign in it.",
                    "Question": question,
                    "Keywords": "image, box, street",
                    "HITStatus": "Reviewable",
                    "MaxAssignments": len(work),
                    "Reward": REWARD,
                    "AutoApprovalDelayInSeconds": 2592000,
                    "Expiration": f"2026-03-{number + 8:02d}T09:00:00+00:00",
                    "AssignmentDurationInSeconds": 600,
                    "HITReviewStatus": "NotReviewed",
                    "NumberOfAssignmentsPending": 0,
                    "NumberOfAssignmentsAvailable": 0,
                    "NumberOfAssignmentsCompleted": 0,
                },
                "Assignments": work,
                "NumResults": len(work),
            }
        )
    return found


def batch_rows(found: list[dict], drawn: dict[tuple[str, str], list[dict]]) -> list[dict[str, str]]:
    """The same work as the requester website would export it, from a page of its own template."""
    rows = []
    for street, reply in zip(STREETS, found, strict=True):
        for work in reply["Assignments"]:
            boxes = drawn.get((work["WorkerId"], street))
            whole = "[{'left': 861, 'top': 25" if boxes is None else json.dumps(boxes)
            rows.append(
                {
                    "HITId": work["HITId"],
                    "HITTypeId": reply["HIT"]["HITTypeId"],
                    "Title": reply["HIT"]["Title"],
                    "Reward": f"${REWARD}",
                    "CreationTime": f"Mon Mar 0{work['HITId'][11]} 09:00:00 UTC 2026",
                    "MaxAssignments": str(reply["HIT"]["MaxAssignments"]),
                    "AssignmentId": work["AssignmentId"],
                    "WorkerId": work["WorkerId"],
                    "AssignmentStatus": work["AssignmentStatus"],
                    "Input.image_url": f"{ADDRESS}/{street}",
                    "Answer.annotatedResult.boundingBoxes": whole,
                    "Answer.annotatedResult.inputImageProperties.height": str(HEIGHT),
                    "Answer.annotatedResult.inputImageProperties.width": str(WIDTH),
                    "Approve": "",
                    "Reject": "",
                }
            )
    return rows


def gold_lines(gold: dict[str, list[tuple[float, ...]]]) -> list[dict]:
    """The plates of the signs, as a Ground Truth image job would list them."""
    return [
        {
            "source-ref": f"{ADDRESS}/{street}",
            "boxes": {
                "image_size": [{"width": WIDTH, "height": HEIGHT, "depth": 3}],
                "annotations": [
                    {"class_id": 0}
                    | {
                        side: round(float(value))
                        for side, value in zip(
                            ("left", "top", "width", "height"), plate, strict=True
                        )
                    }
                    for plate in plates
                ],
            },
            "boxes-metadata": {
                "objects": [{"confidence": 1.0} for _ in plates],
                "class-map": {"0": LABEL},
                "type": "groundtruth/object-detection",
                "human-annotated": "yes",
                "creation-date": "2026-03-01T09:00:00.000000",
                "job-name": "labeling-job/stop-sign-gold",
            },
        }
        for street, plates in gold.items()
    ]


def main() -> None:
    """Write everything into the folder."""
    here = Path(__file__).parent / "stop_sign"
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else here
    folder.mkdir(parents=True, exist_ok=True)
    gold = {}
    for name, street in STREETS.items():
        picture, gold[name] = draw(street)
        picture.save(folder / name, quality=QUALITY, optimize=True, subsampling=2)
    drawn = drawn_boxes(gold)
    found = replies(drawn)
    _write(folder / "assignments.json", json.dumps(found, indent=1) + "\n")
    _write(
        folder / "gold.manifest",
        "".join(f"{json.dumps(line)}\n" for line in gold_lines(gold)),
    )
    rows = batch_rows(found, drawn)
    with (folder / "batch.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
