"""Files to and from S3: nothing is overwritten, and a rerun goes on where the last one stopped."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from hashlib import md5
from pathlib import Path
from typing import Any

from annotaudit.errors import FrameError, MissingExtraError
from annotaudit.frames.matching import path_inside

LABEL_ENDINGS = (".json", ".jsonl", ".manifest", ".txt", ".csv", ".xml", ".ini")
AT_ONCE = 8  # transfers side by side
_ADDRESS = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/([^\x00-\x1f\x7f]{1,1024})")
_LABEL = re.compile(r"s3://.+\.json")
_PLAIN_ETAG = re.compile("[0-9a-f]{32}")  # that of a file sent in several parts is no MD5
Progress = Callable[[int, int], None]


def s3_client() -> Any:
    """Make a client with this machine's own AWS settings.

    Raises
    ------
    MissingExtraError
        If boto3 is not installed.
    """
    try:
        import boto3
        from botocore.config import Config
    except ImportError as error:
        raise MissingExtraError(
            "Files in S3 need boto3, which is not installed. "
            'Install it with: pip install "annotaudit[aws]"'
        ) from error
    patience = Config(retries={"mode": "standard", "total_max_attempts": 5})
    return boto3.Session().client("s3", config=patience)


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
    """Read a small file; None if there is none."""
    from botocore.exceptions import ClientError

    bucket, key = split_address(address)
    try:
        with s3.get_object(Bucket=bucket, Key=key)["Body"] as body:
            content: bytes = body.read()
    except ClientError as error:
        if error.response["Error"].get("Code") in ("NoSuchKey", "404", "NotFound", "NoSuchBucket"):
            return None
        raise
    return content


def put_new(s3: Any, address: str, content: bytes) -> str:
    """Write a file unless it is there; never over another one.

    Parameters
    ----------
    s3 : boto3 S3 client
    address : str
    content : bytes

    Returns
    -------
    str
        ``"sent"``, or ``"was there"`` if the same file stood there already.

    Raises
    ------
    FrameError
        If another file is there.
    """
    from botocore.exceptions import ClientError

    bucket, key = split_address(address)
    # Not every server knows conditional writes; looking first protects what it holds, too.
    there = read_object(s3, address)
    if there is None:
        try:
            s3.put_object(Bucket=bucket, Key=key, Body=content, IfNoneMatch="*")
            return "sent"
        except ClientError as error:
            if error.response["ResponseMetadata"].get("HTTPStatusCode") not in (409, 412):
                raise
            there = read_object(s3, address)  # someone was faster
    if there == content:
        return "was there"
    raise FrameError(
        f"{address}: another file is there, and nothing is overwritten. Use another folder in "
        "out=, or remove that file yourself."
    )


def upload_new(
    s3: Any, files: Mapping[str, str], *, progress: Progress | None = None
) -> dict[str, str]:
    """Send many files, several at once, skipping those that are there.

    Parameters
    ----------
    s3 : boto3 S3 client
    files : mapping
        Path on this machine by the ``s3://`` address it goes to.
    progress : callable, optional
        Called with files done and files in all.

    Returns
    -------
    dict
        ``"sent"`` or ``"was there"`` by address. Large files go in parts, which boto3 sends again
        where one fails.

    Raises
    ------
    FrameError
        If another file of that name is there, or one to send is not on this machine.
    """
    there = _listing(s3, files)

    def send(address: str, path: str) -> str:
        bucket, key = split_address(address)
        file = Path(path)
        if not file.is_file():
            raise FrameError(
                f"{path} is not on this machine; it was to go to {address}. Load the labels with "
                "frames=, the folder of the images, or say in frames_at= where they lie in S3."
            )
        if key in there[bucket]:
            size, etag = there[bucket][key]
            same = size == file.stat().st_size
            if same and _PLAIN_ETAG.fullmatch(etag):
                same = md5(file.read_bytes(), usedforsecurity=False).hexdigest() == etag
            if same:
                return "was there"
            raise FrameError(
                f"{address}: another file of that name is there, and nothing is overwritten. Name "
                "another folder in out= or frames_at=."
            )
        s3.upload_file(str(file), bucket, key)
        return "sent"

    results: dict[str, str] = {}
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        for address, result in zip(files, pool.map(send, files, files.values()), strict=True):
            results[address] = result
            if progress is not None:
                progress(len(results), len(files))
    finally:
        pool.shutdown(cancel_futures=True)  # who interrupts does not wait for all the others
    return results


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
            download(s3, other, path_inside(file.parent, split_address(other)[1]))
        return file
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


def _listing(s3: Any, files: Mapping[str, str]) -> dict[str, dict[str, tuple[int, str]]]:
    """Return size and ETag of what is in the folders the files go to, by bucket and key."""
    folders = {
        (split_address(name)[0], split_address(name)[1].rpartition("/")[0]) for name in files
    }
    found: dict[str, dict[str, tuple[int, str]]] = {bucket: {} for bucket, _ in folders}
    pages = s3.get_paginator("list_objects_v2")
    for bucket, folder in sorted(folders):
        for page in pages.paginate(Bucket=bucket, Prefix=f"{folder}/" if folder else ""):
            for entry in page.get("Contents", []):
                found[bucket][entry["Key"]] = entry["Size"], entry["ETag"].strip('"')
    return found


def download(s3: Any, address: str, path: Path) -> Path:
    """Fetch a file, large ones in parts side by side; the file appears when it is whole.

    Raises
    ------
    FrameError
        If there is none.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    bucket, key = split_address(address)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        s3.download_file(bucket, key, str(path))
    except (BotoCoreError, ClientError) as error:
        raise FrameError(
            f"{address}: could not be read ({error}). Check the address and the credentials."
        ) from error
    return path
