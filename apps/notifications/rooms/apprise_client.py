"""Group rooms of chat products by Apprise, an optional package (requirements-chat.txt).

Apprise reads files, opens other hosts and switches TLS checks off where an address asks for it. So an address has one
of SCHEMES, whose hosts are fixed in Apprise or listed here, and no option.
"""

from __future__ import annotations

import logging
import re
from importlib import import_module
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

SCHEMES = ("dingtalk", "feishu", "lark", "slack", "wecombot", "workflows")
# Of Microsoft's workflows (Teams) the address names the host.
WORKFLOW_HOSTS = (".logic.azure.com", ".api.powerplatform.com")
MAX_ADDRESS_CHARS = 500
# Without ? # % \ and spaces, which start options or are read differently by two parsers.
ADDRESS = re.compile(r"([a-z]+)://[A-Za-z0-9@:/._+-]+", re.ASCII)


class InvalidRoomAddress(ValueError):
    """`code` says what is wrong; the text holds no part of the address."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def is_installed() -> bool:
    return find_spec("apprise") is not None


def check_address(address: str) -> None:
    """Raises InvalidRoomAddress for an address that Hundred does not post to."""
    match = ADDRESS.fullmatch(address)
    if match is None or len(address) > MAX_ADDRESS_CHARS:
        raise InvalidRoomAddress("form")
    if match[1] not in SCHEMES:
        raise InvalidRoomAddress("product")
    _client(address)


def post(address: str, title: str, text: str) -> bool:
    """Post to a room; returns whether its product accepted the message. Raises InvalidRoomAddress."""
    client = _client(address)
    # At the level DEBUG both libraries log addresses, which are secrets.
    for name in ("apprise", "urllib3"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return bool(client.notify(body=text, title=title, body_format="text"))


def _client(address: str) -> Any:
    """Apprise with this one address."""
    apprise = import_module("apprise")
    logging.getLogger("apprise").setLevel(logging.CRITICAL)
    client = apprise.Apprise(asset=apprise.AppriseAsset(http_redirects=False))
    if not client.add(address):
        raise InvalidRoomAddress("product")
    [room] = client
    if urlsplit(address).scheme == "workflows":
        # The host as Apprise has read it.
        host = str(room.host).lower()
        if not host.endswith(WORKFLOW_HOSTS) or room.port not in (None, 443):
            raise InvalidRoomAddress("host")
    return client
