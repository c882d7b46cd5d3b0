"""What a team agreed on: severities, limits and classes, in a TOML or YAML file."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from annotaudit.errors import LimitError
from annotaudit.linting.limits import LintLimits

KEYS = ("classes", "severities", "limits", "class_limits")
_MAX_BYTES = 1_000_000


@dataclass(frozen=True)
class LintConfig:
    """Keywords for :func:`annotaudit.lint`, as a file gave them.

    Parameters
    ----------
    severities : dict
    limits : dict
        Label to ``LintLimits``; ``"*"`` for all others.
    classes : list of str, optional
    """

    severities: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, LintLimits] = field(default_factory=dict)
    classes: list[str] | None = None


def read_config(path: str | os.PathLike[str]) -> LintConfig:
    """Read a configuration.

    ::

        classes = ["person", "car"]     # the labels there should be

        [severities]
        border_rounding = "off"         # or "note", "warning", "error"

        [limits]
        min_side = 3                    # pixels, for every class

        [class_limits.person]
        min_side = 8

    Parameters
    ----------
    path : path
        Ends in ``.toml``, ``.yaml`` or ``.yml``.

    Returns
    -------
    LintConfig

    Raises
    ------
    LimitError
        If the file cannot be read, or says something that is not known.
    """
    file = Path(path)
    content = _content(file)
    if not isinstance(content, dict):
        raise LimitError(f"{file}: found no table of settings; expected some of {', '.join(KEYS)}.")
    if unknown := [str(key) for key in content if key not in KEYS]:
        raise LimitError(
            f"{file}: {unknown[0]!r} is not known; expected some of {', '.join(KEYS)}."
        )
    tables = {key: content.get(key) or {} for key in KEYS[1:]}
    for key, value in tables.items():
        if not isinstance(value, dict):
            raise LimitError(f"{file}: {key} is {value!r}; expected a table.")
    classes = content.get("classes")
    if classes is not None and not (
        isinstance(classes, list) and all(isinstance(name, str) for name in classes)
    ):
        raise LimitError(f"{file}: classes is {classes!r}; expected a list of names.")
    others = _limits(file, "limits", LintLimits(), tables["limits"])
    by_class = {
        str(label): _limits(file, f"class_limits.{label}", others, values)
        for label, values in tables["class_limits"].items()
    }
    # In YAML a bare off means false.
    severities = {
        str(name): "off" if value is False else str(value)
        for name, value in tables["severities"].items()
    }
    return LintConfig(severities, {"*": others, **by_class}, classes)


def _content(path: Path) -> Any:
    import yaml

    try:
        if path.stat().st_size > _MAX_BYTES:
            raise LimitError(f"{path}: longer than {_MAX_BYTES:,} bytes; is it a configuration?")
        text = path.read_text(encoding="utf-8-sig")
        match path.suffix.lower():
            case ".toml":
                return tomllib.loads(text)
            case ".yaml" | ".yml":
                return yaml.safe_load(text)
    except OSError as error:
        raise LimitError(f"{path}: cannot be read ({error.strerror}). Check the path.") from error
    except (tomllib.TOMLDecodeError, yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        what = " ".join(str(error).split())
        raise LimitError(f"{path}: {what}. Mend that place; see docs/lint.md.") from error
    raise LimitError(f"{path} ends in {path.suffix or 'nothing'!r}; expected .toml or .yaml.")


def _limits(path: Path, where: str, start: LintLimits, values: Any) -> LintLimits:
    names = [limit.name for limit in fields(LintLimits)]
    if not isinstance(values, dict):
        raise LimitError(f"{path}: {where} is {values!r}; expected a table.")
    if unknown := [str(name) for name in values if name not in names]:
        raise LimitError(
            f"{path}: {where}.{unknown[0]} is not known; expected some of {', '.join(names)}."
        )
    try:
        return replace(start, **values)
    except LimitError as error:
        raise LimitError(f"{path}, {where}: {error}") from error
