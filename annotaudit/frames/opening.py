"""Open one picture, from wherever it is, the way a browser would show it."""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from annotaudit.errors import FrameError

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_BYTES = 40_000_000  # a 100-megapixel photograph as JPEG is about this large
MAX_PIXELS = 100_000_000  # what Ground Truth takes; 300 MB once decoded
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")

Source = str | os.PathLike[str] | bytes | BinaryIO


def open_image(
    source: Source,
    *,
    root: str | os.PathLike[str] | None = None,
    max_pixels: int = MAX_PIXELS,
    max_bytes: int = MAX_BYTES,
    allow_http: bool = False,
    allow_private: bool = False,
    s3_client: Any = None,
) -> Image:
    """Open a picture as RGB, upright, and fully read; nothing stays open.

    Transparent parts become white, as on the page an annotator saw; of an animation or a
    document of several pages, the first picture counts. Pictures of 16 bits are scaled to 8.

    Parameters
    ----------
    source : str, path, bytes or binary file
        A path, an ``https://`` or ``s3://`` address, the bytes of an image file, or an open file
        (which is read, not closed).
    root : path, optional
        The folder a path must stay inside: give it whenever the name comes from someone else's
        file.
    max_pixels, max_bytes : int
        Larger pictures are refused before they are decoded.
    allow_http, allow_private : bool
        Whether a web address may be unencrypted, or lead into this machine or its network.
    s3_client : boto3 S3 client, optional

    Returns
    -------
    PIL.Image.Image
        Of mode RGB.

    Raises
    ------
    FrameError
        If there is no such picture, it must not be opened, it is too large, damaged, or of
        another kind than JPEG, PNG, WEBP, GIF, BMP, TIFF or PPM.

    Examples
    --------
    >>> import io, PIL.Image
    >>> file = io.BytesIO()
    >>> PIL.Image.new("1", (4, 3), 1).save(file, "PNG")
    >>> open_image(file.getvalue()).getpixel((0, 0))
    (255, 255, 255)
    """
    name, content = _read(
        source,
        root=root,
        max_bytes=max_bytes,
        allow_http=allow_http,
        allow_private=allow_private,
        s3_client=s3_client,
    )
    if not content:
        raise FrameError(f"{name}: found an empty file, expected an image. Copy it again.")
    return _decode(name, content, max_pixels)


def _read(
    source: Source,
    *,
    root: str | os.PathLike[str] | None,
    max_bytes: int,
    allow_http: bool,
    allow_private: bool,
    s3_client: Any,
) -> tuple[str, bytes]:
    """Give a source its name and its bytes, at most ``max_bytes`` of them."""
    if isinstance(source, bytes | bytearray | memoryview):
        return "image", _not_too_large("image", bytes(source), max_bytes)
    if isinstance(source, str) and source.lower().startswith("s3://"):
        from annotaudit.frames.storage import read_s3

        return source, read_s3(source, max_bytes=max_bytes, client=s3_client)
    if isinstance(source, str) and source.lower().startswith(("https://", "http://")):
        from annotaudit.frames.addresses import fetch, without_query

        return without_query(source), fetch(
            source, allow_http=allow_http, allow_private=allow_private, max_bytes=max_bytes
        )
    if isinstance(source, str | os.PathLike):
        return _read_file(source, root, max_bytes)
    if hasattr(source, "read"):
        name = str(getattr(source, "name", "image"))
        content = source.read(max_bytes + 1)
        if not isinstance(content, bytes):
            raise FrameError(f"{name}: the file is open as text. Open it with mode 'rb'.")
        return name, _not_too_large(name, content, max_bytes)
    raise FrameError(
        f"Found {type(source).__name__}, expected a path, an address, bytes or an open file."
    )


