"""Rate limits for guesses at passwords, codes and passkeys; another user's guesses lock no owner out (ADR 52, 65).

Failures count per account and address, and per address for all names. They never count per account alone: otherwise
an attacker who knows a name could lock its owner out.

A browser in which the owner signed in before has its own counter, so a colleague at the same address cannot block it.
Prompts behind the sign-in count per session; the owner can open another session. Counters live in the cache and expire.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from django.conf import settings
from django.core import signing
from django.core.cache import cache, caches
from django.http import HttpRequest, HttpResponse

from apps.accounts.backends import account_meant, typed_name
from apps.accounts.models import Account
from apps.core.audit import Actor, audit_once
from apps.core.rate_limits import address_of

# Failures before an account at one address waits, and before an address waits, which may serve a whole office.
NAME_LIMIT, ADDRESS_LIMIT = 10, 100
# Wrong second factors before the same happens. A guess succeeds once in about 333,000 tries, so all unknown browsers
# together get few. The owner's own browsers and passkeys have separate counters.
FACTOR_LIMIT, STRANGERS_LIMIT = 5, 30
# Wrong answers to the prompts of one session.
PROMPT_LIMIT = 10
# Counted from the last failure; requests during the wait do not extend it.
WAIT = timedelta(minutes=15)
KNOWN, KNOWN_FOR = "known", timedelta(days=180)
SALT = "apps.accounts.login_throttling"
Counters = tuple[tuple[str, int], ...]


class TooManyGuesses(Exception):
    """No guess is checked before WAIT has passed."""


@dataclass(frozen=True)
class Guess:
    """One guess, counted as wrong before the check, so concurrent guesses cannot exceed the limit."""

    counters: Counters

    def was_right(self) -> None:
        """Clear the account's failures; the address counter keeps other accounts' failures.

        Otherwise an attacker could sign in to an own account to get new guesses.
        """
        keys = [key for key, _limit in self.counters]
        cache.delete_many(keys[:1])
        _take_back(keys[1:])

    def was_none(self) -> None:
        """Uncount an attempt that was not a guess."""
        _take_back(key for key, _limit in self.counters)

    @property
    def was_last(self) -> bool:
        """Whether this guess reached the limit."""
        return any(_failures(key) >= limit for key, limit in self.counters)


NO_GUESS = Guess(())


def guess_password(request: HttpRequest, name: str) -> Guess:
    """Count a guess at the password of the account that `name` matches. Raises TooManyGuesses.

    All names of an account share one counter. An unknown name has its own counter.
    """
    account = account_meant(name)
    who = f"account {account.pk}" if account else typed_name(name)
    try:
        return _guess(_counted(request, who, account, NAME_LIMIT))
    except TooManyGuesses:
        audit_locked_out(account)
        raise


def guess_factor(request: HttpRequest, account: Account, *, by_passkey: bool) -> Guess:
    """Count a guess at the second factor, after a right password. Raises TooManyGuesses."""
    counters = _counted(request, f"factor of account {account.pk}", account, FACTOR_LIMIT)
    if not by_passkey and not _known_browser(request, account):
        counters = (*counters, (f"failed-factor-{account.pk}", STRANGERS_LIMIT))
    try:
        return _guess(counters)
    except TooManyGuesses:
        audit_locked_out(account)
        raise


def guess_in_session(request: HttpRequest, account: Account) -> Guess:
    """Count a guess at a password, factor or code on a page behind the sign-in. Raises TooManyGuesses."""
    try:
        return _guess(((f"failed-session-{_digest(str(request.session.session_key))}", PROMPT_LIMIT),))
    except TooManyGuesses:
        audit_locked_out(account)
        raise


def remember_browser(response: HttpResponse, account: Account) -> None:
    """Give this browser its own counter for this account; the caller has verified all factors."""
    value = signing.dumps([account.pk, secrets.token_urlsafe(12)], salt=SALT)
    response.set_cookie(
        _cookie(), value, max_age=KNOWN_FOR, httponly=True, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE,
    )  # fmt: skip


def audit_locked_out(account: Account | None) -> None:
    """Append a lock-out, at most once a minute per account and place.

    Unknown names are not stored, because users type passwords into the name field.
    """
    audit_once(
        "account.locked_out", by=Actor(None, "?"), kind="account", id=account.pk if account else "",
        label=str(account or ""), within=timedelta(minutes=1),
    )  # fmt: skip


def _cookie() -> str:
    return f"{settings.COOKIE_PREFIX}{KNOWN}"


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "replace")).hexdigest()


def _counted(request: HttpRequest, who: str, account: Account | None, limit: int) -> Counters:
    """Cache keys with their limits; the account's own key comes first."""
    if account and (browser := _known_browser(request, account)):
        return ((f"failed-{_digest(who)}-{browser}", limit),)
    address = _digest(address_of(request.META.get("REMOTE_ADDR", "")))
    return (f"failed-{_digest(who)}-{address}", limit), (f"failed-{address}", ADDRESS_LIMIT)


def _known_browser(request: HttpRequest, account: Account) -> str:
    """The browser's number in its signed cookie for this account; empty without one."""
    try:
        known, number = signing.loads(request.COOKIES.get(_cookie(), ""), salt=SALT, max_age=KNOWN_FOR)
    except (signing.BadSignature, ValueError, TypeError):
        return ""
    return str(number) if known == account.pk else ""


def _guess(counters: Counters) -> Guess:
    full = [key for key, limit in counters if _failures(key) >= limit]
    if full:
        _end_in_time(full)
        raise TooManyGuesses
    counts = [(_one_more(key), limit) for key, limit in counters]
    if any(count > limit for count, limit in counts):
        # Concurrent guesses were counted in between.
        _take_back(key for key, _limit in counters)
        raise TooManyGuesses
    return Guess(counters)


def _end_in_time(keys: Iterable[str]) -> None:
    """Limit the life of full counters to WAIT, even if another cache client wrote one without expiry."""
    # Only a shared cache server has this method.
    end_within = getattr(caches["default"], "end_within", lambda key, seconds: None)
    for key in keys:
        end_within(key, int(WAIT.total_seconds()))


def _failures(key: str) -> int:
    """Number of failures; 0 when the cached value is not a number."""
    stored = cache.get(key, 0)
    return stored if isinstance(stored, int) else 0


def _one_more(key: str) -> int:
    seconds = WAIT.total_seconds()
    if cache.add(key, 1, seconds):
        return 1
    try:
        count = int(cache.incr(key))
    except (ValueError, TypeError):  # the counter expired in between, or another client overwrote it
        cache.set(key, 1, seconds)
        return 1
    cache.touch(key, seconds)
    return count


def _take_back(keys: Iterable[str]) -> None:
    for key in keys:
        with suppress(ValueError, TypeError):
            cache.decr(key)
