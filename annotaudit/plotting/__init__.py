"""Pictures: drawn on Axes, Axes returned, nothing shown.

On pictures: ``draw_boxes``, ``draw_annotators``, ``draw_frames``, ``contact_sheet``. Over time:
``plot_track``, ``plot_deviation``, ``plot_size``, ``plot_size_change``, ``plot_rolling_iou``,
``plot_timeline``. What boxes show: ``draw_crops``, ``plot_appearance``,
``plot_appearance_map``. Between annotators: ``plot_accuracy``, ``plot_agreement``. Of an audit:
``plot_reliability``.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "annotators": ["plot_accuracy", "plot_agreement"],
        "appearance": ["draw_crops", "plot_appearance", "plot_appearance_map"],
        "crops": ["contact_sheet"],
        "overlay": ["draw_annotators", "draw_boxes"],
        "reliability": ["plot_reliability"],
        "selftest": ["plot_selftest"],
        "strips": ["draw_frames"],
        "style": ["MARKERS", "PALETTE", "SEVERITY_COLORS", "stable_colors"],
        "timeline": ["plot_timeline"],
        "timeseries": [
            "plot_deviation",
            "plot_rolling_iou",
            "plot_size",
            "plot_size_change",
            "plot_track",
        ],
    },
)
