"""How fast and in how much memory other tools' label files load, beside their own readers.

``python benchmarks/loading_tools.py`` makes a COCO file of a million boxes in a temporary folder
and reads it with pycocotools, supervision and annotaudit, each in a process of its own, and prints
seconds and the most memory the process took, less what it took before it read.
"""

from __future__ import annotations

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
before, start = peak(), time.perf_counter()
with contextlib.redirect_stdout(io.StringIO()):
    kept = {call}
print(time.perf_counter() - start, peak() - before)
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


def measure(name: str, path: Path) -> tuple[float, float] | str:
    """Read in a fresh process: seconds and bytes, or why it could not."""
    imports, call = READERS[name]
    program = PROGRAM.format(
        imports=imports, call=call.format(path=str(path), folder=str(path.parent))
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=600, check=False
    )
    if done.returncode:
        return done.stderr.strip().splitlines()[-1][:90]
    seconds, taken = map(float, done.stdout.split())
    return seconds, taken


def main() -> None:
    """Print a table."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "coco.json")
        # In a process of its own: a child's peak of memory starts at that of its parent.
        subprocess.run([sys.executable, __file__, str(path)], check=True)
        size = path.stat().st_size
        print(f"COCO, {IMAGES * BOXES_PER_IMAGE:,} boxes, {size / 1e6:.0f} MB")
        for name in READERS:
            found = measure(name, path)
            if isinstance(found, str):
                print(f"  {name:12} could not read it: {found}")
            else:
                seconds, taken = found
                print(
                    f"  {name:12} {seconds:6.2f} s   {taken / size:4.1f} times the file in memory"
                )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        make_coco(Path(sys.argv[1]))
    else:
        main()
