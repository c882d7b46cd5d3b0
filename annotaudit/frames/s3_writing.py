"""Files to S3: nothing is overwritten unless asked, and a rerun goes on where the last stopped."""

from __future__ import annotations

import hashlib
import io
import mimetypes
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from annotaudit.errors import FrameError
from annotaudit.frames.s3_files import AT_ONCE, explained, read_object, s3_client, split_address

PART = 8 * 1024**2  # bytes; larger files go in parts of this size, as those of Amazon's own tools
BATCH = 200  # files handed over at a time
NEXT_STEP = (
    "another file is there, and nothing is overwritten. Write to another place, remove that file "
    "yourself, or say that it shall go: replace=True, on the command line --replace."
)
WAS_THERE = "was there"
Content = bytes | str | os.PathLike[str]  # itself, or the path of a file on this machine
Progress = Callable[[int, int], None]


def is_address(place: str | os.PathLike[str]) -> bool:
    """Tell an ``s3://`` address from a path on this machine.

    Examples
    --------
    >>> is_address("s3://bucket/findings.csv"), is_address("findings.csv")
    (True, False)
    """
    return isinstance(place, str) and place.startswith("s3://")


def write_to(
    place: str | os.PathLike[str],
    write: Callable[[Path], Path | Sequence[Path]],
    *,
    replace: bool = False,
    beside: Sequence[str] = (),
    progress: Progress | None = None,
) -> dict[Path | str, str]:
    """Let a function write to a path, or to an address in S3.

    Parameters
    ----------
    place : path
        A path on this machine, or an ``s3://`` address of a file or folder.
    write : callable
        Called with the path to write to; returns what it wrote, a path or several. What it writes
        beside that path is sent, too.
    replace : bool
        Write over other files in S3. Files on this machine are the business of ``write``.
    beside : list of str
        Names of files beside that ``write`` looks at; from S3 they are fetched first.
    progress : callable, optional
        Called with files sent and files in all.

    Returns
    -------
    dict
        By path or address of what ``write`` says it wrote: ``"wrote"``, or in S3 ``"was there"``
        or ``"replaced"``. There, the last of it appears when all the rest is there, and if one
        file is in the way nothing at all is sent.

    Raises
    ------
    FrameError
        If the address is none, S3 cannot be written to, or another file is there.

    Examples
    --------
    >>> def write(path):
    ...     path.write_text("frame,track")
    ...     return path
    >>> write_to("s3://bucket/findings.csv", write)  # doctest: +SKIP
    {'s3://bucket/findings.csv': 'wrote'}
    """
    if not is_address(place):
        made = write(Path(place))
        return dict.fromkeys([made] if isinstance(made, Path) else made, "wrote")
    parent, name = _parted(str(place))
    s3 = s3_client()  # who lacks boto3 hears of it before the work
    with TemporaryDirectory() as folder:
        for other in beside:
            if (content := read_object(s3, f"{parent}/{other}")) is not None:
                path = Path(folder, other)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        made = write(Path(folder) / name)
        named = [made] if isinstance(made, Path) else list(made)
        others = sorted(path for path in Path(folder).rglob("*") if path.is_file())
        others = [path for path in others if path not in named]
        files = {
            f"{parent}/{path.relative_to(folder).as_posix()}": path
            for path in [*others, *(path for path in named if path.is_file())]
        }
        results = upload_new(s3, files, replace=replace, progress=progress)
        names = [f"{parent}/{path.relative_to(folder).as_posix()}" for path in named]
    return {name: _summed_up(name, results) for name in names}


def _summed_up(name: str, results: Mapping[str, str]) -> str:
    """Say in one word what became of a file, or of all files of a folder."""
    inside = {result for file, result in results.items() if f"{file}/".startswith(f"{name}/")}
    if inside == {WAS_THERE}:
        return WAS_THERE
    return "replaced" if "replaced" in inside else "wrote"


