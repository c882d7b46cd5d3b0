"""Data to try things on: what comes with the package, and what can be downloaded."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "bundled": ["path", "planted", "station", "stop_sign"],
        "mot20_archive": ["mot20"],
    },
)
