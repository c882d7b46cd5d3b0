"""Files from S3: addresses, clients, reading."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from annotaudit.errors import FrameError, MissingExtraError
from annotaudit.frames.matching import path_inside

LABEL_ENDINGS = (
    *(".json", ".jsonl", ".manifest", ".txt", ".csv", ".xml", ".ini"),
    *(".yaml", ".yml", ".parquet"),
)
AT_ONCE = 8  # transfers side by side
_ADDRESS = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/([^\x00-\x1f\x7f]{1,1024})")
_LABEL = re.compile(r"s3://.+\.json")
_GONE = ("NoSuchKey", "404", "NotFound", "NoSuchBucket")
_THIS_MACHINE = ("http://127.0.0.1:", "http://localhost:", "http://[::1]:")


def s3_client() -> Any:
    """Make a client with this machine's own AWS settings; the same settings, the same client.

    ``AWS_ENDPOINT_URL_S3`` leads to another server than Amazon's, which is asked with the bucket
    in the path, not in the name of the host.

    Raises
    ------
    MissingExtraError
        If boto3 is not installed.
    """
    return _client_of(tuple(sorted((k, v) for k, v in os.environ.items() if k.startswith("AWS_"))))


@lru_cache(maxsize=2)  # making one takes longer than reading a picture with it
def _client_of(settings: tuple[tuple[str, str], ...]) -> Any:
    try:
        import boto3
        from botocore.config import Config
    except ImportError as error:
        raise MissingExtraError(
            "Files in S3 need boto3, which is not installed. "
            'Install it with: pip install "annotaudit[aws]"'
        ) from error
    known = dict(settings)
    reached = known.get("AWS_ENDPOINT_URL_S3") or known.get("AWS_ENDPOINT_URL") or ""
    patience = Config(
        retries={"mode": "standard", "total_max_attempts": 5},
        max_pool_connections=2 * AT_ONCE,
        proxies={} if reached.startswith(_THIS_MACHINE) else None,  # none leads to this machine
    )
    return boto3.Session().client("s3", config=patience)


@contextmanager
def explained(address: str, doing: str) -> Iterator[None]:
    """Turn what S3 and the network have against something into one error with the next step.

    Raises
    ------
    FrameError
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        code = error.response["Error"].get("Code") if isinstance(error, ClientError) else ""
        step = {
            "NoSuchBucket": "Create the bucket first, or name another; none is created here.",
            "404": "There is no such file, or no such bucket: check the address.",
            **dict.fromkeys(
                ("403", "AccessDenied"),
                "The credentials may not: have them allowed to list, read and write there, or use "
                "others (AWS_PROFILE).",
            ),
        }.get(code or "", "Check the address, the region, and that boto3 finds your credentials.")
        raise FrameError(f"{address}: could not be {doing} ({error}). {step}") from error


def split_address(address: str) -> tuple[str, str]:
    """Take an ``s3://`` address apart into bucket and key.

    Raises
    ------
    FrameError
        If it is none.

    Examples
    --------
    >>> split_address("s3://bucket/some/file.json")
    ('bucket', 'some/file.json')
    """
    match = _ADDRESS.fullmatch(address)
    if match is None:
        raise FrameError(
            f"{address[:200]!r} is no S3 address; expected s3://bucket-name/path/file."
        )
    return match[1], match[2]


def read_object(s3: Any, address: str) -> bytes | None:
    """Read a small file; None if there is none.

    Raises
    ------
    FrameError
        If S3 cannot be read.
    """
    from botocore.exceptions import ClientError

    bucket, key = split_address(address)
    with explained(address, "read"):
        try:
            # Opened by "with", a body would not notice that it ended too early.
            with closing(s3.get_object(Bucket=bucket, Key=key)["Body"]) as body:
                content: bytes = body.read()
        except ClientError as error:
            if error.response["Error"].get("Code") in _GONE:
                return None
            raise
    return content


def copy_here(s3: Any, address: str, folder: Path) -> Path:
    """Fetch a label file, with the files a manifest names, or all label files of a folder.

    Parameters
    ----------
    s3 : boto3 S3 client
    address : str
        Of a file, or of a folder if it ends with a slash.
    folder : Path
        An empty folder on this machine.

    Returns
    -------
    Path
        What to load.

    Raises
    ------
    FrameError
        If nothing is there.
    """
    bucket, key = split_address(address)
    if not key.endswith("/"):
        file = download(s3, address, folder / (key.rpartition("/")[0].rpartition("/")[2] or bucket)
                        / key.rpartition("/")[2])  # fmt: skip
        for other in _named_in(file):
            _download_named(s3, other, address.rpartition("/")[0], file.parent)
        return file
    with explained(address, "listed"):
        keys = [
            entry["Key"]
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key)
            for entry in page.get("Contents", [])
            if entry["Key"].lower().endswith(LABEL_ENDINGS)
        ]
    if not keys:
        raise FrameError(
            f"{address}: there is no file that ends in {', '.join(LABEL_ENDINGS)}. Check the "
            "address, and that the credentials may list it."
        )
    top = folder / key.rstrip("/").rpartition("/")[2]
    targets = [path_inside(top, found.removeprefix(key)) for found in keys]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda found, path: download(s3, f"s3://{bucket}/{found}", path),
                      keys, targets))  # fmt: skip
    return top


def _download_named(s3: Any, address: str, beside: str, folder: Path) -> None:
    """Fetch a file that a manifest names; one that was saved beside the manifest goes first."""
    from botocore.exceptions import ClientError

    key = split_address(address)[1]
    for place in (f"{beside}/{key}", address):
        try:
            download(s3, place, path_inside(folder, key))
            return
        except FrameError as error:
            if not isinstance(error.__cause__, ClientError):
                raise
    # Not there, or not for us: the reader of the format says what that costs.


def _named_in(file: Path) -> list[str]:
    """List the label files that a manifest names."""
    if file.suffix not in (".manifest", ".jsonl"):
        return []
    found = []
    for text in file.read_bytes().splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            continue  # the reader of the format says what is wrong with it
        values = line.values() if isinstance(line, dict) else []
        found += [value for value in values if isinstance(value, str) and _LABEL.fullmatch(value)]
    return list(dict.fromkeys(found))


def download(s3: Any, address: str, path: Path) -> Path:
    """Fetch a file, large ones in parts side by side; the file appears when it is whole.

    Raises
    ------
    FrameError
        If there is none.
    """
    bucket, key = split_address(address)
    path.parent.mkdir(parents=True, exist_ok=True)
    with explained(address, "read"):
        s3.download_file(bucket, key, str(path))
    return path
