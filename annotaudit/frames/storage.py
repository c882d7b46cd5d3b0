"""Pictures in Amazon S3."""

from __future__ import annotations

import re
from typing import Any

from annotaudit.errors import FrameError, MissingExtraError

_ADDRESS = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/([^\x00-\x1f\x7f]{1,1024})")


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
    match = _ADDRESS.fullmatch(address)
    if match is None:
        raise FrameError(
            f"{address[:200]!r} is no S3 address; expected s3://bucket-name/path/to/picture.jpg."
        )
    bucket, key = match.groups()
    try:
        from botocore.exceptions import BotoCoreError, ClientError

        if client is None:
            import boto3

            client = boto3.client("s3")
    except ImportError as error:
        raise MissingExtraError(
            f"{address}: reading from S3 needs boto3. Install it with: "
            "pip install 'annotaudit[aws]'"
        ) from error
    try:
        answer = client.get_object(Bucket=bucket, Key=key)
        with answer["Body"] as body:
            content: bytes = body.read(max_bytes + 1)
    except (BotoCoreError, ClientError, OSError) as error:
        raise FrameError(
            f"{address}: could not be read ({error}). Check the address, and that this "
            "machine's AWS credentials may read it."
        ) from error
    if len(content) > max_bytes:
        raise FrameError(
            f"{address}: more than {max_bytes:,} bytes, the most an image may have here. Raise "
            "max_bytes if the picture is really that large."
        )
    return content
