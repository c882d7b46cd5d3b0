"""Web addresses come from other people's files: only public ones are fetched, and never forever."""

import http.server
import io
import shutil
import socket
import ssl
import subprocess
import threading
import time

import PIL.Image
import pytest

from annotaudit.errors import FrameError
from annotaudit.frames import addresses, fetch, open_image
from annotaudit.frames.addresses import is_public

LOCAL = {"allow_http": True, "allow_private": True}


def picture():
    file = io.BytesIO()
    PIL.Image.new("RGB", (6, 4), "lime").save(file, "PNG")
    return file.getvalue()


class Pictures(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append((self.path, dict(self.headers)))
        if self.path == "/good.png":
            self.answer(200, picture())
        elif self.path == "/large.png":
            self.answer(200, b"x" * 50_000)
        elif self.path == "/page.png":
            self.answer(200, b"<html>sign in first</html>")
        elif self.path.startswith("/to/"):
            self.answer(302, b"", Location=self.path.removeprefix("/to/"))
        elif self.path == "/slow.png":
            self.send_response(200)
            self.end_headers()
            try:
                for _ in range(100):
                    self.wfile.write(b"x")
                    time.sleep(0.05)
            except OSError:
                pass  # the client hung up, as it should
        elif self.path == "/slow-header.png":
            try:
                for _ in range(100):
                    self.wfile.write(b"H")
                    time.sleep(0.05)
            except OSError:
                pass
        elif self.path == "/silent.png":
            time.sleep(1)
        else:
            self.answer(404, b"")

    def answer(self, status, body, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def server():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pictures)
    server.asked = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def home(server):
    server.asked.clear()
    return f"http://127.0.0.1:{server.server_port}"


def names_stand_for(monkeypatch, table):
    """Let host names stand for the given addresses; numbers stand for themselves."""
    real = socket.getaddrinfo

    def resolve(host, port, *args, **kwargs):
        return [
            entry for name in table.get(host, [host]) for entry in real(name, port, *args, **kwargs)
        ]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


def test_a_picture_comes_over_http_when_allowed(home):
    image = open_image(f"{home}/good.png", **LOCAL)
    assert (image.size, image.getpixel((0, 0))) == ((6, 4), (0, 255, 0))


def test_http_is_refused_by_default(home, server):
    with pytest.raises(FrameError, match="not https"):
        open_image(f"{home}/good.png", allow_private=True)
    assert not server.asked


def test_this_machine_is_refused_by_default(home, server):
    with pytest.raises(FrameError, match=r"private address 127\.0\.0\.1.*allow_private"):
        open_image(f"{home}/good.png", allow_http=True)
    assert not server.asked


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",  # cloud credentials
        "169.254.170.2",
        "100.64.0.1",
        "100.100.100.200",
        "192.0.0.8",
        "192.0.0.10",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2001::1",
        "fe80::1%eth0",
        "fec0::1",
        "fd00:ec2::254",
        "ff02::1",
    ],
)
def test_addresses_that_are_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "8.8.8.8", "2606:4700::1", "::ffff:8.8.8.8"])
def test_addresses_that_are_public(address):
    assert is_public(address)


@pytest.mark.parametrize("written", ["2130706433", "0x7f.1", "127.1", "017700000001"])
def test_loopback_in_odd_spellings_is_refused(written):
    with pytest.raises(FrameError, match="private address 127|could not be fetched|no web address"):
        fetch(f"https://{written}/a.png", connect_timeout=0.5)


def test_a_name_of_a_private_address_is_refused(monkeypatch, home, server):
    names_stand_for(monkeypatch, {"pictures.example": ["127.0.0.1"]})
    with pytest.raises(FrameError, match=r"private address 127\.0\.0\.1 behind 'pictures.example'"):
        fetch(f"http://pictures.example:{server.server_port}/good.png", allow_http=True)
    assert not server.asked


def test_one_private_address_among_public_ones_is_refused(monkeypatch):
    names_stand_for(monkeypatch, {"pictures.example": ["93.184.216.34", "10.0.0.1"]})
    with pytest.raises(FrameError, match=r"private address 10\.0\.0\.1"):
        fetch("https://pictures.example/good.png")


def test_a_redirect_to_a_private_address_is_refused(monkeypatch, home, server):
    real = addresses.is_public
    names_stand_for(monkeypatch, {"pictures.example": ["127.0.0.1"]})
    # The test's server plays the public host; the redirect names another address of loopback.
    monkeypatch.setattr(addresses, "is_public", lambda ip: ip == "127.0.0.1" or real(ip))
    start = f"http://pictures.example:{server.server_port}"
    with pytest.raises(FrameError, match=r"private address 169\.254\.169\.254"):
        fetch(f"{start}/to/http://169.254.169.254/latest", allow_http=True)
    assert len(server.asked) == 1


