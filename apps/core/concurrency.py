"""How many requests of one person run at once, over all web processes. Each slot is an advisory lock.

The database frees a slot when the web process dies.
"""

import time
from contextlib import ExitStack, suppress

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apps.core.locks import advisory_lock
from apps.core.rate_limits import Kind, RateLimited

# Expensive requests of one kind. Two, so that one page can wait while the next is asked for; each takes a web thread
# for up to a second.
MAX_CONCURRENT = 2
# Requests of one person that wait for a slot, each in a web thread: a browser opens six connections.
MAX_WAITING = 2
WAIT_SECONDS = 1.0
RETRY_AFTER_SECONDS = 2
_SLOTS = "_places_at_once"


def limit_concurrency(request: HttpRequest, kind: Kind, who: str) -> None:
    """Hold one of the slots of `who` for requests of this kind until `release_slots`. A rate of `off` has no limit.

    Raises RateLimited when MAX_CONCURRENT requests hold the slots.
    """
    if settings.RATES[kind.value] != "off" and not _acquire_slot(
        _slots_of(request), f"{kind.value}:{who}", MAX_CONCURRENT
    ):
        raise RateLimited(RETRY_AFTER_SECONDS)


def limit_requests(request: HttpRequest, who: str) -> None:
    """Hold one of the MAX_REQUESTS_AT_ONCE slots of `who` for any request until `release_slots`; 0 has no limit.

    Waits for a slot for at most WAIT_SECONDS. Raises RateLimited without one, or at once when MAX_WAITING others wait.
    """
    slots, name = settings.MAX_REQUESTS_AT_ONCE, f"request:{who}"
    if not slots or _acquire_slot(_slots_of(request), name, slots):
        return
    with ExitStack() as waiting:
        end = time.monotonic() + (WAIT_SECONDS if _acquire_slot(waiting, f"waiting:{who}", MAX_WAITING) else 0)
        while time.monotonic() < end:
            time.sleep(0.05)
            if _acquire_slot(_slots_of(request), name, slots):
                return
    raise RateLimited(RETRY_AFTER_SECONDS)


def _slots_of(request: HttpRequest) -> ExitStack:
    slots_held: ExitStack = request.__dict__.setdefault(_SLOTS, ExitStack())
    return slots_held


def _acquire_slot(slots_held: ExitStack, name: str, slots: int) -> bool:
    with ExitStack() as attempted:
        if any(attempted.enter_context(advisory_lock(f"{name}:{slot}")) for slot in range(slots)):
            slots_held.push(attempted.pop_all())
            return True
    return False


def release_slots(request: HttpRequest, response: HttpResponseBase) -> None:
    """Free the slots that the request holds: now, or when a streamed response has been sent."""
    slots_held: ExitStack | None = request.__dict__.pop(_SLOTS, None)
    if slots_held is None:
        return

    def free() -> None:
        # A database that is lost only now has freed them, and the answer is complete.
        with suppress(OperationalError, InterfaceError):
            slots_held.close()

    if response.streaming:
        # As Django closes the files of its responses.
        response._resource_closers.append(free)  # type: ignore[attr-defined]  # noqa: SLF001
    else:
        free()
