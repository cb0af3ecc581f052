"""No webhook reaches the company's own network, however its address is written or resolved."""

import socket
from typing import Any

import pytest

from apps.notifications.webhooks import posting
from apps.notifications.webhooks.addresses import BlockedAddress, InvalidAddress, is_allowed, parse_url, resolve
from apps.notifications.webhooks.posting import Unanswered, post

INTERNAL = [
    "0.0.0.0", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "127.0.0.1",  # noqa: S104
    "100.127.255.254",
    "127.255.255.254", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1",
    "192.168.1.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.250", "240.0.0.1",
    "255.255.255.255", "168.63.129.16", "::", "::1", "::7f00:1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "64:ff9b::a00:1",
    "64:ff9b::808:808", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::1", "3fff::1", "fc00::1",
    "fd00:ec2::254", "fe80::1", "fe80::1%2", "fec0::1", "ff02::1", "not an address", "",
]  # fmt: skip
PUBLIC = ["8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "2606:4700::1111"]
# Other ways to write 127.0.0.1, 10.0.0.1 and 169.254.169.254, as the resolver of the C library reads them.
SPELLINGS = [
    "127.0.0.1", "127.1", "127.0.1", "0x7f.1", "0x7f000001", "2130706433", "017700000001", "0177.0.0.1", "10.1",
    "0xa9fea9fe", "2852039166", "[::1]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
    "[64:ff9b::7f00:1]", "0", "0.0.0.0",  # noqa: S104
]  # fmt: skip


@pytest.fixture(autouse=True)
def _no_network_is_allowed(settings: Any) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = []


@pytest.mark.parametrize("address", INTERNAL)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert not is_allowed(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_allowed_with_tls_alone(address: str) -> None:
    assert is_allowed(address)
    assert not is_allowed(address, encrypted=False)


def test_a_setting_allows_a_network_and_nothing_beside_it(settings: Any) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = ["10.20.0.0/16", " fd00:1::/32"]
    for address, allowed in (
        ("10.20.3.4", True), ("10.21.0.1", False), ("fd00:1::5", True), ("fd00:2::5", False), ("127.0.0.1", False),
        ("::ffff:10.20.3.4", False),
    ):  # fmt: skip
        assert is_allowed(address) is allowed
        assert is_allowed(address, encrypted=False) is allowed


@pytest.mark.parametrize("host", SPELLINGS)
def test_no_spelling_of_an_internal_address_is_connected_to(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "_connect", _fails)
    with pytest.raises(Unanswered) as refused:
        post(parse_url(f"https://{host}/"), {}, b"")
    assert refused.value.code == "blocked"


def _fails(*arguments: Any) -> Any:
    raise AssertionError("a connection would have been opened")


def answers(*addresses: str) -> Any:
    """A resolver that gives these addresses for every name."""

    def getaddrinfo(host: str, port: int, **options: Any) -> list[Any]:
        return [
            (socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in addresses
        ]

    return getaddrinfo


@pytest.mark.parametrize("addresses", [("10.0.0.1",), ("8.8.8.8", "10.0.0.1"), ("2606:4700::1111", "::1"), ()])
def test_a_name_with_one_internal_address_is_refused(
    addresses: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", answers(*addresses))
    with pytest.raises(BlockedAddress):
        resolve(parse_url("https://hooks.example.com/"))


def test_a_name_that_changes_after_the_check_gains_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: the connection goes to the address that was checked, and the name is not asked again."""
    resolutions, connected = [("8.8.8.8",), ("127.0.0.1",)], []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **o: answers(*resolutions.pop(0))(*a, **o))

    class Recorded(socket.socket):
        def connect(self, address: Any) -> None:
            connected.append(address)
            raise ConnectionRefusedError

    monkeypatch.setattr(socket, "socket", Recorded)
    with pytest.raises(Unanswered, match="connect"):
        post(parse_url("https://hooks.example.com:8443/"), {}, b"")
    assert connected == [("8.8.8.8", 8443)]
    assert resolutions == [("127.0.0.1",)]
    with pytest.raises(Unanswered, match="blocked"):
        post(parse_url("https://hooks.example.com:8443/"), {}, b"")


def test_the_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setattr(socket, "getaddrinfo", answers("8.8.8.8"))
    connected: list[Any] = []

    def connect(addresses: list[Any], end: float) -> Any:
        connected.extend(addresses)
        raise ConnectionRefusedError

    monkeypatch.setattr(posting, "_connect", connect)
    with pytest.raises(Unanswered, match="connect"):
        post(parse_url("https://hooks.example.com/"), {}, b"")
    assert connected == [(socket.AF_INET, ("8.8.8.8", 443))]


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://example.com/", "https"),
        ("ftp://example.com/", "https"),
        ("file:///etc/passwd", "https"),
        ("//example.com/", "https"),
        ("example.com", "https"),
        ("https://", "url"),
        ("https:///path", "url"),
        ("https://user:password@example.com/", "url"),
        ("https://example.com@10.0.0.1/", "url"),
        ("https://example.com\\@10.0.0.1/", "url"),
        ("https://example.com/#part", "url"),
        ("https://example.com:0/", "url"),
        ("https://example.com:99999/", "url"),
        ("https://example.com:port/", "url"),
        ("https://example.com/a b", "url"),
        ("https://example.com/\r\nX-Header: 1", "url"),
        ("https://example.com\t/", "url"),
        ("https://例子.example/", "url"),
        ("https://[::1/", "url"),
        ("https://[fe80::1%25eth0]/", "url"),
        ("https://-example.com/", "url"),
        (f"https://example.com/{'a' * 500}", "too_long"),
    ],
)
def test_a_text_that_is_no_public_https_address_is_refused(url: str, code: str) -> None:
    with pytest.raises(InvalidAddress) as refused:
        parse_url(url)
    assert refused.value.code == code


def test_an_address_is_taken_apart_as_it_is_sent() -> None:
    target = parse_url("https://Hooks.Example.com:8443/a/b?c=d&e")
    assert (target.host, target.port, target.host_header, target.path) == (
        "hooks.example.com", 8443, "Hooks.Example.com:8443", "/a/b?c=d&e",
    )  # fmt: skip
    target = parse_url("https://[2606:4700::1111]")
    assert (target.host, target.port, target.host_header, target.path) == (
        "2606:4700::1111", 443, "[2606:4700::1111]", "/",
    )  # fmt: skip


def test_plain_http_is_allowed_only_together_with_a_network(settings: Any) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = ["10.20.0.0/16"]
    assert not parse_url("http://example.com/").encrypted
