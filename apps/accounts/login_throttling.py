"""Guesses at passwords, codes and passkeys are limited, and nobody is locked out by another's guesses (ADR 52, 65).

Failures are counted for an account at an address, and for an address whatever the names: never for an account alone, or
anybody who knows its name could lock its owner out. A browser from which the owner has signed in before is counted for
itself, so that not even somebody in the same office can. Prompts behind the sign-in are counted by session: its owner
opens another. Counters are in the cache and end by themselves.
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

# Failures until an account at an address waits, and until an address does, which may be a whole office's.
NAME_LIMIT, ADDRESS_LIMIT = 10, 100
# Wrong second factors until the same happens. One in a third of a million is right, so that strangers all over the
# world together have few: the owner's own browsers and passkeys have theirs.
FACTOR_LIMIT, STRANGERS_LIMIT = 5, 30
# Wrong answers to prompts of one session.
PROMPT_LIMIT = 10
# Since the last failure that was counted: what comes while one waits does not make it longer.
WAIT = timedelta(minutes=15)
KNOWN, KNOWN_FOR = "known", timedelta(days=180)
SALT = "apps.accounts.login_throttling"
Counters = tuple[tuple[str, int], ...]


class TooManyGuesses(Exception):
    """No further guess is looked at for WAIT."""


@dataclass(frozen=True)
class Guess:
    """One guess, counted as wrong before it is looked at: of many at once none gets past the limit."""

    counters: Counters

    def was_right(self) -> None:
        """Forget the failures of the account; an address keeps those of others: an own account buys it no guesses."""
        keys = [key for key, _limit in self.counters]
        cache.delete_many(keys[:1])
        _take_back(keys[1:])

    def was_none(self) -> None:
        """Nothing was guessed at: it does not count."""
        _take_back(key for key, _limit in self.counters)

    @property
    def was_last(self) -> bool:
        """Whether it was the last one that is looked at."""
        return any(_failures(key) >= limit for key, limit in self.counters)


NO_GUESS = Guess(())


def guess_password(request: HttpRequest, name: str) -> Guess:
    """Count a guess at the password of the account that a name means. Raises TooManyGuesses.

    All names of an account count as one; a name that no account has counts for itself.
    """
    account = account_meant(name)
    who = f"account {account.pk}" if account else typed_name(name)
    try:
        return _guess(_counted(request, who, account, NAME_LIMIT))
    except TooManyGuesses:
        audit_locked_out(account)
        raise


def guess_factor(request: HttpRequest, account: Account, *, by_passkey: bool) -> Guess:
    """Count a guess at the second factor of an account whose password was right. Raises TooManyGuesses."""
    counters = _counted(request, f"factor of account {account.pk}", account, FACTOR_LIMIT)
    if not by_passkey and not _known_browser(request, account):
        counters = (*counters, (f"failed-factor-{account.pk}", STRANGERS_LIMIT))
    try:
        return _guess(counters)
    except TooManyGuesses:
        audit_locked_out(account)
        raise


def guess_in_session(request: HttpRequest, account: Account) -> Guess:
    """Count a guess at a password, factor or code that a page behind the sign-in asks for. Raises TooManyGuesses."""
    try:
        return _guess(((f"failed-session-{_digest(str(request.session.session_key))}", PROMPT_LIMIT),))
    except TooManyGuesses:
        audit_locked_out(account)
        raise


def remember_browser(response: HttpResponse, account: Account) -> None:
    """From now on this browser is counted for itself when it asks for this account; it has shown all its factors."""
    value = signing.dumps([account.pk, secrets.token_urlsafe(12)], salt=SALT)
    response.set_cookie(
        _cookie(), value, max_age=KNOWN_FOR, httponly=True, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE,
    )  # fmt: skip


def audit_locked_out(account: Account | None) -> None:
    """Once a minute for one account and place; a name that nobody has is not kept: people type passwords there."""
    audit_once(
        "account.locked_out", by=Actor(None, "?"), kind="account", id=account.pk if account else "",
        label=str(account or ""), within=timedelta(minutes=1),
    )  # fmt: skip


def _cookie() -> str:
    return f"{settings.COOKIE_PREFIX}{KNOWN}"


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "replace")).hexdigest()


def _counted(request: HttpRequest, who: str, account: Account | None, limit: int) -> Counters:
    """Keys of the cache with their limits: first what is the account's own."""
    if account and (browser := _known_browser(request, account)):
        return ((f"failed-{_digest(who)}-{browser}", limit),)
    address = _digest(address_of(request.META.get("REMOTE_ADDR", "")))
    return (f"failed-{_digest(who)}-{address}", limit), (f"failed-{address}", ADDRESS_LIMIT)


def _known_browser(request: HttpRequest, account: Account) -> str:
    """The browser's own number, where it was given for this account; otherwise empty."""
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
        # Others came in between.
        _take_back(key for key, _limit in counters)
        raise TooManyGuesses
    return Guess(counters)


def _end_in_time(keys: Iterable[str]) -> None:
    """No counter stops anybody for longer than WAIT, even if somebody with the cache wrote one that never ends."""
    # Only a cache on a server, which others can write to, has it.
    end_within = getattr(caches["default"], "end_within", lambda key, seconds: None)
    for key in keys:
        end_within(key, int(WAIT.total_seconds()))


def _failures(key: str) -> int:
    """How often it failed; 0 where the cache holds something else than a number."""
    stored = cache.get(key, 0)
    return stored if isinstance(stored, int) else 0


def _one_more(key: str) -> int:
    seconds = WAIT.total_seconds()
    if cache.add(key, 1, seconds):
        return 1
    try:
        count = int(cache.incr(key))
    except (ValueError, TypeError):  # it ended between the two, or was none of ours
        cache.set(key, 1, seconds)
        return 1
    cache.touch(key, seconds)
    return count


def _take_back(keys: Iterable[str]) -> None:
    for key in keys:
        with suppress(ValueError, TypeError):
            cache.decr(key)
