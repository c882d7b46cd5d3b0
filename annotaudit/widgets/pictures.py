"""Pictures for the browser: as small as it shows them, in the order it wants them.

A JPEG holds its picture in blocks that can be decoded at a half, a quarter or an eighth of their
size, for a fraction of the work: those are the sizes a moving picture is sent in. A still one is
sent as the file holds it. Pillow lets go of the interpreter while it works, so threads help.
"""

from __future__ import annotations

import io
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from annotaudit.errors import AnnotauditError
from annotaudit.frames import fetch, open_image
from annotaudit.frames.opening import MAX_BYTES, MAX_PIXELS
from annotaudit.frames.storage import read_s3

if TYPE_CHECKING:
    from PIL.Image import Image

KEEP_BYTES = 32_000_000  # of encoded pictures
WORKERS = 2
MOVING_QUALITY = 82
STILL_QUALITY = 92
BLUR = 0.55  # a moving picture may have this share of the pixels across that the screen has
AS_THEY_ARE = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
LARGEST_AS_IT_IS = 6_000_000  # bytes; beyond it a still picture is encoded anew
LARGEST_SIDE = 8_192  # pixels; more than browsers draw with ease
ORIENTATION = 274  # EXIF
END_OF_JPEG = b"\xff\xd9"


@dataclass(frozen=True)
class Picture:
    """One encoded picture.

    Parameters
    ----------
    content : bytes
    type : str
        Its media type.
    natural : tuple of int
        Width and height of the original, upright, in pixels.
    exact : bool
        Whether it has every pixel of the original.
    """

    content: bytes
    type: str
    natural: tuple[int, int]
    exact: bool


def encode(content: bytes, width: float | None = None) -> Picture:
    """Make a picture that is good enough for a width on the screen.

    Parameters
    ----------
    content : bytes
        An image file of any kind :func:`annotaudit.frames.open_image` takes.
    width : float, optional
        How many pixels across the screen shows the whole picture with; None for every pixel.

    Returns
    -------
    Picture
        The file itself where it is upright, in RGB, and not much larger than asked for;
        otherwise a JPEG.

    Raises
    ------
    FrameError
        If it is no image, or a damaged or too large one.

    Examples
    --------
    >>> import io, PIL.Image
    >>> file = io.BytesIO()
    >>> PIL.Image.new("RGB", (1600, 800)).save(file, "JPEG")
    >>> encode(file.getvalue(), width=700).natural, encode(file.getvalue()).exact
    ((1600, 800), True)
    """
    try:
        picture = _quick(content, width)
    except Exception:  # decoders fail on broken bytes in every way there is; open_image says how
        picture = None
    return picture or _scaled(open_image(content), width)


