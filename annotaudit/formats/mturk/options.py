"""The options of the Mechanical Turk readers, and the masking of workers."""

from __future__ import annotations

import hashlib
import hmac
import math
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from annotaudit.errors import LimitError

_MASKED = re.compile("worker-[0-9a-f]{12}")


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How answers are turned into boxes: the options of both Mechanical Turk readers.

    Parameters
    ----------
    sequence : str, optional
        Name of this set of images; by default the name of the file without its ending.
    image : str or mapping, optional
        Address or path of the image that was shown, or of each, by HIT id. By default it is read
        from ``Input.image_url`` (or the only input that is an image's address), from the layout
        parameters, or from the question of the HIT.
    field : str, optional
        The form field that holds the boxes. By default the fields that hold boxes in any answer.
    scale : float or (float, float)
        Image pixels per pixel of the answer, across and down: for pages that showed the image
        larger or smaller and answer in displayed pixels, which nothing in the answer tells.
    inclusive : bool
        Whether the widget counts both the first and the last pixel that was pointed at, as
        bbox-annotator does: ``width = x2 - x1 + 1``. Then 1 is taken off width and height, and the
        box spans what the same drag spans in widgets that measure between the two points
        (crowd-bounding-box, Ground Truth). By default widths are taken as they stand, a number
        of pixels: right for a set of pixels, too.
    mask_workers : bool
        Whether worker ids, which are personal data, are replaced by a keyed hash.
    key : str or bytes, optional
        Key of that hash. The same key gives the same names in every session; by default a new key
        is drawn for each session.
    """

    sequence: str | None = None
    image: str | Mapping[str, str] | None = None
    field: str | None = None
    scale: float | tuple[float, float] = 1.0
    inclusive: bool = False
    mask_workers: bool = True
    key: str | bytes | None = None

    def __post_init__(self) -> None:
        if len(self.scales) != 2 or not all(0 < scale < math.inf for scale in self.scales):
            raise LimitError(
                f"scale is {self.scale!r}; expected image pixels per answer pixel: one number "
                "above 0, or two, across and down."
            )

    @property
    def scales(self) -> tuple[float, ...]:
        """Scale across and down."""
        if isinstance(self.scale, tuple | list):
            return tuple(self.scale)
        return (self.scale, self.scale)

    def image_of(self, hit: str | None) -> str | None:
        """Image that the user named for a HIT; None if none was."""
        if isinstance(self.image, str) or self.image is None:
            return self.image
        return self.image.get(hit or "")

    def annotator(self, worker: str) -> str:
        """Name for a worker: masked, unless asked otherwise. A masked name stays as it is.

        Examples
        --------
        >>> Reading(key="ours").annotator("A1EXAMPLE")
        'worker-...'
        """
        if not self.mask_workers or _MASKED.fullmatch(worker):
            return worker
        key = _session_key() if self.key is None else self.key
        secret = key.encode() if isinstance(key, str) else key
        digest = hmac.new(secret, worker.encode(), hashlib.sha256).hexdigest()
        return f"worker-{digest[:12]}"


@cache
def _session_key() -> bytes:
    return secrets.token_bytes(32)