def check_place(place: str | os.PathLike[str]) -> None:
    """Refuse an address that nothing can be written to, before any work is done.

    Raises
    ------
    FrameError
        If it is no address of S3.

    Examples
    --------
    >>> check_place("https://example.com/findings.csv")
    Traceback (most recent call last):
    annotaudit.errors.FrameError: https://example.com/findings.csv: expected a path on this...
    """
    if is_address(place):
        _parted(str(place))
        s3_client()
    elif isinstance(place, str) and "://" in place:
        raise FrameError(
            f"{place}: expected a path on this machine or an address that starts with s3://, for "
            "nothing can be written elsewhere."
        )


def _parted(address: str) -> tuple[str, str]:
    split_address(address)
    parent, _, name = address.rstrip("/").rpartition("/")
    if not name or name in (".", "..") or "\\" in name or parent in ("s3:", "s3:/"):
        raise FrameError(f"{address}: expected the name of a file or folder in a bucket.")
    return parent, name


def put_new(s3: Any, address: str, content: bytes, *, replace: bool = False) -> str:
    """Write a file unless it is there; over another one only if asked to.

    Parameters
    ----------
    s3 : boto3 S3 client
    address : str
    content : bytes
    replace : bool

    Returns
    -------
    str
        As :func:`upload_new`.
    """
    return upload_new(s3, {address: content}, replace=replace)[address]


def upload_new(
    s3: Any,
    files: Mapping[str, Content],
    *,
    replace: bool = False,
    progress: Progress | None = None,
) -> dict[str, str]:
    """Send files, several at once, skipping those that are there.

    All are looked at before any is sent, and a write is refused by the service itself if a file
    appeared in between; servers that know no conditional writes (``If-None-Match``) only look.

    Parameters
    ----------
    s3 : boto3 S3 client
    files : mapping
        What goes to each ``s3://`` address: the path of a file on this machine, or bytes. The last
        one is sent when all others are there.
    replace : bool
        Write over files whose content differs.
    progress : callable, optional
        Called with files done and files in all.

    Returns
    -------
    dict
        ``"sent"``, ``"was there"`` (the same content) or ``"replaced"`` by address. Files of more
        than 8 MB go in parts, each sent again where it fails; about 80 MB are in memory at most.

    Raises
    ------
    FrameError
        If another file of that name is there, one to send is not on this machine, or S3 cannot be
        read and written.
    """
    if not files:
        return {}
    for address, content in files.items():
        if not isinstance(content, bytes) and not Path(content).is_file():
            raise FrameError(
                f"{content} is not on this machine; it was to go to {address}. Load the labels "
                "with frames=, the folder of the images, or say in frames_at= where they lie in S3."
            )
    with explained(next(iter(files)), "written"):
        results = _looked(s3, files)
        if not replace and (other := [name for name, found in results.items() if found == "other"]):
            more = f" ({len(other)} such files)" if len(other) > 1 else ""
            raise FrameError(f"{other[0]}{more}: {NEXT_STEP}")
        done = sum(found == WAS_THERE for found in results.values())
        if progress is not None:
            progress(done, len(files))
        left = [name for name, found in results.items() if found != WAS_THERE]
        first = [*left[:-1]] if left and left[-1] == list(files)[-1] else left
        batches = [first[n : n + BATCH] for n in range(0, len(first), BATCH)]
        for batch in [*batches, left[len(first) :]]:
            for name, result in _send(s3, {name: files[name] for name in batch}, replace):
                results[name] = "replaced" if results[name] == "other" else result
                done += 1
                if progress is not None:
                    progress(done, len(files))
    return results


def _send(s3: Any, files: Mapping[str, Content], replace: bool) -> Iterator[tuple[str, str]]:
    """Send files that were not there a moment ago; boto3 cuts large ones and tries again."""
    from boto3.s3.transfer import TransferConfig, create_transfer_manager
    from botocore.exceptions import ClientError

    config = TransferConfig(
        multipart_threshold=PART + 1, multipart_chunksize=PART, preferred_transfer_client="classic"
    )
    places = {name: split_address(name) for name in files}
    with (
        _only_if_new(s3, set() if replace else set(places.values())),
        create_transfer_manager(s3, config) as manager,  # its end waits, or cancels all
    ):
        transfers = {
            name: manager.upload(
                io.BytesIO(content) if isinstance(content, bytes) else os.fspath(content),
                *places[name],
                extra_args=_kind(name),
            )
            for name, content in files.items()
        }
        for name, transfer in transfers.items():
            try:
                transfer.result()
            except ClientError as error:
                if error.response["ResponseMetadata"].get("HTTPStatusCode") not in (409, 412):
                    raise
                if _looked(s3, {name: files[name]})[name] != WAS_THERE:  # someone was faster
                    raise FrameError(f"{name}: {NEXT_STEP}") from error
                yield name, WAS_THERE
            else:
                yield name, "sent"


