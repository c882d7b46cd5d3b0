from . import (
    aws as aws,
    bridges as bridges,
    datasets as datasets,
    metrics as metrics,
    review as review,
    tasks as tasks,
)
from .audit import audit as audit
from .audit.limits import Limits as Limits
from .audit.queue import review_queue as review_queue
from .audit.ranker import fit_ranker as fit_ranker
from .audit.selftest import selftest as selftest
from .audit.show import show_findings as show_findings
from .audit.stills import find_still_mistakes as find_still_mistakes
from .boxes import Labels as Labels, check_boxes as check_boxes
from .comparison import (
    Comparison as Comparison,
    compare as compare,
    plot_comparison as plot_comparison,
)
from .formats import load as load, save as save
from .geometry import iou as iou, pairwise_iou as pairwise_iou
from .linting import LintLimits as LintLimits, fix as fix, lint as lint
from .plotting import (
    contact_sheet as contact_sheet,
    draw_annotators as draw_annotators,
    draw_boxes as draw_boxes,
    draw_crops as draw_crops,
    draw_frames as draw_frames,
    plot_accuracy as plot_accuracy,
    plot_agreement as plot_agreement,
    plot_appearance as plot_appearance,
    plot_appearance_map as plot_appearance_map,
    plot_deviation as plot_deviation,
    plot_reliability as plot_reliability,
    plot_rolling_iou as plot_rolling_iou,
    plot_selftest as plot_selftest,
    plot_size as plot_size,
    plot_size_change as plot_size_change,
    plot_timeline as plot_timeline,
    plot_track as plot_track,
)
from .report import write_report as write_report
from .widgets import FrameScrubber as FrameScrubber

__version__: str