def test_a_redirect_is_followed_among_public_addresses(home):
    assert fetch(f"{home}/to/{home}/good.png", **LOCAL) == picture()


def test_a_redirect_to_another_scheme_is_refused(home):
    with pytest.raises(FrameError, match="not https"):
        fetch(f"{home}/to/file:///etc/hostname", **LOCAL)


def test_endless_redirects_end(home):
    with pytest.raises(FrameError, match="redirected more than 5 times"):
        fetch(f"{home}/to/" + f"{home}/to/" * 8, **LOCAL)


def test_the_name_is_resolved_once_and_that_address_connected_to(monkeypatch, server):
    """A name that changes between check and connection (DNS rebinding) gains nothing."""
    asked = []
    real = socket.getaddrinfo

    def resolve(host, port, *args, **kwargs):
        if host != "pictures.example":
            return real(host, port, *args, **kwargs)
        asked.append(host)
        return real("127.0.0.1" if len(asked) == 1 else "127.0.0.2", port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(addresses, "is_public", lambda ip: ip == "127.0.0.1")
    address = f"http://pictures.example:{server.server_port}/good.png"
    assert fetch(address, allow_http=True) == picture()
    assert len(asked) == 1


def test_the_next_address_is_tried_when_one_is_down(monkeypatch, server):
    names_stand_for(monkeypatch, {"pictures.example": ["127.0.0.9", "127.0.0.1"]})
    assert fetch(f"http://pictures.example:{server.server_port}/good.png", **LOCAL) == picture()


def test_no_proxy_or_credentials_of_this_machine_are_used(monkeypatch, tmp_path, home, server):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login ann password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert fetch(f"{home}/good.png", **LOCAL) == picture()
    _, headers = server.asked[0]
    assert "Authorization" not in headers and "Cookie" not in headers


def test_too_many_bytes_stop_the_download(home):
    with pytest.raises(FrameError, match="more than 20,000 bytes"):
        fetch(f"{home}/large.png", max_bytes=20_000, **LOCAL)


@pytest.mark.parametrize("path", ["/slow.png", "/slow-header.png"])
def test_a_server_that_drips_is_given_up_on_in_time(home, path):
    begun = time.monotonic()
    with pytest.raises(FrameError, match=r"not complete after 0\.3 s"):
        fetch(f"{home}{path}", total_timeout=0.3, **LOCAL)
    assert time.monotonic() - begun < 2


def test_a_silent_server_is_given_up_on(home):
    with pytest.raises(FrameError, match="timed out"):
        fetch(f"{home}/silent.png", read_timeout=0.2, **LOCAL)


def test_an_error_answer_is_named_and_signatures_are_not_shown(home):
    with pytest.raises(FrameError, match="answered 404") as caught:
        fetch(f"{home}/none.png?X-Amz-Signature=topsecret", **LOCAL)
    assert "topsecret" not in str(caught.value)


def test_a_page_instead_of_a_picture_is_named(home):
    with pytest.raises(FrameError, match="page.png: found a web page"):
        open_image(f"{home}/page.png", **LOCAL)


@pytest.mark.parametrize(
    "address", ["https://", "https://[::1", "ftp://host/a.png", "https://ann:pw@host/a.png"]
)
def test_what_is_no_plain_address_is_refused(address):
    with pytest.raises(FrameError) as caught:
        fetch(address)
    assert "pw" not in str(caught.value)


def test_a_host_nobody_knows_is_an_error(monkeypatch):
    def resolve(*args, **kwargs):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(FrameError, match="Name or service not known"):
        fetch("https://pictures.example/a.png")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make a certificate")
def test_the_certificate_is_checked_against_the_name(monkeypatch, tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
        + ["-subj", "/CN=pictures.example", "-addext", "subjectAltName=DNS:pictures.example"]
        + ["-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    asked_for = []
    context.sni_callback = lambda connection, name, old: asked_for.append(name)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pictures)
    server.asked = []
    server.handle_error = lambda *args: None
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    names_stand_for(
        monkeypatch, {"pictures.example": ["127.0.0.1"], "other.example": ["127.0.0.1"]}
    )
    try:
        with pytest.raises(FrameError, match="certificate"):  # signed by nobody known
            fetch(f"https://pictures.example:{server.server_port}/good.png", allow_private=True)
        real = addresses._session

        def trusting(*args):
            session = real(*args)
            session.verify = str(certificate)
            return session

        monkeypatch.setattr(addresses, "_session", trusting)
        good = fetch(f"https://pictures.example:{server.server_port}/good.png", allow_private=True)
        assert good == picture()
        with pytest.raises(FrameError, match="other.example|[Hh]ostname"):
            fetch(f"https://other.example:{server.server_port}/good.png", allow_private=True)
    finally:
        server.shutdown()
        server.server_close()
    assert asked_for == ["pictures.example", "pictures.example", "other.example"]
