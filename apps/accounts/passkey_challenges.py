"""WebAuthn challenges in the session: for one purpose, one account, one answer and five minutes."""

import time
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.http.request import split_domain_port

from apps.accounts.models import Account
from apps.accounts.passkeys import InvalidPasskeyResponse, RelyingParty

SESSION_KEY, LIFETIME_SECONDS = "passkey_challenge", 300


class Purpose(StrEnum):
    SIGN_IN = "sign_in"
    PROOF = "proof"
    ADD = "add"


def relying_party(request: HttpRequest) -> RelyingParty:
    """Return the passkey scope of a request: a host from ALLOWED_HOSTS and its trusted origins."""
    # `get_host` checks ALLOWED_HOSTS: an attacker's host name must not become a relying party.
    address = request.get_host()
    host = split_domain_port(address)[0]
    # Behind a proxy the browser's origin may have another port or scheme than this request.
    trusted = [origin for origin in settings.CSRF_TRUSTED_ORIGINS if urlsplit(origin).hostname == host]
    return RelyingParty(host, frozenset([f"{request.scheme}://{address}".lower(), *trusted]))


def store_challenge(request: HttpRequest, purpose: Purpose, account: Account, state: dict[str, Any]) -> None:
    """Store a challenge; it replaces the previous one."""
    request.session[SESSION_KEY] = {"purpose": purpose, "account": account.pk, "at": time.time(), "state": dict(state)}


def pop_challenge(request: HttpRequest, purpose: Purpose, account: Account) -> dict[str, Any]:
    """Remove and return the stored challenge, which is valid once. Raises InvalidPasskeyResponse without one."""
    # Removed even when it does not match: a challenge answers once.
    challenge = request.session.pop(SESSION_KEY, None)
    if not isinstance(challenge, dict) or (challenge["purpose"], challenge["account"]) != (purpose, account.pk):
        raise InvalidPasskeyResponse("nothing was asked")
    if not 0 <= time.time() - challenge["at"] <= LIFETIME_SECONDS:
        raise InvalidPasskeyResponse("asked too long ago")
    state: dict[str, Any] = challenge["state"]
    return state
