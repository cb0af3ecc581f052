"""Whoever guesses passwords is stopped, and nobody else with them (ADR 52).

Failures are counted for a name at an address, and for an address whatever the names: never for a name alone, or whoever
knows it could shut its owner out. A browser from which the owner has signed in before is counted for itself, so that
not even somebody in the same office can. Counters are in the cache and end by themselves.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from hashlib import sha256
from typing import Any

from axes.backends import AxesStandaloneBackend
from axes.handlers.base import AbstractAxesHandler, AxesBaseHandler
from django.conf import settings
from django.core import signing
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse

from apps.employees.models import Account
from apps.ledger.rates import address_of
from apps.ledger.rules import storable
from apps.ledger.services import Actor, audit_once

# Failures until a name at an address waits, and until an address does, which may be a whole office's.
NAME_LIMIT, ADDRESS_LIMIT = 10, 100
# Since the last failure that was counted: what comes while one waits does not make it longer.
WAIT = timedelta(minutes=15)
KNOWN, KNOWN_FOR = "known", timedelta(days=180)
SALT = "apps.employees.lock_out"


class LockOutBackend(AxesStandaloneBackend):
    """Asked first: whoever waits is refused before a password is compared."""

    def authenticate(self, request: HttpRequest | None, *args: Any, **kwargs: Any) -> None:
        if request is not None:
            super().authenticate(request, *args, **kwargs)


class LockOut(AbstractAxesHandler, AxesBaseHandler):
    """What axes counts by."""

    def is_locked(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> bool:
        return any(_failures(key) >= limit for key, limit in _counted(request, _name(credentials)))

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        return max(_failures(key) for key, _limit in _counted(request, _name(credentials)))

    def user_login_failed(self, sender: Any, credentials: dict[str, Any], request: Any = None, **kwargs: Any) -> None:
        if request is None:
            return
        if not request.axes_locked_out:
            for key, _limit in _counted(request, _name(credentials)):
                _one_more(key)
            request.axes_locked_out = self.is_locked(request, credentials)
        if request.axes_locked_out:
            request.axes_credentials = credentials
            _audit(_name(credentials))

    def user_logged_in(self, sender: Any, request: Any, user: Any, **kwargs: Any) -> None:
        """`welcome` does what is to be done, with the name that was typed."""

    def user_logged_out(self, sender: Any, request: Any, user: Any, **kwargs: Any) -> None:
        """Nothing was counted."""


def forgive(request: HttpRequest, name: str) -> None:
    """The password was right: the name's failures are forgotten. The address's stay: an own account buys no guesses."""
    cache.delete(_counted(request, name)[0][0])


def remember_browser(response: HttpResponse, account: Account) -> None:
    """From now on this browser is counted for itself when it asks for this account."""
    value = signing.dumps([account.pk, secrets.token_urlsafe(12)], salt=SALT)
    response.set_cookie(
        _cookie(), value, max_age=KNOWN_FOR, httponly=True, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE,
    )  # fmt: skip


def _cookie() -> str:
    return f"{settings.COOKIE_PREFIX}{KNOWN}"


def _name(credentials: dict[str, Any] | None) -> str:
    return str((credentials or {}).get("username") or "")


def _counted(request: HttpRequest, name: str) -> list[tuple[str, int]]:
    """Keys of the cache with their limits: first what is the name's own. People type passwords into the wrong field."""
    digest = sha256(name.strip().lower().encode("utf-8", "replace")).hexdigest()
    if browser := _known_browser(request, name):
        return [(f"failed-{digest}-{browser}", NAME_LIMIT)]
    address = sha256(address_of(request.META.get("REMOTE_ADDR", "")).encode()).hexdigest()
    return [(f"failed-{digest}-{address}", NAME_LIMIT), (f"failed-{address}", ADDRESS_LIMIT)]


def _known_browser(request: HttpRequest, name: str) -> str:
    """The browser's own number, where it was given for the account that this name means; otherwise empty."""
    given = request.COOKIES.get(_cookie())
    if not given or not storable(name):
        return ""
    try:
        account, number = signing.loads(given, salt=SALT, max_age=KNOWN_FOR)
    except (signing.BadSignature, ValueError, TypeError):
        return ""
    return number if [one.pk for one in Account.objects.named(name)] == [account] else ""


def _failures(key: str) -> int:
    """How often it failed; 0 where the cache holds something else than a number."""
    stored = cache.get(key, 0)
    return stored if isinstance(stored, int) else 0


def _one_more(key: str) -> None:
    if not cache.add(key, 1, WAIT.total_seconds()):
        try:
            cache.incr(key)
        except ValueError:  # it ended between the two
            cache.add(key, 1, WAIT.total_seconds())
        cache.touch(key, WAIT.total_seconds())


def _audit(name: str) -> None:
    """Once a minute for one account and place; a name that nobody has is not kept."""
    named = Account.objects.named(name) if storable(name) else []
    account = named[0] if len(named) == 1 else None
    audit_once(
        "account.locked_out", by=Actor(None, "?"), kind="account", id=account.pk if account else "",
        label=str(account or ""), within=timedelta(minutes=1),
    )  # fmt: skip
