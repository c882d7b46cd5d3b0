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
        Full name of the module with ``recognises``, ``load`` and ``save``.

    Examples
    --------
    >>> FORMATS["ground-truth-video"].import_module().__name__
    'annotaudit.formats.ground_truth_video'
    """

    what: str
    module: str

    def import_module(self) -> ModuleType:
        """Import the module of the format, which is light until it reads or writes."""
        return import_module(self.module)


FORMATS = {
    "ground-truth-video": Format(
        "Ground Truth video labels (SeqLabel.json or its manifest)",
        "annotaudit.formats.ground_truth_video",
    ),
    "ground-truth-images": Format(
        "Ground Truth image labels (augmented manifest)", "annotaudit.formats.ground_truth_images"
    ),
    "ground-truth-workers": Format(
        "Ground Truth worker responses", "annotaudit.formats.ground_truth_workers"
    ),
    "mturk": Format("Mechanical Turk assignments (JSON or answer XML)", "annotaudit.formats.mturk"),
    "mturk-csv": Format("Mechanical Turk batch results (CSV)", "annotaudit.formats.mturk_csv"),
    "motchallenge": Format(
        "MOTChallenge tracks (gt.txt, det.txt or a sequence folder)",
        "annotaudit.formats.motchallenge",
    ),
    "coco": Format("COCO detection JSON, stills or videos", "annotaudit.formats.coco"),
    "cvat": Format("CVAT for video or for images (XML 1.1)", "annotaudit.formats.cvat"),
    "cvat-archive": Format(
        "CVAT archive (export or backup of a task or project)", "annotaudit.formats.cvat_archive"
    ),
    "voc": Format("Pascal VOC (one XML per image, or their folder)", "annotaudit.formats.voc"),
    "yolo": Format("YOLO data set (data.yaml, or a folder)", "annotaudit.formats.yolo"),
    "label-studio": Format("Label Studio tasks (JSON export)", "annotaudit.formats.label_studio"),
    "via": Format("VGG Image Annotator (CSV of VIA 1 and 2)", "annotaudit.formats.via"),
    "visdrone": Format(
        "VisDrone (a .txt per video or per image, or their folder)", "annotaudit.formats.visdrone"
    ),
    "uavdt": Format(
        "UAVDT tracks (M0101_gt_whole.txt, or the folder GT)", "annotaudit.formats.uavdt"
    ),
    "kitti": Format(
        "KITTI tracking (0000.txt, or the folder label_02)", "annotaudit.formats.kitti"
    ),
    "csv": Format(
        "Boxes in our own columns, or named by columns= (CSV)", "annotaudit.formats.plain_csv"
    ),
    "parquet": Format(
        "Boxes in our own columns, or named by columns= (Parquet)",
        "annotaudit.formats.plain_parquet",
    ),
}
