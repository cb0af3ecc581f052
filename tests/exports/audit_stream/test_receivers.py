"""A receiver that counts lines as received although they were lost makes gaps that no operator can explain."""

import datetime as dt
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.checks import run_checks

from apps.exports.audit_stream.receivers import InvalidReceiver, is_unprotected, receiver


def read_all(connection: socket.socket) -> bytes:
    data = b""
    while chunk := connection.recv(4096):
        data += chunk
    return data


@contextmanager
def server(answer: Callable[[socket.socket], Any]) -> Iterator[tuple[int, list[Any]]]:
    """A server for one connection: its port, and what `answer` returned."""
    results: list[Any] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _address = listener.accept()
            with connection:
                results.append(answer(connection))

        thread = Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1], results
        thread.join(20)


def certificate(folder: Path) -> Path:
    """A key and a certificate of its own for 127.0.0.1, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "syslog")])
    now = dt.datetime.now(dt.UTC)
    day = dt.timedelta(days=1)
    host = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    built = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - day).not_valid_after(now + day)
        .add_extension(host, critical=False).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / "server.pem"
    path.write_bytes(pem + built.public_bytes(serialization.Encoding.PEM))
    return path


def test_each_message_has_its_length_and_header() -> None:
    with server(read_all) as (port, results):
        receiver(f"syslog:tcp://127.0.0.1:{port}")(['{"a": 1}', '{"b": 2}'])
    first, _, rest = results[0].partition(b" ")
    message, rest = rest[: int(first)], rest[int(first) :]
    assert message.startswith(b"<110>1 20")
    assert message.endswith(b' audit - {"a": 1}')
    second, _, rest = rest.partition(b" ")
    assert rest.endswith(b'{"b": 2}')
    assert len(rest) == int(second)


def test_a_server_that_ends_before_it_has_read_everything_has_not_received_it() -> None:
    """The kernel took the bytes: only the reset shows that the server did not read them."""

    def reset(connection: socket.socket) -> None:
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with server(reset) as (port, _results), pytest.raises(OSError, match=r"reset|pipe|not connected"):
        # Few enough for the buffers of the kernel.
        receiver(f"syslog:tcp://127.0.0.1:{port}")(["x" * 1000])


@pytest.mark.parametrize("polite", [True, False])
def test_over_tls_the_servers_certificate_is_checked(tmp_path: Path, polite: bool) -> None:
    path = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)

    def answer(connection: socket.socket) -> bytes:
        try:
            with context.wrap_socket(connection, server_side=True) as encrypted:
                data = read_all(encrypted)
                if polite:
                    encrypted.unwrap()
                return data
        except OSError:
            return b"refused"

    with server(answer) as (port, results):
        receiver(f"syslog:tls://localhost:{port}?ca={path}")(['{"a": 1}'])
    assert results[0].endswith(b'{"a": 1}')
    with server(answer) as (port, _results), pytest.raises(ssl.SSLCertVerificationError):
        receiver(f"syslog:tls://localhost:{port}")(['{"a": 1}'])


def test_the_local_socket_takes_a_datagram_a_line(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        receiver(f"syslog:{path}")(['{"a": 1}', '{"b": 2}'])
        assert [listener.recv(4096)[-8:] for _line in range(2)] == [b'{"a": 1}', b'{"b": 2}']


def test_standard_output_has_the_lines_alone(capfd: pytest.CaptureFixture[str]) -> None:
    receiver("stdout")(['{"a": 1}', '{"b": 2}'])
    assert capfd.readouterr().out == '{"a": 1}\n{"b": 2}\n'


@pytest.mark.parametrize(
    "text",
    ["syslog", "syslog:", "stderr", "syslog:udp://h:1", "syslog:tcp://h", "syslog:tls://:6514", "syslog:tcp://h:x"],
)
def test_another_text_is_named_by_the_system_check(text: str, settings: Any) -> None:
    with pytest.raises(InvalidReceiver):
        receiver(text)
    settings.AUDIT_STREAM = text
    assert "hundred.E024" in {message.id for message in run_checks()}


@pytest.mark.parametrize(
    ("text", "unprotected"),
    [
        ("", False), ("stdout", False), ("syslog:/dev/log", False), ("syslog:tls://log.example.com:6514", False),
        ("syslog:tcp://127.0.0.1:601", False), ("syslog:tcp://localhost:601", False),
        ("syslog:tcp://10.0.0.7:601", True), ("syslog:tcp://log.example.com:601", True),
    ],
)  # fmt: skip
def test_another_host_without_tls_fails_the_deployment_check(text: str, unprotected: bool, settings: Any) -> None:
    settings.AUDIT_STREAM = text
    assert is_unprotected(text) is unprotected
    found = {message.id for message in run_checks(include_deployment_checks=True)}
    assert ("hundred.E025" in found) is unprotected
