"""How fast and in how much memory other tools' label files load, beside their own readers.

``python benchmarks/loading_tools.py`` makes a COCO file of a million boxes in a temporary folder
and reads it with pycocotools, datumaro, supervision and annotaudit, each in a process of its own,
and prints seconds, of them those of the processor, and the most memory the process took, less what
it took before it read.

datumaro 1.13 needs pandas below 3, so it cannot stand beside annotaudit in one environment with
pandas 3. ``--datumaro /other/venv/bin/python`` names a Python that has it.

``--cvat`` makes a CVAT XML of 1 GB, too, and reads it with annotaudit.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

IMAGES, BOXES_PER_IMAGE = 20_000, 50
READERS = {
    "pycocotools": (
        "from pycocotools.coco import COCO",
        "COCO({path!r})",
    ),
    "datumaro": (
        "import datumaro",
        "[*datumaro.Dataset.import_from({folder!r}, 'coco_instances')]",
    ),
    "supervision": (
        "import supervision",
        "supervision.DetectionDataset.from_coco({folder!r}, {path!r})",
    ),
    "annotaudit": (
        "import annotaudit, annotaudit.boxes, pyarrow, pyarrow.compute",
        "annotaudit.load({path!r})",
    ),
}
PROGRAM = """
import contextlib, io, resource, time
{imports}
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
before, start, processor = peak(), time.perf_counter(), time.process_time()
with contextlib.redirect_stdout(io.StringIO()):
    kept = {call}
print(time.perf_counter() - start, time.process_time() - processor, peak() - before)
"""


def make_coco(path: Path) -> Path:
    """Write a million boxes on 20,000 images."""
    rng = np.random.default_rng(0)
    n = IMAGES * BOXES_PER_IMAGE
    sides = rng.uniform(1, 400, (n, 4)).round(2).tolist()
    classes = rng.integers(1, 81, n).tolist()
    content = {
        "images": [
            {"id": number, "file_name": f"{number:012d}.jpg", "width": 640, "height": 480}
            for number in range(IMAGES)
        ],
        "categories": [{"id": number, "name": f"class {number}"} for number in range(1, 81)],
        "annotations": [
            {
                "id": number, "image_id": number // BOXES_PER_IMAGE, "category_id": kind,
                "bbox": bbox, "area": bbox[2] * bbox[3], "iscrowd": 0, "segmentation": [],
            }
            for number, (bbox, kind) in enumerate(zip(sides, classes, strict=True))
        ],
    }  # fmt: skip
    path.write_text(json.dumps(content))
    return path


def make_cvat(path: Path) -> Path:
    """Write a CVAT XML of 1 GB: 5.4 million boxes of tracks, each tenth a keyframe."""
    rng = np.random.default_rng(0)
    with path.open("w") as file:
        file.write(
            "<annotations><version>1.1</version><meta><task><id>4</id><name>street</name>"
            "<size>20000</size></task></meta>\n"
        )
        for track in range(5_436):
            place = rng.uniform(0, 900, 2) + rng.uniform(-2, 2, (1000, 2)).cumsum(axis=0)
            first = int(rng.integers(0, 19_000))
            boxes = (
                f'    <box frame="{first + n}" keyframe="{int(n % 10 == 0)}" '
                f'outside="{int(n == 999)}" occluded="0" xtl="{x:.2f}" ytl="{y:.2f}" '
                f'xbr="{x + 60:.2f}" ybr="{y + 80:.2f}" z_order="0">\n'
                '      <attribute name="colour">red</attribute>\n    </box>\n'
                for n, (x, y) in enumerate(place.tolist())
            )
            file.write(f'  <track id="{track}" label="car" source="manual">\n')
            file.writelines(boxes)
            file.write("  </track>\n")
        file.write("</annotations>\n")
    return path


def measure(name: str, path: Path, python: str = sys.executable) -> list[float] | str:
    """Read in a fresh process: seconds, of the processor, and bytes; or why it could not."""
    imports, call = READERS[name]
    # datumaro looks for the annotations in a folder of that name
    folder = path.parent.parent if name == "datumaro" else path.parent
    program = PROGRAM.format(imports=imports, call=call.format(path=str(path), folder=str(folder)))
    done = subprocess.run(
        [python, "-c", program], capture_output=True, text=True, timeout=1200, check=False
    )
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["killed"])[-1][:90]
    return [float(number) for number in done.stdout.split()]


def show(name: str, path: Path, python: str = sys.executable) -> None:
    """Print a line."""
    found = measure(name, path, python)
    if isinstance(found, str):
        print(f"  {name:12} could not read it: {found}")
        return
    seconds, processor, taken = found
    print(
        f"  {name:12} {seconds:6.2f} s ({processor:6.2f} s of the processor)   "
        f"{taken / path.stat().st_size:4.1f} times the file in memory"
    )


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--datumaro", metavar="PYTHON", default=sys.executable)
    parser.add_argument("--cvat", action="store_true", help="read a CVAT XML of 1 GB, too")
    parser.add_argument("--make", metavar="PATH", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.make:
        target = Path(chosen.make)
        (make_cvat if target.suffix == ".xml" else make_coco)(target)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "annotations", "instances_all.json")
        path.parent.mkdir()
        Path(folder, "images").mkdir()  # datumaro asks for it
        make_apart(path)
        n = IMAGES * BOXES_PER_IMAGE
        print(f"COCO, {n:,} boxes, {path.stat().st_size / 1e6:.0f} MB")
        for name in READERS:
            show(name, path, chosen.datumaro if name == "datumaro" else sys.executable)
        if chosen.cvat:
            path = make_apart(Path(folder, "street.xml"))
            print(f"CVAT for video, 5,436,000 boxes, {path.stat().st_size / 1e6:.0f} MB")
            show("annotaudit", path)


def make_apart(path: Path) -> Path:
    """Make a file in a process of its own: a child's peak of memory starts at its parent's."""
    subprocess.run([sys.executable, __file__, "--make", str(path)], check=True)
    return path


if __name__ == "__main__":
    main()
