"""Pictures behind web addresses that someone else wrote down.

Label files name addresses, so an address may be an attempt to make this machine ask itself, or
its cloud's credential service, for something. Hence: https (http only when allowed), and every
address a host name stands for must be public. The check happens where the connection is made, so
it holds for redirects too, and a name cannot point elsewhere between check and connection.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit, urlunsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

from annotaudit.errors import FrameError
from annotaudit.frames.opening import MAX_BYTES

MAX_REDIRECTS = 5

# Global unicast, but a way to an IPv4 address all the same: 6to4 carries one inside. (NAT64,
# 64:ff9b::/96, does so too; it lies outside 2000::/3.)
_IPV6_PUBLIC = ipaddress.ip_network("2000::/3")
_IPV6_CARRIES_IPV4 = ipaddress.ip_network("2002::/16")
_IPV4_PROTOCOLS = ipaddress.ip_network("192.0.0.0/24")


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet.

    Parameters
    ----------
    address : str
        An IPv4 or IPv6 address in numbers.

    Returns
    -------
    bool
        False for loopback, private, link-local, shared, reserved and multicast addresses, for
        IPv6 addresses that lead to IPv4 ones (NAT64, 6to4), and for 192.0.0.0/24.

    Examples
    --------
    >>> is_public("93.184.216.34"), is_public("169.254.169.254"), is_public("::ffff:10.0.0.1")
    (True, False, False)
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is None:
            return ip.is_global and ip in _IPV6_PUBLIC and ip not in _IPV6_CARRIES_IPV4
        ip = ip.ipv4_mapped
    return ip.is_global and not ip.is_multicast and ip not in _IPV4_PROTOCOLS


def fetch(
    address: str,
    *,
    allow_http: bool = False,
    allow_private: bool = False,
    max_bytes: int = MAX_BYTES,
    connect_timeout: float = 5.0,
    read_timeout: float = 15.0,
    total_timeout: float = 60.0,
) -> bytes:
    """Fetch what stands behind a web address, if it is a public one.

    No cookies, proxies or credentials of this machine are used.

    Parameters
    ----------
    address : str
        An https address.
    allow_http : bool
        Allow unencrypted http as well.
    allow_private : bool
        Allow addresses of this machine and its network: only for addresses you wrote yourself.
    max_bytes : int
        Give up beyond this many bytes.
    connect_timeout, read_timeout, total_timeout : float
        Seconds to wait for a connection, for the next bytes, and for everything together.

    Returns
    -------
    bytes

    Raises
    ------
    FrameError
        If the address may not be fetched, does not answer in time, answers with an error, or
        sends too much.

    Examples
    --------
    >>> fetch("https://169.254.169.254/latest/meta-data")
    Traceback (most recent call last):
    annotaudit.errors.FrameError: https://169.254.169.254/latest/meta-data: found the private...
    """
    shown = without_query(address)
    parts = _split(address)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise FrameError(f"{shown}: expected an address like https://host/picture.jpg.")
    if parts.username or parts.password:
        raise FrameError(
            f"{shown}: the address carries a user name or password; "
            "expected one without. Download the image yourself and give its path."
        )
    doorman = _Doorman(allow_private, connect_timeout)
    watchdog = threading.Timer(total_timeout, doorman.hang_up)
    watchdog.daemon = True
    watchdog.start()
    try:
        with _session(doorman, allow_http) as session:
            content = _download(session, address, (connect_timeout, read_timeout), max_bytes)
    except FrameError as error:
        raise FrameError(f"{shown}: {error}") from error
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        if not doorman.hung_up:
            raise FrameError(f"{shown}: {_explained(error)}") from error
    finally:
        watchdog.cancel()
        doorman.let_go()
    if doorman.hung_up:  # what came until then may look like a whole answer
        raise FrameError(
            f"{shown}: not complete after {total_timeout:g} s. Raise total_timeout, or "
            "download the image and give its path."
        )
    return content


def without_query(address: str) -> str:
    """Shorten an address to what may be shown: a signed one carries its secret behind the ``?``.

    Examples
    --------
    >>> without_query("https://ann:secret@host/a.jpg?X-Amz-Signature=1234")
    'https://host/a.jpg?...'
    """
    parts = _split(address)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "..." if parts.query else "", ""))


@dataclass
class _Doorman:
    """Resolves, checks and connects; can end every connection it let through."""

    allow_private: bool
    connect_timeout: float
    hung_up: bool = False
    _connections: list[socket.socket] = field(default_factory=list)

    def connect(self, host: str, port: int) -> socket.socket:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        if not self.allow_private:
            for address in addresses:
                if not is_public(address):
                    raise FrameError(
                        f"found the private address {address} behind {host!r}, expected a public "
                        "one: an address in a label file must not reach into this machine or its "
                        "network. If it is yours and meant, pass allow_private=True."
                    )
        for address in addresses[:-1]:
            try:
                return self._open(address, port)
            except OSError:  # one of several servers is down: the next one is asked
                continue
        return self._open(addresses[-1], port)

    def _open(self, address: str, port: int) -> socket.socket:
        connection = socket.create_connection((address, port), timeout=self.connect_timeout)
        # TLS takes the socket over; a duplicate still reaches the connection.
        self._connections.append(connection.dup())
        return connection

    def hang_up(self) -> None:
        self.hung_up = True
        for connection in self._connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:  # the other side was faster
                continue

    def let_go(self) -> None:
        for connection in self._connections:
            connection.close()


class _CheckedAdapter(HTTPAdapter):
    """Sends each request, redirected ones too, over connections the doorman made.

    The connection still knows the host by name, so the certificate is checked against the name.
    """

    def __init__(self, doorman: _Doorman) -> None:
        self._doorman = doorman
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: object, **options: object) -> None:
        super().init_poolmanager(*args, **options)  # type: ignore[arg-type]
        doorman = self._doorman

        class Plain(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return doorman.connect(self.host, self.port)

        class Secure(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                return doorman.connect(self.host, self.port)

        class PlainPool(urllib3.HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(urllib3.HTTPSConnectionPool):
            ConnectionCls = Secure

        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}


def _session(doorman: _Doorman, allow_http: bool) -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # no proxies, no netrc
    session.max_redirects = MAX_REDIRECTS
    session.adapters.clear()
    session.mount("https://", _CheckedAdapter(doorman))
    if allow_http:
        session.mount("http://", _CheckedAdapter(doorman))
    return session


def _download(
    session: requests.Session, address: str, timeouts: tuple[float, float], max_bytes: int
) -> bytes:
    with session.get(address, stream=True, timeout=timeouts) as response:
        if response.status_code != 200:
            raise FrameError(
                f"the server answered {response.status_code} {response.reason or ''}, expected "
                "200 OK and a picture. Check the address in a browser; signed addresses expire."
            )
        content = bytearray()
        for chunk in response.iter_content(65_536):
            content += chunk
            if len(content) > max_bytes:
                raise FrameError(
                    f"more than {max_bytes:,} bytes, the most an image may have here. Raise "
                    "max_bytes if the picture is really that large."
                )
        return bytes(content)


def _split(address: str) -> SplitResult:
    try:
        return urlsplit(address)
    except ValueError as error:
        raise FrameError(
            f"{address[:80]!r} is no web address ({error}); expected https://host/picture.jpg."
        ) from error


def _explained(error: Exception) -> str:
    if isinstance(error, requests.exceptions.InvalidSchema):
        return (
            "found an address, or a redirect to one, that is not https. Use the https address, "
            "or allow_http=True if the picture may travel unencrypted."
        )
    if isinstance(error, requests.exceptions.TooManyRedirects):
        return (
            f"was redirected more than {MAX_REDIRECTS} times. Open the address in a browser and "
            "use the one it ends on."
        )
    cause: BaseException = error
    while (inner := cause.__cause__ or cause.__context__) is not None:
        cause = inner  # requests wraps urllib3, which wraps the operating system
    return (
        f"could not be fetched ({str(cause) or type(cause).__name__}). Check the address in a "
        "browser, or download the image and give its path."
    )