@contextmanager
def _only_if_new(s3: Any, places: set[tuple[str, str]]) -> Iterator[None]:
    """Let a client write these keys only where nothing is; boto3's uploads cannot be told so."""

    def condition(params: dict[str, Any], **_: Any) -> None:
        if (params["Bucket"], params["Key"]) in places:
            params["IfNoneMatch"] = "*"

    events = [f"before-parameter-build.s3.{n}" for n in ("PutObject", "CompleteMultipartUpload")]
    for event in events:
        s3.meta.events.register(event, condition)
    try:
        yield
    finally:
        for event in events:
            s3.meta.events.unregister(event, condition)


def _kind(name: str) -> dict[str, str]:
    kind, _ = mimetypes.guess_type(name)
    return {"ContentType": kind} if kind else {}


def _looked(s3: Any, files: Mapping[str, Content]) -> dict[str, str]:
    """Say of each file whether it is "new", "was there", or is an "other" one."""
    there = _listing(s3, files)

    def look(address: str) -> str:
        found = there.get(split_address(address))
        if found is None:
            return "new"
        return WAS_THERE if _is_same(s3, address, files[address], *found) else "other"

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(files, pool.map(look, files), strict=True))


def _listing(s3: Any, files: Mapping[str, Content]) -> dict[tuple[str, str], tuple[int, str]]:
    """Return size and ETag of those of the files that are there."""
    folders: dict[tuple[str, str], set[str]] = {}
    for address in files:
        bucket, key = split_address(address)
        folders.setdefault((bucket, key.rpartition("/")[0]), set()).add(key)
    found = {}
    pages = s3.get_paginator("list_objects_v2")
    for (bucket, _), keys in folders.items():
        # What the names begin with alike keeps the rest of a large folder out.
        start = os.path.commonprefix(list(keys))
        for page in pages.paginate(Bucket=bucket, Prefix=start, Delimiter="/"):
            for entry in page.get("Contents", []):
                if entry["Key"] in keys:
                    found[bucket, entry["Key"]] = entry["Size"], entry["ETag"].strip('"')
    return found


def _is_same(s3: Any, address: str, content: Content, size: int, etag: str) -> bool:
    """Compare a file with what is in S3: by size, by the MD5 S3 may have, at last byte by byte."""
    with _opened(content) as file:
        if file.seek(0, os.SEEK_END) != size:
            return False
        if etag == _etag(file, parts="-" in etag):
            return True
        # Sent in parts of another size, or encrypted with a key of one's own: no MD5 to compare.
        file.seek(0)
        bucket, key = split_address(address)
        with closing(s3.get_object(Bucket=bucket, Key=key)["Body"]) as body:
            # Read as far as the first difference.
            return all(chunk == file.read(len(chunk)) for chunk in body.iter_chunks(PART))


def _etag(file: io.BytesIO | io.BufferedReader, *, parts: bool) -> str:
    """Work out the ETag S3 gives a file: its MD5, or that of the MD5s of its parts."""
    file.seek(0)
    if not parts:
        return hashlib.file_digest(file, _md5).hexdigest()
    digests = [_md5(chunk).digest() for chunk in iter(lambda: file.read(PART), b"")]
    return f"{_md5(b''.join(digests)).hexdigest()}-{len(digests)}"


def _md5(content: bytes = b"") -> Any:
    return hashlib.md5(content, usedforsecurity=False)


def _opened(content: Content) -> io.BytesIO | io.BufferedReader:
    return io.BytesIO(content) if isinstance(content, bytes) else Path(content).open("rb")