def _read_file(
    source: str | os.PathLike[str], root: str | os.PathLike[str] | None, max_bytes: int
) -> tuple[str, bytes]:
    from annotaudit.frames.matching import path_inside

    text = os.fspath(source)
    if "\0" in text or not text:
        raise FrameError(f"{text!r} is no file name; expected the path of an image.")
    path = Path(text) if root is None else path_inside(root, text)
    try:
        if not path.is_file():  # a pipe or device would be read forever
            found = (
                "a folder" if path.is_dir() else "something else" if path.exists() else "no file"
            )
            raise FrameError(
                f"{path}: found {found}, expected an image file. Check the path, or load the "
                "labels with frames=, the folder of their images."
            )
        with path.open("rb") as file:
            return str(path), _not_too_large(str(path), file.read(max_bytes + 1), max_bytes)
    except OSError as error:
        raise FrameError(
            f"{path}: could not be read ({error.strerror or error}). Check that the file is there "
            "and may be read."
        ) from error


def _not_too_large(name: str, content: bytes, max_bytes: int) -> bytes:
    if len(content) > max_bytes:
        raise FrameError(
            f"{name}: more than {max_bytes:,} bytes, the most an image may have here. Raise "
            "max_bytes if the picture is really that large."
        )
    return content


def _decode(name: str, content: bytes, max_pixels: int) -> Image:
    import PIL.Image
    import PIL.ImageOps

    too_large = (
        f"more than the {max_pixels:,} an image may have here. Raise max_pixels if memory "
        "allows, or scale the picture down."
    )
    try:
        with warnings.catch_warnings():  # our own limit is stricter than the one warned about
            warnings.simplefilter("ignore", PIL.Image.DecompressionBombWarning)
            image = PIL.Image.open(io.BytesIO(content), formats=FORMATS)
    except PIL.Image.DecompressionBombError as error:
        raise FrameError(f"{name}: {error} That is {too_large}") from error
    except Exception as error:  # decoders fail on broken bytes in every way there is
        raise FrameError(
            f"{name}: found {_looks_like(content)}, expected an image of one of the kinds "
            f"{', '.join(FORMATS)}. Open the file in a viewer, and copy or export it again."
        ) from error
    with image:
        width, height = image.size
        if width * height > max_pixels:
            raise FrameError(f"{name}: {width:,} x {height:,} pixels, {too_large}")
        try:
            image.load()
            upright = PIL.ImageOps.exif_transpose(image)
        except Exception as error:
            raise FrameError(
                f"{name}: a damaged {image.format} image of {width} x {height} pixels ({error}), "
                "expected a whole one. Copy or download the file again."
            ) from error
        return as_rgb(upright)


def _looks_like(content: bytes) -> str:
    start = content.lstrip()[:100].lower()
    if start.startswith((b"<!doctype", b"<html")):
        return "a web page"
    if start.startswith((b"<?xml", b"<svg")):
        return "XML or an SVG drawing"
    if start.startswith((b"{", b"[")):
        return "JSON"
    return f"{len(content):,} bytes that no image of these kinds begins with or a damaged header"


def as_rgb(image: Image) -> Image:
    """Turn a picture of any mode into RGB, the way a browser shows it.

    Parameters
    ----------
    image : PIL image

    Returns
    -------
    PIL.Image.Image
        Transparent parts are white; grey values of 16 bits are scaled to 8.

    Examples
    --------
    >>> import PIL.Image
    >>> as_rgb(PIL.Image.new("I;16", (1, 1), 40_000)).getpixel((0, 0))
    (156, 156, 156)
    """
    import PIL.Image

    if image.mode.startswith("I") or image.mode == "F":
        return PIL.Image.fromarray(_eight_bits(np.asarray(image))).convert("RGB")
    if "A" in image.mode or "a" in image.mode or "transparency" in image.info:
        opaque = image.convert("RGBA")
        ground = PIL.Image.new("RGBA", opaque.size, "white")
        return PIL.Image.alpha_composite(ground, opaque).convert("RGB")
    return image.convert("RGB")


def _eight_bits(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Scale grey values of 16 or 32 bits to 8: the type's range, or what a picture exceeds it by.

    Whole numbers are taken as 16 bits, as cameras write them; fractions as shares of white.
    """
    white = 65_535.0 if values.dtype.kind in "iu" else 1.0
    grey = np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=white, neginf=0.0)
    brightest = float(grey.max(initial=0.0))
    if brightest > white:
        white = 255.0 if values.dtype.kind == "f" and brightest <= 255 else brightest
    eight: NDArray[np.uint8] = np.rint(np.clip(grey / white, 0, 1) * 255).astype(np.uint8)
    return eight
