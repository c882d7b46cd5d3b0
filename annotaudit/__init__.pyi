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
from .plotting import contact_sheet as contact_sheet
from .plotting import draw_annotators as draw_annotators
from .plotting import draw_boxes as draw_boxes
from .plotting import draw_frames as draw_frames
from .plotting import plot_accuracy as plot_accuracy
from .plotting import plot_agreement as plot_agreement
from .plotting import plot_deviation as plot_deviation
from .plotting import plot_rolling_iou as plot_rolling_iou
from .plotting import plot_size as plot_size
from .plotting import plot_size_change as plot_size_change
from .plotting import plot_timeline as plot_timeline
from .plotting import plot_track as plot_track
from .widgets import FrameScrubber as FrameScrubber
from .report import write_report as write_report

__version__: str
