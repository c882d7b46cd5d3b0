"""Images of frames: opened lazily and safely."""

FRAME_COLUMNS = {  # one row per frame looked at, boxes or none
    "sequence": "str",
    "frame": "int64",  # position in the sequence, from 0
    "image": "str",  # path or address of the picture; missing where unknown
    "image_width": "float64",  # pixels; NaN where unknown
    "image_height": "float64",
    "time": "float64",  # seconds since the sequence began; NaN where unknown
}
