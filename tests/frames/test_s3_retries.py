"""S3 behind a line that breaks: sent again, fetched again, or told as one error."""

import contextlib
import os
import socket
import threading
from urllib.parse import urlsplit

import pytest

from annotaudit.frames.s3_files import download, read_object, s3_client
from annotaudit.frames.s3_writing import put_new, upload_new

pytestmark = pytest.mark.parametrize("s3", ["moto"], indirect=True)


class BreakingLine:
    """Passes connections on; breaks the next ones off after some bytes of the answer."""

    def __init__(self, target):
        self.target = target
        self.breaks = []  # bytes of the answer after which each of the next connections ends
        self.broken = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self):
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:  # closed
                return
            most = self.breaks.pop(0) if self.breaks else None
            threading.Thread(target=self._serve, args=(client, most), daemon=True).start()

    def _serve(self, client, most):
        with client, socket.create_connection(self.target) as server:
            asking = threading.Thread(target=self._pass, args=(client, server, None), daemon=True)
            asking.start()
            self._pass(server, client, most)
            asking.join()

    def _pass(self, source, sink, most):
        sent = 0
        with contextlib.suppress(OSError):
            while chunk := source.recv(4_096):
                if most is not None and sent + len(chunk) > most:
                    sink.sendall(chunk[: most - sent])
                    self.broken += 1
                    break
                sink.sendall(chunk)
                sent += len(chunk)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


@pytest.fixture
def line(s3, monkeypatch):
    target = urlsplit(os.environ["AWS_ENDPOINT_URL_S3"])
    line = BreakingLine((target.hostname, target.port))
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", line.endpoint)
    monkeypatch.setattr("time.sleep", lambda _: None)  # between tries
    yield line
    line.close()


def test_what_breaks_off_is_sent_again(s3, line, tmp_path):
    (tmp_path / "a.bin").write_bytes(os.urandom(100_000))
    files = {"s3://hall/a.bin": tmp_path / "a.bin"}
    line.breaks = [0, 0]  # before a byte of the answer
    assert upload_new(s3_client(), files) == {"s3://hall/a.bin": "sent"}
    assert line.broken == 2
    assert read_object(s3, "s3://hall/a.bin") == (tmp_path / "a.bin").read_bytes()


def test_an_answer_lost_after_the_write_is_no_conflict_with_oneself(s3, line):
    """The service has the file, the client never heard so: the second try finds its own."""
    client = s3_client()
    client.list_objects_v2(Bucket="hall")  # connected
    lost = iter([True])

    def lose(**_):
        if next(lost, False):
            client.put_object(Bucket="hall", Key="x", Body=b"content")  # as if the first try

    client.meta.events.register("before-call.s3.PutObject", lose)
    try:
        assert put_new(client, "s3://hall/x", b"content") == "was there"
    finally:
        client.meta.events.unregister("before-call.s3.PutObject", lose)


def test_what_breaks_off_is_fetched_again_and_never_by_half(s3, line, tmp_path):
    whole = os.urandom(200_000)
    s3.put_object(Bucket="hall", Key="a.bin", Body=whole)
    line.breaks = [0, None, 50_000]  # the question for the size, again, and the content
    path = download(s3_client(), "s3://hall/a.bin", tmp_path / "a.bin")
    assert path.read_bytes() == whole and line.broken == 2


def test_a_line_that_stays_broken_is_one_error_and_leaves_no_file(s3, line, tmp_path):
    s3.put_object(Bucket="hall", Key="a.bin", Body=b"1" * 100_000)
    line.breaks = 50 * [0]
    with pytest.raises(ValueError, match=r"a\.bin: could not be read"):
        download(s3_client(), "s3://hall/a.bin", tmp_path / "a.bin")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match=r"b\.bin: could not be written"):
        put_new(s3_client(), "s3://hall/b.bin", b"1")
