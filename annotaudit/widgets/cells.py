"""Which notebook cell made which widget, so that running it again does not pile them up."""

from __future__ import annotations

from typing import Any
from weakref import WeakSet

_open: dict[str, tuple[object, WeakSet[Any]]] = {}


def close_earlier(widget: Any) -> None:
    """Close the widgets that an earlier run of the same notebook cell has made.

    ipywidgets keeps every widget until it is closed; a person who runs a cell ten times would
    keep ten copies of the boxes. Outside a notebook nothing happens.

    Parameters
    ----------
    widget : anything with a method ``close``
        The new one, of the run that goes on.

    Examples
    --------
    >>> close_earlier(open)
    """
    from IPython import get_ipython

    shell = get_ipython()
    parent = shell.get_parent() if hasattr(shell, "get_parent") else {}
    cell = parent.get("metadata", {}).get("cellId")
    if cell is None:
        return
    run = parent.get("header", {}).get("msg_id")
    earlier_run, widgets = _open.get(cell, (run, WeakSet()))
    if earlier_run != run:
        for earlier in list(widgets):
            earlier.close()
        widgets = WeakSet()
    widgets.add(widget)
    _open[cell] = (run, widgets)
