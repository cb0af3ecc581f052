"""WebAuthn challenges in the session: for one purpose, one account, one answer and five minutes."""

from __future__ import annotations

import time
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.http.request import split_domain_port

from apps.accounts.models import Account
from apps.accounts.passkeys import NotProven, Place

KEPT, PATIENCE = "passkey_challenge", 300


class Purpose(StrEnum):
    """The purpose of a challenge."""

    SIGN_IN = "sign_in"
    PROOF = "proof"
    ADD = "add"


def place(request: HttpRequest) -> Place:
    """Return the passkey scope of a request: a host from ALLOWED_HOSTS and its trusted origins."""
    address = request.get_host()
    host = split_domain_port(address)[0]
    trusted = [origin for origin in settings.CSRF_TRUSTED_ORIGINS if urlsplit(origin).hostname == host]
    return Place(host, frozenset([f"{request.scheme}://{address}".lower(), *trusted]))


def keep(request: HttpRequest, purpose: Purpose, account: Account, state: dict[str, Any]) -> None:
    """Store a challenge; it replaces the previous one."""
    request.session[KEPT] = {"purpose": purpose, "account": account.pk, "at": time.time(), "state": dict(state)}


def take(request: HttpRequest, purpose: Purpose, account: Account) -> dict[str, Any]:
    """Remove and return the stored challenge, which is valid once. Raises NotProven without a matching one."""
    found = request.session.pop(KEPT, None)
    if not isinstance(found, dict) or (found["purpose"], found["account"]) != (purpose, account.pk):
        raise NotProven("nothing was asked")
    if not 0 <= time.time() - found["at"] <= PATIENCE:
        raise NotProven("asked too long ago")
    state: dict[str, Any] = found["state"]
    return state
