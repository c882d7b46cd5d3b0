"""Measurements: one value per row, no limits."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "absence": ["gaps", "track_summary"],
        "expected": ["expected_boxes"],
        "smoothing": ["deviation", "rolling"],
        "tracks": ["acceleration", "rolling_iou", "size_change", "speed"],
    },
)
