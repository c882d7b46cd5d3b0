"""Pictures in Amazon S3."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from annotaudit.errors import FrameError
from annotaudit.frames.s3_files import explained, s3_client, split_address


def read_s3(address: str, *, max_bytes: int, client: Any = None) -> bytes:
    """Read one object from S3.

    Parameters
    ----------
    address : str
        ``s3://bucket/key``.
    max_bytes : int
        Refuse a larger object; it is not downloaded.
    client : boto3 S3 client, optional
        Made from this machine's own AWS settings when not given.

    Returns
    -------
    bytes

    Raises
    ------
    FrameError
        If the address is not one of S3, or the object cannot be read or is too large.
    MissingExtraError
        If boto3 is not installed.

    Examples
    --------
    >>> read_s3("s3://UPPER CASE/a.jpg", max_bytes=1000)
    Traceback (most recent call last):
    annotaudit.errors.FrameError: 's3://UPPER CASE/a.jpg' is no S3 address; expected...
    """
    bucket, key = split_address(address)
    client = client or s3_client()
    with (
        explained(address, "read"),
        closing(client.get_object(Bucket=bucket, Key=key)["Body"]) as body,
    ):
        content: bytes = body.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise FrameError(
            f"{address}: more than {max_bytes:,} bytes, the most an image may have here. Raise "
            "max_bytes if the picture is really that large."
        )
    return content
