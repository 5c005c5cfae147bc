"""One POST that takes no longer and brings no more than it may, whatever the other side does."""

import contextlib
import http.client
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

TOO_SLOW = "too slow"


class NoReply(Exception):
    """There was no complete reply in time. The text names the cause, never what was sent."""


class TooLong(NoReply):
    """It would be longer than it may."""


@dataclass(frozen=True)
class Reply:
    """Whatever status came: redirects are not followed. Header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


def post(target: str, body: bytes, headers: dict[str, str], *, seconds: float, most_bytes: int) -> Reply:
    """The reply. Raises NoReply.

    `requests` limits the wait for each next byte, so that a reply that drips has no end. Here the line itself is cut
    when the time is over, whether it is in the handshake, the headers or the body.
    """
    try:
        return _post(target, body, headers, time.monotonic() + seconds, most_bytes)
    except (OSError, http.client.HTTPException) as error:
        raise NoReply(_cause(error)) from error


def _post(target: str, body: bytes, headers: dict[str, str], end: float, most_bytes: int) -> Reply:
    parts = urlsplit(target)
    secure = parts.scheme == "https"
    address = parts.hostname, parts.port or (443 if secure else 80)
    connection = http.client.HTTPConnection(*address)
    over = threading.Event()
    line = _connected(*address, end)
    with line.dup() as handle:  # the same line: TLS takes the other one over
        cutter = threading.Timer(max(end - time.monotonic(), 0), _cut, (handle, over))
        cutter.start()
        try:
            connection.sock = line
            if secure:
                connection.sock = ssl.create_default_context().wrap_socket(line, server_hostname=parts.hostname)
            path = parts.path or "/"
            connection.request("POST", f"{path}?{parts.query}" if parts.query else path, body, headers)
            with connection.getresponse() as response:
                received = response.read(most_bytes + 1)
                missing = response.length  # None: it ends with the line
        except (OSError, http.client.HTTPException) as error:
            raise NoReply(TOO_SLOW if over.is_set() else _cause(error)) from error
        finally:
            cutter.cancel()
            cutter.join()
            connection.close()
            line.close()
    if over.is_set():
        raise NoReply(TOO_SLOW)
    if len(received) > most_bytes:
        raise TooLong("too long")
    if missing:
        raise NoReply("cut")
    return Reply(response.status, {name.lower(): value for name, value in response.getheaders()}, received)


def _cause(error: Exception) -> str:
    """The line has the same time as the cutter, and on a busy machine may be the first to see that it is over."""
    return TOO_SLOW if isinstance(error, TimeoutError) else type(error).__name__


def _connected(host: str, port: int, end: float) -> socket.socket:
    """A line to the first of the host's addresses that takes one. None has more than its share of the time left."""
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for left, (family, kind, protocol, _name, address) in zip(range(len(addresses), 0, -1), addresses, strict=True):
        line = socket.socket(family, kind, protocol)
        try:
            line.settimeout(max((end - time.monotonic()) / left, 0.001))
            line.connect(address)
        except OSError:
            line.close()
            if left == 1:
                raise
        else:
            line.settimeout(max(end - time.monotonic(), 0.001))
            return line
    raise OSError("no address")


def _cut(handle: socket.socket, over: threading.Event) -> None:
    over.set()
    with contextlib.suppress(OSError):  # the other side was faster
        handle.shutdown(socket.SHUT_RDWR)
