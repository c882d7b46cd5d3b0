"""The label formats, by name."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from types import ModuleType


@dataclass(frozen=True)
class Format:
    """A label format: what it is, and the module that reads and writes it.

    Parameters
    ----------
    what : str
        A few words for messages and help.
    module : str
        The module with ``recognises``, ``load`` and ``save``, named from this package on.

    Examples
    --------
    >>> FORMATS["ground-truth-video"].import_module().__name__
    'annotaudit.formats.ground_truth.video'
    """

    what: str
    module: str

    def import_module(self) -> ModuleType:
        """Import the module of the format, which is light until it reads or writes."""
        return import_module(f"annotaudit.formats.{self.module}")


FORMATS = {
    "ground-truth-video": Format(
        "Ground Truth video labels (SeqLabel.json or its manifest)",
        "ground_truth.video",
    ),
    "ground-truth-images": Format(
        "Ground Truth image labels (augmented manifest)", "ground_truth.images"
    ),
    "ground-truth-workers": Format("Ground Truth worker responses", "ground_truth.workers"),
    "mturk": Format("Mechanical Turk assignments (JSON or answer XML)", "mturk.format"),
    "mturk-csv": Format("Mechanical Turk batch results (CSV)", "mturk.batch_csv"),
    "motchallenge": Format(
        "MOTChallenge tracks (gt.txt, det.txt or a sequence folder)",
        "motchallenge.format",
    ),
    "coco": Format("COCO detection JSON, stills or videos", "coco.format"),
    "cvat": Format("CVAT for video or for images (XML 1.1)", "cvat.format"),
    "cvat-archive": Format("CVAT archive (export or backup of a task or project)", "cvat.archive"),
    "voc": Format("Pascal VOC (one XML per image, or their folder)", "voc.format"),
    "yolo": Format("YOLO data set (data.yaml, or a folder)", "yolo.format"),
    "label-studio": Format("Label Studio tasks (JSON export)", "label_studio.format"),
    "via": Format("VGG Image Annotator (CSV of VIA 1 and 2)", "via.format"),
    "visdrone": Format(
        "VisDrone (a .txt per video or per image, or their folder)",
        "drones.visdrone",
    ),
    "uavdt": Format("UAVDT tracks (M0101_gt_whole.txt, or the folder GT)", "drones.uavdt"),
    "kitti": Format("KITTI tracking (0000.txt, or the folder label_02)", "kitti"),
    "csv": Format("Boxes in our own columns, or named by columns= (CSV)", "plain.csv"),
    "parquet": Format(
        "Boxes in our own columns, or named by columns= (Parquet)",
        "plain.parquet",
    ),
}
