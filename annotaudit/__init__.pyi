from . import (
    aws as aws,
    metrics as metrics,
    review as review,
)
from .audit import audit as audit
from .audit.limits import Limits as Limits
from .audit.queue import review_queue as review_queue
from .audit.show import show_findings as show_findings
from .boxes import Labels as Labels
from .boxes import check_boxes as check_boxes
from .formats import load as load
from .formats import save as save
from .geometry import iou as iou
from .geometry import pairwise_iou as pairwise_iou
from .widgets import FrameScrubber as FrameScrubber
from .report import write_report as write_report

__version__: str
