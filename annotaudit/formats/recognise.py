"""Tell the format of a file from what is in it."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from annotaudit.errors import LabelFormatError
from annotaudit.formats.catalogue import FORMATS
from annotaudit.frames.matching import SUFFIXES

HEAD_BYTES = 64 * 1024
_MOST_BESIDE = 200  # how many files beside a folder's own are looked at
_BOM = b"\xef\xbb\xbf"


def recognise(path: Path) -> str | None:
    """Return the name of the format of a file or folder, or None if no format knows it.

    Parameters
    ----------
    path : Path
        An existing file or folder; its name does not matter.

    Raises
    ------
    LabelFormatError
        If the file cannot be read, several formats claim it, or a folder that is one format holds
        label files of another one, too.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "any.name")
    ...     _ = file.write_text('{"tracking-annotations": []}')
    ...     recognise(file)
    'ground-truth-video'
    """
    claims = _claims(path)
    if len(claims) > 1:
        raise LabelFormatError(f"{path} may be {' or '.join(claims)}. Say which in format=.")
    if claims and path.is_dir():
        _refuse_mixture(path, claims[0])
    return claims[0] if claims else None


def _claims(path: Path) -> list[str]:
    head = b"" if path.is_dir() else read_head(path)
    return [name for name, kind in FORMATS.items() if kind.import_module().recognises(path, head)]


def _refuse_mixture(folder: Path, name: str) -> None:
    """Raise if label files of another format lie beside those of a folder's own."""
    parts = getattr(FORMATS[name].import_module(), "parts", None)
    own = {part.resolve() for part in parts(folder)} if parts else set()
    strange = (
        path
        for path in sorted(folder.iterdir())
        if not path.name.startswith(".")
        and path.suffix.lower() not in SUFFIXES
        and path.is_file()
        and path.resolve() not in own
    )
    for file in islice(strange, _MOST_BESIDE):
        if others := [other for other in _claims(file) if other != name]:
            raise LabelFormatError(
                f"{folder} holds labels in two formats: it is {name}, and {file.name} is "
                f"{others[0]}. Pass format={name!r} to read the folder, or name the file: "
                f"load({str(file)!r})."
            )


def read_head(path: Path) -> bytes:
    """Return the first bytes of a file, without a UTF-8 byte order mark.

    Raises
    ------
    LabelFormatError
        If the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES).removeprefix(_BOM)
    except OSError as error:
        raise LabelFormatError(
            f"{path} cannot be read ({error.strerror}). Check the path and its permissions."
        ) from error
