"""One request to an endpoint, within a time limit. Of the response only the status is read.

Written on a socket and not with an HTTP client: a client resolves the name again, follows redirects, uses a proxy of
the environment, and reads as slowly as the server writes.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Mapping
from typing import Any

from apps.notifications.webhooks.addresses import BlockedAddress, Target, resolve

# From the first look-up to the status.
TIMEOUT_SECONDS = 10.0
MAX_ADDRESSES = 3
MAX_STATUS_BYTES = 4_096
STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3})(?: [^\r\n]*)?\r?\n")


class Unanswered(Exception):
    """There is no response; `code` names the reason: `blocked`, `dns`, `connect`, `tls`, `timeout` or `not_http`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def tls_context() -> ssl.SSLContext:
    return ssl.create_default_context()


def post(target: Target, headers: Mapping[str, str], body: bytes) -> int:
    """Send the body; returns the status of the response. Raises Unanswered."""
    end = time.monotonic() + TIMEOUT_SECONDS
    try:
        addresses = resolve(target)
    except BlockedAddress as error:
        raise Unanswered("blocked") from error
    # UnicodeError: a label of the name is too long.
    except (OSError, UnicodeError) as error:
        raise Unanswered("dns") from error
    try:
        with _connect(addresses, end) as plain, _encrypt(plain, target, end) as connection:
            connection.settimeout(_seconds_left(end))
            connection.sendall(_request(target, headers, body))
            return _read_status(connection, end)
    except TimeoutError as error:
        raise Unanswered("timeout") from error
    except ssl.SSLError as error:
        raise Unanswered("tls") from error
    except OSError as error:
        raise Unanswered("connect") from error


def _connect(addresses: list[tuple[int, Any]], end: float) -> socket.socket:
    """A connection to the first of these addresses that accepts one. Raises OSError."""
    failure: OSError = TimeoutError()
    for number, (family, address) in enumerate(addresses[:MAX_ADDRESSES]):
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            # An address that does not answer leaves time for the next one.
            connection.settimeout(_seconds_left(end) / (min(len(addresses), MAX_ADDRESSES) - number))
            connection.connect(address)
        except OSError as error:
            connection.close()
            failure = error
        else:
            return connection
    raise failure


def _encrypt(connection: socket.socket, target: Target, end: float) -> socket.socket:
    if not target.encrypted:
        return connection
    connection.settimeout(_seconds_left(end))
    # The certificate must be that of the name, whichever address was chosen.
    return tls_context().wrap_socket(connection, server_hostname=target.host)


def _request(target: Target, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [
        f"POST {target.path} HTTP/1.1",
        f"Host: {target.host_header}",
        "User-Agent: Hundred",
        "Accept: */*",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join(lines).encode("ascii") + b"\r\n\r\n" + body


def _read_status(connection: socket.socket, end: float) -> int:
    received = b""
    while b"\n" not in received and len(received) < MAX_STATUS_BYTES:
        # Anew for each part: a server that sends one byte a second gains no time.
        connection.settimeout(_seconds_left(end))
        part = connection.recv(MAX_STATUS_BYTES)
        if not part:
            break
        received += part
    line = STATUS_LINE.match(received)
    if line is None:
        raise Unanswered("not_http")
    return int(line[1])


def _seconds_left(end: float) -> float:
    """Raises TimeoutError when none are left."""
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
