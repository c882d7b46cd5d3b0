"""Images of frames: which picture belongs to which frame, opened lazily and safely.

==================  =============================================================
``check_frames``    the frames table with its declared columns and types
``in_windows``      which frames lie in windows of their sequence
``list_images``     the image files of a folder, in the order people count
``match_images``    which file shows which frame
``Images``          one frame's picture at a time, from the frames table
``open_image``      one picture from a path, an open file, bytes or an address
``crop_boxes``      boxes cut out of a picture
``extract_frames``  the frames of a video file, as images in a folder
==================  =============================================================
"""

from typing import Any

import lazy_loader

FRAME_COLUMNS = {  # one row per frame looked at, boxes or none
    "sequence": "str",
    "frame": "int64",  # position in the sequence, from 0
    "image": "str",  # path or address of the picture; missing where unknown
    "image_width": "float64",  # pixels; NaN where unknown
    "image_height": "float64",
    "time": "float64",  # seconds since the sequence began; NaN where unknown
}

_lazy, _dir, _names = lazy_loader.attach(
    __name__,
    submod_attrs={
        "access": ["Images"],
        "addresses": ["fetch"],
        "crops": ["crop_boxes"],
        "matching": ["list_images", "match_images", "path_inside"],
        "opening": ["open_image"],
        "table": ["check_frames", "in_windows"],
        "videos": ["extract_frames"],
    },
)


def __getattr__(name: str) -> Any:
    return _lazy(name)


def __dir__() -> list[str]:
    return ["FRAME_COLUMNS", *_names]


__all__ = ["FRAME_COLUMNS", *_names]
