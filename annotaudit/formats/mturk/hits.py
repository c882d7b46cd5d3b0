"""Facts around an answer: which image was shown, and when the work was done."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import mktime_tz, parsedate_tz
from typing import Any

from annotaudit.errors import LabelFormatError
from annotaudit.formats.mturk.xml import as_unicode
from annotaudit.formats.problems import excerpt

_ADDRESS = re.compile(r"(?:https?|s3)://[^\s\"'<>]{1,2000}", re.I)
_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff")
_WIDGET_SOURCE = re.compile(
    r"<crowd-bounding-box[^<>]{0,5000}?\ssrc\s*=\s*[\"']([^\"'<>]{1,2000})", re.I
)
_SECONDS = re.compile(r"\d{9,11}(\.\d+)?", re.ASCII)  # since 1970: from 1973 on
_MAX_QUESTION = 200_000  # characters; the service takes 65,535 bytes


def find_image(raw: Mapping[str, Any], hit: object) -> str | None:
    """Find the address of the image that an assignment showed; None if nothing tells.

    Parameters
    ----------
    raw : dict
        The assignment: its ``Input.image_url``, or the only input that is an image's address.
    hit : object
        The HIT, if there is one: its layout parameters likewise, then the image of its question.

    Examples
    --------
    >>> find_image({}, {"Question": '<img src="https://example.com/street.jpg">'})
    'https://example.com/street.jpg'
    """
    return _image_among(raw, "Input.") or _image_in_hit(hit)


def _image_among(values: Mapping[str, Any], prefix: str) -> str | None:
    """The image among the named inputs of a HIT: ``image_url``, or the only image address."""
    texts = {
        key: as_unicode(value).strip()
        for key, value in values.items()
        if key.startswith(prefix) and isinstance(value, str)
    }
    if usual := texts.get(f"{prefix}image_url"):
        return usual
    addresses = {text for text in texts.values() if _ADDRESS.fullmatch(text) and _ends_well(text)}
    return addresses.pop() if len(addresses) == 1 else None


def _image_in_hit(hit: object) -> str | None:
    if not isinstance(hit, dict):
        return None
    parameters = hit.get("HITLayoutParameters")
    named = {
        str(one.get("Name")): one.get("Value")
        for one in (parameters if isinstance(parameters, list) else [])
        if isinstance(one, dict)
    }
    if found := _image_among(named, ""):
        return found
    question = hit.get("Question")
    text = as_unicode(question[:_MAX_QUESTION]) if isinstance(question, str) else ""
    text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"')
    text = text.replace("&amp;", "&")
    sources = set(_WIDGET_SOURCE.findall(text)) or set(filter(_ends_well, _ADDRESS.findall(text)))
    return str(sources.pop()).strip() if len(sources) == 1 else None


def _ends_well(address: str) -> bool:
    """Whether an address ends like an image's; what follows a question mark is no part of it."""
    return address.partition("?")[0].lower().endswith(_ENDINGS)


def read_time(value: object) -> datetime | None:
    """Read a time: seconds since 1970, ISO 8601, or as batch results write it; in UTC.

    Raises
    ------
    LabelFormatError
        If it is none of these.

    Examples
    --------
    >>> read_time("Thu Oct 09 00:30:20 PDT 2025").isoformat()
    '2025-10-09T07:30:20+00:00'
    """
    if value is None or value == "":
        return None
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        if isinstance(value, str) and _SECONDS.fullmatch(value):
            return datetime.fromtimestamp(float(value), UTC)
        if isinstance(value, str) and value[:1].isdigit():
            time = datetime.fromisoformat(value)
            return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
        parsed = parsedate_tz(value) if isinstance(value, str) and len(value) < 100 else None
        if parsed and parsed[9] is not None:
            return datetime.fromtimestamp(mktime_tz(parsed), UTC)
    except (ValueError, OverflowError, OSError, TypeError):
        pass
    raise LabelFormatError(
        f"found {excerpt(value)}; expected seconds since 1970, or a date and time"
    )