def _quick(content: bytes, width: float | None) -> Picture | None:
    """Take the file itself, or a JPEG decoded small; None where more work is needed."""
    import PIL.Image

    with PIL.Image.open(io.BytesIO(content), formats=tuple(AS_THEY_ARE)) as image:
        size, kind = image.size, str(image.format)
        upright = image.getexif().get(ORIENTATION, 1) == 1
        if image.mode != "RGB" or not upright or size[0] * size[1] > MAX_PIXELS:
            return None
        shrink = 1 if width is None else _shrink(size[0], width)
        if shrink > 1 and kind == "JPEG":
            image.draft("RGB", (size[0] // shrink, size[1] // shrink))
            return Picture(_jpeg(image, MOVING_QUALITY), "image/jpeg", size, exact=False)
        if shrink == 1 and len(content) <= LARGEST_AS_IT_IS and max(size) <= LARGEST_SIDE:
            if kind == "JPEG" and not content.endswith(END_OF_JPEG):
                return None  # torn, or something follows: to be decoded to know
            if kind != "JPEG":
                image.verify()
            return Picture(content, AS_THEY_ARE[kind], size, exact=True)
    return None


def _scaled(image: Image, width: float | None) -> Picture:
    natural = image.size
    shrink = 1 if width is None else _shrink(natural[0], width)
    largest = min(max(natural) / shrink, LARGEST_SIDE)
    exact = largest >= max(natural)
    if not exact:
        image = image.copy()
        image.thumbnail((largest, largest), reducing_gap=2.0)
    content = _jpeg(image, STILL_QUALITY if width is None else MOVING_QUALITY)
    return Picture(content, "image/jpeg", natural, exact)


def _shrink(natural: int, width: float) -> int:
    """Pick by how much a picture may shrink: 1, 2, 4 or 8."""
    return max((factor for factor in (1, 2, 4, 8) if natural / factor >= BLUR * width), default=1)


def _jpeg(image: Image, quality: int) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality, subsampling="4:2:0")
    return file.getvalue()


def read_picture(place: str) -> bytes:
    """Read the bytes of a picture from a path or address.

    Raises
    ------
    FrameError
        If there is none, or it must not be opened.
    """
    if place.lower().startswith("s3://"):
        return read_s3(place, max_bytes=MAX_BYTES)
    if "://" in place:
        content: bytes = fetch(place, max_bytes=MAX_BYTES)
        return content
    path = Path(place)
    if not path.is_file() or path.stat().st_size > MAX_BYTES:
        open_image(place)  # refuses it, and says why
    return path.read_bytes()


class Feed:
    """Answers requests for pictures from a few threads, the latest request first.

    Parameters
    ----------
    places : sequence of str or None
        Path or address of the picture at each position.
    send : callable
        Gets the position and a ``Picture``, or the words that say why there is none; is called
        from the threads.
    """

    def __init__(
        self, places: Sequence[str | None], send: Callable[[int, Picture | str], None]
    ) -> None:
        self._places = places
        self._send = send
        self._lock = Lock()
        self._waiting: deque[int] = deque()
        self._working: set[int] = set()
        self._width: float | None = None
        self._workers = 0
        self._threads: ThreadPoolExecutor | None = None
        self._kept: OrderedDict[tuple[int, int], Picture] = OrderedDict()
        self._kept_bytes = 0

    def want(self, positions: Sequence[int], width: float | None) -> None:
        """Ask for pictures, the most urgent first; what was asked before and waits is dropped."""
        with self._lock:
            known = (place for place in positions if 0 <= place < len(self._places))
            self._waiting = deque(place for place in known if self._places[place])
            self._width = width
            if self._threads is None:
                self._threads = ThreadPoolExecutor(WORKERS, thread_name_prefix="pictures")
            for _ in range(min(WORKERS - self._workers, len(self._waiting))):
                self._workers += 1
                self._threads.submit(self._work)

    def rest(self) -> None:
        """Let go of threads and pictures; the next request starts afresh."""
        with self._lock:
            self._waiting.clear()
            self._kept.clear()
            self._kept_bytes = 0
            threads, self._threads = self._threads, None
        if threads:
            threads.shutdown(wait=False, cancel_futures=False)

    @property
    def kept_bytes(self) -> int:
        """How much the pictures kept for a second request take."""
        return self._kept_bytes

    def _work(self) -> None:
        while True:
            with self._lock:
                waiting = [place for place in self._waiting if place not in self._working]
                if not waiting:
                    self._workers -= 1
                    return
                position, width = waiting[0], self._width
                self._waiting.remove(position)
                self._working.add(position)
            try:
                answer: Picture | str = self._picture(position, width)
            except Exception as error:  # whatever it is, the browser must not wait for ever
                answer = str(error) if isinstance(error, AnnotauditError) else repr(error)
            finally:
                with self._lock:
                    self._working.discard(position)
            self._send(position, answer)

    def _picture(self, position: int, width: float | None) -> Picture:
        key = (position, 0 if width is None else int(width))
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        picture = encode(read_picture(str(self._places[position])), width)
        if not picture.exact:  # an exact one is the file, which the system keeps in memory
            with self._lock:
                self._kept_bytes += len(picture.content)
                if replaced := self._kept.pop(key, None):
                    self._kept_bytes -= len(replaced.content)
                self._kept[key] = picture
                while self._kept_bytes > KEEP_BYTES:
                    _, oldest = self._kept.popitem(last=False)
                    self._kept_bytes -= len(oldest.content)
        return picture
