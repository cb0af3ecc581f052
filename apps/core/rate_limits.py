"""Rate limits: counters in Redis or Valkey that all processes share, or counters of each process without one.

A counter is a sliding window. Redis counts and compares in one step, so two requests never take the last permit
together.
"""

import logging
import math
import time
from enum import Enum
from functools import cache
from ipaddress import IPv6Address, ip_address
from typing import Any

from django.conf import settings
from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage, Storage
from limits.strategies import SlidingWindowCounterRateLimiter
from redis.exceptions import ResponseError

logger = logging.getLogger(__name__)
# A store that does not respond must delay no request: after one time-out it is not asked for STORE_PAUSE_SECONDS.
STORE_TIMEOUTS: dict[str, Any] = {"socket_timeout": 0.5, "socket_connect_timeout": 0.2}
STORE_PAUSE_SECONDS = 2.0
# An IPv6 customer is given at least a network of this size.
# Otherwise one customer has 2**64 addresses, each with its own limit.
IPV6_PREFIX = 64
# A flood must not fill the log: one line per key and minute.
LOG_LIMIT = parse("1/minute")


class Kind(Enum):
    """The kinds of requests. A setting gives the limit of each; `off` means none."""

    SIGN_IN = "sign_in"
    # Requests without a signed-in account; the operator's setting has this name.
    # Requests for a mailed set-password link; a subset of sign-in requests.
    PASSWORD_MAIL = "password_mail"  # noqa: S105 # nosec B105 # a kind
    STRANGER = "stranger"
    READ = "read"
    WRITE = "write"
    UPLOAD = "upload"
    # The people that a request asks to record; each person counts.
    PEOPLE = "people"
    PEOPLE_DAILY = "people_daily"
    # Ends, restores, renames and corrections of own contacts: each leaves an audit entry for ever.
    CHANGES_DAILY = "changes_daily"
    # Files of contacts and standings, and long pages of the API.
    EXPORT = "export"
    # Requests of the company's directory, whose first transfer sends each employee in a request.
    DIRECTORY = "directory"

    @property
    def fails_closed(self) -> bool:
        """Whether requests are refused without counters: an attacker who breaks the store could guess without limit."""
        return self is Kind.SIGN_IN


class RateLimited(Exception):
    """The limit is reached; in `wait` seconds (1 or more) there is room again."""

    def __init__(self, wait: int) -> None:
        super().__init__(f"again in {wait} s")
        self.wait = wait


class CountersUnavailable(Exception):
    """The counters do not respond, and this kind of request requires them."""


def enforce_rate_limit(kind: Kind, caller: str, cost: int = 1) -> None:
    """Count one request of this kind by `caller`: a person's or an address's name for counters.

    `cost`: the number of requests it counts as, at most the whole limit. Raises RateLimited at the limit, and
    CountersUnavailable for a kind that fails closed.
    """
    limit = _limit(settings.RATES[kind.value])
    if limit is None:
        return
    # A larger cost could never be paid, and a single large request would be refused for ever.
    cost = min(cost, limit.amount)
    counters = _counters(settings.RATES_STORAGE)
    try:
        wait = counters.seconds_to_wait(limit, kind.value, caller, cost=cost, always_ask=kind.fails_closed)
    except StorageError as error:
        logger.error("The attempt counters do not respond: %s", type(error.storage_error).__name__)
        if kind.fails_closed:
            raise CountersUnavailable from error
        return
    if wait:
        raise RateLimited(wait)


def enforce_people_limits(caller: str, people: int) -> None:
    """Count the people that a request asks to record, new ones and duplicates. Raises RateLimited at a limit.

    The daily limit bounds what one account can store: each request leaves a row and its outcomes.
    """
    enforce_rate_limit(Kind.PEOPLE, caller, people)
    enforce_rate_limit(Kind.PEOPLE_DAILY, caller, people)


def address_key(remote: str) -> str:
    """The name under which an address is counted: the IPv4 address or the IPv6 network; other texts unchanged."""
    try:
        address = ip_address(remote)
    except ValueError:
        # A UNIX socket or a malformed proxy header; cut, because it becomes part of a key in the store.
        return f"address {remote[:60]}"
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or IPv6Address(int(address) >> (128 - IPV6_PREFIX) << (128 - IPV6_PREFIX))
    return f"address {address}"


def account_key(account_id: object) -> str:
    return f"account {account_id}"


class _Counters:
    def __init__(self, storage: Storage) -> None:
        self.windows = SlidingWindowCounterRateLimiter(storage)
        self.skip_until = 0.0

    def seconds_to_wait(self, limit: RateLimitItem, *key: str, cost: int, always_ask: bool) -> int:
        """Seconds to wait; 0 when counted, or when the store is skipped soon after a failure. Raises StorageError."""
        if not always_ask and time.monotonic() < self.skip_until:
            return 0
        try:
            try:
                return self._wait(limit, *key, cost=cost)
            except (StorageError, ValueError, OverflowError) as error:
                if isinstance(error, StorageError) and not isinstance(error.storage_error, ResponseError):
                    raise
                # The key holds a value that Hundred did not write: delete it and count from zero.
                self.windows.clear(limit, *key)
                self.windows.clear(LOG_LIMIT, "logged", *key)
                return self._wait(limit, *key, cost=cost)
        except StorageError:
            self.skip_until = time.monotonic() + STORE_PAUSE_SECONDS
            raise

    def _wait(self, limit: RateLimitItem, *key: str, cost: int) -> int:
        if self.windows.hit(limit, *key, cost=cost):
            return 0
        # Never 0: clients that obey Retry-After would repeat at once.
        wait = max(1, math.ceil(self.windows.get_window_stats(limit, *key).reset_time - time.time()))
        if self.windows.hit(LOG_LIMIT, "logged", *key):
            kind, caller = key
            # The proxy's log has the address; an address is personal data.
            logger.warning(
                "Too many requests (%s) by %s", kind, caller if caller.startswith("account ") else "an address"
            )
        return wait


@cache
def _counters(location: str) -> _Counters:
    if location == "memory://":
        return _Counters(MemoryStorage())
    return _Counters(RedisStorage(location, wrap_exceptions=True, key_prefix="hundred:rate", **STORE_TIMEOUTS))


@cache
def _limit(text: str) -> RateLimitItem | None:
    return None if text == "off" else parse(text)
