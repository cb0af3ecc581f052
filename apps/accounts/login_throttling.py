"""Rate limits for guesses at passwords, codes and passkeys; another user's guesses lock no owner out (ADR 52, 65).

Failures count per account and address, and per address for all names. They never count per account alone: otherwise
an attacker who knows a name could lock its owner out.

A browser in which the owner signed in before has its own counter, so a colleague at the same address cannot block it.
Prompts behind the sign-in count per session; the owner can open another session. Counters live in the cache and expire.
"""

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

from apps.accounts.access_log import audit_failure
from apps.accounts.backends import find_by_login, normalise_login
from apps.accounts.models import Account
from apps.core.rate_limits import address_key

# Failures before an account at one address waits, and before an address waits, which may serve a whole office.
MAX_ACCOUNT_FAILURES, MAX_ADDRESS_FAILURES = 10, 100
# Wrong second factors before the same happens. A guess succeeds once in about 333,000 tries, so all unknown browsers
# together get few. The owner's own browsers and passkeys have separate counters.
MAX_FACTOR_FAILURES, MAX_UNKNOWN_BROWSER_FAILURES = 5, 30
# Wrong answers to the prompts of one session.
MAX_SESSION_FAILURES = 10
# Counted from the last failure; requests during the wait do not extend it.
WAIT = timedelta(minutes=15)
BROWSER_COOKIE, BROWSER_COOKIE_AGE = "known", timedelta(days=180)
SALT = "apps.accounts.login_throttling"
Counters = tuple[tuple[str, int], ...]


class TooManyGuesses(Exception):
    """No guess is checked before WAIT has passed."""


@dataclass(frozen=True)
class Guess:
    """One guess, counted as wrong before the check, so concurrent guesses cannot exceed the limit."""

    counters: Counters

    def succeed(self) -> None:
        """Clear the account's failures; the address counter keeps other accounts' failures.

        Otherwise an attacker could sign in to an own account to get new guesses.
        """
        # The first key is the account's own (see `_counters_for`).
        keys = [key for key, _limit in self.counters]
        cache.delete_many(keys[:1])
        _decrement(keys[1:])

    def withdraw(self) -> None:
        """Uncount an attempt that was not a guess."""
        _decrement(key for key, _limit in self.counters)

    @property
    def reached_limit(self) -> bool:
        return any(_failures(key) >= limit for key, limit in self.counters)


NO_GUESS = Guess(())


def guess_password(request: HttpRequest, name: str) -> Guess:
    """Count a guess at the password of the account that `name` matches. Raises TooManyGuesses.

    All names of an account share one counter. An unknown name has its own counter.
    """
    # By account and not by name: staff number and e-mail would otherwise double the guesses.
    account = find_by_login(name)
    who = f"account {account.pk}" if account else normalise_login(name)
    return _count(_counters_for(request, who, account, MAX_ACCOUNT_FAILURES), account)


def guess_factor(request: HttpRequest, account: Account, *, by_passkey: bool) -> Guess:
    """Count a guess at the second factor, after a right password. Raises TooManyGuesses."""
    counters = _counters_for(request, f"factor of account {account.pk}", account, MAX_FACTOR_FAILURES)
    # A code of six digits can be guessed from many addresses, a passkey's signature cannot.
    if not by_passkey and not _known_browser(request, account):
        counters = (*counters, (f"failed-factor-{account.pk}", MAX_UNKNOWN_BROWSER_FAILURES))
    return _count(counters, account)


def guess_in_session(request: HttpRequest, account: Account) -> Guess:
    """Count a guess at a password, factor or code on a page behind the sign-in. Raises TooManyGuesses."""
    counter = f"failed-session-{_digest(str(request.session.session_key))}"
    return _count(((counter, MAX_SESSION_FAILURES),), account)


def remember_browser(response: HttpResponse, account: Account) -> None:
    """Give this browser its own counter for this account; the caller has verified all factors."""
    # Signed, not encrypted: the account's id is no secret. The random part separates two browsers of one account.
    value = signing.dumps([account.pk, secrets.token_urlsafe(12)], salt=SALT)
    response.set_cookie(
        _cookie(), value, max_age=BROWSER_COOKIE_AGE, httponly=True, samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )  # fmt: skip


def is_known_browser(request: HttpRequest, account: Account) -> bool:
    """Whether this browser has a valid cookie of this account from an earlier sign-in."""
    return bool(_known_browser(request, account))


def _cookie() -> str:
    return f"{settings.COOKIE_PREFIX}{BROWSER_COOKIE}"


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "replace")).hexdigest()


def _counters_for(request: HttpRequest, who: str, account: Account | None, limit: int) -> Counters:
    """Cache keys with their limits; the account's own key comes first."""
    if account and (browser := _known_browser(request, account)):
        return ((f"failed-{_digest(who)}-{browser}", limit),)
    address = _digest(address_key(request.META.get("REMOTE_ADDR", "")))
    return (f"failed-{_digest(who)}-{address}", limit), (f"failed-{address}", MAX_ADDRESS_FAILURES)


def _known_browser(request: HttpRequest, account: Account) -> str:
    """The browser's number in its signed cookie for this account; empty without one."""
    try:
        account_pk, number = signing.loads(request.COOKIES.get(_cookie(), ""), salt=SALT, max_age=BROWSER_COOKIE_AGE)
    except (signing.BadSignature, ValueError, TypeError):
        return ""
    return str(number) if account_pk == account.pk else ""


def _count(counters: Counters, account: Account | None) -> Guess:
    """Count a guess by each counter. Raises TooManyGuesses, after an audit entry, when one is full."""
    full = [key for key, limit in counters if _failures(key) >= limit]
    if full:
        _limit_wait(full)
    else:
        failures = [(_increment(key), limit) for key, limit in counters]
        if all(count <= limit for count, limit in failures):
            return Guess(counters)
        # Concurrent guesses were counted in between.
        _decrement(key for key, _limit in counters)
    audit_failure("locked_out", account)
    raise TooManyGuesses


def _limit_wait(keys: Iterable[str]) -> None:
    """Limit the life of full counters to WAIT, even if another cache client wrote one without expiry."""
    # Only a shared cache server has this method.
    limit_ttl = getattr(caches["default"], "limit_ttl", lambda key, seconds: None)
    for key in keys:
        limit_ttl(key, int(WAIT.total_seconds()))


def _failures(key: str) -> int:
    """Number of failures; 0 when the cached value is not a number."""
    stored = cache.get(key, 0)
    return stored if isinstance(stored, int) else 0


def _increment(key: str) -> int:
    seconds = WAIT.total_seconds()
    if cache.add(key, 1, seconds):
        return 1
    try:
        count = int(cache.incr(key))
    except (ValueError, TypeError):  # the counter expired in between, or another client overwrote it
        cache.set(key, 1, seconds)
        return 1
    # Counted from the last failure: `incr` keeps the old expiry.
    cache.touch(key, seconds)
    return count


def _decrement(keys: Iterable[str]) -> None:
    for key in keys:
        with suppress(ValueError, TypeError):
            cache.decr(key)
