"""Files from S3: addresses, clients, reading."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import lru_cache
from itertools import compress
from pathlib import Path
from typing import Any

from annotaudit.errors import FrameError, MissingExtraError
from annotaudit.frames.matching import path_inside

LABEL_ENDINGS = (
    *(".json", ".jsonl", ".manifest", ".txt", ".csv", ".xml", ".ini"),
    *(".yaml", ".yml", ".parquet"),
)
AT_ONCE = 8  # transfers side by side
SMALL, MOST_BESIDE = 1_000_000, 100  # bytes and number of files fetched because they stand beside
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


def copy_here(
    s3: Any, address: str, folder: Path, *, wants: Callable[[str, int], bool] | None = None
) -> Path:
    """Fetch a label file with what belongs to it, or all label files of a folder.

    To a file belong those a manifest names, and those that readers look for on a disk: small label
    files beside it, files that begin with its name, and the output manifest of its job above it.

    Parameters
    ----------
    s3 : boto3 S3 client
    address : str
        Of a file, or of a folder if it ends with a slash.
    folder : Path
        An empty folder on this machine.
    wants : callable, optional
        Called with address and size of each archive (``.zip``) in a folder, which may be large:
        whether it is fetched, too. By default none is.

    Returns
    -------
    Path
        What to load: below ``folder``, under the name of the bucket and its own key.

    Raises
    ------
    FrameError
        If nothing is there.
    """
    bucket, key = split_address(address)
    here = folder.resolve() / bucket
    if key.endswith("/"):
        keys = _label_files(s3, bucket, key)
        if wants is not None:
            archives = _files_ending(s3, bucket, key, ".zip")
            addresses = [f"s3://{bucket}/{name}" for name in archives]
            with ThreadPoolExecutor(AT_ONCE) as pool:
                keys += compress(archives, pool.map(wants, addresses, archives.values()))
        if not keys:
            raise FrameError(
                f"{address}: there is no file that ends in {', '.join(LABEL_ENDINGS)}"
                f"{'' if wants is None else ', and no archive that holds labels'}. Check the "
                "address, and that the credentials may list it."
            )
        _download_all(s3, bucket, keys, here)
        return path_inside(here, key.rstrip("/"))
    file = download(s3, address, path_inside(here, key))
    parent = key.rpartition("/")[0]
    if file.suffix in (".manifest", ".jsonl"):
        for other in _named_in(file):
            other_key = split_address(other)[1]
            # One that was saved beside the manifest goes before the one it was made from.
            beside = (
                f"s3://{bucket}/{parent}/{other_key}" if parent else f"s3://{bucket}/{other_key}"
            )
            _try_all(s3, [beside, other], path_inside(file.parent, other_key))
    elif file.suffix in (".yaml", ".yml"):  # the head of a data set
        _download_all(s3, bucket, _label_files(s3, bucket, f"{parent}/" if parent else ""), here)
    else:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda k: _try_all(s3, [f"s3://{bucket}/{k}"], path_inside(here, k)),
                          _neighbours(s3, bucket, key)))  # fmt: skip
    return file


def _label_files(s3: Any, bucket: str, prefix: str) -> list[str]:
    return list(_files_ending(s3, bucket, prefix, *LABEL_ENDINGS))


def _files_ending(s3: Any, bucket: str, prefix: str, *endings: str) -> dict[str, int]:
    """List files of a folder and the folders in it, with their sizes in bytes."""
    with explained(f"s3://{bucket}/{prefix}", "listed"):
        return {
            entry["Key"]: entry["Size"]
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            for entry in page.get("Contents", [])
            if entry["Key"].lower().endswith(endings)
        }


def _download_all(s3: Any, bucket: str, keys: list[str], here: Path) -> None:
    targets = [path_inside(here, key) for key in keys]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda key, path: download(s3, f"s3://{bucket}/{key}", path), keys, targets))


def _neighbours(s3: Any, bucket: str, key: str) -> list[str]:
    """List what readers of a file look for around it."""
    from botocore.exceptions import ClientError

    *folders, name = key.split("/")
    top, stem = "".join(f"{each}/" for each in folders), name.partition(".")[0]
    try:
        listed = s3.list_objects_v2(Bucket=bucket, Prefix=top, Delimiter="/").get("Contents", [])
        found = [
            entry["Key"]
            for entry in listed
            if entry["Key"] != key
            and entry["Key"].lower().endswith(LABEL_ENDINGS)
            and (entry["Size"] <= SMALL or entry["Key"].startswith(top + stem))
        ][:MOST_BESIDE]
    except ClientError:  # who may not list can still ask by name
        found = [top + other for other in ("labels.txt", "seqinfo.ini", f"{stem}.manifest")]
    if folders[-1:] in (["gt"], ["det"]):
        found.append("/".join([*folders[:-1], "seqinfo.ini"]))
    if name.endswith(".json"):
        above = [folders[:depth] for depth in range(len(folders), max(len(folders) - 6, -1), -1)]
        found += ["/".join([*each, "manifests/output/output.manifest"]) for each in above]
    return found


def _try_all(s3: Any, addresses: list[str], path: Path) -> None:
    """Fetch the first of several that is there, and that we may read."""
    from botocore.exceptions import ClientError

    for address in addresses:
        try:
            download(s3, address, path)
            return
        except FrameError as error:
            if not isinstance(error.__cause__, ClientError):
                raise  # the line is broken: whether the file is there is not known


def _named_in(file: Path) -> list[str]:
    """List the label files that a manifest names."""
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
