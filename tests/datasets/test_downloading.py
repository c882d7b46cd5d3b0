"""Downloads from a loopback server that cuts the line, knows no ranges, or changes its file."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

pooch = pytest.importorskip("pooch")

from annotaudit.datasets import downloading  # noqa: E402
from annotaudit.datasets.downloading import ResumingDownloader  # noqa: E402

WHOLE = bytes(range(256)) * 4_000  # 1,024,000 bytes


class Website:
    """Serves one file, with the faults a test asks for; ``asked`` are the ranges of requests."""

    def __init__(self):
        self.content, self.tag, self.dated = WHOLE, '"one"', True
        self.ranges, self.says_size = True, True
        self.shift = 0  # bytes by which an answer misses the place that was asked for
        self.cut_after = []  # bytes after which the next answers break off
        self.answers = []  # statuses of the next answers
        self.asked = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                site.answer(self)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/film.zip"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def answer(self, request):
        request.close_connection = True
        self.asked.append(request.headers.get("Range"))
        status = self.answers.pop(0) if self.answers else 200
        start = 0
        if status == 200 and self.ranges and request.headers.get("Range"):
            same = request.headers.get("If-Range") in (self.tag, "Sat, 01 Aug 2026 00:00:00 GMT")
            if same:
                start = int(request.headers["Range"].removeprefix("bytes=").removesuffix("-"))
                status = 206 if start < len(self.content) else 416
        body = self.content[start:] if status in (200, 206) else b""
        request.send_response(status)
        if self.says_size:
            request.send_header("Content-Length", str(len(body)))
        if self.tag:
            request.send_header("ETag", self.tag)
        elif self.dated:
            request.send_header("Last-Modified", "Sat, 01 Aug 2026 00:00:00 GMT")
        size = len(self.content)
        if status == 206:
            at = start + self.shift
            request.send_header("Content-Range", f"bytes {at}-{size - 1}/{size}")
        if status == 416:
            request.send_header("Content-Range", f"bytes */{size}")
        request.end_headers()
        cut = self.cut_after.pop(0) if self.cut_after else None
        request.wfile.write(body[:cut])


@pytest.fixture
def site():
    website = Website()
    yield website
    website.server.shutdown()
    website.server.server_close()
    website.thread.join()


@pytest.fixture
def fetch(site, tmp_path, monkeypatch):
    """Fetch the file as pooch does it; return its content."""
    monkeypatch.setattr(downloading, "CHUNK", 10_000)

    def fetch(known_hash=None, **options):
        options = {"max_bytes": 10_000_000, "pause": 0.001, "bar": False} | options
        path = pooch.retrieve(
            site.url, known_hash=known_hash, fname="film.zip", path=tmp_path,
            downloader=ResumingDownloader(tmp_path / ".film.zip.part", **options),
        )  # fmt: skip
        with open(path, "rb") as file:
            return file.read()

    return fetch


def left_over(folder):
    return {path.name for path in folder.iterdir() if not path.name.endswith(".lock")}


def test_an_unbroken_download_asks_once_and_leaves_only_the_file(site, fetch, tmp_path):
    assert fetch() == WHOLE
    assert site.asked == [None]
    assert left_over(tmp_path) == {"film.zip"}


@pytest.mark.parametrize("tag", ['"one"', ""])  # by ETag, or by Last-Modified
def test_a_cut_connection_is_taken_up_where_it_broke(site, fetch, tag):
    site.tag, site.cut_after = tag, [300_000, 100_000]
    assert fetch("sha256:" + hashlib.sha256(WHOLE).hexdigest()) == WHOLE
    assert site.asked == [None, "bytes=300000-", "bytes=400000-"]


def test_the_next_program_goes_on_where_the_last_one_gave_up(site, fetch, tmp_path):
    site.cut_after, site.answers = [300_000], [200] + 5 * [503]
    with pytest.raises(ValueError, match=r"the server answered 503; 300,000 bytes .* are kept in"):
        fetch()
    assert left_over(tmp_path) == {".film.zip.part", ".film.zip.part.json"}
    site.asked.clear()
    assert fetch() == WHOLE
    assert site.asked == ["bytes=300000-"]


def test_a_server_without_ranges_starts_again(site, fetch):
    site.ranges, site.cut_after = False, [300_000]
    assert fetch() == WHOLE
    assert site.asked == [None, "bytes=300000-"]


@pytest.mark.parametrize("tag", ["", 'W/"weak"'])
def test_what_cannot_be_told_apart_is_never_put_together(site, fetch, tag):
    site.tag, site.dated, site.cut_after = tag, False, [300_000]
    assert fetch() == WHOLE
    assert site.asked == [None, None]


@pytest.mark.parametrize("size", [900_000, 200_000, 300_000])
def test_a_file_that_changed_in_between_is_taken_whole(site, fetch, size):
    site.cut_after, site.answers = [300_000], [200] + 5 * [503]
    with pytest.raises(ValueError):
        fetch()
    site.content, site.tag = WHOLE[::-1][:size], '"two"'
    assert fetch() == WHOLE[::-1][:size]


def test_a_server_that_forgets_to_look_at_the_condition_is_found_out_by_the_checksum(site, fetch):
    site.cut_after, site.answers = [300_000], [200] + 5 * [503]
    with pytest.raises(ValueError):
        fetch()
    site.content = WHOLE[::-1]  # the tag is still the same
    with pytest.raises(ValueError, match="hash"):
        fetch("sha256:" + hashlib.sha256(WHOLE[::-1]).hexdigest())
    assert fetch("sha256:" + hashlib.sha256(WHOLE[::-1]).hexdigest()) == WHOLE[::-1]


def test_a_program_killed_after_the_last_byte_needs_nothing_more(site, fetch, tmp_path):
    (tmp_path / ".film.zip.part").write_bytes(WHOLE)
    (tmp_path / ".film.zip.part.json").write_text(
        f'{{"url": "{site.url}", "version": "\\"one\\""}}'
    )
    assert fetch() == WHOLE
    assert site.asked == [f"bytes={len(WHOLE)}-"]


def test_a_part_of_another_address_or_a_broken_note_starts_again(site, fetch, tmp_path):
    (tmp_path / ".film.zip.part").write_bytes(b"something else")
    (tmp_path / ".film.zip.part.json").write_text('{"url": "http://other", "version": "1"}')
    assert fetch() == WHOLE
    (tmp_path / "film.zip").unlink()
    (tmp_path / ".film.zip.part").write_bytes(b"something else")
    (tmp_path / ".film.zip.part.json").write_text("not JSON")
    assert fetch() == WHOLE


@pytest.mark.parametrize("status", [403, 404])
def test_a_refusal_is_not_tried_again(site, fetch, status):
    site.answers = [status]
    with pytest.raises(ValueError, match=f"answered {status}"):
        fetch()
    assert len(site.asked) == 1


def test_a_file_too_large_is_refused_before_it_comes(site, fetch, tmp_path):
    with pytest.raises(ValueError, match="1,024,000 bytes, more than"):
        fetch(max_bytes=500_000)
    assert left_over(tmp_path) == set()


def test_a_file_that_does_not_say_its_size_is_cut_at_the_limit(site, fetch, tmp_path):
    site.says_size = False
    with pytest.raises(ValueError, match="more than 500,000 bytes came"):
        fetch(max_bytes=500_000)
    assert fetch() == WHOLE


def test_a_server_that_sends_another_part_is_asked_again_from_the_start(site, fetch):
    site.cut_after, site.shift = [300_000], 1_000
    assert fetch() == WHOLE
    assert site.asked == [None, "bytes=300000-", None]


def test_an_address_that_is_none_is_not_tried_again(tmp_path):
    downloader = ResumingDownloader(tmp_path / "part", max_bytes=10, bar=False)
    with pytest.raises(ValueError, match="Invalid URL"):
        downloader("nonsense", str(tmp_path / "out"), None)


def test_a_full_disk_is_told_before_the_work(site, fetch, monkeypatch):
    import shutil

    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 5, 5))
    with pytest.raises(ValueError, match="has room for 5"):
        fetch()


def test_progress_starts_where_the_last_one_ended(site, fetch, capfd):
    site.cut_after = [300_000]
    fetch(bar=True)
    shown = capfd.readouterr().err
    assert "1.02M" in shown and "100%" in shown
