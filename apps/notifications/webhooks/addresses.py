"""Where webhooks may go: an operator's address must not lead into the company's network.

A name is resolved for each connection, all its addresses are checked, and the connection goes to one of these very
addresses: a name that changes between the check and the connection gains nothing.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

MAX_URL_CHARS = 500
# The host as it goes into a header and into the resolver: a name, or an address in brackets.
HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9.])?|\[[0-9A-Fa-f:.]+\]")
# Everything that is not a public address of one host. Python's `is_global` differs between its versions.
NOT_PUBLIC = [
    ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4",
        # Azure's platform answers its own machines here, at an address that looks public.
        "168.63.129.16/32",
        # Tunnels (Teredo, 6to4), which hold an IPv4 address, and documentation.
        "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
    )
]  # fmt: skip
# Outside it: loopback, link-local, private, multicast, IPv4-mapped and NAT64 addresses.
GLOBAL_UNICAST = IPv6Network("2000::/3")


class InvalidAddress(ValueError):
    """The text is no address that a webhook can have; `code` names the reason."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class BlockedAddress(Exception):
    """The name leads to an address outside the public network, or does not exist."""


@dataclass(frozen=True)
class Target:
    """The parts of an address. `host_header` has the port only where the address has one."""

    encrypted: bool
    host: str
    port: int
    host_header: str
    path: str


def parse_url(url: str) -> Target:
    """The parts of an endpoint's address. Raises InvalidAddress with the code `url`, `https` or `too_long`."""
    if len(url) > MAX_URL_CHARS:
        raise InvalidAddress("too_long")
    # No control character and no blank: the text becomes part of a request.
    if not re.fullmatch(r"[!-~]+", url):
        raise InvalidAddress("url")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidAddress("url") from error
    if parts.scheme not in ("https", "http"):
        raise InvalidAddress("https")
    # As written, with the brackets of an IPv6 address.
    host = re.sub(r":\d*$", "", parts.netloc)
    if "#" in url or port == 0 or not HOST.fullmatch(host):
        raise InvalidAddress("url")
    encrypted = parts.scheme == "https"
    if not encrypted and not settings.WEBHOOK_ALLOWED_NETWORKS:
        raise InvalidAddress("https")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    header = f"{host}:{port}" if port else host
    return Target(encrypted, parts.hostname or "", port or (443 if encrypted else 80), header, path)


def resolve(target: Target) -> list[tuple[int, Any]]:
    """The (family, socket address) pairs to which a connection may go. Raises BlockedAddress and OSError."""
    answers = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    resolved = [(int(family), address) for family, _type, _protocol, _name, address in answers]
    # One forbidden address among several is enough: it shows where the name leads.
    if not resolved or any(not is_allowed(str(address[0]), encrypted=target.encrypted) for _, address in resolved):
        raise BlockedAddress(target.host)
    return resolved


def is_allowed(text: str, *, encrypted: bool = True) -> bool:
    """Whether a webhook may go to this address; without TLS only into WEBHOOK_ALLOWED_NETWORKS."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if any(address in network for network in allowed_networks()):
        return True
    return encrypted and _is_public(address)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address) and address not in GLOBAL_UNICAST:
        return False
    return not any(address in network for network in NOT_PUBLIC)


def allowed_networks() -> list[Any]:
    """The networks of WEBHOOK_ALLOWED_NETWORKS. Raises ValueError."""
    return [ip_network(text.strip()) for text in settings.WEBHOOK_ALLOWED_NETWORKS]
