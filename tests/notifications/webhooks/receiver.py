"""A real server with TLS on this machine that keeps what it receives, and answers as a test asks."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from socket import create_server, socket
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

# A status, the bytes of a response, or what is done with the connection.
Answer = int | bytes | Callable[[socket], None]


@dataclass
class Request:
    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """`answers` to the next requests in turn; without one 200. `connections`: how many were opened."""

    url: str
    received: list[Request] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    connections: int = 0
    # Ends what waits in an answer.
    stopped: threading.Event = field(default_factory=threading.Event)

    def serve(self, connection: socket) -> None:
        request = _read(connection)
        if request is None:
            return
        self.received.append(request)
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, int):
            answer = f"HTTP/1.1 {answer} Answer\r\nContent-Length: 0\r\n\r\n".encode()
        if isinstance(answer, bytes):
            connection.sendall(answer)
        else:
            answer(connection)


def _read(connection: socket) -> Request | None:
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65_536)
        if not part:
            return None
        data += part
    head, _end, body = data.partition(b"\r\n\r\n")
    line, *lines = head.decode("ascii").split("\r\n")
    headers = {name.lower(): value for name, value in (entry.split(": ", 1) for entry in lines)}
    while len(body) < int(headers["content-length"]):
        body += connection.recv(65_536)
    return Request(line, headers, body)


@contextmanager
def receiver(certificate: Path | None) -> Iterator[Receiver]:
    """A server with this certificate and key, or without TLS."""
    listener = create_server(("127.0.0.1", 0))
    server = Receiver(f"{'https' if certificate else 'http'}://localhost:{listener.getsockname()[1]}/hook?from=hundred")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if certificate:
        context.load_cert_chain(certificate)

    def handle(plain: socket) -> None:
        # A client that leaves ends a connection, not the server.
        with plain, suppress(OSError):
            connection: Any = context.wrap_socket(plain, server_side=True) if certificate else plain
            with connection:
                server.serve(connection)

    def accept() -> None:
        with suppress(OSError):
            while True:
                plain, _address = listener.accept()
                server.connections += 1
                threading.Thread(target=handle, args=(plain,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield server
    finally:
        server.stopped.set()
        # Wakes the thread that accepts: closing alone does not.
        with suppress(OSError):
            listener.shutdown(2)
        listener.close()


def write_certificate(path: Path) -> Path:
    """A certificate for localhost that signs itself, and its key, in one file."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(IPv4Address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    builder = builder.add_extension(names, critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    certificate = builder.sign(key, SHA256())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(private + certificate.public_bytes(Encoding.PEM))
    return path
