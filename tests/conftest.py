"""Settings of all tests, and the two S3 servers some of them talk to."""

import functools
import gc
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import matplotlib as mpl
import pandas as pd
import pytest
from filelock import FileLock
from hypothesis import settings

mpl.use("Agg")

# Time limits per example fail on a busy machine, and say nothing about what is tested.
# With pandas 2.2, where everything runs a second time, a few examples a law must do.
settings.register_profile(
    "patient",
    deadline=None,
    derandomize="CI" in os.environ,
    max_examples=100 if pd.__version__ >= "3" else 15,
)
settings.load_profile("patient")

S3RVER = "s3rver@3.7.1"
S3_SERVERS = ["moto", pytest.param("s3rver", marks=pytest.mark.slow)]
# Whoever asks for one of these tests what goes over HTTP, which no pandas changes.
SERVERS = {"amazon", "cvat", "label_studio", "s3", "site", "storage", "website"}


def pytest_collection_modifyitems(items):
    for item in items:
        if SERVERS.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("http")


def pytest_collection_finish():
    """Spare the garbage collector what is loaded by now: all of it stays to the end."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def models_of_amazon_are_read_once():
    """Spare boto3 a tenth of a second per session, in which it reads the same files anew."""
    from botocore.loaders import JSONFileLoader

    read = functools.cache(JSONFileLoader().load_file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", lambda loader, path: read(path))
        yield


@pytest.fixture(scope="session")
def moto():
    from annotaudit.testing.storage import LoopbackStorage

    storage = LoopbackStorage()
    yield storage.endpoint, "anyone"
    storage.close()


@pytest.fixture(scope="session")
def s3rver(tmp_path_factory):
    """Node's s3rver: other people's code in another language, real files."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    home = Path(tempfile.gettempdir()) / f"annotaudit-{S3RVER}"
    program = home / "node_modules/.bin/s3rver"
    with FileLock(f"{home}.lock"):
        if not program.exists():
            command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(home), S3RVER]
            subprocess.run(command, check=True, capture_output=True, timeout=300)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [
            program,
            "-d",
            tmp_path_factory.mktemp("s3rver"),
            "-a",
            "127.0.0.1",
            "-p",
            str(port),
            "-s",
        ],
        env={**os.environ, "NODE_OPTIONS": "--openssl-legacy-provider"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port, process)
        yield f"http://127.0.0.1:{port}", "S3RVER"
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(port, process):
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None, "s3rver did not start"
        time.sleep(0.1)
    raise AssertionError("s3rver does not answer")


@pytest.fixture(params=S3_SERVERS)
def s3(request, monkeypatch):
    """Two S3 servers that share no code, over real HTTP, each with an empty bucket ``hall``."""
    import boto3

    endpoint, key = request.getfixturevalue(request.param)
    for name, value in {
        "AWS_ENDPOINT_URL_S3": endpoint, "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": key,
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    client = boto3.Session().client("s3")
    client.create_bucket(Bucket="hall")
    yield client
    for page in client.get_paginator("list_objects_v2").paginate(Bucket="hall"):
        keys = [{"Key": entry["Key"]} for entry in page.get("Contents", [])]
        if keys:
            client.delete_objects(Bucket="hall", Delete={"Objects": keys})
    client.delete_bucket(Bucket="hall")
