"""What a person looks at and works with in the browser."""

import lazy_loader

_lazy, _dir, _names = lazy_loader.attach(__name__, submod_attrs={"scrubber": ["FrameScrubber"]})


def __getattr__(name: str) -> object:
    return _lazy(name)


def __dir__() -> list[str]:
    return list(_names)


__all__ = ["FrameScrubber"]
