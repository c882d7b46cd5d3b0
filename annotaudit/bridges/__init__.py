"""To other people's libraries and back: supervision's Detections, FiftyOne's data sets.

====================  =============================================================
``to_supervision``    the boxes of a frame as ``supervision.Detections``
``from_supervision``  Detections of frames as labels
``to_fiftyone``       labels and findings as a FiftyOne data set
``to_samples``        the same as FiftyOne's samples, which need no database
``from_fiftyone``     samples, with what people changed in them, as labels
====================  =============================================================

Each library is imported when its bridge is crossed, and not before.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "detections": ["from_supervision", "to_supervision"],
        "samples": ["to_fiftyone", "to_samples"],
        "samples_read": ["from_fiftyone"],
    },
)
