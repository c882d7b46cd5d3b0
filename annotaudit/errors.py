"""What can go wrong, by name. Each error is also a ``ValueError``."""

from __future__ import annotations


class AnnotauditError(ValueError):
    """Whatever annotaudit refuses: catch this one to catch them all."""


class BoxTableError(AnnotauditError):
    """A table that is not a box table: a column is missing or holds the wrong kind of value."""


class LabelFormatError(AnnotauditError):
    """A label file that cannot be read: which one, where, what was expected, what to do."""


class FrameError(AnnotauditError):
    """An image that cannot be opened, or must not be."""


class LimitError(AnnotauditError):
    """A limit or option outside its range."""


class MissingExtraError(AnnotauditError, ImportError):
    """An optional package is not installed; names the extra that brings it."""
