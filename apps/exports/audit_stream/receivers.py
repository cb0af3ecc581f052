"""Where the audit stream goes: standard output, or a syslog server (RFC 5424) by TCP, TLS or the local socket."""

import os
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from ipaddress import ip_address
from urllib.parse import parse_qs, urlsplit

TIMEOUT_SECONDS = 10.0
# Facility 13 (log audit), severity 6 (informational).
PRIORITY = 13 * 8 + 6
SYSLOG = "syslog:"
Send = Callable[[Sequence[str]], None]


class InvalidReceiver(ValueError):
    """AUDIT_STREAM names no receiver."""

    def __init__(self, text: str) -> None:
        known = "stdout, syslog:tls://host:6514, syslog:tcp://host:601 or syslog:/dev/log"
        super().__init__(f"AUDIT_STREAM is {text!r} and not {known}.")


def receiver(text: str) -> Send:
    """The function that sends lines to the receiver that `text` names, and returns when they are received.

    It raises OSError; then some lines may have been received. Raises InvalidReceiver for an unusable `text`.
    """
    if text == "stdout":
        return _to_standard_output
    if not text.startswith(SYSLOG):
        raise InvalidReceiver(text)
    address = text.removeprefix(SYSLOG)
    if address.startswith("/"):
        return lambda lines: _to_local_socket(address, lines)
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise InvalidReceiver(text) from error
    if parts.scheme not in ("tcp", "tls") or not host or not port:
        raise InvalidReceiver(text)
    authority = parse_qs(parts.query).get("ca", [None])[0]
    return lambda lines: _to_server(host, port, lines, tls=parts.scheme == "tls", authority=authority)


def is_unprotected(text: str) -> bool:
    """Whether the lines, which hold personal data, leave this machine without TLS."""
    parts = urlsplit(text.removeprefix(SYSLOG))
    if parts.scheme != "tcp" or parts.hostname == "localhost":
        return False
    try:
        return not ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return True


def _to_standard_output(lines: Sequence[str]) -> None:
    # Not print: Celery may have replaced sys.stdout by a logger.
    data = "".join(f"{line}\n" for line in lines).encode()
    while data:
        data = data[os.write(1, data) :]


def _to_local_socket(path: str, lines: Sequence[str]) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as local:
        local.settimeout(TIMEOUT_SECONDS)
        local.connect(path)
        for line in lines:
            local.send(_message(line))


def _to_server(host: str, port: int, lines: Sequence[str], *, tls: bool, authority: str | None) -> None:
    """Send the lines with octet counting (RFC 6587) and wait until the server has closed the connection.

    Syslog has no acknowledgement, and data that the kernel took may be lost with the server. A server closes after it
    has read everything; one that ends earlier resets the connection.
    """
    with socket.create_connection((host, port), timeout=TIMEOUT_SECONDS) as plain:
        stream = _encrypted(plain, host, authority) if tls else plain
        with stream:
            stream.sendall(b"".join(b"%d %s" % (len(message), message) for message in map(_message, lines)))
            _finish(stream)


def _encrypted(plain: socket.socket, host: str, authority: str | None) -> ssl.SSLSocket:
    return ssl.create_default_context(cafile=authority).wrap_socket(plain, server_hostname=host)


def _finish(stream: socket.socket) -> None:
    if isinstance(stream, ssl.SSLSocket):
        # Many servers end the connection without the closing alert that TLS asks for.
        with suppress(ssl.SSLEOFError, ssl.SSLZeroReturnError):
            stream = stream.unwrap()
    with suppress(ssl.SSLEOFError):
        if not isinstance(stream, ssl.SSLSocket):
            stream.shutdown(socket.SHUT_WR)
        while stream.recv(4096):
            pass


def _message(line: str) -> bytes:
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    host = socket.gethostname() or "-"
    return f"<{PRIORITY}>1 {now} {host} hundred {os.getpid()} audit - {line}".encode()
