"""Whatever a server answers, or does not, a request ends within its limits and goes to an allowed address."""

import socket as socket_module
import ssl
import threading
from pathlib import Path
from socket import socket
from typing import Any

import pytest

from apps.notifications.webhooks import posting
from apps.notifications.webhooks.delivery import send_webhooks
from tests.fixtures import Clock
from tests.notifications.webhooks.conftest import LOCAL, AddEndpoint, row, send_test
from tests.notifications.webhooks.receiver import Receiver, receiver

pytestmark = pytest.mark.django_db


def test_a_redirect_is_not_followed(server: Receiver, add: AddEndpoint, certificate: Path) -> None:
    """Otherwise a public server could send the request into the company's network."""
    with receiver(certificate) as elsewhere:
        server.answers = [f"HTTP/1.1 307 Moved\r\nLocation: {elsewhere.url}\r\n\r\n".encode()]
        sent = send_test(add(server.url)[0])
        send_webhooks()
        assert row(sent) == ("due", 1, 307, "redirect")
        assert elsewhere.connections == 0


def test_an_endless_response_is_not_read(server: Receiver, add: AddEndpoint) -> None:
    ended = threading.Event()

    def endless(connection: socket) -> None:
        try:
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                connection.sendall(b"x" * 65_536)
        except OSError:
            ended.set()

    server.answers = [endless]
    sent = send_test(add(server.url)[0])
    send_webhooks()
    assert row(sent) == ("delivered", 1, 200, "")
    assert ended.wait(10), "the connection would stay open"


@pytest.mark.parametrize(
    "answer", [b"x" * 100_000, b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/2.0 200 OK\r\n", b"", b"HTTP/1.1 abc\r\n"]
)
def test_what_is_not_http_is_a_failure(answer: bytes, server: Receiver, add: AddEndpoint) -> None:
    server.answers = [answer]
    sent = send_test(add(server.url)[0])
    send_webhooks()
    assert row(sent)[:3] == ("due", 1, None)
    assert sent.error == "not_http"


def _says_nothing(server: Receiver, connection: socket) -> None:
    server.stopped.wait(20)


def _drips(server: Receiver, connection: socket) -> None:
    for byte in b"HTTP/1.1 200 " + b"O" * 1_000:
        if server.stopped.wait(0.02):
            return
        connection.sendall(bytes([byte]))


@pytest.mark.parametrize("slow", [_says_nothing, _drips])
def test_a_slow_server_is_left_after_the_time_limit(
    slow: Any, server: Receiver, add: AddEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is for the whole request: one byte at a time gains nothing."""
    monkeypatch.setattr(posting, "TIMEOUT_SECONDS", 0.5)
    server.answers = [lambda connection: slow(server, connection)]
    sent = send_test(add(server.url)[0])
    send_webhooks()
    assert row(sent) == ("due", 1, None, "timeout")


def test_an_address_that_became_internal_is_not_connected_to(server: Receiver, add: AddEndpoint, settings: Any) -> None:
    sent = send_test(add(server.url)[0])
    settings.WEBHOOK_ALLOWED_NETWORKS = []
    send_webhooks()
    assert row(sent) == ("due", 1, None, "blocked")
    assert server.connections == 0


def test_plain_http_goes_into_an_allowed_network_alone(add: AddEndpoint, clock: Clock, settings: Any) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = LOCAL
    with receiver(None) as plain:
        endpoint, _secret = add(plain.url)
        sent = send_test(endpoint)
        send_webhooks()
        assert row(sent) == ("delivered", 1, 200, "")
        for networks in (["10.0.0.0/8"], []):
            settings.WEBHOOK_ALLOWED_NETWORKS = networks
            sent = send_test(endpoint)
            send_webhooks()
            assert row(sent) == ("due", 1, None, "blocked")
            sent.delete()
        assert plain.connections == 1


def test_a_certificate_without_a_known_issuer_is_refused(
    server: Receiver, add: AddEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "tls_context", ssl.create_default_context)
    sent = send_test(add(server.url)[0])
    send_webhooks()
    assert row(sent) == ("due", 1, None, "tls")
    assert server.received == [], "the message would have been readable"


def test_a_closed_port_is_a_failure(server: Receiver, add: AddEndpoint) -> None:
    with receiver(None) as closed:
        url = closed.url.replace("http:", "https:")
    sent = send_test(add(url)[0])
    send_webhooks()
    assert row(sent) == ("due", 1, None, "connect")


@pytest.mark.parametrize("host", ["hooks.invalid", f"{'a' * 64}.example", "a..example"])
def test_an_unknown_name_is_a_failure(host: str, add: AddEndpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    original = socket_module.getaddrinfo

    def unknown(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "hooks.invalid":
            raise socket_module.gaierror
        return original(name, *arguments, **options)

    monkeypatch.setattr(socket_module, "getaddrinfo", unknown)
    sent = send_test(add(f"https://{host}/")[0])
    send_webhooks()
    assert row(sent) == ("due", 1, None, "dns")
