"""Label files in and out: one module per format, reading and writing side by side.

=====================  ========================================================================
format                 what it is
=====================  ========================================================================
ground-truth-video     Ground Truth video: ``SeqLabel.json``, or the output manifest over several
ground-truth-images    Ground Truth stills: augmented manifest, one JSON object per line
ground-truth-workers   Ground Truth worker responses: who drew what, before consolidation
mturk                  Mechanical Turk: saved ``list_assignments_for_hit`` replies, answer XML
mturk-csv              Mechanical Turk: batch results of the requester website
motchallenge           MOTChallenge: ``gt.txt`` or ``det.txt``, or the folder of a sequence
coco                   COCO detection JSON: stills, or with ``videos`` tracks through them
cvat                   CVAT for video or for images 1.1: ``annotations.xml``
cvat-archive           CVAT: exported archives, and backups of tasks and projects
voc                    Pascal VOC: one XML per image, or their folder
yolo                   YOLO: ``data.yaml``, or a folder with ``classes.txt``
label-studio           Label Studio: the JSON export, images and videos
via                    VGG Image Annotator 1 and 2: CSV, tracks included
visdrone               VisDrone: a ``.txt`` per video or per image, or their folder
uavdt                  UAVDT: ``M0101_gt_whole.txt``, or the folder ``GT``
kitti                  KITTI tracking: ``0000.txt``, or the folder ``label_02``
csv                    Boxes in our own columns, or in others that ``columns=`` names
parquet                The same as Parquet: everything that labels hold, in one file
=====================  ========================================================================

Formats of one tool share a folder; where it has but one, that is ``format.py``. A format is a
module with three functions and a line in ``FORMATS`` (``catalogue.py``):

``recognises(path: Path, head: bytes) -> bool``
    Whether the file looks like this format, told from its first bytes (64 KiB, after any UTF-8
    byte order mark), not from its name. For a folder ``head`` is empty and ``path.is_dir()``.
    Must not raise on any bytes.
``load(path: Path, *, strict: bool = False, **options) -> Labels``
    Read one file (or one folder that ``recognises`` accepted). What cannot be used becomes a row
    of ``problems`` (see ``annotaudit.formats.problems.Problems``, which raises instead when
    ``strict``); a file that is not this format at all raises ``LabelFormatError``. Options are
    keywords of the reader; a wrong one is a ``TypeError`` that ``annotaudit.load`` explains.
``save(labels: Labels, path: Path) -> Path``
    Write the labels in this format and return what was written. Writing goes through
    ``annotaudit.formats.saving.write_whole``: beside, then all renamed at the end of the save.

A module may also have ``parts(path: Path) -> list[Path]``: the files that are read when ``path``
is, so that loading a folder does not read them twice.

Modules are imported when used; a heavy import (xmltodict, pyarrow.csv) belongs inside the function
that needs it, because recognition imports every format.
"""

from annotaudit.formats.catalogue import FORMATS as FORMATS, Format as Format
from annotaudit.formats.loading import load as load
from annotaudit.formats.saving import save as save

__all__ = ["FORMATS", "Format", "load", "save"]
