"""What is wrong with a request, before it is sent: all of it, in one list.

boto3 checks types, required and unknown members and least sizes, and stops there. AWS's own model,
which botocore carries, also knows greatest sizes, patterns and allowed values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import pandas as pd

from annotaudit.boxes import TEXT

KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "character": (str,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "boolean": (bool,),
    "timestamp": (datetime, int, float, str),
    "blob": (bytes, bytearray),
    "structure": (Mapping,),
    "map": (Mapping,),
    "list": (list, tuple),
}


def check_request(service: str, operation: str, request: Mapping[str, Any]) -> pd.DataFrame:
    """List everything in a request that AWS's model of the service forbids.

    Parameters
    ----------
    service : str
        As boto3 names it: ``"mturk"``, ``"sagemaker"``.
    operation : str
        As the API names it: ``"CreateHIT"``.
    request : mapping
        The parameters, as for the boto3 client's method.

    Returns
    -------
    DataFrame
        One row per problem: ``where`` (path of the member), ``found``, ``expected``, ``what`` to
        do. No rows: the model has nothing against it. Rules that stand only in the documentation
        are not among them.

    Examples
    --------
    >>> problems = check_request("mturk", "CreateHIT", {
    ...     "Title": "Draw", "Description": "Draw boxes", "Reward": "5 cents",
    ...     "LifetimeInSeconds": 3600})
    >>> problems["where"].tolist()
    ['AssignmentDurationInSeconds', 'Reward']
    """
    shape = service_model(service).operation_model(operation).input_shape
    return check_shape(shape, request)


def check_shape(shape: Any, value: Any) -> pd.DataFrame:
    """List what is wrong with a value of any botocore shape; see :func:`check_request`.

    Parameters
    ----------
    shape : botocore shape, or None
        None for an operation that takes, or gives, nothing.
    value : object

    Examples
    --------
    >>> check_shape(None, {}).empty
    True
    """
    found = list(_problems(shape, value, "")) if shape is not None else []
    return pd.DataFrame(found, columns=["where", "found", "expected", "what"]).astype(TEXT)


@cache
def service_model(name: str) -> Any:
    """Return AWS's model of a service, as botocore carries it; read once."""
    from botocore.session import get_session

    return get_session().get_service_model(name)


def _problems(shape: Any, value: Any, where: str) -> Iterator[tuple[str, str, str, str]]:
    kind = shape.type_name
    fits = isinstance(value, KINDS[kind]) and (kind == "boolean" or not isinstance(value, bool))
    if not fits:
        expected = f"a {kind}, as {'/'.join(t.__name__ for t in KINDS[kind])}"
        yield where, _shown(value), expected, "Give a value of that type."
        return
    yield from _size_problems(shape, value, where)
    inside = f"{where}." if where else ""
    if kind == "structure":
        for name in shape.required_members:
            if name not in value:
                yield inside + name, "nothing", "a value: it is required", f"Add {name}."
        for name, member in value.items():
            if name in shape.members:
                yield from _problems(shape.members[name], member, inside + name)
            else:
                known = ", ".join(shape.members)
                yield inside + str(name), "an unknown name", f"one of {known}", "Correct the name."
    elif kind == "list":
        for place, member in enumerate(value):
            yield from _problems(shape.member, member, f"{where}[{place}]")
    elif kind == "map":
        for name, member in value.items():
            yield from _problems(shape.key, name, f"{where} key")
            yield from _problems(shape.value, member, inside + str(name))


def _size_problems(shape: Any, value: Any, where: str) -> Iterator[tuple[str, str, str, str]]:
    rules = shape.metadata
    sized = isinstance(value, str | bytes | bytearray | Sequence)
    size, unit = (len(value), _unit(value)) if sized else (value, "")
    if isinstance(size, int | float):
        if size < rules.get("min", size):
            yield where, f"{size}{unit}", f"at least {rules['min']}{unit}", "Make it larger."
        if size > rules.get("max", size):
            yield where, f"{size}{unit}", f"at most {rules['max']}{unit}", "Make it smaller."
    if isinstance(value, str):
        allowed = rules.get("enum")
        if allowed and value not in allowed:
            yield where, _shown(value), f"one of {', '.join(allowed)}", "Choose one of these."
        pattern = rules.get("pattern")
        if pattern and "\\p{" not in pattern and not re.fullmatch(pattern, value):
            yield where, _shown(value), f"text like {pattern}", "Change the text to fit."


def _unit(value: Any) -> str:
    return (
        " characters"
        if isinstance(value, str)
        else " bytes"
        if isinstance(value, bytes | bytearray)
        else " entries"
    )


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
