"""Find the annotations worth a second look, show them, and close the loop.

The names people use stand in ``__init__.pyi`` beside this file; each is loaded when first used.
"""

import lazy_loader

# The function `audit` and the part `annotaudit.audit` share a name. Taken here, before anyone can
# import the part, the function keeps it; the part itself loads nothing until it is called.
from annotaudit.audit import audit

_lazy, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> object:
    return _lazy(name)


__version__ = "0.1.0"
__all__ += ["audit", "__version__"]
