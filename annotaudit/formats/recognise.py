"""Tell the format of a file from what is in it."""

from __future__ import annotations

from pathlib import Path

from annotaudit.errors import LabelFormatError
from annotaudit.formats.catalogue import FORMATS

HEAD_BYTES = 64 * 1024
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
        If the file cannot be read, or several formats claim it.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "any.name")
    ...     _ = file.write_text('{"tracking-annotations": []}')
    ...     recognise(file)
    'ground-truth-video'
    """
    head = b"" if path.is_dir() else read_head(path)
    claims = [name for name, kind in FORMATS.items() if kind.import_module().recognises(path, head)]
    if len(claims) > 1:
        raise LabelFormatError(
            f"{path} may be {' or '.join(claims)}. Say which in load(..., format=...)."
        )
    return claims[0] if claims else None


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
